"""The board's flash chip: a block device over an image file, written through at every operation.

At any moment the file holds what the chip holds, so that a power cut is just the end of the process. NOR flash: an
erase makes a block all ones, a write can only clear bits. Operations are writes and erases, counted from 1.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from io import BufferedRandom
    from typing import Callable, NoReturn


BLOCK = 4096

_COUNT = 4
_SIZE = 5
_ERASE = 6
_ENOENT = 2
_EIO = 5


class SimulatedFlash:
    """The chip. path: the image, made erased if it is missing or empty; kib: size; cut(): ends the power-on.

    OSError if the file cannot be opened, ValueError if it has another size. `writes`, `erases`: operations since the
    power came.
    """

    def __init__(self, path: str, kib: int, cut: "Callable[[], NoReturn]") -> None:
        self._blocks = kib * 1024 // BLOCK
        self._cut = cut
        self._left = 0  # operations until the power cut; 0: none is planned
        self._frozen = False
        self.writes = 0
        self.erases = 0
        self._file = _open(path)
        size = self._file.seek(0, 2)
        if size == 0:
            for block in range(self._blocks):
                self._put(block * BLOCK, b"\xff" * BLOCK)
        elif size != kib * 1024:
            raise ValueError("the flash image has %d bytes instead of %d" % (size, kib * 1024))

    def blank(self) -> bool:
        """Return whether the whole chip is erased."""
        erased = b"\xff" * BLOCK
        buffer = bytearray(BLOCK)
        for block in range(self._blocks):
            self.readblocks(block, buffer)
            if buffer != erased:
                return False
        return True

    def plan_cut(self, operations: int) -> None:
        """Cut the power in the middle of the operation that many from here (1: the next; 0: in none)."""
        self._left = operations

    def freeze(self) -> None:
        """Let nothing reach the file from now on."""
        self._frozen = True

    def readblocks(self, block: int, buffer: bytearray, offset: int = 0) -> None:
        """Fill the buffer from an offset in a block."""
        self._file.seek(block * BLOCK + offset)
        self._file.readinto(buffer)

    def writeblocks(self, block: int, buffer: bytes, offset: int = 0) -> None:
        """Program bytes."""
        start = block * BLOCK + offset
        length = len(buffer)
        if self._frozen:
            self._cut()  # the file system closes its files when the firmware ends
        self._file.seek(start)
        if self._file.read(length) != b"\xff" * length:
            raise ValueError("block %d is programmed twice at %d" % (block, offset))
        self.writes += 1
        torn = self._torn(length)
        if torn is None:
            self._put(start, buffer)
        else:
            # The last byte that is reached has only some of its bits cleared.
            part = bytearray(buffer[: torn + 1])
            part[torn] |= 0x55
            self._put(start, part)
            self._cut()

    def ioctl(self, request: int, argument: int) -> int:
        """Return the geometry, or erase a block, as MicroPython's block devices do."""
        if request == _COUNT:
            return self._blocks
        if request == _SIZE:
            return BLOCK
        if request == _ERASE:
            self.erases += 1
            torn = self._torn(BLOCK)
            self._put(argument * BLOCK, b"\xff" * (BLOCK if torn is None else torn))
            if torn is not None:
                self._cut()
        return 0

    def _torn(self, length: int) -> "int | None":
        """Return how much of this operation is done if the power goes in it; None if it does not go.

        From one operation to the next it takes another number of eighths, so that cuts beside each other differ.
        """
        if self._frozen:
            self._cut()
        if self._left == 0:
            return None
        self._left -= 1
        if self._left:
            return None
        return length * ((self.writes + self.erases) * 3 % 8) // 8

    def _put(self, start: int, data: bytes) -> None:
        if self._frozen:
            raise OSError(_EIO)
        self._file.seek(start)
        self._file.write(data)


class UnreadableFiles:
    """A file system whose every file gives an I/O error: mounted if the image holds no file system."""

    def mount(self, readonly: bool, mkfs: bool) -> None:
        """Mount it."""

    def umount(self) -> None:
        """Unmount it."""

    def stat(self, path: str) -> "NoReturn":
        """Fail."""
        raise OSError(_EIO)

    def open(self, path: str, mode: str) -> "NoReturn":
        """Fail."""
        raise OSError(_EIO)

    def ilistdir(self, path: str) -> "NoReturn":
        """Fail."""
        raise OSError(_EIO)

    def remove(self, path: str) -> "NoReturn":
        """Fail."""
        raise OSError(_EIO)

    def rename(self, old: str, new: str) -> "NoReturn":
        """Fail."""
        raise OSError(_EIO)


def _open(path: str) -> "BufferedRandom":
    """Return the image, open for reading and writing."""
    try:
        return open(path, "r+b")
    except OSError as error:
        if error.errno != _ENOENT:
            raise
        return open(path, "w+b")
