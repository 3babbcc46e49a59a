"""Pairing: how a lock gets an owner's key from somebody it shares nothing with (docs/spec/link.md, "Pairing").

Both sides commit to a nonce, then reveal it; six digits that follow from both and from the handshake are shown by the
client and typed at the lock's keypad. Who is in the middle has one try in a million, and every try needs somebody's
fingers: after a nonce was revealed no other pairing begins until something was typed. Nothing is changed before the
digits are right.
"""

import hashlib

from . import protocol
from .config import SETTINGS, Config
from .errors import LockError, Refused, StoreFull
from .kdf import PSK_SIZE, hmac_sha256, same
from .keys import OWNER, AccessKey
from .passcode import SECRET_SIZE
from .store import Store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .link_state import LinkState
    from .protocol import Answers

PAIRING_NONCE_SIZE = 16  # bytes
COMMITMENT_SIZE = 32
PAIRING_DIGITS = 6
REVEALED_WITHIN = 10  # seconds from the handshake to the nonces
TYPED_WITHIN = 120  # from the nonces to the digits
FINISHED_WITHIN = 120  # from the digits to the end: a person looks at the lock, and walks to its button
ANSWER_GRACE = 5  # in which the client may still hear that the time is over

CLIENT = b"C"
LOCK = b"L"

# What has happened so far.
_BEGUN, _COMMITTED, _SHOWN, _AGREED, _OVER = range(5)


def commitment(side: bytes, handshake: bytes, nonce: bytes) -> bytes:
    """Return the 32 bytes by which a side (CLIENT or LOCK) binds itself to a nonce of 16 bytes in one handshake."""
    digest: bytes = hashlib.sha256(b"tumbler pair commit 1" + side + handshake + nonce).digest()
    return digest


def digits_of(handshake: bytes, client: bytes, lock: bytes) -> str:
    """Return the six digits that follow from the handshake's hash and both nonces."""
    digest = hmac_sha256(handshake, b"tumbler pair digits 1" + client + lock)
    return "%06d" % (int.from_bytes(digest[:8], "big") % 10**PAIRING_DIGITS)


class Pairing:
    """The lock's side of one pairing.

    link: of the lock; handshake: hash of the handshake, 32 bytes.
    """

    def __init__(self, link: "LinkState", handshake: bytes) -> None:
        self._lock = link.lock
        self._handshake = handshake
        self._nonce = link.random(PAIRING_NONCE_SIZE)
        self._uptime = uptime = link.uptime
        self._state = _BEGUN
        self._theirs = b""
        self._digits = ""
        self._untyped = False
        self._digits_known = False
        self._until = uptime() + REVEALED_WITHIN

    @property
    def untyped(self) -> bool:
        """Whether its digits can be known to somebody and nothing was typed since, be its connection there or not."""
        return self._untyped

    @property
    def waiting(self) -> bool:
        """Whether the next entry of the keypad belongs to this pairing."""
        return self._untyped and self._uptime() < self._until

    @property
    def until(self) -> int:
        """Uptime until which the client may say something. What it says does not move it."""
        return self._until + (ANSWER_GRACE if self._digits_known else 0)

    @property
    def over(self) -> bool:
        """Whether nothing more can come of it."""
        return self._state == _OVER

    def close(self) -> None:
        """End it. What was revealed stays so until something is typed."""
        self._state = _OVER
        self._digits = ""

    def enter(self, digits: str) -> "bool | None":
        """Take an entry of the keypad: True when it is what the client shows, False when it is not, and then the
        pairing is over; None when the time for it had passed, so that the entry is a common one."""
        waiting = self.waiting
        self._untyped = False
        right = waiting and self._state == _SHOWN and same(digits.encode(), self._digits.encode())
        if right:
            self._state = _AGREED
            self._until = self._uptime() + FINISHED_WITHIN
        else:
            self.close()
        return right if waiting else None

    def answer(self, request: int, command: int, arguments: bytes) -> "Answers":
        """Yield status and result of one request; raises Refused. `request` is not used: nothing here is repeated."""
        if command == protocol.COMMIT:
            self._expect(_BEGUN, arguments, COMMITMENT_SIZE)
            self._theirs = arguments
            self._state = _COMMITTED
            yield protocol.DONE, commitment(LOCK, self._handshake, self._nonce)
        elif command == protocol.REVEAL:
            self._expect(_COMMITTED, arguments, PAIRING_NONCE_SIZE)
            if not same(commitment(CLIENT, self._handshake, arguments), self._theirs):
                raise self._failed()
            self._digits = digits_of(self._handshake, arguments, self._nonce)
            self._until = self._uptime() + TYPED_WITHIN
            self._state = _SHOWN
            self._untyped = self._digits_known = True
            self._lock.play("pairing")
            yield protocol.DONE, self._nonce
        elif command == protocol.CHECK_DIGITS:
            if arguments or self._state < _SHOWN:
                raise Refused("bad-request", "digits are asked for after reveal, with no arguments")
            if self.waiting:
                raise Refused("pairing-pending", "type the six digits on the lock's keypad, then #")
            if self._state != _AGREED:
                raise self._failed()
            yield protocol.DONE, b""
        elif command == protocol.FINISH:
            if self._state != _AGREED:
                raise self._failed()
            slot = self._finish(arguments)
            self.close()
            yield protocol.DONE, bytes((slot,))
        else:
            raise Refused("unknown-command", "a pairing knows commit, reveal, digits and finish")

    def _expect(self, state: int, arguments: bytes, size: int) -> None:
        if len(arguments) != size or self._state != state:
            raise Refused("bad-request", "commit and reveal come once, in this order, with 32 and 16 bytes")

    def _failed(self) -> Refused:
        self.close()
        return Refused("pairing-failed", "the pairing is over: begin again and type the digits as they are shown")

    def _finish(self, arguments: bytes) -> int:
        """Give the lock its key, and what a new one needs besides. Returns the key's slot."""
        size = arguments[PSK_SIZE] if len(arguments) > PSK_SIZE else 255
        end = PSK_SIZE + 1 + size
        if len(arguments) < end:
            raise Refused("bad-request", "finish holds a psk of 32 bytes, and a label with its length")
        psk, rest = arguments[:PSK_SIZE], arguments[end:]
        try:
            label = arguments[PSK_SIZE + 1 : end].decode()
        except UnicodeError:
            raise Refused("bad-key", "the label is no UTF-8")
        if self._lock.owner is None:
            return self._set_up(psk, label, rest)
        if rest:
            raise Refused("already-set-up", "this lock has a secret: give it a key alone, or reset it first")
        if not self._lock.setup_held():
            raise Refused("button-needed", "hold the set-up button inside the door once more, and ask again")
        owner = self._lock.owner
        return owner.add_key(_key(owner.free_slot(), psk, label))[0]

    def _set_up(self, psk: bytes, label: str, rest: bytes) -> int:
        """Make a lock of one that has no secret, or that lost its memory. One file commit counts: its last one."""
        head = 6 + SECRET_SIZE
        if len(rest) <= head:
            raise Refused("not-set-up", "this lock has no secret yet: give it time, epoch, secret and settings too")
        now, epoch = int.from_bytes(rest[:4], "big"), int.from_bytes(rest[4:6], "big")
        settings = protocol.unpack_settings(rest[head:])
        if len(settings) != len(SETTINGS):
            raise Refused("bad-request", "a new lock needs all settings")
        try:
            config = Config(**settings).pack()
        except ValueError as error:
            raise Refused("bad-setting", str(error))
        key = _key(0, psk, label)
        path = self._lock.path
        try:
            self._lock.set_clock(now)
            if self._lock.trouble == "fault":  # the button is held: its memory is given up
                Store.wipe(path)
            Store.create(path, rest[6:head], config, now, epoch, (key,))
        except ValueError as error:
            raise Refused("bad-time", str(error))
        except StoreFull as error:
            raise Refused("store-full", str(error))
        except LockError as error:
            raise Refused("already-set-up", str(error))
        except OSError:
            raise Refused("clock-fault", "the clock chip does not answer: look at its wiring")
        self._lock.restart_after_answer()
        return 0


def _key(slot: int, psk: bytes, label: str) -> AccessKey:
    try:
        return AccessKey(slot, OWNER, psk, label)
    except ValueError as error:
        raise Refused("bad-key", str(error))
