"""The client of the link: what it asks, what it believes, and that a request is done once, whatever is lost."""

import asyncio
import random as random_module
from contextlib import suppress

import pytest

from tests.dual.support.linked_lock import PSK, Linked
from tests.support.campaign import cases
from tests.support.memory_radio import CUT, DOES, DOWN, UP, Faults, MemoryRadio, client_of
from tumbler.answers import KeyEntry
from tumbler.errors import ToolError
from tumbler.link import session as session_module
from tumbler.link.client import (
    BUSY_PAUSE,
    BUSY_TRIES,
    MOST_CODES,
    REQUEST_TRIES,
    BadAnswer,
    Client,
    Unconfirmed,
)
from tumbler.link.refusals import REMEDIES, Refusal
from tumbler.link.session import Busy, NotPairing, PairingWaits, TooOld, WrongKey, WrongLock, shake
from tumbler.link.transport import LinkLost, Wire
from tumbler_lock.core import protocol as wire
from tumbler_lock.core.keys import IDENTIFIER, MANAGER, OPENER, OWNER, AccessKey
from tumbler_lock.core.management import By
from tumbler_lock.core.noise import HandshakeState
from tumbler_lock.core.protocol import prologue

pytestmark = pytest.mark.usefixtures("hurry")
MANAGER_PSK = bytes(range(100, 132))
BUSY_PAUSE_MEANT = BUSY_PAUSE  # without the hurry of the tests


@pytest.fixture
def lock(tmp_path):
    return Linked(str(tmp_path), keys=[AccessKey(1, MANAGER, MANAGER_PSK, "Max")])


def run(work, lock, **more):
    """Do something with a client."""

    async def stay():
        async with client_of(lock, **more) as client:
            return await work(client)

    return asyncio.run(stay())


# What the lock is asked


@pytest.mark.parametrize("size", [20, 23, 100, 244])
def test_every_command_with_fragments_of_every_size(lock, size):
    async def work(client):
        status = await client.identify()
        assert (status.lock_id, status.slot, status.role, status.label) == (lock.sessions.link.id, 0, OWNER, "Ann")
        assert (status.codes, status.capacity, status.epoch, status.battery, status.firmware) == (
            0, 1000, 0, None, (0, 1, 0),
        )  # fmt: skip
        assert await client.time() == (lock.rtc.now, True)
        await client.set_time(lock.rtc.now + 60)
        assert lock.rtc.now == (await client.time())[0]
        assert await client.unlock() == lock.verifier.config.autolock
        assert lock.opened == [lock.verifier.config.autolock]
        tag = await client.add_code("740193", None, None)
        assert tag == lock.scheme.tag("740193")
        new = await client.change_code("740193", None, lock.rtc.now // 3600 * 3600 + 7200, "591804")
        assert [record.tag for record in await client.codes()] == [new] == [lock.scheme.tag("591804")]
        assert await client.delete_code(new) == new
        assert await client.codes() == []
        await client.configure(autolock=9, passage=(31, 9, 17), name="Shed")
        settings = await client.settings()
        assert (settings.autolock, settings.passage, settings.name) == (9, (31, 9, 17), "Shed")
        slot = await client.add_key(KeyEntry(255, OPENER, "Bö", 31, 8, 18), bytes(32))
        keys = {key.slot: key for key in await client.keys()}
        assert keys[slot] == KeyEntry(slot, OPENER, "Bö", 31, 8, 18)
        assert {key.label for key in keys.values()} == {"Ann", "Max", "Bö"}
        await client.remove_key(slot)
        assert slot not in {key.slot for key in await client.keys()}
        assert await client.erase() == 1
        events = []
        await client.log(0, events.extend)
        assert [event.seq for event in events] == list(range(1, lock.store.seq + 1))

    run(work, lock, size=size)


def test_a_thousand_codes_come_each_once(tmp_path):
    lock = Linked(str(tmp_path))
    now = lock.rtc.now
    for number in range(300):
        lock.owner.add_custom(f"{17 * number + 100_000_000}", None, now // 3600 * 3600 + 7200, insist=True)
    seen = []

    async def work(client):
        return await client.codes(seen.append)

    found = run(work, lock)
    assert {record.tag for record in found} == {lock.scheme.tag(f"{17 * n + 100_000_000}") for n in range(300)}
    assert len(found) == 300
    assert seen == sorted(seen)
    assert seen[-1] == 300


# Once, whatever is lost


@pytest.mark.parametrize("what", DOES)
@pytest.mark.parametrize("direction", [UP, DOWN])
def test_a_request_is_done_once_whatever_happens_to_any_fragment(tmp_path, what, direction):
    """Every value of the conversation in turn; the digits would be taken if the request were carried out twice."""
    number, disturbed = 0, 0
    while True:
        number += 1
        folder = tmp_path / str(number)
        folder.mkdir()
        lock = Linked(str(folder))
        faults = Faults(direction, number, DOES[what])

        async def work(client):
            return await client.add_code("740193", None, None)

        try:
            assert run(work, lock, fault=faults, size=20) == lock.scheme.tag("740193")
        except WrongKey:  # the handshake was altered, which cannot be told from a wrong key
            assert len(lock.store.book) == 0
        assert lock.store.seq == len(lock.store.book) <= 1
        if faults.seen < number:
            break
        disturbed += 1
    assert disturbed >= 6


def test_a_list_goes_on_where_it_was_interrupted(tmp_path):
    lock = Linked(str(tmp_path))
    for number in range(100):
        lock.owner.add_custom(f"{17 * number + 100_000_000}", insist=True)
    parts = []

    def fault(direction, value):
        parts.append(direction)
        return CUT if direction == DOWN and parts.count(DOWN) in (8, 20) else [value]

    async def work(client):
        codes = await client.codes()
        events = []
        await client.log(0, events.extend)
        return codes, events

    codes, events = run(work, lock, fault=fault)
    assert len(codes) == 100
    assert [event.seq for event in events] == list(range(1, 101))
    assert parts.count(DOWN) < 40  # what came before a cut did not come again


def test_after_some_tries_without_progress_it_gives_up(lock):
    radio = MemoryRadio(lock)

    def fault(direction, value):
        return CUT if direction == DOWN and len(value) < 50 and value[3] == wire.SEALED | wire.FROM_LOCK else [value]

    radio.fault = fault
    with pytest.raises(Unconfirmed):
        run(lambda client: client.unlock(), lock, radio=radio)
    assert len(radio.wires) == REQUEST_TRIES
    assert len(lock.opened) == 1  # the same request each time
    assert all(wire.closed for wire in radio.wires)


def test_random_losses_never_do_anything_twice(tmp_path):
    for seed in range(cases(12, 400)):
        draw = random_module.Random(seed)
        folder = tmp_path / str(seed)
        folder.mkdir()
        lock = Linked(str(folder))

        def fault(direction, value, draw=draw):
            kind = draw.random()
            return [] if kind < 0.03 else [value, value] if kind < 0.06 else CUT if kind < 0.09 else [value]

        async def work(client, draw=draw):
            added = []
            for number in range(8):
                digits = f"{number}{draw.randrange(10**6):06}"
                with suppress(LinkLost, Unconfirmed):
                    await client.add_code(digits, None, None, force=True)
                    added.append(digits)
            return added

        added = run(work, lock, fault=fault, size=draw.choice((20, 60, 244)))
        tags = {record.tag for record in lock_codes(lock)}
        assert {lock.scheme.tag(digits) for digits in added} <= tags, f"seed {seed}"
        assert lock.store.seq == len(tags), f"seed {seed}: a request left two records"


def lock_codes(lock):
    async def work(client):
        return await client.codes()

    return run(work, lock)


WISHES = {"reset": lambda client: client.reset(), "remove": lambda client: client.remove_key(1)}


@pytest.mark.parametrize("wish", WISHES)
@pytest.mark.parametrize("arrives", [True, False])
def test_a_lost_answer_to_a_reset_or_to_the_removal_of_ones_own_key_is_no_answer(tmp_path, wish, arrives):
    """Whatever arrives in clear after that: the tool cannot tell a lock that has done it from a man in the middle."""
    lock = Linked(str(tmp_path), keys=[AccessKey(1, OWNER, MANAGER_PSK, "Max")])
    lock.held = True
    lock_id = lock.sessions.link.id
    seen = []

    def fault(direction, value):
        """Lose the request, the first that is sealed, or its answer; then refuse every hello."""
        if seen and direction == DOWN:
            return [framed(0, b"\xff\x00")] if seen.count("sealed") == 1 else CUT
        if value[3] == wire.SEALED:
            seen.append("sealed")
            return [value] if arrives else []
        return [value]

    radio = MemoryRadio(lock, fault=lambda direction, value: fault(direction, value))

    async def dial():
        if lock.anew:
            lock.start()
        return await radio.connect((await radio.scan(1, lambda one: True))[0])

    async def stay():
        async with Client(dial, lock_id, 1, MANAGER_PSK) as client:
            with pytest.raises(Unconfirmed, match="not known"):
                await WISHES[wish](client)

    asyncio.run(stay())
    done = lock.trouble == "no-secret" if wish == "reset" else 1 not in lock.store.keys
    assert done == arrives


def test_a_reset_that_was_never_asked_for_is_none(lock):
    with pytest.raises(WrongKey):
        run(lambda client: client.reset(), lock, psk=bytes(32))
    with pytest.raises(WrongKey):
        run(lambda client: client.remove_key(3), lock, slot=3)


# Roles and refusals


def test_the_lock_judges_roles(lock):
    async def work(client):
        assert (await client.identify()).role == MANAGER
        for wish in (client.keys(), client.erase(), client.reset(), client.configure(sound=False)):
            with pytest.raises(Refusal) as caught:
                await wish
            assert caught.value.word == "not-permitted"
        await client.unlock()

    run(work, lock, slot=1, psk=MANAGER_PSK)


def test_a_relay_may_identify(tmp_path):
    lock = Linked(str(tmp_path), keys=[AccessKey(4, IDENTIFIER, MANAGER_PSK)])

    async def work(client):
        assert (await client.identify()).role == IDENTIFIER
        with pytest.raises(Refusal):
            await client.unlock()

    run(work, lock, slot=4, psk=MANAGER_PSK)


@pytest.mark.parametrize("word", wire.REFUSALS)
def test_every_refusal_has_two_sentences_and_a_remedy_of_its_own_word(word):
    refusal = Refusal(wire.FIRST_REFUSAL + wire.REFUSALS.index(word), b"why it is so")
    assert refusal.word == word
    assert refusal.what == "The lock refuses: why it is so."
    assert refusal.remedy == REMEDIES[word]
    assert refusal.remedy[0].isupper()


def test_what_a_lock_says_is_shown_without_what_a_terminal_would_obey():
    refusal = Refusal(200, b"\x1b[2Jnew\nline\xff")
    assert "\x1b" not in refusal.what
    assert "\n" not in refusal.what
    assert refusal.word == "refusal-200"


@pytest.mark.parametrize(
    ("word", "said", "what", "remedy"),
    [
        ("no-such-code", b"the lock knows no such code: look at it", "the lock knows no such code.", "code list"),
        ("not-newer", b"the lock runs 0.2.0, which is not older: insist to go back",
         "the lock runs 0.2.0, and the update is not newer.", "anyway with --force"),
        ("bad-signature", b"this lock has no key to check updates with: give it one, or update it, by cable",
         "this lock has no key to check updates with.", "tumbler deploy … --update-key FILE"),
        ("bad-signature", b"the update is not signed with the key that this lock knows, or was altered",
         "the update is not signed with the key that this lock knows, or was altered.", "Sign it with the key"),
    ],
)  # fmt: skip
def test_what_to_do_is_said_once(word, said, what, remedy):
    refusal = Refusal(wire.FIRST_REFUSAL + wire.REFUSALS.index(word), said)
    assert refusal.what == f"The lock refuses: {what}"
    assert remedy in refusal.remedy


def test_remedies_name_no_word_that_does_not_exist():
    assert set(REMEDIES) == set(wire.REFUSALS)


# Before the session


@pytest.mark.parametrize(("slot", "psk"), [(0, bytes(32)), (1, PSK), (9, PSK)])
def test_a_wrong_key_is_said_to_be_one(lock, slot, psk):
    with pytest.raises(WrongKey):
        run(lambda client: client.identify(), lock, slot=slot, psk=psk)


def test_another_lock_is_not_talked_to(lock, tmp_path):
    (tmp_path / "other").mkdir()
    other = Linked(str(tmp_path / "other"), secret=bytes(32))
    radio = MemoryRadio(other)
    with pytest.raises(WrongLock) as caught:
        run(lambda client: client.identify(), lock, radio=radio)
    assert not caught.value.blank
    assert other.sessions.link.wait() == 0


def test_a_busy_lock_is_asked_again_and_then_said_to_be_busy(lock):
    for _ in range(16):
        lock.sessions.connect().close()
    radio = MemoryRadio(lock)
    with pytest.raises(Busy):
        run(lambda client: client.identify(), lock, radio=radio)
    assert len(radio.wires) == BUSY_TRIES
    lock.wait(10)
    assert run(lambda client: client.identify(), lock).slot == 0


def test_a_lock_that_ends_a_session_and_rests_is_waited_for_and_the_request_done_once(lock):
    """After five minutes a lock ends a session, and does not take its slot for 10 s."""
    radio = MemoryRadio(lock)
    rests = []

    def fault(direction, value):
        if direction == UP and value[3] == wire.SEALED and not rests:
            rests.append(0)
            return CUT
        if direction == DOWN and 0 < len(rests) < BUSY_TRIES and value[3] == wire.HELLO | wire.FROM_LOCK:
            rests.append(0)
            return [framed(0, bytes((wire.REFUSED, wire.NOT_NOW)))]
        return [value]

    radio.fault = fault
    assert run(lambda client: client.add_code("740193", None, None), lock, radio=radio) == lock.scheme.tag("740193")
    assert len(radio.wires) == 1 + BUSY_TRIES
    assert lock.store.seq == 1
    assert BUSY_PAUSE_MEANT * (BUSY_TRIES - 1) > 10


class Hostile(Wire):
    """A lock that answers each message with the next of its lines, whatever was said."""

    fragment = 244

    def __init__(self, *answers):
        self.answers = list(answers)
        self.closed = False

    async def send(self, value):
        pass

    async def receive(self, timeout):
        if not self.answers:
            raise LinkLost
        return self.answers.pop(0)

    async def close(self):
        self.closed = True


def framed(number, message):
    return bytes((0xC0 | number,)) + len(message).to_bytes(2, "big") + message


@pytest.mark.parametrize(
    ("answers", "error"),
    [
        ([framed(0, b"\xff\x00")], WrongKey),
        ([framed(0, b"\xff\x01")], TooOld),
        ([framed(0, b"\xff\x02")], Busy),
        ([framed(0, b"\xff\x03")], NotPairing),
        ([framed(0, b"\xff\x04")], PairingWaits),
        ([framed(0, b"\xff\x77")], WrongKey),
        ([framed(0, b"\xff")], WrongKey),
        ([framed(0, b"\x81\x02" + bytes(24))], TooOld),
        ([framed(0, b"\x81\x01" + bytes(23))], LinkLost),
        ([framed(0, b"\x01\x01" + bytes(24))], LinkLost),
        ([framed(1, b"\x81\x01" + bytes(24))], LinkLost),
        ([framed(0, b"\x81\x01" + bytes(24))], LinkLost),
        ([framed(0, b"\x81\x01" + bytes(24)), framed(1, b"\x82" + bytes(48))], WrongKey),
        ([framed(0, b"\x81\x01" + bytes(24)), framed(1, b"\x82" + bytes(20))], WrongKey),
        ([framed(0, b"\x81\x01" + bytes(24)), framed(1, b"\x83" + bytes(48))], WrongKey),
        ([framed(0, b"\x81\x01" + bytes(24)), framed(1, b"\xff\x00")], WrongKey),
    ],
)
def test_whatever_a_hostile_lock_says_ends_the_connection_in_words(answers, error):
    wire = Hostile(*answers)
    with pytest.raises(error) as caught:
        asyncio.run(shake(wire, 0, PSK, None))
    assert wire.closed
    assert isinstance(caught.value, ToolError)
    assert PSK.hex() not in str(caught.value)


def test_a_lock_cannot_make_the_client_believe_another_id(lock):
    with pytest.raises(WrongLock) as caught:
        asyncio.run(shake(Hostile(framed(0, b"\x81\x01" + bytes(24))), 0, PSK, lock.sessions.link.id))
    assert caught.value.blank


class Scripted(Wire):
    """A lock that knows the key, and answers every request with the payloads it was given."""

    fragment = 244

    def __init__(self, *payloads):
        self.payloads = list(payloads)
        self.values = []
        self.ident = b""

    async def send(self, value):
        message = value[3:]
        if message[0] == wire.HELLO:
            self._say(bytes((wire.HELLO | wire.FROM_LOCK, 1)) + bytes(24))
        elif message[0] == wire.HANDSHAKE:
            handshake = HandshakeState(False, prologue(1, 1, 0, bytes(8), bytes(16)), PSK, lambda n: bytes(range(n)))
            handshake.read(message[1:])
            answer = handshake.write()
            self.seal, self.open = handshake.split()
            self._say(bytes((wire.HANDSHAKE | wire.FROM_LOCK,)) + answer)
        else:
            self.ident = self.open.open(message[1:])[:4]
            for payload in self.payloads:
                sealed = self.seal.seal(payload.replace(b"IDNT", self.ident))
                self._say(bytes((wire.SEALED | wire.FROM_LOCK,)) + sealed)

    def _say(self, message):
        self.values.append(framed(len(self.sent), message))
        self.sent.append(message)

    @property
    def sent(self):
        return self.__dict__.setdefault("_sent", [])

    async def receive(self, timeout):
        if not self.values:
            raise LinkLost
        return self.values.pop(0)

    async def close(self):
        pass


@pytest.mark.parametrize(
    ("wish", "payloads"),
    [
        ("unlock", [b"IDNT"]),
        ("unlock", [b"\0\0\0\0\0\5"]),
        ("unlock", [b"IDNT\2\5"]),
        ("unlock", [b"IDNT\0"]),
        ("unlock", [b"IDNT\0\5\5"]),
        ("unlock", [b"IDNT\1\5", b"IDNT\0\5"]),
        ("identify", [b"IDNT\0" + bytes(34)]),
        ("identify", [b"IDNT\0" + bytes(52)]),
        ("time", [b"IDNT\0" + bytes(4)]),
        ("erase", [b"IDNT\0" + bytes(3)]),
        ("settings", [b"IDNT\0"]),
        ("settings", [b"IDNT\0\1\3XYZ\2\1\x60\3\1\5\4\1\1\5\5\x3f\6\x22\x50\1\6\3\0\0\0\7\0"]),
        ("codes", [b"IDNT\0\0"]),
        ("codes", [b"IDNT\0" + bytes(6) + bytes(19)]),
        ("codes", [b"IDNT\0" + bytes(6) + bytes(8) + b"\xff" + bytes(11)]),
        ("keys", [b"IDNT\0" + bytes(13) + b"\5abc"]),
        ("keys", [b"IDNT\0" + bytes(5)]),
        ("keys", [b"IDNT\0" + bytes((16, OWNER)) + bytes(12)]),
        ("keys", [b"IDNT\0" + bytes((0, 5)) + bytes(12)]),
        ("keys", [b"IDNT\0" + 2 * (bytes((0, OWNER)) + bytes(12))]),
        ("identify", [b"IDNT\0" + bytes(12) + bytes((1, OWNER)) + bytes(21)]),
        ("identify", [b"IDNT\0" + bytes(12) + bytes((0, 5)) + bytes(21)]),
        ("identify", [b"IDNT\0" + bytes(11) + bytes((1, 0, OWNER)) + bytes(21)]),
        ("codes", [b"IDNT\1\0\5" + bytes(4), b"IDNT\1\0\5" + bytes(4)]),
    ],
)
def test_an_answer_that_makes_no_sense_is_said_to_be_one(wish, payloads):
    async def dial():
        return Scripted(*payloads)

    async def stay():
        async with Client(dial, bytes(8), 0, PSK) as client:
            await getattr(client, wish)()

    with pytest.raises(BadAnswer):
        asyncio.run(stay())


def test_a_log_that_goes_backwards_makes_no_sense():
    item = (5).to_bytes(4, "big") + bytes(16)

    async def dial():
        return Scripted(b"IDNT\0" + item + item)

    async def stay():
        async with Client(dial, bytes(8), 0, PSK) as client:
            await client.log(0, lambda events: None)

    with pytest.raises(BadAnswer):
        asyncio.run(stay())


class Endless:
    """A session with a lock that never comes to an end; part: makes each part of its answer of the part's number."""

    def __init__(self, part):
        self._part = part
        self.parts = 0

    async def send(self, payload):
        self._ident = payload[:4]

    async def receive(self):
        self.parts += 1
        if self.parts > 100_000:
            raise AssertionError("it goes on")
        return self._ident + bytes((wire.MORE_FOLLOWS,)) + self._part(self.parts)

    async def close(self):
        pass


def endless(part, work):
    """How many parts a client takes before it says that they make no sense."""

    async def stay():
        client = Client(None, bytes(8), 0, PSK)
        client._session = session = Endless(part)
        with pytest.raises(BadAnswer):
            await work(client)
        return session.parts

    return asyncio.run(stay())


def numbers(count, first, rest):
    """So many entries that begin with a number."""
    return b"".join(number.to_bytes(20 - len(rest), "big") + rest for number in range(first, first + count))


def code_entries(count, first):
    code = b"\x01\x06" + bytes(2) + bytes(4) + b"\xff" * 4
    return numbers(count, first, code)


def test_a_lock_that_goes_on_is_left():
    """It has the key, and could otherwise fill memory and disk."""
    assert endless(lambda n: bytes(3), lambda client: client.unlock()) == 1
    assert endless(lambda n: b"", lambda client: client.identify()) == 1
    assert endless(lambda n: b"", lambda client: client.keys()) <= 16 * REQUEST_TRIES
    keys = endless(lambda n: bytes((n - 1, OWNER)) + bytes(12), lambda client: client.keys())
    assert keys == 17
    for cursor in (0xFFFF, 7, 0):
        assert (
            endless(lambda n, cursor=cursor: cursor.to_bytes(2, "big") + bytes(4), lambda client: client.codes()) <= 2
        )
    most = endless(lambda n: (0xFFFF - n).to_bytes(2, "big") + bytes(4) + code_entries(10, 10 * n), lambda c: c.codes())
    assert most == MOST_CODES // 10 + 1
    assert endless(lambda n: (0xFFFF - n).to_bytes(2, "big") + bytes(4), lambda c: c.codes()) <= MOST_CODES + 1


def test_of_the_log_no_more_is_taken_than_was_asked_for():
    kept = []

    def part(number):
        return b"".join((number * 10 + at).to_bytes(4, "big") + bytes(16) for at in range(10))

    assert endless(part, lambda client: client.log(0, kept.extend, 25)) == 3
    assert [event.seq for event in kept] == list(range(10, 30))
    assert endless(lambda n: b"", lambda client: client.log(0, kept.extend, 5)) == 6


def test_what_happens_after_the_visit_began_is_left_for_the_next(lock):
    for _ in range(5):
        lock.owner.set_time(lock.rtc.now)
    kept = []
    run(lambda client: client.log(0, kept.extend, 100, newest=3), lock)
    assert [event.seq for event in kept] == [1, 2, 3]


def test_a_message_that_comes_in_drops_is_waited_for_no_longer_than_any(monkeypatch):
    """One byte at a time, each in time, would be hours."""
    monkeypatch.setattr(session_module, "MESSAGE_WITHIN", 0.05)
    given = []

    class Slow(Hostile):
        async def receive(self, timeout):
            given.append(timeout)
            await asyncio.sleep(min(0.02, timeout))
            if timeout <= 0.02:
                raise LinkLost
            return framed(0, bytes(320))[:4] if len(given) == 1 else bytes((len(given) - 1, 0))

    with pytest.raises(LinkLost):
        asyncio.run(shake(Slow(), 0, PSK, None))
    assert len(given) <= 5


def test_a_request_that_is_refused_when_it_is_sent_again_may_have_been_done(lock):
    """Two clients with one key: the lock knows the newest request only."""
    radio = MemoryRadio(lock)
    done = []

    def fault(direction, value):
        if direction == DOWN and value[3] == wire.SEALED | wire.FROM_LOCK and not done:
            done.append(lock.owner.add_custom("591804", by=By(0, 7)))  # another client with this key
            return CUT
        return [value]

    radio.fault = fault

    async def work(client):
        for again, digits in ((True, "740193"), (False, "591804")):
            with pytest.raises(Refusal) as caught:
                await client.add_code(digits, None, None)
            assert (caught.value.word, caught.value.again) == ("code-exists", again)

    run(work, lock, radio=radio)
