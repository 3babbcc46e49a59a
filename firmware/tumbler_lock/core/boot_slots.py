"""The two firmware slots of a board: which one runs, and what a start does about it (docs/spec/update.md).

Invariant: wherever the power is cut, there is a slot to start. It has proved itself, or it is on trial and the other
slot has. The loader has its own copy of this module and of those it imports.
"""

import os
from binascii import crc32
from collections import namedtuple

from . import atomic_files
from .cooperative import run
from .manifest import MANIFEST_MOST, Manifest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import NamedTuple

    class Selection(NamedTuple):
        """What the file /slot says: the slot, SETTLED or ON_TRIAL, and the starts of the trial that are left."""

        slot: str
        state: int
        left: int


A, B = "a", "b"
SETTLED = 0
ON_TRIAL = 1
STARTS = 3  # of a trial

_MAGIC = b"TMBs\x01"
_SIZE = 16

if not TYPE_CHECKING:
    Selection = namedtuple("Selection", "slot state left")


def pack(selection: "Selection") -> bytes:
    """Return the 16 bytes of a selection."""
    head = _MAGIC + selection.slot.encode() + bytes((selection.state, selection.left, 0, 0, 0, 0))
    crc: int = crc32(head)
    return head + crc.to_bytes(4, "big")


def unpack(data: bytes) -> "Selection | None":
    """Return the selection in the bytes; None when they are invalid."""
    if len(data) != _SIZE or data[:5] != _MAGIC or data[8:12] != bytes(4):
        return None
    if crc32(data[:12]) != int.from_bytes(data[12:], "big"):
        return None
    slot, state, left = chr(data[5]), data[6], data[7]
    if slot not in (A, B) or state not in (SETTLED, ON_TRIAL) or left > (STARTS if state else 0):
        return None
    return Selection(slot, state, left)


def other(slot: str) -> str:
    """Return the slot that is not this one."""
    return B if slot == A else A


class FirmwareSlots:
    """The slots below the directory `root`, "" on a board. Methods raise OSError unless they say otherwise."""

    def __init__(self, root: str = "") -> None:
        self.root = root

    def path(self, slot: str, name: str) -> str:
        """Return the path of a file of a slot."""
        return self.root + "/" + slot + "/" + name

    def read(self) -> "Selection | None":
        """Return what /slot says; None when it is missing or invalid."""
        return unpack(atomic_files.read(self.root + "/slot", _SIZE))

    def settle(self, slot: str) -> None:
        """Run this slot from now on."""
        self._write(Selection(slot, SETTLED, 0))

    def try_out(self, slot: str) -> None:
        """Run this slot on trial from the next start on."""
        self._write(Selection(slot, ON_TRIAL, STARTS))

    def on_trial(self, slot: str) -> bool:
        """Return whether this slot, which runs, is on trial."""
        found = self.read()
        return found is not None and found.slot == slot and found.state == ON_TRIAL

    def _write(self, selection: "Selection") -> None:
        """Write /slot, unless it says so already."""
        if self.read() != selection:
            atomic_files.write(self.root + "/slot.new", (pack(selection),))
            atomic_files.rename(self.root + "/slot.new", self.root + "/slot")

    def manifest(self, slot: str) -> "Manifest | None":
        """Return the manifest of a slot; None when it is missing or invalid."""
        try:
            return Manifest(atomic_files.read(self.path(slot, "manifest"), MANIFEST_MOST))
        except (OSError, ValueError):
            return None

    def whole(self, slot: str) -> "Generator[None, None, bool]":
        """Return whether a slot has a manifest and every file in it. A generator, in slices."""
        manifest = self.manifest(slot)
        if manifest is None:
            return False
        for name, size, digest in manifest.files():
            if not (yield from self.holds(slot, name, size, digest)):
                return False
        return True

    def holds(self, slot: str, name: str, size: int, digest: bytes) -> "Generator[None, None, bool]":
        """Return whether a slot has exactly this file. A generator, in slices."""
        path = self.path(slot, name)
        try:
            return atomic_files.size(path) == size and (yield from atomic_files.digest(path)) == digest
        except OSError:
            return False

    # What the loader asks

    def _is_whole(self, slot: str) -> bool:
        return run(self.whole(slot))

    def choose(self) -> str:
        """Return the slot to run at this start, and count a start of a trial. "" if no slot has a firmware.

        Never raises OSError.
        """
        try:
            selection = self.read()
        except OSError:
            selection = None
        if selection is None:
            return self._found()
        if selection.state == SETTLED:
            return selection.slot
        slot, behind = selection.slot, other(selection.slot)
        if selection.left:
            try:
                self._write(Selection(slot, ON_TRIAL, selection.left - 1))
            except OSError:
                # A trial whose starts cannot be counted would never end.
                return behind if self._is_whole(behind) else slot
            return slot
        return behind if self._give_up(slot) else slot

    def failed(self, slot: str) -> None:
        """Note that the firmware of this slot ended with an error: a damaged one gives way to the other slot.

        Never raises OSError.
        """
        try:
            if slot and not self.on_trial(slot) and not self._is_whole(slot):
                self._give_up(slot)
        except OSError:
            pass  # the board restarts, and nothing more can be done about it

    def _give_up(self, slot: str) -> bool:
        """Settle on the other slot if it is whole. Return whether it is."""
        behind = other(slot)
        if not self._is_whole(behind):
            return False
        try:
            self.settle(behind)
        except OSError:
            pass  # it runs all the same, and the next start decides in the same way
        return True

    def _found(self) -> str:
        """Return a slot to run when /slot does not name one."""
        for slot in (A, B):
            if self._is_whole(slot):
                return slot
        for slot in (A, B):
            try:
                if os.listdir(self.path(slot, "tumbler_lock")):
                    return slot
            except OSError:
                pass  # nothing there
        return ""
