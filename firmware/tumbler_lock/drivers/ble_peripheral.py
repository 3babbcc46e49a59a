"""Radio: the lock as a Bluetooth peripheral, over aioble (docs/spec/bluetooth.md has the services, bytes and traps).

Invariants: one connection at a time. The lock advertises only while no client is connected. A value that receive()
returns was written by this client, is whole, and has 1 to 244 bytes. Every failure is NoRadio, Gone, Silent or Broken;
nothing that aioble or a client does ends the calling task in another way.
Values are bytes, times ms unless a name says us.
"""

import asyncio

from micropython import const

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

    from .hardware import Aioble, Ble, Bluetooth, RawConnection, Value

SERVICE = "1dc6abf1-f453-40a6-969f-e9598cbd010d"
COMMAND = "1dc6abf2-f453-40a6-969f-e9598cbd010d"
ANSWER = "1dc6abf3-f453-40a6-969f-e9598cbd010d"

VALUE_MAX = const(244)  # bytes of one value, in either direction
NAME_MAX = const(17)  # bytes of the name, beside the lock id in one scan response
LOCK_ID = const(8)

_MTU = const(247)
_MTU_LEAST = const(23)  # until the client has asked for more
_HEADER = const(3)  # of a notification or a write inside the MTU
_INTERVAL_US = const(250_000)

# Assigned numbers of the Bluetooth SIG.
_DEVICE_INFORMATION = const(0x180A)
_MANUFACTURER = const(0x2A29)
_MODEL = const(0x2A24)
_FIRMWARE = const(0x2A26)
_BATTERY = const(0x180F)
_LEVEL = const(0x2A19)
_NO_COMPANY = b"\xff\xff"  # company identifier for products without one

# Types of advertised fields.
_FLAGS = const(0x01)
_SERVICES_128 = const(0x07)
_NAME = const(0x09)
_MAKER_DATA = const(0xFF)
_FLAGS_LE = b"\x06"  # general discoverable, no classic Bluetooth

_PAUSE_MS = const(20)  # between two tries to send
_SEND_TRIES = const(100)
_CLOSE_MS = const(40_000)  # a client out of reach counts as connected for up to 32 s


class RadioError(Exception):
    """A failure of the radio; one of the four below."""


class NoRadio(RadioError):
    """The radio does not start, or does not advertise: the text says why. A later retry may help."""


class Gone(RadioError):
    """The client disconnected, or takes nothing."""


class Silent(RadioError):
    """A timeout: the client wrote nothing in time."""


class Broken(RadioError):
    """An invalid value: too long, empty, or of another connection. Close the connection."""


def _field(kind: int, value: bytes) -> bytes:
    return bytes((len(value) + 1, kind)) + value


def advertisement() -> bytes:
    """Return the advertisement: flags and the service, 21 of at most 31 bytes."""
    little = bytes(reversed(bytes.fromhex(SERVICE.replace("-", ""))))
    return _field(_FLAGS, _FLAGS_LE) + _field(_SERVICES_128, little)


def scan_response(name: str, lock_id: "bytes | None" = None) -> bytes:
    """Return the scan response: complete name (1 to 17 bytes in UTF-8), and the lock id (8 bytes) if there is one.

    It has at most 31 bytes, which is the limit. ValueError if name or id has another length.
    """
    text = name.encode()
    if not 1 <= len(text) <= NAME_MAX:
        raise ValueError("the name of the radio is 1 to %d bytes" % NAME_MAX)
    if lock_id is None:
        return _field(_NAME, text)
    if len(lock_id) != LOCK_ID:
        raise ValueError("a lock id is %d bytes" % LOCK_ID)
    return _field(_NAME, text) + _field(_MAKER_DATA, _NO_COMPANY + lock_id)


class Radio:
    """The lock's radio. It does nothing before the first start() or accept().

    aioble, bluetooth: the two modules, or None if they are missing: then the radio never starts; model, version: texts
    for Device Information; battery: returns the charge in percent, None for a board that cannot measure it;
    interval_us: between two advertisements.
    """

    def __init__(
        self,
        aioble: "Aioble | None",
        bluetooth: "Bluetooth | None",
        model: str,
        version: str,
        battery: "Callable[[], int | None] | None" = None,
        interval_us: int = _INTERVAL_US,
    ) -> None:
        self._aioble: "Aioble" = aioble  # type: ignore[assignment]  # start() checks it
        self._bluetooth: "Bluetooth" = bluetooth  # type: ignore[assignment]
        self._model = model
        self._version = version
        self._battery = battery
        self._interval_us = interval_us
        self._ble: "Ble" = None  # type: ignore[assignment]  # until start()
        self._command: "Value" = None  # type: ignore[assignment]
        self._answer: "Value" = None  # type: ignore[assignment]
        self._level: "Value | None" = None
        self._connection: "Connection | None" = None

    @property
    def connected(self) -> bool:
        """Whether a client is connected: then the board must not sleep."""
        return self._connection is not None and self._connection.connected

    async def accept(self, name: str, lock_id: "bytes | None", interval_us: int = 0) -> "Connection":
        """Close the previous connection, then advertise until a client connects.

        name: 1 to 17 bytes in UTF-8; lock_id: 8 bytes, None while the lock has none (else ValueError); interval_us:
        replaces the radio's own for this call. Raises NoRadio. Do not put a timeout around it: a client that connects
        at that moment would wait for the next accept().
        """
        response = scan_response(name, lock_id)
        self.start()
        if self._connection is not None:
            await self._connection.close()
            stuck = self._connection.connected
            self._connection = None
            if stuck:
                raise NoRadio("the radio never reported that the last client is gone")
        try:
            self._ble.config(gap_name=name)
        except (OSError, ValueError):
            pass  # a port without that setting: clients take the name from the advertisement
        self.tell_battery()
        raw = await self._advertise(response, interval_us or self._interval_us)
        if raw is None:
            raise asyncio.CancelledError  # advertise() swallows it
        self._connection = Connection(self._aioble, raw, self._command, self._answer)
        return self._connection

    async def _advertise(self, response: bytes, interval_us: int) -> "RawConnection | None":
        try:
            raw = await self._aioble.advertise(interval_us, adv_data=advertisement(), resp_data=response)
            self._ble.gap_advertise(None)  # a client of an earlier, cancelled call may have been taken up instead
            return raw
        except Exception as error:  # noqa: BLE001 -- whatever aioble raises, the keypad's task must live on
            raise NoRadio("the radio does not advertise: %r" % error)

    def stop(self) -> None:
        """Switch the radio off until the next start() or accept(). Do not call it while a task waits in accept()."""
        if self._command is not None:
            self._aioble.stop()
            self._command = None  # type: ignore[assignment]
            self._level = self._connection = None
        elif self._bluetooth is not None:
            self._bluetooth.BLE().active(False)  # app/start.py has switched it on

    def tell_battery(self) -> None:
        """Measure the battery and notify subscribers; nothing if the board cannot, or before the first accept()."""
        percent = self._battery() if self._battery is not None else None
        if self._level is not None and percent is not None:
            try:
                self._level.write(bytes((percent,)), send_update=True)
            except OSError:
                pass  # out of buffers: the next call sends it

    def start(self) -> None:
        """Switch the radio on and build the services, unless that is done; blocks for some tenths of a second, at most
        2 s. NoRadio says what is missing."""
        if self._command is not None:
            return
        if self._aioble is None or self._bluetooth is None:
            raise NoRadio("the package aioble is missing: install it with `mpremote mip install aioble`")
        try:
            self._ble = self._bluetooth.BLE()
            self._ble.active(True)
            try:
                self._ble.config(mtu=_MTU)
            except (OSError, ValueError):
                pass  # a port with a fixed MTU: values are cut to what the client and it agree on
            self._command = self._build()
        except Exception as error:  # noqa: BLE001 -- whatever the port raises, the keypad's task must live on
            raise NoRadio("the radio does not start: %r" % error)

    def _build(self) -> "Value":
        """Make and register the services; return the command characteristic. They do not survive aioble.stop()."""
        aioble = self._aioble
        uuid = self._bluetooth.UUID
        ours = aioble.Service(uuid(SERVICE))
        # One byte more than a value may have: a full buffer means that the value was cut.
        command = aioble.BufferedCharacteristic(ours, uuid(COMMAND), write=True, capture=True, max_len=VALUE_MAX + 1)
        self._answer = aioble.Characteristic(ours, uuid(ANSWER), notify=True)
        information = aioble.Service(uuid(_DEVICE_INFORMATION))
        for number, text in ((_MANUFACTURER, "Tumbler"), (_MODEL, self._model), (_FIRMWARE, self._version)):
            aioble.Characteristic(information, uuid(number), read=True, initial=text.encode())
        services = [ours, information]
        if self._battery is not None:
            power = aioble.Service(uuid(_BATTERY))
            self._level = aioble.Characteristic(power, uuid(_LEVEL), read=True, notify=True, initial=b"\x00")
            services.append(power)
        aioble.register_services(*services)
        return command


class Connection:
    """One client, from accept() until it disconnects. raw: aioble's connection."""

    def __init__(self, aioble: "Aioble", raw: "RawConnection", command: "Value", answer: "Value") -> None:
        self._aioble = aioble
        self._raw = raw
        self._command = command
        self._answer = answer
        self._closed: "asyncio.Event | None" = None  # set when a disconnection that we requested is over
        self._closing: "object" = None  # the task that waits for it; without a reference it could be collected

    @property
    def connected(self) -> bool:
        """Whether the client is connected, as far as the radio knows."""
        return bool(self._raw.is_connected())

    @property
    def fragment(self) -> int:
        """Bytes that one value may have now, 20 to 244; grows at any moment when the client asks for a larger MTU."""
        return max(_MTU_LEAST, min(self._raw.mtu or _MTU_LEAST, _MTU)) - _HEADER

    async def receive(self, timeout_ms: int) -> bytes:
        """Return the next value that this client wrote. Raises Gone, Silent (after timeout_ms, 1 or more) or Broken."""
        while True:
            if not self.connected:
                raise Gone("the client is gone")
            written = await self._written(max(1, timeout_ms))
            if written is None:
                continue  # woken without a value
            writer, value = written
            if writer is self._raw:
                break
            if writer is None or writer.is_connected():
                raise Broken("a value of another connection")
            # Otherwise it is left over from a client that is gone.
        if not 1 <= len(value) <= VALUE_MAX:
            raise Broken("a value is 1 to %d bytes" % VALUE_MAX)
        return bytes(value)

    async def _written(self, timeout_ms: int) -> "tuple[RawConnection | None, bytes] | None":
        try:
            with self._raw.timeout(timeout_ms):  # written() itself does not end when the client goes
                return await self._command.written()
        except asyncio.TimeoutError:
            raise Silent("nothing was written in time")
        except self._aioble.DeviceDisconnectedError:
            raise Gone("the client is gone")
        except Exception as error:  # noqa: BLE001 -- whatever aioble raises, the keypad's task must live on
            raise Broken("the radio failed: %r" % error)

    async def send(self, value: bytes) -> None:
        """Notify the client of a value of 1 to `fragment` bytes. Waits up to 2 s for a free buffer.

        Raises Gone, and Broken if the value is longer than `fragment` is now: it would arrive cut.
        """
        for _ in range(_SEND_TRIES):
            if not self.connected:
                break
            if not 1 <= len(value) <= self.fragment:
                raise Broken("a value to send is 1 to %d bytes now" % self.fragment)
            try:
                self._answer.notify(self._raw, value)
                return
            except OSError:
                await asyncio.sleep_ms(_PAUSE_MS)  # no buffer, or the client is gone and the radio will say so soon
            except Exception as error:  # noqa: BLE001 -- TypeError on a connection that died, or another
                raise Gone("the client is gone: %r" % error)
        raise Gone("the client is gone, or takes nothing")

    async def close(self) -> None:
        """Disconnect, and wait up to 40 s until the client is gone; safe to call twice.

        aioble's own wait must not time out or be cancelled: it would never learn that the client disconnected.
        """
        if not self.connected:
            return
        if self._closed is None:
            self._closed = asyncio.Event()
            self._closing = asyncio.create_task(self._disconnect(self._closed))
        try:
            await asyncio.wait_for_ms(self._closed.wait(), _CLOSE_MS)
        except asyncio.TimeoutError:
            self._closed = None  # the next call tries again

    async def _disconnect(self, closed: asyncio.Event) -> None:
        try:
            await self._raw.disconnect(timeout_ms=None)
        except Exception:  # noqa: BLE001, S110 -- the caller checks whether it worked
            pass
        closed.set()
