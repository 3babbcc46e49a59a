"""Write MicroPython onto a chip, and a file system if there is none (docs/guide/flashing.md, flash).

Invariant: the first blocks of a file system are written last. One whose writing was interrupted is blank, and is
written again.
"""

from collections.abc import Callable
from dataclasses import dataclass

from .bundle import Bundle
from .chip import FIRST, Chip
from .file_system import ERASED, for_target
from .target import BLOCK, Target

Progress = Callable[[str, int, int], None]  # what, bytes done, bytes in all


@dataclass(frozen=True)
class FlashReport:
    """What a flash did. mac: of the chip; firmware: the version that was written, None if the file system was kept."""

    mac: str
    erased: bool
    firmware: str | None
    aioble: str | None


def flash(
    port: str,
    target: Target,
    micropython: bytes,
    bundle: Bundle,
    progress: Progress,
    *,
    erase: bool = False,
    refuse: Callable[[str], None] = lambda _: None,
) -> FlashReport:
    """Write the chip at a port; ToolError if that fails. refuse: called with the chip's address first, may raise."""
    with Chip(port, target, progress) as chip:
        refuse(chip.mac)
        blank = erase or chip.blank(target.vfs_offset)
        if erase:
            chip.erase()
        if blank:  # before MicroPython, which would make an empty one at its start
            _write_files(chip, target, for_target(bundle.files(), target))
        chip.write("MicroPython", target.image_offset, micropython)
        version = bundle.aioble.version if blank and bundle.aioble else None
        return FlashReport(chip.mac, erase, bundle.version if blank else None, version)


def _write_files(chip: Chip, target: Target, files: bytes) -> None:
    """Write a file system, the first blocks last and without the unused ones at its end."""
    end = len(files.rstrip(bytes([ERASED])))
    end = max(-(-end // BLOCK) * BLOCK, FIRST)
    if end > FIRST:
        chip.write("file system", target.vfs_offset + FIRST, files[FIRST:end])
    chip.write("file system", target.vfs_offset, files[:FIRST])
