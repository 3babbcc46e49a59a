"""The air around a virtual lock: the lock's Bluetooth, and a controller for every client (docs/design/simulator.md).

The stack is bumble's. The lock's GATT server mirrors what the board registered: every write and read goes to the board,
every notification comes from it. Clients are other processes. Each connects to a UNIX socket, gets a virtual controller
in the same air, and brings a Bluetooth stack of its own, as with a USB stick:

    open_transport("unix:" + str(socket_path(home)))          # bumble.transport

Everything here runs in one thread with an event loop of its own. Another thread owns the lock: jobs for it go through
`do`, its events come through `event()`.
"""

import asyncio
import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from bumble import att, core, gatt, hci
from bumble.core import UUID
from bumble.device import Connection, Device, DeviceConfiguration
from bumble.host import Host
from bumble.transport.common import StreamPacketSink, StreamPacketSource

from .lock import VirtualLock
from .process import BoardRefused, Message
from .radio_controllers import ClientController, LockController, PacedLink, drop_links
from .radio_socket import RadioSocket

START_SECONDS = 10.0
STOP_SECONDS = 10.0
ADDRESS = "C0:10:CC:0F:00:01"  # of the lock: random and static, as its first two bits say

_READABLE = gatt.Characteristic.Properties.READ
_WRITABLE = gatt.Characteristic.Properties.WRITE | gatt.Characteristic.Properties.WRITE_WITHOUT_RESPONSE

# The stack logs as errors what is normal here, such as a last packet for a connection that is gone.
logging.getLogger("bumble").addHandler(logging.NullHandler())


class _Client(StreamPacketSource):
    """A client process at the socket, and its controller."""

    def __init__(self, air: "VirtualAir"):
        super().__init__()
        self._air = air
        self._controller: ClientController | None = None
        self._transport: asyncio.BaseTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if not isinstance(transport, asyncio.WriteTransport):
            raise TypeError("a socket can be written to")
        self._transport = transport
        self._controller = ClientController(
            "client", host_source=self, host_sink=StreamPacketSink(transport), link=self._air.link
        )
        self._air.clients.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._controller is not None:
            self._controller.host = None
            drop_links(self._controller)
            self._air.link.remove_controller(self._controller)
        self._air.clients.discard(self)

    def close(self) -> None:
        """Close the socket to the client."""
        if self._transport is not None:
            self._transport.close()


class VirtualAir:
    """The air around one virtual lock. Use it as a context manager, and enter it before the lock has power.

    do: has a job done with the lock by the thread that owns it, after the jobs asked for before, and does not wait for
    it; path: of the socket (radio_socket.socket_path); interval: see PacedLink. ToolError if another virtual lock has
    the radio.
    """

    def __init__(
        self, do: Callable[[Callable[[VirtualLock], None]], Any], path: Path, interval: float | None = None
    ) -> None:
        self._do = do
        self._interval = interval
        self._socket = RadioSocket(path)
        self._started = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._device: Device | None = None
        self._controller: LockController | None = None
        self._values: dict[int, gatt.Characteristic[bytes]] = {}  # by the board's handles
        self.link: PacedLink
        self.clients: set[_Client] = set()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._main()), name="virtual radio", daemon=True)

    def __enter__(self) -> "VirtualAir":
        self._thread.start()
        if not self._started.wait(START_SECONDS):
            raise RuntimeError("the virtual radio's thread did not start")
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Disconnect all clients and remove the socket; safe to call twice."""
        self._post(None)
        if self._thread.is_alive():
            self._thread.join(STOP_SECONDS)
        self._socket.close()

    def event(self, message: Message) -> None:
        """Take an event of the lock, in its thread; only those of radio and power count."""
        if message["event"] in ("radio", "power"):
            self._post(message)

    def _post(self, message: Message | None) -> None:
        """Hand a message to the loop, from any thread; None ends it."""
        loop = self._loop
        if loop is not None:
            with suppress(RuntimeError):  # the loop has just ended
                loop.call_soon_threadsafe(self._events.put_nowait, message)

    # The thread

    async def _main(self) -> None:
        self.link = PacedLink(self._interval)
        self._events: asyncio.Queue[Message | None] = asyncio.Queue()
        self._loop = asyncio.get_running_loop()
        server = await self._loop.create_unix_server(lambda: _Client(self), sock=self._socket.socket)
        self._started.set()
        while (message := await self._events.get()) is not None:
            await self._handle(message)
        server.close()
        self._gone()
        for client in list(self.clients):
            client.close()
        await asyncio.sleep(0)  # connection_lost() of each

    async def _handle(self, message: Message) -> None:
        if message["event"] == "power":
            if not message["on"]:
                self._gone()
            return
        op = message["op"]
        if op == "services":
            await self._power_on(message["services"])
        elif op == "off":
            self._gone()
        elif op == "advertise":
            await self._advertise(message)
        elif op == "notify":
            await self._notify(message["conn"], message["handle"], bytes.fromhex(message["value"]))
        elif op == "disconnect":
            connection = self._connection(message["conn"])
            if connection is not None:
                with suppress(core.BaseBumbleError):  # the client has left already
                    await connection.disconnect()

    def _gone(self) -> None:
        """Take the power from the lock's radio."""
        if self._controller is not None:
            self._controller.drop()
        self._controller = self._device = None
        self._values = {}

    def _connection(self, handle: int) -> Connection | None:
        return self._device.connections.get(handle) if self._device is not None else None

    async def _power_on(self, services: list[Message]) -> None:
        """Make a new device of the services that the lock registered; no client is connected to it."""
        self._gone()
        self._controller = LockController("lock", link=self.link)
        host = Host(self._controller, self._controller)
        config = DeviceConfiguration(name="", address=hci.Address(ADDRESS), gap_service_enabled=False)
        self._device = device = Device(config=config, host=host)
        self._name = gatt.Characteristic(
            gatt.GATT_DEVICE_NAME_CHARACTERISTIC, _READABLE, gatt.Characteristic.READABLE, b""
        )
        device.add_service(gatt.Service(gatt.GATT_GENERIC_ACCESS_SERVICE, [self._name]))
        for service in services:
            device.add_service(
                gatt.Service(UUID(service["uuid"]), [self._mirror(part) for part in service["characteristics"]])
            )
        device.on(device.EVENT_CONNECTION, self._connected)
        await device.power_on()

    def _mirror(self, part: Message) -> gatt.Characteristic[bytes]:
        """Return the characteristic that mirrors one of the board's."""
        handle: int = part["handle"]
        properties = gatt.Characteristic.Properties(part["flags"] & 0xFF)

        async def read(connection: Connection) -> bytes:
            if not properties & _READABLE:
                raise att.ATT_Error(att.ATT_READ_NOT_PERMITTED_ERROR)
            answer = await self._ask("read", conn=connection.handle, handle=handle)
            if answer is None or "att_error" in answer:
                raise att.ATT_Error(answer["att_error"] if answer else att.ATT_UNLIKELY_ERROR_ERROR)
            return bytes.fromhex(answer["value"])

        def write(connection: Connection, value: bytes) -> None:
            if not properties & _WRITABLE:
                raise att.ATT_Error(att.ATT_WRITE_NOT_PERMITTED_ERROR)
            # Acknowledged before the firmware has seen it, as NimBLE does.
            self._happens("write", conn=connection.handle, handle=handle, value=value.hex())

        permissions = gatt.Characteristic.READABLE | gatt.Characteristic.WRITEABLE
        made: gatt.Characteristic[bytes] = gatt.Characteristic(
            UUID(part["uuid"]), properties, permissions, att.AttributeValue(read=read, write=write)
        )

        def subscribed(connection: Connection, notify: bool, indicate: bool) -> None:
            self._happens("subscribe", conn=connection.handle, handle=handle, on=notify)

        made.on(made.EVENT_SUBSCRIPTION, subscribed)
        self._values[handle] = made
        return made

    async def _advertise(self, message: Message) -> None:
        device = self._device
        if device is None:
            return
        if not message["on"]:
            await device.stop_advertising()
            return
        device.gatt_server.max_mtu = message["mtu"]
        self._name.value = message["name"].encode()
        interval = message["interval_us"] / 1000
        await device.start_advertising(
            advertising_data=bytes.fromhex(message["advertisement"]),
            scan_response_data=bytes.fromhex(message["response"]),
            advertising_interval_min=interval,
            advertising_interval_max=interval,
        )

    async def _notify(self, conn: int, handle: int, value: bytes) -> None:
        connection = self._connection(conn)
        if connection is None or self._device is None:
            return
        await self._device.gatt_server.notify_subscriber(connection, self._values[handle], value, force=True)
        self.link.at_event(lambda: self._happens("sent", conn=conn, count=1))

    # What clients do

    def _connected(self, connection: Connection) -> None:
        conn = connection.handle

        def changed() -> None:
            self._happens("mtu", conn=conn, mtu=connection.att_mtu)

        def gone(reason: int) -> None:
            self._happens("disconnect", conn=conn)

        connection.on(connection.EVENT_CONNECTION_ATT_MTU_UPDATE, changed)
        connection.on(connection.EVENT_DISCONNECTION, gone)
        address = bytes(reversed(bytes(connection.peer_address)))
        self._happens("connect", conn=conn, address=address.hex())

    def _happens(self, op: str, **fields: Any) -> None:
        """Let something happen to the board's radio; do not wait for it."""

        def job(lock: VirtualLock) -> None:
            self._radio(lock, op, fields)

        self._do(job)

    async def _ask(self, op: str, **fields: Any) -> Message | None:
        """Let something happen to the board's radio, and return its answer; None if there is none."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Message | None] = loop.create_future()

        def settle(answer: Message | None) -> None:
            if not future.done():
                future.set_result(answer)

        def job(lock: VirtualLock) -> None:
            answer = None
            try:
                answer = self._radio(lock, op, fields)
            finally:
                loop.call_soon_threadsafe(settle, answer)

        self._do(job)
        return await future

    @staticmethod
    def _radio(lock: VirtualLock, op: str, fields: Message) -> Message | None:
        """Call the lock's radio, in the lock's thread. A board that restarted meanwhile refuses an older connection."""
        try:
            return lock.radio(op, **fields)
        except BoardRefused:
            return None
