"""This computer's Bluetooth, through bleak.

A value is one write with response, or one notification, of at most the connection's MTU less 3. What that is, systems
tell in different ways, BlueZ sometimes not at all: then 20 bytes, which every connection carries.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import bleak
from bleak.exc import BleakBluetoothNotAvailableError, BleakError

from tumbler_lock.core.fragments import FRAGMENT, SHORTEST

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

CONNECT_SECONDS = 15.0
WRITE_SECONDS = 10.0
NO_RADIO = (BleakBluetoothNotAvailableError, BleakError, OSError, EOFError)  # without D-Bus there is no BlueZ


class BluetoothWire(QueuedWire):
    """One connection of bleak's."""

    def __init__(self, device: Any):
        super().__init__()
        self._client = bleak.BleakClient(device, disconnected_callback=lambda _: self.arrived(None), services=[SERVICE])

    async def prepare(self) -> None:
        """Connect, ask for the MTU, and subscribe."""
        await self._client.connect()
        await _acquire_mtu(self._client)
        await self._client.start_notify(ANSWER, lambda _, value: self.arrived(bytes(value)))

    @property
    def fragment(self) -> int:
        """What the MTU of this moment carries."""
        part = self._client.services.get_characteristic(COMMAND)
        size = part.max_write_without_response_size if part is not None else SHORTEST
        if size <= SHORTEST:
            # Set once acquire_mtu() was successful; the public property warns when it was not.
            size = (getattr(_backend(self._client), "_mtu_size", None) or 0) - 3
        return max(SHORTEST, min(FRAGMENT, size))

    async def send(self, value: bytes) -> None:
        """Write one value, and wait until the lock has it."""
        try:
            async with asyncio.timeout(WRITE_SECONDS):
                await self._client.write_gatt_char(COMMAND, value, response=True)
        except (BleakError, OSError, EOFError, TimeoutError):
            raise LinkLost from None

    async def close(self) -> None:
        """Disconnect."""
        with suppress(BleakError, OSError, EOFError, TimeoutError):
            await self._client.disconnect()


class BluetoothRadio(Radio):
    """The Bluetooth adapter of this computer."""

    name = "bluetooth"

    async def scan(self, seconds: float, enough: Callable[[Sighting], bool]) -> list[Sighting]:
        """Look for our service, actively: the name is in the answer to a scan."""
        seen: dict[str, Sighting] = {}
        done = asyncio.Event()

        def saw(device: Any, data: Any) -> None:
            lock_id = lock_id_of(data.local_name, data.manufacturer_data.get(COMPANY))
            name = shown_name(data.local_name or device.name)
            sighting = Sighting(device.address, name, lock_id, data.rssi, self.name, device)
            seen[device.address] = sighting
            if enough(sighting):
                done.set()

        try:
            async with bleak.BleakScanner(saw, service_uuids=[SERVICE]):
                with suppress(TimeoutError):
                    async with asyncio.timeout(seconds):
                        await done.wait()
        except NO_RADIO as error:
            raise NoBluetooth(_why(error)) from None
        return by_strength(seen)

    async def connect(self, sighting: Sighting) -> Wire:
        """Connect, subscribe, and ask for the MTU."""
        wire = BluetoothWire(sighting.handle)
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await wire.prepare()
        except BleakBluetoothNotAvailableError as error:
            raise NoBluetooth(_why(error)) from None
        except (BleakError, OSError, EOFError, TimeoutError):
            await wire.close()
            raise OutOfRange(f"The lock at {sighting.address}") from None
        return wire


def _backend(client: bleak.BleakClient) -> Any:
    return getattr(client, "_backend", None)


async def _acquire_mtu(client: bleak.BleakClient) -> None:
    """Let an older BlueZ say what was agreed; where that is not needed or does not work, nothing is lost."""
    acquire = getattr(_backend(client), "_acquire_mtu", None)
    part = client.services.get_characteristic(COMMAND)
    # Without a write that is not acknowledged BlueZ would take the notifications for itself.
    if acquire is None or part is None or "write-without-response" not in part.properties:
        return
    if part.max_write_without_response_size <= SHORTEST:
        with suppress(BleakError, OSError, StopIteration, RuntimeError):
            await acquire()


def _why(error: Exception) -> str:
    """Say in a few words what the system said."""
    if isinstance(error, BleakBluetoothNotAvailableError):
        return error.reason.name.lower().replace("_", " ")
    return ""
