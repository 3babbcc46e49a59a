"""Pairing from docs/spec/link.md: whole ones, every refusal, and what comes late, twice, out of order or from
nobody."""

from tests.dual.core.test_sessions import id_of
from tests.dual.support import link_decoder as decoder
from tests.dual.support.link_tools import PSKS, memory, refused, session, staff, visitor, word
from tests.dual.support.linked_lock import Linked, Refusal
from tests.dual.support.lock import HOUR, NOW
from tests.dual.support.pairing_client import (
    COMMIT,
    DIGITS,
    FINISH,
    PSK,
    REVEAL,
    SECRET,
    SETTINGS,
    commitment,
    complete,
    further,
    shown,
)
from tumbler_lock.core import protocol
from tumbler_lock.core.keys import OWNER, AccessKey
from tumbler_lock.core.records import NONE, Entry

NONCE = bytes(range(16))


def blank(directory, **more):
    """A lock that has no secret."""
    lock = Linked(directory, blank=True, **more)
    assert lock.trouble == "no-secret"
    return lock


def pairing(lock, name="client"):
    """A session of slot 255, without the handshake's wait for the budget."""
    return session(lock, 255, None, name)


def agreed(lock, name="client"):
    """A pairing whose digits were typed."""
    client = pairing(lock, name)
    assert lock.sessions.enter(shown(client)) is True
    assert client.done(DIGITS) == b""
    return client


def test_a_new_lock_is_paired(directory):
    lock = blank(directory)
    lock.rtc.ok = False
    client = pairing(lock)
    assert client.lock_id == bytes(8)
    digits = shown(client)
    assert len(digits) == 6
    assert digits.isdigit()
    assert lock.played == ["pairing"]
    assert word(client, DIGITS) == "pairing-pending"
    assert word(client, DIGITS) == "pairing-pending"
    assert lock.sessions.enter(digits) is True
    assert client.done(DIGITS) == b""
    assert client.done(DIGITS) == b""
    assert lock.trouble == "no-secret", "nothing is changed before finish"
    assert client.done(FINISH, complete(NOW + HOUR)) == b"\x00"
    assert lock.anew
    lock.start()
    assert lock.trouble == ""
    owner = session(lock, 0, PSK)
    assert owner.lock_id == id_of(SECRET)
    told = decoder.identify(owner.done(protocol.IDENTIFY))
    assert (told["role"], told["label"], told["epoch"], told["time"]) == (1, "Zo\u00eb", 7, NOW + HOUR)
    assert told["flags"] & 1, "its time is trusted"
    assert owner.done(protocol.GET_CONFIG) == SETTINGS
    for slot in range(1, 16):
        stranger = visitor(lock)
        stranger.hello(slot)
        assert refused(stranger, client.said[1][:1] + bytes(48)) == 0


def test_a_lock_with_a_secret_gets_a_further_owner(directory):
    lock = staff(directory)
    lock.owner.add_custom("8642")
    lock.held = True
    client = pairing(lock)
    assert client.lock_id == session(lock).lock_id
    lock.held = False  # it was held as hello arrived
    before = memory(lock)
    digits = shown(client)
    assert lock.sessions.enter(digits) is True
    assert client.done(DIGITS) == b""
    assert word(client, FINISH, further()) == "button-needed"
    assert memory(lock) == before
    lock.held = True  # once more: who typed outside need not be who held it inside
    assert client.done(FINISH, further()) == b"\x04", "the lowest free slot"
    assert not lock.anew
    owner = session(lock, 4, PSK)
    assert owner.done(protocol.UNLOCK) == b"\x05"
    assert session(lock).done(protocol.UNLOCK) == b"\x05", "the others keep theirs"
    assert lock.enter("8642") == "open"
    log = decoder.log(owner.done(protocol.READ_LOG, bytes(4) + b"\x00\x03"))
    assert [(entry["event"], entry["reason"], entry["id"]) for entry in log][1] == (24, 0, b"\x04\x01Zo")
    lock.restart()
    assert session(lock, 4, PSK).session.slot == 4


def test_a_lock_that_lost_its_memory(directory):
    """With the button it becomes a new one; without it nobody pairs with it."""
    lock = Linked(directory)
    with open(directory + "/journal", "wb") as file:
        file.write(b"no journal")
    lock.restart()
    assert lock.trouble == "fault"
    assert refused(visitor(lock), b"\x01\x01\xff") == 3
    lock.held = True
    client = agreed(lock)
    assert word(client, FINISH, further()) == "not-set-up"
    assert client.done(FINISH, complete(NOW)) == b"\x00"
    lock.start()
    assert session(lock, 0, PSK).lock_id == id_of(SECRET)


def test_nobody_pairs_with_a_lock_that_has_a_secret_unless_its_button_is_held(directory):
    lock = Linked(directory)
    before = memory(lock)[:2]
    for _ in range(3):
        assert refused(visitor(lock), b"\x01\x01\xff") == 3
    for psk in (None, bytes(32), bytes(range(32))):  # slot 255 has no default key, and none of the 16 slots has either
        for slot in (0, 1, 15):
            client = visitor(lock)
            client.hello(slot)
            assert no_session(client, psk) == 0
    assert memory(lock)[:2] == before


def test_there_is_no_default_key_to_pair_with(directory):
    """Slot 255 takes no pre-shared key at all: a first message that is sealed under any is refused."""
    lock = blank(directory)
    for psk in (bytes(32), b"\xff" * 32, bytes(range(32)), b"tumbler" + bytes(25)):
        client = visitor(lock)
        client.hello(255)
        assert no_session(client, psk) == 0


def test_a_session_of_a_pairing_can_do_nothing_else(directory):
    lock = staff(directory)
    lock.held = True
    client = pairing(lock)
    for command in range(256):
        if command not in (COMMIT, REVEAL, DIGITS, FINISH):
            assert word(client, command) == "unknown-command"
            assert word(client, command, bytes(40)) == "unknown-command"
    assert lock.sessions.enter(shown(client)) is True
    assert word(client, protocol.UNLOCK) == "unknown-command"
    assert word(client, protocol.ADD_KEY, bytes(60)) == "unknown-command"
    owner = session(lock)
    for command in (COMMIT, REVEAL, DIGITS, FINISH):
        assert word(owner, command, further()) == "unknown-command"


def no_session(client, psk):
    """The reason with which a handshake after hello is refused; ValueError when there is a session."""
    try:
        client.shake(psk)
    except Refusal as refusal:
        return refusal.reason
    raise ValueError("a session")


def over(client):
    """Whether the connection has ended and nothing more can come of the pairing."""
    return client.session.over and client.say(b"\x03" + bytes(40)) == [b"\xff\x00"]


def test_each_command_comes_once_and_in_its_order(directory):
    lock = blank(directory)
    client = pairing(lock)
    for command, arguments in ((REVEAL, NONCE), (DIGITS, b"")):
        assert word(client, command, arguments) == "bad-request"
    for size in (0, 16, 31, 33, 64):
        assert word(client, COMMIT, bytes(size)) == "bad-request"
    assert len(client.done(COMMIT, bytes(32))) == 32
    for size in (0, 15, 17, 32):
        assert word(client, REVEAL, bytes(size)) == "bad-request"
    assert word(client, COMMIT, bytes(32)) == "bad-request", "once"
    assert word(client, DIGITS) == "bad-request"
    assert word(client, REVEAL, NONCE) == "pairing-failed", "its commitment was to something else"
    assert over(client)
    client = pairing(lock)
    shown(client)
    for command, arguments in ((COMMIT, bytes(32)), (REVEAL, NONCE), (DIGITS, b"\x00")):
        assert word(client, command, arguments) == "bad-request"
    assert lock.sessions.link.untyped
    assert word(client, FINISH, complete(NOW)) == "pairing-failed", "before the digits were typed"
    assert over(client)
    assert lock.trouble == "no-secret"


def test_finish_before_anything(directory):
    for steps in range(3):
        lock = blank(directory)
        client = pairing(lock)
        if steps == 1:
            client.done(COMMIT, bytes(32))
        if steps == 2:
            shown(client)
        assert word(client, FINISH, complete(NOW)) == "pairing-failed", steps
        assert over(client)
        lock.start()
        assert lock.trouble == "no-secret"


def test_a_commitment_that_is_not_kept(directory):
    """One bit of the nonce is another, or the commitment is of another handshake, or of the other side."""
    lock = blank(directory)
    for side, change_hash, change_nonce in ((b"C", 0, 1), (b"C", 1, 0), (b"L", 0, 0)):
        client = pairing(lock)
        handshake = bytes((client.hash[0] ^ change_hash,)) + client.hash[1:]
        client.done(COMMIT, commitment(side, handshake, NONCE))
        assert word(client, REVEAL, bytes((change_nonce,)) + NONCE[1:]) == "pairing-failed"
        assert over(client)
        assert not lock.sessions.link.untyped, "the lock's nonce was not told"


def test_wrong_digits_end_the_pairing(directory):
    for typed in ("000000", "12345", "1234567", "1", "999999999", "0" * 10):
        lock = blank(directory)
        client = pairing(lock)
        digits = shown(client)
        if typed == digits:
            continue
        assert lock.sessions.enter(typed) is False
        assert lock.sessions.enter(digits) is None, "the first entry counts; the next one is a common one"
        assert word(client, DIGITS) == "pairing-failed"
        assert over(client)
        again = pairing(lock, "again")
        assert lock.sessions.enter(shown(again)) is True, "and a new one begins with new digits"


def test_every_digit_counts(directory):
    """The right digits with one of them changed, cut, or one more."""
    for place in range(8):
        lock = blank(directory)
        client = pairing(lock)
        digits = shown(client)
        if place == 6:
            wrong = digits[:5]
        elif place == 7:
            wrong = digits + "0"
        else:
            wrong = digits[:place] + "%d" % ((int(digits[place]) + 1) % 10) + digits[place + 1 :]
        assert lock.sessions.enter(wrong) is False
        assert word(client, FINISH, complete(NOW)) == "pairing-failed"


def test_digits_typed_twice(directory):
    lock = staff(directory)
    lock.held = True
    client = pairing(lock)
    digits = shown(client)
    assert lock.sessions.enter(digits) is True
    assert lock.sessions.enter(digits) is None, "the second time it is an entry like any other"
    assert client.done(DIGITS) == b""
    assert client.done(FINISH, further()) == b"\x04"


def test_digits_typed_before_they_are_shown(directory):
    lock = staff(directory)
    lock.held = True
    client = pairing(lock)
    assert lock.sessions.enter("123456") is None
    client.done(COMMIT, bytes(32))
    assert lock.sessions.enter("123456") is None


def test_digits_typed_late(directory):
    lock = blank(directory)
    client = pairing(lock)
    digits = shown(client)
    lock.wait(119)
    assert word(client, DIGITS) == "pairing-pending"
    assert lock.sessions.enter(digits) is True
    late = pairing(lock, "late")
    digits = shown(late)
    lock.wait(120)
    assert word(late, DIGITS) == "pairing-failed"
    assert over(late)
    assert lock.sessions.enter(digits) is None
    later = pairing(lock, "later")
    digits = shown(later)
    lock.wait(121)
    assert lock.sessions.enter(digits) is None
    assert word(later, FINISH, complete(NOW)) == "pairing-failed"
    assert lock.trouble == "no-secret"


def test_after_a_reveal_no_other_begins_until_something_was_typed(directory):
    """Whatever became of the connection and however long it is ago; also one whose hello came before."""
    lock = blank(directory)
    early = visitor(lock, "early")
    early.hello(255)
    client = pairing(lock)
    shown(client)
    assert refused(visitor(lock, "other"), b"\x01\x01\xff") == 4
    assert no_session(early, None) == 4
    assert early.session.over
    client.session.close()
    assert refused(visitor(lock, "other"), b"\x01\x01\xff") == 4
    lock.wait(1000)
    assert refused(visitor(lock, "other"), b"\x01\x01\xff") == 4
    assert lock.sessions.enter("1") is None
    pairing(lock, "other")


def test_a_second_pairing_takes_the_place_of_one_that_has_revealed_nothing(directory):
    lock = blank(directory)
    first = pairing(lock, "first")
    first.done(COMMIT, bytes(32))
    second = pairing(lock, "second")
    assert word(first, REVEAL, bytes(16)) in ("bad-request", "pairing-failed")
    assert over(first)
    digits = shown(second)
    assert lock.sessions.enter(digits) is True
    assert second.done(FINISH, complete(NOW)) == b"\x00"


def test_a_connection_that_is_lost_loses_the_pairing(directory):
    for steps in ("begun", "shown", "agreed"):
        lock = blank(directory)
        client = pairing(lock)
        digits = ""
        if steps != "begun":
            digits = shown(client)
        if steps == "agreed":
            assert lock.sessions.enter(digits) is True
        client.session.close()
        if steps == "shown":
            assert lock.sessions.enter(digits) is not True
        assert client.say(client.sealed(7, FINISH, complete(NOW))) == [b"\xff\x00"]
        lock.start()
        assert lock.trouble == "no-secret", steps


def test_a_restart_loses_the_pairing(directory):
    lock = blank(directory)
    client = pairing(lock)
    digits = shown(client)
    lock.restart()
    assert lock.sessions.enter(digits) is None
    assert refused(visitor(lock), client.sealed(7, FINISH, complete(NOW))) == 0
    again = pairing(lock, "again")
    assert lock.sessions.enter(shown(again)) is True


def test_finish_of_a_new_lock_refused(directory):
    """Each time the lock stays without a secret, and the finish that is right is taken after all."""
    lock = blank(directory)
    client = agreed(lock)
    assert word(client, FINISH, further()) == "not-set-up"
    for bad in (b"", PSK[:31], PSK, PSK + b"\x05Zoe", further()[:-1]):
        assert word(client, FINISH, bad) == "bad-request", bad
    whole = complete(NOW)
    for cut in range(len(further()) + 1, len(whole)):
        assert word(client, FINISH, whole[:cut]) in ("not-set-up", "bad-request"), cut
    for settings in (SETTINGS + b"\x00", SETTINGS[28:], SETTINGS[:-7], SETTINGS + SETTINGS, SETTINGS + b"\x07\x00"):
        assert word(client, FINISH, complete(NOW, settings=settings)) == "bad-request", settings
    for right, wrong in ((b"\x02\x01\x60", b"\x02\x01\x00"), (b"CET-1", b"?????"), (b"\x03\x01\x07", b"\x03\x01\x3d")):
        assert word(client, FINISH, complete(NOW, settings=SETTINGS.replace(right, wrong))) == "bad-setting", wrong
    for label in (b"\xff", b"a\x00", b"\xc3\xa9\xc3"):
        assert word(client, FINISH, complete(NOW, label=label)) == "bad-key", label
    assert word(client, FINISH, complete(NOW, label=b"n" * 17)) in ("bad-key", "bad-request")
    for time in (0, 1_577_836_799, 4_102_444_800, 0xFFFFFFFF):
        assert word(client, FINISH, complete(time)) == "bad-time", time
    lock.rtc.answers = False
    assert word(client, FINISH, complete(NOW)) == "clock-fault"
    lock.rtc.answers = True
    lock.path = directory + "/nowhere"
    assert word(client, FINISH, complete(NOW)) == "store-full"
    lock.path = directory
    assert not lock.anew
    assert client.done(FINISH, complete(NOW, label=b"", epoch=65535)) == b"\x00"
    assert over(client), "finish comes once"
    lock.start()
    assert decoder.identify(session(lock, 0, PSK).done(protocol.IDENTIFY))["epoch"] == 65535


def test_finish_of_a_lock_with_a_secret_refused(directory):
    lock = staff(directory)
    lock.held = True
    client = agreed(lock)
    assert word(client, FINISH, complete(NOW)) == "already-set-up", "nobody gives it another secret"
    assert word(client, FINISH, further() + b"\x00") == "already-set-up"
    for bad in (b"", PSK, further()[:-1]):
        assert word(client, FINISH, bad) == "bad-request", bad
    assert word(client, FINISH, further(PSKS[0])) == "bad-key", "another slot has it"
    assert word(client, FINISH, further(label=b"\xff")) == "bad-key"
    keys = list(lock.store.keys.values()) + [AccessKey(slot, OWNER, bytes((slot,)) * 32) for slot in range(4, 16)]
    lock.store.settle(Entry(20, 0, NONE, None, 0), NOW, True, None, keys)
    assert word(client, FINISH, further()) == "no-free-slot"
    lock.owner.remove_key(9)
    assert client.done(FINISH, further()) == b"\x09"
    assert over(client)
    assert lock.store.secret == bytes(range(32))


def test_finish_whose_answer_was_lost(directory):
    """The key is there, or it is not: the client finds out with the key itself."""
    for whole in (True, False):
        lock = blank(directory)
        client = agreed(lock)
        for said in client.session.receive(client.sealed(7, FINISH, complete(NOW))):
            if said is not None or not whole:
                client.session.close()
                break
        lock.start()
        if whole:
            assert session(lock, 0, PSK).session.slot == 0
            lock.wipe()
        else:
            assert lock.trouble == "no-secret"
