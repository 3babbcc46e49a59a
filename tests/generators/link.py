"""Vectors for what docs/spec/link.md makes of the Noise framework: lock id, hello, prologue, both handshakes, pairing.

Everything is computed from the document's tables and formulas with the standard library and `cryptography`; the
messages of a handshake must come out of the library `noiseprotocol` too. Keys, challenges and nonces are published
examples.
"""

import hashlib
import hmac
import random

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from tests.generators.noise import WITH, WITHOUT, handshake

SECRET = bytes(range(32))
PAIR = 255  # the slot of who has no key


def lock_id(secret: bytes) -> bytes:
    """Return the lock id, 8 bytes, that follows from a root secret."""
    return HKDF(SHA256(), 8, None, b"tumbler lock id 1").derive(secret)


def prologue(offered: int, version: int, slot: int, lock: bytes, challenge: bytes) -> bytes:
    """Return the prologue, 35 bytes."""
    begin = bytearray(35)
    begin[0:8] = b"TUMBLERl"
    begin[8], begin[9], begin[10] = offered, version, slot
    begin[11:19], begin[19:35] = lock, challenge
    return bytes(begin)


def derive(chain: bytes, material: bytes, count: int) -> list[bytes]:
    """Return `count` keys of 32 bytes: the document's HKDF."""
    extracted = hmac.new(chain, material, hashlib.sha256).digest()
    keys = [b""]
    for i in range(count):
        keys.append(hmac.new(extracted, keys[-1] + bytes((i + 1,)), hashlib.sha256).digest())
    return keys[1:]


def steps(begin: bytes, psk: bytes | None, initiator: bytes, responder: bytes) -> dict[str, str]:
    """Return what comes up on the way in a handshake with empty payloads, in the document's order."""
    shown: dict[str, bytes] = {}
    h = ck = (WITH if psk else WITHOUT).encode().ljust(32, b"\0")
    h = hashlib.sha256(h + begin).digest()
    if psk:
        ck, mixed, _ = derive(ck, psk, 3)
        h = hashlib.sha256(h + mixed).digest()
    shown.update(begun_h=h, begun_ck=ck)
    ours, theirs = (X25519PrivateKey.from_private_bytes(private) for private in (initiator, responder))
    k = b""
    for name, key in (("first", ours.public_key()), ("second", theirs.public_key())):
        public = key.public_bytes_raw()
        h = hashlib.sha256(h + public).digest()
        shown[f"{name}_public"] = public
        if psk:
            ck, k = derive(ck, public, 2)
        if name == "second":
            shown["shared"] = ours.exchange(key)
            ck, k = derive(ck, shown["shared"], 2)
        sealed = AESGCM(k).encrypt(bytes(12), b"", h) if k else b""
        h = hashlib.sha256(h + sealed).digest()
        if k:
            shown.update({f"{name}_key": k, f"{name}_tag": sealed, f"{name}_ck": ck})
        shown[f"{name}_h"] = h
    shown["to_lock"], shown["to_client"] = derive(ck, b"", 2)
    return {name: value.hex() for name, value in shown.items()}


def session(
    slot: int, lock: bytes, challenge: bytes, psk: bytes | None, keys: tuple[bytes, bytes], said: list[bytes]
) -> dict:
    """Return a connection from hello to the session messages that say `said`; `keys`: the private keys."""
    begin = prologue(1, 1, slot, lock, challenge)
    made = handshake(begin, psk, *keys, [b"", b"", *said])
    shown = steps(begin, psk, *keys)
    first, second = shown["first_public"] + shown.get("first_tag", ""), shown["second_public"] + shown["second_tag"]
    if [first, second, shown["second_h"]] != [made["messages"][0][1], made["messages"][1][1], made["hash"]]:
        raise ValueError("the steps of docs/spec/link.md do not lead to the library's messages")
    return {
        **made,
        "source": "docs/spec/link.md",
        "offered": 1,
        "version": 1,
        "slot": slot,
        "lock_id": lock.hex(),
        "challenge": challenge.hex(),
        "hello": [bytes((1, 1, slot)).hex(), (b"\x81\x01" + lock + challenge).hex()],
        "steps": shown,
    }


def pairing(h: bytes, client: bytes, lock: bytes) -> dict[str, str]:
    """Return the commitments and the digits that follow from the handshake's hash and both nonces."""
    digest = hmac.digest(h, b"tumbler pair digits 1" + client + lock, "sha256")
    return {
        "hash": h.hex(),
        "client_nonce": client.hex(),
        "lock_nonce": lock.hex(),
        "client_commitment": hashlib.sha256(b"tumbler pair commit 1C" + h + client).hexdigest(),
        "lock_commitment": hashlib.sha256(b"tumbler pair commit 1L" + h + lock).hexdigest(),
        "digits": str(int(digest.hex()[:16], 16) % 1_000_000).zfill(6),
    }


def example() -> dict:
    """Return the worked example of docs/spec/link.md: a session with the key of slot 3."""
    keys = bytes(range(0x20, 0x40)), bytes(range(0x40, 0x60))
    challenge, psk = bytes(range(0xA0, 0xB0)), bytes(range(0x80, 0xA0))
    return session(3, lock_id(SECRET), challenge, psk, keys, [b"ping", b"pong", b"ping"])


def pairing_example() -> tuple[dict, dict]:
    """Return that of a lock without a secret that is paired: its session, and what the digits come from."""
    keys = bytes(range(0x60, 0x80)), bytes(range(0xE0, 0x100))
    challenge = bytes(range(0xB0, 0xC0))
    client, lock = bytes(range(0xC0, 0xD0)), bytes(range(0xD0, 0xE0))
    h = handshake(prologue(1, 1, PAIR, bytes(8), challenge), None, *keys, [b"", b""])["hash"]
    shown = pairing(bytes.fromhex(h), client, lock)
    commitments = bytes.fromhex(shown["client_commitment"]), bytes.fromhex(shown["lock_commitment"])
    commit, reveal = b"\x01\x02\x03\x04", b"\x05\x06\x07\x08"  # request ids
    said = [commit + b"\x70" + commitments[0], commit + b"\0" + commitments[1]]
    said += [reveal + b"\x71" + client, reveal + b"\0" + lock]
    return session(PAIR, bytes(8), challenge, None, keys, said), shown


def build() -> dict[str, object]:
    """Return the vectors: lock ids, prologues, the two worked examples, pairings (some with leading zeros)."""
    draw = random.Random(20261201)
    secrets = [SECRET, *(draw.randbytes(32) for _ in range(3))]
    fields = [(1, 1, 0, bytes(8), bytes(16)), (2, 1, 15, bytes(range(8)), bytes(range(16)))]
    fields += [(255, 255, 255, b"\xff" * 8, b"\xff" * 16), (7, 6, 5, draw.randbytes(8), draw.randbytes(16))]
    made, shown = pairing_example()
    pairings = [pairing(*(draw.randbytes(size) for size in (32, 16, 16))) for _ in range(400)]
    return {
        "lock_ids": [[secret.hex(), lock_id(secret).hex()] for secret in secrets],
        "prologues": [[*case[:3], case[3].hex(), case[4].hex(), prologue(*case).hex()] for case in fields],
        "sessions": [example(), made],
        "pairings": [shown, *pairings[:8], *(case for case in pairings[8:] if case["digits"][:2] == "00")],
    }
