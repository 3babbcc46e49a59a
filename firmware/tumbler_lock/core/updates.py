"""Updates over the link: what is accepted, who must have signed it, and what is wanted next (docs/spec/update.md).

Invariants: nothing of an update reaches the flash before its signature was checked. Signature and files are checked
again from the flash before the slot may be tried. The caller judges whether the asking key may update. All work is a
generator, in slices (cooperative.py), and raises Refused. A new request ends the one that is not finished.
"""

from . import atomic_files
from .errors import Refused
from .lms import PUBLIC, verify
from .manifest import IDENT_SIZE, MANIFEST_MOST, Manifest
from .slot_writer import SlotWriter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import TypeVar

    from .boot_slots import FirmwareSlots

    Result = TypeVar("Result")

LEAST_FREE = 196_608  # bytes that the memory may need: docs/spec/storage.md, "Room"

IDLE, ANNOUNCED, FILLING, FILLED, TRIAL = range(5)  # states

_NO_IDENT = bytes(IDENT_SIZE)


class Updates:
    """The update of one lock.

    running: the slot that runs; version: of its firmware, three numbers; bytecode: .mpy format and processor of this
    MicroPython; reserve: bytes that must stay free.
    """

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
        self._writer: "SlotWriter | None" = None  # made at the first request
        self._ident = _NO_IDENT
        self._announced = bytearray()
        self._turn: "object | None" = None  # of the request that is being worked on

    def announce(
        self, insist: bool, ident: bytes, length: int, offset: int, data: bytes
    ) -> "Generator[None, None, int]":
        """Take a piece of the manifest with this id and length if it is the one that is wanted.

        Return how many bytes of it there are. The last piece has the manifest checked, and begins the update.
        """
        return self._work(self._announce(insist, ident, length, offset, data))

    def status(self) -> "Generator[None, None, bytes]":
        """Return the state as docs/spec/link.md has it, 23 bytes."""
        return self._work(self._status())

    def piece(self, ident: bytes, number: int, offset: int, data: bytes) -> "Generator[None, None, tuple[int, int]]":
        """Take a piece of a file if it is the one that is wanted. Return (number, offset) of what is wanted next."""
        return self._work(self._piece(ident, number, offset, data))

    def verified(self, insist: bool, ident: bytes) -> "Generator[None, None, tuple[tuple[int, int, int], bool]]":
        """Verify the whole update. Return (its version, whether to hand it over): False when it runs already."""
        return self._work(self._verified(insist, ident))

    def hand_over(self) -> None:
        """Let the next start try what was just verified."""
        try:
            self._current().hand_over()
        except OSError:
            raise _full()

    def _work(self, work: "Generator[None, None, Result]") -> "Generator[None, None, Result]":
        """Do the work as long as no other request comes in between."""
        mine = self._turn = object()
        while True:
            try:
                next(work)
            except StopIteration as end:
                result: "Result" = end.value
                return result
            except OSError:
                raise _full()
            yield
            if self._turn is not mine:
                raise Refused("update-incomplete", "another connection continues the update")

    def _current(self) -> SlotWriter:
        if self._writer is None:
            self._writer = SlotWriter(self._slots, self._running)
        return self._writer

    def _announce(
        self, insist: bool, ident: bytes, length: int, offset: int, data: bytes
    ) -> "Generator[None, None, int]":
        self._require_no_trial()
        if not 0 < length <= MANIFEST_MOST:
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

    def _status(self) -> "Generator[None, None, bytes]":
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

    def _piece(self, ident: bytes, number: int, offset: int, data: bytes) -> "Generator[None, None, tuple[int, int]]":
        self._require_no_trial()
        current = self._begun(ident)
        return (yield from current.put(number, offset, data))

    def _verified(self, insist: bool, ident: bytes) -> "Generator[None, None, tuple[tuple[int, int, int], bool]]":
        running = self._slots.manifest(self._running)
        if running is not None and running.ident == ident:
            return running.version, False
        self._require_no_trial()
        self._writer = None  # from here on only the flash counts
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

    def _require_no_trial(self) -> None:
        """Raise Refused while the running firmware is on trial: the other slot is what it falls back to."""
        if self._slots.on_trial(self._running):
            raise Refused("on-trial", "the lock tries out an update: wait some minutes until that is decided")

    def _begun(self, ident: bytes) -> SlotWriter:
        """Return the writer of this update. Refused if it was not begun."""
        current = self._current()
        if current.manifest is None or current.manifest.ident != ident:
            raise Refused("update-incomplete", "this update was not begun, or another one since: begin it")
        return current

    def _check(self, manifest: Manifest, insist: bool) -> "Generator[None, None, None]":
        """Raise Refused unless the signature is right and the update is for this lock."""
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
        raise Refused("bad-request", "invalid manifest: " + str(error))


def _full() -> Refused:
    return Refused("store-full", "the flash takes no more: ask for the status of the update, and continue it")
