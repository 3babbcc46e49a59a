"""The errors the core raises on purpose, all below `LockError`.

Their text names what was wrong and what to do, and never holds a digit of a code or a byte of a secret. Wrong
arguments from our own code are ValueError, as everywhere in Python.
"""


class LockError(Exception):
    """Anything the lock refuses or cannot do for a reason that a person can act on."""


class NotProvisioned(LockError):
    """There is no journal: the lock was never given a secret. It opens to nothing."""


class MemoryLost(LockError):
    """The journal is there but cannot be believed. The lock opens to nothing, the file stays as it is."""


class StoreFull(LockError):
    """No room for this, in the code book or on the flash. Nothing was changed and everything kept is still
    there.
    """


class Refused(LockError):
    """An owner's command that is not carried out; `.reason` is the word for it, the text says what to do
    instead.
    """

    def __init__(self, reason: str, text: str = "") -> None:
        super().__init__(text or reason)
        self.reason = reason


class SessionError(LockError):
    """The handshake or the session with the other side cannot go on: a message that is not authentic, of a wrong
    size or out of turn, or one too many. Nothing of the message was used; end the connection.
    """
