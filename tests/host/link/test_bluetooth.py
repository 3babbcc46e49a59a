"""The Bluetooth of this computer, with bleak's classes replaced: what is asked of it, and its troubles in words."""

import asyncio
from types import SimpleNamespace
from typing import ClassVar

import bleak
import pytest
from bleak.exc import BleakBluetoothNotAvailableError, BleakBluetoothNotAvailableReason, BleakError

from tumbler.link.bluetooth import REASONS, BluetoothRadio
from tumbler.link.transport import ANSWER, COMMAND, SERVICE, LinkLost, NoBluetooth, OutOfRange, Sighting
from tumbler_lock.core.protocol import NO_LOCK

LOCK_ID = bytes(range(8))


def advertisement(name="Shed", maker=None, rssi=-60):
    return SimpleNamespace(local_name=name, manufacturer_data=maker or {}, rssi=rssi)


class Scanner:
    """Hears `heard`: (address, advertisement), one after the other."""

    heard: ClassVar[list] = []
    trouble: Exception | None = None
    services: ClassVar[list] = []

    def __init__(self, saw, service_uuids):
        self._saw = saw
        type(self).services = service_uuids

    async def __aenter__(self):
        if self.trouble:
            raise self.trouble
        for address, data in self.heard:
            self._saw(SimpleNamespace(address=address, name=None), data)

    async def __aexit__(self, *_):
        pass


class Client:
    """A connection. size: what the system says of it; mtu: what BlueZ says when it is asked."""

    size = 244
    mtu: int | None = None
    properties = ("write",)
    trouble: Exception | None = None
    made: ClassVar["list[Client]"] = []

    def __init__(self, device, disconnected_callback, services):
        assert services == [SERVICE]
        self.device = device
        self.lost = disconnected_callback
        self.written = []
        self.connected = False
        self._backend = SimpleNamespace(_mtu_size=None)
        if self.mtu is not None:
            self._backend._acquire_mtu = self._acquire
        self.made.append(self)

    async def _acquire(self):
        self._backend._mtu_size = self.mtu

    @property
    def services(self):
        part = SimpleNamespace(max_write_without_response_size=self.size, properties=self.properties)
        return SimpleNamespace(get_characteristic=lambda uuid: part if uuid == COMMAND else None)

    async def connect(self):
        if self.trouble:
            raise self.trouble
        self.connected = True

    async def disconnect(self):
        self.connected = False

    async def start_notify(self, uuid, callback):
        assert uuid == ANSWER
        self.notify = lambda value: callback(None, bytearray(value))

    async def write_gatt_char(self, uuid, value, response):
        assert (uuid, response) == (COMMAND, True)
        if not self.connected:
            raise BleakError("not connected")
        self.written.append(value)


@pytest.fixture(autouse=True)
def fakes(monkeypatch):
    monkeypatch.setattr(bleak, "BleakScanner", type("FreshScanner", (Scanner,), {}))
    monkeypatch.setattr(bleak, "BleakClient", type("FreshClient", (Client,), {"made": []}))


def scan(*heard, enough=lambda one: False, seconds=0.01):
    bleak.BleakScanner.heard = list(heard)
    return asyncio.run(BluetoothRadio().scan(seconds, enough))


def test_a_scan_asks_for_our_service_and_reads_name_and_id():
    seen = scan(
        ("A", advertisement(maker={0xFFFF: LOCK_ID}, rssi=-70)),
        ("B", advertisement(name="New")),
        ("C", advertisement(name=None)),
        ("D", advertisement(maker={0xFFFF: b"short"})),
        ("E", advertisement(maker={76: LOCK_ID}, name="Else", rssi=-10)),
        ("F", advertisement(name="\x1b[2Jbad\n", maker={0xFFFF: LOCK_ID})),
    )
    assert bleak.BleakScanner.services == [SERVICE]
    by_address = {one.address: one for one in seen}
    assert seen[0].address == "E"
    assert by_address["A"].lock_id == LOCK_ID
    assert by_address["B"].is_new
    assert by_address["C"].lock_id is None
    assert by_address["D"].lock_id is None
    assert by_address["E"].lock_id == NO_LOCK
    assert by_address["F"].name == "[2Jbad"


def test_a_scan_ends_when_what_is_looked_for_was_seen():
    seen = scan(("A", advertisement(maker={0xFFFF: LOCK_ID})), enough=lambda one: one.lock_id == LOCK_ID, seconds=60)
    assert [one.address for one in seen] == ["A"]


def test_every_reason_has_words():
    known = {reason.name for reason in BleakBluetoothNotAvailableReason} - {"UNKNOWN"}
    assert set(REASONS) == known


@pytest.mark.parametrize(
    ("trouble", "words"),
    [
        (BleakBluetoothNotAvailableError("x", BleakBluetoothNotAvailableReason.POWERED_OFF), "it is powered off"),
        (BleakBluetoothNotAvailableError("x", BleakBluetoothNotAvailableReason.NO_BLUETOOTH), "it has none"),
        (BleakBluetoothNotAvailableError("x", BleakBluetoothNotAvailableReason.UNKNOWN), "computer[.]"),
        (BleakBluetoothNotAvailableError("x", BleakBluetoothNotAvailableReason.DENIED_BY_USER), "is not allowed"),
        (BleakError("org.bluez"), "cannot be used"),
        (FileNotFoundError(2, "no bus"), "cannot be used"),
    ],
)
def test_a_computer_without_bluetooth_is_said_to_be_one(trouble, words):
    bleak.BleakScanner.trouble = trouble
    with pytest.raises(NoBluetooth, match=words):
        scan()


def connected(work, **attributes):
    """Connect, do something with (wire, client), and disconnect."""

    async def stay():
        for name, value in attributes.items():
            setattr(bleak.BleakClient, name, value)
        wire = await BluetoothRadio().connect(Sighting("A", "", LOCK_ID, -50, "bluetooth", "device"))
        result = await work(wire, bleak.BleakClient.made[-1])
        await wire.close()
        assert not bleak.BleakClient.made[-1].connected
        return result

    return asyncio.run(stay())


def test_values_go_both_ways():
    async def work(wire, client):
        await wire.send(b"up")
        client.notify(b"down")
        client.notify(b"next")
        return client.written, await wire.receive(1), await wire.receive(1)

    assert connected(work) == ([b"up"], b"down", b"next")


@pytest.mark.parametrize(
    ("attributes", "size"),
    [
        ({"size": 244}, 244),
        ({"size": 512}, 244),
        ({"size": 100}, 100),
        ({"size": 20}, 20),
        ({"size": 20, "mtu": 247, "properties": ("write", "write-without-response")}, 244),
        ({"size": 20, "mtu": 103, "properties": ("write", "write-without-response")}, 100),
        ({"size": 20, "mtu": 247, "properties": ("write",)}, 20),  # asking would take the notifications away
    ],
)
def test_the_size_of_a_value_is_what_the_system_says(attributes, size):
    async def work(wire, client):
        return wire.fragment

    assert connected(work, **attributes) == size


def test_a_size_that_the_system_learns_later_is_used_then():
    async def work(wire, client):
        before = wire.fragment
        type(client).size = 244
        return before, wire.fragment

    assert connected(work, size=20) == (20, 244)


def test_a_lost_connection_is_told_to_who_waits_and_who_writes():
    async def work(wire, client):
        client.notify(b"last")
        client.connected = False
        client.lost(client)
        assert await wire.receive(1) == b"last"
        for _ in range(2):
            with pytest.raises(LinkLost):
                await wire.receive(1)
        with pytest.raises(LinkLost):
            await wire.send(b"x")

    connected(work)


def test_a_connection_that_ended_has_no_size_of_a_value_any_more():
    """The system forgets the services of the lock then, and says so in words of its own."""

    async def work(wire, client):
        def gone(self):
            raise BleakError("Service Discovery has not been performed yet")

        type(client).services = property(gone)
        with pytest.raises(LinkLost, match="The connection to the lock was lost"):
            _ = wire.fragment

    connected(work)


def test_silence_is_a_lost_connection():
    async def work(wire, client):
        with pytest.raises(LinkLost, match="answer"):
            await wire.receive(0.01)

    connected(work)


@pytest.mark.parametrize("trouble", [BleakError("no"), TimeoutError(), OSError()])
def test_a_lock_that_does_not_answer_is_out_of_range(trouble):
    with pytest.raises(OutOfRange):
        connected(lambda wire, client: None, trouble=trouble)


def test_bluetooth_that_was_switched_off_meanwhile(monkeypatch):
    off = BleakBluetoothNotAvailableError("x", BleakBluetoothNotAvailableReason.POWERED_OFF)
    with pytest.raises(NoBluetooth):
        connected(lambda wire, client: None, trouble=off)
