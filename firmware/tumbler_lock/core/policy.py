"""What an owner lets the lock accept offline, and how many tickets that is: the odds of a guess, by counting.

FF1 is a permutation, so a random entry of n digits is right exactly as often as (tickets accepted now) /
10**n. `accepted_at` counts them for one moment; `worst_accepted` bounds them for every moment and zone,
cheaply enough for the lock. Times are Unix seconds.
"""

from .passcode import EARLY, FEWEST, MOST, hour_of, start_of
from .schedule import in_cycle, occurs
from .tickets import (
    ERASE,
    FIRST_USE_HOURS,
    FIRST_USE_HOURS_ONE_TIME,
    LONGEST_HOURS,
    ONE_TIME,
    RECURRING,
    TABLE,
    TIMED,
    Meaning,
    fewest_digits,
    meaning,
)
from .zone import weekday

OFFLINE_KINDS = (1 << ERASE + 1) - 1  # mask of all kinds that a ticket can have, one-time bit 0
PACKED = 5  # bytes

# Every day is in three of the four cycles: daily, either weekend or workday, and weekly; 24 end hours each.
_RECURRING_A_START = 3 * 24


class Policy:
    """What is accepted offline: a mask of kinds by number, fewest digits, longest timed code, timed variants.

    ValueError, naming the field, for anything out of range. A policy is a value: compare it, do not change
    it.
    """

    def __init__(
        self,
        kinds: int = OFFLINE_KINDS,
        fewest_digits: int = FEWEST,
        longest_hours: int = LONGEST_HOURS,
        variants: bool = True,
    ):
        if not 0 <= kinds <= OFFLINE_KINDS:
            raise ValueError("policy: kinds is a mask of the six offline kinds, 0 to 63")
        if not FEWEST <= fewest_digits <= MOST:
            raise ValueError("policy: the fewest digits are 6 to 9")
        if not 1 <= longest_hours <= LONGEST_HOURS:
            raise ValueError("policy: the longest timed code is 1 to 8784 hours")
        self.kinds = kinds
        self.fewest_digits = fewest_digits
        self.longest_hours = longest_hours
        self.variants = bool(variants)

    def allows(self, ticket: int, length: int) -> bool:
        """Tell whether `length` digits with this ticket may be accepted at all; unassigned ones never are."""
        return max(self.fewest_digits, fewest_digits(ticket)) <= length <= MOST and self.permits(meaning(ticket))

    def permits(self, what: "Meaning | None") -> bool:
        """Tell whether a ticket with this meaning may be accepted, in a code that is long enough; None never is."""
        if what is None or not self.kinds >> what.kind & 1:
            return False
        return what.kind != TIMED or (what.hours <= self.longest_hours and (self.variants or what.serial == 0))

    @property
    def name(self) -> str:
        """Return "standard", "strict" or "custom"."""
        return "standard" if self == STANDARD else "strict" if self == STRICT else "custom"

    def pack(self) -> bytes:
        """Return 5 bytes: kinds, fewest digits, longest hours (2, big-endian), variants (0 or 1)."""
        high, low = divmod(self.longest_hours, 256)
        return bytes((self.kinds, self.fewest_digits, high, low, 1 if self.variants else 0))

    @classmethod
    def unpack(cls, packed: bytes) -> "Policy":
        """Return the policy that `pack` made 5 bytes of. ValueError for any other bytes."""
        if len(packed) != PACKED:
            raise ValueError("policy: 5 bytes are needed")
        if packed[4] > 1:
            raise ValueError("policy: variants is 0 or 1")
        return cls(packed[0], packed[1], int.from_bytes(packed[2:4], "big"), packed[4] == 1)

    def __eq__(self, other):
        return isinstance(other, Policy) and self.pack() == other.pack()

    def __hash__(self):
        return hash(self.pack())

    def __repr__(self):
        return f"Policy({self.kinds}, {self.fewest_digits}, {self.longest_hours}, {self.variants})"


STANDARD = Policy()
STRICT = Policy(fewest_digits=MOST, longest_hours=168, variants=False)


def _rows(policy: Policy, length: int) -> list:
    """Return (count, kind, first value) for the table's rows, as far as the policy allows their tickets."""
    rows = []
    for first, count, kind, value, _ in TABLE:
        if kind == TIMED:
            count = min(count, policy.longest_hours + 1 - value)
        # The first ticket of a row stands for all: rows do not cross powers of ten, kinds or variants.
        if count > 0 and policy.allows(first, length):
            rows.append((count, kind, value))
    return rows


def worst_accepted(policy: Policy, length: int) -> int:
    """Return the most tickets of `length` digits that are accepted at any moment, in any zone and weekend.

    It is the count in the last five minutes of an hour, when one more start hour is acceptable, with the
    windows of all recurring codes open: a clock change can open more of them at once than a common day
    does. 0 for a length that carries no ticket.
    """
    total = 0
    for count, kind, value in _rows(policy, length):
        if kind == RECURRING:
            total += (FIRST_USE_HOURS + 1) * _RECURRING_A_START
        elif kind == ONE_TIME:
            total += (FIRST_USE_HOURS_ONE_TIME + 1) * count
        elif kind == TIMED:
            total += _started(count, value, FIRST_USE_HOURS) + count
        else:
            total += (FIRST_USE_HOURS + 1) * count
    return total


def _started(count: int, value: int, most: int) -> int:
    """Sum min(hours, most) over `count` timed tickets from `value` hours on: the hours each lasts in."""
    short = max(0, min(count, most - value))
    return short * (2 * value + short - 1) // 2 + (count - short) * most


def accepted_at(policy: Policy, length: int, now: int, zone, weekend: int) -> int:
    """Return exactly how many tickets of `length` digits the lock accepts at `now`; revoke and erase count.

    `zone` is a `Zone`, `weekend` the lock's weekend days (Monday bit 0). Where the accepted start hours lie
    in two eras, tickets of both are counted, although a few pairs of them may share their digits.
    """
    total = 0
    rows = _rows(policy, length)
    latest = hour_of(now + EARLY, zone.phase)
    for hour in range(latest - FIRST_USE_HOURS, latest + 1):
        start = start_of(hour, zone.phase)
        age = now - start
        for count, kind, value in rows:
            if age >= 3600 * (FIRST_USE_HOURS_ONE_TIME if kind == ONE_TIME else FIRST_USE_HOURS):
                continue
            if kind == RECURRING:
                total += _recurring(start, now, zone, weekend)
            elif kind == TIMED:
                # Of hours value, value + 1, ... those that end after `now`.
                ended = max(0, age // 3600 + 1 - value)
                total += max(0, count - ended)
            else:
                total += count
    return total


def _recurring(start: int, now: int, zone, weekend: int) -> int:
    """Count the recurring tickets with this start that are inside an occurrence at `now`."""
    first, begin, _, _ = zone.local(start)
    day, hour, _, _ = zone.local(now)
    total = 0
    for cycle in range(4):
        if not in_cycle(cycle, weekday(first), weekend, first):
            continue
        for until in range(24):
            if now < start or occurs(cycle, begin, until, weekday(first), weekend, day, hour):
                total += 1
    return total
