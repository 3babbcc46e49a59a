"""HMAC-SHA256 (RFC 2104), HKDF-SHA256 (RFC 5869) and a comparison in constant time.

Keys, messages and results are bytes.
"""

import hashlib

DIGEST = 32
PSK_SIZE = 32  # bytes of a pre-shared key: of an access key, and in a handshake
_BLOCK = 64
_INNER = int.from_bytes(b"\x36" * _BLOCK, "big")
_OUTER = int.from_bytes(b"\x5c" * _BLOCK, "big")


def _pads(key: bytes) -> "tuple[bytes, bytes]":
    """Return the key XORed with the inner and with the outer pad, a block each."""
    if len(key) > _BLOCK:
        key = hashlib.sha256(key).digest()
    number = int.from_bytes(key + bytes(_BLOCK - len(key)), "big")
    return (number ^ _INNER).to_bytes(_BLOCK, "big"), (number ^ _OUTER).to_bytes(_BLOCK, "big")


def _finish(inner: bytes, outer: bytes, message: bytes) -> bytes:
    digest = hashlib.sha256(inner)
    digest.update(message)
    last = hashlib.sha256(outer)
    last.update(digest.digest())
    code: bytes = last.digest()
    return code


def hmac_sha256(key: bytes, message: bytes) -> bytes:
    """Return the 32-byte HMAC-SHA256 of `message` under a key of any length (RFC 2104)."""
    inner, outer = _pads(key)
    return _finish(inner, outer, message)


class Hmac:
    """HMAC-SHA256 under one key, whose pads are prepared once."""

    def __init__(self, key: bytes) -> None:
        self._inner, self._outer = _pads(key)

    def digest(self, message: bytes) -> bytes:
        """Return the 32-byte HMAC-SHA256 of `message`."""
        return _finish(self._inner, self._outer, message)


def hkdf(secret: bytes, info: bytes, length: int = 32, salt: bytes = b"") -> bytes:
    """Derive `length` bytes (1 to 8160, else ValueError) from `secret` for the purpose `info` (RFC 5869)."""
    if not 1 <= length <= 255 * DIGEST:
        raise ValueError("HKDF-SHA256 gives 1 to 8160 bytes")
    expand = Hmac(hmac_sha256(salt, secret))
    out = block = b""
    counter = 0
    while len(out) < length:
        counter += 1
        block = expand.digest(block + info + bytes((counter,)))
        out += block
    return out[:length]


def same(a: bytes, b: bytes) -> bool:
    """Return whether two byte strings are equal, in a time that depends on their lengths only."""
    if len(a) != len(b):
        return False
    different = 0
    for i in range(len(a)):
        different |= a[i] ^ b[i]
    return different == 0
