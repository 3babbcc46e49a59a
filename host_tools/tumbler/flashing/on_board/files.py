"""On the board: files read, written and moved, one change of littlefs each. Paths begin with /."""

import binascii
import hashlib
import json
import os
import sys

CHUNK = 1024
FOLDER = 0x4000
EEXIST = 17
ENOENT = 2
NEW = ".new"


def tell(value):
    """Answer the host: one line that no other output looks like."""
    print("@" + json.dumps(value))


def hexed(data):
    """Bytes as text."""
    return binascii.hexlify(data).decode()


def read(path):
    """A file's bytes in hexadecimal digits, None when there is no such file."""
    try:
        with open(path, "rb") as file:
            return hexed(file.read())
    except OSError as error:
        if error.errno == ENOENT:
            return None
        raise


def digest(path):
    """The SHA-256 of a file."""
    state = hashlib.sha256()
    buffer = memoryview(bytearray(CHUNK))
    with open(path, "rb") as file:
        while True:
            size = file.readinto(buffer)
            if not size:
                return state.digest()
            state.update(buffer[:size])


def entries(folder):
    """Names, types and sizes in a folder; none when it is not there."""
    try:
        return list(os.ilistdir(folder))
    except OSError as error:
        if error.errno == ENOENT:
            return []
        raise


def walk(folder, found):
    """Put path -> [size, SHA-256] of every file below a folder into `found`."""
    for entry in entries(folder):
        path = folder + "/" + entry[0]
        if entry[1] & FOLDER:
            walk(path, found)
        else:
            found[path] = [entry[3], hexed(digest(path))]
    return found


def exists(path):
    """Whether a file or folder is there."""
    try:
        os.stat(path)
    except OSError as error:
        if error.errno == ENOENT:
            return False
        raise
    return True


def inside():
    """The version of the firmware that is part of this MicroPython; None when there is none."""
    try:
        from tumbler_frozen import MARK
    except ImportError:
        return None
    return MARK.split()[2]


def look(names, folders):
    """What is on the board: files of the root, everything in some folders, /slot, and what runs here."""
    found = {}
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


def make_folders(path):
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

    def __init__(self, path):
        make_folders(path)
        self.path = path
        self.file = open(path + NEW, "wb")  # noqa: SIM115 -- closed by end()

    def add(self, text):
        """Add bytes, given in base64."""
        self.file.write(binascii.a2b_base64(text))

    def end(self, sha256):
        """Give the file its name if it came whole."""
        self.file.close()
        settle(self.path, sha256)


def settle(path, sha256):
    """Let PATH.new take the place of PATH when it has this SHA-256; ValueError otherwise."""
    if hexed(digest(path + NEW)) != sha256:
        os.remove(path + NEW)
        raise ValueError("what was written to " + path + " is not what was sent")
    os.rename(path + NEW, path)


def copy(source, path, sha256):
    """Copy a file of the other slot."""
    make_folders(path)
    with open(source, "rb") as old, open(path + NEW, "wb") as new:
        while True:
            part = old.read(CHUNK)
            if not part:
                break
            new.write(part)
    settle(path, sha256)


def rename(old, new):
    """Give a file or folder another name."""
    os.rename(old, new)


def remove(path):
    """Remove a file, or a folder with all that is in it; nothing happens when it is not there."""
    if not exists(path):
        return
    if os.stat(path)[0] & FOLDER:
        for entry in entries(path):
            remove(path + "/" + entry[0])
        os.rmdir(path)
    else:
        os.remove(path)
