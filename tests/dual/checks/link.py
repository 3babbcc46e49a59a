"""Compare lock id, hello, prologue, handshakes and pairing with their vectors; runs on CPython and MicroPython."""

from tests.dual.checks.noise import handshake, same
from tumbler_lock.core import protocol
from tumbler_lock.core.pairing import CLIENT, LOCK, commitment, digits_of
from tumbler_lock.core.protocol import lock_id, prologue


def _session(case: dict) -> int:
    name = "the session with slot %d" % case["slot"]
    lock, challenge = bytes.fromhex(case["lock_id"]), bytes.fromhex(case["challenge"])
    offered, version, slot = case["offered"], case["version"], case["slot"]
    asked = bytes((protocol.HELLO, offered, slot))
    answered = bytes((protocol.HELLO | protocol.FROM_LOCK, version)) + lock + challenge
    same(name + ", hello", [asked.hex(), answered.hex()], case["hello"])
    same(name + ", prologue", prologue(offered, version, slot, lock, challenge).hex(), case["prologue"])
    return handshake(case)


def _pairing(case: dict) -> int:
    h, client, lock = (bytes.fromhex(case[word]) for word in ("hash", "client_nonce", "lock_nonce"))
    same("commitment of the client", commitment(CLIENT, h, client).hex(), case["client_commitment"])
    same("commitment of the lock", commitment(LOCK, h, lock).hex(), case["lock_commitment"])
    return same("digits", digits_of(h, client, lock), case["digits"])


def check(vectors: dict) -> int:
    """Return the number of cases; ValueError names the one that differs."""
    cases = 0
    for secret, wanted in vectors["lock_ids"]:
        cases += same("lock id", lock_id(bytes.fromhex(secret)).hex(), wanted)
    for offered, version, slot, lock, challenge, wanted in vectors["prologues"]:
        made = prologue(offered, version, slot, bytes.fromhex(lock), bytes.fromhex(challenge))
        cases += same("prologue", made.hex(), wanted)
    for case in vectors["sessions"]:
        cases += _session(case)
    for case in vectors["pairings"]:
        cases += _pairing(case)
    return cases
