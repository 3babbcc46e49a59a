"""What is compiled for a board, and the files that start a slot: the loader has copies of what it imports alone."""

import ast
import re

import pytest

from tests.support.micropython import ROOT
from tumbler.updates.update_file import LOADER, compile_source, loader

CORE = ROOT / "firmware" / "tumbler_lock" / "core"


BLOCK = "if TYPE_CHECKING:\n    from typing import Any\n"


def compiled(folder, text):
    path = folder / "x.py"
    path.write_text(text, encoding="utf-8")
    return compile_source(path, "x.py", 0)  # with line numbers


def test_the_names_of_types_do_not_reach_a_board_and_lines_keep_their_numbers(tmp_path):
    first, last = "TYPE_CHECKING = False\n", "\ndef f():\n    return 1 / 0\n"
    with_types = compiled(tmp_path, first + BLOCK + last)
    assert with_types == compiled(tmp_path, first + "\n\n" + last)
    assert with_types != compiled(tmp_path, first + last)
    assert b"typing" not in with_types


@pytest.mark.parametrize("text", [BLOCK + "else:\n    Any = 1\n", BLOCK.replace("if ", "if not "), "import typing\n"])
def test_what_runs_on_a_board_stays(tmp_path, text):
    assert b"typing" in compiled(tmp_path, "TYPE_CHECKING = False\n" + text)


def imported(module):
    """The modules of core that a module of core imports on a board."""
    tree = ast.parse((CORE / f"{module}.py").read_text(encoding="utf-8"))
    for node in list(ast.walk(tree)):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = []
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level:
            assert node.level == 1, "a module of the loader imports from its own folder only"
            found |= {node.module} if node.module else {alias.name for alias in node.names}
    return found


def first_modules():
    """The modules that main.py imports from the loader's folder."""
    source = (ROOT / "firmware" / "main.py").read_text(encoding="utf-8")
    return set(re.findall(r'__import__\(folder \+ "\.(\w+)"', source))


def test_the_loader_has_a_copy_of_each_module_that_it_imports_and_of_no_other():
    wanted, new = set(), first_modules()
    assert new == {"boot_slots"}
    while new:
        wanted |= new
        new = {name for module in new for name in imported(module)} - wanted
    assert set(LOADER) == wanted
    assert {name for name in loader() if "/" in name} == {f"loader/{module}.mpy" for module in wanted}


def test_the_document_names_these_modules():
    text = (ROOT / "docs" / "spec" / "update.md").read_text(encoding="utf-8")
    (row,) = re.findall(r"(?m)^\| `/loader/…` \| (.*?) of `firmware/tumbler_lock/core/` \|", text)
    assert set(re.findall(r"`(\w+)`", row)) == set(LOADER)
