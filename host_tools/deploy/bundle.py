"""What goes onto a board: the firmware as .mpy its manifest, the start files, aioble (docs/deploy.md, files)."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import firmware

from ..errors import ToolError
from .compiler import compile_tree
from .packages import Package
from .slot_files import Manifest, Slot
from .target import Target

FIRMWARE = Path(firmware.__file__).parent
START_FILES = ("boot.py", "main.py")  # stay source: MicroPython looks for these names


@dataclass(frozen=True)
class Bundle:
    """One firmware for one board. start: path -> bytes outside of the slots; slot: name -> bytes inside of one."""

    version: str
    start: dict[str, bytes]
    slot: dict[str, bytes]
    aioble: Package | None

    @classmethod
    def build(
        cls, target: Target, aioble: Package | None = None, folder: Path = FIRMWARE, version: str = firmware.VERSION
    ) -> "Bundle":
        """Compile the firmware in `folder`; ToolError when a file does not compile."""
        names = [path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*.py"))]
        try:
            slot = compile_tree(folder, [name for name in names if name not in START_FILES], target.mcu, "firmware/")
        except ValueError as error:
            raise ToolError(f"The firmware does not compile: {error}", "Undo what was changed in it.") from None
        start = {name: (folder / name).read_bytes() for name in START_FILES}
        return cls(version, {**start, "board.json": target.text}, slot, aioble)

    @cached_property
    def manifest(self) -> Manifest:
        """What the slot holds."""
        return Manifest.of(self.version, self.slot)

    def files(self) -> dict[str, bytes]:
        """Return every file of a new board, by its path without the leading /."""
        files = {**self.start, "slot": Slot("a").pack(), "a/manifest": self.manifest.pack()}
        files.update({f"a/{name}": data for name, data in self.slot.items()})
        if self.aioble is not None:
            files.update({f"lib/{name}": data for name, data in self.aioble.compiled.items()})
        return files
