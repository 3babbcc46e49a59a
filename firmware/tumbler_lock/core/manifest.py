"""The manifest: the files of a firmware slot (docs/spec/update.md, "Manifest"). Bytes in, values out; integers are
big-endian.
"""

from hashlib import sha256

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

MANIFEST_MAGIC = b"TMBm"
MANIFEST_FORMAT = 1
MANIFEST_MOST = 8192  # bytes
FILES_MOST = 200
FILE_MOST = 65_536  # bytes of one file
TOTAL_MOST = 524_288  # bytes of all files
NAME_MOST = 64  # characters of a path
TOP = "tumbler_lock/"
IDENT_SIZE = 8  # bytes of the id of an update
_HEAD = 16
_DIGEST = 32
_DOT, _SLASH = 0x2E, 0x2F


class Manifest:
    """Parsed from its bytes; ValueError if they are invalid.

    Attributes: data: the bytes; version: three numbers; bytecode: version of the .mpy format and processor, 0 where it
    does not matter; count: of files; total: bytes of all files; signed: bytes that the signature covers; signature.
    """

    def __init__(self, data: bytes) -> None:
        if not _HEAD + 2 < len(data) <= MANIFEST_MOST:
            raise ValueError("a manifest has 19 to 8,192 bytes")
        if data[:5] != MANIFEST_MAGIC + bytes((MANIFEST_FORMAT,)):
            raise ValueError("not a manifest of format 1")
        self.data = data
        self.version = (data[5], data[6], data[7])
        self.bytecode = (data[8], data[9])
        self.count = _number(data, 10, 2)
        self.total = _number(data, 12, 4)
        if not 1 <= self.count <= FILES_MOST or self.total > TOTAL_MOST:
            raise ValueError("a slot has 1 to 200 files, of 524,288 bytes in all")
        self.signed = self._check_files()
        self.signature = data[self.signed + 2 :]
        if len(data) < self.signed + 2 or len(self.signature) != _number(data, self.signed, 2):
            raise ValueError("the length of the signature is wrong")

    def _check_files(self) -> int:
        """Check every file's entry; return the offset after the last one."""
        at = _HEAD
        last = b""
        total = 0
        for _ in range(self.count):
            length = self.data[at] if at < len(self.data) else 0
            end = at + 1 + length + 4 + _DIGEST
            if not 1 <= length <= NAME_MOST or end > len(self.data):
                raise ValueError("the manifest is cut short")
            name = self.data[at + 1 : at + 1 + length]
            if name <= last or not _is_name(name):
                raise ValueError("a file's name is invalid or out of order")
            last = name
            size = _number(self.data, at + 1 + length, 4)
            if not 1 <= size <= FILE_MOST:
                raise ValueError("a file has 1 to 65,536 bytes")
            total += size
            at = end
        if total != self.total:
            raise ValueError("the sizes of the files do not add up")
        return at

    def files(self) -> "Iterator[tuple[str, int, bytes]]":
        """Yield (name, size, SHA-256) of each file."""
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
        whole: bytes = sha256(self.data).digest()
        return whole[:IDENT_SIZE]


def _number(data: bytes, at: int, size: int) -> int:
    return int.from_bytes(data[at : at + size], "big")


def _is_name(name: bytes) -> bool:
    """Return whether these bytes name a file of a slot: tumbler_lock/ and words, none of which begins with a dot."""
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
