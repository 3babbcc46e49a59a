"""The bolt: whatever is called, the coil is never driven longer than its limit and rests in between."""

import itertools
import random

import pytest

from tests.dual.models.bolt import MCUS, TICKS, Coil, World, bolt_of, check_calls
from tests.support.campaign import cases
from tumbler_lock.drivers.bolt import REST_MS

LIMIT = 10_000
EXTENDED = LIMIT - 300  # the longest with an extension in it


class Bench:
    def __init__(self, now=5000, active=1, limit_ms=LIMIT, mcu="esp32", rest_ms=REST_MS):
        self.world = World(now, mcu)
        self.coil = Coil(self.world, active, rest_ms > 0)
        self.bolt = bolt_of(self.coil, self.world, active, limit_ms, rest_ms)

    def run(self, ms, poll_ms=10):
        end = self.world.now + ms
        while self.world.now < end:
            self.world.advance(min(poll_ms, end - self.world.now))
            self.bolt.poll()

    @property
    def lengths(self):
        return [until - since for since, until in self.coil.stretches]


@pytest.mark.parametrize("active", [0, 1])
def test_it_starts_locked_whatever_the_pin_was(active):
    bench = Bench(active=active)
    assert not bench.coil.driven
    assert not bench.bolt.unlocked
    bench.bolt.unlock(100)
    assert bench.coil.driven
    assert bench.coil.level == active
    bench.bolt.lock()
    assert not bench.coil.driven


def test_unlock_lasts_as_long_as_asked():
    bench = Bench()
    bench.bolt.unlock(3000)
    assert bench.bolt.unlocked
    bench.run(2999)
    assert bench.bolt.unlocked
    bench.run(1)
    assert not bench.bolt.unlocked
    assert bench.lengths == [3000]


@pytest.mark.parametrize("active", [0, 1])
@pytest.mark.parametrize("mcu", MCUS)
def test_a_hang_inside_c_ends_at_the_time(mcu, active):
    """Nothing of the program runs any more, no poll and no callback."""
    bench = Bench(mcu=mcu, active=active)
    bench.bolt.unlock(3000)
    bench.world.advance(60_000)
    assert bench.lengths == [3000]
    assert bench.coil.level == 1 - active
    bench.bolt.poll()
    assert not bench.bolt.unlocked


@pytest.mark.parametrize("mcu", MCUS)
def test_a_hang_inside_c_after_an_extension_ends_at_the_limit(mcu):
    bench = Bench(mcu=mcu)
    bench.bolt.unlock(6000)
    bench.run(5000)
    bench.bolt.unlock(6000)
    bench.world.advance(60_000)
    assert bench.lengths == [EXTENDED]


@pytest.mark.parametrize("mcu", MCUS)
def test_an_extension_that_takes_long_to_make_keeps_the_limit(mcu):
    bench = Bench(mcu=mcu)
    bench.bolt.unlock(6000)
    bench.run(5000)
    make = bench.bolt._pulse._rmt

    def slowly(**settings):
        bench.world.advance(LIMIT - EXTENDED)  # garbage is collected
        return make(**settings)

    bench.bolt._pulse._rmt = slowly
    bench.bolt.unlock(LIMIT)
    bench.world.advance(60_000)
    assert sum(bench.lengths) == LIMIT - (0 if mcu == "esp32" else LIMIT - EXTENDED)


def test_poll_locks_when_the_pulse_does_not_end():
    bench = Bench()
    bench.bolt.unlock(3000)
    bench.world.rmt.playing[0].due += 60_000
    bench.run(60_000, poll_ms=7)
    assert len(bench.lengths) == 1
    assert 3000 <= bench.lengths[0] < 3007


@pytest.mark.parametrize("mcu", MCUS)
def test_without_a_pulse_the_coil_is_not_driven_at_all(mcu):
    bench = Bench(mcu=mcu)
    bench.world.rmt.broken = OSError(12)
    with pytest.raises(OSError, match="12"):
        bench.bolt.unlock(3000)
    assert bench.coil.stretches == []
    assert not bench.bolt.unlocked
    bench.world.rmt.broken = None
    bench.bolt.unlock(3000)
    bench.run(10_000)
    assert bench.lengths == [3000]


@pytest.mark.parametrize("mcu", MCUS)
def test_an_extension_that_fails_locks(mcu):
    bench = Bench(mcu=mcu)
    bench.bolt.unlock(3000)
    bench.run(1000)
    bench.world.rmt.broken = MemoryError()
    with pytest.raises(MemoryError):
        bench.bolt.unlock(5000)
    assert bench.lengths == [1000]
    assert not bench.bolt.unlocked
    bench.world.rmt.broken = None
    bench.run(1000)
    bench.bolt.unlock(5000)
    bench.run(6000)
    assert bench.lengths == [1000, 5000]


def test_locking_until_no_channel_is_left_waits_and_then_gives_the_whole_time():
    """An ESP32's stopped pulses play on: eight of ten seconds fill its memory."""
    bench = Bench()
    for _ in range(8):
        bench.bolt.unlock(LIMIT)
        bench.run(100)
        bench.bolt.lock()
        bench.run(REST_MS)
    assert len(bench.lengths) == 8
    bench.bolt.unlock(3000)
    bench.run(1000)
    assert bench.bolt.unlocked
    assert not bench.bolt.idle
    assert not bench.coil.driven
    bench.run(20_000)
    assert bench.lengths[8:] == [3000]
    assert bench.coil.stretches[8][0] == bench.coil.stretches[0][0] + LIMIT
    assert not bench.bolt.unlocked
    assert not bench.world.wrong


def test_an_unlock_that_waits_for_a_channel_can_be_taken_back():
    bench = Bench(limit_ms=60_000)
    bench.bolt.unlock(60_000)
    bench.run(100)
    bench.bolt.lock()
    bench.run(REST_MS)
    bench.bolt.unlock(60_000)
    bench.run(100)
    assert not bench.coil.driven
    bench.bolt.lock()
    assert not bench.bolt.unlocked
    bench.bolt.unlock(1000)  # a shorter one has room
    bench.run(2000)
    assert bench.lengths == [100, 1000]


def test_what_an_extension_without_a_channel_lacks_at_the_end_of_the_pulse_waits():
    bench = Bench()
    for _ in range(8):
        bench.bolt.unlock(4000)
        bench.run(1)
    bench.bolt.unlock(9000)
    bench.run(20_000, poll_ms=20)
    assert [until - since for since, until in bench.coil.stretches] == [4007, 8 + 9000 - 4008]
    assert bench.coil.stretches[1][0] - bench.coil.stretches[0][1] in range(REST_MS, REST_MS + 40)
    assert not bench.world.wrong


def test_a_long_extension_begins_when_what_is_left_of_it_has_room():
    bench = Bench(limit_ms=60_000)
    bench.bolt.unlock(55_000)
    bench.run(1000)
    bench.bolt.unlock(58_000)
    assert len(bench.world.rmt.channels) == 1
    bench.run(60_000)
    assert bench.lengths[0] in (58_999, 59_000)  # rounded to ticks
    assert len(bench.lengths) == 1
    assert not bench.world.wrong


def test_an_extension_that_finds_no_channel_begins_when_an_older_pulse_has_ended():
    bench = Bench()
    for _ in range(20):
        bench.bolt.unlock(4000)
        bench.run(100)
    assert len(bench.world.rmt.channels) == 8
    bench.run(1900)
    assert bench.world.rmt.playing[-1].due == bench.coil.stretches[0][0] + 4700
    bench.run(100)
    assert bench.world.rmt.playing[-1].due == bench.coil.stretches[0][0] + 5900
    bench.run(10_000)
    assert bench.lengths == [5900]
    assert not bench.world.wrong


@pytest.mark.parametrize("active", [0, 1])
@pytest.mark.parametrize("mcu", MCUS)
def test_fail_safe_is_the_same_with_the_levels_exchanged(mcu, active):
    bench = Bench(mcu=mcu, active=1 - active, rest_ms=0)  # driven is open: the coil is off
    assert bench.coil.level == active
    bench.bolt.unlock(3000)
    assert bench.coil.level == 1 - active
    bench.run(1000)
    bench.bolt.lock()
    assert bench.coil.level == active
    bench.bolt.unlock(3000)
    assert bench.coil.level == 1 - active
    bench.world.advance(60_000)
    assert bench.lengths == [1000, 3000]
    assert bench.coil.level == active


@pytest.mark.parametrize("ms", [0, -1, -5000])
def test_a_length_that_is_none(ms):
    bench = Bench()
    with pytest.raises(ValueError, match="at least 1 ms"):
        bench.bolt.unlock(ms)
    with pytest.raises(ValueError, match="at least 1 ms"):
        Bench(limit_ms=ms)
    assert bench.coil.stretches == []


@pytest.mark.parametrize("ms", [LIMIT, LIMIT + 1, 1 << 29, 1 << 40])
def test_more_than_the_limit_is_cut(ms):
    bench = Bench()
    bench.bolt.unlock(ms)
    bench.world.advance(100_000)
    assert bench.lengths == [LIMIT]


def test_another_unlock_extends():
    bench = Bench()
    bench.bolt.unlock(3000)
    bench.run(2000)
    bench.bolt.unlock(3000)
    bench.run(10_000)
    assert bench.lengths == [5000]


def test_a_shorter_unlock_does_not_shorten():
    bench = Bench()
    bench.bolt.unlock(6000)
    bench.run(1000)
    bench.bolt.unlock(100)
    bench.run(10_000)
    assert bench.lengths == [6000]


@pytest.mark.parametrize("mcu", MCUS)
@pytest.mark.parametrize("polled", [True, False], ids=["polled", "never polled"])
def test_unlocking_over_and_over_reaches_the_limit_and_no_further(polled, mcu):
    bench = Bench(mcu=mcu)
    for _ in range(300):
        bench.bolt.unlock(4000)
        if polled:
            bench.run(100)
        else:
            bench.world.advance(100)
    bench.world.advance(20_000)
    assert max(bench.lengths) == EXTENDED
    assert len(bench.lengths) >= 2 + polled
    rests = [later[0] - earlier[1] for earlier, later in itertools.pairwise(bench.coil.stretches)]
    assert min(rests) >= REST_MS


def test_lock_and_unlock_at_once_waits_for_the_rest_and_then_gives_the_whole_time():
    bench = Bench()
    bench.bolt.unlock(3000)
    bench.run(1000)
    bench.bolt.lock()
    bench.bolt.unlock(2000)
    assert bench.bolt.unlocked
    assert not bench.coil.driven
    bench.run(REST_MS + 10)
    assert bench.coil.driven
    bench.run(5000)
    assert bench.lengths == [1000, 2000]
    assert bench.coil.stretches[1][0] - bench.coil.stretches[0][1] == REST_MS


def test_lock_takes_back_an_unlock_that_waits():
    bench = Bench()
    bench.bolt.unlock(3000)
    bench.run(10)
    bench.bolt.lock()
    bench.bolt.unlock(3000)
    bench.bolt.lock()
    bench.run(5000)
    assert len(bench.coil.stretches) == 1
    assert not bench.bolt.unlocked


def test_of_two_unlocks_that_wait_the_longer_counts():
    bench = Bench()
    bench.bolt.unlock(100)
    bench.run(100)
    bench.bolt.unlock(3000)
    bench.bolt.unlock(200)
    bench.run(10_000)
    assert bench.lengths == [100, 3000]


@pytest.mark.parametrize("before", [1, 50, 2999, 3000, 3001])
def test_the_counter_wraps(before):
    bench = Bench(now=TICKS - before)
    bench.bolt.unlock(3000)
    bench.run(5000)
    assert bench.lengths == [3000]
    bench.bolt.unlock(3000)
    bench.run(5000)
    assert bench.lengths == [3000, 3000]


@pytest.mark.parametrize("idle", [TICKS // 2 - 1, TICKS // 2, TICKS // 2 + 1, TICKS - 1, TICKS, TICKS + 3])
def test_days_without_a_poll(idle):
    bench = Bench()
    bench.bolt.unlock(3000)
    bench.world.advance(3000)
    bench.world.advance(idle)
    bench.bolt.unlock(2000)
    bench.run(REST_MS + 5000)
    assert bench.lengths == [3000, 2000]


def test_no_end_of_the_pulse_and_days_without_a_poll_still_lock_at_the_next_look():
    bench = Bench()
    bench.bolt.unlock(3000)
    bench.world.rmt.playing[0].due += TICKS
    bench.world.advance(TICKS // 2 + 1000)
    bench.bolt.poll()
    assert not bench.coil.driven


def test_random_sequences_keep_limit_and_rest():
    stretches = 0
    count = cases(500, 30_000)
    for seed in range(count):
        try:
            stretches += check_calls(random.Random(seed))
        except ValueError as error:
            pytest.fail(f"seed {seed}: {error}")
    assert stretches > count
