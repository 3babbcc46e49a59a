"""One connection to a lock, the client's side: fragments, hello, handshake, then sealed messages (docs/spec/link.md).

    start ──hello──► waits ──second message authentic──► session ──a message that cannot be decrypted──► over

`shake` does the first three steps and returns a session. Any error ends the connection; a retry is a new connection.
What a lock sends before the session is not authentic, so it only chooses the words for a person.
"""

import asyncio
import os
from collections.abc import Callable

from tumbler_lock.core.errors import SessionError
from tumbler_lock.core.fragments import FRAGMENT_LEAST, FRAGMENT_MOST, Cutter, Joiner
from tumbler_lock.core.noise import HandshakeState
from tumbler_lock.core.protocol import (
    CHALLENGE_SIZE,
    FROM_LOCK,
    HANDSHAKE,
    HELLO,
    LINK_VERSION,
    LOCK_ID_SIZE,
    NO_PAIRING,
    NOT_NOW,
    OLD_VERSION,
    PAIRING_SLOT,
    REFUSED,
    SEALED,
    UNTYPED,
    prologue,
)

from ..errors import ToolError
from .transport import LinkLost, Wire

MESSAGE_WITHIN = 10.0  # seconds: the lock answers hello at once, and the handshake after two curve operations
ANSWER_WITHIN = 20.0  # a command may wait for flash and the keypad

Random = Callable[[int], bytes]


class WrongKey(ToolError):
    """The device that answers refuses the key, or does not have it. Any device can do that: it proves nothing."""

    def __init__(self, name: str = "the lock"):
        super().__init__(
            f"The device that answers as {name} does not accept the key: the key was removed, or another device"
            " advertises the lock's id.",
            "Try again right beside the lock; `tumbler scan` shows what is in range. If that does not help, ask an"
            " owner of the lock whether the key was removed.",
        )


class WrongLock(ToolError):
    """Another lock answered than the one that was named. blank: it has no secret."""

    def __init__(self, *, blank: bool):
        if blank:
            super().__init__("The lock has no secret: it is new, or was reset.", "Set it up: tumbler pair --help")
        else:
            super().__init__("Another lock answered.", "Try again; `tumbler scan` shows which locks are in range.")
        self.blank = blank


class Busy(ToolError):
    """The lock accepts no connection now."""

    def __init__(self) -> None:
        super().__init__(
            "The lock is busy: too many connections to it failed in the last minute.", "Try again in some seconds."
        )


class NotPairing(ToolError):
    """The lock has a secret, and its set-up button is not held."""

    def __init__(self) -> None:
        super().__init__(
            "This lock has an owner, and does not pair now.",
            "Hold its set-up button, inside the door, while you run the command again.",
        )


class PairingWaits(ToolError):
    """An earlier pairing has shown digits that were not typed yet."""

    def __init__(self) -> None:
        super().__init__(
            "The lock still waits for the digits of an earlier pairing.",
            "Type any digits and # on its keypad. It refuses them; then run the command again.",
        )


class TooOld(ToolError):
    """The two sides have no version of the link in common."""

    def __init__(self) -> None:
        super().__init__("The lock speaks another version of the link.", "Update Tumbler on this computer.")


class Channel:
    """Whole messages over a wire."""

    def __init__(self, wire: Wire):
        self._wire = wire
        self._cutter = Cutter()
        self._joiner = Joiner()

    async def send(self, message: bytes) -> None:
        """Send one message of 1 to 320 bytes."""
        for fragment in self._cutter.cut(message, max(FRAGMENT_LEAST, min(FRAGMENT_MOST, self._wire.fragment))):
            await self._wire.send(fragment)

    async def receive(self, timeout: float) -> bytes:
        """Return the next message; LinkLost if a fragment is lost or repeated, or after so many seconds."""
        loop = asyncio.get_running_loop()
        until = loop.time() + timeout
        while True:
            try:
                message = self._joiner.add(await self._wire.receive(max(0.0, until - loop.time())))
            except SessionError:
                raise LinkLost("A part of a message from the lock was lost.") from None
            if message is not None:
                return message

    async def close(self) -> None:
        """End the connection."""
        await self._wire.close()


class Session:
    """An authenticated connection. lock_id: of the lock; hash: different for every session."""

    def __init__(self, channel: Channel, handshake: HandshakeState, lock_id: bytes):
        self.lock_id = lock_id
        self.hash = handshake.hash
        self._channel = channel
        self._seal, self._open = handshake.split()

    async def send(self, payload: bytes) -> None:
        """Encrypt and send one payload."""
        await self._channel.send(bytes((SEALED,)) + self._seal.seal(payload))

    async def receive(self, timeout: float = ANSWER_WITHIN) -> bytes:
        """Return the lock's next payload; LinkLost if what arrives is not one."""
        message = await self._channel.receive(timeout)
        if message[0] != SEALED | FROM_LOCK:
            raise LinkLost("The lock ended the connection.")
        try:
            return self._open.open(message[1:])
        except SessionError:
            raise LinkLost("A message of the lock was altered on the way.") from None

    async def close(self) -> None:
        """End the connection."""
        await self._channel.close()


async def shake(
    wire: Wire, slot: int, psk: bytes | None, expected: bytes | None, random: Random = os.urandom
) -> Session:
    """Say hello and do the handshake on a new wire, with the key of a slot; to pair, psk is None and slot 255.

    expected: the lock id that must answer, None for any. Raises WrongLock, WrongKey, Busy, NotPairing, PairingWaits,
    TooOld or LinkLost, and closes the wire then.
    """
    channel = Channel(wire)
    try:
        await channel.send(bytes((HELLO, LINK_VERSION, slot)))
        version, lock_id, challenge = _hello(await channel.receive(MESSAGE_WITHIN))
        if expected is not None and lock_id != expected:
            raise WrongLock(blank=not any(lock_id))
        begin = prologue(LINK_VERSION, version, slot, lock_id, challenge)
        handshake = HandshakeState(True, begin, None if slot == PAIRING_SLOT else psk, random)
        await channel.send(bytes((HANDSHAKE,)) + handshake.write())
        answer = await channel.receive(MESSAGE_WITHIN)
        _look_for_refusal(answer)
        try:
            if answer[0] != HANDSHAKE | FROM_LOCK or handshake.read(answer[1:]):
                raise SessionError
        except SessionError:
            raise WrongKey from None
        return Session(channel, handshake, lock_id)
    except BaseException:
        await channel.close()
        raise


def _hello(message: bytes) -> tuple[int, bytes, bytes]:
    """Parse the lock's hello: version, lock id, challenge."""
    _look_for_refusal(message)
    if len(message) != 2 + LOCK_ID_SIZE + CHALLENGE_SIZE or message[0] != HELLO | FROM_LOCK:
        raise LinkLost("The device that answered is not a lock, or a lock of another version.")
    if message[1] != LINK_VERSION:
        raise TooOld
    return message[1], message[2 : 2 + LOCK_ID_SIZE], message[2 + LOCK_ID_SIZE :]


def _look_for_refusal(message: bytes) -> None:
    if message[0] == REFUSED:
        reason = message[1] if len(message) == 2 else 0
        known = {OLD_VERSION: TooOld, NOT_NOW: Busy, NO_PAIRING: NotPairing, UNTYPED: PairingWaits}
        raise known.get(reason, WrongKey)()
