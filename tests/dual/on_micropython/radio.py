"""What aioble does wrong, and what the radio's driver makes of it: one function for each trap of
docs/spec/bluetooth.md.

Argument: the function's name. `fault_…` shows the fault in aioble itself, so that a stand-in without it is found out;
`trap_…` shows that the driver lives with it. The radio is the virtual board's, time is virtual. With TUMBLER_AIOBLE
naming the folder of the real package, that one is tried.
"""

import asyncio
import os
import sys

from tumbler.simulator.board.fake_aioble import SimulatedAioble
from tumbler.simulator.board.fake_bluetooth import SimulatedBluetooth
from tumbler.simulator.board.world import World
from tumbler_lock.drivers.ble_peripheral import Broken, Gone, NoRadio, Radio, Silent

ADDRESS = bytes.fromhex("c00102030405")
COMMAND = 1  # handles in the order of registration
ANSWER = 2
HOUR_MS = 3_600_000


class Air:
    """The radio's other end, and time. events: what the radio reported, as (op, fields)."""

    def __init__(self):
        self.world = World(0, True, None)
        self.world.until = HOUR_MS  # beyond it time stops, and a scenario that still waits spins into its timeout
        self.world.install()
        self.events = []
        self.bluetooth = SimulatedBluetooth(lambda op, **fields: self.events.append((op, fields)))
        self.radio = self.bluetooth.radio
        sys.modules["bluetooth"] = self.bluetooth
        real = os.getenv("TUMBLER_AIOBLE")
        if real:
            sys.path.insert(0, real)
            import aioble

            self.aioble = aioble
        else:
            self.aioble = SimulatedAioble(self.bluetooth)

    def all(self, op):
        """Return the events of one kind."""
        return [fields for name, fields in self.events if name == op]

    def notified(self):
        """The values that were notified."""
        return [bytes.fromhex(fields["value"]) for fields in self.all("notify")]

    def plain(self, max_len=None):
        """Register the service with aioble alone: the command and the answer characteristic."""
        uuid = self.bluetooth.UUID
        service = self.aioble.Service(uuid(0xFFF0))
        if max_len is None:
            command = self.aioble.Characteristic(service, uuid(0xFFF1), write=True, capture=True)
        else:
            command = self.aioble.BufferedCharacteristic(
                service, uuid(0xFFF1), write=True, capture=True, max_len=max_len
            )
        answer = self.aioble.Characteristic(service, uuid(0xFFF2), notify=True)
        self.aioble.register_services(service)
        return command, answer

    async def client(self, conn=1):
        """Advertise with aioble alone until a client is there."""
        task = asyncio.create_task(self.aioble.advertise(250_000, adv_data=b"\x02\x01\x06"))
        await asyncio.sleep_ms(1)
        self.radio.connected(conn, ADDRESS)
        return await task

    def driver(self, battery=None):
        """The lock's driver."""
        return Radio(self.aioble, self.bluetooth, "test", "1", battery)

    async def accept(self, radio, conn=1):
        """A client of the driver."""
        task = asyncio.create_task(radio.accept("lock", None))
        await asyncio.sleep_ms(1)
        self.radio.connected(conn, ADDRESS)
        return await task

    async def later(self, ms, action, *arguments):
        """Let something happen later."""

        async def wait():
            await asyncio.sleep_ms(ms)
            action(*arguments)

        return asyncio.create_task(wait())


async def raised(coroutine, *kinds):
    """The name of the exception that a coroutine ends with; it must be one of these."""
    try:
        result = await coroutine
    except kinds as error:
        return type(error).__name__
    raise AssertionError("it returned %r" % result)


def refused(function, *arguments):
    """The number of the OSError that a call ends with."""
    try:
        function(*arguments)
    except OSError as error:
        return error.errno
    raise AssertionError("it took it")


async def pending(coroutine, ms):
    """Whether a coroutine still waits after some time; it is cancelled then."""
    task = asyncio.create_task(coroutine)
    await asyncio.sleep_ms(ms)
    waits = not task.done()
    task.cancel()
    return waits


# Values


async def fault_values_are_cut_at_20_bytes(air):
    command, _ = air.plain()
    connection = await air.client()
    air.radio.written(1, COMMAND, bytes(range(30)))
    writer, value = await command.written()
    assert writer is connection
    assert value == bytes(range(20))


async def trap_values_are_whole(air):
    connection = await air.accept(air.driver())
    for length in (1, 20, 21, 243, 244):
        air.radio.written(1, COMMAND, bytes(range(length)))
        assert await connection.receive(1000) == bytes(range(length))


async def trap_longer_values_are_broken(air):
    connection = await air.accept(air.driver())
    for length in (0, 245, 246, 512):
        air.radio.written(1, COMMAND, bytes(length))
        assert await raised(connection.receive(1000), Broken) == "Broken"
    air.radio.written(1, COMMAND, b"next")
    assert await connection.receive(1000) == b"next"


async def fault_notifications_are_cut_at_the_mtu(air):
    _, answer = air.plain()
    connection = await air.client()
    answer.notify(connection, bytes(30))
    assert air.notified() == [bytes(20)]


async def trap_no_notification_is_cut(air):
    connection = await air.accept(air.driver())
    assert connection.fragment == 20
    assert await raised(connection.send(bytes(21)), Broken) == "Broken"
    assert await raised(connection.send(b""), Broken) == "Broken"
    assert air.notified() == []
    await connection.send(bytes(20))
    assert air.notified() == [bytes(20)]


async def trap_the_mtu_changes_in_mid_connection(air):
    connection = await air.accept(air.driver())
    for mtu, fragment in ((23, 20), (100, 97), (247, 244), (517, 244), (24, 21)):
        air.radio.exchanged(1, mtu)
        assert connection.fragment == fragment
        air.events.clear()
        await connection.send(bytes(fragment))
        assert air.notified() == [bytes(fragment)]
        air.radio.sent(1, 1)


async def fault_the_mtu_is_none_until_the_client_asks(air):
    air.plain()
    connection = await air.client()
    assert connection.mtu is None
    air.radio.exchanged(1, 185)
    assert connection.mtu == 185


# Writes


async def fault_ten_writes_are_kept(air):
    command, _ = air.plain()
    await air.client()
    for number in range(12):
        air.radio.written(1, COMMAND, bytes((number,)))
    for number in range(2, 12):
        assert (await command.written())[1] == bytes((number,))
    assert await pending(command.written(), 1000)


async def trap_what_is_kept_comes_in_order(air):
    connection = await air.accept(air.driver())
    for number in range(12):
        air.radio.written(1, COMMAND, bytes((number,)))
    for number in range(2, 12):
        assert await connection.receive(1000) == bytes((number,))
    assert await raised(connection.receive(1000), Silent) == "Silent"


async def fault_writes_outlive_their_connection(air):
    command, _ = air.plain()
    first = await air.client()
    air.radio.written(1, COMMAND, b"old")
    air.radio.disconnected(1)
    await asyncio.sleep_ms(1)
    second = await air.client()
    writer, value = await command.written()
    assert writer is first
    assert writer is not second
    assert value == b"old"


async def trap_a_client_gets_only_its_own_writes(air):
    radio = air.driver()
    first = await air.accept(radio)
    for _ in range(10):
        air.radio.written(1, COMMAND, b"old")
    air.radio.disconnected(1)
    assert await raised(first.receive(1000), Gone) in ("Gone",)
    second = await air.accept(radio)
    air.radio.written(1, COMMAND, b"new")
    assert await second.receive(1000) == b"new"
    assert await raised(second.receive(1000), Silent) == "Silent"


async def fault_a_stale_handle_writes_without_a_connection(air):
    command, _ = air.plain()
    await air.client()
    air.radio.disconnected(1)  # the client drops and returns, and the loop did not run in between
    air.radio.connected(1, ADDRESS)
    await asyncio.sleep_ms(1)
    air.radio.written(1, COMMAND, b"whose?")
    writer, value = await command.written()
    assert writer is None
    assert value == b"whose?"


async def trap_a_write_without_a_connection_is_broken(air):
    radio = air.driver()
    first = await air.accept(radio)
    air.radio.disconnected(1)
    air.radio.connected(1, ADDRESS)
    assert await raised(first.receive(1000), Gone) == "Gone"
    second = await radio.accept("lock", None)
    air.radio.written(1, COMMAND, b"whose?")
    assert await raised(second.receive(1000), Broken) == "Broken"
    await air.later(100, air.radio.disconnected, 1)
    assert await raised(radio.accept("lock", None), NoRadio) == "NoRadio"  # its end is never seen
    third = await air.accept(radio, 2)  # but it does not last
    air.radio.written(2, COMMAND, b"mine")
    assert await third.receive(1000) == b"mine"


async def trap_a_write_of_another_link_is_broken(air):
    radio = air.driver()
    connection = await air.accept(radio)
    air.radio.connected(2, ADDRESS)
    air.radio.written(2, COMMAND, b"another")
    assert await raised(connection.receive(1000), Broken) == "Broken"


# Waiting


async def fault_a_disconnection_does_not_end_the_wait(air):
    command, _ = air.plain()
    await air.client()
    await air.later(100, air.radio.disconnected, 1)
    assert await pending(command.written(), 60_000)


async def trap_a_disconnection_ends_the_wait(air):
    connection = await air.accept(air.driver())
    await air.later(100, air.radio.disconnected, 1)
    begin = air.world.elapsed
    assert await raised(connection.receive(60_000), Gone) == "Gone"
    assert air.world.elapsed - begin == 100
    assert not connection.connected
    assert await raised(connection.receive(60_000), Gone) == "Gone"


async def fault_no_time_means_for_ever(air):
    command, _ = air.plain()
    connection = await air.client()

    async def wait():
        with connection.timeout(0):
            await command.written(timeout_ms=0)

    assert await pending(wait(), 600_000)


async def trap_no_time_is_no_time(air):
    connection = await air.accept(air.driver())
    for given, took in ((0, 1), (-5, 1), (1500, 1500)):
        begin = air.world.elapsed
        assert await raised(connection.receive(given), Silent) == "Silent"
        assert air.world.elapsed - begin == took


async def trap_a_value_in_the_last_moment_is_not_lost(air):
    connection = await air.accept(air.driver())
    for early in range(-2, 3):
        got = []
        await air.later(100 + early, air.radio.written, 1, COMMAND, b"late")
        for _ in range(2):
            try:
                got.append(await connection.receive(100))
            except Silent:
                pass
        assert got == [b"late"], early


# Sending


async def fault_notifying_the_dead_is_a_type_error(air):
    _, answer = air.plain()
    connection = await air.client()
    air.radio.disconnected(1)
    await asyncio.sleep_ms(1)
    try:
        answer.notify(connection, b"to no client")
    except TypeError:
        return
    raise AssertionError("it took it")


async def trap_notifying_the_dead_is_gone(air):
    connection = await air.accept(air.driver())
    air.radio.disconnected(1)  # the radio knows, aioble does not yet
    assert await raised(connection.send(b"to no client"), Gone) == "Gone"
    assert await raised(connection.send(b"to no client"), Gone) == "Gone"
    assert air.notified() == []


async def fault_a_burst_runs_out_of_buffers(air):
    _, answer = air.plain()
    connection = await air.client()
    for _ in range(12):
        answer.notify(connection, b"one of many")
    assert refused(answer.notify, connection, b"too many") == 12


async def trap_a_burst_waits_for_buffers(air):
    connection = await air.accept(air.driver())
    await air.later(500, air.radio.sent, 1, 12)
    begin = air.world.elapsed
    for number in range(20):
        await connection.send(bytes((number,)))
    assert air.notified() == [bytes((number,)) for number in range(20)]
    assert 500 <= air.world.elapsed - begin <= 520


async def trap_a_client_that_takes_nothing_is_gone(air):
    connection = await air.accept(air.driver())
    for _ in range(12):
        await connection.send(b"one of many")
    begin = air.world.elapsed
    assert await raised(connection.send(b"too many"), Gone) == "Gone"
    assert 1500 <= air.world.elapsed - begin <= 2500


# Connections


async def fault_a_cancelled_advertise_returns_none(air):
    air.plain()
    task = asyncio.create_task(air.aioble.advertise(250_000, adv_data=b"\x02\x01\x06"))
    await asyncio.sleep_ms(1)
    task.cancel()
    assert await task is None
    air.radio.connected(1, ADDRESS)  # a client that was just connecting
    await asyncio.sleep_ms(1)
    ghost = await air.aioble.advertise(250_000, adv_data=b"\x02\x01\x06")
    assert ghost.is_connected()
    assert air.all("advertise")[-1]["on"]  # with a client, and advertising still


async def trap_a_cancelled_accept_leaves_no_ghost(air):
    radio = air.driver()
    task = asyncio.create_task(radio.accept("lock", None))
    await asyncio.sleep_ms(1)
    task.cancel()
    assert await raised(task, asyncio.CancelledError) == "CancelledError"
    assert not air.all("advertise")[-1]["on"]
    air.radio.connected(1, ADDRESS)
    ghost = await radio.accept("lock", None)
    assert not air.all("advertise")[-1]["on"]
    air.radio.written(1, COMMAND, b"boo")
    assert await ghost.receive(1000) == b"boo"
    await air.later(50, air.radio.disconnected, 1)
    await ghost.close()
    assert not radio.connected


async def fault_a_wait_that_times_out_never_sees_the_end(air):
    air.plain()
    connection = await air.client()
    try:
        await connection.disconnect(timeout_ms=100)
    except asyncio.TimeoutError:
        pass
    air.radio.disconnected(1)
    await asyncio.sleep_ms(1000)
    assert connection.is_connected()


async def trap_close_waits_as_long_as_it_takes(air):
    radio = air.driver()
    connection = await air.accept(radio)
    await air.later(32_000, air.radio.disconnected, 1)
    begin = air.world.elapsed
    await connection.close()
    assert air.world.elapsed - begin in range(32_000, 32_050)
    assert not radio.connected
    assert air.all("disconnect") == [{"conn": 1}]
    await connection.close()
    assert air.all("disconnect") == [{"conn": 1}]


async def trap_no_advertising_while_a_client_is_there(air):
    radio = air.driver()
    await air.accept(radio)
    assert not air.all("advertise")[-1]["on"]
    task = asyncio.create_task(radio.accept("lock", None))  # closes the first, then advertises
    await asyncio.sleep_ms(1000)
    assert not air.all("advertise")[-1]["on"]
    air.radio.disconnected(1)
    await asyncio.sleep_ms(1000)
    assert air.all("advertise")[-1]["on"]
    air.radio.connected(1, ADDRESS)
    assert (await task).connected


async def fault_a_fifth_link_is_an_error(air):
    air.plain()
    for conn in range(4):
        await air.client(conn)
    assert refused(air.radio.gap_advertise, 250_000) == 12
    assert await raised(air.aioble.advertise(250_000, adv_data=b"\x02\x01\x06"), OSError) == "OSError"


async def trap_a_fifth_link_is_no_radio(air):
    radio = air.driver()
    first = await air.accept(radio)
    for conn in (2, 3, 4):  # links that came unasked
        air.radio.connected(conn, ADDRESS)
    air.radio.disconnected(1)
    assert await raised(first.receive(1000), Gone) == "Gone"
    air.radio.connected(5, ADDRESS)
    assert await raised(radio.accept("lock", None), NoRadio) == "NoRadio"
    air.radio.disconnected(5)
    left = await radio.accept("lock", None)  # the last that came is taken up, and is gone already
    assert await raised(left.receive(1000), Gone) == "Gone"
    second = await air.accept(radio, 6)
    air.radio.written(6, COMMAND, b"in")
    assert await second.receive(1000) == b"in"


async def fault_a_stop_breaks_characteristics(air):
    command, _ = air.plain(245)
    connection = await air.client()
    assert connection.is_connected()
    air.aioble.stop()
    try:
        command.read()
    except OSError:
        return
    raise AssertionError("it reads")


async def trap_services_are_built_anew(air):
    radio = air.driver()
    await air.accept(radio)
    air.aioble.stop()
    again = air.driver()
    connection = await air.accept(again, 2)
    air.radio.written(2, COMMAND, bytes(244))
    assert await connection.receive(1000) == bytes(244)
    await connection.send(b"again")
    assert air.notified() == [b"again"]


# Whatever else


async def trap_a_radio_that_does_not_start(air):
    class Dead:
        def active(self, on=None):
            raise OSError(110)

    dead = Radio(air.aioble, air.bluetooth, "test", "1")
    air.bluetooth.BLE = Dead
    assert await raised(dead.accept("lock", None), NoRadio) == "NoRadio"
    air.bluetooth.BLE = lambda: air.radio
    assert (await air.accept(dead)).connected


class Failing:
    """A characteristic that fails in every way."""

    def __init__(self, error):
        self._error = error

    async def written(self):
        raise self._error

    def notify(self, connection, value):
        raise self._error


async def trap_whatever_aioble_raises(air):
    radio = air.driver()
    connection = await air.accept(radio)
    command, answer = connection._command, connection._answer
    for kind in (AttributeError, IndexError, KeyError, OSError, RuntimeError, TypeError, ValueError, MemoryError):
        connection._command = connection._answer = Failing(kind("made up"))
        assert await raised(connection.receive(1000), Broken) == "Broken"
        assert await raised(connection.send(b"x"), Gone) == "Gone"
    connection._command, connection._answer = command, answer
    air.radio.written(1, COMMAND, b"alive")
    assert await connection.receive(1000) == b"alive"


async def what_is_advertised(air):
    task = asyncio.create_task(air.driver().accept("front door lock!!", bytes(range(8))))
    await asyncio.sleep_ms(1)
    advertised = air.all("advertise")[-1]
    task.cancel()
    print(
        advertised["advertisement"],
        advertised["response"],
        advertised["mtu"],
        advertised["name"],
        advertised["interval_us"],
    )


async def what_is_served(air):
    charge = [55]
    radio = air.driver(lambda: charge[0])
    radio.tell_battery()  # too early, and no harm
    connection = await air.accept(radio)
    for service in air.all("services")[-1]["services"]:
        for part in service["characteristics"]:
            value = air.radio.read(1, part["handle"])
            print(service["uuid"], part["uuid"], part["flags"], value.hex())
    charge[0] = 54
    radio.tell_battery()
    assert air.notified() == []
    air.radio.subscribed(1, 6, True)
    charge[0] = 53
    radio.tell_battery()
    assert air.notified() == [bytes((53,))]
    charge[0] = None
    radio.tell_battery()
    assert air.notified() == [bytes((53,))]
    assert connection.connected


def main():
    """Run one of them."""
    air = Air()
    asyncio.run(globals()[sys.argv[1]](air))
    print("done")


main()
