"""Motor bolt: an H-bridge with two end switches (docs/design/drivers.md has states and times).

Invariants, for any order of calls: never both legs at once, and both off for DEAD_MS between two drives. No drive is
longer than `stall_ms`, which hardware times even if the program hangs. A travel has at most TRIES drives.
A switch counts as reached only after it was seen to change. Times are ms of a wrapping counter.
"""

from micropython import const

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

    from .hardware import Input
    from .rmt_pulse import Pulse

DEAD_MS = const(100)
RETRY_MS = const(1000)
TRIES = const(3)
HOLD_MAX_MS = const(3_600_000)

LOCKED = const(0)
UNLOCKING = const(1)
UNLOCKED = const(2)
LOCKING = const(3)
STALLED = const(4)

_OPEN = const(0)  # a leg of the pulse, and a switch
_CLOSE = const(1)


class MotorBolt:
    """A bolt that a motor moves.

    pulse: of the two legs, (open, close); switches: pins for (opened, closed), whose level 1 means reached; shut:
    returns whether the door is shut, or may be. Attributes: state, one of the above; opening: whether the last travel
    was one to open.
    """

    def __init__(
        self,
        pulse: "Pulse",
        switches: "tuple[Input, Input]",
        ticks_ms: "Callable[[], int]",
        ticks_diff: "Callable[[int, int], int]",
        stall_ms: int,
        shut: "Callable[[], bool]",
    ) -> None:
        if stall_ms <= 0:
            raise ValueError("a motor stalls after 1 ms at least")
        self._pulse = pulse
        self._switches = switches
        self._ticks_ms = ticks_ms
        self._ticks_diff = ticks_diff
        self._stall = stall_ms
        self._shut = shut
        self._driving = False
        self._changed = False  # the switch ahead was seen unreached in this drive, so it can be believed
        self._left = True  # the bolt may have left its closed end since it was last there
        self._tries = 0
        self._since = ticks_ms()  # of the drive, or of the pause
        self._pause = DEAD_MS
        self._hold = 0  # how long it stays open, from the moment _held
        self._held = 0
        self.opening = False
        closed = switches[_CLOSE].value() and not switches[_OPEN].value()
        self.state = LOCKING
        if closed:
            self._arrive()

    @property
    def unlocked(self) -> bool:
        """True unless the bolt is known to be locked and to stay so."""
        return self.state != LOCKED

    @property
    def stalled(self) -> bool:
        """True if the bolt did not reach its end switch."""
        return self.state == STALLED

    @property
    def idle(self) -> bool:
        """True while only unlock() or lock() can start something."""
        return self.state == LOCKED or (self.state == STALLED and not self.opening)

    def unlock(self, ms: int) -> None:
        """Open, and close `ms` after the bolt has arrived, at most HOLD_MAX_MS.

        A bolt that is open already closes `ms` from now if that is later. ValueError unless `ms` is positive.
        """
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
        """Close as soon as the door is shut. Does nothing to a bolt that is locked or on its way."""
        if self.state != LOCKED and self.state != LOCKING:
            self._begin(False, self._ticks_ms())

    def poll(self) -> None:
        """Do what is due. Call often while the bolt is not idle."""
        now = self._ticks_ms()
        if self.state == UNLOCKING or self.state == LOCKING:
            self._travel(now)
        elif self.state == UNLOCKED or (self.state == STALLED and self.opening):
            held = self._ticks_diff(now, self._held)
            if held < 0 or held >= self._hold:  # below 0: the counter wrapped between two calls
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
            if not waits and (self.opening or self._shut()):
                self._drive(ahead, now)
            return
        reached = self._switches[ahead].value()
        if reached and self._changed:
            self._stop(now)
            self._held = now
            self._arrive()
            return
        self._changed = self._changed or not reached
        if not 0 <= passed < self._stall:
            self._fail(now)

    def _arrive(self) -> None:
        self._left = self.opening
        self.state = UNLOCKED if self.opening else LOCKED

    def _fail(self, now: int) -> None:
        """End a drive that did not reach its end switch; stall after the last try."""
        self._stop(now)
        self._pause = RETRY_MS
        self._tries += 1
        if self._tries >= TRIES:
            self._held = now
            self.state = STALLED

    def _drive(self, ahead: int, now: int) -> None:
        # A bolt that could not be moved out of its closed end is still there.
        self._changed = not (self._switches[ahead].value() and (self.opening or self._left))
        try:
            if not self._pulse.start(self._stall, ahead):
                return  # there is no channel for it yet
        except Exception:
            self._fail(now)
            raise
        self._since = now
        self._driving = True

    def _stop(self, now: int) -> None:
        self._pulse.stop()
        self._driving = False
        self._since = now
