"""What is sent to a board as a script: all of it that runs, and nothing else."""

import ast

import pytest

from tests.support.board_at_port import BoardAtPort
from tests.support.micropython import run
from tumbler.errors import ToolError
from tumbler.flashing.board_contents import BoardContents
from tumbler.flashing.console import SCRIPTS, Console, bare

SCRIPT = '''"""A module."""
import os
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any
SIZE: int = 3  # bytes


class Empty:
    """Nothing."""


class Full:
    """Something."""

    size: int

    def __init__(self, first: "Any", *rest: int, last: str = "x") -> None:
        """Make one."""
        self.all: "list[Any]" = [first] + list(rest) + [last]


def nothing() -> None:
    """Do nothing."""


def shown() -> str:
    """Say "what" there is."""
    if SIZE:
        "no docstring, and no use"
        return "'%d' %s" % (SIZE, Full(1, 2, last='"y"').all)
    return ""
'''


def test_what_runs_stays():
    text = bare(SCRIPT)
    assert run(text + "print(shown(), nothing(), Empty().__class__.__name__)") == "'3' [1, 2, '\"y\"'] None Empty\n"
    for gone in ("typing", "TYPE_CHECKING", "Any", "->", ": int", "#", "Make one", "no docstring"):
        assert gone not in text


@pytest.mark.parametrize("name", sorted(path.stem for path in SCRIPTS.glob("*.py") if path.stem != "__init__"))
def test_every_script_is_sent_without_types_and_docstrings(name):
    source = (SCRIPTS / f"{name}.py").read_text(encoding="utf-8")
    text = bare(source)
    tree = ast.parse(text)
    names = [getattr(node, "name", "") for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)]
    assert [node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)] == names
    for node in ast.walk(tree):
        assert not isinstance(node, ast.AnnAssign)
        assert getattr(node, "annotation", None) is None
        assert getattr(node, "returns", None) is None
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Module):
            assert ast.get_docstring(node) is None
    assert len(text) < len(source) * 3 / 4


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("print('@no JSON')", "gave an invalid answer"),
        ("print('@' + '[' * 20000)", "gave an invalid answer"),
        ("print('@')", "gave an invalid answer"),
        ("raise ValueError('\\x1b[31m\\n secret')", "reports: "),
    ],
)
def test_an_answer_of_no_script_of_ours_is_refused_in_words(tmp_path, code, words):
    with (
        BoardAtPort(tmp_path / "flash.img") as board,
        pytest.raises(ToolError, match=words) as caught,
        Console(board.port) as console,
    ):
        console.follow("files", code, lambda _: None)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("answer", ["None", "[]", "{}", "{'files': {'/a': 3}}", "dict(look((), ()), slot='x')"])
def test_contents_that_no_board_has_are_refused_in_words(tmp_path, answer):
    with BoardAtPort(tmp_path / "flash.img") as board, Console(board.port) as console:
        console.follow("files", f"found = {answer}\ndef look(*_):\n    return found", lambda _: None)
        with pytest.raises(ToolError, match="gave an invalid answer"):
            BoardContents.look(console)
