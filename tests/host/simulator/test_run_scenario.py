"""`tumbler run --script`: scenarios on the real board, and what is refused."""

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.campaign import cases
from tests.support.micropython import ROOT
from tests.support.virtual_lock import ONE_TIME, PERMANENT
from tumbler.cli import run
from tumbler.cli.run import run_command
from tumbler.registry import registry


def scenario(tmp_path, text, name="scenario"):
    path = tmp_path / f"{name}.lock"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "path", sorted((ROOT / "docs" / "guide" / "scenarios").glob("*.lock")), ids=lambda path: path.stem
)
def test_the_example_scenarios_hold(path, capsys):
    assert run_command(script=path) == 0
    out, err = capsys.readouterr()
    assert " 0 failures" in out
    assert "example secret" in err


def test_json_is_one_object_for_each_entry_and_nothing_else(tmp_path, capsys):
    path = scenario(
        tmp_path,
        f"at 2026-11-23T15:00:00Z\npress {PERMANENT}#\npress {PERMANENT}\npress #1111#\npower off\npress 1#\n"
        "power on\nclock stopped\nwait 1h\npress 1234567#",
    )
    assert run_command(script=path, timezone="Europe/Berlin", as_json=True) == 0
    out, err = capsys.readouterr()
    entries = [json.loads(line) for line in out.splitlines()]
    assert [(one["verdict"], one["reason"]) for one in entries] == [
        ("open", "opened"),
        ("open", "opened"),
        ("refused", "wrong"),
        ("refused", "time-untrusted"),
    ]
    assert all(list(one) == ["at", "verdict", "reason"] for one in entries)
    assert entries[0]["at"] == "2026-11-23T16:00:00+01:00"
    for digits in (PERMANENT, "1111", "1234567"):
        assert digits not in out + err


def test_a_failed_expectation_is_status_1_and_names_the_line(tmp_path, capsys):
    path = scenario(tmp_path, f"at 2026-11-23T15:00:00Z\npress {PERMANENT}#\nexpect refused wrong\n")
    for as_json in (False, True):
        assert run_command(script=path, as_json=as_json) == 1
        out, err = capsys.readouterr()
        assert f"{path}:3: expected refused wrong, got open opened" in err
        assert PERMANENT not in out + err


def test_a_cut_that_never_came_is_mentioned(tmp_path, capsys):
    path = scenario(tmp_path, "at 2026-11-23T15:00:00Z\npower cut 9999\npress 1111#\nexpect refused wrong\n")
    assert run_command(script=path) == 0
    assert "power was to fail" in capsys.readouterr().err


def test_a_thousand_digits_without_enter(tmp_path):
    path = scenario(
        tmp_path, f"at 2026-11-23T15:00:00Z\npress {'1234567890' * 100}\nwait 11s\npress {PERMANENT}#\nexpect open"
    )
    assert run_command(script=path) == 0
    path = scenario(
        tmp_path, f"at 2026-11-23T15:00:00Z\npress {'1' * 1000}#\nexpect refused wrong\npress #\nexpect refused"
    )
    assert run_command(script=path) == 0


@pytest.mark.parametrize(
    ("text", "options", "word"),
    [
        ("open sesame", {}, "scenario.lock:1"),
        ("wait 1h\nat 2001-01-01T00:00Z", {}, "forwards"),
        ("", {"secret": "00"}, "64 hexadecimal"),
        ("", {"secret": "zz" * 32}, "64 hexadecimal"),
        ("", {"secret": "0x" + "00" * 31}, "64 hexadecimal"),
        ("", {"timezone": "Mars/Olympus"}, "no time zone"),
        ("", {"policy": "lax"}, "standard or strict"),
        ("", {"lock": "door", "secret": "00" * 32}, "--lock"),
        ("", {"lock": "door", "timezone": "Etc/UTC"}, "--lock"),
    ],
)
def test_what_makes_no_sense_is_status_2(tmp_path, capsys, text, options, word):
    assert run_command(script=scenario(tmp_path, text), **options) == 2
    out, err = capsys.readouterr()
    assert word in err
    assert out == ""


def test_files_that_are_no_scenario(tmp_path, capsys):
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff\xfe\x00\x01" * 100)
    for path, word in ((tmp_path / "none", "cannot be read"), (tmp_path, "cannot be read"), (binary, "not text")):
        assert run_command(script=path) == 2
        assert word in capsys.readouterr().err
    assert run_command(as_json=True) == 2


def test_a_lock_that_is_not_there(tmp_path, capsys):
    assert run_command(script=scenario(tmp_path, ""), lock="cabin") == 1
    assert "cabin" in capsys.readouterr().err


def test_a_lock_of_the_registry(tmp_path, capsys):
    secret = random.Random(3).randbytes(32)
    with registry.Registry.open() as known:
        known.add("cabin", "Europe/Berlin", "CET-1CEST,M3.5.0,M10.5.0/3", 0b1100000, "strict", secret, 0)
    path = scenario(tmp_path, f"at 2026-11-23T15:00\npress {ONE_TIME}#\nexpect refused wrong")
    assert run_command(script=path, lock="cabin", as_json=True) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["at"].endswith("+01:00")
    assert "example" not in err


def test_a_named_flash_image_is_kept_and_reset(tmp_path, flash, capsys):
    used = scenario(tmp_path, f"at 2026-11-23T01:00:00Z\npress {ONE_TIME}#\nexpect open", "first")
    again = scenario(tmp_path, f"at 2026-11-23T02:00:00Z\npress {ONE_TIME}#\nexpect refused already used", "second")
    assert run_command(script=used, flash=flash) == 0
    assert run_command(script=again, flash=flash) == 0
    capsys.readouterr()
    assert run_command(script=used, flash=flash) == 2
    err = capsys.readouterr().err
    assert "2026-11-23T01:00:00+00:00" in err
    assert "2026-11-23T02:00:" in err
    assert run_command(script=used, flash=flash, reset=True) == 0


def test_the_command_reads_a_scenario_from_standard_input():
    command = [Path(sys.executable).with_name("tumbler"), "run", "--script", "-", "--json"]
    text = f"at 2026-11-23T00:10:00Z\npress {ONE_TIME}#\nexpect open\n"
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=60, env=dict(os.environ))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["verdict"] == "open"


def test_a_year_of_entries_within_a_minute(tmp_path):
    entries = cases(100, 1_000)
    gap = 365 * 86_400 // 1_000
    lines = ["at 2026-11-23T15:00:00Z"] + [f"press {PERMANENT}#\nexpect open\nwait {gap}s"] * entries
    began = time.monotonic()
    assert run_command(script=scenario(tmp_path, "\n".join(lines)), as_json=True) == 0
    assert time.monotonic() - began < 60 * entries / 1_000 + 10  # starting takes a moment of its own


def test_the_machines_zone(monkeypatch):
    monkeypatch.setenv("TZ", "Europe/Berlin")
    assert run.local_zone() == "Europe/Berlin"
    monkeypatch.setenv("TZ", ":Asia/Tokyo")
    assert run.local_zone() == "Asia/Tokyo"
    monkeypatch.setenv("TZ", "nonsense")
    assert run.local_zone()


def test_termination_leaves_no_flash_behind(tmp_path):
    script = tmp_path / "long.lock"
    script.write_text("at 2026-11-23T15:00:00Z\nwait 20000d\n", encoding="utf-8")
    code = "import sys; from tumbler.cli.run import run_command; from pathlib import Path; "
    line = [sys.executable, "-c", code + "sys.exit(run_command(script=Path(sys.argv[1])))", str(script)]
    process = subprocess.Popen(line, cwd=ROOT, env={**os.environ, "TMPDIR": str(tmp_path)}, stderr=subprocess.PIPE)
    waited = time.monotonic() + 30
    while not list(tmp_path.glob("tumbler-*/flash")) and time.monotonic() < waited:
        time.sleep(0.05)
    process.terminate()
    assert process.wait(30) == 128 + 15
    assert process.stderr is not None
    process.stderr.close()
    assert list(tmp_path.glob("tumbler-*")) == []


def test_a_scenario_with_a_byte_order_mark(tmp_path, capsys):
    script = tmp_path / "bom.lock"
    script.write_bytes(b"\xef\xbb\xbfat 2026-11-23T00:10:00Z\r\npress 862871#\r\nexpect open\r\n")
    assert run_command(script=script) == 0
