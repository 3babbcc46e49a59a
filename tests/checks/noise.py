"""Compare the cryptography of the link with its vectors; runs on CPython and MicroPython."""

from firmware.core import x25519
from firmware.core.errors import SessionError
from firmware.core.gcm import Gcm
from firmware.core.noise import HandshakeState
from firmware.core.prologue import prologue


def _same(what: str, found, wanted) -> int:
    if found != wanted:
        raise ValueError("noise: %s: %s, not %s" % (what, found, wanted))
    return 1


def _refused(what: str, work) -> int:
    try:
        work()
    except SessionError:
        return 1
    raise ValueError("noise: %s is not refused" % what)


def _curve(case: list) -> int:
    scalar, point, wanted = (bytes.fromhex(word) for word in case)
    cases = _same("X25519 of " + case[1], x25519.run(x25519.ladder(scalar, point)), wanted)
    if wanted == bytes(32):
        cases += _refused("the point " + case[1], lambda: x25519.run(x25519.shared_secret(scalar, point)))
    return cases


def _gcm(case: list) -> int:
    key, nonce, extra, text, sealed = (bytes.fromhex(word) for word in case)
    name = "AES-256-GCM of %d bytes with %d" % (len(text), len(extra))
    cipher = Gcm(key)
    _same(name, cipher.seal(nonce, text, extra), sealed)
    _same(name + ", opened", cipher.open(nonce, sealed, extra), text)
    last = sealed[:-1] + bytes((sealed[-1] ^ 1,))
    return _refused(name + ", altered", lambda: cipher.open(nonce, last, extra))


def _handshake(case: dict) -> int:
    name = "the handshake of " + case["source"]
    words = {word: bytes.fromhex(case[word]) for word in ("prologue", "psk", "initiator", "responder")}
    if "lock_id" in case:
        made = prologue(bytes.fromhex(case["lock_id"]), case["slot"], case["version"])
        _same(name + ", prologue", made, words["prologue"])
    initiator = HandshakeState(True, words["prologue"], words["psk"], lambda size: words["initiator"])
    responder = HandshakeState(False, words["prologue"], words["psk"], lambda size: words["responder"])
    turns = (initiator, responder), (responder, initiator)
    messages = [(bytes.fromhex(payload), bytes.fromhex(message)) for payload, message in case["messages"]]
    for i, (payload, message) in enumerate(messages[:2]):
        sender, receiver = turns[i]
        _same(name + ", message %d" % i, sender.write(payload), message)
        _same(name + ", message %d read" % i, receiver.read(message), payload)
    for side in (initiator, responder):
        _same(name + ", hash", side.hash.hex(), case["hash"])
    ours, theirs = initiator.split(), responder.split()
    for i, (payload, message) in enumerate(messages[2:]):
        seals, opens = (theirs[0], ours[1]) if i % 2 else (ours[0], theirs[1])
        _same(name + ", message %d" % (i + 2), seals.seal(payload), message)
        _same(name + ", message %d opened" % (i + 2), opens.open(message), payload)
    return len(messages)


def check(vectors: dict) -> int:
    """Return the number of cases; ValueError names the one that differs."""
    cases = 0
    for case in vectors["x25519"]:
        cases += _curve(case)
    for case in vectors["gcm"]:
        cases += _gcm(case)
    for case in vectors["handshakes"]:
        cases += _handshake(case)
    for version, slot, lock_id, wanted in vectors["prologues"]:
        cases += _same("prologue", prologue(bytes.fromhex(lock_id), slot, version).hex(), wanted)
    return cases
