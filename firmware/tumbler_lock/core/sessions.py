"""The sessions of one lock: a connection gets a session, a session its handler, a pairing its digits."""

from .handlers import Commands
from .pairing import Pairing
from .session import Session

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .keys import AccessKey
    from .link_state import LinkState


class Sessions:
    """All sessions of the lock behind `link`, its LinkState."""

    def __init__(self, link: "LinkState") -> None:
        self.link = link

    def connect(self) -> Session:
        """Return the session of a new connection."""
        return Session(self.link, self._handler)

    def enter(self, digits: str) -> "bool | None":
        """Take an entry of the keypad if a pairing waits for one. Return whether it was right, None if no pairing
        waits: then the entry is a common one."""
        pairing = self.link.pairing
        return pairing.enter(digits) if pairing is not None and pairing.untyped else None

    def _handler(self, key: "AccessKey | None", handshake: bytes) -> "Commands | Pairing | None":
        """Return what answers the requests of a session: the commands of its key, or without one a pairing. None if no
        pairing may begin now; otherwise it ends the one before it, which has revealed nothing."""
        link = self.link
        if key is not None:
            return Commands(link, key)
        if link.untyped:
            return None
        if link.pairing is not None:
            link.pairing.close()
        link.pairing = pairing = Pairing(link, handshake)
        return pairing
