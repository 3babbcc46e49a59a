"""The key slots of a lock: who may manage it over a link, with which role, and an opener's hours.

offset  size  field
0       1     slot, 0 to 15
1       1     role: 1 owner, 2 manager, 3 opener, 4 identify
2       1     days: bit mask of weekdays, Monday is bit 0; 0: every day, round the clock
3       1     hour at which the daily window begins, 0 to 23
4       1     hour at which it ends, 0 to 23; equal to or below the beginning: on the next day
5       1     length of the label, 0 to 16
6       2     zero
8       4     start
12      4     end; FFFFFFFF: never
16      16    label, UTF-8, padded with zeros
32      32    psk

These 64 bytes are what docs/spec/storage.md keeps in the journal. Integers are big-endian, times Unix seconds, hours
those
of the lock's wall clock. Only an opener has days, hours, a start and an end. No psk is in a repr or an error's text.
"""

from struct import pack, unpack

from .codebook import NEVER
from .kdf import PSK_SIZE
from .schedule import on_days

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from .zone import Zone

SLOTS = 16
KEY_SIZE = 64
LABEL_MAX = 16  # bytes

OWNER = 1
MANAGER = 2
OPENER = 3
IDENTIFIER = 4
ROLE_NAMES = {OWNER: "owner", MANAGER: "manager", OPENER: "opener", IDENTIFIER: "identify"}

_LAYOUT = ">BBBBBBHII16s32s"


class AccessKey:
    """One access key, with the fields of the table above. Every field is checked: ValueError names the invalid one."""

    def __init__(
        self,
        slot: int,
        role: int,
        psk: bytes,
        label: str = "",
        days: int = 0,
        begin: int = 0,
        until: int = 0,
        start: int = 0,
        end: int = NEVER,
    ) -> None:
        if not 0 <= slot < SLOTS:
            raise ValueError("key: the slot is 0 to 15")
        if role not in ROLE_NAMES:
            raise ValueError("key: the role is owner, manager, opener or identify (1 to 4)")
        if len(psk) != PSK_SIZE:
            raise ValueError("key: the psk is 32 bytes")
        if not 0 <= days <= 127:
            raise ValueError("key: the days are a mask of weekdays, 0 to 127")
        if not 0 <= begin <= 23 or not 0 <= until <= 23 or (not days and (begin or until)):
            raise ValueError("key: the hours are 0 to 23, and 0 without days")
        if not 0 <= start < end <= NEVER:
            raise ValueError("key: the end must be after the start, and both from 0 to 2**32 - 1")
        if role != OPENER and (days or start or end != NEVER):
            raise ValueError("key: only an opener has days, hours, a start or an end")
        self.slot = slot
        self.role = role
        self.psk = bytes(psk)
        self.label = _label(label)
        self.days = days
        self.begin = begin
        self.until = until
        self.start = start
        self.end = end

    def pack(self) -> bytes:
        """64 bytes."""
        label = self.label.encode()
        return pack(
            _LAYOUT,
            self.slot,
            self.role,
            self.days,
            self.begin,
            self.until,
            len(label),
            0,
            self.start,
            self.end,
            label,
            self.psk,
        )

    @staticmethod
    def unpack(data: "bytes | memoryview") -> "AccessKey":
        """The key in the 64 bytes; ValueError when they cannot have come from `pack`."""
        if len(data) != KEY_SIZE:
            raise ValueError("a key is 64 bytes")
        slot, role, days, begin, until, size, _, start, end, label, psk = unpack(_LAYOUT, data)
        try:
            text = bytes(label[:size]).decode()
        except UnicodeError:
            raise ValueError("key: the label is not UTF-8")
        key = AccessKey(slot, role, psk, text, days, begin, until, start, end)
        if key.pack() != bytes(data):
            raise ValueError("key: the label or what pads it is wrong")
        return key

    def may_open(self, now: int, trusted: bool, zone: "Zone") -> str:
        """Why this key may open at Unix second `now`, "opened", or why not; trusted: whether `now` can be believed."""
        if self.role == IDENTIFIER:
            return "not-permitted"
        if not self.days and not self.start and self.end == NEVER:
            return "opened"
        if not trusted:
            return "time-untrusted"
        if now < self.start:
            return "not-yet"
        if now >= self.end:
            return "expired"
        if self.days:
            day, hour, _, _ = zone.local(now)
            if not on_days(self.days, self.begin, self.until, day, hour):
                return "outside-its-hours"
        return "opened"

    def __repr__(self) -> str:
        return "AccessKey(%d, %s, %r)" % (self.slot, ROLE_NAMES[self.role], self.label)


def pack_keys(keys: "Iterable[AccessKey]") -> bytes:
    """The key table: 64 bytes a key, slots ascending. ValueError when two have the same slot or psk."""
    table = {}
    for key in keys:
        if key.slot in table:
            raise ValueError("keys: the same slot twice")
        table[key.slot] = key
    return b"".join([table[slot].pack() for slot in _ascending(table)])


def unpack_keys(data: "bytes | memoryview") -> "dict[int, AccessKey]":
    """Slot -> AccessKey of a table that `pack_keys` made; ValueError if it is invalid."""
    if len(data) % KEY_SIZE:
        raise ValueError("a key table is a whole number of 64-byte keys")
    table = {}
    last = -1
    for at in range(0, len(data), KEY_SIZE):
        key = AccessKey.unpack(data[at : at + KEY_SIZE])
        if key.slot <= last:
            raise ValueError("keys: the slots do not ascend")
        last = key.slot
        table[last] = key
    _ascending(table)
    return table


def _ascending(table: "dict[int, AccessKey]") -> "list[int]":
    """The slots in their order; ValueError when a psk is there twice: it would open two sorts of sessions."""
    if len({key.psk for key in table.values()}) != len(table):
        raise ValueError("keys: the same psk in two slots")
    return sorted(table)


def _label(text: str) -> str:
    """The label, each of its characters in its shortest form; ValueError unless it can be shown and fits."""
    for character in text:
        point = ord(character)
        if point < 32 or 127 <= point < 160 or 0xD800 <= point < 0xE000 or point > 0x10FFFF:
            raise ValueError("key: the label has a character that cannot be shown")
    # MicroPython keeps a character as it came, also when that was longer than it need be.
    text = "".join([chr(ord(character)) for character in text])
    if len(text.encode()) > LABEL_MAX:
        raise ValueError("key: the label has at most 16 bytes of UTF-8")
    return text
