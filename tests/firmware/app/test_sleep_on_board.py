"""Sleep on the virtual board, from the outside."""

from binascii import crc32

import pytest

from tests.dual.support.lock import HOUR
from tests.support.virtual_parts import (
    AWAKE,
    DEEP,
    EXIT,
    INTERVAL,
    LIGHT,
    MOTOR,
    SILENT,
    asleep,
    bolt,
    locked,
    signals,
    tries,
    wake,
)


def test_a_light_sleep_loses_no_key(made):
    board = made(power=LIGHT, exit=EXIT)
    for number in range(5):
        asleep(board)
        board.wait(7200 * number)
        assert board.press(board.code(number) + "#") == "open opened", number
        assert [event["key"] for event in board.all("key")] == list(board.code(number) + "#")


def test_it_sleeps_an_hour_at_a_time_and_the_watchdog_lets_it(made):
    board = made(power=LIGHT, exit=EXIT)
    asleep(board)
    begun = board.ask("state")["flash"]["writes"]
    board.wait(48 * HOUR)
    state = board.ask("state")
    assert state["trusted"]
    assert 40 <= state["commits"] <= 60, "the hourly floor goes to flash"
    assert state["flash"]["writes"] > begun
    assert board.press(board.code() + "#") == "open opened"


def test_the_radio_is_off_while_it_sleeps_and_back_after_a_key(made):
    board = made(power=LIGHT, exit=EXIT)
    board.wait(1)
    assert board.last("radio")["op"] == "advertise"
    asleep(board)
    assert board.last("radio")["op"] == "off"
    board.press("1")
    board.wait(2)
    radio = board.last("radio")
    assert (radio["op"], radio["on"]) == ("advertise", True)


def test_with_a_client_it_does_not_sleep(made):
    board = made(power=LIGHT, exit=EXIT)
    board.wait(1)
    board.ask("radio", op="connect", conn=1, address="010203040506")
    board.events = []
    # The session's own patience sends a silent client away; until then nothing is switched off.
    for _ in range(200):
        board.wait(1)
        words = [event["op"] for event in board.all("radio")]
        if "disconnect" in words:
            break
        assert "off" not in words
    else:
        pytest.fail("a silent client was never sent away")
    board.ask("radio", op="disconnect", conn=1)
    asleep(board)
    assert "off" in [event["op"] for event in board.all("radio")]


def test_the_exit_wakes_it(made):
    board = made(power=LIGHT, exit=EXIT)
    asleep(board)
    board.wait(600)
    board.ask("contact", which="exit", on=True)
    board.wait(1)
    assert bolt(board) == [True]


def test_a_motor_finishes_before_it_sleeps(made):
    board = made(power=LIGHT, exit=EXIT, bolt=MOTOR)
    board.press(board.code() + "#")
    asleep(board)
    board.wait(100)
    assert locked(board)


def test_light_sleep_gives_tokens_as_waking_hours_do(made):
    """The same hours, asleep and awake: the same tries."""
    found = []
    for power in (LIGHT, {"battery": False}):
        board = made(power=power, exit=EXIT)
        begun = board.now_ms
        earned = [tries(board)]
        for hours in (1, 2, 3.5, 5):
            board.ask("advance", to_ms=begun + round(hours * 3 * HOUR * 1000))
            earned.append(tries(board))
        found.append(earned)
        board.off()
        board.flash.unlink()
    assert found[0] == found[1]
    assert found[0][0] == 8
    assert sum(found[0][1:]) > 8


def test_a_deep_sleep_ends_by_a_pin_with_ready(made):
    board = made(power=DEEP, exit=EXIT, radio=SILENT)
    asleep(board)
    board.wait(600)
    board.ask("contact", which="exit", on=True)
    reset = wake(board, to_ms=board.now_ms + 10_000)
    assert reset["by"] == "pin"
    assert signals(board) == ["ready"]
    board.ask("contact", which="exit", on=False)
    assert board.press(board.code() + "#") == "open opened"


def test_a_deep_sleep_that_time_ends_is_silent_and_short(made):
    board = made(power=DEEP, exit=EXIT, radio=SILENT)
    start = board.now_ms
    reset = wake(board, to_ms=start + 2 * HOUR * 1000)
    assert reset["by"] == "timer"
    assert signals(board) == []
    woken = board.now_ms
    for _ in range(3):
        wake(board, to_ms=board.now_ms + 2 * HOUR * 1000)
        assert board.all("radio") == []
    assert board.now_ms - woken < 3 * (HOUR + 5) * 1000


@pytest.mark.parametrize("hours", [2, 5])
def test_deep_sleep_refills_the_bucket_but_never_early(made, hours):
    """A lock that is asleep for hours earns what time gives, less a sixteenth at most, and never more."""
    board = made(power=DEEP, exit=EXIT, radio=SILENT)
    begun = board.now_ms
    assert tries(board) == 8
    spent = board.now_ms
    for _ in range(hours):
        wake(board, to_ms=board.now_ms + 2 * HOUR * 1000)
    earned = tries(board)
    assert earned <= (board.now_ms - begun) // 1000 // INTERVAL
    assert earned >= (board.now_ms - spent) * 15 // 16 // 1000 // INTERVAL - 1
    assert earned > 0


def sleeper(made):
    """A lock without a try left that fell into deep sleep, and what it said then."""
    board = made(power=DEEP, exit=EXIT)
    assert tries(board) == 8
    assert board.ends("advance", to_ms=board.now_ms + 2 * HOUR * 1000) == "reset"
    reset = board.last("reset")
    kept = {name: reset[name] for name in ("memory", "own_clock", "cause", "by")}
    kept["own_clock"] += 20 * HOUR
    return board, kept


def test_what_was_kept_counts_after_a_deep_sleep(made):
    board, kept = sleeper(made)
    board.on(**kept, **board.parts)
    assert tries(board) == 8


@pytest.mark.parametrize("spoil", ["memory", "cause", "clock", "attempt"])
def test_what_was_kept_counts_only_after_a_deep_sleep_and_whole(made, spoil):
    board, kept = sleeper(made)
    memory = bytearray.fromhex(kept["memory"])
    if spoil == "memory":
        memory[11] ^= 1
    elif spoil == "attempt":
        memory[7] ^= 1
        memory[-4:] = crc32(memory[:-4]).to_bytes(4, "big")
    elif spoil == "cause":
        kept["cause"] = None
    else:
        kept["own_clock"] = 0
    kept["memory"] = memory.hex()
    board.on(**kept, **board.parts)
    assert tries(board) == 0


def test_a_client_after_a_sleep_is_served(made):
    """The services are built again, and what is written to them arrives: an invalid fragment ends the connection."""
    board = made(power=LIGHT, exit=EXIT)
    asleep(board)
    assert board.last("radio")["op"] == "off"
    board.press("1")
    board.wait(2)
    services = next(event for event in board.all("radio") if event["op"] == "services")["services"]
    handle = next(value["handle"] for value in services[0]["characteristics"] if value["flags"] & 8)
    board.ask("radio", op="connect", conn=3, address="010203040506")
    board.wait(1)
    board.events = []
    board.ask("radio", op="write", conn=3, handle=handle, value="ff" * 20)
    board.wait(1)
    assert "disconnect" in [event["op"] for event in board.all("radio")]


def test_the_set_up_button_wakes_the_radio_for_a_while(made):
    board = made(power={**LIGHT, "wake": [32, 33, 25, 5, 18]}, exit=EXIT)
    asleep(board)
    board.wait(100)
    board.events = []
    board.ask("contact", which="button", on=True)
    board.wait(1)
    board.ask("contact", which="button", on=False)
    board.wait(AWAKE - 5)
    assert [event["op"] for event in board.all("radio")] == ["services", "advertise"]
    board.wait(10)
    assert board.last("radio")["op"] == "off"
