"""Run a script in the real MicroPython (its Unix port) from a test.

The interpreter is the one that `tumbler run` uses. Scripts run in the repository root; the modules they import are
compiled: tumbler_lock, the simulated board of tumbler, and tests.dual.
"""

import os
import subprocess
import tempfile
from functools import cache
from pathlib import Path

from tumbler.simulator import compiled
from tumbler.simulator.micropython import candidate

ROOT = Path(__file__).resolve().parents[2]


def find() -> str:
    """Return the path of the MicroPython to use; NoMicroPython says how to get one."""
    return candidate()


@cache
def search_path(interpreter: str) -> str:
    """Return where MicroPython finds modules: its own frozen ones, and everything that tests run in it."""
    tests = [ROOT / "tests" / "__init__.py", *(ROOT / "tests" / "dual").rglob("*.py")]
    own = {path.relative_to(ROOT).as_posix(): path for path in tests}
    return f".frozen:{compiled.folder(interpreter, {**compiled.board_sources(), **own})}"


def environment() -> dict[str, str]:
    """Return the variables with which a process finds its modules."""
    return {**os.environ, "MICROPYPATH": search_path(find())}


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
