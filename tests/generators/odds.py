"""Vectors for the odds: how many tickets are accepted at a moment, by asking every ticket of every hour nearby.

`accepts` is the rule of docs/spec/passcodes.md for one ticket, with wall clocks from the standard library and recurring
windows as explicit lists of hours. Nothing here counts by formula.
"""

import datetime
import random
from functools import cache
from operator import mul

from tests.generators.codes import digits_needed, meaning
from tests.generators.zones import BEGIN, END, changes, library_zone

HOUR = 3600
NEARBY = range(-25, 3)  # hours round now: some more on each side than can matter
SATURDAY_SUNDAY = 0b1100000
KINDS = ("one-time", "permanent", "timed", "recurring", "revoke", "erase")

RULES = (
    "UTC0",
    "CET-1CEST,M3.5.0,M10.5.0/3",
    "EST5EDT,M3.2.0,M11.1.0",
    "<+0545>-5:45",
    "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0",
    "<+00>0<+02>-2,M3.5.0/1,M10.5.0/3",
    "AAA-3BBB12,M3.5.0/1,M10.5.0/3",
)

# Mask of kinds by number, fewest digits, longest timed code in hours, timed variants.
POLICIES = (
    (0b111111, 6, 8784, True),
    (0b111111, 9, 168, False),
    (0b000101, 7, 12, True),
    (0b001010, 8, 1, False),
    (0b111110, 6, 100, True),
    (0b000000, 6, 8784, True),
)


def permits(policy: tuple[int, int, int, bool], ticket: int, length: int) -> bool:
    """Say whether a policy lets a ticket be carried by a code of a length."""
    kinds, fewest, longest, variants = policy
    what = meaning(ticket)
    if what is None or not kinds >> KINDS.index(what[0]) & 1:
        return False
    if what[0] == "timed" and (what[2] > longest or (what[1] and not variants)):
        return False
    return length >= fewest and length >= digits_needed(ticket)


def in_cycle(cycle: int, date: datetime.date, first: datetime.date, weekend: int) -> bool:
    """Say whether an occurrence may begin on a date; `first` is the date of the ticket's start."""
    free = bool(weekend & (1 << date.weekday()))
    return (True, free, not free, date.weekday() == first.weekday())[cycle]


@cache
def window(begin: int, until: int) -> frozenset[tuple[int, int]]:
    """Return the hours of an occurrence as (days after the one it begins on, hour of the day)."""
    length = (until - begin) % 24 or 24
    return frozenset(divmod(begin + hour, 24) for hour in range(length))


@cache
def clock(t: int, zone: datetime.tzinfo) -> datetime.datetime:
    """Return the wall clock of a zone at a Unix time."""
    return datetime.datetime.fromtimestamp(t, zone)


def accepts(what: tuple[str, int, int, int, int], start: int, now: int, zone, weekend: int) -> bool:
    """Say whether a lock that has never seen a ticket lets it in, with its start and now in Unix seconds."""
    kind, _, hours, cycle, until = what
    if not start - 300 <= now < start + (6 if kind == "one-time" else 24) * HOUR:
        return False
    if kind == "timed":
        return now < start + hours * HOUR
    if kind != "recurring":
        return True
    began, here = clock(start, zone), clock(now, zone)
    if not in_cycle(cycle, began.date(), began.date(), weekend):
        return False
    if now < start:
        return True
    for after in (0, 1):
        day = here.date() - datetime.timedelta(days=after)
        if (after, here.hour) in window(began.hour, until) and in_cycle(cycle, day, began.date(), weekend):
            return True
    return False


@cache
def groups() -> dict[tuple, list[int]]:
    """Return all assigned tickets by what they grant: serials and variants change no right."""
    found: dict[tuple, list[int]] = {}
    for ticket in range(10_000):
        what = meaning(ticket)
        if what:
            found.setdefault((what[0], 0, *what[2:]), []).append(ticket)
    return found


@cache
def sizes(policy: tuple[int, int, int, bool]) -> list[list[int]]:
    """Return for 6, 7, 8 and 9 digits how many tickets of each grant a policy lets a code carry."""
    return [
        [sum(permits(policy, ticket, length) for ticket in tickets) for tickets in groups().values()]
        for length in range(6, 10)
    ]


def count(now: int, zone: datetime.tzinfo, weekend: int) -> list[list[int]]:
    """Return for each of POLICIES the numbers of tickets accepted at a moment, of 6, 7, 8 and 9 digits."""
    # Hours begin with the wall clock's in standard time.
    standard = min(clock(BEGIN + month * 30 * 86400, zone).utcoffset() or datetime.timedelta() for month in range(12))
    latest = now - (now + int(standard.total_seconds())) % HOUR
    nearby = [latest + hour * HOUR for hour in NEARBY]
    starts = [sum(accepts(what, start, now, zone, weekend) for start in nearby) for what in groups()]
    return [[sum(map(mul, starts, tickets)) for tickets in sizes(policy)] for policy in POLICIES]


def moments() -> list[tuple[str, int, int]]:
    """Return (rule, weekend, Unix time): quiet ones, the edges of an hour, and the day round clock changes."""
    draw = random.Random(20261125)
    found = [("UTC0", SATURDAY_SUNDAY, 1795392000 + second) for second in (0, 1800, 3299, 3300, 3599)]
    for rule in RULES:
        zone = library_zone(rule)
        found.append((rule, draw.randrange(128), draw.randrange(BEGIN, END)))
        for change in changes(zone, BEGIN, BEGIN + 366 * 86400)[:2]:
            found.append((rule, SATURDAY_SUNDAY, change + draw.choice((0, 60, 1800, 3540))))
            found.append((rule, draw.randrange(128), change + draw.randrange(-HOUR, 26 * HOUR)))
    return found


def build() -> dict[str, object]:
    """Return the policies, and for each moment the accepted tickets by policy and number of digits."""
    rows = []
    for rule, weekend, now in moments():
        zone = library_zone(rule)
        rows.append({"rule": rule, "weekend": weekend, "now": now, "accepted": count(now, zone, weekend)})
    packed = [
        bytes([kinds, fewest, *longest.to_bytes(2, "big"), variants]).hex()
        for kinds, fewest, longest, variants in POLICIES
    ]
    return {"policies": packed, "digits": [6, 7, 8, 9], "moments": rows}
