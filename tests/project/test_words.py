"""Phrases that no reader should have to puzzle over, kept out of comments, docstrings and documents."""

import ast
import io
import re
import tokenize

import pytest

from tests.support.micropython import ROOT
from tests.support.tracked_files import tracked

# Each with what to write instead.
PHRASES = {
    r"\banew\b": "again, or: from the beginning",
    r"(?<!there )\b(?:is|are) none\b": "is invalid, or: does not exist",
    r"\bso-manieth\b": "the number",
    r"\bwhoever\b": "the person or program that does it",
    r"\b(?:lets?|letting) go of\b": "release, remove, free",
    r"\b(?:is|are|be) told (?:apart|by|of|what|that|to)\b": "is reported, or: differs",
    r"\bstands? (?:for itself|nowhere|in one piece)\b": "is",
    r"\bsomebody in between\b": "a man in the middle",
    r"\b(?:says?|said) why it is\b": "with the reason",
    r"\bof which nobody\b": "that is unknown",
    r"\bas it is once\b": "after",
    r"\bon wish\b": "on request",
    r"\bgoes on (?:to|with|where|as|until|while)\b": "continues",
    r"\bis let\b": "may",
}
# These keep their text until the work that changes what they describe.
LATER = {"docs/design/memory.md", "docs/guide/batteries.md"}
EXEMPT = {*LATER, "CHANGELOG.md"}  # the changelog names what was renamed


def faults(text):
    """Return the phrases found in prose, each with what to write instead."""
    flat = re.sub(r"\s+", " ", text)
    return [f"'{found[0]}': {better}" for phrase, better in PHRASES.items() if (found := re.search(phrase, flat))]


def prose(source):
    """Yield the comments and docstrings of Python source with the lines they begin in."""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node)
            if text:
                yield node.body[0].lineno, text


def test_code_is_explained_in_plain_words():
    found = []
    for path in tracked():
        if path.suffix == ".py" and path.name != "test_words.py":
            for line, text in prose(path.read_text(encoding="utf-8")):
                found += [f"{path.relative_to(ROOT)}:{line}: {fault}" for fault in faults(text)]
    assert found == []


def test_documents_are_in_plain_words():
    found = []
    for path in tracked():
        name = path.relative_to(ROOT).as_posix()
        if path.suffix == ".md" and name not in EXEMPT:
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
                words = re.sub("`[^`]*`", "", line)  # what is quoted, such as an option, is no prose
                found += [f"{name}:{number}: {fault}" for fault in faults(words)]
    assert found == []


@pytest.mark.parametrize(
    "text",
    ["begin anew", "ValueError when it is none.", "for the so-manieth\ntime", "Whoever asks", "lets go of the coil"],
)
def test_a_phrase_is_found(text):
    assert len(faults(text.lower())) == 1


def test_prose_is_comments_and_docstrings():
    source = '"""One."""\n\n\ndef f():\n    """Two."""\n    return "three"  # four\n'
    assert sorted(text for _, text in prose(source)) == ["# four", "One.", "Two."]
