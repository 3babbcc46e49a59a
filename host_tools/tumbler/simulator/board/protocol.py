"""JSON lines with the host: requests in on stdin, answers and events out on stdout (docs/design/simulator.md)."""

import json
import select
import sys


class Link:
    """The pipe to the host. After close() nothing is written any more, whoever still tries: the power is off."""

    def __init__(self):
        self._poll = select.poll()
        self._poll.register(sys.stdin, select.POLLIN)
        self._open = True

    def close(self):
        """Write nothing from now on."""
        self._open = False

    def send(self, message):
        """Write one object."""
        if self._open:
            sys.stdout.write(json.dumps(message) + "\n")

    def receive(self):
        """Wait for one request; None when the host is gone. ValueError when the line is no JSON object."""
        line = sys.stdin.readline()
        if not line:
            return None
        request = json.loads(line)
        if not isinstance(request, dict):
            raise ValueError("a request is a JSON object")
        return request

    def wait(self, ms):
        """Wait up to `ms` of real time for a request (-1: for ever); True when there is something to receive."""
        return bool(self._poll.poll(ms))
