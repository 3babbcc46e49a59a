"""A motor bolt on the virtual board, from the outside."""

import pytest

from tests.support.virtual_parts import DOOR, MOTOR, locked, log, signals


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
