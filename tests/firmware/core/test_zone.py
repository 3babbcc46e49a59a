"""The time-zone rule against others: `zoneinfo`, the C library, and a model made of calendar arithmetic."""

import calendar
import datetime
import os
import platform
import random
import re
import time
from importlib import resources

import pytest

from tests.generators.zones import BEGIN, DAY, END, EPOCH, MALFORMED, changes, library_zone, offset, unable, wall
from tests.support import micropython
from tests.support.campaign import campaign, cases
from tumbler.timezones import iana, names, posix_rule
from tumbler_lock.core.zone import RULE_MAX, Zone, date_of, day_of, weekday

LONG_HOURS = re.compile(r"/[+-]?[0-9]{3}|/[+]")  # what an older standard library does not read

HOUR = 3600
SETTLED = int(datetime.datetime(2026, 12, 1, tzinfo=datetime.UTC).timestamp())


def utc(text):
    return int(datetime.datetime.fromisoformat(text).replace(tzinfo=datetime.UTC).timestamp())


def rule_of(name):
    """Return (rule, first second it holds), or None: some zones have their present rule only since late 2026."""
    for since in (BEGIN, SETTLED):
        try:
            return posix_rule(name, since), since
        except ValueError:
            continue
    return None


# -- against the IANA database -----------------------------------------------------------------------------------


def test_every_zone_of_the_database_around_its_changes():
    seed = 7
    draw = random.Random(seed)
    refused = []
    for name in names():
        if (found := rule_of(name)) is None:
            refused.append(name)
            continue
        rule, since = found
        ours, theirs = Zone(rule), iana(name)
        times = {BEGIN, END - 1, *(draw.randrange(BEGIN, END) for _ in range(40))}
        # Looking every ten days cannot jump over a season; halving then finds the second of the change.
        for change in changes(theirs, BEGIN, END, 10 * DAY):
            times |= {change - HOUR, change - 1, change, change + 1, change + HOUR}
        for t in sorted(t for t in times if t >= since):
            assert list(ours.local(t)) == wall(t, theirs), f"{name} {rule} at {t}, seed {seed}"
            assert ours.offset(t) == offset(t, theirs), f"{name} {rule} at {t}, seed {seed}"
    assert len(refused) < 0.03 * len(names()), refused


def test_every_hour_of_ten_years():
    hours = 0
    seen = set()
    for name in names() if campaign() else ("Europe/Berlin", "Europe/Dublin", "Australia/Lord_Howe"):
        data = resources.files("tzdata").joinpath("zoneinfo", *name.split("/")).read_bytes()
        found = rule_of(name)
        if found is None or data in seen:  # a link is the same file under another name
            continue
        seen.add(data)
        rule, since = found
        ours, theirs = Zone(rule), iana(name)
        for t in range(since, END, HOUR):
            now = datetime.datetime.fromtimestamp(t, theirs)
            assert ours.local(t) == (now.toordinal() - EPOCH, now.hour, now.minute, now.second), (name, t)
            hours += 1
    print(f"{hours:,} hours in {len(seen)} zones")
    assert hours > cases(250_000, 25_000_000)


# -- against a model, the standard library and the C library ------------------------------------------------------


class Model:
    """A rule by calendar arithmetic: all its changes in order, the last one before a moment counts."""

    def __init__(self, standard, daylight, begins, ends):
        self.standard, self.daylight = standard, daylight
        moments = []
        for year in range(2018, 2036):
            moments.append((self.moment(year, begins) - standard, 1))
            moments.append((self.moment(year, ends) - daylight, 0))
        self.changes = sorted(moments)  # at the same moment the beginning counts: it comes last
        starts = [t for t, summer in moments if summer]
        stops = [t for t, summer in moments if not summer]
        self.perpetual = any(stop >= start for stop, start in zip(stops, starts[1:], strict=False))
        # Readers that look at one year at a time need a rule whose two dates come in the same order every year.
        self.steady = len({start < stop for start, stop in zip(starts, stops, strict=True)}) == 1

    @staticmethod
    def moment(year, date):
        form, numbers, seconds = date
        if form == "M":
            month, week, day = numbers
            column = [row[(day - 1) % 7] for row in calendar.monthcalendar(year, month)]
            dates = [number for number in column if number]
            when = datetime.date(year, month, dates[min(week, len(dates)) - 1])
        elif form == "J":
            when = datetime.date(2025, 1, 1) + datetime.timedelta(days=numbers[0] - 1)
            when = when.replace(year=year)
        else:
            when = datetime.date(year, 1, 1) + datetime.timedelta(days=numbers[0])
        return (when.toordinal() - EPOCH) * DAY + seconds

    def offset(self, t):
        summer = self.perpetual or [kind for moment, kind in self.changes if moment <= t][-1]
        return self.daylight if summer else self.standard


def clock_text(seconds):
    sign, ahead = ("-", -seconds) if seconds < 0 else ("", seconds)
    return f"{sign}{ahead // HOUR}" + (f":{ahead // 60 % 60:02}:{ahead % 60:02}" if ahead % HOUR else "")


def random_date(draw, forms, first, last):
    """Return ((form, numbers, seconds), text) of a date between two months."""
    form = draw.choice(forms)
    hours = draw.choice((0, 1, 2, 3, 24, -1, 50, 167, -167))
    seconds = hours * HOUR + (draw.choice((0, 0, 900, 1799)) if abs(hours) < 167 else 0)
    if form == "M":
        numbers = (draw.randint(first, last), draw.randint(1, 5), draw.randint(0, 6))
        text = "M{}.{}.{}".format(*numbers)
    else:
        low, high = 31 * (first - 1), min(31 * last, 365)
        numbers = (draw.randint(max(low, 1 if form == "J" else 0), high),)
        text = f"{form if form == 'J' else ''}{numbers[0]}"
    return (form, numbers, seconds), f"{text}/{clock_text(seconds)}"


def random_rule(draw, forms, first=1, last=12):
    """Return (rule, model)."""
    standard = draw.choice((0, 3600, -18000, 20700, 37800, -12645, 50400, -43200))
    daylight = standard + draw.choice((3600, 1800, 7200, -3600, 5400, 61))
    (begins, begins_text), (ends, ends_text) = (random_date(draw, forms, first, last) for _ in range(2))
    names_text = f"<+a>{clock_text(-standard)}<-b9>{clock_text(-daylight)}".replace("<+a>", "<+a1>")
    return f"{names_text},{begins_text},{ends_text}", Model(standard, daylight, begins, ends)


def moments_of_interest(draw, model):
    """Return times around the changes of 2023 to 2030 (two of them leap years), and others, in no order."""
    low, high = utc("2023-01-01"), utc("2031-01-01")
    times = [draw.randrange(low, high) for _ in range(20)]
    times += [t + d for t, _ in model.changes if low < t < high for d in (-1, 0)]
    draw.shuffle(times)
    return times


def test_random_rules_against_the_model():
    seed = 20261123
    draw = random.Random(seed)
    for case in range(cases(400, 20_000)):
        rule, model = random_rule(draw, "MJn")
        zone = Zone(rule)
        for t in moments_of_interest(draw, model):
            assert zone.offset(t) == model.offset(t), f"{rule} at {t}, seed {seed}, case {case}"


def test_random_rules_against_the_standard_library():
    seed = 9636
    draw = random.Random(seed)
    for case in range(cases(200, 5_000)):
        # It reads a rule year by year, and Jn and n wrongly (tests/generators/zones.py): keep off both.
        rule, model = random_rule(draw, "M", 2, 11)
        if not model.steady or (unable() and LONG_HOURS.search(rule)):
            continue
        zone, theirs = Zone(rule), library_zone(rule)
        for t in moments_of_interest(draw, model):
            assert zone.offset(t) == offset(t, theirs), f"{rule} at {t}, seed {seed}, case {case}"


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library is asked where it is the GNU one")
def test_random_rules_against_the_c_library():
    seed = 1003
    draw = random.Random(seed)
    before = os.environ.get("TZ")
    try:
        for case in range(cases(200, 5_000)):
            rule, model = random_rule(draw, "MJn", 2, 11)
            if not model.steady:
                continue
            zone = Zone(rule)
            os.environ["TZ"] = rule
            time.tzset()
            for t in moments_of_interest(draw, model):
                assert zone.offset(t) == time.localtime(t).tm_gmtoff, f"{rule} at {t}, seed {seed}, case {case}"
    finally:
        if before is None:
            del os.environ["TZ"]
        else:
            os.environ["TZ"] = before
        time.tzset()


# -- by hand -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "moment", "hours"),
    [
        ("CET-1CEST,M3.5.0,M10.5.0/3", "2026-03-29T00:59:59", 1),
        ("CET-1CEST,M3.5.0,M10.5.0/3", "2026-03-29T01:00:00", 2),
        ("CET-1CEST,M3.5.0,M10.5.0/3", "2026-10-25T00:59:59", 2),
        ("CET-1CEST,M3.5.0,M10.5.0/3", "2026-10-25T01:00:00", 1),
        # Irish winter time is written as daylight-saving time that goes back.
        ("IST-1GMT0,M10.5.0,M3.5.0/1", "2026-03-29T00:59:59", 0),
        ("IST-1GMT0,M10.5.0,M3.5.0/1", "2026-03-29T01:00:00", 1),
        ("IST-1GMT0,M10.5.0,M3.5.0/1", "2026-10-25T00:59:59", 1),
        ("IST-1GMT0,M10.5.0,M3.5.0/1", "2026-10-25T01:00:00", 0),
        ("IST-1GMT0,M10.5.0,M3.5.0/1", "2026-12-31T23:59:59", 0),
        # South of the equator the season spans New Year, and Lord Howe Island shifts by half an hour.
        ("AEST-10AEDT,M10.1.0,M4.1.0/3", "2026-01-01T00:00:00", 11),
        ("AEST-10AEDT,M10.1.0,M4.1.0/3", "2026-07-01T00:00:00", 10),
        ("<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", "2026-04-04T14:59:59", 11),
        ("<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", "2026-04-04T15:00:00", 10.5),
        ("<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", "2026-10-03T15:29:59", 10.5),
        ("<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", "2026-10-03T15:30:00", 11),
        # A time of day below zero, and one beyond two days.
        ("<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2026-03-29T00:59:59", -2),
        ("<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2026-03-29T01:00:00", -1),
        ("EET-2EEST,M3.4.4/50,M10.4.4/50", "2026-03-27T23:59:59", 2),
        ("EET-2EEST,M3.4.4/50,M10.4.4/50", "2026-03-28T00:00:00", 3),
        # A change that a time of day pushes over New Year, seen from both years.
        ("AAA0BBB,M12.5.4/160,M6.1.0/0", "2027-01-06T15:59:59", 0),
        ("AAA0BBB,M12.5.4/160,M6.1.0/0", "2027-01-06T16:00:00", 1),
        # A season but for two hours in January: the one that holds on the 3rd began two years ago by its date.
        ("AAA0BBB,J365/167,J365/166", "2027-01-03T00:00:00", 1),
        ("AAA0BBB,J365/167,J365/166", "2027-01-06T20:59:59", 1),
        ("AAA0BBB,J365/167,J365/166", "2027-01-06T21:00:00", 0),
        ("AAA0BBB,J365/167,J365/166", "2027-01-06T23:00:00", 1),
        # Daylight-saving time all year: the second ends after the next beginning, the third at its own.
        ("XXX3EDT4,0/0,J365/23", "2027-01-01T02:59:59", -4),
        ("XXX3EDT4,0/0,J365/23", "2027-01-01T03:00:00", -4),
        ("AAA0BBB,J1/0,J365/30", "2027-01-01T03:00:00", 1),
        ("AAA0BBB,J100/0,J100/1", "2027-04-09T23:59:59", 1),
        ("AAA0BBB,J100/0,J100/1", "2027-04-10T00:00:00", 1),
        # Day 60 is 1 March in every year by Jn, and 29 February in a leap year by n, which counts from 0.
        ("AAA0BBB,J60/0,J300/0", "2028-02-29T23:59:59", 0),
        ("AAA0BBB,J60/0,J300/0", "2028-03-01T00:00:00", 1),
        ("AAA0BBB,J59/0,J300/0", "2028-02-28T00:00:00", 1),
        ("AAA0BBB,59/0,300/0", "2028-02-29T00:00:00", 1),
        ("AAA0BBB,59/0,300/0", "2027-02-28T23:59:59", 0),
        ("AAA0BBB,59/0,300/0", "2027-03-01T00:00:00", 1),
    ],
)
def test_offset(rule, moment, hours):
    assert Zone(rule).offset(utc(moment)) == hours * HOUR


@pytest.mark.parametrize(
    ("rule", "standard", "daylight", "phase"),
    [
        ("UTC0", 0, 0, 0),
        ("<+0545>-5:45", 20700, 20700, 2700),
        ("<-0930>9:30", -34200, -34200, 1800),
        ("NST3:30NDT,M3.2.0,M11.1.0", -12600, -9000, 1800),
        ("IST-1GMT0,M10.5.0,M3.5.0/1", 3600, 0, 0),
        ("AAA+0:00:01", -1, -1, 3599),
        ("AAA-24:59:59", 89999, 89999, 3599),
    ],
)
def test_standard_and_phase(rule, standard, daylight, phase):
    zone = Zone(rule)
    assert (zone.rule, zone.standard, zone.daylight, zone.phase) == (rule, standard, daylight, phase)


def test_local_time_and_the_span_around_it():
    zone = Zone("CET-1CEST,M3.5.0,M10.5.0/3")
    day = datetime.date(2026, 12, 24).toordinal() - EPOCH
    assert zone.local(utc("2026-12-24T22:59:58")) == (day, 23, 59, 58)
    assert zone.local(utc("2026-12-24T23:00:00")) == (day + 1, 0, 0, 0)
    assert zone.span(utc("2026-07-01")) == (utc("2026-03-29T01:00"), utc("2026-10-25T01:00"), 7200)
    assert zone.span(utc("2026-12-01")) == (utc("2026-10-25T01:00"), utc("2027-01-01"), 3600)
    assert Zone("UTC0").span(utc("2026-07-01")) == (utc("2026-01-01"), utc("2027-01-01"), 0)


def test_days_dates_and_weekdays():
    for day in range(utc("1890-01-01") // DAY, utc("2210-01-01") // DAY):
        date = datetime.date.fromordinal(day + EPOCH)
        assert date_of(day) == (date.year, date.month, date.day)
        assert day_of(date.year, date.month, date.day) == day
        assert weekday(day) == date.weekday()


# -- bad input ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "what"),
    [
        ("", "is a text such as"),
        (None, "is a text such as"),
        (b"UTC0", "is a text such as"),
        ("UTC0" * 30, f"at most {RULE_MAX} characters, this one has 120"),
        ("UT0", "at least three letters"),
        ("<+03-3", "closing >"),
        ("CET-25", "character 7: the offset's hour is a number from 0 to 24"),
        ("CET-1:7", "two digits"),
        ("CET-1CEST", "the date on which daylight-saving time begins is missing"),
        ("CET-1CEST,M3.5.0", "the date on which daylight-saving time ends is missing"),
        ("CET-1CEST,M13.5.0,M10.5.0", "the month is a number from 1 to 12"),
        ("CET-1CEST,M3.6.0,M10.5.0", "the week is a number from 1 to 5"),
        ("CET-1CEST,M3.5.7,M10.5.0", "the weekday is a number from 0 to 6"),
        ("CET-1CEST,M3.5,M10.5.0", "the weekday is missing"),
        ("CET-1CEST,J0,J300", "the day of the year is a number from 1 to 365"),
        ("CET-1CEST,366,J300", "the day of the year is a number from 0 to 365"),
        ("CET-1CEST,M3.5.0/168,M10.5.0", "the hour of a change is a number from 0 to 167"),
        ("CET-1CEST,M3.5.0,M10.5.0/3 ", "nothing may follow"),
    ],
)
def test_an_error_says_what_is_wrong(rule, what):
    with pytest.raises(ValueError, match=what):
        Zone(rule)


def test_random_and_mangled_rules():
    seed = 4
    draw = random.Random(seed)
    good = ["CET-1CEST,M3.5.0,M10.5.0/3", "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", "XXX3EDT4,0/0,J365/23"]
    letters = "AZaz09 <>+-:,./MJ\0\n٣é"
    taken = 0
    for case in range(cases(20_000, 1_000_000)):
        if case % 4 == 0:
            rule = "".join(draw.choices(letters, k=draw.randrange(40)))
        else:
            text = list(draw.choice(good))
            for _ in range(draw.randrange(1, 4)):
                at = draw.randrange(len(text))
                text[at : at + draw.randrange(3)] = draw.choices(letters, k=draw.randrange(3))
            rule = "".join(text)
        try:
            zone = Zone(rule)
        except ValueError:
            continue
        taken += 1
        t = draw.randrange(-(2**33), 2**35)
        begin, end, ahead = zone.span(t)
        assert begin <= t < end, f"{rule!r}, seed {seed}, case {case}"
        assert abs(ahead) < 25 * HOUR, f"{rule!r}, seed {seed}, case {case}"
    assert taken > 500


def test_malformed_rules_and_random_ones_in_micropython():
    script = f"""
from tumbler_lock.core.zone import Zone
state = 12345
def draw(n):
    global state
    state = (state * 1103515245 + 12345) & 0x7FFFFFFF
    return (state >> 8) % n
letters = "AZaz09 <>+-:,./MJ\\0"
taken = 0
malformed = {list(MALFORMED)!a}
for case in range({cases(4000, 100_000)}):
    if case < len(malformed):
        rule = malformed[case]
    else:
        rule = "CET-1CEST,M3.5.0,M10.5.0/3"
        for _ in range(1 + draw(3)):
            at = draw(len(rule))
            rule = rule[:at] + letters[draw(len(letters))] + rule[at + draw(3):]
    try:
        zone = Zone(rule)
    except ValueError:
        continue
    taken += 1
    begin, end, ahead = zone.span(draw(0x7FFFFF) * 500)
    if not begin < end or abs(ahead) > 90000:
        raise SystemExit("bad span for " + rule)
print(taken)
"""
    assert int(micropython.run(script, timeout=cases(60, 600))) > 100


def test_a_zone_is_small_in_micropython():
    script = """
import gc
from tumbler_lock.core.zone import Zone
rule = "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0"
Zone(rule).local(1790000000)
gc.collect()
before = gc.mem_alloc()
zone = Zone(rule)
zone.local(1790000000)
gc.collect()
print(gc.mem_alloc() - before)
"""
    # On a 64-bit interpreter; about half of it on the lock's 32 bits.
    assert 0 < int(micropython.run(script)) < 1024
