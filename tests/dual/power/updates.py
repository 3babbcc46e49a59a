"""Updates under power cuts (MicroPython): filling the second slot, finish, trial, confirming, roll-back.

After a cut a start must run a slot that is whole, and one that was allowed to run then; the slot that ran must hold the
same bytes as before, and so must the lock's memory. Then the update must come to its end from what the cut left.
"""

import os
import random

from tests.dual.support.lock import NOW
from tests.dual.support.update_builders import NEW, OLD, Maker, found, put_slot
from tumbler_lock.core import atomic_files
from tumbler_lock.core.boot_slots import ON_TRIAL, SETTLED, STARTS, FirmwareSlots, other, pack
from tumbler_lock.core.config import Config
from tumbler_lock.core.cooperative import run
from tumbler_lock.core.slot_writer import SlotWriter
from tumbler_lock.core.store import Store
from tumbler_lock.core.updates import FILLED, FILLING, Updates

PIECE = 1000
MAKER = Maker()
MEMORY = ("journal", "counters")


class Updating:
    """A lock that takes one update and keeps it, then another one that never proves itself, then that one again. The
    seed chooses the geometry and what is in the second."""

    blocks = 96
    size = 4096

    def __init__(self, seed):
        if seed % 2:
            self.blocks, self.size = 256, 512
        self._running = "a"
        self._contents = {"a": OLD, "b": {}}  # what each slot holds while it is the one that must not change
        self._allowed = "a"
        self._memory = []
        random.seed(seed)
        last = {"tumbler_lock/core/%d.py" % n: bytes([n]) * (random.getrandbits(12) + 1) for n in range(3)}
        last["tumbler_lock/core/same.py"] = OLD["tumbler_lock/core/same.py"]
        self._updates = [((0, 2, 0), NEW), ((0, 3, 0), last)]
        self._target = self._updates[0]

    def steps(self, path):
        """The whole of it."""
        self._set_up(path)
        yield from self._fill(path)
        yield from self._starts(path, 2)
        yield self._step("confirm", self._confirm, path)
        self._target = self._updates[1]
        yield from self._fill(path)
        yield from self._starts(path, STARTS)
        yield "roll back", lambda: self._start(path, "b"), self.check
        self._allowed = "b"
        yield from self._fill(path)
        yield from self._starts(path, 1)
        yield self._step("confirm the second", self._confirm, path)

    def _step(self, name, act, path):
        return name, lambda: act(path), self.check

    def _set_up(self, path):
        put_slot(path, "a", (0, 1, 0), OLD)
        FirmwareSlots(path).settle("a")
        atomic_files.write(path + "/update.pub", (MAKER.public,))
        os.mkdir(path + "/lock")
        Store.create(path + "/lock", bytes(range(32)), Config("UTC0").pack(), NOW)
        self._memory = _memory(path)

    def _fill(self, path):
        """Every request of an update."""
        version, contents = self._target
        self._manifest = manifest = MAKER.manifest(version, contents)
        updates = _updates(path, self._running)
        yield "announce", lambda: _announce(updates, manifest), self.check
        yield "prepare", lambda: run(updates.status()), self.check
        number = 0
        while number < len(contents):
            wanted = run(updates.status())
            number, offset = _place(wanted)
            if number < len(contents):
                yield self._piece(updates, manifest, contents, number, offset)
        self._allowed = "ab"
        yield "finish", lambda: _finish(updates, manifest), self._check_finish

    def _piece(self, *more):
        return "piece", lambda: _send(*more), self.check

    def _starts(self, path, count):
        new = other(self._running)
        for _ in range(count):
            yield "start", lambda: self._start(path, new), self.check

    def _start(self, path, expected):
        if FirmwareSlots(path).choose() != expected:
            raise ValueError("this start runs another slot")

    def _confirm(self, path):
        new = other(self._running)
        self._contents[new] = self._target[1]
        FirmwareSlots(path).settle(new)
        self._running = new
        self._allowed = "ab"

    def _check_finish(self, path, done):
        """Once finish is done, the next start is a trial."""
        record = FirmwareSlots(path).read()
        if done and record.state != ON_TRIAL:
            raise ValueError("finish is done, and nothing is on trial")
        Updating.check(self, path, done)

    def check(self, path, done):
        """ValueError unless a start from here runs a whole slot, and nothing was touched that must not be."""
        if _memory(path) != self._memory:
            raise ValueError("the memory was touched")
        if found(path, self._running) != self._contents[self._running]:
            raise ValueError("the slot that runs was touched")
        slots = FirmwareSlots(path)
        before = slots.read()
        if before is None:
            raise ValueError("/slot says nothing")
        chosen = slots.choose()
        if chosen not in self._allowed or not chosen:
            raise ValueError("a start runs slot %r" % chosen)
        if not run(slots.whole(chosen)):
            raise ValueError("a start runs slot %s, which is not whole" % chosen)
        record = slots.read()
        if record.state == ON_TRIAL and not run(slots.whole(other(chosen))):
            raise ValueError("nothing whole stands behind the trial")
        atomic_files.remove(path + "/slot")
        if not run(slots.whole(FirmwareSlots(path).choose())):
            raise ValueError("without /slot, a start runs a slot that is not whole")
        atomic_files.write(path + "/slot", (pack(before),))  # as it was, for what the engine does next

    def recover(self, path):
        """A start, and all that it writes."""
        FirmwareSlots(path).choose()

    def resume(self, path):
        """Start from the copy and bring the update to its end."""
        version, contents = self._target
        slots = FirmwareSlots(path)
        slot = slots.choose()
        if slots.manifest(slot).version != version:
            slots.settle(slot)  # a trial that is over, as far as this goes
            updates = _updates(path, slot)
            status = run(updates.status())
            if status[5:13] != _ident(self._manifest) or status[0] not in (FILLING, FILLED):
                _announce(updates, self._manifest)
                status = run(updates.status())
            number, offset = _place(status)
            while number < len(contents):
                number, offset = _send(updates, self._manifest, contents, number, offset)
            _finish(updates, self._manifest)
            slot = FirmwareSlots(path).choose()
        FirmwareSlots(path).settle(slot)
        if (
            FirmwareSlots(path).choose() != slot
            or found(path, slot) != contents
            or FirmwareSlots(path).read().state != SETTLED
        ):
            raise ValueError("the update does not come to its end")


class TrialFirst(Updating):
    """A mistake: the trial is written before the slot is whole."""

    def steps(self, path):
        """Run with the mistake in place."""
        kept = SlotWriter.hand_over

        def hand_over(filling):
            filling.slots.try_out(filling.other)
            kept(filling)

        SlotWriter.hand_over = hand_over
        yield from super().steps(path)
        SlotWriter.hand_over = kept

    def check(self, path, done):
        """Let everything pass but finish."""


class SameSlot(Updating):
    """A mistake: the slot that runs is filled."""

    def _fill(self, path):
        updates = _updates(path, other(self._running))
        yield "announce", lambda: _announce(updates, MAKER.manifest(*self._target)), self.check
        yield "prepare", lambda: run(updates.status()), self.check


def _updates(path, slot):
    slots = FirmwareSlots(path)
    manifest = slots.manifest(slot)
    return Updates(slots, slot, (0, 0, 1) if manifest is None else manifest.version, (6, 0), 0)


def _memory(path):
    return [atomic_files.read(path + "/lock/" + name, 200_000) for name in MEMORY]


def _ident(manifest):
    from hashlib import sha256

    return sha256(manifest).digest()[:8]


def _announce(updates, manifest):
    for at in range(0, len(manifest), PIECE):
        run(updates.announce(False, _ident(manifest), len(manifest), at, manifest[at : at + PIECE]))


def _place(status):
    return int.from_bytes(status[13:15], "big"), int.from_bytes(status[15:19], "big")


def _send(updates, manifest, contents, number, offset):
    data = contents[sorted(contents)[number]][offset : offset + PIECE]
    return run(updates.piece(_ident(manifest), number, offset, data))


def _finish(updates, manifest):
    run(updates.verified(False, _ident(manifest)))
    updates.hand_over()
