"""What all connections of one lock share: who it is, its keys, the budget of strangers (docs/spec/link.md).

The connection budget bounds what strangers cost. A connection takes one of STRANGERS tokens when it says hello, or when
it ends without a hello, and gives it back when it has a session with a key. One token comes back every REFILL seconds.
So many connections at once cost no more than one after the other. The budget protects no secret, so RAM is good enough.
Times are uptime in whole seconds.
"""

from .protocol import NO_LOCK, lock_id
from .token_bucket import TokenBucket

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Protocol

    from .keys import AccessKey
    from .management import Management
    from .updates import Updates

    class ManagedLock(Protocol):
        """The lock that a link manages."""

        owner: "Management | None"  # None while the lock has no memory
        trouble: str  # "", "no-secret" or "fault"
        path: str  # directory of the memory
        updates: "Updates | None"  # None without slots

        def setup_held(self) -> bool:
            """Whether the set-up button is held."""

        def set_clock(self, unix: int) -> None:
            """Set the clock chip; raises ValueError, OSError."""

        def open(self, seconds: int) -> None:
            """Draw the bolt back."""

        def bolt_open(self) -> bool:
            """Whether the bolt is back."""

        def battery(self) -> "int | None":
            """Charge in percent, None if it cannot be measured."""

        def play(self, name: str) -> None:
            """Begin a pattern."""

        def configured(self) -> None:
            """Take over changed settings."""

        def wipe(self) -> None:
            """Forget everything, as a lock without a secret, then restart_after_answer(); raises StoreFull."""

        def restart_after_answer(self) -> None:
            """Restart once the answer is sent."""

    class OpenSession(Protocol):
        """A session as the link state sees it (session.py)."""

        slot: "int | None"
        busy: bool

        @property
        def ended(self) -> bool:
            """Whether it has nothing more to say."""

        def close(self) -> None:
            """End it."""

    class LastPairing(Protocol):
        """A pairing as the link state sees it (pairing.py)."""

        @property
        def untyped(self) -> bool:
            """Whether its digits were shown, and nothing typed since."""

        def enter(self, digits: str) -> "bool | None":
            """Take an entry; whether it was right, None when its time had passed."""

        def close(self) -> None:
            """End it."""


STRANGERS = 16
REFILL = 2
IN_A_ROW = 8  # what a key that is no owner's may do in a row of what wears the lock or tells of digits ...
IN_A_ROW_REFILL = 300  # ... and every so many seconds once more
REST = 10  # seconds that a slot is not taken after a session that lasted as long as one may


class LinkState:
    """What the sessions of one lock share. lock: the managed one; random(n): n bytes that nobody can guess; uptime():
    whole seconds since the start; firmware: its version, three numbers; pairing: the last one that began.
    """

    def __init__(
        self,
        lock: "ManagedLock",
        random: "Callable[[int], bytes]",
        uptime: "Callable[[], int]",
        firmware: "tuple[int, int, int]",
    ) -> None:
        self.lock = lock
        self.random = random
        self.uptime = uptime
        self.firmware = firmware
        self.id = NO_LOCK if lock.owner is None else lock_id(lock.owner.store.secret)
        self.pairing: "LastPairing | None" = None
        self._sessions: "list[OpenSession]" = []
        self._strangers = TokenBucket(STRANGERS, REFILL, uptime)
        self._in_a_row: "dict[int, TokenBucket]" = {}  # by slot
        self._rests: "dict[int, int]" = {}  # by slot: uptime until which it is not taken

    def wait(self) -> int:
        """Seconds until the budget lets another stranger connect; 0: now."""
        return self._strangers.wait()

    def pay(self) -> None:
        """Take a token for a connection that may fail."""
        self._strangers.take()

    @property
    def pairs(self) -> bool:
        """Whether a client without a key may pair now."""
        return self.lock.trouble == "no-secret" or self.lock.setup_held()

    @property
    def untyped(self) -> bool:
        """True while a pairing has shown digits that were not typed yet. No other pairing may start until then, or a
        man in the middle could retry until both sides show the same digits."""
        return self.pairing is not None and self.pairing.untyped

    def key(self, slot: int) -> "AccessKey | None":
        """The key in a slot."""
        owner = self.lock.owner
        return None if owner is None else owner.store.keys.get(slot)

    def in_a_row(self, slot: int) -> TokenBucket:
        """What the key in a slot may still do in a row."""
        if slot not in self._in_a_row:
            self._in_a_row[slot] = TokenBucket(IN_A_ROW, IN_A_ROW_REFILL, self.uptime)
        return self._in_a_row[slot]

    def rest(self, slot: int) -> None:
        """A session lasted as long as one may: let others in."""
        self._rests[slot] = self.uptime() + REST

    def rests(self, slot: int) -> bool:
        """Whether a slot is not taken now."""
        return self.uptime() < self._rests.get(slot, 0)

    @property
    def connected(self) -> bool:
        """Whether there is a session."""
        return bool(self._sessions)

    def opened(self, session: "OpenSession") -> None:
        """Register an established session. A session with a key gets its token back; a pairing session does not."""
        self._sessions.append(session)
        if session.slot is not None:
            self._strangers.give_back()

    def closed(self, session: "OpenSession") -> None:
        """Forget a session whose connection is over."""
        if session in self._sessions:
            self._sessions.remove(session)

    def removed(self) -> None:
        """End the sessions of a removed key; one that is being answered ends after its answer."""
        for session in list(self._sessions):
            if session.slot is not None and not session.busy and session.ended:
                session.close()
