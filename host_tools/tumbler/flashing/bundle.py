"""What goes onto a board: the firmware as .mpy with its manifest, the loader, aioble (docs/guide/flashing.md, files).

A board whose MicroPython has the firmware inside gets none of these: only what starts it, and its description.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from tumbler_lock.core.boot_slots import SETTLED, A, Selection, pack
from tumbler_lock.core.manifest import Manifest

from ..paths import FIRMWARE, Firmware
from ..updates.update_file import OUTSIDE, Update, loader
from ..updates.update_file import build as build_update
from .packages import Package
from .target import Target


@dataclass(frozen=True)
class Bundle:
    """One firmware for one board. start: the files outside of the slots, by name; update: what a slot holds, None where
    the firmware is part of MicroPython."""

    version: str
    start: dict[str, bytes]
    update: Update | None
    aioble: Package | None = None

    @classmethod
    def build(
        cls, target: Target, aioble: Package | None = None, firmware: Firmware | None = None, version: str | None = None
    ) -> "Bundle":
        """Compile a firmware (None: the one that comes with Tumbler), as another version if one is named. ToolError if
        a file does not compile."""
        firmware = firmware or FIRMWARE
        return cls.of(build_update(firmware, version), {**loader(firmware), "board.json": target.text}, aioble)

    @classmethod
    def of(cls, update: Update, start: dict[str, bytes], aioble: Package | None = None) -> "Bundle":
        """Make a bundle of a compiled firmware and what starts it."""
        return cls(update.version, start, update, aioble)

    @classmethod
    def beside(cls, target: Target, version: str) -> "Bundle":
        """Make the bundle that goes beside a MicroPython with this version of the firmware inside."""
        start = {name: (FIRMWARE.start / name).read_bytes() for name in OUTSIDE}
        return cls(version, {**start, "board.json": target.text}, None)

    @property
    def slot(self) -> Mapping[str, bytes]:
        """The files of a slot, by name; empty where the firmware is part of MicroPython."""
        return {} if self.update is None else self.update.contents

    @property
    def manifest(self) -> Manifest:
        """The manifest of the slot, unsigned: the cable needs no signature. ValueError if there is no slot."""
        if self.update is None:
            raise ValueError("a firmware that is part of MicroPython has no manifest")
        return self.update.manifest

    def files(self) -> dict[str, bytes]:
        """Return every file of a new board, by its path without the leading /."""
        if self.update is None:
            return dict(self.start)
        files = {**self.start, "slot": pack(Selection(A, SETTLED, 0)), "a/manifest": bytes(self.manifest.data)}
        files.update({f"a/{name}": data for name, data in self.slot.items()})
        if self.aioble is not None:
            files.update({f"lib/{name}": data for name, data in self.aioble.compiled.items()})
        return files
