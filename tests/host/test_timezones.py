"""Zone names to rules, and the times an owner writes."""

import datetime
import random
import time
import zoneinfo

import pytest

from tests.generators.zones import BEGIN, END, library_zone, tzif
from tests.support.campaign import cases
from tumbler.timezones import (
    _first_difference,
    _read_tzif,
    format_time,
    iana,
    names,
    parse_instant,
    parse_time,
    posix_rule,
    zone_rule,
)
from tumbler_lock.core.zone import Zone

BERLIN = Zone("CET-1CEST,M3.5.0,M10.5.0/3")
KOLKATA = Zone("IST-5:30")
LORD_HOWE = Zone("<+1030>-10:30<+11>-11,M10.1.0,M4.1.0")
TROLL = Zone("<+00>0<+02>-2,M3.5.0/1,M10.5.0/3")
CHATHAM = Zone("<+1245>-12:45<+1345>,M9.5.0/2:45,M4.1.0/3:45")
EARLY_2026 = int(datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC).timestamp())
LATE_2024 = int(datetime.datetime(2024, 12, 1, tzinfo=datetime.UTC).timestamp())


def unix(text):
    return int(datetime.datetime.fromisoformat(text).timestamp())


def utc(text):
    return unix(text + "+00:00")


# -- names -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("Europe/Berlin", "CET-1CEST,M3.5.0,M10.5.0/3"),
        ("Europe/Dublin", "IST-1GMT0,M10.5.0,M3.5.0/1"),
        ("Asia/Kolkata", "IST-5:30"),
        ("Asia/Calcutta", "IST-5:30"),
        ("Australia/Lord_Howe", "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0"),
        ("America/New_York", "EST5EDT,M3.2.0,M11.1.0"),
        ("UTC", "UTC0"),
        ("Etc/GMT+5", "<-05>5"),
        ("EST5EDT", "EST5EDT,M3.2.0,M11.1.0"),
    ],
)
def test_the_rule_of_a_name(name, rule):
    assert posix_rule(name) == rule
    assert zone_rule(name) == rule


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("Europe/Berln", "Did you mean Europe/Berlin"),
        ("europe/berlin", r"Did you mean Europe/Berlin\?"),
        ("berlin", r"Did you mean Europe/Berlin\?"),
        ("New York", r"Did you mean America/New_York\?"),
        ("Kolkatta", "Did you mean Asia/Kolkata"),
        ("Nowhere/Atall", "Name one such as Europe/Berlin"),
        ("", "Name one such as Europe/Berlin"),
        ("../../../etc/passwd", "There is no time zone"),
        ("/etc/localtime", "There is no time zone"),
        ("zones", "There is no time zone"),
        ("Europe", "There is no time zone"),
        ("Europe/Berlin\n", "Did you mean Europe/Berlin"),
    ],
)
def test_an_unknown_name(name, advice):
    with pytest.raises(ValueError, match=advice):
        posix_rule(name)
    with pytest.raises(ValueError, match=advice):
        zone_rule(name)


@pytest.mark.parametrize("name", ["Africa/Casablanca", "Africa/El_Aaiun"])
def test_a_zone_with_changes_that_no_rule_makes_is_refused(name):
    with pytest.raises(ValueError, match=r"cannot be written as one rule: from 202\d-\d\d-\d\d on") as refusal:
        posix_rule(name, LATE_2024)
    assert "Give a POSIX rule instead of the name: <+0" in str(refusal.value)


def test_a_refusal_is_true_and_its_way_out_works():
    refused = 0
    for name in names():
        try:
            posix_rule(name, EARLY_2026)
        except ValueError as refusal:
            text = str(refusal)
        else:
            continue
        rule = text.split("instead of the name: ")[1].split(" if that")[0]
        assert zone_rule(rule) == rule
        day = text.split("rule: from ")[1].split(" on,")[0]
        theirs, zone = iana(name), Zone(rule)
        times = range(unix(day + "T00:00:00+00:00"), unix(day + "T00:00:00+00:00") + 86400, 900)
        assert any(
            zone.offset(t) != datetime.datetime.fromtimestamp(t, theirs).utcoffset().total_seconds() for t in times
        )
        refused += 1
    assert refused > 0


def test_the_database_is_that_of_the_package(tmp_path):
    fake = tmp_path / "Europe" / "Berlin"
    fake.parent.mkdir()
    fake.write_bytes(tzif("JST-9"))
    try:
        zoneinfo.reset_tzpath(to=[str(tmp_path)])
        zoneinfo.ZoneInfo.clear_cache()
        assert datetime.datetime(2026, 1, 1, tzinfo=zoneinfo.ZoneInfo("Europe/Berlin")).utcoffset().seconds == 32400
        assert datetime.datetime(2026, 1, 1, tzinfo=iana("Europe/Berlin")).utcoffset().seconds == 3600
        assert posix_rule("Europe/Berlin").startswith("CET-1")
    finally:
        zoneinfo.reset_tzpath()
        zoneinfo.ZoneInfo.clear_cache()
    with pytest.raises(ValueError, match="There is no time zone"):
        iana("Europe/Nowhere")


def test_ten_years_from_now_count(monkeypatch):
    monkeypatch.setattr(time, "time", lambda: LATE_2024 + 0.5)
    with pytest.raises(ValueError, match="cannot be written as one rule"):
        posix_rule("Africa/Casablanca")
    # What was before does not matter.
    assert posix_rule("Africa/Casablanca", 2**33) == zone_rule("<+00>0")


def test_only_differences_between_beginning_and_end_count():
    zone = Zone("<+01>-1")
    changes = [(0, 7200), (1000, 3600), (5000, 7200), (6000, 3600)]
    assert _first_difference(zone, changes, 0, 4000) == 0
    assert _first_difference(zone, changes, 999, 4000) == 999
    assert _first_difference(zone, changes, 1000, 5000) is None
    assert _first_difference(zone, changes, 1000, 5001) == 5000
    assert _first_difference(zone, changes, 6000, 9000) is None
    # A change that the rule makes and the list does not is a difference as well.
    listed = [(0, 3600), (utc("2027-01-01T00:00"), 3600)]
    assert _first_difference(BERLIN, listed, utc("2026-01-01T00:00"), utc("2028-01-01T00:00")) == utc(
        "2026-03-29T01:00"
    )


def test_a_broken_database_is_told():
    for data in (b"", b"TZif", b"TZif2" + bytes(39), b"GIF89a" + bytes(100), tzif("UTC0").replace(b"TZif3", b"TZif\0")):
        with pytest.raises(ValueError, match="Install it again"):
            _read_tzif(data)


@pytest.mark.parametrize("rule", ["<+01>-1", "UTC0", "GMT0", "CET-1CEST,M3.5.0,M10.5.0/3", "XXX3EDT4,0/0,J365/23"])
def test_a_rule_may_be_given_itself(rule):
    assert zone_rule(rule) == rule


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("CET-1CEST", "begins is missing"),
        ("CET-1CEST,M3.5.0,M13.5.0", "the month"),
        ("<+01-1", "closing >"),
        ("UTC+3", r"both ways. Write <\+03>-3 for 3 hours ahead of UTC, <-03>3 for behind it"),
        ("GMT-11", r"both ways. Write <\+11>-11 for 11 hours ahead"),
    ],
)
def test_a_rule_that_is_wrong(text, what):
    with pytest.raises(ValueError, match=what):
        zone_rule(text)


# -- times -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "2026-12-24T15",
        "2026-12-24T15:00",
        "2026-12-24T15:00:00",
        "2026-12-24 15:00",
        "2026-12-24 15",
        "2026-12-24t15",
        " 2026-12-24T15 ",
        "2026-12-24T15:00+01:00",
        "2026-12-24T15+01",
        "2026-12-24T15:00+0100",
        "2026-12-24 15:00 +01:00",
        "2026-12-24T14:00Z",
        "2026-12-24T14z",
        "2026-12-24T09:00:00-05:00",
        "2026-12-24T19:30+05:30",
    ],
)
def test_ways_to_write_an_hour(text):
    assert parse_time(text, BERLIN) == unix("2026-12-24T15:00+01:00")
    assert parse_instant(text, BERLIN) == unix("2026-12-24T15:00+01:00")


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "is not a time. Write 2026-12-24T15"),
        ("tomorrow", "is not a time"),
        ("2026-12-24", "is not a time"),
        ("24.12.2026 15:00", "is not a time"),
        ("2026-12-24T1", "is not a time"),
        ("2026-12-24T15:0", "is not a time"),
        ("2026-12-24T15:00:00.5", "is not a time"),
        ("2026-12-24T15:00+1", "is not a time"),
        ("2026-12-24T15:00 CET", "is not a time"),
        ("٢٠٢٦-12-24T15", "is not a time"),
        ("2026-12-24T15\n2026-12-24T16", "is not a time"),
        ("1798120800", "is not a time"),
        ("2026-02-29T10", "there is no such date"),
        ("2026-13-01T10", "there is no such date"),
        ("2026-12-24T24", "Hours go from 00 to 23"),
        ("2026-12-24T10:60", "minutes and seconds from 00 to 59"),
        ("2026-12-31T23:59:60", "minutes and seconds from 00 to 59"),
        ("2026-12-24T10+25:00", "at most 24 hours"),
        ("2026-12-24T10+01:60", "at most 24 hours"),
        ("1999-12-31T23", "from 2000 to 2105"),
        ("2106-01-01T00", "from 2000 to 2105"),
        ("0000-01-01T00", "there is no such date"),
    ],
)
def test_what_is_no_time(text, what):
    for parse in (parse_time, parse_instant):
        with pytest.raises(ValueError, match=what):
            parse(text, BERLIN)


@pytest.mark.parametrize(
    ("zone", "text", "choices"),
    [
        (BERLIN, "2026-12-24T15:30", "2026-12-24T15:00:00+01:00 and 2026-12-24T16:00:00+01:00"),
        (BERLIN, "2026-12-24T15:00:01", "2026-12-24T15:00:00+01:00 and 2026-12-24T16:00:00+01:00"),
        (BERLIN, "2026-07-24T15:59+02:00", "2026-07-24T15:00:00+02:00 and 2026-07-24T16:00:00+02:00"),
        (BERLIN, "2026-10-25T02:30+02:00", "2026-10-25T02:00:00+02:00 and 2026-10-25T02:00:00+01:00"),
        (BERLIN, "2026-10-25T02:30", "2026-10-25T02:00:00+02:00 and 2026-10-25T02:00:00+01:00"),
        (KOLKATA, "2026-12-24T15:00Z", "2026-12-24T20:00:00+05:30 and 2026-12-24T21:00:00+05:30"),
        (CHATHAM, "2026-12-24T15:15", "2026-12-24T15:00:00+13:45 and 2026-12-24T16:00:00+13:45"),
        (LORD_HOWE, "2026-12-24T15:15", "2026-12-24T14:30:00+11:00 and 2026-12-24T15:30:00+11:00"),
        (LORD_HOWE, "2026-07-24T15:30", "2026-07-24T15:00:00+10:30 and 2026-07-24T16:00:00+10:30"),
    ],
)
def test_codes_go_by_the_hour(zone, text, choices):
    with pytest.raises(ValueError, match=r"codes go by the hour\. Write one of") as refusal:
        parse_time(text, zone)
    assert str(refusal.value).endswith(f"{choices}.")
    for choice in choices.split(" and "):
        assert format_time(parse_time(choice, zone), zone) == choice


@pytest.mark.parametrize(
    ("zone", "text", "choices"),
    [
        (BERLIN, "2026-10-25T02", "2026-10-25T02:00:00+02:00 and 2026-10-25T02:00:00+01:00"),
        (TROLL, "2026-10-25T01", "2026-10-25T01:00:00+02:00 and 2026-10-25T01:00:00+00:00"),
        (TROLL, "2026-10-25T02", "2026-10-25T02:00:00+02:00 and 2026-10-25T02:00:00+00:00"),
    ],
)
def test_an_hour_that_comes_twice(zone, text, choices):
    for parse in (parse_time, parse_instant):
        with pytest.raises(ValueError, match="shows this twice") as refusal:
            parse(text, zone)
        assert str(refusal.value).endswith(f"Write one of {choices}.")
    for choice in choices.split(" and "):
        assert format_time(parse_time(choice, zone), zone) == choice


@pytest.mark.parametrize(
    ("zone", "text", "choices"),
    [
        (BERLIN, "2026-03-29T02", "2026-03-29T01:00:00+01:00 and 2026-03-29T03:00:00+02:00"),
        (BERLIN, "2026-03-29T02:30", "2026-03-29T01:00:00+01:00 and 2026-03-29T03:00:00+02:00"),
        (TROLL, "2026-03-29T01", "2026-03-29T00:00:00+00:00 and 2026-03-29T03:00:00+02:00"),
        (TROLL, "2026-03-29T02", "2026-03-29T00:00:00+00:00 and 2026-03-29T03:00:00+02:00"),
        (LORD_HOWE, "2026-10-04T02", "2026-10-04T01:00:00+10:30 and 2026-10-04T02:30:00+11:00"),
    ],
)
def test_an_hour_that_does_not_come(zone, text, choices):
    for parse in (parse_time, parse_instant):
        with pytest.raises(ValueError, match="jumps over this") as refusal:
            parse(text, zone)
        assert str(refusal.value).endswith(f"Write one of {choices}.")
    for choice in choices.split(" and "):
        assert format_time(parse_time(choice, zone), zone) == choice


def test_hours_next_to_a_change_are_plain():
    assert parse_time("2026-10-25T01", BERLIN) == unix("2026-10-25T01:00+02:00")
    assert parse_time("2026-10-25T03", BERLIN) == unix("2026-10-25T03:00+01:00")
    assert parse_time("2026-03-29T01", BERLIN) == unix("2026-03-29T01:00+01:00")
    assert parse_time("2026-03-29T03", BERLIN) == unix("2026-03-29T03:00+02:00")


def test_rounding_where_summer_time_shifts_by_half_an_hour():
    assert parse_time("2026-12-24T15", LORD_HOWE) == unix("2026-12-24T14:30+11:00")
    assert parse_time("2026-12-24T15", LORD_HOWE, rounding="up") == unix("2026-12-24T15:30+11:00")
    assert parse_time("2026-12-24T15:00+11:00", LORD_HOWE, rounding="up") == unix("2026-12-24T15:30+11:00")
    for rounding in ("down", "up"):
        assert parse_time("2026-12-24T15:30", LORD_HOWE, rounding) == unix("2026-12-24T15:30+11:00")
        assert parse_time("2026-07-24T15", LORD_HOWE, rounding) == unix("2026-07-24T15:00+10:30")
        assert parse_time("2026-07-24T15", BERLIN, rounding) == unix("2026-07-24T15:00+02:00")
    # Both half past one lie in the ticket hour that begins with the first; the next hour begins at two.
    assert parse_time("2026-04-05T01:30", LORD_HOWE) == unix("2026-04-05T01:30+11:00")
    with pytest.raises(ValueError, match=r"01:30:00\+11:00 and 2026-04-05T02:00:00\+10:30"):
        parse_time("2026-04-05T01:30", LORD_HOWE, rounding="up")
    with pytest.raises(ValueError, match="down or up"):
        parse_time("2026-12-24T15", LORD_HOWE, rounding="nearest")


def test_an_instant_has_seconds():
    assert parse_instant("2026-12-24T15:04:05", BERLIN) == unix("2026-12-24T15:04:05+01:00")
    assert parse_instant("2026-12-24T15:04:05-03:30", BERLIN) == unix("2026-12-24T15:04:05-03:30")
    with pytest.raises(ValueError, match=r"02:30:00\+02:00 and 2026-10-25T02:30:00\+01:00"):
        parse_instant("2026-10-25T02:30", BERLIN)


def test_a_formatted_time_reads_back():
    seed = 15
    draw = random.Random(seed)
    zones = [BERLIN, KOLKATA, LORD_HOWE, TROLL, CHATHAM, Zone("<-0930>9:30"), Zone("AAA0:00:07BBB-1:30:09,J60,J300")]
    for case in range(cases(3_000, 100_000)):
        zone = draw.choice(zones)
        t = draw.randrange(BEGIN, END)
        text = format_time(t, zone)
        assert parse_instant(text, zone) == t, f"{text}, seed {seed}, case {case}"
        moment = datetime.datetime.fromisoformat(text)
        assert moment.timestamp() == t, f"{text}, seed {seed}, case {case}"
        begin = t - (t + zone.phase) % 3600
        assert parse_time(format_time(begin, zone), zone) == begin


def test_every_wall_clock_hour_agrees_with_the_standard_library():
    for zone in (BERLIN, TROLL, CHATHAM, KOLKATA):
        theirs = library_zone(zone.rule)
        hour = datetime.datetime(2027, 1, 1)
        once = twice = never = 0
        while hour.year == 2027:
            both = [hour.replace(tzinfo=theirs, fold=fold) for fold in (0, 1)]
            real = sorted(
                {
                    int(moment.timestamp())
                    for moment in both
                    if datetime.datetime.fromtimestamp(moment.timestamp(), theirs).replace(tzinfo=None) == hour
                }
            )
            if len(real) == 1:
                assert parse_time(f"{hour:%Y-%m-%dT%H}", zone) == real[0]
                once += 1
            else:
                with pytest.raises(ValueError, match="twice" if real else "jumps over"):
                    parse_time(f"{hour:%Y-%m-%dT%H}", zone)
                twice, never = twice + len(real) // 2, never + (not real)
            hour += datetime.timedelta(hours=1)
        # As many hours come twice as none, unless the clock never changes; every hour of the year was one of them.
        assert once + twice + never == 8760
        assert twice == never
        assert (twice > 0) == (zone.standard != zone.daylight)


def test_random_text_is_a_time_or_a_clear_error():
    seed = 99
    draw = random.Random(seed)
    letters = "0123456789-:T +Zz.\0٣"
    taken = 0
    for case in range(cases(20_000, 1_000_000)):
        text = list("2026-12-24T15:00:00+01:00"[: draw.randrange(26)])
        for _ in range(draw.randrange(3)):
            at = draw.randrange(len(text) + 1)
            text[at : at + draw.randrange(2)] = draw.choices(letters, k=draw.randrange(2))
        try:
            t = parse_time("".join(text), LORD_HOWE)
        except ValueError:
            continue
        assert (t + LORD_HOWE.phase) % 3600 == 0, f"seed {seed}, case {case}"
        taken += 1
    assert taken > 1000
