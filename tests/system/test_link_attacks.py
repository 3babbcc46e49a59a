"""Attacks on every message of a conversation and on pairings, a sample of them or all."""

import random

from tests.dual.support import message_attacks, pairing_middle
from tests.dual.support.linked_lock import Linked
from tests.support import micropython
from tests.support.campaign import campaign, cases

SCRIPT = micropython.ROOT / "tests" / "dual" / "support" / "message_attacks.py"


def test_no_message_but_the_right_one_gets_anywhere(directory):
    tried = message_attacks.Scene(directory, 1 if campaign() else 7).run()
    assert tried > cases(2_000, 15_500)


def test_nor_on_micropython():
    tried = int(micropython.run(SCRIPT, 1 if campaign() else 61, timeout=600))
    assert tried > cases(200, 15_500)


def test_somebody_in_the_middle_of_many_pairings(directory):
    random.seed(7)
    won, tried = pairing_middle.check(Linked(directory, blank=True), cases(100, 10_000), 2)
    assert won < tried / 20
