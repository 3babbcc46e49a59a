"""The files of the chips: complete, in accord with esptool, and refused in a sentence when one is wrong."""

import json
from dataclasses import fields

import pytest
from esptool.targets import CHIP_DEFS

from tumbler.errors import ToolError
from tumbler.hardware import boards
from tumbler.hardware.chips import FOLDER, Chip, chips, listed, load
from tumbler.hardware.rules import GENERIC
from tumbler.paths import BOARDS

FILES = sorted((BOARDS / FOLDER).glob("*.json"))


@pytest.mark.parametrize("mcu", chips())
def test_esptool_says_the_same_of_a_chip(mcu):
    chip, known = chips()[mcu], CHIP_DEFS[mcu]
    assert chip.name == known.CHIP_NAME
    assert chip.number == known.IMAGE_CHIP_ID
    assert chip.image_offset == known.BOOTLOADER_FLASH_OFFSET


@pytest.mark.parametrize("mcu", chips())
def test_a_chip_agrees_with_itself(mcu):
    chip = chips()[mcu]
    for taken in (chip.flash, chip.console, chip.inputs, chip.start, chip.straps, chip.adc1, chip.adc2, chip.deep_wake):
        assert taken <= chip.pins
    assert all(ram <= chip.pins | chip.flash for ram in chip.ram.values())
    assert chip.boot in chip.start
    assert not chip.start & chip.straps
    assert not chip.adc1 & chip.adc2
    assert "none" in chip.ram
    suffix = chip.name.partition("-")[2]
    own = f"{GENERIC}_{suffix}" if suffix else GENERIC
    assert {build.partition("-")[0] for build in chip.builds.values()} == {own}
    assert chip.sources


def test_a_chip_has_no_board_of_its_name():
    """The folder of the chips lies among those of the boards."""
    assert FOLDER not in boards.names()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_field_of_a_chip_is_needed_and_no_other(path, tmp_path):
    right = json.loads(path.read_text(encoding="utf-8"))
    assert list(right) == [field.name for field in fields(Chip)]
    copy = tmp_path / path.name
    for name in right:
        copy.write_text(json.dumps({key: value for key, value in right.items() if key != name}), encoding="utf-8")
        with pytest.raises(ToolError, match=f"{name} is missing"):
            load(copy)
    copy.write_text(json.dumps({**right, "price": 3}), encoding="utf-8")
    with pytest.raises(ToolError, match="price: there is no such field"):
        load(copy)
    copy.write_text(json.dumps(right), encoding="utf-8")
    assert load(copy) == chips()[path.stem]


WRONG = [
    ({"pins": "0-5;12"}, "pins must be pins up to 48"),
    ({"pins": "0-99"}, "pins must be pins up to 48"),
    ({"pins": "²"}, "pins must be pins up to 48"),
    ({"pins": [1, 2]}, "pins must be a text"),
    ({"name": "ESP32\u001b[31m"}, "name must be a text without control characters"),
    ({"number": "0"}, "number must be a whole number"),
    ({"many_wake": 1}, "many_wake must be true or false"),
    ({"ram": "none"}, "ram must be a part"),
    ({"ram": {"none": "", "huge": ""}, "builds": {"none": "X", "huge": "Y"}}, "ram.huge: the kinds of RAM are none"),
    ({"builds": {}}, "builds.none is missing"),
    ({"rmt": {"words": 64}}, "rmt.blocks is missing"),
    ({"rmt": {"words": 64, "blocks": 8, "divider": 256, "stops": 0}}, "rmt.stops must be true or false"),
    ({"currents": {"awake": 1, "radio": 1, "light": 1, "deep": 0}}, "currents.deep must be a whole number from 1"),
    ({"sources": ["a", 1]}, r"sources\[1\] must be a text"),
]


@pytest.mark.parametrize(("changes", "text"), WRONG, ids=[text for _, text in WRONG])
def test_a_wrong_file_is_refused_with_its_name_and_the_field(changes, text, tmp_path):
    path = tmp_path / "esp32x.json"
    right = json.loads(FILES[0].read_text(encoding="utf-8"))
    path.write_text(json.dumps({**right, **changes}), encoding="utf-8")
    with pytest.raises(ToolError, match=text) as refused:
        load(path)
    assert str(path) in refused.value.what


def test_pins_are_written_as_ranges():
    assert listed(frozenset()) == ""
    assert listed(frozenset({3})) == "3"
    assert listed(frozenset({0, 1, 2, 5, 7, 8})) == "0-2, 5, 7-8"
