"""The drivers and the models of their parts, on the interpreter that a lock has. Prints what was tried.

micropython tests/dual/on_micropython/drivers.py COUNT CLOCK...
"""

import random
import sys

import micropython

from tests.dual.models import traces
from tests.dual.models.bolt import check_calls
from tests.dual.models.motor import check_motor
from tumbler.simulator.board.models.clocks import clock_model
from tumbler.simulator.board.models.ds3231 import DS3231Model
from tumbler.simulator.board.models.expander import MCP23017Model, PCF8574Model, Wires
from tumbler.simulator.board.models.i2c import I2CModel
from tumbler.simulator.board.models.matrix import MatrixModel
from tumbler_lock.drivers.calendar import END, FIRST
from tumbler_lock.drivers.ds3231 import DS3231
from tumbler_lock.drivers.expander import ExpanderMatrix, chip
from tumbler_lock.drivers.feedback import PATTERNS, Signals
from tumbler_lock.drivers.keypad import Keypad, Matrix

WRAP = 1 << 30


def equal(found, expected, what):
    """ValueError naming the case when the two differ."""
    if found != expected:
        raise ValueError("%s: %r, not %r" % (what, found, expected))


def keypad_traces(count):
    """Fingers and mashed keys on both layouts, a third of them while the counter wraps."""
    for seed in range(count):
        random.seed(seed)
        layout = traces.LAYOUTS[seed % 2]
        traces.check_fingers(random, layout, 1_500, 0 if seed % 3 else WRAP - 400)
        traces.check_mash(random, layout)


def keypad_ghosts():
    """Every three corners of every rectangle: the fourth is never heard, the third once it is clear."""
    rows, cols, keys = traces.LAYOUTS[1]
    tried = 0
    for top in range(rows - 1):
        for left in range(cols - 1):
            corners = [top * cols + left, top * cols + left + 1, (top + 1) * cols + left, (top + 1) * cols + left + 1]
            for ghost in corners:
                first, second, third = [corner for corner in corners if corner != ghost]
                clock = traces.Clock()
                model = MatrixModel(rows, cols, clock)
                keypad = Keypad(Matrix(model.rows, model.cols), keys)
                model.press(first, 30_000)
                model.press(second, 50_000)
                model.press(third, 100_000)
                model.release(first, 150_000)
                heard = ""
                for ms in range(0, 200, 5):
                    clock.us = ms * 1000
                    heard += keypad.poll(ms)
                    if ms < 150:
                        equal(third in [keys.find(key) for key in heard], False, "reported too early")
                equal(heard, keys[first] + keys[second] + keys[third], "corners")
                tried += 1
    return tried


def keypad_stuck():
    """A key down at the start is masked until it is released."""
    clock = traces.Clock()
    model = MatrixModel(4, 3, clock)
    keypad = Keypad(Matrix(model.rows, model.cols))
    model.press(4, 0)
    model.release(4, 100_000)
    model.press(4, 200_000)
    heard = ""
    for ms in range(5, 250, 5):
        clock.us = ms * 1000
        heard += keypad.poll(ms)
        equal(keypad.stuck, "5" if ms < 110 else "", "stuck at %d ms" % ms)
    equal(heard, "5", "after release")


def keypad_expander(count):
    """Fingers on a keypad behind each chip: all are heard; with a bus that fails and chips that are reset, a part."""
    heard = 0
    for seed in range(count):
        random.seed(seed)
        name, pins, make = (
            ("pcf8574", list(range(7)), PCF8574Model),
            ("mcp23017", list(range(7)), MCP23017Model),
            ("mcp23017", [0, 14, 2, 9, 8, 4, 12], MCP23017Model),
        )[seed % 3]
        clock = traces.Clock()
        model = MatrixModel(4, 3, clock)
        wires = Wires(model, pins[:4], pins[4:])
        wires.floating = random.getrandbits(16)
        part = make(wires)
        bus = I2CModel({0x20: part})
        matrix = ExpanderMatrix(chip(name, bus, 0x20, pins), pins[:4], pins[4:], part.interrupt)
        keypad = Keypad(matrix)
        keypad.poll(0)

        def trouble(number, part=part):
            luck = random.getrandbits(6)
            if luck == 0:
                part.reset()
            return luck & 3 if luck in (1, 2, 3) else None

        bus.fault = trouble if seed % 2 else None
        presses = traces.fingers(random, 12, 6)
        for crossing, down, up in presses:
            model.press(crossing, down)
            model.release(crossing, up)
        typed = ""
        for ms in range(5, max(up for _, _, up in presses) // 1000 + 300, 5):
            clock.us = ms * 1000
            if keypad.idle:
                matrix.touched()
            typed += keypad.poll(ms)
        pressed = "".join("123456789*0#"[crossing] for crossing, _, _ in presses)
        if bus.fault is None:
            equal(typed, pressed, "heard, seed %d" % seed)
        for key in typed:
            equal(key in pressed, True, "pressed, seed %d" % seed)
            pressed = pressed.replace(key, "", 1)
        heard += len(typed)
    return heard


def failing(transfer, passing):
    """Fault for a bus: so many bytes of that transfer pass."""
    return lambda number: passing if number == transfer else None


def clock_chip(name, count):
    """Round trips, time running on, and set() cut at every byte."""
    world = [1_700_000_000_000]
    model = clock_model(name, lambda: world[0])
    bus = I2CModel({model.ADDRESS: model})
    driver_class = getattr(__import__("tumbler_lock.drivers." + name, None, None, (name,)), name.upper())
    driver = driver_class(bus)
    equal(driver.read()[1], False, "new chip")
    random.seed(1)
    days = (END - FIRST) // 86_400
    for _ in range(count):
        moment = FIRST + random.randrange(days) * 86_400 + random.randrange(86_400)
        driver.set(moment)
        equal(driver.read(), (moment, True), "set")
        # Far enough to cross years, not the end of the chip's centuries.
        passed = min(random.randrange(800) * 86_400 + random.randrange(86_400), END - 1 - moment)
        world[0] += passed * 1000
        equal(driver.read(), (moment + passed, True), "running on from %d" % moment)
    old = FIRST + 1_000_000_000
    new = FIRST + 500_000_001
    before = bus.transfers
    driver.set(old)
    for transfer in range(1, bus.transfers - before + 1):
        for passing in range(10):
            model.preset(old)
            bus.fault = failing(bus.transfers + transfer, passing)
            try:
                driver.set(new)
                raise ValueError("a bus error was swallowed")
            except OSError:
                bus.fault = None
            moment, ok = driver.read()
            if ok and moment not in (old, new):
                raise ValueError("cut at byte %d of transfer %d: %d is trusted" % (passing, transfer, moment))
    model = clock_model(name, lambda: world[0], model.state())
    equal(driver_class(I2CModel({model.ADDRESS: model})).read(), driver.read(), "restored state")


def twelve_hours():
    """A DS3231 that another program left in 12-hour mode."""
    world = [1_700_000_000_000]
    bus = I2CModel({0x68: DS3231Model(lambda: world[0])})
    driver = DS3231(bus)
    driver.set(FIRST + 13 * 3600)
    bus.writeto_mem(0x68, 2, b"\x61")  # 1 PM
    world[0] += 11 * 3600 * 1000
    equal(driver.read(), (FIRST + 24 * 3600, True), "12-hour mode")


def bolt(count):
    """Random calls."""
    driven = 0
    for seed in range(count):
        random.seed(seed)
        driven += check_calls(random)
    return driven


def motor(count):
    """Random lives of a motor bolt."""
    driven = 0
    for seed in range(count):
        random.seed(seed)
        driven += check_motor(random)
    return driven


class Lamp:
    """Buzzer and light at once."""

    def __init__(self):
        self.levels = []

    def tone(self, hz):
        """Sound."""
        self.hz = hz

    def value(self, light):
        """Shine, and note both: the driver sets the tone first."""
        self.levels.append((self.hz, light))


def patterns():
    """Every pattern, step by step, polled late while the counter wraps."""
    for name in PATTERNS:
        lamp = Lamp()
        signals = Signals(lamp, lamp)
        signals.play(name)
        now = WRAP - 500
        while not signals.quiet:
            signals.poll(now % WRAP)
            now += random.randrange(1, 90)
        equal(lamp.levels, [(0, 0)] + [step[:2] for step in PATTERNS[name]] + [(0, 0)], name)


class Silent:
    """A pin that takes everything and allocates nothing."""

    def value(self, level=1):
        """High, whatever was written."""
        return 1


def heap():
    """A keypad at rest allocates nothing from scan to scan."""
    keypad = Keypad(Matrix([Silent()] * 4, [Silent()] * 3))
    keypad.poll(0)
    micropython.heap_lock()
    for now in (5, 10, 15, 20):
        keypad.poll(now)
    micropython.heap_unlock()


def main(count, clocks):
    """Run all; any difference raises. clocks: names of clock chips."""
    keypad_traces(count)
    print("traces", 2 * count)
    print("ghosts", keypad_ghosts())
    keypad_stuck()
    print("expanders", keypad_expander(count // 5))
    for name in clocks:
        clock_chip(name, 4 * count)
    twelve_hours()
    print("times", 4 * count * len(clocks))
    print("stretches", bolt(count))
    print("drives", motor(count // 2))
    patterns()
    heap()
    print("patterns", len(PATTERNS))


main(int(sys.argv[1]), sys.argv[2:])
