"""Time on the virtual board, and what happens in it (docs/design/simulator.md, "Time").

World time is integer milliseconds UTC. In fast mode only waiting takes time: asyncio's wait goes straight to the next
thing that is due, and computing takes none. In real mode the world follows the machine's clock. While a lock on mains
power is quiet, time jumps to the next finger, by an hour at most, and every pause ends late; not while a Bluetooth
client is connected. A lock that sleeps says so itself.
"""

import asyncio.core  # type: ignore[import-not-found]  # of MicroPython, which the stubs leave out
import time as real

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Coroutine, Protocol

    from tumbler_lock.app.lock import Lock

    from .models.rmt import Channel

    class Flag(Protocol):
        """A stream that a task waits for: an asyncio.ThreadSafeFlag."""

        def ioctl(self, request: int, events: int) -> int:
            """Return those of the events that have come."""

    class Task(Protocol):
        """A task of MicroPython's asyncio."""

        data: Any

    class TaskQueue(Protocol):
        """Its queue of tasks, written in C."""

        def push(self, task: Task, ticks: int = 0) -> None:
            """Run the task at that time."""

        def remove(self, task: Task) -> None:
            """Take the task out."""

    class AsyncioCore(Protocol):
        """What is used of the module asyncio.core."""

        cur_task: Task
        _task_queue: TaskQueue
        _io_queue: "World"
        ticks: Callable[[], int]

        def sleep_ms(self, ms: int) -> Coroutine[Any, Any, None]:
            """Pause the calling task."""


core: "AsyncioCore" = asyncio.core

SLEEP_MS = 3_600_000  # the longest pause of a quiet lock
BOUNCE_MS = 10  # a contact that closed is closed for sure after this long
TURN_MS = 5  # no more time passes between two turns of the firmware while fingers are to come
SETTLE_MS = 1000  # after which the firmware has acted on a contact
TICKS = 1 << 30  # where an ESP32's counter wraps
FIRST_TICKS = TICKS - 90_000  # so that every run of more than a minute and a half goes through the wrap

_POLL = 3  # the request to a stream, and the event that is asked for
_POLLIN = 1

# The task queue, written in C, stamps tasks that are ready with the real counter. A virtual counter far ahead of it
# puts every such stamp in the past.
_AHEAD = 1 << 40


class World:
    """The world. now_ms: its time at power-on; fast: see above; bitten(): called when the watchdog is due, must raise.

    Attributes to set: idle(ms), called when the firmware has nothing to run for that long; settled(), called when all
    that happens at one moment has happened; awake(), whether something keeps the board from sleeping; app, the
    firmware's Lock once it has started; until, the `elapsed` at which time stops: there the host's request is done.
    """

    def __init__(self, now_ms: int, fast: bool, bitten: "Callable[[], object]") -> None:
        self.elapsed = 0  # ms since power-on
        self.until = 0
        self.app: "Lock | None" = None
        self.watchdog_ms = 0
        self.pulses: "list[Channel]" = []  # what hardware plays: with `due`, and fire() for its end
        self.idle: "Callable[[int], object]" = self.forward
        self.settled: "Callable[[], object]" = lambda: None
        self.fingers: "list[tuple[int, Callable[[str], object], str]]" = []  # (elapsed, action, key), in order
        self.awake: "Callable[[], bool]" = lambda: False
        self.map: "list[tuple[Flag, Task]]" = []  # asyncio asks whether it is empty
        self._fast = fast
        self._bitten = bitten
        self._start = now_ms
        self._bite: "int | None" = None  # elapsed at which the watchdog bites
        self._base = core.ticks() + _AHEAD
        self._real = real.ticks_ms()  # where the real clock was when `elapsed` was last brought up to it
        self._sleeper: "Task | None" = None  # the task in touch()
        self._stir = -SETTLE_MS  # elapsed until which contacts may bounce

    def install(self) -> None:
        """Put this time under asyncio."""
        core.ticks = self.asyncio_ticks
        core._io_queue = self

    @property
    def fast(self) -> bool:
        """Return whether waiting takes no real time."""
        return self._fast

    def now_ms(self) -> int:
        """Return world time."""
        return self._start + self.elapsed

    def now_us(self) -> int:
        """Return microseconds since power-on."""
        return self.elapsed * 1000

    # What the firmware's modules call

    def asyncio_ticks(self) -> int:
        """Return asyncio's counter, which does not wrap."""
        return self._base + self.elapsed

    def ticks_ms(self) -> int:
        """Return the firmware's counter, which wraps."""
        return (FIRST_TICKS + self.elapsed) & (TICKS - 1)

    def sleep_ms(self, ms: int) -> None:
        """Block: nothing runs meanwhile but hardware, which is pulses and the watchdog."""
        if self._fast:
            self.pass_until(self.elapsed + max(0, ms))
            return
        end = self.elapsed + ms
        while self.elapsed < end:
            real.sleep_ms(min(end, self._due(end)) - self.elapsed)
            self.catch_up()

    def feed(self) -> None:
        """Feed the watchdog."""
        self._bite = self.elapsed + self.watchdog_ms

    # Waiting, as asyncio.core calls it

    def queue_read(self, flag: "Flag") -> None:
        """Let the running task wait until `flag` is set."""
        self.map.append((flag, core.cur_task))
        core.cur_task.data = self  # so that a cancelled task calls remove()

    def remove(self, task: "Task") -> None:
        """Let the task wait no more."""
        self.map = [waiting for waiting in self.map if waiting[1] is not task]

    def wake(self) -> bool:
        """Run the tasks whose flags are set; return whether there are any."""
        ready = [waiting for waiting in self.map if waiting[0].ioctl(_POLL, _POLLIN)]
        for waiting in ready:
            self.map.remove(waiting)
            core._task_queue.push(waiting[1])
        return bool(ready)

    def wait_io_event(self, ms: int) -> None:
        """Let time pass: for `ms` (-1: for ever) nothing can run but what waits for a flag."""
        if not self._fast and not self.fingers:
            self.catch_up()
        if not self.wake() and ms:
            self.idle(ms if ms > 0 else SLEEP_MS)
            self.wake()

    def forward(self, ms: int) -> None:
        """Let `ms` pass, more if the lock is quiet, less if something comes first (fast mode)."""
        if self.elapsed < self._stir:
            ms = min(ms, 1)  # whatever waits for a contact looks at it again
        target = self.elapsed + ms
        if not self.fingers and self._may_jump():
            target = max(target, self.elapsed + SLEEP_MS)
        target = min(target, self.until)
        if self.fingers:
            target = min(target, self.fingers[0][0])
        slept = target - self.elapsed - ms
        if slept > 0 and self._bite is not None:
            self._bite += slept  # the watchdog's clock stops in light sleep
        self.pass_until(target)

    def _may_jump(self) -> bool:
        """Return whether nothing can happen to the lock by itself. A board that sleeps says so itself."""
        if self.app is None or self.app.board.sleeps != "none" or self.elapsed < self._stir + SETTLE_MS:
            return False
        return self.app.quiet() and not self.awake()

    def sleep(self, ms: int, woken: "Callable[[], bool]") -> None:
        """Let the board sleep until woken() or for `ms`: nothing of it runs, and its watchdog stops."""
        left = None if self._bite is None else self._bite - self.elapsed
        self._bite = None
        end = self.elapsed + ms
        while self.elapsed < end and not woken():
            self.idle(end - self.elapsed)
        if left is not None:
            self._bite = self.elapsed + left

    def real_wait(self, ms: int) -> int:
        """Return how many ms of real time may pass before something is due, `ms` at most; less if the world is late."""
        return max(0, self._due(self.elapsed + ms) - self.elapsed - self._behind())

    def _behind(self) -> int:
        """Return milliseconds from the world to the real clock."""
        return real.ticks_diff(real.ticks_ms(), self._real)

    def catch_up(self) -> None:
        """Bring the world up to the real clock. While fingers are to come it makes one step at a time, when the
        firmware has nothing to run: then no press is too short for a firmware that a busy machine delayed.
        """
        passed = self._behind()
        if self.fingers:
            passed = min(passed, TURN_MS)
        self._real = real.ticks_add(self._real, passed)
        if passed > 0:
            self.pass_until(self.elapsed + passed)

    def pass_until(self, target: int) -> None:
        """Let time pass; ends of pulses, fingers and the watchdog come at their moment, in order."""
        while True:
            self.settled()
            due = self._due(target + 1)
            if due > target:
                break
            self.elapsed = max(self.elapsed, due)
            self._happen()
        self.elapsed = max(self.elapsed, target)

    def _due(self, limit: int) -> int:
        """Return when the next thing happens, `limit` at the latest."""
        due = limit
        if self._bite is not None and self._bite < due:
            due = self._bite
        if self.fingers and self.fingers[0][0] < due:
            due = self.fingers[0][0]
        for pulse in self.pulses:
            if pulse.due < due:
                due = pulse.due
        return due

    def _happen(self) -> None:
        """Let happen whatever is due now."""
        if self._bite is not None and self._bite <= self.elapsed:
            self._bitten()
        for pulse in list(self.pulses):
            if pulse.due <= self.elapsed:
                pulse.fire()
        while self.fingers and self.fingers[0][0] <= self.elapsed:
            _, action, key = self.fingers.pop(0)
            action(key)

    # A pause that a finger ends

    async def touch(self, ms: int) -> None:
        """Pause the calling task for `ms`, or until touched()."""
        self._sleeper = core.cur_task
        await core.sleep_ms(ms)
        self._sleeper = None

    def stir(self) -> None:
        """A contact has moved."""
        self._stir = self.elapsed + BOUNCE_MS

    def touched(self) -> None:
        """A finger is on the keypad: end the pause."""
        self.stir()
        task = self._sleeper
        if task is not None:
            self._sleeper = None
            core._task_queue.remove(task)
            core._task_queue.push(task, self.asyncio_ticks())
