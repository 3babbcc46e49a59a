"""The fields of board.json and headers.json, as data (docs/spec/board-json.md has the same tables), and their check.

Everything that is wrong is reported, with the field's name; nothing is guessed.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import documents
from .chips import LAST_PIN, RAM, chips
from .clocks import CLOCKS, INTERNAL
from .expanders import EXPANDERS

Description = dict[str, Any]  # what a JSON file of a board holds

SOLENOID = "solenoid"  # the kind of bolt where a description names no kind
REQUIRED = object()  # a default that a field does not have


@dataclass(frozen=True)
class Field:
    """One field. kind: a key of CHECKS; of: for a bolt of this kind only; zero: 0 is right, too, below low."""

    kind: str
    default: object = REQUIRED
    low: int = 0
    high: int = LAST_PIN
    choices: Callable[[], Iterable[str]] = tuple
    pattern: str = ""
    step: int = 1
    of: str = ""
    zero: bool = False

    def wrong(self, value: object) -> str:
        """Say what the value should be, or "" if it is right."""
        right, wanted = CHECKS[self.kind]
        if not right(self, value):
            return wanted(self)
        if isinstance(value, int) and value % self.step:
            return f"a multiple of {self.step:,}"
        return ""


def _is_number(field: Field, value: object) -> bool:
    if not isinstance(value, int) or isinstance(value, bool):
        return False
    return field.low <= value <= field.high or (field.zero and value == 0)


def _is_pins(field: Field, value: object) -> bool:
    return isinstance(value, list) and field.low <= len(value) <= field.high and not any(map(PIN.wrong, value))


def _is_text(field: Field, value: object) -> bool:
    return isinstance(value, str) and re.fullmatch(field.pattern, value) is not None


def _is_hash(_: Field, value: object) -> bool:
    return value is None or (isinstance(value, str) and re.fullmatch("[0-9a-f]{64}", value) is not None)


def _is_line(_: Field, value: object) -> bool:
    return isinstance(value, str) and value.isprintable() and value != ""


def _is_lines(field: Field, value: object) -> bool:
    return isinstance(value, list) and all(_is_line(field, line) for line in value)


def _is_labels(field: Field, value: object) -> bool:
    return isinstance(value, list) and all(_is_line(field, label) or not PIN.wrong(label) for label in value)


def _is_map(field: Field, value: object) -> bool:
    """A part whose names are numbers, written as 0 or without a zero in front, and whose values are texts."""
    if not isinstance(value, dict):
        return False
    names = all(re.fullmatch("0|[1-9][0-9]{0,2}", name) and int(name) <= field.high for name in value)
    return names and all(_is_line(field, line) for line in value.values())


CHECKS: dict[str, tuple[Callable[[Field, object], bool], Callable[[Field], str]]] = {
    "number": (
        _is_number,
        lambda field: f"{'0, or ' * field.zero}a whole number from {field.low:,} to {field.high:,}",
    ),
    "pin": (_is_number, lambda field: f"a GPIO number from {field.low} to {field.high}"),
    "pins": (_is_pins, lambda field: f"a list of {field.low} to {field.high} pins"),
    "text": (_is_text, lambda field: f"a text of the form {field.pattern}"),
    "hash": (_is_hash, lambda _: "64 hexadecimal digits, or null"),
    "flag": (lambda _, value: isinstance(value, bool), lambda _: "true or false"),
    "choice": (
        lambda field, value: isinstance(value, str) and value in field.choices(),
        lambda field: " or ".join(f'"{choice}"' for choice in field.choices()),
    ),
    "part": (lambda _, value: isinstance(value, dict), lambda _: "a part: fields in braces"),
    "line": (_is_line, lambda _: "a text without control characters"),
    "lines": (_is_lines, lambda _: "a list of texts without control characters"),
    "labels": (_is_labels, lambda _: 'a list of GPIO numbers and labels, such as 4 and "GND"'),
    "map": (_is_map, lambda field: f"a part whose names are numbers up to {field.high} and whose values are texts"),
}


def _number(low: int, high: int, default: object = REQUIRED, *, step: int = 1, of: str = "") -> Field:
    return Field("number", default, low, high, step=step, of=of)


def _choice(choices: Callable[[], Iterable[str]], default: object = REQUIRED, *, of: str = "") -> Field:
    return Field("choice", default, choices=choices, of=of)


def _words(*words: str, default: object = REQUIRED, of: str = "") -> Field:
    return Field("choice", default, choices=lambda: words, of=of)


def _contact(name: str) -> dict[str, Field]:
    """Fields of a part that is one input."""
    return {
        name: OPTIONAL,
        f"{name}.pin": PIN,
        f"{name}.active": _number(0, 1, 0),
        f"{name}.pull": _words("internal", "external", default="internal"),
    }


PIN = Field("pin")
PART = Field("part")
OPTIONAL = Field("part", None)

FIELDS: dict[str, Field] = {
    "name": Field("text", pattern="[a-z0-9-]{1,20}"),
    "mcu": _choice(chips),
    "psram": _choice(lambda: RAM, "none"),
    "micropython": OPTIONAL,
    "micropython.build": Field("text", pattern="[A-Z0-9_-]{1,40}"),
    "micropython.version": Field("text", pattern=r"[0-9]+\.[0-9]+\.[0-9]+"),
    "micropython.sha256": Field("hash"),
    "flash": OPTIONAL,
    "flash.size_kib": _number(2048, 32768),
    "flash.image_offset": _number(0, 4096),
    "flash.app_offset": _number(0, 1 << 25, step=65_536),
    "flash.app_kib": _number(64, 32768),
    "flash.vfs_offset": _number(0, 1 << 25, step=4096),
    "flash.vfs_kib": _number(512, 32768, step=4),
    "storage": Field("text", pattern="/[a-z0-9_]{1,20}"),
    "console": Field("flag", True),
    "watchdog_ms": _number(1000, 60_000),
    "i2c": OPTIONAL,
    "i2c.bus": _number(0, 1),
    "i2c.scl": PIN,
    "i2c.sda": PIN,
    "i2c.hz": _number(10_000, 400_000, 100_000),
    "clock": PART,
    "clock.chip": _choice(lambda: (*CLOCKS, INTERNAL)),
    "clock.address": _number(8, 119, None),
    "keypad": PART,
    "keypad.rows": Field("pins", low=1, high=8),
    "keypad.cols": Field("pins", low=1, high=8),
    "keypad.keys": Field("text", pattern="[!-~]{1,64}"),
    "keypad.settle_us": _number(0, 1000, 0),
    "keypad.pull": _words("internal", "external", default="internal"),
    "keypad.expander": OPTIONAL,
    "keypad.expander.chip": _choice(lambda: EXPANDERS),
    "keypad.expander.address": _number(32, 63),
    "keypad.expander.interrupt": Field("pin", None),
    "keypad.expander.pull": _words("internal", "external", default="internal"),
    "bolt": PART,
    "bolt.kind": _choice(lambda: bolt_kinds(), SOLENOID),
    "bolt.limit_ms": _number(100, 60_000, of="solenoid"),
    "bolt.active": _number(0, 1, 1),
    "bolt.pin": Field("pin", of="solenoid"),
    "bolt.fail": _words("secure", "safe", default="secure", of="solenoid"),
    "bolt.open": Field("pin", of="motor"),
    "bolt.close": Field("pin", of="motor"),
    "bolt.opened": Field("pin", of="motor"),
    "bolt.closed": Field("pin", of="motor"),
    "bolt.switch_active": _number(0, 1, 0, of="motor"),
    "bolt.switch_pull": _words("internal", "external", default="internal", of="motor"),
    "bolt.stall_ms": _number(100, 10_000, 2000, of="motor"),
    "buzzer": PART,
    "buzzer.pin": PIN,
    "led": PART,
    "led.pin": PIN,
    "led.active": _number(0, 1, 1),
    **_contact("button"),
    **_contact("door"),
    **_contact("exit"),
    "battery": OPTIONAL,
    "battery.pin": PIN,
    "battery.divider": _number(100, 10_000),
    "battery.empty_mv": _number(1, 60_000),
    "battery.full_mv": _number(1, 60_000),
    "battery.low_percent": _number(1, 99, 20),
    "battery.critical_percent": _number(0, 98, 5),
    "radio": OPTIONAL,
    "radio.interval_ms": _number(20, 10_240),
    "radio.asleep_s": Field("number", 300, 10, 3600, zero=True),
    "power": OPTIONAL,
    "power.battery": Field("flag"),
    "power.sleep": _words("none", "light", "deep", default="none"),
    "power.wake": Field("pins", (), low=1, high=8),
}

HEADERS: dict[str, Field] = {
    "title": Field("line"),
    "left": Field("labels"),
    "right": Field("labels"),
    "onboard": Field("map", None),
    "built_in": Field("lines", ()),
    "addresses": Field("map", None, high=127),
    "socket": Field("line", None),
    "parts": Field("lines", ()),
    "notes": Field("lines"),
    "sources": Field("lines"),
}


def bolt_kinds() -> tuple[str, ...]:
    """Return the kinds of bolts that there are fields for; hardware/bolts.py has one row each."""
    return tuple(dict.fromkeys(field.of for field in FIELDS.values() if field.of))


def get(description: Description, path: str) -> Any:
    """Return a field's value, its default if it is absent, None if its part is."""
    *folders, name = path.split(".")
    part: Any = description
    for folder in folders:
        part = part.get(folder)
        if not isinstance(part, dict):
            return None
    default = FIELDS[path].default
    return part.get(name, None if default is REQUIRED else default)


def faults(description: object) -> Iterator[str]:
    """Yield what is wrong with the fields of a description: missing, unknown, of another type, out of range."""
    if not isinstance(description, dict):
        yield "The description is no JSON object: begin it with a brace."
        return
    bolt = description.get("bolt")
    kind = bolt.get("kind", SOLENOID) if isinstance(bolt, dict) else SOLENOID
    yield from _part_faults(FIELDS, description, "", kind)


def header_faults(headers: object) -> Iterator[str]:
    """Yield what is wrong with the fields of headers.json."""
    if not isinstance(headers, dict):
        yield "headers: the file is no JSON object: begin it with a brace."
        return
    for fault in _part_faults(HEADERS, headers, "", ""):
        yield f"headers: {fault}"


def _part_faults(fields: dict[str, Field], part: Description, prefix: str, kind: object) -> Iterator[str]:
    known = {
        path[len(prefix) :]: field
        for path, field in fields.items()
        if path.startswith(prefix) and "." not in path[len(prefix) :] and field.of in ("", kind)
    }
    for name, value in part.items():
        field = known.get(name)
        if field is None:
            yield f"{prefix}{documents.quoted(name)}: {_unknown(fields, prefix + name, kind)}"
        elif wanted := field.wrong(value):
            yield f"{prefix}{name}: must be {wanted}."
        elif field.kind == "part":
            yield from _part_faults(fields, value, f"{prefix}{name}.", kind)
    for name, field in known.items():
        if field.default is REQUIRED and name not in part:
            yield f"{prefix}{name}: is missing."


def _unknown(fields: dict[str, Field], path: str, kind: object) -> str:
    """Say why a field does not belong where it is, and what to do."""
    if path in fields and isinstance(kind, str) and kind in bolt_kinds():
        other = f', or write "kind": "{fields[path].of}"' if kind == SOLENOID else ""
        return f"is not for a {kind}: remove it{other}."
    return "there is no such field: remove it, or look for its right name in docs/spec/board-json.md."


def read(path: Path) -> Any:
    """Read the JSON file of a board, whatever it holds. ToolError says what is wrong with it as JSON."""
    return documents.read_json(path, "a description of a board", "Name a board or a board.json, or correct that place.")
