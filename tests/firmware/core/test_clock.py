"""Trusted time: which times of the clock chip the lock believes."""

import pytest

from tests.dual.support.lock import NOW, Rtc
from tumbler_lock.core.clock import EARLIEST, LATEST, Clock


class Memory:
    latest_trusted = NOW


@pytest.mark.parametrize(
    ("shown", "ok", "read"),
    [
        (NOW, True, (NOW, True)),
        (NOW - 1, True, (NOW - 1, False)),
        (NOW + 1, False, (NOW + 1, False)),
        (EARLIEST - 1, True, (NOW, False)),
        (LATEST, True, (NOW, False)),
        (2**33, True, (NOW, False)),
        (-1, True, (NOW, False)),
    ],
)
def test_trust(shown, ok, read):
    rtc = Rtc(shown)
    rtc.ok = ok
    assert Clock(rtc, Memory).read() == read


def test_a_clock_that_does_not_answer():
    rtc = Rtc(NOW + 5)
    rtc.answers = False
    assert Clock(rtc, Memory).read() == (NOW, False)
    with pytest.raises(OSError):
        Clock(rtc, Memory).set(NOW)
    with pytest.raises(ValueError, match="2020"):
        Clock(rtc, Memory).set(0)
