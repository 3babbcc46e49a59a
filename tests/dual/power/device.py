"""A flash chip in RAM for littlefs, and what a power cut leaves of an operation (MicroPython).

The chip can keep a list of the operations done to it. A power cut at operation n is then the picture from before
with the first n operations done and the next one torn: exactly what the chip would hold if the process had stopped
there, without the run having to be repeated for every cut, and with no file closed later by a garbage collector.
"""

import random

# What a torn operation leaves. Of a write: nothing, its first byte, its first half, all but its last byte, or some of
# its bits all over. Of an erase: nothing, the first 16 bytes erased, the first half, all but the last byte, or noise.
TORN = ("none", "first", "half", "last", "noise")

_IOCTL_COUNT = 4
_IOCTL_SIZE = 5
_IOCTL_ERASE = 6


class Flash:
    """A block device of `blocks` blocks of `size` bytes over `data` (its picture; None: erased)."""

    def __init__(self, blocks, size=4096, data=None):
        self.blocks = blocks
        self.size = size
        self.data = bytearray(b"\xff" * (blocks * size)) if data is None else data
        self.operations = None  # a list while recording, of (offset, bytes written or None for an erase)
        self.erases = None  # a list while counting, of erases by block

    def record(self):
        """From now on keep every operation."""
        self.operations = []

    def recorded(self):
        """The operations since `record`."""
        operations, self.operations = self.operations, None
        return operations

    def readblocks(self, block, buffer, offset=0):
        """Fill the buffer from an offset in a block."""
        start = block * self.size + offset
        buffer[:] = memoryview(self.data)[start : start + len(buffer)]

    def writeblocks(self, block, buffer, offset):
        """Program erased bytes; ValueError when they are not erased, which a real chip would answer with nonsense."""
        start = block * self.size + offset
        end = start + len(buffer)
        if self.data[start:end] != b"\xff" * len(buffer):
            raise ValueError("block %d is programmed twice at %d" % (block, offset))
        self.data[start:end] = buffer
        if self.operations is not None:
            self.operations.append((start, bytes(buffer)))

    def ioctl(self, request, argument):
        """As MicroPython's block devices: geometry and erase."""
        if request == _IOCTL_COUNT:
            return self.blocks
        if request == _IOCTL_SIZE:
            return self.size
        if request == _IOCTL_ERASE:
            start = argument * self.size
            self.data[start : start + self.size] = b"\xff" * self.size
            if self.erases is not None:
                self.erases[argument] += 1
            if self.operations is not None:
                self.operations.append((start, None))
        return 0


def do(data, operation, size):
    """Do a recorded operation to the picture `data` of a chip with blocks of `size` bytes."""
    start, written = operation
    if written is None:
        written = b"\xff" * size
    data[start : start + len(written)] = written


def tear(data, operation, how, size, seed):
    """Do to the picture what is left of the operation when the power goes; `how` is one of TORN."""
    start, written = operation
    if how == "none":
        return
    if how == "noise":
        source = random.getrandbits
        random.seed(seed)
        if written is None:
            noise = bytearray(source(8) for _ in range(256))
            for at in range(start, start + size, 256):
                data[at : at + 256] = noise
        else:
            # A write only clears bits: some of those it should have cleared are.
            data[start : start + len(written)] = bytes(byte | source(8) for byte in written)
        return
    length = size if written is None else len(written)
    keep = {"first": 1 if written else 16, "half": length // 2, "last": length - 1}[how]
    data[start : start + keep] = b"\xff" * keep if written is None else written[:keep]
