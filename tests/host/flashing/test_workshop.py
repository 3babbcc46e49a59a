"""`tumbler workshop`: tables, resuming, boards that are taken for others; labels."""

import json
import xml.etree.ElementTree as ET

import pytest

from tumbler.errors import ToolError
from tumbler.flashing.labels import QUIET, Label
from tumbler.flashing.workshop import STEPS, State, read_table, run

TABLE = "name,timezone\ncabin,Europe/Berlin\nshop,Asia/Riyadh\nbarn,UTC\n"


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "locks.csv"
    path.write_text(TABLE, encoding="utf-8")
    return path


class Stop(Exception):
    """The workshop loses its power."""


class Bench:
    """A bench that writes down what was done; it stops before step number `left`, or where it is to fail."""

    def __init__(self, macs, left=1000):
        self.macs = dict(macs)
        self.left = left
        self.now = ""
        self.log = []

    def _step(self, step, line):
        if self.left == 0:
            raise Stop
        self.left -= 1
        self.log.append((step, line.name, self.now))

    def connect(self, line, done):
        self.now = self.macs[line.name]

    def identify(self, refuse):
        refuse(self.now)

    def flash(self, line, refuse):
        refuse(self.now)
        self._step("flash", line)

    def provision(self, line):
        self._step("provision", line)

    def selftest(self, line):
        self._step("selftest", line)

    def label(self, line):
        self._step("label", line)


MACS = {"cabin": "020000000001", "shop": "020000000002", "barn": "020000000003"}
EVERYTHING = [(step, name, mac) for name, mac in MACS.items() for step in STEPS]


def test_every_line_goes_through_the_four_steps_in_order(table, tmp_path):
    bench = Bench(MACS)
    run(read_table(table), State(tmp_path / "state"), bench, bench.connect)
    assert bench.log == EVERYTHING


@pytest.mark.parametrize("steps", range(len(EVERYTHING)))
def test_wherever_it_stops_the_same_command_goes_on_there(table, tmp_path, steps):
    """A step that was cut is done again, and none that is done."""
    path = tmp_path / "state"
    first = Bench(MACS, steps)
    with pytest.raises(Stop):
        run(read_table(table), State(path), first, first.connect)
    second = Bench(MACS)
    run(read_table(table), State(path), second, second.connect)
    assert first.log + second.log == EVERYTHING


@pytest.mark.parametrize("after", ["flash", "provision"])
def test_a_board_that_is_swapped_between_two_steps_becomes_nothing(table, tmp_path, after):
    class Swapped(Bench):
        def _step(self, step, line):
            super()._step(step, line)
            if step == after:
                self.now = "0200000000ff"

    bench = Swapped(MACS)
    with pytest.raises(ToolError, match="not the board on which 'cabin' was started"):
        run(read_table(table), State(tmp_path / "state"), bench, bench.connect)
    assert bench.log == EVERYTHING[: STEPS.index(after) + 1]


def test_a_board_that_is_done_is_never_flashed_as_another(table, tmp_path):
    state = State(tmp_path / "state")
    bench = Bench({**MACS, "shop": MACS["cabin"]})
    with pytest.raises(ToolError, match="still the board of 'cabin'"):
        run(read_table(table), state, bench, bench.connect)
    assert [entry for entry in bench.log if entry[1] == "shop"] == []


def test_a_line_that_was_begun_goes_on_with_its_own_board_only(table, tmp_path):
    path = tmp_path / "state"
    bench = Bench(MACS, 1)  # flashed
    with pytest.raises(Stop):
        run(read_table(table), State(path), bench, bench.connect)
    other = Bench({**MACS, "cabin": "02000000ffff"})
    with pytest.raises(ToolError, match="not the board on which 'cabin' was started"):
        run(read_table(table), State(path), other, other.connect)
    assert other.log == []
    again = State(path)
    again.forget("cabin")
    run(read_table(table), again, other, other.connect)
    assert other.log[0] == ("flash", "cabin", "02000000ffff")


def test_a_board_that_could_not_be_flashed_may_be_exchanged(table, tmp_path):
    path = tmp_path / "state"
    bench = Bench(MACS, 0)
    with pytest.raises(Stop):
        run(read_table(table), State(path), bench, bench.connect)
    other = Bench({**MACS, "cabin": "02000000ffff"})
    run(read_table(table), State(path), other, other.connect)
    assert other.log[:1] == [("flash", "cabin", "02000000ffff")]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "column 'name' is missing"),
        ("name\ncabin\n", "column 'timezone' is missing"),
        ("name,timezone,colour\ncabin,UTC,red\n", "no column 'colour'"),
        ("name,timezone\ncabin,\n", "line 2"),
        ("name,timezone\ncabin,UTC\nCabin,UTC\n", "line 3: the name 'Cabin' is used twice"),
        ("name,timezone\ncabin,UTC,more\n", "line 2"),
    ],
)
def test_a_table_that_is_wrong_is_refused_with_its_line(tmp_path, text, words):
    path = tmp_path / "locks.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ToolError, match=words):
        read_table(path)


@pytest.mark.parametrize("text", ["", "[]", '{"cabin": {}}', "{", "[" * 100_000, "\xff"])
def test_a_state_that_is_damaged_is_not_taken_for_a_fresh_start(tmp_path, text):
    path = tmp_path / "state"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ToolError, match="cannot be read"):
        State(path)


def test_a_label_holds_name_id_and_code(tmp_path):
    label = Label("Hütte & Söhne", bytes.fromhex("0123456789abcdef"))
    assert label.code == "TUMBLER:0123456789ABCDEF"
    text, picture = (path.read_text(encoding="utf-8") for path in label.write(tmp_path / "labels", "one"))
    assert text.splitlines()[:2] == ["Hütte & Söhne", "lock id 0123 4567 89ab cdef"]
    texts = [node.text for node in ET.fromstring(picture).iter("{http://www.w3.org/2000/svg}text")]
    assert texts[:2] == ["Hütte & Söhne", "0123 4567 89ab cdef"]


def test_text_and_picture_draw_the_same_code():
    """The modules read back from both agree with those of the library's own bitmap writer."""
    import io

    import segno

    label = Label("cabin", bytes(range(8)))
    output = io.StringIO()
    segno.make("TUMBLER:0001020304050607", error="m", micro=False).save(output, kind="txt", border=0)
    wanted = [[module == "1" for module in row] for row in output.getvalue().split()]
    size = len(wanted)
    upper = {" ": (0, 0), "▄": (0, 1), "▀": (1, 0), "█": (1, 1)}
    rows = []
    for line in label.text().split("\n\n", 1)[1].split("\n"):
        cells = [upper[character] for character in line.ljust(size + 2 * QUIET)]
        rows += [[bool(cell[0]) for cell in cells], [bool(cell[1]) for cell in cells]]
    assert [row[QUIET : QUIET + size] for row in rows[QUIET : QUIET + size]] == wanted
    rects = ET.fromstring(label.svg()).findall(".//{http://www.w3.org/2000/svg}g/{http://www.w3.org/2000/svg}rect")
    drawn = {(int(rect.get("y", "")), int(rect.get("x", ""))) for rect in rects}
    assert drawn == {(y, x) for y, row in enumerate(wanted) for x, module in enumerate(row) if module}


def test_the_state_holds_steps_and_chips_and_nothing_else(table, tmp_path):
    path = tmp_path / "state"
    bench = Bench(MACS)
    run(read_table(table), State(path), bench, bench.connect)
    data = json.loads(path.read_text(encoding="utf-8"))
    assert data == {name: {"mac": mac, "steps": list(STEPS)} for name, mac in MACS.items()}
