"""A key file: a key for one lock, to be given to the person who is to use it. JSON, readable by its owner only.

tumbler-key   1
lock          name of the lock where the key was made
lock_id       16 hex digits
slot          0 to 15, or null: the lock's answer to the new key was lost
role, label   as the lock has them
psk           64 hex digits: they are the key
timezone, rule, weekend, policy   of the lock, as the registry has them
limits        22 hex digits: days, hours, start and end as in docs/spec/link.md, "Key entries"; may be missing
"""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tumbler_lock.core.kdf import PSK_SIZE
from tumbler_lock.core.keys import LABEL_MAX, ROLE_NAMES, SLOTS
from tumbler_lock.core.protocol import LOCK_ID_SIZE
from tumbler_lock.core.zone import Zone

from ..answers import KeyEntry
from ..errors import ToolError
from ..text import printable, reason
from .registry import RegistryLock
from .schema import POLICIES

VERSION = 1
LIMITS = 11  # bytes
LARGEST = 10_000  # bytes; a larger file is not a key file
ROLES = {name: role for role, name in ROLE_NAMES.items()}


@dataclass(frozen=True)
class KeyFile:
    """The fields of the file."""

    lock: str
    lock_id: bytes
    slot: int | None
    role: int
    label: str
    psk: bytes = field(repr=False)
    timezone: str
    rule: str
    weekend: int
    policy: str
    limits: bytes | None = None

    @classmethod
    def of(cls, lock: RegistryLock, entry: KeyEntry, psk: bytes, slot: int | None = None) -> "KeyFile":
        """Return one for a key of a lock."""
        zone = (lock.timezone, lock.rule, lock.weekend, lock.policy)
        return cls(lock.name, lock.lock_id, slot, entry.role, entry.label, psk, *zone, entry.limits)

    def text(self) -> str:
        """Return the file's text."""
        data = {
            "tumbler-key": VERSION,
            "lock": self.lock,
            "lock_id": self.lock_id.hex(),
            "slot": self.slot,
            "role": ROLE_NAMES[self.role],
            "label": self.label,
            "psk": self.psk.hex(),
            "timezone": self.timezone,
            "rule": self.rule,
            "weekend": self.weekend,
            "policy": self.policy,
        }
        if self.limits is not None:
            data["limits"] = self.limits.hex()
        return json.dumps(data, indent=2) + "\n"


def create(path: Path, key: KeyFile) -> None:
    """Write a new file, readable by its owner only; ToolError if there is one, or if it cannot be written."""
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(key.text())
    except FileExistsError:
        raise ToolError(f"{path} exists already.", "Name a new file. Nothing was sent to the lock.") from None
    except OSError as error:
        raise ToolError(f"{path} cannot be written: {reason(error)}.", "Name another file.") from error


def complete(path: Path, key: KeyFile) -> None:
    """Write the file of `create` once more, now with the slot."""
    try:
        draft = path.with_name(path.name + ".new")
        draft.unlink(missing_ok=True)
        create(draft, key)
        draft.replace(path)
    except OSError as error:
        raise ToolError(f"{path} cannot be written: {reason(error)}.", "The file can be used as it is.") from error


def load(path: Path) -> KeyFile:
    """Read a key file. ToolError, which names a wrong field and repeats no value, if it is not one."""
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise ToolError(
            f"{path} cannot be read: {reason(error)}.", "Name the key file that the owner of the lock gave you."
        ) from None
    try:
        return _parse(data)
    except _WrongField as wrong:
        what = f"{path} is not a key file: {wrong}."
    except (ValueError, RecursionError):
        what = f"{path} is not a key file."
    raise ToolError(what, "Ask the owner of the lock for it again.")


class _WrongField(Exception):
    """A field that is missing, wrong, or there twice; its text says which."""


def _parse(data: bytes) -> KeyFile:
    """Return what is in the file; _WrongField, or ValueError if it is not JSON of its kind."""
    if len(data) > LARGEST:
        raise ValueError("too large")
    fields = json.loads(data.decode("utf-8"), object_pairs_hook=_once)
    if not isinstance(fields, dict) or "tumbler-key" not in fields:
        raise ValueError("another kind of file")
    values = {}
    for name, (read, words) in _FIELDS.items():
        if name == "limits" and name not in fields:
            continue
        try:
            values[name] = read(fields[name])
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError):
            raise _WrongField(f"'{name}' must be {words}") from None
    del values["tumbler-key"]
    return KeyFile(**values)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object of its fields; _WrongField if one is there twice: readers differ in which one counts."""
    fields: dict[str, Any] = {}
    for name, value in pairs:
        if name in fields:
            raise _WrongField(f"'{printable(name[:20])}' is there twice")
        fields[name] = value
    return fields


def _require(right: bool) -> None:
    if not right:
        raise ValueError


def _text(value: Any) -> str:
    _require(isinstance(value, str) and value.isprintable())
    return str(value)


def _label(value: Any) -> str:
    label = _text(value)
    _require(len(label.encode()) <= LABEL_MAX)
    return label


def _number(least: int, most: int) -> Callable[[Any], int]:
    def read(value: Any) -> int:
        _require(type(value) is int and least <= value <= most)  # True is an int, too
        return int(value)

    return read


def _slot(value: Any) -> int | None:
    return None if value is None else _number(0, SLOTS - 1)(value)


def _bytes(size: int) -> Callable[[Any], bytes]:
    def read(value: Any) -> bytes:
        data = bytes.fromhex(value)
        _require(len(data) == size)
        return data

    return read


def _rule(value: Any) -> str:
    Zone(value)
    return str(value)


def _policy(value: Any) -> str:
    _require(value in POLICIES)
    return str(value)


def _limits(value: Any) -> bytes:
    limits = _bytes(LIMITS)(value)
    _require(limits[0] < 128 and max(limits[1:3]) < 24)
    return limits


# name: how it is read, and what it must be
_FIELDS: dict[str, tuple[Callable[[Any], Any], str]] = {
    "tumbler-key": (_number(VERSION, VERSION), f"{VERSION}"),
    "lock": (_text, "a name"),
    "lock_id": (_bytes(LOCK_ID_SIZE), f"{2 * LOCK_ID_SIZE} hexadecimal digits"),
    "slot": (_slot, f"0 to {SLOTS - 1}, or null"),
    "role": (lambda value: ROLES[value], f"one of {', '.join(ROLES)}"),
    "label": (_label, f"printable text of {LABEL_MAX} bytes at most"),
    "psk": (_bytes(PSK_SIZE), f"{2 * PSK_SIZE} hexadecimal digits"),
    "timezone": (_text, "a time zone"),
    "rule": (_rule, "a POSIX TZ rule"),
    "weekend": (_number(1, 126), "1 to 126"),
    "policy": (_policy, " or ".join(POLICIES)),
    "limits": (_limits, f"{2 * LIMITS} hexadecimal digits: days, hours, start and end"),
}
