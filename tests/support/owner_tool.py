"""Running the `tumbler` command inside a test, at a fixed time."""

import contextlib
import io
import json
from types import SimpleNamespace
from unittest.mock import patch

from tumbler.cli.main import main

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
