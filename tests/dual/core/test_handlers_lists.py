"""Lists of the link that come in parts, from docs/spec/link.md: codes, keys and the log, while things change in
between."""

import random

from tests.dual.support import link_decoder as decoder
from tests.dual.support.link_tools import NEVER, PSKS, add, change, code, key, session, staff, u16, u32, word
from tests.dual.support.linked_lock import Linked
from tests.dual.support.lock import DAY, HOUR, NOW
from tumbler_lock.core import protocol
from tumbler_lock.core.codebook import ACTIVE, FRESH, REVOKED, USED, StoredCode
from tumbler_lock.core.keys import MANAGER, OPENER, AccessKey
from tumbler_lock.core.records import NONE, Entry
from tumbler_lock.core.tickets import CUSTOM, ONE_TIME, PERMANENT, RECURRING, TIMED


def full(lock, count=1000):
    """Put `count` codes into the book, as if they had come one by one. Returns tag -> record."""
    records = {}
    for number in range(count):
        kind = (CUSTOM, TIMED, ONE_TIME, RECURRING, PERMANENT)[number % 5]
        state = (ACTIVE, FRESH, USED, ACTIVE, REVOKED)[number // 5 % 5]
        end = NEVER if kind in (CUSTOM, PERMANENT) else NOW + DAY * (1 + number)
        cycle, begin, until, day = (number % 4, 9, 17, number % 7) if kind == RECURRING else (0, 0, 0, 0)
        tag = bytes((number * 37 % 256, number * 11 % 256)) + u16(number) + bytes(4)
        record = StoredCode(tag, kind, state, 4 + number % 6, cycle, begin, until, day, NOW - DAY, end, 0)
        records[tag] = record.pack()
    lock.store.book.space(len(records))[:] = b"".join(records.values())
    lock.store.book.adopt(len(records))
    lock.store.compact()
    lock.verifier.codes_changed()
    return records


def parts(client, command, arguments, between=None):
    """Ask; return the parts. Between two of them the lock must give others a turn: then `between` is called with the
    parts so far."""
    request = int.from_bytes(client.random(4), "big") | 1
    found = []
    done = False
    turn = True
    for said in client.session.receive(client.sealed(request, command, arguments)):
        if said is None:
            if found and not turn and between:
                between(found)
            turn = True
            continue
        assert turn, "two parts and no turn between them"
        assert not done, "a part after the last one"
        turn = False
        assert len(said) <= 241, "a part and the first byte of its fragment fit into 244"
        ((ident, status, result),) = client.unseal([bytes(said)])
        assert ident == request
        assert status in (protocol.DONE, protocol.MORE_FOLLOWS), (status, result)
        found.append(result)
        done = status == protocol.DONE
    assert done
    return found


def entry_of(record):
    """A record of the book, 24 bytes, as a list must have it."""
    (entry,) = decoder.codes(bytes(6) + record[:20])[2]
    return entry


def test_a_thousand_codes(directory):
    lock = staff(directory)
    records = full(lock)
    client = session(lock)
    found = [decoder.codes(part) for part in parts(client, protocol.LIST_CODES, b"\xff\xff")]
    assert len(found) == 100
    assert {seq for _, seq, _ in found} == {lock.store.seq}
    assert [cursor for cursor, _, _ in found][-1] == 0
    assert 0 not in [cursor for cursor, _, _ in found][:-1]
    listed = [entry for _, _, entries in found for entry in entries]
    assert listed == [entry_of(record) for record in reversed(list(records.values()))], "from the end to the beginning"


def test_an_empty_book_and_cursors_beyond_it(directory):
    lock = staff(directory)
    client = session(lock)
    for cursor in (0, 1, 10, 1000, 65535):
        assert client.done(protocol.LIST_CODES, u16(cursor)) == bytes(2) + u32(lock.store.seq)
    full(lock, 25)
    for cursor in (0, 1, 9, 10, 11, 24, 25, 26, 65535):
        found = [decoder.codes(part) for part in parts(client, protocol.LIST_CODES, u16(cursor))]
        assert sum([len(entries) for _, _, entries in found]) == min(cursor, 25), cursor


class Meddler:
    """Changes the book while it is listed. records: what is there; those that are touched leave `same`."""

    def __init__(self, lock, records):
        self.lock = lock
        self.same = dict(records)
        self.touched = set()
        self.opened = 0
        self._custom = ["%d" % (86_420_000 + 7 * number) for number in range(40)]

    def meddle(self, _found):
        """Do up to four things."""
        for _ in range(random.randint(0, 4)):
            what = random.randint(0, 9)
            if what < 3 and self._custom:
                self.touched.add(self.lock.owner.add_custom(self._custom.pop()))
            elif what < 8:
                self._spoil(what)
            else:
                digits = self.lock.code(PERMANENT, nth=self.opened)
                assert self.lock.enter(digits) == "open", "an entry is typed between two parts"
                self.opened += 1
                self.touched.add(self.lock.scheme.tag(digits))

    def _spoil(self, what):
        image = bytes(self.lock.store.book.image())
        at = 24 * random.randint(0, len(image) // 24 - 1)
        tag = image[at : at + 8]
        if self.lock.store.book.find(tag).state <= ACTIVE:
            if what < 6:
                self.lock.owner.delete(tag)
            else:
                self.lock.owner.change(tag, start=NOW - DAY * random.randint(1, 9))
            self.touched.add(tag)
            self.same.pop(tag, None)


def test_codes_come_change_and_go_between_two_parts(directory):
    """Whatever was there all the while is listed; whatever came, changed or went is in the log since the first part."""
    for seed in range(4):
        lock = staff(directory)
        records = full(lock, 120)
        random.seed(seed)
        meddler = Meddler(lock, records)
        client = session(lock)
        found = [decoder.codes(part) for part in parts(client, protocol.LIST_CODES, b"\xff\xff", meddler.meddle)]
        listed = {}
        for _, _, entries in found:
            for entry in entries:
                listed.setdefault(entry["tag"], []).append(entry)
        for tag in meddler.same:
            assert listed.get(tag, [])[:1] == [entry_of(records[tag])], "seed %d" % seed
        since = found[0][1]
        log = [
            entry for part in parts(client, protocol.READ_LOG, u32(since) + u16(1000)) for entry in decoder.log(part)
        ]
        told = {entry["id"] for entry in log}
        assert len(meddler.touched) > meddler.opened > 0
        for tag in meddler.touched:
            assert tag[:4] in told, "seed %d" % seed
        for tag in listed:
            assert tag in records or tag[:4] in told, "seed %d" % seed


def test_a_list_that_was_interrupted_goes_on(directory):
    """In another connection, and after a restart of the lock."""
    for how in ("connection", "restart"):
        lock = staff(directory)
        records = full(lock, 97)
        lock.owner.add_custom("86420000")
        listed = set()
        cursor, rounds = 0xFFFF, 0
        client = session(lock)
        while cursor:
            came = 0
            for said in client.session.receive(client.sealed(7, protocol.LIST_CODES, u16(cursor))):
                if said is not None:
                    ((_, _, result),) = client.unseal([bytes(said)])
                    cursor, _, entries = decoder.codes(result)
                    listed |= {entry["tag"] for entry in entries}
                    came += 1
                    if came == 2:
                        break  # the others were lost with the connection
            rounds += 1
            client.session.close()
            if how == "restart":
                lock.restart()
            client = session(lock)
        assert rounds == 5
        assert listed == set(records) | {lock.scheme.tag("86420000")}, how


def test_the_log(directory):
    """Each entry says what happened, who did it, and with which request."""
    lock = Linked(directory, keys=(AccessKey(1, MANAGER, PSKS[1], "Mia"), AccessKey(4, OPENER, PSKS[2], "Oz")))
    client = session(lock, 1, PSKS[1])
    tag = client.done(protocol.ADD_CODE, add(b"8642"), 0x01020304)
    lock.wait(60)
    assert lock.enter("8642") == "open"
    assert lock.enter("111111") == "refused wrong"
    session(lock, 4, PSKS[2], "Oz").done(protocol.UNLOCK, b"", 0xFFFFFFFF)
    lock.restart(100)
    lock.rtc.ok = False
    owner = session(lock)
    owner.done(protocol.ADD_KEY, key(9, 3, label=b"Zo\xc3\xab"), 5)
    owner.done(protocol.SET_TIME, u32(NOW + HOUR), 6)
    owner.done(protocol.REMOVE_KEY, b"\x04", 7)
    owner.done(protocol.SET_CONFIG, b"\x03\x01\x09", 8)
    owner.done(protocol.CHANGE_CODE, change(tag, 4, end=NOW + DAY), 9)
    owner.done(protocol.DELETE_CODE, code(b"8642"), 10)
    owner.done(protocol.ERASE_CODES, b"", 11)
    lock.owner.add_custom("8642")
    short, none = tag[:4], bytes(4)
    wanted = [
        (NOW, 16, 2, 4, CUSTOM, short, 0x01020304),
        (NOW + 60, 0, 0, 0, CUSTOM, short, 0),
        (NOW + 60, 1, 1, 0, 7, none, 0),
        (NOW + 60, 23, 5, 0, 7, none, 0xFFFFFFFF),
        (NOW + 160, 24, 1, 6, 7, b"\x09\x03Zo", 5),
        (NOW + HOUR, 19, 1, 0, 7, none, 6),
        (NOW + HOUR, 25, 1, 0, 7, b"\x04\x03Oz", 7),
        (NOW + HOUR, 20, 1, 0, 7, none, 8),
        (NOW + HOUR, 17, 1, 0, CUSTOM, short, 9),
        (NOW + HOUR, 18, 1, 0, CUSTOM, short, 10),
        (NOW + HOUR, 26, 1, 0, 7, none, 11),
        (NOW + HOUR, 16, 0, 0, CUSTOM, lock.scheme.tag("8642")[:4], 0),
    ]
    found = [entry for part in parts(owner, protocol.READ_LOG, u32(0) + u16(1000)) for entry in decoder.log(part)]
    names = ("time", "event", "reason", "flags", "kind", "id", "argument")
    for entry, expected in zip(found, wanted):
        told = tuple([entry[name] for name in names])
        if expected[1] == 19:
            told = (expected[0],) + told[1:3] + (told[3] & 4,) + told[4:]  # how an untrusted clock is told is the log's
        if expected[1] == 24:
            expected = (told[0],) + expected[1:]  # the clock had stopped
        assert told == expected, expected
    assert [entry["seq"] for entry in found] == list(range(1, len(wanted) + 1))


def events(lock, count):
    """Log this many events."""
    while count:
        batch = min(count, 16)
        lock.store.commit([Entry(21, 0, NONE, None, number) for number in range(batch)], NOW, True)
        count -= batch


def test_the_log_in_parts(directory):
    """From any number on, as many as were asked for, oldest first; also when the log has forgotten its beginning."""
    lock = staff(directory)
    client = session(lock)
    assert client.done(protocol.READ_LOG, u32(0) + u16(65535)) == b""
    events(lock, 37)
    for total, oldest in ((37, 1), (1137, 138)):
        events(lock, total - lock.store.seq)
        assert lock.store.first_seq == oldest
        for since in (0, 1, 5, oldest - 1, oldest, total - 11, total - 1, total, total + 1, 0xFFFFFFFF):
            for most in (0, 1, 9, 10, 11, 30, 65535) if since in (0, 5) else (0, 3, 25):
                found = [decoder.log(part) for part in parts(client, protocol.READ_LOG, u32(since) + u16(most))]
                first = max(since + 1, oldest)
                expected = list(range(first, min(total, first + most - 1) + 1))
                assert [entry["seq"] for part in found for entry in part] == expected, (total, since, most)
                assert [len(part) for part in found[:-1]] == [10] * (len(found) - 1)
                assert len(found) == max(1, (len(expected) + 9) // 10)


def test_events_between_two_parts_of_the_log(directory):
    lock = staff(directory)
    client = session(lock)
    events(lock, 990)
    events(lock, 60)
    asked = lock.store.seq

    def more(_found):
        events(lock, 40)  # the oldest are forgotten meanwhile

    found = [
        entry["seq"]
        for part in parts(client, protocol.READ_LOG, u32(0) + u16(100), more)
        for entry in decoder.log(part)
    ]
    assert found == sorted(set(found))
    assert found[0] == 51
    assert len(found) <= 100
    assert found[-1] <= asked + 400
    everything = [
        entry["seq"]
        for part in parts(client, protocol.READ_LOG, u32(asked) + u16(65535))
        for entry in decoder.log(part)
    ]
    assert everything == list(range(asked + 1, lock.store.seq + 1)), "nothing is lost to who asks again"


def test_sixteen_keys(directory):
    """With labels of any length; no part holds half a key, and no psk is ever told."""
    keys = [AccessKey(slot, 1 + slot % 4, bytes((slot,)) * 32, "n" * slot) for slot in range(1, 16)]
    keys.append(AccessKey(0, 1, b"\xee" * 32, "\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9"))
    lock = staff(directory)
    lock.store.settle(Entry(20, 0, NONE, None, 0), NOW, True, None, keys)
    client = session(lock, 0, b"\xee" * 32)
    raw = parts(client, protocol.LIST_KEYS, b"")
    found = [entry for part in raw for entry in decoder.keys(part)]
    assert len(raw) > 1
    assert [entry["slot"] for entry in found] == list(range(16))
    for entry in found[1:]:
        expected = {"slot": entry["slot"], "role": 1 + entry["slot"] % 4, "label": "n" * entry["slot"]}
        expected.update({"days": 0, "begin": 0, "until": 0, "start": 0, "end": NEVER})
        assert entry == expected
    assert found[0]["label"] == "\u00e9" * 8
    for known in keys:
        assert not any(known.psk[:8] in part for part in raw)
    assert word(client, protocol.ADD_KEY, key(255, 3)) == "no-free-slot"
    assert word(client, protocol.ADD_KEY, key(4, 3)) in ("no-free-slot", "slot-taken")
