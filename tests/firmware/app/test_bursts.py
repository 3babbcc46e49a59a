"""The bursts in which a sleeping lock advertises, on the virtual board, from the outside."""

from itertools import pairwise

import pytest

from tests.dual.support.lock import HOUR
from tests.support.virtual_parts import (
    AWAKE,
    BURST_MS,
    BURST_US,
    DEEP,
    EARLY_MS,
    EXIT,
    INTERVAL,
    LIGHT,
    SILENT,
    asleep,
    signals,
    tries,
    wake,
)


def bursts(board):
    """(begin, end) in ms of each time that the radio advertised as a burst does; an end is None while it lasts."""
    found = []
    for event in board.all("radio"):
        if event["op"] == "advertise" and event["on"] and event["interval_us"] == BURST_US:
            found.append([event["now_ms"], None])
        elif found and found[-1][1] is None:
            found[-1][1] = event["now_ms"]
    return found


def on_air(board):
    """The operations that the radio reported: "advertise", "off" and such."""
    return [event["op"] for event in board.all("radio")]


def test_a_day_of_bursts_in_light_sleep(made):
    board = made(power=LIGHT, exit=EXIT)
    asleep(board)
    board.events = []
    board.wait(86_400)
    found = [burst for burst in bursts(board) if burst[1] is not None]
    assert len(found) == 86_400 // 302
    assert {end - begin for begin, end in found} == {BURST_MS}
    assert {later[0] - earlier[1] for earlier, later in pairwise(found)} == {300_000 - EARLY_MS}
    # Nothing is advertised but in bursts: each is one start of the radio, and its end.
    started = [event for event in board.all("radio") if event["op"] == "advertise" and event["on"]]
    assert {event["interval_us"] for event in started} == {BURST_US}
    assert on_air(board).count("off") == on_air(board).count("services") == len(started) == len(found)
    assert signals(board) == []
    assert board.press(board.code() + "#") == "open opened"


def test_bursts_write_nothing_to_flash(made):
    counts = []
    for radio in ({"interval_ms": 250, "asleep_s": 60}, SILENT):
        board = made(power=LIGHT, exit=EXIT, radio=radio)
        asleep(board)
        before = board.ask("state")
        board.wait(HOUR - 120)
        after = board.ask("state")
        if radio is not SILENT:
            assert len(bursts(board)) > 50
        assert after["flash"] == before["flash"]
        board.wait(6 * HOUR)
        counts.append(board.ask("state")["commits"] - after["commits"])
        board.off()
        board.flash.unlink()
    assert 5 <= counts[0] <= 7, "one floor an hour"
    assert abs(counts[0] - counts[1]) <= 1


def test_silent_asleep_is_silent(made):
    board = made(power=LIGHT, exit=EXIT, radio=SILENT)
    asleep(board)
    assert on_air(board)[-1] == "off"
    board.events = []
    board.wait(86_400)
    assert board.all("radio") == []
    board.press("1")
    board.wait(3)
    assert on_air(board) == ["services", "advertise"]
    assert bursts(board) == []


def in_burst(board):
    """Let time pass until a burst is under way."""
    asleep(board)
    board.events = []
    for _ in range(400):
        board.wait(1)
        if bursts(board):
            assert on_air(board) == ["services", "advertise"]
            return
    pytest.fail("there was no burst")


def test_a_touched_lock_bursts_no_more_before_it_slept_again(made):
    board = made(power=LIGHT, exit=EXIT)
    asleep(board)
    board.wait(150)
    board.events = []
    board.press("1")
    board.wait(AWAKE - 1)
    assert bursts(board) == []
    assert on_air(board) == ["services", "advertise"]
    touched = board.now_ms
    board.wait(400)
    assert bursts(board)[0][0] >= touched + 300_000


def test_a_touch_in_a_burst_keeps_it_awake(made):
    board = made(power=LIGHT, exit=EXIT)
    in_burst(board)
    board.press("1")
    board.wait(AWAKE - 1)
    assert on_air(board) == [], "it advertises as it did"
    board.wait(5)
    assert on_air(board)[-1] == "off"
    in_burst(board)
    assert board.press(board.code() + "#") == "open opened"


PATIENCE = 5  # seconds that a stranger may be silent


def stranger(board, conn):
    """A client that says nothing until it is sent away."""
    board.ask("radio", op="connect", conn=conn, address="010203040506")
    board.events = []
    for _ in range(100):
        board.wait(0.1)
        if "disconnect" in on_air(board):
            break
    board.ask("radio", op="disconnect", conn=conn)


@pytest.mark.parametrize("power", [LIGHT, DEEP])
def test_a_stranger_costs_a_burst_its_patience_and_two_seconds(made, power):
    """It is sent away after 5 s; the next client has 2 s to connect."""
    board = made(power=power, exit=EXIT)
    if power is DEEP:
        wake(board, to_ms=board.now_ms + HOUR * 1000)
        board.wait(1)
    else:
        in_burst(board)
    begun = board.now_ms
    board.ask("radio", op="connect", conn=1, address="010203040506")
    board.events = []
    board.wait(PATIENCE - 1)
    assert "disconnect" not in on_air(board)
    board.wait(2)
    assert "disconnect" in on_air(board)
    board.events = []
    board.ask("radio", op="disconnect", conn=1)
    if power is DEEP:
        reset = wake(board, to_ms=board.now_ms + HOUR * 1000)
        assert reset["by"] == "timer"
    else:
        board.wait(1)
        assert on_air(board)[-1] == "advertise"
        board.wait(3)
        assert on_air(board)[-1] == "off"
        board.events = []
        board.wait(297)
        assert on_air(board) == []
        board.wait(5)
        assert len(bursts(board)) == 1
    assert board.now_ms - begun < (PATIENCE + 2 + 5 + 300 + 4) * 1000


def test_strangers_do_not_keep_it_awake_beyond_a_burst(made):
    """One after the other, for as long as the lock takes them."""
    board = made(power=LIGHT, exit=EXIT)
    asleep(board)
    conn = 0
    for _ in range(5):
        in_burst(board)
        begun = board.now_ms
        came = 0
        while board.now_ms - begun < 40_000 and "off" not in on_air(board):
            if on_air(board)[-1:] == ["advertise"] or not came:
                conn += 1
                came += 1
                stranger(board, conn)
            board.wait(0.5)
        assert 2 <= came <= 4
        assert on_air(board)[-1] == "off"
        assert board.now_ms - begun < 25_000
    assert board.press(board.code() + "#") == "open opened"


def test_a_client_while_the_set_up_button_is_held_keeps_it_awake(made):
    """A client that pairs has no key yet, but a person holds the button for it."""
    board = made(power=LIGHT, exit=EXIT)
    in_burst(board)
    board.ask("contact", which="button", on=True)
    stranger(board, 1)
    board.wait(0.5)
    board.ask("contact", which="button", on=False)
    board.wait(AWAKE - 2)
    assert "off" not in on_air(board)
    board.wait(3)
    assert on_air(board)[-1] == "off"


def test_strangers_do_not_lengthen_the_time_after_a_touch(made):
    board = made(power=LIGHT, exit=EXIT)
    in_burst(board)
    board.press("1")
    touched = board.now_ms
    for number in range(1, 5):
        stranger(board, number)
    assert board.now_ms < touched + AWAKE * 1000
    board.wait(1)
    assert board.last("radio")["op"] == "advertise"
    board.ask("advance", to_ms=touched + (AWAKE + 2) * 1000)
    assert on_air(board)[-1] == "off"
    board.events = []
    board.wait(290)
    assert on_air(board) == []


def test_a_lock_without_a_secret_reminds_who_is_there_and_is_silent_asleep(tmp_path, made):
    board = made(power=LIGHT, exit=EXIT)
    board.off()
    board.flash.unlink()
    board.on(provision=None, **board.parts)
    asleep(board)
    board.wait(10)
    assert signals(board) == ["no-secret"] * 4  # at the start, then every 10 s
    board.events = []
    board.wait(10 * 300)
    assert len(bursts(board)) >= 9
    assert signals(board) == []
    board.press("1")
    board.events = []
    board.wait(AWAKE + 20)
    assert signals(board) == ["no-secret"] * 3


def test_a_lock_without_a_secret_that_never_sleeps_reminds_for_ever(made):
    board = made()
    board.off()
    board.flash.unlink()
    board.on(provision=None, **board.parts)
    for _ in range(24):
        board.wait(5)
    assert len(signals(board)) == 1 + 120 // 10


def test_a_key_that_is_stuck_makes_no_burst(made):
    board = made(power=LIGHT, exit=EXIT)
    asleep(board)
    board.events = []
    board.ask("down", key="5")
    board.wait(100)
    assert bursts(board) == []
    assert on_air(board).count("off") > 50, "it tries to sleep again and again"
    board.ask("up", key="5")
    board.wait(400)
    assert bursts(board)


def test_a_radio_that_does_not_start_keeps_nothing_awake(made):
    board = made(power=LIGHT, exit=EXIT)
    board.off()
    board.on(broken="no-radio", **board.parts)
    asleep(board)
    board.wait(60)
    board.events = []
    board.wait(10 * 300)
    # It tries twice in each burst, for 2 s.
    faults = [event["now_ms"] for event in board.all("fault")]
    assert len(faults) >= 9
    assert all(later - earlier <= 300_000 + 4000 + BURST_MS for earlier, later in pairwise(faults))
    assert board.press(board.code() + "#") == "open opened"


def test_a_sleep_that_the_chip_refuses_is_no_touch_and_is_tried_again_after_a_pause(made):
    board = made(power=LIGHT, exit=EXIT)
    board.off()
    board.on(broken="no-sleep", **board.parts)
    asleep(board)
    board.events = []
    board.wait(100)
    assert 40 < on_air(board).count("off") <= 100
    assert bursts(board) == []
    assert board.press(board.code() + "#") == "open opened"


def test_without_a_radio_it_sleeps_an_hour(made):
    board = made(power=LIGHT, exit=EXIT, radio=None)
    board.wait(5 * HOUR)
    assert board.all("radio") == []
    assert board.press(board.code() + "#") == "open opened"


def test_hours_of_bursts_in_deep_sleep(made):
    """Each is a start of the lock, plays nothing and writes nothing but the floor, once an hour."""
    board = made(power=DEEP, exit=EXIT)
    wake(board, to_ms=board.now_ms + HOUR * 1000)
    begun, writes = board.now_ms, []
    while board.now_ms < begun + 2 * HOUR * 1000:
        board.wait(1)
        assert on_air(board) == ["services", "advertise"]
        assert len(bursts(board)) == 1
        board.ask("advance", to_ms=board.now_ms + BURST_MS // 2)
        writes.append(board.ask("state")["flash"]["writes"])
        assert signals(board) == []
        wake(board, to_ms=board.now_ms + HOUR * 1000)
    assert len(writes) == pytest.approx(2 * HOUR / 302, abs=1)
    assert sum(count > 0 for count in writes) <= 3


@pytest.mark.parametrize(("asleep_s", "most"), [(120, 1), (300, 2)])
def test_bursts_in_deep_sleep_give_tokens_in_time_but_never_early(made, asleep_s, most):
    board = made(power=DEEP, exit=EXIT, radio={"interval_ms": 250, "asleep_s": asleep_s})
    begun = board.now_ms
    assert tries(board) == 8
    spent = board.now_ms
    tokens = 0
    while tokens < most:
        wake(board, to_ms=board.now_ms + HOUR * 1000)
        tokens = board.ask("state")["tokens"]
        assert tokens <= (board.now_ms - begun) // 1000 // INTERVAL
        assert tokens >= (board.now_ms - spent) * 3 // 4000 // INTERVAL - 1
