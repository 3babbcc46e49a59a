"""What carries fragments to a lock. Each way, such as Bluetooth, the virtual lock's radio or a gateway, is one Radio.

A Radio sees locks and connects to them. The Wire it returns carries values of at most `fragment` bytes, in order and
each once, or raises LinkLost. It does not interpret what it carries. Errors are ToolErrors, for the person who waits.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, ClassVar

from tumbler_lock.core.fragments import FRAGMENT_LEAST, FRAGMENT_MOST
from tumbler_lock.core.protocol import LOCK_ID_SIZE, NO_LOCK

from ..errors import ToolError

SERVICE = "1dc6abf1-f453-40a6-969f-e9598cbd010d"
COMMAND = "1dc6abf2-f453-40a6-969f-e9598cbd010d"  # written by the client
ANSWER = "1dc6abf3-f453-40a6-969f-e9598cbd010d"  # notified by the lock
COMPANY = 0xFFFF  # in the advertisement, before the lock id
ATT_HEADER = 3  # bytes of an MTU that are not the value's
NAME_MOST = 40  # characters of an advertised name that are shown

Enough = Callable[["Sighting"], bool]


class NoBluetooth(ToolError):
    """This computer has no radio that can be used."""

    def __init__(self, why: str = ""):
        super().__init__(
            f"Bluetooth cannot be used on this computer{f': {why}' if why else ''}.",
            "Switch Bluetooth on and allow this program to use it, or start a virtual lock: tumbler run --radio",
        )


class NoVirtualLock(NoBluetooth):
    """No virtual lock with a radio runs on this computer."""

    def __init__(self) -> None:
        ToolError.__init__(self, "No virtual lock with a radio runs here.", "Start one: tumbler run --radio")


class OutOfRange(ToolError):
    """The lock is not seen, or does not answer."""

    def __init__(self, name: str, *, new: bool = False):
        """new: a lock without a secret is seen instead."""
        if new:
            super().__init__(
                f"{name} is not in range, but a new lock is.",
                "Go closer and try again. If yours was reset, pair it again: tumbler pair --help",
            )
        else:
            super().__init__(
                f"{name} is not in range.",
                "Go closer and try again; `tumbler scan` shows what is in range. A lock that another phone or computer"
                " is connected to is not seen. A lock on batteries sleeps: press a button of its keypad, or wait up to"
                " 5 minutes until it is heard: --wait 320",
            )


class LinkLost(ToolError):
    """The connection ended, or the lock stopped answering."""

    def __init__(self, what: str = "The connection to the lock was lost."):
        super().__init__(what, "Go closer and run the command again.")


@dataclass(frozen=True)
class Sighting:
    """A lock that was seen. lock_id: 8 bytes, zeros for a lock without a secret, None if not heard yet; rssi: dBm.

    handle: what its radio needs to connect.
    """

    address: str
    name: str
    lock_id: bytes | None
    rssi: int | None
    transport: str
    handle: Any = field(default=None, repr=False, compare=False)

    @property
    def is_new(self) -> bool:
        """Whether it advertises that it has no secret."""
        return self.lock_id == NO_LOCK


class Wire(ABC):
    """One connection."""

    @property
    @abstractmethod
    def fragment(self) -> int:
        """How many bytes one value can have now."""

    @abstractmethod
    async def send(self, value: bytes) -> None:
        """Carry one value; LinkLost if it cannot."""

    @abstractmethod
    async def receive(self, timeout: float) -> bytes:
        """Return the next value; LinkLost if none comes within so many seconds."""

    @abstractmethod
    async def close(self) -> None:
        """End the connection; safe to call twice."""


class QueuedWire(Wire):
    """A wire whose values arrive by a callback and wait in a queue."""

    def __init__(self) -> None:
        self._values: asyncio.Queue[bytes | None] = asyncio.Queue()  # None: the connection ended

    def arrived(self, value: bytes | None) -> None:
        """Queue a value that arrived, or None for the end of the connection."""
        self._values.put_nowait(value)

    async def receive(self, timeout: float) -> bytes:
        """Return the next value; after the end of the connection every call raises LinkLost."""
        try:
            async with asyncio.timeout(timeout):
                value = await self._values.get()
        except TimeoutError:
            raise LinkLost("The lock does not answer any more.") from None
        if value is None:
            self.arrived(None)
            raise LinkLost
        return value


class GattWire(QueuedWire):
    """A connection over GATT: values are written with a response, and arrive as notifications.

    TROUBLES: the exceptions of the stack that mean a lost connection; WRITE_SECONDS, CLOSE_SECONDS: timeouts.
    """

    TROUBLES: ClassVar[tuple[type[Exception], ...]]
    WRITE_SECONDS: ClassVar[float]
    CLOSE_SECONDS: ClassVar[float]

    @abstractmethod
    async def prepare(self) -> None:
        """Ask for an MTU, find the service, subscribe; one of TROUBLES or OutOfRange if that fails."""

    @abstractmethod
    def _value_size(self) -> int:
        """Return how many bytes one write carries now, as far as the stack knows."""

    @abstractmethod
    async def _write(self, value: bytes) -> None:
        """Write one value, and wait for the response."""

    @abstractmethod
    async def _disconnect(self) -> None:
        """End the connection."""

    @property
    def fragment(self) -> int:
        """How many bytes one value can have now."""
        try:
            size = self._value_size()
        except self.TROUBLES:
            raise LinkLost from None
        return max(FRAGMENT_LEAST, min(FRAGMENT_MOST, size))

    async def send(self, value: bytes) -> None:
        """Write one value, and wait until the lock has it."""
        try:
            async with asyncio.timeout(self.WRITE_SECONDS):
                await self._write(value)
        except self.TROUBLES:
            raise LinkLost from None
        except (TimeoutError, asyncio.CancelledError) as trouble:
            unless_cancelled(trouble)
            raise LinkLost from None

    async def close(self) -> None:
        """Disconnect."""
        with suppress(*self.TROUBLES, TimeoutError):
            async with asyncio.timeout(self.CLOSE_SECONDS):
                await self._disconnect()


def unless_cancelled(trouble: BaseException) -> None:
    """Raise a cancellation of our own task again. A stack may cancel what waits for a connection that ended."""
    task = asyncio.current_task()
    if isinstance(trouble, asyncio.CancelledError) and task is not None and task.cancelling():
        raise trouble


class Sightings:
    """What a scan sees, by address. enough: a sighting that ends the scan."""

    def __init__(self, transport: str, enough: Enough):
        self._transport = transport
        self._enough = enough
        self._seen: dict[str, Sighting] = {}
        self._done = asyncio.Event()

    def add(self, address: str, name: str | None, maker_data: bytes | None, rssi: int | None, handle: object) -> None:
        """Take an advertisement of our service. name: as advertised; maker_data: behind our company number."""
        sighting = Sighting(address, shown_name(name), lock_id_of(name, maker_data), rssi, self._transport, handle)
        self._seen[address] = sighting
        if self._enough(sighting):
            self._done.set()

    async def wait(self, seconds: float) -> list[Sighting]:
        """Wait so long, or until a sighting is enough; return what was seen, the strongest first."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._done.wait()
        return sorted(self._seen.values(), key=lambda one: (-(one.rssi if one.rssi is not None else -999), one.address))


class Radio(ABC):
    """One way to locks. Use as an asynchronous context manager; entering raises NoBluetooth if it cannot be used."""

    name: str

    async def __aenter__(self) -> "Radio":
        return self

    async def __aexit__(self, *_: object) -> None:
        return None

    @abstractmethod
    async def scan(self, seconds: float, enough: Enough) -> list[Sighting]:
        """Look around for so long, or until a sighting is enough; return the locks seen, the strongest first."""

    @abstractmethod
    async def connect(self, sighting: Sighting) -> Wire:
        """Connect to a lock that this radio saw; OutOfRange if it does not answer."""


def lock_id_of(name: str | None, maker_data: bytes | None) -> bytes | None:
    """Return the lock id in the answer to a scan. The answer has a name and, behind our company number, the id, which
    a lock without a secret leaves out. None if the answer was not heard yet, or is not a lock's.
    """
    if maker_data is None:
        return NO_LOCK if name else None
    return bytes(maker_data) if len(maker_data) == LOCK_ID_SIZE else None


def shown_name(advertised: str | None) -> str:
    """Return an advertised name without what is not printable: any device may advertise anything."""
    return "".join(c for c in advertised or "" if c.isprintable())[:NAME_MOST]
