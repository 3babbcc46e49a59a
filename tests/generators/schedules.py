"""Vectors for recurring schedules, from a model that lists occurrences as stretches of wall-clock hours."""

import datetime
import random

from .zones import EPOCH, changes, library_zone

MONDAY = datetime.date(2026, 11, 23)
DAILY, WEEKEND, WORKDAY, WEEKLY = range(4)
WINDOWS = ((WORKDAY, 9, 17, 0), (WEEKEND, 2, 3, 0), (WEEKLY, 22, 2, 6), (DAILY, 1, 2, 0))
RULES = ("CET-1CEST,M3.5.0,M10.5.0/3", "EST5EDT,M3.2.0,M11.1.0", "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0")


def belongs(cycle: int, weekday: int, weekend: int, date: datetime.date) -> bool:
    """Say whether an occurrence begins on a date, by the words of the scheme."""
    free = [day for day in range(7) if weekend & (1 << day)]
    return {
        DAILY: True,
        WEEKEND: date.weekday() in free,
        WORKDAY: date.weekday() not in free,
        WEEKLY: date.weekday() == weekday,
    }[cycle]


def open_hours(cycle: int, begin: int, until: int, weekday: int, weekend: int, first: datetime.date, days: int) -> str:
    """Return one character an hour, "1" open and "0" not, for `days` days from `first` on."""
    opened: set[int] = set()
    length = until - begin if until > begin else until + 24 - begin
    for ahead in range(-1, days):
        if belongs(cycle, weekday, weekend, first + datetime.timedelta(days=ahead)):
            opened.update(range(24 * ahead + begin, 24 * ahead + begin + length))
    return "".join("1" if hour in opened else "0" for hour in range(24 * days))


def build() -> dict[str, object]:
    """Return weeks (24 characters a day, from a Monday on) and instants around clock changes ([t, open])."""
    draw = random.Random(20261123)
    weeks, instants = [], []
    for case in range(160):
        cycle = case % 4
        begin = draw.randrange(24)
        until = begin if case % 10 == 9 else draw.randrange(24)
        weekday = draw.randrange(7)
        weekend = draw.choice((0b1100000, 0b0110000, 0b1000000, 0b0000000, 0b1111111, draw.randrange(128)))
        hours = open_hours(cycle, begin, until, weekday, weekend, MONDAY, 7)
        weeks.append(
            {
                "cycle": cycle,
                "begin": begin,
                "until": until,
                "weekday": weekday,
                "weekend": weekend,
                "first_day": MONDAY.toordinal() - EPOCH,
                "open": [hours[day : day + 24] for day in range(0, 168, 24)],
            }
        )
    year = int(datetime.datetime(2027, 1, 1, tzinfo=datetime.UTC).timestamp())
    for rule in RULES:
        zone = library_zone(rule)
        for cycle, begin, until, weekday in WINDOWS:
            points = []
            for change in changes(zone, year, year + 365 * 86400):
                for t in range(change - 36 * 3600, change + 36 * 3600, 1799):
                    now = datetime.datetime.fromtimestamp(t, zone)
                    opened = open_hours(cycle, begin, until, weekday, 0b1100000, now.date(), 1)[now.hour]
                    points.append([t, int(opened)])
            instants.append(
                {
                    "rule": rule,
                    "cycle": cycle,
                    "begin": begin,
                    "until": until,
                    "weekday": weekday,
                    "weekend": 0b1100000,
                    "points": points,
                }
            )
    return {"weeks": weeks, "instants": instants}
