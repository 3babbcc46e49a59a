"""FF1 format-preserving encryption of decimal digits (NIST SP 800-38G, algorithms 7 and 8), radix 10.

A permutation of all strings of n digits, another one for every key, tweak and n. Digits are `str` of "0" to "9", the tweak is bytes.

For n digits the halves are u = n // 2 and v = n - u digits, and b bytes hold a number of v digits. Each round enciphers
P || Q, Q = tweak || zeros || round || NUM(half), by CBC-MAC. As round and number are at most 13 bytes long for n <= 56, only the
last block of Q depends on the round: everything before it is chained once, XORed with what stays the same in that last block, and
called `base` below. A round is then one AES block; its first d <= 16 bytes are the number that is added to the other half.
"""

from .aes import ecb

FEWEST = 6  # 10**6 is the smallest domain that SP 800-38G permits
MOST = 56  # above it a round would need more than one block

# With up to 12 digits a half is below 10**6: round and number are four bytes, and 64 bits of each block are used.
_SHORT = 12


def require_digits(digits: str) -> None:
    """Raise ValueError unless every character is one of the ten ASCII digits."""
    for character in digits:
        if not "0" <= character <= "9":
            raise ValueError("only the digits 0 to 9 can be here")


class FF1:
    """FF1 with radix 10 under one AES key of 16 or 32 bytes (24 too on CPython)."""

    def __init__(self, key: bytes):
        self._aes = ecb(key)
        self._first = {}  # (digits, tweak length) -> AES(P), which depends on nothing else

    def encrypt(self, tweak: bytes, digits: str) -> str:
        """Return the ciphertext, as many digits as `digits` (6 to 56); `tweak` is 0 to 255 bytes. ValueError outside."""
        u, a, b, low, high = _halves(digits)
        base, size, drop = self._chain(tweak, len(digits))
        encipher = self._aes.encrypt
        for i in range(0, 10, 2):
            block = (base ^ (i << size | b)).to_bytes(16, "big")
            a = (a + (int.from_bytes(encipher(block), "big") >> drop)) % low
            block = (base ^ ((i + 1) << size | a)).to_bytes(16, "big")
            b = (b + (int.from_bytes(encipher(block), "big") >> drop)) % high
        return _join(u, a, b, len(digits))

    def decrypt(self, tweak: bytes, digits: str) -> str:
        """Return the plaintext of `digits` (6 to 56); `tweak` is 0 to 255 bytes. ValueError outside."""
        u, a, b, low, high = _halves(digits)
        base, size, drop = self._chain(tweak, len(digits))
        encipher = self._aes.encrypt
        if len(digits) <= _SHORT:
            a, b = _undo(encipher, base, size, a, b, low, high)
            return _join(u, a, b, len(digits))
        for i in range(9, 0, -2):
            block = (base ^ (i << size | a)).to_bytes(16, "big")
            b = (b - (int.from_bytes(encipher(block), "big") >> drop)) % high
            block = (base ^ ((i - 1) << size | b)).to_bytes(16, "big")
            a = (a - (int.from_bytes(encipher(block), "big") >> drop)) % low
        return _join(u, a, b, len(digits))

    def _chain(self, tweak: bytes, n: int) -> "tuple[int, int, int]":
        """Return `base` as an integer, the bits of NUM(half), and the bits of a block that are not used."""
        t = len(tweak)
        if t > 255:
            raise ValueError("a tweak is at most 255 bytes")
        half = n - n // 2
        b = _bytes_for(10**half)
        encipher = self._aes.encrypt
        chained = self._first.get((n, t))
        if chained is None:
            p = b"\x01\x02\x01\x00\x00\x0a\x0a" + bytes((n // 2, 0, 0, 0, n, 0, 0, 0, t))
            chained = self._first[(n, t)] = int.from_bytes(encipher(p), "big")
        q = tweak + bytes((-t - b - 1) % 16) + bytes(b + 1)
        for at in range(0, len(q) - 16, 16):
            chained = int.from_bytes(encipher((chained ^ int.from_bytes(q[at : at + 16], "big")).to_bytes(16, "big")), "big")
        d = 4 * ((b + 3) // 4) + 4
        return chained ^ int.from_bytes(q[-16:], "big"), 8 * b, 128 - 8 * d


def _undo(encipher, base: int, size: int, a: int, b: int, low: int, high: int) -> "tuple[int, int]":
    """Undo ten rounds over at most 12 digits: what a lock does with every entry, so without one integer of 128 bits."""
    block = bytearray(base.to_bytes(16, "big"))
    k12, k13, k14, k15 = block[12:]
    mixed = bytearray(16)
    used = memoryview(mixed)[:8]
    number = int.from_bytes
    for i in range(9, 0, -2):
        word = i << size | a
        block[12] = k12 ^ word >> 24
        block[13] = k13 ^ word >> 16 & 255
        block[14] = k14 ^ word >> 8 & 255
        block[15] = k15 ^ word & 255
        encipher(block, mixed)
        b = (b - number(used, "big")) % high
        word = i - 1 << size | b
        block[12] = k12 ^ word >> 24
        block[13] = k13 ^ word >> 16 & 255
        block[14] = k14 ^ word >> 8 & 255
        block[15] = k15 ^ word & 255
        encipher(block, mixed)
        a = (a - number(used, "big")) % low
    return a, b


def _halves(digits: str) -> "tuple[int, int, int, int, int]":
    """Return u, the two halves as numbers, and the number of values each can take."""
    n = len(digits)
    if not FEWEST <= n <= MOST:
        raise ValueError("FF1 takes 6 to 56 digits here")
    require_digits(digits)
    u = n // 2
    return u, int(digits[:u]), int(digits[u:]), 10**u, 10 ** (n - u)


def _join(u: int, a: int, b: int, n: int) -> str:
    """Return the two halves as one string of n digits."""
    return ("%0" + str(n) + "d") % (a * 10 ** (n - u) + b)


def _bytes_for(limit: int) -> int:
    """Return how many bytes hold every number below `limit`."""
    size = 0
    limit -= 1
    while limit:
        limit >>= 8
        size += 1
    return size
