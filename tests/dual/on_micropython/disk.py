"""A flash image from the outside: files put on its littlefs and taken off it.

Arguments: the image, its KiB, and a file of JSON, as an argument of MicroPython has 255 bytes at most: {"format": true
or false, "write": [[path, host file], ...], "remove": [path, ...], "read": [path, ...]}. Prints one JSON object of what
was read, in hexadecimal, null for a file that is not there.
"""

import json
import sys

import vfs

from firmware.core import files
from host_tools.virtual.flash import Flash

TOP = "/disk"


def main(image, kib, order):
    flash = Flash(image, kib, None)
    if order.get("format"):
        vfs.VfsLfs2.mkfs(flash)
    vfs.mount(vfs.VfsLfs2(flash), TOP)
    for path, source in order.get("write", ()):
        with open(source, "rb") as file:
            data = file.read()
        files.make_directories(TOP + path)
        files.write(TOP + path, (data,))
    for path in order.get("remove", ()):
        files.remove(TOP + path)
    read = {}
    for path in order.get("read", ()):
        data = files.read(TOP + path, 1_000_000)
        read[path] = data.hex() if files.exists(TOP + path) else None
    vfs.umount(TOP)
    print(json.dumps(read))


with open(sys.argv[3]) as given:
    main(sys.argv[1], int(sys.argv[2]), json.load(given))
