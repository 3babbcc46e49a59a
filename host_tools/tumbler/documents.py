"""Reads what other people and programs wrote: text and JSON, in files and elsewhere.

A reader returns a value, or raises one sentence that says where it is invalid. No content can cost more time or memory
than LARGEST bytes do. The rules are stricter than JSON: no name twice in one part, no parts nested deeper than
DEEPEST, no number with more than DIGITS digits, no infinite number, and no half of a character.
"""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .errors import ToolError
from .text import printable, reason

LARGEST = 1 << 20  # bytes
DEEPEST = 32  # parts in parts
DIGITS = 30
SHOWN = 40  # characters of a name that a message quotes

_TOKENS = re.compile(r'\\.|["\[\]{}]|\d{%d,}' % (DIGITS + 1), re.DOTALL)
_WORDS = {  # the library's words for a mistake, and ours
    "Expecting value": "a value is missing",
    "Expecting ',' delimiter": "a comma is missing",
    "Expecting ':' delimiter": "a colon is missing",
    "Expecting property name enclosed in double quotes": "a name in double quotes is missing",
    "Extra data": "something follows the end",
    "Illegal trailing comma before end of object": "there is a comma too many",
    "Illegal trailing comma before end of array": "there is a comma too many",
    "Invalid control character at": "a text holds a control character",
    "Invalid \\escape": "a backslash in a text means nothing",
    "Invalid \\uXXXX escape": "a backslash in a text means nothing",
    "Unterminated string starting at": "a text has no end",
}


class BadDocument(ValueError):
    """A file that is not what it should be. The text is safe on a terminal and fits into "FILE is not …: TEXT."."""


class Missing(ToolError):
    """There is no such file."""


@contextmanager
def valid(path: Path | str, what: str, remedy: str) -> Iterator[None]:
    """Turn a BadDocument into a ToolError that names the file. what: what it should be, with its article."""
    try:
        yield
    except BadDocument as error:
        raise ToolError(f"{path} is not {what}: {error}.", remedy) from None


def read_bytes(path: Path, what: str, remedy: str, largest: int = LARGEST) -> bytes:
    """Return a file's bytes. what: what it should be, with its article. Missing if there is no such file, ToolError if
    it cannot be read, or is larger than `largest`."""
    try:
        with path.open("rb") as file:
            data = file.read(largest + 1)
    except (OSError, ValueError) as error:  # ValueError: a zero in the name
        kind = Missing if isinstance(error, FileNotFoundError) else ToolError
        why = reason(error) if isinstance(error, OSError) else "no file can have that name"
        raise kind(f"{path} cannot be read: {why}.", remedy) from None
    if len(data) > largest:
        raise ToolError(f"{path} is not {what}: it has more than {largest:,} bytes.", remedy)
    return data


def read_text(path: Path, what: str, remedy: str, largest: int = LARGEST) -> str:
    """Return the text of a UTF-8 file, without a byte order mark. ToolError as read_bytes, and if it is no text."""
    data = read_bytes(path, what, remedy, largest)
    with valid(path, what, remedy):
        return text_of(data).removeprefix("\ufeff")


def read_json(path: Path, what: str, remedy: str, largest: int = LARGEST) -> Any:
    """Return the value of a JSON file. ToolError as read_bytes, and if it is no JSON."""
    data = read_bytes(path, what, remedy, largest)
    with valid(path, what, remedy):
        return parse_json(data)


def text_of(data: bytes) -> str:
    """Decode UTF-8. BadDocument says which byte is invalid."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadDocument(f"byte {error.start + 1} is not UTF-8") from None


def parse_json(document: bytes | str) -> Any:
    """Return the value of a JSON document. BadDocument says what is invalid, and where."""
    source = text_of(document) if isinstance(document, bytes) else document
    if source.startswith("\ufeff"):
        raise BadDocument("it begins with a byte order mark: save it as UTF-8 without one")
    _refuse_excess(source)
    try:
        value = json.loads(source, object_pairs_hook=_once, parse_float=_finite, parse_constant=_constant)
        # An escape may have made half of a character, which neither a file nor a terminal takes.
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except json.JSONDecodeError as error:
        raise BadDocument(f"line {error.lineno}, column {error.colno}: {_WORDS.get(error.msg, 'no JSON')}") from None
    except UnicodeEncodeError:
        raise BadDocument("a text holds half of a character") from None
    return value


# What a value must be. The last arguments are the way to it, for the message.


def part(value: object, *way: object) -> dict[str, Any]:
    """Return the value if it is a JSON object; BadDocument otherwise."""
    if not isinstance(value, dict):
        raise BadDocument(f"{field_name(*way)} must be a part: fields in braces")
    return value


def text(value: object, *way: object) -> str:
    """Return the value if it is a text without control characters; BadDocument otherwise."""
    if not isinstance(value, str) or not value.isprintable():
        raise BadDocument(f"{field_name(*way)} must be a text without control characters")
    return value


def texts(value: object, *way: object) -> list[str]:
    """Return the value if it is a list of such texts; BadDocument otherwise."""
    if not isinstance(value, list):
        raise BadDocument(f"{field_name(*way)} must be a list of texts")
    return [text(item, *way, index) for index, item in enumerate(value)]


def whole(value: object, low: int, high: int, *way: object) -> int:
    """Return the value if it is a whole number from low to high; BadDocument otherwise."""
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise BadDocument(f"{field_name(*way)} must be a whole number from {low:,} to {high:,}")
    return value


def flag(value: object, *way: object) -> bool:
    """Return the value if it is true or false; BadDocument otherwise."""
    if not isinstance(value, bool):
        raise BadDocument(f"{field_name(*way)} must be true or false")
    return value


def only(found: dict[str, Any], names: tuple[str, ...], *way: object) -> None:
    """Raise BadDocument unless a part has exactly these fields."""
    for name in names:
        if name not in found:
            raise BadDocument(f"{field_name(*way, name)} is missing")
    for name in found:
        if name not in names:
            raise BadDocument(f"{field_name(*way, name)}: there is no such field")


def field_name(*way: object) -> str:
    """Write the way to a value as `flash.size_kib` or `parts[2]`, safe on a terminal."""
    found = ""
    for step in way:
        name = f"[{step}]" if isinstance(step, int) else quoted(str(step))
        found += name if not found or isinstance(step, int) else f".{name}"
    return found or "it"


def quoted(text: str) -> str:
    """Return a text from a file as a message may show it: printable, and not longer than SHOWN."""
    return printable(text if len(text) <= SHOWN else text[: SHOWN - 1] + "…")


def _refuse_excess(source: str) -> None:
    """Raise BadDocument for nesting and numbers that a parser cannot take."""
    depth = 0
    in_text = False
    for token in _TOKENS.finditer(source):
        sign = token[0]
        if sign == '"':
            in_text = not in_text
        elif in_text or sign[0] == "\\":
            continue
        elif sign in "[{":
            depth += 1
            if depth > DEEPEST:
                raise BadDocument(f"{_place(source, token.start())}: more than {DEEPEST} parts lie in each other")
        elif sign in "]}":
            depth -= 1
        else:
            raise BadDocument(f"{_place(source, token.start())}: a number has more than {DIGITS} digits")


def _place(source: str, at: int) -> str:
    line = source.count("\n", 0, at) + 1
    return f"line {line}, column {at - source.rfind(chr(10), 0, at)}"


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        name = next(name for name in names if names.count(name) > 1)
        raise BadDocument(f"the name {quoted(name)} is there twice in one part")
    return found


def _finite(number: str) -> float:
    value = float(number)
    if value in (float("inf"), float("-inf")):
        raise BadDocument(f"the number {quoted(number)} is too large")
    return value


def _constant(word: str) -> float:
    raise BadDocument(f"{word} is no number in JSON")
