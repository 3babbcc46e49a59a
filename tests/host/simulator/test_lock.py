"""The virtual lock: the real board in its world."""

import random
import sys

import pytest

from tests.support.virtual_lock import AT_THREE, BOARD, ONE_TIME, PERMANENT, START, TIMED, enter, lock
from tumbler.errors import ToolError
from tumbler.simulator.identity import Identity
from tumbler.simulator.lock import FLASH_KIB, VirtualLock
from tumbler.simulator.process import BoardFault


def test_a_lock_that_never_comes_up_is_given_up(flash, tmp_path):
    path = tmp_path / "board.py"
    path.write_text(BOARD + "    sys.exit(87)\n", encoding="utf-8")
    virtual = lock(flash, command=[sys.executable, str(path)])
    with pytest.raises(BoardFault, match="and does not start"):
        virtual.power_on()
    virtual.close()


def test_a_lock_that_restarts_again_and_again_is_given_up(flash, tmp_path):
    path = tmp_path / "board.py"
    body = "    if do == 'advance':\n        sys.exit(87)\n    say(done=do, now_ms=request.get('now_ms', 0))\n"
    path.write_text(BOARD + body, encoding="utf-8")
    with lock(flash, command=[sys.executable, str(path)]) as virtual:
        virtual.power_on()
        with pytest.raises(BoardFault, match="again and again"):
            virtual.advance(virtual.now_ms + 1_000)
        assert not virtual.powered


def test_a_code_opens_and_the_bolt_falls_back(flash):
    events = []
    with lock(flash, listener=events.append) as virtual:
        virtual.power_on()
        assert virtual.state()["provisioned"]
        assert enter(virtual, ONE_TIME) == "open opened"
        assert virtual.unlocked
        virtual.advance(virtual.now_ms + 6_000)
        assert not virtual.unlocked
        assert enter(virtual, ONE_TIME) == "refused already-used"
    bolt = [event["unlocked"] for event in events if event["event"] == "bolt"]
    assert bolt == [True, False]
    assert [event["on"] for event in events if event["event"] == "power"] == [True, False]


def test_without_power_nothing_happens_and_the_bolt_is_locked(flash):
    with lock(flash) as virtual:
        assert virtual.press("1#") == []
        virtual.power_on()
        enter(virtual, ONE_TIME)
        virtual.power_off()
        assert not virtual.unlocked
        assert virtual.press(ONE_TIME + "#") == []
        assert (virtual.state(), virtual.log()) == ({}, [])
        assert virtual.owner("delete", code=ONE_TIME).reason == "no-power"
        before = virtual.now_ms
        virtual.advance(before + 1_000)
        assert virtual.now_ms == before + 1_000
        with pytest.raises(ValueError, match="forwards"):
            virtual.advance(before)


def test_a_clock_that_fails_while_the_power_is_off(flash):
    with lock(flash, AT_THREE) as virtual:
        virtual.power_on()
        assert enter(virtual, TIMED) == "open opened"
        assert enter(virtual, PERMANENT) == "open opened"
        virtual.power_off()
        virtual.stop_clock()
        virtual.power_on()
        assert enter(virtual, TIMED) == "refused time-untrusted"
        assert enter(virtual, PERMANENT) == "open opened"
        assert virtual.owner("set_time", now=virtual.now_ms // 1000).ok
        assert enter(virtual, TIMED) == "open opened"
        virtual.power_off()
        virtual.set_clock(START // 1000)
        virtual.power_on()
        assert enter(virtual, TIMED) == "refused time-untrusted"


@pytest.mark.parametrize("number", range(1, 8))
def test_a_cut_at_each_operation_of_an_entry(flash, number):
    with lock(flash) as virtual:
        virtual.power_on()
        virtual.cut(number)
        first = [entry.verdict for entry in virtual.press(ONE_TIME + "#")]
        virtual.power_off()  # forgets a cut that has not come
        virtual.power_on()
        second = enter(virtual, ONE_TIME)
        assert virtual.cuts == (1 if not first else virtual.cuts)
        assert second == "refused already-used" or (first == [] and second == "open opened")
        assert enter(virtual, ONE_TIME) == "refused already-used"


@pytest.mark.parametrize("number", [1, 2, 5, 9])
def test_a_cut_during_the_first_start(flash, number):
    with lock(flash) as virtual:
        virtual.cut(number)
        virtual.power_on()
        assert virtual.cuts == 1
        assert not virtual.cut_waits
        assert virtual.state()["provisioned"]
        assert enter(virtual, ONE_TIME) == "open opened"


def test_the_reset_button_and_the_log(flash):
    with lock(flash) as virtual:
        virtual.power_on()
        enter(virtual, ONE_TIME)
        virtual.reset()
        assert virtual.restarts == 1
        assert not virtual.unlocked
        assert enter(virtual, ONE_TIME) == "refused already-used"
        entries = [event for event in virtual.log() if event["kind"] == "one-time"]
        assert [event["event"] for event in entries] == ["open", "refused"]
        assert virtual.log(since=entries[0]["seq"])[0]["seq"] == entries[0]["seq"] + 1


def test_the_owners_commands(flash):
    with lock(flash) as virtual:
        virtual.power_on()
        added = virtual.owner("add_custom", digits="2468", start=None)
        assert added.ok
        assert added.id == virtual.press("2468#")[0].id
        again = virtual.owner("add_custom", digits="2468")
        assert (again.ok, again.reason) == (False, "code-exists")
        assert again.text
        assert "2468" not in again.text
        assert virtual.owner("delete", code="2468").ok
        assert enter(virtual, "2468") == "refused wrong"


def test_a_lock_erased_before_starts_in_its_epoch(flash):
    with VirtualLock(flash, Identity(epoch=1), START) as virtual:
        virtual.power_on()
        assert enter(virtual, "373519523") == "erased erased"


@pytest.mark.parametrize("size", [1, 4096, FLASH_KIB * 1024 - 1, FLASH_KIB * 1024 + 1])
def test_an_image_of_another_size_is_refused_and_kept(flash, size):
    data = random.Random(size).randbytes(size)
    flash.write_bytes(data)
    with pytest.raises(ToolError, match="flash image"):
        lock(flash)
    assert flash.read_bytes() == data


@pytest.mark.parametrize("what", ["zeros", "noise", "damaged"])
def test_an_image_that_holds_no_lock_opens_to_nothing_and_is_kept(flash, what):
    size = FLASH_KIB * 1024
    if what == "damaged":
        with lock(flash, AT_THREE) as virtual:
            virtual.power_on()
            enter(virtual, PERMANENT)
        data = bytes(size // 2) + flash.read_bytes()[size // 2 :]
    else:
        data = bytes(size) if what == "zeros" else random.Random(7).randbytes(size)
    flash.write_bytes(data)
    with lock(flash, AT_THREE + 3_600_000) as virtual:
        virtual.power_on()
        assert not virtual.state()["provisioned"]
        assert virtual.press(PERMANENT + "#") == []
        assert virtual.owner("add_custom", digits="2468").ok is False
        assert not virtual.unlocked
    assert flash.read_bytes() == data


def test_power_off_forgets_a_cut_also_when_it_is_off(flash):
    with lock(flash) as virtual:
        virtual.cut(1)
        virtual.power_off()
        virtual.power_on()
        assert enter(virtual, ONE_TIME) == "open opened"
