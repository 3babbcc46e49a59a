"""A virtual lock along the real clock: the one thread that touches it, while everybody else sends it small functions.

The world's clock is the real one, moved ahead by whatever skips time. Times are milliseconds UTC.
"""

import queue
import threading
from collections.abc import Callable

from ..errors import ToolError
from .lock import VirtualLock, now_ms

TICK_SECONDS = 0.1  # how often the board is told that time has passed


def _nothing(lock: VirtualLock) -> None:
    """Only let time pass."""


class Driver(threading.Thread):
    """Runs the virtual lock along the real clock. broken: told, in this thread, how the lock broke down."""

    def __init__(self, lock: VirtualLock, broken: Callable[[str], object]):
        super().__init__(name="virtual lock", daemon=True)
        self._lock = lock
        self._broken = broken
        self._jobs: queue.SimpleQueue[Callable[[VirtualLock], None] | None] = queue.SimpleQueue()
        self._ahead_ms = max(0, lock.now_ms - now_ms())

    @property
    def world_ms(self) -> int:
        """The world's time."""
        return now_ms() + self._ahead_ms

    @property
    def waiting(self) -> int:
        """How many jobs nobody has begun."""
        return self._jobs.qsize()

    def do(self, job: Callable[[VirtualLock], None]) -> None:
        """Have something done with the lock, after what was asked before."""
        self._jobs.put(job)

    def skip(self, duration_ms: int) -> None:
        """Move the world's time ahead."""

        def job(lock: VirtualLock) -> None:
            self._ahead_ms += duration_ms
            self._follow()

        self.do(job)

    def catch_up(self) -> None:
        """Let the world go on from where the lock's time is, after a job that let time pass; call in a job."""
        self._ahead_ms = max(self._ahead_ms, self._lock.now_ms - now_ms())

    def stop(self) -> None:
        """End the thread, after what was asked before; the lock stays as it is."""
        self._jobs.put(None)
        self.join(timeout=30)

    def run(self) -> None:
        """Do jobs, and let time pass between them."""
        while True:
            try:
                job = self._jobs.get(timeout=TICK_SECONDS)
            except queue.Empty:
                job = _nothing
            if job is None:
                return
            try:
                self._follow()
                job(self._lock)
            except ToolError as error:
                self._broken(str(error))

    def _follow(self) -> None:
        """Let the time pass that has passed; a press may have taken the board a little ahead."""
        self._lock.advance(max(self._lock.now_ms, self.world_ms))
