"""The registry: what is kept, who may read it, and what happens when the file or the disk is bad."""

import hashlib
import os
import sqlite3
import stat
import subprocess
import sys

import pytest

from host_tools.errors import ToolError
from host_tools.registry import Registry, home, lock_id_of
from host_tools.registry_file import APPLICATION_ID, FILE
from host_tools.registry_schema import SCHEMA
from tests.micropython import ROOT

SECRET = bytes(range(32))


def new_lock(registry, name="door", secret=SECRET):
    return registry.add(name, "Europe/Berlin", "CET-1CEST,M3.5.0,M10.5.0/3", 0b1100000, "standard", secret, 1000)


@pytest.fixture
def registry():
    with Registry.open() as opened:
        yield opened


def refusal(what, *arguments):
    with pytest.raises(ToolError) as caught:
        what(*arguments)
    assert SECRET.hex() not in str(caught.value)
    return str(caught.value)


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_a_lock_and_its_codes_come_back_as_they_were_stored(registry):
    lock = new_lock(registry)
    with registry.writing():
        row = registry.take(lock, 498735, 57, 7, "Ann", 2000)
    with Registry.open() as again:
        assert again.lock("door") == lock
        assert again.codes(lock) == [row]
    assert (lock.secret, lock.epoch, lock.erase_pending, row.label) == (SECRET, 0, False, "Ann")


def test_a_secret_shows_in_no_repr(registry):
    lock = new_lock(registry)
    assert "secret" not in repr(lock)
    assert repr(SECRET)[2:20] not in repr(lock)


def test_only_the_owner_may_read_folder_file_and_journal(monkeypatch, tmp_path):
    monkeypatch.setenv("TUMBLER_HOME", str(tmp_path / "a" / "b"))
    old = os.umask(0)
    try:
        with Registry.open() as registry:
            lock = new_lock(registry)
            with registry.writing():
                registry.take(lock, 1, 0, 6, "", 0)
                journal = home() / f"{FILE}-journal"
                assert mode(journal) == 0o600
    finally:
        os.umask(old)
    assert mode(home()) == 0o700
    assert mode(home() / FILE) == 0o600


def test_a_file_that_others_may_read_is_closed_to_them(registry):
    registry.path.chmod(0o644)
    with Registry.open():
        assert mode(registry.path) == 0o600


def test_the_users_data_folder_is_the_place_without_the_variable(monkeypatch, tmp_path):
    monkeypatch.delenv("TUMBLER_HOME")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert home().name == "tumbler"
    assert tmp_path in home().parents


def test_names_are_unique_whatever_their_case(registry):
    new_lock(registry, "Door")
    assert "already" in refusal(new_lock, registry, "door")
    assert len(registry.locks()) == 1


def test_an_unknown_lock_is_answered_with_close_names(registry):
    assert "empty" in refusal(registry.lock, "cabin")
    new_lock(registry, "cabin")
    assert "Did you mean cabin?" in refusal(registry.lock, "cabbin")
    assert "tumbler lock list" in refusal(registry.lock, "xyz")


def test_the_same_code_cannot_be_stored_twice(registry):
    lock = new_lock(registry)
    with registry.writing():
        registry.take(lock, 1, 0, 6, "", 0)
        assert registry.is_issued(lock, 1, 0, 6)
        assert not registry.is_issued(lock, 1, 0, 7)
    with pytest.raises(ToolError), registry.writing():
        registry.take(lock, 1, 0, 6, "", 0)
    assert len(registry.codes(lock)) == 1


def test_what_fails_inside_a_transaction_leaves_nothing(registry):
    lock = new_lock(registry)

    def fail():
        with registry.writing():
            registry.take(lock, 1, 0, 6, "", 0)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert registry.codes(lock) == []


def test_an_epoch_leaves_the_old_codes_in_the_list_and_makes_room_for_the_same_ticket(registry):
    lock = new_lock(registry)
    with registry.writing():
        registry.take(lock, 1, 0, 6, "", 0)
        registry.set_erase_pending(lock, True)
    assert registry.lock("door").erase_pending
    with registry.writing():
        registry.set_epoch(lock, 1)
    lock = registry.lock("door")
    assert (lock.epoch, lock.erase_pending, registry.count(lock), len(registry.codes(lock))) == (1, False, 0, 1)
    with registry.writing():
        registry.take(lock, 1, 0, 6, "", 0)


def test_removing_takes_the_codes_along_and_overwrites_the_secret(registry):
    lock = new_lock(registry)
    with registry.writing():
        registry.take(lock, 1, 0, 6, "", 0)
    assert SECRET in registry.path.read_bytes()
    registry.remove(lock)
    assert registry.locks() == []
    assert registry._db.execute("SELECT count(*) FROM codes").fetchone() == (0,)
    assert SECRET not in registry.path.read_bytes()


def spoiled(registry, data):
    """Put other bytes in the registry's place; returns its path and their digest."""
    registry.path.write_bytes(data)
    return hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: b"",
        lambda data: b"\0" * len(data),
        lambda data: b"\xff" * len(data),
        lambda data: data[:50],
        lambda data: data[:4096],
        lambda data: data[:-1000],
        lambda data: data[:100] + bytes(len(data) - 100),
        lambda data: data.replace(SECRET, bytes(31) + b"\1"),
        lambda data: data.replace(b"CET-1CEST", b"CET-9-9-9"),
        lambda data: b"a text that is no database at all\n" * 50,
    ],
    ids=[
        "empty", "zeros", "ones", "cut-in-header", "cut-after-a-page", "cut-at-end",
        "pages-zero", "secret-changed", "rule-changed", "text",
    ],
)  # fmt: skip
def test_a_bad_file_is_named_and_not_touched(registry, spoil):
    new_lock(registry)
    registry.close()
    digest = spoiled(registry, spoil(registry.path.read_bytes()))

    def use():
        with Registry.open() as opened:
            opened.lock("door")

    message = refusal(use)
    assert str(registry.path) in message
    assert "Nothing was changed" in message
    assert hashlib.sha256(registry.path.read_bytes()).hexdigest() == digest
    assert list(registry.path.parent.iterdir()) == [registry.path]


def test_a_database_of_something_else_is_refused(tmp_path):
    path = home() / FILE
    path.parent.mkdir()
    database = sqlite3.connect(path)
    database.execute("CREATE TABLE locks (id INTEGER PRIMARY KEY, name TEXT)")
    database.commit()
    database.close()
    before = path.read_bytes()
    assert "not a Tumbler registry" in refusal(Registry.open)
    assert path.read_bytes() == before


def test_a_registry_of_a_newer_version_is_refused(registry):
    registry._db.execute(f"PRAGMA user_version = {SCHEMA + 1}")
    registry.close()
    assert "newer" in refusal(Registry.open)


def test_a_registry_whose_tables_are_gone_is_damaged(registry):
    registry._db.execute("DROP TABLE codes")
    registry.close()
    assert "damaged" in refusal(Registry.open)


def test_the_file_says_whose_it_is(registry):
    assert registry._db.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
    assert registry._db.execute("PRAGMA foreign_keys").fetchone() == (1,)


def test_a_folder_that_cannot_be_made_is_a_sentence(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("TUMBLER_HOME", str(tmp_path / "file" / "tumbler"))
    assert "TUMBLER_HOME" in refusal(Registry.open)


def test_a_full_disk_keeps_what_was_there(registry):
    lock = new_lock(registry)
    pages = registry._db.execute("PRAGMA page_count").fetchone()[0]
    registry._db.execute(f"PRAGMA max_page_count = {pages}")

    def fill():
        for hour in range(10_000):
            with registry.writing():
                registry.take(lock, hour, 0, 6, "x" * 150, 0)

    assert "disk is full" in refusal(fill)
    kept = len(registry.codes(lock))
    assert kept > 5
    with Registry.open() as again:
        assert len(again.codes(lock)) == kept
        assert again._db.execute("PRAGMA integrity_check").fetchone() == ("ok",)


LIMITED = """
import resource, sys
from host_tools.errors import ToolError
from host_tools.registry import Registry
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), resource.RLIM_INFINITY))
try:
    with Registry.open() as registry:
        lock = registry.lock("door")
        for hour in range(10_000):
            with registry.writing():
                registry.take(lock, hour, 0, 6, "x" * 150, 0)
except ToolError as error:
    print(error)
"""


@pytest.mark.parametrize("there", [True, False])
def test_the_operating_system_refuses_to_write_more(registry, there):
    """A limit on file sizes stands for a full disk: the system calls fail the same way."""
    lock = new_lock(registry)
    size = registry.path.stat().st_size
    registry.close()
    if not there:
        registry.path.unlink()
    result = subprocess.run(
        [sys.executable, "-c", LIMITED, str(size + 8192 if there else 5000)],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert "the disk is full or failing" in result.stdout
    if there:
        with Registry.open() as again:
            assert again.lock("door") == lock
    else:
        assert list(registry.path.parent.iterdir()) == []


def test_a_registry_held_by_another_command_is_a_sentence(registry):
    lock = new_lock(registry)
    with registry.writing(), Registry.open() as other:
        other._db.execute("PRAGMA busy_timeout = 10")
        message = refusal(other.remove, lock)
    assert "Another command" in message
    assert registry.lock("door") == lock
