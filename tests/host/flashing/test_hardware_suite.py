"""The suite for a real board (tests/hardware), as far as it needs no lock that runs: on a pseudo-terminal.

So that it is in order when somebody has a board. One that starts again by itself is this one switched off and on.
"""

import types

import pytest
from _pytest.outcomes import Skipped

from tests.hardware import test_board as suite
from tests.host.flashing.test_provision import NOW
from tests.support import boards
from tests.support.board_at_port import BoardAtPort
from tests.support.parts_at_port import RADIO, parts
from tumbler.flashing import file_system
from tumbler.flashing.bundle import Bundle
from tumbler.flashing.console import Console
from tumbler.flashing.packages import Package
from tumbler.flashing.provision import provision
from tumbler.flashing.target import Target
from tumbler.registry.registry import Registry

KIB = 2048


@pytest.fixture
def target(tmp_path):
    return Target.load(boards.make(tmp_path / "board"))


@pytest.fixture
def bundle(target):
    return Bundle.build(target, Package("1", {"aioble/__init__.py": b""}))


@pytest.fixture
def port(tmp_path, target, bundle, monkeypatch):
    image = tmp_path / "flash.img"
    image.write_bytes(file_system.for_target(bundle.files(), target))
    with BoardAtPort(image, KIB, parts(boards.description(), NOW, more=RADIO)) as board:

        class Restarted(Console):
            def __enter__(self):
                board.power()
                return super().__enter__()

        monkeypatch.setattr(suite, "Console", Restarted)
        monkeypatch.setattr(suite, "time", types.SimpleNamespace(sleep=lambda _: None, time=lambda: NOW))
        yield board.port


def test_deploying_twice(port, target, bundle):
    suite.test_deploying_twice_sends_nothing(port, target, bundle)


def test_a_deploy_that_ends_anywhere(port, target, bundle, tmp_path, monkeypatch):
    suite.test_a_deploy_that_ends_anywhere_leaves_a_board_that_starts(port, target, bundle, tmp_path, monkeypatch)


def test_parts(port, bundle):
    suite.test_the_parts_are_there(port, bundle)


def test_provision(port, target, bundle):
    suite.test_it_becomes_a_lock_and_is_one_the_second_time(port, target, bundle)
    with suite.Console(port) as console:
        console.do("provision", "use_slot", "a")
        assert console.call("provision", "own_id") == "", "it is left as it was"


def test_a_board_that_is_a_lock_keeps_its_memory(port, target, bundle):
    with Registry.open() as registry, suite.Console(port) as console:
        lock = registry.add("cabin", "UTC", "UTC0", 0b1100000, "standard", bytes(range(1, 33)), NOW)
        provision(console, registry, lock, suite.Settings(), NOW)
    with pytest.raises(Skipped, match="left alone"):
        suite.test_it_becomes_a_lock_and_is_one_the_second_time(port, target, bundle)
    with suite.Console(port) as console:
        console.do("provision", "use_slot", "a")
        assert console.call("provision", "own_id") == lock.lock_id.hex()


def test_the_coil(port, bundle, monkeypatch):
    """The virtual board's time passes in a sleep, in which nothing of Python runs either."""
    start, _, end = suite.HANG.partition("pow(7, 1 << 3000, (1 << 4000) - 1)")
    monkeypatch.setattr(suite, "HANG", f"{start}time.sleep_ms(3000){end}")
    suite.test_the_coil_is_off_in_time_while_python_hangs_inside_c(port, bundle)
    monkeypatch.setattr(suite, "HANG", f"{start}time.sleep_ms(0){end}")
    with pytest.raises(AssertionError):
        suite.test_the_coil_is_off_in_time_while_python_hangs_inside_c(port, bundle)
