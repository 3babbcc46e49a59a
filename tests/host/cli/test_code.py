"""`tumbler code`: codes that are issued, listed and explained without a lock."""

import pytest

from tests.support.owner_tool import add, done, refused

KEYS = {"digits", "kind", "start", "end", "first_use_until", "ticket", "hour", "length"}


# The scheme's published check values


@pytest.mark.parametrize(
    ("digits", "hour", "ticket", "arguments"),
    [
        ("862871", 498720, 0, "one-time door --start 2026-11-23T00"),
        ("216081230", 498720, 0, "one-time door --start 2026-11-23T00:00Z --digits 9"),
        ("863562", 498735, 8, "permanent door"),
        ("1768841", 498735, 57, "timed door --start 2026-11-23T15 --end 2026-11-25T15"),
        ("43697077", 498735, 195, "timed door --start 2026-11-23T15 --end 2026-11-30T16:00:00+01:00"),
        ("251840046", 499999, 9039, "timed door --start 2027-01-15T07 --end 2028-01-16T07"),
        ("1066771", 500000, 10, "timed door --start 2027-01-15T08 --end 2027-01-15T09"),
        ("91883970", 498729, 837, "recurring door --cycle workday --start 2026-11-23T09 --until-hour 17"),
        ("503555345", 498720, 9998, "revoke-code door --start 2026-11-23T00"),
        ("954847347", 498720, 9999, "erase-code door --start 2026-11-23T00"),
    ],
)
def test_published_check_values(digits, hour, ticket, arguments):
    add()
    code = done("code", *arguments.split(), "--allow-past")
    assert (code["digits"], code["hour"], code["ticket"], code["length"]) == (digits, hour, ticket, len(digits))
    assert set(code) >= KEYS
    assert done("code", "list", "door")[0]["digits"] == digits
    told = done("code", "explain", "door", digits, "--at", code["start"])
    assert {key: told[key] for key in KEYS - {"digits"}} == {key: code[key] for key in KEYS - {"digits"}}
    assert told["issued_here"]


def test_the_erase_code_of_the_second_epoch():
    add()
    done("lock", "confirm-erase", "door", "--yes")
    assert done("code", "erase-code", "door", "--start", "2026-11-23T00", "--allow-past")["digits"] == "373519523"


# Times


def test_json_times_are_the_locks_wall_clock_with_its_offset():
    add("door", "Europe/Berlin")
    code = done("code", "timed", "door", "--start", "2026-12-24T15", "--end", "2026-12-27T11")
    assert code["start"] == "2026-12-24T15:00:00+01:00"
    assert code["end"] == "2026-12-27T11:00:00+01:00"
    assert code["first_use_until"] == "2026-12-25T15:00:00+01:00"
    assert (code["kind"], code["hours"]) == ("timed", 68)
    once = done("code", "one-time", "door", "--start", "2026-12-24T15")
    assert (once["end"], once["first_use_until"]) == (None, "2026-12-24T21:00:00+01:00")
    short = done("code", "timed", "door", "--start", "2026-12-24T15", "--end", "2026-12-24T17")
    assert short["first_use_until"] == short["end"]


def test_a_stay_over_a_clock_change_counts_real_hours():
    add("door", "Europe/Berlin")
    autumn = done("code", "timed", "door", "--start", "2027-10-30T12", "--end", "2027-10-31T12")
    spring = done("code", "timed", "door", "--start", "2027-03-27T12", "--end", "2027-03-28T12")
    assert (autumn["hours"], spring["hours"]) == (25, 23)
    assert spring["end"] == "2027-03-28T12:00:00+02:00"


def test_an_hour_that_comes_twice_or_never_is_refused_with_the_two_choices():
    add("door", "Europe/Berlin")
    message = refused("code", "one-time", "door", "--start", "2027-10-31T02")
    assert "2027-10-31T02:00:00+02:00 and 2027-10-31T02:00:00+01:00" in message
    message = refused("code", "timed", "door", "--end", "2027-03-28T02")
    assert "2027-03-28T01:00:00+01:00 and 2027-03-28T03:00:00+02:00" in message
    assert done("code", "one-time", "door", "--start", "2027-10-31T02+01:00")["start"] == "2027-10-31T02:00:00+01:00"


def test_kathmandu_has_whole_hours_on_its_own_wall_clock():
    add("door", "Asia/Kathmandu")
    code = done("code", "one-time", "door", "--start", "2026-12-24T15")
    assert code["start"] == "2026-12-24T15:00:00+05:45"
    assert code["hour"] == (1798103700 + 2700) // 3600  # 2026-12-24T09:15:00Z
    message = refused("code", "one-time", "door", "--start", "2026-12-24T15:00Z")
    assert "2026-12-24T20:00:00+05:45 and 2026-12-24T21:00:00+05:45" in message


def test_lord_howe_shows_the_true_start_in_summer():
    add("door", "Australia/Lord_Howe")
    winter = done("code", "one-time", "door", "--start", "2027-07-01T15")
    assert winter["start"] == "2027-07-01T15:00:00+10:30"
    summer = done("code", "timed", "door", "--start", "2026-12-24T15", "--end", "2026-12-26T11")
    assert (summer["start"], summer["end"]) == ("2026-12-24T14:30:00+11:00", "2026-12-26T11:30:00+11:00")
    daily = done("code", "recurring", "door", "--cycle", "daily", "--start", "2026-12-24T09", "--until-hour", "17")
    assert daily["start"] == "2026-12-24T09:30:00+11:00"


# Explain


@pytest.mark.parametrize(
    ("at", "verdict", "reason"),
    [
        ("2026-11-23T14:54:59", "refused", "not-yet"),
        ("2026-11-23T14:55:00", "open", "opened"),
        ("2026-11-24T14:59:59", "open", "opened"),
        ("2026-11-24T15:00:00", "refused", "first-use-missed"),
        ("2026-11-25T15:00:00+00:00", "refused", "expired"),
        ("2029-11-25T15:00:00", "refused", "wrong"),
    ],
)
def test_explain_says_what_a_lock_would_say_at_a_time(at, verdict, reason):
    add()
    done("code", "timed", "door", "--start", "2026-11-23T15", "--end", "2026-11-25T15", "--label", "Ann")
    told = done("code", "explain", "door", "1768841", "--at", at)
    assert (told["verdict"], told["reason"], told["label"], told["kind"]) == (verdict, reason, "Ann", "timed")


def test_explain_reads_codes_that_were_issued_elsewhere():
    add()
    told = done("code", "explain", "door", "1768841")
    assert (told["kind"], told["hours"], told["issued_here"], told["label"]) == ("timed", 48, False, None)


def test_explain_looks_into_both_eras_at_their_boundary():
    add()
    for digits, kind in (("251840046", "timed"), ("1066771", "timed")):
        told = done("code", "explain", "door", digits, "--at", "2027-01-15T08:10")
        assert (told["verdict"], told["kind"]) == ("open", kind)


def test_explain_says_what_revoke_and_erase_would_do():
    add()
    assert done("code", "explain", "door", "503555345", "--at", "2026-11-23T01")["verdict"] == "revoke-armed"
    assert done("code", "explain", "door", "954847347", "--at", "2026-11-23T01")["verdict"] == "erased"


def test_explain_of_a_recurring_code_outside_its_hours():
    add()
    told = done("code", "explain", "door", "91883970", "--at", "2026-11-23T18")
    assert (told["reason"], told["cycle"], told["until_hour"]) == ("outside-its-hours", "workday", 17)


def test_explain_knows_that_the_policy_forbids_it():
    add("door", "UTC0", "--policy", "strict")
    assert done("code", "explain", "door", "1768841")["reason"] == "wrong"
