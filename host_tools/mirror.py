"""What a lock told over the link, as the registry keeps it: its keys, its codes, its log, and digits chosen from here.

The log only grows: the lock keeps its last 1,000 events, the registry all it ever fetched. The digits of a custom code
are stored, as no ticket gives them and the lock never tells them; the registry holds secrets anyway. A psk is kept for
the keys that are used from here, and for no other. Times are Unix seconds, a tag is 8 bytes.
"""

import sqlite3
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

from firmware.core.events import OPEN, VERDICTS

from .link.results import CodeRecord, LogEvent
from .registry_file import told

PENDING = "pending"  # sent to the lock, which has not confirmed it
ACTIVE = "active"


@dataclass(frozen=True)
class HeldKey:
    """A key of the lock. slot None: not known yet; psk None: somebody else's."""

    id: int
    slot: int | None
    role: int
    label: str
    psk: bytes | None = field(repr=False)
    state: str
    created: int


@dataclass(frozen=True)
class Known:
    """A code of the lock's book. seen: when the lock told it."""

    record: CodeRecord
    seen: int


@dataclass(frozen=True)
class Chosen:
    """Digits that somebody chose from here."""

    tag: bytes
    digits: str = field(repr=False)
    label: str
    created: int


class Mirror:
    """What is kept of one lock. Every method raises ToolError with a sentence for the owner."""

    def __init__(
        self, db: sqlite3.Connection, writing: Callable[[], AbstractContextManager[None]], path: Path, lock: int
    ):
        self._db = db
        self._writing = writing
        self._path = path
        self._lock = lock

    # Keys

    def all_keys(self) -> list[HeldKey]:
        """Every key that is known, by slot, those without one last."""
        with told(self._path):
            query = (
                "SELECT id, slot, role, label, psk, state, created FROM keys WHERE lock = ? ORDER BY slot IS NULL, slot"
            )
            return [HeldKey(*row) for row in self._db.execute(query, (self._lock,))]

    def usable_keys(self) -> list[HeldKey]:
        """The keys that can be used from here: confirmed ones first, then those that may do most."""
        own = [key for key in self.all_keys() if key.psk is not None]
        return sorted(own, key=lambda key: (key.state != ACTIVE, key.role, -key.created))

    def hold_pending(self, role: int, label: str, psk: bytes, now: int) -> HeldKey:
        """Remember a key that is about to be sent to the lock; it takes the place of one that was never confirmed."""
        with self._writing():
            self._db.execute("DELETE FROM keys WHERE lock = ? AND state = ?", (self._lock, PENDING))
            key_id = self._insert(None, role, label, psk, PENDING, now)
        return HeldKey(key_id, None, role, label, psk, PENDING, now)

    def hold(self, slot: int, role: int, label: str, psk: bytes, now: int) -> None:
        """Remember a key that the lock has in this slot, and that is used from here."""
        with self._writing():
            self._db.execute("DELETE FROM keys WHERE lock = ? AND (slot = ? OR psk = ?)", (self._lock, slot, psk))
            self._insert(slot, role, label, psk, ACTIVE, now)

    def note_key(self, slot: int, role: int, label: str, now: int) -> None:
        """Remember a key that the lock has in this slot; whether it is used from here stays."""
        with self._writing():
            self._note(slot, role, label, now)

    def forget_key(self, slot: int) -> None:
        """Forget the key of a slot that was removed."""
        with self._writing():
            self._db.execute("DELETE FROM keys WHERE lock = ? AND slot = ?", (self._lock, slot))

    def replace_keys(self, listed: Iterable[tuple[int, int, str]], now: int) -> None:
        """Take over the lock's whole list of (slot, role, label)."""
        with self._writing():
            slots = set()
            for slot, role, label in listed:
                slots.add(slot)
                self._note(slot, role, label, now)
            for key in self.all_keys():
                if key.slot is not None and key.slot not in slots:
                    self._db.execute("DELETE FROM keys WHERE id = ?", (key.id,))

    def _note(self, slot: int, role: int, label: str, now: int) -> None:
        changed = self._db.execute(
            "UPDATE keys SET role = ?, label = ? WHERE lock = ? AND slot = ?", (role, label, self._lock, slot)
        )
        if not changed.rowcount:
            self._insert(slot, role, label, None, ACTIVE, now)

    def _insert(self, slot: int | None, role: int, label: str, psk: bytes | None, state: str, now: int) -> int:
        cursor = self._db.execute(
            "INSERT INTO keys (lock, slot, role, label, psk, state, created) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (self._lock, slot, role, label, psk, state, now),
        )
        return int(cursor.lastrowid or 0)

    # Codes

    def known(self) -> list[Known]:
        """The codes of the lock's last list, and of the changes made from here since."""
        with told(self._path):
            query = "SELECT tag, details, seen FROM known WHERE lock = ? ORDER BY tag"
            return [
                Known(CodeRecord(tag, details), seen) for tag, details, seen in self._db.execute(query, (self._lock,))
            ]

    def replace_known(self, listed: Iterable[CodeRecord], now: int) -> None:
        """Take over the lock's whole list."""
        with self._writing():
            self._db.execute("DELETE FROM known WHERE lock = ?", (self._lock,))
            self._db.executemany(
                "INSERT OR REPLACE INTO known (lock, tag, details, seen) VALUES (?, ?, ?, ?)",
                [(self._lock, record.tag, record.details, now) for record in listed],
            )

    def note_known(self, record: CodeRecord, now: int) -> None:
        """Remember one code as the lock has it since a command from here."""
        with self._writing():
            self._db.execute(
                "INSERT OR REPLACE INTO known (lock, tag, details, seen) VALUES (?, ?, ?, ?)",
                (self._lock, record.tag, record.details, now),
            )

    def chosen(self) -> list[Chosen]:
        """Digits that were put in from here, the oldest first; codes that are gone stay, so that the log has names."""
        with told(self._path):
            query = "SELECT tag, digits, label, created FROM chosen WHERE lock = ? ORDER BY created, digits"
            return [Chosen(*row) for row in self._db.execute(query, (self._lock,))]

    def choose(self, tag: bytes, digits: str, label: str, now: int) -> None:
        """Remember digits that the lock took."""
        with self._writing():
            self._db.execute(
                "INSERT OR REPLACE INTO chosen (lock, tag, digits, label, created) VALUES (?, ?, ?, ?, ?)",
                (self._lock, tag, digits, label, now),
            )

    # Log

    def add_events(self, events: Iterable[LogEvent]) -> None:
        """Keep what the lock told of its log; what is there already stays."""
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
        """The events kept, from the one after this sequence number, the oldest first."""
        with told(self._path):
            query = (
                "SELECT seq, time, event, reason, flags, kind, code, argument FROM events"
                " WHERE lock = ? AND seq > ? ORDER BY seq"
            )
            return [LogEvent(*row) for row in self._db.execute(query, (self._lock, after))]

    def last_seq(self) -> int:
        """The sequence number of the newest event kept, 0 without any."""
        with told(self._path):
            query = "SELECT max(seq) FROM events WHERE lock = ?"
            return int(self._db.execute(query, (self._lock,)).fetchone()[0] or 0)

    def first_uses(self) -> dict[str, int]:
        """Short id -> when it first opened, as far as the log kept here goes back."""
        with told(self._path):
            query = "SELECT code, min(time) FROM events WHERE lock = ? AND event = ? GROUP BY code"
            rows = self._db.execute(query, (self._lock, VERDICTS.index(OPEN)))
            return {bytes(code).hex(): int(at) for code, at in rows if any(code)}

    @property
    def set_up(self) -> bool:
        """Whether the lock was ever met with a key that works, so that a blank one is another, or was reset."""
        return bool(self.last_seq()) or any(key.state == ACTIVE for key in self.all_keys())
