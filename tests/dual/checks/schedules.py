"""Compare recurring schedules with their vectors; runs on CPython and MicroPython."""

from tumbler_lock.core.schedule import occurs
from tumbler_lock.core.zone import Zone


def check(vectors: dict) -> int:
    """Return the number of cases; ValueError names the one that differs."""
    cases = 0
    for week in vectors["weeks"]:
        for ahead in range(7):
            for hour in range(24):
                cases += _compare(week, week["first_day"] + ahead, hour, week["open"][ahead][hour] == "1")
    for case in vectors["instants"]:
        zone = Zone(case["rule"])
        for t, opened in case["points"]:
            day, hour, _, _ = zone.local(t)
            cases += _compare(case, day, hour, opened == 1)
    return cases


def _compare(case: dict, day: int, hour: int, expected: bool) -> int:
    rights = (case["cycle"], case["begin"], case["until"], case["weekday"], case["weekend"])
    if occurs(*(rights + (day, hour))) is not expected:
        raise ValueError("schedules: (cycle, begin, until, weekday, weekend) %s: day %d hour %d" % (rights, day, hour))
    return 1
