"""The console of a locked build: where Ctrl-C leads (docs/guide/locked-build.md), with the real boot.py and main.py.

The Unix port ends at a Ctrl-C that it does not listen to; an ESP32 ignores it. Either way there is no prompt.
"""

import ast
import json
import time

import pytest
import serial

from tests.support import boards
from tests.support.board_at_port import BoardAtPort
from tests.support.micropython import ROOT
from tests.support.owner_tool import NOW
from tests.support.parts_at_port import parts
from tumbler.flashing import file_system

KIB = 256
FIRMWARE = """
def start(slot):
    print("running")
    while True:
        pass
"""
HELD = 'sys.modules["machine"].button.held = True'
STOPS = "raise KeyboardInterrupt"


@pytest.fixture
def board(tmp_path):
    """A function that starts a board with this console, this source at the start of its boot.py and main.py, and, if
    `written` is given, these bytes as its board.json."""
    started = []

    def start(console, more="", first="", written=None):
        description = boards.description(console=console)
        source = {name: (ROOT / "firmware" / name).read_text(encoding="utf-8") for name in ("boot.py", "main.py")}
        files = {
            name: text.replace("    if kbd_intr(-1):", f"    {first or 'pass'}\n    if kbd_intr(-1):", 1).encode()
            for name, text in source.items()
        }
        files["board.json"] = json.dumps(description).encode() if written is None else written
        files["tumbler_lock/app/start.py"] = FIRMWARE.encode()
        image = tmp_path / "flash.img"
        image.write_bytes(file_system.make(files, KIB * 1024))
        board = BoardAtPort(image, KIB, parts(description, NOW, more=more), run=("boot.py", "main.py"))
        board.__enter__()
        started.append(board)
        return board

    yield start
    for one in started:
        one.__exit__()


@pytest.mark.parametrize("name", ["boot.py", "main.py"])
def test_a_ctrl_c_that_is_pending_is_raised_where_it_is_caught(name):
    """An ESP32 marks a Ctrl-C as pending and raises it at the next jump. The only jump between the first statement and
    the end of listening has to stand in the `try`, behind the call that ends it: the test of an `if`.
    """
    statements = ast.parse((ROOT / "firmware" / name).read_text(encoding="utf-8")).body
    assert isinstance(statements[0], ast.Expr), "the docstring"
    first = statements[1]
    assert isinstance(first, ast.Try)
    listened, ended = first.body
    assert isinstance(listened, ast.ImportFrom)
    assert isinstance(ended, ast.If)
    assert ast.unparse(ended.test) == "kbd_intr(-1)"
    assert [ast.unparse(handler.type) for handler in first.handlers] == ["KeyboardInterrupt"]


def press_ctrl_c(board):
    """Wait until the lock runs, press Ctrl-C; returns what the console says then, "" when there is no prompt."""
    with serial.Serial(board.port, timeout=20) as port:
        assert port.read_until(b"running\n").endswith(b"running\n")
        board.interrupt()
        for _ in range(100):
            if board.dark:
                return ""
            if port.in_waiting:
                return port.read_until(b">>> ").decode()
            time.sleep(0.05)
    raise AssertionError("neither a prompt nor an end")


def test_an_open_console_comes_to_the_prompt(board):
    assert press_ctrl_c(board(True)).endswith(">>> ")


def test_a_closed_console_does_not(board):
    assert press_ctrl_c(board(False)) == ""


def test_with_the_button_held_at_the_start_it_does(board):
    assert press_ctrl_c(board(False, more=HELD)).endswith(">>> ")


@pytest.mark.parametrize("console", [False, True])
def test_a_ctrl_c_in_the_first_statement_changes_nothing(board, console):
    """It comes before Ctrl-C is off, in boot.py and in main.py: both go on, and the lock runs."""
    said = press_ctrl_c(board(console, first=STOPS))
    assert said.endswith(">>> ") if console else said == ""


@pytest.mark.parametrize("written", [b"", b"{", b"[]", b"null", b"\xff" * 4096, b"[" * 4096])
def test_a_description_that_cannot_be_read_leads_to_no_prompt(board, written):
    """Neither out of boot.py nor out of main.py: both tell the error, and the board restarts."""
    there = board(True, written=written)
    said = b""
    with serial.Serial(there.port, timeout=0.1) as port:
        for _ in range(200):
            dark = there.dark
            said += port.read(4096)
            if dark:
                break
    assert there.dark
    assert b">>> " not in said
    assert b"boot.py" in said
    assert b"main.py" in said
