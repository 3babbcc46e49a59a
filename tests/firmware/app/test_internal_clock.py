"""The board's own clock in place of a clock chip."""

import time

import pytest

from tumbler_lock.app.internal_clock import BoardClock


class PortTime:
    """The time module of a port that counts from `epoch` (Unix seconds of its 0)."""

    def __init__(self, epoch, now):
        self._epoch = epoch
        self.now = now

    def time(self):
        return self.now - self._epoch

    def gmtime(self, seconds):
        year, month, day, hour, minute, second, weekday, yearday, _ = time.gmtime(seconds + self._epoch)
        return year, month, day, hour, minute, second, weekday, yearday


class PortRtc:
    """machine.RTC."""

    def datetime(self, value):
        self.value = value


@pytest.mark.parametrize("epoch", [0, 946_684_800])
def test_the_boards_own_clock(epoch):
    rtc = PortRtc()
    clock = BoardClock(rtc, PortTime(epoch, 1_795_446_000))
    assert clock.read() == (1_795_446_000, True)
    clock.set(1_795_446_061)
    assert rtc.value == (2026, 11, 23, 0, 15, 1, 1, 0)
