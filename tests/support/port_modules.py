"""The port's modules machine, time and esp32, as far as building a board goes, and a counter that wraps."""

import time

from tests.dual.models.bolt import chip
from tumbler.simulator.board.models.rmt import Pad, Rmt
from tumbler_lock.app.board import Board

PERIOD = 1 << 30


class Ticks:
    """A counter that wraps, as on an ESP32."""

    def __init__(self, now=0):
        self.now = now

    def ms(self):
        return self.now % PERIOD

    @staticmethod
    def diff(end, start):
        return (end - start + PERIOD // 2) % PERIOD - PERIOD // 2


class Pin(Pad):
    IN, OPEN_DRAIN, PULL_UP, PULL_DOWN = 1, 7, 2, 1
    made = ()
    input = 1

    def __init__(self, number, mode=-1, pull=-1, value=None):
        super().__init__(lambda level: None)
        self.number, self.mode, self.pull, self.level = number, mode, pull, value
        self.first = value
        Pin.made += (self,)

    def init(self, mode=-1, value=None, hold=None):
        if mode == -1:
            return  # a pin that is held, or no longer, stays what it is
        super().init(mode, value=value)
        if self.first is None:
            self.first = value

    def value(self, level=None):
        if level is None:
            return Pin.input
        self.level = level


class Machine:
    """machine, as far as building a board goes."""

    Pin = Pin

    class Signal:
        """An inverted pin."""

        def __init__(self, pin, invert=False):
            self._pin = pin
            assert invert

        def value(self, level=None):
            return 1 - self._pin.value() if level is None else self._pin.value(1 - level)

    class PWM:
        """An output for tones."""

        def __init__(self, pin, freq, duty_u16):
            self.duty = duty_u16

        def freq(self, hz):
            pass

        def duty_u16(self, duty):
            pass

    class RTC:
        """The port's clock."""

    class ADC:
        """An analogue input."""

        ATTN_11DB = 3

        def __init__(self, pin, atten):
            self.pin = pin
            assert atten == self.ATTN_11DB

        def read_uv(self):
            return 1_700_000

    class I2C:
        """A bus."""

        def __init__(self, number, scl, sda, freq):
            pass


class Time:
    ticks_ms = staticmethod(lambda: 0)
    ticks_diff = staticmethod(Ticks.diff)
    sleep_us = staticmethod(lambda us: None)
    gmtime = staticmethod(time.gmtime)


class Esp32:
    """The module esp32: which pins may end a sleep, and the RMT."""

    WAKEUP_ALL_LOW = False

    def __init__(self):
        self.light = self.deep = None
        self.RMT = Rmt(chip("esp32")["rmt"], lambda: 0, lambda: None)

    def wake_on_gpio(self, pins, level):
        assert level is False
        self.light = [pin.number for pin in pins]

    def wake_on_ext1(self, pins, level):
        assert level is False
        self.deep = [pin.number for pin in pins]


def build(description):
    Pin.made = ()
    return Board(description, Machine, Time)
