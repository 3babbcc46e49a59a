"""Check that the MicroPython image that the user downloaded is the one for this board (docs/guide/flashing.md, flash).

Offsets are of the flash; the image begins at the target's image_offset. The first image that was written is recorded in
`micropython.json` in the registry's folder. An image with the firmware inside is not: it is a build of the user's own,
and no two builds are the same bytes.
"""

import hashlib
import json
import re
import struct
from pathlib import Path

from ..errors import ToolError
from ..hardware.chips import chips
from ..registry.database import home
from ..text import reason
from .frozen import version_in
from .target import Target

MAGIC = 0xE9
PARTITIONS = 0x8000
PARTITIONS_SIZE = 0xC00
ENTRY = struct.Struct("<2sBBII16sI")  # magic, type, subtype, offset, size, label, flags
ENTRY_MAGIC = b"\xaa\x50"
BANNER = re.compile(rb"MicroPython v([0-9]+\.[0-9]+\.[0-9]+)(\S*) on [0-9]{4}-")
RECORD = "micropython.json"


def read(path: Path, target: Target) -> bytes:
    """Return the bytes of the image. ToolError says why it does not fit the target, and which one to download."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ToolError(f"{path} cannot be read: {reason(error)}.", target.fetch) from None
    _check_header(data, target)
    _check_version(data, target)
    _check_room(data, target)
    if version_in(data) is None:
        _check_digest(path, data, target)
    return data


def remember(data: bytes, target: Target) -> None:
    """Record the digest of a stock image that was written, unless one is known. From then on others are refused."""
    if target.sha256 is None and version_in(data) is None:
        record = home() / RECORD
        _remember(record, _name(target), hashlib.sha256(data).hexdigest())


def partitions(data: bytes, image_offset: int) -> dict[str, tuple[int, int]]:
    """Return label -> (offset, size) of the partition table in an image; empty if it has none."""
    found = {}
    table = data[PARTITIONS - image_offset :][:PARTITIONS_SIZE]
    for at in range(0, len(table) - ENTRY.size + 1, ENTRY.size):
        magic, _, _, offset, size, label, _ = ENTRY.unpack_from(table, at)
        if magic != ENTRY_MAGIC:
            break
        found[label.rstrip(b"\0").decode("ascii", "replace")] = (offset, size)
    return found


def file_system(table: dict[str, tuple[int, int]], flash_size: int) -> tuple[int, int]:
    """Return offset and size of the file system that MicroPython will use: its partition, or else the rest."""
    if "vfs" in table:
        return table["vfs"]
    end = max((offset + size for offset, size in table.values()), default=0)
    return end, flash_size - end


def _check_header(data: bytes, target: Target) -> None:
    if len(data) < 32 or data[0] != MAGIC:
        raise ToolError("The file is not an image for an ESP32.", target.fetch)
    chip = int.from_bytes(data[12:14], "little")
    if chip != chips()[target.mcu].number:
        name = next((mcu for mcu, one in chips().items() if one.number == chip), f"the chip number {chip}")
        raise ToolError(f"The image is for {name}, the board '{target.name}' has an {target.mcu}.", target.fetch)


def _check_version(data: bytes, target: Target) -> None:
    banner = BANNER.search(data)
    if banner is None:
        raise ToolError("There is no MicroPython in the image.", target.fetch)
    version = (banner[1] + banner[2]).decode("ascii", "replace")
    if version != target.version:
        raise ToolError(
            f"The image is MicroPython {version}; '{target.name}' was checked with {target.version}.", target.fetch
        )


def _check_room(data: bytes, target: Target) -> None:
    table = partitions(data, target.image_offset)
    if not table:
        raise ToolError("The image has no partition table: it is the program alone.", target.fetch)
    found = file_system(table, target.flash_size)
    if found != (target.vfs_offset, target.vfs_size):
        raise ToolError(
            f"The image puts the file system at {found[0]:#x} with {found[1] // 1024} KiB, the description of"
            f" '{target.name}' at {target.vfs_offset:#x} with {target.vfs_size // 1024} KiB.",
            f"{target.fetch} If it is the right one, correct vfs_offset and vfs_kib in board.json.",
        )
    if target.image_offset + len(data) > target.vfs_offset:
        raise ToolError("The image overlaps the file system.", target.fetch)


def _check_digest(path: Path, data: bytes, target: Target) -> None:
    """Compare the digest with the pinned one, or with the recorded one."""
    digest = hashlib.sha256(data).hexdigest()
    name = _name(target)
    record = home() / RECORD
    known = target.sha256 or _recorded(record).get(name)
    if known not in (None, digest):
        where = "board.json" if target.sha256 else str(record)
        raise ToolError(
            f"{path} is not the known image {name}: its SHA-256 begins with {digest[:8]}, not {known[:8]}.",
            f"Download it again and compare. The known one is in {where}; change it only if you know why it differs.",
        )


def _name(target: Target) -> str:
    """Return the name that the record has for a build and version."""
    return f"{target.build} {target.version}"


def _recorded(record: Path) -> dict[str, str]:
    try:
        data = json.loads(record.read_text(encoding="utf-8"))
        if not isinstance(data, dict) or not all(isinstance(value, str) for value in data.values()):
            raise ValueError
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError):
        raise ToolError(f"{record} cannot be read.", "Move it away; images are then recorded again.") from None
    return data


def _remember(record: Path, name: str, digest: str) -> None:
    if name in _recorded(record):
        return
    try:
        record.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = record.with_name(record.name + ".new")
        draft.write_text(json.dumps({**_recorded(record), name: digest}, indent=2) + "\n", encoding="utf-8")
        draft.replace(record)
    except OSError as error:
        raise ToolError(f"{record} cannot be written: {reason(error)}.", "Make its folder writable.") from error
