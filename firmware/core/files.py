"""The few file operations the store needs, and the one place where the two interpreters differ in them.

On littlefs each function is one commit: the power may be cut anywhere inside it, and afterwards the files are
as before or as after. That holds for one open, any number of writes and one close, with no flush between, and
for a rename over an existing file; nothing else is used. On a plain directory of another system (tests, host
tools) there is no such promise. Every function lets OSError through.
"""

import os

try:
    from os import replace as _rename  # CPython: `rename` does not replace a file on every system
except ImportError:
    from os import rename as _rename  # type: ignore[assignment]  # MicroPython: littlefs replaces, atomically

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

NO_ENTRY = 2
_NO_SPACE = 28


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
