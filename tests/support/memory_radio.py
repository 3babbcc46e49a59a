"""A radio in memory: locks of tests/dual/support/linked_lock.py in range of the client, and every fault that a
connection can have.

A fault is called with (direction, value) for each value, "up" from the client and "down" from the lock, and returns
what arrives instead: a list of values, none for one that is lost; or CUT, which ends the connection.
"""

import asyncio
from collections.abc import Callable
from unittest.mock import patch

from tests.dual.support.linked_lock import PSK
from tumbler.link.client import Client
from tumbler.link.transport import LinkLost, OutOfRange, Radio, Sighting, Wire
from tumbler_lock.core import protocol
from tumbler_lock.core.errors import SessionError
from tumbler_lock.core.fragments import Cutter, Joiner

CUT = None
UP, DOWN = "up", "down"
WAIT = 0.05  # seconds that a test waits where a person would wait many

Fault = Callable[[str, bytes], "list[bytes] | None"]


def perfect(direction: str, value: bytes) -> list[bytes]:
    """Carry everything, once, in order."""
    return [value]


class MemoryWire(Wire):
    """One connection to a lock: its side of the link, with fragments of `size` bytes both ways."""

    def __init__(self, lock, fault: Fault = perfect, size: int = 244):
        self.closed = False
        self._lock = lock
        self._fault = fault
        self._size = size
        self._session = lock.sessions.connect()
        self._joiner = Joiner()
        self._cutter = Cutter()
        self._values: asyncio.Queue[bytes] = asyncio.Queue()

    @property
    def fragment(self) -> int:
        return self._size

    async def send(self, value: bytes) -> None:
        if self.closed:
            raise LinkLost
        arrived = self._fault(UP, value)
        if arrived is None:
            self._end()
            raise LinkLost
        for one in arrived:
            self._take(one)

    def _take(self, value: bytes) -> None:
        if self._session.over:
            return
        try:
            message = self._joiner.add(value)
        except SessionError:
            self._session.close()
            return
        if message is None:
            return
        for answer in self._session.receive(message):
            for fragment in [] if answer is None else self._cutter.cut(answer, self._size):
                arrived = self._fault(DOWN, fragment)
                if arrived is None:
                    self._end()
                    return
                for one in arrived:
                    self._values.put_nowait(one)
        if self._lock.anew:
            self._session.close()
            self._lock.start()

    async def receive(self, timeout: float) -> bytes:
        if self._values.empty() and (self.closed or self._session.over):
            raise LinkLost
        try:
            async with asyncio.timeout(min(timeout, WAIT)):
                return await self._values.get()
        except TimeoutError:
            raise LinkLost("The lock does not answer any more.") from None

    def _end(self) -> None:
        self.closed = True
        self._session.close()

    async def close(self) -> None:
        self._end()


class MemoryRadio(Radio):
    """Locks in range, heard in this order. wires: every connection that was made."""

    name = "memory"

    def __init__(self, *locks, fault: Fault = perfect, size: int = 244):
        self.locks = list(locks)
        self.fault = fault
        self.size = size
        self.wires: list[MemoryWire] = []

    async def scan(self, seconds: float, enough: Callable[[Sighting], bool]) -> list[Sighting]:
        seen = []
        for number, lock in enumerate(self.locks):
            seen.append(Sighting(f"00:{number:02}", "Tumbler", lock.sessions.link.id, -50 - number, self.name, lock))
            if enough(seen[-1]):
                break
        return seen

    async def connect(self, sighting: Sighting) -> Wire:
        if sighting.handle not in self.locks:
            raise OutOfRange("The lock")
        wire = MemoryWire(sighting.handle, self.fault, self.size)
        self.wires.append(wire)
        return wire


def client_of(lock, fault=perfect, slot=0, psk=PSK, size=244, radio=None):
    """A client of the lock, by a radio of its own unless one is given."""
    radio = radio or MemoryRadio(lock, fault=fault, size=size)

    async def dial():
        (sighting,) = await radio.scan(1, lambda one: True)
        return await radio.connect(sighting)

    return Client(dial, lock.sessions.link.id, slot, psk)


class Faults:
    """Does something to the nth value of a direction, and carries the others."""

    def __init__(self, direction, number, does):
        self.direction = direction
        self.number = number
        self.does = does
        self.seen = 0

    def __call__(self, direction, value):
        if direction == self.direction:
            self.seen += 1
            if self.seen == self.number:
                return self.does(value)
        return [value]


# What may become of a value on its way.
DOES = {
    "lost": lambda value: [],
    "twice": lambda value: [value, value],
    "cut": lambda value: CUT,
    "altered": lambda value: [value[:-1] + bytes((value[-1] ^ 1,))],
    "short": lambda value: [value[:-1]],
    "long": lambda value: [value + b"\0"],
    "empty": lambda value: [b""],
}


def typing_digits(*locks, wrong=False):
    """A person who types the digits of a pairing at the first of these locks that waits for some."""

    def type_them(digits):
        for lock in locks:
            if lock.sessions.enter("000000" if wrong else digits) is not None:
                return

    return patch("tumbler.cli.output.digits_to_type", type_them)


def in_between(air, number):
    """A man in the middle without any key: drops the nth sealed request, and refuses what follows."""
    sealed = []

    def fault(direction, value):
        if direction == UP and value[3:4] == bytes((protocol.SEALED,)):
            sealed.append(value)
            return [] if len(sealed) == number else [value]
        if direction == DOWN and len(sealed) >= number:
            return [bytes((0xC0, 0, 2, protocol.REFUSED, 0))]
        return [value]

    air.fault = fault


def deaf(lock, air):
    """From the next change on, nothing that the lock sends arrives."""
    before = lock.store.seq
    air.fault = lambda direction, value: CUT if direction == DOWN and lock.store.seq > before else [value]


def heard(air):
    """From now on everything arrives."""
    air.fault = lambda direction, value: [value]
