"""MicroPython and, where there is none, a file system onto a chip (docs/guide/flashing.md, flash).

Invariant: the first blocks of a file system are written last, so one that was cut is blank and is written again.
"""

from collections.abc import Callable
from dataclasses import dataclass

from .bundle import Bundle
from .chip import FIRST, Chip
from .file_system import ERASED, for_target
from .target import BLOCK, Target

Progress = Callable[[str, int, int], None]  # what, done, of


@dataclass(frozen=True)
class Report:
    """What a flash did. mac: of the chip; firmware: the version that was put there, None where a file system was."""

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
    erase: bool = False,
    refuse: Callable[[str], None] = lambda _: None,
) -> Report:
    """Write the chip at a port; ToolError says why not. refuse: gets the chip's address, and may raise."""
    with Chip(port, target, progress) as chip:
        refuse(chip.mac)
        blank = erase or chip.blank(target.vfs_offset)
        if erase:
            chip.erase()
        if blank:  # before MicroPython, which would make an empty one at its start
            _write_files(chip, target, for_target(bundle.files(), target))
        chip.write("MicroPython", target.image_offset, micropython)
        version = bundle.aioble.version if blank and bundle.aioble else None
        return Report(chip.mac, erase, bundle.version if blank else None, version)


def _write_files(chip: Chip, target: Target, files: bytes) -> None:
    """Write a file system without the blocks at its end that nothing uses, the first ones last."""
    end = len(files.rstrip(bytes([ERASED])))
    end = max(-(-end // BLOCK) * BLOCK, FIRST)
    if end > FIRST:
        chip.write("file system", target.vfs_offset + FIRST, files[FIRST:end])
    chip.write("file system", target.vfs_offset, files[:FIRST])
