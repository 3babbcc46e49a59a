"""Pairing, the client's side: a first key without a shared secret (docs/spec/link.md, "Pairing").

    begin ──handshake without a key──► begun ──nonces──► shown ──typed at the lock──► agreed ──finish──► over

The caller shows the digits, waits until they are typed, asks the owner whether the lock itself agreed, and only then
finishes. A lock that has a secret then asks for its set-up button once more. Nothing else is retried: after any error a
new pairing begins, with new keys and other digits.
"""

import asyncio
import os
from collections.abc import Callable

from tumbler_lock.core import protocol
from tumbler_lock.core.config import Config
from tumbler_lock.core.kdf import same
from tumbler_lock.core.keys import SLOTS
from tumbler_lock.core.pairing import CLIENT, LOCK, PAIRING_NONCE_SIZE, TYPED_WITHIN, commitment, digits_of
from tumbler_lock.core.protocol import NO_LOCK, PAIRING_SLOT

from ..errors import ToolError
from .client import BadAnswer, fresh_id, read_part
from .refusals import Refusal
from .session import Random, Session, shake
from .transport import Wire

POLL = 1.0  # seconds between two requests whether the digits were typed, or whether the button is held
PENDING = "pairing-pending"
BUTTON = "button-needed"


class PairingFailed(ToolError):
    """The right digits were not typed, or there may be a man in the middle."""

    def __init__(self, what: str, first: str = ""):
        super().__init__(
            what, f"Nothing was changed. {first}Run the command again and type the digits as they are shown."
        )


class Pairing:
    """One pairing, begun. lock_id: of the lock, zeros for one without a secret."""

    def __init__(self, session: Session, random: Random, poll: float):
        self.lock_id = session.lock_id
        self._session = session
        self._random = random
        self._poll = poll

    @classmethod
    async def begin(cls, connection: Wire, random: Random = os.urandom, poll: float | None = None) -> "Pairing":
        """Do a handshake without a key; NotPairing if the lock has a secret and its set-up button is not held."""
        session = await shake(connection, PAIRING_SLOT, None, None, random)
        return cls(session, random, POLL if poll is None else poll)

    @property
    def is_new(self) -> bool:
        """Whether the lock has reported that it has no secret."""
        return self.lock_id == NO_LOCK

    async def digits(self) -> str:
        """Exchange nonces, each committed to before the other is seen, and return the six digits to show."""
        ours = self._random(PAIRING_NONCE_SIZE)
        theirs = await self._ask(protocol.COMMIT, commitment(CLIENT, self._session.hash, ours))
        nonce = await self._ask(protocol.REVEAL, ours)
        if len(nonce) != PAIRING_NONCE_SIZE or not same(commitment(LOCK, self._session.hash, nonce), theirs):
            await self.close()
            raise PairingFailed("The lock's nonce is not the one it committed to: there may be a man in the middle.")
        return digits_of(self._session.hash, ours, nonce)

    async def typed(self) -> None:
        """Wait until the digits are typed at the lock; PairingFailed if others are, or after two minutes."""
        loop = asyncio.get_running_loop()
        over = loop.time() + TYPED_WITHIN - POLL
        until = over + POLL + 5
        waits = "The lock still waits for an entry: type any digits and #. "
        while loop.time() < until:
            try:
                if await self._ask(protocol.CHECK_DIGITS):
                    raise BadAnswer
                return
            except Refusal as refusal:
                if refusal.word != PENDING:
                    if loop.time() < over:
                        raise PairingFailed("Other digits were typed at the lock.") from None
                    break
            await asyncio.sleep(self._poll)
        raise PairingFailed("The digits were not typed within two minutes.", waits)

    async def finish(self, psk: bytes, label: str, new: bytes = b"", button: Callable[[], None] = lambda: None) -> int:
        """Give the lock its key, and what a new lock needs besides (see `for_new`); return the key's slot.

        Only after the owner has seen that the lock agreed. button: called each time that a lock with a secret asks for
        its set-up button once more; that is retried for two minutes. Refusal if the lock does not accept the key.
        """
        name = label.encode()
        loop = asyncio.get_running_loop()
        until = loop.time() + TYPED_WITHIN
        while True:
            try:
                slot = await self._ask(protocol.FINISH, psk + bytes((len(name),)) + name + new)
            except Refusal as refusal:
                if refusal.word != BUTTON or loop.time() >= until:
                    raise
                button()
                await asyncio.sleep(self._poll)
                continue
            if len(slot) != 1 or slot[0] >= SLOTS:
                raise BadAnswer
            return slot[0]

    async def close(self) -> None:
        """End the connection."""
        await self._session.close()

    async def _ask(self, command: int, arguments: bytes = b"") -> bytes:
        """Send one request and return its answer."""
        ident = fresh_id(self._random)
        await self._session.send(ident + bytes((command,)) + arguments)
        status, result = read_part(await self._session.receive(), ident)
        if status != protocol.DONE:
            raise BadAnswer
        return result


def for_new(now: int, epoch: int, secret: bytes, config: Config) -> bytes:
    """Return what a lock without a secret receives with its first key."""
    return now.to_bytes(4, "big") + epoch.to_bytes(2, "big") + secret + protocol.pack_settings(config.values())
