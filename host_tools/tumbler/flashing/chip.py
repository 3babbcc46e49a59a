"""The chip's own start code, through esptool's command: identify chip and flash, read, erase, write. Addresses are of
the flash.

Each request is an esptool process of its own. Between them the chip stays in its start code, because MicroPython would
make a file system where it finds none. esptool compares the MD5 of what it wrote. Its progress is shown, its messages
are not.
"""

import contextlib
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from ..errors import ToolError
from ..extras import require_program
from ..hardware.chips import chips
from ..text import printable
from .ports import busy, trouble
from .target import Target

FIRST = 8192  # the first bytes of a file system, which are erased where there is none: the two blocks of its root
BAUD = 460_800
STAY = "no-reset"
START = "hard-reset"
LOCKED = "in Secure Download Mode"
PLAIN = {"PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1", "COLUMNS": "160", "NO_COLOR": "1"}

Progress = Callable[[str, int, int], None]  # what, bytes done, bytes in all


class Chip:
    """The chip at a serial port. Use as a context manager: leaving it resets the chip, unless an error came after the
    first change, so that a half-written chip does not start. mac: its address in hexadecimal digits."""

    def __init__(self, port: str, target: Target, progress: Progress = lambda *_: None):
        self._port = port
        self._target = target
        self._progress = progress
        self._changed = False
        self.mac = ""

    def __enter__(self) -> "Chip":
        require_program("esptool", "flash")
        said = self._ask("flash-id")
        self._refuse_chip(_word(said, r"Connected to (\S+) on "))
        self._refuse_flash(_word(said, r"Detected flash size: (\S+)"))
        self.mac = _word(said, r"MAC: +([0-9a-f:]{17})(?!:)\b").replace(":", "")  # later chips print one of 8 bytes too
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None or not self._changed:
            with contextlib.suppress(ToolError):  # the cable may be unplugged
                self._ask("read-mac", after=START)

    def blank(self, address: int) -> bool:
        """Return whether the first bytes of a file system at this address are erased."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "first")
            self._ask("read-flash", hex(address), str(FIRST), str(path))
            return path.read_bytes() == b"\xff" * FIRST

    def erase(self) -> None:
        """Erase the whole flash."""
        self._changed = True
        self._progress("erasing the flash", 0, self._target.flash_size)
        self._ask("erase-flash")
        self._progress("erasing the flash", self._target.flash_size, self._target.flash_size)

    def write(self, what: str, address: int, data: bytes) -> None:
        """Write bytes. The chip compares them."""
        self._changed = True
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "data")
            path.write_bytes(data)
            self._ask(
                "write-flash", hex(address), str(path),
                heard=lambda percent: self._progress(what, int(len(data) * percent / 100), len(data)),
            )  # fmt: skip

    def _refuse_chip(self, found: str) -> None:
        wanted = chips()[self._target.mcu].name
        if found != wanted:
            raise ToolError(
                f"The chip at {self._port} is an {found}; '{self._target.name}' has an {wanted}.",
                "Nothing was written. Name the right board with --board, or the right port with --port.",
            )

    def _refuse_flash(self, size: str) -> None:
        number = re.fullmatch(r"(\d+)(K|M)B", size)
        found = int(number[1]) * {"K": 1024, "M": 1024 * 1024}[number[2]] if number else 0
        if found != self._target.flash_size:
            raise ToolError(
                f"The flash at {self._port} has {size or 'an unknown size'}; '{self._target.name}' has"
                f" {self._target.flash_size // 1024 // 1024} MB.",
                "Nothing was written. Name the right board, or write a description for this one.",
            )

    def _ask(self, *words: str, after: str = STAY, heard: Callable[[float], None] = lambda _: None) -> str:
        """Run esptool and return its output. heard: called with its progress in percent. ToolError if it failed."""
        line = [
            sys.executable, "-m", "esptool", "--port", self._port, "--baud", str(BAUD), "--after", after, *words,
        ]  # fmt: skip
        said = []
        with subprocess.Popen(
            line, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", env={**os.environ, **PLAIN}
        ) as process:
            try:
                for text in process.stdout or ():
                    said.append(text)
                    for percent in re.findall(r" (\d+\.\d)%", text):
                        heard(float(percent))
            except BaseException:
                process.kill()
                raise
        answer = "".join(said)
        if LOCKED in answer:
            raise ToolError(
                f"The chip at {self._port} was locked for good: nothing can be written to it by cable.",
                "Update it over the link, as docs/guide/locked-build.md says.",
            )
        if process.returncode:
            raise self._failed(answer)
        return answer

    def _failed(self, answer: str) -> ToolError:
        """Return what went wrong, in the words of esptool."""
        if found := trouble(self._port):
            return found
        text = answer.partition("A fatal error occurred:")[2].strip() or answer.strip()
        text = " ".join(text.partition("\n\n")[0].split()).rstrip(".")
        if text.startswith("Could not open"):
            return busy(self._port)
        return ToolError(
            f"The chip at {self._port} does not answer as it should ({printable(text)}).",
            "Check cable and port. Hold the board's BOOT button while you connect it, and run the same command again.",
        )


def _word(text: str, pattern: str) -> str:
    """Return the first group of a pattern in what esptool printed; "" if it is not there."""
    found = re.search(pattern, text)
    return found[1] if found else ""
