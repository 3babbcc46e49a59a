"""Vectors for the time-zone rule: wall clocks around every change of ten years, told by the standard library.

Each rule is wrapped into a TZif file without a single listed change, so that `zoneinfo` has to evaluate it.
The forms Jn and n are told from their dates instead: `zoneinfo` of Python 3.11 counts n from 1 rather than 0
and takes J59 for 29 February in leap years, and no zone of the IANA database has either.
"""

import datetime
import io
import struct
import zoneinfo

DAY = 86400
EPOCH = datetime.date(1970, 1, 1).toordinal()
BEGIN = int(datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC).timestamp())
END = int(datetime.datetime(2036, 1, 1, tzinfo=datetime.UTC).timestamp())

# Rules of the IANA database that differ in kind, then some that no zone has.
RULES = (
    "UTC0",
    "JST-9",
    "IST-5:30",
    "<+0545>-5:45",
    "<-0930>9:30",
    "<+14>-14",
    "<-12>12",
    "CET-1CEST,M3.5.0,M10.5.0/3",
    "GMT0BST,M3.5.0/1,M10.5.0",
    "IST-1GMT0,M10.5.0,M3.5.0/1",
    "EST5EDT,M3.2.0,M11.1.0",
    "HST10HDT,M3.2.0,M11.1.0",
    "NST3:30NDT,M3.2.0,M11.1.0",
    "AEST-10AEDT,M10.1.0,M4.1.0/3",
    "NZST-12NZDT,M9.5.0,M4.1.0/3",
    "ACST-9:30ACDT,M10.1.0,M4.1.0/3",
    "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0",
    "<+1245>-12:45<+1345>,M9.5.0/2:45,M4.1.0/3:45",
    "<+00>0<+02>-2,M3.5.0/1,M10.5.0/3",
    "<-02>2<-01>,M3.5.0/-1,M10.5.0/0",
    "<-04>4<-03>,M9.1.6/24,M4.1.6/24",
    "IST-2IDT,M3.4.4/26,M10.5.0",
    "EET-2EEST,M3.4.4/50,M10.4.4/50",
    "EET-2EEST,M4.5.5/0,M10.5.4/24",
    "AAA-23:59:59BBB-22,M6.3.3/-167,M9.2.1/+167:59:59",
    "AAA5:07:02BBB4:37:02,M2.1.3/100,M12.1.6/-30",
)


class Dated(datetime.tzinfo):
    """A zone: two offsets in seconds, and the wall clocks at which daylight saving begins and ends."""

    def __init__(self, standard, daylight, begins, ends):
        self.standard, self.daylight = (datetime.timedelta(seconds=offset) for offset in (standard, daylight))
        self.begins, self.ends = begins, ends

    def fromutc(self, moment: datetime.datetime) -> datetime.datetime:
        """Return the moment on this zone's wall clock."""
        utc = moment.replace(tzinfo=None)
        begin, end = self.begins(utc.year) - self.standard, self.ends(utc.year) - self.daylight
        summer = begin <= utc < end if begin < end else not end <= utc < begin
        ahead = self.daylight if summer else self.standard
        return (utc + ahead).replace(tzinfo=datetime.timezone(ahead))


def _new_year(year: int, **later: float) -> datetime.datetime:
    return datetime.datetime(year, 1, 1) + datetime.timedelta(**later)


# Only `fromutc` is ever asked, so nothing else of tzinfo is there.
DATED = {
    "AAA-1BBB,J60,J300": Dated(  # type: ignore[abstract]
        3600, 7200, lambda y: datetime.datetime(y, 3, 1, 2), lambda y: datetime.datetime(y, 10, 27, 2)
    ),
    "AAA-1BBB,59,300/3:30:15": Dated(  # type: ignore[abstract]
        3600, 7200, lambda y: _new_year(y, days=59, hours=2), lambda y: _new_year(y, days=300, seconds=12615)
    ),
    "AAA5:07:02BBB4:37:02,J305/100,J59/-23": Dated(  # type: ignore[abstract]
        -18422, -16622, lambda y: datetime.datetime(y, 11, 5, 4), lambda y: datetime.datetime(y, 2, 27, 1)
    ),
}

# Daylight-saving time without an end (RFC 9636, section 3.3.1), each with the plain rule that says the same.
PERPETUAL = {
    "XXX3EDT4,0/0,J365/23": "EDT4",
    "EST5EDT,0/0,J365/25": "EDT4",
    "AAA-1BBB,J1/-1,J365/30": "BBB-2",
}

MALFORMED = (
    "",
    "CE-1",
    "C1T-1",
    "CET",
    "CET-",
    "CET-x",
    "CET-25",
    "CET-1:",
    "CET-1:60",
    "CET-1:5",
    "CET-1:00:7",
    "CET-1,",
    "CET-1CEST",
    "CET-1CEST,",
    "CET-1CEST,M3.5.0",
    "CET-1CEST,M3.5.0,",
    "CET-1CEST,M0.5.0,M10.5.0",
    "CET-1CEST,M13.5.0,M10.5.0",
    "CET-1CEST,M3.0.0,M10.5.0",
    "CET-1CEST,M3.6.0,M10.5.0",
    "CET-1CEST,M3.5.7,M10.5.0",
    "CET-1CEST,M3.5,M10.5.0",
    "CET-1CEST,J0,J300",
    "CET-1CEST,J366,J300",
    "CET-1CEST,366,J300",
    "CET-1CEST,M3.5.0/168,M10.5.0",
    "CET-1CEST,M3.5.0/,M10.5.0",
    "CET-1CEST,M3.5.0,M10.5.0/3x",
    "CET-1CEST,M3.5.0,M10.5.0,M11.1.0",
    " CET-1",
    "CET-1 ",
    "CET-1\n",
    "CET-\u0661",
    "\u00c4\u00d6\u00dc-1",
    "<+03-3",
    "<>-3",
    "<+03>",
    ":Europe/Berlin",
    "Europe/Berlin",
    "A" * 101,
    "A" * 99 + "-1",
)


def tzif(rule: str) -> bytes:
    """Return a TZif version 3 file with one local-time type that nothing uses, and the rule as its footer."""
    header = b"TZif3" + bytes(15) + struct.pack(">6I", 0, 0, 0, 0, 1, 4)
    block = struct.pack(">iBB", 0, 0, 0) + b"LMT\0"
    return 2 * (header + block) + b"\n" + rule.encode("ascii") + b"\n"


def library_zone(rule: str) -> zoneinfo.ZoneInfo:
    """Return the zone of a rule, evaluated by the standard library."""
    return zoneinfo.ZoneInfo.from_file(io.BytesIO(tzif(rule)), key=rule)


def unable() -> str:
    """Return why this Python cannot make the vectors, or nothing: its library may read no rule that changes
    100 hours or more from midnight, or that writes a plus sign (3.11.2 reads none, 3.11.7 does)."""
    try:
        library_zone("AAA0BBB,M3.1.0/+100,M10.1.0")
    except ValueError:
        return "the zoneinfo of this Python reads no rules with changes 100 hours from midnight"
    return ""


def wall(t: int, zone: datetime.tzinfo) -> list[int]:
    """Return [day, hour, minute, second] on the wall clock of a zone of the standard library."""
    moment = datetime.datetime.fromtimestamp(t, zone)
    return [moment.toordinal() - EPOCH, moment.hour, moment.minute, moment.second]


def offset(t: int, zone: datetime.tzinfo) -> int:
    """Return the seconds east of Greenwich in a zone of the standard library."""
    ahead = datetime.datetime.fromtimestamp(t, zone).utcoffset()
    if ahead is None:
        raise ValueError(f"{zone} has no offset")
    return round(ahead.total_seconds())


def changes(zone: datetime.tzinfo, begin: int, end: int, step: int = DAY) -> list[int]:
    """Return the first second of each new offset from `begin` to `end`: found in steps, then by halving."""
    found = []
    for low in range(begin, end, step):
        high = min(low + step, end)
        if offset(low, zone) == offset(high, zone):
            continue
        before = offset(low, zone)
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if offset(middle, zone) == before else (low, middle)
        found.append(high)
    return found


def build() -> dict[str, object]:
    """Return the vectors: per rule standard offset, phase and points [t, day, hour, minute, second]."""
    rules = []
    for rule in (*RULES, *DATED, *PERPETUAL):
        zone = DATED.get(rule) or library_zone(PERPETUAL.get(rule, rule))
        times = {BEGIN - 1, BEGIN, END - 1, END, *range(BEGIN + 11, END, 97 * DAY + 3599)}
        for change in changes(zone, BEGIN, END):
            times |= {change - 1, change}
        standard = library_zone(rule)
        at = datetime.datetime.fromtimestamp(BEGIN, standard)
        saving = at.dst() or datetime.timedelta()
        seconds = offset(BEGIN, standard) - round(saving.total_seconds())
        points = [[t, *wall(t, zone)] for t in sorted(times)]
        rules.append({"rule": rule, "standard": seconds, "phase": seconds % 3600, "points": points})
    return {"rules": rules, "malformed": list(MALFORMED)}
