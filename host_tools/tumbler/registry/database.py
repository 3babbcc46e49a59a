"""The file of the registry: created, checked before it is used, migrated, and its errors in words.

    file    $TUMBLER_HOME/registry.sqlite, else in the user's data folder; mode 0600 (SQLite gives its journal
            the same), a folder made for it 0700
    header  application_id 'TMBL', user_version = SCHEMA

A file that is not a registry, or that is damaged, is reported and never changed. A new one is written beside its place
and linked there when it is complete. So an empty file is damage, never a new registry.
"""

import os
import secrets
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import platformdirs

from ..errors import ToolError
from ..text import reason
from .schema import COLUMNS, SCHEMA, create, migrate, version_of

FILE = "registry.sqlite"
APPLICATION_ID = int.from_bytes(b"TMBL", "big")
BUSY_SECONDS = 20


def home() -> Path:
    """Return the folder of the registry: `TUMBLER_HOME`, else the user's data folder."""
    return _folder("TUMBLER_HOME") or Path(platformdirs.user_data_dir("tumbler", appauthor=False))


def air() -> Path:
    """Return the folder whose virtual lock is in range: `TUMBLER_AIR`, else the registry's own."""
    return _folder("TUMBLER_AIR") or home()


def _folder(variable: str) -> Path | None:
    """Return the folder that an environment variable names, None if it is not set."""
    chosen = os.environ.get(variable)
    if not chosen:
        return None
    try:
        return Path(chosen).expanduser()
    except RuntimeError:  # no such user
        raise ToolError(f"{variable}: there is no folder {chosen}.", "Name a folder without a ~.") from None


def open_file(path: Path) -> sqlite3.Connection:
    """Open the registry at `path` with today's tables, or create it if there is no file."""
    with as_tool_errors(path):
        if not path.exists():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _create(path)
        _check_header(path)
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            path.chmod(0o600)
        connection = _connect(path)
        try:
            _check_body(connection, path)
            if version_of(connection) < SCHEMA:
                _update(connection, path)
        except BaseException:
            connection.close()
            raise
    return connection


def _update(connection: sqlite3.Connection, path: Path) -> None:
    """Migrate a file of an earlier version."""
    try:
        migrate(connection)
    except sqlite3.IntegrityError as error:  # a row that the old tables should have refused
        raise damaged(path) from error


def _connect(path: Path) -> sqlite3.Connection:
    """Open an existing file; only we begin transactions (isolation_level None)."""
    connection = sqlite3.connect(
        f"{path.resolve().as_uri()}?mode=rw", uri=True, timeout=BUSY_SECONDS, isolation_level=None
    )
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA secure_delete = ON")  # a removed secret does not stay in a free page
    connection.execute("PRAGMA synchronous = FULL")  # a code that was shown is on the disk
    return connection


def _create(path: Path) -> None:
    """Write an empty registry beside its place and link it there, unless another command was faster."""
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    try:
        connection = _connect(draft)
        try:
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            create(connection)
        finally:
            connection.close()
        _link(draft, path)
    finally:
        draft.unlink(missing_ok=True)
        draft.with_name(f"{draft.name}-journal").unlink(missing_ok=True)


def _link(draft: Path, path: Path) -> None:
    """Give the draft its name, unless another command was faster."""
    try:
        os.link(draft, path)
    except FileExistsError:
        return
    except OSError:  # a file system without links
        if not path.exists():
            draft.rename(path)


def _check_header(path: Path) -> None:
    """Check the file before SQLite opens it, which would take an empty one for a new database."""
    with path.open("rb") as file:
        header = file.read(100)
    if len(header) < 100 or not any(header):
        raise damaged(path)
    foreign = header[:16] != b"SQLite format 3\0" or int.from_bytes(header[68:72], "big") != APPLICATION_ID
    if foreign:
        raise ToolError(
            f"{path} is not a Tumbler registry.",
            "Nothing was changed. Move it away, restore a backup, or set TUMBLER_HOME to another folder.",
        )


def _check_body(connection: sqlite3.Connection, path: Path) -> None:
    """Let SQLite check the whole file, and check that it has tables that this version knows."""
    connection.execute("BEGIN")
    if connection.execute("PRAGMA quick_check").fetchone()[0] != "ok":
        raise damaged(path)
    # SQLite reads a last page that was cut off as zeros. No other process can write it during our transaction.
    if path.stat().st_size % connection.execute("PRAGMA page_size").fetchone()[0]:
        raise damaged(path)
    version = version_of(connection)
    if version > SCHEMA:
        raise ToolError(f"{path} was made by a newer Tumbler.", "Nothing was changed. Update Tumbler.")
    if version < 1:
        raise damaged(path)
    for table, columns in COLUMNS[version].items():
        connection.execute(f"SELECT {columns} FROM {table} LIMIT 1")  # noqa: S608
    connection.execute("COMMIT")


def damaged(path: Path) -> ToolError:
    """Return the error for a damaged registry."""
    return ToolError(
        f"The registry {path} is damaged.",
        "Nothing was changed. Restore it from a backup, or move it away and add the locks again with their secrets.",
    )


@contextmanager
def as_tool_errors(path: Path) -> Iterator[None]:
    """Turn the errors of the operating system and of SQLite into ToolErrors."""
    try:
        yield
    except OSError as error:
        raise ToolError(
            f"The registry {path} cannot be used: {reason(error)}.",
            "Make its folder writable for you, or set TUMBLER_HOME to a folder that is.",
        ) from error
    except sqlite3.IntegrityError as error:
        raise ToolError(
            "The change contradicts what the registry holds, perhaps since another command ran.",
            "Nothing was changed. Run the command again.",
        ) from error
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:  # names in a damaged schema may not be text
        if isinstance(error, sqlite3.ProgrammingError):
            raise
        raise _in_words(getattr(error, "sqlite_errorname", ""), path) from error


def _in_words(name: str, path: Path) -> ToolError:
    """Return the error for an SQLite result code."""
    if name.startswith(("SQLITE_FULL", "SQLITE_IOERR")):
        return ToolError(
            f"The registry {path} could not be written: the disk is full or failing.",
            "Nothing was issued or changed. Make room and run the command again.",
        )
    if name.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM", "SQLITE_AUTH")):
        return ToolError(
            f"The registry {path} cannot be written.",
            "Make the file and its folder writable for you, or set TUMBLER_HOME to a folder that is.",
        )
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return ToolError(
            f"Another command has been writing to the registry for {BUSY_SECONDS} seconds.", "Run the command again."
        )
    return damaged(path)
