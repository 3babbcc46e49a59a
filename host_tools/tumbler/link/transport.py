"""What carries fragments to a lock. Each way, be it Bluetooth, the virtual lock's radio or a gateway, is one Radio.

A Radio sees locks and connects to them; the Wire it returns carries values of at most `fragment` bytes, in order, each
once, or raises LinkLost. It understands nothing of what it carries. Errors are ToolErrors, for the person who waits.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tumbler_lock.core.prologue import LOCK_ID, NO_LOCK

from ..errors import ToolError

SERVICE = "1dc6abf1-f453-40a6-969f-e9598cbd010d"
COMMAND = "1dc6abf2-f453-40a6-969f-e9598cbd010d"  # written by the client
ANSWER = "1dc6abf3-f453-40a6-969f-e9598cbd010d"  # notified by the lock
COMPANY = 0xFFFF  # in the advertisement, before the lock id
NAME_MOST = 40  # characters of an advertised name that are shown


class NoBluetooth(ToolError):
    """This computer has no radio that can be used."""

    def __init__(self, why: str = ""):
        super().__init__(
            f"Bluetooth cannot be used on this computer{f': {why}' if why else ''}.",
            "Switch Bluetooth on and let this program use it, or start a virtual lock: tumbler run --radio",
        )


class OutOfRange(ToolError):
    """The lock is not to be seen, or does not answer."""

    def __init__(self, name: str, new: bool = False):
        """new: a lock without a secret is seen instead."""
        if new:
            super().__init__(
                f"{name} is not in range, and a new lock is.",
                "If yours was reset, pair it again: tumbler pair --help. Else go closer and try again.",
            )
        else:
            super().__init__(
                f"{name} is not in range.",
                "Go closer and try again; `tumbler scan` shows what is in range. A lock that somebody is connected to"
                " is not seen. A lock on batteries sleeps: touch a key, or wait until it is heard, up to 5 min:"
                " --wait 320",
            )


class LinkLost(ToolError):
    """The connection ended, or nothing comes any more."""

    def __init__(self, what: str = "The connection to the lock was lost."):
        super().__init__(what, "Go closer and run the command again.")


@dataclass(frozen=True)
class Sighting:
    """A lock that was seen. lock_id: 8 bytes, zeros for a lock without a secret, None when it did not say; rssi: dBm.

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
        """Whether it has no secret yet, or says so."""
        return self.lock_id == NO_LOCK


class Wire(ABC):
    """One connection."""

    @property
    @abstractmethod
    def fragment(self) -> int:
        """How many bytes one value can have now."""

    @abstractmethod
    async def send(self, value: bytes) -> None:
        """Carry one value; LinkLost when it cannot be."""

    @abstractmethod
    async def receive(self, timeout: float) -> bytes:
        """Wait for the next value, so many seconds at most; LinkLost when none comes."""

    @abstractmethod
    async def close(self) -> None:
        """End the connection; safe to call twice."""


class QueuedWire(Wire):
    """A wire whose values arrive by a callback and wait in a queue."""

    def __init__(self) -> None:
        self._values: asyncio.Queue[bytes | None] = asyncio.Queue()  # None: the connection ended

    def arrived(self, value: bytes | None) -> None:
        """Take a value that came, or None for the end of the connection."""
        self._values.put_nowait(value)

    async def receive(self, timeout: float) -> bytes:
        """Wait for the next value; after the end of the connection every call raises LinkLost."""
        try:
            async with asyncio.timeout(timeout):
                value = await self._values.get()
        except TimeoutError:
            raise LinkLost("The lock does not answer any more.") from None
        if value is None:
            self.arrived(None)
            raise LinkLost
        return value


class Radio(ABC):
    """One way to locks. Use as an asynchronous context manager; NoBluetooth on entering when it is of no use."""

    name: str

    async def __aenter__(self) -> "Radio":
        return self

    async def __aexit__(self, *_: object) -> None:
        return None

    @abstractmethod
    async def scan(self, seconds: float, enough: Callable[[Sighting], bool]) -> list[Sighting]:
        """Look around for so long, or until a sighting is enough; return the locks seen, the strongest first."""

    @abstractmethod
    async def connect(self, sighting: Sighting) -> Wire:
        """Connect to a lock that this radio saw; OutOfRange when it does not answer."""


def lock_id_of(name: str | None, maker_data: bytes | None) -> bytes | None:
    """Read the lock id in what a lock answers to a scan: a name, and behind our company number the id, which a lock
    without a secret leaves out. None when the answer was not heard yet, or is no lock's.
    """
    if maker_data is None:
        return NO_LOCK if name else None
    return bytes(maker_data) if len(maker_data) == LOCK_ID else None


def shown_name(advertised: str | None) -> str:
    """Return an advertised name as it can be shown: anybody may advertise anything."""
    return "".join(c for c in advertised or "" if c.isprintable())[:NAME_MOST]


def by_strength(seen: dict[str, Sighting]) -> list[Sighting]:
    """Sort sightings, the strongest first."""
    return sorted(seen.values(), key=lambda one: (-(one.rssi if one.rssi is not None else -999), one.address))
