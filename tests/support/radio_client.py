"""The smallest client of a lock's radio over bumble: finds it, connects, writes values, collects notifications.

Also the rig for tests: a virtual lock in a thread of its own, and the air around it. World time stands still but for
what Rig.advance() lets pass.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bumble import hci
from bumble.core import UUID, AdvertisingData
from bumble.device import Advertisement, Connection, Device, Peer
from bumble.gatt_client import CharacteristicProxy
from bumble.transport import open_transport
from bumble.transport.common import Transport

from tests.dual.support.lock import NOW
from tests.support.micropython import ROOT, find
from tumbler.simulator.identity import Identity
from tumbler.simulator.lock import VirtualLock
from tumbler.simulator.process import Message, board_command
from tumbler.simulator.radio import VirtualAir

SERVICE = UUID("1dc6abf1-f453-40a6-969f-e9598cbd010d")
COMMAND = UUID("1dc6abf2-f453-40a6-969f-e9598cbd010d")
ANSWER = UUID("1dc6abf3-f453-40a6-969f-e9598cbd010d")
ECHO = ROOT / "tests" / "dual" / "on_micropython" / "echo_board.py"
SECONDS = 10.0  # of real time, after which something has gone wrong


class Client:
    """A stack of its own at the socket. Use as an async context manager."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._transport: Transport | None = None
        self.device: Device
        self.peer: Peer
        self.connection: Connection
        self.values: asyncio.Queue[bytes] = asyncio.Queue()
        self.lost: asyncio.Future[int]

    async def __aenter__(self) -> Client:
        self._transport = await open_transport(f"unix:{self._path}")
        source, sink = self._transport
        self.device = Device.with_hci("client", hci.Address.generate_static_address(), source, sink)
        await self.device.power_on()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._transport is not None:
            await self._transport.close()
            await self._transport.source.terminated

    async def scan(self, seconds: float = SECONDS) -> Advertisement:
        """Wait for a lock's advertisement together with its scan response."""
        found: asyncio.Future[Advertisement] = asyncio.get_running_loop().create_future()

        def heard(advertisement: Advertisement) -> None:
            services = advertisement.data.get(AdvertisingData.COMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS)
            if services and SERVICE in services and not found.done():
                found.set_result(advertisement)

        self.device.on(self.device.EVENT_ADVERTISEMENT, heard)
        await self.device.start_scanning(active=True, filter_duplicates=True)
        try:
            return await asyncio.wait_for(found, seconds)
        finally:
            self.device.remove_listener(self.device.EVENT_ADVERTISEMENT, heard)
            await self.device.stop_scanning()

    async def connect(self, mtu: int | None = None, subscribe: bool = True) -> None:
        """Find a lock, connect, agree on an MTU if one is given, discover, subscribe to answers."""
        lock = await self.scan()
        self.connection = await self.device.connect(lock.address, timeout=SECONDS)
        self.lost = asyncio.get_running_loop().create_future()
        self.connection.on(self.connection.EVENT_DISCONNECTION, self.lost.set_result)
        self.peer = Peer(self.connection)
        if mtu is not None:
            await self.peer.request_mtu(mtu)
        await self.peer.discover_services()
        for service in self.peer.services:
            await service.discover_characteristics()
        if subscribe:
            await self.characteristic(ANSWER).subscribe(self.values.put_nowait)

    def characteristic(self, uuid: UUID) -> CharacteristicProxy[bytes]:
        """Return what was discovered under a UUID."""
        return self.peer.get_characteristics_by_uuid(uuid)[0]

    async def write(self, value: bytes) -> None:
        """Write a value, and wait until it is acknowledged."""
        await self.characteristic(COMMAND).write_value(value, with_response=True)

    async def value(self, seconds: float = SECONDS) -> bytes:
        """Return the next notification."""
        return await asyncio.wait_for(self.values.get(), seconds)

    async def echo(self, value: bytes) -> bytes:
        """Write a value and return what comes back."""
        await self.write(value)
        return await self.value()

    async def disconnect(self) -> None:
        """End the connection."""
        await self.connection.disconnect()

    async def until_lost(self, seconds: float = SECONDS) -> int:
        """Wait until the connection is gone; the reason, as in HCI."""
        return await asyncio.wait_for(asyncio.shield(self.lost), seconds)


class Rig(threading.Thread):
    """A virtual lock, its air, and the thread that owns the lock. Use as a context manager.

    line: what starts the board, one that echoes without it; path: of the air's socket.
    """

    def __init__(
        self,
        folder: Path,
        patience_ms: int = 600_000,
        interval: float | None = None,
        line: list[str] | None = None,
        identity: Identity | None = None,
        path: Path | None = None,
    ) -> None:
        super().__init__(name="lock", daemon=True)
        self.path = path or folder / "radio"
        self.events: list[Message] = []
        self._jobs: queue.SimpleQueue[Callable[[VirtualLock], Any] | None] = queue.SimpleQueue()
        self._radio = VirtualAir(self.do, self.path, interval)
        self._lock = VirtualLock(
            folder / "flash.img", identity or Identity(), NOW * 1000, self._event,
            line or board_command(find(), ECHO, patience_ms),
        )  # fmt: skip

    def __enter__(self) -> Rig:
        self._radio.__enter__()
        self.start()
        self.ask(lambda lock: lock.power_on())
        return self

    def __exit__(self, *_: object) -> None:
        self._jobs.put(None)
        self.join(SECONDS)
        self._lock.close()
        self._radio.close()

    def run(self) -> None:
        while (job := self._jobs.get()) is not None:
            job(self._lock)

    def _event(self, message: Message) -> None:
        self.events.append(message)
        self._radio.event(message)

    def do(self, job: Callable[[VirtualLock], Any]) -> None:
        """Have something done with the lock."""
        self._jobs.put(job)

    def ask(self, job: Callable[[VirtualLock], Any]) -> Any:
        """Have something done with the lock; wait for it and return its result."""
        done: queue.SimpleQueue[tuple[bool, Any]] = queue.SimpleQueue()

        def work(lock: VirtualLock) -> None:
            try:
                done.put((True, job(lock)))
            except Exception as error:  # noqa: BLE001 -- it is raised where it was asked for
                done.put((False, error))

        self.do(work)
        good, result = done.get(timeout=SECONDS)
        if not good:
            raise result
        return result

    def advance(self, ms: int) -> None:
        """Let world time pass."""
        self.ask(lambda lock: lock.advance(lock.now_ms + ms))

    def clients(self) -> int:
        """How many stacks are in the air."""
        return len(self._radio.clients)

    def faults(self) -> list[str]:
        """What the echo said of clients that came to their end."""
        return [event["text"] for event in self.events if event["event"] == "fault"]
