"""Running the `tumbler` command inside a test, at a fixed time."""

import contextlib
import io
import json
import os
import pty
import subprocess
import sys
from types import SimpleNamespace
from unittest.mock import patch

from tests.support.micropython import ROOT
from tumbler.cli.main import main

COMMAND = "import sys; from tumbler.cli.main import main; sys.exit(main())"
SECRET = bytes(range(32)).hex()
NOW = 498735 * 3600 + 600  # 2026-11-23T15:10:00Z, a Monday


def tumbler(*arguments, now=NOW):
    """Run one command; returns (exit status, standard output, standard error)."""
    out, err = io.StringIO(), io.StringIO()
    clock = patch("tumbler.cli.options.time", SimpleNamespace(time=lambda: now))
    with clock, contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            status = main([str(argument) for argument in arguments])
        except SystemExit as stop:
            status = stop.code
    return status or 0, out.getvalue(), err.getvalue()


def done(*arguments, now=NOW):
    """Run a command that must succeed, with --json; returns what it printed."""
    status, out, err = tumbler(*arguments, "--json", now=now)
    if status:
        raise AssertionError(f"exit status {status}: {err}")
    return json.loads(out)


def refused(*arguments, now=NOW):
    """Run a command that must be refused with two sentences; returns them in one line."""
    status, out, err = tumbler(*arguments, now=now)
    lines = err.strip().splitlines()
    lines = [line for line in lines if not line.startswith("Warning:")]
    if status != 1 or out or len(lines) != 2 or not lines[0].startswith("Error: "):
        raise AssertionError(f"not a clean refusal: status {status}, printed {out!r}, {err!r}")
    return " ".join(lines)


def add(name="door", timezone="UTC0", *more):
    """Add a lock with the published secret."""
    return done("lock", "add", name, "--timezone", timezone, "--secret", SECRET, *more)


def process(*arguments, **more):
    """Start the command as a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-c", COMMAND, *arguments],
        cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more,
    )  # fmt: skip


def finish(started):
    """Wait for its end; returns (exit status, standard output, standard error)."""
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
