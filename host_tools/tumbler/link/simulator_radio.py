"""The radio of a virtual lock that runs here: a Bluetooth stack of ours on a controller behind a UNIX socket.

The stack is bumble's and speaks HCI with the socket (radio_socket.py). So a virtual door does what a real one does:
scanning, a connection, a request for an MTU, writes and notifications.
"""

import asyncio
import logging

from bumble.core import UUID, AdvertisingData, BaseBumbleError
from bumble.device import Advertisement, Connection, Device, Peer
from bumble.gatt_client import CharacteristicProxy
from bumble.hci import Address
from bumble.transport import open_transport
from bumble.transport.common import Transport

from ..registry.database import air
from ..simulator.radio_socket import socket_path
from .transport import (
    ANSWER,
    ATT_HEADER,
    COMMAND,
    COMPANY,
    SERVICE,
    Enough,
    GattWire,
    LinkLost,
    NoVirtualLock,
    OutOfRange,
    Radio,
    Sighting,
    Sightings,
    Wire,
    unless_cancelled,
)

SCAN_MOST = 3.0  # seconds: a lock on the virtual air is seen at once
CONTROLLER_SECONDS = 10.0
CONNECT_SECONDS = 3.5  # a lock that was just seen answers at once; three tries are about 10 s
MTU = 247
TROUBLES = (BaseBumbleError, OSError)

# The stack reports as errors what is normal here, such as a last packet for a connection that ended.
logging.getLogger("bumble").addHandler(logging.NullHandler())


class SimulatorWire(GattWire):
    """One connection of bumble's."""

    TROUBLES = TROUBLES
    WRITE_SECONDS = 5.0  # the lock has a value at once, or went off
    CLOSE_SECONDS = 2.0

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
        """Ask for an MTU, find the service, subscribe; OutOfRange if the service is not there."""
        await self._peer.request_mtu(MTU)
        services = await self._peer.discover_service(UUID(SERVICE))
        if services:
            parts = {part.uuid: part for part in await services[0].discover_characteristics()}
            self._command, answer = parts.get(UUID(COMMAND)), parts.get(UUID(ANSWER))
            if self._command is not None and answer is not None:
                await self._peer.subscribe(answer, lambda value: self.arrived(bytes(value)))
                return
        raise OutOfRange("A lock with our service")

    def _value_size(self) -> int:
        return int(self._connection.att_mtu) - ATT_HEADER

    async def _write(self, value: bytes) -> None:
        if self._command is None:
            raise LinkLost
        await self._peer.write_value(self._command, value, with_response=True)

    async def _disconnect(self) -> None:
        if not self._gone:  # else the stack would wait for an event that was there before
            await self._connection.disconnect()


class SimulatorRadio(Radio):
    """The air of the virtual lock of this registry folder."""

    name = "virtual"

    def __init__(self) -> None:
        self._transport: Transport | None = None
        self._device: Device | None = None

    async def __aenter__(self) -> "Radio":
        try:
            async with asyncio.timeout(CONTROLLER_SECONDS):
                self._transport = await open_transport(f"unix:{socket_path(air())}")
                address = Address.generate_static_address()
                device = Device.with_hci("tumbler", address, self._transport.source, self._transport.sink)
                await device.power_on()
                self._device = device
        except (*TROUBLES, TimeoutError):
            await self.__aexit__()
            raise NoVirtualLock from None
        return self

    async def __aexit__(self, *_: object) -> None:
        transport, self._transport = self._transport, None
        if transport is not None:
            await transport.close()

    def _on(self) -> Device:
        if self._device is None:
            raise NoVirtualLock
        return self._device

    async def scan(self, seconds: float, enough: Enough) -> list[Sighting]:
        """Look for our service, actively: the name is in the answer to a scan."""
        device = self._on()
        seen = Sightings(self.name, enough)

        def saw(advertisement: Advertisement) -> None:
            data = advertisement.data
            services = data.get(AdvertisingData.COMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS) or []
            if UUID(SERVICE) not in services:
                return
            company, maker_data = data.get(AdvertisingData.MANUFACTURER_SPECIFIC_DATA) or (None, None)
            name = data.get(AdvertisingData.COMPLETE_LOCAL_NAME)
            address = advertisement.address
            ours = maker_data if company == COMPANY else None
            seen.add(address.to_string(False), name, ours, advertisement.rssi, address)

        device.on(device.EVENT_ADVERTISEMENT, saw)
        try:
            await device.start_scanning(active=True, filter_duplicates=True)
            found = await seen.wait(min(seconds, SCAN_MOST))
            await device.stop_scanning()
        except TROUBLES:
            raise NoVirtualLock from None
        finally:
            device.remove_listener(device.EVENT_ADVERTISEMENT, saw)
        return found

    async def connect(self, sighting: Sighting) -> Wire:
        """Connect, subscribe, and ask for the MTU."""
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                connection = await self._on().connect(sighting.handle, timeout=CONNECT_SECONDS)
                wire = SimulatorWire(connection, Peer(connection))
                await wire.prepare()
                return wire
        except (*TROUBLES, TimeoutError, asyncio.CancelledError) as error:
            unless_cancelled(error)
            raise OutOfRange(f"The lock at {sighting.address}") from None
