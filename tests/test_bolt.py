"""The bolt: whatever is called, the coil is never driven longer than its limit and rests in between."""

import itertools
import random

import pytest

from firmware.drivers.bolt import REST_MS, Bolt
from tests.campaign import cases
from tests.models.bolt import TICKS, Coil, Timer, World, check_calls

LIMIT = 10_000


class Bench:
    def __init__(self, now=5000, active=1, limit_ms=LIMIT):
        self.world = World(now)
        self.coil = Coil(self.world, active)
        self.timer = Timer(self.world)
        self.bolt = Bolt(self.coil, self.timer, self.world.ticks_ms, self.world.ticks_diff, active, limit_ms)

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


def test_the_timer_locks_when_poll_is_never_called():
    bench = Bench()
    bench.bolt.unlock(3000)
    bench.world.advance(60_000)
    assert bench.lengths == [3000]
    assert not bench.bolt.unlocked


def test_poll_locks_when_the_timer_never_fires():
    bench = Bench()
    bench.timer.dead = True
    bench.bolt.unlock(3000)
    bench.run(60_000, poll_ms=7)
    assert len(bench.lengths) == 1
    assert 3000 <= bench.lengths[0] < 3007


def test_without_a_timer_the_coil_is_not_driven_at_all():
    bench = Bench()
    bench.timer.broken = True
    with pytest.raises(OSError, match="12"):
        bench.bolt.unlock(3000)
    assert bench.coil.stretches == []
    assert not bench.bolt.unlocked


def test_an_extension_that_finds_no_timer_locks():
    bench = Bench()
    bench.bolt.unlock(3000)
    bench.run(1000)
    bench.timer.broken = True
    with pytest.raises(OSError, match="12"):
        bench.bolt.unlock(5000)
    assert bench.lengths == [1000]
    assert not bench.bolt.unlocked


def test_a_timer_that_fires_before_the_coil_is_switched_on():
    bench = Bench()
    bench.timer.hasty = True
    bench.bolt.unlock(1)
    assert not bench.coil.driven
    assert not bench.bolt.unlocked


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


@pytest.mark.parametrize("polled", [True, False], ids=["polled", "never polled"])
def test_unlocking_over_and_over_reaches_the_limit_and_no_further(polled):
    bench = Bench()
    for _ in range(300):
        bench.bolt.unlock(4000)
        if polled:
            bench.run(100)
        else:
            bench.world.advance(100)
    bench.world.advance(20_000)
    assert max(bench.lengths) == LIMIT
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


def test_a_dead_timer_and_days_without_a_poll_still_lock_at_the_next_look():
    bench = Bench()
    bench.timer.dead = True
    bench.bolt.unlock(3000)
    bench.world.advance(TICKS // 2 + 1000)
    bench.bolt.poll()
    assert not bench.coil.driven


def test_the_callback_does_nothing_but_switch_and_note():
    """What runs in interrupt context writes the pin first and calls nothing else that may allocate."""
    bench = Bench()
    bench.bolt.unlock(3000)
    calls = []
    bench.coil.value = lambda level: calls.append(("pin", level))
    bench.bolt._ticks_ms = lambda: calls.append("ticks") or 0
    bench.timer.fire()
    assert calls == [("pin", 0), "ticks"]


def test_random_sequences_keep_limit_and_rest():
    stretches = 0
    count = cases(500, 30_000)
    for seed in range(count):
        try:
            stretches += check_calls(random.Random(seed))
        except ValueError as error:
            pytest.fail(f"seed {seed}: {error}")
    assert stretches > count
