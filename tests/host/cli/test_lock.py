"""`tumbler lock`: the locks of the registry."""

import re
import subprocess
import sys

import pytest

from tests.support.micropython import ROOT
from tests.support.owner_tool import COMMAND, NOW, SECRET, add, done, on_terminal, refused, tumbler


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


# Erase codes


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
