"""Run a script in the real MicroPython (its Unix port) from a test.

The interpreter is the one that `tumbler run` uses (host_tools/tumbler/simulator/micropython.py). Scripts run in the
repository root and
find `tumbler_lock`, `tumbler` and `tests`.
"""

import os
import subprocess
import tempfile
from pathlib import Path

from tumbler.simulator.micropython import candidate
from tumbler.simulator.process import search_path

ROOT = Path(__file__).resolve().parents[2]


def find() -> str:
    """Return the path of the MicroPython to use; NoMicroPython says how to get one."""
    return candidate()


def environment() -> dict[str, str]:
    """Return the variables that let a process import from the repository root and keep its frozen modules."""
    return {**os.environ, "MICROPYPATH": f"{search_path()}:{ROOT}"}


def command(script: str | os.PathLike[str], *args: object, heap: str = "16m") -> list[str]:
    """Return the command line that runs the file `script`; `heap` is a size such as "96k" or "16m"."""
    return [find(), "-X", f"heapsize={heap}", os.fspath(script), *map(str, args)]


def run(script: str | os.PathLike[str], *args: object, timeout: float = 60, heap: str = "16m") -> str:
    """Run a file, or source text (anything with a line break), and return what it printed.

    `timeout` is in seconds. AssertionError, with the script's own output, when it fails or takes longer.
    """
    if isinstance(script, str) and "\n" in script:
        with tempfile.TemporaryDirectory(prefix="tumbler-") as folder:
            path = Path(folder, "script.py")
            path.write_text(script, encoding="utf-8")
            return run(path, *args, timeout=timeout, heap=heap)
    line = command(script, *args, heap=heap)
    try:
        done = subprocess.run(
            line,
            cwd=ROOT,
            env=environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
        )
    except subprocess.TimeoutExpired as late:
        raise AssertionError(f"over {timeout} s: {line}\n{late.stdout!r}\n{late.stderr!r}") from None
    if done.returncode != 0:
        output = (done.stdout + done.stderr)[-8000:]
        raise AssertionError(f"MicroPython ended with {done.returncode}: {line}\n{output}")
    return done.stdout
