"""What a store must hold, as plain Python values: written from docs/spec/storage.md, without the store's own code.

`Model` sees every operation; `state_of(store)` gives the same picture of a real store, to be compared.
"""

import struct

NONE, PUT, FORGET, ERASE_ALL, TIME = range(5)
REFUND, UNTRUSTED, RESTARTED, MORE = 1, 2, 4, 8
KEY_ADDED = 24


def packed(code):
    """The 24 bytes of a code, or None."""
    if code is None:
        return None
    return struct.pack(
        ">8sBBBBIII",
        code.tag,
        code.kind | code.state << 4,
        code.length | code.cycle << 4,
        code.begin,
        code.until | code.weekday << 5,
        code.start,
        code.end,
        code.digits_taken_until,
    )


def packed_key(key):
    """The 64 bytes of a key."""
    label = key.label.encode()
    small = (key.slot, key.role, key.days, key.begin, key.until, len(label), 0, 0)
    return bytes(small) + struct.pack(">II16s32s", key.start, key.end, label, key.psk)


def table_of(keys):
    """Slot -> 64 bytes of some keys."""
    return {key.slot: packed_key(key) for key in keys}


class Model:
    """The state of one lock; `kept` is how many events its log keeps."""

    def __init__(self, secret, config, now, kept, keys=()):
        self.secret = secret
        self.config = config
        self.epoch = 0
        self.latest_trusted = now
        self.oldest_start_accepted = 0
        self.seq = 0
        self.tokens = 8
        self.attempt = 0
        self.book = {}
        self.events = []
        self.keys = table_of(keys)
        self.requests = {}
        self.kept = kept
        self.fresh = True  # no record since the last start
        self.returned = 0  # last attempt that was given back

    def copy(self):
        """The same state, independent of this one."""
        other = Model(self.secret, self.config, self.latest_trusted, self.kept)
        for name in ("epoch", "oldest_start_accepted", "seq", "tokens", "attempt", "fresh", "returned"):
            setattr(other, name, getattr(self, name))
        other.book = dict(self.book)
        other.events = list(self.events)
        other.keys = dict(self.keys)
        other.requests = dict(self.requests)
        return other

    def pay(self, now):
        """An entry is paid for."""
        self.tokens -= 1
        self.attempt += 1
        if now is not None:
            self.latest_trusted = max(self.latest_trusted, now)

    def keep(self, tokens, floor):
        """Tokens and floor are kept."""
        self.tokens = tokens
        self.latest_trusted = max(self.latest_trusted, floor)

    def settle(self, entry, now, trusted, config=None, keys=None):
        """Configuration or keys are replaced, and the entry logged."""
        if config is not None:
            self.config = config
        if keys is not None:
            self.keys = table_of(keys)
        self.commit([entry], now or 0, trusted)

    def compact(self):
        """Nothing that may be seen changes."""

    def commit(self, entries, now, trusted, refund=False):
        """Entries are committed."""
        for number, (event, reason, action, code, arg) in enumerate(entries):
            flags = 0 if trusted else UNTRUSTED
            if self.fresh:
                flags |= RESTARTED
                self.fresh = False
            if refund and number == 0:
                flags |= REFUND
            if number + 1 < len(entries):
                flags |= MORE
            self.seq += 1
            self.events.append((self.seq, now, event, reason, flags, action, self.attempt, packed(code), arg))
            self._asked(event, reason, code, arg)
            if action == TIME:
                self.latest_trusted = now
            elif trusted:
                self.latest_trusted = max(self.latest_trusted, now)
            if action == PUT:
                self.book[code.tag] = packed(code)
            elif action == FORGET:
                gone = struct.unpack(">I", self.book.pop(code.tag)[20:])[0]
                self.oldest_start_accepted = max(self.oldest_start_accepted, gone - 86_400)
            elif action == ERASE_ALL:
                self.book = {}
                self.epoch += 1
                self.oldest_start_accepted = 0
        if refund:
            self.tokens = min(8, self.tokens + 1)
            self.returned = self.attempt
        del self.events[: -self.kept]

    def _asked(self, event, reason, code, arg):
        """The record just appended may be of a request over the link."""
        if event == KEY_ADDED:
            self.requests.pop(code.tag[0] if code else 0, None)
        if event >= 16 and 1 <= reason <= 16 and arg:
            self.requests[reason - 1] = (arg, self.seq)

    def state(self):
        """Everything that must be on flash."""
        return (
            self.secret,
            self.config,
            self.epoch,
            self.latest_trusted,
            self.oldest_start_accepted,
            self.seq,
            self.tokens,
            self.attempt,
            self.book,
            self.events,
            self.keys,
            kept_requests(self.requests, self.seq + 1 - len(self.events)),
        )


def kept_requests(requests, first):
    """Those whose record the log still has; first: number of its oldest one."""
    return {slot: request for slot, request in requests.items() if request[1] >= first}


def state_of(store):
    """The same of a store."""
    image = bytes(store.book.image())
    book = {}
    for at in range(0, len(image), 24):
        book[image[at : at + 8]] = image[at : at + 24]
    if len(book) != len(store.book):
        raise ValueError("the book has a tag twice")
    events = [tuple(event[:7]) + (packed(event.code), event.arg) for event in store.events()]
    return (
        store.secret,
        store.config,
        store.epoch,
        store.latest_trusted,
        store.oldest_start_accepted,
        store.seq,
        store.tokens,
        store.attempt,
        book,
        events,
        table_of(store.keys.values()),
        kept_requests(store.requests, store.first_seq),
    )


_NAMES = (
    "secret", "config", "epoch", "latest_trusted", "oldest_start_accepted", "seq", "tokens", "attempt", "book",
    "events", "keys", "requests",
)  # fmt: skip
_LONG = ("secret", "book", "events", "keys")


def difference(wanted, found):
    """Which parts of two states differ, in words."""
    parts = []
    for name, a, b in zip(_NAMES, wanted, found):
        if a != b:
            parts.append(name if name in _LONG else "%s %r is %r" % (name, a, b))
    return ", ".join(parts)
