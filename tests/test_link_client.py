"""The client of the link: what it asks, what it believes, and that a request is done once, whatever is lost."""

import asyncio
import random as random_module
from contextlib import ExitStack, suppress
from unittest.mock import patch

import pytest

from firmware.core import wire
from firmware.core.keys import MANAGER, OPENER, OWNER, RELAY, Key
from firmware.core.noise import HandshakeState
from firmware.core.prologue import prologue
from host_tools.errors import ToolError
from host_tools.link import client as client_module
from host_tools.link.client import TRIES, BadAnswer, Client
from host_tools.link.refusals import REMEDIES, Refusal
from host_tools.link.results import KeyEntry
from host_tools.link.session import Busy, NotPairing, PairingWaits, TooOld, WrongKey, WrongLock, shake
from host_tools.link.transport import LinkLost, Wire
from tests.campaign import cases
from tests.linked import PSK, Linked
from tests.memory_radio import CUT, DOWN, UP, MemoryRadio, perfect

MANAGER_PSK = bytes(range(100, 132))


@pytest.fixture(autouse=True)
def hurry():
    """Do not pause between tries."""
    with ExitStack() as stack:
        for pause in ("AGAIN_PAUSE", "BUSY_PAUSE"):
            stack.enter_context(patch.object(client_module, pause, 0))
        yield


@pytest.fixture
def lock(tmp_path):
    return Linked(str(tmp_path), keys=[Key(1, MANAGER, MANAGER_PSK, "Max")])


def client_of(lock, fault=perfect, slot=0, psk=PSK, size=244, radio=None):
    radio = radio or MemoryRadio(lock, fault=fault, size=size)

    async def dial():
        (sighting,) = await radio.scan(1, lambda one: True)
        return await radio.connect(sighting)

    return Client(dial, lock.link.id, slot, psk)


def run(work, lock, **more):
    """Do something with a client."""

    async def stay():
        async with client_of(lock, **more) as client:
            return await work(client)

    return asyncio.run(stay())


class Faults:
    """Does something to the nth value of a direction, and carries the others."""

    def __init__(self, direction, number, does):
        self.direction = direction
        self.number = number
        self.does = does
        self.seen = 0

    def __call__(self, direction, value):
        if direction == self.direction:
            self.seen += 1
            if self.seen == self.number:
                return self.does(value)
        return [value]


DOES = {
    "lost": lambda value: [],
    "twice": lambda value: [value, value],
    "cut": lambda value: CUT,
    "altered": lambda value: [value[:-1] + bytes((value[-1] ^ 1,))],
    "short": lambda value: [value[:-1]],
    "long": lambda value: [value + b"\0"],
    "empty": lambda value: [b""],
}


# What the lock is asked


@pytest.mark.parametrize("size", [20, 23, 100, 244])
def test_every_command_with_fragments_of_every_size(lock, size):
    async def work(client):
        status = await client.identify()
        assert (status.lock_id, status.slot, status.role, status.label) == (lock.link.id, 0, OWNER, "Ann")
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
    with pytest.raises(LinkLost):
        run(lambda client: client.unlock(), lock, radio=radio)
    assert len(radio.wires) == TRIES
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
                with suppress(LinkLost):
                    await client.add_code(digits, None, None, insist=True)
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


def test_removing_ones_own_key_and_a_reset_are_done_when_the_lock_no_longer_knows_it(tmp_path):
    for number, wish in enumerate(("remove", "reset")):
        folder = tmp_path / wish
        folder.mkdir()
        lock = Linked(str(folder), keys=[Key(1, OWNER, MANAGER_PSK, "Max")])
        lock.held = True
        count = [0]

        def fault(direction, value, count=count):
            """Lose the connection with the answer to the request, which is the third from the lock."""
            count[0] += direction == DOWN
            return CUT if direction == DOWN and count[0] == 3 else [value]

        async def work(client, wish=wish):
            if wish == "reset":
                await client.reset()
            else:
                await client.remove_key(1)

        radio = MemoryRadio(lock, fault=fault)
        lock_id = lock.link.id

        async def dial(radio=radio):
            if radio.locks[0].anew:
                radio.locks[0].start()
            return await radio.connect((await radio.scan(1, lambda one: True))[0])

        async def stay(dial=dial, lock_id=lock_id, work=work):
            async with Client(dial, lock_id, 1, MANAGER_PSK) as client:
                await work(client)

        asyncio.run(stay())
        assert len(radio.wires) == 2
        if number:
            assert lock.trouble == "no-secret"
        else:
            assert 1 not in lock.store.keys


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
    lock = Linked(str(tmp_path), keys=[Key(4, RELAY, MANAGER_PSK)])

    async def work(client):
        assert (await client.identify()).role == RELAY
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
    assert other.link.wait() == 0


def test_a_busy_lock_is_asked_again_and_then_said_to_be_busy(lock):
    for _ in range(16):
        lock.link.connect().close()
    radio = MemoryRadio(lock)
    with pytest.raises(Busy):
        run(lambda client: client.identify(), lock, radio=radio)
    assert len(radio.wires) == TRIES
    lock.wait(10)
    assert run(lambda client: client.identify(), lock).slot == 0


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
        asyncio.run(shake(Hostile(framed(0, b"\x81\x01" + bytes(24))), 0, PSK, lock.link.id))
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
