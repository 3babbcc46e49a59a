"""Supervisor: no task of the lock may end, die or hang unnoticed (docs/design/app.md has the states).

Every task has a Duty through which it says, before each pause, that it is well and how long it will be silent.
The supervisor goes its rounds and feeds the watchdog only when every duty has kept its word. A loop that is
blocked stops the rounds too, and then the watchdog bites: it does not depend on anything here.
Silence is counted in rounds, not in ms, so that a long but honest pause of the whole loop (a sleeping board, a
flash that erases) accuses no task.
"""

import asyncio

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Coroutine

ROUND_MS = 1000
GRACE = 3  # rounds of silence beyond what was announced

# How a task can fail; the value goes to the log.
DIED = 1
ENDED = 2
HUNG = 3


class Duty:
    """One task's word to the supervisor, and the bell that ends its pause early. number: what the log calls it."""

    def __init__(self, name: str, number: int = 0) -> None:
        self.name = name
        self.number = number
        self.silent = 0  # rounds since it reported
        self.allowed = GRACE
        self._bell = asyncio.Event()

    def report(self, ms: int = 0) -> None:
        """The task is well, and will report again within `ms`."""
        self.silent = 0
        self.allowed = GRACE + ms // ROUND_MS

    async def rest(self, ms: int) -> None:
        """Report and pause for `ms`, or until wake()."""
        self.report(ms)
        try:
            await asyncio.wait_for_ms(self._bell.wait(), ms)
        except asyncio.TimeoutError:
            pass  # nobody rang
        self._bell.clear()

    def wake(self) -> None:
        """End the pause the task is in, or the next one if it is in none."""
        self._bell.set()


class Supervisor:
    """Runs tasks and watches them. watchdog: has feed(); failed(number, name, how, error): is called once, with the
    task's number and the error it died of or None, and must not return to business. well(rounds): is called after each
    round that found all well, with how many there were since the start."""

    def __init__(
        self,
        watchdog: "Any",
        failed: "Callable[[int, str, int, Any], None]",
        well: "Callable[[int], None]",
    ) -> None:
        self._watchdog = watchdog
        self._failed = failed
        self._well = well
        self._rounds = 0
        self._duties: "list[Duty]" = []
        self._tasks: "list[Any]" = []  # a task that nobody holds may be collected
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
            pass  # nobody has a reason to cancel: it ended
        except Exception as died:  # noqa: BLE001 -- whatever it is, the lock restarts
            error = died
            how = DIED
        self._fail(duty, how, error)

    def _fail(self, duty: Duty, how: int, error: "Exception | None") -> None:
        if not self._over:
            self._over = True
            self._failed(duty.number, duty.name, how, error)

    def round(self) -> None:
        """Look at every duty, then feed the watchdog if all is well."""
        for duty in self._duties:
            duty.silent += 1
            if duty.silent > duty.allowed:
                self._fail(duty, HUNG, None)
        if not self._over:
            self._watchdog.feed()
            self._rounds += 1
            self._well(self._rounds)

    async def watch(self) -> None:
        """Go the rounds for ever."""
        while True:
            self.round()
            await asyncio.sleep_ms(ROUND_MS)
