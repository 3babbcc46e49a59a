"""The pipe to the host: JSON lines, requests on stdin, answers and events on stdout (docs/design/simulator.md)."""

import json
import select
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Protocol

    Message = Dict[str, Any]

    class ReportEvent(Protocol):
        """Reports an event of the board, or of its radio, to the host."""

        def __call__(self, word: str, **fields: object) -> None:
            """ReportEvent it; word: the event's name."""


# How the process ends.
EXIT_QUIT = 0
EXIT_FAILED = 1
EXIT_CUT = 86
EXIT_RESET = 87


class HostPipe:
    """The pipe. After close() it writes nothing more, whatever the firmware still tries: the power is off."""

    def __init__(self) -> None:
        self._poll = select.poll()
        self._poll.register(sys.stdin, select.POLLIN)
        self._open = True

    def close(self) -> None:
        """Write nothing from now on."""
        self._open = False

    def send(self, message: "Message") -> None:
        """Write one object."""
        if self._open:
            sys.stdout.write(json.dumps(message) + "\n")

    def receive(self) -> "Message | None":
        """Wait for one request; return None if the host is gone. ValueError if the line is no JSON object."""
        line = sys.stdin.readline()
        if not line:
            return None
        request = json.loads(line)
        if not isinstance(request, dict):
            raise ValueError("a request is a JSON object")
        return request

    def wait(self, ms: int) -> bool:
        """Wait up to `ms` of real time for a request (-1: for ever); return whether there is one to receive."""
        return bool(self._poll.poll(ms))
