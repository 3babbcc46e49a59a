"""The tables of the registry, and the migration of a file with the tables of an earlier version.

A step from one version to the next is a list of statements. All steps that a file needs are one transaction: the file
ends with today's tables, or as it was.

    locks    a lock, with its root secret; or with its lock id only, if the registry has only a key for it.
             successor: the new secret of a lock that is paired again, beside the old one until the new one has worked
    codes    what was issued offline; the digits follow from these numbers and the secret
    keys     key slots of the lock: with a psk those that this registry may use, without one those of others. active:
             one a slot; the other states are in lock_cache.py. limits: hours, as in its file
    known    the codes of the lock's last list
    chosen   custom digits that were added over the link from here; tag as in docs/spec/passcodes.md
    asked    custom digits that were sent, and whose reply was lost
    events   the lock's log, as far as it was ever fetched
    heard    which key the lock reported in a slot, and at which events
"""

import sqlite3
from contextlib import suppress

from tumbler_lock.core.policy import STANDARD, STRICT

SCHEMA = 2
POLICIES = {"standard": STANDARD, "strict": STRICT}  # the names that a file of the registry has for them

_LOCKS = """
CREATE TABLE {name} (
    id            INTEGER PRIMARY KEY,
    name          TEXT    NOT NULL UNIQUE COLLATE NOCASE,
    timezone      TEXT    NOT NULL,
    rule          TEXT    NOT NULL,
    weekend       INTEGER NOT NULL CHECK (weekend BETWEEN 1 AND 126),
    policy        TEXT    NOT NULL CHECK (policy IN ('standard', 'strict')),
    secret        BLOB    CHECK (length(secret) = 32),
    lock_id       BLOB    CHECK (length(lock_id) = 8),
    successor     BLOB    CHECK (length(successor) = 32),
    fingerprint   TEXT    NOT NULL,
    epoch         INTEGER NOT NULL DEFAULT 0 CHECK (epoch BETWEEN 0 AND 65535),
    erase_pending INTEGER NOT NULL DEFAULT 0 CHECK (erase_pending IN (0, 1)),
    created       INTEGER NOT NULL,
    CHECK ((secret IS NULL) <> (lock_id IS NULL)),
    CHECK (successor IS NULL OR secret IS NOT NULL)
)
"""
_CODES = """
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
)
"""
_LINK = (
    """
CREATE TABLE keys (
    id      INTEGER PRIMARY KEY,
    lock    INTEGER NOT NULL REFERENCES locks (id) ON DELETE CASCADE,
    slot    INTEGER CHECK (slot BETWEEN 0 AND 15),
    role    INTEGER NOT NULL CHECK (role BETWEEN 1 AND 4),
    label   TEXT    NOT NULL DEFAULT '',
    psk     BLOB    CHECK (length(psk) = 32),
    limits  BLOB    CHECK (length(limits) = 11),
    state   TEXT    NOT NULL CHECK (state IN ('active', 'sent', 'anew', 'pending')),
    created INTEGER NOT NULL,
    CHECK (psk IS NOT NULL OR state = 'active'),
    CHECK (slot IS NOT NULL OR state <> 'active')
)
""",
    "CREATE UNIQUE INDEX one_active ON keys (lock, slot) WHERE state = 'active'",
    """
CREATE TABLE known (
    lock    INTEGER NOT NULL REFERENCES locks (id) ON DELETE CASCADE,
    tag     BLOB    NOT NULL CHECK (length(tag) = 8),
    details BLOB    NOT NULL CHECK (length(details) = 12),
    seen    INTEGER NOT NULL,
    PRIMARY KEY (lock, tag)
) WITHOUT ROWID
""",
    """
CREATE TABLE chosen (
    lock    INTEGER NOT NULL REFERENCES locks (id) ON DELETE CASCADE,
    tag     BLOB    NOT NULL CHECK (length(tag) = 8),
    digits  TEXT    NOT NULL CHECK (length(digits) BETWEEN 4 AND 9),
    label   TEXT    NOT NULL DEFAULT '',
    created INTEGER NOT NULL,
    PRIMARY KEY (lock, tag)
) WITHOUT ROWID
""",
    """
CREATE TABLE asked (
    lock    INTEGER NOT NULL REFERENCES locks (id) ON DELETE CASCADE,
    digits  TEXT    NOT NULL CHECK (length(digits) BETWEEN 4 AND 9),
    label   TEXT    NOT NULL DEFAULT '',
    start   INTEGER NOT NULL,
    end     INTEGER NOT NULL,
    random  INTEGER NOT NULL CHECK (random IN (0, 1)),
    PRIMARY KEY (lock, digits)
) WITHOUT ROWID
""",
    """
CREATE TABLE heard (
    lock    INTEGER NOT NULL REFERENCES locks (id) ON DELETE CASCADE,
    slot    INTEGER NOT NULL CHECK (slot BETWEEN 0 AND 15),
    first   INTEGER NOT NULL CHECK (first >= 0),
    last    INTEGER NOT NULL CHECK (last >= first),
    role    INTEGER NOT NULL,
    label   TEXT    NOT NULL,
    PRIMARY KEY (lock, slot, first)
) WITHOUT ROWID
""",
    """
CREATE TABLE events (
    lock     INTEGER NOT NULL REFERENCES locks (id) ON DELETE CASCADE,
    seq      INTEGER NOT NULL CHECK (seq > 0),
    time     INTEGER NOT NULL,
    event    INTEGER NOT NULL,
    reason   INTEGER NOT NULL,
    flags    INTEGER NOT NULL,
    kind     INTEGER NOT NULL,
    code     BLOB    NOT NULL CHECK (length(code) = 4),
    argument INTEGER NOT NULL,
    PRIMARY KEY (lock, seq)
) WITHOUT ROWID
""",
)

TABLES = (_LOCKS.format(name="locks"), _CODES, *_LINK)

COLUMNS = {
    1: {
        "locks": "id, name, timezone, rule, weekend, policy, secret, fingerprint, epoch, erase_pending, created",
        "codes": "id, lock, epoch, hour, ticket, length, label, issued",
    },
    2: {
        "locks": "id, name, timezone, rule, weekend, policy, secret, lock_id, successor, fingerprint, epoch,"
        " erase_pending, created",
        "codes": "id, lock, epoch, hour, ticket, length, label, issued",
        "keys": "id, lock, slot, role, label, psk, limits, state, created",
        "known": "lock, tag, details, seen",
        "chosen": "lock, tag, digits, label, created",
        "asked": "lock, digits, label, start, end, random",
        "heard": "lock, slot, first, last, role, label",
        "events": "lock, seq, time, event, reason, flags, kind, code, argument",
    },
}

_OLD = COLUMNS[1]["locks"]
_STEPS = {
    1: (
        _LOCKS.format(name="new_locks"),
        f"INSERT INTO new_locks ({_OLD}) SELECT {_OLD} FROM locks",  # noqa: S608
        "DROP TABLE locks",
        "ALTER TABLE new_locks RENAME TO locks",
        *_LINK,
    ),
}


def create(connection: sqlite3.Connection) -> None:
    """Create today's tables in an empty file."""
    _in_one(connection, (*TABLES, f"PRAGMA user_version = {SCHEMA}"))


def version_of(connection: sqlite3.Connection) -> int:
    """Return the version of the tables in the file."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def migrate(connection: sqlite3.Connection) -> None:
    """Migrate the tables of an older file; if that fails, raise sqlite3.Error and leave the file as it was.

    Another command may be faster, so the version is read under the write lock.
    """
    connection.execute("PRAGMA foreign_keys = OFF")  # a table that others refer to is replaced
    try:
        _in_one(connection, None)
    finally:
        connection.execute("PRAGMA foreign_keys = ON")


def _in_one(connection: sqlite3.Connection, statements: tuple[str, ...] | None) -> None:
    """Execute the statements, or the steps that the file needs, in one transaction."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        if statements is None:
            steps = range(version_of(connection), SCHEMA)
            statements = (*(one for step in steps for one in _STEPS[step]), f"PRAGMA user_version = {SCHEMA}")
        for statement in statements:
            connection.execute(statement)
        if connection.execute("PRAGMA foreign_key_check").fetchone():
            raise sqlite3.DatabaseError("a row refers to one that is not there")
        connection.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):  # a full disk rolls back by itself
            connection.execute("ROLLBACK")
        raise
