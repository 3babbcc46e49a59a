"""An empty directory on either interpreter: littlefs in RAM on MicroPython, a temporary folder on CPython."""

import os

try:
    import vfs
except ImportError:
    vfs = None

BLOCK = 4096


class RamDisk:
    """A block device in RAM with the interface littlefs wants (erase by ioctl 6, partial writes)."""

    def __init__(self, blocks: int):
        self._data = bytearray(b"\xff" * (blocks * BLOCK))
        self.erases = 0
        self.writes = 0

    def readblocks(self, block, buffer, offset=0):
        start = block * BLOCK + offset
        buffer[:] = self._data[start : start + len(buffer)]

    def writeblocks(self, block, buffer, offset=0):
        self.writes += 1
        start = block * BLOCK + offset
        self._data[start : start + len(buffer)] = buffer

    def ioctl(self, op, block):
        if op == 4:
            return len(self._data) // BLOCK
        if op == 5:
            return BLOCK
        if op == 6:
            self.erases += 1
            start = block * BLOCK
            self._data[start : start + BLOCK] = b"\xff" * BLOCK
        return 0


class Scratch:
    """`with Scratch() as path:` an empty directory that is gone afterwards; `.disk` is the RamDisk, or None."""

    def __init__(self, blocks: int = 128):
        self.disk = None if vfs is None else RamDisk(blocks)
        self._temporary = None

    def __enter__(self) -> str:
        if vfs is None:
            import tempfile

            self._temporary = tempfile.TemporaryDirectory(prefix="tumbler-")
            return self._temporary.name
        vfs.VfsLfs2.mkfs(self.disk)
        vfs.mount(self.disk, "/scratch")
        os.mkdir("/scratch/lock")
        return "/scratch/lock"

    def __exit__(self, *_error) -> None:
        if self._temporary:
            self._temporary.cleanup()
        else:
            vfs.umount("/scratch")
