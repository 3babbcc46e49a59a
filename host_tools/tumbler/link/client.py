"""The client of a lock: requests that are done once, whatever is lost on the way (docs/spec/link.md, "Commands").

A request has an id. When the connection is lost before the last part of the answer is there, the client connects again
and sends the same request with the same id: the lock carries it out if it has not, and answers the same if it has. A
list goes on where it was interrupted. One request is in flight at a time.

    apart ──connect, handshake──► session ──request──► waiting ──last part──► session
    waiting ──connection lost──► apart, and the same request again, TRIES times without progress at most
"""

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import TypeVar

from tumbler_lock.core import protocol
from tumbler_lock.core.codebook import NEVER
from tumbler_lock.core.config import Config
from tumbler_lock.core.errors import Refused
from tumbler_lock.core.keys import SLOTS

from ..answers import CodeRecord, KeyEntry, LogEvent, Status, UpdateStatus, events, keys, number, pack_changes, settings
from ..errors import ToolError
from .refusals import Refusal
from .session import Busy, Random, Session, shake
from .transport import LinkLost, OutOfRange, Wire

TRIES = 3
MOST_WORKING = 1000  # parts by which a lock tells that it works on; one comes every 5 seconds
BUSY_TRIES = 6  # the last one more than 10 s after the first: so long a lock rests after a session that took very long
BUSY_PAUSE = 2.5  # seconds: the lock takes one more stranger every 2
REACH_WITHIN = 7.0  # seconds after which no other try begins: the lock was there a moment ago
AGAIN_PAUSE = 0.5  # seconds before a lost connection is made anew
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
    """The lock answered what the document does not allow."""

    def __init__(self) -> None:
        super().__init__("The lock's answer makes no sense to this version of Tumbler.", "Update Tumbler and the lock.")


class Unconfirmed(ToolError):
    """A change was asked for and its answer lost, and nothing else can tell for certain whether it is done.

    interrupted: nobody waited for the answer.
    """

    interrupted = False


class Client:
    """A key's view of one lock. dial: makes a new connection to it; random: n bytes that nobody can guess; name: of the
    lock, for messages.

    Use as an asynchronous context manager. Every method raises Refusal for what the lock refuses, and ToolErrors for a
    lock that is out of range, busy, another one, or does not know the key.
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
        self._sent = False  # whether the request under way ever went out

    async def __aenter__(self) -> "Client":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def connect(self) -> None:
        """Be in a session; nothing when there is one. Waits a little for a lock that is busy."""
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
                if lost == TRIES or loop.time() > until:
                    raise
                await asyncio.sleep(AGAIN_PAUSE)

    async def close(self) -> None:
        """End the connection."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    # What every key may ask

    async def identify(self) -> Status:
        """Ask who the lock is and how it is."""
        status = _read(Status.read, await self._one(protocol.IDENTIFY))
        if (status.lock_id, status.slot) != (self._lock_id, self.slot):
            raise BadAnswer
        return status

    async def time(self) -> tuple[int, bool]:
        """Return the lock's time, and whether it is trusted."""
        answer = await self._one(protocol.GET_TIME)
        return number(_sized(answer, 5)[:4]), bool(answer[4])

    async def set_time(self, now: int) -> None:
        """Set the lock's clock."""
        _sized(await self._change("set its clock", "lock status", protocol.SET_TIME, now.to_bytes(4, "big")), 0)

    async def unlock(self) -> int:
        """Open; returns the seconds until the bolt comes back."""
        return _sized(await self._change("open", "", protocol.UNLOCK), 1)[0]

    # Codes

    async def add_code(self, digits: str, start: int | None, end: int | None, insist: bool = False) -> bytes:
        """Add a custom code; start None: at once, end None: never. Returns its tag."""
        times = (start or 0).to_bytes(4, "big") + (NEVER if end is None else end).to_bytes(4, "big")
        arguments = bytes((int(insist),)) + times + digits.encode()
        return _sized(await self._change("add the code", CODES, protocol.ADD_CODE, arguments), 8)

    async def change_code(
        self, code: DigitsOrTag, start: int | None, end: int | None, digits: str | None, insist: bool = False
    ) -> bytes:
        """Change what is named of a code, None where it stays. Returns the tag it has now."""
        named = protocol.INSIST if insist else 0
        for flag, value in ((protocol.START, start), (protocol.END, end), (protocol.NEW_DIGITS, digits)):
            named |= 0 if value is None else flag
        times = (start or 0).to_bytes(4, "big") + (end or 0).to_bytes(4, "big")
        arguments = bytes((named,)) + times + _code(code) + (digits or "").encode()
        return _sized(await self._change("change the code", CODES, protocol.CHANGE_CODE, arguments), 8)

    async def delete_code(self, code: DigitsOrTag) -> bytes:
        """Delete a code. Returns its tag."""
        return _sized(await self._change("delete the code", CODES, protocol.DELETE_CODE, _code(code)), 8)

    async def codes(self, progress: Callable[[int], None] = lambda count: None) -> list[CodeRecord]:
        """List every code of the lock's book, each once; progress: called with how many there are so far."""
        cursor = protocol.FROM_THE_BEGINNING
        found: dict[bytes, CodeRecord] = {}

        def take(part: bytes) -> None:
            nonlocal cursor
            if len(part) < LIST_HEAD:
                raise ValueError("a part of a list is cut")
            if number(part[:2]) >= cursor:
                raise ValueError("the list does not come to its end")
            cursor = number(part[:2])
            # A code that is there twice changed in between: what came last is newer.
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
        """Read the log's events after a sequence number, the oldest first; keep: called with each part of them.

        most: how many; newest: the number of the last one to keep; what comes meanwhile is left for the next time.
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
                raise ValueError("more events than were asked for")
            keep([event for event in found if event.seq <= newest])

        def arguments() -> bytes:
            return last.to_bytes(4, "big") + left.to_bytes(2, "big")

        await self._request(protocol.READ_LOG, arguments, take, most + 1)

    # Settings

    async def settings(self) -> Config:
        """Ask for every setting."""
        return _read(settings, await self._one(protocol.GET_CONFIG))

    async def configure(self, **changes: object) -> None:
        """Change the settings named: rule, weekend, autolock, sound, policy, passage, name."""
        _sized(await self._change("change its settings", "lock config", protocol.SET_CONFIG, pack_changes(changes)), 0)

    # Keys

    async def keys(self) -> list[KeyEntry]:
        """List the lock's keys."""
        found: list[KeyEntry] = []

        def arguments() -> bytes:
            found.clear()  # this list begins anew
            return b""

        def take(part: bytes) -> None:
            found.extend(keys(part))
            if len({key.slot for key in found}) != len(found):
                raise ValueError("a slot is there twice")

        await self._request(protocol.LIST_KEYS, arguments, take, SLOTS * TRIES)
        return found

    async def add_key(self, entry: KeyEntry, psk: bytes) -> int:
        """Add a key, in the lowest free slot for slot 255. Returns its slot."""
        slot = _sized(await self._one(protocol.ADD_KEY, entry.pack(psk)), 1)[0]
        if slot >= SLOTS:
            raise BadAnswer
        return slot

    async def remove_key(self, slot: int) -> None:
        """Remove a key; its sessions end. Unconfirmed when the answer was lost: that the key is refused after that is
        no answer, for anybody can refuse it.
        """
        try:
            _sized(await self._one(protocol.REMOVE_KEY, bytes((slot,))), 0)
        except Refusal:
            raise
        except ToolError as error:
            if not self._sent:
                raise
            raise Unconfirmed(
                "The lock was asked to remove the key, and its answer was lost: whether it did is not known.",
                "Nothing was forgotten here. See which keys the lock has: tumbler key list --help. If it no longer"
                " accepts yours, pair again with the set-up button held, or import another key.",
            ) from error
        if slot == self.slot:
            await self.close()

    # The firmware

    async def update_status(self) -> UpdateStatus:
        """Ask how far an update is. The lock may work for a while before it answers."""
        return _read(UpdateStatus.read, await self._last(protocol.UPDATE_STATUS))

    async def update_begin(self, insist: bool, ident: bytes, length: int, offset: int, data: bytes) -> int:
        """Send a piece of an update's manifest; returns how many bytes of it the lock has."""
        place = length.to_bytes(2, "big") + offset.to_bytes(2, "big")
        return number(_sized(await self._last(protocol.UPDATE_BEGIN, bytes((insist,)) + ident + place + data), 2))

    async def update_piece(self, ident: bytes, file: int, offset: int, data: bytes) -> tuple[int, int]:
        """Send a piece of an update's file; returns number and offset of what the lock wants next."""
        place = file.to_bytes(2, "big") + offset.to_bytes(4, "big")
        answer = _sized(await self._last(protocol.UPDATE_PIECE, ident + place + data), 6)
        return number(answer[:2]), number(answer[2:])

    async def update_finish(self, insist: bool, ident: bytes) -> None:
        """Have an update verified and tried; the lock restarts when this client is gone."""
        _sized(await self._last(protocol.UPDATE_FINISH, bytes((insist,)) + ident), 0)

    # Everything

    async def erase(self) -> int:
        """Erase every code. Returns the new epoch."""
        return number(_sized(await self._change("erase every code", "lock status", protocol.ERASE_ALL), 2))

    async def reset(self) -> None:
        """Reset the lock to what it was when it was new. Unconfirmed when the answer was lost: that something refuses
        the key after that, or has no secret, is no answer, for anybody can say so.
        """
        try:
            _sized(await self._one(protocol.RESET), 0)
        except Refusal:
            raise
        except ToolError as error:
            if not self._sent:
                raise
            raise Unconfirmed(
                "The lock was asked to reset itself, and its answer was lost: whether it did is not known.",
                "Nothing was forgotten here. A lock without a secret answers # with two short tones and a long one, and"
                " opens to nothing: then pair it again, tumbler pair --help. Else reset it again.",
            ) from error
        await self.close()

    # Requests

    async def _change(self, asked: str, look: str, command: int, arguments: bytes = b"") -> bytes:
        """Carry out a request that changes something, with an answer of one part. Unconfirmed when that was lost.

        asked: what the lock is to do; look: the command that tells whether it did.
        """
        try:
            return await self._one(command, arguments)
        except (Refusal, BadAnswer):
            raise
        except (ToolError, asyncio.CancelledError) as error:
            if not self._sent:
                raise
            if look:
                may, remedy = "it may be done", f"Run the same command again, or look: tumbler {look} '{self.name}'"
            else:
                may, remedy = "it may have opened", "Look at the door, or run the command again."
            lost = Unconfirmed(f"The lock '{self.name}' was asked to {asked}, and its answer was lost: {may}.", remedy)
            lost.interrupted = isinstance(error, asyncio.CancelledError)
            raise lost from error

    async def _one(self, command: int, arguments: bytes = b"") -> bytes:
        """Carry out a request with an answer of one part."""
        parts: list[bytes] = []
        await self._request(command, lambda: arguments, parts.append, 1)
        return parts[0]

    async def _last(self, command: int, arguments: bytes = b"") -> bytes:
        """Carry out a request that the lock works on for long: its last part answers, what comes before is empty."""
        parts: list[bytes] = []
        await self._request(command, lambda: arguments, parts.append, MOST_WORKING)
        if any(parts[:-1]):
            raise BadAnswer
        return parts[-1]

    async def _request(
        self, command: int, arguments: Callable[[], bytes], take: Callable[[bytes], None], most: int
    ) -> None:
        """Carry out a request; `take` gets each part of the answer, `arguments` says what to send, each time.

        most: how many parts the answer may have. BadAnswer for a lock that goes on.
        """
        ident = fresh_id(self._random)
        self._sent = again = False
        lost = parts = 0
        while True:
            await self.connect()
            try:
                if self._session is None:
                    raise LinkLost
                again, self._sent = self._sent, True  # it may arrive although the sending fails
                await self._session.send(ident + bytes((command,)) + arguments())
                status = protocol.MORE
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
                if lost == TRIES:
                    raise
                await asyncio.sleep(AGAIN_PAUSE)
            except (BadAnswer, ValueError, IndexError):
                await self.close()  # what follows could be anything
                raise BadAnswer from None


def fresh_id(random: Random) -> bytes:
    """Return the id of a new request: 4 bytes, not zero."""
    while True:
        ident = random(4)
        if any(ident):
            return ident


def read_part(payload: bytes, ident: bytes) -> tuple[int, bytes]:
    """Return status and result of one part of the answer to a request; Refusal, BadAnswer."""
    if len(payload) < protocol.REQUEST_HEAD or payload[:4] != ident:
        raise BadAnswer
    status, result = payload[4], payload[protocol.REQUEST_HEAD :]
    if status >= protocol.FIRST_REFUSAL:
        raise Refusal(status, result)
    if status not in (protocol.DONE, protocol.MORE):
        raise BadAnswer
    return status, result


def _code(code: DigitsOrTag) -> bytes:
    """Name a code by its digits or its tag."""
    if isinstance(code, str):
        return bytes((len(code),)) + code.encode()
    return b"\0" + code


def _sized(result: bytes, size: int) -> bytes:
    if len(result) != size:
        raise BadAnswer
    return result


def _read(reader: Callable[[bytes], T], data: bytes) -> T:
    """Read a result; what no lock should say is BadAnswer."""
    try:
        return reader(data)
    except (ValueError, IndexError, Refused):
        raise BadAnswer from None
