"""What a store must hold, as plain Python values: written from docs/storage.md, without the store's own code.

`Model` is told of every operation; `state_of(store)` gives the same picture of a real store, to be compared.
"""

import struct

NONE, PUT, FORGET, ERASE, TIME = range(5)
REFUND, UNTRUSTED, RESTARTED, MORE = 1, 2, 4, 8


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
        code.gone,
    )


class Model:
    """The state of one lock; `kept` is how many events its log keeps."""

    def __init__(self, secret, config, now, kept):
        self.secret = secret
        self.config = config
        self.epoch = 0
        self.floor = now
        self.forgotten = 0
        self.seq = 0
        self.tokens = 8
        self.attempt = 0
        self.book = {}
        self.events = []
        self.kept = kept
        self.fresh = True  # no record since the last start
        self.returned = 0  # last attempt that was given back

    def copy(self):
        """The same state, independent of this one."""
        other = Model(self.secret, self.config, self.floor, self.kept)
        for name in ("epoch", "forgotten", "seq", "tokens", "attempt", "fresh", "returned"):
            setattr(other, name, getattr(self, name))
        other.book = dict(self.book)
        other.events = list(self.events)
        return other

    def pay(self, now):
        """An entry is paid for."""
        self.tokens -= 1
        self.attempt += 1
        if now is not None:
            self.floor = max(self.floor, now)

    def keep(self, tokens, floor):
        """Tokens and floor are kept."""
        self.tokens = tokens
        self.floor = max(self.floor, floor)

    def configure(self, config, now):
        """The configuration is replaced."""
        self.config = config
        if now is not None:
            self.floor = max(self.floor, now)

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
            if action == TIME:
                self.floor = now
            elif trusted:
                self.floor = max(self.floor, now)
            if action == PUT:
                self.book[code.tag] = packed(code)
            elif action == FORGET:
                gone = struct.unpack(">I", self.book.pop(code.tag)[20:])[0]
                self.forgotten = max(self.forgotten, gone - 86_400)
            elif action == ERASE:
                self.book = {}
                self.epoch += 1
        if refund:
            self.tokens = min(8, self.tokens + 1)
            self.returned = self.attempt
        del self.events[: -self.kept]

    def state(self):
        """Everything that must be on flash."""
        return (
            self.secret,
            self.config,
            self.epoch,
            self.floor,
            self.forgotten,
            self.seq,
            self.tokens,
            self.attempt,
            self.book,
            self.events,
        )


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
        store.floor,
        store.forgotten,
        store.seq,
        store.tokens,
        store.attempt,
        book,
        events,
    )


_NAMES = ("secret", "config", "epoch", "floor", "forgotten", "seq", "tokens", "attempt", "book", "events")


def difference(wanted, found):
    """Which parts of two states differ, in words."""
    parts = []
    for name, a, b in zip(_NAMES, wanted, found):
        if a != b:
            parts.append(name if name in ("secret", "book", "events") else "%s %r is %r" % (name, a, b))
    return ", ".join(parts)
