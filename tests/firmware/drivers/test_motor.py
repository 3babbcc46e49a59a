"""The motor bolt: states, dead time, limits and retries against a mechanical model."""

import random

import pytest

from tests.dual.models.bolt import MCUS, TICKS, World
from tests.dual.models.motor import Bench, check_motor
from tests.support.campaign import cases
from tumbler.simulator.board.models.motor import CLOSE, END, OPEN, REACH, Mechanics
from tumbler.simulator.board.models.rmt import Pad
from tumbler_lock.drivers.motor import (
    DEAD_MS,
    HOLD_MAX_MS,
    LOCKED,
    LOCKING,
    RETRY_MS,
    STALLED,
    TRIES,
    UNLOCKED,
    UNLOCKING,
    MotorBolt,
)
from tumbler_lock.drivers.rmt_pulse import Pulse


def opened(**settings):
    bench = Bench(**settings)
    bench.bolt.unlock(10_000)
    bench.run(1500)
    assert bench.bolt.state == UNLOCKED
    return bench


def sides(bench):
    return [side for side, _, _ in bench.motor.drives]


def lengths(bench):
    return [until - since for _, since, until in bench.motor.drives]


def test_it_opens_holds_and_locks_again():
    bench = Bench()
    assert bench.bolt.state == LOCKED
    assert bench.bolt.idle
    assert not bench.bolt.unlocked
    bench.bolt.unlock(3000)
    assert (bench.bolt.state, bench.bolt.unlocked, bench.bolt.idle) == (UNLOCKING, True, False)
    bench.run(1000)
    assert bench.bolt.state == UNLOCKED
    assert bench.motor.position >= END - REACH
    arrived = bench.motor.drives[0][2]
    while bench.bolt.state == UNLOCKED:
        bench.run(1, 1)
    assert bench.world.now - arrived == 3000
    bench.run(1200)
    assert bench.bolt.state == LOCKED
    assert bench.motor.position <= REACH
    assert sides(bench) == [OPEN, CLOSE]
    assert max(lengths(bench)) < 900
    assert not bench.motor.wrong


@pytest.mark.parametrize("position", [1, REACH + 1, 500, END])
def test_at_the_start_it_goes_to_the_closed_end(position):
    bench = Bench(position)
    assert bench.bolt.unlocked == (position > REACH)
    bench.run(2000)
    assert bench.bolt.state == LOCKED
    assert bench.motor.position <= REACH
    assert sides(bench) == ([CLOSE] if position > REACH else [])


@pytest.mark.parametrize("after", range(0, 1000, 90))
@pytest.mark.parametrize("way", ["unlocking", "locking"])
def test_power_cut_in_mid_travel(after, way):
    bench = Bench()
    bench.bolt.unlock(10_000)
    if way == "locking":
        bench.run(1500)
        bench.bolt.lock()
    bench.run(after)
    bench.cut()
    bench.world.advance(60_000)
    where = bench.motor.position
    bench.world.advance(60_000)
    assert bench.motor.position == where
    bench.start()
    bench.run(2000)
    assert bench.bolt.state == LOCKED
    assert bench.motor.position <= REACH
    assert not bench.motor.wrong


@pytest.mark.parametrize("mcu", MCUS)
def test_a_hang_inside_c_ends_the_drive(mcu):
    """Nothing of the program runs any more."""
    bench = Bench(mcu=mcu)
    bench.motor.jam = 500
    bench.run(DEAD_MS)
    bench.bolt.unlock(1000)
    bench.world.advance(60_000)
    assert lengths(bench) == [2000]
    assert bench.motor.levels == [0, 0]
    bench.run(1)
    assert bench.motor.levels == [0, 0]


def test_a_hung_loop_in_which_the_bolt_arrived():
    bench = Bench()
    bench.run(DEAD_MS)
    bench.bolt.unlock(60_000)
    bench.world.advance(20_000)
    bench.run(20)
    assert bench.bolt.state == UNLOCKED
    assert lengths(bench) == [2000]


def test_polls_end_a_drive_when_the_pulse_does_not():
    bench = Bench()
    bench.motor.jam = 500
    bench.run(DEAD_MS)
    bench.bolt.unlock(60_000)
    bench.world.rmt.playing[0].due += 60_000
    bench.run(2000)
    assert lengths(bench) == [2000]


def test_without_a_pulse_nothing_is_driven():
    bench = Bench()
    bench.run(DEAD_MS)
    bench.world.rmt.broken = OSError(12)
    with pytest.raises(OSError, match="12"):
        bench.bolt.unlock(1000)
    assert bench.motor.drives == []
    assert bench.motor.levels == [0, 0]
    bench.world.rmt.broken = None
    bench.run(RETRY_MS + 1000)
    assert bench.bolt.state == UNLOCKED


def test_a_leg_that_something_else_switched_on_goes_off_first():
    bench = Bench()
    bench.run(DEAD_MS)
    bench.pads[CLOSE].value(1)
    bench.motor.drives[-1][2] = bench.world.now - DEAD_MS
    bench.bolt.unlock(1000)
    assert bench.motor.levels == [1, 0]
    assert bench.motor.wrong != "both legs"


def test_turning_around_until_no_channel_is_left_waits_with_both_legs_off():
    """An ESP32's stopped drives play on, so ten seconds of turning every tenth fill its memory."""
    bench = Bench(stall_ms=10_000)
    bench.motor.jam = 500
    bench.run(DEAD_MS)
    for turn in range(12):
        if turn % 2:
            bench.bolt.lock()
        else:
            bench.bolt.unlock(60_000)
        bench.run(DEAD_MS)
    assert len(bench.motor.drives) == 8
    assert bench.motor.levels == [0, 0]
    assert bench.bolt.state == LOCKING
    bench.run(10_000)
    assert len(bench.motor.drives) == 9
    bench.run(2000)
    assert bench.bolt.state == LOCKED
    assert not bench.motor.wrong + bench.world.wrong


@pytest.mark.parametrize("jam", [0, 200, 900])
def test_a_jam_is_tried_three_times_and_told(jam):
    bench = Bench()
    bench.motor.jam = jam
    bench.bolt.unlock(2000)
    bench.run(2 * (2000 + RETRY_MS) + 2300)
    assert bench.bolt.stalled
    assert bench.bolt.opening
    assert bench.bolt.unlocked
    assert sides(bench) == [OPEN] * TRIES
    pauses = [later[1] - earlier[2] for earlier, later in zip(bench.motor.drives, bench.motor.drives[1:], strict=False)]
    assert min(pauses) >= RETRY_MS
    # The time over, it goes back; a bolt that never left is locked.
    bench.run(4000)
    assert bench.bolt.state == LOCKED
    assert bench.bolt.idle
    assert bench.motor.position <= REACH


def test_a_jam_that_goes_away_between_two_tries():
    bench = Bench()
    bench.motor.jam = 300
    bench.bolt.unlock(2000)
    bench.run(2500)
    bench.motor.jam = None
    bench.run(2000)
    assert bench.bolt.state == UNLOCKED


def test_it_stalls_while_locking_and_waits_to_be_asked():
    bench = opened()
    bench.motor.jam = 400
    bench.bolt.lock()
    bench.run(60_000)
    assert (bench.bolt.state, bench.bolt.opening, bench.bolt.idle) == (STALLED, False, True)
    assert bench.bolt.unlocked
    assert sides(bench) == [OPEN] + [CLOSE] * TRIES
    bench.motor.jam = None
    bench.bolt.lock()
    bench.run(2000)
    assert bench.bolt.state == LOCKED


@pytest.mark.parametrize("side", [OPEN, CLOSE])
@pytest.mark.parametrize("level", [0, 1])
def test_one_stuck_switch_never_cuts_a_travel_short(side, level):
    """Whatever one switch says, the bolt goes to both ends, and is called locked only there."""
    bench = Bench()
    bench.bolt.unlock(60_000)
    bench.motor.switches[side].stuck = level
    bench.run(12_000)
    assert bench.motor.position >= END - REACH
    bench.bolt.lock()
    for _ in range(1200):
        bench.run(10)
        assert bench.bolt.unlocked or bench.motor.position <= REACH
    assert bench.motor.position <= REACH
    # A broken switch of the far end is told at that end, one of the near end while it is needed.
    assert bench.bolt.stalled == (side == CLOSE)
    assert not bench.motor.wrong


def test_the_door_must_be_shut():
    bench = opened()
    bench.shut = False
    bench.run(60_000)
    assert bench.bolt.state == LOCKING
    assert bench.bolt.unlocked
    assert not bench.bolt.idle
    assert sides(bench) == [OPEN]
    bench.shut = True
    bench.run(1500)
    assert bench.bolt.state == LOCKED


def test_the_door_stands_open_at_the_start():
    bench = Bench(600)
    bench.shut = False
    bench.cut()
    bench.start()
    bench.run(5000)
    assert bench.motor.drives == []
    bench.bolt.unlock(1000)
    bench.run(1500)
    assert bench.motor.position >= END - REACH


def test_unlock_while_locking_turns_around_after_the_dead_time():
    bench = opened()
    bench.bolt.lock()
    bench.run(400)
    bench.bolt.unlock(3000)
    assert bench.motor.levels == [0, 0]
    bench.run(1500)
    assert bench.bolt.state == UNLOCKED
    assert sides(bench) == [OPEN, CLOSE, OPEN]
    assert not bench.motor.wrong


def test_more_time_but_never_less():
    bench = opened()
    bench.bolt.unlock(100)
    bench.run(9000)
    assert bench.bolt.state == UNLOCKED
    bench.bolt.unlock(5000)
    bench.run(4900)
    assert bench.bolt.state == UNLOCKED
    bench.run(1500)
    assert bench.bolt.state == LOCKED
    bench.bolt.unlock(2000)
    bench.bolt.unlock(9000)
    bench.bolt.unlock(1)
    bench.run(9000)
    assert bench.bolt.state == UNLOCKED


def test_an_hour_at_most():
    bench = Bench()
    bench.bolt.unlock(1 << 40)
    bench.run(HOLD_MAX_MS - 10_000, 1000)
    assert bench.bolt.state == UNLOCKED
    bench.run(30_000)
    assert bench.bolt.state == LOCKED


@pytest.mark.parametrize("ms", [0, -1])
def test_a_length_that_is_none(ms):
    bench = Bench()
    with pytest.raises(ValueError, match="at least 1 ms"):
        bench.bolt.unlock(ms)
    assert bench.bolt.state == LOCKED


@pytest.mark.parametrize("stall", [0, -1])
def test_a_stall_time_that_is_none(stall):
    world = World(0)
    motor = Mechanics(lambda: world.now)
    pulse = Pulse(world.rmt, tuple(Pad(leg.value) for leg in motor.legs), 1, world.mcu)
    with pytest.raises(ValueError, match="stalls after"):
        MotorBolt(pulse, motor.switches, world.ticks_ms, world.ticks_diff, stall, lambda: True)


@pytest.mark.parametrize("before", [1, 60, 500, 1700, 3500])
def test_the_counter_wraps(before):
    bench = Bench(now=TICKS - before)
    bench.bolt.unlock(2000)
    bench.run(1200)
    assert bench.bolt.state == UNLOCKED
    bench.run(4000)
    assert bench.bolt.state == LOCKED


@pytest.mark.parametrize("idle", [TICKS // 2 - 1, TICKS // 2 + 1])
def test_days_without_a_call(idle):
    bench = opened()
    bench.world.advance(idle)
    bench.run(2000)
    assert bench.bolt.state == LOCKED
    bench.world.advance(idle)
    bench.bolt.unlock(2000)
    bench.run(1500)
    assert bench.bolt.state == UNLOCKED


def test_random_lives_keep_every_promise():
    drives = 0
    count = cases(150, 20_000)
    for seed in range(count):
        try:
            drives += check_motor(random.Random(seed))
        except ValueError as error:
            pytest.fail(f"seed {seed}: {error}")
    assert drives > 3 * count
