"""The client of a lock: each request is done once, whatever is lost on the way (docs/spec/link.md, "Commands").

A request has an id. If the connection is lost before the last part of the answer arrives, the client reconnects and
sends the same request with the same id. The lock carries it out if it has not yet, and repeats its answer if it has. A
list continues where it was interrupted. One request is in flight at a time.

    apart ──connect, handshake──► session ──request──► waiting ──last part──► session
    waiting ──connection lost──► apart, and the same request again, REQUEST_TRIES times without progress at most
"""

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

from tumbler_lock.core import protocol
from tumbler_lock.core.codebook import NEVER
from tumbler_lock.core.config import Config
from tumbler_lock.core.errors import Refused
from tumbler_lock.core.keys import SLOTS

from ..answers import (
    CodeRecord,
    KeyEntry,
    LogEvent,
    Status,
    UpdateStatus,
    events,
    keys,
    number,
    settings,
)
from ..errors import ToolError
from ..text import command_line as command_line
from .refusals import Refusal
from .session import Busy, Random, Session, shake
from .transport import LinkLost, OutOfRange, Wire

if TYPE_CHECKING:
    from tumbler_lock.core.config import Value

REQUEST_TRIES = 3
MOST_WORKING = 1000  # empty parts that a working lock may send; one comes every 5 seconds
BUSY_TRIES = 6  # the last more than 10 s after the first: a lock rests so long after a very long session
BUSY_PAUSE = 2.5  # seconds: the lock accepts one more stranger every 2
REACH_WITHIN = 7.0  # seconds after which no further attempt begins: the lock was there a moment ago
AGAIN_PAUSE = 0.5  # seconds before a reconnect
MOST_EVENTS = 0xFFFF
ANY_SLOT = 255
LIST_HEAD = 6  # bytes before the entries of a part of the code list
MOST_CODES = 0x7FFF  # what a lock may hold
LAST_SEQ = 0xFFFFFFFF
CODES = "code list --fetch"

Dial = Callable[[], Awaitable[Wire]]
T = TypeVar("T")
DigitsOrTag = str | bytes  # how a code is named to the lock; a tag has 8 bytes


class BadAnswer(ToolError):
    """The lock's answer is invalid by docs/spec/link.md."""

    def __init__(self) -> None:
        super().__init__("The lock's answer is invalid for this version of Tumbler.", "Update Tumbler and the lock.")


class Unconfirmed(ToolError):
    """The answer to a change was lost, so that it is not known whether the lock made it.

    interrupted: the user pressed Ctrl-C before the answer arrived.
    """

    interrupted = False


class Client:
    """One lock, used with one key. dial: makes a new connection; random: n unpredictable bytes; name: for messages.

    Use as an asynchronous context manager. Every method raises Refusal if the lock refuses, and another ToolError if
    the lock is out of range, busy, another one, or does not accept the key.
    """

    def __init__(
        self, dial: Dial, lock_id: bytes, slot: int, psk: bytes, random: Random = os.urandom, name: str = "NAME"
    ):
        self.slot = slot
        self.name = name
        self._dial = dial
        self._lock_id = lock_id
        self._psk = psk
        self._random = random
        self._session: Session | None = None
        self._sent = False  # whether the current request was ever sent

    async def __aenter__(self) -> "Client":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def connect(self) -> None:
        """Connect, unless there is a session. Waits some seconds for a lock that is busy."""
        lost = busy = 0
        loop = asyncio.get_running_loop()
        until = loop.time() + REACH_WITHIN
        while self._session is None:
            try:
                self._session = await shake(await self._dial(), self.slot, self._psk, self._lock_id, self._random)
            except Busy:
                busy += 1
                if busy == BUSY_TRIES:
                    raise
                await asyncio.sleep(BUSY_PAUSE)
            except (LinkLost, OutOfRange):
                lost += 1
                if lost == REQUEST_TRIES or loop.time() > until:
                    raise
                await asyncio.sleep(AGAIN_PAUSE)

    async def close(self) -> None:
        """End the connection."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    # Requests of every key

    async def identify(self) -> Status:
        """Return the lock's id and state."""
        status = _read(Status.read, await self._one(protocol.IDENTIFY))
        if (status.lock_id, status.slot) != (self._lock_id, self.slot):
            raise BadAnswer
        return status

    async def time(self) -> tuple[int, bool]:
        """Return the lock's time, and whether the lock trusts it."""
        answer = await self._one(protocol.GET_TIME)
        return number(_sized(answer, 5)[:4]), bool(answer[4])

    async def set_time(self, now: int) -> None:
        """Set the lock's clock."""
        _sized(await self._change("set its clock", "lock status", protocol.SET_TIME, now.to_bytes(4, "big")), 0)

    async def unlock(self) -> int:
        """Open; return the seconds until the bolt locks again."""
        return _sized(await self._change("open", "", protocol.UNLOCK), 1)[0]

    # Codes

    async def add_code(self, digits: str, start: int | None, end: int | None, *, force: bool = False) -> bytes:
        """Add a custom code and return its tag. start None: at once; end None: never; force: even if it is weak."""
        times = (start or 0).to_bytes(4, "big") + (NEVER if end is None else end).to_bytes(4, "big")
        arguments = bytes((int(force),)) + times + digits.encode()
        return _sized(await self._change("add the code", CODES, protocol.ADD_CODE, arguments), 8)

    async def change_code(
        self, code: DigitsOrTag, start: int | None, end: int | None, digits: str | None, *, force: bool = False
    ) -> bytes:
        """Change start, end or digits of a code; None leaves one as it is. Returns the tag it has now."""
        named = protocol.FORCE if force else 0
        for flag, value in ((protocol.NEW_START, start), (protocol.NEW_END, end), (protocol.NEW_DIGITS, digits)):
            named |= 0 if value is None else flag
        times = (start or 0).to_bytes(4, "big") + (end or 0).to_bytes(4, "big")
        arguments = bytes((named,)) + times + _code(code) + (digits or "").encode()
        return _sized(await self._change("change the code", CODES, protocol.CHANGE_CODE, arguments), 8)

    async def delete_code(self, code: DigitsOrTag) -> bytes:
        """Delete a code. Returns its tag."""
        return _sized(await self._change("delete the code", CODES, protocol.DELETE_CODE, _code(code)), 8)

    async def codes(self, progress: Callable[[int], None] = lambda count: None) -> list[CodeRecord]:
        """Return every code of the lock's book, each once; progress: called with how many there are so far."""
        cursor = protocol.FROM_THE_BEGINNING
        found: dict[bytes, CodeRecord] = {}

        def take(part: bytes) -> None:
            nonlocal cursor
            if len(part) < LIST_HEAD:
                raise ValueError("a part of a list is incomplete")
            if number(part[:2]) >= cursor:
                raise ValueError("the list does not end")
            cursor = number(part[:2])
            # A code that is there twice changed in between: the last one is newer.
            found.update((record.tag, record) for record in CodeRecord.list(part[LIST_HEAD:]))
            if len(found) > MOST_CODES:
                raise ValueError("more codes than a lock holds")
            progress(len(found))

        await self._request(protocol.LIST_CODES, lambda: cursor.to_bytes(2, "big"), take, MOST_CODES + 1)
        return list(found.values())

    # Log

    async def log(
        self, after: int, keep: Callable[[list[LogEvent]], None], most: int = MOST_EVENTS, newest: int = LAST_SEQ
    ) -> None:
        """Read the log's events after a sequence number, oldest first; keep: called with each part of them.

        most: how many; newest: number of the last one to keep. Later ones are left for the next time.
        """
        last, left = after, most

        def take(part: bytes) -> None:
            nonlocal last, left
            found = list(events(part))
            for event in found:
                if event.seq <= last:
                    raise ValueError("events are out of order")
                last = event.seq
            left -= len(found)
            if left < 0:
                raise ValueError("more events than requested")
            keep([event for event in found if event.seq <= newest])

        def arguments() -> bytes:
            return last.to_bytes(4, "big") + left.to_bytes(2, "big")

        await self._request(protocol.READ_LOG, arguments, take, most + 1)

    # Settings

    async def settings(self) -> Config:
        """Return every setting."""
        return _read(settings, await self._one(protocol.GET_CONFIG))

    async def configure(self, **changes: "Value") -> None:
        """Change settings, named as in core/config.py."""
        packed = protocol.pack_settings(changes)
        _sized(await self._change("change its settings", "lock settings", protocol.SET_CONFIG, packed), 0)

    # Keys

    async def keys(self) -> list[KeyEntry]:
        """Return the lock's keys."""
        found: list[KeyEntry] = []

        def arguments() -> bytes:
            found.clear()  # this list starts again from its beginning
            return b""

        def take(part: bytes) -> None:
            found.extend(keys(part))
            if len({key.slot for key in found}) != len(found):
                raise ValueError("a key slot is there twice")

        await self._request(protocol.LIST_KEYS, arguments, take, SLOTS * REQUEST_TRIES)
        return found

    async def add_key(self, entry: KeyEntry, psk: bytes) -> int:
        """Add a key; slot 255 means the lowest free one. Returns its slot."""
        slot = _sized(await self._one(protocol.ADD_KEY, entry.pack(psk)), 1)[0]
        if slot >= SLOTS:
            raise BadAnswer
        return slot

    async def remove_key(self, slot: int) -> None:
        """Remove a key; its sessions end. Unconfirmed if the answer was lost. A refusal of the key after that proves
        nothing, because any device can refuse it.
        """
        try:
            _sized(await self._one(protocol.REMOVE_KEY, bytes((slot,))), 0)
        except Refusal:
            raise
        except ToolError as error:
            if not self._sent:
                raise
            raise Unconfirmed(
                "The lock was asked to remove the key, and its answer was lost: it is not known whether it did.",
                "The registry has forgotten nothing. If the lock no longer accepts your key, pair again with its set-up"
                f" button held, or import another key. Else see its keys: {command_line('key list', self.name)}",
            ) from error
        if slot == self.slot:
            await self.close()

    # The firmware

    async def update_status(self) -> UpdateStatus:
        """Return how far an update is. The lock may work for a while before it answers."""
        return _read(UpdateStatus.read, await self._last(protocol.UPDATE_STATUS))

    async def update_begin(self, ident: bytes, length: int, offset: int, data: bytes, *, force: bool) -> int:
        """Send a piece of an update's manifest; return how many bytes of it the lock has."""
        place = length.to_bytes(2, "big") + offset.to_bytes(2, "big")
        return number(_sized(await self._last(protocol.UPDATE_BEGIN, bytes((force,)) + ident + place + data), 2))

    async def update_piece(self, ident: bytes, file: int, offset: int, data: bytes) -> tuple[int, int]:
        """Send a piece of an update's file; return number and offset of the piece that the lock wants next."""
        place = file.to_bytes(2, "big") + offset.to_bytes(4, "big")
        answer = _sized(await self._last(protocol.UPDATE_PIECE, ident + place + data), 6)
        return number(answer[:2]), number(answer[2:])

    async def update_finish(self, ident: bytes, *, force: bool) -> None:
        """Have an update verified and tried; the lock restarts when this client disconnects."""
        _sized(await self._last(protocol.UPDATE_FINISH, bytes((force,)) + ident), 0)

    # Everything

    async def erase(self) -> int:
        """Erase every code. Returns the new epoch."""
        return number(_sized(await self._change("erase every code", "lock status", protocol.ERASE_CODES), 2))

    async def reset(self) -> None:
        """Reset the lock to its state as new. Unconfirmed if the answer was lost. A refusal of the key after that, or
        a lock without a secret, proves nothing, because any device can answer so.
        """
        try:
            _sized(await self._one(protocol.RESET), 0)
        except Refusal:
            raise
        except ToolError as error:
            if not self._sent:
                raise
            raise Unconfirmed(
                "The lock was asked to reset itself, and its answer was lost: it is not known whether it did.",
                "The registry has forgotten nothing. Press #: a lock without a secret answers with two short tones and"
                f" a long one, and opens to no code. Then pair it again: {command_line('pair', self.name)}",
            ) from error
        await self.close()

    # Requests

    async def _change(self, asked: str, look: str, command: int, arguments: bytes = b"") -> bytes:
        """Carry out a request that changes something and has an answer of one part. Unconfirmed if that was lost.

        asked: what the lock is to do; look: the command that shows whether it did.
        """
        try:
            return await self._one(command, arguments)
        except (Refusal, BadAnswer):
            raise
        except (ToolError, asyncio.CancelledError) as error:
            if not self._sent:
                raise
            if look:
                may = "it may be done"
                remedy = f"Run the same command again, or look: {command_line(look, self.name)}"
            else:
                may, remedy = "it may have opened", "Look at the door, or run the command again."
            lost = Unconfirmed(f"The lock '{self.name}' was asked to {asked}, and its answer was lost: {may}.", remedy)
            lost.interrupted = isinstance(error, asyncio.CancelledError)
            raise lost from error

    async def _one(self, command: int, arguments: bytes = b"") -> bytes:
        """Carry out a request that has an answer of one part, and return that."""
        parts: list[bytes] = []
        await self._request(command, lambda: arguments, parts.append, 1)
        return parts[0]

    async def _last(self, command: int, arguments: bytes = b"") -> bytes:
        """Carry out a request that the lock works on for long. Return the last part; those before it are empty."""
        parts: list[bytes] = []
        await self._request(command, lambda: arguments, parts.append, MOST_WORKING)
        if any(parts[:-1]):
            raise BadAnswer
        return parts[-1]

    async def _request(
        self, command: int, arguments: Callable[[], bytes], take: Callable[[bytes], None], most: int
    ) -> None:
        """Carry out a request. take: called with each part of the answer; arguments: returns what to send, each time.

        most: how many parts the answer may have; BadAnswer if there are more.
        """
        ident = fresh_id(self._random)
        self._sent = again = False
        lost = parts = 0
        while True:
            await self.connect()
            try:
                if self._session is None:
                    raise LinkLost
                again, self._sent = self._sent, True  # it may arrive even if sending fails
                await self._session.send(ident + bytes((command,)) + arguments())
                status = protocol.MORE_FOLLOWS
                while status != protocol.DONE:
                    status, result = read_part(await self._session.receive(), ident)
                    parts += 1
                    if parts > most or (parts == most and status != protocol.DONE):
                        raise BadAnswer
                    take(result)
                    lost = 0
                return
            except Refusal as refusal:
                refusal.again = again
                raise
            except LinkLost:
                await self.close()
                lost += 1
                if lost == REQUEST_TRIES:
                    raise
                await asyncio.sleep(AGAIN_PAUSE)
            except (BadAnswer, ValueError, IndexError):
                await self.close()  # what follows cannot be trusted
                raise BadAnswer from None


def fresh_id(random: Random) -> bytes:
    """Return an id for a new request: 4 bytes, not zero."""
    while True:
        ident = random(4)
        if any(ident):
            return ident


def read_part(payload: bytes, ident: bytes) -> tuple[int, bytes]:
    """Return status and result of one part of the answer to a request; raise Refusal or BadAnswer."""
    if len(payload) < protocol.REQUEST_HEAD or payload[:4] != ident:
        raise BadAnswer
    status, result = payload[4], payload[protocol.REQUEST_HEAD :]
    if status >= protocol.FIRST_REFUSAL:
        raise Refusal(status, result)
    if status not in (protocol.DONE, protocol.MORE_FOLLOWS):
        raise BadAnswer
    return status, result


def _code(code: DigitsOrTag) -> bytes:
    """Return digits or a tag as a request names a code."""
    if isinstance(code, str):
        return bytes((len(code),)) + code.encode()
    return b"\0" + code


def _sized(result: bytes, size: int) -> bytes:
    if len(result) != size:
        raise BadAnswer
    return result


def _read(reader: Callable[[bytes], T], data: bytes) -> T:
    """Parse a result; BadAnswer if it is invalid."""
    try:
        return reader(data)
    except (ValueError, IndexError, Refused):
        raise BadAnswer from None
