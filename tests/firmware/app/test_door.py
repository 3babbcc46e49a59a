"""Door contact and exit button on the virtual board, from the outside."""

from tests.dual.support.lock import HOUR
from tests.support.virtual_parts import DOOR, EXIT, bolt, log


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
