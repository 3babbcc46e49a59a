"""The cable of a virtual lock: what it puts on the flash image while the power is off, as it does on a real board.

A flash that holds nothing but the lock's memory becomes one with a loader and two slots, with the firmware of these
sources in slot a; the memory stays. On one that has slots already, only what changes by cable alone is brought up to
date (docs/spec/update.md, "Files on a board"): the firmware in the slots is the business of updates.
"""

from ..errors import ToolError
from ..flashing import file_system
from ..flashing.bundle import Bundle
from ..paths import BOARDS
from ..updates.update_file import build, loader
from .lock import SLOTS_KIB

BOARD = BOARDS / "virtual" / "board.json"
UPDATE_KEY = "update.pub"
MEMORY = "lock"  # the folder of the lock's memory


def plug_in(image: bytes, update_key: bytes | None) -> bytes:
    """Return the image as it is after the cable was there: the same, unless there is something to do.

    update_key: the public key of updates; None leaves the one that is there. ValueError when the image holds no file
    system; ToolError when the firmware does not compile.
    """
    files = _files(image)
    wanted = {**loader(), "board.json": BOARD.read_bytes()}
    if update_key is not None:
        wanted[UPDATE_KEY] = update_key
    if len(image) != SLOTS_KIB * 1024:
        wanted = Bundle.of(build(), wanted).files()
        files = {f"{MEMORY}/{name}": data for name, data in files.items()}
    if all(files.get(name) == data for name, data in wanted.items()):
        return image
    after = {**files, **wanted}
    there = any(name.startswith(f"{MEMORY}/") for name in after)
    return file_system.make(after, SLOTS_KIB * 1024, () if there else (MEMORY,))


def _files(image: bytes) -> dict[str, bytes]:
    """Every file on the image; none on an erased chip, which the board has yet to format."""
    if image == bytes([file_system.ERASED]) * len(image):
        return {}
    try:
        return file_system.read(image)
    except ToolError as error:
        raise ValueError("holds no file system") from error
