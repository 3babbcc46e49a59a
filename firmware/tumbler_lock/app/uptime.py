"""Uptime: time since the start, from a tick counter that wraps.

Invariant: it never goes back and never wraps, if it is read at least once in half the counter's period (2^29 ms, 6.2
days, on an ESP32).
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable


class Uptime:
    """Counts from its construction. ticks_ms, ticks_diff: those of the time module."""

    def __init__(self, ticks_ms: "Callable[[], int]", ticks_diff: "Callable[[int, int], int]") -> None:
        self._ticks_ms = ticks_ms
        self._ticks_diff = ticks_diff
        self._last = ticks_ms()
        self._ms = 0
        self._seconds = 0

    def _count(self) -> None:
        now = self._ticks_ms()
        passed = self._ticks_diff(now, self._last)
        if passed > 0:
            self._last = now
            whole, self._ms = divmod(self._ms + passed, 1000)
            self._seconds += whole

    def seconds(self) -> int:
        """Return whole seconds since the start."""
        self._count()
        return self._seconds

    def ms(self) -> int:
        """Return milliseconds since the start."""
        self._count()
        return self._seconds * 1000 + self._ms
