"""A MicroPython with the firmware inside (docs/guide/flashing.md): the folder that MicroPython's own build reads, the
commands of that build, and the mark by which such an image is recognized.

Invariant: the same sources give the same folder.
"""

import re
import shlex
import shutil
from pathlib import Path

from tumbler_lock import VERSION

from ..errors import ToolError
from ..text import reason
from ..updates.update_file import sources
from .packages import NAME as AIOBLE
from .target import Target

MANIFEST = "manifest.py"
# The module from which on_board/files.py reads the version of the firmware inside. Its text is longer than what
# MicroPython makes a shared name of, so tools/mpy-tool.py writes it into the image unchanged.
MODULE = "tumbler_frozen.py"
MARK = "Tumbler firmware {} in MicroPython"
_MARKED = re.compile(rb"Tumbler firmware ([0-9]+\.[0-9]+\.[0-9]+) in MicroPython")
IDF = {"1.28.0": "5.5.1"}  # what ports/esp32/README.md of MicroPython recommends

_TEXT = """\
# The firmware of Tumbler {version}, for the FROZEN_MANIFEST of MicroPython's ports/esp32.
# Made by `tumbler custom-build`.
include("$(PORT_DIR)/boards/manifest.py")
{aioble}
package("tumbler_lock", opt=3)
module("{module}", opt=3)
"""
_REQUIRED = 'require("aioble-peripheral")\nrequire("aioble-server")'  # of MicroPython's own lib/micropython-lib
_COPIED = f'package("{AIOBLE}", opt=3)'


def version_in(image: bytes) -> str | None:
    """Return the version of the firmware inside an image of MicroPython; None for a stock image."""
    found = _MARKED.search(image)
    return found[1].decode() if found else None


def files(aioble: dict[str, bytes] | None = None) -> dict[str, bytes]:
    """Return what the folder holds, by name. aioble: its sources; None to use those of MicroPython."""
    module = f'"""The firmware is part of this MicroPython."""\n\nMARK = "{MARK.format(VERSION)}"\n'
    text = _TEXT.format(version=VERSION, aioble=_REQUIRED if aioble is None else _COPIED, module=MODULE)
    firmware = {name: source.read_bytes() for name, source in sources()}
    return {MANIFEST: text.encode(), MODULE: module.encode(), **firmware, **(aioble or {})}


def write(folder: Path, contents: dict[str, bytes]) -> None:
    """Write the folder, completely or not at all. ToolError if there is something else of its name."""
    if folder.exists() and not (folder / MODULE).is_file() and (not folder.is_dir() or any(folder.iterdir())):
        raise ToolError(f"{folder} has other files in it.", "Name a new folder, or one that this command made.")
    draft = folder.with_name(folder.name + ".new")
    try:
        shutil.rmtree(draft, ignore_errors=True)
        for name, data in contents.items():
            path = draft / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        if folder.exists():
            shutil.rmtree(folder)
        draft.rename(folder)
    except OSError as error:
        raise ToolError(f"{folder} cannot be written: {reason(error)}.", "Name another folder.") from error


def commands(target: Target, folder: Path) -> list[str]:
    """Return the commands that build MicroPython with the folder, one after the other, in a shell that has ESP-IDF."""
    board, _, variant = target.build.partition("-")
    port = f"make -C micropython/ports/esp32 BOARD={board}" + (f" BOARD_VARIANT={variant}" if variant else "")
    return [
        f"git clone --depth 1 --branch v{target.version} https://github.com/micropython/micropython",
        "make -C micropython/mpy-cross",
        f"{port} submodules",
        f"{port} FROZEN_MANIFEST={shlex.quote(str(folder / MANIFEST))}",
    ]


def built(target: Target) -> str:
    """Return where that build puts the image."""
    return f"micropython/ports/esp32/build-{target.build}/firmware.bin"
