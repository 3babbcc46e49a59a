"""What never leaves the lock: digits of codes, keys, the root secret; digits are not on flash either."""

import os

from tests.dual.support.link_tools import NEVER, PSKS, add, change, code, key, session, staff, u16, u32
from tests.dual.support.linked_lock import Linked
from tests.dual.support.lock import EXAMPLE_SECRET, NOW
from tests.dual.support.pairing_client import DIGITS, FINISH, SECRET, complete, further, shown
from tests.dual.support.pairing_client import PSK as PAIRED
from tumbler_lock.core import protocol
from tumbler_lock.core.tickets import ONE_TIME, PERMANENT

GIVEN = bytes(range(77, 109))
FIRST, SECOND, UNKNOWN, REFUSED = b"86420975", b"97531864", b"31415926", b"86 20 75"


def told(client, command, arguments=b""):
    """Everything that one request brings back, in clear and as it was carried."""
    answers = client.say(client.sealed(int.from_bytes(client.random(4), "big") | 1, command, arguments))
    return b"|".join(answers + [result for _, _, result in client.unseal(answers)])


def files(directory):
    """All bytes that the lock keeps."""
    kept = b""
    for name in os.listdir(directory):
        with open(directory + "/" + name, "rb") as file:
            kept += file.read() + b"|"
    return kept


def whole_conversation(lock, codes):
    """Every command once or more, done and refused, with these codes in the arguments. Returns all that came back."""
    said = b""
    first, second, offline, wrong = codes
    for slot in range(4):
        client = session(lock, slot, PSKS[slot])
        for command, arguments in (
            (protocol.IDENTIFY, b""),
            (protocol.GET_TIME, b""),
            (protocol.SET_TIME, u32(NOW)),
            (protocol.ADD_CODE, add(first)),
            (protocol.ADD_CODE, add(first)),
            (protocol.ADD_CODE, add(b"11111111")),
            (protocol.ADD_CODE, add(wrong)),
            (protocol.ADD_CODE, add(first + b"8642")),
            (protocol.CHANGE_CODE, change(first, 8, digits=second)),
            (protocol.CHANGE_CODE, change(first, 8, digits=second)),
            (protocol.CHANGE_CODE, change(second, 4, end=1)),
            (protocol.DELETE_CODE, code(offline)),
            (protocol.DELETE_CODE, code(offline)),
            (protocol.DELETE_CODE, code(UNKNOWN)),
            (protocol.LIST_CODES, b"\xff\xff"),
            (protocol.UNLOCK, b""),
            (protocol.GET_CONFIG, b""),
            (protocol.SET_CONFIG, b"\x03\x01\x09"),
            (protocol.SET_CONFIG, b"\x01\x04nope"),
            (protocol.LIST_KEYS, b""),
            (protocol.ADD_KEY, key(255, 3, GIVEN)),
            (protocol.ADD_KEY, key(255, 9, GIVEN)),
            (protocol.ADD_KEY, key(1, 3, PSKS[1])),
            (protocol.READ_LOG, u32(0) + u16(500)),
            (0x99, first),
        ):
            said += told(client, command, arguments)
        for digits in (first, second, offline, UNKNOWN, wrong):
            lock.enter(digits.decode())
        if slot < 2:
            said += told(client, protocol.LIST_CODES, b"\xff\xff") + told(client, protocol.READ_LOG, u32(0) + u16(500))
    return said


def test_no_digits_in_any_answer_log_or_file(directory):
    lock = staff(directory)
    offline = lock.code(PERMANENT, length=9).encode()
    codes = (FIRST, SECOND, offline, REFUSED)
    said = whole_conversation(lock, codes) + files(directory)
    lock.enter(lock.code(ONE_TIME))
    said += told(session(lock), protocol.ERASE_CODES) + files(directory)
    for digits in codes + (UNKNOWN,):
        assert digits not in said, digits
        for at in range(len(digits) - 4):
            assert digits[at : at + 5] not in said, digits
        number = int(digits.decode().replace(" ", ""))
        assert number.to_bytes(4, "big") not in said, digits
        assert number.to_bytes(4, "little") not in said, digits
    assert lock.scheme.tag(FIRST.decode())[:4], "a tag stands for them"


def test_no_key_and_no_secret_in_any_answer(directory):
    lock = staff(directory)
    said = whole_conversation(lock, (FIRST, SECOND, lock.code(PERMANENT).encode(), REFUSED))
    lock.held = True
    client = session(lock, 255, None)
    digits = shown(client)
    lock.sessions.enter(digits)
    said += told(client, DIGITS) + told(client, FINISH, further(PSKS[1])) + told(client, FINISH, further(PAIRED))
    assert digits.encode() not in said
    said += told(session(lock), protocol.LIST_KEYS)
    for secret in list(PSKS.values()) + [PAIRED, EXAMPLE_SECRET, GIVEN]:
        for at in range(25):
            assert secret[at : at + 8] not in said


def test_no_secret_in_what_a_new_lock_says(directory):
    lock = Linked(directory, blank=True)
    client = session(lock, 255, None)
    lock.sessions.enter(shown(client))
    said = told(client, FINISH, complete(0)) + told(client, FINISH, complete(NOW, b"\x00" * 31))
    said += told(client, FINISH, complete(NOW))
    lock.start()
    owner = session(lock, 0, PAIRED)
    for command in (protocol.IDENTIFY, protocol.GET_CONFIG, protocol.LIST_KEYS):
        said += told(owner, command)
    said += told(owner, protocol.READ_LOG, u32(0) + u16(9)) + told(owner, protocol.ADD_CODE, add(FIRST, 0, NEVER))
    for secret in (SECRET, PAIRED):
        for at in range(25):
            assert secret[at : at + 8] not in said
