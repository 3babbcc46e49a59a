"""A key file: a key for one lock, to be given to the person who shall use it. JSON, readable by its owner alone.

tumbler-key   1
lock          name of the lock where the key was made
lock_id       16 hex digits
slot          0 to 15, or null: the lock was not heard any more when the key was sent
role, label   as the lock has them
psk           64 hex digits: whoever has them can use the key
timezone, rule, weekend, policy   of the lock, as the registry has them
limits        22 hex digits: days, hours, start and end as in docs/spec/link.md, "Key entries"; may be missing
"""

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tumbler_lock.core.keys import LABEL_MAX, PSK_SIZE, ROLE_NAMES, SLOTS
from tumbler_lock.core.prologue import LOCK_ID
from tumbler_lock.core.zone import Zone

from ..answers import KeyEntry
from ..errors import ToolError
from .registry import RegistryLock

VERSION = 1
LIMITS = 11  # bytes
LARGEST = 10_000  # bytes of a file that can be one


@dataclass(frozen=True)
class KeyFile:
    """What is in the file."""

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
        """Make one for a key of a lock."""
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
    """Write a new file, readable by its owner alone; ToolError when there is one, or it cannot be written."""
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(key.text())
    except FileExistsError:
        raise ToolError(f"{path} is there already.", "Name a file that is not; nothing was sent to the lock.") from None
    except OSError as error:
        raise ToolError(f"{path} cannot be written: {error.strerror}.", "Name another file.") from error


def complete(path: Path, key: KeyFile) -> None:
    """Write the file of `create` over, now that the slot is known."""
    try:
        draft = path.with_name(path.name + ".new")
        draft.unlink(missing_ok=True)
        create(draft, key)
        draft.replace(path)
    except OSError as error:
        raise ToolError(f"{path} cannot be written: {error.strerror}.", "The file can be used as it is.") from error


def load(path: Path) -> KeyFile:
    """Read a key file; ToolError, which repeats nothing of it, for one that is none."""
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
        if len(data) > LARGEST:
            raise ValueError("too large")
        return _parse(json.loads(data.decode("utf-8"), object_pairs_hook=_once))
    except OSError as error:
        raise ToolError(
            f"{path} cannot be read: {error.strerror}.", "Name a key file: tumbler key add --help"
        ) from None
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        raise ToolError(f"{path} is no key file.", "Ask for it again: tumbler key add --help") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make an object of its fields; ValueError for one that is there twice: readers differ in which one counts."""
    if len({name for name, _ in pairs}) != len(pairs):
        raise ValueError("a field is there twice")
    return dict(pairs)


def _parse(data: Any) -> KeyFile:
    if type(data["tumbler-key"]) is not int or data["tumbler-key"] != VERSION:
        raise ValueError("another version")
    roles = {name: number for number, name in ROLE_NAMES.items()}
    key = KeyFile(
        lock=data["lock"],
        lock_id=bytes.fromhex(data["lock_id"]),
        slot=data["slot"],
        role=roles[data["role"]],
        label=data["label"],
        psk=bytes.fromhex(data["psk"]),
        timezone=data["timezone"],
        rule=data["rule"],
        weekend=data["weekend"],
        policy=data["policy"],
        limits=bytes.fromhex(data["limits"]) if "limits" in data else None,
    )
    Zone(key.rule)
    sound = (
        len(key.lock_id) == LOCK_ID
        and len(key.psk) == PSK_SIZE
        and (key.slot is None or (type(key.slot) is int and 0 <= key.slot < SLOTS))
        and all(isinstance(text, str) and text.isprintable() for text in (key.lock, key.label, key.timezone))
        and len(key.label.encode()) <= LABEL_MAX
        and type(key.weekend) is int
        and 0 < key.weekend < 127
        and key.policy in ("standard", "strict")
        and (key.limits is None or (len(key.limits) == LIMITS and key.limits[0] < 128 and max(key.limits[1:3]) < 24))
    )
    if not sound:
        raise ValueError("out of range")
    return key
