"""Install what a lock file pins, with pip, and show how far it is: `install_pinned.py LOCK [options of pip install]`.

`make setup` runs this before any package is there, so it needs Python's standard library only. What pip prints is
shown when pip fails.
"""

import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from pathlib import Path

PINNED = re.compile(r"(?m)^[A-Za-z0-9._-]+==")
FETCHED = re.compile(r"(Collecting|Processing|Requirement already satisfied:) ")
LEFT_OUT = re.compile(r"Ignoring \S+: markers")  # for another system
INSTALLING = "Installing collected packages: "
EVERY_SECONDS = 5.0  # for a log; a terminal shows each change
LAST_LINES = 20


class Progress:
    """The count of one lock file. target: the folder that gets the packages."""

    def __init__(self, lock: str, target: Path):
        self._names = len(PINNED.findall(lock))
        self._target = target
        self._before = 0
        self._fetched = 0
        self._installing = 0

    def hear(self, line: str) -> None:
        """Take one line that pip printed."""
        if LEFT_OUT.match(line):
            self._names -= 1
        elif FETCHED.match(line.lstrip()):
            self._fetched += 1
        elif line.startswith(INSTALLING):
            self._before = self._there()
            self._installing = line.count(",") + 1

    def __str__(self) -> str:
        if self._installing:
            done = min(max(self._there() - self._before, 0), self._installing)
            return f"{done} of {self._installing} packages installed"
        return f"{self._fetched} of {self._names} packages fetched"

    def _there(self) -> int:
        return sum(1 for _ in self._target.glob("*.dist-info"))


def show(running: threading.Event, progress: Progress, every: float) -> None:
    """Print the progress until `running` is set: on a terminal in one line, elsewhere a line at times."""
    terminal = sys.stderr.isatty()
    shown, at = "", time.monotonic()
    while not running.wait(0.2):
        text = str(progress)
        if text != shown and (terminal or time.monotonic() - at >= every):
            print(
                f"\r\033[K  {text}" if terminal else f"  {text}",
                end="" if terminal else "\n",
                file=sys.stderr,
                flush=True,
            )
            shown, at = text, time.monotonic()
    if terminal:
        print("\r\033[K", end="", file=sys.stderr, flush=True)


def install(line: list[str], progress: Progress, every: float = EVERY_SECONDS) -> int:
    """Run a command that prints as pip does; returns its exit status."""
    said: list[str] = []
    done = threading.Event()
    shower = threading.Thread(target=show, args=(done, progress, every))
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace") as pip:
        shower.start()
        try:
            lines: Iterable[str] = pip.stdout or ()
            for text in lines:
                said.append(text)
                progress.hear(text)
        finally:
            done.set()
            shower.join()
    if pip.returncode:
        print("".join(said[-LAST_LINES:]), end="", file=sys.stderr)
    return pip.returncode


def main() -> int:
    """Install what the lock file pins, for the Python that runs this."""
    lock, *options = sys.argv[1:]
    target = options[options.index("--target") + 1] if "--target" in options else ""
    folder = Path(target or next(path for path in sys.path if path.endswith("site-packages")))
    line = [sys.executable, "-m", "pip", "install", "--progress-bar", "off", "--no-deps", "--require-hashes"]
    progress = Progress(Path(lock).read_text(encoding="utf-8"), folder)
    return install([*line, *options, "--requirement", lock], progress)


if __name__ == "__main__":
    sys.exit(main())
