"""The drivers on the real MicroPython: the same models, the same traces."""

from tests.support import micropython
from tests.support.campaign import cases
from tumbler.hardware.clocks import CLOCKS
from tumbler_lock.drivers.feedback import PATTERNS


def test_drivers_on_micropython():
    count = cases(300, 20_000)
    limit = 60 if count == 300 else 1800
    output = micropython.run("tests/dual/on_micropython/drivers.py", count, *CLOCKS, timeout=limit)
    tried = dict(line.split() for line in output.splitlines())
    assert tried.keys() == {"traces", "ghosts", "expanders", "times", "stretches", "drives", "patterns"}
    assert int(tried["traces"]) == 2 * count
    assert int(tried["ghosts"]) == 36
    assert int(tried["expanders"]) > count // 2  # keys heard of 6 * count / 5 pressed, half of them in trouble
    assert int(tried["times"]) == 4 * count * len(CLOCKS)
    assert int(tried["stretches"]) > count
    assert int(tried["drives"]) > count
    assert int(tried["patterns"]) == len(PATTERNS)
