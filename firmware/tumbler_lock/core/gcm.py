"""AES-256-GCM (NIST SP 800-38D) with nonces of 12 bytes and whole tags of 16, over AES on single blocks.

GHASH multiplies polynomials over bits, which no interpreter has an operation for. Here a polynomial of 128 bits
is spread over an integer of 128 bytes, one coefficient a byte. The integer multiplication that Python does have
then adds up at most 128 products in a byte: nothing carries into the next, and the lowest bit of each byte is the
coefficient of the product. This needs no table, and no step depends on the values of the bits.

A block costs as much as some HMACs, so a long message is processed in slices (cooperative.py) of SLICE_BLOCKS blocks.
"""

from .aes import ecb
from .cooperative import run
from .errors import SessionError
from .kdf import same

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .cooperative import Slices

AES_KEY_SIZE = 32
GCM_NONCE_SIZE = 12
GCM_TAG_SIZE = 16
SLICE_BLOCKS = 4
_BLOCK = 16

_LOW = (1 << 8 * 128) - 1  # the coefficients of x**0 to x**127
_ONES = int.from_bytes(b"\x01" * 255, "little")  # of a whole product, the lowest bit of each
_FOLD = 1 | 1 << 8 | 1 << 16 | 1 << 56  # x**128 = x**7 + x**2 + x + 1


def _spread(block: bytes) -> int:
    """Return the polynomial of a block of 16 bytes, one coefficient a byte.

    In GCM the first bit of a block belongs to x**0, so the binary digits are those bytes in the right order. The
    lowest bit of the characters 0 and 1 is 0 and 1.
    """
    digits = bin(1 << 128 | int.from_bytes(block, "big"))[3:]
    return int.from_bytes(digits.encode(), "little") & _ONES


def _gather(polynomial: int) -> int:
    """Return the number of the block that has this polynomial."""
    digits = (polynomial | int.from_bytes(b"0" * 128, "little")).to_bytes(128, "little")
    return int(digits.decode(), 2)


class Gcm:
    """AES-256-GCM under one key of 32 bytes; ValueError for another size.

    Never seal two messages with the same nonce: that reveals both messages, and the key of the tags.
    """

    def __init__(self, key: bytes) -> None:
        if len(key) != AES_KEY_SIZE:
            raise ValueError("AES-256-GCM takes a key of 32 bytes")
        self._encipher = ecb(key).encrypt
        self._factor = _spread(self._encipher(bytes(_BLOCK)))

    def seal(self, nonce: bytes, text: bytes, extra: bytes = b"") -> bytes:
        """Return `text` enciphered, and after it the tag of 16 bytes that covers it and `extra`."""
        return run(self.sealing(nonce, text, extra))

    def open(self, nonce: bytes, sealed: bytes, extra: bytes = b"") -> bytes:
        """Return the text in `sealed`. SessionError, and nothing deciphered, unless it was sealed with this key,
        `nonce` and `extra`.
        """
        return run(self.opening(nonce, sealed, extra))

    def sealing(self, nonce: bytes, text: bytes, extra: bytes = b"") -> "Slices[bytes]":
        """`seal` in slices."""
        stream = self._stream(nonce, 1, 1 + (len(text) + 15) // _BLOCK)
        sealed = _mixed(text, stream[_BLOCK:])
        tag = yield from self._hash(extra, sealed)
        return sealed + _mixed(tag, stream)

    def opening(self, nonce: bytes, sealed: bytes, extra: bytes = b"") -> "Slices[bytes]":
        """`open` in slices."""
        if len(sealed) < GCM_TAG_SIZE:
            raise _refusal()
        text, tag = sealed[:-GCM_TAG_SIZE], sealed[-GCM_TAG_SIZE:]
        found = yield from self._hash(extra, text)
        if not same(_mixed(found, self._stream(nonce, 1, 1)), tag):
            raise _refusal()
        return _mixed(text, self._stream(nonce, 2, (len(text) + 15) // _BLOCK))

    def _stream(self, nonce: bytes, first: int, blocks: int) -> bytes:
        """Return some blocks of the key stream. Block 1 hides the tag, the text begins at block 2."""
        if len(nonce) != GCM_NONCE_SIZE:
            raise ValueError("AES-256-GCM takes a nonce of 12 bytes here")
        return self._encipher(b"".join([nonce + i.to_bytes(4, "big") for i in range(first, first + blocks)]))

    def _hash(self, extra: bytes, text: bytes) -> "Slices[bytes]":
        """Return GHASH of both, each filled up to whole blocks, and of their lengths in bits; in slices."""
        factor, low, ones, fold = self._factor, _LOW, _ONES, _FOLD
        lengths = (len(extra) << 67 | len(text) << 3).to_bytes(_BLOCK, "big")
        blocks = bytes(extra) + bytes(-len(extra) % _BLOCK) + bytes(text) + bytes(-len(text) % _BLOCK) + lengths
        y = 0
        for at in range(0, len(blocks), _BLOCK):
            if at and not at % (SLICE_BLOCKS * _BLOCK):
                yield None
            y = (y ^ _spread(blocks[at : at + _BLOCK])) * factor & ones
            # Fold twice what is above x**127: first 127 coefficients, then 6.
            y = (y & low) + (y >> 1024) * fold
            y = (y & low) + (y >> 1024) * fold & ones
        return _gather(y).to_bytes(_BLOCK, "big")


def _refusal() -> SessionError:
    return SessionError("a message is not authentic")


def _mixed(text: bytes, stream: bytes) -> bytes:
    """Return the text XORed with as much of the key stream."""
    size = len(text)
    if not size:
        return b""
    return (int.from_bytes(text, "big") ^ int.from_bytes(stream[:size], "big")).to_bytes(size, "big")
