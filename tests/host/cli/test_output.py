"""How answers look on a terminal, in a pipe and as JSON, and what is never printed."""

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.support.micropython import ROOT
from tests.support.owner_tool import COMMAND, add, done, finish, on_terminal, process, tumbler


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
