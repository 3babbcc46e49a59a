"""A virtual lock that follows the real clock: one thread owns it, other threads send that one small functions.

The world's clock is the real one, moved ahead by whatever skips time. Times are milliseconds UTC.
"""

import queue
import threading
from collections.abc import Callable

from ..errors import ToolError
from .lock import VirtualLock, now_ms

TICK_SECONDS = 0.1  # how often time passes on the board


def _nothing(lock: VirtualLock) -> None:
    """Let time pass, and nothing else."""


class LockThread(threading.Thread):
    """Owns a virtual lock. broken(text): called, in this thread, if the lock breaks down."""

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
        """The number of jobs that have not begun."""
        return self._jobs.qsize()

    def do(self, job: Callable[[VirtualLock], None]) -> None:
        """Have a job done with the lock, after those asked for before."""
        self._jobs.put(job)

    def skip(self, duration_ms: int) -> None:
        """Move the world's time ahead."""

        def job(lock: VirtualLock) -> None:
            self._ahead_ms += duration_ms
            self._follow()

        self.do(job)

    def catch_up(self) -> None:
        """Let the world continue from the lock's time. Call it in a job that let time pass."""
        self._ahead_ms = max(self._ahead_ms, self._lock.now_ms - now_ms())

    def stop(self) -> None:
        """End the thread, after the jobs asked for before; the lock stays as it is."""
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
        """Bring the lock up to the world's time; a press may have taken the board a little ahead of it."""
        self._lock.advance(max(self._lock.now_ms, self.world_ms))
