"""What a code grants, in words: each kind and each cycle has its words here, and nowhere else."""

from tumbler_lock.core.tickets import (
    CYCLE_NAMES,
    DAILY,
    ERASE,
    ONE_TIME,
    PERMANENT,
    RECURRING,
    REVOKE,
    TIMED,
    WEEKEND,
    WEEKLY,
    WORKDAY,
    Meaning,
)
from tumbler_lock.core.zone import Zone, weekday

from ..timezones import DAY_NAMES, format_moment
from .issue import IssuedCode

CYCLES = {
    DAILY: "every day",
    WEEKEND: "on weekend days",
    WORKDAY: "on working days",
    WEEKLY: "every {weekday}",
}


def days(cycle: int, start: int, zone: Zone) -> str:
    """Return the days of a cycle; a cycle without words here has its name."""
    day, _, _, _ = zone.local(start)
    words = CYCLES.get(cycle, f"on the days of the cycle '{CYCLE_NAMES[cycle]}'")
    return words.format(weekday=DAY_NAMES[weekday(day)])


def details(what: Meaning) -> dict[str, object]:
    """Return the fields that only some kinds have, for JSON."""
    if what.kind == TIMED:
        return {"hours": what.hours, "variant": what.serial}
    if what.kind == RECURRING:
        return {"cycle": CYCLE_NAMES[what.cycle], "until_hour": what.until_hour}
    if what.kind in (REVOKE, ERASE):
        return {}
    return {"serial": what.serial}


def grant(what: Meaning, start: int, end: int | None, until: int, zone: Zone) -> str:
    """Return a sentence that says what a ticket grants. until: the end of the window of its first use."""
    first = f"from {format_moment(start, zone)}; its first use must be before {format_moment(until, zone)}"
    if what.kind == ONE_TIME:
        return f"Opens once, {first}."
    if what.kind == PERMANENT:
        return f"Opens until it is deleted, {first}."
    if what.kind == TIMED and end is not None:
        return f"Opens until {format_moment(end, zone)}, {first}."
    if what.kind == RECURRING:
        return f"Opens {days(what.cycle, start, zone)} {_window(what, start, zone)}, {first}."
    if what.kind == REVOKE:
        return f"Opens nothing: the code typed within 30 seconds after it is dead for ever. Works {first}."
    if what.kind == ERASE:
        return f"Opens nothing: every code of the lock, this one too, is dead for ever. Works {first}."
    return f"Works {first}."


def purpose(code: IssuedCode, zone: Zone) -> str:
    """Return in a few words what a code is good for."""
    what = code.meaning
    if what.kind == TIMED:
        return f"until {_clock(code.end or 0, zone)}"
    if what.kind == ONE_TIME:
        return f"once, before {_clock(code.first_use_until, zone)}"
    if what.kind == PERMANENT:
        return "for good, once used"
    if what.kind == RECURRING:
        return f"{days(what.cycle, code.start, zone)} {_clock(code.start, zone)} to {what.until_hour:02}:00"
    if what.kind == REVOKE:
        return "then type the code to revoke"
    if what.kind == ERASE:
        return "erases every code"
    return f"from {_clock(code.start, zone)}"


def _window(what: Meaning, start: int, zone: Zone) -> str:
    """Return the hours of a recurring code."""
    _, hour, _, _ = zone.local(start)
    if what.until_hour == hour:
        return f"for 24 hours from {hour:02}:00"
    return f"from {hour:02}:00 to {what.until_hour:02}:00" + (" the next day" if what.until_hour < hour else "")


def _clock(unix: int, zone: Zone) -> str:
    _, hour, minute, _ = zone.local(unix)
    return f"{hour:02}:{minute:02}"
