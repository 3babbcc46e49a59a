"""Trusted time: whether the lock may believe its clock.

The clock chip says whether it has run without a stop since it was set. The store keeps the floor, the highest
trusted time ever seen. A clock that stopped, does not answer, or is behind the floor is untrusted until the
owner sets the time: otherwise turning it back would bring expired codes to life again.
"""

EARLIEST = 1577836800  # 2020-01-01T00:00:00Z: before this project, so never a time that somebody set
LATEST = 4102444800  # 2100-01-01T00:00:00Z: the clock chip's calendar ends there


class Clock:
    """The clock chip seen through the floor.

    rtc: anything with `read() -> (unix seconds, ran without a stop)` and `set(unix seconds)`, both of which may
    raise OSError; store: whose `floor` is the highest trusted time in Unix seconds.
    """

    def __init__(self, rtc, store):
        self._rtc = rtc
        self._store = store

    def read(self) -> tuple:
        """(Unix seconds, trusted). Untrusted seconds are what the chip says, or the floor when it says nothing,
        nothing that can be, or two times in a row that do not agree."""
        floor = self._store.floor
        try:
            # Twice: one bit that flips on the way would otherwise become the highest time ever seen.
            first, _ = self._rtc.read()
            now, ok = self._rtc.read()
        except OSError:
            return floor, False
        if not EARLIEST <= now < LATEST or not 0 <= now - first <= 1:
            return floor, False
        return now, ok and now >= floor

    def set(self, now: int) -> None:
        """Set the chip. ValueError outside 2020 to 2099; OSError when it does not answer.

        The caller makes `now` the floor on flash afterwards: a power cut in between leaves a clock that is
        right or untrusted, never a lowered floor with a wrong clock.
        """
        if not EARLIEST <= now < LATEST:
            raise ValueError("time: must lie between 2020 and 2099")
        self._rtc.set(now)
