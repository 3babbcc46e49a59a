"""The owner's registry: one SQLite file with every lock, its secret, and which codes were issued for it.

The digits of a code are not stored. A row holds (epoch, hour, ticket, length), from which the secret gives the digits
again. A unique index on those four and the lock makes it impossible to issue one code twice, also for two commands at
once. Code that chooses one runs inside `Registry.writing()`, which holds SQLite's write lock.

A lock that is paired again after a reset has two secrets until the new one has worked: its own, and the new one. The
registry drops nothing of the old before.

The lock of another owner is in the registry without its secret, by its lock id. lock_cache.py has what a lock reported
over the link, database.py the file itself. Times are Unix seconds; `hour` is as in docs/spec/passcodes.md; `weekend` is
a bit mask of weekdays, Monday bit 0.
"""

import difflib
import hashlib
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tumbler_lock.core.protocol import lock_id as lock_id_of
from tumbler_lock.core.zone import Zone

from ..errors import ToolError
from ..text import command_line
from .database import FILE, as_tool_errors, damaged, home, open_file
from .lock_cache import RENEWED, SENT, LockCache

__all__ = ["LAST_EPOCH", "IssuedRow", "Registry", "RegistryLock", "fingerprint", "home", "lock_id_of"]

LAST_EPOCH = 65535


@dataclass(frozen=True)
class RegistryLock:
    """One lock as the registry knows it; its secrets never show in a repr.

    secret: None if the registry does not have it; new_secret: the secret it gets in a re-pairing, None if no re-pairing
    is pending.
    """

    id: int
    name: str
    timezone: str
    rule: str
    weekend: int
    policy: str
    secret: bytes | None = field(repr=False)
    lock_id: bytes
    new_secret: bytes | None = field(repr=False)
    epoch: int
    erase_pending: bool
    created: int

    @property
    def with_new_secret(self) -> "RegistryLock | None":
        """This lock with its pending new secret in place; None if no re-pairing is pending."""
        if self.new_secret is None:
            return None
        lock_id = lock_id_of(self.new_secret)
        return replace(self, secret=self.new_secret, lock_id=lock_id, epoch=0, erase_pending=False)

    @property
    def uses_new_secret(self) -> bool:
        """Whether the pending new secret is in place here."""
        return self.new_secret is not None and self.secret == self.new_secret

    @property
    def required_secret(self) -> bytes:
        """The root secret; ToolError if the registry does not have it."""
        if self.secret is None:
            raise ToolError(
                f"The registry has a key for '{self.name}', but not its secret.",
                f"Only its owner can do this. What your key may do: {command_line('lock show', self.name)}",
            )
        return self.secret

    @property
    def fingerprint(self) -> str:
        """Eight hex digits that differ for different secrets and reveal nothing of them."""
        return fingerprint(self.lock_id if self.secret is None else self.secret)


@dataclass(frozen=True)
class IssuedRow:
    """One row of the table of issued codes: what the digits are made of, and the owner's label."""

    id: int
    epoch: int
    hour: int
    ticket: int
    length: int
    label: str
    issued: int


def fingerprint(secret: bytes) -> str:
    """Return the first 32 bits of a labelled SHA-256 of the secret, in hex."""
    return hashlib.sha256(b"tumbler registry fingerprint 1" + secret).hexdigest()[:8]


class Registry:
    """The open registry. Use as a context manager; `Registry.open()` makes the file on first use.

    Every method raises ToolError if the file cannot be used.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path):
        self._db = connection
        self.path = path

    @classmethod
    def open(cls, folder: Path | None = None) -> "Registry":
        """Open the registry in `folder` (default: home()), or make a new one where there is no file."""
        path = (folder or home()) / FILE
        return cls(open_file(path), path)

    def __enter__(self) -> "Registry":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the write lock; what is written inside is kept as a whole, or not at all."""
        with as_tool_errors(self.path):
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):  # a full disk rolls back by itself
                    self._db.execute("ROLLBACK")
                raise

    # Locks

    def locks(self) -> list[RegistryLock]:
        """Return every lock, by name."""
        with as_tool_errors(self.path):
            rows = self._db.execute(f"SELECT {_LOCK} FROM locks ORDER BY name").fetchall()  # noqa: S608
            return [self._lock(row) for row in rows]

    def find(self, name: str) -> RegistryLock | None:
        """Return the lock of that name (letter case does not matter), None if it does not exist."""
        return next((lock for lock in self.locks() if lock.name.casefold() == name.casefold()), None)

    def lock(self, name: str) -> RegistryLock:
        """Return the lock of that name; ToolError, which names similar ones, if it does not exist."""
        if (found := self.find(name)) is not None:
            return found
        names = [lock.name for lock in self.locks()]
        if not names:
            raise ToolError(
                f"There is no lock '{name}': the registry is empty.",
                f"Add it (tumbler lock add --help), or pair it over Bluetooth: {command_line('pair', name)}",
            )
        folded = {known.casefold(): known for known in names}
        close = difflib.get_close_matches(name.casefold(), folded, n=3, cutoff=0.6)
        if close:
            meant = " or ".join(f"'{folded[known]}'" for known in close)
            raise ToolError(f"There is no lock '{name}'.", f"Did you mean {meant}?")
        raise ToolError(f"There is no lock '{name}'.", "See all of them: tumbler lock list")

    def lock_of(self, lock_id: bytes) -> RegistryLock | None:
        """Return the first lock with this id, None if no lock has it."""
        return next((lock for lock in self.locks() if lock.lock_id == lock_id), None)

    def add(
        self, name: str, timezone: str, rule: str, weekend: int, policy: str, secret: bytes | None, now: int,
        lock_id: bytes | None = None,
    ) -> RegistryLock:  # fmt: skip
        """Store a new lock with epoch 0; ToolError if the name is taken. Without a secret it needs its lock id."""
        mark = fingerprint(secret or lock_id or b"")
        with self.writing():
            if self._db.execute("SELECT 1 FROM locks WHERE name = ?", (name,)).fetchone():
                raise ToolError(
                    f"There is a lock '{name}' already.",
                    f"Choose another name, or look at it: {command_line('lock show', name)}",
                )
            self._db.execute(
                "INSERT INTO locks (name, timezone, rule, weekend, policy, secret, lock_id, fingerprint, created)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (name, timezone, rule, weekend, policy, secret, lock_id, mark, now),
            )
        return self.lock(name)

    def prepare_new_secret(self, lock: RegistryLock) -> RegistryLock:
        """Make a new secret for the lock, unless one is pending; return the lock with it pending."""
        with self.writing():
            self._db.execute(
                "UPDATE locks SET successor = ? WHERE id = ? AND successor IS NULL", (secrets.token_bytes(32), lock.id)
            )
        return self.lock(lock.name)

    def keep_secret(self, lock: RegistryLock) -> None:
        """Drop the pending new secret, as the old one has just worked; keep it if it was sent to a lock."""
        with self.writing():
            self._db.execute(
                "UPDATE locks SET successor = NULL WHERE id = ? AND successor IS NOT NULL"
                " AND NOT EXISTS (SELECT 1 FROM keys WHERE lock = locks.id AND state = ?)",
                (lock.id, RENEWED),
            )

    def adopt_new_secret(self, lock: RegistryLock) -> RegistryLock:
        """Put the new secret, which has just worked, in place of the old; delete all that belongs to the old one."""
        renewed = lock.with_new_secret
        if renewed is None:
            return lock
        with self.writing():
            changed = self._db.execute(
                "UPDATE locks SET secret = successor, successor = NULL, fingerprint = ?, epoch = 0, erase_pending = 0"
                " WHERE id = ? AND successor = ?",
                (renewed.fingerprint, lock.id, renewed.secret),
            )
            if changed.rowcount:
                for table in ("codes", "known", "chosen", "asked", "events", "heard"):
                    self._db.execute(f"DELETE FROM {table} WHERE lock = ?", (lock.id,))  # noqa: S608
                self._db.execute("DELETE FROM keys WHERE lock = ? AND state <> ?", (lock.id, RENEWED))
                self._db.execute("UPDATE keys SET state = ? WHERE lock = ?", (SENT, lock.id))
        return self.lock(lock.name)

    def set_settings(self, lock: RegistryLock, timezone: str, rule: str, weekend: int, policy: str) -> None:
        """Store the lock's settings."""
        with self.writing():
            self._db.execute(
                "UPDATE locks SET timezone = ?, rule = ?, weekend = ?, policy = ? WHERE id = ?",
                (timezone, rule, weekend, policy, lock.id),
            )

    def cache(self, lock: RegistryLock) -> LockCache:
        """Return what this lock reported over the link."""
        return LockCache(self._db, self.writing, self.path, lock.id)

    def remove(self, lock: RegistryLock) -> None:
        """Delete a lock, its secret (overwritten in the file) and its codes."""
        with self.writing():
            self._db.execute("DELETE FROM locks WHERE id = ?", (lock.id,))

    def set_erase_pending(self, lock: RegistryLock, *, pending: bool) -> None:
        """Store whether an erase code was issued and not confirmed; call inside writing()."""
        self._db.execute("UPDATE locks SET erase_pending = ? WHERE id = ?", (int(pending), lock.id))

    def set_epoch(self, lock: RegistryLock, epoch: int) -> None:
        """Begin an epoch: every code of an earlier one is dead, no erase is pending; call inside writing()."""
        self._db.execute("UPDATE locks SET epoch = ?, erase_pending = 0 WHERE id = ?", (epoch, lock.id))

    # Codes

    def codes(self, lock: RegistryLock) -> list[IssuedRow]:
        """Return every code issued for a lock, oldest first, those of earlier epochs too."""
        with as_tool_errors(self.path):
            query = f"SELECT {_CODE} FROM codes WHERE lock = ? ORDER BY id"  # noqa: S608
            return [IssuedRow(*row) for row in self._db.execute(query, (lock.id,))]

    def count(self, lock: RegistryLock) -> int:
        """Return how many codes were issued in the lock's present epoch."""
        with as_tool_errors(self.path):
            query = "SELECT count(*) FROM codes WHERE lock = ? AND epoch = ?"
            return int(self._db.execute(query, (lock.id, lock.epoch)).fetchone()[0])

    def is_issued(self, lock: RegistryLock, hour: int, ticket: int, length: int) -> bool:
        """Return whether exactly this code was issued in the lock's present epoch."""
        query = "SELECT 1 FROM codes WHERE lock = ? AND epoch = ? AND hour = ? AND ticket = ? AND length = ?"
        return self._db.execute(query, (lock.id, lock.epoch, hour, ticket, length)).fetchone() is not None

    def take(self, lock: RegistryLock, hour: int, ticket: int, length: int, label: str, now: int) -> IssuedRow:
        """Store a code as issued; call inside writing(), after is_issued() returned False."""
        cursor = self._db.execute(
            "INSERT INTO codes (lock, epoch, hour, ticket, length, label, issued) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (lock.id, lock.epoch, hour, ticket, length, label, now),
        )
        return IssuedRow(int(cursor.lastrowid or 0), lock.epoch, hour, ticket, length, label, now)

    def _lock(self, row: tuple[Any, ...]) -> RegistryLock:
        """Return a row as a RegistryLock; ToolError if its secret does not match its fingerprint."""
        fields = dict(zip(_LOCK.split(", "), row, strict=True))
        mark, secret = fields.pop("fingerprint"), fields["secret"]
        fields["new_secret"] = fields.pop("successor")
        if secret is not None:
            fields["lock_id"] = lock_id_of(secret)
        lock = RegistryLock(**{**fields, "secret": secret, "erase_pending": bool(fields["erase_pending"])})
        try:
            usable = lock.fingerprint == mark and lock.name.isprintable() and Zone(lock.rule) is not None
        except (AttributeError, TypeError, ValueError):  # a value of another type
            usable = False
        if not usable:
            raise damaged(self.path)
        return lock


_LOCK = (
    "id, name, timezone, rule, weekend, policy, secret, lock_id, successor, epoch, erase_pending, created, fingerprint"
)
_CODE = "id, epoch, hour, ticket, length, label, issued"
