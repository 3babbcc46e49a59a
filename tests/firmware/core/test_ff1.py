"""FF1 against NIST's samples, an independent library, and what a permutation must be."""

import json
import random

import pytest
from dealcode import _ff1

from tests.support import micropython
from tests.support.campaign import cases
from tumbler_lock.core.aes import ecb
from tumbler_lock.core.ff1 import FF1, ascii_digits

KEY_128 = "2b7e151628aed2a6abf7158809cf4f3c"
KEY_192 = KEY_128 + "ef4359d8d580aa4f"
KEY_256 = KEY_192 + "7f036d6f04fc6a94"
TWEAK = "39383736353433323130"

# The radix-10 samples NIST publishes for FF1 (SP 800-38G, samples 1, 2, 4, 5, 7, 8): key, tweak, plain, coded.
SAMPLES = [
    (KEY_128, "", "0123456789", "2433477484"),
    (KEY_128, TWEAK, "0123456789", "6124200773"),
    (KEY_192, "", "0123456789", "2830668132"),
    (KEY_192, TWEAK, "0123456789", "2496655549"),
    (KEY_256, "", "0123456789", "6657667009"),
    (KEY_256, TWEAK, "0123456789", "1001623463"),
]

# Reads [key, tweak, plain, coded] rows and prints how many hold both ways.
COMPARE = """
import json, sys
from tumbler_lock.core.ff1 import FF1
good = 0
for key, tweak, plain, coded in json.load(open(sys.argv[1])):
    cipher = FF1(bytes.fromhex(key))
    tweak = bytes.fromhex(tweak)
    good += cipher.encrypt(tweak, plain) == coded and cipher.decrypt(tweak, coded) == plain
print(good)
"""


def in_micropython(rows, path):
    """Return how many rows hold in MicroPython."""
    path.write_text(json.dumps(rows), encoding="utf-8")
    return int(micropython.run(COMPARE, path))


def reference(key, tweak, digits):
    return "".join(map(str, _ff1.FF1(key, 10).encrypt(tweak, [int(digit) for digit in digits])))


@pytest.mark.parametrize(("key", "tweak", "plain", "coded"), SAMPLES)
def test_nist_samples(key, tweak, plain, coded):
    cipher = FF1(bytes.fromhex(key))
    assert cipher.encrypt(bytes.fromhex(tweak), plain) == coded
    assert cipher.decrypt(bytes.fromhex(tweak), coded) == plain


def test_nist_samples_in_micropython(tmp_path):
    """All but the 192-bit ones: `cryptolib` has no such keys, and says so."""
    rows = [row for row in SAMPLES if row[0] != KEY_192]
    assert in_micropython(rows, tmp_path / "rows.json") == len(rows) == 4
    script = "try:\n    FF1(bytes(24))\nexcept ValueError:\n    print('refused')\n"
    script = "from tumbler_lock.core.ff1 import FF1\n" + script
    assert micropython.run(script) == "refused\n"


def test_random_cases_against_an_independent_library():
    seed = 38
    draw = random.Random(seed)
    print("seed", seed)
    for case in range(cases(3_000, 100_000)):
        key = draw.randbytes(draw.choice((16, 24, 32)))
        tweak = draw.randbytes(draw.choice((0, 8, 12, draw.randrange(40), draw.randrange(256))))
        digits = "".join(draw.choices("0123456789", k=draw.randrange(6, 41)))
        cipher = FF1(key)
        coded = cipher.encrypt(tweak, digits)
        assert coded == reference(key, tweak, digits), (case, key.hex(), tweak.hex(), digits)
        assert cipher.decrypt(tweak, coded) == digits, (case, key.hex(), tweak.hex(), digits)


def test_one_cipher_keeps_lengths_and_tweaks_apart():
    """What is cached depends on the lengths alone: the order of use changes nothing."""
    draw = random.Random(5)
    key = draw.randbytes(32)
    cipher = FF1(key)
    for _ in range(300):
        tweak = draw.randbytes(draw.choice((0, 3, 12, 13, 16, 29)))
        digits = "".join(draw.choices("0123456789", k=draw.choice((6, 7, 8, 9, 12, 13, 56))))
        assert cipher.encrypt(tweak, digits) == reference(key, tweak, digits)
        assert cipher.decrypt(tweak, reference(key, tweak, digits)) == digits


def test_random_cases_in_micropython(tmp_path):
    """The scheme's own use, 6 to 9 digits under 12 bytes of tweak, and a few of every other length."""
    seed = 39
    draw = random.Random(seed)
    print("seed", seed)
    rows = []
    for case in range(cases(1_000, 20_000)):
        key = draw.randbytes(32 if case % 4 else 16)
        tweak = draw.randbytes(12 if case % 5 else draw.randrange(256))
        digits = "".join(draw.choices("0123456789", k=6 + case % 4 if case % 5 else draw.randrange(6, 57)))
        rows.append((key.hex(), tweak.hex(), digits, reference(key, tweak, digits)))
    assert in_micropython(rows, tmp_path / "rows.json") == len(rows)


def test_it_is_a_permutation():
    """No two plaintexts share their digits: over a tenth of the smallest domain, all of it in the campaign."""
    cipher = FF1(bytes(range(16)))
    size = cases(20_000, 1_000_000)
    seen = {cipher.encrypt(b"permutation?", f"{number:06d}") for number in range(size)}
    assert len(seen) == size
    assert all(len(digits) == 6 for digits in seen)


@pytest.mark.parametrize("digits", ["", "1", "12345", "1" * 57, "1" * 1000])
def test_lengths_outside_are_refused(digits):
    cipher = FF1(bytes(16))
    for use in (cipher.encrypt, cipher.decrypt):
        with pytest.raises(ValueError, match="6 to 56 digits"):
            use(b"", digits)


@pytest.mark.parametrize(
    "digits", ["12345a", "12345 ", " 12345", "+12345", "-12345", "1_2345", "12345\n", "١٢٣٤٥٦", "123456²"]
)
def test_what_is_no_ascii_digit_is_refused(digits):
    """Python's int() would take several of these."""
    cipher = FF1(bytes(16))
    for use in (cipher.encrypt, cipher.decrypt):
        with pytest.raises(ValueError, match="only the digits") as refusal:
            use(b"", digits)
        assert not any(digit in str(refusal.value).replace("0 to 9", "") for digit in "12345")


def test_ascii_digits_returns_the_digits():
    assert ascii_digits("0123456789") == b"0123456789"
    assert ascii_digits("") == b""


def test_a_long_tweak_is_refused():
    with pytest.raises(ValueError, match="255 bytes"):
        FF1(bytes(16)).encrypt(bytes(256), "123456")


@pytest.mark.parametrize("size", [0, 1, 15, 17, 31, 33, 64])
def test_keys_of_other_sizes_are_refused(size):
    with pytest.raises(ValueError, match="key"):
        FF1(bytes(size))


def test_aes_writes_in_place_and_takes_whole_blocks_only():
    """FIPS 197, example C.3."""
    cipher = ecb(bytes(range(32)))
    block = bytes.fromhex("00112233445566778899aabbccddeeff")
    wanted = bytes.fromhex("8ea2b7ca516745bfeafc49904b496089")
    assert cipher.encrypt(block) == wanted
    out = bytearray(16)
    cipher.encrypt(bytearray(block), out)
    assert out == wanted
    with pytest.raises(ValueError, match="16 bytes"):
        cipher.encrypt(bytes(15))
