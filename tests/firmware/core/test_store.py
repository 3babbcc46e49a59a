"""The store in a plain directory: what it keeps, what it refuses, and every file it must not believe."""

import json
import random
import shutil
import struct
from binascii import crc32
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.dual.power.model import Model, difference, state_of
from tests.support import micropython
from tests.support.campaign import cases
from tumbler_lock.core import atomic_files, journal, journal_reader, store
from tumbler_lock.core.codebook import ACTIVE, NEVER, REVOKED, USED, StoredCode
from tumbler_lock.core.errors import LockError, MemoryLost, NotProvisioned, StoreFull
from tumbler_lock.core.keys import AccessKey
from tumbler_lock.core.records import ERASE_ALL, FORGET, NONE, PUT, TIME, Entry, pack_counters, unpack_counters
from tumbler_lock.core.store import Store

SECRET = bytes(range(32))
CONFIG = b"some configuration"
NOW = 1_795_478_400


def code(
    number: int, state: int = ACTIVE, digits_taken_until: int = NOW, end: int = NEVER, kind: int = 1
) -> StoredCode:
    tag = random.Random(number).randbytes(8)
    return StoredCode(tag, kind, state, 7, start=NOW - 86_400, end=end, digits_taken_until=digits_taken_until)


def put(number: int, **fields: int) -> Entry:
    return Entry(16, 0, PUT, code(number, **fields), 0)


def event(number: int = 0) -> Entry:
    return Entry(1, 1, NONE, None, number)


def told(asker: int = 0, request: int = 0, event: int = 20) -> Entry:
    """Return what the owner's configuring leaves in the log."""
    return Entry(event, asker, NONE, None, request)


def some_keys(rng: random.Random) -> "list[AccessKey] | None":
    """Return a few keys, or None: those that there are stay."""
    if rng.random() < 0.5:
        return None
    return [
        AccessKey(slot, rng.randint(1, 4), rng.randbytes(32), "k" * rng.randrange(17))
        for slot in rng.sample(range(16), 3)
    ]


def make(path: Path, codes: int = 3, events: int = 4, keys: "Sequence[AccessKey]" = ()) -> Store:
    """Return a lock with keys, a code table, a history and appended records."""
    lock = Store.create(str(path), SECRET, CONFIG, NOW, keys=keys)
    lock.commit([put(number) for number in range(codes)], NOW + 1, True)
    lock.pay(NOW + 2)
    lock.compact()
    for number in range(events):
        lock.commit([event(number)], NOW + 3 + number, True)
    lock.commit([put(0, state=REVOKED), event()], NOW + 50, True, True)
    return lock


def bytes_of(path: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in path.iterdir()}


def lost(path: Path, match: str = "journal") -> None:
    """Opening raises MemoryLost and changes no file."""
    before = bytes_of(path)
    with pytest.raises(MemoryLost, match=match) as error:
        Store.open(str(path))
    assert SECRET.hex() not in str(error.value)
    assert bytes_of(path) == before


def test_a_new_lock_has_everything_and_opens_again(tmp_path):
    made = Store.create(str(tmp_path), SECRET, CONFIG, NOW)
    for lock in (made, Store.open(str(tmp_path))):
        assert (lock.secret, lock.config, lock.epoch, lock.latest_trusted) == (SECRET, CONFIG, 0, NOW)
        assert (lock.seq, lock.tokens, lock.attempt, lock.oldest_start_accepted, len(lock.book)) == (0, 8, 0, 0, 0)
        assert list(lock.events()) == []
    assert sorted(bytes_of(tmp_path)) == ["counters", "journal"]
    assert (tmp_path / "journal").stat().st_size == 264
    assert (tmp_path / "counters").stat().st_size == 32


def version_1(data: bytes) -> bytes:
    """Return a journal without keys as the firmware before keys wrote it."""
    assert data[42:44] == b"\0\0"
    header = data[:8] + b"\0\1" + data[10:252]
    header += struct.pack(">I", crc32(header))
    codes, history = struct.unpack(">HH", data[10:14])
    table = data[256 : 256 + 24 * codes]
    records = data[260 + 24 * codes : 260 + 24 * codes + 48 * history]
    crc = crc32(table, crc32(header))
    rest = data[264 + 24 * codes + 48 * history :]
    return header + table + struct.pack(">I", crc) + records + struct.pack(">I", crc32(records, crc)) + rest


def test_a_journal_from_before_there_were_keys_is_read_and_written_anew(tmp_path):
    lock = make(tmp_path)
    old = version_1((tmp_path / "journal").read_bytes())
    (tmp_path / "journal").write_bytes(old)
    again = Store.open(str(tmp_path))
    assert difference(state_of(lock), state_of(again)) == ""
    assert again.keys == {}
    again.commit([event()], NOW + 90, True)
    assert (tmp_path / "journal").read_bytes()[8:10] == b"\0\1", "an append leaves the version alone"
    again.settle(told(), NOW + 91, True, keys=[AccessKey(5, 1, SECRET)])
    assert (tmp_path / "journal").read_bytes()[8:10] == b"\0\2"
    assert list(Store.open(str(tmp_path)).keys) == [5]
    header = old[:42] + b"\0\1" + old[44:252]
    (tmp_path / "journal").write_bytes(header + struct.pack(">I", crc32(header)) + old[256:])
    lost(tmp_path, "number of keys")


def test_the_key_table_lies_between_header_and_codes(tmp_path):
    keys = [AccessKey(9, 3, bytes(32), "x", 1, 2, 3), AccessKey(2, 1, SECRET, "owner")]
    lock = Store.create(str(tmp_path), SECRET, CONFIG, NOW, keys=keys)
    assert list(lock.keys) == [2, 9]
    lock.commit([put(1)], NOW, True)
    lock.compact()
    data = (tmp_path / "journal").read_bytes()
    assert data[42:44] == b"\0\2"
    assert data[256:384] == keys[1].pack() + keys[0].pack()
    assert data[384:408] == code(1).pack()
    assert struct.unpack(">I", data[408:412])[0] == crc32(data[:408])
    assert len(data) == 256 + 2 * 64 + 24 + 4 + 48 + 4
    again = Store.open(str(tmp_path))
    assert difference(state_of(lock), state_of(again)) == ""
    assert {slot: vars(key) for slot, key in again.keys.items()} == {2: vars(keys[1]), 9: vars(keys[0])}
    too_many = data[:42] + b"\0\x11" + data[44:252]
    (tmp_path / "journal").write_bytes(too_many + struct.pack(">I", crc32(too_many)) + data[256:])
    lost(tmp_path, "number of keys")
    for table in (data[320:384] + data[256:320], data[256:320] * 2, bytes(128)):
        crc = crc32(data[384:408], crc32(table, crc32(data[:256])))
        rest = struct.pack(">I", crc) + data[412:460] + struct.pack(">I", crc32(data[412:460], crc))
        (tmp_path / "journal").write_bytes(data[:256] + table + data[384:408] + rest)
        lost(tmp_path, "key")


def test_settings_keys_and_their_record_change_in_one_rename(tmp_path):
    keys = [AccessKey(1, 1, SECRET)]
    lock = make(tmp_path)
    before = lock.commits
    lock.settle(told(3, 77), NOW + 100, True, b"new", keys)
    assert lock.commits == before + 2
    for one in (lock, Store.open(str(tmp_path))):
        assert (one.config, list(one.keys), one.latest_trusted) == (b"new", [1], NOW + 100)
        (last,) = one.events(one.seq - 1)
        assert tuple(last) == (one.seq, NOW + 100, 20, 3, 0, NONE, 1, None, 77)
    lock.settle(told(), NOW + 50, True, keys=[])
    lock.settle(told(), None, False, b"newer")
    again = Store.open(str(tmp_path))
    assert (again.config, again.keys, again.latest_trusted) == (b"newer", {}, NOW + 100)
    assert [one.flags for one in again.events(again.seq - 2)] == [0, store.UNTRUSTED]
    again.settle(told(), NOW + 200, True, b"newest")
    assert [one.flags for one in again.events(again.seq - 1)] == [store.RESTARTED]
    again.settle(told(), NOW + 201, True)
    assert [one.flags for one in again.events(again.seq - 1)] == [0]


def test_what_cannot_be_settled_changes_nothing(tmp_path):
    lock = make(tmp_path)
    before, state = bytes_of(tmp_path), state_of(lock)
    one, other = AccessKey(1, 1, SECRET), AccessKey(1, 1, bytes(32))
    for entry, now, trusted, config, keys in (
        (told(), NOW, True, None, [one, other]),
        (told(), NOW, True, None, [one, AccessKey(2, 1, SECRET)]),
        (told(), NOW, True, bytes(161), None),
        (told(), None, True, None, None),
        (told(), -1, True, None, None),
        (told(0, 1 << 32), NOW, True, None, None),
        (told(256), NOW, True, None, None),
        (put(1), NOW, True, None, None),
        (Entry(26, 0, ERASE_ALL, None, 0), NOW, True, None, None),
        (Entry(19, 0, TIME, None, 0), NOW, True, None, None),
    ):
        with pytest.raises(ValueError, match=r"."):
            lock.settle(entry, now, trusted, config, keys)
        assert bytes_of(tmp_path) == before
        assert state_of(lock) == state
    for keys in ([one, other], [one, AccessKey(2, 1, SECRET)]):
        with pytest.raises(ValueError, match="keys"):
            Store.create(str(tmp_path / "none"), SECRET, CONFIG, NOW, keys=keys)


def test_a_settled_journal_keeps_the_last_events(tmp_path, small):
    lock = Store.create(str(tmp_path), SECRET, CONFIG, NOW)
    for number in range(1, 20):
        lock.settle(told(1, number), NOW + number, True)
        for one in (lock, Store.open(str(tmp_path))):
            assert [event.arg for event in one.events()] == list(range(max(1, number - 5), number + 1))
        assert (tmp_path / "journal").stat().st_size == 264 + 48 * min(number, 6)


def test_the_newest_request_of_each_slot_is_known_after_a_start(tmp_path, small):
    lock = Store.create(str(tmp_path), SECRET, CONFIG, NOW)

    def requests() -> dict[int, int]:
        again = Store.open(str(tmp_path))
        kept = [{slot: at for slot, at in one.requests.items() if at[1] >= one.first_seq} for one in (lock, again)]
        assert kept[0] == kept[1]
        for slot, (request, seq) in kept[0].items():
            found = again.event(seq)
            assert found is not None
            assert (found.reason, found.arg) == (1 + slot, request)
        return {slot: request for slot, (request, _) in kept[0].items()}

    assert requests() == {}
    lock.commit([told(1, 100), told(1, 0), told(16, 0xFFFFFFFF)], NOW, True)
    assert requests() == {0: 100, 15: 0xFFFFFFFF}
    lock.compact()
    lock.settle(told(1, 101), NOW, True)
    assert requests() == {0: 101, 15: 0xFFFFFFFF}
    for no_request in (told(0, 7), told(17, 7), told(201, 7), Entry(1, 1, NONE, None, 7), Entry(15, 1, NONE, None, 7)):
        lock.commit([no_request], NOW, True)
    assert requests() == {0: 101}, "the other one is no longer in the log"
    added = Entry(24, 3, NONE, StoredCode(b"\0\1label\0", 7), 5)
    lock.settle(added, NOW, True)
    assert requests() == {2: 5}, "the slot's new key did not ask for what the one before it did"
    lock.commit([told(1, 101)], NOW, True)
    lock.compact()
    assert requests() == {2: 5, 0: 101}


def test_one_event_by_its_number(tmp_path, small):
    lock = Store.create(str(tmp_path), SECRET, CONFIG, NOW)
    assert lock.event(0) is None
    assert lock.event(1) is None
    for number in range(1, 10):
        lock.commit([event(number)], NOW, True)
    kept = [one and one.arg for one in (lock.event(seq) for seq in range(12))]
    assert kept == [None] * 4 + list(range(4, 10)) + [None] * 2


def test_wiping_leaves_nothing_whatever_was_there(tmp_path, monkeypatch):
    make(tmp_path)
    Store.wipe(str(tmp_path))
    assert bytes_of(tmp_path) == {}
    Store.wipe(str(tmp_path))
    make(tmp_path)
    (tmp_path / "journal").write_bytes(b"damaged")
    (tmp_path / "journal.new").write_bytes(SECRET)
    Store.wipe(str(tmp_path))
    assert bytes_of(tmp_path) == {}
    lock = make(tmp_path)
    (tmp_path / "journal.new").write_bytes(SECRET)
    removed = []
    remove = atomic_files.remove

    def cut(path):
        if len(removed) == 1:
            raise OSError(5)
        removed.append(Path(path).name)
        remove(path)

    with monkeypatch.context() as patch:
        patch.setattr(atomic_files, "remove", cut)
        with pytest.raises(StoreFull, match="error 5"):
            Store.wipe(str(tmp_path))
    assert removed == ["journal"], "secret and memory go first, together"
    with pytest.raises(NotProvisioned):
        Store.open(str(tmp_path))
    again = Store.create(str(tmp_path), bytes(32), b"", NOW)
    assert (again.seq, again.tokens, again.keys) == (0, 8, {})
    assert again.secret != lock.secret


def test_a_directory_without_a_journal_is_not_provisioned(tmp_path):
    with pytest.raises(NotProvisioned, match="provision"):
        Store.open(str(tmp_path))
    with pytest.raises(NotProvisioned):
        Store.open(str(tmp_path / "not there"))
    Store.create(str(tmp_path), SECRET, CONFIG, None)
    (tmp_path / "journal").unlink()
    with pytest.raises(NotProvisioned):
        Store.open(str(tmp_path))


def test_a_lock_with_a_journal_gets_no_second_secret(tmp_path):
    make(tmp_path)
    for damage in (False, True):
        if damage:
            (tmp_path / "journal").write_bytes(b"\xff" * 999)
        before = bytes_of(tmp_path)
        with pytest.raises(LockError, match="already"):
            Store.create(str(tmp_path), bytes(32), b"", NOW)
        assert bytes_of(tmp_path) == before


def test_wrong_sizes_make_no_lock(tmp_path):
    for secret, config in ((b"", b""), (bytes(31), b""), (bytes(33), b""), (bytes(32), bytes(161))):
        with pytest.raises(ValueError, match=r"32 bytes|160 bytes"):
            Store.create(str(tmp_path), secret, config, NOW)
    assert bytes_of(tmp_path) == {}


def test_everything_survives_a_start(tmp_path):
    lock = make(tmp_path)
    again = Store.open(str(tmp_path))
    assert difference(state_of(lock), state_of(again)) == ""
    assert again.book.image() == lock.book.image()
    assert again.attempt == 1
    assert again.tokens == 8
    lock.settle(told(), NOW + 100, True, b"new")
    again = Store.open(str(tmp_path))
    assert again.config == b"new"
    assert again.latest_trusted == NOW + 100


def test_an_event_is_read_back_as_it_was_written(tmp_path):
    lock = Store.create(str(tmp_path), SECRET, CONFIG, NOW)
    lock.pay(NOW)
    lock.commit([Entry(200, 201, PUT, code(9), 0xFFFFFFFF), Entry(1, 2, NONE, None, 3)], NOW + 9, True, True)
    lock = Store.open(str(tmp_path))
    lock.commit([Entry(2, 9, NONE, code(9), 0)], 5, False)
    first, second, third = lock.events()
    assert tuple(first)[:7] == (1, NOW + 9, 200, 201, store.REFUND | store.RESTARTED | store.MORE, PUT, 1)
    assert first.arg == 0xFFFFFFFF
    assert vars(first.code) == vars(code(9))
    assert tuple(second) == (2, NOW + 9, 1, 2, 0, NONE, 1, None, 3)
    assert tuple(third)[:7] == (3, 5, 2, 9, store.UNTRUSTED | store.RESTARTED, NONE, 1)
    assert lock.latest_trusted == NOW + 9


def test_events_by_number_and_by_count(tmp_path):
    lock = make(tmp_path, events=30)
    numbers = list(range(1, lock.seq + 1))
    assert [event.seq for event in lock.events()] == numbers
    for since in (0, 1, 3, 4, 20, lock.seq - 1, lock.seq, lock.seq + 5):
        for limit in (0, 1, 2, 19, 20, 21, 1000):
            assert [event.seq for event in lock.events(since, limit)] == numbers[since : since + limit]


def test_reading_events_goes_on_across_a_compaction(tmp_path):
    lock = make(tmp_path, events=60)
    seen = []
    for one in lock.events():
        seen.append(one.seq)
        if one.seq in (5, 45):
            lock.compact()
    assert seen == list(range(1, lock.seq + 1))


@pytest.fixture
def small(monkeypatch):
    """Make logs of 6 events and books of 3 codes, so that their limits are met at once."""
    monkeypatch.setattr(store, "CODES_MAX", 3)
    for module in (store, journal, journal_reader):
        monkeypatch.setattr(module, "LOG_EVENTS", 6)
        monkeypatch.setattr(module, "APPENDED_MAX", 6)
    monkeypatch.setattr(store, "DUE", 4)


def test_the_log_keeps_the_last_events_and_the_file_stays_small(tmp_path, small):
    lock = Store.create(str(tmp_path), SECRET, CONFIG, NOW)
    for number in range(100):
        lock.commit([event(number)], NOW + number, True)
        assert lock.seq == number + 1
        kept = [(one.seq, one.arg) for one in lock.events()]
        assert kept == [(n + 1, n) for n in range(max(0, number - 5), number + 1)]
        assert (tmp_path / "journal").stat().st_size <= 264 + 12 * 48
        assert lock.compaction_due == (number % 6 in (3, 4, 5))
    again = Store.open(str(tmp_path))
    assert difference(state_of(lock), state_of(again)) == ""


def some_steps(rng: random.Random, model: Model, now: int) -> list[tuple]:
    """Return the name and arguments of a few calls that make sense in the model's state; ("open",) is a start."""
    steps: list[tuple] = []
    if rng.random() < 0.4 and model.tokens:
        steps.append(("pay", rng.choice([None, now])))
    trusted = rng.random() < 0.9
    refund = model.returned < model.attempt and rng.random() < 0.5
    entries = [event()]
    if model.book and rng.random() < 0.4:
        old = StoredCode.unpack(model.book[rng.choice(list(model.book))])
        entries = [Entry(0, 0, FORGET if old.digits_taken_until <= now else NONE, old, 0)]
    elif len(model.book) < 3:
        entries = [put(rng.randrange(9), digits_taken_until=now + 5_000), event()]
    erase = [Entry(5, 0, ERASE_ALL, None, 0), put(1)]
    choices: list[list[tuple]] = [
        [("commit", entries, now, trusted, refund)],
        [("commit", entries, now, trusted, refund)],
        [("commit", erase, now, trusted, refund)],
        [("commit", [Entry(19, 0, TIME, None, 0)], now, True, False)],
        [("keep", rng.randrange(9), now)],
        [
            (
                "settle",
                told(rng.randrange(17)),
                now,
                trusted,
                rng.choice([None, rng.randbytes(rng.randrange(161))]),
                some_keys(rng),
            )
        ],
        [("compact",)],
        [("open",)],
    ]
    return steps + rng.choice(choices)


def test_random_histories_agree_with_the_model(tmp_path, small):
    """On both sides of a start, also with several commits and starts between two compactions."""
    for seed in range(cases(25, 2_000)):
        rng = random.Random(seed)
        path = tmp_path / str(seed)
        path.mkdir()
        lock, model = Store.create(str(path), SECRET, CONFIG, NOW), Model(SECRET, CONFIG, NOW, 6)
        now = NOW
        for _ in range(60):
            now += rng.randrange(-3_000, 90_000)
            steps = some_steps(rng, model, now)
            for name, *args in steps:
                if name == "open":
                    lock = Store.open(str(path))
                    model.fresh = True
                else:
                    getattr(lock, name)(*args)
                    getattr(model, name)(*args)
            for one in (lock, Store.open(str(path))):
                assert difference(model.state(), state_of(one)) == "", (seed, steps)
        shutil.rmtree(path)


def test_an_attempt_is_given_back_once(tmp_path):
    lock = Store.create(str(tmp_path), SECRET, CONFIG, NOW)
    with pytest.raises(ValueError, match="not paid for"):
        lock.commit([event()], NOW, True, True)
    lock.pay(NOW)
    assert (lock.tokens, lock.attempt) == (7, 1)
    lock.commit([event()], NOW, True, True)
    with pytest.raises(ValueError, match="given back already"):
        lock.commit([event()], NOW, True, True)
    lock.commit([event()], NOW, True)
    for change in (
        lambda: None,
        lock.compact,
        lambda: lock.settle(told(), None, False, b"x"),
        lambda: lock.keep(8, NOW),
    ):
        change()
        for _ in range(3):
            again = Store.open(str(tmp_path))
            assert (again.tokens, again.attempt) == (8, 1)
        with pytest.raises(ValueError, match="given back already"):
            again.commit([event()], NOW, True, True)
    for left in range(7, -1, -1):
        lock.pay(None)
        assert Store.open(str(tmp_path)).tokens == lock.tokens == left
    with pytest.raises(ValueError, match="no token"):
        lock.pay(NOW)
    assert Store.open(str(tmp_path)).attempt == lock.attempt == 9


def test_the_floor_rises_with_trusted_time_and_falls_only_when_the_owner_sets_it(tmp_path):
    lock = Store.create(str(tmp_path), SECRET, CONFIG, NOW)

    def floor() -> int:
        assert Store.open(str(tmp_path)).latest_trusted == lock.latest_trusted
        return lock.latest_trusted

    lock.commit([event()], NOW + 100, True)
    assert floor() == NOW + 100
    lock.commit([event()], NOW + 50, True)
    lock.commit([event()], NOW + 9_999, False)
    lock.pay(NOW + 90)
    lock.pay(None)
    assert floor() == NOW + 100
    lock.pay(NOW + 200)
    assert floor() == NOW + 200
    lock.keep(1, NOW + 300)
    lock.keep(1, NOW + 250)
    assert floor() == NOW + 300
    lock.commit([Entry(19, 0, TIME, None, 0)], NOW - 500, True)
    assert floor() == NOW - 500
    lock.compact()
    assert floor() == NOW - 500
    lock.keep(1, NOW - 400)
    assert floor() == NOW - 400
    lock.settle(told(), NOW - 300, True, b"")
    assert floor() == NOW - 300


def test_erase_empties_the_book_and_no_epoch_comes_twice(tmp_path):
    lock = make(tmp_path)
    lock.commit([Entry(5, 10, ERASE_ALL, None, 0), put(7)], NOW + 60, True)
    again = Store.open(str(tmp_path))
    assert (again.epoch, [one.tag for one in again.book.codes()]) == (1, [code(7).tag])
    shutil.rmtree(tmp_path)
    tmp_path.mkdir()
    last = Store.create(str(tmp_path), SECRET, CONFIG, NOW, epoch=65_535)
    before = bytes_of(tmp_path)
    with pytest.raises(StoreFull, match="new secret"):
        last.commit([Entry(5, 10, ERASE_ALL, None, 0)], NOW, True)
    assert bytes_of(tmp_path) == before


def test_a_full_book_refuses_and_keeps_everything(tmp_path, small):
    lock = Store.create(str(tmp_path), SECRET, CONFIG, NOW)
    lock.commit([put(1), put(2), put(3)], NOW, True)
    before, state = bytes_of(tmp_path), state_of(lock)
    for entries in ([put(4)], [event(), put(4)], [put(1, state=REVOKED), put(4)]):
        with pytest.raises(StoreFull, match="full"):
            lock.commit(entries, NOW, True)
        assert bytes_of(tmp_path) == before
        assert state_of(lock) == state
    with pytest.raises(StoreFull, match="full"):
        lock.make_room(NOW)
    lock.commit([put(1, state=REVOKED)], NOW, True)
    assert len(lock.book) == 3


def test_room_is_made_from_what_was_over_first_and_its_digits_stay_dead(tmp_path, small):
    lock = Store.create(str(tmp_path), SECRET, CONFIG, NOW)
    assert lock.make_room(NOW) == []
    lock.commit(
        [put(1, state=USED, digits_taken_until=NOW + 20), put(2, state=USED, digits_taken_until=NOW + 10), put(3)],
        NOW,
        True,
    )
    with pytest.raises(StoreFull):
        lock.make_room(NOW + 9)
    (entry,) = lock.make_room(NOW + 20)
    assert (entry.action, entry.code.tag) == (FORGET, code(2).tag)
    assert [one.code.tag for one in lock.make_room(NOW + 20, 2)] == [code(2).tag, code(1).tag]
    with pytest.raises(StoreFull):
        lock.make_room(NOW + 20, 3)
    lock.commit([*lock.make_room(NOW + 20), put(4)], NOW + 20, True)
    for one in (lock, Store.open(str(tmp_path))):
        assert one.book.find(code(2).tag) is None
        assert one.book.find(code(4).tag) is not None
        # Whatever started before it was gone is never taken for unseen, even if the clock is set back.
        assert one.oldest_start_accepted == NOW + 10 - 86_400
    lock.compact()
    assert Store.open(str(tmp_path)).oldest_start_accepted == NOW + 10 - 86_400


def test_what_can_still_be_used_first_is_not_forgotten(tmp_path):
    lock = Store.create(str(tmp_path), SECRET, CONFIG, NOW)
    lock.commit([put(1, state=REVOKED, digits_taken_until=NOW + 100)], NOW, True)
    for entry, text in (
        (Entry(18, 0, FORGET, code(1), 0), "revoked, not forgotten"),
        (Entry(18, 0, FORGET, code(2), 0), "not in the book"),
    ):
        with pytest.raises(ValueError, match=text):
            lock.commit([entry], NOW, True)
    with pytest.raises(ValueError, match="not in the book"):
        lock.commit([Entry(5, 0, ERASE_ALL, None, 0), Entry(18, 0, FORGET, code(1), 0)], NOW + 100, True)
    lock.commit([Entry(18, 0, FORGET, code(1), 0)], NOW + 100, True)
    assert (len(lock.book), lock.oldest_start_accepted) == (0, NOW + 100 - 86_400)


def test_entries_that_make_no_sense_change_nothing(tmp_path):
    lock = make(tmp_path)
    before, state = bytes_of(tmp_path), state_of(lock)
    short = code(5)
    short.length = 3
    wide = code(5)
    wide.start = 1 << 32
    for entries, now, trusted in (
        ([], NOW, True),
        ([event()] * 17, NOW, True),
        ([event()], None, True),
        ([event()], -1, True),
        ([event()], 1 << 32, True),
        ([Entry(256, 0, NONE, None, 0)], NOW, True),
        ([Entry(0, -1, NONE, None, 0)], NOW, True),
        ([Entry(0, 0, 5, None, 0)], NOW, True),
        ([Entry(0, 0, PUT, None, 0)], NOW, True),
        ([Entry(0, 0, FORGET, None, 0)], NOW, True),
        ([Entry(0, 0, NONE, None, 1 << 32)], NOW, True),
        ([Entry(0, 0, PUT, short, 0)], NOW, True),
        ([Entry(0, 0, NONE, wide, 0)], NOW, True),
        ([event(), Entry(0, 0, PUT, StoredCode(b"12345678", 7, REVOKED, 7), 0)], NOW, True),
    ):
        with pytest.raises(ValueError, match=r"."):
            lock.commit(entries, now, trusted)
        assert bytes_of(tmp_path) == before
        assert state_of(lock) == state
    for tokens, floor in ((-1, NOW), (65_536, NOW), (1, 1 << 32)):
        with pytest.raises(ValueError, match="fit"):
            lock.keep(tokens, floor)
    with pytest.raises(ValueError, match="160"):
        lock.settle(told(), NOW, True, bytes(161))
    assert bytes_of(tmp_path) == before
    assert state_of(lock) == state


def test_every_truncation_is_noticed_or_is_an_earlier_state(tmp_path):
    """Cut between two commits the file is what it was before the last ones: that is noticed when the counters, which
    name the last record, were written since; littlefs itself never leaves such a file."""
    lock = make(tmp_path, keys=[AccessKey(0, 1, SECRET)])
    whole = (tmp_path / "journal").read_bytes()
    appended = 264 + 64 + 3 * 24 + 3 * 48
    commits = [appended + 48 * n for n in range(5)]  # the last commit has two records
    for size in range(len(whole)):
        (tmp_path / "journal").write_bytes(whole[:size])
        if size in commits:
            assert Store.open(str(tmp_path)).seq == lock.seq - (len(whole) - size) // 48
        else:
            lost(tmp_path)
    (tmp_path / "journal").write_bytes(whole)
    lock.keep(lock.tokens, lock.latest_trusted)
    for size in commits:
        (tmp_path / "journal").write_bytes(whole[:size])
        lost(tmp_path, "older")


def test_every_flipped_byte_of_the_journal_is_noticed(tmp_path):
    make(tmp_path, keys=[AccessKey(0, 1, SECRET), AccessKey(1, 3, bytes(32), "guest")])
    whole = (tmp_path / "journal").read_bytes()
    rng = random.Random(4)
    for at in range(len(whole)):
        for flip in {rng.randrange(1, 256), *range(1, cases(1, 256))}:
            (tmp_path / "journal").write_bytes(whole[:at] + bytes([whole[at] ^ flip]) + whole[at + 1 :])
            lost(tmp_path, "damaged")


def test_files_that_are_no_journal_are_left_alone(tmp_path):
    make(tmp_path)
    whole = (tmp_path / "journal").read_bytes()
    header, record = whole[:256], whole[-48:]
    version = header[:8] + b"\x00\x03" + header[10:252]
    for text, data in {
        "too early": b"",
        "not a lock": b"\xff" * len(whole),
        "not a lock's": bytes(len(whole)),
        "a lock's journal": b"PK\x03\x04" + whole[4:],
        "journal": random.Random(1).randbytes(5_000),
        "version 3": version + struct.pack(">I", crc32(version)) + whole[256:],
        "its length": whole + b"\xff",
        "is missing": whole + record,
        "checksum": whole + bytes(48),
        "incomplete": whole[:-48],
        "longer than": whole + record * 1_000,
        "its length is wrong": header,
    }.items():
        (tmp_path / "journal").write_bytes(data)
        lost(tmp_path, text)
    with (tmp_path / "journal").open("wb") as file:
        file.write(whole)
        file.truncate(200_000_000)
    before = (tmp_path / "journal").stat()
    with pytest.raises(MemoryLost):
        Store.open(str(tmp_path))
    assert (tmp_path / "journal").stat().st_mtime_ns == before.st_mtime_ns
    (tmp_path / "journal").unlink()
    (tmp_path / "journal").mkdir()
    with pytest.raises(MemoryLost, match="cannot be read"):
        Store.open(str(tmp_path))


def test_valid_records_that_cannot_follow_are_noticed(tmp_path):
    """Checksums and numbers in order, but not what a store writes."""
    lock = make(tmp_path)
    whole = (tmp_path / "journal").read_bytes()
    for action, some in (
        (5, None),
        (PUT, None),
        (FORGET, None),
        (FORGET, code(99)),
        (PUT, StoredCode(b"12345678", 7, REVOKED, 7)),
    ):
        record = struct.pack(">IIBBBBI", lock.seq + 1, NOW, 0, 0, 0, action, 1)
        record += (some.pack() if some else bytes(24)) + bytes(4)
        (tmp_path / "journal").write_bytes(whole + record + struct.pack(">I", crc32(record)))
        lost(tmp_path, "damaged")


def test_an_older_journal_is_noticed(tmp_path):
    lock = make(tmp_path)
    old = (tmp_path / "journal").read_bytes()
    lock.commit([put(2, state=REVOKED)], NOW + 60, True)
    lock.pay(NOW + 61)
    (tmp_path / "journal").write_bytes(old)
    lost(tmp_path, "older")


def test_without_believable_counters_the_lock_starts_with_no_tokens(tmp_path):
    lock = make(tmp_path)
    good = (tmp_path / "counters").read_bytes()
    other = tmp_path / "other"
    other.mkdir()
    Store.create(str(other), bytes(32), b"", NOW)
    stale = pack_counters(unpack_counters(good)._replace(attempt=0))
    bad = [None, b"", b"\xff" * 32, bytes(32), good + b"\x00", (other / "counters").read_bytes(), stale]
    bad += [good[:size] for size in range(32)]
    bad += [good[:at] + bytes([good[at] ^ flip]) + good[at + 1 :] for at in range(32) for flip in (1, 128, 255)]
    for data in bad:
        (tmp_path / "counters").unlink(missing_ok=True)
        if data is not None:
            (tmp_path / "counters").write_bytes(data)
        again = Store.open(str(tmp_path))
        assert again.tokens == 0
        assert again.attempt == lock.attempt + 1
        assert state_of(again)[8:] == state_of(lock)[8:]
        again.keep(3, NOW + 70)
        again = Store.open(str(tmp_path))
        assert (again.tokens, again.attempt) == (3, lock.attempt + 1)


def test_a_left_over_of_a_compaction_is_removed(tmp_path):
    lock = make(tmp_path)
    (tmp_path / "journal.new").write_bytes((tmp_path / "journal").read_bytes()[:100])
    assert difference(state_of(lock), state_of(Store.open(str(tmp_path)))) == ""
    assert sorted(bytes_of(tmp_path)) == ["counters", "journal"]
    (tmp_path / "journal").write_bytes(b"damaged")
    (tmp_path / "journal.new").write_bytes(b"perhaps of use to somebody")
    lost(tmp_path)


@pytest.mark.parametrize("broken", ["append", "write", "rename"])
def test_a_disk_that_takes_no_more_changes_nothing(tmp_path, monkeypatch, small, broken):
    lock = make(tmp_path, codes=2, events=1)
    before, state = bytes_of(tmp_path), state_of(lock)

    def fail(*_):
        raise OSError(28, "no space")

    with monkeypatch.context() as patch:
        patch.setattr(atomic_files, broken, fail)
        tries = {
            "append": [lambda: lock.commit([event()], NOW, True)],
            "write": [lambda: lock.pay(NOW), lambda: lock.keep(1, NOW), lock.compact],
            "rename": [
                lock.compact,
                lambda: lock.settle(told(), NOW, True, b"x"),
                lambda: lock.commit([event()] * 6, NOW, True),
            ],
        }
        for one in tries[broken]:
            with pytest.raises(StoreFull, match="error 28"):
                one()
            assert bytes_of(tmp_path) == before
            assert state_of(lock) == state
    lock.commit([event()], NOW, True)
    lock.compact()
    assert difference(state_of(lock), state_of(Store.open(str(tmp_path)))) == ""


@pytest.mark.parametrize("broken", ["_put", "_rename"])
def test_a_commit_that_was_done_counts_even_if_the_file_system_then_fails(tmp_path, monkeypatch, broken):
    done = getattr(atomic_files, broken)

    def do_and_fail(*args):
        done(*args)
        raise OSError(5, "input/output error")

    if broken == "_rename":
        with monkeypatch.context() as patch:
            patch.setattr(atomic_files, broken, do_and_fail)
            lock = make(tmp_path)
    else:
        lock = make(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(atomic_files, broken, do_and_fail)
        if broken == "_put":
            lock.commit([put(0, state=USED), event()], NOW + 60, True)
            with pytest.raises(StoreFull):
                lock.pay(NOW)
            with pytest.raises(StoreFull):
                lock.compact()
        else:
            lock.settle(told(), NOW + 60, True, b"other")
    lock.pay(NOW + 61)
    lock.commit([event()], NOW + 61, True)
    assert difference(state_of(lock), state_of(Store.open(str(tmp_path)))) == ""


def test_provisioning_on_a_full_disk_makes_no_lock(tmp_path, monkeypatch):
    def fail(*_):
        raise OSError(28, "no space")

    for broken in ("write", "rename"):
        with monkeypatch.context() as patch:
            patch.setattr(atomic_files, broken, fail)
            with pytest.raises(StoreFull):
                Store.create(str(tmp_path), SECRET, CONFIG, NOW)
        with pytest.raises(NotProvisioned):
            Store.open(str(tmp_path))
    Store.create(str(tmp_path), SECRET, CONFIG, NOW)


def test_commits_are_counted(tmp_path):
    lock = Store.create(str(tmp_path), SECRET, CONFIG, NOW)
    counts = [lock.commits]
    for one in (
        lambda: lock.pay(NOW),
        lambda: lock.commit([event(), event()], NOW, True, True),
        lambda: lock.keep(1, NOW),
        lock.compact,
    ):
        one()
        counts.append(lock.commits)
    assert counts == [3, 4, 5, 6, 8]


def test_both_interpreters_write_the_same_bytes(tmp_path):
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    ours.mkdir()
    theirs.mkdir()
    source = (
        "import sys\n"
        "from tumbler_lock.core.codebook import StoredCode\n"
        "from tumbler_lock.core.keys import AccessKey\n"
        "from tumbler_lock.core.store import Entry, Store\n"
        "def build(path):\n"
        "    keys = [AccessKey(n, 1 + n % 4, bytes([n]) * 32, 'Jörg %d' % n) for n in range(16)]\n"
        f"    lock = Store.create(path, bytes(range(32)), b'config', {NOW}, 0, keys)\n"
        "    for n in range(1040):\n"
        "        if lock.tokens == 0: lock.keep(8, 0)\n"
        f"        lock.pay({NOW} + n)\n"
        "        tag = bytes((n * 37 + i * i * 11) & 255 for i in range(8))\n"
        "        entry = Entry(n & 7, 1, n % 2, StoredCode(tag, 2, n % 4, 7, digits_taken_until=n), n)\n"
        f"        lock.commit([entry], {NOW} + n, n % 5 > 0, n % 3 == 0)\n"
        "        if n % 300 == 299:\n"
        f"            lock.settle(Entry(25, n % 17, 0, None, n), {NOW} + n, True, bytes([n & 255]), keys[: n // 99])\n"
        "    return lock\n"
    )
    scope: dict = {}
    exec(source, scope)
    lock = scope["build"](str(ours))
    micropython.run(source + "build(sys.argv[1])\n", theirs)
    assert bytes_of(ours) == bytes_of(theirs)
    assert difference(state_of(lock), state_of(Store.open(str(theirs)))) == ""


def test_on_littlefs():
    """A full flash, a full book, a full log and damage, on the real littlefs in the real MicroPython."""
    said = micropython.run(micropython.ROOT / "tests" / "dual" / "power" / "limits.py", heap="32m")
    assert said.splitlines()[-1] == "all held"


def test_what_it_costs_in_micropython():
    """Heap with 1,000 codes, and a look-up against one HMAC-SHA256 in the same run."""
    cost = json.loads(micropython.run(micropython.ROOT / "tests" / "dual" / "power" / "cost.py"))
    assert cost["codes"] == 1000
    assert 24_000 < cost["store_heap"] <= 32_768
    assert 16 * 64 < cost["keys_heap"] <= 8_192
    assert 0 < cost["lookup"]["hit_in_hmacs"] < 3
    assert 0 < cost["lookup"]["miss_in_hmacs"] < 3


@pytest.mark.parametrize("kib", [512, 2048])
def test_ten_years_of_entries_stay_under_a_tenth_of_the_rated_erases(kib):
    script = micropython.ROOT / "tests" / "dual" / "power" / "wear.py"
    wear = json.loads(micropython.run(script, kib, 100, cases(3_000, 100_000), timeout=900))
    assert 1 < wear["erases_per_entry"] < 2
    assert 2 <= wear["commits_per_entry"] < 2.1
    assert 0 < wear["ten_years_mean"] <= wear["ten_years_most"] < wear["rated_erases"] / 10


@pytest.mark.parametrize("change", ["append", "rename"])
def test_a_change_in_doubt_stops_the_store_until_a_start(tmp_path, monkeypatch, change):
    """The file system does the change, says it failed, and then does not answer: nothing may be written after it."""
    store = Store.create(str(tmp_path), SECRET, b"", NOW)
    store.commit([Entry(1, 1, NONE, None, 1)], NOW, True)

    def failing(real):
        def done_but(*args):
            real(*args)
            raise OSError(5)

        return done_but

    def silent(*_args):
        raise OSError(5)

    with monkeypatch.context() as patch:
        if change == "append":
            patch.setattr(atomic_files, "_put", failing(atomic_files._put))
            patch.setattr(atomic_files.os, "stat", silent)
        else:
            patch.setattr(atomic_files, "_rename", failing(atomic_files._rename))
            patch.setattr(atomic_files, "exists", silent)
        with pytest.raises(StoreFull):
            store.commit([Entry(1, 1, NONE, None, 2)], NOW, True) if change == "append" else store.compact()
    assert store.in_doubt
    for act in (lambda: store.commit([Entry(1, 1, NONE, None, 3)], NOW, True), store.compact):
        with pytest.raises(StoreFull, match="restart"):
            act()
    again = Store.open(str(tmp_path))
    assert [event.arg for event in again.events()] == ([1, 2] if change == "append" else [1])
    again.commit([Entry(1, 1, NONE, None, 4)], NOW, True)
    assert Store.open(str(tmp_path)).seq == again.seq


def test_tokens_never_exceed_the_tries(tmp_path):
    store = Store.create(str(tmp_path), SECRET, b"", NOW)
    store.pay(NOW)
    store.keep(8, NOW)  # refilled while the entry was still being decided
    store.commit([Entry(0, 0, NONE, None, 0)], NOW, True, refund=True)
    assert store.tokens == 8
    assert Store.open(str(tmp_path)).tokens == 8
