"""The PCF8563's driver against its register-level model."""

import random
from datetime import UTC, datetime

import pytest

from tests.support.campaign import cases
from tumbler.simulator.board.models.i2c import I2CModel
from tumbler.simulator.board.models.pcf8563 import PCF8563Model
from tumbler_lock.drivers.calendar import END, FIRST
from tumbler_lock.drivers.pcf8563 import PCF8563

DAY = 86_400
ADDRESS = 0x51
LOW = 0x80  # VL
STOP = 0x20
TEST = 0x80


class Bench:
    """A chip on a bus, in a world whose time is `ms`."""

    def __init__(self, ms=1_700_000_000_250):
        self.ms = ms
        self.chip = PCF8563Model(lambda: self.ms)
        self.bus = I2CModel({ADDRESS: self.chip})
        self.driver = PCF8563(self.bus)

    def poke(self, register, *values):
        self.bus.writeto_mem(ADDRESS, register, bytes(values))

    def peek(self, register, count=1):
        return self.bus.readfrom_mem(ADDRESS, register, count)


def unix(*date):
    return int(datetime(*date, tzinfo=UTC).timestamp())


def test_a_new_chip_is_not_trusted():
    assert Bench().driver.read() == (0, False)


def test_set_and_read_back_and_run():
    bench = Bench()
    bench.driver.set(unix(2026, 11, 23, 19, 5, 59))
    bench.ms += 507  # the first second is short
    assert bench.driver.read() == (unix(2026, 11, 23, 19, 5, 59), True)
    bench.ms += 1
    assert bench.driver.read() == (unix(2026, 11, 23, 19, 6, 0), True)
    bench.ms += 999
    assert bench.driver.read() == (unix(2026, 11, 23, 19, 6, 0), True)
    bench.ms += 1
    assert bench.driver.read() == (unix(2026, 11, 23, 19, 6, 1), True)
    bench.ms += 400 * DAY * 1000
    assert bench.driver.read() == (unix(2026, 11, 23, 19, 6, 1) + 400 * DAY, True)


def test_the_registers_of_a_known_moment():
    """The bytes on the wire, as the data sheet orders them; bits that do not exist read as ones."""
    bench = Bench()
    bench.driver.set(unix(2026, 12, 31, 23, 58, 7))
    assert bench.chip.registers[:9].hex() == "000007582331041226"  # a Thursday
    assert bench.peek(0, 9).hex() == "57e007d8e3f1fc7226"
    bench.driver.set(unix(2000, 2, 27, 0, 0, 0))
    assert bench.chip.registers[2:9].hex() == "00000027000200"  # a Sunday
    bench.driver.set(unix(2104, 2, 29, 12, 0, 0))
    # The century bit beside the month; and since 2100 the chip's calendar has one day more behind it.
    assert bench.chip.registers[5:9].hex() == "28058204"


def test_every_day_of_two_centuries():
    """Round trip through the chip, and the registers up to 2099 against the standard library's calendar."""
    bench = Bench()
    source = random.Random(3)
    days = range((END - FIRST) // DAY)
    edges = [0, 59, 365, 36_524, 36_583, 36_584, days[-1]]
    for day in source.sample(days, cases(8000, len(days))) + edges:
        moment = FIRST + day * DAY + source.randrange(DAY)
        bench.driver.set(moment)
        assert bench.driver.read() == (moment, True)
        assert bench.chip.registers[6] == datetime.fromtimestamp(moment, UTC).isoweekday() % 7
        if day < 36_525:
            assert bench.chip.registers[2:9].hex() == datetime.fromtimestamp(moment, UTC).strftime("%S%M%H%d0%w%m%y")


def test_the_chip_runs_exactly_through_both_centuries():
    """Set once and left alone: through 29 February 2100, which the chip makes up, and 2099 to 2100."""
    bench = Bench()
    bench.driver.set(FIRST)
    start = bench.ms
    source = random.Random(4)
    moments = [source.randrange(END - FIRST) for _ in range(cases(1500, 20_000))]
    edge = unix(2100, 3, 1) - FIRST
    moments += [edge - 1, edge, edge + DAY - 1, edge + DAY, unix(2100, 1, 1) - FIRST, END - FIRST - 1]
    for moment in sorted(moments):
        bench.ms = start + moment * 1000
        assert bench.driver.read() == (FIRST + moment, True)
    assert bench.chip.registers[7] & 0x80
    # The model's own calendar, to be sure that it is as odd as the real chip.
    bench.chip.preset(unix(2100, 2, 28, 23, 59, 59))
    bench.ms += 1000
    assert bench.driver.read() == (unix(2100, 3, 1), True)
    assert bench.chip.registers[5:9].hex() == "29018200"


CORRUPT = [
    ("second 60", 2, 0x60),
    ("second digit", 2, 0x0A),
    ("minute 60", 3, 0x60),
    ("minute digit", 3, 0x1F),
    ("hour 24", 4, 0x24),
    ("hour digit", 4, 0x0C),
    ("date 0", 5, 0x00),
    ("date 32", 5, 0x32),
    ("date digit", 5, 0x1A),
    ("31 November", 5, 0x31),
    ("month 0", 7, 0x00),
    ("month 13", 7, 0x13),
    ("month digit", 7, 0x0F),
    ("month 0 of the next century", 7, 0x80),
    ("year digit", 8, 0x2A),
    ("year tens", 8, 0xA0),
]


@pytest.mark.parametrize(("register", "value"), [row[1:] for row in CORRUPT], ids=[row[0] for row in CORRUPT])
def test_registers_that_hold_no_date(register, value):
    bench = Bench()
    bench.driver.set(unix(2026, 11, 23, 19))
    bench.chip.registers[register] = value
    assert bench.driver.read() == (0, False)
    bench.driver.set(unix(2026, 11, 23, 20))
    assert bench.driver.read() == (unix(2026, 11, 23, 20), True)


@pytest.mark.parametrize(("year", "last"), [(2026, 0x28), (2028, 0x29), (2100, 0x29)])
def test_the_end_of_february(year, last):
    bench = Bench()
    bench.driver.set(unix(year, 2, 28))
    bench.chip.registers[5] = last
    assert bench.driver.read()[1]
    bench.chip.registers[5] = last + 1
    assert bench.driver.read() == (0, False)


@pytest.mark.parametrize("fill", [0x00, 0xFF])
def test_a_bus_that_reads_all_zeros_or_all_ones(fill):
    class Dead:
        def readfrom_mem_into(self, address, register, buffer):
            buffer[:] = bytes([fill]) * len(buffer)

    assert PCF8563(Dead()).read() == (0, False)


def test_garbage_is_a_date_that_writes_back_the_same_or_untrusted():
    bench = Bench()
    source = random.Random(5)
    trusted = 0
    count = cases(4000, 100_000)
    for _ in range(count):
        bench.driver.set(source.randrange(FIRST, END))
        for _ in range(source.randrange(1, 4)):
            bench.chip.registers[source.randrange(9)] = source.randrange(256)
        garbage = bench.peek(0, 9)
        moment, ok = bench.driver.read()
        if not ok:
            continue
        trusted += 1
        assert not garbage[0] & (STOP | TEST)
        assert not garbage[2] & LOW
        assert FIRST <= moment < END + DAY  # the chip's 2199 has a day more than ours
        if moment < END:
            bench.driver.set(moment)
            again = bench.peek(0, 9)
            assert (again[2:6], again[7:]) == (garbage[2:6], garbage[7:])
    assert count // 10 < trusted < count * 9 // 10


def test_the_voltage_low_flag():
    bench = Bench()
    bench.driver.set(unix(2026, 11, 23))
    bench.chip.sag()
    assert bench.driver.read() == (unix(2026, 11, 23), False)
    bench.ms += 2_000
    moment, ok = bench.driver.read()
    assert (moment > unix(2026, 11, 23), ok) == (True, False)  # it runs on, and keeps the flag
    bench.driver.set(unix(2026, 11, 23))
    assert bench.driver.read() == (unix(2026, 11, 23), True)


@pytest.mark.parametrize("halted", [STOP, TEST])
def test_a_clock_that_stands_still_is_not_trusted(halted):
    bench = Bench()
    bench.driver.set(unix(2026, 11, 23))
    bench.poke(0, halted)
    bench.ms += 5_000
    assert bench.driver.read() == (unix(2026, 11, 23), False)
    bench.driver.set(unix(2026, 11, 23, 1))
    bench.ms += 508
    assert bench.driver.read() == (unix(2026, 11, 23, 1, 0, 1), True)


def test_the_other_registers_stay():
    bench = Bench()
    assert bench.chip.registers[0] == 0x08
    bench.poke(1, 0x13, *[0] * 7, 0x81, 0x82, 0x83, 0x84, 0x83, 0x82, 0x55)
    before = bytes(bench.chip.registers)
    bench.driver.set(unix(2026, 11, 23))
    assert bench.chip.registers[0] == 0  # TESTC too, which is 1 after a power-on
    assert (bench.chip.registers[1], bench.chip.registers[9:]) == (before[1], before[9:])


def test_flags_of_alarm_and_timer_can_be_cleared_only():
    bench = Bench()
    bench.poke(1, 0x0F)
    assert bench.chip.registers[1] == 0x03
    bench.chip.registers[1] = 0x0F
    bench.poke(1, 0x0B)
    assert bench.chip.registers[1] == 0x0B


def test_losing_all_power_makes_the_time_untrusted():
    bench = Bench()
    bench.driver.set(unix(2026, 11, 23))
    bench.chip.lose_power()
    assert bench.driver.read()[1] is False
    assert bench.chip.registers[9:15].hex() == "80808080" + "8003"


def test_the_state_of_the_chip_outlives_the_process():
    bench = Bench()
    bench.driver.set(unix(2026, 11, 23))
    bench.ms += 700
    state = bench.chip.state()
    other = Bench(bench.ms + 90_300)
    other.bus = I2CModel({ADDRESS: PCF8563Model(lambda: other.ms, state)})
    assert PCF8563(other.bus).read() == (unix(2026, 11, 23, 0, 1, 31), True)
    with pytest.raises(ValueError, match="16 registers"):
        PCF8563Model(lambda: 0, {"registers": "00", "second_ms": 0})


def test_the_clock_is_set_wrongly_by_another_program():
    bench = Bench()
    bench.chip.preset(unix(2031, 5, 6, 7, 8, 9))
    assert bench.driver.read() == (unix(2031, 5, 6, 7, 8, 9), True)
    assert bench.chip.registers[6] == 2  # a Tuesday
    with pytest.raises(ValueError, match="before 2000"):
        bench.chip.preset(FIRST - 1)


@pytest.mark.parametrize("moment", [-1, 0, FIRST - 1, END, 1 << 40])
def test_a_time_the_chip_cannot_hold_is_refused_before_the_bus_is_touched(moment):
    bench = Bench()
    with pytest.raises(ValueError, match="2000 to 2199"):
        bench.driver.set(moment)
    assert bench.bus.transfers == 0


def test_one_transfer_reads_all_and_holds_the_time():
    bench = Bench()
    bench.driver.set(unix(2026, 12, 31, 23, 59, 59))
    bench.ms += 507
    looks = [bench.ms]

    def slow():
        looks[0] += 400  # the year turns while the bytes are on the wire
        return looks[0]

    before = bench.bus.transfers
    bench.chip._now_ms = slow
    assert bench.driver.read()[0] in (unix(2026, 12, 31, 23, 59, 59), unix(2027, 1, 1))
    assert bench.bus.transfers == before + 1


def test_the_registers_go_round():
    bench = Bench()
    bench.driver.set(unix(2026, 11, 23))
    assert bench.peek(0x0F, 2)[1] == bench.peek(0)[0]


def test_a_chip_that_does_not_answer():
    for driver in (PCF8563(I2CModel({})), PCF8563(Bench().bus, address=0x57)):
        with pytest.raises(OSError, match="19"):
            driver.read()
        with pytest.raises(OSError, match="19"):
            driver.set(unix(2026, 11, 23))


def test_a_bus_error_while_reading_passes_through():
    bench = Bench()
    bench.driver.set(unix(2026, 11, 23))
    for passing in range(10):
        bench.bus.fault = lambda number, passing=passing: passing
        with pytest.raises(OSError, match="116"):
            bench.driver.read()
    bench.bus.fault = None
    assert bench.driver.read() == (unix(2026, 11, 23), True)


OLD = unix(2031, 5, 6, 7, 8, 9)
NEW = unix(2026, 12, 24, 15, 30, 40)


@pytest.mark.parametrize("state", ["trusted", "voltage low", "stopped"])
def test_set_cut_at_every_byte_leaves_the_old_time_the_new_one_or_none(state):
    outcomes = set()
    for transfer in range(1, 4):
        for passing in range(8):
            bench = Bench()
            bench.chip.preset(OLD)
            if state == "voltage low":
                bench.chip.sag()
            if state == "stopped":
                bench.poke(0, STOP)
            at = bench.bus.transfers + transfer
            bench.bus.fault = lambda number, at=at, n=passing: n if number == at else None
            with pytest.raises(OSError, match="116"):
                bench.driver.set(NEW)
            bench.bus.fault = None
            moment, ok = bench.driver.read()
            if ok:
                # Trusted where it was not before: only when the very last write went through.
                assert moment == NEW if transfer == 3 else (state, moment) == ("trusted", OLD)
            outcomes.add((moment, ok))
            bench.driver.set(NEW)
            assert bench.driver.read() == (NEW, True)
    assert (NEW, True) in outcomes
    assert ((OLD, True) in outcomes) is (state == "trusted")
    assert any(not ok for _, ok in outcomes)
