"""AES on single blocks, from whichever library the interpreter brings: the only place where the two differ.

MicroPython's `cryptolib` knows keys of 16 and 32 bytes, CPython's `cryptography` those of 24 bytes too. Only
encryption is offered: FF1 never decrypts a block.
"""

_BLOCK = 16

try:
    from cryptolib import aes as _aes
except ImportError:
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    class _Ecb:
        """The calls of MicroPython's cipher object that are used here."""

        def __init__(self, key: bytes):
            # Single blocks are what FF1 is made of; no message is ever enciphered in this mode.
            self._update = Cipher(algorithms.AES(key), modes.ECB()).encryptor().update  # noqa: S305

        def encrypt(self, block, out=None):
            """Encrypt whole blocks of 16 bytes; with `out`, a buffer of the same size, write them there."""
            if len(block) % _BLOCK:
                raise ValueError("AES works on blocks of 16 bytes")
            done = self._update(bytes(block))
            if out is None:
                return done
            out[:] = done
            return out

    def ecb(key: bytes):
        """Return the block cipher under `key` of 16, 24 or 32 bytes (FIPS 197); ValueError for other sizes.

        `.encrypt(block)` returns the ciphertext, `.encrypt(block, out)` writes it into `out`.
        """
        return _Ecb(key)

else:

    def ecb(key: bytes):
        """Return the block cipher under `key` of 16 or 32 bytes (FIPS 197); ValueError for other sizes.

        `.encrypt(block)` returns the ciphertext, `.encrypt(block, out)` writes it into `out`.
        """
        return _aes(key, 1)
