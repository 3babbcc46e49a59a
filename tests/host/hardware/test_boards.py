"""Boards: the descriptions that come with Tumbler, the check that refuses impossible ones, and its document."""

import copy
import json
import random
import re
import sys

import pytest

from tests.support.campaign import cases
from tests.support.micropython import ROOT
from tests.support.port_modules import Esp32, Machine, Time
from tests.support.random_boards import random_board, random_headers
from tumbler.errors import ToolError
from tumbler.hardware import boards, rules
from tumbler.hardware.chips import chips
from tumbler.hardware.schema import FIELDS, HEADERS, REQUIRED
from tumbler_lock.app.board import Board

TEXT = (ROOT / "docs" / "spec" / "board-json.md").read_text(encoding="utf-8")
ALL = boards.names()


def description(name="esp32-devkitc"):
    return copy.deepcopy(boards.load(name).description)


def changed(name, /, **changes):
    """Return a description with some fields changed; a__b is field b of part a, None removes it."""
    found = description(name)
    for path, value in changes.items():
        *folders, field = path.split("__")
        part = found
        for folder in folders:
            part = part.setdefault(folder, {})
        if value is None:
            del part[field]
        else:
            part[field] = value
    return found


def pins(text):
    """Read a list of pins as a document writes it."""
    found = set()
    for first, last in re.findall(r"(\d+)(?:-(\d+))?", text):
        found |= set(range(int(first), int(last or first) + 1))
    return found


# The boards that come with it


@pytest.mark.parametrize("name", ALL)
def test_the_boards_that_come_with_it_are_possible(name):
    board = boards.usable(name)
    assert rules.check(board.description, board.headers).errors == []
    assert board.description["name"] == name == board.path.parent.name


def test_there_are_boards_of_every_chip():
    assert {boards.load(name).description["mcu"] for name in ALL} == set(chips())
    assert len(ALL) >= 6


@pytest.mark.parametrize("name", [name for name in ALL if name != "virtual"])
def test_a_real_board_can_be_flashed_and_says_where_its_facts_are_from(name):
    board = boards.load(name)
    assert boards.capabilities(board.description)["flashable"]
    assert board.headers is not None
    for field in ("parts", "notes", "sources"):
        assert board.headers[field]
    flash = board.description["flash"]
    # MicroPython's partitions-4MiBplus.csv, and a vfs partition over the rest of the chip.
    assert (flash["app_offset"], flash["app_kib"], flash["vfs_offset"]) == (0x10000, 0x1F0000 // 1024, 0x200000)
    assert flash["vfs_offset"] // 1024 + flash["vfs_kib"] == flash["size_kib"]


@pytest.mark.parametrize("name", [name for name in ALL if "devkit" in name])
def test_the_build_is_the_one_for_the_external_ram(name):
    board = description(name)
    assert board["micropython"]["build"] == chips()[board["mcu"]].builds[board.get("psram", "none")]


def test_each_chip_that_can_have_external_ram_has_a_board_with_it():
    with_ram = {description(name)["mcu"] for name in ALL if description(name).get("psram", "none") != "none"}
    assert with_ram == {mcu for mcu, chip in chips().items() if set(chip.ram) != {"none"}}


@pytest.mark.parametrize("name", [name for name in ALL if name != "virtual"])
def test_the_documents_say_whether_a_board_has_bluetooth(name):
    """Without external RAM the firmware leaves Bluetooth out, unless it is frozen into the image."""
    ram = description(name).get("psram", "none")
    notes = " ".join(boards.load(name).headers["notes"])
    without = "With MicroPython as downloaded this board has no Bluetooth"
    assert (without in notes) == (ram == "none")
    assert ("room for Bluetooth with MicroPython as downloaded" in notes) == (ram != "none")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (row,) = [line for line in readme.splitlines() if line.startswith(f"| [{name}](boards/{name}/README.md) |")]
    _, _, chip, memory, bluetooth, *_ = (cell.strip() for cell in row.split("|"))
    assert chip == chips()[description(name)["mcu"]].name
    assert memory.split(",")[0] == ram
    assert bluetooth == ("with `tumbler custom-build`" if ram == "none" else "yes")


def test_warnings_of_the_boards_that_come_with_it():
    warned = {name: rules.check(boards.load(name).description).warnings for name in ALL}
    assert [name for name in ALL if warned[name]] == ["esp32c3-devkitm", "esp32c6-devkitc", "virtual"]
    assert "boot button" in warned["esp32c3-devkitm"][0]


# What is refused

WRONG = [
    # a pin twice
    ("esp32-devkitc", {"led__pin": 23}, "led.pin: GPIO 23 is used already, by bolt.pin"),
    ("esp32-devkitc", {"keypad__cols": [25, 25, 32]}, "keypad.cols[1]: GPIO 25 is used already, by keypad.cols[0]"),
    ("esp32-devkitc", {"i2c__sda": 22}, "i2c.sda: GPIO 22 is used already, by i2c.scl"),
    # pins that are not there, or taken
    ("esp32-devkitc", {"led__pin": 24}, "led.pin: GPIO 24: there is no such pin on an ESP32"),
    ("esp32s3-devkitc", {"led__pin": 22}, "led.pin: GPIO 22: there is no such pin on an ESP32-S3"),
    ("esp32c3-devkitm", {"led__pin": 22}, "led.pin: GPIO 22: there is no such pin on an ESP32-C3"),
    *[("esp32-devkitc", {"led__pin": pin}, f"GPIO {pin}: the flash takes it") for pin in range(6, 12)],
    *[("esp32s3-devkitc", {"led__pin": pin}, f"GPIO {pin}: the flash takes it") for pin in range(26, 33)],
    *[("esp32c3-devkitm", {"led__pin": pin}, f"GPIO {pin}: the flash takes it") for pin in range(11, 18)],
    ("esp32-devkitc", {"psram": "quad"}, "door.pin: GPIO 16: external RAM takes it"),
    *[("esp32-devkitc-ve", {"door__pin": p}, f"door.pin: GPIO {p}: external RAM takes it") for p in (16, 17)],
    ("esp32-devkitc-ve", {"door__pull": None}, "door.pin: GPIO 34 has no pull-up"),
    ("esp32-devkitc-ve", {"button__pull": None}, "button.pin: GPIO 35 has no pull-up"),
    *[("esp32s3-devkitc", {"led__pin": p}, f"GPIO {p}: external RAM takes it") for p in range(33, 38)],
    *[("esp32s3-devkitc", {"psram": "octal", "led__pin": p}, f"GPIO {p}: external RAM") for p in range(33, 38)],
    *[("esp32-devkitc", {"led__pin": pin}, f"GPIO {pin}: console or USB take it") for pin in (1, 3)],
    *[("esp32s3-devkitc", {"led__pin": pin}, f"GPIO {pin}: console or USB take it") for pin in (19, 20, 43, 44)],
    *[("esp32c3-devkitm", {"led__pin": pin}, f"GPIO {pin}: console or USB take it") for pin in (18, 19, 20, 21)],
    # input-only pins
    *[("esp32-devkitc", {"bolt__pin": pin}, f"bolt.pin: GPIO {pin} can only be an input") for pin in range(34, 40)],
    ("esp32-devkitc", {"keypad__rows": [13, 14, 27, 34]}, "keypad.rows[3]: GPIO 34 can only be an input"),
    ("esp32-devkitc", {"i2c__sda": 35}, "i2c.sda: GPIO 35 can only be an input"),
    ("esp32-devkitc", {"buzzer__pin": 36}, "buzzer.pin: GPIO 36 can only be an input"),
    ("esp32-devkitc", {"keypad__cols": [25, 33, 39]}, "keypad.cols[2]: GPIO 39 has no pull-up"),
    ("esp32-devkitc", {"door__pin": 34}, "door.pin: GPIO 34 has no pull-up"),
    # strapping pins
    ("esp32-devkitc", {"bolt__pin": 12}, "bolt.pin: GPIO 12 decides at the start whether the chip starts"),
    ("esp32-devkitc", {"led__pin": 0}, "led.pin: GPIO 0 decides at the start"),
    ("esp32-devkitc", {"button__pin": 0, "button__active": 1}, "button.pin: GPIO 0 decides at the start"),
    ("esp32s3-devkitc", {"led__pin": 45}, "led.pin: GPIO 45 decides at the start"),
    ("esp32c3-devkitm", {"led__pin": 2}, "led.pin: GPIO 2 decides at the start"),
    # the battery's converter
    ("esp32s3-devkitc", {"battery__pin": 11}, "battery.pin: GPIO 11 is on ADC2"),
    ("esp32c3-devkitm", {"battery__pin": 5, "led__pin": 0}, "battery.pin: GPIO 5 is on ADC2"),
    ("esp32s3-devkitc", {"battery__pin": 48}, "battery.pin: GPIO 48 is no analogue input"),
    ("esp32s3-devkitc", {"battery__empty_mv": 6000}, "battery.empty_mv: must be less"),
    ("esp32s3-devkitc", {"battery__divider": 150}, "battery.full_mv: behind this divider the converter sees 4,650 mV"),
    ("esp32s3-devkitc", {"battery__low_percent": 5}, "battery.critical_percent: must be less"),
    # what wakes
    ("esp32s3-devkitc", {"power__wake": [15, 16, 17, 42]}, "power.wake: GPIO 42 is no input of this description"),
    ("esp32s3-devkitc", {"exit__active": 1}, "power.wake: GPIO 39 (exit.pin) is high when active"),
    ("esp32s3-devkitc", {"power__wake": [15, 16]}, "power.wake: not every key would end the sleep"),
    (
        "esp32s3-devkitc",
        {"power__wake": [15, 16, 17, 41]},
        "power.wake: the exit button (GPIO 39) would open to nobody",
    ),
    ("esp32s3-devkitc", {"power__wake": [15, 16, 17, 17]}, "power.wake: GPIO 17 stands there twice"),
    ("esp32s3-devkitc", {"power__wake": None}, "power.wake: not every key would end the sleep"),
    ("esp32s3-devkitc", {"power__sleep": None}, "power.wake: the board never sleeps"),
    ("esp32s3-devkitc", {"power__sleep": None}, "radio.asleep_s: the board never sleeps"),
    ("esp32-devkitc", {"radio__asleep_s": 300}, "radio.asleep_s: the board never sleeps"),
    ("esp32-devkitc", {"radio__asleep_s": 0}, "radio.asleep_s: the board never sleeps"),
    *[
        ("esp32s3-devkitc", {"radio__asleep_s": s}, "radio.asleep_s: must be 0, or a whole number from 10 to 3,600.")
        for s in (-1, 1, 9, 3601, False)
    ],
    ("esp32s3-devkitc", {"power__sleep": "deep"}, "power.sleep: in deep sleep the rows do not stay low"),
    ("esp32s3-devkitc", {"power__sleep": "deep"}, "power.wake: GPIO 39 cannot end the deep sleep of an ESP32-S3"),
    (
        "esp32-devkitc",
        {"power": {"battery": False, "sleep": "deep", "wake": [25, 33, 32]}},
        "an ESP32 in deep sleep can wait for one pin to go low",
    ),
    (
        "esp32c3-devkitm",
        {"keypad__expander__interrupt": None, "power__wake": [1]},
        "keypad.expander.interrupt: is missing: without it no key ends the sleep",
    ),
    ("esp32c3-devkitm", {"psram": "quad"}, "psram: an ESP32-C3 takes none"),
    ("esp32c3-devkitm", {"psram": "octal"}, "psram: an ESP32-C3 takes none"),
    ("esp32-devkitc-ve", {"psram": "octal"}, "psram: an ESP32 takes none or quad"),
    ("esp32s3-devkitc", {"bolt__fail": "safe"}, "bolt.fail: a fail-safe coil draws its current all day"),
    (
        "esp32s3-devkitc",
        {"bolt__fail": "safe", "power__battery": False},
        "bolt.fail: a fail-safe coil draws its current all day, asleep too",
    ),
    (
        "m5stack-atoms3-lite",
        {"power": {"battery": False, "sleep": "deep", "wake": [5]}},
        "power.wake: GPIO 5 of an ESP32-S3 has no pull-up in deep sleep. Put a resistor there and write "
        'keypad.expander.pull "external"',
    ),
    # the flash
    ("esp32-devkitc", {"flash__vfs_offset": 0x1F0000}, "flash.vfs_offset: the program ends at 2097152"),
    ("esp32-devkitc", {"flash__vfs_kib": 2052}, "flash.vfs_kib: the file system would end behind the chip"),
    ("esp32-devkitc", {"flash__size_kib": 2048}, "flash.vfs_kib: the file system would end behind the chip"),
    ("esp32-devkitc", {"flash__size_kib": 5000}, "flash.size_kib: there are chips of"),
    ("esp32-devkitc", {"flash__image_offset": 0}, "flash.image_offset: the start code of an ESP32 is read from 4096"),
    (
        "esp32c3-devkitm",
        {"flash__image_offset": 4096},
        "flash.image_offset: the start code of an ESP32-C3 is read from 0",
    ),
    ("esp32-devkitc", {"flash__app_offset": 0}, "flash.app_offset: start code and partition table end at 36864"),
    ("esp32-devkitc", {"flash__app_offset": 70_000}, "flash.app_offset: must be a multiple of 65,536"),
    ("esp32-devkitc", {"flash__vfs_offset": 0x200001}, "flash.vfs_offset: must be a multiple of 4,096"),
    ("esp32-devkitc", {"flash": None}, "flash and micropython: a board has both"),
    ("esp32-devkitc", {"micropython": None}, "flash and micropython: a board has both"),
    # the build of MicroPython
    *[
        (name, {"micropython__build": build, **ram}, f"micropython.build: {build} {text}")
        for name, build, ram, text in (
            ("esp32s3-devkitc", "ESP32_GENERIC_C3", {}, "is not for an ESP32-S3. Take ESP32_GENERIC_S3 or"),
            ("esp32s3-devkitc", "ESP32_GENERIC", {}, "is not for an ESP32-S3"),
            ("esp32c3-devkitm", "ESP32_GENERIC_S2", {}, "is not for an ESP32-C3. Take ESP32_GENERIC_C3 or"),
            ("esp32-devkitc", "ESP32_GENERIC_S3", {}, "is not for an ESP32. Take ESP32_GENERIC or"),
            ("esp32s3-devkitc", "ESP32_GENERIC_S3", {}, 'does not fit "psram": "octal". Take ESP32_GENERIC_S3-SPI'),
            ("esp32s3-devkitc", "ESP32_GENERIC_S3-SPIRAM_OCT", {"psram": "quad"}, "does not fit"),
            ("esp32s3-devkitc", "ESP32_GENERIC_S3-SPIRAM_OCT", {"psram": "none"}, "does not fit"),
            ("esp32-devkitc", "ESP32_GENERIC-SPIRAM", {}, 'does not fit "psram": "none". Take ESP32_GENERIC, or'),
            ("esp32-devkitc-ve", "ESP32_GENERIC", {}, 'does not fit "psram": "quad". Take ESP32_GENERIC-SPIRAM'),
        )
    ],
    # the bus
    (
        "esp32c3-devkitm",
        {"keypad__expander__address": 40},
        "keypad.expander.address: an MCP23017 has addresses 32 to 39",
    ),
    (
        "esp32c3-devkitm",
        {"keypad__expander__chip": "pcf8574a"},
        "keypad.expander.address: a PCF8574A has addresses 56 to 63",
    ),
    ("esp32c3-devkitm", {"clock__address": 32}, "keypad.expander.address: the clock has address 32 too"),
    ("esp32-devkitc", {"clock__address": 105}, "clock.address: a DS3231 has address 104"),
    ("esp32-devkitc", {"clock": {"chip": "internal", "address": 104}}, "clock.address: the chip's own clock has none"),
    ("esp32c3-devkitm", {"keypad__expander__chip": "pcf8574"}, "i2c.hz: a PCF8574 takes 100,000 at most"),
    ("esp32c3-devkitm", {"i2c": None}, "keypad.expander: is on a bus"),
    ("esp32-devkitc", {"i2c": None}, "clock: is on a bus"),
    ("esp32-devkitc", {"clock": {"chip": "internal"}}, "i2c: nothing is on this bus"),
    ("esp32c3-devkitm", {"i2c__bus": 1}, "i2c.bus: an ESP32-C3 has no bus 1"),
    ("esp32c3-devkitm", {"keypad__rows": [0, 1, 2, 7]}, "keypad: an MCP23017 has no pin 7 for a keypad"),
    ("esp32c3-devkitm", {"keypad__rows": [0, 1, 2, 16]}, "keypad: an MCP23017 has no pin 16 for a keypad"),
    ("esp32c3-devkitm", {"keypad__cols": [4, 5, 3]}, "keypad: pin 3 of the expander is used twice"),
    ("esp32c3-devkitm", {"keypad__settle_us": 20}, "keypad.settle_us: an expander has no such setting"),
    # keys and bolt
    ("esp32-devkitc", {"keypad__keys": "123456789*0"}, "keypad.keys: 11 keys are named, but rows and columns have 12"),
    ("esp32-devkitc", {"keypad__keys": "1234567890#*"[:-1] + "#"}, "keypad.keys: the key # is named twice"),
    ("esp32-devkitc", {"keypad__keys": "123456789A0#"}, "keypad.keys: the key * is missing"),
    (
        "esp32-devkitc",
        {"bolt": {"kind": "motor", "limit_ms": 1000, "open": 23, "close": 5, "opened": 2, "closed": 15}},
        "bolt.limit_ms: is not for a motor: remove it.",
    ),
    # fields
    ("esp32-devkitc", {"bolt__limit": 5000}, "bolt.limit: there is no such field: remove it, or look for its"),
    ("esp32-devkitc", {"bolt__open": 5}, 'bolt.open: is not for a solenoid: remove it, or write "kind": "motor".'),
    ("esp32-devkitc", {"bolt__limit_ms": None}, "bolt.limit_ms: is missing"),
    ("esp32-devkitc", {"bolt__limit_ms": 60_001}, "bolt.limit_ms: must be a whole number from 100 to 60,000"),
    ("esp32-devkitc", {"bolt__limit_ms": "5000"}, "bolt.limit_ms: must be a whole number"),
    ("esp32-devkitc", {"bolt__active": True}, "bolt.active: must be a whole number"),
    ("esp32-devkitc", {"mcu": "esp32s2"}, 'mcu: must be "esp32" or'),
    ("esp32-devkitc", {"bolt": 23}, "bolt: must be a part"),
    ("esp32-devkitc", {"keypad__rows": []}, "keypad.rows: must be a list of 1 to 8 pins"),
    ("esp32-devkitc", {"name": "No Name"}, "name: must be a text of the form"),
    ("esp32-devkitc", {"console": 1}, "console: must be true or false"),
    ("esp32-devkitc", {"micropython__sha256": "unknown"}, "micropython.sha256: must be 64 hexadecimal digits, or null"),
    ("esp32-devkitc", {"watchdog_ms": None}, "watchdog_ms: is missing"),
]


@pytest.mark.parametrize(("name", "changes", "text"), WRONG, ids=[text[:60] for _, _, text in WRONG])
def test_an_impossible_board_is_refused_with_the_reason(name, changes, text):
    errors = rules.check(changed(name, **changes)).errors
    assert any(text in error for error in errors), errors
    for error in errors:
        assert error[-1] in ".?", error


def test_everything_that_is_wrong_is_said():
    errors = rules.check(changed("esp32-devkitc", led__pin=6, bolt__pin=34, flash__vfs_offset=0)).errors
    assert len(errors) == 3


def test_while_a_field_is_wrong_only_the_fields_are_judged_and_that_is_said():
    found = rules.check(changed("esp32-devkitc", led__pin=6, bolt__limit=1, watchdog_ms=None))
    assert [error.split(":")[0] for error in found.errors] == ["bolt.limit", "watchdog_ms"]
    assert "Only the fields were looked at" in found.warnings[0]


@pytest.mark.parametrize(
    ("name", "psram", "build"),
    [
        ("esp32s3-devkitc", "none", "ESP32_GENERIC_S3"),
        ("esp32s3-devkitc", "quad", "ESP32_GENERIC_S3-FLASH_4M"),
        ("esp32s3-devkitc", "octal", "M5STACK_ATOMS3_LITE"),
        ("esp32-devkitc", "none", "ESP32_GENERIC-UNICORE"),
        ("esp32-devkitc", "none", "LILYGO_TTGO_LORA32"),
    ],
)
def test_builds_that_fit_or_are_not_judged(name, psram, build):
    assert rules.check(changed(name, psram=psram, micropython__build=build)).errors == []


def test_a_board_under_boards_has_its_folders_name(tmp_path):
    for folder, warned in (("boards/other", True), ("boards/esp32-devkitc", False), ("mine/other", False)):
        path = tmp_path / folder / "board.json"
        found = rules.check(description(), path=path)
        assert found.errors == []
        assert any(warning.startswith("name: is 'esp32-devkitc'") for warning in found.warnings) is warned, folder


def test_what_is_no_description():
    assert rules.check([]).errors == ["The description is no JSON object: begin it with a brace."]
    assert len(rules.check({}).errors) == len([path for path in FIELDS if "." not in path and _required(path)])


def _required(path):
    return FIELDS[path].default is REQUIRED


WARNED = [
    ("esp32-devkitc", {"button__pin": 0}, "button.pin: GPIO 0 is the boot button"),
    ("esp32s3-devkitc", {"button__pin": 0, "power__wake": [15, 16, 17, 39]}, "button.pin: GPIO 0 is the boot button"),
    *[("esp32-devkitc", {"led__pin": pin}, f"led.pin: GPIO {pin} is read at the start too") for pin in (2, 5, 15)],
    *[("esp32s3-devkitc", {"led__pin": pin}, f"led.pin: GPIO {pin} is read at the start too") for pin in (3, 46)],
    ("esp32c3-devkitm", {"led__pin": 8}, "led.pin: GPIO 8 is read at the start too"),
]


@pytest.mark.parametrize(("name", "changes", "text"), WARNED)
def test_straps_that_leave_the_chip_starting_are_a_warning(name, changes, text):
    found = rules.check(changed(name, **changes))
    assert found.errors == []
    assert any(text in warning for warning in found.warnings)


def test_what_the_notes_say_to_change_is_possible():
    for name in ("esp32s3-devkitc", "esp32c3-devkitm"):
        assert any(note.startswith("On the mains leave `power` and") for note in boards.load(name).headers["notes"])
        assert rules.check(changed(name, power=None, radio__asleep_s=None)).errors == []
    quad = changed("esp32s3-devkitc", psram="quad", micropython__build="ESP32_GENERIC_S3")
    assert rules.check(quad).errors == []
    small = changed("esp32-devkitc-ve", flash__size_kib=4096, flash__vfs_kib=2048)
    assert rules.check(small).errors == []


def test_pull_ups_outside_make_input_only_pins_good():
    cols = changed(
        "esp32-devkitc", keypad__cols=[34, 35, 36], keypad__pull="external", door__pin=39, door__pull="external"
    )
    assert rules.check(cols).errors == []


def test_headers_refuse_pins_that_the_board_does_not_bring_out():
    board = boards.load("esp32c3-devkitm")
    headers = copy.deepcopy(board.headers)
    assert rules.check(board.description, headers).errors == []
    headers["right"].remove(7)
    assert rules.check(board.description, headers).errors == ["i2c.scl: this board does not bring GPIO 7 out."]
    for side in ("left", "right"):
        headers[side] = [label for label in board.headers[side] if label != "5V"]
    assert rules.check(board.description, headers).errors == [
        'headers: name the pin "5V" that the battery goes to: it is too much for the pin 3V3.'
    ]
    headers = copy.deepcopy(board.headers)
    taken = changed("esp32c3-devkitm", led__pin=8)
    assert rules.check(taken, board.headers).errors == ["led.pin: on this board GPIO 8 is wired to the RGB LED."]
    headers["right"].append(6)
    assert "headers: GPIO 6 stands there twice." in rules.check(board.description, headers).errors


def test_files_that_cannot_be_read(tmp_path):
    path = tmp_path / "board.json"
    with pytest.raises(ToolError, match="There is no board"):
        boards.load(str(path))
    path.write_text('{"name": "x", "name": "y"}', encoding="utf-8")
    with pytest.raises(ToolError, match="the name name is there twice"):
        boards.load(str(path))
    path.write_text("{", encoding="utf-8")
    with pytest.raises(ToolError, match="is not a description of a board: "):
        boards.load(str(path))
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ToolError, match="is not a description of a board: "):
        boards.load(str(path))
    path.write_text(json.dumps(changed("virtual", led__pin=6, bolt__pin=7)), encoding="utf-8")
    with pytest.raises(ToolError, match=r"bolt.pin: GPIO 7: the flash takes it .* There are 1 more"):
        boards.usable(str(path))


def test_headers_refuse_what_the_chips_of_the_board_take():
    board = boards.load("m5stack-core2")
    assert rules.check(board.description, board.headers).errors == []
    other = changed("m5stack-core2", clock={"chip": "ds3231"})
    wanted = "clock: on this board address 104 is taken by the motion sensor."
    assert rules.check(other, board.headers).errors == [wanted]
    headers = {**board.headers, "addresses": {"32": "light sensor"}}
    wanted = "keypad.expander.address: on this board 32 is taken by the light sensor."
    assert rules.check(board.description, headers).errors == [wanted]
    (error,) = rules.check(board.description, {**board.headers, "built_in": ["pcf8563", "sundial"]}).errors
    assert error.startswith("headers.built_in: sundial is no clock chip of ds3231, pcf8563.")


def test_a_board_that_its_socket_alone_feeds_takes_no_battery():
    board = boards.load("m5stack-core2")
    battery = {"pin": 36, "divider": 300, "empty_mv": 4400, "full_mv": 6000}
    wanted = "headers.socket: a battery has no place where the USB-C alone feeds the board."
    assert rules.check({**board.description, "battery": battery}, board.headers).errors == [wanted]


# Random boards


def test_random_possible_boards_pass_and_can_be_built(monkeypatch):
    monkeypatch.setitem(sys.modules, "esp32", Esp32())
    for seed in range(cases(300, 20_000)):
        drawn = random_board(random.Random(seed))
        assert rules.check(drawn, random_headers(random.Random(seed), drawn)).errors == [], f"seed {seed}"
        assert Board(drawn, Machine, Time).storage == "/lock", f"seed {seed}"


def test_random_boards_with_a_pin_moved_to_another_are_refused():
    for seed in range(cases(300, 20_000)):
        source = random.Random(seed)
        drawn = random_board(source)
        one, other = source.sample([use for use in rules.uses(drawn) if "[" not in use.where], 2)
        *folders, field = one.where.split(".")
        part = drawn
        for folder in folders:
            part = part[folder]
        part[field] = other.pin
        text = f"GPIO {other.pin} is used already"
        assert any(text in error for error in rules.check(drawn).errors), f"seed {seed}"


# The document


def block(heading):
    """Return the indented lines of a section, each in its columns."""
    section = TEXT.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    return [re.split(r"  +", line.strip()) for line in section.splitlines() if line.startswith("    ")]


def said_of(heading):
    """Return {field: (value, whether it may be absent)} of a section."""
    found = {}
    for names, value, *_ in block(heading):
        for name in names.split():
            found[name.rstrip("?")] = (value, name.endswith("?"))
    return found


def test_the_document_has_every_field_with_its_default():
    said = said_of("board.json")
    parts = {path for path, field in FIELDS.items() if field.kind == "part"}
    assert set(FIELDS) - parts <= set(said)
    assert set(said) <= set(FIELDS)
    for path, field in FIELDS.items():
        if path not in said:
            assert field.kind == "part", path
            continue
        value, optional = said[path]
        if value == "pull":
            assert (list(field.choices()), field.default) == (["internal", "external"], "internal"), path
            continue
        if field.kind == "choice" and path not in ("mcu", "clock.chip"):
            assert re.findall(r"[a-z0-9]+", value) == list(field.choices()), path
        default = re.search(r"([\w,]+)\*", value)
        if default is None:
            assert optional == (field.default is not REQUIRED), path
            assert field.default in (REQUIRED, None, ()), path
        else:
            wanted = str(field.default).lower() if isinstance(field.default, bool) else str(field.default)
            assert default[1].replace(",", "") == wanted, path
            assert not optional, path
    assert "*pull* is internal* or external" in TEXT


def test_the_document_has_the_limits_of_every_number():
    said = said_of("board.json")
    for path, field in FIELDS.items():
        value = said.get(path, ("",))[0].replace(",", "").replace("*", "")
        if field.kind == "number" and " to " in value and path != "keypad.expander.address":
            low, high = re.search(r"(\d+) to (\d+)", value).groups()
            assert (int(low), int(high)) == (field.low, field.high), path


def test_the_document_has_every_field_of_the_headers():
    said = {name.rstrip("?"): name.endswith("?") for names, _ in block("headers.json") for name in names.split()}
    assert said == {name: field.default is not REQUIRED for name, field in HEADERS.items()}


def test_the_document_has_the_pins_of_each_chip():
    columns, *rows = block("Chips")
    assert columns == list(chips())
    table = {row[0]: row[1:] for row in rows}
    for column, chip in enumerate(chips().values()):
        cell = {title: cells[column] for title, cells in table.items()}
        assert pins(cell["pins"]) == chip.pins - chip.flash
        flash, _, ram = cell["flash; RAM"].partition(";")
        assert pins(flash) == chip.flash
        assert pins(ram) == frozenset().union(*chip.ram.values())
        assert pins(cell["console, USB"]) == chip.console
        assert pins(cell["inputs only"]) == chip.inputs
        assert pins(cell["never pulled at start"]) == chip.start
        assert pins(cell["other straps"]) == chip.straps
        assert pins(cell["ADC1"]) == chip.adc1
        assert pins(cell["end deep sleep"].removeprefix("one of ")) == chip.deep_wake
        assert chip.many_wake == ("one of" not in cell["end deep sleep"])
        assert chip.deep_pull == (cell["deep pull-up"] == "its own")
        said = cell["build ESP32_GENERIC"]
        for kind, build in chip.builds.items():
            base = rules.GENERIC + (said.split(";")[0] if said.startswith("_") else "")
            variant = re.search(rf"{kind} (-[A-Z_]+)", said)
            assert build == base + (variant[1] if variant else ""), (chip.name, kind)
