"""The keypad on an I2C expander, against register-level models: keys, ghosts, failing buses, chips that are reset."""

import itertools
import random
import re

import pytest

from tests.dual.models import traces
from tests.support.campaign import cases
from tests.support.micropython import ROOT
from tumbler.simulator.board.models.expander import MODELS, Wires
from tumbler.simulator.board.models.i2c import I2CModel
from tumbler.simulator.board.models.matrix import MatrixModel
from tumbler_lock.drivers.expander import FAILING, PAUSE, ExpanderMatrix, chip
from tumbler_lock.drivers.keypad import NO_SAMPLE, STUCK_MS, Keypad

ADDRESS = 0x20
# chip, rows, cols: on one port, on both, and mixed
PORTS = {
    "pcf8574": ("pcf8574", [0, 1, 2, 3], [4, 5, 6]),
    "mcp23017, one port": ("mcp23017", [0, 1, 2, 3], [4, 5, 6]),
    "mcp23017, both": ("mcp23017", [0, 1, 8, 9], [14, 2, 10]),
}


class Bench(traces.Fingers):
    """A keypad on an expander, polled every 5 ms."""

    def __init__(self, port="pcf8574", wired=False, keys="123456789*0#", pins=None):
        name, rows, cols = pins or PORTS[port]
        super().__init__(keys)
        self.model = MatrixModel(len(rows), len(cols), self.clock)
        self.wires = Wires(self.model, rows, cols)
        self.chip = MODELS[name](self.wires)
        self.bus = I2CModel({ADDRESS: self.chip})
        interrupt = self.chip.interrupt if wired else None
        self.matrix = ExpanderMatrix(chip(name, self.bus, ADDRESS, rows + cols), rows, cols, interrupt)
        self.keypad = Keypad(self.matrix, keys)

    def cost(self, call):
        """Bytes on the bus that a call takes."""
        before = self.bus.carried
        call()
        return self.bus.carried - before


def awake(*args, **settings):
    bench = Bench(*args, **settings)
    assert bench.run(20) == ""
    return bench


@pytest.mark.parametrize("port", PORTS)
def test_every_key_alone(port):
    bench = awake(port)
    for key in bench.keys:
        bench.toggle(key)
        assert bench.run(60) == key
        bench.toggle(key)
        assert bench.run(60) == ""
        assert bench.keypad.idle


def test_four_by_four():
    keys = "123A456B789C*0#D"
    for name in ("pcf8574", "mcp23017"):
        cols = [4, 5, 6, 7] if name == "pcf8574" else [8, 9, 10, 11]
        bench = awake(keys=keys, pins=(name, [0, 1, 2, 3], cols))
        for key in keys:
            bench.toggle(key)
            assert bench.run(60) == key
            bench.toggle(key)
            assert bench.run(60) == ""


@pytest.mark.parametrize("port", PORTS)
def test_every_set_of_keys_reads_as_on_pins_of_the_board(port):
    """Ghosts too: the same mask as the plain matrix gives, for all sets of up to four keys."""
    from tumbler_lock.drivers.keypad import Matrix

    ghosts = 0
    for count in range(5):
        for closed in itertools.combinations(range(12), count):
            bench = Bench(port)
            plain = MatrixModel(4, 3, bench.clock)
            for crossing in closed:
                plain.press(crossing, 0)
                bench.model.press(crossing, 0)
            bench.clock.us = 1000
            mask = bench.matrix.scan()
            assert mask == Matrix(plain.rows, plain.cols).scan(), closed
            assert bench.matrix.unclear(mask) == Matrix(plain.rows, plain.cols).unclear(mask)
            ghosts += mask.bit_count() > count
    assert ghosts > 100


@pytest.mark.parametrize("port", PORTS)
def test_the_fourth_corner_is_never_heard(port):
    bench = awake(port)
    bench.toggle("1")
    bench.toggle("2", 20)
    assert bench.run(60) == "12"
    bench.toggle("4")
    assert bench.run(60) == ""
    bench.toggle("1")
    assert bench.run(60) == "4"


@pytest.mark.parametrize("port", PORTS)
@pytest.mark.parametrize("wired", [False, True], ids=["asked", "interrupt"])
def test_touched_sees_every_key(port, wired):
    bench = awake(port, wired=wired)
    assert not bench.matrix.touched()
    for key in bench.keys:
        for held in (True, False):
            bench.toggle(key)
            bench.ms += 20
            bench.clock.us = bench.ms * 1000
            assert bench.matrix.touched() is held
            assert bench.matrix.touched() is held  # also when it is asked again
    bench.toggle("5")
    assert bench.run(60) == "5"  # the scan releases the rows


@pytest.mark.parametrize("port", PORTS)
@pytest.mark.parametrize("wired", [False, True], ids=["asked", "interrupt"])
def test_what_a_look_costs_on_the_bus(port, wired):
    """docs/design/drivers.md has the table."""
    column = list(PORTS).index(port) + 1
    text = (ROOT / "docs" / "design" / "drivers.md").read_text(encoding="utf-8")
    rows = [re.split(" {2,}", line.strip()) for line in text.splitlines() if line[:4] == "    "]
    said = {row[0]: row[column] for row in rows if len(row) == 4}
    bench = awake(port, wired=wired)
    assert bench.cost(bench.matrix.scan) == int(said["scan, nothing closed"])
    hz = 1000 * int(re.search(r"at (\d+) kHz", said["one scan, of 5 ms"])[1])
    spent_ms = int(said["scan, nothing closed"]) * 9 * 1000 / hz
    assert said["one scan, of 5 ms"].startswith(f"{spent_ms:.1f} ms ")
    assert bench.cost(bench.matrix.touched) == int(said["arming, with its first look"])
    look = "the same with the interrupt wired" if wired else "look at an armed keypad"
    assert bench.cost(bench.matrix.touched) == int(said[look])
    bench.toggle("8")
    bench.clock.us += 10_000
    assert bench.cost(bench.matrix.scan) == int(said["scan, something closed"])


@pytest.mark.parametrize("port", PORTS)
def test_a_bus_that_fails_at_any_byte_gives_no_sample(port):
    for transfer in range(1, 15):
        for passing in range(4):
            bench = awake(port)
            bench.toggle("59")
            bench.clock.us = bench.ms * 1000 + 100
            right = bench.matrix.scan()
            failed = []
            start = bench.bus.transfers
            bench.bus.fault = lambda number, at=start + transfer, passing=passing, failed=failed: (
                (failed.append(number), passing)[1] if number == at else None
            )
            mask = bench.matrix.scan()
            assert mask == (NO_SAMPLE if failed else right)
            if failed:
                # The bus is left alone for a while, then everything is as before.
                assert [bench.cost(bench.matrix.scan) for _ in range(PAUSE)] == [0] * PAUSE
                assert bench.matrix.scan() == right


@pytest.mark.parametrize("port", PORTS)
def test_a_key_held_through_a_failure_is_heard_once(port):
    for quiet_ms in (5, 100, 5_000):
        bench = awake(port)
        bench.toggle("7")
        assert bench.run(60) == "7"
        bench.bus.fault = lambda number: 0
        assert bench.run(quiet_ms) == ""
        bench.bus.fault = None
        assert bench.run(200) == ""
        bench.toggle("7")
        assert bench.run(60) == ""
        bench.toggle("7")
        assert bench.run(60) == "7"


def test_half_a_minute_without_a_sample_is_a_new_start():
    bench = awake()
    bench.toggle("7")
    assert bench.run(60) == "7"
    bench.bus.fault = lambda number: 0
    assert not bench.keypad.failing
    assert bench.run(STUCK_MS) == ""
    assert bench.keypad.failing
    assert not bench.keypad.idle
    assert bench.run(200) == ""
    assert bench.keypad.idle  # the board may sleep
    bench.bus.fault = None
    assert bench.run(200) == ""
    assert not bench.keypad.failing
    assert bench.keypad.stuck == "7"


def test_a_chip_that_is_not_there_fails_and_comes_back():
    bench = Bench("mcp23017, one port")
    chip_model = bench.bus._devices.pop(ADDRESS)
    assert not bench.matrix.touched()
    for count in range(FAILING + PAUSE):
        assert bench.matrix.failing is (count >= FAILING)
        assert bench.matrix.scan() == NO_SAMPLE
    bench.bus._devices[ADDRESS] = chip_model
    assert bench.run(100) == ""
    assert not bench.matrix.failing
    bench.toggle("0")
    assert bench.run(60) == "0"


@pytest.mark.parametrize("port", PORTS)
def test_a_bus_stuck_at_low_presses_nothing(port):
    bench = awake(port)
    bench.chip.read = lambda: 0
    assert bench.run(1_000) == ""
    assert bench.keypad.failing
    del bench.chip.read
    bench.toggle("3")
    assert bench.run(100) == "3"


@pytest.mark.parametrize("floating", [0, 0xFFFF, 0x5555], ids=["low", "high", "mixed"])
@pytest.mark.parametrize("port", PORTS)
def test_a_chip_that_is_reset_while_someone_types(port, floating):
    """At every transfer of a scan, with and without a key down: nothing is invented, nothing heard twice."""
    for held in ("", "6"):
        for when in range(1, 14):
            bench = awake(port)
            bench.wires.floating = floating
            bench.toggle(held)
            assert bench.run(60) == held
            start = bench.bus.transfers

            def reset(number, at=start + when, bench=bench):
                if number == at:
                    bench.chip.reset()

            bench.bus.fault = reset
            assert bench.run(100) == ""
            assert bench.bus.transfers > start + when
            bench.toggle(held)
            assert bench.run(50) == ""
            for key in "16#":
                bench.toggle(key)
                assert bench.run(30) == key
                bench.toggle(key)
                assert bench.run(30) == ""


@pytest.mark.parametrize("wired", [False, True], ids=["asked", "interrupt"])
@pytest.mark.parametrize("port", PORTS)
def test_a_chip_that_is_reset_while_idle_hears_again_after_the_next_scan(port, wired):
    bench = awake(port, wired=wired)
    bench.wires.floating = 0xFFFF
    assert not bench.matrix.touched()
    bench.chip.reset()
    bench.matrix.scan()
    assert not bench.matrix.touched()
    bench.toggle("4")
    bench.clock.us = bench.ms * 1000 + 100
    assert bench.matrix.touched()
    assert bench.run(60) == "4"


def test_a_chip_whose_registers_are_in_the_other_order_is_put_right():
    bench = Bench("mcp23017, both")
    bench.chip.registers[0x0A] = bench.chip.registers[0x0B] = 0x80
    assert bench.run(20) == ""
    bench.toggle("9")
    assert bench.run(60) == "9"
    assert bench.chip.registers[0x0A] == 0x44


def test_pins_that_spoil_the_bus_are_no_inputs():
    bench = awake("mcp23017, both")
    for _ in range(3):
        assert not bench.chip.registers[0] & 0x80
        assert not bench.chip.registers[1] & 0x80
        bench.matrix.touched()
        bench.matrix.scan()


@pytest.mark.parametrize("port", PORTS)
def test_whatever_fails_whatever_is_heard_was_pressed(port):
    heard = 0
    for seed in range(cases(30, 5_000)):
        source = random.Random(seed)
        bench = Bench(port)
        bench.wires.floating = source.randrange(1 << 16)

        def trouble(number, source=source, bench=bench):
            luck = source.randrange(60)
            if luck == 0:
                return source.randrange(4)
            if luck == 1:
                bench.chip.reset()
            return None

        bench.run(20)
        bench.bus.fault = trouble
        presses = traces.fingers(source, 12, 8)
        for crossing, down, up in presses:
            bench.model.press(crossing, down)
            bench.model.press(crossing, up)
        typed = bench.run(max(up for _, _, up in presses) // 1000 + 200)
        waiting = "".join(bench.keys[crossing] for crossing, _, _ in presses)
        heard += len(typed)
        for key in typed:  # a part of what was pressed, each press once, in its order
            assert key in waiting, f"seed {seed}: heard {typed}"
            waiting = waiting.replace(key, "", 1)
    assert heard > 60


def test_what_is_no_expander():
    with pytest.raises(ValueError, match="an expander is"):
        chip("pcf8575", None, ADDRESS, [0])
