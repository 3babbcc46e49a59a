"""How a lock looks: in the registry and in range; its status, log, codes, keys and settings."""

from collections.abc import Sequence

from tumbler_lock.core import codebook
from tumbler_lock.core.event_names import event_name
from tumbler_lock.core.events import (
    BATTERY,
    FAULT,
    KEY_ADDED,
    KEY_REMOVED,
    PASSAGE,
    REASONS,
    STALLED,
    UNLOCKED,
    UPDATED,
    VERDICTS,
)
from tumbler_lock.core.keys import ROLE_NAMES, SLOTS
from tumbler_lock.core.passcode import EARLY
from tumbler_lock.core.records import RESTARTED, UNTRUSTED
from tumbler_lock.core.tickets import CYCLE_NAMES, RECURRING, kind_name
from tumbler_lock.core.zone import Zone

from ..answers import CodeRecord, KeyEntry, LogEvent, Status
from ..codes.issue import IssuedCode, describe, state
from ..link.transport import Sighting
from ..registry.key_history import KeyHistory
from ..registry.lock_cache import LockCache
from ..registry.registry import IssuedRow, RegistryLock
from ..timezones import format_time
from .output import WEEKDAYS, Data
from .output_code import code_data

STATES = ("fresh", "active", "used", "revoked")
ARGUMENTS = {STALLED: ("", "unlocking", "locking"), BATTERY: ("good", "low", "critical")}  # words for an argument


def lock_data(lock: RegistryLock, codes: int) -> Data:
    """Return everything about a lock of the registry but its secret. codes: how many were issued in its epoch."""
    return {
        "lock": lock.name,
        "timezone": lock.timezone,
        "rule": lock.rule,
        "weekend": day_names(lock.weekend),
        "policy": lock.policy,
        "epoch": lock.epoch,
        "erase_pending": lock.erase_pending,
        "issued_codes": codes,
        "fingerprint": lock.fingerprint,
        "lock_id": lock.lock_id.hex(),
        "secret_here": lock.secret is not None,
        "added": format_time(lock.created, Zone(lock.rule)),
    }


def sighting_data(one: Sighting, locks: list[RegistryLock]) -> Data:
    """Return a lock that was seen, for JSON; `lock` is its name in the registry."""
    name = next((lock.name for lock in locks if lock.lock_id == one.lock_id), None)
    return {
        "lock": name,
        "state": "new" if one.is_new else "yours" if name else "other",
        "bluetooth_name": one.name,
        "lock_id": one.lock_id.hex() if one.lock_id and not one.is_new else None,
        "signal": one.rssi,
        "address": one.address,
        "transport": one.transport,
    }


def status_data(lock: RegistryLock, status: Status, now: int) -> Data:
    """Return the state of a lock, for JSON. clock_off: seconds by which its clock is ahead of this computer's."""
    return {
        "lock": lock.name,
        "lock_id": status.lock_id.hex(),
        "firmware": ".".join(map(str, status.firmware)),
        "bolt": "open" if status.open else "locked",
        "battery": status.battery,
        "time": format_time(status.time, Zone(lock.rule)),
        "time_trusted": status.trusted,
        "clock_off": status.time - now,
        "guesses_left": status.guesses,
        "locked_out": status.locked_out,
        "flash_in_doubt": status.in_doubt,
        "epoch": status.epoch,
        "stored_codes": status.codes,
        "code_capacity": status.capacity,
        "log_oldest": status.oldest,
        "log_newest": status.newest,
        "key_slot": status.slot,
        "key_role": role_name(status.role),
        "key_label": status.label,
    }


def role_name(role: int) -> str:
    """Return the word for a role, its number if this version does not know it."""
    return ROLE_NAMES.get(role, f"role-{role}")


# Codes


def list_data(lock: RegistryLock, issued: list[IssuedCode], cache: LockCache, now: int) -> list[Data]:
    """Return the codes issued here, then others that the lock reported, each with what the lock knows of it."""
    known = {one.record.short_id: one for one in cache.known()}
    chosen = {one.tag[:4].hex(): one for one in cache.chosen()}
    uses = cache.first_uses()
    rows = []
    for code in issued:
        row = {**code_data(lock, code), "state": state(lock, code, now)}
        record = known.pop(code.short_id, None) if code.row.epoch == lock.epoch else None
        rows.append(_with_memory(lock, row, record.record if record else None, uses, now))
    for short_id, one in known.items():
        digits = chosen.pop(short_id, None)
        row = {
            **dict.fromkeys(("digits", "kind", "start", "end", "first_use_until", "ticket", "hour"), None),
            "digits": digits.digits if digits else None,
            "length": one.record.code.length,
            "lock": lock.name,
            "epoch": lock.epoch,
            "id": short_id,
            "label": digits.label if digits else "",
            "state": "",
        }
        rows.append(_with_memory(lock, row, one.record, uses, now))
    for asked in cache.asked():
        row = {
            **dict.fromkeys(("kind", "start", "end", "first_use_until", "ticket", "hour", "id"), None),
            "digits": asked.digits,
            "length": len(asked.digits),
            "lock": lock.name,
            "epoch": lock.epoch,
            "label": asked.label,
            "state": "unconfirmed",
        }
        rows.append(_with_memory(lock, row, None, {}, now))
    return rows


def _with_memory(lock: RegistryLock, row: Data, record: CodeRecord | None, uses: dict[str, int], now: int) -> Data:
    """Add to a code what the lock remembers of it, which takes precedence over its digits."""
    zone = Zone(lock.rule)
    used = uses.get(row["id"])
    row["first_use"] = None if used is None else format_time(used, zone)
    row["lock_state"] = None
    if record is None:
        return row
    code = record.code
    row["lock_state"] = STATES[code.state]
    row["kind"] = kind_name(code.kind)
    row["start"] = format_time(code.start, zone) if code.start else None
    row["end"] = None if code.end == codebook.NEVER else format_time(code.end, zone)
    if code.kind == RECURRING:
        row["cycle"], row["until_hour"] = CYCLE_NAMES[code.cycle], code.until
    if code.state in (codebook.USED, codebook.REVOKED):
        row["state"] = STATES[code.state]
    elif now >= code.end:
        row["state"] = "over"
    elif now < code.start - EARLY:
        row["state"] = "upcoming"
    elif code.state == codebook.ACTIVE:
        row["state"] = "active"
    elif not row["state"]:
        row["state"] = "usable"
    return row


# Log


def event_data(lock: RegistryLock, event: LogEvent, history: KeyHistory, labels: dict[str, str]) -> Data:
    """Return an event, for JSON.

    history: which key had which slot then; labels: short id of a code -> the owner's label.
    """
    data: Data = {
        "seq": event.seq,
        "time": format_time(event.time, Zone(lock.rule)),
        "time_trusted": not event.flags & UNTRUSTED,
        "after_start": bool(event.flags & RESTARTED),
        "event": event_name(event.event),
        "reason": None,
        "by": None,
        "key_slot": None,
        "kind": kind_name(event.kind),
        "id": event.code.hex() if any(event.code) else None,
        "label": None,
        "argument": event.argument if event.event == FAULT else None,
    }
    if event.event < len(VERDICTS) or event.event == PASSAGE:
        data["reason"] = REASONS[event.reason] if event.reason < len(REASONS) else None
    elif event.event in ARGUMENTS:
        words = ARGUMENTS[event.event]
        data["reason"] = words[event.argument] if event.argument < len(words) else None
    else:
        slot = event.reason - 1
        if 0 <= slot < SLOTS:
            data["key_slot"] = slot
            data["by"] = history.label(slot, event.seq) or f"key {slot}"
    if event.event in (KEY_ADDED, KEY_REMOVED):
        slot, role = event.code[0], event.code[1]
        data["kind"], data["id"] = role_name(role), f"key {slot}"
        data["label"] = history.label(slot, event.seq) if slot < SLOTS else None
    elif event.event == UPDATED:
        data["id"] = ".".join(str(part) for part in event.code[:3])  # the version
    elif data["id"] is not None:
        data["label"] = labels.get(data["id"])
    if event.event == UNLOCKED:
        data["id"] = None
    return data


def labels(issued: list[IssuedCode], cache: LockCache) -> dict[str, str]:
    """Return short id of a code -> the owner's label."""
    found = {code.short_id: code.row.label for code in issued if code.row.label}
    return found | {one.tag[:4].hex(): one.label for one in cache.chosen() if one.label}


def issued_codes(lock: RegistryLock, rows: Sequence[IssuedRow]) -> list[IssuedCode]:
    """Return issued codes with their digits; none for a lock whose secret is not here."""
    return [] if lock.secret is None else [describe(lock, row) for row in rows]


# Keys and settings


def key_data(lock: RegistryLock, key: KeyEntry, *, here: bool) -> Data:
    """Return a key without its psk, for JSON. here: this registry can use it."""
    zone = Zone(lock.rule)
    return {
        "key_slot": key.slot,
        "key_role": role_name(key.role),
        "key_label": key.label,
        "key_days": day_names(key.days) if key.days else None,
        "key_from": key.begin if key.days else None,
        "key_until": key.until if key.days else None,
        "key_start": format_time(key.start, zone) if key.start else None,
        "key_end": None if key.end == codebook.NEVER else format_time(key.end, zone),
        "here": here,
    }


def passage(hours: tuple[int, int, int]) -> str | None:
    """Write passage hours as the command takes them; None without such hours."""
    days, begin, until = hours
    return f"{day_ranges(days)} {begin}-{until}" if days else None


def day_names(mask: int) -> str:
    """Write a bit mask of weekdays as `sat,sun`."""
    return ",".join(day for bit, day in enumerate(WEEKDAYS) if mask >> bit & 1)


def day_ranges(mask: int) -> str:
    """Write a bit mask of weekdays as `mon-fri,sun`."""
    parts = []
    day = 0
    while day < 7:
        if mask >> day & 1:
            last = day
            while last < 6 and mask >> last + 1 & 1:
                last += 1
            parts.append(WEEKDAYS[day] if last == day else f"{WEEKDAYS[day]}-{WEEKDAYS[last]}")
            day = last
        day += 1
    return ",".join(parts)
