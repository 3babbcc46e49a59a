"""Trusted time: whether the lock may believe its clock.

The clock chip reports whether it has run without a stop since it was set. The store keeps the latest trusted time.
A clock that stopped, does not answer, or is behind that time is untrusted until the owner sets it. Otherwise
turning it back would bring expired codes to life again.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    class ClockChip(Protocol):
        """A clock chip, or the board's own clock. Both methods raise OSError when it does not answer."""

        def read(self) -> "tuple[int, bool]":
            """Return (Unix seconds, whether it has run without a stop since it was set)."""

        def set(self, unix: int) -> None:
            """Set it to Unix seconds."""

    class TimeMemory(Protocol):
        """What remembers the latest trusted time: a Store."""

        @property
        def latest_trusted(self) -> int:
            """Unix seconds."""


EARLIEST = 1577836800  # 2020-01-01T00:00:00Z: before this project: no owner has set an earlier time
LATEST = 4102444800  # 2100-01-01T00:00:00Z: the clock chip's calendar ends there


class Clock:
    """The clock chip, judged by the latest trusted time of `store`."""

    def __init__(self, rtc: "ClockChip", store: "TimeMemory") -> None:
        self._rtc = rtc
        self._store = store

    def read(self) -> "tuple[int, bool]":
        """Return (Unix seconds, whether they can be trusted).

        Untrusted seconds are the chip's. They are the latest trusted time when the chip does not answer, shows an
        impossible time, or two times in a row that do not agree.
        """
        latest = self._store.latest_trusted
        try:
            # Twice: one flipped bit would otherwise become the latest trusted time.
            first, _ = self._rtc.read()
            now, ok = self._rtc.read()
        except OSError:
            return latest, False
        if not EARLIEST <= now < LATEST or not 0 <= now - first <= 1:
            return latest, False
        return now, ok and now >= latest

    def set(self, now: int) -> None:
        """Set the chip. ValueError outside 2020 to 2099; OSError when it does not answer.

        The caller writes `now` to flash as the latest trusted time afterwards. A power cut in between leaves a clock
        that is right or untrusted, never an earlier latest trusted time with a wrong clock.
        """
        if not EARLIEST <= now < LATEST:
            raise ValueError("time: must lie between 2020 and 2099")
        self._rtc.set(now)
