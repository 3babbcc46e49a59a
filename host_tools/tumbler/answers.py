"""The answers of a lock as values, and the bytes of some requests (docs/spec/link.md, "Commands").

Every `read` checks exact length and ranges first; ValueError if they are wrong. Times are Unix seconds.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from tumbler_lock.core.codebook import NEVER, StoredCode
from tumbler_lock.core.config import SETTINGS, Config
from tumbler_lock.core.keys import ROLE_NAMES, SLOTS
from tumbler_lock.core.protocol import ITEM_SIZE, LOCK_ID_SIZE, unpack_settings

NOT_SENT = bytes(4)  # the last field of a record in the lock's memory, which no answer has


@dataclass(frozen=True)
class Status:
    """The answer to identify. battery: percent or None; epoch and counts as in docs/spec/link.md."""

    version: int
    firmware: tuple[int, int, int]
    lock_id: bytes
    slot: int
    role: int
    trusted: bool
    open: bool
    locked_out: bool
    in_doubt: bool
    battery: int | None
    time: int
    epoch: int
    codes: int
    capacity: int
    oldest: int
    newest: int
    guesses: int
    label: str

    @classmethod
    def read(cls, data: bytes) -> "Status":
        """Parse the 35 bytes and the label."""
        if not 35 <= len(data) <= 51:
            raise ValueError("a status has 35 to 51 bytes")
        _check_key(data[12], data[13])
        flags = data[14]
        return cls(
            version=data[0],
            firmware=(data[1], data[2], data[3]),
            lock_id=data[4 : 4 + LOCK_ID_SIZE],
            slot=data[12],
            role=data[13],
            trusted=bool(flags & 1),
            open=bool(flags & 2),
            locked_out=bool(flags & 4),
            in_doubt=bool(flags & 8),
            battery=data[15] if data[15] <= 100 else None,
            time=number(data[16:20]),
            epoch=number(data[20:22]),
            codes=number(data[22:24]),
            capacity=number(data[24:26]),
            oldest=number(data[26:30]),
            newest=number(data[30:34]),
            guesses=data[34],
            label=text(data[35:]),
        )


@dataclass(frozen=True)
class UpdateStatus:
    """The answer to update status. state: as in firmware/tumbler_lock/core/updates.py; slot, version: what runs now.

    ident: of the update; file, offset: where the lock wants it to continue; left: bytes still to come.
    """

    state: int
    slot: str
    version: tuple[int, int, int]
    ident: bytes
    file: int
    offset: int
    left: int

    @classmethod
    def read(cls, data: bytes) -> "UpdateStatus":
        """Parse the 23 bytes."""
        if len(data) != 23 or data[0] > 4 or data[1] not in b"ab":
            raise ValueError("a status of an update has 23 bytes")
        return cls(
            state=data[0],
            slot=chr(data[1]),
            version=(data[2], data[3], data[4]),
            ident=data[5:13],
            file=number(data[13:15]),
            offset=number(data[15:19]),
            left=number(data[19:]),
        )


@dataclass(frozen=True)
class CodeRecord:
    """A code in the lock's book. details: bytes 8 to 19 of its record (docs/spec/storage.md)."""

    tag: bytes
    details: bytes

    def __post_init__(self) -> None:
        StoredCode.unpack(self.tag + self.details + NOT_SENT)

    @classmethod
    def of(cls, code: StoredCode) -> "CodeRecord":
        """Return the record of a code."""
        packed = code.pack()
        return cls(packed[:8], packed[8:ITEM_SIZE])

    @property
    def code(self) -> StoredCode:
        """The record as a code with fields."""
        return StoredCode.unpack(self.tag + self.details + NOT_SENT)

    @property
    def short_id(self) -> str:
        """The id in the log and in lists."""
        return self.tag[:4].hex()

    @classmethod
    def list(cls, data: bytes) -> "Iterator[CodeRecord]":
        """Parse entries of 20 bytes."""
        for item in _items(data):
            yield cls(item[:8], item[8:])


@dataclass(frozen=True)
class LogEvent:
    """An event of the lock's log. code: 4 bytes, as in docs/spec/link.md."""

    seq: int
    time: int
    event: int
    reason: int
    flags: int
    kind: int
    code: bytes
    argument: int


def events(data: bytes) -> Iterator[LogEvent]:
    """Parse entries of 20 bytes."""
    for item in _items(data):
        seq, time = number(item[:4]), number(item[4:8])
        yield LogEvent(seq, time, item[8], item[9], item[10], item[11], item[12:16], number(item[16:20]))


@dataclass(frozen=True)
class KeyEntry:
    """A key of the lock, without its psk. days: mask, 0 for every day; end: NEVER if it has none."""

    slot: int
    role: int
    label: str
    days: int = 0
    begin: int = 0
    until: int = 0
    start: int = 0
    end: int = NEVER

    @property
    def limits(self) -> bytes:
        """Days, hours, start and end as the lock takes them, 11 bytes."""
        hours = bytes((self.days, self.begin, self.until))
        return hours + self.start.to_bytes(4, "big") + self.end.to_bytes(4, "big")

    @classmethod
    def limited(cls, slot: int, role: int, label: str, limits: bytes) -> "KeyEntry":
        """Return a key with these limits."""
        days, begin, until = limits[:3]
        return cls(slot, role, label, days, begin, until, number(limits[3:7]), number(limits[7:]))

    def pack(self, psk: bytes) -> bytes:
        """Return the arguments of the request that adds the key."""
        return bytes((self.slot, self.role)) + self.limits + psk + self.label.encode()


def keys(data: bytes) -> Iterator[KeyEntry]:
    """Parse the entries of a list of keys."""
    at = 0
    while at < len(data):
        head = data[at : at + 14]
        label = data[at + 14 : at + 14 + head[-1]]
        if len(head) != 14 or len(label) != head[13]:
            raise ValueError("a key is incomplete")
        at += 14 + len(label)
        _check_key(head[0], head[1])
        yield KeyEntry(head[0], head[1], text(label), head[2], head[3], head[4], number(head[5:9]), number(head[9:13]))


def settings(data: bytes) -> Config:
    """Parse all settings."""
    named = unpack_settings(data)
    if len(named) != len(SETTINGS):
        raise ValueError("settings are missing")
    return Config(**named)


def number(data: bytes) -> int:
    """Return bytes as an unsigned number."""
    return int.from_bytes(data, "big")


def text(data: bytes) -> str:
    """Return the text in bytes that a lock wrote, without what is not printable."""
    return "".join(c for c in data.decode("utf-8", "replace") if c.isprintable())


def _check_key(slot: int, role: int) -> None:
    if slot >= SLOTS or role not in ROLE_NAMES:
        raise ValueError("a key slot or a role out of range")


def _items(data: bytes) -> Iterator[bytes]:
    if len(data) % ITEM_SIZE:
        raise ValueError("entries of a list have 20 bytes")
    for at in range(0, len(data), ITEM_SIZE):
        yield data[at : at + ITEM_SIZE]
