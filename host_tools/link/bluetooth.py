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

from firmware.core.frames import FRAGMENT, SHORTEST

from .transport import (
    ANSWER,
    COMMAND,
    COMPANY,
    SERVICE,
    LinkLost,
    NoBluetooth,
    OutOfRange,
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


class BluetoothWire(Wire):
    """One connection of bleak's."""

    def __init__(self, client: bleak.BleakClient, values: "asyncio.Queue[bytes | None]"):
        self._client = client
        self._values = values  # None: the connection ended

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

    async def receive(self, timeout: float) -> bytes:
        """Wait for a notification."""
        try:
            async with asyncio.timeout(timeout):
                value = await self._values.get()
        except TimeoutError:
            raise LinkLost("The lock does not answer any more.") from None
        if value is None:
            self._values.put_nowait(None)
            raise LinkLost
        return value

    async def close(self) -> None:
        """Disconnect."""
        with suppress(BleakError, OSError, EOFError, TimeoutError):
            await self._client.disconnect()


class Bluetooth(Radio):
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
        values: asyncio.Queue[bytes | None] = asyncio.Queue()
        client = bleak.BleakClient(
            sighting.handle, disconnected_callback=lambda _: values.put_nowait(None), services=[SERVICE]
        )
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await client.connect()
                await _acquire_mtu(client)
                await client.start_notify(ANSWER, lambda _, value: values.put_nowait(bytes(value)))
        except BleakBluetoothNotAvailableError as error:
            raise NoBluetooth(_why(error)) from None
        except (BleakError, OSError, EOFError, TimeoutError):
            await BluetoothWire(client, values).close()
            raise OutOfRange(f"The lock at {sighting.address}") from None
        return BluetoothWire(client, values)


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
