"""Stand-in for aioble 0.6, what a peripheral needs of it, written for this project from its interface and behaviour.

It is not aioble. It has the interface that firmware/tumbler_lock/drivers/ble_peripheral.py uses, and the faults that
docs/spec/bluetooth.md lists under "Traps": so the firmware is tested against them on a machine that has no aioble. The
real package takes its place if the variable TUMBLER_AIOBLE names its folder (docs/design/simulator.md); the tests pass
with either.
"""

import asyncio
from collections import deque

from .fake_bluetooth import CONNECT, DISCONNECT, MTU, READ_REQUEST, UUID, WRITE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Tuple

    from .fake_bluetooth import SimulatedBluetooth

    Written = Tuple["_Connection | None", bytes]

QUEUE = 10  # captured writes, of all characteristics; one more drops the oldest

_READ = 0x02
_WRITE_FLAG = 0x08
_NOTIFY = 0x10


class _DeviceDisconnectedError(Exception):
    """The client disconnected inside connection.timeout()."""


class _Service:
    """A service to register; characteristics add themselves."""

    def __init__(self, uuid: UUID) -> None:
        self.uuid = uuid
        self.characteristics: "list[_Characteristic]" = []


class _Limit:
    """`with` block that ends after `ms` (None and 0: never), or with its connection, if it has one."""

    def __init__(self, connection: "_Connection | None", ms: "int | None") -> None:
        self._connection = connection
        self._ms = ms
        self._alarm: "asyncio.Task[None] | None" = None
        self._late = False
        self.task = asyncio.current_task()

    async def _ring(self, ms: int) -> None:
        await asyncio.sleep_ms(ms)
        self._late = True
        self._alarm = None
        self.cancel()

    def cancel(self) -> None:
        """Cancel the task in the block."""
        if self.task is not None:
            self.task.cancel()

    def __enter__(self) -> None:
        if self._connection:
            self._connection.limits.append(self)
        if self._ms:
            self._alarm = asyncio.create_task(self._ring(self._ms))

    def __exit__(self, kind: "type[BaseException] | None", error: object, trace: object) -> None:
        if self._connection:
            self._connection.limits.remove(self)
        if self._alarm:
            self._alarm.cancel()
        if kind is asyncio.CancelledError:
            if self._late:
                raise asyncio.TimeoutError
            if self._connection and not self._connection.is_connected():
                raise _DeviceDisconnectedError


class _Connection:
    """A client. mtu: None until the client asked for one; handle: None once it is gone."""

    def __init__(self, aioble: "SimulatedAioble", handle: int) -> None:
        self._aioble = aioble
        self.handle: "int | None" = handle
        self.mtu: "int | None" = None
        self.left = asyncio.ThreadSafeFlag()
        self.limits: "list[_Limit]" = []
        self._watch: "asyncio.Task[None] | None" = None

    def watch(self) -> None:
        """Start to wait for its end; a connection that is not watched never ends."""
        self._watch = asyncio.create_task(self._end())

    async def _end(self) -> None:
        await self.left.wait()
        if self.handle is not None:
            del self._aioble.connections[self.handle]
        self.handle = None
        for limit in self.limits:
            limit.cancel()

    def is_connected(self) -> bool:
        """Return whether the client is connected."""
        return self.handle is not None

    def timeout(self, ms: "int | None") -> _Limit:
        """Return a `with` block that ends with the connection, or after `ms`."""
        return _Limit(self, ms)

    async def disconnected(self, timeout_ms: "int | None" = None, disconnect: bool = False) -> None:
        """Wait for its end. A wait that is cancelled cancels the watch too, and the end is never seen."""
        if self.handle is None or self._watch is None:
            return
        if disconnect:
            self._aioble.ble.gap_disconnect(self.handle)
        with _Limit(None, timeout_ms):
            await self._watch

    async def disconnect(self, timeout_ms: "int | None" = 2000) -> None:
        """End it, and wait."""
        await self.disconnected(timeout_ms, disconnect=True)


class _Characteristic:
    """A characteristic. capture: keep every value written, in a queue that all of them share."""

    def __init__(
        self,
        aioble: "SimulatedAioble",
        service: _Service,
        uuid: UUID,
        read: bool,
        write: bool,
        notify: bool,
        initial: "bytes | None",
        capture: bool,
    ) -> None:
        service.characteristics.append(self)
        self._aioble = aioble
        self.uuid = uuid
        self.flags = (_READ if read else 0) | (_WRITE_FLAG if write else 0) | (_NOTIFY if notify else 0)
        self.captures = capture
        self.bell = asyncio.ThreadSafeFlag()
        self.news: "Written | _Connection | None" = None  # (connection, value) with capture, else the connection
        self.handle = 0  # none yet
        self._initial = initial
        if capture:
            aioble.start_capture()

    def register(self, handle: int) -> None:
        """Take the handle, and write the initial value."""
        self.handle = handle
        if self._initial is not None:
            self.write(self._initial)

    def read(self) -> bytes:
        """Return its value."""
        return self._aioble.ble.gatts_read(self.handle)

    def write(self, data: bytes, send_update: bool = False) -> None:
        """Set its value."""
        self._aioble.ble.gatts_write(self.handle, data, send_update)

    def notify(self, connection: _Connection, data: "bytes | None" = None) -> None:
        """Send a notification; TypeError once the client is gone."""
        self._aioble.ble.gatts_notify(connection.handle, self.handle, data)  # type: ignore[arg-type]  # as in aioble

    async def written(self, timeout_ms: "int | None" = None) -> "Written | _Connection | None":
        """Wait for a write of any client; the end of a connection does not end the wait."""
        with _Limit(None, timeout_ms):
            await self.bell.wait()
        news = self.news
        self.news = None
        if self.captures:
            self._aioble.taken.set()
        return news


class _Buffered(_Characteristic):
    """A characteristic that holds max_len bytes."""

    def __init__(self, *args: "Any", max_len: int) -> None:
        super().__init__(*args)
        self._room = max_len

    def register(self, handle: int) -> None:
        super().register(handle)
        self._aioble.ble.gatts_set_buffer(handle, self._room, False)


class SimulatedAioble:
    """The module `aioble`. bluetooth: the module of that name."""

    DeviceDisconnectedError = _DeviceDisconnectedError
    Service = _Service

    def __init__(self, bluetooth: "SimulatedBluetooth") -> None:
        self.ble = bluetooth.BLE()
        self.ble.irq(self._interrupt)
        self.connections: "dict[int, _Connection]" = {}
        self._characteristics: "dict[int, _Characteristic]" = {}
        self._incoming: "_Connection | None" = None
        self._arrived: "asyncio.ThreadSafeFlag | None" = None
        self._queue: "deque[tuple[_Connection | None, bytes, _Characteristic]] | None" = None
        self.taken = asyncio.ThreadSafeFlag()
        self._captured = asyncio.ThreadSafeFlag()
        self._capture_task: "asyncio.Task[None] | None" = None

    def Characteristic(  # noqa: N802 -- as in aioble
        self,
        service: _Service,
        uuid: UUID,
        read: bool = False,
        write: bool = False,
        notify: bool = False,
        initial: "bytes | None" = None,
        capture: bool = False,
    ) -> _Characteristic:
        """Make a characteristic of a service."""
        return _Characteristic(self, service, uuid, read, write, notify, initial, capture)

    def BufferedCharacteristic(  # noqa: N802 -- as in aioble
        self,
        service: _Service,
        uuid: UUID,
        read: bool = False,
        write: bool = False,
        notify: bool = False,
        initial: "bytes | None" = None,
        capture: bool = False,
        max_len: int = 20,
    ) -> _Characteristic:
        """Make one that holds more than 20 bytes."""
        return _Buffered(self, service, uuid, read, write, notify, initial, capture, max_len=max_len)

    def config(self, *names: str, **settings: "Any") -> "Any":
        """Change settings, or return the one that is named."""
        self.ble.active(True)
        return self.ble.config(*names, **settings)

    def register_services(self, *services: _Service) -> None:
        """Replace the services by these."""
        self.ble.active(True)
        self._characteristics = {}
        described = [(each.uuid, [(part.uuid, part.flags) for part in each.characteristics]) for each in services]
        for service, handles in zip(services, self.ble.gatts_register_services(described)):
            for characteristic, handle in zip(service.characteristics, handles):
                self._characteristics[handle] = characteristic
                characteristic.register(handle)

    async def advertise(
        self,
        interval_us: int,
        adv_data: "bytes | None" = None,
        resp_data: "bytes | None" = None,
        timeout_ms: "int | None" = None,
    ) -> "_Connection | None":
        """Advertise until a client connects, and return the connection; None if cancelled, without a sign."""
        self.ble.active(True)
        arrived = self._arrived = self._arrived or asyncio.ThreadSafeFlag()
        self.ble.gap_advertise(interval_us, adv_data=adv_data, resp_data=resp_data)
        try:
            with _Limit(None, timeout_ms):
                await arrived.wait()
            connection = self._incoming
            self._incoming = None
            if connection is not None:
                connection.watch()
            return connection
        except asyncio.CancelledError:
            self.ble.gap_advertise(None)
            return None
        except asyncio.TimeoutError:
            self.ble.gap_advertise(None)
            raise

    def stop(self) -> None:
        """Switch the radio off. Characteristics made before do not work after it."""
        self.ble.active(False)
        self._characteristics = {}
        self._incoming = self._arrived = None
        if self._queue is not None:
            if self._capture_task is not None:
                self._capture_task.cancel()
            self._queue = None

    def start_capture(self) -> None:
        """Start the task that hands captured values out, once."""
        if self._queue is None:
            self._queue = deque((), QUEUE)  # noqa: RUF037 -- MicroPython wants both
            self._captured = asyncio.ThreadSafeFlag()
            self.taken = asyncio.ThreadSafeFlag()
            self._capture_task = asyncio.create_task(self._hand_out())

    async def _hand_out(self) -> None:
        """Hand out one value at a time; one that is not taken holds up all the others."""
        while True:
            if self._queue:
                connection, value, characteristic = self._queue.popleft()
                characteristic.news = (connection, value)
                characteristic.bell.set()
                await self.taken.wait()
            if not self._queue:
                await self._captured.wait()

    def _interrupt(self, event: int, data: "tuple[Any, ...]") -> "int | None":
        if event == CONNECT:
            connection = _Connection(self, data[0])
            self.connections[data[0]] = connection  # a handle that is still in use changes hands
            self._incoming = connection
            if self._arrived is not None:
                self._arrived.set()
        elif event == DISCONNECT:
            left = self.connections.get(data[0])
            if left:
                left.left.set()
        elif event == MTU:
            asked = self.connections.get(data[0])
            if asked:
                asked.mtu = data[1]
        elif event == READ_REQUEST:
            return 0
        elif event == WRITE:
            characteristic = self._characteristics.get(data[1])
            if characteristic:
                writer = self.connections.get(data[0])
                if characteristic.captures and self._queue is not None:
                    self._queue.append((writer, characteristic.read(), characteristic))
                    self._captured.set()
                else:
                    characteristic.news = writer
                    characteristic.bell.set()
        return None
