"""The ticket table: every ticket, its boundaries frozen by hand, and against a second telling of the document."""

import pytest

from tests.generators import codes as model
from tests.support.doc_tables import rows
from tumbler_lock.core import tickets
from tumbler_lock.core.tickets import (
    CUSTOM,
    CYCLE_NAMES,
    DAILY,
    ERASE,
    KINDS,
    ONE_TIME,
    PERMANENT,
    RECURRING,
    REVOKE,
    TIMED,
    WEEKLY,
    Meaning,
    fewest_digits,
    kind_name,
    meaning,
)

ALL = range(10_000)


def ticket_of(what):
    """Return the ticket with this meaning, by its place among those that differ in the serial alone."""
    return tickets.tickets(what.kind, what.hours, what.cycle, what.until_hour)[what.serial]


# Typed from the document. Never to change: codes are out there.
FROZEN = {
    0: (ONE_TIME, 0, 0, 0, 0, 6),
    7: (ONE_TIME, 7, 0, 0, 0, 6),
    8: (PERMANENT, 0, 0, 0, 0, 6),
    9: (PERMANENT, 1, 0, 0, 0, 6),
    10: (TIMED, 0, 1, 0, 0, 7),
    57: (TIMED, 0, 48, 0, 0, 7),
    81: (TIMED, 0, 72, 0, 0, 7),
    82: (ONE_TIME, 8, 0, 0, 0, 7),
    97: (ONE_TIME, 23, 0, 0, 0, 7),
    98: (PERMANENT, 2, 0, 0, 0, 7),
    99: (PERMANENT, 3, 0, 0, 0, 7),
    100: (TIMED, 0, 73, 0, 0, 8),
    195: (TIMED, 0, 168, 0, 0, 8),
    771: (TIMED, 0, 744, 0, 0, 8),
    772: (RECURRING, 0, 0, 0, 0, 8),
    795: (RECURRING, 0, 0, 0, 23, 8),
    796: (RECURRING, 0, 0, 1, 0, 8),
    820: (RECURRING, 0, 0, 2, 0, 8),
    837: (RECURRING, 0, 0, 2, 17, 8),
    844: (RECURRING, 0, 0, 3, 0, 8),
    867: (RECURRING, 0, 0, 3, 23, 8),
    868: (ONE_TIME, 24, 0, 0, 0, 8),
    979: (ONE_TIME, 135, 0, 0, 0, 8),
    980: (PERMANENT, 4, 0, 0, 0, 8),
    999: (PERMANENT, 23, 0, 0, 0, 8),
    1000: (TIMED, 0, 745, 0, 0, 9),
    9039: (TIMED, 0, 8784, 0, 0, 9),
    9040: (TIMED, 1, 1, 0, 0, 9),
    9207: (TIMED, 1, 168, 0, 0, 9),
    9208: (TIMED, 2, 1, 0, 0, 9),
    9375: (TIMED, 2, 168, 0, 0, 9),
    9376: (TIMED, 3, 1, 0, 0, 9),
    9543: (TIMED, 3, 168, 0, 0, 9),
    9544: (ONE_TIME, 136, 0, 0, 0, 9),
    9607: (ONE_TIME, 199, 0, 0, 0, 9),
    9998: (REVOKE, 0, 0, 0, 0, 9),
    9999: (ERASE, 0, 0, 0, 0, 9),
}


@pytest.mark.parametrize(("ticket", "wanted"), FROZEN.items())
def test_boundaries(ticket, wanted):
    assert (*meaning(ticket), fewest_digits(ticket)) == wanted
    assert ticket_of(Meaning(*wanted[:5])) == ticket


def test_every_ticket_comes_back():
    for ticket in ALL:
        what = meaning(ticket)
        if 9608 <= ticket <= 9997:
            assert what is None, ticket
        else:
            assert ticket_of(what) == ticket


def test_every_ticket_against_the_document_told_again():
    for ticket in ALL:
        what = meaning(ticket)
        told = model.meaning(ticket)
        assert (what and (KINDS[what.kind].name, *what[1:])) == told, ticket
        assert fewest_digits(ticket) == model.digits_needed(ticket) == max(6, len(str(ticket)) + 5)


def in_words(first, last):
    """Return (kind, what is granted) as the document's table has them for a row of tickets."""
    what, end = meaning(first), meaning(last)
    if what is None:
        assert end is None
        return "unassigned", "never accepted"
    assert what.kind == end.kind
    assert what.kind != TIMED or what.serial == end.serial
    granted = {
        TIMED: f"{what.hours}-{end.hours} h" + (f", variant {end.serial}" if what.serial else ""),
        RECURRING: " to ".join(f"{CYCLE_NAMES[it.cycle]} until {it.until_hour}" for it in (what, end)),
        REVOKE: "one code",
        ERASE: "all codes",
    }
    return KINDS[what.kind].name, granted.get(what.kind, f"serial {what.serial}-{end.serial}")


def test_the_documented_table_is_the_one_in_use():
    end = -1
    for tickets_of_row, kind, granted, digits in rows("Ticket table"):
        first, _, last = tickets_of_row.partition("-")
        assert int(first) == end + 1
        end = int(last or first)
        assert in_words(int(first), end) == (kind, granted)
        assert all(in_words(ticket, ticket)[0] == kind for ticket in range(int(first), end + 1))
        assert fewest_digits(int(first)) == fewest_digits(end) == int(digits)
    assert end == 9999


def test_the_table_is_ascending_and_leaves_one_gap():
    """`meaning` stops at the first row that ends above the ticket, and policy.py takes a row's first ticket for all."""
    end = 0
    gaps = []
    for first, count, *_ in tickets.TABLE:
        if first != end:
            gaps.append((end, first))
        assert fewest_digits(first) == fewest_digits(first + count - 1)
        end = first + count
    assert (gaps, end) == ([(9608, 9998)], tickets.TICKETS)


def test_tickets_lists_every_ticket_of_a_meaning_in_order():
    found = {}
    for ticket in ALL:
        what = meaning(ticket)
        if what:
            found.setdefault((what.kind, what.hours, what.cycle, what.until_hour), []).append(ticket)
    shared = {ONE_TIME: 200, PERMANENT: 24, REVOKE: 1, ERASE: 1}
    for asked, wanted in found.items():
        listed = tickets.tickets(*asked)
        assert listed == wanted
        assert [meaning(ticket).serial for ticket in listed] == list(range(len(wanted)))
        assert len(listed) == shared.get(asked[0], 4 if asked[0] == TIMED and asked[1] <= 168 else 1)


@pytest.mark.parametrize(
    "asked",
    [
        (TIMED, 0),
        (TIMED, 8785),
        (TIMED, -1),
        (TIMED, 1, 0, 5),
        (ONE_TIME, 5),
        (RECURRING, 0, 4, 0),
        (RECURRING, 0, 0, 24),
        (RECURRING, 0, -1, 23),
        (CUSTOM,),
        (7,),
        (-1,),
    ],
)
def test_what_no_ticket_stands_for_is_refused(asked):
    with pytest.raises(ValueError, match="no ticket has this kind"):
        tickets.tickets(*asked)


@pytest.mark.parametrize(
    "what",
    [
        (ONE_TIME, 200, 0, 0, 0),
        (ONE_TIME, -1, 0, 0, 0),
        (ONE_TIME, 0, 1, 0, 0),
        (PERMANENT, 24, 0, 0, 0),
        (TIMED, 0, 0, 0, 0),
        (TIMED, 0, 8785, 0, 0),
        (TIMED, 1, 169, 0, 0),
        (TIMED, 4, 1, 0, 0),
        (TIMED, 0, 5, 0, 1),
        (RECURRING, 0, 0, 4, 0),
        (RECURRING, 0, 0, 1, 24),
        (RECURRING, 0, 0, 1, -1),
        (RECURRING, 1, 0, 0, 0),
        (REVOKE, 1, 0, 0, 0),
        (ERASE, 0, 0, 0, 1),
        (CUSTOM, 0, 0, 0, 0),
        (7, 0, 0, 0, 0),
        (-1, 0, 0, 0, 0),
    ],
)
def test_no_ticket_has_an_impossible_meaning(what):
    assert Meaning(*what) not in set(map(meaning, ALL))


@pytest.mark.parametrize("ticket", [-1, 10_000, 1_000_000])
def test_numbers_that_are_no_tickets_are_refused(ticket):
    with pytest.raises(ValueError, match="0 to 9999"):
        meaning(ticket)
    with pytest.raises(ValueError, match="0 to 9999"):
        fewest_digits(ticket)


def test_every_kind_of_ticket_is_in_the_tables():
    assert {row[2] for row in tickets.TABLE} == set(tickets.TICKET_KINDS) == set(KINDS) - {CUSTOM}
    assert all(row[1] % 24 == row[3] % 24 == 0 for row in tickets.TABLE if row[2] == RECURRING), (
        "policy.py counts cycles"
    )
    assert max(KINDS) <= 15, "a record and a code of the book have four bits for it"
    assert tickets.UNKNOWN not in KINDS
    assert max(kind.first_use_hours for kind in KINDS.values()) == tickets.FIRST_USE_HOURS
    assert max(row[3] + row[1] - 1 for row in tickets.TABLE if row[2] == TIMED) == tickets.LONGEST_HOURS


def test_first_use_windows():
    hours = {KINDS[what.kind].name: KINDS[what.kind].first_use_hours for what in map(meaning, ALL) if what}
    assert hours == {"one-time": 6, "permanent": 24, "timed": 24, "recurring": 24, "revoke": 24, "erase": 24}


def test_names_match_their_numbers():
    names = {0: "one-time", 1: "permanent", 2: "timed", 3: "recurring", 4: "revoke", 5: "erase", 6: "custom"}
    assert tuple(names) == (ONE_TIME, PERMANENT, TIMED, RECURRING, REVOKE, ERASE, CUSTOM)
    assert {kind: KINDS[kind].name for kind in KINDS} == names
    assert {kind: kind_name(kind) for kind in range(-1, 16) if kind_name(kind) is not None} == names
    assert (CYCLE_NAMES[DAILY], CYCLE_NAMES[WEEKLY], len(CYCLE_NAMES)) == ("daily", "weekly", 4)
