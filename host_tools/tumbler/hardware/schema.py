"""The fields of a board description, as data (docs/spec/board-json.md has the same table), and the reading of one.

Everything that is wrong is reported, with the field's name; nothing is guessed.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import ToolError

Description = dict[str, Any]

REQUIRED = object()  # a default that a field does not have


@dataclass(frozen=True)
class Field:
    """One field. kind: number, pin, pins, text, flag, choice or part; of: for a bolt of this kind only; zero: 0 is
    right, too, below low."""

    kind: str
    default: object = REQUIRED
    low: int = 0
    high: int = 48
    choices: tuple[str, ...] = ()
    pattern: str = ""
    step: int = 1
    of: str = ""
    zero: bool = False

    def wrong(self, value: object) -> str:
        """Say what the value should be, or "" if it is right."""
        checks = {
            "number": (self._is_number, f"{'0, or ' * self.zero}a whole number from {self.low:,} to {self.high:,}"),
            "pin": (self._is_number, f"a GPIO number from {self.low} to {self.high}"),
            "pins": (self._is_pins, f"a list of {self.low} to {self.high} pins"),
            "text": (self._is_text, self.pattern and f"a text of the form {self.pattern}"),
            "hash": (self._is_hash, "64 hexadecimal digits, or null"),
            "flag": (lambda value: isinstance(value, bool), "true or false"),
            "choice": (lambda value: value in self.choices, " or ".join(f'"{choice}"' for choice in self.choices)),
            "part": (lambda value: isinstance(value, dict), "a part: fields in braces"),
        }
        right, wanted = checks[self.kind]
        if not right(value):
            return wanted
        if isinstance(value, int) and value % self.step:
            return f"a multiple of {self.step:,}"
        return ""

    def _is_number(self, value: object) -> bool:
        if not isinstance(value, int) or isinstance(value, bool):
            return False
        return self.low <= value <= self.high or (self.zero and value == 0)

    def _is_pins(self, value: object) -> bool:
        pin = Field("pin")
        return isinstance(value, list) and self.low <= len(value) <= self.high and not any(map(pin.wrong, value))

    def _is_text(self, value: object) -> bool:
        return isinstance(value, str) and re.fullmatch(self.pattern, value) is not None

    @staticmethod
    def _is_hash(value: object) -> bool:
        return value is None or (isinstance(value, str) and re.fullmatch("[0-9a-f]{64}", value) is not None)


def _number(low: int, high: int, default: object = REQUIRED, *, step: int = 1, of: str = "") -> Field:
    return Field("number", default, low, high, step=step, of=of)


def _choice(*choices: str, default: object = REQUIRED, of: str = "") -> Field:
    return Field("choice", default, choices=choices, of=of)


def _contact(name: str) -> dict[str, Field]:
    """Fields of a part that is one input."""
    return {
        name: OPTIONAL,
        f"{name}.pin": PIN,
        f"{name}.active": _number(0, 1, 0),
        f"{name}.pull": _choice("internal", "external", default="internal"),
    }


PIN = Field("pin")
PART = Field("part")
OPTIONAL = Field("part", None)

FIELDS: dict[str, Field] = {
    "name": Field("text", pattern="[a-z0-9-]{1,20}"),
    "mcu": _choice("esp32", "esp32s3", "esp32c3"),
    "psram": _choice("none", "quad", "octal", default="none"),
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
    "clock.chip": _choice("ds3231", "internal"),
    "clock.address": _number(8, 119, 104),
    "keypad": PART,
    "keypad.rows": Field("pins", low=1, high=8),
    "keypad.cols": Field("pins", low=1, high=8),
    "keypad.keys": Field("text", pattern="[!-~]{1,64}"),
    "keypad.settle_us": _number(0, 1000, 0),
    "keypad.pull": _choice("internal", "external", default="internal"),
    "keypad.expander": OPTIONAL,
    "keypad.expander.chip": _choice("pcf8574", "pcf8574a", "mcp23017"),
    "keypad.expander.address": _number(32, 63),
    "keypad.expander.interrupt": Field("pin", None),
    "keypad.expander.pull": _choice("internal", "external", default="internal"),
    "bolt": PART,
    "bolt.kind": _choice("solenoid", "motor", default="solenoid"),
    "bolt.limit_ms": _number(100, 60_000, of="solenoid"),
    "bolt.active": _number(0, 1, 1),
    "bolt.pin": Field("pin", of="solenoid"),
    "bolt.fail": _choice("secure", "safe", default="secure", of="solenoid"),
    "bolt.open": Field("pin", of="motor"),
    "bolt.close": Field("pin", of="motor"),
    "bolt.opened": Field("pin", of="motor"),
    "bolt.closed": Field("pin", of="motor"),
    "bolt.switch_active": _number(0, 1, 0, of="motor"),
    "bolt.switch_pull": _choice("internal", "external", default="internal", of="motor"),
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
    "power.sleep": _choice("none", "light", "deep", default="none"),
    "power.wake": Field("pins", (), low=1, high=8),
}


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
    """Yield what is wrong with the fields themselves: missing, unknown, of another type, out of range."""
    if not isinstance(description, dict):
        yield "The description is no JSON object: begin it with a brace."
        return
    bolt = description.get("bolt")
    kind = bolt.get("kind", "solenoid") if isinstance(bolt, dict) else "solenoid"
    yield from _part_faults(description, "", kind)


def _part_faults(part: Description, prefix: str, kind: object) -> Iterator[str]:
    known = {
        path[len(prefix) :]: field
        for path, field in FIELDS.items()
        if path.startswith(prefix) and "." not in path[len(prefix) :] and field.of in ("", kind)
    }
    for name, value in part.items():
        field = known.get(name)
        if field is None:
            yield f"{prefix}{name}: {_unknown(prefix + name, kind)}"
        elif wanted := field.wrong(value):
            yield f"{prefix}{name}: must be {wanted}."
        elif field.kind == "part":
            yield from _part_faults(value, f"{prefix}{name}.", kind)
    for name, field in known.items():
        if field.default is REQUIRED and name not in part:
            yield f"{prefix}{name}: is missing."


def _unknown(path: str, kind: object) -> str:
    """Say why a field does not belong where it stands, and what to do."""
    if path in FIELDS and kind in ("solenoid", "motor"):
        other = ', or write "kind": "motor"' if kind == "solenoid" else ""
        return f"is not for a {kind}: remove it{other}."
    return "there is no such field: remove it, or look for its right name in docs/spec/board-json.md."


def read(path: Path) -> Any:
    """Read a JSON file in which no name stands twice. ToolError says what is wrong with it."""

    def once(pairs: list[tuple[str, Any]]) -> Description:
        names = [name for name, _ in pairs]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"the name {name} stands twice in one part")
        return dict(pairs)

    try:
        return json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=once)
    except OSError as error:
        raise ToolError(f"{path} cannot be read: {error.strerror}.", "Name a board or a board.json.") from None
    except ValueError as error:  # no JSON, or no text
        raise ToolError(f"{path} is no description of a board: {error}.", "Correct that place.") from None
