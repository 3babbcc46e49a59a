"""AES on single blocks, from the library that the interpreter brings: the only place where the two differ.

MicroPython's `cryptolib` takes keys of 16 and 32 bytes, CPython's `cryptography` those of 24 bytes too. Only encryption
is offered: FF1 never decrypts a block.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Protocol, overload

    class BlockCipher(Protocol):
        """AES under one key: encrypts whole blocks of 16 bytes. With `out`, a buffer of that size, it writes there."""

        @overload
        def encrypt(self, __block: bytes) -> bytes: ...

        @overload
        def encrypt(self, __block: bytes, __out: bytearray) -> bytearray: ...


_BLOCK = 16

try:
    from cryptolib import aes as _aes
except ImportError:
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    class _Ecb:
        """The calls of MicroPython's cipher object that are used here."""

        def __init__(self, key: bytes) -> None:
            # Single blocks are what FF1 is made of; no message is ever enciphered in this mode.
            self._update = Cipher(algorithms.AES(key), modes.ECB()).encryptor().update  # noqa: S305

        def encrypt(self, block: bytes, out: "bytearray | None" = None) -> "Any":  # see BlockCipher
            if len(block) % _BLOCK:
                raise ValueError("AES works on blocks of 16 bytes")
            done = self._update(bytes(block))
            if out is None:
                return done
            out[:] = done
            return out

    def ecb(key: bytes) -> "BlockCipher":
        """Return the block cipher under `key` of 16, 24 or 32 bytes (FIPS 197); ValueError for other sizes."""
        return _Ecb(key)

else:

    def ecb(key: bytes) -> "BlockCipher":
        """Return the block cipher under `key` of 16 or 32 bytes (FIPS 197); ValueError for other sizes."""
        return _aes(key, 1)
