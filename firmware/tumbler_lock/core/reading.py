"""What the digits of an offline code mean to a lock that does not know them (docs/spec/passcodes.md).

Nothing is remembered or changed here. The verifier of a lock reads entries with it, and the tools explain codes with
it.
"""

from collections import namedtuple

from .codebook import FRESH, REVOKED, StoredCode
from .passcode import EARLY, HOURS_PER_ERA, hour_of, start_of
from .schedule import in_cycle, occurs
from .tickets import FIRST_USE_HOURS, KINDS, LONGEST_HOURS, RECURRING, TIMED, UNKNOWN, meaning
from .zone import HOUR, weekday

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NamedTuple

    from .config import Config
    from .passcode import Scheme
    from .tickets import Meaning

    class Reading(NamedTuple):
        """reason: why the digits are accepted ("opened") or not; code: what they are, see `Reader.read`."""

        reason: str
        code: StoredCode


# A decoded start further from now than the longest code lasts is no code, but a wrong guess.
HORIZON = LONGEST_HOURS * HOUR

# The better reason wins where two eras give two readings of the same digits.
_RANK = {"wrong": 0, "first-use-missed": 1, "expired": 2, "not-yet": 3, "outside-its-hours": 4, "opened": 5}

if not TYPE_CHECKING:
    Reading = namedtuple("Reading", "reason code")


class Reader:
    """Reads the codes of one lock in one epoch, under one configuration."""

    def __init__(self, scheme: "Scheme", config: "Config") -> None:
        self._scheme = scheme
        self._policy = config.policy
        self._zone = config.zone
        self._weekend = config.weekend

    def read(self, tag: bytes, digits: str, now: int, oldest_start: int) -> "Reading":
        """Return the best reading of unseen digits with this tag at trusted time `now`.

        oldest_start: the store's `oldest_start_accepted`. The reading's code is FRESH and has every limit of the
        ticket. It is `no_code` when no era (at most two have hours within the horizon) gives the digits a meaning.
        """
        length = len(digits)
        best = Reading("wrong", no_code(tag, length))
        taken_until = 0
        if length >= self._policy.fewest_digits:
            phase = self._zone.phase
            last = hour_of(now + HORIZON, phase) // HOURS_PER_ERA
            for era in range(hour_of(max(0, now - HORIZON), phase) // HOURS_PER_ERA, last + 1):
                hour, ticket = self._scheme.decode(digits, era)
                start = start_of(hour, phase)
                what = meaning(ticket) if start >= 0 and abs(now - start) <= HORIZON else None
                if what is not None and self._policy.permits(what):
                    code = self._fresh(tag, length, what, start)
                    reason = self._unseen(code, now, oldest_start)
                    taken_until = max(taken_until, code.digits_taken_until)
                    if _RANK[reason] > _RANK[best.reason]:
                        best = Reading(reason, code)
        if best.code.kind != UNKNOWN:
            best.code.digits_taken_until = taken_until  # the same digits may have a second reading, in the next era
        return best

    def _fresh(self, tag: bytes, length: int, what: "Meaning", start: int) -> StoredCode:
        """Return the stored code of a ticket that was not used yet."""
        code = StoredCode(tag, what.kind, FRESH, length)
        code.start = start
        code.digits_taken_until = start + FIRST_USE_HOURS * HOUR
        if what.kind == TIMED:
            code.end = start + what.hours * HOUR
        elif what.kind == RECURRING:
            day, hour, _, _ = self._zone.local(start)
            code.cycle, code.begin, code.until, code.weekday = what.cycle, hour, what.until_hour, weekday(day)
        return code

    def _unseen(self, code: StoredCode, now: int, oldest_start: int) -> str:
        """Return why a ticket that the lock does not know is accepted at `now`, or not."""
        if code.kind == RECURRING:
            day, _, _, _ = self._zone.local(code.start)
            if not in_cycle(code.cycle, code.weekday, self._weekend, day):
                return "wrong"
        # An hour later than a forgotten one: a new zone rule may have moved the hours by part of one.
        return "first-use-missed" if code.start < oldest_start + HOUR else self.first_use(code, now)

    def first_use(self, code: StoredCode, now: int) -> str:
        """Return why a code that was never used may be used first at `now`, or not."""
        if now < code.start - EARLY:
            return "not-yet"
        if now >= code.end:
            return "expired"
        if now >= code.start + KINDS[code.kind].first_use_hours * HOUR:
            return "first-use-missed"
        return self.within(code, now)

    def within(self, code: StoredCode, now: int) -> str:
        """Return whether a recurring code is inside one of its occurrences, "opened" if so. Every other kind is."""
        if code.kind != RECURRING:
            return "opened"
        day, hour, _, _ = self._zone.local(max(now, code.start))  # early for the first time counts as on time
        inside = occurs(code.cycle, code.begin, code.until, code.weekday, self._weekend, day, hour)
        return "opened" if inside else "outside-its-hours"


def no_code(tag: bytes, length: int) -> StoredCode:
    """Return what the log says about digits that are no code."""
    return StoredCode(tag, UNKNOWN, REVOKED, length)
