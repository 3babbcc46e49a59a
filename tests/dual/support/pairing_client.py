"""The client's side of a pairing, written from docs/spec/link.md ("Pairing") alone, and what a lock is given at its
end.

Runs on CPython and MicroPython.
"""

import hashlib

from tests.dual.support.link_tools import u16, u32

COMMIT, REVEAL, DIGITS, FINISH = 0x70, 0x71, 0x72, 0x73
SECRET = bytes(range(160, 192))
PSK = bytes(range(200, 232))
# All seven settings: zone, weekend, auto-lock, sound, policy, passage hours, name.
SETTINGS = (
    b"\x01\x1aCET-1CEST,M3.5.0,M10.5.0/3\x02\x01\x60\x03\x01\x07\x04\x01\x01\x05\x05\x3f\x06\x22\x50\x01"
    b"\x06\x03\x00\x00\x00\x07\x05Hotel"
)


def hmac(key, message):
    """HMAC-SHA256 by its definition; the key has at most 64 bytes."""
    key += bytes(64 - len(key))
    inner = hashlib.sha256(bytes([byte ^ 0x36 for byte in key]) + message).digest()
    return hashlib.sha256(bytes([byte ^ 0x5C for byte in key]) + inner).digest()


def commitment(side, handshake, nonce):
    """What binds a side, b"C" or b"L", to its nonce."""
    return hashlib.sha256(b"tumbler pair commit 1" + side + handshake + nonce).digest()


def digits_of(handshake, client, lock, count=6):
    """The digits that both sides show or expect."""
    number = int.from_bytes(hmac(handshake, b"tumbler pair digits 1" + client + lock)[:8], "big")
    return "%06d" % (number % 10**count)


class Dishonest(Exception):
    """The other side has not kept its commitment."""


class Pairer:
    """An honest client. handshake: its hash; nonce: 16 bytes that nobody can guess. Call commit, reveal, show."""

    def __init__(self, handshake, nonce, digits=6):
        self._handshake = handshake
        self._nonce = nonce
        self._count = digits

    def commit(self):
        """What to send first."""
        return commitment(b"C", self._handshake, self._nonce)

    def reveal(self, committed):
        """Take the lock's commitment; what to send then."""
        self._theirs = committed
        return self._nonce

    def show(self, nonce):
        """Take the lock's nonce; the digits to show. Dishonest when it is not the one the lock is bound to."""
        if commitment(b"L", self._handshake, nonce) != self._theirs:
            raise Dishonest("the lock's nonce is not the one it was bound to")
        return digits_of(self._handshake, self._nonce, nonce, self._count)


def shown(client, nonce=bytes(range(16))):
    """Commit and reveal over a session of slot 255; the digits that the client shows."""
    pairer = Pairer(client.hash, nonce)
    return pairer.show(client.done(REVEAL, pairer.reveal(client.done(COMMIT, pairer.commit()))))


def further(psk=PSK, label=b"Zo\xc3\xab"):
    """What finish carries for a lock that has a secret."""
    return psk + bytes((len(label),)) + label


def complete(now, psk=PSK, label=b"Zo\xc3\xab", epoch=7, secret=SECRET, settings=SETTINGS):
    """What finish carries for a lock that has none."""
    return further(psk, label) + u32(now) + u16(epoch) + secret + settings
