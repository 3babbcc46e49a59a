"""Motor bolt: an H-bridge with two end switches (docs/drivers.md has states and times).

Invariants, whatever is called in whatever order: never both legs at once, and both off for DEAD_MS between two drives;
no drive is longer than `limit_ms`, which a hardware timer ends when poll() is never called again; a travel has TRIES
drives at most. A switch counts as reached only when it was seen to change. Times are ms of a wrapping counter.
"""

try:
    from micropython import const
except ImportError:
    const = int  # type: ignore[assignment]  # only MicroPython folds constants

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

DEAD_MS = const(100)
RETRY_MS = const(1000)
TRIES = const(3)
HOLD_MAX_MS = const(3_600_000)

LOCKED = const(0)
UNLOCKING = const(1)
UNLOCKED = const(2)
LOCKING = const(3)
STALLED = const(4)

_ONE_SHOT = const(0)  # machine.Timer.ONE_SHOT where the timer has no name for it
_OPEN = const(0)
_CLOSE = const(1)


class MotorBolt:
    """legs, switches: pins for (open, close) and (opened, closed), whose level 1 means driven, or reached; timer:
    has machine.Timer's init() and deinit(); shut: whether the door is shut, None for a lock that cannot know.

    Attributes: state, one of the above; opening: what the last travel was for.
    """

    def __init__(
        self,
        legs: "tuple[Any, Any]",
        switches: "tuple[Any, Any]",
        timer: "Any",
        ticks_ms: "Callable[[], int]",
        ticks_diff: "Callable[[int, int], int]",
        limit_ms: int = 10_000,
        stall_ms: int = 2000,
        shut: "Callable[[], bool] | None" = None,
    ) -> None:
        if not 0 < stall_ms <= limit_ms:
            raise ValueError("a motor stalls after 1 ms at least and the limit at most")
        self._legs = legs
        self._switches = switches
        self._timer = timer
        self._ticks_ms = ticks_ms
        self._ticks_diff = ticks_diff
        self._limit = limit_ms
        self._stall = stall_ms
        self._shut = shut
        self._one_shot = getattr(timer, "ONE_SHOT", _ONE_SHOT)
        self._expire = self._expired  # bound once: an interrupt must not allocate
        self._driving = False
        self._cut = False  # the timer ended the drive
        self._changed = False  # the switch ahead can be believed: it was seen unreached in this drive
        self._left = True  # the bolt may have left its closed end since it was last there
        self._tries = 0
        self._since = ticks_ms()  # of the drive, or of the pause
        self._pause = DEAD_MS
        self._hold = 0  # how long it stays open, from the moment _held
        self._held = 0
        self.opening = False
        legs[_OPEN].value(0)
        legs[_CLOSE].value(0)
        closed = switches[_CLOSE].value() and not switches[_OPEN].value()
        self.state = LOCKING
        if closed:
            self._arrive()

    @property
    def unlocked(self) -> bool:
        """It is not known to be locked, or about to be unlocked."""
        return self.state != LOCKED

    @property
    def stalled(self) -> bool:
        """It did not arrive."""
        return self.state == STALLED

    @property
    def idle(self) -> bool:
        """Nothing happens without a call of unlock() or lock()."""
        return self.state == LOCKED or (self.state == STALLED and not self.opening)

    def unlock(self, ms: int) -> None:
        """Open, and close `ms` after it has arrived, an hour at most; when it is open already, `ms` from now if that
        is longer. ValueError unless `ms` is positive."""
        if ms <= 0:
            raise ValueError("a bolt is unlocked for at least 1 ms")
        ms = min(ms, HOLD_MAX_MS)
        now = self._ticks_ms()
        if self.state == UNLOCKED:
            if ms > self._hold - self._ticks_diff(now, self._held):
                self._hold = ms
                self._held = now
        elif self.state == UNLOCKING:
            self._hold = max(ms, self._hold)
        else:
            self._hold = ms
            self._begin(True, now)

    def lock(self) -> None:
        """Close, as soon as the door is shut; nothing for a bolt that is locked or on its way."""
        if self.state != LOCKED and self.state != LOCKING:
            self._begin(False, self._ticks_ms())

    def poll(self) -> None:
        """Go on. Call often while it is not idle."""
        now = self._ticks_ms()
        if self.state == UNLOCKING or self.state == LOCKING:
            self._travel(now)
        elif self.state == UNLOCKED or (self.state == STALLED and self.opening):
            held = self._ticks_diff(now, self._held)
            if held < 0 or held >= self._hold:  # below 0: the counter went round unseen
                self.lock()

    def _begin(self, opening: bool, now: int) -> None:
        if self._driving:
            self._stop(now)
        self._pause = DEAD_MS
        self._tries = 0
        self.opening = opening
        self.state = UNLOCKING if opening else LOCKING
        self._travel(now)

    def _travel(self, now: int) -> None:
        ahead = _OPEN if self.opening else _CLOSE
        passed = self._ticks_diff(now, self._since)
        if not self._switches[_CLOSE].value():
            self._left = True
        if not self._driving:
            waits = 0 <= passed < self._pause
            if not waits and (self.opening or self._shut is None or self._shut()):
                self._drive(ahead, now)
        elif not self._switches[ahead].value():
            self._changed = True
            if self._cut or not 0 <= passed < self._stall:
                self._fail(now)
        elif self._changed:
            self._stop(now)
            self._held = now
            self._arrive()
        elif self._cut or not 0 <= passed < self._stall:
            self._fail(now)

    def _arrive(self) -> None:
        self._left = self.opening
        self.state = UNLOCKED if self.opening else LOCKED

    def _fail(self, now: int) -> None:
        """One drive was for nothing."""
        self._stop(now)
        self._pause = RETRY_MS
        self._tries += 1
        if self._tries >= TRIES:
            self._held = now
            self.state = STALLED

    def _drive(self, ahead: int, now: int) -> None:
        # A bolt that could not be moved out of its closed end is still there.
        self._changed = not (self._switches[ahead].value() and (self.opening or self._left))
        self._since = now
        self._cut = False
        self._legs[1 - ahead].value(0)
        try:  # before the leg: without a timer it is not driven at all
            self._timer.init(mode=self._one_shot, period=self._limit, callback=self._expire)
        except Exception:
            self._fail(now)
            raise
        self._driving = True
        self._legs[ahead].value(1)
        if self._cut:
            self._legs[ahead].value(0)  # the timer fired between these lines (garbage was collected, say)

    def _stop(self, now: int) -> None:
        self._legs[_OPEN].value(0)
        self._legs[_CLOSE].value(0)
        self._timer.deinit()
        self._driving = False
        self._since = now

    def _expired(self, _timer: "Any") -> None:
        """The timer's callback; on a port where that is in interrupt context, it must not allocate."""
        self._legs[_OPEN].value(0)
        self._legs[_CLOSE].value(0)
        self._cut = True
