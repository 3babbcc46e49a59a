"""What both sides hash before the first message of a handshake: which protocol, lock, key and connection.

Each side puts in what it believes. If they differ in one bit, be it that somebody between them changed what was
said in clear before, or plays a recording, the first message is not authentic: nothing can be downgraded, redirected or
used again.
"""

VERSION = 1  # of the link protocol
LOCK_ID = 8  # bytes
CHALLENGE = 16  # bytes
PAIRING = 255  # the slot of who has no key yet
NO_LOCK = bytes(LOCK_ID)  # the id of a lock without a secret
_MAGIC = b"TUMBLERl"


def prologue(offered: int, version: int, slot: int, lock_id: bytes, challenge: bytes) -> bytes:
    """Return the prologue of 35 bytes: magic 8, version offered 1 and chosen 1, key slot 1, lock id 8, challenge 16
    (docs/spec/link.md).

    ValueError for an id or challenge of another size, and for a slot or version that is not 0 to 255.
    """
    if len(lock_id) != LOCK_ID or len(challenge) != CHALLENGE:
        raise ValueError("a lock id is 8 bytes, a challenge 16")
    for number in (offered, version, slot):
        if not 0 <= number <= 255:
            raise ValueError("a key slot and a version are 0 to 255")
    return _MAGIC + bytes((offered, version, slot)) + bytes(lock_id) + bytes(challenge)
