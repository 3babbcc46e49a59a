"""The tests of the link that need nothing of CPython, in MicroPython."""

import importlib

import pytest

from tests import micropython

MODULES = [
    "test_commands",
    "test_commands_keys",
    "test_commands_lists",
    "test_commands_once",
    "test_frames",
    "test_link",
    "test_link_secrets",
    "test_lms",
    "test_pairing",
    "test_pairing_middle",
    "test_slots",
    "test_update",
]


@pytest.mark.parametrize("module", MODULES)
def test_the_same_on_micropython(module):
    names = [name for name in sorted(dir(importlib.import_module(f"tests.{module}"))) if name.startswith("test_")]
    assert names
    assert micropython.run(micropython.ROOT / "tests" / "link_run.py", module).split() == names
