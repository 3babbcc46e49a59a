"""HMAC against RFC 4231 and the standard library, HKDF against RFC 5869, on both interpreters."""

import hashlib
import hmac
import json
import random

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from tests.support import micropython
from tests.support.campaign import cases
from tumbler_lock.core.kdf import Hmac, hkdf, hmac_sha256, same

LARGE = (
    b"This is a test using a larger than block-size key and a larger than block-size data. "
    b"The key needs to be hashed before being used by the HMAC algorithm."
)

# RFC 4231, test cases 1 to 4, 6 and 7 (5 is about truncation): key, data, HMAC-SHA-256.
RFC_4231 = [
    (b"\x0b" * 20, b"Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
    (b"Jefe", b"what do ya want for nothing?", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
    (b"\xaa" * 20, b"\xdd" * 50, "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"),
    (bytes(range(1, 26)), b"\xcd" * 50, "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"),
    (
        b"\xaa" * 131,
        b"Test Using Larger Than Block-Size Key - Hash Key First",
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
    ),
    (b"\xaa" * 131, LARGE, "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"),
]

# RFC 5869, test cases 1 to 3: input key, salt, info, output.
RFC_5869 = [
    (
        b"\x0b" * 22,
        bytes(range(13)),
        bytes(range(0xF0, 0xFA)),
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
    ),
    (
        bytes(range(0x50)),
        bytes(range(0x60, 0xB0)),
        bytes(range(0xB0, 0x100)),
        "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09"
        "da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87",
    ),
    (
        b"\x0b" * 22,
        b"",
        b"",
        "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8",
    ),
]

COMPARE = """
import json, sys
from tumbler_lock.core.kdf import Hmac, hkdf, hmac_sha256, same
h = bytes.fromhex
rows = json.load(open(sys.argv[1]))
good = sum(hmac_sha256(h(k), h(m)).hex() == o and Hmac(h(k)).digest(h(m)).hex() == o for k, m, o in rows["hmac"])
good += sum(hkdf(h(k), h(i), len(h(o)), h(s)).hex() == o for k, s, i, o in rows["hkdf"])
print(good, same(b"abc", b"abc"), same(b"abc", b"abd"), same(b"abc", b"ab"))
"""


@pytest.mark.parametrize(("key", "data", "wanted"), RFC_4231)
def test_rfc_4231(key, data, wanted):
    assert hmac_sha256(key, data).hex() == wanted
    assert Hmac(key).digest(data).hex() == wanted


@pytest.mark.parametrize(("key", "salt", "info", "wanted"), RFC_5869)
def test_rfc_5869(key, salt, info, wanted):
    assert hkdf(key, info, len(wanted) // 2, salt).hex() == wanted


def random_cases(seed, count):
    """Yield (key, message): keys round the block size, messages round the padding of SHA-256."""
    draw = random.Random(seed)
    print("seed", seed)
    for _ in range(count):
        yield (
            draw.randbytes(draw.choice((0, 1, 32, 63, 64, 65, 200, draw.randrange(300)))),
            draw.randbytes(draw.choice((0, 6, 9, 55, 56, 64, draw.randrange(300)))),
        )


def test_random_cases_against_other_implementations():
    for key, message in random_cases(2104, cases(500, 20_000)):
        wanted = hmac.new(key, message, hashlib.sha256).digest()
        assert hmac_sha256(key, message) == wanted
        kept = Hmac(key)
        assert [kept.digest(message), kept.digest(message)] == [wanted, wanted]
        length = 1 + len(key) * 7 % 200
        other = HKDF(hashes.SHA256(), length, salt=key or None, info=message)
        assert hkdf(b"input", message, length, key) == other.derive(b"input")


def test_in_micropython(tmp_path):
    drawn = [
        (key.hex(), message.hex(), hmac.new(key, message, hashlib.sha256).hexdigest())
        for key, message in random_cases(2105, 200)
    ]
    rows = {
        "hmac": [(key.hex(), data.hex(), wanted) for key, data, wanted in RFC_4231] + drawn,
        "hkdf": [(key.hex(), salt.hex(), info.hex(), wanted) for key, salt, info, wanted in RFC_5869],
    }
    path = tmp_path / "rows.json"
    path.write_text(json.dumps(rows), encoding="utf-8")
    assert micropython.run(COMPARE, path) == f"{len(rows['hmac']) + 3} True False False\n"


def test_longest_and_refused_lengths():
    assert len(hkdf(b"secret", b"", 8160)) == 8160
    for length in (0, -1, 8161):
        with pytest.raises(ValueError, match="1 to 8160 bytes"):
            hkdf(b"secret", b"", length)


def test_keys_of_different_purpose_differ():
    secret = bytes(range(32))
    keys = {hkdf(secret, info) for info in (b"tumbler passcode 1", b"tumbler tag 1", b"")}
    assert len(keys) == 3
    assert hkdf(secret, b"a", 16) == hkdf(secret, b"a", 64)[:16]


def test_same_sees_every_bit():
    value = bytes(range(8))
    assert same(value, bytearray(value))
    assert same(b"", b"")
    for bit in range(64):
        other = (int.from_bytes(value, "big") ^ 1 << bit).to_bytes(8, "big")
        assert not same(value, other)
    assert not same(value, value + b"\0")
    assert not same(value, b"")
