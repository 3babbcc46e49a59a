"""The registry: what is kept, who may read it, and what happens when the file or the disk is bad."""

import hashlib
import os
import sqlite3
import stat
import subprocess
import sys

import pytest

from tests.support.micropython import ROOT
from tumbler.answers import LogEvent
from tumbler.errors import ToolError
from tumbler.registry import database, schema
from tumbler.registry.database import APPLICATION_ID, FILE
from tumbler.registry.lock_cache import ACTIVE, PENDING, RENEWED, SENT
from tumbler.registry.registry import Registry, home
from tumbler.registry.schema import SCHEMA
from tumbler_lock.core.protocol import lock_id as lock_id_of

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
    assert "Did you mean 'cabin'?" in refusal(registry.lock, "cabbin")
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
        registry.set_erase_pending(lock, pending=True)
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


VERSION_1 = """
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
INSERT INTO locks VALUES (1, 'door', 'Etc/UTC', 'UTC0', 96, 'standard',
    x'000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f', '{mark}', 3, 1, 1000);
INSERT INTO locks VALUES (7, 'Shed', 'Asia/Riyadh', '<+03>-3', 48, 'strict',
    x'ff0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f', '{other}', 0, 0, 2000);
INSERT INTO codes VALUES (5, 1, 3, 498735, 57, 7, 'Ann', 3000);
INSERT INTO codes VALUES (6, 7, 0, 498735, 57, 7, '', 3001);
"""


@pytest.fixture
def old(tmp_path):
    """A registry file as the first version made it, with two locks and a code for each."""
    home().mkdir()
    path = home() / FILE
    database = sqlite3.connect(path)
    database.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    database.execute("PRAGMA user_version = 1")
    marks = [
        hashlib.sha256(b"tumbler registry fingerprint 1" + secret).hexdigest()[:8]
        for secret in (SECRET, b"\xff" + SECRET[1:])
    ]
    database.executescript(VERSION_1.format(mark=marks[0], other=marks[1]))
    database.close()
    return path


def test_a_registry_of_the_first_version_is_brought_up_to_date(old):
    with Registry.open() as registry:
        door, shed = registry.locks()
        assert (door.name, door.secret, door.epoch, door.erase_pending, door.weekend) == ("door", SECRET, 3, True, 96)
        assert (shed.id, shed.policy, shed.timezone) == (7, "strict", "Asia/Riyadh")
        assert [(row.id, row.hour, row.label) for row in registry.codes(door)] == [(5, 498735, "Ann")]
        assert len(registry.codes(shed)) == 1
        assert registry._db.execute("PRAGMA foreign_key_list(codes)").fetchone()[2] == "locks"
        assert registry._db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        registry.cache(door).hold(0, 1, "Ann", bytes(32), 0)
        registry.remove(door)  # with its codes and keys
        assert registry._db.execute("SELECT count(*) FROM codes").fetchone() == (1,)
        assert registry._db.execute("SELECT count(*) FROM keys").fetchone() == (0,)
    with Registry.open() as again:
        assert [lock.name for lock in again.locks()] == ["Shed"]
    assert SECRET not in old.read_bytes()


def test_a_registry_that_was_brought_up_to_date_has_the_tables_of_a_new_one(old, tmp_path):
    def tables(folder):
        with Registry.open(folder) as registry:
            rows = registry._db.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
            return {name: " ".join(sql.replace('"', "").split()) for name, sql in rows}

    assert tables(home()) == tables(tmp_path / "new")


def test_an_update_that_fails_leaves_the_file_as_it_was(old, monkeypatch):
    before = old.read_bytes()
    for number in range(len(schema._STEPS[1])):
        steps = list(schema._STEPS[1])
        steps[number] = "INSERT INTO nothing VALUES (1)"
        with monkeypatch.context() as patched:
            patched.setattr(schema, "_STEPS", {1: tuple(steps)})
            refusal(Registry.open)
        assert old.read_bytes() == before, number
    with Registry.open() as registry:
        assert len(registry.locks()) == 2


def test_an_update_that_finds_no_room_leaves_the_file_as_it_was(old):
    before = old.read_bytes()
    program = LIMITED.replace("with Registry.open() as registry:", "with Registry.open() as registry:\n        pass\n")
    result = subprocess.run(
        [sys.executable, "-c", program.split("        lock = ")[0] + "\nexcept ToolError as error:\n    print(error)\n",
         str(len(before) + 4096)],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert "the disk is full or failing" in result.stdout, result.stderr
    with sqlite3.connect(old) as database:
        assert database.execute("PRAGMA user_version").fetchone() == (1,)
        assert database.execute("SELECT count(*) FROM locks").fetchone() == (2,)
    database.close()


def test_two_commands_update_one_file(old):
    """The second one finds nothing left to do."""
    connection = database._connect(old)
    schema.migrate(connection)
    schema.migrate(connection)
    connection.close()
    with Registry.open() as registry:
        assert len(registry.locks()) == 2


def test_an_old_registry_that_is_damaged_stays(old):
    data = old.read_bytes()
    old.write_bytes(data[:-1000])
    assert "damaged" in refusal(Registry.open)
    assert old.read_bytes() == data[:-1000]


# What a lock told


@pytest.fixture
def cache(registry):
    return registry.cache(new_lock(registry))


def event(seq, kind=0, code=bytes(4), time=0):
    return LogEvent(seq, time, kind, 0, 0, 7, code, 0)


def test_a_lock_without_its_secret_is_known_by_its_id(registry):
    lock = registry.add("office", "Etc/UTC", "UTC0", 96, "standard", None, 1000, bytes(range(8)))
    assert (lock.lock_id, lock.secret) == (bytes(range(8)), None)
    assert "not its secret" in refusal(lambda: lock.required_secret)
    assert registry.lock_of(bytes(range(8))) == lock
    assert registry.lock_of(bytes(8)) is None
    assert registry.lock_of(new_lock(registry).lock_id).lock_id == lock_id_of(SECRET)


def test_the_log_only_grows_and_keeps_each_event_once(cache):
    cache.add_events([event(1), event(2)])
    cache.add_events([event(2, 9), event(3)])
    assert [(one.seq, one.event) for one in cache.events()] == [(1, 0), (2, 0), (3, 0)]
    assert [one.seq for one in cache.events(2)] == [3]
    assert cache.last_seq() == 3


def test_the_first_use_is_the_first_time_that_a_code_opened(cache):
    code = b"abcd"
    cache.add_events([event(1, 1, code, 10), event(2, 0, code, 20), event(3, 0, code, 30), event(4, 0, bytes(4), 5)])
    assert cache.first_uses() == {code.hex(): 20}


def test_keys_in_use_come_first_by_what_they_may_do(cache):
    cache.hold(3, 2, "manager", bytes(32), 0)
    cache.hold(4, 1, "owner", bytes(range(32)), 0)
    cache.note_key(5, 1, "somebody", 0)
    cache.hold_pending(1, "file", bytes(range(1, 33)), 5)
    cache.hold_pending(1, "sent", bytes(range(2, 34)), 0, state=SENT)
    cache.hold_pending(1, "newer", bytes(range(3, 35)), 1, state=SENT)
    cache.hold_pending(1, "anew", bytes(range(4, 36)), 1, state=RENEWED)
    assert [key.label for key in cache.usable_keys()] == ["owner", "manager", "newer", "sent", "file"]
    assert [key.label for key in cache.sent_keys(SENT)] == ["newer", "sent"]
    assert [key.label for key in cache.sent_keys(RENEWED)] == ["anew"]
    assert "psk" not in repr(cache.usable_keys()[0])


def test_a_key_that_was_confirmed_takes_the_place_of_what_was_pending(cache):
    cache.hold_pending(1, "", bytes(32), 0)
    assert not cache.set_up
    cache.hold(0, 1, "", bytes(32), 0)
    assert [(key.slot, key.state) for key in cache.all_keys()] == [(0, "active")]
    assert cache.set_up


def test_the_locks_list_of_keys_is_taken_over_and_no_psk_goes(cache):
    cache.hold(0, 1, "old", bytes(32), 0)
    cache.hold(2, 2, "gone", bytes(range(32)), 0)
    cache.note_key(3, 3, "Eve", 0)
    cache.replace_keys([(0, 1, "new"), (5, 3, "Bo")], 0)
    keys = [(key.slot, key.label, key.psk is None, key.state) for key in cache.all_keys()]
    assert keys == [(0, "new", False, ACTIVE), (2, "gone", False, PENDING), (5, "Bo", True, ACTIVE)]
    cache.replace_keys([(0, 1, "new"), (2, 3, "Max")], 0)
    assert sorted((key.label, key.psk is None) for key in cache.all_keys() if key.slot == 2) == [
        ("Max", True),
        ("gone", False),
    ]
    cache.forget_key(2)
    assert [key.slot for key in cache.all_keys()] == [0]


def test_of_two_keys_for_one_slot_the_one_that_worked_last_is_tried_first_and_none_goes(cache):
    cache.hold(0, 1, "mine", bytes(32), 0)
    held = cache.hold_pending(1, "file", bytes(range(32)), 1, slot=0)
    assert held == cache.hold_pending(1, "again", bytes(range(32)), 2)
    assert [key.label for key in cache.usable_keys()] == ["mine", "file"]
    cache.hold(0, 1, "file", bytes(range(32)), 1)
    assert [(key.label, key.state) for key in cache.usable_keys()] == [("file", ACTIVE), ("mine", PENDING)]
    cache.hold(0, 1, "mine", bytes(32), 0)
    assert [(key.label, key.state) for key in cache.usable_keys()] == [("mine", ACTIVE), ("file", PENDING)]


def test_a_key_is_dropped_as_refused_only_before_it_worked(cache):
    key = cache.hold_pending(1, "", bytes(32), 0, state=SENT)
    assert cache.locate(key, 3).slot == cache.all_keys()[0].slot == 3
    cache.drop_sent(cache.hold_pending(1, "", bytes(range(32)), 0))  # out of a file
    cache.drop_sent(key)
    assert [key.psk for key in cache.all_keys()] == [bytes(range(32))]


def test_a_lock_keeps_its_secret_until_the_successor_has_worked(registry):
    lock = new_lock(registry)
    cache = registry.cache(lock)
    assert (lock.with_new_secret, lock.uses_new_secret) == (None, False)
    assert registry.adopt_new_secret(lock) == lock
    cache.hold(0, 1, "", bytes(32), 0)
    lock = registry.prepare_new_secret(lock)
    renewed = lock.with_new_secret
    assert (renewed.secret, renewed.lock_id, renewed.epoch) == (lock.new_secret, lock_id_of(lock.new_secret), 0)
    assert (lock.secret, lock.uses_new_secret, renewed.uses_new_secret) == (SECRET, False, True)
    assert lock.new_secret.hex() not in repr(lock)
    assert repr(lock.new_secret)[2:20] not in repr(lock)
    assert registry.prepare_new_secret(lock) == lock, "one successor"
    registry.keep_secret(lock)
    assert registry.lock("door").new_secret is None
    lock = registry.prepare_new_secret(lock)
    cache.hold_pending(1, "", bytes(range(32)), 0, 0, RENEWED)
    registry.keep_secret(lock)
    assert registry.lock("door").new_secret == lock.new_secret, "a lock may have it"
    cache.forget_key(0)
    assert [key.state for key in cache.all_keys()] == [RENEWED]


def test_a_new_secret_leaves_nothing_of_before_but_the_keys_for_it(registry):
    lock = new_lock(registry)
    cache = registry.cache(lock)
    cache.hold(0, 1, "", bytes(32), 0)
    cache.hold_pending(1, "", bytes(range(1, 33)), 0, 0, RENEWED)
    cache.add_events([event(1)])
    cache.choose(bytes(8), "740193", "x", 0)
    with registry.writing():
        registry.take(lock, 1, 0, 6, "", 0)
        registry.set_epoch(lock, 4)
    lock = registry.prepare_new_secret(registry.lock("door"))
    successor = lock.new_secret
    for before in (lock, lock.with_new_secret):  # the second time nothing is left to do
        renewed = registry.adopt_new_secret(before)
        assert (renewed.secret, renewed.new_secret, renewed.epoch) == (successor, None, 0)
    assert registry.codes(lock) == cache.events() == cache.chosen() == []
    assert [(key.psk, key.state) for key in cache.all_keys()] == [(bytes(range(1, 33)), SENT)]
    assert SECRET not in registry.path.read_bytes()


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
from tumbler.registry import database, schema
from tumbler.errors import ToolError
from tumbler.answers import LogEvent
from tumbler.registry.registry import Registry
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
    """A limit on file sizes acts as a full disk: the system calls fail the same way."""
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
