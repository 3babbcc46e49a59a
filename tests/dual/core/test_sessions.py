"""Connections to a lock, from docs/spec/link.md: hello, handshake, states, reasons, budget, deadlines."""

import hashlib
import random

from tests.dual.support.link_tools import dropped, fails, memory, refused, session, visitor, word
from tests.dual.support.linked_lock import FIRMWARE, PSK, Client, Linked, Refusal
from tests.dual.support.lock import EXAMPLE_SECRET
from tests.dual.support.noise_attacks import Counted
from tumbler_lock.core import protocol
from tumbler_lock.core.keys import MANAGER, OPENER, AccessKey
from tumbler_lock.core.link_state import LinkState
from tumbler_lock.core.noise import HandshakeState
from tumbler_lock.core.protocol import prologue
from tumbler_lock.core.sessions import Sessions

OTHER = bytes(range(100, 132))
MANAGERS = AccessKey(3, MANAGER, OTHER, "Mia")
HELLO, SHAKE, SEALED, REFUSED = 0x01, 0x02, 0x03, 0xFF


def hmac(key, message):
    """HMAC-SHA256 by its definition."""
    key += bytes(64 - len(key))
    inner = hashlib.sha256(bytes([byte ^ 0x36 for byte in key]) + message).digest()
    return hashlib.sha256(bytes([byte ^ 0x5C for byte in key]) + inner).digest()


def id_of(secret):
    """The lock id of the document: HKDF without a salt, one block."""
    return hmac(hmac(bytes(32), secret), b"tumbler lock id 1\x01")[:8]


def first_message(client, psk=PSK, begin=None):
    """A first message of the handshake after the client's hello."""
    return bytes((SHAKE,)) + HandshakeState(True, begin or client.begin, psk, client.random).write()


def test_hello_names_version_lock_and_a_fresh_challenge(directory):
    lock = Linked(directory)
    challenges = set()
    for offered in (1, 2, 77, 255):
        (answer,) = visitor(lock).say(bytes((HELLO, offered, 0)))
        assert len(answer) == 26
        assert answer[:2] == b"\x81\x01", "the highest that both speak"
        assert answer[2:10] == id_of(EXAMPLE_SECRET)
        challenges.add(answer[10:])
    assert len(challenges) == 4


def test_the_lock_id_follows_the_secret(directory):
    lock = Linked(directory, secret=bytes(range(7, 39)))
    client = visitor(lock)
    client.hello()
    assert client.lock_id == id_of(bytes(range(7, 39))) != id_of(EXAMPLE_SECRET)
    lock.restart()
    client = visitor(lock)
    client.hello()
    assert client.lock_id == id_of(bytes(range(7, 39)))


def test_a_lock_without_a_secret_or_with_a_lost_memory_has_no_id(directory):
    lock = Linked(directory)
    with open(directory + "/journal", "wb") as file:
        file.write(b"no journal")
    lock.restart()
    assert lock.trouble == "fault"
    for slot in range(16):
        client = visitor(lock)
        client.hello(slot)
        assert client.lock_id == bytes(8)
        assert refused(client, first_message(client)) == 0
    lock.wipe()
    lock.restart()
    client = visitor(lock)
    client.hello(255)
    assert client.lock_id == bytes(8)


def test_reasons(directory):
    lock = Linked(directory)
    assert refused(visitor(lock), bytes((HELLO, 0, 0))) == 1
    assert refused(visitor(lock), bytes((HELLO, 0, 255))) == 1
    assert refused(visitor(lock), bytes((HELLO, 1, 255))) == 3, "it has a secret, and the button is not held"
    lock.held = True
    visitor(lock).hello(255)
    lock.held = False
    for body in (b"", b"\x01", b"\x01\x00\x00", b"\x00", b"\x01\x00" * 100):
        assert refused(visitor(lock), bytes((HELLO,)) + body) == 0
    assert refused(visitor(lock), b"") == 0


def test_every_type_of_message_in_every_state(directory):
    """Only the one that is due goes on; the others end the connection, with no word why. All 256 types, but for a
    session, which takes its time: there those that mean something, and some others."""
    lock = Linked(directory)
    some = list(range(8)) + list(range(0x7E, 0x88)) + list(range(16, 256, 31)) + [0xFE, 0xFF]
    with Counted():
        for state, due in (("start", HELLO), ("waits", SHAKE), ("session", SEALED)):
            for kind in some if state == "session" else range(256):
                client = visitor(lock, state)
                if state != "start":
                    client.hello()
                if state == "session":
                    client.shake(PSK)
                if kind == due:
                    assert not client.session.over
                    continue
                right = {
                    "start": bytes((1, 0)),
                    "waits": first_message(client)[1:] if state == "waits" else b"",
                    "session": client.sealed(7, protocol.IDENTIFY)[1:] if state == "session" else b"",
                }[state]
                assert refused(client, bytes((kind,)) + right) == 0, (state, kind)


def test_what_is_due_comes_once(directory):
    lock = Linked(directory)
    client = visitor(lock)
    client.hello()
    assert refused(client, bytes((HELLO, 1, 0))) == 0
    client = session(lock)
    assert refused(client, client.said[1]) == 0
    client = session(lock)
    assert refused(client, client.said[0]) == 0
    client = visitor(lock)
    assert refused(client, bytes((SHAKE,)) + bytes(48)) == 0
    client = visitor(lock)
    assert refused(client, bytes((SEALED,)) + bytes(21)) == 0
    client = visitor(lock)
    client.hello()
    assert refused(client, bytes((SEALED,)) + bytes(21)) == 0


def test_sizes_of_the_first_message(directory):
    lock = Linked(directory, keys=(MANAGERS,))
    with Counted() as counted:
        for size in list(range(60)) + [320, 1000, 65535, 70000]:
            client = visitor(lock)
            client.hello()
            message = first_message(client) + bytes(size)
            wanted = counted.operations  # the client's own
            if size != 48:
                assert refused(client, message[: 1 + size] if size < 48 else message) == 0, size
                assert counted.operations == wanted, size


def test_an_unknown_slot_looks_like_a_wrong_key(directory):
    """Whoever asks sees the same bytes, the same number of messages and turns, and costs no curve operation."""
    lock = Linked(directory, keys=(MANAGERS,))
    seen = set()
    with Counted() as counted:
        for slot in list(range(16)) + [16, 100, 254]:
            client = visitor(lock)
            client.hello(slot)
            message = first_message(client, bytes(32))
            before = counted.operations
            reason = refused(client, message)
            assert counted.operations == before, slot
            hello, end = client.heard[:2]
            seen.add((len(hello), hello[:10], len(client.heard), client.slices, end, reason))
    assert len(seen) == 1, seen


def test_a_wrong_key_wrong_slot_or_wrong_prologue_costs_no_curve_operation(directory):
    lock = Linked(directory, keys=(MANAGERS,))
    with Counted() as counted:
        for change in ("key", "slot", "offered", "chosen", "lock", "challenge", "magic"):
            client = visitor(lock)
            client.hello(3)
            parts = {"offered": 1, "chosen": 1, "slot": 3, "lock": client.lock_id, "challenge": client.challenge}
            if change in ("lock", "challenge"):
                parts[change] = bytes((parts[change][0] ^ 1,)) + parts[change][1:]
            elif change in parts:
                parts[change] += 1
            begin = prologue(*[parts[name] for name in ("offered", "chosen", "slot", "lock", "challenge")])
            if change == "magic":
                begin = b"tumblerl" + begin[8:]
            message = first_message(client, PSK if change == "key" else OTHER, begin)
            before = counted.operations
            assert refused(client, message) == 0
            assert counted.operations == before, change
        client = visitor(lock)
        client.hello(3)
        client.shake(OTHER)  # with nothing changed it gets in


def test_a_downgrade_of_the_version_is_noticed(directory):
    """Somebody between them turns the version that a newer client offers into 1."""
    lock = Linked(directory)
    client = visitor(lock)
    client.hello(0, version=1)  # what arrives at the lock
    begin = prologue(2, 1, 0, client.lock_id, client.challenge)  # what the client said
    assert refused(client, first_message(client, PSK, begin)) == 0


def test_an_answer_of_another_version_is_noticed(directory):
    """Somebody turns the version that the lock chose into another one: the lock's own prologue differs."""
    lock = Linked(directory)
    for chosen in (0, 2, 255):
        client = visitor(lock)
        client.hello(0, version=255)
        begin = prologue(255, chosen, 0, client.lock_id, client.challenge)
        assert refused(client, first_message(client, PSK, begin)) == 0


def test_a_recorded_conversation_is_worth_nothing(directory):
    """All that an owner ever said, said again: the challenge is new, so the first message is not authentic."""
    lock = Linked(directory)
    owner = session(lock)
    assert owner.done(protocol.UNLOCK) == b"\x05"
    for restarted in (False, True):
        if restarted:
            lock.restart(3600)
        before = memory(lock)
        with Counted() as counted:
            thief = visitor(lock, "thief")
            for message in owner.said:
                thief.say(message)
            assert counted.operations == 0
        assert len(thief.heard[0]) == 26
        assert thief.heard[1:] == [bytes((REFUSED, 0))] * (len(owner.said) - 1)
        assert memory(lock)[:3] == before[:3]


def test_a_false_lock_learns_nothing(directory):
    """Who answers in the lock's place without its psk gets one public key and a tag; the client ends it there."""
    lock = Linked(directory)
    for version, lock_id, psk in ((1, id_of(EXAMPLE_SECRET), OTHER), (1, bytes(8), bytes(32))):
        challenge = bytes(16)
        begin = prologue(1, version, 0, lock_id, challenge)
        client = HandshakeState(True, begin, PSK, Client(lock).random)
        false = HandshakeState(False, begin, psk, Client(lock, "false lock").random)
        first = client.write()
        assert len(first) == 48
        assert fails(lambda: false.read(first))  # noqa: B023, called at once
        for answer in (bytes(48), first, HandshakeState(True, begin, psk, Client(lock).random).write()):
            waiting = HandshakeState(True, begin, PSK, Client(lock).random)
            waiting.write()
            assert fails(lambda: waiting.read(answer))  # noqa: B023, called at once
            assert fails(waiting.split)


def test_what_is_not_sealed_is_not_taken_for_opened(directory):
    """Short, unsealed, empty, or sealed with an empty text: nothing of it is a request."""
    lock = Linked(directory)
    plain = b"\x00\x00\x00\x07" + bytes((protocol.UNLOCK,))
    bodies = [plain, b"", plain + bytes(16), bytes(16) + plain, b"\x00" * 16]
    bodies += [bytes(size) for size in range(16)]
    with Counted():
        for body in bodies:
            client = session(lock)
            assert refused(client, bytes((SEALED,)) + body) == 0
        for payload in (b"", b"\x00", b"\x00\x00\x00\x07", bytes(5), bytes(4) + bytes((protocol.UNLOCK,))):
            client = session(lock)
            before = memory(lock)
            ((_, status, _),) = client.unseal(client.say(bytes((SEALED,)) + client.seal.seal(payload)))
            assert protocol.REFUSALS[status - 16] == "bad-request", payload
            assert memory(lock) == before
            assert len(client.done(protocol.IDENTIFY)) > 35, "the session goes on"


def test_the_budget_of_strangers(directory):
    lock = Linked(directory)
    link = lock.sessions.link
    for number in range(16):
        assert link.wait() == 0, number
        client = Client(lock)
        client.hello(number)
        assert refused(client, bytes((SHAKE,)) + bytes(48)) == 0
    assert link.wait() == 2
    assert refused(Client(lock), bytes((HELLO, 1, 0))) == 2
    lock.wait(1)
    assert link.wait() == 1
    assert refused(Client(lock), bytes((HELLO, 1, 0))) == 2
    lock.wait(1)
    for _ in range(5):  # from now on one in 2 s, however hard one tries
        assert link.wait() == 0
        assert refused(Client(lock), b"garbage") == 0
        assert refused(Client(lock), bytes((HELLO, 1, 0))) == 2
        assert link.wait() == 2
        lock.wait(2)
    lock.wait(31)
    count = 0
    while link.wait() == 0:
        Client(lock).session.close()
        count += 1
    assert count == 16, "silent connections count, and 16 is the most"
    lock.restart()
    assert lock.sessions.link.wait() == 0


def test_a_session_costs_strangers_nothing_and_no_budget(directory):
    lock = Linked(directory)
    with Counted():
        for _ in range(40):
            client = Client(lock).connect()
            client.session.close()
    for _ in range(15):
        Client(lock).session.close()
    assert lock.sessions.link.wait() == 0, "the last of 16"
    client = Client(lock).connect()
    assert refused(client, b"\x03") == 0, "a session that ends badly is no stranger's"
    assert lock.sessions.link.wait() == 0
    Client(lock).session.close()
    assert lock.sessions.link.wait() == 2


def test_a_crowd_at_once_gets_no_further_than_one_after_the_other(directory):
    lock = Linked(directory)
    crowd = [Client(lock, "stranger %d" % number) for number in range(50)]
    reasons = []
    for client in crowd:
        try:
            client.hello()
            reasons.append(None)
        except Refusal as refusal:
            reasons.append(refusal.reason)
    assert reasons == [None] * 16 + [2] * 34
    lock.wait(2)
    assert refused(crowd[0], bytes((SHAKE,)) + bytes(48)) == 0
    owner = Client(lock).connect()  # the one that came back
    assert owner.session.slot == 0


def test_deadlines(directory):
    lock = Linked(directory)
    client = Client(lock)
    assert client.session.patience == 5
    lock.wait(4)
    client.hello()
    assert client.session.patience == 5
    lock.wait(2)
    assert client.session.patience == 3, "counted from the last message"
    slow = Client(lock)
    slow.hello()
    lock.wait(60)
    for late in (client, slow):
        assert late.session.patience == 0
        assert dropped(lambda: late.shake(PSK))  # noqa: B023, called at once
    client = session(lock)
    assert client.session.patience == 30
    lock.wait(29)
    client.done(protocol.GET_TIME)
    assert client.session.patience == 30


def test_nobody_stays_for_ever(directory):
    """Whatever a key asks, its session ends after five minutes, and others are let in."""
    lock = Linked(directory)
    client = session(lock)
    for _ in range(14):
        lock.wait(20)
        client.done(protocol.GET_TIME)
    assert client.session.patience == 20, "300 s in all"
    lock.wait(21)
    assert dropped(lambda: client.done(protocol.GET_TIME))
    assert client.session.over
    assert refused(visitor(lock), bytes((HELLO, 1, 0))) == 2, "its slot is not taken now"
    lock.wait(10)
    session(lock).done(protocol.GET_TIME)


def test_a_pairing_that_reveals_nothing_is_soon_over(directory):
    lock = Linked(directory)
    lock.held = True
    client = visitor(lock).connect(255)
    lock.held = False
    for _ in range(3):
        lock.wait(3)
        assert client.session.patience > 0
        word(client, 0x7F)  # whatever is said does not move it
    lock.wait(2)
    assert client.session.patience == 0
    assert dropped(lambda: client.ask(0x70, bytes(32)))


def test_the_curve_operations_come_in_slices_between_which_the_keypad_works(directory):
    lock = Linked(directory)
    lock.owner.add_custom("8642")
    client = visitor(lock)
    client.hello()
    handshake = HandshakeState(True, client.begin, PSK, client.random)
    turns = 0
    answer = b""
    for said in client.session.receive(bytes((SHAKE,)) + handshake.write()):
        if said is None:
            assert not answer, "the answer is the last thing"
            turns += 1
            if turns == 300:
                assert lock.enter("8642") == "open"
        else:
            answer = said
    assert turns == 2 * 255 + 2  # and one before and after the second message
    handshake.read(answer[1:])
    assert len(handshake.hash) == 32


def test_a_connection_that_ends_between_two_slices_is_over(directory):
    lock = Linked(directory)
    for turn in (1, 200, 255, 256, 509):
        client = visitor(lock)
        client.hello()
        said = []
        for number, answer in enumerate(client.session.receive(first_message(client))):
            if answer is not None:
                said.append(answer)
            if number == turn:
                client.session.close()
        assert client.session.over
        assert client.session.slot is None
        assert said == [bytes((REFUSED, 0))]
        assert not lock.sessions.link.connected


def test_a_message_before_the_answer_to_the_one_before_ends_the_connection(directory):
    """At each turn of a handshake or a request (in slices of each alike): nothing more is sealed, nothing raised."""
    lock = Linked(directory)
    with Counted():
        for state in ("waits", "session"):
            for turn in range(9):
                client = visitor(lock, state)
                client.hello()
                message = following = first_message(client)
                if state == "session":
                    client = session(lock)
                    message, following = client.sealed(7, protocol.GET_CONFIG), client.sealed(8, protocol.GET_TIME)
                answers = []
                for number, answer in enumerate(client.session.receive(message)):
                    if answer is not None:
                        answers.append(answer)
                    if number == turn:
                        before = memory(lock)
                        answers += [said for said in client.session.receive(following) if said is not None]
                if state == "session" and number < turn > 2:
                    break  # it has no more turns
                assert number >= turn
                assert client.session.over
                assert memory(lock) == before
                if answers[0][0] == SEALED + 128:  # it was there already
                    answers.pop(0)
                assert set(answers) == {bytes((REFUSED, 0))}, (state, turn)
                assert not lock.sessions.link.connected


def test_a_key_that_is_removed_during_its_handshake_gets_no_session(directory):
    lock = Linked(directory, keys=(MANAGERS, AccessKey(4, OPENER, bytes(range(9, 41)), "Oz")))
    early = visitor(lock)
    early.hello(3)
    message = first_message(early, OTHER)
    lock.owner.remove_key(3)
    assert early.say(message)[-1] == bytes((REFUSED, 0))
    late = visitor(lock)
    late.hello(4)
    answers = []
    for number, answer in enumerate(late.session.receive(first_message(late, bytes(range(9, 41))))):
        if number == 400:
            lock.owner.remove_key(4)
        if answer is not None:
            answers.append(answer)
    assert answers == [bytes((REFUSED, 0))]
    assert not lock.sessions.link.connected


def test_sessions_of_one_lock_know_nothing_of_each_other(directory):
    lock = Linked(directory, keys=(MANAGERS,))
    first, second, third = session(lock), session(lock, name="second"), session(lock, 3, OTHER, "third")
    assert len({first.hash, second.hash, third.hash}) == 3
    for _ in range(3):
        for client in (first, third, second):
            assert client.done(protocol.GET_TIME)[:4] == lock.rtc.now.to_bytes(4, "big")
    message = first.sealed(7, protocol.UNLOCK)
    assert refused(second, message) == 0
    assert refused(third, message) == 0
    assert first.unseal(first.say(message))[0][1] == protocol.DONE


def test_a_key_opens_only_the_session_of_its_slot_and_its_lock(directory):
    lock = Linked(directory, keys=(MANAGERS,))
    for slot, psk in ((0, OTHER), (3, PSK), (1, PSK), (1, OTHER)):
        client = visitor(lock)
        client.hello(slot)
        assert refused(client, first_message(client, psk)) == 0


def test_a_public_key_for_which_the_secret_is_zero(directory):
    """Who holds the psk, or pairs, and sends a point of low order gets no session."""
    lock = Linked(directory)
    lock.held = True
    for slot, psk in ((0, PSK), (255, None)):
        for point in (
            0,
            1,
            325606250916557431795983626356110631294008115727848805560023387167927233504,
            (1 << 255) - 20,
        ):
            client = visitor(lock)
            client.hello(slot)
            handshake = HandshakeState(True, client.begin, psk, client.random)
            handshake._private, handshake._public = bytes(32), point.to_bytes(32, "little")
            assert refused(client, bytes((SHAKE,)) + handshake.write()) == 0, point


def test_no_key_is_derived_and_no_default_opens(directory):
    """Nothing that somebody knows without having been given it is a psk: constants, the lock id, what follows from the
    secret as other keys do."""
    lock = Linked(directory, keys=(MANAGERS,))
    secret = EXAMPLE_SECRET
    extracted = hmac(bytes(32), secret)
    guesses = [bytes(32), b"\xff" * 32, secret, id_of(secret) * 4, hashlib.sha256(secret).digest(), extracted]
    for info in (b"tumbler lock id 1", b"tumbler passcode 1", b"tumbler tag 1", b"tumbler link 1", b"psk", b""):
        guesses += [hmac(extracted, info + b"\x01"), hmac(secret, info)]
    for text in (b"000000", b"123456", b"tumbler", b"Tumbler"):
        guesses += [text + bytes(32 - len(text)), hashlib.sha256(text).digest()]
    with Counted() as counted:
        for slot in (0, 3, 7):
            for guess in guesses:
                client = visitor(lock)
                client.hello(slot)
                message = first_message(client, guess)
                before = counted.operations
                assert refused(client, message) == 0
                assert counted.operations == before


def test_the_challenge_comes_from_the_random_source(directory):
    """Each hello takes 16 new bytes of it, and they are what it says."""
    lock = Linked(directory)
    given = []

    def source(size):
        given.append(bytes([random.getrandbits(8) for _ in range(size)]))
        return given[-1]

    lock.sessions = Sessions(LinkState(lock, source, lambda: lock.up, FIRMWARE))
    for slot in (0, 5):
        client = Client(lock)
        client.hello(slot)
        assert client.challenge == given[-1]
        assert len(client.challenge) == 16
    assert len(given[-2]) == 32, "the key that nobody has, of a slot without one"
