"""The fixed layouts on flash: journal header, record, counters. docs/spec/storage.md is normative.

Bytes in, values out: nothing here touches a file. Every `unpack_` checks length, then checksum, then ranges,
and raises ValueError that says what was wrong; every `pack_` raises ValueError for a value that does not fit,
since struct on MicroPython would wrap it silently.
"""

from binascii import crc32
from collections import namedtuple
from hashlib import sha256
from struct import pack, pack_into, unpack_from

from .codebook import CODE_SIZE, StoredCode
from .events import ADDED, KEY_ADDED
from .keys import SLOTS
from .passcode import SECRET_SIZE

HEADER_SIZE = 256
RECORD_SIZE = 48
COUNTERS_SIZE = 32
CONFIG_MAX = 160

# Flags of a record.
REFUND = 1  # the attempt named in it was given back
UNTRUSTED = 2  # its time is what an untrusted clock showed
RESTARTED = 4  # the first one after a start
MORE = 8  # the next one belongs to the same commit

# Actions of a record.
NONE = 0
PUT = 1
FORGET = 2
ERASE_ALL = 3
TIME = 4

# keys, codes, history: how many of each the journal has.
Header = namedtuple(
    "Header",
    "keys codes history epoch seq attempt refunded refund_seq latest_trusted oldest_start_accepted config secret",
)
# What a caller commits: `code` is a StoredCode or None. For FORGET its tag counts; with NONE it is only logged.
Entry = namedtuple("Entry", "event reason action code arg")
# What a record says: `code` is a StoredCode or None.
Event = namedtuple("Event", "seq time event reason flags action attempt code arg")
Counters = namedtuple("Counters", "tokens lock attempt latest_trusted seq")

_MAGIC = b"TUMBLERj"
_VERSION = 2  # of the journal; version 1 had no keys
_COUNTERS_VERSION = 1
_HEADER = ">8sHHHHIIIIIIHH32s160s16s"
_RECORD = ">IIBBBBI"
_COUNTERS = ">4sHH4sIIII"
_COUNTERS_MAGIC = b"TMBc"
_NO_CODE = bytes(CODE_SIZE)


def _fits(value: int, bits: int, name: str) -> int:
    if not 0 <= value < 1 << bits:
        raise ValueError("%s does not fit in %d bits" % (name, bits))
    return value


def pack_header(header: Header) -> bytes:
    """256 bytes."""
    if len(header.secret) != SECRET_SIZE:
        raise ValueError("a secret is 32 bytes")
    if len(header.config) > CONFIG_MAX:
        raise ValueError("a configuration has at most 160 bytes")
    _fits(header.epoch, 16, "the epoch")
    for name in ("seq", "attempt", "refunded", "refund_seq", "latest_trusted", "oldest_start_accepted"):
        _fits(getattr(header, name), 32, name)
    packed = pack(
        _HEADER,
        _MAGIC,
        _VERSION,
        header.codes,
        header.history,
        header.epoch,
        header.seq,
        header.attempt,
        header.refunded,
        header.refund_seq,
        header.latest_trusted,
        header.oldest_start_accepted,
        len(header.config),
        header.keys,
        header.secret,
        header.config,
        b"",
    )
    return packed + pack(">I", crc32(packed))


def unpack_header(data: bytes) -> Header:
    """Parse 256 bytes as a header; ValueError with the reason if they are not one."""
    if len(data) != HEADER_SIZE:
        raise ValueError("shorter than its header")
    if bytes(data[:8]) != _MAGIC:
        raise ValueError("not a lock's journal")
    if crc32(memoryview(data)[:-4]) != unpack_from(">I", data, HEADER_SIZE - 4)[0]:
        raise ValueError("the header's checksum is wrong")
    fields = unpack_from(_HEADER, data)
    if not 1 <= fields[1] <= _VERSION:
        raise ValueError("format version %d, and this firmware knows only 1 to %d" % (fields[1], _VERSION))
    if fields[12] > (SLOTS if fields[1] == _VERSION else 0):
        raise ValueError("the number of keys is wrong")
    size = fields[11]
    if size > CONFIG_MAX:
        raise ValueError("the configuration's length is wrong")
    codes, history, epoch, seq, attempt, refunded, refund_seq, latest_trusted, oldest_start_accepted = fields[2:11]
    config = bytes(fields[14][:size])
    return Header(
        fields[12],
        codes,
        history,
        epoch,
        seq,
        attempt,
        refunded,
        refund_seq,
        latest_trusted,
        oldest_start_accepted,
        config,
        bytes(fields[13]),
    )


def pack_record(event: Event, buffer: bytearray, offset: int) -> None:
    """Write the record's 48 bytes at `offset` of the buffer."""
    for name in ("event", "reason", "flags", "action"):
        _fits(getattr(event, name), 8, name)
    for name in ("seq", "time", "attempt", "arg"):
        _fits(getattr(event, name), 32, name)
    pack_into(
        _RECORD,
        buffer,
        offset,
        event.seq,
        event.time,
        event.event,
        event.reason,
        event.flags,
        event.action,
        event.attempt,
    )
    if event.code is None:
        buffer[offset + 16 : offset + 16 + CODE_SIZE] = _NO_CODE
    else:
        event.code.pack_into(buffer, offset + 16)
    pack_into(">I", buffer, offset + 40, event.arg)
    pack_into(">I", buffer, offset + 44, crc32(memoryview(buffer)[offset : offset + 44]))


def unpack_record(buffer: bytes, offset: int) -> Event:
    """Parse the 48 bytes at `offset` as a record; ValueError with the reason if they are not one."""
    arg, crc = unpack_from(">II", buffer, offset + 40)
    if crc32(memoryview(buffer)[offset : offset + 44]) != crc:
        raise ValueError("a record's checksum is wrong")
    seq, time, event, reason, flags, action, attempt = unpack_from(_RECORD, buffer, offset)
    start = offset + 16
    code = None
    if bytes(buffer[start : start + CODE_SIZE]) != _NO_CODE:
        code = StoredCode.unpack(buffer, start)
    return Event(seq, time, event, reason, flags, action, attempt, code, arg)


def note_request(requests: "dict[int, tuple[int, int]]", buffer: bytes, offset: int, seq: int) -> None:
    """Keep in `requests` what the record at `offset`, number `seq`, says of requests over the link: slot -> (id of the
    newest one, number of its record). Makes no object of a record that says nothing.
    """
    event = buffer[offset + 8]
    if event < ADDED:
        return
    if event == KEY_ADDED:
        requests.pop(buffer[offset + 16], None)  # the key that was in this key slot before had ids of its own
    asker = buffer[offset + 9]
    if 0 < asker <= SLOTS:
        request = unpack_from(">I", buffer, offset + 40)[0]
        if request:
            requests[asker - 1] = (request, seq)


def lock_mark(secret: bytes) -> bytes:
    """4 bytes that tie a counters file to its lock."""
    digest: bytes = sha256(b"tumbler counters 1" + secret).digest()
    return digest[:4]


def pack_counters(counters: Counters) -> bytes:
    """32 bytes."""
    _fits(counters.tokens, 16, "tokens")
    for name in ("attempt", "latest_trusted", "seq"):
        _fits(getattr(counters, name), 32, name)
    packed = pack(
        _COUNTERS,
        _COUNTERS_MAGIC,
        _COUNTERS_VERSION,
        counters.tokens,
        counters.lock,
        counters.attempt,
        counters.latest_trusted,
        counters.seq,
        0,
    )
    return packed + pack(">I", crc32(packed))


def unpack_counters(data: bytes) -> Counters:
    """Parse 32 bytes as counters; ValueError with the reason if they are not counters."""
    if len(data) != COUNTERS_SIZE:
        raise ValueError("a counters file is 32 bytes")
    magic, version, tokens, lock, attempt, latest_trusted, seq, _, crc = unpack_from(_COUNTERS + "I", data)
    if crc32(memoryview(data)[:-4]) != crc:
        raise ValueError("the counters' checksum is wrong")
    if magic != _COUNTERS_MAGIC or version != _COUNTERS_VERSION:
        raise ValueError("not counters of this format")
    return Counters(tokens, lock, attempt, latest_trusted, seq)
