"""Bolt: the coil that withdraws it, and the two limits that keep the coil from burning (docs/drivers.md).

Invariants, whatever is called in whatever order: the coil is never driven for longer than `limit_ms` at a
stretch, and between two stretches it rests for at least `rest_ms`. A fail-safe bolt is held back without current:
"driven" then means open, and the limit is that of an open door. Two independent hands end a stretch: the
hardware timer, also when poll() is never called again, and poll(), also when the timer fails.
Times are milliseconds of a wrapping counter.
"""

try:
    from micropython import const
except ImportError:
    const = int  # type: ignore[assignment]  # only MicroPython folds constants

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

REST_MS = const(500)

_ONE_SHOT = const(0)  # machine.Timer.ONE_SHOT where the timer has no name for it

# State of the bolt.
_LOCKED = const(0)
_WAITING = const(1)  # unlocking as soon as the coil has rested
_DRIVEN = const(2)


class Bolt:
    """A bolt held back while `pin` is at the level `active`. Attributes: stalled, never: a coil cannot tell;
    opening, which is a motor's.

    `timer` has machine.Timer's init() and deinit(); `ticks_ms` and `ticks_diff` are those of the time module.
    """

    def __init__(
        self,
        pin: "Any",
        timer: "Any",
        ticks_ms: "Callable[[], int]",
        ticks_diff: "Callable[[int, int], int]",
        active: int = 1,
        limit_ms: int = 10_000,
        rest_ms: int = REST_MS,
    ) -> None:
        if limit_ms <= 0:
            raise ValueError("the bolt's limit must be at least 1 ms")
        self._pin = pin
        self._timer = timer
        self._ticks_ms = ticks_ms
        self._ticks_diff = ticks_diff
        self._on = 1 if active else 0
        self._off = 1 - self._on
        self._limit = limit_ms
        self._rest = rest_ms
        self._one_shot = getattr(timer, "ONE_SHOT", _ONE_SHOT)
        self._expire = self._expired  # bound once: an interrupt must not allocate
        self._state = _LOCKED
        self._resting = False
        self._length = 0  # ms of the stretch asked for, from its start
        self._started = 0
        self._stopped = 0
        self.stalled = self.opening = False
        pin.value(self._off)

    @property
    def idle(self) -> bool:
        """Nothing happens without a call of unlock()."""
        return self._state == _LOCKED

    @property
    def unlocked(self) -> bool:
        """An unlock is in force: the coil is driven, or will be once it has rested."""
        return self._state != _LOCKED

    def unlock(self, ms: int) -> None:
        """Hold the bolt back for `ms`, cut at the limit; when it is back already, for `ms` from now if that
        is longer, but never past the limit of this stretch. ValueError unless `ms` is positive."""
        if ms <= 0:
            raise ValueError("a bolt is unlocked for at least 1 ms")
        now = self._ticks_ms()
        self._settle(now)
        if self._state == _DRIVEN:
            length = min(self._ticks_diff(now, self._started) + ms, self._limit)
            if length > self._length:
                self._length = length
                self._arm(now)
            return
        length = min(ms, self._limit)
        if self._state != _WAITING or length > self._length:
            self._length = length
        self._state = _WAITING
        if not self._resting:
            self._drive(now)

    def lock(self) -> None:
        """Let the bolt go now."""
        self._pin.value(self._off)
        if self._state == _DRIVEN:
            self._stopped = self._ticks_ms()
            self._resting = True
        self._state = _LOCKED
        self._timer.deinit()

    def poll(self) -> None:
        """Lock when it is time, and start an unlock that waited for the coil to rest. Call often."""
        now = self._ticks_ms()
        self._settle(now)
        if self._state == _WAITING and not self._resting:
            self._drive(now)

    def _settle(self, now: int) -> None:
        """Bring the state up to `now`."""
        if self._state == _DRIVEN:
            driven = self._ticks_diff(now, self._started)
            if driven < 0 or driven >= self._length:  # below 0: the counter went round unseen
                self.lock()
        if self._resting:
            rested = self._ticks_diff(now, self._stopped)
            self._resting = 0 <= rested < self._rest

    def _drive(self, now: int) -> None:
        self._started = now
        self._state = _DRIVEN
        self._arm(now)  # before the coil: without a timer it is not switched on at all
        self._pin.value(self._on)
        if self._state != _DRIVEN:
            self._pin.value(self._off)  # the timer fired between these lines (garbage was collected, say)

    def _arm(self, now: int) -> None:
        left = self._length - self._ticks_diff(now, self._started)
        try:
            self._timer.init(mode=self._one_shot, period=left, callback=self._expire)
        except Exception:
            self.lock()
            raise

    def _expired(self, _timer: "Any") -> None:
        """The timer's callback; on a port where that is in interrupt context, it must not allocate."""
        self._pin.value(self._off)
        if self._state == _DRIVEN:
            self._stopped = self._ticks_ms()
            self._resting = True
            self._state = _LOCKED
