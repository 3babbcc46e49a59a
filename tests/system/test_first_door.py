"""From an empty chip to the first opened door, and on to the next firmware: the commands that a person gives.

Three stand-ins hand one flash on: the chip's start code, MicroPython at its prompt, the virtual board with the lock.
"""

import pytest

from tests.support import boards
from tests.support.board_at_port import BoardAtPort
from tests.support.chip_at_port import ChipAtPort
from tests.support.micropython import ROOT
from tests.support.owner_tool import NOW, done
from tests.support.parts_at_port import parts
from tests.support.virtual import Board
from tumbler.flashing import file_system
from tumbler.paths import Firmware
from tumbler_lock.core.boot_slots import ON_TRIAL, SETTLED, unpack

KIB = 2048


@pytest.fixture
def here(tmp_path):
    """What --board takes; its image of MicroPython is beside it."""
    (tmp_path / "micropython.bin").write_bytes(boards.micropython())
    return boards.make(tmp_path / "board")


def test_three_commands_open_a_door_and_a_fourth_renews_it(tmp_path, here, monkeypatch):
    flash = tmp_path / "flash.img"
    with ChipAtPort() as chip:
        done("flash", "--board", here, "--port", chip.port, "--image", tmp_path / "micropython.bin")
        flash.write_bytes(chip.flash[2 * boards.MIB :])
    with BoardAtPort(flash, KIB, parts(boards.description(), NOW)) as board:
        done("provision", "cabin", "--port", board.port, "--timezone", "Europe/Berlin")
    digits = done("code", "permanent", "cabin")["digits"]

    def opens():
        with Board(tmp_path, now=NOW, provision=False) as lock:
            assert lock.on(slots=True, flash_kib=KIB)["provisioned"]
            verdict = lock.press(digits + "#")
            lock.off()
            return verdict

    assert opens() == "open opened"
    before = file_system.read(flash.read_bytes())
    assert unpack(before["slot"]) == ("a", SETTLED, 0)

    # A newer firmware, of which one module differs.
    monkeypatch.setattr("tumbler.flashing.bundle.FIRMWARE", Firmware.in_folder(renewed(tmp_path)))
    with BoardAtPort(flash, KIB) as board:
        told = done("deploy", "--board", here, "--port", board.port)
    assert told["sent_files"] == ["/b/tumbler_lock/drivers/battery.mpy", "/b/manifest", "/slot"]
    after = file_system.read(flash.read_bytes())
    assert unpack(after["slot"]) == ("b", ON_TRIAL, 3)
    assert {name: data for name, data in after.items() if name.startswith("lock/")} == {
        name: data for name, data in before.items() if name.startswith("lock/")
    }
    assert opens() == "open opened"
    assert unpack(file_system.read(flash.read_bytes())["slot"]) == ("b", ON_TRIAL, 2)


def renewed(tmp_path):
    """A copy of the firmware's source with a change that does nothing."""
    folder = tmp_path / "renewed"
    for path in sorted((ROOT / "firmware").rglob("*.py")):
        copy = folder / path.relative_to(ROOT / "firmware")
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    changed = folder / "tumbler_lock" / "drivers" / "battery.py"
    changed.write_text(changed.read_text(encoding="utf-8") + "\n_RENEWED = 12345\n", encoding="utf-8")
    return folder
