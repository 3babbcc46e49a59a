"""What the cable changes on the flash image of a virtual lock."""

from functools import partial

import pytest

from tumbler.errors import ToolError
from tumbler.flashing import file_system
from tumbler.simulator.flash_image import plug_in
from tumbler.simulator.identity import Identity
from tumbler.simulator.lock import FLASH_KIB, SLOTS_KIB, VirtualLock

CODE = "740193"


def memory(image):
    """The files of the lock's memory on an image with slots."""
    return {name: data for name, data in file_system.read(image).items() if name.startswith("lock/")}


def test_a_flash_without_slots_gets_them_and_the_memory_stays(tmp_path):
    flash = tmp_path / "flash"
    with VirtualLock(flash, Identity()) as virtual:
        virtual.power_on()
        assert virtual.owner("add_custom", digits=CODE).ok
    before = file_system.read(flash.read_bytes())
    assert flash.stat().st_size == FLASH_KIB * 1024
    assert before
    with VirtualLock(flash, Identity(), cable=partial(plug_in, update_key=None)) as virtual:
        virtual.power_on()
        assert virtual.press(CODE + "#")[-1].verdict == "open"
    assert flash.stat().st_size == SLOTS_KIB * 1024
    assert memory(flash.read_bytes()).keys() == {f"lock/{name}" for name in before}
    with VirtualLock(flash, Identity()) as virtual:  # and it is used as it is, without any cable
        virtual.power_on()
        assert virtual.press(CODE + "#")[-1].verdict == "open"
        assert virtual.state()["seq"] > 0


def test_the_cable_changes_nothing_but_what_it_has_to():
    first = plug_in(b"\xff" * FLASH_KIB * 1024, b"one")
    assert plug_in(first, b"one") is first
    assert plug_in(first, None) is first
    files = file_system.read(first)
    files["a/tumbler_lock/__init__.mpy"] = b"another firmware"
    files["main.py"] = b"an older loader"
    files["lock/journal"] = b"the memory"
    after = file_system.read(plug_in(file_system.make(files, SLOTS_KIB * 1024), b"two"))
    assert {name for name in after if after[name] != files[name]} == {"main.py", "update.pub"}
    assert after.keys() == files.keys()


def test_a_flash_that_holds_no_file_system_is_refused_and_kept(tmp_path):
    flash = tmp_path / "flash"
    flash.write_bytes(bytes(FLASH_KIB * 1024))
    with (
        VirtualLock(flash, Identity(), cable=partial(plug_in, update_key=None)) as virtual,
        pytest.raises(ToolError, match="holds no file system") as caught,
    ):
        virtual.power_on()
    assert "--reset" in caught.value.remedy
    assert flash.read_bytes() == bytes(FLASH_KIB * 1024)
