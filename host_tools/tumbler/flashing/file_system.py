"""The file system of a board as bytes, made and read by littlefs itself, with MicroPython's parameters.

Files are written in the order of their paths and have no times, so the same files give the same bytes.
"""

from typing import TYPE_CHECKING

from ..errors import ToolError
from ..extras import require
from .target import BLOCK, Target

if TYPE_CHECKING:
    from littlefs import LittleFS

# What MicroPython's VfsLfs2 uses: reads and writes of 32 bytes, caches of four times that, 32 bytes of lookahead.
READ_SIZE = 32
CACHE_SIZE = 128
LOOKAHEAD_SIZE = 32
ERASED = 0xFF


def make(files: dict[str, bytes], size: int, folders: tuple[str, ...] = ()) -> bytes:
    """Return a file system of `size` bytes with these files and empty folders; ToolError if they do not fit."""
    disk = _disk(size)
    from littlefs import LittleFSError

    try:
        disk.format()
        disk.mount()
        made: set[str] = set()
        for path in sorted(files):
            for folder in _folders(path):
                if folder not in made:
                    disk.mkdir(folder)
                    made.add(folder)
            with disk.open(path, "wb") as file:
                file.write(files[path])
        for folder in folders:
            disk.mkdir(folder)
        disk.unmount()
    except LittleFSError as error:
        raise ToolError(
            f"The firmware does not fit into a file system of {size // 1024} KiB ({error}).",
            "Take a board with more flash.",
        ) from None
    return bytes(_buffer(disk))


def read(data: bytes) -> dict[str, bytes]:
    """Return every file of a file system; ToolError if it cannot be mounted."""
    disk = _disk(len(data))
    from littlefs import LittleFSError

    _buffer(disk)[:] = data
    try:
        disk.mount()
        files = {}
        for folder, _, names in disk.walk("/"):
            for name in names:
                path = f"{folder.rstrip('/')}/{name}"
                with disk.open(path, "rb") as file:
                    files[path.lstrip("/")] = file.read()
        disk.unmount()
    except LittleFSError as error:
        raise ToolError(f"The file system cannot be read ({error}).", "Erase it and write it again.") from None
    return files


def used(data: bytes) -> int:
    """Return how many bytes of a file system are used, in whole blocks."""
    disk = _disk(len(data))
    _buffer(disk)[:] = data
    disk.mount()
    blocks: int = disk.used_block_count
    return blocks * BLOCK


def for_target(files: dict[str, bytes], target: Target) -> bytes:
    """Return the file system of a new board: the files, and the folder of the lock's memory."""
    return make(files, target.vfs_size, (target.storage.strip("/"),))


def factory(micropython: bytes, files: dict[str, bytes], target: Target) -> bytes:
    """Return the whole flash from address 0: MicroPython and the file system."""
    image = bytearray([ERASED]) * (target.vfs_offset + target.vfs_size)
    image[target.image_offset : target.image_offset + len(micropython)] = micropython
    image[target.vfs_offset :] = for_target(files, target)
    return bytes(image)


def _disk(size: int) -> "LittleFS":
    with require("flash"):
        from littlefs import LittleFS

    disk = LittleFS(
        mount=False,
        block_size=BLOCK,
        block_count=size // BLOCK,
        read_size=READ_SIZE,
        prog_size=READ_SIZE,
        cache_size=CACHE_SIZE,
        lookahead_size=LOOKAHEAD_SIZE,
    )
    _buffer(disk)[:] = bytes([ERASED]) * size
    return disk


def _buffer(disk: "LittleFS") -> bytearray:
    buffer: bytearray = disk.context.buffer  # of littlefs' own context, in memory
    return buffer


def _folders(path: str) -> list[str]:
    parts = path.split("/")[:-1]
    return ["/".join(parts[: count + 1]) for count in range(len(parts))]
