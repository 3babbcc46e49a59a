"""When something opens: a daily window of wall-clock hours, on the days of a cycle or on some weekdays.

Recurring codes have a cycle; access keys and passage hours have weekdays.

Hours are 0 to 23 and days are counted from 1970-01-01, both on the lock's wall clock, as `Zone.local` gives
them: a window from 9 to 17 stays from 9 to 17 through every clock change. An occurrence belongs to the day on
which it begins, also past midnight. The weekend is a mask of weekdays, Monday bit 0.
"""

from .tickets import DAILY, WEEKEND, WEEKLY, WORKDAY
from .zone import weekday as weekday_of


def in_cycle(cycle: int, weekday_of_start: int, weekend: int, day: int) -> bool:
    """Return whether `day` is one of a cycle's days. A cycle that does not exist has none.

    weekday_of_start: Monday 0; only the weekly cycle uses it.
    """
    today = weekday_of(day)
    free = weekend >> today & 1 == 1
    if cycle == DAILY:
        return True
    if cycle == WEEKEND:
        return free
    if cycle == WORKDAY:
        return not free
    if cycle == WEEKLY:
        return today == weekday_of_start
    return False


def most_in_cycle(cycles: range) -> int:
    """Return how many of these cycles one day can be in at most: it is either in WEEKEND or in WORKDAY."""
    return len(cycles) - (1 if WEEKEND in cycles and WORKDAY in cycles else 0)


def on_days(days: int, begin: int, until: int, day: int, hour: int) -> bool:
    """Return whether the window from wall-clock hour `begin` to `until` is open in the hour `hour` of `day`.

    `days` is the mask of the weekdays on which it begins, Monday bit 0; `until` as in `occurs`.
    """
    today = days >> weekday_of(day) & 1 == 1
    if begin < until:
        return today and begin <= hour < until
    yesterday = days >> weekday_of(day - 1) & 1 == 1
    return (today and hour >= begin) or (yesterday and hour < until)


def occurs(cycle: int, begin: int, until: int, weekday: int, weekend: int, day: int, hour: int) -> bool:
    """Return whether the window from wall-clock hour `begin` to `until` is open in the hour `hour` of `day`.

    `until` equal to or below `begin` lies on the next day. `weekday` and `weekend` as in `in_cycle`.
    """
    if begin < until:
        return begin <= hour < until and in_cycle(cycle, weekday, weekend, day)
    # Before `until` it is still the window of the day before.
    return (hour >= begin and in_cycle(cycle, weekday, weekend, day)) or (
        hour < until and in_cycle(cycle, weekday, weekend, day - 1)
    )
