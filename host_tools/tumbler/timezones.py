"""The owner's side of time: IANA zone names to POSIX rules, and the texts that people write for a time.

The IANA database is the one in the `tzdata` package, never the system's, so that every machine makes the same
codes. All times are Unix seconds. WrongText says what is wrong with a text and what to write instead.
"""

import contextlib
import datetime
import difflib
import os
import re
import struct
import time
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from zoneinfo import ZoneInfo

from tumbler_lock.core.zone import DAY, HOUR, Zone, date_of, day_of, weekday

from .text import printable

EXAMPLE_ZONE = "Etc/UTC"
DAY_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
YEARS_AHEAD = 10  # a name is accepted only if its rule holds for so many years
# What the lock can store: its clock chip begins with 2000, 32-bit Unix seconds end early in 2106.
FIRST_YEAR, LAST_YEAR = 2000, 2105
LONGEST_SHOWN = 60  # characters of a wrong text that a message repeats

_SUCH_AS = "such as <+01>-1 for one hour ahead of UTC all year"
_WRITE = "Write 2026-12-24T15, or with an offset 2026-12-24T15:00+01:00."
_TIME = re.compile(
    r"(?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]"
    r"(?P<hour>[0-9]{2})(:(?P<minute>[0-9]{2})(:(?P<second>[0-9]{2}))?)?"
    r"\s?(?P<offset>[Zz]|[+-][0-9]{2}(:?[0-9]{2}(:?[0-9]{2})?)?)?"
)


class WrongText(ValueError):
    """A text that is not a time, or not a zone. what: what is wrong with it; remedy: what to write instead."""

    def __init__(self, what: str, remedy: str):
        super().__init__(f"{what} {remedy}")
        self.what = what
        self.remedy = remedy


def names() -> list[str]:
    """Return every zone name of the IANA database, sorted."""
    return sorted(_database().joinpath("zones").read_text(encoding="ascii").split())


def local_zone() -> str:
    """Return this computer's IANA zone if TZ or /etc/localtime names it, else UTC."""
    known = set(names())
    named = os.environ.get("TZ", "").lstrip(":")
    if named in known:
        return named
    with contextlib.suppress(OSError):
        parts = Path("/etc/localtime").resolve().parts
        for count in (3, 2, 1):
            if "/".join(parts[-count:]) in known:
                return "/".join(parts[-count:])
    return EXAMPLE_ZONE


def iana(name: str) -> ZoneInfo:
    """Return the IANA zone `name` as the standard library understands it."""
    with _resource(name).open("rb") as file:
        return ZoneInfo.from_file(file, key=name)


def posix_rule(name: str, since: int | None = None) -> str:
    """Return the POSIX TZ rule of an IANA zone.

    WrongText if the name is unknown, or if the zone shows another time than its rule within ten years of `since`
    (default: now): the lock could not follow it.
    """
    data = _resource(name).read_bytes()
    rule, changes = _read_tzif(data)
    begin = int(time.time()) if since is None else since
    if not rule:
        raise WrongText(f"The IANA database has no rule for {name}.", f"Give a POSIX rule, {_SUCH_AS}.")
    wrong = _first_difference(Zone(rule), changes, begin, begin + YEARS_AHEAD * 366 * DAY)
    if wrong is not None:
        day = "{:04}-{:02}-{:02}".format(*date_of(wrong // DAY))
        raise WrongText(
            f"Zone {name} cannot be written as one rule: from {day} on, for instance, the IANA database has another"
            " time than its rule.",
            f"Give a POSIX rule instead of the name: {rule} if that suits you, or one {_SUCH_AS}.",
        )
    return rule


def zone_rule(text: str) -> str:
    """Return the POSIX rule for what an owner wrote: an IANA name or a POSIX rule itself."""
    if text in names():
        return posix_rule(text)
    # What begins like a rule gets a rule's error.
    if not re.fullmatch(r"<.*|[A-Za-z]{3,}[+-]?[0-9].*", text, re.DOTALL):
        raise _unknown(text)
    try:
        zone = Zone(text)
    except ValueError as error:
        what = printable(str(error))
        raise WrongText(
            f"{what[0].upper()}{what[1:]}.", "Correct the rule, or name a zone such as Europe/Berlin."
        ) from None
    if zone.standard and re.fullmatch(r"(UTC|GMT)[+-]?[0-9:]+", text, re.IGNORECASE):
        # POSIX counts westwards, but an owner who writes UTC+3 most likely means three hours east.
        hours = abs(zone.standard) // HOUR
        raise WrongText(
            f"{text} can be read both ways.",
            f"Write <+{hours:02}>-{hours} for {hours} hours ahead of UTC, <-{hours:02}>{hours} for behind it.",
        )
    return text


def format_time(unix: int, zone: Zone) -> str:
    """Return a time on the lock's wall clock, ISO 8601 with its offset."""
    day, hour, minute, second = zone.local(unix)
    year, month, of_month = date_of(day)
    offset = zone.offset(unix)
    ahead = abs(offset)
    sign = "-" if offset < 0 else "+"
    seconds = f":{ahead % 60:02}" if ahead % 60 else ""
    return (
        f"{year:04}-{month:02}-{of_month:02}T{hour:02}:{minute:02}:{second:02}"
        f"{sign}{ahead // HOUR:02}:{ahead // 60 % 60:02}{seconds}"
    )


def format_moment(unix: int, zone: Zone) -> str:
    """Write a time for people: weekday, date, wall clock and offset."""
    iso = format_time(unix, zone)
    return f"{DAY_NAMES[weekday(zone.local(unix)[0])][:3]} {iso[:10]} {iso[11:16]} ({iso[19:]})"


def parse_instant(text: str, zone: Zone) -> int:
    """Return the Unix time of a text to the second: ISO 8601 with offset or Z, or the lock's wall clock."""
    wall, offset = _parse(text)
    if offset is not None:
        return wall - offset
    moments = _moments(wall, zone)
    if not moments:
        raise _skipped(text, wall, zone)
    if len(moments) > 1:
        raise _twice(text, moments, zone)
    return moments[0]


def parse_time(text: str, zone: Zone, rounding: str = "down") -> int:
    """Return the Unix time at which the ticket hour that a text names begins.

    The text is the lock's wall clock, or ISO 8601 with offset or Z. Minutes are refused unless the ticket
    hours of the zone begin there. Where summer time shifts by half an hour, the whole hours of the wall clock
    fall between those of tickets: `rounding` "down" then takes the ticket hour that holds the time (for a
    start), "up" the next one (for an end, or for the start of a daily window).
    """
    if rounding not in ("down", "up"):
        raise ValueError("rounding is down or up")
    wall, offset = _parse(text)
    moments = [wall - offset] if offset is not None else _moments(wall, zone)
    if not moments:
        raise _skipped(text, wall, zone)
    whole = all(_on_boundary(t, zone) or (t + zone.offset(t)) % HOUR == 0 for t in moments)
    if not whole and not any(_on_boundary(t, zone) for t in moments):
        below = _round(moments[0], zone, "down")
        raise WrongText(f"{_quoted(text)}: codes go by the hour.", _one_of((below, below + HOUR), zone))
    hours = sorted({_round(t, zone, rounding) for t in moments})
    if len(hours) > 1:
        raise _twice(text, hours, zone)
    return hours[0]


def _parse(text: str) -> tuple[int, int | None]:
    """Return (seconds of the wall clock counted from 1970 as if it were UTC, offset or None)."""
    found = _TIME.fullmatch(text.strip())
    if not found:
        raise WrongText(f"{_quoted(text)} is not a time.", _WRITE)
    hour, minute, second = (int(found[part] or 0) for part in ("hour", "minute", "second"))
    try:
        date = datetime.date.fromisoformat(found["date"])
    except ValueError:
        raise WrongText(f"{_quoted(text)}: there is no such date.", "Look at a calendar.") from None
    if not FIRST_YEAR <= date.year <= LAST_YEAR:
        raise WrongText(
            f"{_quoted(text)} is not on the lock's clock.", f"Write a year from {FIRST_YEAR} to {LAST_YEAR}."
        )
    if hour > 23 or minute > 59 or second > 59:
        raise WrongText(
            f"{_quoted(text)} is not a time of day.", "Hours go from 00 to 23, minutes and seconds from 00 to 59."
        )
    wall = day_of(date.year, date.month, date.day) * DAY + hour * HOUR + minute * 60 + second
    return wall, _parse_offset(text, found["offset"])


def _parse_offset(text: str, offset: str | None) -> int | None:
    if offset is None:
        return None
    if offset in "Zz":
        return 0
    digits = offset[1:].replace(":", "").ljust(6, "0")
    hours, minutes, seconds = int(digits[:2]), int(digits[2:4]), int(digits[4:])
    if hours > 24 or minutes > 59 or seconds > 59:
        raise WrongText(f"{_quoted(text)}: this is not an offset.", "Write at most 24 hours, such as +01:00.")
    ahead = hours * HOUR + minutes * 60 + seconds
    return -ahead if offset[0] == "-" else ahead


def _moments(wall: int, zone: Zone) -> list[int]:
    """Return every Unix time at which the wall clock shows `wall`: one, or two, or none in a jump."""
    return sorted({wall - o for o in (zone.standard, zone.daylight) if zone.offset(wall - o) == o})


def _on_boundary(t: int, zone: Zone) -> bool:
    return (t + zone.phase) % HOUR == 0


def _round(t: int, zone: Zone, rounding: str) -> int:
    """Return the beginning of the ticket hour that holds `t`, or of the next one unless `t` begins one."""
    past = (t + zone.phase) % HOUR
    return t - past + (HOUR if past and rounding == "up" else 0)


def _quoted(text: str) -> str:
    """Return a text for a message: in quotes, harmless, and not too long."""
    return f"'{printable(text if len(text) <= LONGEST_SHOWN else text[:LONGEST_SHOWN] + '…')}'"


def _one_of(times: tuple[int, ...] | list[int], zone: Zone) -> str:
    return f"Write one of {' and '.join(format_time(t, zone) for t in times)}."


def _twice(text: str, times: list[int], zone: Zone) -> WrongText:
    return WrongText(
        f"{_quoted(text)}: the wall clock shows this twice, because it is set back that day.", _one_of(times, zone)
    )


def _skipped(text: str, wall: int, zone: Zone) -> WrongText:
    """Return the error for a time that the wall clock jumps over, with the ticket hours before and after."""
    jump = zone.span(wall - min(zone.standard, zone.daylight))[0]
    after = _round(jump, zone, "up")
    return WrongText(
        f"{_quoted(text)}: the wall clock jumps over this, because it is set forward that day.",
        _one_of((after - HOUR, after), zone),
    )


def _database() -> Traversable:
    return resources.files("tzdata")


def _resource(name: str) -> Traversable:
    """Return the database's file for a zone. Only a name of its list is accepted, so none can reach outside."""
    if name not in names():
        raise _unknown(name)
    return _database().joinpath("zoneinfo", *name.split("/"))


def _unknown(name: str) -> WrongText:
    """Return the error for an unknown zone, with the names that come close."""
    wanted = "_".join(name.split()).casefold()
    whole = {known.casefold(): known for known in names()}
    cities: dict[str, str] = {}
    for known in names():
        cities.setdefault(known.rsplit("/", 1)[-1].casefold(), known)
    city = wanted.rsplit("/", 1)[-1]
    exact = [table[key] for table, key in ((whole, wanted), (cities, city)) if key in table][:1]
    close = exact or [whole[key] for key in difflib.get_close_matches(wanted, whole, n=3, cutoff=0.75)]
    if not exact:
        close += [cities[key] for key in difflib.get_close_matches(city, cities, n=3, cutoff=0.75)]
    if not close:
        return WrongText(f"There is no time zone {_quoted(name)}.", "Name one such as Europe/Berlin.")
    return WrongText(f"There is no time zone {_quoted(name)}.", f"Did you mean {' or '.join(dict.fromkeys(close))}?")


def _read_tzif(data: bytes) -> tuple[str, list[tuple[int, int]]]:
    """Return (rule, [(Unix time, offset from then on), ...]) of a TZif file of version 2+ (RFC 9636)."""
    try:
        second = 44 + _block_size(data[:44], 4)
        header = data[second : second + 44]
        size = _block_size(header, 8)
    except struct.error:
        header, size = b"", 0
    if data[:4] != b"TZif" or data[4:5] < b"2" or header[:4] != b"TZif":
        raise WrongText("The tzdata package holds a file that is not TZif of version 2.", "Install it again.")
    _, _, _, times, types, _ = struct.unpack(">6I", header[20:44])
    at = second + 44
    moments = struct.unpack_from(f">{times}q", data, at)
    kinds = data[at + 8 * times : at + 9 * times]
    offsets = [struct.unpack_from(">i", data, at + 9 * times + 6 * kind)[0] for kind in range(types)]
    footer = data[at + size :].strip(b"\n").decode("ascii")
    return footer, [(t, offsets[kind]) for t, kind in zip(moments, kinds, strict=True)]


def _block_size(header: bytes, width: int) -> int:
    """Return the bytes of the data block that a TZif header announces, with times of `width` bytes."""
    is_ut, is_std, leaps, times, types, chars = struct.unpack(">6I", header[20:44])
    return int(times * (width + 1) + types * 6 + chars + leaps * (width + 4) + is_std + is_ut)


def _first_difference(zone: Zone, changes: list[tuple[int, int]], begin: int, end: int) -> int | None:
    """Return when rule and listed changes first disagree from `begin` to `end`, or None.

    Past the last listed change the rule is all there is.
    """
    for index, (since, offset) in enumerate(changes[:-1]):
        until = min(changes[index + 1][0], end)
        t = max(since, begin)
        while t < until:
            _, next_change, by_rule = zone.span(t)
            if by_rule != offset:
                return t
            t = next_change
    return None
