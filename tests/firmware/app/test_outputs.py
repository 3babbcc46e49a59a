"""Bolts, door, exit button, battery levels and sleep on the virtual board, from the outside."""

import json
from binascii import crc32
from itertools import pairwise

import pytest

from tests.dual.support.lock import HOUR
from tests.support.micropython import ROOT
from tests.support.virtual import Board
from tumbler_lock.core.budget import refill_interval, worst_odds
from tumbler_lock.core.policy import STANDARD

MOTOR = {"kind": "motor", "open": 26, "close": 19, "opened": 16, "closed": 17}
SAFE = {"pin": 26, "limit_ms": 10000, "fail": "safe"}
LIGHT = {"battery": True, "sleep": "light", "wake": [32, 33, 25, 5]}
DEEP = {"battery": True, "sleep": "deep", "wake": [5]}
SILENT = {"interval_ms": 250, "asleep_s": 0}
BURST_US = 100_000
BURST_MS = 2000
EARLY_MS = 1  # the timer of the virtual board ends a sleep a little early, as a chip's may: that is no touch
DOOR = {"pin": 2}
EXIT = {"pin": 5}
AWAKE = 35


@pytest.fixture
def made(tmp_path):
    """Make a virtual board with other parts, and power it on; shut: whether its door is."""
    boards = []

    def make(shut=True, **parts):
        description = json.loads((ROOT / "boards" / "virtual" / "board.json").read_text(encoding="utf-8"))
        description.update(parts)
        description = {name: part for name, part in description.items() if part is not None}
        (tmp_path / "board.json").write_text(json.dumps(description), encoding="utf-8")
        board = Board(tmp_path)
        board.parts = {"board": str(tmp_path), "contacts": ["door"] if shut and "door" in parts else []}
        boards.append(board)
        board.on(**board.parts)
        return board

    yield make
    for board in boards:
        board.__exit__()


def bolt(board):
    return [event["unlocked"] for event in board.all("bolt")]


def signals(board):
    return [event["name"] for event in board.all("signal")]


def log(board, since=0):
    return [(event["event"], event["arg"]) for event in board.ask("log", since=since, limit=200)["events"]]


def locked(board):
    return board.ask("state")["locked"]


# Fail-safe


def test_fail_safe_locks_at_the_start_and_opens_without_power(made):
    board = made(bolt=SAFE)
    assert bolt(board) == [False]
    board.press(board.code() + "#")
    board.wait(20)
    assert bolt(board) == [True, False]
    opened, shut = board.all("bolt")
    assert shut["now_ms"] - opened["now_ms"] == 5000
    board.events = []
    board.off()
    assert bolt(board) == [True]


@pytest.mark.parametrize("end", ["reset_button", "cut"])
def test_fail_safe_opens_at_a_reset_until_boot_has_run(made, end):
    board = made(bolt=SAFE)
    if end == "cut":
        board.ask("cut", n=1)
        assert board.ends("press", keys="123456#") == "cut"
    else:
        assert board.ends(end) == "reset"
    assert bolt(board)[-1] is True
    board.on(**board.parts)
    assert bolt(board) == [False]


def test_fail_safe_is_bounded_by_the_limit(made):
    board = made(bolt={**SAFE, "limit_ms": 2000})
    board.press(board.code() + "#")
    board.wait(20)
    opened, shut = board.all("bolt")
    assert shut["now_ms"] - opened["now_ms"] == 2000


def test_fail_safe_locks_in_time_while_nothing_of_the_firmware_runs(made):
    board = made(bolt=SAFE)
    board.off()
    board.on(broken="blocks", **board.parts)
    board.press(board.code() + "#")
    assert board.ends("advance", to_ms=board.now_ms + 60_000) == "reset"
    assert board.last("reset")["cause"] == "watchdog"
    opened, shut, _ = board.all("bolt")  # and without power it opens
    assert shut["now_ms"] - opened["now_ms"] == 5000


# Pulses


COIL = {"pin": 26, "limit_ms": 7000}


@pytest.mark.parametrize(
    ("mcu", "part"), [("esp32", COIL), ("esp32", SAFE), ("esp32s3", {**COIL, "active": 0}), ("esp32c3", SAFE)]
)
def test_a_bolt_that_is_extended_on_each_chip(made, mcu, part):
    board = made(mcu=mcu, bolt=part, exit=EXIT)
    for ticket in range(2):
        board.press(board.code(ticket) + "#")
        for _ in range(4):
            board.wait(0.7)
            board.ask("contact", which="exit", on=True)
            board.wait(0.3)
            board.ask("contact", which="exit", on=False)
        board.wait(20)
        opened, shut = board.all("bolt")
        assert shut["now_ms"] - opened["now_ms"] in range(6700, min(part["limit_ms"], 9500) + 1)


@pytest.mark.parametrize(("mcu", "end"), [("esp32", "reset"), ("esp32s3", "")])
def test_the_end_of_a_channel_that_plays_restarts_an_esp32(made, mcu, end):
    board = made(mcu=mcu)
    board.off()
    board.on(broken="collects", **board.parts)
    board.press(board.code() + "#")
    assert board.ends("advance", to_ms=board.now_ms + 10_000) == end
    opened, shut = board.all("bolt")
    assert shut["now_ms"] - opened["now_ms"] < 3000
    if end:
        assert board.last("reset")["cause"] == "panic"
        board.on(cause="panic", **board.parts)
        assert locked(board)


# Motor


def test_a_motor_opens_and_locks_again(made):
    board = made(bolt=MOTOR)
    assert locked(board)
    assert board.press(board.code() + "#") == "open opened"
    board.wait(3)
    assert not locked(board)
    board.wait(10)
    assert locked(board)
    assert [event for event, _ in log(board)] == ["open"]


def test_a_motor_that_was_cut_in_mid_travel_is_locked_by_the_next_start(made):
    board = made(bolt=MOTOR)
    board.press(board.code() + "#")
    board.wait(0.2)
    assert board.ends("reset_button") == "reset"
    position = board.last("reset")["position"]
    assert 100 < position < 900
    board.on(position=position, **board.parts)
    board.wait(3)
    assert locked(board)


def test_a_motor_that_stalls_is_told(made):
    board = made(bolt=MOTOR)
    board.ask("jam", at=300)
    board.press(board.code() + "#")
    board.wait(12)
    assert signals(board)[-1] == "fault"
    assert log(board)[-1] == ("stalled", 1)
    board.ask("jam", at=None)
    board.wait(10)
    assert locked(board)


@pytest.mark.parametrize("late_ms", range(-40, 50, 10))
def test_a_stall_is_told_also_when_the_door_shuts_in_that_moment(made, late_ms):
    """The door is what has the bolt locked again: what it did before must be known by then."""
    board = made(bolt=MOTOR, door=DOOR)

    def lock_in_vain(ticket):
        """Open, jam, and shut the door; returns when."""
        board.ask("jam", at=None)
        for shut in (False, True):
            board.ask("contact", which="door", on=shut)
            board.wait(20)
        assert locked(board)
        board.press(board.code(ticket) + "#")
        board.ask("contact", which="door", on=False)
        board.wait(60)
        board.ask("jam", at=500)
        board.ask("contact", which="door", on=True)
        board.events = []
        return board.now_ms

    shut = lock_in_vain(0)
    board.wait(20)
    stalled = next(event for event in board.all("signal") if event["name"] == "fault")["now_ms"] - shut
    shut = lock_in_vain(1)
    board.ask("advance", to_ms=shut + stalled - 700)
    board.ask("contact", which="door", on=False)
    board.ask("advance", to_ms=shut + stalled - 300 + late_ms)
    board.ask("contact", which="door", on=True)
    board.wait(1)
    assert signals(board) == ["fault"]


def test_a_motor_waits_for_the_door_and_tries_again_when_it_shuts(made):
    board = made(bolt=MOTOR, door=DOOR)
    board.press(board.code() + "#")
    board.ask("contact", which="door", on=False)
    board.wait(60)
    assert not locked(board)
    board.ask("jam", at=500)
    board.ask("contact", which="door", on=True)
    board.wait(20)
    assert not locked(board)
    assert log(board)[-1] == ("stalled", 2)
    board.ask("jam", at=None)
    board.ask("contact", which="door", on=False)
    board.wait(5)
    board.ask("contact", which="door", on=True)
    board.wait(5)
    assert locked(board)


# Door and exit


def test_the_door_is_watched(made):
    board = made(door=DOOR)
    board.press(board.code() + "#")
    board.ask("contact", which="door", on=False)
    board.wait(60)
    board.ask("contact", which="door", on=True)
    board.wait(60)
    assert [event for event, _ in log(board)] == ["open"]
    board.ask("contact", which="door", on=False)
    board.wait(1)
    board.ask("contact", which="door", on=True)
    board.wait(1)
    assert [event for event, _ in log(board)] == ["open", "door-forced", "door-shut"]
    board.press(board.code(1) + "#")
    board.ask("contact", which="door", on=False)
    board.wait(119)
    assert len(log(board)) == 4
    board.wait(3)
    assert log(board)[-1][0] == "door-left-open"
    board.wait(3600)
    board.ask("contact", which="door", on=True)
    board.wait(1)
    assert [event for event, _ in log(board)][4:] == ["door-left-open", "door-shut"]


def test_a_door_that_bounces_is_no_event(made):
    board = made(door=DOOR)
    board.wait(60)
    for _ in range(20):
        board.ask("contact", which="door", on=False)
        board.wait(0.1)
        board.ask("contact", which="door", on=True)
        board.wait(0.1)
    assert log(board) == []


def test_the_exit_opens_and_is_logged_once_an_hour(made):
    board = made(exit=EXIT)
    for _ in range(20):
        board.events = []
        board.ask("contact", which="exit", on=True)
        board.wait(0.2)
        board.ask("contact", which="exit", on=False)
        board.wait(20)
        assert bolt(board) == [True, False]
    assert log(board) == [("exit", 0)]
    board.wait(HOUR)
    board.ask("contact", which="exit", on=True)
    board.wait(1)
    # The same event twice in a row says nothing new.
    assert log(board) == [("exit", 0)]


def test_the_exit_opens_a_lock_without_a_secret(tmp_path, made):
    board = made(exit=EXIT)
    board.off()
    (tmp_path / "flash.img").unlink()
    board.on(provision=None, **board.parts)
    board.ask("contact", which="exit", on=True)
    board.wait(1)
    assert bolt(board) == [True]


def test_a_touch_of_the_exit_is_none(made):
    board = made(exit=EXIT)
    board.ask("contact", which="exit", on=True)
    board.wait(0.02)
    board.ask("contact", which="exit", on=False)
    board.wait(1)
    assert bolt(board) == []


# Battery


def test_a_low_battery_warns_after_opening_and_is_logged_once(made):
    board = made()
    board.ask("battery", mv=4700)  # 18 %
    board.wait(600)
    for mv in (4740, 4700, 4800, 4700):  # to 25 %: not yet good
        board.ask("battery", mv=mv)
        board.wait(600)
    assert log(board) == [("battery", 1)]
    assert board.press(board.code() + "#") == "open opened"
    assert signals(board)[-1] == "open"
    board.wait(5)
    assert signals(board)[-1] == "low-battery"
    assert signals(board)[0] == "key"
    board.ask("battery", mv=6000)
    board.wait(600)
    assert log(board)[-1] == ("battery", 0)
    board.press(board.code(1) + "#")
    board.wait(5)
    assert "low-battery" not in signals(board)


def test_a_critical_battery_warns_before_and_still_opens(made):
    board = made()
    board.ask("battery", mv=4420)
    board.wait(600)
    assert log(board) == [("battery", 2)]
    assert board.press(board.code() + "#") == "open opened"
    assert signals(board)[0] == "low-battery"


# Sleep


def asleep(board):
    """Let it fall asleep."""
    board.wait(AWAKE + 5)


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


def tries(board):
    """How many wrong entries it takes until it is locked out."""
    for count in range(20):
        if board.press("000000#") == "locked-out locked-out":
            return count
    return 20


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


def wake(board, request="advance", **fields):
    """Let a deep sleep end, and start again as the chip does."""
    assert board.ends(request, **fields) == "reset"
    reset = board.last("reset")
    assert reset["cause"] == "deep-sleep"
    board.on(cause="deep-sleep", memory=reset["memory"], own_clock=reset["own_clock"], by=reset["by"], **board.parts)
    return reset


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


INTERVAL = refill_interval(worst_odds(STANDARD, [0] * 10))


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
    """The services are built anew, and what is written to them arrives: a fragment that is none ends the connection."""
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


# Bursts of advertising asleep


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
    """What the radio told: "advertise", "off" and such, without what is said to one client."""
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
    """It is sent away after 5 s; whoever comes next has 2 s for that."""
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
    """Who pairs has no key yet, but somebody holds the button for it."""
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
    told = [event["now_ms"] for event in board.all("fault")]
    assert len(told) >= 9
    assert all(later - earlier <= 300_000 + 4000 + BURST_MS for earlier, later in pairwise(told))
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
