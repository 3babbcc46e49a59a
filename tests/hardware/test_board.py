"""A real board at --port: what the deploy, provision and self-test tests do on a pseudo-terminal
(docs/guide/hardware.md).

The firmware on the board is exchanged; a lock's memory is not touched, and the right firmware is there at the end.
What needs no lock that runs, tests/host/flashing/test_hardware_suite.py tries on a pseudo-terminal.
"""

import random
import time
from dataclasses import replace

import pytest

from tumbler.flashing.board_contents import BoardContents
from tumbler.flashing.bundle import Bundle
from tumbler.flashing.chip import Chip
from tumbler.flashing.console import Console
from tumbler.flashing.deploy import deploy
from tumbler.flashing.provision import Provisioned, Settings, firmware_slot, provision
from tumbler.flashing.selftest import SelfTest
from tumbler.flashing.target import Target
from tumbler.registry.registry import Registry
from tumbler.updates.update_file import Update, compile_source
from tumbler_lock.core.boot_slots import ON_TRIAL, SETTLED

START_SECONDS = 15  # of a board that was reset
SETTLE_SECONDS = 90  # a trial that is well takes 60 rounds
ROLL_BACK_SECONDS = 60  # three starts with 3 s of pause each
PULSE_MS = 1000
HANG_SECONDS = 120  # one power of long numbers takes less

# Nothing of Python runs while C computes: no poll, no callback.
HANG = f"""
pin = parts.board.bolt._pulse._pins[0]
off = pin.value()
parts.board.bolt.unlock({PULSE_MS})
on = pin.value()
begun = time.ticks_ms()
pow(7, 1 << 3000, (1 << 4000) - 1)
answer([off, on, pin.value(), time.ticks_diff(time.ticks_ms(), begun)])
"""


@pytest.fixture(scope="module")
def port(request):
    """The serial port of the board; without one there is nothing to test."""
    found = request.config.getoption("--port")
    if not found:
        pytest.skip("needs a board: --port /dev/ttyUSB0 --board esp32s3-devkitc (docs/guide/hardware.md)")
    return found


@pytest.fixture(scope="module")
def target(request, port):
    return Target.load(request.config.getoption("--board"))


@pytest.fixture(scope="module")
def bundle(target, port):
    """The right firmware, which is on the board before and after."""
    found = Bundle.build(target)
    put(port, target, found)
    yield found
    put(port, target, found)


def put(port, target, bundle):
    """Deploy, and wait until the board has started."""
    with Console(port) as console:
        report = deploy(console, target, bundle, lambda *_: None, downgrade=True)
    time.sleep(START_SECONDS)
    return report


def look(port):
    """What is on the board; it starts again afterwards, which costs a trial a start."""
    with Console(port) as console:
        return BoardContents.look(console)


def with_module(bundle, tmp_path, name, text):
    """The same firmware with one more or another module."""
    source = tmp_path / "module.py"
    source.write_text(text, encoding="utf-8")
    manifest = bundle.manifest
    contents = {**bundle.slot, name: compile_source(source, name)}
    return replace(bundle, update=Update.of(manifest.version, manifest.bytecode, contents))


def settle(port, seconds):
    """Wait, then see which slot runs and how."""
    time.sleep(seconds)
    return look(port)


def test_the_chip_is_the_boards(port, target):
    with Chip(port, target) as chip:
        assert len(bytes.fromhex(chip.mac)) == 6
        assert not chip.blank(target.vfs_offset)


def test_deploying_twice_sends_nothing(port, target, bundle):
    settle(port, SETTLE_SECONDS)
    assert put(port, target, bundle).sent_files == []


def test_one_changed_file_is_sent_alone_and_settles(port, target, bundle, tmp_path):
    before = settle(port, SETTLE_SECONDS)
    changed = with_module(bundle, tmp_path, "tumbler_lock/core/probe.mpy", f"NUMBER = {random.randrange(1 << 30)}\n")
    report = put(port, target, changed)
    assert report.sent_files == [
        f"/{report.slot}/tumbler_lock/core/probe.mpy",
        f"/{report.slot}/manifest",
        "/slot",
    ]
    assert report.slot != before.slot.slot
    after = settle(port, SETTLE_SECONDS)
    assert (after.slot.slot, after.slot.state) == (report.slot, SETTLED)


def test_a_firmware_that_ends_with_an_error_is_given_up(port, target, bundle, tmp_path):
    before = settle(port, SETTLE_SECONDS)
    broken = with_module(bundle, tmp_path, "tumbler_lock/app/start.mpy", "raise ValueError('put in by a test')\n")
    report = put(port, target, broken)
    assert report.trial
    after = settle(port, ROLL_BACK_SECONDS)
    assert (after.slot.slot, after.slot.state) == (before.slot.slot, SETTLED)


def test_a_deploy_that_ends_anywhere_leaves_a_board_that_starts(port, target, bundle, tmp_path, monkeypatch):
    execute = Console._execute
    for commands in (5, 12, 20, 40):
        left = [commands]

        def pulled(self, *words, left=left, **options):
            left[0] -= 1
            if left[0] < 0:
                raise KeyboardInterrupt
            return execute(self, *words, **options)

        changed = with_module(bundle, tmp_path, "tumbler_lock/core/probe.mpy", f"NUMBER = {commands}\n" * commands)
        monkeypatch.setattr(Console, "_execute", pulled)
        with pytest.raises(KeyboardInterrupt), Console(port) as console:
            deploy(console, target, changed, lambda *_: None, downgrade=True)
        monkeypatch.setattr(Console, "_execute", execute)
        time.sleep(START_SECONDS)
        found = look(port)
        assert found.safe is not None
        assert found.slot.state in (SETTLED, ON_TRIAL)


def test_the_parts_are_there(port, bundle):
    with Console(port) as console:
        test = SelfTest(console, lambda _: None, lambda _: None, lambda _: None)
        test.run(keypad=False, now=int(time.time()))
    wrong = [f"{one.part}: {one.words}" for one in test.results if one.right is False]
    assert not wrong


def test_it_becomes_a_lock_and_is_one_the_second_time(port, target, bundle):
    with Registry.open() as registry, Console(port) as console:
        console.do("provision", "use_slot", firmware_slot(console))
        if console.call("provision", "own_id"):
            pytest.skip("this board is a lock, whose memory is left alone: tumbler flash --erase forgets it")
        lock = registry.add("bench", "UTC", "UTC0", 0b1100000, "standard", bytes(range(32)), int(time.time()))
        try:
            assert provision(console, registry, lock, Settings(), int(time.time())) == Provisioned(True, True)
            assert provision(console, registry, lock, Settings(), int(time.time())) == Provisioned(False, False)
        finally:
            for name in ("journal", "counters"):
                console.do("files", "remove", f"{target.storage}/{name}")


def test_the_coil_is_off_in_time_while_python_hangs_inside_c(port, bundle):
    found = []
    with Console(port) as console:
        slot = firmware_slot(console)
        console.load("provision")
        console.follow("selftest", f"parts = Parts({slot!r})" + HANG, found.append, silence=HANG_SECONDS)
    off, on, after, took = found[-1]
    assert took > PULSE_MS
    assert (on, after) == (1 - off, off)
