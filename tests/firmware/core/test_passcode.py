"""Passcodes: the published check values, a second implementation, ranges, and what makes codes differ."""

import datetime
import json
import random

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from tests.generators import codes as model
from tests.support import micropython
from tests.support.campaign import cases
from tests.support.doc_tables import TEXT, rows
from tumbler_lock.core import passcode
from tumbler_lock.core.kdf import hkdf
from tumbler_lock.core.passcode import HOURS_PER_ERA, Scheme, code_id, hour_of, start_of

SECRET = bytes(range(32))

# Typed from the published table: hour, ticket, passcode, epoch.
CHECK_VALUES = [
    (498720, 0, "862871", 0),
    (498720, 0, "216081230", 0),
    (498735, 8, "863562", 0),
    (498735, 57, "1768841", 0),
    (498735, 195, "43697077", 0),
    (499999, 9039, "251840046", 0),
    (500000, 10, "1066771", 0),
    (498729, 837, "91883970", 0),
    (498720, 9998, "503555345", 0),
    (498720, 9999, "954847347", 0),
    (498720, 9999, "373519523", 1),
]


@pytest.mark.parametrize(("hour", "ticket", "digits", "epoch"), CHECK_VALUES)
def test_check_values(hour, ticket, digits, epoch):
    scheme = Scheme(SECRET, epoch)
    assert scheme.epoch == epoch
    assert scheme.encode(hour, ticket, len(digits)) == digits
    assert scheme.decode(digits, hour // HOURS_PER_ERA) == (hour, ticket)


def test_the_document_lists_the_published_values_and_all_its_codes_come_out():
    documented = rows("Codes")
    published = [(int(row[1]), int(row[2]), row[3], int(row[0])) for row in documented]
    assert published[: len(CHECK_VALUES)] == CHECK_VALUES
    assert len(documented) == 29
    for epoch, hour, ticket, code, tag in documented:
        scheme = Scheme(SECRET, int(epoch))
        assert scheme.encode(int(hour), int(ticket), len(code)) == code
        assert scheme.decode(code, int(hour) // HOURS_PER_ERA) == (int(hour), int(ticket))
        assert scheme.tag(code).hex() == tag


def test_the_documented_keys_and_hours():
    assert f"passcode key  {hkdf(SECRET, b'tumbler passcode 1').hex()}" in TEXT
    assert f"tag key       {hkdf(SECRET, b'tumbler tag 1').hex()}" in TEXT
    assert hour_of(1795392000, 0) == 498720
    assert hour_of(1795392000 - 5 * 3600 - 45 * 60, 2700) == 498715
    assert start_of(500_000, 0) == datetime.datetime(2027, 1, 15, 8, tzinfo=datetime.UTC).timestamp()
    assert "Era 4 ends with 2027-01-15T07:59:59Z" in TEXT


def test_the_worked_example_of_the_document():
    """Every intermediate value, by following the document's eight lines."""
    aes = Cipher(algorithms.AES(hkdf(SECRET, b"tumbler passcode 1")), modes.ECB()).encryptor().update
    tweak = b"tumbler1" + bytes((0, 4, 0, 0))
    p = bytes.fromhex("01020100000a0a") + bytes((3, 0, 0, 0, 7, 0, 0, 0, 12))
    s = aes(p)
    for value in (tweak, p, s):
        assert value.hex() in TEXT
    a, b = 987, 3557
    for i, (row, q, y, c) in enumerate(rows("Worked example")):
        block = tweak + bytes((0, i)) + b.to_bytes(2, "big")
        mixed = aes(bytes(x ^ z for x, z in zip(s, block, strict=True)))[:8]
        a, b = b, (a + int.from_bytes(mixed, "big")) % 10 ** (4 if i % 2 else 3)
        assert (int(row), q, y, int(c)) == (i, block.hex(), mixed.hex(), b)
    assert (i, f"{a:03d}{b:04d}") == (9, "1768841")


def random_codes(seed, count):
    """Yield (secret, epoch, hour, ticket, length, passcode), the passcode by the second implementation."""
    draw = random.Random(seed)
    print("seed", seed)
    for _ in range(count):
        secret, epoch = draw.randbytes(32), draw.choice((0, 1, 65_535, draw.randrange(65_536)))
        hour = draw.choice((draw.randrange(480_000, 600_000), draw.randrange(6_553_600_000)))
        length = draw.randrange(6, 10)
        ticket = draw.choice((0, 10 ** (length - 5) - 1, draw.randrange(10 ** (length - 5))))
        yield secret, epoch, hour, ticket, length, model.passcode(secret, epoch, hour, ticket, length)


def test_random_codes_against_a_second_implementation():
    for secret, epoch, hour, ticket, length, digits in random_codes(1, cases(1_000, 50_000)):
        scheme = Scheme(secret, epoch)
        assert scheme.encode(hour, ticket, length) == digits
        assert scheme.decode(digits, hour // HOURS_PER_ERA) == (hour, ticket)
        assert scheme.tag(digits) == model.tag(secret, digits)


IN_MICROPYTHON = """
import json, sys
from tumbler_lock.core.passcode import Scheme
good = 0
for secret, epoch, hour, ticket, length, digits in json.load(open(sys.argv[1])):
    scheme = Scheme(bytes.fromhex(secret), epoch)
    good += scheme.encode(hour, ticket, length) == digits and scheme.decode(digits, hour // 100000) == (hour, ticket)
print(good)
"""


def test_random_codes_in_micropython(tmp_path):
    rows = [(secret.hex(), *rest) for secret, *rest in random_codes(2, cases(500, 10_000))]
    path = tmp_path / "rows.json"
    path.write_text(json.dumps(rows), encoding="utf-8")
    assert int(micropython.run(IN_MICROPYTHON, path)) == len(rows)


def test_every_string_of_digits_decodes_to_one_ticket():
    """And back: FF1 is a permutation, so guessing is as hard as there are strings."""
    scheme = Scheme(SECRET)
    draw = random.Random(3)
    for length in range(6, 10):
        for _ in range(300):
            digits = f"{draw.randrange(10**length):0{length}d}"
            for era in (4, 5):
                hour, ticket = scheme.decode(digits, era)
                assert era * HOURS_PER_ERA <= hour < (era + 1) * HOURS_PER_ERA
                assert 0 <= ticket < 10 ** (length - 5)
                assert scheme.encode(hour, ticket, length) == digits


def test_tickets_of_one_hour_never_share_their_digits():
    scheme = Scheme(SECRET)
    for length in range(6, 10):
        tickets = range(10 ** (length - 5))
        assert len({scheme.encode(498_735, ticket, length) for ticket in tickets}) == len(tickets)


def test_epoch_era_secret_and_length_change_the_digits():
    """Of 100 codes each, as good as none may stay (a chance of 1 in 10,000 for the shortest)."""
    scheme, later, other = Scheme(SECRET), Scheme(SECRET, 1), Scheme(SECRET[::-1])
    for length in (6, 9):
        for hour in range(498_720, 498_820):
            digits = scheme.encode(hour, 5, length)
            assert digits != later.encode(hour, 5, length)
            assert digits != other.encode(hour, 5, length)
            assert digits != scheme.encode(hour + HOURS_PER_ERA, 5, length)
    assert scheme.encode(498_720, 0, 9)[:6] != scheme.encode(498_720, 0, 6)


def test_tags_hide_the_digits_and_outlive_an_erase():
    scheme = Scheme(SECRET)
    tag = scheme.tag("862871")
    assert len(tag) == passcode.TAG_SIZE
    assert tag == Scheme(SECRET, 1).tag("862871") == model.tag(SECRET, "862871")
    assert tag != Scheme(bytes(32)).tag("862871")
    assert len({scheme.tag(f"{number:04d}") for number in range(10_000)}) == 10_000
    assert len({scheme.tag(digits) for digits in ("0", "00", "000", "0000")}) == 4
    assert code_id(tag) == tag.hex()[:8]


@pytest.mark.parametrize(
    ("seconds", "phase", "hour"),
    [
        (0, 0, 0),
        (3599, 0, 0),
        (3600, 0, 1),
        (1795392000, 0, 498720),
        (1795392000 - 1, 0, 498719),
        (1795392000 + 900, 2700, 498721),
        (1795392000 + 899, 2700, 498720),
        (1795392000 + 1800, 1800, 498721),
        (2**32 - 1, 0, 1193046),
    ],
)
def test_hours(seconds, phase, hour):
    assert hour_of(seconds, phase) == hour
    assert start_of(hour, phase) <= seconds < start_of(hour + 1, phase)
    assert hour_of(start_of(hour, phase), phase) == hour


@pytest.mark.parametrize(
    ("hour", "ticket", "length", "says"),
    [
        (498_720, 10, 6, "6 digits carries tickets 0 to 9"),
        (498_720, 100, 7, "0 to 99"),
        (498_720, 1000, 8, "0 to 999"),
        (498_720, 10_000, 9, "0 to 9999"),
        (498_720, -1, 9, "0 to 9999"),
        (498_720, 0, 5, "6 to 9 digits"),
        (498_720, 0, 10, "6 to 9 digits"),
        (-1, 0, 6, "eras 0 to 65535"),
        (6_553_600_000, 0, 6, "eras 0 to 65535"),
    ],
)
def test_encode_refuses_what_is_out_of_range(hour, ticket, length, says):
    with pytest.raises(ValueError, match=says):
        Scheme(SECRET).encode(hour, ticket, length)


@pytest.mark.parametrize("digits", ["", "12345", "1234567890", "1" * 1000])
def test_decode_refuses_other_lengths(digits):
    with pytest.raises(ValueError, match="6 to 9 digits"):
        Scheme(SECRET).decode(digits, 4)


@pytest.mark.parametrize("digits", ["12345a", "12 456", "١٢٣٤٥٦", "#12345", "1_2345"])
def test_what_is_no_digit_is_refused_without_a_word_of_it(digits):
    scheme = Scheme(SECRET)
    for use in (scheme.tag, lambda text: scheme.decode(text, 4)):
        with pytest.raises(ValueError, match="only the digits 0 to 9") as refusal:
            use(digits)
        assert digits not in str(refusal.value)


@pytest.mark.parametrize("era", [-1, 65_536])
def test_decode_refuses_other_eras(era):
    with pytest.raises(ValueError, match="eras"):
        Scheme(SECRET).decode("862871", era)


@pytest.mark.parametrize("secret", [b"", bytes(31), bytes(33), bytes(64)])
def test_secrets_of_other_sizes_are_refused(secret):
    with pytest.raises(ValueError, match="32 bytes"):
        Scheme(secret)


@pytest.mark.parametrize("epoch", [-1, 65_536])
def test_epochs_out_of_range_are_refused(epoch):
    with pytest.raises(ValueError, match="0 to 65535"):
        Scheme(SECRET, epoch)
    assert Scheme(SECRET, 65_535).epoch == 65_535
