"""Compare the cryptography of the link with its vectors; runs on CPython and MicroPython."""

from tumbler_lock.core import x25519
from tumbler_lock.core.cooperative import run
from tumbler_lock.core.errors import SessionError
from tumbler_lock.core.gcm import Gcm
from tumbler_lock.core.noise import NAME_WITH_PSK, NAME_WITHOUT_PSK, HandshakeState


def same(what: str, found, wanted) -> int:
    """Return 1, for a case that holds; ValueError when it does not."""
    if found != wanted:
        raise ValueError("%s: %s, not %s" % (what, found, wanted))
    return 1


def _refused(what: str, work) -> int:
    try:
        work()
    except SessionError:
        return 1
    raise ValueError("%s is not refused" % what)


def _curve(case: list) -> int:
    scalar, point, wanted = (bytes.fromhex(word) for word in case)
    cases = same("X25519 of " + case[1], run(x25519.ladder(scalar, point)), wanted)
    if wanted == bytes(32):
        cases += _refused("the point " + case[1], lambda: run(x25519.shared_secret(scalar, point)))
    return cases


def _gcm(case: list) -> int:
    key, nonce, extra, text, sealed = (bytes.fromhex(word) for word in case)
    name = "AES-256-GCM of %d bytes with %d" % (len(text), len(extra))
    cipher = Gcm(key)
    same(name, cipher.seal(nonce, text, extra), sealed)
    same(name + ", opened", cipher.open(nonce, sealed, extra), text)
    last = sealed[:-1] + bytes((sealed[-1] ^ 1,))
    return _refused(name + ", altered", lambda: cipher.open(nonce, last, extra))


def handshake(case: dict) -> int:
    """Return the number of messages in a handshake and after it; ValueError names the one that differs."""
    name = "a handshake of " + case["source"]
    begin, initial, response = (bytes.fromhex(case[word]) for word in ("prologue", "initiator", "responder"))
    psk = bytes.fromhex(case["psk"]) if "psk" in case else None
    same(name + ", protocol", (NAME_WITH_PSK if psk else NAME_WITHOUT_PSK).decode().rstrip("\0"), case["protocol"])
    initiator = HandshakeState(True, begin, psk, lambda size: initial)
    responder = HandshakeState(False, begin, psk, lambda size: response)
    turns = (initiator, responder), (responder, initiator)
    messages = [(bytes.fromhex(payload), bytes.fromhex(message)) for payload, message in case["messages"]]
    for i, (payload, message) in enumerate(messages[:2]):
        sender, receiver = turns[i]
        same(name + ", message %d" % i, sender.write(payload), message)
        same(name + ", message %d read" % i, receiver.read(message), payload)
    for side in (initiator, responder):
        same(name + ", hash", side.hash.hex(), case["hash"])
    ours, theirs = initiator.split(), responder.split()
    for i, (payload, message) in enumerate(messages[2:]):
        seals, opens = (theirs[0], ours[1]) if i % 2 else (ours[0], theirs[1])
        same(name + ", message %d" % (i + 2), seals.seal(payload), message)
        same(name + ", message %d opened" % (i + 2), opens.open(message), payload)
    return len(messages)


def check(vectors: dict) -> int:
    """Return the number of cases; ValueError names the one that differs."""
    cases = 0
    for case in vectors["x25519"]:
        cases += _curve(case)
    for case in vectors["gcm"]:
        cases += _gcm(case)
    for case in vectors["handshakes"]:
        cases += handshake(case)
    return cases
