"""What a lock reported over the link: its keys, codes and log; and the digits that were added from here.

The log only grows: the lock keeps its last 1,000 events, the registry all that was ever fetched. The digits of a custom
code are stored: no ticket gives them and the lock never reports them; the registry holds secrets anyway. Times are Unix
seconds, a tag is 8 bytes.

The registry keeps the psk of the keys that it uses, and of no other. It drops one when the lock has confirmed that it
removed the key, has refused the key in its pairing, or has a new secret; and with the lock. Nothing else drops one, as
it may be the only copy. Evidence against a key makes it pending, which means that it is tried last:

    made for a pairing ──────────────────► sent ─────it worked──► active ──another key works in its slot──► pending
    made for one with a new secret ──────► renewed ──it worked──► active ──not in the lock's list of keys─► pending
    imported from a file ────────────────► pending ──it worked──► active
"""

import sqlite3
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path

from tumbler_lock.core.events import OPEN, VERDICTS

from ..answers import CodeRecord, LogEvent
from .database import as_tool_errors
from .key_history import Heard, KeyHistory

ACTIVE = "active"  # has worked
SENT = "sent"  # given to the lock in a pairing; its answer was lost, or the key was not tried yet
RENEWED = "anew"  # the same, together with a new secret for the lock; the word is that of the tables
PENDING = "pending"  # may work
_ORDER = (ACTIVE, SENT, PENDING)


@dataclass(frozen=True)
class HeldKey:
    """A key of the lock. slot: None if not known yet; of a pending key it is a claim. psk: None for a key that is not
    ours; limits: as in KeyEntry, None if no key file named them."""

    id: int
    slot: int | None
    role: int
    label: str
    psk: bytes | None = field(repr=False)
    state: str
    created: int
    limits: bytes | None = None


@dataclass(frozen=True)
class Known:
    """A code of the lock's book. seen: when the lock reported it."""

    record: CodeRecord
    seen: int


@dataclass(frozen=True)
class Chosen:
    """Digits that were added from here, and that the lock has confirmed."""

    tag: bytes
    digits: str = field(repr=False)
    label: str
    created: int


@dataclass(frozen=True)
class Asked:
    """A custom code that was sent and whose reply was lost. random: generated here, not typed by the owner."""

    digits: str = field(repr=False)
    label: str
    start: int
    end: int
    random: bool


class LockCache:
    """What is kept of one lock. Every method raises ToolError if the file cannot be used."""

    def __init__(
        self, db: sqlite3.Connection, writing: Callable[[], AbstractContextManager[None]], path: Path, lock: int
    ):
        self._db = db
        self._writing = writing
        self._path = path
        self._lock = lock

    # Keys

    def all_keys(self) -> list[HeldKey]:
        """Return every key that is known, by slot, those without one last."""
        with as_tool_errors(self._path):
            query = (
                "SELECT id, slot, role, label, psk, state, created, limits FROM keys"
                " WHERE lock = ? ORDER BY slot IS NULL, slot"
            )
            return [HeldKey(*row) for row in self._db.execute(query, (self._lock,))]

    def usable_keys(self) -> list[HeldKey]:
        """Return the keys that can be used from here: those that worked first; of these by rights, then the newest."""
        own = [key for key in self.all_keys() if key.psk is not None and key.state != RENEWED]
        return sorted(own, key=lambda key: (_ORDER.index(key.state), key.role, -key.created))

    def sent_keys(self, state: str) -> list[HeldKey]:
        """Return the keys that a lock may have received in a pairing, newest first. state: SENT or RENEWED."""
        return sorted((key for key in self.all_keys() if key.state == state), key=lambda key: -key.id)

    def hold_pending(
        self,
        role: int,
        label: str,
        psk: bytes,
        now: int,
        slot: int | None = None,
        state: str = PENDING,
        limits: bytes | None = None,
    ) -> HeldKey:
        """Store a key that may work, SENT or RENEWED before it is sent; return it, or the same key stored before."""
        with self._writing():
            held = next((key for key in self.all_keys() if key.psk == psk), None)
            if held is not None:
                return held
            key_id = self._insert(slot, role, label, psk, state, now, limits)
        return HeldKey(key_id, slot, role, label, psk, state, now, limits)

    def hold(self, slot: int, role: int, label: str, psk: bytes, now: int) -> None:
        """Store a key that has just worked in this slot. Another one that is stored for the slot becomes pending."""
        with self._writing():
            limits = next((key.limits for key in self.all_keys() if key.psk == psk), None)
            self._db.execute("DELETE FROM keys WHERE lock = ? AND psk = ?", (self._lock, psk))
            self._retire(slot)
            self._insert(slot, role, label, psk, ACTIVE, now, limits)

    def locate(self, key: HeldKey, slot: int) -> HeldKey:
        """Store the slot that the lock gave to a key."""
        with self._writing():
            self._db.execute("UPDATE keys SET slot = ? WHERE id = ?", (slot, key.id))
        return replace(key, slot=slot)

    def drop_sent(self, key: HeldKey) -> None:
        """Delete a key that the lock has refused in the pairing that it was made for."""
        with self._writing():
            self._db.execute("DELETE FROM keys WHERE id = ? AND state IN (?, ?)", (key.id, SENT, RENEWED))

    def note_key(self, slot: int, role: int, label: str, now: int) -> None:
        """Store role and label of the key that the lock has in this slot; a psk that we have stays."""
        with self._writing():
            self._note(slot, role, label, now)

    def forget_key(self, slot: int) -> None:
        """Delete the key of a slot, which the lock has removed."""
        with self._writing():
            self._db.execute("DELETE FROM keys WHERE lock = ? AND slot = ? AND state <> ?", (self._lock, slot, RENEWED))

    def hear(self, seq: int, keys: Iterable[tuple[int, int, str]]) -> None:
        """Store that the lock reported (slot, role, label) of some keys when its newest event was `seq`."""
        with self._writing():
            for slot, role, label in keys:
                newest = self._db.execute(
                    "SELECT first, last, role, label FROM heard WHERE lock = ? AND slot = ? "
                    " ORDER BY first DESC LIMIT 1",
                    (self._lock, slot),
                ).fetchone()
                if newest is not None and newest[2:] == (role, label):
                    self._db.execute(
                        "UPDATE heard SET last = ? WHERE lock = ? AND slot = ? AND first = ?",
                        (max(seq, newest[1]), self._lock, slot, newest[0]),
                    )
                else:
                    self._db.execute(
                        "INSERT OR REPLACE INTO heard (lock, slot, first, last, role, label) VALUES (?, ?, ?, ?, ?, ?)",
                        (self._lock, slot, seq, seq, role, label),
                    )

    def key_history(self) -> KeyHistory:
        """Return which key had which slot when, as far as log and lists show."""
        with as_tool_errors(self._path):
            query = "SELECT slot, first, last, role, label FROM heard WHERE lock = ? ORDER BY slot, first"
            heard = [Heard(*row) for row in self._db.execute(query, (self._lock,))]
        return KeyHistory(self.events(), heard)

    def replace_keys(self, listed: Iterable[tuple[int, int, str]], now: int) -> None:
        """Replace what is known by the lock's whole list of (slot, role, label)."""
        with self._writing():
            slots = set()
            for slot, role, label in listed:
                slots.add(slot)
                self._note(slot, role, label, now)
            for key in self.all_keys():
                if key.state == ACTIVE and key.slot is not None and key.slot not in slots:
                    self._retire(key.slot)

    def _note(self, slot: int, role: int, label: str, now: int) -> None:
        changed = self._db.execute(
            "UPDATE keys SET role = ?, label = ? WHERE lock = ? AND slot = ? AND state = ?",
            (role, label, self._lock, slot, ACTIVE),
        )
        if not changed.rowcount:
            self._insert(slot, role, label, None, ACTIVE, now)

    def _retire(self, slot: int) -> None:
        """Leave a slot without an active key; one with a psk becomes pending."""
        active = (self._lock, slot, ACTIVE)
        self._db.execute("DELETE FROM keys WHERE lock = ? AND slot = ? AND state = ? AND psk IS NULL", active)
        self._db.execute(
            "UPDATE keys SET state = ? WHERE lock = ? AND slot = ? AND state = ?",
            (PENDING, *active),
        )

    def _insert(
        self,
        slot: int | None,
        role: int,
        label: str,
        psk: bytes | None,
        state: str,
        now: int,
        limits: bytes | None = None,
    ) -> int:
        cursor = self._db.execute(
            "INSERT INTO keys (lock, slot, role, label, psk, state, created, limits) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (self._lock, slot, role, label, psk, state, now, limits),
        )
        return int(cursor.lastrowid or 0)

    # Codes

    def known(self) -> list[Known]:
        """Return the codes of the lock's last list, with the changes made from here since."""
        with as_tool_errors(self._path):
            query = "SELECT tag, details, seen FROM known WHERE lock = ? ORDER BY tag"
            return [
                Known(CodeRecord(tag, details), seen) for tag, details, seen in self._db.execute(query, (self._lock,))
            ]

    def replace_known(self, listed: Iterable[CodeRecord], now: int) -> None:
        """Replace what is known by the lock's whole list."""
        with self._writing():
            self._db.execute("DELETE FROM known WHERE lock = ?", (self._lock,))
            self._db.executemany(
                "INSERT OR REPLACE INTO known (lock, tag, details, seen) VALUES (?, ?, ?, ?)",
                [(self._lock, record.tag, record.details, now) for record in listed],
            )

    def note_known(self, record: CodeRecord, now: int) -> None:
        """Store one code as a command from here has made it."""
        with self._writing():
            self._db.execute(
                "INSERT OR REPLACE INTO known (lock, tag, details, seen) VALUES (?, ?, ?, ?)",
                (self._lock, record.tag, record.details, now),
            )

    def chosen(self) -> list[Chosen]:
        """Return the digits that were added from here, oldest first; deleted ones too, so that the log has labels."""
        with as_tool_errors(self._path):
            query = "SELECT tag, digits, label, created FROM chosen WHERE lock = ? ORDER BY created, digits"
            return [Chosen(*row) for row in self._db.execute(query, (self._lock,))]

    def choose(self, tag: bytes, digits: str, label: str, now: int) -> None:
        """Store digits that the lock has confirmed."""
        with self._writing():
            self._db.execute(
                "INSERT OR REPLACE INTO chosen (lock, tag, digits, label, created) VALUES (?, ?, ?, ?, ?)",
                (self._lock, tag, digits, label, now),
            )
            self._db.execute("DELETE FROM asked WHERE lock = ? AND digits = ?", (self._lock, digits))

    def asked(self) -> list[Asked]:
        """Return the digits that were sent and whose reply was lost."""
        with as_tool_errors(self._path):
            query = "SELECT digits, label, start, end, random FROM asked WHERE lock = ? ORDER BY digits"
            rows = self._db.execute(query, (self._lock,))
            return [Asked(digits, label, start, end, bool(random)) for digits, label, start, end, random in rows]

    def ask(self, asked: Asked) -> None:
        """Store digits before they are sent to the lock."""
        with self._writing():
            self._db.execute(
                "INSERT OR REPLACE INTO asked (lock, digits, label, start, end, random) VALUES (?, ?, ?, ?, ?, ?)",
                (self._lock, asked.digits, asked.label, asked.start, asked.end, int(asked.random)),
            )

    def drop_asked(self, digits: str) -> None:
        """Delete digits that the lock did not accept."""
        with self._writing():
            self._db.execute("DELETE FROM asked WHERE lock = ? AND digits = ?", (self._lock, digits))

    # Log

    def add_events(self, events: Iterable[LogEvent]) -> None:
        """Store events of the lock's log; those that are there already stay as they are."""
        with self._writing():
            self._db.executemany(
                "INSERT OR IGNORE INTO events (lock, seq, time, event, reason, flags, kind, code, argument)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    (self._lock, e.seq, e.time, e.event, e.reason, e.flags, e.kind, e.code, e.argument)
                    for e in events
                ],
            )  # fmt: skip

    def events(self, after: int = 0) -> list[LogEvent]:
        """Return the events stored after this sequence number, oldest first."""
        with as_tool_errors(self._path):
            query = (
                "SELECT seq, time, event, reason, flags, kind, code, argument FROM events"
                " WHERE lock = ? AND seq > ? ORDER BY seq"
            )
            return [LogEvent(*row) for row in self._db.execute(query, (self._lock, after))]

    def last_seq(self) -> int:
        """Return the sequence number of the newest event stored, 0 if the log is empty."""
        with as_tool_errors(self._path):
            query = "SELECT max(seq) FROM events WHERE lock = ?"
            return int(self._db.execute(query, (self._lock,)).fetchone()[0] or 0)

    def first_uses(self) -> dict[str, int]:
        """Return short id -> time of the first opening, as far back as the stored log goes."""
        with as_tool_errors(self._path):
            query = "SELECT code, min(time) FROM events WHERE lock = ? AND event = ? GROUP BY code"
            rows = self._db.execute(query, (self._lock, VERDICTS.index(OPEN)))
            return {bytes(code).hex(): int(at) for code, at in rows if any(code)}

    @property
    def set_up(self) -> bool:
        """Whether a key ever worked at this lock. A lock without a secret is then another one, or was reset."""
        return bool(self.last_seq()) or any(key.state == ACTIVE for key in self.all_keys())
