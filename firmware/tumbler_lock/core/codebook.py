"""The code book: every code the lock knows, 24 bytes each, found by its tag.

The codes lie packed in one bytearray, in no particular order, exactly as they are written to flash
(docs/spec/storage.md). Beside them lies an open-addressing index of 16-bit places with linear probing, at least twice
as large as the book. A tag is a keyed digest, so its first two bytes are a good hash. Deleting moves the last code into
the hole and shifts the index entries behind it back. So there are no tombstones, and a look-up never gets slower with
age.

Times are Unix seconds. A book of 1,000 codes takes 24,000 + 4,096 bytes, allocated once.
"""

from array import array
from struct import pack_into, unpack_from

from .errors import StoreFull
from .passcode import MOST_DIGITS, TAG_SIZE
from .tickets import CYCLE_NAMES, KINDS, UNKNOWN

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

# States of a code.
FRESH = 0  # known but never used: the first-use window from `start` still applies
ACTIVE = 1  # used at least once and still good
USED = 2  # a code for one use that was used
REVOKED = 3  # deleted or revoked

NEVER = 0xFFFFFFFF  # an `end` that never comes
CODE_SIZE = 24  # bytes
FEWEST_DIGITS = 4  # of any code: a custom one

FULL = "the code book is full: delete codes that are no longer needed"

_LAYOUT = ">8sBBBBIII"
_BLANK = bytes(CODE_SIZE)


class StoredCode:
    """One code as the book knows it. Fields as in docs/spec/storage.md.

    tag: 8 bytes; kind: as in tickets.py; start, end, digits_taken_until: Unix seconds.
    """

    def __init__(
        self,
        tag: bytes,
        kind: int = 0,
        state: int = FRESH,
        length: int = 0,
        cycle: int = 0,
        begin: int = 0,
        until: int = 0,
        weekday: int = 0,
        start: int = 0,
        end: int = NEVER,
        digits_taken_until: int = 0,
    ) -> None:
        self.tag = tag
        self.kind = kind
        self.state = state
        self.length = length
        self.cycle = cycle
        self.begin = begin
        self.until = until
        self.weekday = weekday
        self.start = start
        self.end = end
        self.digits_taken_until = digits_taken_until

    def pack(self) -> bytes:
        """Return the 24 bytes. ValueError if a field does not fit: MicroPython's struct would wrap it."""
        packed = bytearray(CODE_SIZE)
        self.pack_into(packed, 0)
        return bytes(packed)

    def pack_into(self, buffer: bytearray, offset: int) -> None:
        """Write the 24 bytes at `offset`. ValueError if a field does not fit."""
        _check(self.kind, self.state, self.length, self.cycle, self.begin, self.until, self.weekday)
        if len(self.tag) != TAG_SIZE:
            raise ValueError("a tag is 8 bytes")
        for seconds in (self.start, self.end, self.digits_taken_until):
            if not 0 <= seconds <= NEVER:
                raise ValueError("start, end and digits_taken_until must each be from 0 to 2**32 - 1")
        pack_into(
            _LAYOUT,
            buffer,
            offset,
            self.tag,
            self.kind + 16 * self.state,
            self.length + 16 * self.cycle,
            self.begin,
            self.until + 32 * self.weekday,
            self.start,
            self.end,
            self.digits_taken_until,
        )

    @staticmethod
    def unpack(buffer: bytes, offset: int = 0) -> "StoredCode":
        """Return the code in the 24 bytes at `offset`. ValueError if they are invalid."""
        if offset < 0 or len(buffer) < offset + CODE_SIZE:
            raise ValueError("a code is 24 bytes")
        tag, kind, length, begin, until, start, end, taken_until = unpack_from(_LAYOUT, buffer, offset)
        _check(kind & 15, kind >> 4, length & 15, length >> 4, begin, until & 31, until >> 5)
        state, cycle, weekday = kind >> 4, length >> 4, until >> 5
        return StoredCode(
            tag, kind & 15, state, length & 15, cycle, begin, until & 31, weekday, start, end, taken_until
        )

    def live(self, now: int) -> bool:
        """Return whether it can still open at `now` or later."""
        return self.state <= ACTIVE and now < self.end


def _check(kind: int, state: int, length: int, cycle: int, begin: int, until: int, weekday: int) -> None:
    """Raise ValueError unless every small field is in its range."""
    if kind not in KINDS and kind != UNKNOWN:
        raise ValueError("a code of an unknown kind")
    if not FRESH <= state <= REVOKED:
        raise ValueError("a code's state is 0 to 3")
    if not 0 <= length <= MOST_DIGITS:
        raise ValueError("a code has at most 9 digits")
    if not 0 <= cycle < len(CYCLE_NAMES):
        raise ValueError("a code of an unknown cycle")
    if not 0 <= begin <= 23 or not 0 <= until <= 23:
        raise ValueError("a daily window's hours are 0 to 23")
    if not 0 <= weekday <= 6:
        raise ValueError("a weekday is 0 (Monday) to 6")


def _check_kept(kind: int, length: int) -> None:
    """Raise ValueError unless a code in the book may have these. Records of the log may have others."""
    if kind == UNKNOWN:
        raise ValueError("digits that are no code do not belong in the book")
    if not FEWEST_DIGITS <= length <= MOST_DIGITS:
        raise ValueError("a code in the book has 4 to 9 digits")


class CodeBook:
    """At most `capacity` codes (below 32,768) by tag."""

    def __init__(self, capacity: int = 1000) -> None:
        if not 0 < capacity < 32768:
            raise ValueError("a book holds 1 to 32,767 codes")
        self.capacity = capacity
        self._count = 0
        self._data = bytearray(capacity * CODE_SIZE)
        places = 4
        while places < 2 * capacity:
            places *= 2
        self._mask = places - 1
        self._index = array("H", bytes(2 * places))  # 0: nothing here, else place in _data + 1

    def __len__(self) -> int:
        return self._count

    @property
    def full(self) -> bool:
        """Whether a code with a new tag would be refused."""
        return self._count >= self.capacity

    def _entry(self, tag: bytes) -> int:
        """Return the number of the index entry that holds `tag`, or of the empty one where it belongs."""
        index = self._index
        data = self._data
        mask = self._mask
        entry = (tag[0] << 8 | tag[1]) & mask
        place = index[entry]
        while place:
            offset = (place - 1) * CODE_SIZE
            if data[offset : offset + TAG_SIZE] == tag:
                break
            entry = (entry + 1) & mask
            place = index[entry]
        return entry

    def find(self, tag: bytes) -> "StoredCode | None":
        """Return the code with this tag, or None. It is a copy: `put` it back to change it."""
        place = self._index[self._entry(tag)]
        return StoredCode.unpack(self._data, (place - 1) * CODE_SIZE) if place else None

    def check(self, code: StoredCode) -> None:
        """Raise ValueError if it has a field that no code in the book can have."""
        code.pack()
        _check_kept(code.kind, code.length)

    def put(self, code: StoredCode) -> None:
        """Insert it, or replace the one with its tag.

        StoreFull if it is new and there is no room; ValueError if a field is out of range.
        """
        packed = code.pack()
        _check_kept(code.kind, code.length)
        entry = self._entry(code.tag)
        place = self._index[entry]
        if not place and self.full:
            raise StoreFull(FULL)
        if not place:
            self._count += 1
            place = self._index[entry] = self._count
        offset = (place - 1) * CODE_SIZE
        self._data[offset : offset + CODE_SIZE] = packed

    def drop(self, tag: bytes) -> bool:
        """Remove the code with this tag. Return False if the book does not have it."""
        entry = self._entry(tag)
        place = self._index[entry]
        if not place:
            return False
        data = self._data
        offset = (place - 1) * CODE_SIZE
        self._close_gap(entry)
        last = self._count
        self._count -= 1
        last_offset = (last - 1) * CODE_SIZE
        if place != last:
            self._index[self._entry(bytes(data[last_offset : last_offset + TAG_SIZE]))] = place
            data[offset : offset + CODE_SIZE] = data[last_offset : last_offset + CODE_SIZE]
        data[last_offset : last_offset + CODE_SIZE] = _BLANK
        return True

    def _close_gap(self, gap: int) -> None:
        """Empty the index entry `gap` and shift back what was pushed past it, so every probe still finds its tag."""
        index = self._index
        data = self._data
        mask = self._mask
        entry = gap
        while True:
            entry = (entry + 1) & mask
            place = index[entry]
            if not place:
                break
            offset = (place - 1) * CODE_SIZE
            home = (data[offset] << 8 | data[offset + 1]) & mask
            # It may move to the gap only if the gap is not before its home, counted round the end of the index.
            if (entry - home) & mask >= (entry - gap) & mask:
                index[gap] = place
                gap = entry
        index[gap] = 0

    def live_lengths(self, now: int) -> "list[int]":
        """Return how many codes of n digits can still open at `now` or later, for n from 0 to 9.

        Looks at every code.
        """
        lengths = [0] * (MOST_DIGITS + 1)
        data = self._data
        for offset in range(0, self._count * CODE_SIZE, CODE_SIZE):
            if data[offset + 8] >> 4 <= ACTIVE and now < unpack_from(">I", data, offset + 16)[0]:
                lengths[data[offset + 9] & 15] += 1
        return lengths

    def clear(self) -> None:
        """Remove every code."""
        data = self._data
        for offset in range(0, self._count * CODE_SIZE, CODE_SIZE):
            data[offset : offset + CODE_SIZE] = _BLANK
        self._count = 0
        self._reindex()

    def codes(self) -> "Iterator[StoredCode]":
        """Yield every code, in no particular order. Do not change the book meanwhile."""
        for offset in range(0, self._count * CODE_SIZE, CODE_SIZE):
            yield StoredCode.unpack(self._data, offset)

    def oldest_forgettable(self, now: int, spared: "list[bytes]") -> "StoredCode | None":
        """Return the code to forget first, None if every code must be kept.

        It can open nothing any more at `now`, its `digits_taken_until` is over and the earliest, and its tag is not in
        `spared`.
        """
        best = None
        earliest = NEVER + 1
        data = self._data
        for offset in range(0, self._count * CODE_SIZE, CODE_SIZE):
            end, taken_until = unpack_from(">II", data, offset + 16)
            if taken_until >= earliest or now < taken_until or (now < end and data[offset + 8] >> 4 <= ACTIVE):
                continue
            if bytes(data[offset : offset + TAG_SIZE]) not in spared:
                earliest = taken_until
                best = offset
        return None if best is None else StoredCode.unpack(data, best)

    def image(self) -> memoryview:
        """Return the packed codes, 24 bytes each, as they go to flash; valid until the next change."""
        return memoryview(self._data)[: self._count * CODE_SIZE]

    def space(self, count: int) -> memoryview:
        """Empty the book and return where `count` packed codes may be read into; call `adopt(count)` next.

        ValueError if there is no room.
        """
        if not 0 <= count <= self.capacity:
            raise ValueError("more codes than the book holds")
        self.clear()
        return memoryview(self._data)[: count * CODE_SIZE]

    def adopt(self, count: int) -> None:
        """Index the `count` codes that were read into `space`.

        ValueError, and an empty book, if one of them is invalid or a tag is there twice.
        """
        self._count = count
        try:
            self._reindex()
        except ValueError:
            self.clear()
            raise

    def _reindex(self) -> None:
        """Build the index from the codes."""
        index = self._index
        data = self._data
        for entry in range(len(index)):
            index[entry] = 0
        for place in range(self._count):
            offset = place * CODE_SIZE
            kind, length, begin, until = data[offset + 8 : offset + 12]
            _check(kind & 15, kind >> 4, length & 15, length >> 4, begin, until & 31, until >> 5)
            _check_kept(kind & 15, length & 15)
            entry = self._entry(bytes(data[offset : offset + TAG_SIZE]))
            if index[entry]:
                raise ValueError("the same tag twice in the code table")
            index[entry] = place + 1
