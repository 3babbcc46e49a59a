"""The whole lock with a client connected: real firmware in MicroPython, fragments by requests to the virtual board.

There is no Bluetooth stack between them: the test sees byte by byte what a client writes and what the lock notifies.
"""

import json

import pytest

from tests.dual.support.linked_lock import Client, Refusal, random
from tests.dual.support.lock import EXAMPLE_SECRET
from tests.support.micropython import ROOT
from tests.support.virtual import Board
from tumbler_lock.core import protocol
from tumbler_lock.core.config import Config
from tumbler_lock.core.fragments import Cutter, Joiner
from tumbler_lock.core.pairing import CLIENT, LOCK, commitment, digits_of
from tumbler_lock.core.protocol import NO_LOCK, PAIRING_SLOT, lock_id

PSK = bytes(range(64, 96))
KEYS = [{"slot": 0, "role": 1, "psk": PSK.hex(), "label": "Ann"}]
COMMAND = "1dc6abf2-f453-40a6-969f-e9598cbd010d"
ANSWER = "1dc6abf3-f453-40a6-969f-e9598cbd010d"


class Lost(Exception):
    """The lock has sent the client away."""


class Phone(Client):
    """A client of a board's radio. conn: handle of its connection."""

    def __init__(self, board, conn=1, mtu=247, name="phone"):
        self.board = board
        self.conn = conn
        self.random = random(name)
        self.said = []
        self.heard = []
        self.slices = 0
        self.fragment = 20
        self.cutter, self.joiner = Cutter(), Joiner()
        self.at = len(board.air)
        board.ask("radio", op="connect", conn=conn, address=f"c0ffee0000{conn:02x}")
        if mtu:
            board.ask("radio", op="mtu", conn=conn, mtu=mtu)
            self.fragment = min(mtu - 3, 244)

    def write(self, fragment):
        """One write of the command characteristic."""
        self.board.ask("radio", op="write", conn=self.conn, handle=handle(self.board, COMMAND), value=fragment.hex())

    def say(self, message):
        """Send a message; return those that came back until nothing more does."""
        for fragment in self.cutter.cut(message, self.fragment):
            self.write(fragment)
        return self.listen()

    def listen(self):
        """The messages that the lock has notified since, the buffers of the radio being emptied as they fill."""
        messages = []
        while True:
            heard = [event for event in self.board.air[self.at :] if event.get("conn") == self.conn]
            self.at = len(self.board.air)
            values = [bytes.fromhex(event["value"]) for event in heard if event["op"] == "notify"]
            messages += [message for message in map(self.joiner.add, values) if message is not None]
            if any(event["op"] == "disconnect" for event in heard):
                self.board.ask("radio", op="disconnect", conn=self.conn)
                if not messages:
                    raise Lost
                return messages
            if not values:
                return messages
            self.board.ask("radio", op="sent", conn=self.conn, count=len(values))
            self.board.wait(0.05)


def handle(board, uuid):
    """The handle under which the board has registered a characteristic."""
    for event in radio_events(board, "services"):
        for service in event["services"]:
            for characteristic in service["characteristics"]:
                if characteristic["uuid"] == uuid:
                    return characteristic["handle"]
    raise LookupError(uuid)


class Lock(Board):
    """A board that keeps every event of its radio."""

    def __init__(self, folder, **more):
        super().__init__(folder, **more)
        self.air = []
        if self._provision:
            self._provision["keys"] = KEYS

    def _event(self, message):
        super()._event(message)
        if message["event"] == "radio":
            self.air.append(message)

    def on(self, *args, **more):
        answer = super().on(*args, **more)
        self.wait(1)
        return answer


@pytest.fixture
def lock(tmp_path):
    with Lock(tmp_path) as board:
        board.on()
        yield board


def test_identify(lock):
    phone = Phone(lock).connect(psk=PSK)
    status = phone.done(protocol.IDENTIFY)
    assert status[4:12] == lock_id(EXAMPLE_SECRET)
    assert status[35:] == b"Ann"


def radio_events(board, op):
    """The radio's events of one sort."""
    return [event for event in board.air if event["op"] == op]


def advertised(board):
    """The last advertisement, None when it was stopped since."""
    events = radio_events(board, "advertise")
    return None if not events or not events[-1]["on"] else events[-1]


def lost(phone):
    """Whether the lock sends this client away, and advertises again once it is gone."""
    events = radio_events(phone.board, "disconnect")
    return bool(events) and events[-1]["conn"] == phone.conn


def test_unlock_moves_the_bolt_and_locks_again(lock):
    phone = Phone(lock).connect(psk=PSK)
    assert phone.done(protocol.UNLOCK) == bytes([5])
    assert lock.last("bolt")["unlocked"] is True
    assert [event["name"] for event in lock.all("signal")][-1] == "open"
    lock.wait(6)
    assert lock.last("bolt")["unlocked"] is False


def test_a_custom_code_opens_at_once_and_a_deleted_one_no_more(lock):
    phone = Phone(lock).connect(psk=PSK)
    phone.done(protocol.ADD_CODE, bytes(5) + b"\xff" * 4 + b"204060")
    assert lock.press("204060#") == "open opened"
    phone.done(protocol.DELETE_CODE, b"\x06204060")
    assert lock.press("204060#") == "refused wrong"


def test_at_the_least_mtu(lock):
    phone = Phone(lock, mtu=0).connect(psk=PSK)
    assert phone.done(protocol.IDENTIFY)[35:] == b"Ann"
    assert all(len(event["value"]) <= 40 for event in radio_events(lock, "notify"))


def test_a_thousand_codes_are_listed(lock):
    phone = Phone(lock).connect(psk=PSK)
    for number in range(1000):
        phone.done(protocol.ADD_CODE, bytes([1]) + bytes(4) + b"\xff" * 4 + b"%07d" % (number * 9973 + 10))
    word, parts = phone.ask(protocol.LIST_CODES, b"\xff\xff")
    assert word == "done"
    tags = {part[at : at + 8] for part in parts for at in range(6, len(part), 20)}
    assert len(tags) == 1000


def test_the_keypad_answers_in_the_middle_of_a_handshake_and_of_a_list(lock):
    phone = Phone(lock)
    phone.hello()
    assert lock.press(lock.code() + "#") == "open opened"
    phone.shake(PSK)
    assert phone.done(protocol.IDENTIFY)[22:24] == bytes([0, 1])
    for number in range(30):
        phone.done(protocol.ADD_CODE, bytes([1]) + bytes(4) + b"\xff" * 4 + b"%07d" % (number * 9973 + 10))
    for fragment in phone.cutter.cut(phone.sealed(7, protocol.LIST_CODES, b"\xff\xff"), 244):
        phone.write(fragment)
    assert lock.press("0000109#") == "refused wrong"
    assert len(phone.unseal(phone.listen())) == 4
    assert phone.done(protocol.IDENTIFY)


def test_a_silent_client_is_sent_away_and_the_next_gets_in(lock):
    phone = Phone(lock)
    lock.wait(4)
    assert not lost(phone)
    lock.wait(2)
    assert lost(phone)
    assert advertised(lock) is None
    lock.ask("radio", op="disconnect", conn=1)
    lock.wait(1)
    assert Phone(lock, conn=2).connect(psk=PSK).done(protocol.IDENTIFY)


def test_four_silent_clients_do_not_keep_the_owner_out(lock):
    for conn in range(1, 5):
        began = lock.now_ms
        phone = Phone(lock, conn=conn)
        while not lost(phone):
            lock.wait(0.5)
        lock.ask("radio", op="disconnect", conn=conn)
        lock.wait(0.5)
        assert advertised(lock), "the next one may try"
        assert lock.now_ms - began < 7000
    assert Phone(lock, conn=5).connect(psk=PSK).done(protocol.IDENTIFY)


def test_a_client_that_drips_is_sent_away_after_ten_seconds(lock):
    phone = Phone(lock)
    phone.hello()
    for number in range(3):
        fragment = Cutter().cut(bytes([protocol.HANDSHAKE]) + bytes(48), 20)[number]
        lock.wait(4)
        if lost(phone):
            break
        phone.write(bytes([fragment[0] + 1]) + fragment[1:])  # the first was number 0
    assert lost(phone)
    assert number < 3


def test_a_session_without_a_request_ends_after_half_a_minute(lock):
    phone = Phone(lock).connect(psk=PSK)
    lock.wait(29)
    assert not lost(phone)
    assert phone.done(protocol.IDENTIFY)
    lock.wait(29)
    assert not lost(phone)
    lock.wait(2)
    assert lost(phone)


def test_a_client_that_goes_in_the_middle_leaves_nothing_behind(lock):
    for conn in range(1, 6):
        phone = Phone(lock, conn=conn)
        phone.hello()
        message = bytes([protocol.HANDSHAKE]) + bytes(48)
        phone.write(phone.cutter.cut(message, 20)[0])
        lock.ask("radio", op="disconnect", conn=conn)
        lock.wait(1)
    phone = Phone(lock, conn=9).connect(psk=PSK)
    assert phone.done(protocol.IDENTIFY)


def test_garbage_ends_the_connection(lock):
    for number, value in enumerate((b"\x00", b"\xc1\x00\x01\x01", b"\xc0\x00\x01\x07", b"\xff" * 244, b"\x00" * 245)):
        phone = Phone(lock, conn=number + 1)
        phone.write(value)
        lock.wait(0.1)
        assert lost(phone), value
        lock.ask("radio", op="disconnect", conn=phone.conn)
        lock.wait(1)
    assert Phone(lock, conn=9).connect(psk=PSK).done(protocol.IDENTIFY)


def test_strangers_are_counted_and_let_wait(lock):
    for tried in range(40):
        if advertised(lock) is None:
            break
        with pytest.raises(Refusal) as refused:
            Phone(lock, conn=tried + 1).connect(psk=bytes(32))
        assert refused.value.reason == protocol.NO_REASON
        lock.wait(0.2)
    assert 16 <= tried < 24, "16, and one more every 2 s"
    lock.wait(2)
    assert advertised(lock)
    assert Phone(lock, conn=90).connect(psk=PSK).done(protocol.IDENTIFY)


def test_what_is_advertised(lock):
    response = bytes.fromhex(advertised(lock)["response"])
    assert b"Tumbler" in response
    assert response.endswith(b"\xff\xff" + lock_id(EXAMPLE_SECRET))
    phone = Phone(lock).connect(psk=PSK)
    phone.done(protocol.SET_CONFIG, bytes([7, 5]) + b"cabin")
    lock.ask("radio", op="disconnect", conn=1)
    lock.wait(1)
    assert b"cabin" in bytes.fromhex(advertised(lock)["response"])


def test_a_lock_with_a_client_does_not_sleep(lock):
    lock.wait(5)
    assert lock.ask("state")["quiet"]
    phone = Phone(lock).connect(psk=PSK)
    lock.wait(1)
    assert not lock.ask("state")["quiet"]
    lock.ask("radio", op="disconnect", conn=phone.conn)
    lock.wait(2)
    assert lock.ask("state")["quiet"]


def test_a_client_with_a_key_begins_the_time_awake_anew_and_one_without_does_not(tmp_path):
    description = json.loads((ROOT / "boards" / "virtual" / "board.json").read_text(encoding="utf-8"))
    description["power"] = {"battery": True, "sleep": "light", "wake": [32, 33, 25]}
    (tmp_path / "board.json").write_text(json.dumps(description), encoding="utf-8")

    def off():
        return radio_events(lock, "off")

    def burst():
        lock.air = []
        for _ in range(310):
            lock.wait(1)
            if advertised(lock):
                return advertised(lock)["interval_us"] == 100_000
        return False

    with Lock(tmp_path) as lock:
        lock.on(board=str(tmp_path))
        lock.wait(40)
        for conn, known in ((1, True), (2, False), (3, True)):
            assert off()
            assert burst()
            phone = Phone(lock, conn=conn, name=f"phone {conn}")
            if known:
                phone.connect(psk=PSK)
                assert phone.done(protocol.IDENTIFY)
                lock.wait(20)
                assert not off()
            else:
                phone.hello(0)
                with pytest.raises((Refusal, Lost)):
                    phone.shake(bytes(32))
            lock.ask("radio", op="disconnect", conn=conn)
            if known:
                lock.wait(33)
                assert advertised(lock)["interval_us"] == 250_000
                assert not off()
            lock.wait(4)


def test_an_owner_whose_first_key_is_refused_finds_the_lock_a_second_time_in_the_same_burst(tmp_path):
    """As a tool does that has several keys, and as after a link that broke."""
    description = json.loads((ROOT / "boards" / "virtual" / "board.json").read_text(encoding="utf-8"))
    description["power"] = {"battery": True, "sleep": "light", "wake": [32, 33, 25]}
    (tmp_path / "board.json").write_text(json.dumps(description), encoding="utf-8")
    with Lock(tmp_path) as lock:
        lock.on(board=str(tmp_path))
        lock.wait(40)
        lock.air = []
        while not advertised(lock):
            lock.wait(0.1)
        phone = Phone(lock, conn=1)
        with pytest.raises((Refusal, Lost)):
            phone.connect(1, bytes(32))
        lock.ask("radio", op="disconnect", conn=1)
        lock.wait(1)
        lock.ask("radio", op="connect", conn=2, address="010203040506")  # and one whose link breaks
        lock.ask("radio", op="disconnect", conn=2)
        lock.wait(1.5)
        assert Phone(lock, conn=3).connect(psk=PSK).done(protocol.IDENTIFY)


def test_a_power_cut_in_mid_command_is_done_or_not_and_the_retry_tells(lock):
    outcomes = set()
    for cut in range(1, 40):
        phone = Phone(lock, conn=1, name=f"phone {cut}").connect(psk=PSK)
        before = phone.done(protocol.IDENTIFY)[22:24]
        lock.ask("cut", n=cut)
        arguments = bytes([1]) + bytes(4) + b"\xff" * 4 + b"%07d" % (cut * 9973 + 10)
        message = phone.cutter.cut(phone.sealed(cut, protocol.ADD_CODE, arguments), 244)[0]
        ended = lock.ends("radio", op="write", conn=1, handle=handle(lock, COMMAND), value=message.hex())
        if not ended:
            break
        lock.on()
        phone = Phone(lock, conn=1, name=f"again {cut}").connect(psk=PSK)
        between = phone.done(protocol.IDENTIFY)[22:24]
        outcomes.add(between != before)
        tag = phone.done(protocol.ADD_CODE, arguments, cut)
        after = phone.done(protocol.IDENTIFY)[22:24]
        assert int.from_bytes(after, "big") == int.from_bytes(before, "big") + 1
        assert phone.done(protocol.ADD_CODE, arguments, cut) == tag
        lock.ask("radio", op="disconnect", conn=1)
        lock.wait(1)
    else:
        pytest.fail("the command has more than 39 flash operations")
    assert False in outcomes
    assert cut > 3


def restarts(board):
    """Whether the lock restarts once its client is gone."""
    board.ask("radio", op="disconnect", conn=1)
    return board.ends("advance", to_ms=board.now_ms + 1000) == "reset"


def settings():
    """All settings of a new lock."""
    return protocol.pack_settings(Config("UTC0").values())


def pair(phone, board, digits=None):
    """Pair up to the digits; returns the word that `digits?` is answered with after they were typed."""
    phone.hello(PAIRING_SLOT)
    phone.shake(None)
    nonce = phone.random(16)
    theirs = phone.done(protocol.COMMIT, commitment(CLIENT, phone.hash, nonce))
    revealed = phone.done(protocol.REVEAL, nonce)
    assert commitment(LOCK, phone.hash, revealed) == theirs
    shown = digits_of(phone.hash, nonce, revealed)
    assert phone.ask(protocol.CHECK_DIGITS)[0] == "pairing-pending"
    assert board.press((digits or shown) + "#") == ""
    return phone.ask(protocol.CHECK_DIGITS)[0]


@pytest.fixture
def blank(tmp_path):
    with Lock(tmp_path, provision=False) as board:
        board.on()
        yield board


def test_a_new_lock_is_paired_restarts_and_works(blank):
    phone = Phone(blank)
    assert pair(phone, blank) == "done"
    assert blank.last("paired")["right"] is True
    now = (blank.now_ms // 1000).to_bytes(4, "big")
    rest = PSK + b"\x03Ann" + now + bytes(2) + EXAMPLE_SECRET + settings()
    assert phone.lock_id == NO_LOCK
    assert phone.done(protocol.FINISH, rest) == b"\x00"
    assert restarts(blank)
    blank.on(provision=None)
    assert blank.last("started")["trouble"] == ""
    phone = Phone(blank).connect(psk=PSK)
    assert phone.lock_id == lock_id(EXAMPLE_SECRET)
    status = phone.done(protocol.IDENTIFY)
    assert status[14] & 1, "its time is trusted"
    assert blank.press(blank.code() + "#") == "open opened"


def test_wrong_digits_end_a_pairing(blank):
    phone = Phone(blank)
    assert pair(phone, blank, "12345") == "pairing-failed"
    assert blank.all("signal")[-1]["name"] == "refused"
    blank.wait(1)
    assert lost(phone)


def test_a_lock_that_has_a_secret_pairs_only_with_the_button_held(lock):
    with pytest.raises(Refusal) as refused:
        Phone(lock).hello(PAIRING_SLOT)
    assert refused.value.reason == protocol.NO_PAIRING
    lock.wait(1)
    lock.ask("button", held=True)
    phone = Phone(lock, conn=2)
    assert pair(phone, lock) == "done"
    lock.ask("button", held=False)
    assert phone.ask(protocol.FINISH, bytes(range(32)) + b"\x03Bea")[0] == "button-needed"
    lock.ask("button", held=True)
    assert phone.done(protocol.FINISH, bytes(range(32)) + b"\x03Bea") == b"\x01"
    lock.wait(1)
    lock.ask("radio", op="disconnect", conn=2)
    lock.wait(1)
    assert Phone(lock, conn=3).connect(1, bytes(range(32))).done(protocol.IDENTIFY)[35:] == b"Bea"


def test_factory_reset_needs_the_button_and_leaves_a_new_lock(lock):
    phone = Phone(lock).connect(psk=PSK)
    assert phone.ask(protocol.RESET)[0] == "button-needed"
    lock.ask("button", held=True)
    assert phone.done(protocol.RESET) == b""
    assert restarts(lock)
    lock.on(provision=None)
    assert lock.last("started")["trouble"] == "no-secret"
    assert Phone(lock).hello(PAIRING_SLOT) is None
