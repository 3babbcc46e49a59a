"""What codes grant in words: every kind and every cycle has a sentence of its own."""

import pytest

from tumbler.codes import wording
from tumbler_lock.core import tickets
from tumbler_lock.core.tickets import CYCLE_NAMES, RECURRING, TICKET_KINDS, TIMED, Meaning
from tumbler_lock.core.zone import Zone

BERLIN = Zone("CET-1CEST,M3.5.0,M10.5.0/3")
START = 1_795_446_000  # Monday 2026-11-23T15:00Z
HOUR = 3_600


def grant(kind, hours=0, cycle=0, until_hour=0):
    end = START + hours * HOUR if kind == TIMED else None
    return wording.grant(Meaning(kind, 0, hours, cycle, until_hour), START, end, START + 6 * HOUR, BERLIN)


def test_every_kind_of_ticket_has_words():
    sentences = [grant(kind, hours=2) for kind in TICKET_KINDS]
    assert len(set(sentences)) == len(TICKET_KINDS)
    for sentence in sentences:
        assert "first use must be before Mon 2026-11-23 22:00 (+01:00)" in sentence
        assert sentence.startswith("Opens "), "no kind is left with the words for an unknown one"


@pytest.mark.parametrize(
    ("cycle", "words"),
    list(zip(CYCLE_NAMES, ("every day", "on weekend days", "on working days", "every Monday"), strict=True)),
)
def test_every_cycle_has_words(cycle, words):
    number = CYCLE_NAMES.index(cycle)
    assert number in wording.CYCLES
    assert grant(RECURRING, cycle=number, until_hour=18).startswith(f"Opens {words} from 16:00 to 18:00, from Mon")
    assert grant(RECURRING, cycle=number, until_hour=2).startswith(f"Opens {words} from 16:00 to 02:00 the next day, ")
    assert grant(RECURRING, cycle=number, until_hour=16).startswith(f"Opens {words} for 24 hours from 16:00, ")


def test_a_cycle_without_words_is_called_by_its_name(monkeypatch):
    """A cycle that was added to the lock alone does not end the command that has just issued a code of it."""
    monkeypatch.setattr(wording, "CYCLE_NAMES", (*CYCLE_NAMES, "monthly"))
    assert grant(RECURRING, cycle=len(CYCLE_NAMES), until_hour=18).startswith(
        "Opens on the days of the cycle 'monthly' from 16:00 to 18:00, "
    )


def test_details_are_those_of_the_kind():
    said = {tickets.KINDS[kind].name: wording.details(Meaning(kind, 1, 2, 3, 4)) for kind in TICKET_KINDS}
    assert said == {
        "one-time": {"serial": 1},
        "permanent": {"serial": 1},
        "timed": {"hours": 2, "variant": 1},
        "recurring": {"cycle": "weekly", "until_hour": 4},
        "revoke": {},
        "erase": {},
    }
