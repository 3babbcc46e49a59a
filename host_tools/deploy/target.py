"""The board that is written to: what its description says of chip, MicroPython and flash. Sizes are bytes."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import ToolError

BOARDS = Path(__file__).resolve().parent.parent.parent / "boards"
FILE = "board.json"
BLOCK = 4096  # of the file system

CHIPS = {"esp32": 0, "esp32s3": 9, "esp32c3": 5}  # chip number in the header of an ESP image
CHIP_NAMES = {"esp32": "ESP32", "esp32s3": "ESP32-S3", "esp32c3": "ESP32-C3"}  # as esptool writes them


@dataclass(frozen=True)
class Target:
    """One board description. sha256: of the MicroPython image, None where it is not known; storage: directory of
    the lock's memory; text: board.json as it is.
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
    text: bytes = field(repr=False)

    @property
    def image_name(self) -> str:
        """What the MicroPython image is called where it is offered for download."""
        return f"{self.build}-DATE-v{self.version}.bin"

    @property
    def fetch(self) -> str:
        """The sentence that says what to fetch."""
        return (
            f"Download {self.image_name} from micropython.org/download/{self.build} and name it with --image"
            " (for `tumbler image`: --micropython)."
        )

    @classmethod
    def load(cls, name: str) -> "Target":
        """Read a folder of boards/, or any folder with a board.json; ToolError says what is wrong."""
        folder = Path(name) if "/" in name or (Path(name) / FILE).is_file() else BOARDS / name
        try:
            text = (folder / FILE).read_bytes()
        except OSError:
            raise ToolError(f"There is no board '{name}'.", f"Boards are: {', '.join(known())}.") from None
        try:
            return cls._parse(name, text)
        except (KeyError, TypeError, ValueError) as error:
            raise ToolError(
                f"The description of '{name}' does not say how to flash it ({type(error).__name__}: {error}).",
                "It needs mcu, micropython and flash as docs/deploy.md describes.",
            ) from None

    @classmethod
    def _parse(cls, name: str, text: bytes) -> "Target":
        data: dict[str, Any] = json.loads(text)
        flash, micropython = data["flash"], data["micropython"]
        sizes = [flash[word] for word in ("size_kib", "image_offset", "vfs_offset", "vfs_kib")]
        if not all(isinstance(size, int) and size >= 0 for size in sizes):
            raise ValueError("a size of the flash is no number")
        size_kib, image_offset, vfs_offset, vfs_kib = sizes
        if data["mcu"] not in CHIPS:
            raise ValueError(f"mcu is none of {', '.join(CHIPS)}")
        if vfs_offset % BLOCK or vfs_kib * 1024 % BLOCK or vfs_offset + vfs_kib * 1024 > size_kib * 1024:
            raise ValueError("the file system does not lie in whole blocks of the flash")
        return cls(
            name=str(data["name"]),
            mcu=data["mcu"],
            build=str(micropython["build"]),
            version=str(micropython["version"]),
            sha256=micropython.get("sha256"),
            flash_size=size_kib * 1024,
            image_offset=image_offset,
            vfs_offset=vfs_offset,
            vfs_size=vfs_kib * 1024,
            storage=str(data["storage"]),
            text=text,
        )


def known() -> list[str]:
    """Return the names of the boards that can be flashed."""
    names = []
    for path in sorted(BOARDS.glob(f"*/{FILE}")):
        if b'"micropython"' in path.read_bytes():
            names.append(path.parent.name)
    return names
