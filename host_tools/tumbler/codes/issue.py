"""Issuing: from what the owner wants (a kind of code, times) to one code that was not issued before.

Order of choice: the shortest length that the lock's policy allows, then another serial or variant of that length, then
a longer one. A revoke or erase code has a single ticket. If that of this hour is taken, an earlier hour gives another
code that is as good now, but for a shorter time.

All times are Unix seconds; hours are those of docs/spec/passcodes.md. timezones.py reads what a person wrote, so a
start or an end is the beginning of an hour. A start inside an hour would mean that hour, an end its end.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from tumbler_lock.core.passcode import (
    EARLY,
    EPOCHS,
    FEWEST_OFFLINE,
    HOURS_PER_ERA,
    MOST_DIGITS,
    Scheme,
    code_id,
    hour_of,
    start_of,
)
from tumbler_lock.core.policy import Policy
from tumbler_lock.core.schedule import in_cycle
from tumbler_lock.core.tickets import (
    CYCLE_NAMES,
    ERASE,
    KINDS,
    LONGEST_HOURS,
    RECURRING,
    REVOKE,
    TIMED,
    Meaning,
    meaning,
    tickets,
)
from tumbler_lock.core.zone import HOUR, Zone, weekday

from ..errors import ToolError
from ..registry.registry import IssuedRow, Registry, RegistryLock
from ..registry.schema import POLICIES
from ..text import command_line
from ..timezones import DAY_NAMES, format_time

LENGTHS = range(FEWEST_OFFLINE, MOST_DIGITS + 1)
LAST_HOUR = EPOCHS * HOURS_PER_ERA - 1  # the era has two bytes
EARLIER_HOURS = 12  # how far back a revoke or erase code may start, so that it still works for half a day


@dataclass(frozen=True)
class Wish:
    """What the owner asks for. kind: a kind number of tickets.py; start None: the current hour.

    end: timed codes only; cycle and until_hour: recurring ones only; digits: exactly this length;
    allow_past: issue a code even if its time for a first use is over.
    """

    kind: int
    start: int | None = None
    end: int | None = None
    cycle: int = 0
    until_hour: int = 0
    digits: int | None = None
    label: str = ""
    allow_past: bool = False


@dataclass(frozen=True)
class IssuedCode:
    """A code issued offline: its row in the registry and everything that follows from it. end: None if it has none."""

    row: IssuedRow
    digits: str
    short_id: str
    meaning: Meaning
    start: int
    end: int | None
    first_use_until: int

    @property
    def kind(self) -> str:
        """The kind in words."""
        return KINDS[self.meaning.kind].name


def policy_of(lock: RegistryLock) -> Policy:
    """Return the policy that the lock was added with."""
    return POLICIES[lock.policy]


def describe(lock: RegistryLock, row: IssuedRow) -> IssuedCode:
    """Work out the digits and the times of a code in the registry."""
    what = meaning(row.ticket)
    if what is None:
        raise ToolError(
            f"The registry holds a code of '{lock.name}' that no lock accepts (ticket {row.ticket}).",
            "Restore the registry from a backup.",
        )
    scheme = Scheme(lock.required_secret, row.epoch)
    digits = scheme.encode(row.hour, row.ticket, row.length)
    start, end, until = times(what, start_of(row.hour, Zone(lock.rule).phase))
    return IssuedCode(row, digits, code_id(scheme.tag(digits)), what, start, end, until)


def times(what: Meaning, start: int) -> tuple[int, int | None, int]:
    """Return (start, end or None, end of the first-use window) of a ticket whose hour begins at `start`."""
    end = start + what.hours * HOUR if what.kind == TIMED else None
    until = start + KINDS[what.kind].first_use_hours * HOUR
    return start, end, until if end is None else min(until, end)


def issue(registry: Registry, name: str, wish: Wish, now: int) -> tuple[IssuedCode, list[str]]:
    """Choose a code, store it as issued and return it with warnings for the owner.

    ToolError if the wish cannot be met; then nothing is stored.
    """
    with registry.writing():
        lock = registry.lock(name)
        zone = Zone(lock.rule)
        warnings = _new_secret_warning(lock) + (_erase_warning(lock) if wish.kind != ERASE else [])
        row = None
        for hour in _hours(lock, zone, wish, now):
            row = _choose(registry, lock, zone, wish, hour, now)
            if row:
                break
        if row is None:
            raise _exhausted(wish)
        if wish.kind == ERASE:
            registry.set_erase_pending(lock, pending=True)
        return describe(lock, row), warnings


def state(lock: RegistryLock, code: IssuedCode, now: int) -> str:
    """Return what the registry knows of a code: upcoming, usable, if-used, over or erased.

    usable: it can be used now, also for the first time; if-used: it opens only if its first use was in time.
    """
    if code.row.epoch != lock.epoch:
        return "erased"
    if now < code.start - EARLY:
        return "upcoming"
    if now < code.first_use_until:
        return "usable"
    return "if-used" if KINDS[code.meaning.kind].lasting and (code.end is None or now < code.end) else "over"


def stored_lengths(registry: Registry, lock: RegistryLock, now: int) -> list[int]:
    """Return how many issued codes of each length the lock has stored by now if every one was used in time."""
    counts = [0] * 10
    phase = Zone(lock.rule).phase
    for row in registry.codes(lock):
        if row.epoch != lock.epoch:
            continue
        what = meaning(row.ticket)
        start, end, _ = times(what, start_of(row.hour, phase)) if what else (0, None, 0)
        if what and KINDS[what.kind].lasting and start <= now and (end is None or now < end):
            counts[row.length] += 1
    return counts


def _new_secret_warning(lock: RegistryLock) -> list[str]:
    if lock.new_secret is None:
        return []
    return [
        f"'{lock.name}' was reset, or is to get a new secret. This code does not open it then."
        f" Pair it first: {command_line('pair', lock.name)}"
    ]


def _erase_warning(lock: RegistryLock) -> list[str]:
    if not lock.erase_pending:
        return []
    return [
        f"An erase code was issued for '{lock.name}' and not confirmed. If it was typed, this code is dead already."
        f" Confirm the erase first: {command_line('lock confirm-erase', lock.name)}"
    ]


def _hours(lock: RegistryLock, zone: Zone, wish: Wish, now: int) -> Iterator[int]:
    """Check the times of the wish and yield the hours a code may have, the best first."""
    hour = hour_of(now if wish.start is None else wish.start, zone.phase)
    start = start_of(hour, zone.phase)
    if start < 0 or hour > LAST_HOUR:
        raise ToolError("The start is outside the scheme's calendar.", "Choose a start after 1970.")
    if start - now > HOURS_PER_ERA * HOUR:
        raise ToolError(
            "The start is more than 100,000 hours (11 years) ahead.", "Choose an earlier start; check the year."
        )
    what = _meaning(lock, zone, wish, hour)
    _, _, until = times(what, start)
    if until <= now and not wish.allow_past:
        raise ToolError(
            f"The start is too long ago: the time for a first use ended at {format_time(until, zone)}.",
            "Choose a later start (without --start: the current hour), or issue the code anyway with --allow-past.",
        )
    yield hour
    if wish.kind in (REVOKE, ERASE) and wish.start is None:
        yield from range(hour - 1, hour - 1 - EARLIER_HOURS, -1)


def _meaning(lock: RegistryLock, zone: Zone, wish: Wish, hour: int) -> Meaning:
    """Return what the wish means as a ticket of that hour (serial 0); ToolError if no ticket can say it."""
    if wish.kind == TIMED:
        return Meaning(TIMED, 0, _length_of_stay(lock, zone, wish, hour), 0, 0)
    if wish.kind == RECURRING:
        _check_first_day(lock, zone, wish, start_of(hour, zone.phase))
        return Meaning(RECURRING, 0, 0, wish.cycle, wish.until_hour)
    return Meaning(wish.kind, 0, 0, 0, 0)


def _length_of_stay(lock: RegistryLock, zone: Zone, wish: Wish, hour: int) -> int:
    """Return the whole hours from the start's hour to the end; ToolError if the lock's policy does not allow them."""
    if wish.end is None:
        raise ToolError("A timed code needs an end.", "Add --end, such as --end 2026-12-27T11.")
    hours = -((-wish.end - zone.phase) // HOUR) - hour
    start = start_of(hour, zone.phase)
    if hours < 1 or (wish.start is not None and wish.end <= wish.start):
        raise ToolError(
            f"The end is not after the start ({format_time(start, zone)}).", "Choose an --end after the --start."
        )
    if hours > LONGEST_HOURS:
        raise ToolError(
            f"From start to end are {hours:,} hours; a timed code lasts {LONGEST_HOURS:,} hours (366 days) at most.",
            f"Choose an --end up to {format_time(start + LONGEST_HOURS * HOUR, zone)}, or issue a permanent code.",
        )
    longest = policy_of(lock).longest_hours
    if hours > longest:
        raise ToolError(
            f"From start to end are {hours:,} hours; this lock's policy '{lock.policy}' allows {longest:,} at most.",
            f"Choose an --end up to {format_time(start + longest * HOUR, zone)}; issue another code for the rest.",
        )
    return hours


def _check_first_day(lock: RegistryLock, zone: Zone, wish: Wish, start: int) -> None:
    """Raise ToolError, which names the next day of the cycle, if a recurring code does not begin on one."""
    day, _, _, _ = zone.local(start)
    if in_cycle(wish.cycle, weekday(day), lock.weekend, day):
        return
    today = DAY_NAMES[weekday(day)]
    ahead = next(n for n in range(1, 366) if in_cycle(wish.cycle, weekday(day + n), lock.weekend, day + n))
    good = format_time(start + ahead * 24 * HOUR, zone)[:10]
    raise ToolError(
        f"The start is a {today}, which is not in the cycle '{CYCLE_NAMES[wish.cycle]}' of this lock.",
        f"Start on {DAY_NAMES[weekday(day + ahead)]} {good}, or choose another --cycle.",
    )


def _choose(registry: Registry, lock: RegistryLock, zone: Zone, wish: Wish, hour: int, now: int) -> IssuedRow | None:
    """Issue the first code of this hour that was not issued before; None if all of them were."""
    what = _meaning(lock, zone, wish, hour)
    policy = policy_of(lock)
    allowed = [
        (length, ticket)
        for length in LENGTHS
        for ticket in tickets(what.kind, what.hours, what.cycle, what.until_hour)
        if policy.allows(ticket, length)
    ]
    lengths = sorted({length for length, _ in allowed})
    if not allowed:
        raise ToolError(
            f"The policy '{lock.policy}' of this lock allows no {KINDS[wish.kind].name} code.",
            "Choose another kind of code, or change the policy: tumbler lock settings --help",
        )
    if wish.digits is not None and wish.digits not in lengths:
        words = " or ".join(str(length) for length in lengths)
        raise ToolError(
            f"A {KINDS[wish.kind].name} code for these times has {words} digits on this lock, not {wish.digits}.",
            "Leave --digits out, or choose one of these lengths.",
        )
    elsewhere = _digits_of_other_eras(registry, lock, hour)
    scheme = Scheme(lock.required_secret, lock.epoch)
    for length, ticket in allowed:
        if wish.digits not in (None, length) or registry.is_issued(lock, hour, ticket, length):
            continue
        if elsewhere and scheme.encode(hour, ticket, length) in elsewhere:
            continue
        return registry.take(lock, hour, ticket, length, wish.label, now)
    return None


def _digits_of_other_eras(registry: Registry, lock: RegistryLock, hour: int) -> set[str]:
    """Return the digits of this epoch's codes from other eras, the only ones that can be the same by chance."""
    era = hour // HOURS_PER_ERA
    scheme = Scheme(lock.required_secret, lock.epoch)
    return {
        scheme.encode(row.hour, row.ticket, row.length)
        for row in registry.codes(lock)
        if row.epoch == lock.epoch and row.hour // HOURS_PER_ERA != era
    }


def _exhausted(wish: Wish) -> ToolError:
    """Return the error for times whose every code was issued, with what to do instead."""
    if wish.digits is not None:
        remedy = "Leave --digits out: other lengths may be free."
    elif wish.kind in (REVOKE, ERASE):
        remedy = "Use one that was issued (tumbler code list --help), or wait for the next hour."
    elif wish.kind == TIMED:
        remedy = "Start an hour earlier or later, or end an hour later."
    elif wish.kind == RECURRING:
        remedy = "Start on another day of the cycle: the daily hours stay the same."
    else:
        remedy = "Start an hour earlier or later."
    return ToolError("Every code for exactly these times was issued before.", remedy)
