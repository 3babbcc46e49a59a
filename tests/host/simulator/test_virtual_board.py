"""The firmware on the virtual board, from the outside: keys in, bolt, light and flash image out."""

import json
import os
import random
import shutil
import signal
import threading
import time

import pytest

from tests.dual.support.lock import DAY, HOUR, NOW
from tests.support.campaign import cases
from tests.support.virtual import Board
from tumbler.hardware.clocks import CLOCKS
from tumbler.paths import BOARDS
from tumbler.simulator.board.models.clocks import clock_model
from tumbler.simulator.process import BoardFault, BoardRefused
from tumbler_lock.core.tickets import ERASE, ONE_TIME, PERMANENT, REVOKE, tickets

# Published check values that open, secret 00..1f: Unix seconds at which each is first typed, and its digits.
OPENING = [
    (498720 * HOUR, "862871"),
    (498720 * HOUR, "216081230"),
    (498729 * HOUR, "91883970"),
    (498735 * HOUR, "863562"),
    (498735 * HOUR, "1768841"),
    (498735 * HOUR, "43697077"),
    (499999 * HOUR, "251840046"),
    (500000 * HOUR, "1066771"),
]


@pytest.fixture
def board(tmp_path):
    with Board(tmp_path) as made:
        yield made


@pytest.fixture
def bare(tmp_path):
    with Board(tmp_path, provision=False) as made:
        yield made


def bolt(board):
    return [event["unlocked"] for event in board.all("bolt")]


# Without a secret


def test_a_lock_without_a_secret_opens_to_nothing_and_says_so(bare):
    assert bare.on()["provisioned"] is False
    assert bare.last("signal")["name"] == "no-secret"
    assert any(event["on"] for event in bare.all("led"))
    assert bare.press(bare.code() + "#") == ""
    assert bare.last("signal")["name"] == "no-secret"
    bare.wait(30)
    assert bolt(bare) == []
    answer = bare.ask("owner", command="add_custom", args={"digits": "2468"})
    assert (answer["ok"], answer["reason"]) == (False, "no-secret")
    assert bare.ask("log")["events"] == []


def test_a_blank_chip_is_formatted_once(bare):
    bare.on()
    first = bare.ask("state")["flash"]
    bare.off()
    bare.on()
    assert first["writes"] > 0
    assert bare.ask("state")["flash"] == {"writes": 0, "erases": 0}


# With one


def test_published_codes_open(tmp_path):
    with Board(tmp_path, now=OPENING[0][0]) as board:
        board.on()
        for at, digits in OPENING:
            if at * 1000 > board.now_ms:
                board.at(at)
            assert board.press(digits + "#") == "open opened", digits
            assert bolt(board)[-1:] == [True]
            board.wait(10)
            assert bolt(board) == [True, False]


def test_the_bolt_moves_after_the_last_flash_operation_of_its_entry(board):
    board.on()
    before = board.ask("state")["flash"]
    board.press(board.code()[:-1])
    assert board.ask("state")["flash"] == before  # digits alone cost nothing
    board.press(board.code()[-1] + "#")
    names = [event["event"] for event in board.events]
    assert names.index("bolt") < names.index("verdict")
    assert board.ask("state")["flash"]["writes"] > before["writes"]


def test_a_one_time_code_opens_once_also_over_a_restart(board):
    code = board.on() and board.code()
    assert board.press(code + "#") == "open opened"
    assert board.press(code + "#") == "refused already-used"
    board.off()
    board.on()
    assert board.press(code + "#") == "refused already-used"


@pytest.mark.parametrize("autolock", [1, 5])
def test_the_bolt_falls_after_the_configured_time(tmp_path, autolock):
    with Board(tmp_path, autolock=autolock) as board:
        board.on()
        board.press(board.code() + "#")
        board.wait(10)
        opened, closed = board.all("bolt")
        assert (opened["unlocked"], closed["unlocked"]) == (True, False)
        assert closed["now_ms"] - opened["now_ms"] == autolock * 1000


def test_the_bolt_is_never_driven_beyond_its_hard_limit(tmp_path):
    with Board(tmp_path, autolock=60) as board:
        board.on()
        board.press(board.code() + "#")
        board.wait(70)
        opened, closed = board.all("bolt")
        assert closed["now_ms"] - opened["now_ms"] == 10_000


def test_without_sound_the_light_still_tells(tmp_path):
    with Board(tmp_path, sound=False) as board:
        board.on()
        board.press("1#")
        board.wait(5)
        assert board.all("tone") == []
        assert any(event["on"] for event in board.all("led"))


def test_keys_are_told_once_each_and_digits_never_otherwise(board):
    board.on()
    board.press("123*4567890#")
    assert "".join(event["key"] for event in board.all("key")) == "123*4567890#"
    for event in board.events:
        if event["event"] != "key":
            assert "456789" not in str({name: value for name, value in event.items() if name != "now_ms"})


@pytest.mark.parametrize(
    ("keys", "answer"),
    [("#", "refused wrong"), ("123#", "refused wrong"), ("1234567890#", "refused wrong"), ("12*", ""), ("123", "")],
)
def test_what_is_no_code_is_free(board, keys, answer):
    board.on()
    before = board.ask("state")
    assert board.press(keys) == answer
    after = board.ask("state")
    assert (after["tokens"], after["flash"]) == (before["tokens"], before["flash"])


def test_a_thousand_digits_without_enter(board):
    board.on()
    board.press("7" * 1000)
    assert len(board.all("key")) == 1000
    assert board.press("#") == "refused wrong"
    assert board.press(board.code() + "#") == "open opened"


def test_ten_seconds_without_a_key_clear_the_entry(board):
    board.on()
    code = board.code()
    board.press(code[:4])
    board.wait(9)
    assert board.press(code[4:] + "#") == "open opened"
    code = board.code(1)
    board.press(code[:4])
    board.wait(11)
    assert board.press(code[4:] + "#") != "open opened"


def test_lockout_and_its_end(board):
    board.on()
    for wrong in range(8):
        assert board.press("%09d#" % (111 * wrong + 5)).startswith("refused")
    assert board.press("000000017#") == "locked-out locked-out"
    assert board.press(board.code() + "#") == "locked-out locked-out"
    board.wait(HOUR)
    assert board.press(board.code() + "#") == "open opened"


def test_revoke_and_erase(board):
    board.on()
    guest = board.code(tickets(PERMANENT)[0], 6)
    assert board.press(guest + "#") == "open opened"
    assert board.press(board.code(tickets(REVOKE)[0]) + "#") == "revoke-armed revoke-armed"
    assert board.press(guest + "#") == "revoked revoked"
    assert board.press(guest + "#") == "refused revoked"
    assert board.press(board.code(tickets(ERASE)[0]) + "#") == "erased erased"
    assert (board.ask("state")["codes"], board.ask("state")["epoch"]) == (0, 1)
    assert board.press(board.code(tickets(ONE_TIME)[0]) + "#").startswith("refused")


def test_two_runs_of_the_same_story_are_the_same(tmp_path):
    stories = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        with Board(tmp_path / name) as board:
            board.on()
            story = list(board.events)
            for ticket in range(3):
                board.press(board.code(ticket) + "#")
                board.wait(7 * HOUR)
                story += board.events
            stories.append(story)  # the images differ: littlefs notes the real time of a change
    assert stories[0] == stories[1]


# The owner


def test_what_the_owner_does(board):
    board.on()
    assert board.ask("owner", command="add_custom", args={"digits": "2468"})["ok"]
    assert board.press("2468#") == "open opened"
    again = board.ask("owner", command="add_custom", args={"digits": "2468"})
    assert (again["ok"], again["reason"]) == (False, "code-exists")
    assert "2468" not in str(again)
    assert board.ask("owner", command="change", args={"code": "2468", "new_digits": "97531"})["ok"]
    assert board.press("2468#").startswith("refused")
    assert board.press("97531#") == "open opened"
    assert board.ask("owner", command="delete", args={"code": "97531"})["ok"]
    assert board.press("97531#").startswith("refused")
    words = [event["event"] for event in board.ask("log")["events"]]
    assert [word for word in words if word not in ("open", "refused")] == ["added", "changed", "changed", "deleted"]


# The clock


@pytest.mark.parametrize(
    "trouble",
    [{"stopped": True}, {"set": NOW - 30 * DAY}, {"set": NOW + 100 * 365 * DAY}, {"fault": True}],
    ids=["stopped", "behind", "beyond", "silent"],
)
def test_a_clock_that_cannot_be_trusted(board, trouble):
    board.on()
    resident = board.code(tickets(PERMANENT)[0], 6)
    board.press(resident + "#")
    board.ask("clock", **trouble)
    assert board.ask("state")["trusted"] is False
    assert board.press(board.code() + "#") == "refused time-untrusted"
    assert board.press(resident + "#") == "open opened"
    if "fault" in trouble:
        board.ask("clock", fault=False)
    else:
        assert board.ask("owner", command="set_time", args={"now": board.now_ms // 1000})["ok"]
    assert board.press(board.code() + "#") == "open opened"


def test_the_clock_chip_runs_while_the_board_is_off(board):
    board.on()
    board.off()
    board.now_ms += 3 * DAY * 1000
    board.on()
    state = board.ask("state")
    assert state["trusted"]
    assert abs(state["lock_time"] - board.now_ms // 1000) <= 1


@pytest.mark.parametrize("name", CLOCKS)
def test_a_board_with_each_clock_chip(tmp_path, name):
    description = json.loads((BOARDS / "virtual" / "board.json").read_text(encoding="utf-8"))
    description["clock"] = {"chip": name}
    (tmp_path / "board.json").write_text(json.dumps(description), encoding="utf-8")
    with Board(tmp_path) as board:
        model = clock_model(name, lambda: board.now_ms)
        model.preset(NOW)
        board.rtc = model.state()
        board.on(board=str(tmp_path))
        assert board.ask("state")["trusted"] is True
        board.ask("clock", stopped=True)
        assert board.ask("state")["trusted"] is False
        assert board.press(board.code() + "#") == "refused time-untrusted"
        assert board.ask("owner", command="set_time", args={"now": board.now_ms // 1000})["ok"]
        assert board.press(board.code() + "#") == "open opened"
        board.off()
        board.now_ms += 3 * DAY * 1000
        board.on(board=str(tmp_path))
        state = board.ask("state")
        assert state["trusted"] is True
        assert abs(state["lock_time"] - board.now_ms // 1000) <= 1


def test_a_clock_that_was_never_set(board):
    board.rtc = None
    board.on()
    assert board.ask("state")["trusted"] is False
    assert board.press(board.code() + "#") == "refused time-untrusted"
    assert board.rtc is None
    board.off()
    assert board.rtc is not None


def test_the_floor_outlives_the_clock(board):
    board.on()
    board.wait(40 * DAY)
    board.off()
    board.rtc = None
    board.on()
    assert board.ask("state")["trusted"] is False
    assert 39 * DAY <= board.ask("state")["lock_time"] - NOW <= 40 * DAY
    board.ask("clock", set=NOW + 39 * DAY)
    assert board.ask("state")["trusted"] is False
    board.ask("clock", set=NOW + 41 * DAY)
    assert board.ask("state")["trusted"] is True


# Keys that stick


def test_a_key_held_at_the_start_is_found_and_the_others_work(board):
    board.on(held="5")
    board.wait(1)
    assert board.ask("state")["stuck"] == "5"
    board.wait(DAY)
    assert board.all("key") == []
    code = next(code for code in (board.code(ticket) for ticket in range(8)) if "5" not in code)
    assert board.press(code + "#") == "open opened"
    board.ask("up", key="5")
    board.wait(1)
    assert board.ask("state")["stuck"] == ""
    board.press("5")
    assert [event["key"] for event in board.all("key")] == ["5"]


def test_a_key_held_too_long_is_masked(board):
    board.on()
    board.events = []
    board.ask("down", key="3")
    board.wait(120)
    assert [event["key"] for event in board.all("key")] == ["3"]
    assert board.ask("state")["stuck"] == "3"


# Flash that cannot be used


def _damaged(kind, image):
    if kind == "zeros":
        return bytes(len(image))
    if kind == "noise":
        return bytes((index * index * 31 + index // 7) & 0xFF for index in range(len(image)))
    place = image.find(b"TUMBLERj")
    assert place > 0
    broken = bytearray(image)
    while place > 0:  # littlefs keeps older copies
        broken[place + 60] ^= 0x10
        place = image.find(b"TUMBLERj", place + 1)
    return bytes(broken)


@pytest.mark.parametrize("kind", ["zeros", "noise", "journal"])
def test_a_damaged_flash_opens_to_nothing_and_is_left_as_it_is(board, kind):
    board.on()
    resident = board.code(tickets(PERMANENT)[0], 6)
    board.press(resident + "#")
    board.off()
    image = _damaged(kind, board.flash.read_bytes())
    board.flash.write_bytes(image)
    board._provision = None
    assert board.on()["provisioned"] is False
    assert board.last("signal")["name"] == "fault"
    assert board.all("fault")
    assert board.press(resident + "#") == ""
    board.wait(DAY)
    assert bolt(board) == []
    board.off()
    assert board.flash.read_bytes() == image


def test_an_erased_flash_has_no_secret(board):
    board.on()
    resident = board.code(tickets(PERMANENT)[0], 6)
    board.press(resident + "#")
    board.off()
    board.flash.write_bytes(b"\xff" * board.flash.stat().st_size)
    board._provision = None
    assert board.on()["provisioned"] is False
    assert board.press(resident + "#") == ""
    assert bolt(board) == []


# Power cuts: every operation of an entry, a sample of those of the first start


def test_power_cuts_during_an_entry(board, tmp_path):
    board.on()
    board.press(board.code(tickets(PERMANENT)[0], 6) + "#")
    board.off()
    kept = tmp_path / "kept.img"
    shutil.copy(board.flash, kept)
    begin, rtc = board.now_ms, board.rtc
    opened = cuts = 0
    while True:
        shutil.copy(kept, board.flash)
        board.now_ms, board.rtc = begin, rtc
        board.on(provision=None)
        board.ask("cut", n=cuts + 1)
        code = board.code()
        board.events = []
        end = board.ends("press", keys=code + "#")
        if not end:
            break
        assert end == "cut"
        cuts += 1
        assert board.events[-1]["event"] == "cut"
        assert bolt(board) == []  # it moves after all operations are done
        board.on(provision=None)
        state = board.ask("state")
        assert state["provisioned"]
        assert state["codes"] in (1, 2)
        assert 7 <= state["tokens"] <= 8
        answer = board.press(code + "#")
        assert answer == ("open opened" if state["codes"] == 1 else "refused already-used"), cuts
        opened += answer == "open opened"
        assert board.press(code + "#") == "refused already-used"
        board.gone()
    assert cuts >= 4
    assert 0 < opened < cuts + 1


def test_power_cuts_during_the_first_start(board):
    step = cases(5, 1)
    for cut in range(1, 1000, step):
        board.flash.unlink(missing_ok=True)
        end = board.ends("on", cut=cut)
        if not end:
            assert cut > 2 * step
            return
        assert end == "cut"
        assert board.on()["provisioned"]
        assert board.press(board.code() + "#") == "open opened"
        board.gone()
    raise AssertionError("the first start never comes to an end")


# Supervision


@pytest.mark.parametrize(
    ("variant", "how", "text"), [("dies", 1, "died of RuntimeError"), ("ends", 2, "ended"), ("hangs", 3, "hangs")]
)
def test_a_task_that_fails_locks_the_bolt_is_logged_and_restarts_the_lock(tmp_path, variant, how, text):
    with Board(tmp_path, autolock=10) as board:
        board.on(broken=variant)
        assert board.press(board.code() + "#") == "open opened"
        opened = board.last("bolt")
        assert board.ends("advance", to_ms=board.now_ms + 60_000) == "reset"
        assert bolt(board) == [True, False]
        assert board.last("bolt")["now_ms"] - opened["now_ms"] < 9_000
        assert text in board.last("fault")["text"]
        assert board.last("reset")["cause"] == "machine.reset"
        board.on(cause="machine.reset")
        last = board.ask("log")["events"][-1]
        assert (last["event"], last["arg"]) == ("fault", how << 8 | 4)
        assert board.press(board.code(1) + "#") == "open opened"


def test_a_lock_that_fails_at_every_start_does_not_fill_its_log(board):
    for _ in range(4):
        board.on(broken="dies")
        assert board.ends("advance", to_ms=board.now_ms + DAY * 1000) == "reset"
    board.on()
    assert [event["event"] for event in board.ask("log")["events"]] == ["fault"]


def test_a_blocked_loop_is_bitten_by_the_watchdog_and_the_bolt_falls_long_before(board):
    board.on(broken="blocks")
    begin = board.now_ms
    board.press(board.code() + "#")
    assert board.ends("advance", to_ms=board.now_ms + 60_000) == "reset"
    assert board.last("reset")["cause"] == "watchdog"
    assert 8_000 < board.last("reset")["now_ms"] - begin < 12_000
    opened, closed = board.all("bolt")
    assert closed["now_ms"] - opened["now_ms"] == 5_000  # the pulse: nothing of the firmware runs
    assert [event["event"] for event in board.events[-3:]] == ["bolt", "rtc", "reset"]
    board.on(cause="watchdog")
    assert board.ask("log")["events"][-1]["arg"] == 4 << 8


def test_a_pause_of_the_whole_loop_accuses_nobody(board):
    board.on(broken="pauses")
    board.press(board.code() + "#")
    board.wait(60)
    assert board.all("reset") == []
    assert board.all("fault") == []
    assert board.press(board.code(1) + "#") == "open opened"


def test_a_loop_that_never_ends_is_caught_by_the_host(board):
    board.on(broken="spins", guard=2)
    with pytest.raises(BoardFault, match="blocked"):
        board.wait(DAY)


def test_a_quiet_lock_is_not_bitten(board):
    board.on()
    board.wait(20 * DAY)  # also beyond the wrap of the tick counter, every 12.4 days
    assert board.all("reset") == []
    assert board.press(board.code() + "#") == "open opened"


def test_the_reset_button(board):
    board.on()
    board.press(board.code() + "#")
    assert board.ends("reset_button") == "reset"
    assert bolt(board) == [True, False]
    assert board.last("reset")["cause"] == "button"


# Speed


def test_a_year(board):
    """A year of entries, all right; in a campaign 1,000 of them within a minute."""
    entries = cases(50, 1000)
    board.on()
    begin = time.monotonic()
    for number in range(entries):
        board.at(NOW + number * 365 * DAY // entries + 600)
        assert board.press(board.code() + "#") == "open opened"
    assert time.monotonic() - begin < 60
    assert board.ask("state")["tokens"] == 8


# The talk with the host


def test_requests_that_make_no_sense_are_answered(board):
    board.on()
    for request in (
        {"name": "dance"},
        {"name": "press", "keys": "12A#"},
        {"name": "press"},
        {"name": "advance", "to_ms": board.now_ms - 1},
        {"name": "advance", "to_ms": "soon"},
        {"name": "cut", "n": 0},
        {"name": "clock"},
        {"name": "owner", "command": "open", "args": {}},
        {"name": "owner", "command": "delete", "args": {"door": 1}},
    ):
        with pytest.raises(BoardRefused):
            board.ask(**request)
    assert board.press(board.code() + "#") == "open opened"


def test_a_flash_image_of_another_size(board):
    board.flash.write_bytes(b"\xff" * 1000)
    with pytest.raises(BoardRefused, match="1000 bytes"):
        board.on()
    assert board.flash.read_bytes() == b"\xff" * 1000


def test_real_time(board):
    """In real mode keys take their time, and an idle lock takes hardly any of the processor's."""
    before = os.times()
    board.on(mode="real")
    begin, world = time.monotonic(), board.now_ms
    board.press(board.code() + "#")
    assert bolt(board) == [True]
    passed = time.monotonic() - begin
    assert passed >= 10 * 0.12 - 0.07
    assert abs((board.now_ms - world) / 1000 - passed) < 1
    time.sleep(1.5)
    board.off()
    after = os.times()
    used = after.children_user + after.children_system - before.children_user - before.children_system
    assert used < 1.5, "seconds of processor time in about three of real time, the start included"


def test_a_busy_machine_swallows_no_key(board):
    """In real mode the board's process is stopped for longer than a press takes, over and over; every key comes."""
    board.on(mode="real")
    seed = random.randrange(1 << 32)
    chance = random.Random(seed)
    process = board._process._process

    def hold_up():
        while not through.is_set():
            process.send_signal(signal.SIGSTOP)
            time.sleep(chance.uniform(0.1, 0.3))
            process.send_signal(signal.SIGCONT)
            time.sleep(chance.uniform(0.005, 0.02))

    through = threading.Event()
    machine = threading.Thread(target=hold_up)
    machine.start()
    try:
        assert board.press(board.code() + "#") == "open opened", seed
    finally:
        through.set()
        machine.join()
