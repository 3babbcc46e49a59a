"""Attacks on every message of a conversation, a sample of them or all, on both interpreters."""

from tests import link_attacks, micropython
from tests.campaign import campaign, cases

SCRIPT = micropython.ROOT / "tests" / "link_attacks.py"


def test_no_message_but_the_right_one_gets_anywhere(directory):
    tried = link_attacks.Scene(directory, 1 if campaign() else 7).run()
    assert tried > cases(2_000, 15_500)


def test_nor_on_micropython():
    tried = int(micropython.run(SCRIPT, 1 if campaign() else 61, timeout=600))
    assert tried > cases(200, 15_500)
