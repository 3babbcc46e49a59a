"""The board's own clock as a clock chip: for boards without a DS3231.

It runs while the board has power and starts in 2000 or 1970 when that comes back, which is before any time the
lock believes: so a lost time is untrusted without a flag. Unix seconds; the one place that knows the port's epoch.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_SECONDS_TO_2000 = 946_684_800


class BoardClock:
    """`rtc` is a machine.RTC, `time` the time module of a port whose epoch is 1970 or 2000."""

    def __init__(self, rtc: "Any", time: "Any") -> None:
        self._rtc = rtc
        self._time = time
        self._epoch = _SECONDS_TO_2000 if time.gmtime(0)[0] == 2000 else 0

    def read(self) -> "tuple[int, bool]":
        """(Unix seconds, True)."""
        return int(self._time.time()) + self._epoch, True

    def set(self, unix: int) -> None:
        """Set the clock to Unix seconds."""
        year, month, day, hour, minute, second, weekday, _ = self._time.gmtime(unix - self._epoch)
        self._rtc.datetime((year, month, day, weekday, hour, minute, second, 0))
