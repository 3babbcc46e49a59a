"""Manifest: what is in a slot, or shall be (docs/spec/update.md, "Manifest"). Bytes in, values out; integers
big-endian."""

from hashlib import sha256

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

MAGIC = b"TMBm"
FORMAT = 1
MOST = 8192  # bytes of a manifest
FILES_MOST = 200
FILE_MOST = 65_536  # bytes of a file
TOTAL_MOST = 524_288
NAME_MOST = 64
TOP = "tumbler_lock/"
IDENT = 8  # bytes of an update's id
_HEAD = 16
_DIGEST = 32
_DOT, _SLASH = 0x2E, 0x2F


class Manifest:
    """Made from its bytes; ValueError when they are none.

    Attributes: data (the bytes), version (three numbers), bytecode (version of the .mpy format and processor, 0 where
    there is none), count (of files), total (their bytes), signed (how many bytes the signature covers), signature.
    """

    def __init__(self, data: bytes) -> None:
        if not _HEAD + 2 < len(data) <= MOST:
            raise ValueError("a manifest has another length")
        if data[:5] != MAGIC + bytes((FORMAT,)):
            raise ValueError("no manifest of this format")
        self.data = data
        self.version = (data[5], data[6], data[7])
        self.bytecode = (data[8], data[9])
        self.count = _number(data, 10, 2)
        self.total = _number(data, 12, 4)
        if not 1 <= self.count <= FILES_MOST or self.total > TOTAL_MOST:
            raise ValueError("too many files for a slot, or too large ones")
        self.signed = self._check_files()
        self.signature = data[self.signed + 2 :]
        if len(data) < self.signed + 2 or len(self.signature) != _number(data, self.signed, 2):
            raise ValueError("the signature has another length")

    def _check_files(self) -> int:
        """Check every entry; return where they end."""
        at = _HEAD
        last = b""
        total = 0
        for _ in range(self.count):
            length = self.data[at] if at < len(self.data) else 0
            end = at + 1 + length + 4 + _DIGEST
            if not 1 <= length <= NAME_MOST or end > len(self.data):
                raise ValueError("a manifest that is cut")
            name = self.data[at + 1 : at + 1 + length]
            if name <= last or not _is_name(name):
                raise ValueError("a name that no file of a slot has, or one out of order")
            last = name
            size = _number(self.data, at + 1 + length, 4)
            if not 1 <= size <= FILE_MOST:
                raise ValueError("a file has 1 to 65,536 bytes")
            total += size
            at = end
        if total != self.total:
            raise ValueError("the sizes do not add up")
        return at

    def files(self) -> "Iterator[tuple[str, int, bytes]]":
        """Yield name, size and SHA-256 of each file."""
        data = self.data
        at = _HEAD
        for _ in range(self.count):
            end = at + 1 + data[at]
            name = data[at + 1 : end].decode()
            at = end + 4 + _DIGEST
            yield name, _number(data, end, 4), data[end + 4 : at]

    @property
    def ident(self) -> bytes:
        """The update's id."""
        return sha256(self.data).digest()[:IDENT]


def _number(data: bytes, at: int, size: int) -> int:
    return int.from_bytes(data[at : at + size], "big")


def _is_name(name: bytes) -> bool:
    """Whether these bytes name a file of a slot: tumbler_lock/ and words, none of which begins with a dot."""
    top = TOP.encode()
    if name[: len(top)] != top or name[-1:] == b"/":
        return False
    before = _SLASH
    for byte in name:
        if byte in (_DOT, _SLASH):
            if before == _SLASH:
                return False
        elif not (0x61 <= byte <= 0x7A or 0x30 <= byte <= 0x39 or byte == 0x5F):
            return False
        before = byte
    return True
