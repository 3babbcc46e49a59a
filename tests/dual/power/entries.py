"""The whole lock under power cuts (MicroPython): random histories of entries and owner's commands.

A step of these histories is an entry or a command, so it may be two commits. After a cut the memory must be as it was
before the step or after one of its commits; and a lock started from it must keep what was promised: no code that
has opened once and for all opens again, no revoked or erased code opens, and no cut gives a guess back.
"""

import random

from tests.dual.support.lock import DAY, HOUR, NOW, Lock
from tumbler_lock.core.errors import NotProvisioned, Refused
from tumbler_lock.core.events import OPEN
from tumbler_lock.core.management import By
from tumbler_lock.core.store import Store
from tumbler_lock.core.tickets import ERASE, ONE_TIME, PERMANENT, RECURRING, REVOKE, TIMED

from .model import difference, state_of
from .workloads import Draw, key, limits, start

CUSTOM = ("2468", "13579", "204060", "75319024")
KINDS = (
    (ONE_TIME, {}),
    (ONE_TIME, {}),
    (PERMANENT, {}),
    (TIMED, {"hours": 30}),
    (RECURRING, {"until_hour": 14}),
    (REVOKE, {}),
    (REVOKE, {}),
    (ERASE, {}),
)


class Entries:
    """A lock with a book of 8 codes and a log of 16 events, so that both fill up. The seed chooses the history."""

    blocks = 24
    size = 4096
    length = 30

    def __init__(self, seed):
        limits(8, 16)
        random.seed(seed * 6151 + 5)
        self._draw = Draw(random.getrandbits(30))
        self._stages = [None]  # memory before the step, then after each of its commits
        self._dead = []  # digits that must not open any more
        self._dying = []  # digits that the step under way may have ended: dead only once it is done
        self._codes = list(CUSTOM)
        self._requests = 0

    def steps(self, path):
        """Make the lock, then use it."""
        yield "create", lambda: self._create(path), self.check
        for _ in range(self.length):
            self._stages = self._stages[-1:]
            self._dead += self._dying
            self._dying = []
            what = self._draw(0, 99)
            if what < 60:
                digits = self._code()
                yield "entry", lambda digits=digits: self._enter(digits), self.check
            elif what < 85:
                yield "owner", self._command(), self.check
            elif what < 92:
                seconds = (40, HOUR, 5 * HOUR, 30 * HOUR)[self._draw(0, 3)]
                self.lock.wait(seconds)
                yield "tick", self._tick, self.check
            else:
                yield "start", lambda: self._start(path), self.check

    def _create(self, path):
        self.lock = Lock(path, NOW)
        self._watch(path)
        self._stages.append(state_of(Store.open(path)))

    def _start(self, path):
        self.lock.restart(60)
        self._watch(path)

    def _watch(self, path):
        """Note what is on flash after every commit of the lock's store."""
        store = self.lock.store
        for name in ("pay", "keep", "commit", "compact", "settle"):
            setattr(store, name, self._noting(getattr(store, name), path))

    def _noting(self, method, path):
        def noting(*args, **kwargs):
            method(*args, **kwargs)
            self._stages.append(state_of(Store.open(path)))

        return noting

    def _code(self):
        if self._draw(0, 9) < 4:
            kind, extra = KINDS[self._draw(0, len(KINDS) - 1)]
            start = self.lock.rtc.now - HOUR * self._draw(0, 3)
            nth = self._draw(0, 3) if kind in (ONE_TIME, PERMANENT) else 0
            self._codes.append(self.lock.code(kind, start, nth, **extra))
            return self._codes[-1]
        return self._codes[self._draw(0, len(self._codes) - 1)]

    def _enter(self, digits):
        lock = self.lock
        book = lock.store.book
        armed = lock.verifier._take_armed() is not None
        everything = list(self._codes)
        epoch = lock.store.epoch
        verdict = lock.enter(digits)
        known = book.find(lock.scheme.tag(digits))
        if verdict == OPEN and digits in self._dead:
            raise ValueError("a dead code opened")
        if (verdict == OPEN and known.kind == ONE_TIME) or verdict == "revoked":
            self._dying = [digits]
        if lock.store.epoch != epoch:
            self._dying = everything
            self._codes = list(CUSTOM)
        if armed and verdict != "revoked" and lock.verifier._armed is None and "store-full" not in verdict:
            raise ValueError("the armed revoke code is gone: " + verdict)

    def _command(self):
        owner = self.lock.owner
        digits = self._codes[self._draw(0, len(self._codes) - 1)]
        what = self._draw(0, 7)
        self._requests += 1
        by = By(self._draw(0, 2), self._requests)
        config = self.lock.verifier.config.changed(autolock=self._draw(1, 60))
        begin = self.lock.rtc.now // HOUR * HOUR + HOUR * self._draw(0, 30)
        custom = CUSTOM[self._draw(0, len(CUSTOM) - 1)]

        def act():
            try:
                if what == 0:
                    owner.add_custom(custom, begin, begin + DAY, by=by)
                    self._revive(custom)
                elif what == 1:
                    owner.delete(digits, by=by)
                    self._dying = [digits]
                elif what == 2:
                    owner.change(digits, end=begin + 40 * HOUR, by=by)
                elif what == 3:
                    owner.set_time(self.lock.rtc.now + 1, by=by)
                elif what == 4:
                    owner.unlock(by, key(by.slot))
                elif what == 5:
                    owner.configure(config, by=by)
                elif what == 6 and by.slot in self.lock.store.keys:
                    owner.remove_key(by.slot, by=by)
                elif what == 6:
                    owner.add_key(key(by.slot), by=by)
                elif self._requests % 5 == 0:
                    self._dying = list(self._codes)
                    owner.erase(by=by)
                    self._codes = list(CUSTOM)
            except Refused:
                pass  # full, or not there: nothing was written, and check() sees to that

        return act

    def _revive(self, digits):
        """The owner added these digits again: they may open again."""
        self._dead = [dead for dead in self._dead if dead != digits]

    def _tick(self):
        self.lock.verifier.tick()

    def check(self, path, done):
        """ValueError unless the memory at `path` is as before the step or after one of its commits."""
        try:
            found = state_of(Store.open(path))
        except NotProvisioned:
            if done or self._stages[0] is not None:
                raise
            return
        allowed = self._stages[-1:] if done else self._stages
        if found not in allowed:
            raise ValueError("after the last commit: " + difference(self._stages[-1], found))

    def recover(self, path):
        """A start, and all that a start may write."""
        start(path)

    def resume(self, path):
        """Start the lock from the copy, type every dead code, and see the tokens go down."""
        try:
            lock = Lock(path, self.lock.rtc.now, new=False)
        except NotProvisioned:
            return
        for digits in self._dead:
            tokens = lock.store.tokens
            if lock.enter(digits) == OPEN:
                raise ValueError("a dead code opens after the cut")
            if lock.store.tokens > tokens:
                raise ValueError("a refused code gave a token")
