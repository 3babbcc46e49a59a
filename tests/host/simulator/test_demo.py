"""The demonstration without a terminal: it plays every kind of code, and it notices when something goes wrong."""

import subprocess
import sys
from pathlib import Path

from tumbler.cli.run import run_command
from tumbler.simulator import demo

KINDS = ("timed", "one-time", "permanent", "recurring", "revoke", "erase", "custom")
VERDICTS = ("open", "refused", "locked-out", "revoke-armed", "revoked", "erased")


def test_it_plays_every_kind_in_a_pipe():
    command = [Path(sys.executable).with_name("tumbler"), "run"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    for word in (*KINDS, *VERDICTS, "power cut", "time-untrusted", "outside-its-hours", "already-used", "expired"):
        assert word in done.stdout, word
    assert "every one went as it should" in done.stdout
    assert "!!" not in done.stdout
    assert "\x1b" not in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 110


def test_another_lock_shows_other_codes(capsys):
    shown = []
    for secret in ("11" * 32, "22" * 32):
        assert run_command(secret=secret, timezone="Asia/Kolkata") == 0
        out, err = capsys.readouterr()
        assert "example secret" not in err
        shown.append([line for line in out.splitlines() if "issued:" in line])
    assert len(shown[0]) == len(shown[1]) == 10
    assert not set(shown[0]) & set(shown[1])


def test_it_says_so_when_the_lock_does_something_else(capsys, monkeypatch):
    # A lock that is never given the custom code cannot open to it.
    monkeypatch.setattr(demo.Demonstration, "_owner", lambda *_, **__: None)
    assert run_command() == 1
    out = capsys.readouterr().out
    assert "!! this should have been: open" in out
    assert "did not go as they should" in out


def test_it_takes_no_image(tmp_path, capsys):
    assert run_command(flash=tmp_path / "flash") == 2
    assert "--flash" in capsys.readouterr().err
