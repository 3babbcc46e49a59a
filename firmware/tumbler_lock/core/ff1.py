"""FF1 format-preserving encryption of decimal digits (NIST SP 800-38G, algorithms 7 and 8), radix 10.

A permutation of all strings of n digits, another one for every key, tweak and n. Digits are `str` of "0" to
"9", the tweak is bytes.

For n digits the halves are u = n // 2 and v = n - u digits, and b bytes hold a number of v digits. Each round
enciphers P || Q, Q = tweak || zeros || round || NUM(half), by CBC-MAC. Round and number are at most 13 bytes long for
n <= 56, so only the last block of Q depends on the round. Everything before it is chained once, XORed with what stays
the same in that last block, and called `base` below. A round is then one AES block. Its first d <= 16 bytes are the
number that is added to the other half.
"""

from .aes import ecb

TYPE_CHECKING = False
if TYPE_CHECKING:
    # AES(P) or base, then per length: a half's values (low, high), bits (size, drop), format. See `_begin`, `_shape`.
    Shape = tuple[int, bytes, int, int, int, int, str]
    Start = tuple[int, int, int, int, int, int, int, str]

SHORTEST_INPUT = 6  # digits: 10**6 is the smallest domain that SP 800-38G permits
LONGEST_INPUT = 56  # digits: above it a round would need more than one block

# With up to 12 digits a half is below 10**6: round and number are four bytes, and d is 8.
_SHORT = 12


def ascii_digits(digits: str) -> bytes:
    """Return the digits as ASCII. ValueError for any other character, also for digits of other scripts."""
    encoded = digits.encode()
    for byte in encoded:
        if not 48 <= byte <= 57:
            raise ValueError("a code has only the digits 0 to 9")
    return encoded


class FF1:
    """FF1 with radix 10 under one AES key of 16 or 32 bytes (24 too on CPython); ValueError for others."""

    def __init__(self, key: bytes) -> None:
        self._encipher = ecb(key).encrypt
        self._shapes: "dict[int, Shape]" = {}

    def encrypt(self, tweak: bytes, digits: str) -> str:
        """Return the ciphertext, as many digits as `digits` (6 to 56); `tweak` is 0 to 255 bytes."""
        base, a, b, low, high, size, drop, form = self._begin(tweak, digits)
        encipher = self._encipher
        number = int.from_bytes
        for i in range(0, 10, 2):
            block = (base ^ (i << size | b)).to_bytes(16, "big")
            a = (a + (number(encipher(block), "big") >> drop)) % low
            block = (base ^ (i + 1 << size | a)).to_bytes(16, "big")
            b = (b + (number(encipher(block), "big") >> drop)) % high
        return form % (a * high + b)

    def decrypt(self, tweak: bytes, digits: str) -> str:
        """Return the plaintext of `digits` (6 to 56); `tweak` is 0 to 255 bytes."""
        base, a, b, low, high, size, drop, form = self._begin(tweak, digits)
        encipher = self._encipher
        number = int.from_bytes
        if len(digits) > _SHORT:
            for i in range(9, 0, -2):
                block = (base ^ (i << size | a)).to_bytes(16, "big")
                b = (b - (number(encipher(block), "big") >> drop)) % high
                block = (base ^ (i - 1 << size | b)).to_bytes(16, "big")
                a = (a - (number(encipher(block), "big") >> drop)) % low
            return form % (a * high + b)
        # The same in place, without an integer of 128 bits: a lock does this with every entry.
        block = bytearray(base.to_bytes(16, "big"))
        k12, k13, k14, k15 = block[12:]
        mixed = bytearray(16)
        used = memoryview(mixed)[:8]
        for i in range(9, 0, -2):
            word = i << size | a
            block[12] = k12 ^ word >> 24
            block[13] = k13 ^ word >> 16 & 255
            block[14] = k14 ^ word >> 8 & 255
            block[15] = k15 ^ word & 255
            encipher(block, mixed)
            b = (b - number(used, "big") % high) % high
            word = i - 1 << size | b
            block[12] = k12 ^ word >> 24
            block[13] = k13 ^ word >> 16 & 255
            block[14] = k14 ^ word >> 8 & 255
            block[15] = k15 ^ word & 255
            encipher(block, mixed)
            a = (a - number(used, "big") % low) % low
        return form % (a * high + b)

    def _begin(self, tweak: bytes, digits: str) -> "Start":
        """Return base, the two halves as numbers, and low, high, size, drop, form of `_shape`."""
        n = len(digits)
        t = len(tweak)
        if not SHORTEST_INPUT <= n <= LONGEST_INPUT or t > 255:
            raise ValueError("FF1 takes 6 to 56 digits here, and a tweak of 0 to 255 bytes")
        shape = self._shapes.get(n << 8 | t)
        if shape is None:
            shape = self._shapes[n << 8 | t] = self._shape(n, t)
        first, zeros, low, high, size, drop, form = shape
        a, b = divmod(int(ascii_digits(digits)), high)
        q = tweak + zeros
        for at in range(0, len(q) - 16, 16):
            block = (first ^ int.from_bytes(q[at : at + 16], "big")).to_bytes(16, "big")
            first = int.from_bytes(self._encipher(block), "big")
        return first ^ int.from_bytes(q[-16:], "big"), a, b, low, high, size, drop, form

    def _shape(self, n: int, t: int) -> "Shape":
        """Return what depends on the lengths alone, for n digits and a tweak of t bytes.

        AES(P) as a number; the bytes of Q after the tweak, still zero; how many values each half has; the bits of
        NUM(half); the unused bits of a block; the format of n digits.
        """
        u = n // 2
        high = 10 ** (n - u)
        b = 1
        while 256**b < high:
            b += 1
        d = 4 * ((b + 3) // 4) + 4
        p = b"\x01\x02\x01\x00\x00\x0a\x0a" + bytes((u, 0, 0, 0, n, 0, 0, 0, t))
        zeros = bytes((-t - b - 1) % 16 + b + 1)
        first = int.from_bytes(self._encipher(p), "big")
        return first, zeros, 10**u, high, 8 * b, 128 - 8 * d, f"%0{n}d"
