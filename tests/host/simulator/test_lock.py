"""The virtual lock: finding MicroPython, talking to a board that misbehaves, and the real board in its world."""

import json
import os
import random
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.campaign import cases
from tests.support.micropython import ROOT
from tumbler.cli import run
from tumbler.cli.run import run_command
from tumbler.errors import ToolError
from tumbler.registry import registry
from tumbler.simulator.identity import EXAMPLE_SECRET, Identity
from tumbler.simulator.lock import FLASH_KIB, VirtualLock
from tumbler.simulator.micropython import NoMicroPython, check, find
from tumbler.simulator.process import BoardFault, BoardProcess, BoardRefused, BoardStopped

START = 1_795_392_600_000  # 2026-11-23T00:10:00Z
ONE_TIME = "862871"  # check values of docs/spec/passcodes.md
PERMANENT, TIMED = "863562", "1768841"
AT_THREE = START + 14 * 3_600_000 + 50 * 60_000  # 15:00, when the latter two start


@pytest.fixture
def flash(tmp_path):
    return tmp_path / "flash"


def lock(flash, begin_ms=START, **options):
    return VirtualLock(flash, Identity(), begin_ms, **options)


def enter(virtual, digits):
    (entry,) = virtual.press(digits + "#")
    return f"{entry.verdict} {entry.reason}"


# MicroPython


def program(folder, text):
    folder.mkdir(exist_ok=True)
    path = folder / "micropython"
    path.write_text(f"#!{sys.executable}\n{text}\n", encoding="utf-8")
    path.chmod(0o700)
    return str(path)


def test_micropython_is_found_and_checked():
    assert check(find()) >= (1, 24)


def test_the_variable_wins_then_the_neighbour_then_the_path(tmp_path):
    answer = "print('micropython|[1, {}]|[]')"
    named = program(tmp_path / "named", answer.format(30))
    beside = program(tmp_path / "beside", answer.format(31))
    on_path = program(tmp_path / "path", answer.format(32))
    python = str(tmp_path / "beside" / "python")
    path = str(Path(on_path).parent)
    assert find({"MICROPYTHON": named, "PATH": path}, python) == named
    assert find({"MICROPYTHON": "", "PATH": path}, python) == beside
    assert find({"PATH": path}, str(tmp_path / "elsewhere" / "python")) == on_path


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("print('micropython|[1, 23]|[]')", "too old"),
        ("print('cpython|[3, 11]|[]')", "not MicroPython"),
        ("print('micropython|[1, 27]|[\\'vfs.VfsLfs2\\']')", "vfs.VfsLfs2"),
        ("print('hello')", "does not answer"),
        ("raise SystemExit(1)", "does not answer"),
    ],
)
def test_an_unsuitable_micropython_is_refused_with_a_way_out(tmp_path, text, word):
    with pytest.raises(NoMicroPython) as caught:
        find({"MICROPYTHON": program(tmp_path / "bin", text), "PATH": ""})
    assert word in caught.value.what
    assert "1.24" in caught.value.remedy


def test_no_micropython_says_what_to_install(tmp_path):
    for variables in ({"PATH": str(tmp_path)}, {"MICROPYTHON": str(tmp_path / "none"), "PATH": ""}):
        with pytest.raises(NoMicroPython) as caught:
            find(variables, str(tmp_path / "python"))
        assert "MICROPYTHON" in caught.value.remedy


# A board that misbehaves

BOARD = """
import json, sys
def say(**message):
    print(json.dumps(message), flush=True)
for line in sys.stdin:
    request = json.loads(line)
    do = request["do"]
"""


def process(tmp_path, body, events=None, guard=20.0):
    path = tmp_path / "board.py"
    path.write_text(BOARD + "\n".join("    " + line for line in body.splitlines()), encoding="utf-8")
    return BoardProcess([sys.executable, str(path)], (events if events is not None else []).append, guard)


def test_events_come_before_the_answer(tmp_path):
    events = []
    board = process(tmp_path, "say(event='key', key='1')\nsay(event='led', on=True)\nsay(done=do, n=1)", events)
    assert board.ask({"do": "press"}) == {"done": "press", "n": 1}
    assert [event["event"] for event in events] == ["key", "led"]
    board.end()
    board.end()
    assert not board.running


def test_a_blocked_loop_is_caught(tmp_path):
    board = process(tmp_path, "import time\ntime.sleep(60)", guard=0.3)
    began = time.monotonic()
    with pytest.raises(BoardFault, match="blocked"):
        board.ask({"do": "press"})
    assert time.monotonic() - began < 5
    assert not board.running


@pytest.mark.parametrize(("status", "cut"), [(86, True), (87, False)])
def test_the_end_of_a_power_on_is_told(tmp_path, status, cut):
    events = []
    board = process(tmp_path, f"say(event='last')\nsys.exit({status})", events)
    with pytest.raises(BoardStopped) as caught:
        board.ask({"do": "press"})
    assert caught.value.cut == cut
    assert events == [{"event": "last"}]


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ("sys.exit(3)", "status 3"),
        ("sys.stderr.write('Traceback: deep inside')\nsys.exit(1)", "deep inside"),
        ("print('nonsense', flush=True)", "invalid line"),
        ("print('[1, 2]', flush=True)", "invalid line"),
        ("say(answer=1)", "invalid line"),
        ("say(done='else')", "'else'"),
    ],
)
def test_a_board_that_talks_nonsense_is_ended(tmp_path, body, word):
    board = process(tmp_path, body)
    with pytest.raises(BoardFault) as caught:
        board.ask({"do": "press"})
    assert word in str(caught.value)
    assert not board.running


def test_a_refused_request_leaves_the_board_running(tmp_path):
    board = process(tmp_path, "say(done=do, error='no such key')")
    with pytest.raises(BoardRefused, match="no such key"):
        board.ask({"do": "press"})
    assert board.running
    board.end()


def test_a_board_that_cannot_be_started(tmp_path):
    with pytest.raises(BoardFault):
        BoardProcess([str(tmp_path / "none")], print)


def test_a_lock_that_never_comes_up_is_given_up(flash, tmp_path):
    path = tmp_path / "board.py"
    path.write_text(BOARD + "    sys.exit(87)\n", encoding="utf-8")
    virtual = lock(flash, command=[sys.executable, str(path)])
    with pytest.raises(BoardFault, match="and does not start"):
        virtual.power_on()
    virtual.close()


def test_a_lock_that_restarts_again_and_again_is_given_up(flash, tmp_path):
    path = tmp_path / "board.py"
    body = "    if do == 'advance':\n        sys.exit(87)\n    say(done=do, now_ms=request.get('now_ms', 0))\n"
    path.write_text(BOARD + body, encoding="utf-8")
    with lock(flash, command=[sys.executable, str(path)]) as virtual:
        virtual.power_on()
        with pytest.raises(BoardFault, match="again and again"):
            virtual.advance(virtual.now_ms + 1_000)
        assert not virtual.powered


# The real board


def test_a_code_opens_and_the_bolt_falls_back(flash):
    events = []
    with lock(flash, listener=events.append) as virtual:
        virtual.power_on()
        assert virtual.state()["provisioned"]
        assert enter(virtual, ONE_TIME) == "open opened"
        assert virtual.unlocked
        virtual.advance(virtual.now_ms + 6_000)
        assert not virtual.unlocked
        assert enter(virtual, ONE_TIME) == "refused already-used"
    bolt = [event["unlocked"] for event in events if event["event"] == "bolt"]
    assert bolt == [True, False]
    assert [event["on"] for event in events if event["event"] == "power"] == [True, False]


def test_without_power_nothing_happens_and_the_bolt_is_locked(flash):
    with lock(flash) as virtual:
        assert virtual.press("1#") == []
        virtual.power_on()
        enter(virtual, ONE_TIME)
        virtual.power_off()
        assert not virtual.unlocked
        assert virtual.press(ONE_TIME + "#") == []
        assert (virtual.state(), virtual.log()) == ({}, [])
        assert virtual.owner("delete", code=ONE_TIME).reason == "no-power"
        before = virtual.now_ms
        virtual.advance(before + 1_000)
        assert virtual.now_ms == before + 1_000
        with pytest.raises(ValueError, match="forwards"):
            virtual.advance(before)


def test_flash_world_and_clock_persist(flash):
    with lock(flash) as virtual:
        virtual.power_on()
        assert enter(virtual, ONE_TIME) == "open opened"
        end = virtual.now_ms
    assert stat.S_IMODE(flash.stat().st_mode) == 0o600
    assert stat.S_IMODE(flash.with_name("flash.world").stat().st_mode) == 0o600
    # The world does not go back, and the clock chip's battery went on.
    with lock(flash, START - 86_400_000) as virtual:
        assert virtual.now_ms == end
        virtual.power_on()
        assert virtual.state()["trusted"]
        assert enter(virtual, ONE_TIME) == "refused already-used"
    with lock(flash, START + 3_600_000) as virtual:
        virtual.power_on()
        state = virtual.state()
        assert state["trusted"]
        assert state["lock_time"] == START // 1000 + 3_600


def test_a_clock_that_fails_while_the_power_is_off(flash):
    with lock(flash, AT_THREE) as virtual:
        virtual.power_on()
        assert enter(virtual, TIMED) == "open opened"
        assert enter(virtual, PERMANENT) == "open opened"
        virtual.power_off()
        virtual.stop_clock()
        virtual.power_on()
        assert enter(virtual, TIMED) == "refused time-untrusted"
        assert enter(virtual, PERMANENT) == "open opened"
        assert virtual.owner("set_time", now=virtual.now_ms // 1000).ok
        assert enter(virtual, TIMED) == "open opened"
        virtual.power_off()
        virtual.set_clock(START // 1000)
        virtual.power_on()
        assert enter(virtual, TIMED) == "refused time-untrusted"


def test_a_lost_world_file_is_a_clock_that_was_never_set(flash):
    with lock(flash, AT_THREE) as virtual:
        virtual.power_on()
        enter(virtual, PERMANENT)
    flash.with_name("flash.world").unlink()
    with lock(flash, AT_THREE + 60_000) as virtual:
        virtual.power_on()
        assert not virtual.state()["trusted"]
        assert enter(virtual, PERMANENT) == "open opened"


@pytest.mark.parametrize("number", range(1, 8))
def test_a_cut_at_each_operation_of_an_entry(flash, number):
    with lock(flash) as virtual:
        virtual.power_on()
        virtual.cut(number)
        first = [entry.verdict for entry in virtual.press(ONE_TIME + "#")]
        virtual.power_off()  # forgets a cut that has not come
        virtual.power_on()
        second = enter(virtual, ONE_TIME)
        assert virtual.cuts == (1 if not first else virtual.cuts)
        assert second == "refused already-used" or (first == [] and second == "open opened")
        assert enter(virtual, ONE_TIME) == "refused already-used"


@pytest.mark.parametrize("number", [1, 2, 5, 9])
def test_a_cut_during_the_first_start(flash, number):
    with lock(flash) as virtual:
        virtual.cut(number)
        virtual.power_on()
        assert virtual.cuts == 1
        assert not virtual.cut_waits
        assert virtual.state()["provisioned"]
        assert enter(virtual, ONE_TIME) == "open opened"


def test_the_reset_button_and_the_log(flash):
    with lock(flash) as virtual:
        virtual.power_on()
        enter(virtual, ONE_TIME)
        virtual.reset()
        assert virtual.restarts == 1
        assert not virtual.unlocked
        assert enter(virtual, ONE_TIME) == "refused already-used"
        entries = [event for event in virtual.log() if event["kind"] == "one-time"]
        assert [event["event"] for event in entries] == ["open", "refused"]
        assert virtual.log(since=entries[0]["seq"])[0]["seq"] == entries[0]["seq"] + 1


def test_the_owners_commands(flash):
    with lock(flash) as virtual:
        virtual.power_on()
        added = virtual.owner("add_custom", digits="2468", start=None)
        assert added.ok
        assert added.id == virtual.press("2468#")[0].id
        again = virtual.owner("add_custom", digits="2468")
        assert (again.ok, again.reason) == (False, "code-exists")
        assert again.text
        assert "2468" not in again.text
        assert virtual.owner("delete", code="2468").ok
        assert enter(virtual, "2468") == "refused wrong"


def test_a_lock_erased_before_starts_in_its_epoch(flash):
    with VirtualLock(flash, Identity(epoch=1), START) as virtual:
        virtual.power_on()
        assert enter(virtual, "373519523") == "erased erased"


@pytest.mark.parametrize("size", [1, 4096, FLASH_KIB * 1024 - 1, FLASH_KIB * 1024 + 1])
def test_an_image_of_another_size_is_refused_and_kept(flash, size):
    data = random.Random(size).randbytes(size)
    flash.write_bytes(data)
    with pytest.raises(ToolError, match="flash image"):
        lock(flash)
    assert flash.read_bytes() == data


@pytest.mark.parametrize("what", ["zeros", "noise", "damaged"])
def test_an_image_that_holds_no_lock_opens_to_nothing_and_is_kept(flash, what):
    size = FLASH_KIB * 1024
    if what == "damaged":
        with lock(flash, AT_THREE) as virtual:
            virtual.power_on()
            enter(virtual, PERMANENT)
        data = bytes(size // 2) + flash.read_bytes()[size // 2 :]
    else:
        data = bytes(size) if what == "zeros" else random.Random(7).randbytes(size)
    flash.write_bytes(data)
    with lock(flash, AT_THREE + 3_600_000) as virtual:
        virtual.power_on()
        assert not virtual.state()["provisioned"]
        assert virtual.press(PERMANENT + "#") == []
        assert virtual.owner("add_custom", digits="2468").ok is False
        assert not virtual.unlocked
    assert flash.read_bytes() == data


@pytest.mark.parametrize(
    "text", ["{", "[]", "null", '{"now_ms": 1}', '{"now_ms": "x", "rtc": null}', '{"now_ms": 1, "rtc": 5}']
)
def test_a_damaged_world_file_is_refused_and_kept(flash, text):
    with lock(flash) as virtual:
        virtual.power_on()
    world = flash.with_name("flash.world")
    world.write_text(text, encoding="utf-8")
    with pytest.raises(ToolError, match="damaged"):
        lock(flash)
    assert world.read_text(encoding="utf-8") == text


def test_an_image_is_used_by_one_lock_at_a_time(flash):
    with lock(flash) as first:
        first.power_on()
        link = flash.with_name("link")
        link.symlink_to(flash)
        with pytest.raises(ToolError, match="in use"):
            lock(link)
        with pytest.raises(ToolError, match="in use"):
            lock(flash)
    lock(flash).close()


def test_an_image_in_no_folder(tmp_path):
    with pytest.raises(ToolError, match="cannot be written"):
        lock(tmp_path / "none" / "flash")


def test_a_secret_does_not_show():
    assert EXAMPLE_SECRET.hex() not in repr(Identity())
    assert "secret" not in repr(Identity())


# tumbler run --script


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
    for path, word in ((tmp_path / "none", "cannot be read"), (tmp_path, "cannot be read"), (binary, "no text")):
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


# Images that are gone, and ways to leave


@pytest.mark.parametrize("loss", ["truncated", "deleted"])
def test_a_lost_image_does_not_become_a_new_lock_with_the_old_codes(flash, loss):
    with lock(flash) as virtual:
        virtual.power_on()
        assert enter(virtual, ONE_TIME) == "open opened"
    if loss == "truncated":
        flash.write_bytes(b"")
    else:
        flash.unlink()
    world = flash.with_name("flash.world").read_text(encoding="utf-8")
    with pytest.raises(ToolError, match=r"no flash image|is gone"):
        lock(flash)
    assert flash.with_name("flash.world").read_text(encoding="utf-8") == world


def test_an_image_of_another_lock_or_other_settings_is_refused(flash):
    with lock(flash) as virtual:
        virtual.power_on()
    image = flash.read_bytes()
    for other in (Identity(secret=bytes(32)), Identity(rule="JST-9"), Identity(policy="strict")):
        with pytest.raises(ToolError, match="another lock"):
            VirtualLock(flash, other, START)
    assert flash.read_bytes() == image
    with lock(flash) as virtual:
        virtual.power_on()


def test_a_world_file_that_is_no_text_is_refused_and_kept(flash):
    with lock(flash) as virtual:
        virtual.power_on()
    world = flash.with_name("flash.world")
    for damage in (b"\xff\xfe\x80", b'{"now_ms": 1e99, "rtc": null, "lock": ""}', b'{"now_ms": -1, "rtc": null}'):
        world.write_bytes(damage)
        with pytest.raises(ToolError, match="damaged"):
            lock(flash)
        assert world.read_bytes() == damage


def test_a_full_disk_leaves_no_half_image(flash, monkeypatch):
    def full(*_args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(ToolError, match="No space left"):
        lock(flash)
    assert not flash.exists()
    assert not flash.with_name("flash.new").exists()


def test_power_off_forgets_a_cut_also_when_it_is_off(flash):
    with lock(flash) as virtual:
        virtual.cut(1)
        virtual.power_off()
        virtual.power_on()
        assert enter(virtual, ONE_TIME) == "open opened"


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
