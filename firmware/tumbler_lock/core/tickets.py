"""The kinds of codes, the cycles of recurring ones, and what the ticket in an offline code means: three tables.

A ticket is a number from 0 to 9999. A code of n digits carries tickets below 10**(n-5), so a ticket's place alone
decides the fewest digits it needs. Serials (one-time, permanent) and variants (timed) only make different codes for the
same times. docs/howto/add-a-code-kind.md says how to add a kind or a cycle.
"""

from collections import namedtuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NamedTuple

    class Kind(NamedTuple):
        """One kind of code.

        first_use_hours: hours after its start in which a lock accepts a code that it has not seen; lasting: whether it
        opens again after its first use.
        """

        name: str
        first_use_hours: int
        lasting: bool

    class Meaning(NamedTuple):
        """What a ticket grants. Fields that a kind does not use are 0.

        serial: of a timed code its variant; hours: timed codes; cycle, until_hour: recurring codes.
        """

        kind: int
        serial: int
        hours: int
        cycle: int
        until_hour: int


TICKETS = 10_000  # 0 to 9999
FIRST_USE_HOURS = 24  # the longest window of a first use
LONGEST_HOURS = 8784  # of a timed code: 366 days

if not TYPE_CHECKING:
    Kind = namedtuple("Kind", "name first_use_hours lasting")
    Meaning = namedtuple("Meaning", "kind serial hours cycle until_hour")

# Numbers on flash and in messages, at most 15. None may change or be used again.
ONE_TIME = 0
PERMANENT = 1
TIMED = 2
RECURRING = 3
REVOKE = 4
ERASE = 5
CUSTOM = 6
UNKNOWN = 7  # no kind: of digits that are no code, in the log only

KINDS = {
    # number            name, hours of the first use, lasting
    ONE_TIME: Kind("one-time", 6, False),
    PERMANENT: Kind("permanent", FIRST_USE_HOURS, True),
    TIMED: Kind("timed", FIRST_USE_HOURS, True),
    RECURRING: Kind("recurring", FIRST_USE_HOURS, True),
    REVOKE: Kind("revoke", FIRST_USE_HOURS, False),
    ERASE: Kind("erase", FIRST_USE_HOURS, False),
    CUSTOM: Kind("custom", FIRST_USE_HOURS, True),  # never in a ticket: digits that the owner picked
}

# The kinds that a ticket can have, in the order of the bits of a policy.
TICKET_KINDS = (ONE_TIME, PERMANENT, TIMED, RECURRING, REVOKE, ERASE)

# schedule.in_cycle knows their days.
DAILY = 0
WEEKEND = 1
WORKDAY = 2
WEEKLY = 3
CYCLE_NAMES = ("daily", "weekend", "workday", "weekly")

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


def kind_name(kind: int) -> "str | None":
    """Return the name of a kind's number; None when it is no kind."""
    return KINDS[kind].name if kind in KINDS else None


def fewest_digits(ticket: int) -> int:
    """Return the length of the shortest code that carries `ticket`: 6 to 9. ValueError outside 0 to 9999."""
    _require(ticket)
    return 5 + len(str(ticket))


def meaning(ticket: int) -> "Meaning | None":
    """Return what `ticket` means, None when it is unassigned. ValueError outside 0 to 9999."""
    _require(ticket)
    for first, count, kind, value, variant in TABLE:
        if ticket < first + count:
            return _meaning(kind, value + ticket - first, variant) if ticket >= first else None
    return None


def tickets(kind: int, hours: int = 0, cycle: int = 0, until_hour: int = 0) -> "list[int]":
    """Return every ticket with that meaning by ascending serial or variant, an issuer's order of preference.

    `hours` is for timed codes, `cycle` and `until_hour` for recurring ones. ValueError if no ticket has it.
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
        raise ValueError("no ticket has this kind, length, cycle and end hour")
    return found


def _meaning(kind: int, value: int, variant: int) -> "Meaning":
    if kind == TIMED:
        return Meaning(kind, variant, value, 0, 0)
    if kind == RECURRING:
        return Meaning(kind, 0, 0, value // 24, value % 24)
    return Meaning(kind, value, 0, 0, 0)


def _require(ticket: int) -> None:
    if not 0 <= ticket < TICKETS:
        raise ValueError("a ticket is a number from 0 to 9999")
