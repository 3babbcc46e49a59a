"""README.md and wiring.svg of every board: made from its description, and complete."""

import copy
import functools
import itertools
import random
import re
from xml.etree import ElementTree

import pytest

from tests.support.campaign import cases
from tests.support.random_boards import random_board, random_headers
from tumbler import paths
from tumbler.hardware import boards, rules, wiring, write_wiring
from tumbler.hardware.boards import BoardFiles
from tumbler.hardware.wiring_parts import NETS
from tumbler.hardware.wiring_picture import picture
from tumbler.hardware.wiring_symbols import COLOURS

REAL = [name for name in boards.names() if name != "virtual"]
SVG = "{http://www.w3.org/2000/svg}"


def rows(board):
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in wiring.table(board)[2:]]


@pytest.mark.parametrize("name", REAL)
def test_the_files_are_what_the_description_gives(name):
    """Otherwise: python -m tumbler.hardware.write_wiring --write"""
    board = boards.usable(name)
    for file, text in (("README.md", write_wiring.readme(board)), ("wiring.svg", picture(board))):
        assert board.path.with_name(file).read_text(encoding="utf-8") == text, file


def test_the_command_says_which_differ(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(boards, "BOARDS", tmp_path / "boards")
    for name in REAL[:2]:
        source = paths.BOARDS / name
        target = tmp_path / "boards" / name
        target.mkdir(parents=True)
        for file in source.iterdir():
            (target / file.name).write_bytes(file.read_bytes())
    assert write_wiring.main([]) == 0
    changed = tmp_path / "boards" / REAL[0] / "README.md"
    changed.write_text("# Other\n", encoding="utf-8")
    assert write_wiring.main([]) == 1
    assert capsys.readouterr().out == f"boards/{REAL[0]}/README.md\n"
    assert write_wiring.main(["--write"]) == 0
    assert write_wiring.main([]) == 0


@pytest.mark.parametrize("name", REAL)
def test_the_table_names_every_pin_once_or_as_a_bus(name):
    board = boards.usable(name)
    named = [int(pin) for row in rows(board) for pin in re.findall(r"\bGPIO (\d+)", row[2])]
    used = [use.pin for use in rules.uses(board.description)]
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


class Seen:
    """What a person reads in a picture: boxes, texts and lines by where they are."""

    def __init__(self, board):
        self.tree = ElementTree.fromstring(picture(board))
        self.texts = [
            (float(text.get("x")), float(text.get("y")) - 4, text.get("class") or "", "".join(text.itertext()))
            for text in self.tree.iter(f"{SVG}text")
        ]
        frames = [rect for rect in self.tree.iter(f"{SVG}rect") if rect.get("class") == "box"]
        self.boxes = [tuple(float(rect.get(key)) for key in ("x", "y", "width", "height")) for rect in frames]
        self.lines = {
            kind: [path for path in self.tree.iter(f"{SVG}path") if path.get("class") == kind]
            for kind in ("wire", "lead", "rail")
        }
        self.wires = [
            ([tuple(map(float, point.split())) for point in path.get("d")[1:].split("L")], path.get("stroke"))
            for path in self.lines["wire"]
        ]

    def inside(self, box):
        x, y, width, height = box
        return [text for text in self.texts if x <= text[0] <= x + width and y <= text[1] <= y + height]

    def title(self, box):
        return next(text for _, y, kind, text in self.inside(box) if kind == "name" and y < box[1] + 20)

    def near(self, x, y, kinds):
        """The text of some kind that is nearest to a point, at its height."""
        found = [(abs(text[0] - x), text[3]) for text in self.texts if abs(text[1] - y) < 1 and text[2] in kinds]
        return min(found)[1]

    def rows(self):
        """(device, terminal, place, colour) of every terminal and inner wire, (device, part, ends) of every part."""
        colours = {value: name for name, value in COLOURS.items()}
        found = []
        for box in self.boxes:
            edges = (box[0], box[0] + box[2])
            ends = [
                (float(end.get("cx")), float(end.get("cy")), end.get("fill"))
                for end in self.tree.iter(f"{SVG}circle")
                if end.get("class") == "end"
                and float(end.get("cx")) in edges
                and box[1] < float(end.get("cy")) < box[1] + box[3]
            ]
            names = {}
            for x, y, colour in ends:
                inwards = 10 if x == box[0] else -10
                names[y] = self.near(x + inwards, y, ("",))
                wire = [(points, stroke) for points, stroke in self.wires if points[-1] == (x, y)]
                if wire:
                    ((points, stroke),) = wire
                    place = self.near(*points[0], ("pin", "pin off"))
                else:
                    place = self.near(x - inwards, y, ("flag",))
                    stroke = next(
                        rect.get("fill")
                        for rect in self.tree.iter(f"{SVG}rect")
                        if rect.get("height") == "16"
                        and float(rect.get("y")) == y - 8
                        and 8
                        <= min(abs(float(rect.get("x")) - x), abs(float(rect.get("x")) + float(rect.get("width")) - x))
                        < 9
                    )
                assert stroke == colour
                found.append((self.title(box), names[y], place, colours[colour]))
            found += [(self.title(box), label, between) for label, between in self.parts(box, ends, names)]
            for points, stroke in self.wires:
                (x, y), (other, _) = points[0], points[-1]
                if x in edges and box[1] < y < box[1] + box[3]:  # from a device, so not from the board
                    inwards = 1 if x == box[0] else -1
                    pin = self.near(x + 8 * inwards, y, ("",))
                    found.append(
                        (self.title(box), pin, f"keypad {self.near(other - 8 * inwards, y, ('',))}", colours[stroke])
                    )
        return found

    def parts(self, box, ends, names):
        """(label, names of the lines that it touches) of every part in a box."""
        rails = {}
        for path in self.lines["rail"]:
            x, y, stop = map(float, re.fullmatch(r"M(\S+) (\S+)H(\S+)", path.get("d")).groups())
            if box[0] < x < box[0] + box[2] and box[1] < y < box[1] + box[3]:
                rails[y] = (min(x, stop), max(x, stop))
                if y not in names:
                    names[y] = next(text for _, at, kind, text in self.inside(box) if at == y and kind == "small")
        for path in self.lines["lead"]:
            x, top, bottom = map(float, re.fullmatch(r"M(\S+) (\S+)V(\S+)", path.get("d")).groups())
            if not (box[0] < x < box[0] + box[2] and box[1] < top < box[1] + box[3]):
                continue
            assert rails[top][0] <= x <= rails[top][1]
            assert rails[bottom][0] <= x <= rails[bottom][1]
            # A line that ends a little before the part is one that controls it; none may run across it.
            control = [
                y for y, (left, right) in rails.items() if top < y < bottom and min(abs(left - x), abs(right - x)) == 15
            ]
            assert not [y for y, (left, right) in rails.items() if top < y < bottom and left <= x <= right]
            labels = [text for at, y, kind, text in self.inside(box)
                      if kind == "part" and abs(at - x) < 20 and top < y < bottom]  # fmt: skip
            assert len(labels) < 2
            between = {names[top], names[bottom], *(names[y] for y in control)}
            if labels:
                yield labels[0], tuple(sorted(between))


def table_rows(board):
    """The same rows out of the table, and the remarks by device."""
    found, remarks, device = [], [], ""
    for part, terminal, place, colour, remark in rows(board):
        device = part or device
        if remark == "on the board already":
            continue
        if colour:
            found.append((device, terminal, place, colour))
        else:
            found.append((device, terminal, tuple(sorted(place.replace(",", " to").split(" to ")))))
        if remark:
            remarks.append((device, terminal, remark))
    return found, remarks


def variants():
    """Boards as they come, and the other ways to build them."""
    yield from ((name, boards.usable(name)) for name in REAL)
    motor = {"kind": "motor", "open": 23, "close": 5, "opened": 2, "closed": 15}
    yield "motor", variant("esp32-devkitc", bolt=motor)
    yield "motor, switches with resistors", variant("esp32-devkitc", bolt={**motor, "switch_pull": "external"})
    cells = {"kind": "motor", "open": 21, "close": 10, "opened": 11, "closed": 12}
    yield "motor on cells", variant("esp32s3-devkitc", bolt=cells)
    low = {"pin": 23, "active": 0, "limit_ms": 500}
    yield "low is on", variant("esp32-devkitc", led={"pin": 18, "active": 0}, bolt=low)
    yield (
        "high and external",
        variant(
            "esp32-devkitc", door={"pin": 34, "pull": "external"}, exit={"pin": 4, "active": 1, "pull": "external"}
        ),
    )
    columns = {"rows": [13, 14, 27, 26], "cols": [34, 35, 36], "keys": "123456789*0#", "pull": "external"}
    yield "columns without pull-ups", variant("esp32-devkitc", keypad=columns)
    pcf = {"rows": [0, 1, 2, 3], "cols": [4, 5, 6], "keys": "123456789*0#"}
    pcf["expander"] = {"chip": "pcf8574", "address": 37, "interrupt": 34, "pull": "external"}
    yield "pcf8574", variant("esp32-devkitc", keypad=pcf)


def strangers():
    """Boards that nobody laid out: pins in any order on both sides."""
    for seed in range(cases(60, 5000)):
        source = random.Random(seed)
        description = random_board(source)
        headers = random_headers(source, description)
        assert rules.check(description, headers).errors == []
        yield f"drawn, seed {seed}", BoardFiles(description, headers, paths.BOARDS / "drawn" / "board.json")


@functools.cache
def every():
    return [*variants(), *strangers()]


def test_the_picture_shows_exactly_the_rows_of_the_table():
    for name, board in every():
        seen = Seen(board)
        wanted, remarks = table_rows(board)
        assert sorted(seen.rows(), key=str) == sorted(wanted, key=str), name
        boxes = {seen.title(box): [text for *_, text in seen.inside(box)] for box in seen.boxes}
        for device, terminal, remark in remarks:
            if remark.endswith(" in series"):
                assert remark.removesuffix(" in series") in boxes[device], (name, device, terminal)
            else:
                there = [text for text in boxes[device] if remark in text]
                assert there, (name, device, terminal, remark)
        onboard = [row for row in rows(board) if row[4] == "on the board already"]
        texts = [text for *_, text in seen.texts]
        for part, _, place, _, _ in onboard:
            assert [text for text in texts if text.startswith(f"{place}, ") or text in (part, place)], (name, place)


WIDTHS = {"": 6.6, "sub": 6.4, "name": 8, "small": 5.5, "flag": 6.6, "pin": 6.6, "pin off": 6.6, "title": 12}


def labels(tree):
    """(left, right, top, bottom, text) of every text, wider than a font of the picture writes it."""
    for text in tree.iter(f"{SVG}text"):
        content = "".join(text.itertext())
        wide = len(content) * WIDTHS.get(text.get("class") or "", 6)
        x, y = float(text.get("x")), float(text.get("y"))
        left = x - {"start": 0, "middle": wide / 2, "end": wide}[text.get("text-anchor", "start")]
        yield left, left + wide, y - 8, y, content


def drawn(tree):
    """(left, right, top, bottom, element) of every line, circle and part that a label must not touch."""
    for shape in tree.iter(f"{SVG}rect"):
        if shape.get("class") == "line":
            x, y, width, height = (float(shape.get(key)) for key in ("x", "y", "width", "height"))
            yield x, x + width, y, y + height, shape.attrib
    for shape in tree.iter(f"{SVG}circle"):
        x, y, radius = (float(shape.get(key)) for key in ("cx", "cy", "r"))
        yield x - radius, x + radius, y - radius, y + radius, shape.attrib
    for path in tree.iter(f"{SVG}path"):
        x = y = 0.0
        for command, numbers in re.findall(r"([MLHV])([-0-9. ]+)", path.get("d").partition("l")[0]):
            before = (x, y)
            values = list(map(float, numbers.split()))
            x, y = {"H": (values[0], y), "V": (x, values[0])}.get(command, tuple(values))
            if command != "M":
                yield min(x, before[0]), max(x, before[0]), min(y, before[1]), max(y, before[1]), path.attrib


def apart(one, two):
    return one[1] <= two[0] or two[1] <= one[0] or one[3] <= two[2] or two[3] <= one[2]


def test_nothing_lies_on_a_label():
    """Labels against each other, the frame, the boxes that they stand in, and everything that is drawn."""
    for name, board in every():
        seen = Seen(board)
        _, _, width, height = map(float, seen.tree.get("viewBox").split())
        frames = [(0, width, 0, height)] + [(x, x + wide, y, y + high) for x, y, wide, high in seen.boxes]
        there = list(labels(seen.tree))
        for label in there:
            middle = [(label[0] + label[1]) / 2] * 2 + [(label[2] + label[3]) / 2] * 2
            for frame in frames:
                within = frame[0] <= label[0] and label[1] <= frame[1] and frame[2] <= label[2] and label[3] <= frame[3]
                assert within or apart((*middle, ""), frame), (name, label, frame)
        assert [pair for pair in itertools.combinations(there, 2) if not apart(*pair)] == [], name
        covered = [(label, thing) for thing in drawn(seen.tree) for label in there if not apart(label, thing)]
        assert covered == [], name


@pytest.mark.parametrize("name", REAL)
def test_every_net_is_explained_and_reaches_the_board(name):
    board = boards.usable(name)
    texts = [text for *_, text in Seen(board).texts]
    labels = board.headers["left"] + board.headers["right"]
    for label in labels:
        wanted = f"GPIO {label}" if isinstance(label, int) else label
        assert any(text == wanted or text.startswith(f"{wanted}, ") for text in texts), label
    for key in board.description["keypad"]["keys"]:
        assert key in texts
    there = {row[2] for row in rows(board) if not row[2].startswith(("GPIO", "keypad")) and row[3]}
    assert there == {"GND", "3V3", "12V"} | ({"5V"} if "socket" not in board.headers else set())
    for net in there:
        assert NETS[net][1] in texts
        assert f"| {net} | {NETS[net][1]} |" in write_wiring.readme(board)
        assert (net in labels) == (net != "12V")  # what feeds the bolt has no pin of the board


def test_an_expander_has_no_pin_left_open_that_it_needs():
    """Microchip DS20001952: RESET and the address pins must be biased from outside; NXP PCF8574: A0 to A2."""
    board = boards.usable("esp32c3-devkitm")
    there = {row[1]: row[2] for row in rows(board)}
    assert [there[pin] for pin in ("VDD", "VSS", "RESET", "A0", "A1", "A2")] == [
        "3V3",
        "GND",
        "3V3",
        "GND",
        "GND",
        "GND",
    ]
    assert {"VDD to VSS", "VCC to SCL", "VCC to SDA"} <= {row[2] for row in rows(board)}


def test_a_battery_board_says_what_drives_its_bolt():
    for name in REAL:
        board = boards.usable(name)
        text = write_wiring.readme(board)
        cells = "battery" in board.description
        assert ("eight alkaline cells" in text) == cells
        assert ("some 230 days" in text) == cells  # 1,600 mAh / (20 x 250 mA x 5 s)
        assert ("would draw 0.8 A" in text) == cells  # 12 V x 250 mA at 85 % out of 4.4 V
        assert ("Power supply of 12 V DC for the strike" in text) != cells
    text = write_wiring.readme(dict(every())["motor on cells"])
    assert "| VM | 5V | pink |" in text
    assert "12V" not in text


def test_wires_do_not_lie_on_each_other():
    """No two wires share a piece of a line, no device lies on another. On the boards as they come no wires cross."""
    for name, board in every():
        seen = Seen(board)
        wires = []
        for points, _ in seen.wires:
            wires.append(
                [
                    (min(x1, x2), max(x1, x2), min(y1, y2), max(y1, y2))
                    for (x1, y1), (x2, y2) in itertools.pairwise(points)
                ]
            )
        for one, two in itertools.combinations(wires, 2):
            for piece, other in itertools.product(one, two):
                clear = piece[1] < other[0] or other[1] < piece[0] or piece[3] < other[2] or other[3] < piece[2]
                if name not in REAL:  # pins of one device with those of others between them: wires must cross
                    clear = clear or (piece[0] == piece[1]) != (other[0] == other[1])
                assert clear, (name, piece, other)
        frames = [(x, x + width, y, y + height) for x, y, width, height in seen.boxes]
        assert [pair for pair in itertools.combinations(frames, 2) if not apart(*pair)] == [], name


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
    assert rules.check(description, board.headers).errors == []
    return BoardFiles(description, board.headers, board.path)


def test_other_ways_to_build_are_in_the_table_too():
    found = {name: write_wiring.readme(board) for name, board in every()}
    motor = found["motor"]
    for wanted in (
        "IN1 open | GPIO 23",
        "End switch, closed | contact | GPIO 15",
        "10 kΩ | IN1 open to GND",
        "DRV8871",
    ):
        assert wanted in motor
    assert "VM | 12V" in motor
    assert "Strike driver, fail-safe" in write_wiring.readme(
        variant("esp32-devkitc", bolt={"pin": 23, "limit_ms": 5000, "fail": "safe"})
    )
    assert "cathode | GPIO 18" in found["low is on"]
    for wanted in ("Relay module of 3.3 V, on at low", "10 kΩ | VCC to IN", "1N4007 | GND to contact"):
        assert wanted in found["low is on"]
    outside = found["high and external"]
    assert "| Door contact | pull | 3V3 |" in outside
    assert "| Exit button | pull | GND |" in outside
    assert outside.count("10 kΩ | pull to contact") == 2
    assert found["columns without pull-ups"].count("| 10 kΩ to 3V3 |") == 3
    other = found["pcf8574"]
    for wanted in (
        "| A0 | 3V3 |",
        "| A1 | GND |",
        "| A2 | 3V3 |",
        "P6 | keypad column 3",
        "INT | GPIO 34 | orange | 10 kΩ",
    ):
        assert wanted in other
    assert "RESET" not in other


def test_a_fall_back_to_the_other_supply_pin():
    board = boards.usable("esp32-devkitc")
    headers = copy.deepcopy(board.headers)
    headers["left"].remove("5V")
    text = write_wiring.readme(BoardFiles(board.description, headers, board.path))
    assert "| Supply, 3.3 V DC | + | 3V3 | red |" in text
