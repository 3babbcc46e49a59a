"""X25519 against RFC 7748 and another implementation, on both interpreters. Fixed vectors are in vectors/noise.json."""

import random

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from tests.generators.noise import LOW_ORDER, PRIME, curve
from tests.support import micropython
from tests.support.campaign import cases
from tumbler_lock.core import x25519
from tumbler_lock.core.cooperative import run
from tumbler_lock.core.errors import SessionError

# RFC 7748, section 5.2: the result after this many rounds that begin with scalar = point = 9.
ITERATED = (
    (1, "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079"),
    (1000, "684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51"),
)

ITERATE = """
from tumbler_lock.core.cooperative import run
from tumbler_lock.core.x25519 import BASE, ladder
scalar = point = BASE
for i in range(1000):
    scalar, point = run(ladder(scalar, point)), scalar
    if i in (0, 999):
        print(scalar.hex())
"""

COMPARE = """
import sys
from tumbler_lock.core.x25519 import ladder
from tumbler_lock.core.cooperative import run
for line in open(sys.argv[1]):
    scalar, point, wanted = (bytes.fromhex(word) for word in line.split())
    if run(ladder(scalar, point)) != wanted:
        raise ValueError(line)
print("ok")
"""


def test_iterated():
    scalar = point = x25519.BASE
    made = []
    for _ in range(ITERATED[-1][0]):
        scalar, point = run(x25519.ladder(scalar, point)), scalar
        made.append(scalar.hex())
    assert [made[count - 1] for count, _ in ITERATED] == [wanted for _, wanted in ITERATED]


def test_iterated_in_micropython():
    assert micropython.run(ITERATE).split() == [wanted for _, wanted in ITERATED]


def drawn(seed, count):
    """Yield (scalar, point): random ones, and ones of few or many bits, where carries and limits are."""
    draw = random.Random(seed)
    print("seed", seed)
    for _ in range(count):
        scalar = draw.choice((draw.randbytes(32), (1 << draw.randrange(256)).to_bytes(32, "little")))
        near = draw.choice((0, 2**255, 2**256 - 1, 1 << draw.randrange(256), PRIME)) + draw.randrange(-40, 40)
        point = draw.choice((draw.randrange(2**256), near % 2**256))
        if point % 2**255 % PRIME not in {low % PRIME for low in LOW_ORDER}:
            yield scalar, point.to_bytes(32, "little")


def test_random_cases_against_another_implementation():
    for scalar, point in drawn(7748, cases(1000, 100_000)):
        assert run(x25519.ladder(scalar, point)) == curve(scalar, point)


def test_random_cases_in_micropython(tmp_path):
    rows = [(scalar, point, curve(scalar, point)) for scalar, point in drawn(7749, cases(300, 20_000))]
    path = tmp_path / "rows"
    path.write_text("".join(" ".join(word.hex() for word in row) + "\n" for row in rows), encoding="utf-8")
    assert micropython.run(COMPARE, path, timeout=600) == "ok\n"


def test_public_keys_and_agreement():
    draw = random.Random(61)
    for _ in range(20):
        ours, theirs = draw.randbytes(32), draw.randbytes(32)
        public = [run(x25519.public_key(private)) for private in (ours, theirs)]
        assert public[0] == X25519PrivateKey.from_private_bytes(ours).public_key().public_bytes_raw()
        secret = run(x25519.shared_secret(ours, public[1]))
        assert secret == run(x25519.shared_secret(theirs, public[0])) != bytes(32)


@pytest.mark.parametrize("top", [0, 128])
@pytest.mark.parametrize("low", LOW_ORDER)
def test_points_of_low_order_are_refused(low, top):
    point = bytearray(low.to_bytes(32, "little"))
    point[31] |= top
    private = random.Random(low).randbytes(32)
    assert run(x25519.ladder(private, bytes(point))) == bytes(32)
    with pytest.raises(SessionError):
        run(x25519.shared_secret(private, bytes(point)))


@pytest.mark.parametrize(("scalar", "point"), [(31, 32), (33, 32), (32, 31), (32, 33), (0, 32), (32, 0)])
def test_other_lengths_are_our_own_mistake(scalar, point):
    with pytest.raises(ValueError, match="32 bytes"):
        run(x25519.ladder(bytes(scalar), bytes(point)))


def test_it_is_done_in_slices_of_one_bit():
    for scalar in (bytes(32), b"\xff" * 32, bytes(range(32))):
        assert len(list(x25519.ladder(scalar, x25519.BASE))) == 255
        assert len(list(x25519.public_key(scalar))) == 255
