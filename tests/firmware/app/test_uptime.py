"""Uptime from a counter that wraps."""

import pytest

from tests.support.port_modules import PERIOD, Ticks
from tumbler_lock.app.uptime import Uptime


@pytest.mark.parametrize("begin", [0, 12_345, PERIOD - 1, PERIOD // 2])
def test_uptime_never_wraps(begin):
    ticks = Ticks(begin)
    uptime = Uptime(ticks.ms, ticks.diff)
    passed = 0
    for step in (0, 1, 999, 1, 3_600_000, PERIOD // 2 - 1, 86_400_000) * 20:
        ticks.now += step
        passed += step
        assert uptime.ms() == passed
        assert uptime.seconds() == passed // 1000


def test_uptime_never_goes_back():
    ticks = Ticks(5000)
    uptime = Uptime(ticks.ms, ticks.diff)
    ticks.now += 100
    assert uptime.ms() == 100
    ticks.now -= 50
    assert uptime.ms() == 100
    ticks.now += 60
    assert uptime.ms() == 110
