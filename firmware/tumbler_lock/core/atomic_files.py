"""The few file operations that the core needs, and the one place where the two interpreters differ in them.

On littlefs each function that changes something is one commit: after a power cut anywhere inside it, the files are as
before or as after. That holds for one open, any number of writes and one close without a flush between, for a rename
over an existing file, and for a directory that is made or removed. Nothing else is used. A plain directory of another
system (tests, host tools) gives no such promise. Every function may raise OSError.
"""

import os
from hashlib import sha256

try:
    from os import replace as _rename  # CPython: `rename` does not replace a file on every system
except ImportError:
    from os import rename as _rename  # type: ignore[assignment]  # MicroPython: littlefs replaces, atomically

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator

NO_ENTRY = 2
_EXISTS = 17
_NO_SPACE = 28
_DIRECTORY = 0x4000  # in the mode of `os.stat`
_CHUNK = 512  # bytes that are read at once
_CHUNKS = 4  # chunks without a pause


class InDoubt(OSError):
    """A change failed, and the file system does not say whether it was made."""


def exists(path: str) -> bool:
    """Return whether the file exists."""
    try:
        os.stat(path)
    except OSError as error:
        if error.errno == NO_ENTRY:
            return False
        raise
    return True


def write(path: str, parts: "Iterable[bytes]") -> None:
    """Write the parts, one after the other, as the whole file."""
    _put(path, "wb", parts)


def append(path: str, data: bytes, size: int) -> None:
    """Append the data to the file, which has `size` bytes."""
    try:
        _put(path, "ab", (data,))
    except OSError:
        # If only the housekeeping after the commit failed, the data is there and must not be appended again.
        try:
            found = os.stat(path)[6]
        except OSError as error:
            raise InDoubt(error.errno)
        if found != size + len(data):
            raise


def _put(path: str, mode: str, parts: "Iterable[bytes]") -> None:
    with open(path, mode) as file:
        for part in parts:
            if file.write(part) != len(part):
                raise OSError(_NO_SPACE)


def rename(old: str, new: str) -> None:
    """Rename the file `old` to `new`, and replace a file of that name."""
    try:
        _rename(old, new)
    except OSError:
        try:
            undone = exists(old)
        except OSError as error:
            raise InDoubt(error.errno)
        if undone:  # otherwise the rename was made, and only the housekeeping after it failed
            raise


def remove(path: str) -> None:
    """Remove the file if it exists."""
    try:
        os.remove(path)
    except OSError as error:
        if error.errno != NO_ENTRY:
            raise


# What updates need in addition


def size(path: str) -> int:
    """Return the size of a file in bytes; -1 when it does not exist or is a directory."""
    try:
        found = os.stat(path)
    except OSError as error:
        if error.errno == NO_ENTRY:
            return -1
        raise
    return -1 if found[0] & _DIRECTORY else found[6]


def read(path: str, most: int) -> bytes:
    """Return the file's bytes, at most `most` + 1, so that the caller can notice a longer file; b"" without a file."""
    if size(path) < 0:
        return b""
    with open(path, "rb") as file:
        data: bytes = file.read(most + 1)
        return data


def digest(path: str) -> "Generator[None, None, bytes]":
    """Return the SHA-256 of a file. A generator, in slices (cooperative.py)."""
    found = sha256()
    buffer = bytearray(_CHUNK)
    view = memoryview(buffer)
    with open(path, "rb") as file:
        count = 0
        while True:
            got = file.readinto(buffer)
            if not got:
                break
            found.update(view[:got])
            count += 1
            if count % _CHUNKS == 0:
                yield
    whole: bytes = found.digest()
    return whole


def make_directories(path: str) -> None:
    """Make the directories above the file that do not exist."""
    at = path.find("/", 1)
    while at > 0:
        try:
            os.mkdir(path[:at])
        except OSError as error:
            if error.errno != _EXISTS:
                raise
        at = path.find("/", at + 1)


def tree(path: str) -> "Iterator[tuple[str, bool]]":
    """Yield (path, whether it is a directory) of everything below a directory, which may be missing.

    A directory comes after its content.
    """
    try:
        names = os.listdir(path)
    except OSError as error:
        if error.errno == NO_ENTRY:
            return
        raise
    for name in names:
        below = path + "/" + name
        if size(below) < 0:
            yield from tree(below)
            yield below, True
        else:
            yield below, False


def remove_directory(path: str) -> None:
    """Remove a directory if it is empty."""
    if not os.listdir(path):
        os.rmdir(path)


def space(path: str) -> "tuple[int, int]":
    """Return (bytes of a block of the file system, free blocks)."""
    found = os.statvfs(path or "/")
    return found[0], found[3]
