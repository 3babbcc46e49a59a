"""AES-256-GCM against another implementation, on both interpreters. Published cases are in vectors/noise.json."""

import random

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tests.generators.noise import GCM
from tests.support import micropython
from tests.support.campaign import cases
from tumbler_lock.core import gcm
from tumbler_lock.core.errors import SessionError
from tumbler_lock.core.gcm import Gcm

COMPARE = """
import sys
from tumbler_lock.core.gcm import Gcm
for line in open(sys.argv[1]):
    key, nonce, extra, text, sealed = (bytes.fromhex(word) for word in line.rstrip("\\n").split(","))
    cipher = Gcm(key)
    if cipher.seal(nonce, text, extra) != sealed or cipher.open(nonce, sealed, extra) != text:
        raise ValueError(line)
print("ok")
"""


@pytest.mark.parametrize("case", GCM, ids=["13", "14", "15", "16"])
def test_the_cases_of_the_specification(case):
    key, nonce, extra, text, sealed = map(bytes.fromhex, case)
    assert Gcm(key).seal(nonce, text, extra) == sealed
    assert Gcm(key).open(nonce, sealed, extra) == text


def drawn(seed, count):
    """Yield (key, nonce, extra, text, sealed), some of the inputs all zeros or all ones."""
    draw = random.Random(seed)
    print("seed", seed)

    def filled(size):
        return draw.choice((draw.randbytes(size), draw.randbytes(size), bytes(size), b"\xff" * size))

    for _ in range(count):
        key, nonce = filled(32), filled(12)
        extra, text = filled(draw.choice((0, 32, draw.randrange(70)))), filled(draw.randrange(draw.choice((40, 300))))
        yield key, nonce, extra, text, AESGCM(key).encrypt(nonce, text, extra)


def test_random_cases_against_another_implementation():
    for key, nonce, extra, text, sealed in drawn(3800, cases(4000, 200_000)):
        cipher = Gcm(key)
        assert cipher.seal(nonce, text, extra) == sealed
        assert cipher.open(nonce, sealed, extra) == text


def test_random_cases_in_micropython(tmp_path):
    path = tmp_path / "rows"
    rows = (",".join(word.hex() for word in row) + "\n" for row in drawn(3801, cases(2000, 50_000)))
    path.write_text("".join(rows), encoding="utf-8")
    assert micropython.run(COMPARE, path, timeout=600) == "ok\n"


def test_a_large_message_and_other_buffers():
    draw = random.Random(38)
    key, nonce, text = draw.randbytes(32), draw.randbytes(12), draw.randbytes(65_519)
    sealed = AESGCM(key).encrypt(nonce, text, None)
    assert Gcm(key).seal(nonce, text) == sealed
    short = AESGCM(key).encrypt(nonce, text[:50], text[:7])
    assert Gcm(key).seal(bytearray(nonce), memoryview(text)[:50], bytearray(text[:7])) == short
    assert Gcm(key).open(nonce, memoryview(short), text[:7]) == text[:50]


def test_every_altered_bit_and_every_other_length_is_refused():
    key, nonce, extra, _, sealed = next(drawn(3802, 1))
    cipher = Gcm(key)
    for what, whole in (("sealed", sealed), ("extra", extra or b"x"), ("nonce", nonce)):
        for bit in range(8 * len(whole)):
            other = (int.from_bytes(whole, "big") ^ 1 << bit).to_bytes(len(whole), "big")
            words = {"sealed": sealed, "extra": extra, "nonce": nonce, what: other}
            with pytest.raises(SessionError):
                cipher.open(**words)
    for length in range(len(sealed)):
        with pytest.raises(SessionError):
            cipher.open(nonce, sealed[:length], extra)
    for other in (b"\0" + sealed, sealed + b"\0", sealed[1:], b""):
        with pytest.raises(SessionError):
            cipher.open(nonce, other, extra)
    for moved in (extra + b"\0", extra + sealed[:1]):
        with pytest.raises(SessionError):
            cipher.open(nonce, sealed, moved)


def test_nothing_is_deciphered_before_the_tag_is_right(monkeypatch):
    cipher = Gcm(bytes(32))
    sealed = cipher.seal(bytes(12), b"a text of more than one block")
    streams = []
    real = Gcm._stream
    monkeypatch.setattr(Gcm, "_stream", lambda *words: streams.append(words[2:]) or real(*words))
    with pytest.raises(SessionError):
        cipher.open(bytes(12), sealed[:-1] + bytes((sealed[-1] ^ 1,)))
    assert streams == [(1, 1)]
    assert cipher.open(bytes(12), sealed)
    assert streams[1:] == [(1, 1), (2, 2)]


def test_tags_are_compared_in_constant_time(monkeypatch):
    compared = []
    monkeypatch.setattr(gcm, "same", lambda a, b: compared.append((len(a), len(b))) or True)
    assert Gcm(bytes(32)).open(bytes(12), bytes(20)) is not None
    assert compared == [(16, 16)]


def test_other_sizes_are_our_own_mistake():
    for size in (0, 16, 24, 31, 33):
        with pytest.raises(ValueError, match="key of 32 bytes"):
            Gcm(bytes(size))
    for size in (0, 8, 11, 13, 16):
        with pytest.raises(ValueError, match="nonce of 12 bytes"):
            Gcm(bytes(32)).seal(bytes(size), b"")
        with pytest.raises(ValueError, match="nonce of 12 bytes"):
            Gcm(bytes(32)).open(bytes(size), bytes(16))
