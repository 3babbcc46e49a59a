"""The file system of a board as bytes, made and read by littlefs itself, with MicroPython's parameters.

Files go in sorted by path and have no times, so the same files give the same bytes.
"""

from typing import Any

from ..errors import ToolError
from ..extras import require
from .target import BLOCK, Target

# What MicroPython's VfsLfs2 uses: reads and writes of 32 bytes, caches of four times that, 32 bytes of lookahead.
PARAMETERS = {"block_size": BLOCK, "read_size": 32, "prog_size": 32, "cache_size": 128, "lookahead_size": 32}
ERASED = 0xFF


def make(files: dict[str, bytes], size: int, folders: tuple[str, ...] = ()) -> bytes:
    """Return a file system of `size` bytes that holds files and empty folders; ToolError when they do not fit."""
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
    return bytes(disk.context.buffer)


def read(data: bytes) -> dict[str, bytes]:
    """Return every file of a file system; ToolError when it cannot be mounted."""
    disk = _disk(len(data))
    from littlefs import LittleFSError

    disk.context.buffer[:] = data
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
        raise ToolError(f"The file system cannot be read ({error}).", "Make it anew.") from None
    return files


def used(data: bytes) -> int:
    """Return how many bytes of a file system are used, in whole blocks."""
    disk = _disk(len(data))
    disk.context.buffer[:] = data
    disk.mount()
    return disk.used_block_count * BLOCK


def for_target(files: dict[str, bytes], target: Target) -> bytes:
    """Return the file system of a new board: the files, and the folder of the lock's memory."""
    return make(files, target.vfs_size, (target.storage.strip("/"),))


def factory(micropython: bytes, files: dict[str, bytes], target: Target) -> bytes:
    """Return the whole flash from address 0: MicroPython and the file system."""
    image = bytearray([ERASED]) * (target.vfs_offset + target.vfs_size)
    image[target.image_offset : target.image_offset + len(micropython)] = micropython
    image[target.vfs_offset :] = for_target(files, target)
    return bytes(image)


def _disk(size: int):
    with require("flash"):
        from littlefs import LittleFS

    options: dict[str, Any] = {"block_count": size // BLOCK, "mount": False, **PARAMETERS}
    disk = LittleFS(**options)
    disk.context.buffer[:] = bytes([ERASED]) * size
    return disk


def _folders(path: str) -> list[str]:
    parts = path.split("/")[:-1]
    return ["/".join(parts[: count + 1]) for count in range(len(parts))]
