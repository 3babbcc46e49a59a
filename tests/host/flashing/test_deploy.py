"""`tumbler deploy`: the real mpremote and the real littlefs, against MicroPython's Unix port on a pseudo-terminal.

What a start finds on the flash is judged by a reader of its own below, written from docs/spec/update.md.
"""

import hashlib
import json
import random
import re
import time
import zlib

import pytest

from tests.support import boards
from tests.support.board_at_port import BoardAtPort
from tests.support.campaign import cases
from tests.support.owner_tool import done, refused
from tumbler.errors import ToolError
from tumbler.flashing import file_system
from tumbler.flashing.bundle import Bundle
from tumbler.flashing.console import Console
from tumbler.flashing.deploy import deploy
from tumbler.flashing.packages import Package
from tumbler.flashing.target import Target
from tumbler.paths import Firmware
from tumbler.updates.update_file import LOADER
from tumbler_lock.core.boot_slots import ON_TRIAL, SETTLED, Selection, pack

KIB = 1024
RESET = 40  # bytes of the reset at the end, at most
SILENCE = 0.5  # seconds: a board whose power is gone says nothing more


def nothing(*_):
    """A progress that nobody looks at."""


@pytest.fixture
def target(tmp_path):
    return Target.load(boards.make(tmp_path / "board"))


@pytest.fixture
def board(tmp_path):
    with BoardAtPort(tmp_path / "flash.img", KIB) as found:
        yield found


def small(tmp_path, target, version="1.0.0", aioble=None, **files):
    """A firmware of a few small modules, so that every operation of its deploy can be cut."""
    folder = tmp_path / "source"
    texts = {"tumbler_lock/__init__": "", "boot": "", "main": ""}
    core = {"one": "ONE = 1", "two": "TWO = 2", **{name: f"NAME = '{name}'" for name in LOADER}}
    texts.update({f"tumbler_lock/core/{name}": text for name, text in core.items()})
    texts.update({name if name in texts else f"tumbler_lock/{name}": text for name, text in files.items()})
    for name, text in texts.items():
        path = folder / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n", encoding="utf-8")
    return Bundle.build(target, aioble, Firmware.in_folder(folder), version)


def put(board, target, bundle, **options):
    """Deploy, and let the board start again."""
    with Console(board.port) as console:
        report = deploy(console, target, bundle, nothing, **options)
    board.power()
    return report


def on_flash(board):
    """Every file that is on the flash."""
    return file_system.read(board.image.read_bytes())


def starts(files):
    """What a start runs, by docs/spec/update.md, read independently: its letter and the files below it."""
    said = files.get("slot", b"")
    named = None
    if len(said) == 16 and said[:5] == b"TMBs\x01" and zlib.crc32(said[:12]) == int.from_bytes(said[12:], "big"):
        named = chr(said[5])
        if said[6] == 1 and said[7] == 0:
            named = {"a": "b", "b": "a"}[named]
    order = [named] if named else ["a", "b"]
    for slot in order:
        if whole(files, slot):
            return slot, {name[2:]: data for name, data in files.items() if name.startswith(f"{slot}/tumbler_lock/")}
    return None


def whole(files, slot):
    manifest = files.get(f"{slot}/manifest", b"")
    if manifest[:5] != b"TMBm\x01":
        return False
    at = 16
    for _ in range(int.from_bytes(manifest[10:12], "big")):
        end = at + 1 + manifest[at]
        data = files.get(f"{slot}/{manifest[at + 1 : end].decode()}")
        size, digest = int.from_bytes(manifest[end : end + 4], "big"), manifest[end + 4 : end + 36]
        if data is None or len(data) != size or hashlib.sha256(data).digest() != digest:
            return False
        at = end + 36
    return manifest[at:] == bytes(2)


def test_an_empty_board_gets_the_whole_firmware_and_runs_slot_a(board, target, tmp_path):
    bundle = Bundle.build(target)
    report = put(board, target, bundle)
    files = on_flash(board)
    assert files == bundle.files()
    assert starts(files) == ("a", bundle.slot)
    assert (report.slot, report.trial, report.copied) == ("a", False, 0)
    # And the compiled modules are ones that MicroPython loads.
    with Console(board.port) as console:
        console.do("provision", "use_slot", "a")
        assert console.call("files", "__import__('tumbler_lock').VERSION.split", ".") == bundle.version.split(".")


def test_a_second_deploy_sends_nothing(board, target, tmp_path):
    bundle = small(tmp_path, target)
    put(board, target, bundle)
    before = board.image.read_bytes()
    report = put(board, target, bundle)
    assert (report.sent, report.sent_files, report.copied) == (0, [], 0)
    assert board.image.read_bytes() == before


def test_only_what_changed_is_sent_into_the_other_slot_on_trial(board, target, tmp_path):
    first = small(tmp_path, target)
    put(board, target, first)
    second = small(tmp_path, target, **{"core/two": "TWO = 22"})
    report = put(board, target, second)
    assert report.sent_files == ["/b/tumbler_lock/core/two.mpy", "/b/manifest", "/slot"]
    assert (report.slot, report.trial, report.copied, report.kept) == ("b", True, 6, 0)
    files = on_flash(board)
    assert files["slot"] == pack(Selection("b", ON_TRIAL, 3))
    assert starts(files) == ("b", second.slot)
    assert {name: data for name, data in files.items() if name.startswith("a/")} == {
        name: data for name, data in first.files().items() if name.startswith("a/")
    }


def test_the_slot_behind_a_trial_is_never_written(board, target, tmp_path):
    """A second deploy while the first is on trial takes the trial's slot."""
    first = small(tmp_path, target)
    put(board, target, first)
    put(board, target, small(tmp_path, target, **{"core/two": "TWO = 22"}))
    third = small(tmp_path, target, **{"core/two": "TWO = 222", "core/three": "THREE = 3"})
    report = put(board, target, third)
    assert (report.slot, report.trial, report.kept) == ("b", True, 6)
    files = on_flash(board)
    assert whole(files, "a")
    assert starts(files) == ("b", third.slot)


def test_what_is_no_part_of_the_firmware_leaves_the_slot(board, target, tmp_path):
    put(board, target, small(tmp_path, target, **{"core/old": "OLD = 1"}))
    (tmp_path / "source" / "tumbler_lock" / "core" / "old.py").unlink()
    for number in (2, 3):
        bundle = small(tmp_path, target, **{"core/one": f"ONE = {number}"})
        put(board, target, bundle)
        settle(board)
    assert not [name for name in on_flash(board) if name.endswith("old.mpy")]


def settle(board):
    """Do what a firmware that is well does: end its trial."""
    with Console(board.port) as console:
        slot = on_flash(board)["slot"]
        console.put("/slot", pack(Selection(chr(slot[5]), SETTLED, 0)))
    board.power()


def test_an_older_firmware_needs_a_word(board, target, tmp_path):
    put(board, target, small(tmp_path, target, "1.2.0"))
    older = small(tmp_path, target, "1.1.9")
    with pytest.raises(ToolError, match=re.escape("has the firmware 1.2.0, newer than 1.1.9")):
        put(board, target, older)
    board.power()
    assert put(board, target, older, downgrade=True).slot == "b"


def test_another_micropython_is_refused(board, tmp_path):
    right = boards.description()["micropython"]
    for field, value in (("version", "1.20.0"), ("build", "LILYGO_TTGO_LORA32")):
        other = Target.load(boards.make(tmp_path / field, micropython={**right, field: value}))
        with pytest.raises(ToolError, match="The board runs MicroPython") as error:
            put(board, other, small(tmp_path, other))
        assert "tumbler flash --board bench" in error.value.remedy
        board.power()
    assert on_flash(board) == {}


def test_a_slot_that_is_damaged_is_mended_and_the_whole_one_left_alone(board, target, tmp_path):
    bundle = small(tmp_path, target)
    put(board, target, bundle)
    put(board, target, small(tmp_path, target, **{"core/two": "TWO = 22"}))
    settle(board)  # on b; a is whole too
    with Console(board.port) as console:
        console.put("/b/tumbler_lock/core/one.mpy", b"damaged")
    board.power()
    report = put(board, target, bundle)
    assert report.slot == "a"
    assert starts(on_flash(board)) == ("a", bundle.slot)


def test_a_board_file_alone_is_sent_alone(board, tmp_path):
    first = Target.load(boards.make(tmp_path / "one"))
    put(board, first, small(tmp_path, first))
    second = Target.load(boards.make(tmp_path / "two", watchdog_ms=9000))
    report = put(board, second, small(tmp_path, second))
    assert report.sent_files == ["/board.json"]
    assert json.loads(on_flash(board)["board.json"])["watchdog_ms"] == 9000


def test_aioble_is_exchanged_as_a_whole(board, target, tmp_path):
    old = Package("0.5.0", {"aioble/__init__.mpy": b"old", "aioble/gone.mpy": b"x", "aioble/version": b"0.5.0\n"})
    new = Package("0.6.0", {"aioble/__init__.mpy": b"new", "aioble/version": b"0.6.0\n"})
    put(board, target, small(tmp_path, target, aioble=old))
    report = put(board, target, small(tmp_path, target, aioble=new))
    assert report.aioble == "0.6.0"
    files = on_flash(board)
    assert {name: data for name, data in files.items() if name.startswith("lib/")} == {
        f"lib/{name}": data for name, data in new.compiled.items()
    }
    assert put(board, target, small(tmp_path, target)).sent == 0  # without one, what is there stays


def test_a_flash_without_room_is_refused_and_the_lock_runs_on(tmp_path, target):
    with BoardAtPort(tmp_path / "small.img", 256) as board:
        with pytest.raises(ToolError, match="no room for a second firmware"):
            put(board, target, Bundle.build(target))
        board.power()
        assert on_flash(board) == {}


# Pulled cables and cut power


def scene(tmp_path, target, board):
    """A lock that runs, and the firmware it shall get: files changed, new and gone, loader and aioble too."""
    old = Package("1", {"aioble/__init__.mpy": b"old", "aioble/version": b"1\n"})
    new = Package("2", {"aioble/__init__.mpy": b"new", "aioble/version": b"2\n"})
    first = small(tmp_path, target, aioble=old, **{"core/three": "THREE = 3"})
    put(board, target, first)
    (tmp_path / "source" / "tumbler_lock" / "core" / "three.py").unlink()
    second = small(
        tmp_path,
        target,
        "1.0.1",
        aioble=new,
        main="pass",
        **{"core/two": "TWO = 22", "core/four": "FOUR = 4", "core/boot_slots": "NAME = 0"},
    )
    return first, second


def check_start(files, first, second):
    """A start finds the old firmware or the new one, whole, and start files that are."""
    slot, found = starts(files)
    assert (slot, found) in (("a", first.slot), ("b", second.slot))
    for name in ("boot.py", "main.py", "board.json"):
        assert files[name] in (first.start[name], second.start[name])
    loaders = [
        {name: data for name, data in one.start.items() if name.startswith("loader/")} for one in (first, second)
    ]
    place = "loader/" if any(name.startswith("loader/") for name in files) else "loader_old/"
    found = {name.replace(place, "loader/"): data for name, data in files.items() if name.startswith(place)}
    assert found in loaders
    aioble = {name.removeprefix("lib/"): data for name, data in files.items() if name.startswith("lib/aioble/")}
    assert aioble in ({}, first.aioble.compiled, second.aioble.compiled)


def power_gone_at_operations(board, before, target, bundle, sample):
    """Deploy a bundle to the flash `before`, once whole, and then with the power gone in the middle of each of its
    operations, or of the first, the last two and those of a sample: (seed, how many). Gives out which, with the board
    off."""
    board.off()
    board.image.write_bytes(before)
    count = operations(board, target, bundle)
    chosen = range(1, count + 1)
    seed, most = sample
    for cut in sorted({1, count - 1, count, *cases(random.Random(seed).sample(chosen, most), chosen)}):
        board.off()
        board.image.write_bytes(before)
        board.power(cut)
        with pytest.raises(ToolError), Console(board.port, SILENCE) as console:
            deploy(console, target, bundle, nothing)
        assert wait_dark(board), f"no cut at operation {cut}"
        board.off()
        yield cut


def test_the_power_may_go_in_every_operation_of_the_flash(tmp_path, target):
    with BoardAtPort(tmp_path / "flash.img", KIB) as board:
        first, second = scene(tmp_path, target, board)
        board.off()
        before = board.image.read_bytes()
        for cut in power_gone_at_operations(board, before, target, second, (4, 8)):
            check_start(on_flash(board), first, second)
            board.power()
            put(board, target, second)
            assert starts(on_flash(board)) == ("b", second.slot), f"cut {cut}"
            assert not [
                name for name in on_flash(board) if name.endswith(".new") or "_new/" in name or "_old/" in name
            ], f"cut {cut}"


def operations(board, target, bundle):
    """How many operations a deploy does to the flash."""
    board.power()
    with Console(board.port) as console:
        deploy(console, target, bundle, nothing)
        console.load("files")
        told = []
        console.follow("files", "answer(flash.writes + flash.erases)", told.append)
    return told[0]


def wait_dark(board, tries=100):
    """Whether the board's power went."""
    for _ in range(tries):
        if board.dark:
            return True
        time.sleep(0.02)
    return False


def pulled_between_commands(monkeypatch, board, before, target, bundle, sample):
    """Deploy a bundle to the flash `before`, once whole, and then with the cable pulled before each command, or those
    of a sample: (seed, how many). Gives out how many came through, with the board off."""
    execute = Console._execute
    left = [1_000_000]

    def pulled(self, *words, **options):
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        return execute(self, *words, **options)

    def anew():
        board.off()
        board.image.write_bytes(before)
        board.power()

    monkeypatch.setattr(Console, "_execute", pulled)
    anew()
    put(board, target, bundle)
    count = 1_000_000 - left[0]
    seed, most = sample
    for commands in sorted(cases(random.Random(seed).sample(range(count), most), range(count))):
        anew()
        left[0] = commands
        with pytest.raises(KeyboardInterrupt), Console(board.port) as console:
            deploy(console, target, bundle, nothing)
        board.off()
        yield commands


def test_the_cable_may_be_pulled_between_any_two_commands(tmp_path, target, monkeypatch):
    """The board keeps its power, and continues with what it had."""
    with BoardAtPort(tmp_path / "flash.img", KIB) as board:
        first, second = scene(tmp_path, target, board)
        board.off()
        before = board.image.read_bytes()
        for _ in pulled_between_commands(monkeypatch, board, before, target, second, (5, 8)):
            check_start(on_flash(board), first, second)


class Cable:
    """A serial port whose cable is pulled after so many bytes."""

    def __init__(self, port, left):
        self._port = port
        self.left = left
        self.sent = 0

    def __getattr__(self, name):
        return getattr(self._port, name)

    def write(self, data):
        self.sent += len(data)
        if self.left is not None and self.sent > self.left:
            self._port.write(data[: len(data) - (self.sent - self.left)])
            raise OSError("pulled")
        return self._port.write(data)


def send(board, target, bundle, left=None):
    """Deploy over a cable; returns how many bytes went over it."""
    with Console(board.port) as console:
        cable = console._transport.serial = Cable(console._transport.serial, left)
        deploy(console, target, bundle, nothing)
    return cable.sent


def test_the_cable_may_be_pulled_after_any_byte_and_plugged_in_again(tmp_path, target):
    """In the middle of a command, the board waits for the rest; the same command begins again and ends the work."""
    with BoardAtPort(tmp_path / "flash.img", KIB) as board:
        first, second = scene(tmp_path, target, board)
        board.off()
        before = board.image.read_bytes()
        board.power()
        count = send(board, target, second)
        sample = random.Random(7).sample(range(1, count), 8)
        for left in sorted(cases(sample, range(1, count, 97))):
            board.off()
            board.image.write_bytes(before)
            board.power()
            try:
                sent = send(board, target, second, left)
                assert count - left < len("import machine machine.reset()") + 8, (
                    f"{sent} bytes: only the reset may fail"
                )
            except ToolError as error:
                assert "stopped answering" in str(error)  # noqa: PT017 -- in the reset there is none
            check_start(on_flash(board), first, second)
            put(board, target, second)
            assert starts(on_flash(board)) == ("b", second.slot), f"{left} bytes"


# The command


def test_a_pulse_of_the_bolt_plays_to_its_end_before_the_soft_reset(tmp_path, target):
    prelude = """
class Pulse:
    asked = 0
    def plays(self):
        Pulse.asked += 1
        return Pulse.asked < 4
class Module:
    made = [Pulse()]
sys.modules["tumbler_lock.drivers.rmt_pulse"] = Module
"""
    with BoardAtPort(tmp_path / "flash.img", KIB, prelude) as board, Console(board.port) as console:
        assert console._evaluate("sys.modules['tumbler_lock.drivers.rmt_pulse'].made[0].asked") == 4


def test_the_command_tells_what_it_did_and_why_it_did_not(board, tmp_path):
    words = ("deploy", "--board", boards.make(tmp_path / "board"), "--port", board.port)
    told = done(*words)
    assert (told["slot"], told["trial"], told["aioble"]) == ("a", False, None)
    board.power()
    assert done(*words)["sent_files"] == []
    assert "cannot be opened" in refused(*words[:-1], tmp_path / "no-such-port")
    assert "There is no board 'nowhere'" in refused("deploy", "--board", "nowhere", "--port", board.port)
