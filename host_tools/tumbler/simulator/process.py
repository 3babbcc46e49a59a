"""One power-on of the virtual board: a MicroPython process that runs the firmware, and the requests to it.

Both sides write JSON, one object a line. The board answers each request with exactly one object that has `done`;
objects with `event` may come at any time. Times are milliseconds UTC of the world's clock.

    requests  boot (first), press, advance, cut, clock, owner, state, log, reset_button, quit
    exits     0 after quit, 86 the power was cut, 87 the firmware or its watchdog restarted the board

A board that does not answer for GUARD_SECONDS of real time has a blocked loop: its process is ended.
"""

import json
import os
import queue
import subprocess
import tempfile
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..errors import ToolError
from ..paths import BOARDS, FIRMWARE, TOOLS
from ..text import reason
from . import compiled
from .board.host_pipe import EXIT_CUT, EXIT_RESET

MAIN = Path(__file__).resolve().parent / "board" / "run_board.py"
HEAP = "4m"  # far more than a board has; more would only make each garbage collection longer
GUARD_SECONDS = 20.0

Message = dict[str, Any]


class BoardStopped(Exception):
    """The board ended while a request was open. cut: its power failed; otherwise it was reset. said: the last that it
    wrote on its console."""

    def __init__(self, cut: bool, said: str = ""):
        super().__init__("the power was cut" if cut else "the board was reset")
        self.cut = cut
        self.said = said


class BoardFault(ToolError):
    """The board blocked, crashed, or sent an invalid answer."""


class BoardRefused(ToolError):
    """The board answered a request with an error; the text is the board's."""


def board_command(interpreter: str, script: Path | None = None, *arguments: object) -> list[str]:
    """Return the command line of the virtual board under this MicroPython. script: one that takes its own arguments
    first and ends in board_main.main()."""
    words = (script or MAIN, *arguments, BOARDS / "virtual", FIRMWARE.start)
    return [interpreter, "-X", f"heapsize={HEAP}", *map(str, words)]


def search_path(interpreter: str) -> str:
    """Return where the virtual board finds modules: MicroPython's own frozen ones, the firmware, simulated hardware."""
    return f".frozen:{compiled.folder(interpreter)}"


class BoardProcess:
    """A running board. `ask()` is for one thread at a time.

    command: what to start; on_event: called with every event, in order, while a request is open; guard_seconds:
    real time after which a board that does not answer counts as blocked. BoardFault if it cannot be started.
    """

    def __init__(
        self,
        command: Sequence[str],
        on_event: Callable[[Message], None],
        guard_seconds: float = GUARD_SECONDS,
    ):
        self._on_event = on_event
        self._guard = guard_seconds
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process
        try:
            self._process = subprocess.Popen(
                list(command),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                cwd=TOOLS,
                env={**os.environ, "MICROPYPATH": search_path(command[0])},
                text=True,
                encoding="utf-8",
                errors="replace",
                umask=0o077,  # a flash image holds the secret
                start_new_session=True,  # Ctrl-C in the terminal is the host's to handle
            )
        except OSError as error:
            self._errors.close()
            raise BoardFault(
                f"The virtual board cannot be started: {reason(error)}.", "Check the variable MICROPYTHON."
            ) from error
        self._reader = threading.Thread(target=self._read, name="board", daemon=True)
        self._reader.start()

    def _read(self) -> None:
        """Read every line at once, so that the board never waits for the host."""
        output = self._process.stdout
        if output is not None:
            with suppress(ValueError):  # closed by end()
                for line in output:
                    self._lines.put(line)
        self._lines.put(None)

    def ask(self, request: Message) -> Message:
        """Send one request and return its answer; events on the way go to `on_event`.

        BoardStopped if the board ended first, BoardRefused if it answers with an error, BoardFault if it blocks,
        crashes or sends an invalid answer. After BoardStopped and BoardFault the process has ended.
        """
        wanted = request["do"]
        try:
            pipe = self._process.stdin
            if pipe is not None:
                pipe.write(json.dumps(request) + "\n")
                pipe.flush()
        except (BrokenPipeError, ValueError):
            pass  # it has ended: its last events and its exit status say why
        while True:
            message = self._next(wanted)
            if "event" in message:
                self._on_event(message)
            elif message.get("done") == wanted:
                if message.get("error") is not None and "ok" not in message:
                    raise BoardRefused(
                        f"The virtual board refuses '{wanted}': {message['error']}.", "Nothing was done."
                    )
                return message
            else:
                raise self._fault(f"The virtual board answered '{message.get('done')}' to '{wanted}'.")

    def _next(self, wanted: str) -> Message:
        """Return the next message; raise as ask() does if there is none."""
        try:
            line = self._lines.get(timeout=self._guard)
        except queue.Empty:
            raise self._fault(
                f"The firmware's loop is blocked: no answer to '{wanted}' in {self._guard:g} seconds."
            ) from None
        if line is None:
            status = self._process.wait(timeout=self._guard)
            if status in (EXIT_CUT, EXIT_RESET):
                said = self._said()
                self.end()
                raise BoardStopped(status == EXIT_CUT, said)
            raise self._fault(f"The virtual board ended with status {status} during '{wanted}'.")
        try:
            message = json.loads(line)
        except ValueError:
            message = None
        if not isinstance(message, dict) or not ("event" in message or "done" in message):
            raise self._fault(f"The virtual board wrote an invalid line: {line.strip()[:200]!r}.")
        return message

    def _fault(self, what: str) -> BoardFault:
        """End the process; return the error, with the last lines that the board wrote on its console."""
        self._process.kill()
        self._process.wait()
        said = self._said()
        self.end()
        remedy = f"It said:\n{said}" if said else "Run it again with the same scenario, and report the scenario."
        return BoardFault(what, remedy)

    def _said(self) -> str:
        """Return the last lines that the board wrote on its console; only after its process has ended."""
        self._errors.seek(0)
        return self._errors.read()[-2000:].decode("utf-8", "replace").strip()

    @property
    def running(self) -> bool:
        """True while the process runs."""
        return self._process.poll() is None

    def end(self) -> None:
        """End the process and close its pipes; safe to call twice."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        self._reader.join(timeout=5)
        for pipe in (self._process.stdin, self._process.stdout, self._errors):
            if pipe is not None:
                with suppress(OSError, ValueError):
                    pipe.close()
