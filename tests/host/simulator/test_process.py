"""The process of a board: requests, events, and a board that misbehaves."""

import sys
import time

import pytest

from tests.support.virtual_lock import BOARD
from tumbler.simulator.process import BoardFault, BoardProcess, BoardRefused, BoardStopped


def process(tmp_path, body, events=None, guard=20.0):
    path = tmp_path / "board.py"
    path.write_text(BOARD + "\n".join("    " + line for line in body.splitlines()), encoding="utf-8")
    return BoardProcess([sys.executable, str(path)], (events if events is not None else []).append, guard)


def test_events_come_before_the_answer(tmp_path):
    events = []
    board = process(tmp_path, "say(event='key', key='1')\nsay(event='led', on=True)\nsay(done=do, n=1)", events)
    assert board.ask({"do": "press"}) == {"done": "press", "n": 1}
    assert [event["event"] for event in events] == ["key", "led"]
    board.end()
    board.end()
    assert not board.running


def test_a_blocked_loop_is_caught(tmp_path):
    board = process(tmp_path, "import time\ntime.sleep(60)", guard=0.3)
    began = time.monotonic()
    with pytest.raises(BoardFault, match="blocked"):
        board.ask({"do": "press"})
    assert time.monotonic() - began < 5
    assert not board.running


@pytest.mark.parametrize(("status", "cut"), [(86, True), (87, False)])
def test_the_end_of_a_power_on_is_told(tmp_path, status, cut):
    events = []
    board = process(tmp_path, f"say(event='last')\nsys.exit({status})", events)
    with pytest.raises(BoardStopped) as caught:
        board.ask({"do": "press"})
    assert caught.value.cut == cut
    assert events == [{"event": "last"}]


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ("sys.exit(3)", "status 3"),
        ("sys.stderr.write('Traceback: deep inside')\nsys.exit(1)", "deep inside"),
        ("print('nonsense', flush=True)", "invalid line"),
        ("print('[1, 2]', flush=True)", "invalid line"),
        ("say(answer=1)", "invalid line"),
        ("say(done='else')", "'else'"),
    ],
)
def test_a_board_that_talks_nonsense_is_ended(tmp_path, body, word):
    board = process(tmp_path, body)
    with pytest.raises(BoardFault) as caught:
        board.ask({"do": "press"})
    assert word in str(caught.value)
    assert not board.running


def test_a_refused_request_leaves_the_board_running(tmp_path):
    board = process(tmp_path, "say(done=do, error='no such key')")
    with pytest.raises(BoardRefused, match="no such key"):
        board.ask({"do": "press"})
    assert board.running
    board.end()


def test_a_board_that_cannot_be_started(tmp_path):
    with pytest.raises(BoardFault):
        BoardProcess([str(tmp_path / "none")], print)
