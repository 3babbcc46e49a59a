"""The levels of a battery on the virtual board, from the outside."""

from tests.support.virtual_parts import log, signals


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
