"""The numbers and words of the link, and the bytes that both sides pack alike (docs/spec/link.md).

A request is its id 4, command 1, arguments; an answer the same id 4, status 1, result. Integers are big-endian.
"""

from .config import Config
from .errors import Refused
from .kdf import hkdf
from .policy import Policy

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    # Status and result of each part of an answer, and None where other tasks get their turn.
    Answers = Iterator[tuple[int, bytes] | None]

VERSION = 1  # of the link protocol
LOCK_ID = 8  # bytes
NO_LOCK = bytes(LOCK_ID)  # the id of a lock without a secret
CHALLENGE = 16  # bytes
PAIRING = 255  # the key slot in the hello of a client without a key
_MAGIC = b"TUMBLERl"

# Types of messages.
HELLO = 0x01
HANDSHAKE = 0x02
SEALED = 0x03
FROM_LOCK = 0x80  # added to the type of what the lock sends
REFUSED = 0xFF

# Reasons of REFUSED.
UNSAID = 0
OLD_VERSION = 1
NOT_NOW = 2
NO_PAIRING = 3
UNTYPED = 4

# Commands.
IDENTIFY = 0x01
GET_TIME = 0x02
SET_TIME = 0x03
ADD_CODE = 0x10
CHANGE_CODE = 0x11
DELETE_CODE = 0x12
LIST_CODES = 0x13
UNLOCK = 0x20
READ_LOG = 0x30
GET_CONFIG = 0x40
SET_CONFIG = 0x41
LIST_KEYS = 0x50
ADD_KEY = 0x51
REMOVE_KEY = 0x52
ERASE_ALL = 0x60
RESET = 0x61
COMMIT = 0x70
REVEAL = 0x71
DIGITS = 0x72
FINISH = 0x73
UPDATE_BEGIN = 0x80
UPDATE_PIECE = 0x81
UPDATE_STATUS = 0x82
UPDATE_FINISH = 0x83

# Flags of ADD_CODE and CHANGE_CODE.
INSIST = 1
START = 2
END = 4
NEW_DIGITS = 8

# Status of an answer; a refusal is FIRST_REFUSAL + its place in REFUSALS.
DONE = 0
MORE = 1
FIRST_REFUSAL = 16
REFUSALS = (
    "bad-request",
    "unknown-command",
    "not-permitted",
    "request-reused",
    "store-full",
    "clock-fault",
    "time-untrusted",
    "bad-digits",
    "weak-digits",
    "bad-time",
    "already-over",
    "code-exists",
    "no-such-code",
    "revoked",
    "already-used",
    "nothing-named",
    "not-yet",
    "expired",
    "outside-its-hours",
    "no-such-key",
    "last-owner",
    "slot-taken",
    "no-free-slot",
    "bad-key",
    "bad-setting",
    "button-needed",
    "pairing-pending",
    "pairing-failed",
    "already-set-up",
    "not-set-up",
    "too-many",
    "no-updates",
    "bad-signature",
    "wrong-board",
    "not-newer",
    "on-trial",
    "update-incomplete",
)

REQUEST_HEAD = 5  # bytes before the arguments, and before the result
RESULT = 219  # bytes of a result at most: sealed and in one fragment it fills a value of 244
PIECE = 200  # bytes of an update in one request at most: with what goes before them they fill a value, too
ITEM = 20  # bytes of a code and of an event in a list
FROM_THE_BEGINNING = 0xFFFF  # a cursor

# Settings: the place in these tables is the field's number. Fewest and most bytes of each.
SETTINGS = ("", "rule", "weekend", "autolock", "sound", "policy", "passage", "name")
_LENGTHS = ((0, 0), (1, 100), (1, 1), (1, 1), (1, 1), (5, 5), (3, 3), (0, 17))
_NUMBERS = ("weekend", "autolock", "sound")  # of one byte


def lock_id(secret: bytes) -> bytes:
    """Return the 8 bytes that name the lock with this root secret, and reveal nothing of it."""
    return hkdf(secret, b"tumbler lock id 1", LOCK_ID)


def prologue(offered: int, version: int, slot: int, lock: bytes, challenge: bytes) -> bytes:
    """Return what both sides hash before the first message of a handshake, 35 bytes: magic 8, version offered 1 and
    chosen 1, key slot 1, id of the lock 8, challenge 16.

    Each side puts in what it believes. If they differ in one bit, the first message is not authentic. So a man in the
    middle can neither change what was said in clear, nor replay a recorded handshake. ValueError for an id or challenge
    of another size, and for a slot or version that is not 0 to 255.
    """
    if len(lock) != LOCK_ID or len(challenge) != CHALLENGE:
        raise ValueError("a lock id is 8 bytes, a challenge 16")
    for number in (offered, version, slot):
        if not 0 <= number <= 255:
            raise ValueError("a key slot and a version are 0 to 255")
    return _MAGIC + bytes((offered, version, slot)) + bytes(lock) + bytes(challenge)


def refusal(word: str, text: str) -> "tuple[int, bytes]":
    """Return status and result that say why a request was not carried out; the text is cut to what fits."""
    if word not in REFUSALS:
        word, text = "bad-request", word + ": " + text
    said = text.encode()
    if len(said) > RESULT:
        end = RESULT
        while said[end] & 0xC0 == 0x80:  # in the middle of a character
            end -= 1
        said = said[:end]
    return FIRST_REFUSAL + REFUSALS.index(word), said


def pack_settings(config: "Config") -> bytes:
    """Return all settings of a configuration: field 1, length 1, value, and so on."""
    packed = b""
    for number in range(1, len(SETTINGS)):
        name = SETTINGS[number]
        value = getattr(config, name)
        if name in _NUMBERS:
            data = bytes((int(value),))
        elif name == "policy":
            data = value.pack()
        elif name == "passage":
            data = bytes(value)
        else:
            data = value.encode()
        packed += bytes((number, len(data))) + data
    return packed


def unpack_settings(packed: bytes) -> "dict[str, Any]":
    """Return the settings named in the bytes, as arguments for Config. Refused when they are none of the table, not in
    ascending order, or have another length; whether their values are in range Config says.
    """
    named: dict[str, Any] = {}
    last = 0
    at = 0
    while at < len(packed):
        if len(packed) < at + 2 or not last < packed[at] < len(SETTINGS):
            raise _shape()
        last, size = packed[at], packed[at + 1]
        fewest, most = _LENGTHS[last]
        at += 2
        if not fewest <= size <= most or len(packed) < at + size:
            raise _shape()
        name = SETTINGS[last]
        named[name] = _value(name, bytes(packed[at : at + size]))
        at += size
    return named


def _shape() -> Refused:
    return Refused("bad-request", "settings are fields with their length, ascending: look at the client")


def _value(name: str, data: bytes) -> "Any":
    """The value of one setting."""
    if name in _NUMBERS:
        if name == "sound" and data[0] > 1:
            raise Refused("bad-setting", "sound: 0 or 1")
        return data[0] == 1 if name == "sound" else data[0]
    if name == "policy":
        try:
            return Policy.unpack(data)
        except ValueError as error:
            raise Refused("bad-setting", str(error))
    if name == "passage":
        return tuple(data)
    for byte in data:
        if not 32 <= byte < 127:
            raise Refused("bad-setting", name + ": printable ASCII only")
    return data.decode()
