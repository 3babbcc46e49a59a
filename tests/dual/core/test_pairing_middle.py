"""Somebody in the middle of a pairing wins once in 10^digits, and without the rules of docs/spec/link.md at once."""

import random
import sys

from tests.dual.support.link_tools import session
from tests.dual.support.linked_lock import FIRMWARE, Linked
from tests.dual.support.lock import NOW
from tests.dual.support.noise_attacks import Counted
from tests.dual.support.pairing_client import FINISH, PSK, complete
from tests.dual.support.pairing_middle import (
    BY_CHANCE,
    Gullible,
    attack,
    check,
    chooses_late,
    source,
    tries_again,
    wins,
)
from tumbler_lock.core import pairing
from tumbler_lock.core.link_state import LinkState
from tumbler_lock.core.sessions import Sessions

TRIALS = 150 if sys.implementation.name == "cpython" else 40


def blank(directory):
    return Linked(directory, blank=True)


def test_somebody_in_the_middle_wins_by_chance_alone(directory):
    """With one digit and with two: about one in ten, one in a hundred."""
    for digits in (1, 2):
        random.seed(digits)
        won, trials = check(blank(directory), TRIALS, digits)
        assert trials == TRIALS * len(BY_CHANCE)
        assert won < trials * 3 * 10**-digits


def test_with_six_digits_nobody_wins_here(directory):
    assert pairing.PAIRING_DIGITS == 6
    random.seed(6)
    for strategy in BY_CHANCE:
        assert wins(blank(directory), strategy, 6, 10) == 0


def test_without_commitments_the_one_in_the_middle_wins_at_once(directory):
    """A client that does not look whether the commitment was kept, three digits: every time."""
    random.seed(3)
    assert wins(blank(directory), chooses_late, 3, 3, Gullible) == 3


def test_who_wins_is_the_owner(directory):
    """What is counted here is the thing itself: M gives the lock a secret and a key of its own."""
    lock = blank(directory)
    lock.sessions = Sessions(LinkState(lock, source(b"l"), lambda: lock.up, FIRMWARE))
    random.seed(1)
    real = pairing.PAIRING_DIGITS
    pairing.PAIRING_DIGITS = 1
    try:
        m = attack(lock, chooses_late, 1, Gullible)
    finally:
        pairing.PAIRING_DIGITS = real
    assert m.to_lock.done(FINISH, complete(NOW)) == b"\x00"
    lock.start()
    assert session(lock, 0, PSK).session.slot == 0


def test_if_others_could_begin_before_something_was_typed_trying_again_would_win(directory):
    """The rule that a reveal is followed by an entry is what holds: without it M wins nine times in ten, one digit."""

    class Hasty(LinkState):
        untyped = False

    lock = blank(directory)
    random.seed(5)
    honest = wins(lock, tries_again, 1, 20)
    real = pairing.PAIRING_DIGITS
    pairing.PAIRING_DIGITS = 1
    won = 0
    try:
        with Counted():
            for _ in range(20):
                lock.sessions = Sessions(Hasty(lock, source(b"l"), lambda: lock.up, FIRMWARE))
                won += attack(lock, tries_again, 1) is not None
    finally:
        pairing.PAIRING_DIGITS = real
    assert honest <= 8 < 12 <= won
