"""Recurring schedules: every window, cycle and hour of a week against a list of occurrences, and clock changes."""

import datetime

import pytest

from tests.generators.schedules import MONDAY, open_hours
from tests.generators.zones import EPOCH
from tumbler.timezones import iana, posix_rule
from tumbler_lock.core.schedule import in_cycle, most_in_cycle, occurs
from tumbler_lock.core.tickets import CYCLE_NAMES, DAILY, WEEKEND, WEEKLY, WORKDAY
from tumbler_lock.core.zone import Zone

FIRST = MONDAY.toordinal() - EPOCH
SATURDAY_SUNDAY = 0b1100000


def week(cycle, begin, until, weekday, weekend):
    """Return what `occurs` says of each hour of a week that begins on a Monday."""
    return "".join(
        "1" if occurs(cycle, begin, until, weekday, weekend, FIRST + hour // 24, hour % 24) else "0"
        for hour in range(168)
    )


def test_the_names_of_the_cycles_are_in_the_order_of_the_tickets():
    assert (DAILY, WEEKEND, WORKDAY, WEEKLY) == (0, 1, 2, 3)
    assert CYCLE_NAMES == ("daily", "weekend", "workday", "weekly")


@pytest.mark.parametrize("cycle", [DAILY, WEEKEND, WORKDAY, WEEKLY])
def test_every_window_and_hour_of_a_week(cycle):
    for begin in range(24):
        for until in range(24):
            for weekday in range(7):
                expected = open_hours(cycle, begin, until, weekday, SATURDAY_SUNDAY, MONDAY, 7)
                assert week(cycle, begin, until, weekday, SATURDAY_SUNDAY) == expected, (begin, until, weekday)


@pytest.mark.parametrize("cycle", [DAILY, WEEKEND, WORKDAY, WEEKLY])
def test_every_weekend(cycle):
    for weekend in range(128):
        for begin, until in ((9, 17), (22, 6), (0, 0), (23, 0)):
            expected = open_hours(cycle, begin, until, 4, weekend, MONDAY, 7)
            assert week(cycle, begin, until, 4, weekend) == expected, (weekend, begin, until)


def test_windows_by_hand():
    friday, saturday = FIRST + 4, FIRST + 5
    nine_to_five = (WORKDAY, 9, 17, 0, SATURDAY_SUNDAY)
    assert [occurs(*nine_to_five, friday, hour) for hour in (8, 9, 16, 17)] == [False, True, True, False]
    assert not occurs(*nine_to_five, saturday, 12)
    # The night that began on Friday is a working day's until six on Saturday.
    night = (WORKDAY, 22, 6, 0, SATURDAY_SUNDAY)
    assert [occurs(*night, saturday, hour) for hour in (0, 5, 6, 22)] == [True, True, False, False]
    # Equal hours: round the clock of the cycle's day.
    round_the_clock = (WEEKLY, 10, 10, 4, SATURDAY_SUNDAY)
    assert [occurs(*round_the_clock, friday, hour) for hour in (9, 10, 23)] == [False, True, True]
    assert [occurs(*round_the_clock, saturday, hour) for hour in (0, 9, 10)] == [True, True, False]
    # Until midnight.
    assert occurs(WEEKLY, 20, 0, 4, SATURDAY_SUNDAY, friday, 23)
    assert not occurs(WEEKLY, 20, 0, 4, SATURDAY_SUNDAY, saturday, 0)


def test_the_days_of_a_cycle():
    days = range(FIRST, FIRST + 7)
    assert [in_cycle(DAILY, 0, SATURDAY_SUNDAY, day) for day in days] == [True] * 7
    assert [in_cycle(WEEKEND, 0, SATURDAY_SUNDAY, day) for day in days] == [False] * 5 + [True] * 2
    assert [in_cycle(WORKDAY, 0, SATURDAY_SUNDAY, day) for day in days] == [True] * 5 + [False] * 2
    assert [in_cycle(WEEKLY, 2, SATURDAY_SUNDAY, day) for day in days] == [day == FIRST + 2 for day in days]


def test_how_many_cycles_a_day_is_in_at_most():
    every = range(len(CYCLE_NAMES))
    for cycles in (range(first, last) for last in range(len(every) + 1) for first in range(last)):
        most = 0
        for weekend in range(128):
            for day in range(FIRST, FIRST + 31):
                most = max(most, sum(in_cycle(cycle, (day + 3) % 7, weekend, day) for cycle in cycles))
        assert most == most_in_cycle(cycles), cycles


def test_a_cycle_that_does_not_exist_never_opens():
    for cycle in (4, 7, 15, -1):
        assert "1" not in week(cycle, 0, 0, 0, SATURDAY_SUNDAY)


@pytest.mark.parametrize(
    "name", ["Europe/Berlin", "Europe/Dublin", "America/New_York", "Australia/Lord_Howe", "Antarctica/Troll"]
)
def test_nine_to_five_stays_nine_to_five_on_the_wall_clock(name):
    zone, theirs = Zone(posix_rule(name)), iana(name)
    begin = int(datetime.datetime(2027, 1, 1, tzinfo=datetime.UTC).timestamp())
    offsets, opened = set(), {}
    for t in range(begin, begin + 365 * 86400, 900):
        now = datetime.datetime.fromtimestamp(t, theirs)
        day, hour, _, _ = zone.local(t)
        expected = now.weekday() < 5 and 9 <= now.hour < 17
        assert occurs(WORKDAY, 9, 17, 0, SATURDAY_SUNDAY, day, hour) == expected, now
        offsets.add(now.utcoffset())
        if expected:
            opened.setdefault(now.date(), []).append(now)
    assert len(offsets) == 2
    # Every working day of the year is open from 9:00 to 16:45, in quarters of an hour, and at no other time.
    full = [datetime.time(hour, quarter) for hour in range(9, 17) for quarter in (0, 15, 30, 45)]
    inner = sorted(opened)[1:-1]
    assert len(inner) > 255
    for date in inner:
        assert [now.time() for now in opened[date]] == full, date


def test_a_night_has_nine_or_seven_hours_when_the_clock_changes():
    zone = Zone("CET-1CEST,M3.5.0,M10.5.0/3")

    def hours_open(evening):
        begin = int(datetime.datetime.fromisoformat(evening + "T12:00+00:00").timestamp())
        times = range(begin, begin + 86400, 900)
        locals_ = [zone.local(t) for t in times]
        return sum(occurs(DAILY, 22, 6, 0, SATURDAY_SUNDAY, day, hour) for day, hour, _, _ in locals_) / 4

    assert hours_open("2026-10-23") == 8
    assert hours_open("2026-10-24") == 9  # the hour from 2 to 3 comes twice, and is open twice
    assert hours_open("2027-03-27") == 7
