"""A virtual lock with a radio that follows scenario commands from standard input, line by line as they come.

The lock lives while the input lasts. Its clock follows the real one; `at` and `wait` move the world's time ahead at
once, as the buttons of the terminal do. An invalid line is reported and skipped.
"""

import json
import sys
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

from tumbler_lock.core.zone import Zone

from ..errors import ToolError
from ..timezones import format_time
from .lock import Entered, VirtualLock
from .process import Message
from .radio import VirtualAir
from .real_time import LockThread
from .scenario import Parser, Player, ScenarioError, describe
from .update_events import UpdateEvents

FILE = "standard input"
ANSWER_SECONDS = 60.0  # of real time, for the longest that one line can take


class StdinPlayer:
    """One run. lock: not yet powered; socket: where clients reach its radio; as_json: entries as JSON objects."""

    def __init__(self, lock: VirtualLock, socket: Path, as_json: bool):
        self._lock = lock
        self._as_json = as_json
        self._zone = Zone(lock.identity.rule)
        self._trouble = ""
        self._thread = LockThread(lock, self._broken)
        self._air = VirtualAir(self._thread.do, socket)
        self._updates = UpdateEvents()
        self._player = Player(lock, self._zone, FILE, self._entered, self._narrate)

    def run(self, lines: Iterable[str]) -> int:
        """Follow the lines until there are no more; return the exit status."""
        parser = Parser(FILE, self._zone)
        wrong = 0
        with self._air:
            self._lock.listen(self._heard)
            self._thread.start()
            try:
                self._do(lambda lock: lock.power_on())
                print("The lock is on, and so is its radio: tumbler scan", file=sys.stderr, flush=True)
                for line in lines:
                    wrong += not self._line(parser, line)
                    if self._trouble:
                        raise ToolError(self._trouble, "Look at its flash image, or begin again with --reset.")
            finally:
                self._air.close()
                self._thread.stop()
                self._lock.listen(None)
        return 2 if wrong else 1 if self._player.failures else 0

    def _line(self, parser: Parser, line: str) -> bool:
        """Follow one line; return False if it is invalid, or cannot be done now."""
        failures = len(self._player.failures)
        try:
            command = parser.read(line.removeprefix("\ufeff"))
            if command is not None:
                self._do(lambda lock: self._player.play([command]))
        except ScenarioError as error:
            print(error, file=sys.stderr, flush=True)
            return False
        for failure in self._player.failures[failures:]:
            print(failure.text, file=sys.stderr, flush=True)
        return True

    def _do(self, job: Callable[[VirtualLock], object]) -> None:
        """Do a job in the thread that owns the lock, and wait for it; raise what it raises."""
        done = threading.Event()
        raised: list[Exception] = []

        def work(lock: VirtualLock) -> None:
            try:
                job(lock)
                self._thread.catch_up()
            except Exception as error:  # noqa: BLE001 -- raised again in the caller's thread
                raised.append(error)
            finally:
                done.set()

        self._thread.do(work)
        if not done.wait(ANSWER_SECONDS):
            raise ToolError("The virtual lock does not answer.", "End it, and run the command again.")
        if raised:
            raise raised[0]

    # What the lock does, in its thread

    def _heard(self, event: Message) -> None:
        self._air.event(event)
        text = self._updates.describe(event)
        if text is not None:
            self._narrate(int(event["now_ms"]), text)
        if event["event"] == "fault":
            print(f"fault in the lock: {event.get('text')}", file=sys.stderr, flush=True)
        elif event["event"] == "paired":
            self._narrate(
                int(event["now_ms"]),
                "paired: four rising tones" if event["right"] else "not paired: other digits were typed",
            )
        elif event["event"] == "bolt":
            self._narrate(int(event["now_ms"]), "the bolt is open" if event["unlocked"] else "the bolt is locked")

    def _broken(self, text: str) -> None:
        self._trouble = text

    def _entered(self, entry: Entered) -> None:
        at = format_time(entry.at_ms // 1_000, self._zone)
        if self._as_json:
            print(json.dumps({"at": at, "verdict": entry.verdict, "reason": entry.reason}), flush=True)
        else:
            print(f"{at}  {describe(entry)}", flush=True)

    def _narrate(self, at_ms: int, text: str) -> None:
        if not self._as_json:
            print(f"{format_time(at_ms // 1_000, self._zone)}  {text}", flush=True)
