"""What both sides hash before the first message of a handshake: which protocol, which lock, which key.

Each side puts in what it believes. If they differ in one bit, be it that somebody between them changed what was
said in clear before, the first message is not authentic: nothing can be downgraded or redirected.
"""

VERSION = 1  # of the link protocol
LOCK_ID = 8  # bytes
_MAGIC = b"TUMBLERl"


def prologue(lock_id: bytes, slot: int, version: int = VERSION) -> bytes:
    """Return the prologue of 18 bytes: magic 8, version 1, key slot 1, lock id 8 (docs/link.md).

    ValueError for a lock id of another size, and for a slot or version that is not 0 to 255.
    """
    if len(lock_id) != LOCK_ID or not 0 <= slot <= 255 or not 0 <= version <= 255:
        raise ValueError("a lock id is 8 bytes, a key slot and a version are 0 to 255")
    return _MAGIC + bytes((version, slot)) + bytes(lock_id)
