"""Somebody in the middle of a pairing, with every strategy we know of (docs/spec/link.md, "Why one in a million").

M runs a real handshake with a real lock as its client, and another with an honest client as its lock. The owner types
at the lock what the client shows. M has won when the lock agrees to M's own session. Runs on CPython and MicroPython.
"""

import random

from tests.dual.support.linked_lock import FIRMWARE, Client, Refusal
from tests.dual.support.noise_attacks import Counted
from tests.dual.support.pairing_client import COMMIT, REVEAL, Dishonest, Pairer, commitment, digits_of
from tumbler_lock.core import pairing
from tumbler_lock.core.link_state import LinkState
from tumbler_lock.core.noise import HandshakeState
from tumbler_lock.core.protocol import prologue
from tumbler_lock.core.sessions import Sessions


def source(name):
    """Private keys that are always the same, so that a curve operation is done once; everything else is random."""

    def give(size):
        return name * 32 if size == 32 else noise(size)

    return give


def noise(size=16):
    """Random bytes, by the seed of the test."""
    return bytes([random.getrandbits(8) for _ in range(size)])


class Gullible(Pairer):
    """A client without commitments: it believes any nonce."""

    def show(self, nonce):
        """The digits, whatever the lock was bound to."""
        return digits_of(self._handshake, self._nonce, nonce, self._count)


class Middle:
    """M between a blank lock and one client that pairs. digits: how many are compared."""

    def __init__(self, lock, digits, client=Pairer):
        self.lock = lock
        self.digits = digits
        begin = prologue(1, 1, 255, bytes(8), noise())
        honest, false = (
            HandshakeState(True, begin, None, source(b"c")),
            HandshakeState(False, begin, None, source(b"f")),
        )
        false.read(honest.write())
        honest.read(false.write())
        self.hash = honest.hash  # of M and the client
        self.client = client(honest.hash, noise(), digits)
        self.reach()

    def reach(self):
        """A new session with the lock."""
        self.lock.wait(self.lock.sessions.link.wait())
        self.to_lock = Client(self.lock, "middle")
        self.to_lock.random = source(b"m")
        self.to_lock.connect(255)

    # The parts of which strategies are made

    def bind_lock(self, nonce):
        """Commit to this nonce before the lock; its commitment."""
        return self.to_lock.done(COMMIT, commitment(b"C", self.to_lock.hash, nonce))

    def open_lock(self, nonce):
        """Reveal; the digits that the lock expects from now on."""
        told = self.to_lock.done(REVEAL, nonce)
        return digits_of(self.to_lock.hash, nonce, told, self.digits)

    def bind_client(self, nonce):
        """Commit to this nonce before the client; the client's own nonce."""
        return self.client.reveal(commitment(b"L", self.hash, nonce))

    def lock_digits(self):
        """The whole of the lock's side, with a nonce of M's."""
        nonce = noise()
        self.bind_lock(nonce)
        return self.open_lock(nonce)

    def matching(self, theirs, wanted):
        """A nonce with which the client, whose nonce M knows, shows the wanted digits."""
        while True:
            nonce = noise()
            if digits_of(self.hash, theirs, nonce, self.digits) == wanted:
                return nonce


# Strategies: each returns the digits that the client shows.


def lock_first(m):
    """M knows what the lock expects before it says anything to the client."""
    m.lock_digits()
    nonce = noise()
    m.client.commit()
    m.bind_client(nonce)
    return m.client.show(nonce)


def client_first(m):
    """M knows what the client shows before it says anything to the lock."""
    nonce = noise()
    m.client.commit()
    m.bind_client(nonce)
    digits = m.client.show(nonce)
    m.lock_digits()
    return digits


def interleaved(m):
    """M binds itself to both, hears the client's nonce first, and opens the client last."""
    ours, theirs = noise(), noise()
    m.client.commit()
    m.bind_lock(ours)
    m.bind_client(theirs)
    m.open_lock(ours)
    return m.client.show(theirs)


def tries_again(m):
    """The owner walks to the door with the client's digits; M pairs with the lock until it expects the same."""
    nonce = noise()
    m.client.commit()
    m.bind_client(nonce)
    digits = m.client.show(nonce)
    for _ in range(20):
        if m.lock_digits() == digits:
            break
        m.to_lock.session.close()
        m.lock.wait(2)
        try:
            m.reach()
        except Refusal:
            break
    return digits


def chooses_late(m):
    """M looks for a nonce that suits when it knows the client's, whatever it was bound to."""
    wanted = m.lock_digits()
    m.client.commit()
    theirs = m.bind_client(noise())
    return m.client.show(m.matching(theirs, wanted))


def relays(m):
    """M hands everything on as it comes."""
    committed = m.to_lock.done(COMMIT, m.client.commit())
    nonce = m.client.reveal(committed)
    word, results = m.to_lock.ask(REVEAL, nonce)
    return m.client.show(results[0] if word == "done" else noise())


def relays_nonces(m):
    """M commits again to what it hears: too late, as it hears the client's nonce only when it is bound itself."""
    ours = noise()
    m.client.commit()
    nonce = m.bind_client(ours)
    m.bind_lock(nonce)
    m.open_lock(nonce)
    return m.client.show(ours)


def reflects(m):
    """M says to the client what the client said."""
    m.lock_digits()
    nonce = m.client.reveal(m.client.commit())
    return m.client.show(nonce)


def reflects_at_lock(m):
    """M says to the lock what the lock said in the session before."""
    committed = m.bind_lock(noise())
    m.reach()
    m.to_lock.done(COMMIT, committed)
    m.to_lock.ask(REVEAL, noise())
    return noise(3).hex()[:6]


BY_CHANCE = (lock_first, client_first, interleaved, tries_again, relays_nonces)
NEVER = (chooses_late, relays, reflects, reflects_at_lock)


def attack(lock, strategy, digits, client=Pairer):
    """One pairing with M in between. Returns M when it has won, else None."""
    m = Middle(lock, digits, client)
    try:
        shown = strategy(m)
    except Dishonest:
        shown = "-"  # the client shows nothing; the owner types something to begin again
    won = lock.sessions.enter(shown) is True
    if won:
        return m
    m.to_lock.session.close()
    return None


def wins(lock, strategy, digits, trials, client=Pairer):
    """How many of so many pairings M wins, `digits` of them being compared instead of six."""
    lock.sessions = Sessions(LinkState(lock, source(b"l"), lambda: lock.up, FIRMWARE))
    real = pairing.PAIRING_DIGITS
    pairing.PAIRING_DIGITS = digits
    won = 0
    try:
        with Counted():
            for _ in range(trials):
                m = attack(lock, strategy, digits, client)
                if m is not None:
                    won += 1
                    m.to_lock.session.close()
    finally:
        pairing.PAIRING_DIGITS = real
    return won


def check(lock, trials, digits):
    """Every strategy so many times; (wins by chance, pairings in which M had a chance). ValueError when M wins with one
    that cannot, or more or less often than by chance."""
    total = 0
    chance = 10**-digits
    for strategy in NEVER:
        if wins(lock, strategy, digits, trials):
            raise ValueError("M wins: " + strategy.__name__)
    for strategy in BY_CHANCE:
        won = wins(lock, strategy, digits, trials)
        total += won
        if won > expected(trials, chance)[1]:
            raise ValueError("M wins %d of %d: %s" % (won, trials, strategy.__name__))
    low, high = expected(len(BY_CHANCE) * trials, chance)
    if not low <= total <= high:
        raise ValueError("M wins %d times, and by chance it would be %d to %d" % (total, low, high))
    return total, len(BY_CHANCE) * trials


def expected(trials, chance):
    """The range that a number of wins leaves once in two million times: five standard deviations."""
    deviation = (trials * chance * (1 - chance)) ** 0.5
    return trials * chance - 5 * deviation, trials * chance + 5 * deviation
