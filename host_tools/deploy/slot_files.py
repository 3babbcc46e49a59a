"""`/slot` and the manifests of the two slots: fixed layouts (docs/update.md). All integers are big-endian."""

import hashlib
import struct
import zlib
from dataclasses import dataclass

SLOT = struct.Struct(">4sBBBBI")  # magic, format, slot that runs, state, starts left, zero; then a CRC-32
SLOT_MAGIC = b"TMBs"
MANIFEST = struct.Struct(">4sB3B2BHI")  # magic, format, version, bytecode, count of files, total bytes
MANIFEST_MAGIC = b"TMBm"
FORMAT = 1
SETTLED, TRIAL = 0, 1
STARTS = 3  # of a trial
NAMES = ("a", "b")


@dataclass(frozen=True)
class Slot:
    """What `/slot` says: which slot runs, whether on trial, and how many starts that trial has left."""

    run: str
    state: int = SETTLED
    starts: int = 0

    @property
    def settled(self) -> str:
        """The slot that is never written: the one that runs, or that a trial falls back to."""
        return self.run if self.state == SETTLED else other(self.run)

    def pack(self) -> bytes:
        """16 bytes."""
        head = SLOT.pack(SLOT_MAGIC, FORMAT, ord(self.run), self.state, self.starts, 0)
        return head + zlib.crc32(head).to_bytes(4, "big")


def other(name: str) -> str:
    """The other slot."""
    return NAMES[1 - NAMES.index(name)]


def read_slot(data: bytes) -> Slot | None:
    """Return what `/slot` says, None when it is damaged."""
    if len(data) != SLOT.size + 4 or zlib.crc32(data[: SLOT.size]) != int.from_bytes(data[SLOT.size :], "big"):
        return None
    magic, form, run, state, starts, _ = SLOT.unpack_from(data)
    if magic != SLOT_MAGIC or form != FORMAT or chr(run) not in NAMES or state not in (SETTLED, TRIAL):
        return None
    return Slot(chr(run), state, starts)


@dataclass(frozen=True)
class Manifest:
    """What a slot holds. bytecode: version of the .mpy format and processor of machine code, 0 where there is none;
    files: name -> (size, SHA-256).
    """

    version: tuple[int, int, int]
    bytecode: tuple[int, int]
    files: dict[str, tuple[int, bytes]]

    @classmethod
    def of(cls, version: str, files: dict[str, bytes]) -> "Manifest":
        """Describe files."""
        major, minor, patch = (int(part) for part in version.split("."))
        described = {name: (len(data), hashlib.sha256(data).digest()) for name, data in sorted(files.items())}
        compiled = [data for name, data in files.items() if name.endswith(".mpy")]
        formats = {data[1] for data in compiled}  # of an .mpy file: M, version, 4 times the processor + sub-version
        bytecode = (max(formats, default=0), max((data[2] >> 2 & 0xF for data in compiled), default=0))
        return cls((major, minor, patch), bytecode, described)

    def pack(self) -> bytes:
        """The bytes of an unsigned manifest, which is enough for the cable."""
        total = sum(size for size, _ in self.files.values())
        parts = [MANIFEST.pack(MANIFEST_MAGIC, FORMAT, *self.version, *self.bytecode, len(self.files), total)]
        for name, (size, digest) in sorted(self.files.items()):
            parts.append(bytes([len(name)]) + name.encode() + size.to_bytes(4, "big") + digest)
        return b"".join(parts) + bytes(2)


def read_manifest(data: bytes) -> Manifest | None:
    """Return what a manifest says, None when it is damaged. Its signature is not looked at."""
    try:
        magic, form, major, minor, patch, code, processor, count, total = MANIFEST.unpack_from(data)
        at, files = MANIFEST.size, {}
        for _ in range(count):
            end = at + 1 + data[at]
            name = data[at + 1 : end].decode()
            files[name] = (int.from_bytes(data[end : end + 4], "big"), data[end + 4 : end + 36])
            at = end + 36
        whole = len(data) == at + 2 + int.from_bytes(data[at : at + 2], "big")
    except (struct.error, IndexError, UnicodeDecodeError):
        return None
    if magic != MANIFEST_MAGIC or form != FORMAT or not whole or sum(size for size, _ in files.values()) != total:
        return None
    return Manifest((major, minor, patch), (code, processor), files)
