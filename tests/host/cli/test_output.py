"""How answers look on a terminal, in a pipe and as JSON, and what is never printed."""

import ast
import io
import itertools
import json
import os
import re
import shlex
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.micropython import ROOT
from tests.support.owner_tool import COMMAND, NOW, add, done, finish, on_terminal, process, refused, tumbler
from tumbler.answers import LogEvent
from tumbler.cli import output
from tumbler.registry.database import FILE, home
from tumbler.registry.lock_cache import Asked
from tumbler.registry.registry import Registry


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


# Readers that leave, disks that are full


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


# Foreign text

EVIL = "\x1b[2J\u202egreen\r\nError: \x9b1m"


def edit(statement, *values):
    """Write into the registry what no command would."""
    with sqlite3.connect(home() / FILE) as database:
        database.execute(statement, values)
    database.close()


def in_registry(tmp_path):
    code = done("code", "permanent", "door")
    edit("UPDATE codes SET label = ?", EVIL)
    edit("UPDATE locks SET timezone = ?", EVIL)
    return [
        ["code", "list", "door"],
        ["code", "explain", "door", code["digits"]],
        ["lock", "list"],
        ["lock", "show", "door"],
    ]


def in_log(tmp_path):
    with Registry.open() as registry:
        cache = registry.cache(registry.lock("door"))
        cache.add_events([LogEvent(1, NOW, 13, 1, 0, 7, bytes(4), 0)])
        cache.choose(bytes(8), "740193", "x", NOW)
        cache.ask(Asked("582016", "x", 0, 1, False))
    edit("INSERT INTO keys (lock, slot, role, label, state, created) VALUES (1, 0, 1, ?, 'active', 0)", EVIL)
    edit("INSERT INTO heard VALUES (1, 0, 0, 9, 1, ?)", EVIL)
    edit("UPDATE chosen SET label = ?", EVIL)
    edit("UPDATE asked SET label = ?, digits = ?", EVIL, "\x1b[1m")
    return [["lock", "log", "door", "--offline"], ["code", "list", "door"], ["code", "delete", "door", "740193"]]


def in_arguments(tmp_path):
    return [
        ["lock", "show", EVIL], ["lock", "add", EVIL, "--timezone", "UTC"], ["lock", "add", "x", "--timezone", EVIL],
        ["lock", "add", "x", "--timezone", "UTC", "--weekend", EVIL], ["code", "timed", "door", "--end", EVIL],
        ["code", "custom", "door", EVIL], ["code", "explain", "door", "123456", "--at", EVIL],
        [EVIL], ["lock", f"--{EVIL}"],
        ["key", "add", "door", "--role", "opener", "--label", "x", "--export", "x", "--hours", EVIL],
    ]  # fmt: skip


def in_paths(tmp_path):
    path = tmp_path / EVIL.replace("/", "")
    return [
        ["key", "import", path], ["update", "show", path], ["board", "check", path], ["run", "--script", path],
        ["update", "key", "show", "--key", path], ["flash", "--board", path], ["selftest", "--port", path],
        ["workshop", path, "--board", "esp32-devkitc", "--port", path], ["key", "add", "door", "--role", "owner",
        "--label", "x", "--export", path / "x"],
    ]  # fmt: skip


def in_files(tmp_path):
    raw, key, board, escaped, table = (tmp_path / name for name in ("a", "b.key", "board.json", "c.json", "d.csv"))
    raw.write_text(f"at {EVIL}\n", encoding="utf-8", newline="")
    key.write_text(json.dumps({"tumbler-key": 1, "lock": EVIL, EVIL: 1}))
    board.write_text(json.dumps({"name": EVIL, "mcu": EVIL, EVIL: {EVIL: EVIL}}))
    escaped.write_text(f'{{"name": "{EVIL}"}}', encoding="utf-8", newline="")
    table.write_text(f"name,timezone,{EVIL}\n{EVIL},UTC,x\n", encoding="utf-8", newline="")
    return [
        ["run", "--script", raw], ["run", "--script", escaped], ["key", "import", key], ["key", "import", raw],
        ["board", "check", board], ["board", "show", board], ["board", "check", escaped], ["update", "show", raw],
        ["workshop", table, "--board", "esp32-devkitc", "--port", raw],
    ]  # fmt: skip


@pytest.mark.parametrize("source", [in_registry, in_log, in_arguments, in_paths, in_files])
def test_foreign_text_reaches_no_terminal_raw(tmp_path, source):
    """Not from a file, not from a lock, not from the command line: no escape sequence, no line of its own."""
    add()
    for words in source(tmp_path):
        for more in ((), ("--json",)):
            _, out, err = tumbler(*words, *more)
            assert out or err
            assert (out + err).replace("\n", "").replace("\t", "").isprintable(), (words, out, err)
            assert "\nError:" not in out + err, words


def test_on_a_terminal_foreign_text_is_shown_as_text(tmp_path):
    add()
    in_registry(tmp_path)
    in_log(tmp_path)
    for words in (["code", "list", "door"], ["lock", "show", "door"]):
        shown = on_terminal(*words, COLUMNS="300")
        assert not re.search("\x1b\\[2J|\x9b|\u202e", shown), words
        assert r"\x1b[2J\u202egreen\r\nError: \x9b1m" in shown, words


@pytest.mark.parametrize("name", ["Flat 2", 'it\'s "$HOME"', "-x", "--help", "`id`; echo *"])
def test_a_hint_can_be_pasted_whatever_the_lock_is_called(name, monkeypatch):
    monkeypatch.setenv("TUMBLER_RADIO", "virtual")  # of which none runs
    assert tumbler("lock", "add", "--timezone", "UTC", "--", name)[0] == 0
    for arguments, command in (
        (["lock", "add", "--timezone", "UTC", "--", name], "lock show"),
        (["lock", "status", "--", name], "pair"),
        (["code", "explain", "--", name, "1234"], "code list --fetch"),
        (["code", "delete", "--yes", "--", name, "xyz"], "code list"),
    ):
        hint = re.search(f"tumbler {command} .*$", refused(*arguments))[0]
        pasted = shlex.split(hint)[1:]
        assert pasted[-1] == name, hint
        assert tumbler(*pasted)[0] in (0, 1), hint
    assert tumbler("code", "erase-code", "--", name)[0] == 0
    warning = tumbler("code", "one-time", "--", name)[2]
    pasted = shlex.split(re.search("tumbler .*$", warning.strip())[0])[1:]
    assert tumbler(*pasted)[0] == 0
    assert [lock["epoch"] for lock in done("lock", "list")] == [1]


def test_no_hint_is_put_together_without_the_one_function():
    """A name behind `tumbler ...` in a text would be pasted as it is."""
    for path in sorted((ROOT / "host_tools" / "tumbler").rglob("*.py")):
        if "simulator" in path.parts:  # the terminal interface marks its texts up
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            parts = node.values if isinstance(node, ast.JoinedStr) else []
            for before, after in itertools.pairwise(parts):
                command = isinstance(before, ast.Constant) and re.search(r"tumbler( [a-z-]+)+ '?$", str(before.value))
                value = after.value if isinstance(after, ast.FormattedValue) else None
                constant = isinstance(value, ast.Name) and value.id.isupper()
                assert not (command and value and not constant), f"{path.name}:{node.lineno}"


def test_questions_are_asked_until_they_are_answered(monkeypatch, capsys):
    for typed, agreed in (("y\n", True), ("YES\n", True), ("n\n", False), ("\n", False), ("", False), ("x\ny\n", True)):
        monkeypatch.setattr("sys.stdin", io.StringIO(typed))
        assert output.confirm(f"Remove '{EVIL}'?") is agreed
        err = capsys.readouterr().err
        assert err.replace("\n", "").isprintable()
        assert err.count("[y/N]") == typed.count("\n") or not typed
