"""Stand-in for aioble 0.6, the peripheral's half of it, written for this project from its interface and behaviour.

It is not aioble. It has the interface that firmware/tumbler_lock/drivers/ble_peripheral.py uses and the faults that
docs/spec/bluetooth.md lists
under "Traps", so that the firmware is held to them on a machine that has no aioble. The real package takes its place
when the variable TUMBLER_AIOBLE names the folder that holds it (docs/design/simulator.md); the tests pass with either.
"""

import asyncio
from collections import deque

QUEUE = 10  # captured writes, of all characteristics; one more drops the oldest

_CONNECT = 1
_DISCONNECT = 2
_WRITE = 3
_READ_REQUEST = 4
_MTU = 21

_READ = 0x02
_WRITE_FLAG = 0x08
_NOTIFY = 0x10


class DeviceDisconnectedError(Exception):
    """The other end went away inside connection.timeout()."""


class Service:
    """A service to register; characteristics add themselves."""

    def __init__(self, uuid):
        self.uuid = uuid
        self.characteristics = []


class _Limit:
    """`with` block that ends after `ms` (None and 0: never), or when its connection (if any) does."""

    def __init__(self, connection, ms):
        self._connection = connection
        self._ms = ms
        self._alarm = None
        self._late = False
        self.task = asyncio.current_task()

    async def _ring(self):
        await asyncio.sleep_ms(self._ms)
        self._late = True
        self._alarm = None
        self.task.cancel()

    def __enter__(self):
        if self._connection:
            self._connection.limits.append(self)
        if self._ms:
            self._alarm = asyncio.create_task(self._ring())

    def __exit__(self, kind, error, trace):
        if self._connection:
            self._connection.limits.remove(self)
        if self._alarm:
            self._alarm.cancel()
        if kind is asyncio.CancelledError:
            if self._late:
                raise asyncio.TimeoutError
            if self._connection and not self._connection.is_connected():
                raise DeviceDisconnectedError


class _Connection:
    """A client. mtu: None until it asked for one."""

    def __init__(self, aioble, handle):
        self._aioble = aioble
        self.handle = handle
        self.mtu = None
        self.left = asyncio.ThreadSafeFlag()
        self.limits = []
        self._watch = None

    def watch(self):
        """Start to wait for its end; who is not watched never ends."""
        self._watch = asyncio.create_task(self._end())

    async def _end(self):
        await self.left.wait()
        del self._aioble.connections[self.handle]
        self.handle = None
        for limit in self.limits:
            limit.task.cancel()

    def is_connected(self):
        """Whether it is there."""
        return self.handle is not None

    def timeout(self, ms):
        """A `with` block that ends with the connection, or after ms."""
        return _Limit(self, ms)

    async def disconnected(self, timeout_ms=None, disconnect=False):
        """Wait for its end. Whoever gives up waiting takes the watch with him, and the end is never seen."""
        if not self.is_connected():
            return
        if disconnect:
            self._aioble.ble.gap_disconnect(self.handle)
        with _Limit(None, timeout_ms):
            await self._watch

    async def disconnect(self, timeout_ms=2000):
        """End it, and wait."""
        await self.disconnected(timeout_ms, disconnect=True)


class _Characteristic:
    """A characteristic. capture: keep every value written, in a queue that all of them share."""

    def __init__(self, aioble, service, uuid, read, write, notify, initial, capture):
        service.characteristics.append(self)
        self._aioble = aioble
        self.uuid = uuid
        self.flags = (_READ if read else 0) | (_WRITE_FLAG if write else 0) | (_NOTIFY if notify else 0)
        self.captures = capture
        self.bell = asyncio.ThreadSafeFlag()
        self.news = None  # (connection, value) with capture, else the connection
        self.handle = None
        self._initial = initial
        if capture:
            aioble.start_capture()

    def register(self, handle):
        """It has a handle now."""
        self.handle = handle
        if self._initial is not None:
            self.write(self._initial)

    def read(self):
        """Its value."""
        return self._aioble.ble.gatts_read(self.handle)

    def write(self, data, send_update=False):
        """Set its value."""
        self._aioble.ble.gatts_write(self.handle, data, send_update)

    def notify(self, connection, data=None):
        """Send a notification, whatever becomes of it."""
        self._aioble.ble.gatts_notify(connection.handle, self.handle, data)

    async def written(self, timeout_ms=None):
        """Wait for a write of whomever; the end of a connection does not end the wait."""
        with _Limit(None, timeout_ms):
            await self.bell.wait()
        news = self.news
        self.news = None
        if self.captures:
            self._aioble.taken.set()
        return news


class _Buffered(_Characteristic):
    """A characteristic that holds max_len bytes."""

    def __init__(self, *args, max_len):
        super().__init__(*args)
        self._room = max_len

    def register(self, handle):
        super().register(handle)
        self._aioble.ble.gatts_set_buffer(handle, self._room, False)


class Aioble:
    """The module `aioble`. bluetooth: the module of that name."""

    DeviceDisconnectedError = DeviceDisconnectedError
    Service = Service

    def __init__(self, bluetooth):
        self.ble = bluetooth.BLE()
        self.ble.irq(self._interrupt)
        self.connections = {}
        self._characteristics = {}
        self._incoming = None
        self._arrived = None
        self._queue = None
        self.taken = None

    def Characteristic(  # noqa: N802 -- as in aioble
        self, service, uuid, read=False, write=False, notify=False, initial=None, capture=False
    ):
        """Make a characteristic of a service."""
        return _Characteristic(self, service, uuid, read, write, notify, initial, capture)

    def BufferedCharacteristic(  # noqa: N802 -- as in aioble
        self, service, uuid, read=False, write=False, notify=False, initial=None, capture=False, max_len=20
    ):
        """Make one that holds more than 20 bytes."""
        return _Buffered(self, service, uuid, read, write, notify, initial, capture, max_len=max_len)

    def config(self, *names, **settings):
        """Set, or ask for a setting."""
        self.ble.active(True)
        return self.ble.config(*names, **settings)

    def register_services(self, *services):
        """Put these services in place of those before."""
        self.ble.active(True)
        self._characteristics = {}
        described = [(each.uuid, [(part.uuid, part.flags) for part in each.characteristics]) for each in services]
        for service, handles in zip(services, self.ble.gatts_register_services(described)):
            for characteristic, handle in zip(service.characteristics, handles):
                self._characteristics[handle] = characteristic
                characteristic.register(handle)

    async def advertise(self, interval_us, adv_data=None, resp_data=None, timeout_ms=None):
        """Advertise until a client is there, and return the connection; None when cancelled, without a sign."""
        self.ble.active(True)
        self._arrived = self._arrived or asyncio.ThreadSafeFlag()
        self.ble.gap_advertise(interval_us, adv_data=adv_data, resp_data=resp_data)
        try:
            with _Limit(None, timeout_ms):
                await self._arrived.wait()
            connection = self._incoming
            self._incoming = None
            connection.watch()
            return connection
        except asyncio.CancelledError:
            self.ble.gap_advertise(None)
        except asyncio.TimeoutError:
            self.ble.gap_advertise(None)
            raise

    def stop(self):
        """Switch the radio off. Characteristics made before are of no use after it."""
        self.ble.active(False)
        self._characteristics = {}
        self._incoming = self._arrived = None
        if self._queue is not None:
            self._capture_task.cancel()
            self._queue = None

    def start_capture(self):
        """Start the task that hands captured values out, once."""
        if self._queue is None:
            self._queue = deque((), QUEUE)  # noqa: RUF037 -- MicroPython wants both
            self._captured = asyncio.ThreadSafeFlag()
            self.taken = asyncio.ThreadSafeFlag()
            self._capture_task = asyncio.create_task(self._hand_out())

    async def _hand_out(self):
        """One value at a time; one that nobody takes holds up all the others."""
        while True:
            if self._queue:
                connection, value, characteristic = self._queue.popleft()
                characteristic.news = (connection, value)
                characteristic.bell.set()
                await self.taken.wait()
            if not self._queue:
                await self._captured.wait()

    def _interrupt(self, event, data):
        if event == _CONNECT:
            connection = _Connection(self, data[0])
            self.connections[data[0]] = connection  # a handle that is still in use changes hands
            self._incoming = connection
            self._arrived.set()
        elif event == _DISCONNECT:
            connection = self.connections.get(data[0])
            if connection:
                connection.left.set()
        elif event == _MTU:
            connection = self.connections.get(data[0])
            if connection:
                connection.mtu = data[1]
        elif event == _READ_REQUEST:
            return 0
        elif event == _WRITE:
            characteristic = self._characteristics.get(data[1])
            if characteristic:
                connection = self.connections.get(data[0])
                if characteristic.captures:
                    self._queue.append((connection, characteristic.read(), characteristic))
                    self._captured.set()
                else:
                    characteristic.news = connection
                    characteristic.bell.set()
        return None
