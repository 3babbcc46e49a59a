"""The `tumbler` command as a person or a script uses it: answers, refusals, exit statuses, and what never shows."""

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.micropython import ROOT
from tests.support.owner_tool import NOW, SECRET, add, done, refused, tumbler
from tumbler.registry.registry import FILE, home

COMMAND = "import sys; from tumbler.cli.main import main; sys.exit(main())"
KEYS = {"digits", "kind", "start", "end", "first_use_until", "ticket", "hour", "length"}


def process(*arguments, **more):
    """Start the command as a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-c", COMMAND, *arguments],
        cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more,
    )  # fmt: skip


def finish(started):
    out, err = started.communicate(timeout=60)
    return started.returncode, out, err


def on_terminal(*arguments, answer="", **environment):
    """Run the command on a pseudo-terminal and type an answer; returns everything it showed."""
    master, slave = pty.openpty()
    env = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "FORCE_COLOR", "COLUMNS")}
    env |= {"TERM": "xterm-256color", **environment}
    child = subprocess.Popen(
        [sys.executable, "-c", COMMAND, *arguments], cwd=ROOT, stdin=slave, stdout=slave, stderr=slave, env=env
    )
    os.close(slave)
    os.write(master, answer.encode())
    shown = b""
    while True:
        try:
            chunk = os.read(master, 65536)
        except OSError:  # how Linux tells that the other side is closed
            break
        if not chunk:
            break
        shown += chunk
    os.close(master)
    child.wait(timeout=60)
    return shown.decode()


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


# Bad input: one refusal each, and what was there stays


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("code timed door --start 2026-12-24T15 --end 2026-12-24T15", "Choose an --end after"),
        ("code timed door --start 2026-12-24T15 --end 2026-12-24T11", "Choose an --end after"),
        ("code timed door --end 2026-11-20T11", "Choose an --end after"),
        ("code timed door --start 2026-12-24T15 --end 2027-12-25T16", "8,785 hours"),
        ("code timed door --start 2026-11-20T15 --end 2026-12-01T11", "--allow-past"),
        ("code one-time door --start 2026-11-23T09", "--allow-past"),
        ("code permanent door --start 2045-01-01T00", "11 years"),
        ("code permanent door --start 2026-12-24T15:30", "2026-12-24T16:00:00+00:00"),
        ("code permanent door --start tomorrow", "--start: 'tomorrow' is not a time"),
        ("code permanent door --start 2026-02-30T10", "no such date"),
        ("code permanent door --start 2026-12-24T24", "00 to 23"),
        ("code permanent door --start 1999-12-24T10 --allow-past", "from 2000"),
        ("code recurring door --cycle workday --start 2026-11-28T09 --until-hour 17", "Monday 2026-11-30"),
        ("code timed door --end 2026-11-24T15 --digits 6", "not 6"),
        ("code one-time dor", "Did you mean 'door'?"),
        ("code one-time elsewhere", "tumbler lock list"),
        ("code explain door 12345a", "4 to 9 digits"),
        ("code explain door 1234567890", "4 to 9 digits"),
        ("code explain door 1234", "custom codes"),
        ("code explain door ١٢٣٤٥٦", "4 to 9 digits"),
        ("code explain door 123456 --at noon", "--at: 'noon' is not a time"),
        ("code one-time door --label " + "x" * 201, "200"),
        ("lock add door --timezone UTC", "already"),
        ("lock add DOOR --timezone UTC", "already"),
        ("lock add other --timezone Europe/Berln", "Europe/Berlin"),
        ("lock add other --timezone UTC+3", "both ways"),
        ("lock add other --timezone UTC --weekend sat,xyz", "'xyz' is not a day"),
        ("lock add other --timezone UTC --weekend mon,tue,wed,thu,fri,sat,sun", "working day"),
        ("lock add " + "x" * 65 + " --timezone UTC", "64"),
        ("lock show nowhere", "tumbler lock list"),
        ("lock remove door", "Add --yes"),
        ("lock confirm-erase door", "--yes"),
        ("lock confirm-erase door --not-typed", "No erase is pending"),
    ],
)
def test_bad_input_is_refused(arguments, words):
    add()
    before = (home() / FILE).read_bytes()
    message = refused(*arguments.split())
    assert words in message
    assert SECRET not in message
    assert (home() / FILE).read_bytes() == before


@pytest.mark.parametrize(
    "arguments",
    [
        "code timed door",
        "code one-time door --digits 5",
        "code one-time door --digits many",
        "code recurring door --cycle monthly --until-hour 5",
        "code recurring door --cycle daily --until-hour 25",
        "lock add door",
        "lock add door --timezone UTC --policy lax",
        "lock burn door",
        "code one-time door --nonsense",
    ],
)
def test_wrong_usage_has_status_2_and_no_traceback(arguments):
    status, out, err = tumbler(*arguments.split())
    assert (status, out) == (2, "")
    assert "--help" in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    "secret",
    [SECRET[:-1], SECRET + "0", SECRET[:-2], "", "zz" + SECRET[2:], SECRET[:-2] + "\N{ARABIC-INDIC DIGIT THREE}0"],
)
def test_a_wrong_secret_is_refused_without_repeating_it(secret):
    message = refused("lock", "add", "door", "--timezone", "UTC", "--secret", secret)
    assert "exactly 64 hexadecimal digits" in message
    assert not secret or secret not in message
    assert SECRET[10:30] not in message
    assert done("lock", "list") == []


@pytest.mark.parametrize("content", [b"", bytes(5000), b"\xff" * 5000, b"something else\n" * 500])
def test_a_bad_registry_is_an_error_for_every_command_and_stays(content):
    home().mkdir()
    (home() / FILE).write_bytes(content)
    for arguments in ("lock list", "lock add a --timezone UTC", "code list a", "code one-time a"):
        assert FILE in refused(*arguments.split())
    assert (home() / FILE).read_bytes() == content


# Locks


def test_a_new_lock_gets_a_random_secret_that_is_printed_on_request_only():
    for name in ("a", "b"):
        shown = tumbler("lock", "add", name, "--timezone", "Europe/Berlin")
        assert not re.search(r"[0-9a-f]{17}", "".join(shown[1:]))
        assert "secret" not in done("lock", "show", name)
    secrets = [done("lock", "show", name, "--secret")["secret"] for name in ("a", "b")]
    assert all(re.fullmatch("[0-9a-f]{64}", secret) for secret in secrets)
    assert secrets[0] != secrets[1]


def test_the_secret_shows_in_no_other_output():
    add()
    said = []
    for command in (
        "lock list", "lock show door", "lock risk door", "code one-time door", "code list door", "code erase-code door",
        "code explain door 862871", "lock confirm-erase door", "lock remove door --yes",
    ):  # fmt: skip
        for more in ((), ("--json",)):
            said += tumbler(*command.split(), *more)[1:]
    assert not re.search(SECRET[8:24], "".join(said), re.IGNORECASE)


def test_a_secret_can_come_from_standard_input():
    started = subprocess.run(
        [sys.executable, "-c", COMMAND, "lock", "add", "door", "--timezone", "UTC", "--secret", "-"],
        cwd=ROOT, input=SECRET + "\n", capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert started.returncode == 0, started.stderr
    assert done("lock", "show", "door", "--secret")["secret"] == SECRET


def test_the_example_secret_and_a_shared_one_are_warned_of():
    status, _, err = tumbler("lock", "add", "a", "--timezone", "UTC", "--secret", SECRET)
    assert (status, "example secret" in err) == (0, True)
    assert "'a' has the same secret" in tumbler("lock", "add", "b", "--timezone", "UTC", "--secret", SECRET.upper())[2]


def test_list_and_show_tell_what_a_lock_is():
    add("door", "Europe/Berlin", "--policy", "strict", "--weekend", "fri,Saturday")
    (lock,) = done("lock", "list")
    shown = done("lock", "show", "door")
    assert {key: shown[key] for key in lock} == lock
    assert (lock["rule"], lock["policy"], lock["weekend"]) == ("CET-1CEST,M3.5.0,M10.5.0/3", "strict", "fri,sat")
    assert shown["time"] == "2026-11-23T16:10:00+01:00"


def test_remove_takes_the_lock_and_its_codes():
    add()
    done("code", "one-time", "door")
    assert done("lock", "remove", "door", "--yes") == {"lock": "door"}
    refused("lock", "show", "door")
    add()
    assert done("code", "list", "door") == []


def test_remove_asks_on_a_terminal():
    add()
    done("code", "one-time", "door")
    shown = on_terminal("lock", "remove", "door", answer="n\n")
    assert "Remove 'door', its 1 code and its secret for ever?" in shown
    assert "Nothing was removed" in shown
    assert len(done("lock", "list")) == 1
    on_terminal("lock", "remove", "door", answer="y\n")
    assert done("lock", "list") == []


def test_erase_from_the_code_to_the_confirmation():
    add()
    old = done("code", "permanent", "door")
    code = done("code", "erase-code", "door")
    assert (code["kind"], code["end"], done("lock", "show", "door")["erase_pending"]) == ("erase", None, True)
    status, out, err = tumbler("code", "permanent", "door")
    assert (status, len(out.splitlines()[0])) == (0, 6)
    assert "tumbler lock confirm-erase" in err
    assert done("code", "one-time", "door")["warnings"]
    assert "can still be typed" in refused("lock", "confirm-erase", "door", "--not-typed")
    confirmed = done("lock", "confirm-erase", "door")
    assert (confirmed["epoch"], confirmed["erase_pending"], confirmed["dead_codes"]) == (1, False, 4)
    assert {code["state"] for code in done("code", "list", "door")} == {"erased"}
    assert done("code", "list", "door", "--current") == []
    new = done("code", "permanent", "door")
    assert new["warnings"] == []
    assert new["digits"] != old["digits"]
    told = done("code", "explain", "door", old["digits"])
    assert (told["verdict"], told["reason"]) == ("refused", "wrong")
    assert [(hint["epoch"], hint["kind"], hint["issued_here"]) for hint in told["earlier"]] == [(0, "permanent", True)]


def test_an_erase_code_that_nobody_typed_can_be_taken_back_when_it_is_too_late_for_it():
    add()
    done("code", "erase-code", "door")
    done("lock", "confirm-erase", "door", "--not-typed", now=NOW + 25 * 3600)
    lock = done("lock", "show", "door")
    assert (lock["epoch"], lock["erase_pending"]) == (0, False)


# Odds


def test_risk_counts_and_holds_the_day_under_one_percent():
    add()
    found = done("lock", "risk", "door")
    assert [row["accepted_now"] for row in found["lengths"]] == [96, 1692, 19872, 224532]
    assert [row["accepted_worst"] >= row["accepted_now"] for row in found["lengths"]] == [True] * 4
    assert found["day_probability"] <= 0.01
    assert 30 <= found["interval_seconds"] <= 3600
    attempts = found["tries"] + 86400 / found["interval_seconds"]
    assert 1 - (1 - found["worst_odds"]) ** attempts <= 0.01
    before = found["worst_odds"]
    done("code", "permanent", "door", "--digits", "9")
    row = done("lock", "risk", "door")["lengths"][3]
    assert row["stored"] == 1
    assert row["odds_worst"] == pytest.approx(before + 1e-9)


def test_a_strict_lock_is_above_one_in_a_hundred_thousand():
    add("door", "UTC0", "--policy", "strict")
    found = done("lock", "risk", "door")
    assert [row["accepted_worst"] for row in found["lengths"][:3]] == [0, 0, 0]
    assert found["worst_odds"] < 1 / 100_000
    out = tumbler("lock", "risk", "door")[1]
    assert "never" in out
    assert "EN 1300" in out


# Explain


@pytest.mark.parametrize(
    ("at", "verdict", "reason"),
    [
        ("2026-11-23T14:54:59", "refused", "not-yet"),
        ("2026-11-23T14:55:00", "open", "opened"),
        ("2026-11-24T14:59:59", "open", "opened"),
        ("2026-11-24T15:00:00", "refused", "suspended"),
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


# How it looks


def test_in_a_pipe_the_digits_are_the_first_line_and_nothing_is_drawn():
    add()
    out = tumbler("code", "timed", "door", "--start", "2026-11-23T15", "--end", "2026-11-25T15", "--label", "Ann")[1]
    lines = out.splitlines()
    assert lines[0] == "1768841"
    assert "label\tAnn" in lines
    assert all(line.count("\t") == 1 for line in lines[1:])
    for command in ("code list door", "lock list", "lock show door", "lock risk door", "code explain door 1768841"):
        out = tumbler(*command.split())[1]
        assert out
        assert not re.search("[\x1b\u2500-\u257f]", out)
    header, row = tumbler("code", "list", "door")[1].splitlines()
    assert dict(zip(header.split("\t"), row.split("\t"), strict=True))["digits"] == "1768841"


def test_help_and_usage_errors_in_a_pipe_are_plain_and_have_examples():
    for command in ("--help", "code timed --help", "lock add --help", "run --help"):
        status, out, _ = finish(process(*command.split()))
        assert status == 0
        assert not re.search("[\x1b\u2500-\u257f]", out)
    assert "tumbler run --script" in out
    status, _, err = finish(process("lock", "burn"))
    assert status == 2
    assert not re.search("[\x1b\u2500-\u257f]", err)


def test_on_a_terminal_there_are_colours_and_the_digits_stand_out():
    add()
    shown = on_terminal("code", "permanent", "door", "--start", "2026-11-23T15", "--allow-past")
    assert re.search("\x1b\\[[0-9;]*m863562", shown)
    assert "╭" in shown
    plain = on_terminal("code", "permanent", "door", "--start", "2026-11-23T16", "--allow-past", NO_COLOR="1")
    assert not re.search("\x1b\\[[0-9;]*3[0-9]m", plain)
    shown = on_terminal("code", "list", "door")
    assert re.search("\x1b\\[[0-9;]*m863562", shown)


def test_errors_go_to_standard_error_and_leave_standard_output_empty():
    status, out, err = finish(process("code", "list", "nowhere"))
    assert (status, out) == (1, "")
    what, remedy = err.splitlines()
    assert what == "Error: There is no lock 'nowhere': the registry is empty."
    assert remedy == "Add it (tumbler lock add --help), or pair it over Bluetooth: tumbler pair nowhere"


def test_a_reader_that_leaves_early_causes_no_traceback():
    add()
    for _ in range(3):
        done("code", "one-time", "door")
    started = process("code", "list", "door")
    started.stdout.close()
    err = started.stderr.read()
    started.stderr.close()
    started.wait(timeout=60)
    assert "Traceback" not in err


def test_version():
    status, out, _ = tumbler("--version")
    assert status == 0
    assert re.fullmatch(r"tumbler \d+\.\d+\.\d+\S*\n", out)


def test_completion_offers_locks_and_zones():
    add("cabin")
    add("shop")

    def offered(words):
        environment = {
            **os.environ,
            "_TUMBLER_COMPLETE": "complete_bash",
            "COMP_WORDS": words,
            "COMP_CWORD": str(len(words.split(" ")) - 1),
        }
        return finish(process(env=environment))[1].split()

    assert offered("tumbler lock show ") == ["cabin", "shop"]
    assert offered("tumbler lock add x --timezone Europe/Berl") == ["Europe/Berlin"]
    assert "one-time" in offered("tumbler code ")


def test_completion_makes_no_registry():
    environment = {
        **os.environ,
        "_TUMBLER_COMPLETE": "complete_bash",
        "COMP_WORDS": "tumbler lock show ",
        "COMP_CWORD": "3",
    }
    assert finish(process(env=environment))[1].split() == []
    assert not home().exists()


# At once


def test_commands_at_once_on_a_fresh_machine():
    """Eight processes find no registry, all add a lock of one name: one wins. Then they issue: all codes differ."""
    adding = [process("lock", "add", "door", "--timezone", "UTC", "--json") for _ in range(4)]
    results = [finish(started) for started in adding]
    assert sorted(status for status, _, _ in results) == [0, 1, 1, 1]
    assert all("already" in err for status, _, err in results if status)
    issuing = [process("code", "permanent", "door", "--json") for _ in range(6)]
    codes = []
    for status, out, err in map(finish, issuing):
        assert status == 0, err
        codes.append(json.loads(out)["digits"])
    assert len(set(codes)) == 6
    assert sorted(map(len, codes)) == [6, 6, 7, 7, 7, 7]
    assert [path.name for path in home().iterdir()] == [FILE]


# Run


def test_run_hands_its_options_over_and_returns_its_status(monkeypatch):
    calls = []
    monkeypatch.setattr("tumbler.cli.run.run_command", lambda **options: calls.append(options) or 7)
    status, _, _ = tumbler("run", "--script", "night.txt", "--lock", "door", "--json")
    assert status == 7
    assert (str(calls[0]["script"]), calls[0]["lock"], calls[0]["as_json"]) == ("night.txt", "door", True)
    tumbler("run", "--secret", SECRET, "--timezone", "UTC", "--policy", "strict", "--flash", "a.img", "--reset")
    options = calls[1]
    assert (options["secret"], options["timezone"], options["policy"], options["reset"]) == (
        SECRET,
        "UTC",
        "strict",
        True,
    )


def test_output_that_cannot_be_written(tmp_path):
    environment = {**os.environ, "TUMBLER_HOME": str(tmp_path)}
    command = [sys.executable, "-c", COMMAND]
    add = [*command, "lock", "add", "cabin", "--timezone", "Etc/UTC"]
    assert subprocess.run(add, env=environment, cwd=ROOT, capture_output=True).returncode == 0
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*command, "code", "one-time", "cabin"], env=environment, cwd=ROOT, stdout=full, stderr=subprocess.PIPE
        )
    assert done.returncode == 3
    assert b"cannot be written" in done.stderr
    assert b"Traceback" not in done.stderr
    closed = subprocess.run(
        ["sh", "-c", 'exec "$@" >&-', "sh", *command, "lock", "list"], env=environment, cwd=ROOT, stderr=subprocess.PIPE
    )
    assert (closed.returncode, closed.stderr) == (0, b"")


def test_a_reader_that_has_seen_enough_is_no_failure(tmp_path):
    environment = {**os.environ, "TUMBLER_HOME": str(tmp_path)}
    command = [sys.executable, "-c", COMMAND]
    add = [*command, "lock", "add", "cabin", "--timezone", "Etc/UTC"]
    subprocess.run(add, env=environment, cwd=ROOT, capture_output=True, check=True)
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [*command, "code", "one-time", "cabin"], env=environment, cwd=ROOT, stdout=writer, stderr=subprocess.PIPE
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, b"")
