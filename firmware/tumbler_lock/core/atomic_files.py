"""The few file operations that the core needs, and the one place where the two interpreters differ in them.

On littlefs each function that changes something is one commit: the power may be cut anywhere inside it, and afterwards
the files are as before or as after. That holds for one open, any number of writes and one close, with no flush between,
and for a rename over an existing file; a directory that is made or removed is one, too. Nothing else is used. On a
plain directory of another system (tests, host tools) there is no such promise. Every function lets OSError through.
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
_DIRECTORY = 0x4000  # in the mode of a stat
_CHUNK = 512  # bytes that are read at once
_CHUNKS = 4  # so many without a pause


class InDoubt(OSError):
    """The file system failed in a change and then does not say whether it was made."""


def exists(path: str) -> bool:
    """Whether the file is there."""
    try:
        os.stat(path)
    except OSError as error:
        if error.errno == NO_ENTRY:
            return False
        raise
    return True


def write(path: str, parts: "Iterable[bytes]") -> None:
    """Make the file hold exactly the parts, one after the other."""
    _put(path, "wb", parts)


def append(path: str, data: bytes, size: int) -> None:
    """Add the data at the end of the file, which has `size` bytes."""
    try:
        _put(path, "ab", (data,))
    except OSError:
        # Housekeeping that failed after the commit is no failure of the commit: to append again would be wrong.
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
    """Give the file `old` the name `new`; a file that has that name is gone."""
    try:
        _rename(old, new)
    except OSError:
        try:
            undone = exists(old)
        except OSError as error:
            raise InDoubt(error.errno)
        if undone:  # otherwise it is done, and only what came after it failed
            raise


def remove(path: str) -> None:
    """Remove the file; nothing happens when there is none."""
    try:
        os.remove(path)
    except OSError as error:
        if error.errno != NO_ENTRY:
            raise


# What updates need besides


def size(path: str) -> int:
    """Return the bytes of a file; -1 when there is none, or it is a directory."""
    try:
        found = os.stat(path)
    except OSError as error:
        if error.errno == NO_ENTRY:
            return -1
        raise
    return -1 if found[0] & _DIRECTORY else found[6]


def read(path: str, most: int) -> bytes:
    """Return what is in the file, `most` bytes of it and one at most; b"" when there is none."""
    if size(path) < 0:
        return b""
    with open(path, "rb") as file:
        return file.read(most + 1)


def digest(path: str) -> "Generator[None, None, bytes]":
    """Return the SHA-256 of a file. A generator, in slices (core/slices.py)."""
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
    return found.digest()


def make_directories(path: str) -> None:
    """Make the directories that the file's path needs."""
    at = path.find("/", 1)
    while at > 0:
        try:
            os.mkdir(path[:at])
        except OSError as error:
            if error.errno != _EXISTS:
                raise
        at = path.find("/", at + 1)


def tree(path: str) -> "Iterator[tuple[str, bool]]":
    """Yield every path below a directory, and whether it is a directory, which comes after what is in it. Nothing when
    there is none."""
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
    """Remove a directory when it is empty."""
    if not os.listdir(path):
        os.rmdir(path)


def space(path: str) -> "tuple[int, int]":
    """Return the bytes of a block of the file system, and how many blocks are free."""
    found = os.statvfs(path or "/")
    return found[0], found[3]
