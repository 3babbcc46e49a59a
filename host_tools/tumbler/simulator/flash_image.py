"""What a cable changes on the flash image of a virtual lock while its power is off, as on a real board.

A flash that holds nothing but the lock's memory gets a loader and two slots, with the firmware of these sources in slot
a; the memory stays. On a flash that has slots, only what no update changes is renewed (docs/spec/update.md, "Files on a
board"); the firmware in the slots changes by updates.
"""

from ..errors import ToolError
from ..flashing import file_system
from ..flashing.board_contents import UPDATE_KEY
from ..flashing.bundle import Bundle
from ..paths import BOARDS
from ..updates.update_file import build, loader
from .lock import SLOTS_KIB

BOARD = BOARDS / "virtual" / "board.json"
MEMORY = "lock"  # the folder of the lock's memory


def plug_in(image: bytes, update_key: bytes | None) -> bytes:
    """Return the image with the files of a cable; the same image if it has them.

    update_key: the public key of updates; None leaves the one that is there. ValueError if the image holds no file
    system; ToolError if the firmware does not compile.
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
    """Return every file on the image; none for an erased chip, which the board formats when it starts."""
    if image == bytes([file_system.ERASED]) * len(image):
        return {}
    try:
        return file_system.read(image)
    except ToolError as error:
        raise ValueError("holds no file system") from error
