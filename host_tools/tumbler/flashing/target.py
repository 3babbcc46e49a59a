"""The board to write to: what its description says of chip, MicroPython and flash. Sizes are bytes."""

from dataclasses import dataclass, field

from ..errors import ToolError
from ..hardware import boards, rules

BLOCK = 4096  # of the file system


@dataclass(frozen=True)
class Target:
    """One board description. sha256: of the MicroPython image, None if it is not known; storage: the folder of the
    lock's memory; notes: what to know of this board with a stock image; text: board.json unchanged.
    """

    name: str
    mcu: str
    build: str
    version: str
    sha256: str | None
    flash_size: int
    image_offset: int
    vfs_offset: int
    vfs_size: int
    storage: str
    notes: list[str]
    text: bytes = field(repr=False)

    @property
    def image_name(self) -> str:
        """The name of the MicroPython image at the download page."""
        return f"{self.build}-DATE-v{self.version}.bin"

    @property
    def fetch(self) -> str:
        """The sentence that says which image to download."""
        page = self.build.partition("-")[0]  # the page of the board lists its variants
        return (
            f"Download {self.image_name} from micropython.org/download/{page} and name it with --image"
            " (for `tumbler image`: --micropython)."
        )

    @classmethod
    def load(cls, name: str) -> "Target":
        """Read a board as boards.load does. ToolError if it is invalid, or cannot be flashed."""
        board = boards.usable(name, known())
        data = board.description
        if "micropython" not in data:
            raise ToolError(
                f"The board '{name}' cannot be flashed.",
                "Its description lacks micropython and flash (docs/spec/board-json.md).",
            )
        flash, micropython = data["flash"], data["micropython"]
        return cls(
            name=data["name"],
            mcu=data["mcu"],
            build=micropython["build"],
            version=micropython["version"],
            sha256=micropython.get("sha256"),
            flash_size=flash["size_kib"] * 1024,
            image_offset=flash["image_offset"],
            vfs_offset=flash["vfs_offset"],
            vfs_size=flash["vfs_kib"] * 1024,
            storage=data["storage"],
            notes=rules.notes(data),
            text=board.path.read_bytes(),
        )


def known() -> list[str]:
    """Return the names of the boards that can be flashed."""
    return [name for name in boards.names() if "micropython" in boards.load(name).description]
