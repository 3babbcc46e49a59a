"""Time on the virtual board, and what happens in it (docs/design/simulator.md, "Time").

World time is integer milliseconds UTC. In fast mode only waiting takes time: asyncio's wait goes straight to the next
thing that is due, and computing takes none. In real mode the world goes with the machine's clock. While a lock that
does not sleep is quiet, time goes on until a finger comes, an hour at most at once, and every pause ends late; not
while a Bluetooth client is connected. A lock that sleeps says so itself.
"""

import asyncio.core as core
import time as real

SLEEP_MS = 3_600_000  # the longest pause of a quiet lock
BOUNCE_MS = 10  # a contact that closed is closed for sure after this long
TURN_MS = 5  # no more time passes between two turns of the firmware while fingers are on their way
SETTLE_MS = 1000  # after which the firmware has made what it makes of a contact
TICKS = 1 << 30  # where an ESP32's counter wraps
FIRST_TICKS = TICKS - 90_000  # so that every run of more than a minute and a half lives through the wrap

_POLL = 3  # the request to a stream, and what is asked for
_POLLIN = 1

# The task queue, written in C, stamps tasks that are ready with the real counter; a virtual now far ahead of it makes
# every stamp lie in the past.
_AHEAD = 1 << 40


class World:
    """now_ms: world time at power-on; fast: see above; bitten(): called when the watchdog's time is over, must raise;
    idle(): called when there is nothing to run before some time passes.
    """

    def __init__(self, now_ms, fast, bitten, idle):
        self.elapsed = 0  # ms since power-on
        self.until = 0  # elapsed at which time stands still: there the host's request is done
        self.app = None  # the Lock, once it has started
        self.watchdog_ms = 0
        self.pulses = []  # what hardware plays: with `due`, and fire() for its end
        self.settled = lambda: None  # called when all has happened that does at one moment
        self.fingers = []  # [elapsed, action, argument], in order
        self.awake = lambda: False  # whether something keeps the board from sleeping
        self.map = []  # (flag, task that waits for it); asyncio asks whether it is empty
        self._fast = fast
        self._bitten = bitten
        self._idle = idle
        self._start = now_ms
        self._bite = None  # elapsed at which the watchdog bites
        self._base = core.ticks() + _AHEAD
        self._real = real.ticks_ms()  # where the real clock was when `elapsed` was last brought up to it
        self._sleeper = None  # the task in touch()
        self._stir = -SETTLE_MS  # elapsed until which contacts may bounce

    def install(self):
        """Put this time under asyncio."""
        core.ticks = self.asyncio_ticks
        core._io_queue = self

    @property
    def fast(self):
        """Whether waiting takes no real time."""
        return self._fast

    def now_ms(self):
        """World time."""
        return self._start + self.elapsed

    def now_us(self):
        """Microseconds since power-on."""
        return self.elapsed * 1000

    # What the firmware's modules ask

    def asyncio_ticks(self):
        """Counter for asyncio, which does not wrap."""
        return self._base + self.elapsed

    def ticks_ms(self):
        """Counter for the firmware, which wraps."""
        return (FIRST_TICKS + self.elapsed) & (TICKS - 1)

    def sleep_ms(self, ms):
        """A blocking sleep: nothing runs meanwhile but hardware: pulses and the watchdog."""
        if self._fast:
            self.pass_until(self.elapsed + max(0, ms))
            return
        end = self.elapsed + ms
        while self.elapsed < end:
            real.sleep_ms(min(end, self._due(end)) - self.elapsed)
            self.catch_up()

    def feed(self):
        """The watchdog is fed."""
        self._bite = self.elapsed + self.watchdog_ms

    # Waiting, as asyncio.core calls it

    def queue_read(self, flag):
        """The running task waits until `flag`, an asyncio.ThreadSafeFlag, is set."""
        self.map.append((flag, core.cur_task))
        core.cur_task.data = self  # so that a cancelled task calls remove()

    def remove(self, task):
        """The task waits no more."""
        self.map = [waiting for waiting in self.map if waiting[1] is not task]

    def wake(self):
        """Let the tasks run whose flags are set; whether there are any."""
        ready = [waiting for waiting in self.map if waiting[0].ioctl(_POLL, _POLLIN)]
        for waiting in ready:
            self.map.remove(waiting)
            core._task_queue.push(waiting[1])
        return bool(ready)

    def wait_io_event(self, ms):
        """Nothing can run for `ms` (-1: for ever) but what waits for a flag: let time pass."""
        if not self._fast and not self.fingers:
            self.catch_up()
        if not self.wake() and ms:
            self._idle(ms if ms > 0 else SLEEP_MS)
            self.wake()

    def forward(self, ms):
        """Go on by `ms`, by more if the lock sleeps, by less if something comes first (fast mode)."""
        if self.elapsed < self._stir:
            ms = min(ms, 1)  # whatever waits for a contact looks at it again
        target = self.elapsed + ms
        if not self.fingers and self.app is not None and self._passes():
            target = max(target, self.elapsed + SLEEP_MS)
        target = min(target, self.until)
        if self.fingers:
            target = min(target, self.fingers[0][0])
        slept = target - self.elapsed - ms
        if slept > 0 and self._bite is not None:
            self._bite += slept  # the watchdog's clock stops in light sleep
        self.pass_until(target)

    def _passes(self):
        """Whether nothing can happen to the lock by itself. A board that sleeps says so itself."""
        if self.app.board.sleeps != "none" or self.elapsed < self._stir + SETTLE_MS:
            return False
        return self.app.quiet() and not self.awake()

    def sleep(self, ms, woken):
        """The board sleeps: nothing of it runs, and its watchdog stands still, until woken() or for `ms`."""
        left = None if self._bite is None else self._bite - self.elapsed
        self._bite = None
        end = self.elapsed + ms
        while self.elapsed < end and not woken():
            self._idle(end - self.elapsed)
        if left is not None:
            self._bite = self.elapsed + left

    def real_wait(self, ms):
        """How many ms of real time may pass before something is due, `ms` at most; less while the world is behind."""
        return max(0, self._due(self.elapsed + ms) - self.elapsed - self._behind())

    def _behind(self):
        """Milliseconds from the world to the real clock."""
        return real.ticks_diff(real.ticks_ms(), self._real)

    def catch_up(self):
        """Bring the world up to the real clock. While fingers are on their way, a step at a time, when the firmware has
        nothing to run: no press is too short for a firmware that a busy machine kept waiting.
        """
        passed = self._behind()
        if self.fingers:
            passed = min(passed, TURN_MS)
        self._real = real.ticks_add(self._real, passed)
        if passed > 0:
            self.pass_until(self.elapsed + passed)

    def pass_until(self, target):
        """Let time pass; ends of pulses, fingers and the watchdog come at their moment, in order."""
        while True:
            self.settled()
            due = self._due(target + 1)
            if due > target:
                break
            self.elapsed = max(self.elapsed, due)
            self._happen()
        self.elapsed = max(self.elapsed, target)

    def _due(self, limit):
        """When the next thing happens, `limit` at the latest."""
        due = limit
        if self._bite is not None and self._bite < due:
            due = self._bite
        if self.fingers and self.fingers[0][0] < due:
            due = self.fingers[0][0]
        for pulse in self.pulses:
            if pulse.due < due:
                due = pulse.due
        return due

    def _happen(self):
        """Whatever is due now."""
        if self._bite is not None and self._bite <= self.elapsed:
            self._bitten()
        for pulse in list(self.pulses):
            if pulse.due <= self.elapsed:
                pulse.fire()
        while self.fingers and self.fingers[0][0] <= self.elapsed:
            _, action, argument = self.fingers.pop(0)
            action(argument)

    # A pause that a finger ends

    async def touch(self, ms):
        """Pause the calling task for `ms`, or until touched()."""
        self._sleeper = core.cur_task
        await core.sleep_ms(ms)
        self._sleeper = None

    def stir(self):
        """A contact has moved."""
        self._stir = self.elapsed + BOUNCE_MS

    def touched(self):
        """A finger is on the keypad: end the pause."""
        self.stir()
        task = self._sleeper
        if task is not None:
            self._sleeper = None
            core._task_queue.remove(task)
            core._task_queue.push(task, self.asyncio_ticks())
