"""What is done to the store while the power is cut, and what must be there afterwards (MicroPython).

`Kinds` does every kind of state change on its own, `History` a random history with small limits so that the book
and the log fill up and compactions come often, `Full` the changes of a lock with 1,000 codes and 1,000 events.
"""

import hashlib
import random

import tumbler_lock.core.journal as journal_module
import tumbler_lock.core.journal_reader as reader_module
import tumbler_lock.core.store as store_module
from tumbler_lock.core.codebook import ACTIVE, FRESH, REVOKED, USED, StoredCode
from tumbler_lock.core.errors import NotProvisioned
from tumbler_lock.core.keys import AccessKey
from tumbler_lock.core.records import ERASE_ALL, FORGET, NONE, PUT, TIME, Entry
from tumbler_lock.core.store import Store

from .model import Model, difference, state_of

SECRET = bytes(range(32))
START = 1_795_478_400  # 2026-11-23T00:00Z


def limits(codes, events):
    """Make books and logs of this size, so that short histories reach every limit."""
    store_module.CODES_MAX = codes
    store_module.LOG_EVENTS = journal_module.LOG_EVENTS = reader_module.LOG_EVENTS = events
    store_module.APPENDED_MAX = journal_module.APPENDED_MAX = reader_module.APPENDED_MAX = events


class StoreWorkload:
    """What all workloads on a bare store share: the live store, its model, and the comparison."""

    blocks = 24
    size = 4096
    codes = 1000
    log = 1000

    def __init__(self, seed):
        limits(self.codes, self.log)
        self.seed = seed
        self.store = None
        self.old = None  # the model before the step, None when there is no lock yet
        self.model = None

    def create(self, path, config=b"configuration", keys=()):
        """The step that provisions the lock."""

        def act():
            self.store = Store.create(path, SECRET, config, START, keys=keys)
            self.model = Model(SECRET, config, START, self.log, keys)

        self.old = None
        self.model = None
        return "create", act, self.check

    def wipe(self, path):
        """The step that makes the lock forget everything."""
        self.old = self.model

        def act():
            self.model = None
            Store.wipe(path)

        return "wipe", act, self.check

    def step(self, name, method, *args):
        """A step that calls the method of that name, on the store and then on the model."""
        self.old = self.model.copy()

        def act():
            getattr(self.store, method)(*args)
            getattr(self.model, method)(*args)

        return name, act, self.check

    def reopen(self, path):
        """The step that starts the lock again."""
        self.old = self.model.copy()

        def act():
            self.store = Store.open(path)
            self.model.fresh = True

        return "start", act, self.check

    def check(self, path, done):
        """ValueError unless the store at `path` is in the state before the step or after it; no store is a state."""
        allowed = [self.model] if done else [self.model, self.old]
        try:
            store = Store.open(path)
        except NotProvisioned:
            if None not in allowed:
                raise
            return
        found = state_of(store)
        states = [model.state() for model in allowed if model is not None]
        if found not in states:
            raise ValueError("neither after nor before: " + "; ".join([difference(state, found) for state in states]))

    def recover(self, path):
        """Start the lock; or wipe it once more."""
        if self.model is None:
            Store.wipe(path)
        else:
            start(path)

    def resume(self, path):
        """Use the lock after the cut: an entry, a change, a start."""
        try:
            store = Store.open(path)
        except NotProvisioned:
            store = Store.create(path, SECRET, b"", START)
        if store.tokens == 0:
            store.keep(1, store.latest_trusted)
        store.pay(None)
        tokens, seq, attempt = store.tokens, store.seq, store.attempt
        store.commit([Entry(7, 7, NONE, None, 7)], store.latest_trusted, True, True)
        store.compact()
        again = Store.open(path)
        if (again.tokens, again.seq, again.attempt) != (tokens + 1, seq + 1, attempt):
            raise ValueError("an entry after the cut is not kept")
        if len(list(again.events())) != min(again.seq, self.log):
            raise ValueError("events are missing after the cut")


def start(path):
    """Start, and everything a start may write without changing the state."""
    try:
        store = Store.open(path)
    except NotProvisioned:
        return
    store.keep(store.tokens, store.latest_trusted)
    store.compact()


def code(number, kind=2, state=ACTIVE, length=7, start=START, end=None, digits_taken_until=None):
    """The code with this number; its tag is spread over the index like a real one."""
    random.seed(number + 1)
    tag = bytes(random.getrandbits(8) for _ in range(8))
    made = StoredCode(tag, kind, state, length)
    made.start = start
    made.end = start + 86_400 if end is None else end
    made.digits_taken_until = start + 86_400 if digits_taken_until is None else digits_taken_until
    return made


def key(slot, role=1, length=5):
    """A key in this slot; its psk is spread like a real one."""
    psk = hashlib.sha256(b"psk %d" % slot).digest()
    return AccessKey(slot, role, psk, "k" * length, *((65, 22, 6, START) if role == 3 else ()))


KEYS = [key(0), key(1, 3, 16)]


def told(event, slot, request, key=None):
    """What a command over the link leaves in the log."""
    code = None if key is None else StoredCode(bytes((key.slot, key.role)) + b"kkkkk\0", 7)
    return Entry(event, 1 + slot, NONE, code, request)


class Kinds(StoreWorkload):
    """Every kind of state change once, each with its own cuts. The seed chooses the geometry."""

    codes = 4
    log = 10

    def __init__(self, seed):
        super().__init__(seed)
        if seed % 2:
            self.blocks, self.size = 64, 512

    def steps(self, path):
        """Each kind of change, in an order that makes it possible."""
        now = START + 3_600
        yield self.create(path, b"to be wiped", KEYS)
        yield self.wipe(path)
        yield self.create(path, keys=KEYS[:1])
        yield self.reopen(path)
        yield self.step("pay", "pay", now)
        event = [Entry(1, 1, NONE, code(1, 7, REVOKED), 0)]
        yield self.step("commit an event", "commit", event, now, True)
        yield self.step("pay without a clock", "pay", None)
        put = [Entry(0, 0, PUT, code(1, 0, USED), 5)]
        yield self.step("put, refunded", "commit", put, now + 60, True, True)
        yield self.step("keep", "keep", 5, now + 120)
        untrusted = [Entry(1, 8, NONE, None, 0)]
        yield self.step("commit an event untrusted", "commit", untrusted, now + 9_999, False)
        several = [Entry(4, 7, PUT, code(2, 1, REVOKED), 0), Entry(4, 7, PUT, code(3, 4, REVOKED), 0)]
        yield self.step("put two", "commit", several, now + 180, True)
        replace = [Entry(17, 0, PUT, code(2, 1, ACTIVE, 8), 0)]
        yield self.step("put over", "commit", replace, now + 240, True)
        yield self.step("put the fourth", "commit", [Entry(16, 0, PUT, code(4, 6), 0)], now, True)
        later = START + 5 * 86_400
        swap = [Entry(18, 0, FORGET, code(1), 0), Entry(0, 0, PUT, code(5, 0, USED, 6, later), 0)]
        yield self.step("forget and put", "commit", swap, later, True)
        back = [Entry(19, 0, TIME, None, 0)]
        yield self.step("time set back", "commit", back, now, True)
        yield self.step("pay after it", "pay", now + 1)
        yield self.step("time set back again", "commit", back, now - 5, True)
        yield self.step("compact", "compact")
        yield self.reopen(path)
        yield self.step("settle settings", "settle", told(20, 0, 1), now + 360, True, b"another configuration" * 7)
        yield self.step("settle keys", "settle", told(24, 0, 2, KEYS[1]), now + 370, True, None, KEYS)
        yield self.step("commit a request", "commit", [told(23, 1, 3)], now + 380, True)
        yield self.step("settle both", "settle", told(25, 0, 4, KEYS[1]), 0, False, b"third", KEYS[:1])
        yield self.step("erase", "commit", [Entry(5, 10, ERASE_ALL, None, 0)], now + 400, True)
        yield self.step("compact after it", "compact")
        many = [Entry(2, 9, NONE, None, at) for at in range(6)]
        yield self.step("commit six", "commit", many, now + 500, True)
        yield self.step("commit with a compaction", "commit", many, now + 600, True)
        yield self.reopen(path)
        yield self.step("pay at last", "pay", now + 700)


class History(Kinds):
    """A random history of about 40 steps."""

    codes = 6
    log = 12
    length = 40

    def steps(self, path):
        """Random steps, weighted towards what a lock does most."""
        random.seed(self.seed * 7919 + 1)
        draw = Draw(random.getrandbits(30))
        now = START
        yield self.create(path)
        for number in range(self.length):
            now += draw(1, 40_000)
            trusted = draw(0, 9) > 0
            what = draw(0, 99)
            if what < 35:
                yield self._pay(now, trusted, draw)
                if draw(0, 9) < 8:
                    refund = draw(0, 1) == 1 and self.model.attempt > self.model.returned
                    yield self._change(number, now, trusted, refund, draw)
            elif what < 60:
                yield self._change(number, now, trusted, False, draw)
            elif what < 70:
                yield self.step("keep", "keep", draw(0, 8), now - draw(0, 90_000))
            elif what < 78:
                yield self.reopen(path)
            elif what < 84:
                yield self.step("compact", "compact")
            elif what < 89:
                yield self._settle(now, trusted, draw)
            elif what < 94:
                now += draw(-200_000, 200_000)
                yield self.step("time", "commit", [Entry(19, 0, TIME, None, 0)], now, True)
            else:
                if draw(0, 9) == 0:
                    yield self.wipe(path)
                    yield self.create(path, keys=KEYS)
                    continue
                erase = [Entry(5, 10, ERASE_ALL, None, 0), Entry(16, 0, PUT, code(number, 6), 0)][: draw(1, 2)]
                yield self.step("erase", "commit", erase, now, trusted)

    def _pay(self, now, trusted, draw):
        if self.model.tokens == 0:
            return self.step("keep", "keep", draw(1, 8), now)
        return self.step("pay", "pay", now if trusted else None)

    def _settle(self, now, trusted, draw):
        """Other settings, other keys or both, asked for over the link or on the spot."""
        config = bytes([draw(0, 255)]) * draw(0, 160) if draw(0, 1) else None
        keys = [key(slot, draw(1, 4), draw(0, 16)) for slot in range(16) if draw(0, 3) == 0] if draw(0, 1) else None
        entry = told(draw(20, 27), draw(-1, 15), draw(0, 9), key(draw(0, 15)))
        return self.step("settle", "settle", entry, now, trusted, config, keys)

    def _change(self, number, now, trusted, refund, draw):
        """A commit of one to three entries that put, replace and forget codes."""
        entries = []
        known = dict(self.model.book)
        for turn in range(draw(1, 3)):
            length = draw(4, 9)
            state = (FRESH, ACTIVE, USED, REVOKED)[draw(0, 3)]
            fresh = code(number * 10 + turn, draw(0, 6), state, length, now - draw(0, 99_999))
            tags = sorted(known)
            choice = draw(0, 9)
            if choice < 2:
                entries.append(Entry(1, draw(0, 12), NONE, fresh, draw(0, 9)))
            elif choice < 5 and tags:
                fresh.tag = tags[draw(0, len(tags) - 1)]
                entries.append(Entry(0, 0, PUT, fresh, 0))
            else:
                gone = [tag for tag in tags if int.from_bytes(known[tag][20:], "big") <= now]
                if len(known) >= self.codes and not gone:
                    continue
                if gone and (len(known) >= self.codes or choice < 7):
                    old = StoredCode.unpack(known.pop(gone[draw(0, len(gone) - 1)]))
                    entries.append(Entry(18, 0, FORGET, old, 0))
                entries.append(Entry(0, 0, PUT, fresh, 0))
            if entries[-1:] and entries[-1].action == PUT:
                known[entries[-1].code.tag] = entries[-1].code.pack()
        entries = entries or [Entry(1, 1, NONE, None, 0)]
        return self.step("commit %d" % len(entries), "commit", entries, now, trusted, refund)


class Draw:
    """Numbers of its own from a seed: `code` seeds MicroPython's only generator again."""

    def __init__(self, seed):
        self._state = seed

    def __call__(self, low, high):
        """A number from low to high, both included."""
        self._state = (self._state * 1_103_515_245 + 12_345) & 0x7FFFFFFF
        return low + (self._state >> 8) % (high - low + 1)


class Full(StoreWorkload):
    """A lock with 1,000 codes and 1,000 events, at its next changes."""

    blocks = 80

    def steps(self, path):
        """Fill it (one step that is not worth cutting), then what a full lock does."""
        yield self.create(path)
        store, model = self.store, self.model
        for at in range(0, 1000, 10):
            entries = [Entry(0, 0, PUT, code(n, 0, USED, 7, START + n), n) for n in range(at, at + 10)]
            store.commit(entries, START + at, True)
            model.commit(entries, START + at, True)
        store.compact()
        for at in range(0, 995, 5):
            entries = [Entry(1, 1, NONE, None, at) for _ in range(5)]
            store.commit(entries, START + at, True)
            model.commit(entries, START + at, True)
        yield self.step("keep", "keep", 3, START)
        now = START + 90_000
        room = store.make_room(now)
        fresh = [Entry(0, 0, PUT, code(5000, 0, USED, 7, now), 0)]
        yield self.step("pay", "pay", now)
        yield self.step("forget and put", "commit", room + fresh, now, True, True)
        yield self.step("commit to the limit", "commit", [Entry(1, 1, NONE, None, 0)] * 3, now, True)
        more = [Entry(0, 0, PUT, code(5000, 0, REVOKED, 7, now), 0)]
        yield self.step("commit with a compaction", "commit", more, now, True)
        yield self.step("erase", "commit", [Entry(5, 10, ERASE_ALL, None, 0)], now, True)
        sixteen = [key(slot, 1 + slot % 4, 16) for slot in range(16)]
        yield self.step("settle", "settle", told(24, 0, 5, sixteen[9]), now, True, b"s" * 160, sixteen)
        yield self.step("compact", "compact")


WORKLOADS = {"kinds": Kinds, "history": History, "full": Full}
