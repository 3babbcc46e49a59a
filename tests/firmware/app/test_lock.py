"""The lock and its tasks, without supervision."""

import asyncio

import pytest

from tests.dual.support.lock import EXAMPLE_SECRET, NOW, Rtc
from tests.dual.support.lock import Lock as Core
from tests.support.port_modules import Machine, Pin, Time
from tumbler_lock.app import tasks
from tumbler_lock.app.board import Board
from tumbler_lock.app.lock import Lock
from tumbler_lock.core.config import Config
from tumbler_lock.core.errors import StoreFull
from tumbler_lock.core.events import FAULT
from tumbler_lock.core.store import Store


class RecordingBoard(Board):
    """A board that keeps what the lock reports to it."""

    def observe(self, kind, payload):
        self.reports.append((kind, payload))


def lock_on(description, folder, provisioned=True):
    description["storage"] = str(folder)
    if provisioned:
        Store.create(str(folder), EXAMPLE_SECRET, Config("UTC0").pack(), NOW)
    Pin.made = ()
    RecordingBoard.reports = []
    board = RecordingBoard(description, Machine, Time)
    board.rtc = Rtc(NOW)
    return Lock(board), board


def said(board, kind="signal"):
    return [payload for what, payload in board.reports if what == kind]


class DeadBus:
    """An I2C bus on which no chip answers."""

    def __init__(self, number, scl, sda, freq):
        pass

    def __getattr__(self, name):
        raise OSError(19)


def test_a_keypad_that_does_not_answer_is_told_once(description, tmp_path, monkeypatch):
    monkeypatch.setattr(Machine, "I2C", DeadBus)
    description["keypad"].update(rows=[0, 1, 2, 3], cols=[4, 5, 6], expander={"chip": "mcp23017", "address": 32})
    lock, board = lock_on(description, tmp_path)
    pauses = []

    async def pause(ms):
        pauses.append(ms)
        if len(pauses) == 20_000:
            raise TimeoutError

    monkeypatch.setattr(asyncio, "sleep_ms", pause, raising=False)
    with pytest.raises(TimeoutError):
        asyncio.run(tasks.keypad(lock))
    assert said(board, "fault") == ["the keypad does not answer: look at its bus and supply"]
    assert said(board) == ["fault"]
    assert [(event.event, event.arg) for event in lock.store.events(0, 10)][-1] == (FAULT, 0x500)
    assert not said(board, "key")


def press(lock, keys):
    for key in keys:
        tasks.press(lock, key)


def code(tmp_path):
    return Core(str(tmp_path)).code(0)


@pytest.fixture
def one_time(tmp_path):
    (tmp_path / "other").mkdir()
    return code(tmp_path / "other")


def test_an_entry_opens(description, tmp_path, one_time):
    lock, board = lock_on(description, tmp_path)
    press(lock, one_time + "#")
    assert board.bolt.unlocked
    assert said(board) == ["key"] * len(one_time) + ["open"]
    assert [verdict.verdict for verdict in said(board, "verdict")] == ["open"]


def test_letters_click_and_do_nothing_else(description, tmp_path, one_time):
    lock, board = lock_on(description, tmp_path)
    press(lock, "A" + one_time[:3] + "BC" + one_time[3:] + "D#")
    assert said(board) == ["key"] * (len(one_time) + 4) + ["open"]


def test_a_star_clears(description, tmp_path, one_time):
    lock, board = lock_on(description, tmp_path)
    press(lock, "123*")
    assert said(board)[-1] == "clear"
    press(lock, one_time + "#")
    assert board.bolt.unlocked


def test_the_bolt_stays_when_the_entry_cannot_be_remembered(description, tmp_path, one_time, monkeypatch):
    lock, board = lock_on(description, tmp_path)

    def full(*_, **__):
        raise StoreFull("no room")

    monkeypatch.setattr(lock.store, "commit", full)
    press(lock, one_time + "#")
    assert not board.bolt.unlocked
    assert said(board)[-1] == "refused"


def test_housekeeping_lives_through_a_flash_that_takes_nothing(description, tmp_path, monkeypatch):
    lock, board = lock_on(description, tmp_path)

    def full():
        raise StoreFull("no room")

    monkeypatch.setattr(lock.verifier, "tick", full)
    lock.housekeeping(lock.verifier)
    assert said(board, "fault") == ["no room"]


def test_without_a_secret_nothing_opens(description, tmp_path, one_time):
    lock, board = lock_on(description, tmp_path, provisioned=False)
    press(lock, one_time + "#")
    assert (lock.trouble, said(board)[-1], board.bolt.unlocked) == ("no-secret", "no-secret", False)


@pytest.mark.parametrize("damage", [b"", b"nonsense" * 100, b"\xff" * 4096, bytes(4096)])
def test_with_a_lost_memory_nothing_opens_and_nothing_is_written(description, tmp_path, one_time, damage):
    Store.create(str(tmp_path), EXAMPLE_SECRET, Config("UTC0").pack(), NOW)
    (tmp_path / "journal").write_bytes(damage)
    before = {path: path.read_bytes() for path in tmp_path.glob("*") if path.is_file()}
    lock_description = dict(description, storage=str(tmp_path))
    RecordingBoard.reports = []
    board = RecordingBoard(lock_description, Machine, Time)
    lock = Lock(board)
    press(lock, one_time + "#")
    lock.log(FAULT, 1)
    assert (lock.trouble, said(board)[-1], board.bolt.unlocked) == ("fault", "fault", False)
    assert {path: path.read_bytes() for path in tmp_path.glob("*") if path.is_file()} == before


def test_a_lock_with_a_finger_on_it_is_not_quiet(description, tmp_path, one_time):
    lock, board = lock_on(description, tmp_path)
    assert lock.quiet()
    press(lock, "1")
    assert not lock.quiet()
    board.signals._steps = ()
    assert not lock.quiet()  # a digit waits
    press(lock, "*")
    board.signals._steps = ()
    assert lock.quiet()
    press(lock, one_time + "#")
    board.signals._steps = ()
    assert not lock.quiet()  # the bolt is back
    board.bolt.lock()
    assert lock.quiet()
