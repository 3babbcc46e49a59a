"""LMS signatures (RFC 8554): verification, and the steps that a signer shares with it. SHA-256, n = m = 32.

Fields with their bytes:
public key    LMS type 4, LM-OTS type 4, identifier I 16, root 32
signature     number q of its one-time key 4, LM-OTS type 4, C 32, y of 32 each, LMS type 4, path of 32 each
Heights 5 and 10 and Winternitz parameters 4 and 8 are known. Integers are big-endian. All that is verified is public,
so nothing here needs constant time.
"""

from hashlib import sha256

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator

HASH = 32
IDENTIFIER_SIZE = 16
PUBLIC = 24 + HASH
H5, H10 = 5, 6  # LMS types
W4, W8 = 3, 4  # LM-OTS types
HEIGHTS = {H5: 5, H10: 10}
# LM-OTS type: bits of a coefficient, how many there are, bits the checksum is moved left by.
CHAINS = {W4: (4, 67, 4), W8: (8, 34, 0)}

OF_KEY = b"\x80\x80"  # what is hashed, after I and a number: a one-time public key
OF_MESSAGE = b"\x81\x81"
OF_LEAF = b"\x82\x82"
OF_NODE = b"\x83\x83"

SLICE = 8  # hashes without a pause
_HEAD = 8 + HASH  # of a signature: q, LM-OTS type, C
_CHAIN = (
    IDENTIFIER_SIZE + 4 + 2 + 1 + HASH
)  # hashed by a step of a chain: I, q, number of the chain, of the step, value


def word(number: int) -> bytes:
    """Return a number in 4 bytes."""
    return number.to_bytes(4, "big")


def signature_size(public: bytes) -> int:
    """Return the size of every signature of a public key, in bytes. ValueError if the key's parameters are unknown."""
    lms, ots = _types(public)
    return _HEAD + CHAINS[ots][1] * HASH + 4 + HEIGHTS[lms] * HASH


def coefficients(digest: bytes, ots: int) -> "list[int]":
    """Return how far each chain of the LM-OTS type goes for a message's digest, checksum included."""
    bits, chains, shift = CHAINS[ots]
    most = (1 << bits) - 1
    values = _cut(digest, bits)
    checksum = sum([most - value for value in values]) << shift
    return (values + _cut(checksum.to_bytes(2, "big"), bits))[:chains]


def _cut(data: bytes, bits: int) -> "list[int]":
    if bits == 8:
        return list(data)
    values = []
    for byte in data:
        values.append(byte >> 4)
        values.append(byte & 15)
    return values


class Chain:
    """The hash chains of one one-time key: identifier I of its tree, and its number q."""

    def __init__(self, identifier: bytes, q: int) -> None:
        self._step = bytearray(identifier + word(q) + bytes(_CHAIN - IDENTIFIER_SIZE - 4))

    def go(self, number: int, first: int, last: int, value: bytes) -> bytes:
        """Return the value of chain `number` at step `last`, from its `value` at step `first`."""
        step = self._step
        step[20] = number >> 8
        step[21] = number & 255
        for at in range(first, last):
            step[22] = at
            step[23:] = value
            value = sha256(step).digest()
        return value


def node(identifier: bytes, number: int, left: bytes, right: bytes) -> bytes:
    """Return the hash of node `number` of the tree (1 is the root), from those below it."""
    return _digest(identifier + word(number) + OF_NODE + left + right)


def leaf(identifier: bytes, number: int, key: bytes) -> bytes:
    """Return the hash of the leaf that is node `number`, from its one-time public key."""
    return _digest(identifier + word(number) + OF_LEAF + key)


def message_digest(identifier: bytes, q: int, randomizer: bytes, message: bytes) -> bytes:
    """Return the digest that a one-time key signs for a message."""
    digest = sha256(identifier + word(q) + OF_MESSAGE + randomizer)
    digest.update(message)
    whole: bytes = digest.digest()
    return whole


def _digest(data: bytes) -> bytes:
    whole: bytes = sha256(data).digest()
    return whole


def verify(public: bytes, message: bytes, signature: bytes) -> "Generator[None, None, bool]":
    """Return whether it is a signature of the message under the public key (RFC 8554, algorithm 6a).

    A generator, in slices of SLICE hashes (cooperative.py). ValueError if the key's parameters are unknown.
    """
    lms, ots = _types(public)
    height = HEIGHTS[lms]
    bits, chains, _ = CHAINS[ots]
    if len(signature) != signature_size(public):
        return False
    path = _HEAD + chains * HASH
    q = int.from_bytes(signature[:4], "big")
    if signature[4:8] != word(ots) or signature[path : path + 4] != word(lms) or q >= 1 << height:
        return False
    identifier = public[8 : 8 + IDENTIFIER_SIZE]
    digest = message_digest(identifier, q, signature[8:_HEAD], message)
    yield
    chain = Chain(identifier, q)
    end = (1 << bits) - 1
    key = sha256(identifier + word(q) + OF_KEY)
    for number, at in enumerate(coefficients(digest, ots)):
        start = _HEAD + number * HASH
        value = signature[start : start + HASH]
        while at < end:
            until = min(at + SLICE, end)
            value = chain.go(number, at, until, value)
            at = until
            yield
        key.update(value)
    number = (1 << height) + q
    value = leaf(identifier, number, key.digest())
    for start in range(path + 4, len(signature), HASH):
        other = signature[start : start + HASH]
        parent = number // 2
        value = node(identifier, parent, other, value) if number & 1 else node(identifier, parent, value, other)
        number = parent
    return value == public[8 + IDENTIFIER_SIZE :]


def _types(public: bytes) -> "tuple[int, int]":
    """Return the LMS and LM-OTS type of a public key."""
    if len(public) != PUBLIC:
        raise ValueError("an LMS public key of SHA-256 is 56 bytes")
    lms, ots = int.from_bytes(public[:4], "big"), int.from_bytes(public[4:8], "big")
    if lms not in HEIGHTS or ots not in CHAINS:
        raise ValueError("an LMS public key with unknown parameters")
    return lms, ots
