"""A bolt on the virtual board, from the outside: fail-safe, and the pulses that hardware counts."""

import pytest

from tests.support.virtual_parts import EXIT, SAFE, bolt, locked

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
