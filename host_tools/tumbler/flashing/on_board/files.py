"""On the board: read, write and move files, one change of littlefs each. Paths begin with /."""

import binascii
import hashlib
import json
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

CHUNK = 1024
FOLDER = 0x4000
EEXIST = 17
ENOENT = 2
NEW = ".new"


def answer(value: "Any") -> None:
    """Answer the host: one line that no other output looks like."""
    print("@" + json.dumps(value))


def hexed(data: bytes) -> str:
    """Return bytes as hexadecimal digits."""
    return binascii.hexlify(data).decode()


def read(path: str) -> "str | None":
    """Return the bytes of a file in hexadecimal digits; None if there is no such file."""
    try:
        with open(path, "rb") as file:
            return hexed(file.read())
    except OSError as error:
        if error.errno == ENOENT:
            return None
        raise


def digest(path: str) -> bytes:
    """Return the SHA-256 of a file."""
    state = hashlib.sha256()
    buffer = memoryview(bytearray(CHUNK))
    with open(path, "rb") as file:
        while True:
            size = file.readinto(buffer)
            if not size:
                found: bytes = state.digest()
                return found
            state.update(buffer[:size])


def entries(folder: str) -> "list[tuple[Any, ...]]":
    """Return name, type, inode and size of each entry of a folder; an empty list if there is no such folder."""
    try:
        return list(os.ilistdir(folder))
    except OSError as error:
        if error.errno == ENOENT:
            return []
        raise


def walk(folder: str, found: "dict[str, list[Any]]") -> "dict[str, list[Any]]":
    """Put path -> [size, SHA-256] of every file below a folder into `found`, and return it."""
    for entry in entries(folder):
        path = folder + "/" + entry[0]
        if entry[1] & FOLDER:
            walk(path, found)
        else:
            found[path] = [entry[3], hexed(digest(path))]
    return found


def exists(path: str) -> bool:
    """Return whether there is a file or folder of this name."""
    try:
        os.stat(path)
    except OSError as error:
        if error.errno == ENOENT:
            return False
        raise
    return True


def inside() -> "str | None":
    """Return the version of the firmware that is part of this MicroPython; None if there is none."""
    try:
        from tumbler_frozen import MARK  # type: ignore[import-not-found]  # made by flashing/frozen.py
    except ImportError:
        return None
    version: str = MARK.split()[2]
    return version


def look(names: "tuple[str, ...]", folders: "tuple[str, ...]") -> "dict[str, Any]":
    """Return what is on the board: these files of the root, all files of these folders, /slot, and what runs here."""
    found: "dict[str, list[Any]]" = {}
    for folder in folders:
        walk(folder, found)
    for name in names:
        if exists("/" + name):
            found["/" + name] = [os.stat("/" + name)[6], hexed(digest("/" + name))]
    room = os.statvfs("/")
    what = sys.implementation
    return {
        "files": found,
        "slot": read("/slot"),
        "manifests": {name: read("/" + name + "/manifest") for name in ("a", "b")},
        "version": ".".join([str(part) for part in what.version[:3]]),
        "stage": what.version[3] if len(what.version) > 3 else "",
        "inside": inside(),
        "build": getattr(what, "_build", ""),
        "machine": getattr(what, "_machine", ""),
        "free": room[0] * room[3],
        "root": [entry[0] for entry in entries("/")],
    }


def make_folders(path: str) -> None:
    """Make the folders that a file needs."""
    parts = path.split("/")[1:-1]
    for count in range(len(parts)):
        try:
            os.mkdir("/" + "/".join(parts[: count + 1]))
        except OSError as error:
            if error.errno != EEXIST:
                raise


class Writing:
    """The file that is being received."""

    def __init__(self, path: str):
        make_folders(path)
        self.path = path
        self.file = open(path + NEW, "wb")  # noqa: SIM115 -- closed by end()

    def add(self, text: str) -> None:
        """Add bytes, given in base64."""
        self.file.write(binascii.a2b_base64(text))

    def end(self, sha256: str) -> None:
        """Give the file its name; ValueError if its bytes are not those that were sent."""
        self.file.close()
        settle(self.path, sha256)


def settle(path: str, sha256: str) -> None:
    """Rename PATH.new to PATH; ValueError if it does not have this SHA-256."""
    if hexed(digest(path + NEW)) != sha256:
        os.remove(path + NEW)
        raise ValueError("what was written to " + path + " is not what was sent")
    os.rename(path + NEW, path)


def copy(source: str, path: str, sha256: str) -> None:
    """Copy a file of the other slot; ValueError if the copy does not have this SHA-256."""
    make_folders(path)
    with open(source, "rb") as old, open(path + NEW, "wb") as new:
        while True:
            part = old.read(CHUNK)
            if not part:
                break
            new.write(part)
    settle(path, sha256)


def rename(old: str, new: str) -> None:
    """Rename a file or folder."""
    os.rename(old, new)


def remove(path: str) -> None:
    """Remove a file, or a folder with everything in it. Do nothing if there is none."""
    if not exists(path):
        return
    if os.stat(path)[0] & FOLDER:
        for entry in entries(path):
            remove(path + "/" + entry[0])
        os.rmdir(path)
    else:
        os.remove(path)
