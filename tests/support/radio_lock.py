"""`tumbler run --radio` in a process of its own, without a terminal, and the commands that manage its lock."""

import json
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from unittest.mock import patch

from tests.support.micropython import ROOT
from tests.support.owner_tool import tumbler

PATIENCE = 30  # seconds until something must have happened


class Running:
    """`tumbler run --radio` in a process of its own, without a terminal. lines: what it printed."""

    def __init__(self, *options):
        self.process = subprocess.Popen(
            [sys.executable, "-c", "import sys; from tumbler.cli.main import main; sys.exit(main())",
             "run", "--radio", *options],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        self.lines = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.append(line.rstrip())

    def say(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def waits(self, words):
        """Wait until a line has these words."""
        end = time.monotonic() + PATIENCE
        while not any(words in line for line in self.lines):
            assert time.monotonic() < end, self.lines
            assert self.process.poll() is None or any(words in line for line in self.lines), self.lines
            time.sleep(0.02)

    def ends(self):
        """End its input; returns its exit status."""
        self.process.stdin.close()
        status = self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        self.process.stdout.close()
        return status


@contextmanager
def virtual_lock(*options):
    lock = Running(*options)
    try:
        lock.waits("radio")
        yield lock
    finally:
        if lock.process.poll() is None:
            lock.process.kill()
            lock.process.wait()
        if not lock.process.stdin.closed:
            lock.process.stdin.close()
        lock.process.stdout.close()


def command(*arguments):
    """Run a command now, which must succeed; returns what it printed as JSON."""
    status, out, err = tumbler(*arguments, "--json", now=int(time.time()))
    assert status == 0, err
    return json.loads(out)


def paired(lock):
    """Pair with the lock, as `cabin`; returns what was printed."""
    with patch("tumbler.cli.output.digits_to_type", lambda digits: lock.say(f"press {digits}#")):
        return command("pair", "cabin", "--label", "Ann", "--yes")
