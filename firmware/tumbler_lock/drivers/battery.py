"""Battery: its charge in percent, from a voltage divider at an analogue input, and its level (docs/design/drivers.md).

The voltage falls along a straight line from `full_mv` to `empty_mv`: what a board can tell from a voltage alone.
Voltages are millivolts of the battery, not of the pin.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

BACK = 5  # points above a threshold at which the level gets better again

_SAMPLES = 8  # a mean: one reading of an ESP32 is off by some tens of mV


class Battery:
    """adc: has machine.ADC's read_uv(); divider: hundredths that the battery has of the pin's voltage, 200 for two
    equal resistors; empty_mv, full_mv: the ends of the scale. ValueError when they are none."""

    def __init__(self, adc: "Any", divider: int, empty_mv: int, full_mv: int) -> None:
        if divider < 100 or not 0 < empty_mv < full_mv:
            raise ValueError("a battery's divider is 100 at least, and full_mv is more than empty_mv")
        self._adc = adc
        self._divider = divider
        self._empty = empty_mv
        self._full = full_mv

    def millivolts(self) -> int:
        """Return the battery's voltage now."""
        total = 0
        for _ in range(_SAMPLES):
            total += self._adc.read_uv()
        return (total // _SAMPLES * self._divider + 50_000) // 100_000

    def percent(self) -> int:
        """Return its charge, 0 to 100."""
        return max(0, min(100, (self.millivolts() - self._empty) * 100 // (self._full - self._empty)))


class Level:
    """How urgent the charge is. low, critical: percent from which on it is that. Attribute: level, 0 good, 1 low, 2
    critical; it gets better only BACK points above the threshold. ValueError unless critical is below low."""

    def __init__(self, low: int, critical: int) -> None:
        if critical >= low:
            raise ValueError("a battery is critical below the percent at which it is low")
        self._low = low
        self._critical = critical
        self.level = 0

    def update(self, percent: int) -> bool:
        """Take a measurement; whether the level has changed by it."""
        old = self.level
        self.level = max(self._of(percent), min(old, self._of(percent - BACK)))
        return self.level != old

    def _of(self, percent: int) -> int:
        return 2 if percent <= self._critical else 1 if percent <= self._low else 0
