"""Every test file of tests/dual once more, in MicroPython."""

import importlib

import pytest

from tests.support import micropython

DUAL = micropython.ROOT / "tests" / "dual"
FILES = sorted(path.relative_to(micropython.ROOT) for path in DUAL.rglob("test_*.py"))
NAMES = [".".join(path.with_suffix("").parts) for path in FILES]


@pytest.mark.parametrize("module", NAMES)
def test_the_same_on_micropython(module):
    names = [name for name in sorted(dir(importlib.import_module(module))) if name.startswith("test_")]
    assert names
    assert micropython.run(DUAL / "support" / "run_tests.py", module).split() == names


def test_the_folder_holds_tests():
    assert len(NAMES) >= 12
