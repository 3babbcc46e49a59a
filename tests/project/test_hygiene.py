"""What must stand in no file: one machine's paths, registry addresses, things left undone, silent failures."""

import ast
import re

import pytest

from tests.support.micropython import ROOT
from tests.support.tracked_files import tracked

# Written so that no pattern finds itself.
FORBIDDEN = {
    "a path of one machine": r"(?<![\w.~-])/(?:home|root|Users|work|mnt|private)/\w|\b[A-Z]:\\Users\b",
    "the address of a package registry": (
        r"(?:pypi|pythonhosted|npmjs|crates|anaconda|rubygems|quay|ghcr|docker)\.(?:org|io|com)\b"
    ),
    "something left undone": r"\b(?:TO[D]O|FIX[M]E|XX[X]|HAC[K])\b",
    "a secret key": r"-----BEGIN [A-Z ]*PRIVATE",
}


def faults(text):
    """Name each forbidden thing found in `text`, with its line."""
    lines = enumerate(text.splitlines(), 1)
    return [f"line {n}: {what}" for n, line in lines for what, pattern in FORBIDDEN.items() if re.search(pattern, line)]


def silent(tree):
    """Return the lines of handlers that catch everything, of assertions of a constant, and of skips."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler) and node.type is None:
            found.append(node.lineno)
        if isinstance(node, ast.Assert) and isinstance(node.test, ast.Constant):
            found.append(node.lineno)
        if isinstance(node, ast.Attribute) and node.attr in ("skip", "skipif", "xfail"):
            found.append(node.lineno)
    return found


def reasoned(tree):
    """Return the lines of skips that say why."""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)]
    return {
        call.func.lineno
        for call in calls
        if call.func.attr in ("skip", "skipif", "xfail")
        and (any(word.arg == "reason" for word in call.keywords) or (call.func.attr == "skip" and call.args))
    }


def text_files():
    for path in tracked():
        data = path.read_bytes()
        if b"\0" not in data:
            yield path, data.decode("utf-8")


def test_no_file_holds_what_must_not_be_there():
    found = [f"{path.relative_to(ROOT)} {fault}" for path, text in text_files() for fault in faults(text)]
    assert found == []


def test_no_handler_or_test_is_silent():
    found = []
    for path, text in text_files():
        if path.suffix == ".py":
            tree = ast.parse(text)
            found += [f"{path.relative_to(ROOT)}:{line}" for line in silent(tree) if line not in reasoned(tree)]
    assert found == []


def test_no_generated_or_large_file_is_tracked():
    for path in tracked():
        assert path.suffix not in (".pyc", ".mpy", ".so", ".whl", ".db", ".img"), path
        assert path.stat().st_size < 1_000_000, path


def test_text_files_end_in_one_line_break_and_hold_no_carriage_returns():
    for path, text in text_files():
        assert "\r" not in text, path
        assert not text or (text.endswith("\n") and not text.endswith("\n\n")), path


@pytest.mark.parametrize(
    "line",
    [
        "see /ho" + "me/someone/x",
        "cd /wo" + "rk/main",
        "--index-url https://py" + "pi.org/simple",
        "https://files.python" + "hosted.org/packages",
        "# TO" + "DO: later",
        "FIX" + "ME",
        "-----BEGIN RSA PRI" + "VATE KEY-----",
    ],
)
def test_each_forbidden_thing_is_found(line):
    assert len(faults(f"fine\n{line}\n")) == 1


@pytest.mark.parametrize(
    "line", ["~/mnt/door", "tests/mnt/x", "host/home/", "/lock/journal", "the todo list of a day", "HOME"]
)
def test_what_only_looks_alike_is_left_alone(line):
    assert faults(line) == []


# In pieces, as above: what they say must stand in no file, and nobody who looks for it should find it here.
@pytest.mark.parametrize(
    ("source", "line"),
    [
        ("try:\n    x()\nexc" + "ept:\n    y()\n", 3),
        ("x()\nass" + "ert True\n", 2),
        ("ass" + "ert 1, 'a text'\n", 1),
        ("@pytest.mark.sk" + "ip\ndef f(): x()\n", 1),
        ("@pytest.mark.skip" + "if(x)\ndef f(): x()\n", 1),
        ("@pytest.mark.xf" + "ail\ndef f(): x()\n", 1),
        ("def f():\n    pytest.sk" + "ip()\n", 2),
    ],
)
def test_silence_is_found(source, line):
    tree = ast.parse(source)
    assert silent(tree) == [line]
    assert reasoned(tree) == set()


@pytest.mark.parametrize(
    "source",
    [
        "@pytest.mark.skip" + "if(x, reason='no such part')\ndef f(): x()\n",
        "@pytest.mark.xf" + "ail(reason='a known fault')\ndef f(): x()\n",
        "pytest.sk" + "ip('why')\n",
    ],
)
def test_a_reason_is_found(source):
    tree = ast.parse(source)
    assert reasoned(tree) == set(silent(tree)) == {1}


def test_what_is_checked_is_not_silent():
    source = "try:\n    x()\nexcept ValueError:\n    y()\nassert x\nassert x == 1\n"
    assert silent(ast.parse(source)) == []
