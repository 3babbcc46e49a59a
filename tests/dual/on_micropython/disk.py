"""A flash image from the outside: files put on its littlefs and taken off it.

Arguments: the image, its KiB, and a file of JSON, as an argument of MicroPython has 255 bytes at most: {"format": true
or false, "write": [[path, host file], ...], "remove": [path, ...], "read": [path, ...]}. Prints one JSON object of what
was read, in hexadecimal, null for a file that is not there.
"""

import json
import sys

import vfs

from tumbler.simulator.board.flash import SimulatedFlash
from tumbler_lock.core import atomic_files

TOP = "/disk"


def main(image, kib, order):
    flash = SimulatedFlash(image, kib, None)
    if order.get("format"):
        vfs.VfsLfs2.mkfs(flash)
    vfs.mount(vfs.VfsLfs2(flash), TOP)
    for path, source in order.get("write", ()):
        with open(source, "rb") as file:
            data = file.read()
        atomic_files.make_directories(TOP + path)
        atomic_files.write(TOP + path, (data,))
    for path in order.get("remove", ()):
        atomic_files.remove(TOP + path)
    read = {}
    for path in order.get("read", ()):
        data = atomic_files.read(TOP + path, 1_000_000)
        read[path] = data.hex() if atomic_files.exists(TOP + path) else None
    vfs.umount(TOP)
    print(json.dumps(read))


with open(sys.argv[3]) as given:
    main(sys.argv[1], int(sys.argv[2]), json.load(given))
