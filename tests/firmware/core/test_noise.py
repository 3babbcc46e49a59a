"""The handshakes and the sessions of the link: against another Noise library, and under attack on both interpreters."""

import json
import random
import re
import subprocess

import pytest
from cryptography.exceptions import InvalidTag
from noise.exceptions import NoiseInvalidMessage

from tests.dual.support import noise_attacks
from tests.dual.support.noise_attacks import PROLOGUE, PSK, Counted, Stream, session, side
from tests.generators.link import example, pairing_example
from tests.generators.noise import connection
from tests.support import micropython
from tests.support.campaign import cases
from tumbler_lock.core import noise
from tumbler_lock.core.cooperative import run
from tumbler_lock.core.errors import LockError, SessionError
from tumbler_lock.core.noise import CipherState, HandshakeState
from tumbler_lock.core.protocol import CHALLENGE_SIZE, LINK_VERSION, LOCK_ID_SIZE, NO_LOCK, PAIRING_SLOT, prologue

LIVE = """
import sys
from tumbler_lock.core.noise import HandshakeState
from os import urandom
from binascii import hexlify, unhexlify

def say(data):
    print(hexlify(data).decode())

def hear():
    return unhexlify(sys.stdin.readline().strip())

initiator = sys.argv[1] == "initiator"
handshake = HandshakeState(initiator, hear(), hear() or None, urandom)
if initiator:
    say(handshake.write(hear()))
    say(handshake.read(hear()))
else:
    say(handshake.read(hear()))
    say(handshake.write(hear()))
say(handshake.hash)
send, receive = handshake.split()
for _ in range(4):
    say(send.seal(hear()))
    say(receive.open(hear()))
"""


class Live:
    """One side of a handshake in a MicroPython process, with the calls of HandshakeState."""

    def __init__(self, initiator, begin, psk):
        line = [micropython.find(), "-c", LIVE, "initiator" if initiator else "responder"]
        self.process = subprocess.Popen(
            line,
            cwd=micropython.ROOT,
            env=micropython.environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._tell(begin)
        self._tell(psk or b"")
        self.seal = self.open = self.write = self.read = self.ask

    def _tell(self, data):
        self.process.stdin.write(data.hex() + "\n")
        self.process.stdin.flush()

    def ask(self, data):
        self._tell(data)
        return bytes.fromhex(self.process.stdout.readline())

    @property
    def hash(self):
        return bytes.fromhex(self.process.stdout.readline())

    def split(self):
        return self, self

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        return self.process.wait(10)


def talk(draw, initiator, ours, begin, psk):
    """Shake hands with the other library and exchange eight messages."""
    theirs = connection(not initiator, begin, psk)
    payloads = [draw.randbytes(draw.choice((0, 0, 16, draw.randrange(300)))) for _ in range(10)]
    if initiator:
        assert theirs.read_message(ours.write(payloads[0])) == payloads[0]
        assert ours.read(bytes(theirs.write_message(payloads[1]))) == payloads[1]
    else:
        assert ours.read(bytes(theirs.write_message(payloads[0]))) == payloads[0]
        assert theirs.read_message(ours.write(payloads[1])) == payloads[1]
    assert theirs.handshake_finished
    assert ours.hash == theirs.get_handshake_hash()
    send, receive = ours.split()
    for ask, answer in zip(payloads[2::2], payloads[3::2], strict=True):
        assert theirs.decrypt(send.seal(ask)) == ask
        assert receive.open(theirs.encrypt(answer)) == answer


@pytest.mark.parametrize("keyed", [True, False])
@pytest.mark.parametrize("initiator", [True, False])
def test_live_with_another_library(initiator, keyed):
    draw = random.Random(f"live {initiator} {keyed}")
    for _ in range(cases(40, 5000)):
        begin, psk = draw.randbytes(draw.randrange(60)), draw.randbytes(32) if keyed else None
        talk(draw, initiator, HandshakeState(initiator, begin, psk, draw.randbytes), begin, psk)


@pytest.mark.parametrize("keyed", [True, False])
@pytest.mark.parametrize("initiator", [True, False])
def test_live_between_another_library_and_micropython(initiator, keyed):
    draw = random.Random(f"MicroPython {initiator} {keyed}")
    for _ in range(cases(4, 500)):
        begin, psk = draw.randbytes(1 + draw.randrange(60)), draw.randbytes(32) if keyed else None
        ours = Live(initiator, begin, psk)
        talk(draw, initiator, ours, begin, psk)
        assert ours.close() == 0


@pytest.mark.parametrize(
    ("begin", "psk"),
    [(PROLOGUE, noise_attacks.OTHER), (prologue(1, 1, 4, b"the lock", bytes(16)), PSK), (b"", PSK), (PROLOGUE, None)],
)
def test_the_other_library_and_ours_refuse_each_other_with_another_key_or_prologue(begin, psk):
    with pytest.raises(SessionError):
        side(False).read(bytes(connection(True, begin, psk).write_message(b"")))
    theirs = connection(False, begin, psk)
    ours = side(True)
    if psk:
        with pytest.raises((InvalidTag, NoiseInvalidMessage)):
            theirs.read_message(ours.write())
    else:  # that takes any first message; ours refuses the second
        theirs.read_message(ours.write())
        with pytest.raises(SessionError):
            ours.read(bytes(theirs.write_message(b"")))


def test_without_a_key_the_other_library_and_ours_refuse_another_prologue():
    begin = PROLOGUE[:-1] + b"\x01"
    ours, theirs = side(True, None), connection(False, begin, None)
    theirs.read_message(ours.write())
    with pytest.raises(SessionError):
        ours.read(bytes(theirs.write_message(b"")))
    ours, theirs = side(False, None), connection(True, begin, None)
    ours.read(bytes(theirs.write_message(b"")))
    with pytest.raises((InvalidTag, NoiseInvalidMessage)):
        theirs.read_message(ours.write())


def test_attacks():
    for payload in (b"", b"a payload of some bytes"):
        assert noise_attacks.first_message(payload) > 384
        assert noise_attacks.second_message(payload) > 384
    assert noise_attacks.first_message_in_clear() > 256
    assert noise_attacks.second_message(psk=None) > 384
    for payload in (b"", b"open", bytes(100)):
        assert noise_attacks.session_message(payload) > 128
        assert noise_attacks.session_message(payload, None) > 128
    for psk in (PSK, None):
        assert noise_attacks.another_prologue(psk) > 280
        assert [noise_attacks.low_order(psk), noise_attacks.replayed_alike(psk), noise_attacks.order(psk)] == [10, 4, 7]
    assert [noise_attacks.strangers(), noise_attacks.replayed()] == [18, 128]


def test_attacks_in_micropython(capsys):
    noise_attacks.main()
    assert (
        micropython.run(micropython.ROOT / "tests" / "dual" / "support" / "noise_attacks.py") == capsys.readouterr().out
    )


def test_garbage_of_every_length_costs_no_curve_operation():
    draw = random.Random(48)
    with Counted() as counted:
        for length in [*range(120), *(draw.randrange(70_000) for _ in range(5))]:
            with pytest.raises(SessionError):
                side(False).read(draw.randbytes(length))
        assert counted.operations == 0


@pytest.mark.parametrize("psk", [PSK, None])
def test_what_a_handshake_costs_in_curve_operations(psk):
    with Counted() as counted:
        initiator, responder = side(True, psk), side(False, psk)
        message = initiator.write()
        assert counted.operations == 1
        responder.read(message)
        assert counted.operations == 1
        answer = responder.write()
        assert counted.operations == 3
        initiator.read(answer)
        assert counted.operations == 4
        initiator.split()
        responder.split()
        assert counted.operations == 4


@pytest.mark.parametrize(("psk", "sizes"), [(PSK, [48, 48]), (None, [32, 48])])
def test_sizes_of_messages(psk, sizes):
    initiator, responder = side(True, psk), side(False, psk)
    first = initiator.write()
    responder.read(first)
    assert [len(first), len(responder.write())] == sizes


def test_costs_in_micropython():
    figures = json.loads(micropython.run(micropython.ROOT / "tests" / "dual" / "bench" / "link.py", heap="192k"))
    cost = figures["cost in HMAC"]
    # On a busy machine times mean little; these are thirty times apart.
    for light in ("lock: a first message with a wrong key", "lock: the same after prepare", "seal 64 bytes"):
        assert 0 < cost[light] * 4 < cost["X25519, a public key"]
    assert figures["heap of a session, bytes"] < 2048


@pytest.mark.parametrize("psk", [PSK, None])
def test_prepared_in_slices_the_message_is_the_same(psk):
    wanted = side(True, psk), side(False, psk)
    wanted[1].read(wanted[0].write())
    initiator, responder = side(True, psk), side(False, psk)
    assert len(list(initiator.prepare())) == 255
    responder.read(initiator.write())
    assert len(list(responder.prepare())) == 510
    with Counted() as counted:
        assert responder.write() == wanted[1].write()
    assert counted.operations == 2  # those of the one that was not prepared


def test_closed_between_two_slices():
    initiator, responder = side(True), side(False)
    responder.read(initiator.write())
    steps = responder.prepare()
    for _ in range(300):
        next(steps)
    responder.close()
    with pytest.raises(SessionError):
        run(steps)
    noise_attacks.dead("closed", responder)


def test_abandoned_between_two_slices_it_can_be_done_again():
    initiator, responder = side(True), side(False)
    responder.read(initiator.write())
    steps = responder.prepare()
    next(steps)
    steps.close()
    initiator.read(responder.write())
    assert initiator.hash == responder.hash, "both are done"


def test_keys_come_from_the_random_source_and_never_twice():
    asked = []

    def source(size):
        asked.append(size)
        return random.Random(len(asked)).randbytes(size)

    initiator = HandshakeState(True, PROLOGUE, PSK, source)
    responder = HandshakeState(False, PROLOGUE, PSK, source)
    assert asked == []
    first = initiator.write()
    responder.read(first)
    assert asked == [32]
    second = responder.write()
    assert asked == [32, 32]
    assert first[:32] != second[:32]


def test_a_random_source_that_gives_too_little_is_noticed():
    with pytest.raises(ValueError, match="32 bytes"):
        HandshakeState(True, PROLOGUE, PSK, lambda size: bytes(size - 1)).write()


@pytest.mark.parametrize("size", [0, 16, 31, 33, 64])
def test_a_key_of_another_size_is_our_own_mistake(size):
    with pytest.raises(ValueError, match="32 bytes"):
        HandshakeState(True, PROLOGUE, bytes(size), Stream(""))


def test_two_sessions_have_nothing_in_common():
    sealed = set()
    for name in ("a", "b"):
        (say, _), (answer, _) = session(name)
        sealed |= {say.seal(b"open"), say.seal(b"open"), answer.seal(b"open"), answer.seal(b"open")}
    assert len(sealed) == 8


def test_the_last_number_is_never_used():
    sender, receiver = CipherState(PSK), CipherState(PSK)
    sender.messages = receiver.messages = 2**64 - 2
    assert receiver.open(sender.seal(b"last")) == b"last"
    for state, work in ((sender, sender.seal), (receiver, receiver.open)):
        for _ in range(2):
            with pytest.raises(SessionError):
                work(bytes(32))
            assert state.messages == 2**64 - 1


def test_numbers_of_messages_are_where_the_framework_puts_them():
    state = CipherState(PSK)
    state.messages = 0x0102030405060708
    assert state._nonce() == bytes((0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8))


def test_the_longest_messages():
    (say, _), (_, listen) = session()
    assert listen.open(say.seal(bytes(65_519))) == bytes(65_519)
    with pytest.raises(ValueError, match="65519"):
        say.seal(bytes(65_520))
    assert say.messages == 1
    initiator, responder = side(True), side(False)
    with pytest.raises(ValueError, match="65487"):
        initiator.write(bytes(65_488))
    assert responder.read(initiator.write(bytes(65_487))) == bytes(65_487)


def test_a_longer_message_is_refused_even_if_it_is_authentic(monkeypatch):
    (say, _), (_, listen) = session()
    initiator, responder = side(True), side(False)
    with monkeypatch.context() as patch:
        patch.setattr(noise, "NOISE_MESSAGE_MOST", 70_000)
        sealed, first = say.seal(bytes(65_520)), initiator.write(bytes(65_488))
    with pytest.raises(SessionError):
        listen.open(sealed)
    with pytest.raises(SessionError):
        responder.read(first)


def test_at_its_end_a_handshake_holds_only_what_split_needs():
    initiator, responder = side(True), side(False)
    responder.read(initiator.write())
    initiator.read(responder.write())
    for end in (initiator, responder):
        assert (end._private, end._key, end._shared) == (b"", b"", b"")


def test_errors_are_of_one_class_and_hold_no_secret():
    assert issubclass(SessionError, LockError)
    secrets = [PSK, noise_attacks.OTHER, b"payload", b"digits 2468"]
    errors = []
    for work in (
        lambda: side(False).read(side(True, noise_attacks.OTHER).write(b"payload")),
        lambda: side(False).read(b"digits 2468"),
        lambda: side(True).read(bytes(48)),
        lambda: session()[0][1].open(b"digits 2468" * 4),
        lambda: side(True, PSK[:31]),
    ):
        with pytest.raises((SessionError, ValueError)) as caught:
            work()
        error = caught.value
        while error:
            errors.append(repr(error) + str(error.args))
            error = error.__context__
    assert len(errors) >= 5
    for text in errors:
        assert not any(secret.hex() in text or repr(secret)[2:-1] in text for secret in secrets)


def test_prologue():
    """Against the table of docs/spec/link.md, field by field."""
    made = prologue(3, 2, 5, bytes(range(8)), bytes(range(16, 32)))
    assert len(made) == 35
    assert made[:8] == b"TUMBLERl"
    assert list(made[8:11]) == [3, 2, 5]
    assert (made[11:19], made[19:]) == (bytes(range(8)), bytes(range(16, 32)))
    assert LINK_VERSION == 1
    assert PAIRING_SLOT == 255
    assert bytes(8) == NO_LOCK


@pytest.mark.parametrize("size", [0, 7, 9, 16])
def test_a_lock_id_of_another_size_is_our_own_mistake(size):
    with pytest.raises(ValueError, match="8 bytes"):
        prologue(1, 1, 0, bytes(size), bytes(CHALLENGE_SIZE))


@pytest.mark.parametrize("size", [0, 8, 15, 17])
def test_a_challenge_of_another_size_is_our_own_mistake(size):
    with pytest.raises(ValueError, match="a challenge 16"):
        prologue(1, 1, 0, bytes(LOCK_ID_SIZE), bytes(size))


@pytest.mark.parametrize("number", [-1, 256])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_number_that_is_no_byte_is_our_own_mistake(place, number):
    numbers = [1, 1, 0]
    numbers[place] = number
    with pytest.raises(ValueError, match="0 to 255"):
        prologue(*numbers, bytes(LOCK_ID_SIZE), bytes(CHALLENGE_SIZE))


def test_the_names_are_the_first_hash():
    assert len(noise.NAME_WITH_PSK) == len(noise.NAME_WITHOUT_PSK) == 32
    assert noise.NAME_WITHOUT_PSK == b"Noise_NN_25519_AESGCM_SHA256\x00\x00\x00\x00"


def test_the_worked_examples_of_the_document():
    text = (micropython.ROOT / "docs" / "spec" / "link.md").read_text(encoding="utf-8")
    written = set(re.findall(r"`([^`]*)`", text))
    paired, digits = pairing_example()
    for shown in (example(), paired):
        values = [shown[name] for name in ("lock_id", "challenge", "prologue", "initiator", "responder", "hash")]
        values += [shown["protocol"], *shown["hello"], *shown["steps"].values()]
        values += [sealed for _, sealed in shown["messages"][2:]]
        assert [value for value in values if value not in written] == []
    assert [value for value in digits.values() if value not in written] == []
    assert example()["psk"] in written
