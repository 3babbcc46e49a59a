"""In MicroPython: the cost of the link's cryptography, as ratios to one HMAC-SHA256 of the same run; prints JSON.

The unit is that of entry.py: hmac_sha256() of a 9-byte message under a 32-byte raw key. Each figure is the median of
ratios between a run of the work and runs of the unit right before and after it, so that a busy or slow processor weighs
on both.
"""

import gc
import json
import time

from tests.dual.support.noise_attacks import PROLOGUE, PSK, Stream, side
from tumbler_lock.core import x25519
from tumbler_lock.core.cooperative import run
from tumbler_lock.core.errors import SessionError
from tumbler_lock.core.gcm import Gcm
from tumbler_lock.core.kdf import hmac_sha256
from tumbler_lock.core.noise import HandshakeState

ROUNDS = 41
UNITS = 50


def unit():
    """Time of one HMAC in microseconds."""
    begin = time.ticks_us()
    for _ in range(UNITS):
        hmac_sha256(PSK, b"123456789")
    return time.ticks_diff(time.ticks_us(), begin) / UNITS


def ratio(work, prepare=None, repeat=1) -> float:
    """Cost of `work(what prepare returned)`, in HMACs."""
    found = []
    for _ in range(ROUNDS):
        ready = [prepare() if prepare else None for _ in range(repeat)]
        gc.collect()
        before = unit()
        begin = time.ticks_us()
        for item in ready:
            work(item)
        took = time.ticks_diff(time.ticks_us(), begin) / repeat
        found.append(2 * took / (before + unit()))
    return sorted(found)[ROUNDS // 2]


def heard(psk=PSK):
    """A responder that has the first message."""
    responder = side(False, psk)
    responder.read(FIRST if psk else CLEAR)
    return responder


def asked(psk=PSK):
    """An initiator that has sent the first message."""
    initiator = side(True, psk)
    initiator.write()
    return initiator


def finished():
    """A responder at the end of its handshake."""
    responder = heard()
    responder.write()
    return responder


def wrong(_):
    """Everything a responder does for a first message that is not authentic."""
    try:
        HandshakeState(False, PROLOGUE, PSK, Stream("")).read(GARBAGE)
    except SessionError:
        return
    raise ValueError("garbage was accepted")


def slices(ladder):
    """All slices of a curve operation; what is left is its end."""
    for _ in range(255):
        next(ladder)
    return ladder


FIRST = side(True).write()
SECOND = heard().write()
CLEAR = side(True, None).write()
ANSWER = heard(None).write()
GARBAGE = FIRST[:-1] + bytes((FIRST[-1] ^ 1,))


def heap() -> int:
    """Bytes that an established session keeps."""
    responder = finished()
    gc.collect()
    before = gc.mem_alloc()
    ends = responder.split()
    del responder
    gc.collect()
    return gc.mem_alloc() - before if ends else 0


def main():
    """Measure; print one JSON object."""
    cipher, nonce = Gcm(PSK), bytes(12)
    figures = {
        "X25519, any point": ratio(lambda _: run(x25519.ladder(PSK, FIRST[:32]))),
        "X25519, its 255 slices": ratio(slices, lambda: x25519.ladder(PSK, FIRST[:32])),
        "X25519, its end": ratio(run, lambda: slices(x25519.ladder(PSK, FIRST[:32]))),
        "X25519, a public key": ratio(lambda _: run(x25519.public_key(PSK))),
        "lock: a first message with a wrong key": ratio(wrong, None, 10),
        "lock: begin and read the first message": ratio(lambda _: heard(), None, 10),
        "lock: write the second message": ratio(lambda end: end.write(), heard),
        "lock: the same after prepare": ratio(lambda end: end.write(), lambda: _prepared(heard()), 1),
        "client: begin and write the first message": ratio(lambda _: asked()),
        "client: read the second message": ratio(lambda end: end.read(SECOND), asked),
        "to pair, lock: begin and read the first message": ratio(lambda _: heard(None), None, 10),
        "to pair, lock: write the second message": ratio(lambda end: end.write(), lambda: heard(None)),
        "to pair, client: begin and write the first message": ratio(lambda _: asked(None)),
        "to pair, client: read the second message": ratio(lambda end: end.read(ANSWER), lambda: asked(None)),
        "split": ratio(lambda end: end.split(), finished),
    }
    for size in (0, 16, 64, 200):
        text = bytes(range(size))
        sealed = cipher.seal(nonce, text)
        figures["seal %d bytes" % size] = ratio(lambda _: cipher.seal(nonce, text), None, 10)  # noqa: B023
        figures["open %d bytes" % size] = ratio(lambda _: cipher.open(nonce, sealed), None, 10)  # noqa: B023
    print(json.dumps({"cost in HMAC": figures, "heap of a session, bytes": heap()}))


def _prepared(end):
    run(end.prepare())
    return end


if __name__ == "__main__":
    main()
