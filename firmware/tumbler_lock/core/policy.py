"""What an owner lets the lock accept offline, and how many tickets that is: the odds of a guess, by counting.

FF1 is a permutation, so a random entry of n digits is right exactly as often as (tickets accepted now) / 10**n.
`accepted_at` counts them for one moment. `worst_accepted` bounds them for every moment and zone, cheaply enough for the
lock. Times are Unix seconds.
"""

from .passcode import EARLY, FEWEST_OFFLINE, MOST_DIGITS, hour_of, start_of
from .schedule import in_cycle, most_in_cycle, occurs
from .tickets import (
    FIRST_USE_HOURS,
    KINDS,
    LONGEST_HOURS,
    RECURRING,
    TABLE,
    TICKET_KINDS,
    TIMED,
    fewest_digits,
    meaning,
)
from .zone import HOUR, weekday

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .tickets import Meaning
    from .zone import Zone

ALL_KINDS = (1 << len(TICKET_KINDS)) - 1  # a policy's bits of all kinds, one-time bit 0
PACKED = 5  # bytes


class Policy:
    """What is accepted offline.

    kinds: a bit for each of TICKET_KINDS; fewest_digits: of a code; longest_hours: of a timed code; variants: whether
    timed codes with a variant are accepted. ValueError if one is out of range. A policy is a value: do not change it.
    """

    def __init__(
        self,
        kinds: int = ALL_KINDS,
        fewest_digits: int = FEWEST_OFFLINE,
        longest_hours: int = LONGEST_HOURS,
        variants: bool = True,
    ) -> None:
        if not 0 <= kinds <= ALL_KINDS:
            raise ValueError("policy: kinds is a mask of %d offline kinds, 0 to %d" % (len(TICKET_KINDS), ALL_KINDS))
        if not FEWEST_OFFLINE <= fewest_digits <= MOST_DIGITS:
            raise ValueError("policy: the fewest digits are 6 to 9")
        if not 1 <= longest_hours <= LONGEST_HOURS:
            raise ValueError("policy: the longest timed code is 1 to 8784 hours")
        self.kinds = kinds
        self.fewest_digits = fewest_digits
        self.longest_hours = longest_hours
        self.variants = bool(variants)

    def allows(self, ticket: int, length: int) -> bool:
        """Return whether `length` digits with this ticket may be accepted at all. Unassigned ones never are."""
        fewest = max(self.fewest_digits, fewest_digits(ticket))
        return fewest <= length <= MOST_DIGITS and self.permits(meaning(ticket))

    def permits(self, what: "Meaning | None") -> bool:
        """Return whether a ticket with this meaning may be accepted in a code that is long enough. None never is."""
        if what is None or not self.kinds >> TICKET_KINDS.index(what.kind) & 1:
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
        """Return the policy in 5 bytes of `pack`. ValueError if they are invalid."""
        if len(packed) != PACKED:
            raise ValueError("policy: 5 bytes are needed")
        if packed[4] > 1:
            raise ValueError("policy: variants is 0 or 1")
        return cls(packed[0], packed[1], int.from_bytes(packed[2:4], "big"), packed[4] == 1)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Policy) and self.pack() == other.pack()

    def __hash__(self) -> int:
        return hash(self.pack())

    def __repr__(self) -> str:
        return f"Policy({self.kinds}, {self.fewest_digits}, {self.longest_hours}, {self.variants})"


STANDARD = Policy()
STRICT = Policy(fewest_digits=MOST_DIGITS, longest_hours=168, variants=False)


def _rows(policy: Policy, length: int) -> "list[tuple[int, int, int]]":
    """Return (count, kind, first value) of the table's rows, as far as the policy allows their tickets."""
    rows = []
    for first, count, kind, value, _ in TABLE:
        if kind == TIMED:
            count = min(count, policy.longest_hours + 1 - value)
        # All tickets of a row are like its first: rows do not cross powers of ten, kinds or variants, and have every
        # end hour of a cycle.
        if count > 0 and policy.allows(first, length):
            rows.append((count, kind, value))
    return rows


def worst_accepted(policy: Policy, length: int) -> int:
    """Return the most tickets of `length` digits that are accepted at any moment, in any zone and weekend.

    It counts the last five minutes of an hour, when one more start hour is accepted, with the windows of all recurring
    codes open: a clock change can open more of them at once than a common day does. 0 for a length without tickets.
    """
    total = 0
    for count, kind, value in _rows(policy, length):
        window = KINDS[kind].first_use_hours
        if kind == RECURRING:
            total += (window + 1) * most_in_cycle(_cycles(count, value)) * 24
        elif kind == TIMED:
            total += _started(count, value, window) + count
        else:
            total += (window + 1) * count
    return total


def _started(count: int, value: int, most: int) -> int:
    """Sum min(hours, most) over `count` timed tickets from `value` hours on."""
    short = max(0, min(count, most - value))
    return short * (2 * value + short - 1) // 2 + (count - short) * most


def accepted_at(policy: Policy, length: int, now: int, zone: "Zone", weekend: int) -> int:
    """Return exactly how many tickets of `length` digits the lock accepts at `now`, revoke and erase included.

    `weekend`: the lock's weekend days, Monday bit 0. Where the accepted start hours lie in two eras, tickets of both
    are counted, although a few pairs of them may share their digits.
    """
    total = 0
    rows = _rows(policy, length)
    latest = hour_of(now + EARLY, zone.phase)
    for hour in range(latest - FIRST_USE_HOURS, latest + 1):
        start = start_of(hour, zone.phase)
        age = now - start
        for count, kind, value in rows:
            if age >= HOUR * KINDS[kind].first_use_hours:
                continue
            if kind == RECURRING:
                total += _recurring(_cycles(count, value), start, now, zone, weekend)
            elif kind == TIMED:
                # Of hours value, value + 1, ... those that end after `now`.
                ended = max(0, age // HOUR + 1 - value)
                total += max(0, count - ended)
            else:
                total += count
    return total


def _cycles(count: int, value: int) -> range:
    """Return the cycles of a row of recurring tickets."""
    return range(value // 24, (value + count) // 24)


def _recurring(cycles: range, start: int, now: int, zone: "Zone", weekend: int) -> int:
    """Return how many recurring tickets of these cycles with this start are inside an occurrence at `now`."""
    first, begin, _, _ = zone.local(start)
    day, hour, _, _ = zone.local(now)
    total = 0
    for cycle in cycles:
        if not in_cycle(cycle, weekday(first), weekend, first):
            continue
        for until in range(24):
            if now < start or occurs(cycle, begin, until, weekday(first), weekend, day, hour):
                total += 1
    return total
