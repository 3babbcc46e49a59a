"""The owner's registry: one SQLite file with every lock, its secret, and which codes were issued for it.

The digits of a code are not stored: a row holds (epoch, hour, ticket, length), from which the secret gives the
digits again. A unique index on those four and the lock makes it impossible to hand out one code twice, also by
two commands at once; whoever chooses a code does so inside `Registry.writing()`, which holds SQLite's write lock.

    file    $TUMBLER_HOME/registry.sqlite, else in the user's data folder; mode 0600 (SQLite gives its journal
            the same), a folder made for it 0700
    header  application_id 'TMBL', user_version = SCHEMA
    times   Unix seconds; `hour` as in docs/passcodes.md; `weekend` bit mask of weekdays, Monday bit 0

A file that is not a registry, or that is damaged, is reported and never touched. A new one is written beside its
place and linked there when it is complete, so that an empty file is damage and never a fresh start.
"""

import difflib
import hashlib
import os
import secrets
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import platformdirs

from firmware.core.zone import Zone

from .errors import ToolError

FILE = "registry.sqlite"
APPLICATION_ID = int.from_bytes(b"TMBL", "big")
SCHEMA = 1
BUSY_SECONDS = 20
LAST_EPOCH = 65535

_TABLES = """
CREATE TABLE locks (
    id            INTEGER PRIMARY KEY,
    name          TEXT    NOT NULL UNIQUE COLLATE NOCASE,
    timezone      TEXT    NOT NULL,
    rule          TEXT    NOT NULL,
    weekend       INTEGER NOT NULL CHECK (weekend BETWEEN 1 AND 126),
    policy        TEXT    NOT NULL CHECK (policy IN ('standard', 'strict')),
    secret        BLOB    NOT NULL CHECK (length(secret) = 32),
    fingerprint   TEXT    NOT NULL,
    epoch         INTEGER NOT NULL DEFAULT 0 CHECK (epoch BETWEEN 0 AND 65535),
    erase_pending INTEGER NOT NULL DEFAULT 0 CHECK (erase_pending IN (0, 1)),
    created       INTEGER NOT NULL
);
CREATE TABLE codes (
    id      INTEGER PRIMARY KEY,
    lock    INTEGER NOT NULL REFERENCES locks (id) ON DELETE CASCADE,
    epoch   INTEGER NOT NULL CHECK (epoch BETWEEN 0 AND 65535),
    hour    INTEGER NOT NULL CHECK (hour >= 0),
    ticket  INTEGER NOT NULL CHECK (ticket BETWEEN 0 AND 9999),
    length  INTEGER NOT NULL CHECK (length BETWEEN 6 AND 9),
    label   TEXT    NOT NULL DEFAULT '',
    issued  INTEGER NOT NULL,
    UNIQUE (lock, epoch, hour, ticket, length)
);
"""


@dataclass(frozen=True)
class Lock:
    """One lock as the registry knows it; its secret never shows in a repr."""

    id: int
    name: str
    timezone: str
    rule: str
    weekend: int
    policy: str
    secret: bytes = field(repr=False)
    epoch: int
    erase_pending: bool
    created: int

    @property
    def fingerprint(self) -> str:
        """Eight hex digits that tell secrets apart and reveal nothing of them."""
        return fingerprint(self.secret)


@dataclass(frozen=True)
class Issued:
    """One code that was issued: what its digits are made of, and what the owner wrote beside it."""

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


def home() -> Path:
    """Return the folder of the registry: `TUMBLER_HOME`, else the user's data folder."""
    chosen = os.environ.get("TUMBLER_HOME")
    if chosen:
        return Path(chosen).expanduser()
    return Path(platformdirs.user_data_dir("tumbler", appauthor=False))


class Registry:
    """The open registry. Use as a context manager; `Registry.open()` makes the file on first use.

    Every method raises ToolError with a sentence for the owner.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path):
        self._db = connection
        self.path = path

    @classmethod
    def open(cls, folder: Path | None = None) -> "Registry":
        """Open the registry in `folder` (default: home()), or make a new one where there is no file."""
        folder = folder or home()
        path = folder / FILE
        with _told(path):
            if not path.exists():
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                _create(path)
            _check_header(path)
            if stat.S_IMODE(path.stat().st_mode) & 0o077:
                path.chmod(0o600)
            connection = _connect(path)
            try:
                _check_body(connection, path)
            except BaseException:
                connection.close()
                raise
        return cls(connection, path)

    def __enter__(self) -> "Registry":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the registry against every other writer; all that was written inside is kept, or nothing is."""
        with _told(self.path):
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):  # a full disk rolls back by itself
                    self._db.execute("ROLLBACK")
                raise

    # Locks

    def locks(self) -> list[Lock]:
        """Every lock, by name."""
        with _told(self.path):
            rows = self._db.execute(f"SELECT {_LOCK} FROM locks ORDER BY name").fetchall()  # noqa: S608
            return [self._lock(row) for row in rows]

    def lock(self, name: str) -> Lock:
        """Return the lock of that name (letter case does not matter)."""
        with _told(self.path):
            query = f"SELECT {_LOCK} FROM locks WHERE name = ?"  # noqa: S608
            row = self._db.execute(query, (name,)).fetchone()
        if row:
            return self._lock(row)
        names = [lock.name for lock in self.locks()]
        if not names:
            raise ToolError(f"There is no lock '{name}': the registry is empty.", "Add one: tumbler lock add --help")
        folded = {known.casefold(): known for known in names}
        close = difflib.get_close_matches(name.casefold(), folded, n=3, cutoff=0.6)
        if close:
            raise ToolError(f"There is no lock '{name}'.", f"Did you mean {' or '.join(folded[c] for c in close)}?")
        raise ToolError(f"There is no lock '{name}'.", "See all of them: tumbler lock list")

    def add(self, name: str, timezone: str, rule: str, weekend: int, policy: str, secret: bytes, now: int) -> Lock:
        """Store a new lock with epoch 0; refuses a name that is taken."""
        with self.writing():
            if self._db.execute("SELECT 1 FROM locks WHERE name = ?", (name,)).fetchone():
                raise ToolError(
                    f"There is a lock '{name}' already.", "Choose another name, or see it: tumbler lock list"
                )
            self._db.execute(
                "INSERT INTO locks (name, timezone, rule, weekend, policy, secret, fingerprint, created)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (name, timezone, rule, weekend, policy, secret, fingerprint(secret), now),
            )
        return self.lock(name)

    def remove(self, lock: Lock) -> None:
        """Delete a lock, its secret (overwritten in the file) and its codes."""
        with self.writing():
            self._db.execute("DELETE FROM locks WHERE id = ?", (lock.id,))

    def set_erase_pending(self, lock: Lock, pending: bool) -> None:
        """Remember whether an erase code is on its way; call inside writing()."""
        self._db.execute("UPDATE locks SET erase_pending = ? WHERE id = ?", (int(pending), lock.id))

    def set_epoch(self, lock: Lock, epoch: int) -> None:
        """Enter an epoch: every code of an earlier one is dead, nothing is pending; call inside writing()."""
        self._db.execute("UPDATE locks SET epoch = ?, erase_pending = 0 WHERE id = ?", (epoch, lock.id))

    # Codes

    def codes(self, lock: Lock) -> list[Issued]:
        """Every code issued for a lock, oldest first, those of earlier epochs too."""
        with _told(self.path):
            query = f"SELECT {_CODE} FROM codes WHERE lock = ? ORDER BY id"  # noqa: S608
            return [Issued(*row) for row in self._db.execute(query, (lock.id,))]

    def count(self, lock: Lock) -> int:
        """How many codes were issued in the lock's present epoch."""
        with _told(self.path):
            query = "SELECT count(*) FROM codes WHERE lock = ? AND epoch = ?"
            return int(self._db.execute(query, (lock.id, lock.epoch)).fetchone()[0])

    def is_issued(self, lock: Lock, hour: int, ticket: int, length: int) -> bool:
        """Say whether exactly this code was issued in the lock's present epoch."""
        query = "SELECT 1 FROM codes WHERE lock = ? AND epoch = ? AND hour = ? AND ticket = ? AND length = ?"
        return self._db.execute(query, (lock.id, lock.epoch, hour, ticket, length)).fetchone() is not None

    def take(self, lock: Lock, hour: int, ticket: int, length: int, label: str, now: int) -> Issued:
        """Store a code as issued; call inside writing(), after is_issued() said no."""
        cursor = self._db.execute(
            "INSERT INTO codes (lock, epoch, hour, ticket, length, label, issued) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (lock.id, lock.epoch, hour, ticket, length, label, now),
        )
        return Issued(int(cursor.lastrowid or 0), lock.epoch, hour, ticket, length, label, now)

    def _lock(self, row: tuple[Any, ...]) -> Lock:
        """Make a Lock of a row, and refuse a secret that no longer fits its fingerprint."""
        *values, mark = row
        fields = dict(zip(_LOCK.split(", "), values, strict=False))
        lock = Lock(**{**fields, "erase_pending": bool(fields["erase_pending"])})
        try:
            usable = lock.fingerprint == mark and Zone(lock.rule) is not None
        except (TypeError, ValueError):
            usable = False
        if not usable:
            raise _damaged(self.path)
        return lock


_LOCK = "id, name, timezone, rule, weekend, policy, secret, epoch, erase_pending, created, fingerprint"
_CODE = "id, epoch, hour, ticket, length, label, issued"


def _connect(path: Path) -> sqlite3.Connection:
    """Open the file as it is, never making one; transactions are ours alone (isolation_level None)."""
    connection = sqlite3.connect(
        f"{path.resolve().as_uri()}?mode=rw", uri=True, timeout=BUSY_SECONDS, isolation_level=None
    )
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA secure_delete = ON")  # a removed secret does not stay in a free page
    connection.execute("PRAGMA synchronous = FULL")  # a code that was shown is on the disk
    return connection


def _create(path: Path) -> None:
    """Write an empty registry beside its place and link it there; another command may have been faster."""
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    try:
        connection = _connect(draft)
        try:
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {SCHEMA}")
            connection.executescript(f"BEGIN; {_TABLES} COMMIT;")
        finally:
            connection.close()
        _link(draft, path)
    finally:
        draft.unlink(missing_ok=True)
        draft.with_name(f"{draft.name}-journal").unlink(missing_ok=True)


def _link(draft: Path, path: Path) -> None:
    """Give the draft its name unless another command was faster."""
    try:
        os.link(draft, path)
    except FileExistsError:
        return
    except OSError:  # a file system without links
        if not path.exists():
            draft.rename(path)


def _check_header(path: Path) -> None:
    """Look at the file before SQLite does, which would take an empty one for a new database."""
    with path.open("rb") as file:
        header = file.read(100)
    if len(header) < 100 or not any(header):
        raise _damaged(path)
    foreign = header[:16] != b"SQLite format 3\0" or int.from_bytes(header[68:72], "big") != APPLICATION_ID
    if foreign:
        raise ToolError(
            f"{path} is not a Tumbler registry.",
            "Nothing was changed. Move it away or restore a backup, or point TUMBLER_HOME at another folder.",
        )
    version = int.from_bytes(header[60:64], "big")
    if version > SCHEMA:
        raise ToolError(f"{path} was made by a newer Tumbler.", "Nothing was changed. Update Tumbler.")
    if version != SCHEMA:
        raise _damaged(path)


def _check_body(connection: sqlite3.Connection, path: Path) -> None:
    """Let SQLite walk through the whole file, and see that every row is what the tables promise."""
    connection.execute("BEGIN")
    if connection.execute("PRAGMA quick_check").fetchone()[0] != "ok":
        raise _damaged(path)
    # SQLite reads a last page that was cut off as zeros; nobody else can be writing it during our transaction.
    if path.stat().st_size % connection.execute("PRAGMA page_size").fetchone()[0]:
        raise _damaged(path)
    connection.execute(f"SELECT {_LOCK} FROM locks LIMIT 1")  # noqa: S608
    connection.execute(f"SELECT {_CODE} FROM codes LIMIT 1")  # noqa: S608
    connection.execute("COMMIT")


def _damaged(path: Path) -> ToolError:
    return ToolError(
        f"The registry {path} is damaged.",
        "Nothing was changed. Restore it from a backup, or move it away and add the locks again with their secrets.",
    )


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Turn what the operating system and SQLite report into sentences."""
    try:
        yield
    except OSError as error:
        raise ToolError(
            f"The registry {path} cannot be used: {error.strerror or type(error).__name__}.",
            "Make its folder writable for you, or point TUMBLER_HOME at a folder that is.",
        ) from error
    except sqlite3.IntegrityError as error:
        raise ToolError(
            "The registry refused what contradicts what it holds already.",
            "Nothing was changed; run the command again.",
        ) from error
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:  # names of a damaged schema may be no text
        if isinstance(error, sqlite3.ProgrammingError):
            raise
        raise _sentence(getattr(error, "sqlite_errorname", ""), path) from error


def _sentence(name: str, path: Path) -> ToolError:
    """Put an SQLite result code into words."""
    if name.startswith(("SQLITE_FULL", "SQLITE_IOERR")):
        return ToolError(
            f"The registry {path} could not be written: the disk is full or failing.",
            "Nothing was issued or changed. Make room and run the command again.",
        )
    if name.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM", "SQLITE_AUTH")):
        return ToolError(
            f"The registry {path} cannot be written.",
            "Make the file and its folder writable for you, or point TUMBLER_HOME at a folder that is.",
        )
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return ToolError(
            f"Another command has been holding the registry for {BUSY_SECONDS} seconds.", "Run the command again."
        )
    return _damaged(path)
