"""What the ticket in an offline passcode means: one table of all tickets, read in both directions.

A ticket is a number from 0 to 9999. A code of n digits carries tickets below 10**(n-5), so a ticket's place
alone decides the fewest digits it needs. Serials (one-time, permanent) and variants (timed) only make
different codes for the same times.
"""

from collections import namedtuple

TICKETS = 10_000  # 0 to 9999
FIRST_USE_HOURS = 24  # an unseen code is accepted in these hours after its start ...
FIRST_USE_HOURS_ONE_TIME = 6  # ... and a one-time code in these
LONGEST_HOURS = 8784  # of a timed code: 366 days

ONE_TIME = 0
PERMANENT = 1
TIMED = 2
RECURRING = 3
REVOKE = 4
ERASE = 5
CUSTOM = 6  # never in a ticket: digits that the owner chose and told the lock
KIND_NAMES = ("one-time", "permanent", "timed", "recurring", "revoke", "erase", "custom")

DAILY = 0
WEEKEND = 1
WORKDAY = 2
WEEKLY = 3
CYCLE_NAMES = ("daily", "weekend", "workday", "weekly")

# kind; serial (one-time, permanent) or variant (timed); hours (timed); cycle and until_hour (recurring).
# Fields that a kind does not use are 0.
Meaning = namedtuple("Meaning", ("kind", "serial", "hours", "cycle", "until_hour"))

# The first ticket's value is its serial (one-time, permanent), its hours (timed) or 24*cycle + until_hour
# (recurring); each next ticket's is one more. Tickets between the rows are unassigned.
TABLE = (
    # first  count  kind       value  variant
    (     0,     8, ONE_TIME,      0, 0),
    (     8,     2, PERMANENT,     0, 0),
    (    10,    72, TIMED,         1, 0),
    (    82,    16, ONE_TIME,      8, 0),
    (    98,     2, PERMANENT,     2, 0),
    (   100,   672, TIMED,        73, 0),
    (   772,    96, RECURRING,     0, 0),
    (   868,   112, ONE_TIME,     24, 0),
    (   980,    20, PERMANENT,     4, 0),
    (  1000,  8040, TIMED,       745, 0),
    (  9040,   168, TIMED,         1, 1),
    (  9208,   168, TIMED,         1, 2),
    (  9376,   168, TIMED,         1, 3),
    (  9544,    64, ONE_TIME,    136, 0),
    (  9998,     1, REVOKE,        0, 0),
    (  9999,     1, ERASE,         0, 0),
)  # fmt: skip


def fewest_digits(ticket: int) -> int:
    """Return the length of the shortest code that carries `ticket`: 6 to 9. ValueError outside 0-9999."""
    _require(ticket)
    return 5 + len(str(ticket))


def meaning(ticket: int) -> "Meaning | None":
    """Return what `ticket` stands for, None when it is unassigned. ValueError outside 0 to 9999."""
    _require(ticket)
    for first, count, kind, value, variant in TABLE:
        if ticket < first + count:
            return _meaning(kind, value + ticket - first, variant) if ticket >= first else None
    return None


def ticket_of(wanted: "Meaning") -> int:
    """Return the ticket that stands for `wanted`. ValueError: none does, or an unused field is not 0."""
    kind, serial, hours, cycle, until_hour = wanted
    value = (serial, serial, hours, 24 * cycle + until_hour, 0, 0, 0)[kind] if 0 <= kind <= CUSTOM else 0
    for first, count, row_kind, row_value, variant in TABLE:
        if row_kind == kind and row_value <= value < row_value + count:
            ticket = first + value - row_value
            if _meaning(kind, value, variant) == tuple(wanted):
                return ticket
    raise ValueError("no ticket stands for that: " + _limits(kind))


def tickets(kind: int, hours: int = 0, cycle: int = 0, until_hour: int = 0) -> "list[int]":
    """Return every ticket with that meaning by ascending serial or variant, an issuer's order of preference.

    `hours` is for timed codes, `cycle` and `until_hour` for recurring ones. ValueError when there is none.
    """
    found = []
    for first, count, row_kind, value, variant in TABLE:
        if row_kind != kind:
            continue
        places = range(count)
        if kind in (TIMED, RECURRING):
            place = (hours if kind == TIMED else 24 * cycle + until_hour) - value
            places = range(place, place + 1) if 0 <= place < count else range(0)
        for place in places:
            what = _meaning(kind, value + place, variant)
            if (what.hours, what.cycle, what.until_hour) == (hours, cycle, until_hour):
                found.append(first + place)
    if not found:
        raise ValueError("no ticket stands for that: " + _limits(kind))
    return found


def first_use_hours(what: "Meaning") -> int:
    """Return for how many hours after its start an unseen code with this meaning is accepted."""
    return FIRST_USE_HOURS_ONE_TIME if what.kind == ONE_TIME else FIRST_USE_HOURS


def _meaning(kind: int, value: int, variant: int) -> "Meaning":
    if kind == TIMED:
        return Meaning(kind, variant, value, 0, 0)
    if kind == RECURRING:
        return Meaning(kind, 0, 0, value // 24, value % 24)
    return Meaning(kind, value, 0, 0, 0)


def _limits(kind: int) -> str:
    if kind == TIMED:
        return "a timed code lasts 1 to 8784 hours, and only up to 168 hours it has variants 0 to 3"
    if kind == RECURRING:
        return "a recurring code has a cycle 0 to 3 and an end hour 0 to 23"
    if kind == ONE_TIME:
        return "a one-time code has a serial 0 to 199"
    if kind == PERMANENT:
        return "a permanent code has a serial 0 to 23"
    return "revoke and erase have one ticket each, other kinds none"


def _require(ticket: int) -> None:
    if not 0 <= ticket < TICKETS:
        raise ValueError("a ticket is a number from 0 to 9999")
