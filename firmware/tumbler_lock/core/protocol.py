"""The numbers and words of the link, and the bytes that both sides pack alike (docs/spec/link.md).

A request is its id 4, command 1, arguments; an answer the same id 4, status 1, result. Integers are big-endian.
"""

from .config import SETTINGS, pack_value, unpack_value
from .errors import Refused
from .kdf import hkdf

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from .config import Setting, Value

    # Status and result of each part of an answer, and None where other tasks get their turn.
    Answers = Iterator[tuple[int, bytes] | None]

LINK_VERSION = 1  # of the link protocol
LOCK_ID_SIZE = 8  # bytes
NO_LOCK = bytes(LOCK_ID_SIZE)  # the id of a lock without a secret
CHALLENGE_SIZE = 16  # bytes
PAIRING_SLOT = 255  # the key slot in the hello of a client without a key
_MAGIC = b"TUMBLERl"

# Types of messages.
HELLO = 0x01
HANDSHAKE = 0x02
SEALED = 0x03
FROM_LOCK = 0x80  # added to the type of what the lock sends
REFUSED = 0xFF

# Reasons of REFUSED.
NO_REASON = 0
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
ERASE_CODES = 0x60
RESET = 0x61
COMMIT = 0x70
REVEAL = 0x71
CHECK_DIGITS = 0x72
FINISH = 0x73
UPDATE_BEGIN = 0x80
UPDATE_PIECE = 0x81
UPDATE_STATUS = 0x82
UPDATE_FINISH = 0x83

# Flags of ADD_CODE and CHANGE_CODE.
FORCE = 1
NEW_START = 2
NEW_END = 4
NEW_DIGITS = 8

# Status of an answer; a refusal is FIRST_REFUSAL + its place in REFUSALS.
DONE = 0
MORE_FOLLOWS = 1
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
RESULT_MOST = 219  # bytes of a result at most: sealed and in one fragment it fills a value of 244
PIECE_MOST = 200  # bytes of an update in one request at most: with what goes before them they fill a value, too
ITEM_SIZE = 20  # bytes of a code and of an event in a list
FROM_THE_BEGINNING = 0xFFFF  # a cursor


def lock_id(secret: bytes) -> bytes:
    """Return the 8 bytes that name the lock with this root secret, and reveal nothing of it."""
    return hkdf(secret, b"tumbler lock id 1", LOCK_ID_SIZE)


def prologue(offered: int, version: int, slot: int, lock: bytes, challenge: bytes) -> bytes:
    """Return what both sides hash before the first message of a handshake, 35 bytes: magic 8, version offered 1 and
    chosen 1, key slot 1, id of the lock 8, challenge 16.

    Each side puts in what it believes. If they differ in one bit, the first message is not authentic. So a man in the
    middle can neither change what was said in clear, nor replay a recorded handshake. ValueError for an id or challenge
    of another size, and for a slot or version that is not 0 to 255.
    """
    if len(lock) != LOCK_ID_SIZE or len(challenge) != CHALLENGE_SIZE:
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
    if len(said) > RESULT_MOST:
        end = RESULT_MOST
        while said[end] & 0xC0 == 0x80:  # in the middle of a character
            end -= 1
        said = said[:end]
    return FIRST_REFUSAL + REFUSALS.index(word), said


def value_sizes(setting: "Setting") -> "tuple[int, int]":
    """Return the fewest and most bytes of a setting's value."""
    if isinstance(setting.default, str):
        return setting.least, setting.most
    size = len(pack_value(setting.default))
    return size, size


def pack_settings(named: "dict[str, Value]") -> bytes:
    """Return settings, by name, as they travel: number 1, length 1, value, and so on."""
    packed = b""
    for setting in SETTINGS:
        if setting.name in named:
            data = pack_value(named[setting.name])
            packed += bytes((setting.number, len(data))) + data
    return packed


def unpack_settings(packed: bytes) -> "dict[str, Value]":
    """Inverse of pack_settings(). Refused unless each is in the table of settings, in ascending order, with a length
    that it may have. Config says whether a value is in range.
    """
    named: "dict[str, Value]" = {}
    at = 0
    for setting in SETTINGS:
        if packed[at : at + 1] != bytes((setting.number,)):
            continue
        fewest, most = value_sizes(setting)
        size = packed[at + 1] if at + 1 < len(packed) else -1
        data = packed[at + 2 : at + 2 + size]
        if not fewest <= size <= most or len(data) < size:
            break
        try:
            named[setting.name] = unpack_value(setting, data)
        except ValueError as error:
            raise Refused("bad-setting", str(error))
        at += 2 + size
    if at < len(packed):
        raise Refused("bad-request", "settings are fields with their length, ascending: look at the client")
    return named
