"""Attacks on every message of a conversation and on pairings, a sample of them or all."""

import random

from tests import link_attacks, link_middle, micropython
from tests.campaign import campaign, cases
from tests.linked import Linked

SCRIPT = micropython.ROOT / "tests" / "link_attacks.py"


def test_no_message_but_the_right_one_gets_anywhere(directory):
    tried = link_attacks.Scene(directory, 1 if campaign() else 7).run()
    assert tried > cases(2_000, 15_500)


def test_nor_on_micropython():
    tried = int(micropython.run(SCRIPT, 1 if campaign() else 61, timeout=600))
    assert tried > cases(200, 15_500)


def test_somebody_in_the_middle_of_many_pairings(directory):
    random.seed(7)
    won, tried = link_middle.check(Linked(directory, blank=True), cases(100, 10_000), 2)
    assert won < tried / 20
