"""The radio of a virtual lock that runs here: a Bluetooth stack of ours on a controller behind a UNIX socket.

The stack is bumble's and speaks HCI with the socket (radio_socket.py), so that what happens on a virtual door is what
happens on a real one: scanning, a connection, an MTU that is asked for, writes and notifications.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress

from bumble.core import UUID, AdvertisingData, BaseBumbleError
from bumble.device import Advertisement, Connection, Device, Peer
from bumble.gatt_client import CharacteristicProxy
from bumble.hci import Address
from bumble.transport import open_transport
from bumble.transport.common import Transport

from tumbler_lock.core.fragments import FRAGMENT, SHORTEST

from ..registry.database import air
from ..simulator.radio_socket import socket_path
from .transport import (
    ANSWER,
    COMMAND,
    COMPANY,
    SERVICE,
    LinkLost,
    NoBluetooth,
    OutOfRange,
    QueuedWire,
    Radio,
    Sighting,
    Wire,
    by_strength,
    lock_id_of,
    shown_name,
)

SCAN_MOST = 3.0  # seconds: the virtual air is quiet, a lock in it is seen at once
START_SECONDS = 10.0
CONNECT_SECONDS = 3.5  # a lock that was just seen answers at once; three tries are about 10 s
CLOSE_SECONDS = 2.0
WRITE_SECONDS = 5.0  # the lock has a value at once, or went off
MTU = 247

# The stack reports as errors what is life here, such as a last packet for a link that is gone.
logging.getLogger("bumble").addHandler(logging.NullHandler())


class SimulatorWire(QueuedWire):
    """One connection of bumble's."""

    def __init__(self, connection: Connection, peer: Peer):
        super().__init__()
        self._connection = connection
        self._peer = peer
        self._command: CharacteristicProxy[bytes] | None = None
        self._gone = False
        connection.on(connection.EVENT_DISCONNECTION, self._ended)

    def _ended(self, reason: object = None) -> None:
        self._gone = True
        self.arrived(None)

    async def prepare(self) -> None:
        """Ask for an MTU, find the service, subscribe; OutOfRange when it is not there."""
        await self._peer.request_mtu(MTU)
        services = await self._peer.discover_service(UUID(SERVICE))
        if services:
            parts = {part.uuid: part for part in await services[0].discover_characteristics()}
            self._command, answer = parts.get(UUID(COMMAND)), parts.get(UUID(ANSWER))
            if self._command is not None and answer is not None:
                await self._peer.subscribe(answer, lambda value: self.arrived(bytes(value)))
                return
        raise OutOfRange("A lock with our service")

    @property
    def fragment(self) -> int:
        """What the MTU of this moment carries."""
        return max(SHORTEST, min(FRAGMENT, self._connection.att_mtu - 3))

    async def send(self, value: bytes) -> None:
        """Write one value, and wait until the lock has it."""
        if self._command is None:
            raise LinkLost
        try:
            async with asyncio.timeout(WRITE_SECONDS):
                await self._peer.write_value(self._command, value, with_response=True)
        except (BaseBumbleError, OSError, TimeoutError, asyncio.CancelledError) as error:
            _unless_we_are_cancelled(error)
            raise LinkLost from None

    async def close(self) -> None:
        """Disconnect, unless the lock was faster: the stack would wait for an event that was there before."""
        if self._gone:
            return
        with suppress(BaseBumbleError, OSError, TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._connection.disconnect()


class SimulatorRadio(Radio):
    """The air of the virtual lock of this registry folder."""

    name = "virtual"

    def __init__(self) -> None:
        self._transport: Transport | None = None
        self._device: Device | None = None

    async def __aenter__(self) -> "Radio":
        try:
            async with asyncio.timeout(START_SECONDS):
                self._transport = await open_transport(f"unix:{socket_path(air())}")
                address = Address.generate_static_address()
                device = Device.with_hci("tumbler", address, self._transport.source, self._transport.sink)
                await device.power_on()
                self._device = device
        except (BaseBumbleError, OSError, TimeoutError):
            await self.__aexit__()
            raise NoBluetooth("no virtual lock with a radio runs here") from None
        return self

    async def __aexit__(self, *_: object) -> None:
        transport, self._transport = self._transport, None
        if transport is not None:
            await transport.close()

    def _on(self) -> Device:
        if self._device is None:
            raise NoBluetooth("no virtual lock with a radio runs here")
        return self._device

    async def scan(self, seconds: float, enough: Callable[[Sighting], bool]) -> list[Sighting]:
        """Look for our service, actively: the name is in the answer to a scan."""
        device = self._on()
        seen: dict[str, Sighting] = {}
        done = asyncio.Event()

        def saw(advertisement: Advertisement) -> None:
            data = advertisement.data
            services = data.get(AdvertisingData.COMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS) or []
            if UUID(SERVICE) not in services:
                return
            company, told = data.get(AdvertisingData.MANUFACTURER_SPECIFIC_DATA) or (None, None)
            name = data.get(AdvertisingData.COMPLETE_LOCAL_NAME)
            lock_id = lock_id_of(name, told if company == COMPANY else None)
            address = advertisement.address.to_string(False)
            sighting = Sighting(
                address, shown_name(name), lock_id, advertisement.rssi, self.name, advertisement.address
            )
            seen[address] = sighting
            if enough(sighting):
                done.set()

        device.on(device.EVENT_ADVERTISEMENT, saw)
        try:
            await device.start_scanning(active=True, filter_duplicates=True)
            with suppress(TimeoutError):
                async with asyncio.timeout(min(seconds, SCAN_MOST)):
                    await done.wait()
            await device.stop_scanning()
        finally:
            device.remove_listener(device.EVENT_ADVERTISEMENT, saw)
        return by_strength(seen)

    async def connect(self, sighting: Sighting) -> Wire:
        """Connect, subscribe, and ask for the MTU."""
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                connection = await self._on().connect(sighting.handle, timeout=CONNECT_SECONDS)
                wire = SimulatorWire(connection, Peer(connection))
                await wire.prepare()
                return wire
        except (BaseBumbleError, OSError, TimeoutError, asyncio.CancelledError) as error:
            _unless_we_are_cancelled(error)
            raise OutOfRange(f"The lock at {sighting.address}") from None


def _unless_we_are_cancelled(error: BaseException) -> None:
    """Let a cancellation of our own task through; bumble cancels what waits for a connection that ended."""
    task = asyncio.current_task()
    if isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling():
        raise error
