"""Bolt: the coil that withdraws it, and the two limits that keep the coil from burning (docs/design/drivers.md).

Invariants, for any order of calls: the coil is never driven for longer than `limit_ms` at a stretch, and rests for at
least `rest_ms` between two stretches. A fail-safe bolt is held back without current: "driven" then means open, and the
limit is that of an open door. Two independent mechanisms end a stretch: poll(), and the pulse, which hardware times
even if the program hangs. Times are milliseconds of a wrapping counter.
"""

from micropython import const

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

    from .rmt_pulse import Pulse

REST_MS = const(500)
_MAKING_MS = const(300)  # making a pulse takes no longer, a garbage collection included

# State of the bolt.
_LOCKED = const(0)
_WAITING = const(1)  # unlocking as soon as the coil has rested
_DRIVEN = const(2)


class Bolt:
    """A bolt that is held back while `pulse` is on.

    ticks_ms, ticks_diff: of the time module. Attributes: stalled, opening: always False; only a motor has them.
    """

    def __init__(
        self,
        pulse: "Pulse",
        ticks_ms: "Callable[[], int]",
        ticks_diff: "Callable[[int, int], int]",
        limit_ms: int,
        rest_ms: int,
    ) -> None:
        if limit_ms <= 0:
            raise ValueError("the bolt's limit must be at least 1 ms")
        self._pulse = pulse
        self._ticks_ms = ticks_ms
        self._ticks_diff = ticks_diff
        self._limit = limit_ms
        self._rest = rest_ms
        self._state = _LOCKED
        self._resting = False
        self._length = 0  # ms of the stretch asked for, from its start
        self._end = 0  # ms of it that pulses cover
        self._started = 0
        self._stopped = 0
        self.stalled = self.opening = False

    @property
    def idle(self) -> bool:
        """True while the bolt is locked and only unlock() can change that."""
        return self._state == _LOCKED

    @property
    def unlocked(self) -> bool:
        """True while an unlock is in force: the coil is driven, or waits for its rest."""
        return self._state != _LOCKED

    def unlock(self, ms: int) -> None:
        """Hold the bolt back for `ms`, at most the limit.

        A bolt that is back already stays so for `ms` from now if that is longer, but not past 0.3 s before the limit
        of this stretch. ValueError unless `ms` is positive.
        """
        if ms <= 0:
            raise ValueError("a bolt is unlocked for at least 1 ms")
        now = self._ticks_ms()
        self._settle(now)
        if self._state == _DRIVEN:
            length = min(self._ticks_diff(now, self._started) + ms, self._limit - _MAKING_MS)
            self._length = max(length, self._length)
            self._extend(now)
            return
        length = min(ms, self._limit)
        if self._state != _WAITING or length > self._length:
            self._length = length
        self._state = _WAITING
        if not self._resting:
            self._drive(now)

    def lock(self) -> None:
        """Stop driving the coil now."""
        self._pulse.stop()
        if self._state == _DRIVEN:
            self._stopped = self._ticks_ms()
            self._resting = True
        self._state = _LOCKED

    def poll(self) -> None:
        """Lock when the time is over, and start an unlock that waited for the coil to rest. Call often."""
        now = self._ticks_ms()
        self._settle(now)
        if self._state == _DRIVEN:
            self._extend(now)
        elif self._state == _WAITING and not self._resting:
            self._drive(now)

    def _settle(self, now: int) -> None:
        """Update the state to `now`."""
        if self._state == _DRIVEN:
            driven = self._ticks_diff(now, self._started)
            if driven < 0 or driven >= self._end:  # below 0: the counter wrapped between two calls
                self.lock()
                if 0 <= driven < self._length:  # an extension found no channel: its rest waits
                    self._state = _WAITING
                    self._length -= driven
        if self._resting:
            rested = self._ticks_diff(now, self._stopped)
            self._resting = 0 <= rested < self._rest

    def _drive(self, now: int) -> None:
        self._started = now
        self._state = _DRIVEN
        if not self._play(now):
            self._state = _WAITING

    def _extend(self, now: int) -> None:
        if self._end < self._length:
            self._play(now)

    def _play(self, now: int) -> bool:
        """Begin a pulse that lasts to the end of the stretch. Return False if there is no channel for it yet."""
        try:
            if not self._pulse.start(self._length - self._ticks_diff(now, self._started)):
                return False
        except Exception:
            self.lock()
            raise
        self._end = self._length
        return True
