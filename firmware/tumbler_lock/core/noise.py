"""The two handshakes of the link (The Noise Protocol Framework, revision 34).

    Noise_NNpsk0_25519_AESGCM_SHA256         Noise_NN_25519_AESGCM_SHA256
    -> psk, e                                -> e            the initiator's message: public key 32, payload
    <- e, ee                                 <- e, ee        the responder's message: the same, payload sealed

With a pre-shared key of 32 bytes both sides prove that they hold it. The session keys follow from it and from private
keys that live for one handshake. Without one neither side proves anything, and the first payload is in clear: that is
for pairing, which compares digits afterwards.

Everything that the other side can cause is a SessionError, always with the same text. It ends a handshake, and leaves
the counters of a session as they were. No error holds a byte of a key or of a message.
"""

import hashlib

from . import x25519
from .cooperative import run
from .errors import SessionError
from .gcm import GCM_NONCE_SIZE, GCM_TAG_SIZE, Gcm
from .kdf import PSK_SIZE, hkdf
from .x25519 import X25519_KEY_SIZE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .cooperative import Slices

NAME_WITH_PSK = b"Noise_NNpsk0_25519_AESGCM_SHA256"  # 32 bytes, so it is the first hash itself
NAME_WITHOUT_PSK = b"Noise_NN_25519_AESGCM_SHA256" + bytes(4)  # shorter than a hash: filled up with zeros
NOISE_MESSAGE_MOST = 65535  # bytes
OVERHEAD = X25519_KEY_SIZE + GCM_TAG_SIZE  # bytes that a handshake message has more than its payload
_NONCES = (1 << 64) - 1  # the last one is reserved by the framework

_FIRST, _SECOND, _DONE, _DEAD = range(4)


def _refusal() -> SessionError:
    return SessionError("the session must end: wrong key, or a message altered, cut or out of turn")


class CipherState:
    """One direction of a session: a key of 32 bytes, and the number of messages so far.

    Each side seals with one and opens with the other. Messages are numbered from 0 without saying so: one that is
    repeated, left out or out of order does not open.
    """

    def __init__(self, key: bytes) -> None:
        self._cipher = Gcm(key)
        self.messages = 0

    def seal(self, payload: bytes, extra: bytes = b"") -> bytes:
        """Return the payload sealed, 16 bytes longer.

        SessionError after 2**64 - 1 messages, ValueError if it would be longer than 65535 bytes.
        """
        return run(self.sealing(payload, extra))

    def open(self, sealed: bytes, extra: bytes = b"") -> bytes:
        """Return the payload of the other side's next message; SessionError, and nothing changed, for any other."""
        return run(self.opening(sealed, extra))

    def sealing(self, payload: bytes, extra: bytes = b"") -> "Slices[bytes]":
        """`seal` in slices. One at a time."""
        if len(payload) > NOISE_MESSAGE_MOST - GCM_TAG_SIZE:
            raise ValueError("a payload is at most 65519 bytes")
        sealed = yield from self._cipher.sealing(self._nonce(), payload, extra)
        self.messages += 1
        return sealed

    def opening(self, sealed: bytes, extra: bytes = b"") -> "Slices[bytes]":
        """`open` in slices. One at a time."""
        if not GCM_TAG_SIZE <= len(sealed) <= NOISE_MESSAGE_MOST:
            raise _refusal()
        try:
            payload = yield from self._cipher.opening(self._nonce(), sealed, extra)
        except SessionError:
            raise _refusal()
        self.messages += 1
        return payload

    def _nonce(self) -> bytes:
        if self.messages >= _NONCES:
            raise _refusal()
        return self.messages.to_bytes(GCM_NONCE_SIZE, "big")


class HandshakeState:
    """One side of one handshake: the initiator (a phone, the tool) or the responder (the lock).

    The initiator calls write, read, split; the responder read, write, split. psk: 32 bytes, or None for the handshake
    without one; random(n): n bytes that cannot be guessed. ValueError for a pre-shared key of another size.
    """

    def __init__(self, initiator: bool, prologue: bytes, psk: "bytes | None", random: "Callable[[int], bytes]") -> None:
        if psk is not None and len(psk) != PSK_SIZE:
            raise ValueError("a pre-shared key is 32 bytes")
        self._initiator = initiator
        self._psk = psk is not None
        self._random = random
        self._step = _FIRST
        self._private = self._public = b""  # our key pair, once made
        self._remote = b""  # the other side's public key, once its message was read
        self._shared = b""
        self._chain = self._hash = NAME_WITH_PSK if psk is not None else NAME_WITHOUT_PSK
        self._key = b""  # none yet: payloads are in clear
        self._mix_hash(prologue)
        if psk is not None:
            out = hkdf(psk, b"", 96, self._chain)
            self._chain, self._key = out[:32], out[64:]
            self._mix_hash(out[32:64])

    def prepare(self) -> "Slices[None]":
        """Do the curve operations of the next message to write, in slices.

        A lock runs it when `read` has returned. `write` then takes no longer than some HMACs; without it `write` does
        everything at once. SessionError if it is not our turn to write, or the other side's public key is invalid.
        """
        turn = _FIRST if self._initiator else _SECOND
        self._expect(turn)
        remote = self._remote
        private = self._random(X25519_KEY_SIZE)
        public = yield from x25519.public_key(private)
        shared = b""
        if turn == _SECOND:
            try:
                shared = yield from x25519.shared_secret(private, remote)
            except SessionError:
                self.close()
                raise _refusal()
        self._expect(turn)  # close() may have come between two slices
        self._private, self._public, self._shared = private, public, shared

    def write(self, payload: bytes = b"") -> bytes:
        """Return our message, 48 bytes longer than its payload; the first one without a pre-shared key 32.

        Leave the payload of the first message empty. It can be replayed, and anyone who learns the pre-shared key later
        can read it; without one anyone can. SessionError if it is not our turn, ValueError if the message would be
        longer than 65535 bytes.
        """
        self._expect(_FIRST if self._initiator else _SECOND)
        if len(payload) > NOISE_MESSAGE_MOST - OVERHEAD:
            raise ValueError("a payload of the handshake is at most 65487 bytes")
        if not self._public:
            run(self.prepare())
        public = self._public
        self._mix_public(public)
        if self._step == _SECOND:
            self._mix_key(self._shared)
        sealed = Gcm(self._key).seal(bytes(GCM_NONCE_SIZE), payload, self._hash) if self._key else payload
        self._advance(sealed)
        return public + sealed

    def read(self, message: bytes) -> bytes:
        """Return the payload of the other side's message.

        SessionError if it is not that message: the handshake is over then. The responder does no curve operation here,
        so a client without the pre-shared key, if there is one, cannot cause any. The initiator does one. Without a
        pre-shared key any 32 bytes and more are a first message; the second message shows whether it was changed.
        """
        self._expect(_SECOND if self._initiator else _FIRST)
        least = OVERHEAD if self._psk or self._initiator else X25519_KEY_SIZE
        try:
            if not least <= len(message) <= NOISE_MESSAGE_MOST:
                raise _refusal()
            remote, sealed = bytes(message[:X25519_KEY_SIZE]), bytes(message[X25519_KEY_SIZE:])
            self._mix_public(remote)
            if self._step == _SECOND:
                self._mix_key(run(x25519.shared_secret(self._private, remote)))
            payload = Gcm(self._key).open(bytes(GCM_NONCE_SIZE), sealed, self._hash) if self._key else sealed
        except SessionError:
            self.close()
            raise _refusal()
        self._remote = remote
        self._advance(sealed)
        return payload

    @property
    def hash(self) -> bytes:
        """The handshake's hash, 32 bytes, not secret. Both sides have the same one if no message was changed, and no
        two handshakes have the same. SessionError unless both messages went through.
        """
        self._expect(_DONE)
        return self._hash

    def split(self) -> "tuple[CipherState, CipherState]":
        """Return what we seal with and what we open with, and forget the handshake. SessionError unless both messages
        went through."""
        self._expect(_DONE)
        out = hkdf(b"", b"", 64, self._chain)
        self.close()
        ours, theirs = (out[:32], out[32:]) if self._initiator else (out[32:], out[:32])
        return CipherState(ours), CipherState(theirs)

    def close(self) -> None:
        """Forget every secret: the handshake is over, at whatever step it was."""
        self._step = _DEAD
        self._private = self._chain = self._key = self._shared = self._remote = b""

    def _expect(self, step: int) -> None:
        if self._step != step:
            raise _refusal()

    def _advance(self, sealed: bytes) -> None:
        self._mix_hash(sealed)
        self._step += 1
        if self._step == _DONE:
            self._private = self._key = self._shared = b""

    def _mix_hash(self, data: bytes) -> None:
        self._hash = hashlib.sha256(self._hash + data).digest()

    def _mix_key(self, material: bytes) -> None:
        out = hkdf(material, b"", 64, self._chain)
        self._chain, self._key = out[:32], out[32:]

    def _mix_public(self, public: bytes) -> None:
        self._mix_hash(public)
        if self._psk:  # then a public key goes into the keys too, not only into the hash
            self._mix_key(public)
