"""The link: who may connect, as whom, and what all connections of one lock share (docs/spec/link.md).

The connection budget bounds what strangers cost: a connection takes one of STRANGERS tokens when it says hello, or when
it ends without having said it, and gives it back when it has a session with a key; one comes back every REFILL seconds.
So a crowd of connections at once costs no more than one after the other. It protects no secret, so RAM is good enough
for it. Times are uptime in whole seconds.
"""

from .handlers import Commands
from .kdf import hkdf
from .pairing import Pairing
from .prologue import LOCK_ID, NO_LOCK
from .session import Session
from .token_bucket import Bucket

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from .keys import Key

STRANGERS = 16
REFILL = 2
IN_A_ROW = 8  # what a key that is no owner's may do in a row of what wears the lock or tells of digits ...
IN_A_ROW_REFILL = 300  # ... and every so many seconds once more
REST = 10  # seconds that a slot is not taken after a session that lasted as long as one may


def lock_id(secret: bytes) -> bytes:
    """Return the 8 bytes that name the lock with this root secret, and reveal nothing of it."""
    return hkdf(secret, b"tumbler lock id 1", LOCK_ID)


class Link:
    """All links of one lock.

    lock: what is managed, with the attributes
        store, verifier, owner      the core's, None while the lock has no memory
        trouble                     "", "no-secret" or "fault"
        path                        directory of the memory
        setup_held()                whether the set-up button is held
        set_clock(unix)             set the clock chip; ValueError, OSError
        open(seconds)               draw the bolt back
        bolt_open()                 whether it is back
        battery()                   percent, or None
        play(name)                  begin a pattern
        configured()                settings have changed
        wipe()                      forget everything, as a lock without a secret; StoreFull. Then as start_anew()
        start_anew()                restart once the answer is sent
        updates                     core's Updates, None without slots
    random(n): n bytes that nobody can guess; uptime(): whole seconds since the start; firmware: its version, three
    numbers.
    """

    def __init__(
        self,
        lock: "Any",
        random: "Callable[[int], bytes]",
        uptime: "Callable[[], int]",
        firmware: "tuple[int, int, int]",
    ) -> None:
        self._lock = lock
        self.random = random
        self.uptime = uptime
        self.firmware = firmware
        self.id = NO_LOCK if lock.store is None else lock_id(lock.store.secret)
        self._sessions: "list[Session]" = []
        self._pairing: "Pairing | None" = None
        self._strangers = Bucket(STRANGERS, REFILL, uptime)
        self._in_a_row: "dict[int, Bucket]" = {}  # by slot
        self._rests: "dict[int, int]" = {}  # by slot: uptime until which it is not taken

    def connect(self) -> Session:
        """A connection was made: return its session."""
        return Session(self)

    def wait(self) -> int:
        """Seconds until the budget lets another stranger connect; 0: now."""
        return self._strangers.wait()

    @property
    def connected(self) -> bool:
        """Whether there is a session."""
        return bool(self._sessions)

    # What sessions ask

    @property
    def pairs(self) -> bool:
        """Whether somebody without a key may pair now."""
        return self._lock.trouble == "no-secret" or self._lock.setup_held()

    def key(self, slot: int) -> "Key | None":
        """The key in a slot."""
        store = self._lock.store
        return None if store is None else store.keys.get(slot)

    def commands(self, key: "Key") -> Commands:
        """What a session with this key may do."""
        return Commands(self._lock, key, self)

    @property
    def untyped(self) -> bool:
        """Whether an earlier pairing still waits for an entry, whoever was its client. As long as that is so none may
        begin: otherwise somebody in between could try again and again until the lock's digits are the client's."""
        return self._pairing is not None and self._pairing.untyped

    def begin_pairing(self, handshake: bytes) -> "Pairing | None":
        """Begin a pairing; one that is under way and has revealed nothing is over. None while one is untyped."""
        if self.untyped:
            return None
        if self._pairing is not None:
            self._pairing.close()
        self._pairing = Pairing(self._lock, handshake, self.random, self.uptime)
        return self._pairing

    def in_a_row(self, slot: int) -> Bucket:
        """What the key in a slot may still do in a row."""
        if slot not in self._in_a_row:
            self._in_a_row[slot] = Bucket(IN_A_ROW, IN_A_ROW_REFILL, self.uptime)
        return self._in_a_row[slot]

    def rest(self, slot: int) -> None:
        """A session lasted as long as one may: let others in."""
        self._rests[slot] = self.uptime() + REST

    def rests(self, slot: int) -> bool:
        """Whether a slot is not taken now."""
        return self.uptime() < self._rests.get(slot, 0)

    def pay(self) -> None:
        """Take a token for a connection that may fail."""
        self._strangers.take()

    def opened(self, session: Session) -> None:
        """A session is there. With a key its connection did not fail; who pairs is a stranger all the while."""
        self._sessions.append(session)
        if session.slot is not None:
            self._strangers.give_back()

    def closed(self, session: Session) -> None:
        """A connection is over."""
        if session in self._sessions:
            self._sessions.remove(session)

    def removed(self) -> None:
        """A key was removed: its sessions end, one that is being answered after its answer."""
        for session in list(self._sessions):
            if session.slot is not None and not session.busy and session.ended:
                session.close()

    # What the keypad asks

    def enter(self, digits: str) -> "bool | None":
        """Take an entry of the keypad before anybody else: whether it was right when it belongs to a pairing, None when
        it belongs to none."""
        pairing = self._pairing
        return pairing.enter(digits) if pairing is not None and pairing.untyped else None
