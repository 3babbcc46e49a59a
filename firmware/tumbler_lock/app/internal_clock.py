"""The chip's own clock in place of a clock chip, for boards that have none.

It runs while the board has power. After a power cut it starts in 2000 or 1970, before any time that the lock accepts:
so a lost time is untrusted without a flag. Times are Unix seconds; only this module knows the port's epoch.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from machine import RTC

_SECONDS_TO_2000 = 946_684_800


class BoardClock:
    """rtc: a machine.RTC; time: the time module of a port whose epoch is 1970 or 2000."""

    def __init__(self, rtc: "RTC", time: "Any") -> None:
        self._rtc = rtc
        self._time = time
        self._epoch = _SECONDS_TO_2000 if time.gmtime(0)[0] == 2000 else 0

    def read(self) -> "tuple[int, bool]":
        """Return (Unix seconds, True); the second says that the clock has run since it was set."""
        return int(self._time.time()) + self._epoch, True

    def set(self, unix: int) -> None:
        """Set the clock to Unix seconds."""
        year, month, day, hour, minute, second, weekday, _ = self._time.gmtime(unix - self._epoch)
        self._rtc.datetime((year, month, day, weekday, hour, minute, second, 0))
