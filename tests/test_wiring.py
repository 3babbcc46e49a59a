"""README.md and wiring.svg of every board: made from its description, and complete."""

import copy
import itertools
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from host_tools import boards, wiring
from host_tools.boards import BoardFiles
from host_tools.picture import picture

REAL = [name for name in boards.names() if name != "virtual"]
SVG = "{http://www.w3.org/2000/svg}"


def rows(board):
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in wiring.table(board)[2:]]


@pytest.mark.parametrize("name", REAL)
def test_the_files_are_what_the_description_gives(name):
    """Otherwise: python -m host_tools.wiring --write"""
    board = boards.usable(name)
    for file, text in (("README.md", wiring.readme(board)), ("wiring.svg", picture(board))):
        assert board.path.with_name(file).read_text(encoding="utf-8") == text, file


def test_the_command_says_which_differ(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(boards, "FOLDER", tmp_path / "boards")
    for name in REAL[:2]:
        source = Path(boards.__file__).parent.parent / "boards" / name
        target = tmp_path / "boards" / name
        target.mkdir(parents=True)
        for file in source.iterdir():
            (target / file.name).write_bytes(file.read_bytes())
    assert wiring.main([]) == 0
    changed = tmp_path / "boards" / REAL[0] / "README.md"
    changed.write_text("# Other\n", encoding="utf-8")
    assert wiring.main([]) == 1
    assert capsys.readouterr().out == f"boards/{REAL[0]}/README.md\n"
    assert wiring.main(["--write"]) == 0
    assert wiring.main([]) == 0


@pytest.mark.parametrize("name", REAL)
def test_the_table_names_every_pin_once_or_as_a_bus(name):
    board = boards.usable(name)
    named = [int(row[2].removeprefix("GPIO ")) for row in rows(board) if row[2].startswith("GPIO ")]
    used = [use.pin for use in boards.uses(board.description)]
    assert set(named) == set(used)
    bus = {board.description["i2c"]["scl"], board.description["i2c"]["sda"]}
    assert {pin for pin in named if named.count(pin) > 1} <= bus


@pytest.mark.parametrize("name", REAL)
def test_the_table_has_every_wire_of_the_keypad(name):
    board = boards.usable(name)
    keypad = board.description["keypad"]
    wanted = [f"row {index + 1}" for index in range(len(keypad["rows"]))]
    wanted += [f"column {index + 1}" for index in range(len(keypad["cols"]))]
    text = "\n".join(wiring.table(board))
    for wire in wanted:
        assert len(re.findall(rf"\b{wire} \|", text)) == 1, wire
    if "expander" in keypad:
        assert re.search(r"\| GPA0 \| keypad row 1 \|", text)


@pytest.mark.parametrize("name", REAL)
def test_the_picture_shows_every_pin_and_wire(name):
    board = boards.usable(name)
    tree = ElementTree.fromstring(picture(board))
    texts = ["".join(text.itertext()) for text in tree.iter(f"{SVG}text")]
    for label in board.headers["left"] + board.headers["right"]:
        wanted = f"GPIO {label}" if isinstance(label, int) else label
        assert any(text == wanted or text.startswith(f"{wanted}, ") for text in texts), label
    for device in wiring.devices(board):
        assert device.name in texts
    for key in board.description["keypad"]["keys"]:
        assert key in texts
    pins = board.headers["left"] + board.headers["right"]
    wires = [path for path in tree.iter(f"{SVG}path") if path.get("class") == "wire"]
    inner = sum(len(device.inner) for device in wiring.devices(board))
    flags = [text for text in texts if texts.count(text) > 1 and text.startswith("GPIO ")]
    used = {use.pin for use in boards.uses(board.description)} & set(pins)
    onboard = {int(pin) for pin in board.headers["onboard"]} & used
    across = {int(flag.removeprefix("GPIO ")) for flag in flags} - {
        board.description["i2c"][wire] for wire in ("scl", "sda")
    }
    assert len(wires) == inner + len(used - onboard - across)


@pytest.mark.parametrize("name", REAL)
def test_wires_of_the_board_do_not_lie_on_each_other(name):
    """No two wires share a piece of a line, and none crosses another."""
    tree = ElementTree.fromstring(picture(boards.usable(name)))
    wires = []
    for path in tree.iter(f"{SVG}path"):
        if path.get("class") == "wire":
            points = [tuple(map(float, point.split())) for point in path.get("d")[1:].split("L")]
            wires.append(list(itertools.pairwise(points)))

    def box(piece):
        (x1, y1), (x2, y2) = piece
        return min(x1, x2), max(x1, x2), min(y1, y2), max(y1, y2)

    for index, wire in enumerate(wires):
        for other in wires[:index]:
            for one in map(box, wire):
                for two in map(box, other):
                    apart = one[1] < two[0] or two[1] < one[0] or one[3] < two[2] or two[3] < one[2]
                    assert apart, (one, two)


@pytest.mark.parametrize("name", REAL)
def test_the_picture_fits_its_frame(name):
    tree = ElementTree.fromstring(picture(boards.usable(name)))
    _, _, width, height = map(float, tree.get("viewBox").split())
    for box in tree.iter(f"{SVG}rect"):
        x, y = float(box.get("x")), float(box.get("y"))
        assert x >= 0 <= y
        assert x + float(box.get("width")) <= width
        assert y + float(box.get("height")) <= height


def variant(name, **changes):
    board = boards.load(name)
    description = copy.deepcopy(board.description)
    for part, value in changes.items():
        description[part] = value
    assert boards.check(description, board.headers).errors == []
    return BoardFiles(description, board.headers, board.path)


def test_other_ways_to_build_are_drawn_too():
    motor = {"kind": "motor", "open": 23, "close": 5, "opened": 2, "closed": 15}
    board = variant("esp32-devkitc", bolt=motor)
    text = wiring.readme(board)
    for wanted in ("H-bridge", "IN1 open | GPIO 23", "closed | GPIO 15", "switch to GND"):
        assert wanted in text
    assert "H-bridge and motor bolt" in picture(board)
    safe = variant("esp32-devkitc", bolt={"pin": 23, "limit_ms": 5000, "fail": "safe"})
    assert "Strike driver, fail-safe" in picture(safe)
    inverted = variant("esp32-devkitc", led={"pin": 18, "active": 0}, bolt={"pin": 23, "active": 0, "limit_ms": 500})
    assert "cathode | GPIO 18" in wiring.readme(inverted)
    assert "inverting driver" in wiring.readme(inverted)
    outside = variant("esp32-devkitc", door={"pin": 34, "pull": "external"}, exit={"pin": 4, "active": 1})
    assert re.search(r"Door contact \| contact \| GPIO 34 \| \w+ \| resistor of 10 kΩ to 3V3", wiring.readme(outside))
    keypad = {
        "rows": [0, 1, 2, 3],
        "cols": [4, 5, 6],
        "keys": "123456789*0#",
        "expander": {"chip": "pcf8574", "address": 37},
    }
    other = variant("esp32-devkitc", keypad=keypad)
    assert "PCF8574 as a module or a chip: A2 to 3V3, A1 to GND, A0 to 3V3" in wiring.readme(other)
    assert "P6 | keypad column 3" in wiring.readme(other)
    assert ">P6<" in picture(other)
