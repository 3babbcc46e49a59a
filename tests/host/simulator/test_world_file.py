"""The files of a virtual lock: what persists, what is refused and kept."""

import stat
from pathlib import Path

import pytest

from tests.support.virtual_lock import AT_THREE, ONE_TIME, PERMANENT, START, enter, lock
from tumbler.errors import ToolError
from tumbler.simulator.identity import Identity
from tumbler.simulator.lock import VirtualLock


def test_flash_world_and_clock_persist(flash):
    with lock(flash) as virtual:
        virtual.power_on()
        assert enter(virtual, ONE_TIME) == "open opened"
        end = virtual.now_ms
    assert stat.S_IMODE(flash.stat().st_mode) == 0o600
    assert stat.S_IMODE(flash.with_name("flash.world").stat().st_mode) == 0o600
    # The world does not go back, and the clock chip's battery went on.
    with lock(flash, START - 86_400_000) as virtual:
        assert virtual.now_ms == end
        virtual.power_on()
        assert virtual.state()["trusted"]
        assert enter(virtual, ONE_TIME) == "refused already-used"
    with lock(flash, START + 3_600_000) as virtual:
        virtual.power_on()
        state = virtual.state()
        assert state["trusted"]
        assert state["lock_time"] == START // 1000 + 3_600


def test_a_lost_world_file_is_a_clock_that_was_never_set(flash):
    with lock(flash, AT_THREE) as virtual:
        virtual.power_on()
        enter(virtual, PERMANENT)
    flash.with_name("flash.world").unlink()
    with lock(flash, AT_THREE + 60_000) as virtual:
        virtual.power_on()
        assert not virtual.state()["trusted"]
        assert enter(virtual, PERMANENT) == "open opened"


@pytest.mark.parametrize(
    "text", ["{", "[]", "null", '{"now_ms": 1}', '{"now_ms": "x", "rtc": null}', '{"now_ms": 1, "rtc": 5}']
)
def test_a_damaged_world_file_is_refused_and_kept(flash, text):
    with lock(flash) as virtual:
        virtual.power_on()
    world = flash.with_name("flash.world")
    world.write_text(text, encoding="utf-8")
    with pytest.raises(ToolError, match="damaged"):
        lock(flash)
    assert world.read_text(encoding="utf-8") == text


def test_an_image_is_used_by_one_lock_at_a_time(flash):
    with lock(flash) as first:
        first.power_on()
        link = flash.with_name("link")
        link.symlink_to(flash)
        with pytest.raises(ToolError, match="in use"):
            lock(link)
        with pytest.raises(ToolError, match="in use"):
            lock(flash)
    lock(flash).close()


def test_an_image_in_no_folder(tmp_path):
    with pytest.raises(ToolError, match="cannot be written"):
        lock(tmp_path / "none" / "flash")


@pytest.mark.parametrize("loss", ["truncated", "deleted"])
def test_a_lost_image_does_not_become_a_new_lock_with_the_old_codes(flash, loss):
    with lock(flash) as virtual:
        virtual.power_on()
        assert enter(virtual, ONE_TIME) == "open opened"
    if loss == "truncated":
        flash.write_bytes(b"")
    else:
        flash.unlink()
    world = flash.with_name("flash.world").read_text(encoding="utf-8")
    with pytest.raises(ToolError, match=r"no flash image|is gone"):
        lock(flash)
    assert flash.with_name("flash.world").read_text(encoding="utf-8") == world


def test_an_image_of_another_lock_or_other_settings_is_refused(flash):
    with lock(flash) as virtual:
        virtual.power_on()
    image = flash.read_bytes()
    for other in (Identity(secret=bytes(32)), Identity(rule="JST-9"), Identity(policy="strict")):
        with pytest.raises(ToolError, match="another lock"):
            VirtualLock(flash, other, START)
    assert flash.read_bytes() == image
    with lock(flash) as virtual:
        virtual.power_on()


def test_a_world_file_that_is_no_text_is_refused_and_kept(flash):
    with lock(flash) as virtual:
        virtual.power_on()
    world = flash.with_name("flash.world")
    for damage in (b"\xff\xfe\x80", b'{"now_ms": 1e99, "rtc": null, "lock": ""}', b'{"now_ms": -1, "rtc": null}'):
        world.write_bytes(damage)
        with pytest.raises(ToolError, match="damaged"):
            lock(flash)
        assert world.read_bytes() == damage


def test_a_full_disk_leaves_no_half_image(flash, monkeypatch):
    def full(*_args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(ToolError, match="the disk is full"):
        lock(flash)
    assert not flash.exists()
    assert not flash.with_name("flash.new").exists()
