"""Updates over the link: what is accepted, from whom it must come, and what is wanted next (docs/spec/update.md).

Invariants: nothing of an update reaches the flash before its signature was right; it is checked again, with every file,
from the flash, before the slot may be tried. Whether the asking key may is the caller's to judge. All work is a
generator, in slices (core/slices.py), and raises Refused; what was asked last goes on, what is unfinished does not.
"""

from . import atomic_files
from .errors import Refused
from .lms import PUBLIC, verify
from .manifest import MOST, Manifest
from .slot_writer import SlotWriter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import Any

    from .boot_slots import FirmwareSlots

LEAST_FREE = 196_608  # bytes that the memory may need: docs/spec/storage.md, "Room"

IDLE, ANNOUNCED, FILLING, FILLED, TRIAL = range(5)

_NO_IDENT = bytes(8)


class Updates:
    """slots: a FirmwareSlots; running: the slot that runs; version: its firmware's, three numbers; bytecode: .mpy format and
    processor of this MicroPython; reserve: bytes that must stay free."""

    def __init__(
        self,
        slots: "FirmwareSlots",
        running: str,
        version: "tuple[int, int, int]",
        bytecode: "tuple[int, int]",
        reserve: int = LEAST_FREE,
    ) -> None:
        self._slots = slots
        self._running = running
        self._version = version
        self._bytecode = bytecode
        self._reserve = reserve
        self._filling: "Any" = None  # read when it is asked for first
        self._ident = _NO_IDENT
        self._announced = bytearray()
        self._turn: "Any" = None

    def announce(
        self, insist: bool, ident: bytes, length: int, offset: int, data: bytes
    ) -> "Generator[None, None, int]":
        """Take a piece of the manifest with this id and length, if it is the one that is wanted. Return how many bytes
        of it there are. With the last one it is checked, and the update begins."""
        return self._work(self._announce(insist, ident, length, offset, data))

    def status(self) -> "Generator[None, None, bytes]":
        """Return the state as docs/spec/link.md has it, 23 bytes."""
        return self._work(self._status())

    def piece(self, ident: bytes, number: int, offset: int, data: bytes) -> "Generator[None, None, tuple[int, int]]":
        """Take a piece of a file, if it is the one that is wanted. Return number and offset that are wanted then."""
        return self._work(self._piece(ident, number, offset, data))

    def verified(self, insist: bool, ident: bytes) -> "Generator[None, None, tuple[tuple[int, int, int], bool]]":
        """Verify the whole update. Return its version, and whether to hand it over: not when it runs already."""
        return self._work(self._verified(insist, ident))

    def hand_over(self) -> None:
        """Let the next start try what was just verified."""
        try:
            self._current().hand_over()
        except OSError:
            raise _full()

    def _work(self, work: "Any") -> "Any":
        """Do the work, as long as nothing else is asked for meanwhile."""
        mine = self._turn = object()
        while True:
            try:
                next(work)
            except StopIteration as end:
                return end.value
            except OSError:
                raise _full()
            yield
            if self._turn is not mine:
                raise Refused("update-incomplete", "another connection goes on with the update")

    def _current(self) -> SlotWriter:
        if self._filling is None:
            self._filling = SlotWriter(self._slots, self._running)
        return self._filling

    def _announce(self, insist: bool, ident: bytes, length: int, offset: int, data: bytes) -> "Any":
        self._proven()
        if not 0 < length <= MOST:
            raise Refused("bad-request", "a manifest has 8,192 bytes at most")
        current = self._current()
        if current.manifest is not None and current.manifest.ident == ident:
            return length
        if self._ident != ident:
            self._ident, self._announced = ident, bytearray()
        if offset == len(self._announced):
            self._announced += data[: length - offset]
        if len(self._announced) < length:
            return len(self._announced)
        announced = bytes(self._announced)
        self._ident, self._announced = _NO_IDENT, bytearray()
        manifest = _manifest(announced)
        if manifest.ident != ident:
            raise Refused("bad-request", "the manifest is not the one that was announced")
        yield from self._check(manifest, insist)
        yield
        if current.room(manifest) < self._reserve:
            raise Refused("store-full", "the flash has no room for a second firmware of this size")
        current.begin(manifest)
        return length

    def _status(self) -> "Any":
        current = self._current()
        state, ident, number, offset, left = IDLE, _NO_IDENT, 0, 0, 0
        if self._slots.on_trial(self._running):
            state = TRIAL
            manifest = self._slots.manifest(self._running)
            ident = _NO_IDENT if manifest is None else manifest.ident
        elif self._announced:
            state, ident, offset = ANNOUNCED, self._ident, len(self._announced)
        elif current.manifest is not None:
            number, offset = yield from current.wanted()
            ident, left = current.manifest.ident, current.left()
            state = FILLED if number == current.manifest.count else FILLING
        return (
            bytes((state,))
            + self._running.encode()
            + bytes(self._version)
            + ident
            + number.to_bytes(2, "big")
            + offset.to_bytes(4, "big")
            + left.to_bytes(4, "big")
        )

    def _piece(self, ident: bytes, number: int, offset: int, data: bytes) -> "Any":
        self._proven()
        current = self._begun(ident)
        return (yield from current.put(number, offset, data))

    def _verified(self, insist: bool, ident: bytes) -> "Any":
        running = self._slots.manifest(self._running)
        if running is not None and running.ident == ident:
            return running.version, False
        self._proven()
        self._filling = None  # what counts now is what the flash holds
        current = self._current()
        if current.handed_over(ident):
            manifest = self._slots.manifest(current.other)
            complete = yield from self._slots.whole(current.other)
        else:
            manifest = self._begun(ident).manifest
            complete = yield from current.complete()
        if manifest is None or not complete:
            raise Refused("update-incomplete", "files are missing: ask for the status, and send them")
        yield from self._check(manifest, insist)
        return manifest.version, True

    def _proven(self) -> None:
        """Refused while the firmware that runs is on trial: the other slot is what stands behind it."""
        if self._slots.on_trial(self._running):
            raise Refused("on-trial", "the lock tries out an update: wait some minutes until that is decided")

    def _begun(self, ident: bytes) -> SlotWriter:
        current = self._current()
        if current.manifest is None or current.manifest.ident != ident:
            raise Refused("update-incomplete", "this update was not begun, or another one since: begin it")
        return current

    def _check(self, manifest: Manifest, insist: bool) -> "Any":
        """Refused unless it comes from whom it must, and is for this lock."""
        public = atomic_files.read(self._slots.root + "/update.pub", PUBLIC)
        try:
            good = yield from verify(public, manifest.data[: manifest.signed], manifest.signature)
        except ValueError:
            raise Refused(
                "bad-signature", "this lock has no key to check updates with: give it one, or update it, by cable"
            )
        if not good:
            raise Refused("bad-signature", "the update is not signed with the key that this lock knows, or was altered")
        for needed, there in zip(manifest.bytecode, self._bytecode):
            if needed not in (0, there):
                raise Refused("wrong-board", "the update was compiled for another MicroPython or another processor")
        if manifest.version <= self._version and not insist:
            raise Refused("not-newer", "the lock runs %d.%d.%d, which is not older: insist to go back" % self._version)


def _manifest(data: bytes) -> Manifest:
    try:
        return Manifest(data)
    except ValueError as error:
        raise Refused("bad-request", "no manifest: " + str(error))


def _full() -> Refused:
    return Refused("store-full", "the flash took nothing more: ask for the update's status, and go on")
