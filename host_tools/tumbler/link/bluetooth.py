"""This computer's Bluetooth, through bleak.

A value is one write with response, or one notification, of at most the connection's MTU less 3. Systems report the MTU
in different ways, BlueZ sometimes not at all. Then a value has 20 bytes, which every connection carries.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import bleak
from bleak.exc import BleakBluetoothNotAvailableError, BleakError

from tumbler_lock.core.fragments import FRAGMENT_LEAST

from .transport import (
    ANSWER,
    ATT_HEADER,
    COMMAND,
    COMPANY,
    SERVICE,
    Enough,
    GattWire,
    NoBluetooth,
    OutOfRange,
    Radio,
    Sighting,
    Sightings,
    Wire,
)

CONNECT_SECONDS = 15.0
TROUBLES = (BleakError, OSError, EOFError)  # without D-Bus there is no BlueZ
REASONS = {
    "NO_BLUETOOTH": "it has none",
    "NO_BLE_CENTRAL_ROLE": "its adapter cannot connect to devices of Bluetooth Low Energy",
    "POWERED_OFF": "it is powered off",
    "DENIED_BY_USER": "this program is not allowed to use it",
    "DENIED_BY_SYSTEM": "the system does not allow this program to use it",
    "DENIED_BY_UNKNOWN": "this program is not allowed to use it",
}


class BluetoothWire(GattWire):
    """One connection of bleak's."""

    TROUBLES = TROUBLES
    WRITE_SECONDS = 10.0
    CLOSE_SECONDS = 10.0

    def __init__(self, device: Any):
        super().__init__()
        self._client = bleak.BleakClient(device, disconnected_callback=lambda _: self.arrived(None), services=[SERVICE])

    async def prepare(self) -> None:
        """Connect, ask for the MTU, and subscribe."""
        await self._client.connect()
        await _acquire_mtu(self._client)
        await self._client.start_notify(ANSWER, lambda _, value: self.arrived(bytes(value)))

    def _value_size(self) -> int:
        part = self._client.services.get_characteristic(COMMAND)
        size = part.max_write_without_response_size if part is not None else FRAGMENT_LEAST
        if size > FRAGMENT_LEAST:
            return size
        # Set once acquire_mtu() was successful; the public property warns if it was not.
        return (getattr(_backend(self._client), "_mtu_size", None) or 0) - ATT_HEADER

    async def _write(self, value: bytes) -> None:
        await self._client.write_gatt_char(COMMAND, value, response=True)

    async def _disconnect(self) -> None:
        await self._client.disconnect()


class BluetoothRadio(Radio):
    """The Bluetooth adapter of this computer."""

    name = "bluetooth"

    async def scan(self, seconds: float, enough: Enough) -> list[Sighting]:
        """Look for our service, actively: the name is in the answer to a scan."""
        seen = Sightings(self.name, enough)

        def saw(device: Any, data: Any) -> None:
            name = data.local_name or device.name
            seen.add(device.address, name, data.manufacturer_data.get(COMPANY), data.rssi, device)

        try:
            async with bleak.BleakScanner(saw, service_uuids=[SERVICE]):
                return await seen.wait(seconds)
        except TROUBLES as error:
            raise NoBluetooth(_why(error)) from None

    async def connect(self, sighting: Sighting) -> Wire:
        """Connect, subscribe, and ask for the MTU."""
        wire = BluetoothWire(sighting.handle)
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await wire.prepare()
        except BleakBluetoothNotAvailableError as error:
            raise NoBluetooth(_why(error)) from None
        except (*TROUBLES, TimeoutError):
            await wire.close()
            raise OutOfRange(f"The lock at {sighting.address}") from None
        return wire


def _backend(client: bleak.BleakClient) -> Any:
    return getattr(client, "_backend", None)


async def _acquire_mtu(client: bleak.BleakClient) -> None:
    """Make an older BlueZ report the MTU. If that is not needed or does not work, nothing is lost."""
    acquire: Callable[[], Any] | None = getattr(_backend(client), "_acquire_mtu", None)
    part = client.services.get_characteristic(COMMAND)
    # Without a write that is not acknowledged BlueZ would take the notifications for itself.
    if acquire is None or part is None or "write-without-response" not in part.properties:
        return
    if part.max_write_without_response_size <= FRAGMENT_LEAST:
        with suppress(BleakError, OSError, StopIteration, RuntimeError):
            await acquire()


def _why(error: BaseException) -> str:
    """Say in a few words why the system has no Bluetooth for us, "" if it does not say."""
    if isinstance(error, BleakBluetoothNotAvailableError):
        return REASONS.get(error.reason.name, "")
    return ""
