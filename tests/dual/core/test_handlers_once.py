"""A request that changes something is done once, whatever happens: docs/spec/link.md, "Commands"."""

from tests.dual.support.link_tools import (
    NEW_PSK,
    PSKS,
    add,
    change,
    code,
    key,
    memory,
    refused,
    session,
    staff,
    u32,
    visitor,
    word,
)
from tests.dual.support.lock import HOUR, NOW
from tumbler_lock.core import protocol
from tumbler_lock.core.records import NONE, Entry

ID = 0x7A7B7C7D

# Every command that changes something, with its arguments.
CHANGES = (
    ("set time", protocol.SET_TIME, u32(NOW + 500)),
    ("add code", protocol.ADD_CODE, add(b"8642")),
    ("change the end", protocol.CHANGE_CODE, change(b"97531", 4, end=NOW + 48 * HOUR)),
    ("change the digits", protocol.CHANGE_CODE, change(b"97531", 8, digits=b"864209")),
    ("delete code", protocol.DELETE_CODE, code(b"97531")),
    ("unlock", protocol.UNLOCK, b""),
    ("set configuration", protocol.SET_CONFIG, b"\x03\x01\x09"),
    ("add key", protocol.ADD_KEY, key(255, 3)),
    ("remove key", protocol.REMOVE_KEY, b"\x02"),
    ("erase all", protocol.ERASE_CODES, b""),
)


def prepared(directory):
    """A lock with a code to change."""
    lock = staff(directory)
    lock.owner.add_custom("97531")
    return lock


def remembered(lock):
    """What a retry may not change: all but how often flash was written since the start, which a restart resets."""
    (state, keys, requests, _), trouble, opened, _, _ = memory(lock)
    return state, keys, requests, trouble, opened, lock.rtc.now


def test_a_retry_does_nothing_more(directory):
    """In the same session, in a new one, after a restart, and after a restart and a rewritten journal."""
    for name, command, arguments in CHANGES:
        lock = prepared(directory)
        client = session(lock)
        first = client.ask(command, arguments, ID)
        assert first[0] == "done", name
        done = remembered(lock)
        for where in ("session", "connection", "restart", "compaction", "restart"):
            if where == "connection":
                client.session.close()
            if where == "restart":
                lock.restart()
            if where == "compaction":
                lock.store.compact()
            if where != "session":
                client = session(lock)
            again = client.ask(command, arguments, ID)
            assert remembered(lock) == done, (name, where)
            assert again == ((("done", [b"\x00"])) if command == protocol.UNLOCK else first), (name, where)
        assert lock.opened == ([5] if command == protocol.UNLOCK else [])


def ended_at(client, message, end):
    """Say it and let the connection end at turn `end`, be that an answer or a turn for others. Tells whether it did."""
    ended = False
    for turn, answer in enumerate(client.session.receive(message)):
        assert answer is None or not ended, "an answer after the end"
        if turn == end:
            client.session.close()
            ended = True
    return ended


def test_a_connection_that_ends_anywhere_in_a_request(directory):
    """At each turn of the lock: the request was carried out or it was not; after the retry it was, once."""
    for name, command, arguments in CHANGES:
        end = 0
        ended = True
        while ended:
            lock = prepared(directory)
            before = remembered(lock)
            client = session(lock)
            ended = ended_at(client, client.sealed(ID, command, arguments), end)
            carried_out = remembered(lock)
            status, _ = session(lock).ask(command, arguments, ID)
            assert status == "done"
            assert remembered(lock) != before, name
            assert carried_out in (before, remembered(lock)), (name, end)
            assert len(lock.opened) == (1 if command == protocol.UNLOCK else 0), name
            end += 1
        assert end > 2, "at least before and after it was carried out"


def test_a_retried_unlock_opens_once(directory):
    lock = prepared(directory)
    for slot in range(3):
        client = session(lock, slot, PSKS[slot])
        assert client.done(protocol.UNLOCK, b"", ID) == b"\x05"
        for _ in range(3):
            assert client.done(protocol.UNLOCK, b"", ID) == b"\x00"
        assert session(lock, slot, PSKS[slot]).done(protocol.UNLOCK, b"", ID) == b"\x00"
        assert len(lock.opened) == slot + 1, "another slot's same id is another request"
    assert session(lock).done(protocol.UNLOCK, b"", ID + 1) == b"\x05"


def test_a_retried_time_is_not_set_again(directory):
    lock = prepared(directory)
    session(lock).done(protocol.SET_TIME, u32(NOW + 500), ID)
    lock.wait(300)
    session(lock).done(protocol.SET_TIME, u32(NOW + 500), ID)
    assert lock.rtc.now == NOW + 800


def test_an_id_that_comes_back_with_another_command(directory):
    for name, command, arguments in CHANGES:
        lock = prepared(directory)
        client = session(lock)
        assert client.ask(command, arguments, ID)[0] == "done"
        for other, number, wrong in CHANGES:
            if number != command:
                assert word(client, number, wrong, ID) == "request-reused", (name, other)
        for number in (protocol.IDENTIFY, protocol.GET_TIME, protocol.GET_CONFIG, protocol.LIST_KEYS):
            assert word(client, number, b"", ID) == "done", "what changes nothing may have any id"


def test_another_slots_same_id_is_another_request(directory):
    lock = prepared(directory)
    owner, manager = session(lock), session(lock, 1, PSKS[1], "manager")
    owner.done(protocol.ADD_CODE, add(b"8642"), ID)
    assert word(manager, protocol.ADD_CODE, add(b"8642"), ID) == "code-exists"
    assert manager.done(protocol.DELETE_CODE, code(b"8642"), ID) == lock.scheme.tag("8642")
    assert owner.done(protocol.ADD_CODE, add(b"8642"), ID) == lock.scheme.tag("8642"), "done before"
    assert lock.enter("8642") == "refused wrong", "and not done again"


def test_only_the_newest_id_of_a_slot_is_known(directory):
    lock = prepared(directory)
    client = session(lock)
    client.done(protocol.UNLOCK, b"", ID)
    client.done(protocol.UNLOCK, b"", ID + 1)
    assert client.done(protocol.UNLOCK, b"", ID + 1) == b"\x00"
    assert client.done(protocol.UNLOCK, b"", ID) == b"\x05", "a new wish"
    assert len(lock.opened) == 3


def test_a_refused_request_leaves_its_id_free(directory):
    lock = prepared(directory)
    client = session(lock)
    assert word(client, protocol.DELETE_CODE, code(b"8642"), ID) == "no-such-code"
    assert client.done(protocol.ADD_CODE, add(b"8642"), ID) == lock.scheme.tag("8642")
    assert word(client, protocol.ADD_CODE, add(b"864"), ID + 1) == "bad-request"
    assert client.done(protocol.ADD_CODE, add(b"8642"), ID) == lock.scheme.tag("8642"), "still the newest"


def test_the_holder_of_a_slot_before_has_no_ids_in_it(directory):
    lock = prepared(directory)
    owner = session(lock)
    session(lock, 2, PSKS[2]).done(protocol.UNLOCK, b"", ID)
    owner.done(protocol.REMOVE_KEY, b"\x02")
    owner.done(protocol.ADD_KEY, key(2, 3))
    for number in range(2):
        assert session(lock, 2, NEW_PSK).done(protocol.UNLOCK, b"", ID + number) == b"\x05"
        lock.restart()
    assert session(lock, 2, NEW_PSK).done(protocol.UNLOCK, b"", ID + 1) == b"\x00"


def test_an_id_is_known_as_long_as_the_log_has_it(directory):
    lock = prepared(directory)
    client = session(lock)
    client.done(protocol.UNLOCK, b"", ID)
    for _ in range(999):
        lock.store.commit([Entry(21, 0, NONE, None, 0)], NOW, True)
    assert client.done(protocol.UNLOCK, b"", ID) == b"\x00"
    lock.store.commit([Entry(21, 0, NONE, None, 0)], NOW, True)
    assert client.done(protocol.UNLOCK, b"", ID) == b"\x05"


def test_a_request_without_an_id_is_none(directory):
    lock = prepared(directory)
    client = session(lock)
    before = memory(lock)
    payload = bytes(4) + bytes((protocol.UNLOCK,))
    ((ident, status, _),) = client.unseal(client.say(bytes((protocol.SEALED,)) + client.seal.seal(payload)))
    assert (ident, protocol.REFUSALS[status - 16]) == (0, "bad-request")
    assert memory(lock) == before


def test_a_retried_reset_finds_no_lock_of_that_id(directory):
    lock = prepared(directory)
    lock.held = True
    client = session(lock)
    assert client.done(protocol.RESET, b"", ID) == b""
    lock.start()
    again = visitor(lock)
    again.hello()
    assert again.lock_id == bytes(8) != client.lock_id
    assert refused(again, client.said[1]) == 0


def test_an_own_key_that_was_removed_answers_no_retry(directory):
    lock = prepared(directory)
    owner = session(lock)
    owner.done(protocol.ADD_KEY, key(9, 1))
    owner.done(protocol.REMOVE_KEY, b"\x00", ID)
    again = visitor(lock)
    again.hello()
    assert refused(again, owner.said[1]) == 0
