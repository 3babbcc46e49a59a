"""Battery: its charge in percent, from a voltage divider at an analogue input, and its level (docs/design/drivers.md).

The charge falls along a straight line from `full_mv` to `empty_mv`: a voltage alone says no more.
Voltages are millivolts of the battery, not of the pin.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .hardware import Converter

BACK = 5  # points above a threshold at which the level gets better again

_SAMPLES = 8  # for a mean: one reading of an ESP32 is off by some tens of mV


class Battery:
    """A battery behind a divider.

    divider: voltage of the battery in hundredths of the pin's, 200 for two equal resistors; empty_mv, full_mv: the
    ends of the scale. ValueError if one of them is out of range.
    """

    def __init__(self, adc: "Converter", divider: int, empty_mv: int, full_mv: int) -> None:
        if divider < 100 or not 0 < empty_mv < full_mv:
            raise ValueError("a battery's divider is 100 at least, and full_mv is more than empty_mv")
        self._adc = adc
        self._divider = divider
        self._empty = empty_mv
        self._full = full_mv

    def millivolts(self) -> int:
        """Measure and return the battery's voltage."""
        total = 0
        for _ in range(_SAMPLES):
            total += self._adc.read_uv()
        return (total // _SAMPLES * self._divider + 50_000) // 100_000

    def percent(self) -> int:
        """Measure and return the battery's charge, 0 to 100."""
        return max(0, min(100, (self.millivolts() - self._empty) * 100 // (self._full - self._empty)))


class Level:
    """How urgent the charge is.

    low, critical: percent at and below which the battery is that; ValueError unless critical is below low. Attribute:
    level, 0 good, 1 low, 2 critical. It improves only BACK points above a threshold.
    """

    def __init__(self, low: int, critical: int) -> None:
        if critical >= low:
            raise ValueError("a battery is critical below the percent at which it is low")
        self._low = low
        self._critical = critical
        self.level = 0

    def update(self, percent: int) -> bool:
        """Take in a measurement and return whether it changed the level."""
        old = self.level
        self.level = max(self._of(percent), min(old, self._of(percent - BACK)))
        return self.level != old

    def _of(self, percent: int) -> int:
        return 2 if percent <= self._critical else 1 if percent <= self._low else 0
