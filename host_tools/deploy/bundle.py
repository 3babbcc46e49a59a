"""What goes onto a board: the firmware as .mpy with its manifest, the loader, aioble (docs/deploy.md, files).

A board whose MicroPython has the firmware inside gets none of these: only what starts it, and its description.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from firmware import VERSION
from firmware.core.manifest import Manifest
from firmware.core.slots import SETTLED, A, Record, pack

from ..update_file import OUTSIDE, ROOT, SOURCE, loader, pack_manifest
from ..update_file import build as build_update
from .packages import Package
from .target import Target


@dataclass(frozen=True)
class Bundle:
    """One firmware for one board, its files by their names. start: outside of the slots; slot: inside of one, none
    where the firmware is part of MicroPython."""

    version: str
    bytecode: tuple[int, int]
    start: dict[str, bytes]
    slot: dict[str, bytes]
    aioble: Package | None

    @classmethod
    def build(
        cls, target: Target, aioble: Package | None = None, root: Path | None = None, version: str = VERSION
    ) -> "Bundle":
        """Compile the firmware below `root` (this one's); ToolError when a file does not compile."""
        root = root or ROOT
        update = build_update(root)
        start = {**loader(root), "board.json": target.text}
        return cls(version, update.manifest.bytecode, start, dict(update.contents), aioble)

    @classmethod
    def beside(cls, target: Target, version: str) -> "Bundle":
        """What goes beside a MicroPython that has this version of the firmware inside."""
        start = {name: (ROOT / "firmware" / name).read_bytes() for name in OUTSIDE}
        return cls(version, SOURCE, {**start, "board.json": target.text}, {}, None)

    @cached_property
    def manifest(self) -> Manifest:
        """What the slot holds, unsigned: that is enough for the cable."""
        major, minor, patch = (int(part) for part in self.version.split("."))
        return Manifest(pack_manifest((major, minor, patch), self.bytecode, self.slot))

    def files(self) -> dict[str, bytes]:
        """Return every file of a new board, by its path without the leading /."""
        if not self.slot:
            return dict(self.start)
        files = {**self.start, "slot": pack(Record(A, SETTLED, 0)), "a/manifest": bytes(self.manifest.data)}
        files.update({f"a/{name}": data for name, data in self.slot.items()})
        if self.aioble is not None:
            files.update({f"lib/{name}": data for name, data in self.aioble.compiled.items()})
        return files
