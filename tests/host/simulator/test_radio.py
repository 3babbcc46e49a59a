"""The lock's radio, end to end: a client's Bluetooth stack, the virtual air, the firmware in MicroPython.

Both stacks are bumble's; between them lie a UNIX socket, two virtual controllers and a link
(host_tools/tumbler/simulator/radio_controllers.py). World
time stops unless a test lets it pass, so nothing here depends on how fast a machine is.
"""

import asyncio
import time
import types

import pytest
from bumble import att, core
from bumble.core import UUID, AdvertisingData
from bumble.hci import HCI_ErrorCode

from tests.dual.support.lock import EXAMPLE_SECRET, NOW
from tests.support.radio_client import ANSWER, COMMAND, ECHO, SERVICE, Client, Rig
from tests.support.virtual import Board
from tumbler.errors import ToolError
from tumbler.simulator.process import BoardRefused
from tumbler.simulator.radio import VirtualAir
from tumbler_lock.core.passcode import Scheme, hour_of
from tumbler_lock.drivers.ble_peripheral import Radio, advertisement, scan_response

LOST = HCI_ErrorCode.CONNECTION_TIMEOUT_ERROR
CLOSED_BY_THE_LOCK = HCI_ErrorCode.REMOTE_USER_TERMINATED_CONNECTION_ERROR
BATTERY = UUID("2A19")


@pytest.fixture
def rig(tmp_path_factory):
    with Rig(tmp_path_factory.mktemp("r")) as made:
        yield made


def run(coroutine):
    """Run a client."""
    return asyncio.run(asyncio.wait_for(coroutine, 60))


def settled(rig, count, seconds=10):
    """Wait until that many clients have come to their end; how each did."""
    end = time.monotonic() + seconds
    while len(rig.faults()) < count and time.monotonic() < end:
        time.sleep(0.005)
    return rig.faults()


# What everybody can see


def test_the_advertisement_fits():
    assert len(advertisement()) == 21
    assert len(scan_response("x" * 17, bytes(8))) == 31
    assert scan_response("a") == b"\x02\x09a"
    assert scan_response("Tür", bytes(8))[:6] == b"\x05\x09T\xc3\xbcr"


@pytest.mark.parametrize(
    ("name", "lock_id"), [("", None), ("x" * 18, None), ("ü" * 9, None), ("x", bytes(7)), ("x", bytes(9)), ("x", b"")]
)
def test_a_name_or_id_that_does_not_fit_is_refused(name, lock_id):
    with pytest.raises(ValueError):
        scan_response(name, lock_id)


def test_what_a_scan_shows(rig):
    async def client():
        async with Client(rig.path) as client:
            data = (await client.scan()).data
            assert data.get(AdvertisingData.FLAGS) == 6
            assert data.get(AdvertisingData.COMPLETE_LOCAL_NAME) == "echo"
            assert data.get(AdvertisingData.MANUFACTURER_SPECIFIC_DATA) == (0xFFFF, bytes(range(8)))
            assert len(data.ad_structures) == 4  # nothing but these and the service

    run(client())


def test_what_a_client_finds(rig):
    async def client():
        async with Client(rig.path) as client:
            await client.connect()
            found = {
                (service.uuid, part.uuid): part for service in client.peer.services for part in service.characteristics
            }
            texts = {}
            for short in ("2A29", "2A24", "2A26", "2A00"):
                texts[short] = (await client.characteristic(UUID(short)).read_value()).decode()
            assert texts == {"2A29": "Tumbler", "2A24": "virtual", "2A26": "0.1.0", "2A00": "echo"}
            properties = part_properties(found)
            assert properties[SERVICE, COMMAND] == {"WRITE"}
            assert properties[SERVICE, ANSWER] == {"NOTIFY"}
            assert properties[UUID("180F"), BATTERY] == {"READ", "NOTIFY"}

    def part_properties(found):
        return {key: {flag.name for flag in type(part.properties) if flag in part.properties}
                for key, part in found.items()}  # fmt: skip

    run(client())


def test_what_must_not_be_read_or_written(rig):
    async def client():
        async with Client(rig.path) as client:
            await client.connect()
            with pytest.raises(att.ATT_Error) as refused:
                await client.characteristic(COMMAND).read_value()
            assert refused.value.error_code == att.ATT_READ_NOT_PERMITTED_ERROR
            for uuid in (ANSWER, UUID("2A29"), BATTERY):
                with pytest.raises(att.ATT_Error) as refused:
                    await client.characteristic(uuid).write_value(b"x", with_response=True)
                assert refused.value.error_code == att.ATT_WRITE_NOT_PERMITTED_ERROR
            assert await client.echo(b"still here") == b"still here"

    run(client())


# Values


@pytest.mark.parametrize(("mtu", "most"), [(None, 20), (23, 20), (100, 97), (247, 244), (517, 244)])
def test_values_of_every_length(rig, mtu, most):
    async def client():
        async with Client(rig.path) as client:
            await client.connect(mtu)
            for length in (1, 2, most - 1, most):
                value = bytes(number & 255 for number in range(length))
                assert await client.echo(value) == value

    run(client())


def test_the_mtu_grows_in_mid_connection(rig):
    async def client():
        async with Client(rig.path) as client:
            await client.connect()
            assert await client.echo(bytes(20)) == bytes(20)
            await client.peer.request_mtu(200)
            assert await client.echo(bytes(197)) == bytes(197)

    run(client())


@pytest.mark.parametrize("length", [0, 245, 300, 512])
def test_a_value_that_does_not_fit_ends_the_connection(rig, length):
    async def client():
        async with Client(rig.path) as client:
            await client.connect(247)
            await client.write(bytes(length))  # acknowledged all the same
            assert await client.until_lost() == CLOSED_BY_THE_LOCK
            await client.connect(247)
            assert await client.echo(b"again") == b"again"

    run(client())
    assert rig.faults()[0] == "Broken"


def test_a_value_longer_than_the_client_can_take_is_not_cut(rig):
    async def client():
        async with Client(rig.path) as client:
            await client.connect()
            await client.write(bytes(21))  # a long write, which needs no larger MTU
            assert await client.until_lost() == CLOSED_BY_THE_LOCK
            assert client.values.empty()

    run(client())
    assert rig.faults()[0] == "Broken"


def test_more_values_than_buffers(rig):
    async def client():
        async with Client(rig.path) as client:
            await client.connect()
            await client.write(b"*40")
            for number in range(40):
                while client.values.empty():
                    await asyncio.sleep(0.001)
                    rig.advance(20)  # in which the lock tries again
                assert await client.value() == bytes((number,))

    run(client())


def test_notifications_come_without_subscription(rig):
    async def client():
        async with Client(rig.path) as client:
            await client.connect(subscribe=False)
            heard = []
            client.peer.gatt_client.on_att_handle_value_notification = heard.append
            await client.write(b"hello")
            while not heard:
                await asyncio.sleep(0.001)
            assert heard[0].attribute_value == b"hello"

    run(client())


def test_battery_and_button(rig):
    async def client():
        async with Client(rig.path) as client:
            await client.connect()
            assert await client.echo(b"?") == b"False 100"
            assert await client.characteristic(BATTERY).read_value() == bytes((100,))
            rig.ask(lambda lock: lock.battery(5200))
            rig.ask(lambda lock: lock.button(True))
            assert await client.echo(b"?") == b"True 50"
            rig.ask(lambda lock: lock.reset())  # both outlive a power-on
            await client.until_lost()
            await client.connect()
            assert await client.echo(b"?") == b"True 50"
            assert await client.characteristic(BATTERY).read_value() == bytes((50,))
            rig.ask(lambda lock: lock.button(False))
            rig.ask(lambda lock: lock.battery(0))
            assert await client.echo(b"?") == b"False 0"
            with pytest.raises(ValueError):
                rig.ask(lambda lock: lock.battery(60_001))

    run(client())


# Connections


def test_reconnections(rig):
    async def client():
        async with Client(rig.path) as client:
            for number in range(8):
                await client.connect(247 if number % 2 else None)
                assert await client.echo(bytes((number,))) == bytes((number,))
                await client.disconnect()

    run(client())
    assert settled(rig, 8) == ["Gone"] * 8


def test_a_client_that_dies_in_the_middle(rig):
    async def client():
        for number in range(4):
            async with Client(rig.path) as dying:
                await dying.connect()
                await dying.write(b"first of two")  # the answer reaches no client, and the second never comes
            async with Client(rig.path) as client:
                await client.connect()
                assert await client.echo(bytes((number,))) == bytes((number,))
                await client.disconnect()

    run(client())
    assert settled(rig, 8) == ["Gone"] * 8


def test_a_second_client_has_to_wait(rig):
    async def client():
        async with Client(rig.path) as first, Client(rig.path) as second:
            await first.connect()
            lock = first.connection.peer_address
            with pytest.raises(TimeoutError):
                await second.scan(0.2)  # ten intervals
            with pytest.raises(core.TimeoutError):
                await second.device.connect(lock, timeout=0.2)
            assert await first.echo(b"first") == b"first"
            await first.disconnect()
            await second.connect()
            assert await second.echo(b"second") == b"second"
            assert first.values.empty()

    run(client())


def test_five_clients_at_once_all_get_their_turn(rig):
    async def client(number):
        async with Client(rig.path) as client:
            for _ in range(50):
                try:
                    await client.connect()
                    value = await client.echo(bytes((number,)))
                except (TimeoutError, core.TimeoutError, core.ConnectionError, asyncio.CancelledError):
                    continue  # another was faster
                await client.disconnect()
                return value
        raise AssertionError("never got in")

    async def all_of_them():
        return await asyncio.gather(*(client(number) for number in range(5)))

    assert run(all_of_them()) == [bytes((number,)) for number in range(5)]


def test_the_board_takes_four_links_and_no_fifth(rig):
    async def client():
        async with Client(rig.path) as client:
            await client.connect()
            for conn in (11, 12, 13):
                assert rig.ask(lambda lock, conn=conn: lock.radio("connect", conn=conn, address="c00102030405"))
            with pytest.raises(ToolError, match="takes no connection 14"):
                rig.ask(lambda lock: lock.radio("connect", conn=14, address="c00102030405"))
            assert await client.echo(b"in") == b"in"

    run(client())


def test_a_silent_client_is_dropped_in_time(tmp_path_factory):
    async def client(rig):
        async with Client(rig.path) as client:
            await client.connect()
            rig.advance(4999)
            assert await client.echo(b"in time") == b"in time"
            rig.advance(4999)
            assert rig.faults() == []
            rig.advance(1)
            assert await client.until_lost() == CLOSED_BY_THE_LOCK
            assert settled(rig, 1) == ["Silent"]
            await client.connect()
            assert await client.echo(b"again") == b"again"

    with Rig(tmp_path_factory.mktemp("r"), patience_ms=5000) as rig:
        run(client(rig))


def test_the_board_does_not_sleep_while_a_client_is_there(rig):
    async def client():
        async with Client(rig.path) as client:
            await client.connect()
            begin = rig.events[-1]["now_ms"]
            rig.advance(3_600_000)
            silent = next(event for event in rig.events if event["event"] == "fault")
            assert silent["now_ms"] - begin == 600_000

    run(client())


def test_the_keypad_opens_with_a_client_connected(rig):
    code = Scheme(EXAMPLE_SECRET).encode(hour_of(NOW, 0), 0, 9)

    async def client():
        async with Client(rig.path) as client:
            await client.connect()
            rig.do(lambda lock: lock.press(code[:5]))
            assert await client.echo(b"meanwhile") == b"meanwhile"
            entered = rig.ask(lambda lock: lock.press(code[5:] + "#"))
            assert [entry.verdict for entry in entered] == ["open"]
            assert await client.echo(b"after") == b"after"

    run(client())


# The lock's power


def down(lock, how):
    if how == "reset":
        lock.reset()
    elif how == "cut":
        lock.cut(1)
        lock.press("123456#")
    else:
        lock.power_off()
        lock.power_on()


@pytest.mark.parametrize("how", ["reset", "cut", "off and on"])
def test_the_lock_goes_down_with_a_client_connected(rig, how):
    async def client():
        async with Client(rig.path) as client:
            for number in range(3):
                await client.connect(247)
                assert await client.echo(bytes(number + 1)) == bytes(number + 1)
                rig.ask(lambda lock: down(lock, how))
                assert await client.until_lost() == LOST

    run(client())


def test_a_lock_without_power_is_not_there(rig):
    async def client():
        async with Client(rig.path) as client:
            await client.connect()
            rig.ask(lambda lock: lock.power_off())
            assert await client.until_lost() == LOST
            with pytest.raises(TimeoutError):
                await client.scan(0.2)
            rig.ask(lambda lock: lock.power_on())
            await client.connect()
            assert await client.echo(b"again") == b"again"

    run(client())


# The air


@pytest.mark.parametrize(
    "request_",
    [
        {"op": "jam", "conn": 1},
        {"op": "connect", "conn": 1, "address": "c00102030405"},
        {"op": "connect", "conn": 2, "address": "no address"},
        {"op": "connect", "conn": 2},
        {"op": "write", "conn": 2, "handle": 1, "value": "00"},
        {"op": "write", "conn": 1, "handle": 99, "value": "00"},
        {"op": "write", "conn": 1, "handle": 1, "value": "0"},
        {"op": "read", "conn": 1, "handle": 99},
        {"op": "mtu", "conn": 2, "mtu": 100},
        {"op": "sent", "conn": 2, "count": 1},
        {"op": "subscribe", "conn": 2, "handle": 6, "on": True},
    ],
)
def test_what_the_radio_does_not_take_is_refused_and_harmless(rig, request_):
    rig.ask(lambda lock: lock.radio("connect", conn=1, address="c00102030405"))
    with pytest.raises(BoardRefused):
        rig.ask(lambda lock: lock.radio(**request_))
    assert rig.ask(lambda lock: lock.radio("read", conn=1, handle=3))["value"] == b"Tumbler".hex()


def test_writes_that_come_while_the_board_is_busy(rig):
    def busy(lock):
        lock.radio("connect", conn=1, address="c00102030405")
        for number in range(11):
            lock.radio("write", conn=1, handle=1, value=f"{number:02x}", at_once=True)
        lock.radio("write", conn=1, handle=1, value="ff")

    rig.ask(busy)
    notified = [event["value"] for event in rig.events if event.get("op") == "notify"]
    assert notified == ["02", "03", "04", "05", "06", "07", "08", "09", "0a", "ff"]


@pytest.mark.parametrize("mode", ["fast", "real"])
def test_interrupts_reach_the_firmware_in_both_kinds_of_time(tmp_path, monkeypatch, mode):
    monkeypatch.setattr("tests.support.virtual.BROKEN", ECHO)
    with Board(tmp_path) as board:
        board.on(broken="600000", mode=mode)
        board.ask("radio", op="connect", conn=1, address="c00102030405")
        for number in range(3):
            board.ask("radio", op="write", conn=1, handle=1, value=f"{number:02x}")
        notified = [event for event in board.all("radio") if event["op"] == "notify"]
        assert [event["value"] for event in notified] == ["00", "01", "02"]
        board.ask("radio", op="disconnect", conn=1)
        assert board.last("radio")["op"] == "advertise"
        assert board.last("radio")["on"]
        board.off()


def test_a_paced_link_moves_data_at_connection_events_only(tmp_path_factory):
    interval = 0.02

    async def client(rig):
        async with Client(rig.path) as client:
            await client.connect()
            begin = time.monotonic()
            for _ in range(5):
                await client.echo(b"there and back")
            return time.monotonic() - begin

    with Rig(tmp_path_factory.mktemp("r"), interval=interval) as rig:
        took = run(client(rig))
    assert took > (5 * 2 - 1) * interval  # one event there, one back; the first may have been due


def test_one_radio_for_one_path(rig):
    with pytest.raises(ToolError, match="Another virtual lock has the radio"):
        VirtualAir(rig.do, rig.path)

    async def client():
        async with Client(rig.path) as client:
            assert await client.scan()

    run(client())


def test_what_the_start_switched_on_is_off_in_a_sleep_also_without_aioble():
    calls = []
    ble = types.SimpleNamespace(active=calls.append)
    Radio(None, types.SimpleNamespace(BLE=lambda: ble), "board", "1.0.0").stop()
    assert calls == [False]
    Radio(None, None, "board", "1.0.0").stop()  # a MicroPython without Bluetooth
