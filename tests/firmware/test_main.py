"""The loader, firmware/main.py, by itself: what it does before any firmware runs, and however that ends."""

import asyncio
import importlib
import sys
import time
import types
from pathlib import Path

import pytest

from tests.support.micropython import ROOT

SOURCE = (ROOT / "firmware" / "main.py").read_text(encoding="utf-8")


class Restart(BaseException):
    """machine.reset(): nothing runs after it."""


class Bench:
    """Runs the loader with a firmware that is one function. said: what happened, in order."""

    def __init__(self, folder, monkeypatch):
        self.said = []
        self._patch = monkeypatch
        (folder / "board.json").write_text('{"console": true}', encoding="utf-8")
        monkeypatch.chdir(folder)
        monkeypatch.setattr(sys, "path", list(sys.path))
        machine = types.SimpleNamespace(WDT=self._watchdog, reset=self._reset)
        self._module("machine", vars(machine))
        self._module("micropython", {"kbd_intr": lambda key: self.said.append(("keys", key))})
        monkeypatch.setattr(time, "sleep_ms", lambda ms: self.said.append(("sleep", ms)), raising=False)
        printed = lambda error, file: self.said.append(("printed", type(error).__name__))  # noqa: E731
        monkeypatch.setattr(sys, "print_exception", printed, raising=False)

    def _module(self, name, contents):
        module = types.ModuleType(name)
        vars(module).update(contents)
        self._patch.setitem(sys.modules, name, module)

    def _watchdog(self, timeout):
        self.said.append(("watchdog", timeout))
        return types.SimpleNamespace(feed=lambda: self.said.append("fed"))

    def _reset(self):
        self.said.append("restart")
        raise Restart

    def slots(self, chosen, folder="loader"):
        """Give the board slots: a loader's module, which is found again after it was removed."""
        self._module("bench", {"failed": lambda slot: self.said.append(("failed", slot))})
        Path(folder).mkdir()
        Path(folder, "boot_slots.py").write_text(
            f"import bench\n\nclass FirmwareSlots:\n    choose = lambda self: {chosen!r}\n"
            "    failed = lambda self, slot: bench.failed(slot)\n"
        )
        sys.path.insert(0, str(Path.cwd()))
        importlib.invalidate_caches()

    def run(self, firmware):
        """Power on."""

        def start(slot):
            self.said.append(("start", slot, sys.path[0]))
            self.there = {name for name in sys.modules if name.split(".")[0] in ("loader", "loader_old")}
            firmware()

        self._module("tumbler_lock.app.start", {"start": start})
        exec(compile(SOURCE, "main.py", "exec"), {"__name__": "__main__"})


@pytest.fixture
def bench(tmp_path, monkeypatch):
    modules = dict(sys.modules)  # the loader removes the firmware's, which other tests still use
    yield Bench(tmp_path, monkeypatch)
    for name in ("loader", "loader.boot_slots", "loader_old", "loader_old.boot_slots"):
        sys.modules.pop(name, None)
    sys.modules.update(modules)


def raises(error):
    def firmware():
        raise error

    return firmware


STARTED = [("keys", -1), ("watchdog", 60_000), ("keys", 3), ("start", "", sys.path[0])]


@pytest.mark.parametrize(
    "error", [ValueError("x"), MemoryError(), ImportError("x"), asyncio.CancelledError(), GeneratorExit()], ids=repr
)
def test_whatever_firmware_ends_with_the_board_restarts(bench, error):
    with pytest.raises(Restart):
        bench.run(raises(error))
    assert bench.said == [*STARTED, ("printed", type(error).__name__), ("sleep", 3000), "restart"]


def test_firmware_that_returns_restarts_too(bench):
    with pytest.raises(Restart):
        bench.run(lambda: None)
    assert bench.said == [*STARTED, ("sleep", 3000), "restart"]


def test_the_slot_that_is_chosen_is_first_on_the_path_and_told_when_it_fails(bench):
    bench.slots("b")
    with pytest.raises(Restart):
        bench.run(raises(ValueError("x")))
    start, printed, failed = bench.said[3:6]
    assert (start, printed, failed) == (("start", "b", "/b"), ("printed", "ValueError"), ("failed", "b"))


@pytest.mark.parametrize("folder", ["loader", "loader_old"])
def test_the_loaders_modules_are_gone_when_the_firmware_starts(bench, folder):
    bench.slots("b", folder)
    with pytest.raises(Restart):
        bench.run(lambda: None)
    assert ("start", "b", "/b") in bench.said
    assert bench.there == set()


def test_while_a_cable_changes_the_loader_the_old_folder_is_taken(bench):
    bench.slots("a", "loader_old")
    with pytest.raises(Restart):
        bench.run(lambda: None)
    assert ("start", "a", "/a") in bench.said


def test_ctrl_c_leads_to_the_prompt_for_an_hour(bench):
    with pytest.raises(KeyboardInterrupt):
        bench.run(raises(KeyboardInterrupt()))
    assert bench.said == [*STARTED, ("watchdog", 3_600_000), "fed"]


def test_a_soft_restart_stays_one(bench):
    with pytest.raises(SystemExit):
        bench.run(raises(SystemExit()))
    assert bench.said == STARTED


def test_a_closed_console_is_closed_before_anything_else(tmp_path, bench):
    (tmp_path / "board.json").write_text('{"console": false}', encoding="utf-8")
    bench.slots("a")
    with pytest.raises(Restart):
        bench.run(lambda: None)
    assert bench.said[0] == ("keys", -1)
    assert [word for word in bench.said if word[0] == "keys"] == [("keys", -1)]
