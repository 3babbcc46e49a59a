"""Supervisor: no task of the lock may end, die or hang unnoticed (docs/design/app.md has the states).

Before each pause a task reports to its Duty, and says how long it will be silent. The supervisor checks all duties once
a round, and feeds the watchdog only if each of them reported in time. A blocked loop stops the rounds too; then the
watchdog restarts the board, which depends on nothing here.
Silence is counted in rounds, not in ms: a long pause of the whole loop (a sleeping board, a flash that erases) is not
the fault of a task.
"""

import asyncio

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Coroutine

    from machine import WDT

ROUND_MS = 1000
GRACE = 3  # rounds of silence beyond what was announced

# What can fail. The log has the value times 256, and the number of the task, as the argument of FAULT.
DIED = 1
ENDED = 2
HUNG = 3
WATCHDOG = 4  # the loop was blocked; the start that follows finds out
DEAF = 5  # the keypad gives no samples


class Duty:
    """How a task reports to the supervisor, and the bell that ends its pause early. number: of the task in the log."""

    def __init__(self, name: str, number: int = 0) -> None:
        self.name = name
        self.number = number
        self.silent = 0  # rounds since it reported
        self.allowed = GRACE
        self._bell = asyncio.Event()

    def report(self, ms: int = 0) -> None:
        """Report that the task is healthy, and will report again within `ms`."""
        self.silent = 0
        self.allowed = GRACE + ms // ROUND_MS

    async def rest(self, ms: int) -> None:
        """Report and pause for `ms`, or until wake()."""
        self.report(ms)
        try:
            await asyncio.wait_for_ms(self._bell.wait(), ms)
        except asyncio.TimeoutError:
            pass  # the bell did not ring
        self._bell.clear()

    def wake(self) -> None:
        """End the pause the task is in; if it is in none, its next one."""
        self._bell.set()


class Supervisor:
    """Runs tasks and watches them.

    watchdog: one that runs; failed(number, name, how, error): called once, for the first task that fails, with the
    error it died of or None; it must end the run. well(rounds): called after each round in which every task was
    healthy; `rounds` counts them since the start."""

    def __init__(
        self,
        watchdog: "WDT",
        failed: "Callable[[int, str, int, Exception | None], None]",
        well: "Callable[[int], None]",
    ) -> None:
        self._watchdog = watchdog
        self._failed = failed
        self._well = well
        self._rounds = 0
        self._duties: "list[Duty]" = []
        self._tasks: "list[asyncio.Task[None]]" = []  # a task without a reference may be collected
        self._over = False

    def start(self, duty: Duty, work: "Coroutine[Any, Any, None]") -> None:
        """Run `work` as a task that never ends."""
        self._duties.append(duty)
        self._tasks.append(asyncio.create_task(self._run(duty, work)))

    async def _run(self, duty: Duty, work: "Coroutine[Any, Any, None]") -> None:
        error = None
        how = ENDED
        try:
            await work
        except asyncio.CancelledError:
            pass  # no part of the lock cancels a task: it ended
        except Exception as died:  # noqa: BLE001 -- whatever it is, the lock restarts
            error = died
            how = DIED
        self._fail(duty, how, error)

    def _fail(self, duty: Duty, how: int, error: "Exception | None") -> None:
        if not self._over:
            self._over = True
            self._failed(duty.number, duty.name, how, error)

    def round(self) -> None:
        """Check every duty; feed the watchdog if all tasks are healthy."""
        for duty in self._duties:
            duty.silent += 1
            if duty.silent > duty.allowed:
                self._fail(duty, HUNG, None)
        if not self._over:
            self._watchdog.feed()
            self._rounds += 1
            self._well(self._rounds)

    async def watch(self) -> None:
        """Do one round a second, for ever."""
        while True:
            self.round()
            await asyncio.sleep_ms(ROUND_MS)
