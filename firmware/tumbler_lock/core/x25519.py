"""X25519: Diffie-Hellman on Curve25519 (RFC 7748), in plain integers.

Keys and secrets are 32 bytes, the numbers in them little-endian. One operation takes hundreds of times as long as an
HMAC, so it is done in slices (cooperative.py).

The sequence of field operations is the same for every key, but Python's integers do not take the same time for
every value. So no private key may be used for a second handshake: Tumbler makes a new one each time.
"""

from .errors import SessionError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .cooperative import Slices

X25519_KEY_SIZE = 32  # bytes of a private key, of a public key and of a shared secret
BASE = b"\x09" + bytes(31)  # the point that every public key is a multiple of

_TOP = 1 << 255
_PRIME = _TOP - 19


def ladder(scalar: bytes, point: bytes) -> "Slices[bytes]":
    """Return X25519(scalar, point), 32 bytes (RFC 7748, section 5), in 255 slices.

    The scalar is clamped, the top bit of the point ignored. ValueError for other lengths than 32.
    """
    if len(scalar) != X25519_KEY_SIZE or len(point) != X25519_KEY_SIZE:
        raise ValueError("X25519 takes a scalar and a point of 32 bytes each")
    # Modulo 2**255 - 19, the bits from 255 on count 19-fold. So (s & low) + (s >> 255) * 19 is the same number, but
    # shorter, at a fraction of the cost of a division. One such step brings any product here below 2**296, a second one
    # below 2**256. A factor of the next product gets one step, a start value of the next round two. It also holds for a
    # negative s: & and >> work on two's complement.
    low = _TOP - 1
    u = int.from_bytes(point, "little") & low
    clamped = int.from_bytes(scalar, "little") & _TOP - 8 | _TOP >> 1
    x2, z2, x3, z3 = 1, 0, u, 1
    last = "0"
    for bit in bin(clamped)[2:]:
        if bit != last:
            x2, z2, x3, z3 = x3, z3, x2, z2
            last = bit
        a = x2 + z2
        b = x2 - z2
        s = (x3 - z3) * a
        da = (s & low) + (s >> 255) * 19
        s = (x3 + z3) * b
        cb = (s & low) + (s >> 255) * 19
        s = da + cb
        s *= s
        s = (s & low) + (s >> 255) * 19
        x3 = (s & low) + (s >> 255) * 19
        s = da - cb
        s *= s
        s = ((s & low) + (s >> 255) * 19) * u
        s = (s & low) + (s >> 255) * 19
        z3 = (s & low) + (s >> 255) * 19
        a *= a
        a = (a & low) + (a >> 255) * 19
        b *= b
        b = (b & low) + (b >> 255) * 19
        s = a * b
        s = (s & low) + (s >> 255) * 19
        x2 = (s & low) + (s >> 255) * 19
        e = a - b
        s = e * (a + 121665 * e)
        s = (s & low) + (s >> 255) * 19
        z2 = (s & low) + (s >> 255) * 19
        yield None
    # The last three bits of a clamped scalar are 0: x2 and z2 are where they belong.
    return (x2 * _inverse(z2) % _PRIME).to_bytes(X25519_KEY_SIZE, "little")


def _inverse(number: int) -> int:
    """Return 1 / number modulo the prime, by Euclid's algorithm; 0 for 0, as RFC 7748 wants it."""
    a, b = _PRIME, number % _PRIME
    u, v = 0, 1
    while b > 1:
        quotient = a // b
        a, b = b, a - quotient * b
        u, v = v, u - quotient * v
    return v * b


def public_key(private: bytes) -> "Slices[bytes]":
    """Return the public key, 32 bytes, of a private key of 32 random bytes; in slices."""
    return (yield from ladder(private, BASE))


def shared_secret(private: bytes, public: bytes) -> "Slices[bytes]":
    """Return the 32 bytes that both sides share; in slices.

    SessionError if they are all zero: then the other side sent one of the few points that give this for every
    private key (RFC 7748, section 6.1).
    """
    secret = yield from ladder(private, public)
    if secret == bytes(X25519_KEY_SIZE):
        raise SessionError("the other side's public key is invalid")
    return secret
