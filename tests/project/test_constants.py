"""No constant of the firmware and the tools is written twice: one name with one value has one home."""

import ast
from collections import defaultdict

from tests.support.micropython import ROOT
from tumbler.link import transport

# What may not import the home of a value, or writes it again on purpose.
ALLOWED = {
    "SERVICE": "drivers may import nothing of ours; a test below compares",
    "COMMAND": "the same",
    "ANSWER": "the same",
    "HEADER_SIZE": "a script that runs on a board before the firmware is found",
    "JOURNAL": "the same",
    "SECRET_SIZE": "the same",
    "DEAD_MS": "the model of the motor must not believe its driver",
    "LOOK_MS": "two tasks, each with its own pace",
    "BLOCK": "the chip of the simulated board, and the file system that is written for a real one",
}


def constants(path):
    """Yield name and value of every public constant of a module that is a number, text or bytes."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            value = node.value
            if isinstance(value, ast.Call) and getattr(value.func, "id", "") == "const":
                value = value.args[0]
            name = node.targets[0].id
            if name.isupper() and not name.startswith("_") and isinstance(value, ast.Constant):
                yield name, value.value


def repeated():
    homes = defaultdict(list)
    for folder in ("firmware", "host_tools"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            for name, value in constants(path):
                if not isinstance(value, bool):
                    homes[name, value].append(path.relative_to(ROOT).as_posix())
    return {name: paths for (name, _), paths in homes.items() if len(paths) > 1}


def test_no_constant_is_written_twice():
    assert {name: paths for name, paths in repeated().items() if name not in ALLOWED} == {}


def test_every_exception_is_needed():
    assert set(ALLOWED) == set(repeated())


def test_lock_and_tool_have_the_same_bluetooth_services():
    driver = dict(constants(ROOT / "firmware" / "tumbler_lock" / "drivers" / "ble_peripheral.py"))
    names = ("SERVICE", "COMMAND", "ANSWER")
    assert [driver[name] for name in names] == [getattr(transport, name) for name in names]
