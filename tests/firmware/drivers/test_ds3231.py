"""The clock chip's driver against its register-level model."""

import random
from datetime import UTC, datetime

import pytest

from tests.support.campaign import cases
from tumbler.simulator.board.models.ds3231 import DS3231Model
from tumbler.simulator.board.models.i2c import I2CModel
from tumbler_lock.drivers.calendar import END, FIRST
from tumbler_lock.drivers.ds3231 import DS3231

DAY = 86_400
ADDRESS = 0x68


class Bench:
    """A chip on a bus, in a world whose time is `ms`."""

    def __init__(self, ms=1_700_000_000_250):
        self.ms = ms
        self.chip = DS3231Model(lambda: self.ms)
        self.bus = I2CModel({ADDRESS: self.chip})
        self.driver = DS3231(self.bus)

    def poke(self, register, *values):
        self.bus.writeto_mem(ADDRESS, register, bytes(values))

    def peek(self, register):
        return self.bus.readfrom_mem(ADDRESS, register, 1)[0]


def unix(*date):
    return int(datetime(*date, tzinfo=UTC).timestamp())


def test_a_new_chip_is_not_trusted():
    assert Bench().driver.read() == (FIRST, False)


def test_set_and_read_back_and_run():
    bench = Bench()
    bench.driver.set(unix(2026, 11, 23, 19, 5, 59))
    assert bench.driver.read() == (unix(2026, 11, 23, 19, 5, 59), True)
    bench.ms += 999
    assert bench.driver.read() == (unix(2026, 11, 23, 19, 5, 59), True)
    bench.ms += 1
    assert bench.driver.read() == (unix(2026, 11, 23, 19, 6, 0), True)
    bench.ms += 400 * DAY * 1000
    assert bench.driver.read() == (unix(2026, 11, 23, 19, 6) + 400 * DAY, True)


def test_the_registers_of_a_known_moment():
    bench = Bench()
    bench.driver.set(unix(2026, 12, 31, 23, 58, 7))
    assert bench.bus.readfrom_mem(ADDRESS, 0, 7).hex() == "07582304311226"  # a Thursday
    bench.driver.set(unix(2000, 2, 29, 0, 0, 0))
    assert bench.bus.readfrom_mem(ADDRESS, 0, 7).hex() == "00000002290200"
    bench.driver.set(unix(2104, 2, 29, 12, 0, 0))
    # The century bit beside the month; and since 2100 the chip's calendar has one day more behind it.
    assert bench.bus.readfrom_mem(ADDRESS, 4, 3).hex() == "288204"


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
        registers = bench.bus.readfrom_mem(ADDRESS, 0, 7)
        assert registers[3] == datetime.fromtimestamp(moment, UTC).isoweekday()
        if day < 36_525:
            assert registers.hex() == datetime.fromtimestamp(moment, UTC).strftime("%S%M%H0%u%d%m%y")


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
    assert bench.peek(5) & 0x80
    bench.ms = start + edge * 1000
    # The model's own calendar, to be sure that it is as odd as the real chip.
    bench.chip.preset(unix(2100, 2, 28, 23, 59, 59))
    bench.ms += 1000
    assert bench.bus.readfrom_mem(ADDRESS, 4, 3).hex() == "298200"


def test_leap_years():
    bench = Bench()
    for year in (2000, 2004, 2024, 2096, 2104):
        bench.driver.set(unix(year, 2, 28, 23, 59, 59))
        bench.ms += 1000
        assert bench.driver.read() == (unix(year, 2, 29), True)
    for year in (2001, 2026, 2099, 2100):
        bench.driver.set(unix(year, 2, 28, 23, 59, 59))
        bench.ms += 1000
        assert bench.driver.read() == (unix(year, 3, 1), True)


@pytest.mark.parametrize("hour", range(24))
def test_a_chip_left_in_twelve_hour_mode(hour):
    bench = Bench()
    bench.driver.set(unix(2026, 11, 23, hour, 59, 30))
    bench.poke(2, 0x40 | (0x20 if hour >= 12 else 0) | int(str((hour + 11) % 12 + 1), 16))
    start = bench.ms
    assert bench.driver.read() == (unix(2026, 11, 23, hour, 59, 30), True)
    for hours in range(30):
        bench.ms = start + 3_600_000 * hours
        assert bench.driver.read() == (unix(2026, 11, 23, hour, 59, 30) + 3600 * hours, True)
        assert bench.peek(2) & 0x40
    bench.driver.set(unix(2027, 1, 1))
    assert not bench.peek(2) & 0x40


CORRUPT = [
    ("second 60", 0, 0x60),
    ("second digit", 0, 0x0A),
    ("minute 60", 1, 0x60),
    ("minute digit", 1, 0x1F),
    ("hour 24", 2, 0x24),
    ("hour digit", 2, 0x0C),
    ("hour 0 of 12", 2, 0x40),
    ("hour 13 of 12", 2, 0x53),
    ("date 0", 4, 0x00),
    ("date 32", 4, 0x32),
    ("date digit", 4, 0x1A),
    ("31 November", 4, 0x31),
    ("month 0", 5, 0x00),
    ("month 13", 5, 0x13),
    ("month digit", 5, 0x0F),
    ("month 0 of the next century", 5, 0x80),
    ("year digit", 6, 0x2A),
    ("year tens", 6, 0xA0),
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
    bench.chip.registers[4] = last
    assert bench.driver.read()[1]
    bench.chip.registers[4] = last + 1
    assert bench.driver.read() == (0, False)


@pytest.mark.parametrize("fill", [0x00, 0xFF])
def test_a_bus_that_reads_all_zeros_or_all_ones(fill):
    class Dead:
        def readfrom_mem_into(self, address, register, buffer):
            buffer[:] = bytes([fill]) * len(buffer)

    assert DS3231(Dead()).read() == (0, False)


def test_garbage_is_a_date_that_writes_back_the_same_or_untrusted():
    bench = Bench()
    source = random.Random(5)
    trusted = 0
    count = cases(4000, 100_000)
    for _ in range(count):
        bench.driver.set(source.randrange(FIRST, END))
        for _ in range(source.randrange(1, 4)):
            bench.chip.registers[source.randrange(7)] = source.randrange(256)
        garbage = bytes(bench.chip.registers[0:7])
        moment, ok = bench.driver.read()
        if not ok:
            assert moment == 0
            continue
        trusted += 1
        assert FIRST <= moment < END + DAY  # the chip's 2199 has a day more than ours
        if moment < END and not garbage[2] & 0x40:
            bench.driver.set(moment)
            again = bench.bus.readfrom_mem(ADDRESS, 0, 7)
            assert (again[:3], again[4:]) == (garbage[:3], garbage[4:])
    assert count // 10 < trusted < count * 9 // 10


def test_the_stop_flag():
    bench = Bench()
    bench.driver.set(unix(2026, 11, 23))
    bench.chip.registers[15] |= 0x80
    moment, ok = bench.driver.read()
    assert (moment, ok) == (unix(2026, 11, 23), False)
    bench.poke(15, 0x80)
    assert bench.driver.read()[1] is False
    bench.driver.set(unix(2026, 11, 23))
    assert bench.driver.read()[1] is True
    bench.poke(15, 0x80)  # the flag can be cleared only
    assert bench.driver.read()[1] is True


def test_the_rest_of_the_status_and_control_registers_stays():
    bench = Bench()
    bench.poke(14, 0x9F)
    bench.driver.set(unix(2026, 11, 23))
    assert bench.peek(14) == 0x1F
    assert bench.peek(15) == 0x08


def test_the_oscillator_runs_on_battery_once_the_time_is_set():
    bench = Bench()
    bench.poke(14, 0x80)
    bench.chip.supply(False)
    bench.ms += 5_000
    bench.chip.supply(True)
    assert bench.driver.read()[1] is False
    bench.driver.set(unix(2026, 11, 23))
    bench.chip.supply(False)
    bench.ms += 7 * DAY * 1000
    bench.chip.supply(True)
    assert bench.driver.read() == (unix(2026, 11, 30), True)
    bench.poke(14, 0x80)
    bench.chip.supply(False)
    bench.ms += 5_000
    bench.chip.supply(True)
    assert bench.driver.read() == (unix(2026, 11, 30), False)


def test_losing_all_power_forgets_the_time():
    bench = Bench()
    bench.driver.set(unix(2026, 11, 23))
    bench.chip.lose_power()
    assert bench.driver.read() == (FIRST, False)


def test_the_state_of_the_chip_outlives_the_process():
    bench = Bench()
    bench.driver.set(unix(2026, 11, 23))
    bench.ms += 700
    state = bench.chip.state()
    other = Bench(bench.ms + 90_300)
    other.bus = I2CModel({ADDRESS: DS3231Model(lambda: other.ms, state)})
    assert DS3231(other.bus).read() == (unix(2026, 11, 23, 0, 1, 31), True)
    with pytest.raises(ValueError, match="19 registers"):
        DS3231Model(lambda: 0, {"registers": "00", "second_ms": 0, "running": True})


def test_somebody_else_sets_the_clock_wrongly():
    bench = Bench()
    bench.chip.preset(unix(2031, 5, 6, 7, 8, 9))
    assert bench.driver.read() == (unix(2031, 5, 6, 7, 8, 9), True)


@pytest.mark.parametrize("moment", [-1, 0, FIRST - 1, END, 1 << 40])
def test_a_time_the_chip_cannot_hold_is_refused_before_the_bus_is_touched(moment):
    bench = Bench()
    with pytest.raises(ValueError, match="2000 to 2199"):
        bench.driver.set(moment)
    assert bench.bus.transfers == 0


def test_one_transfer_reads_all():
    bench = Bench()
    bench.driver.read()
    assert bench.bus.transfers == 1


def test_the_time_is_frozen_at_the_start_of_a_transfer():
    bench = Bench()
    bench.driver.set(unix(2026, 12, 31, 23, 59, 59))
    bench.ms += 999
    looks = [bench.ms]

    def slow():
        looks[0] += 400  # the year turns while the bytes are on the wire
        return looks[0]

    bench.chip._now_ms = slow
    assert bench.driver.read()[0] in (unix(2026, 12, 31, 23, 59, 59), unix(2027, 1, 1))


def test_a_chip_that_does_not_answer():
    for driver in (DS3231(I2CModel({})), DS3231(Bench().bus, address=0x57)):
        with pytest.raises(OSError, match="19"):
            driver.read()
        with pytest.raises(OSError, match="19"):
            driver.set(unix(2026, 11, 23))


def test_a_bus_error_while_reading_passes_through():
    bench = Bench()
    bench.driver.set(unix(2026, 11, 23))
    for passing in range(17):
        bench.bus.fault = lambda number, passing=passing: passing
        with pytest.raises(OSError, match="116"):
            bench.driver.read()
    bench.bus.fault = None
    assert bench.driver.read() == (unix(2026, 11, 23), True)


OLD = unix(2031, 5, 6, 7, 8, 9)
NEW = unix(2026, 12, 24, 15, 30, 40)


@pytest.mark.parametrize("trusted", [True, False], ids=["trusted", "untrusted"])
def test_set_cut_at_every_byte_leaves_the_old_time_the_new_one_or_none(trusted):
    outcomes = set()
    for transfer in range(1, 6):
        for passing in range(8):
            bench = Bench()
            bench.chip.preset(OLD)
            if not trusted:
                bench.chip.registers[15] |= 0x80
            bench.bus.fault = lambda number, at=transfer, n=passing: n if number == at else None
            with pytest.raises(OSError, match="116"):
                bench.driver.set(NEW)
            bench.bus.fault = None
            moment, ok = bench.driver.read()
            if ok:
                assert moment == NEW or (trusted and moment == OLD)
                # Trusted although the flag was up: only when its very write went through.
                assert trusted or transfer == 5
            outcomes.add((moment, ok))
            bench.driver.set(NEW)
            assert bench.driver.read() == (NEW, True)
    assert (NEW, True) in outcomes
    assert ((OLD, True) in outcomes) is trusted
    assert any(not ok for _, ok in outcomes)
