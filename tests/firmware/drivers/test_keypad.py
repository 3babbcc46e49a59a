"""The keypad driver against the electrical matrix: what fingers do, ghosts, stuck keys, wrapping time."""

import itertools
import random

import pytest

from tests.dual.models import traces
from tests.support.campaign import cases
from tumbler.simulator.board.models.matrix import MatrixModel, bounce
from tumbler_lock.drivers.keypad import SCAN_MS, STEADY, STUCK_MS, Keypad, Matrix


class Bench(traces.Fingers):
    """A keypad on its model, polled every 5 ms."""

    def __init__(self, layout=traces.LAYOUTS[0], start_ms=0, rise_us=0, pause=False, step=SCAN_MS):
        rows, cols, keys = layout
        super().__init__(keys, start_ms, step)
        self.model = MatrixModel(rows, cols, self.clock, rise_us)
        self.matrix = Matrix(self.model.rows, self.model.cols, self._pause if pause else None)
        self.keypad = Keypad(self.matrix, keys)

    def _pause(self):
        self.clock.us += 30


def awake(**settings):
    """Return a bench past its first sample."""
    bench = Bench(**settings)
    assert bench.run(20) == ""
    return bench


@pytest.mark.parametrize("layout", traces.LAYOUTS, ids=["3x4", "4x4"])
def test_fingers_are_heard_once_and_in_order(layout):
    for seed in range(cases(400, 50_000)):
        try:
            traces.check_fingers(random.Random(seed), layout)
        except ValueError as error:
            pytest.fail(f"seed {seed}: {error}")


@pytest.mark.parametrize("layout", traces.LAYOUTS, ids=["3x4", "4x4"])
def test_whatever_is_heard_was_pressed(layout):
    heard = 0
    count = cases(350, 50_000)
    for seed in range(count):
        try:
            heard += traces.check_mash(random.Random(seed), layout)
        except ValueError as error:
            pytest.fail(f"seed {seed}: {error}")
    assert heard > 4 * count  # of 8 presses each, many hidden by the others


def test_fingers_while_the_counter_wraps():
    for seed in range(cases(60, 3000)):
        source = random.Random(seed)
        start = traces.WRAP - source.randrange(1, 900)
        try:
            traces.check_fingers(source, traces.LAYOUTS[seed % 2], start_ms=start)
        except ValueError as error:
            pytest.fail(f"seed {seed}: {error}")


def test_the_traces_hold_what_they_promise():
    overlaps = 0
    for seed in range(300):
        presses = traces.fingers(random.Random(seed), 12, 6)
        for one, other in itertools.combinations(presses, 2):
            if one[0] == other[0]:
                assert other[1] - one[2] >= traces.GAP_US
            assert other[1] - one[1] >= traces.APART_US
            overlaps += other[1] < one[2]
        for press in presses:
            assert press[2] - press[1] >= traces.SHORTEST_US
            down = [one for one in presses if one[1] <= press[1] < one[2]]
            assert len(down) <= 2
    assert overlaps > 300


def test_bounce_is_within_its_time_and_ends_on_the_other_side():
    source = random.Random(1)
    for _ in range(200):
        toggles = bounce(source, 8000)
        assert toggles[0] == 0
        assert len(toggles) % 2 == 1
        assert toggles == sorted(toggles)
        assert toggles[-1] < 8000


@pytest.mark.parametrize("layout", traces.LAYOUTS, ids=["3x4", "4x4"])
def test_every_key_alone(layout):
    bench = awake(layout=layout)
    for key in layout[2]:
        bench.toggle(key)
        assert bench.run(60) == key
        assert not bench.keypad.idle
        bench.toggle(key)
        assert bench.run(60) == ""
        assert bench.keypad.idle


def test_a_second_key_while_the_first_is_down():
    bench = awake()
    bench.toggle("4")
    assert bench.run(40) == "4"
    bench.toggle("6")
    assert bench.run(40) == "6"
    bench.toggle("4")
    assert bench.run(40) == ""
    bench.toggle("4")
    assert bench.run(40) == "4"


def test_a_first_key_that_bounces_longer_is_still_the_first():
    bench = awake()
    bench.model.toggle(bench.keys.index("9"), [20_000, 21_000, 27_000])  # settles with the sample at 40 ms
    bench.model.toggle(bench.keys.index("1"), [22_000])  # with the one at 35
    assert bench.run(18) == ""
    assert bench.run(10) == "91"


def test_three_keys_in_a_row_or_a_column_are_all_heard():
    bench = awake()
    bench.toggle("1")
    bench.toggle("2", 20)
    bench.toggle("3", 40)
    assert bench.run(100) == "123"
    bench.toggle("123")
    assert bench.run(50) == ""
    bench.toggle("9")
    bench.toggle("3", 20)
    bench.toggle("#", 40)
    assert bench.run(100) == "93#"


def rectangles(rows, cols):
    for top, bottom in itertools.combinations(range(rows), 2):
        for left, right in itertools.combinations(range(cols), 2):
            yield [row * cols + col for row in (top, bottom) for col in (left, right)]


@pytest.mark.parametrize("layout", traces.LAYOUTS, ids=["3x4", "4x4"])
def test_the_fourth_corner_is_never_heard(layout):
    """Every rectangle, every three corners in every order, every key released first."""
    rows, cols, keys = layout
    for corners in rectangles(rows, cols):
        for ghost in corners:
            real = [keys[corner] for corner in corners if corner != ghost]
            for first, second, third in itertools.permutations(real):
                for released in real:
                    bench = awake(layout=layout)
                    bench.toggle(first)
                    bench.toggle(second, 20)
                    assert bench.run(60) == first + second
                    bench.toggle(third)
                    assert bench.run(60) == ""  # two corners could be it
                    assert not bench.keypad.idle
                    bench.toggle(released)
                    # Once a finger has left it is clear; a third key that went first is never known.
                    assert bench.run(60) == ("" if released == third else third)
                    bench.toggle([key for key in real if key != released])
                    assert bench.run(60) == ""
                    assert bench.keypad.idle


def test_the_model_makes_ghosts():
    bench = Bench()
    bench.toggle("124")
    bench.clock.us = 1000
    assert bench.matrix.scan() == 0b11011  # 1 2 4, and 5 that nobody touches
    assert bench.matrix.unclear(0b11011) == 0b11011


def test_unclear_is_exactly_what_current_cannot_decide():
    """A bit is clear if and only if every set of closed keys that reads the same has that key."""
    rows, cols = 3, 3
    names = "abcdefghi"
    certain = {}
    for count in range(rows + cols):  # so many make every reading: a tree over all rows and columns needs 5
        for closed in itertools.combinations(range(rows * cols), count):
            bench = Bench(layout=(rows, cols, names))
            bench.toggle([names[key] for key in closed])
            bench.clock.us = 1000
            mask = bench.matrix.scan()
            certain[mask] = certain.get(mask, mask) & sum(1 << key for key in closed)
    matrix = Bench(layout=(rows, cols, names)).matrix
    for mask, sure in certain.items():
        assert mask & ~matrix.unclear(mask) == sure, bin(mask)
    assert len(certain) > 100


def test_a_rectangle_with_all_four_corners_down_tells_the_last_two_once_two_are_gone():
    bench = awake()
    bench.toggle("1")
    bench.toggle("2", 20)
    assert bench.run(50) == "12"
    bench.toggle("45")
    assert bench.run(50) == ""
    bench.toggle("1")
    assert bench.run(50) == ""
    bench.toggle("2")
    assert bench.run(50) == "45"


@pytest.mark.parametrize("keys", ["5", "12", "1#", "124"])
def test_keys_down_at_the_start_are_masked_until_released(keys):
    bench = Bench()
    bench.toggle(keys)
    assert bench.run(500) == ""
    assert bench.keypad.idle
    assert set(bench.keypad.stuck) >= set(keys)
    bench.toggle("9")
    assert bench.run(60) == "9"
    bench.toggle("9")
    bench.toggle(keys)
    assert bench.run(60) == ""
    assert bench.keypad.stuck == ""
    bench.toggle(keys[0])
    assert bench.run(60) == keys[0]


@pytest.mark.parametrize("start_ms", [0, traces.WRAP - 10_000])
def test_a_key_held_for_half_a_minute_is_masked(start_ms):
    bench = awake(start_ms=start_ms)
    bench.toggle("7")
    assert bench.run(STUCK_MS) == "7"
    assert bench.keypad.stuck == ""
    assert bench.run(100) == ""
    assert bench.keypad.stuck == "7"
    assert bench.keypad.idle
    bench.toggle("7")
    assert bench.run(60) == ""
    assert bench.keypad.stuck == ""
    bench.toggle("7")
    assert bench.run(60) == "7"


def test_a_chattering_key_delays_the_others_a_little_and_is_masked_in_the_end():
    bench = awake()
    broken = bench.keys.index("8")
    bench.model.toggle(broken, list(range(20_000, 32_000_000, 5_000)))
    bench.toggle("1", 20)
    bench.toggle("1", 100)
    assert bench.run(120) == "1"
    assert bench.run(31_000) == ""
    assert bench.keypad.stuck == "8"
    assert bench.keypad.idle


def test_gum_over_a_rectangle_is_masked_in_the_end():
    bench = awake()
    bench.toggle("1245")
    assert bench.run(STUCK_MS + 500) == ""
    assert bench.keypad.stuck == "1245"
    assert bench.keypad.idle


@pytest.mark.parametrize("length", range(1, SCAN_MS * (STEADY - 1)))
def test_a_touch_shorter_than_the_debounce_is_not_heard(length):
    for phase in range(SCAN_MS):
        bench = awake()
        bench.toggle("3", phase)
        bench.toggle("3", phase + length)
        assert bench.run(100) == ""
        assert bench.keypad.idle


def test_calls_in_a_bunch_do_not_shorten_the_debounce():
    for step in (0, 1):
        bench = awake()
        bench.toggle("3")
        heard = ""
        for call in range(8):
            bench.clock.us = bench.ms * 1000 + 10 * call
            heard += bench.keypad.poll(bench.ms + step * (call > 3))
        assert heard == ""


def test_touched_sees_every_key_and_leaves_the_rows_free():
    for layout in traces.LAYOUTS:
        for key in layout[2]:
            bench = Bench(layout=layout)
            assert not bench.matrix.touched()
            bench.toggle(key)
            bench.clock.us = 500
            assert bench.matrix.touched()
            assert all(pin.value() for pin in bench.model.cols)


def test_a_slow_cable_needs_the_pause():
    slow = awake(rise_us=25)
    slow.toggle("2")
    assert slow.run(60) != "2"
    paused = awake(rise_us=25, pause=True)
    paused.toggle("2")
    assert paused.run(60) == "2"


def test_what_the_constructor_refuses():
    matrix = Bench().matrix
    with pytest.raises(ValueError, match="12 crossings but 16 keys"):
        Keypad(matrix, "123A456B789C*0#D")
    with pytest.raises(ValueError, match="named twice"):
        Keypad(matrix, "123456789*00")
