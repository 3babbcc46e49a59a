"""A virtual lock with a radio that does what lines say as they come: scenario commands from standard input.

The lock lives while the input lasts. Its clock goes with the real one; `at` and `wait` move the world's time ahead at
once, as the buttons of the terminal do. A line that is no command is reported and left out.
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
from .radio import VirtualRadio
from .real_time import Driver
from .scenario import Parser, Player, ScriptError, describe
from .update_events import Versions

FILE = "standard input"
ANSWER_SECONDS = 60.0  # of real time, for the longest that one line can take


class Stream:
    """One run. lock: not yet powered; socket: where its radio is to be reached; as_json: entries as JSON objects."""

    def __init__(self, lock: VirtualLock, socket: Path, as_json: bool):
        self._lock = lock
        self._as_json = as_json
        self._zone = Zone(lock.identity.rule)
        self._trouble = ""
        self._driver = Driver(lock, self._broken)
        self._radio = VirtualRadio(self._driver.do, socket)
        self._versions = Versions()
        self._player = Player(lock, self._zone, FILE, self._entered, self._narrate)

    def run(self, lines: Iterable[str]) -> int:
        """Do what the lines say until there are no more; returns the exit status."""
        parser = Parser(FILE, self._zone)
        wrong = 0
        with self._radio:
            self._lock.listen(self._heard)
            self._driver.start()
            try:
                self._do(lambda lock: lock.power_on())
                print("The lock is on, and so is its radio: tumbler scan", file=sys.stderr, flush=True)
                for line in lines:
                    wrong += not self._line(parser, line)
                    if self._trouble:
                        raise ToolError(self._trouble, "Look at its flash image, or begin anew with --reset.")
            finally:
                self._radio.close()
                self._driver.stop()
                self._lock.listen(None)
        return 2 if wrong else 1 if self._player.failures else 0

    def _line(self, parser: Parser, line: str) -> bool:
        """Do one line; False when it is no command, or not now."""
        failures = len(self._player.failures)
        try:
            command = parser.read(line.removeprefix("\ufeff"))
            if command is not None:
                self._do(lambda lock: self._player.play([command]))
        except ScriptError as error:
            print(error, file=sys.stderr, flush=True)
            return False
        for failure in self._player.failures[failures:]:
            print(failure.text, file=sys.stderr, flush=True)
        return True

    def _do(self, job: Callable[[VirtualLock], object]) -> None:
        """Do something in the thread that owns the lock, and wait for it; what it raises is raised here."""
        done = threading.Event()
        raised: list[Exception] = []

        def work(lock: VirtualLock) -> None:
            try:
                job(lock)
                self._driver.catch_up()
            except Exception as error:  # noqa: BLE001 -- it is raised where it was asked for
                raised.append(error)
            finally:
                done.set()

        self._driver.do(work)
        if not done.wait(ANSWER_SECONDS):
            raise ToolError("The virtual lock does not answer.", "End it, and begin anew.")
        if raised:
            raise raised[0]

    # What the lock does, in its thread

    def _heard(self, event: Message) -> None:
        self._radio.event(event)
        told = self._versions.hear(event)
        if told is not None:
            self._narrate(int(event["now_ms"]), told)
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
