"""The code book against a dictionary, its bytes, and every value that does not belong in it."""

import random

import pytest

from tests.support.campaign import cases
from tumbler_lock.core.codebook import ACTIVE, CODE_SIZE, FRESH, NEVER, REVOKED, USED, CodeBook, StoredCode
from tumbler_lock.core.errors import StoreFull


def some_code(rng: random.Random, tag: bytes | None = None) -> StoredCode:
    code = StoredCode(tag or rng.randbytes(8), rng.randrange(7), rng.randrange(4), rng.randrange(4, 10))
    code.cycle, code.begin, code.until, code.weekday = (rng.randrange(n) for n in (4, 24, 24, 7))
    code.start, code.end, code.digits_taken_until = (rng.choice([0, NEVER, rng.randrange(1 << 32)]) for _ in range(3))
    return code


def test_a_code_has_the_bytes_of_the_document():
    code = StoredCode(b"\x01\x02\x03\x04\x05\x06\x07\x08", 3, USED, 8, 2, 21, 5, 6, 0x01020304, NEVER, 0x0A0B0C0D)
    assert code.pack().hex() == "0102030405060708" + "23" + "28" + "15" + "c5" + "01020304" + "ffffffff" + "0a0b0c0d"


def test_a_new_code_never_ends():
    code = StoredCode(b"12345678", 1, ACTIVE, 6)
    assert (code.start, code.end, code.digits_taken_until) == (0, NEVER, 0)
    assert code.live(NEVER - 1)


def test_pack_and_unpack_are_inverse():
    rng = random.Random(2)
    for _ in range(cases(500, 50_000)):
        code = some_code(rng)
        packed = code.pack()
        assert len(packed) == CODE_SIZE
        assert vars(StoredCode.unpack(packed)) == vars(code)
        assert vars(StoredCode.unpack(b"xyz" + packed + b"more", 3)) == vars(code)


@pytest.mark.parametrize(
    ("field", "values"),
    {
        "tag": [b"", b"1234567", b"123456789"],
        "kind": [-1, 8, 16],
        "state": [-1, 4],
        "length": [-1, 10, 16],
        "cycle": [-1, 4],
        "begin": [-1, 24, 256],
        "until": [-1, 24, 32],
        "weekday": [-1, 7, 8],
        "start": [-1, 1 << 32],
        "end": [-1, 1 << 32],
        "digits_taken_until": [-1, 1 << 32],
    }.items(),
)
def test_a_field_out_of_range_is_never_packed(field, values):
    for value in values:
        code = StoredCode(b"12345678", 2, ACTIVE, 7)
        setattr(code, field, value)
        book = CodeBook(4)
        with pytest.raises(ValueError, match=r"code|tag|hours|weekday|start"):
            code.pack()
        with pytest.raises(ValueError, match=r"code|tag|hours|weekday|start"):
            book.put(code)
        assert len(book) == 0
        assert book.live_lengths(0) == [0] * 10


def test_bytes_that_are_no_code_are_refused():
    good = StoredCode(b"12345678", 2, ACTIVE, 7).pack()
    for offset, byte in ((8, 0x08), (8, 0x40), (9, 0x0A), (9, 0x47), (10, 24), (11, 24), (11, 0xE0)):
        bad = bytearray(good)
        bad[offset] = byte
        with pytest.raises(ValueError, match=r"code|hours|weekday"):
            StoredCode.unpack(bad)
    for size in range(CODE_SIZE):
        with pytest.raises(ValueError, match="24 bytes"):
            StoredCode.unpack(good[:size])
    with pytest.raises(ValueError, match="24 bytes"):
        StoredCode.unpack(good, 1)


@pytest.mark.parametrize(
    ("state", "end", "digits_taken_until", "now", "live", "forgettable"),
    [
        (FRESH, 100, 50, 99, True, False),
        (FRESH, 100, 50, 100, False, True),
        (ACTIVE, 100, 200, 150, False, False),
        (ACTIVE, 100, 200, 200, False, True),
        (ACTIVE, NEVER, 0, 4_000_000_000, True, False),
        (USED, NEVER, 200, 199, False, False),
        (USED, NEVER, 200, 200, False, True),
        (REVOKED, NEVER, 0, 0, False, True),
    ],
)
def test_what_can_open_is_never_forgettable(state, end, digits_taken_until, now, live, forgettable):
    code = StoredCode(b"12345678", 2, state, 7, end=end, digits_taken_until=digits_taken_until)
    assert code.live(now) == live
    book = CodeBook(2)
    book.put(code)
    found = book.oldest_forgettable(now, [])
    assert (found is not None) == forgettable


def load(book: CodeBook, image: bytes) -> None:
    """Read the book from its image, as a start does."""
    count = len(image) // CODE_SIZE
    book.space(count)[:] = image
    book.adopt(count)


def same(book: CodeBook, wanted: dict[bytes, bytes]) -> None:
    assert len(book) == len(wanted)
    assert {code.tag: code.pack() for code in book.codes()} == wanted
    for now in (0, 1_800_000_000, 2**32 - 2):
        lengths = [0] * 10
        for packed in wanted.values():
            if packed[8] >> 4 <= ACTIVE and now < int.from_bytes(packed[16:20], "big"):
                lengths[packed[9] & 15] += 1
        assert book.live_lengths(now) == lengths


@pytest.mark.parametrize("capacity", [1, 2, 7, 60])
def test_random_changes_agree_with_a_dictionary(capacity):
    """Tags from a small set, so that they collide in the index, wrap around its end and come back after a drop."""
    rng = random.Random(capacity)
    book = CodeBook(capacity)
    wanted: dict[bytes, bytes] = {}
    tags = [
        bytes([rng.choice((0, 255)), rng.choice((0, 1, 127, 255))]) + rng.randbytes(6) for _ in range(2 * capacity + 2)
    ]
    for step in range(cases(2_000, 100_000)):
        tag = rng.choice(tags)
        if rng.random() < 0.5:
            code = some_code(rng, tag)
            if len(wanted) == capacity and tag not in wanted:
                assert book.full
                with pytest.raises(StoreFull, match="full"):
                    book.put(code)
            else:
                book.put(code)
                wanted[tag] = code.pack()
        else:
            assert book.drop(tag) == (wanted.pop(tag, None) is not None)
        for other in tags:
            found = book.find(other)
            assert (found.pack() if found else None) == wanted.get(other), (capacity, step)
        if step % 50 == 0:
            same(book, wanted)
            copy = CodeBook(capacity)
            load(copy, bytes(book.image()))
            same(copy, wanted)
    book.clear()
    same(book, {})
    assert all(book.find(tag) is None for tag in tags)


def test_a_thousand_codes_fit_and_the_next_is_refused():
    rng = random.Random(1)
    book = CodeBook()
    wanted = {}
    for _ in range(1000):
        assert not book.full
        code = some_code(rng)
        book.put(code)
        wanted[code.tag] = code.pack()
    assert book.full
    with pytest.raises(StoreFull, match="full"):
        book.put(some_code(rng))
    same(book, wanted)
    replaced = some_code(rng, next(iter(wanted)))
    book.put(replaced)
    wanted[replaced.tag] = replaced.pack()
    same(book, wanted)


def test_a_found_code_is_a_copy():
    book = CodeBook(2)
    book.put(StoredCode(b"12345678", 2, ACTIVE, 7))
    found = book.find(b"12345678")
    assert found is not None
    found.state = REVOKED
    again = book.find(b"12345678")
    assert again is not None
    assert again.state == ACTIVE


def test_the_oldest_is_forgotten_first_and_spared_ones_are_not():
    book = CodeBook(8)
    for gone in (500, 300, 400, 900):
        book.put(StoredCode(b"tag %04d" % gone, 0, USED, 6, digits_taken_until=gone))
    book.put(StoredCode(b"still on", 2, ACTIVE, 7, digits_taken_until=100, end=1_000))
    spared: list[bytes] = []
    order = []
    while True:
        code = book.oldest_forgettable(600, spared)
        if code is None:
            break
        spared.append(code.tag)
        order.append(code.digits_taken_until)
    assert order == [300, 400, 500]


def test_an_image_that_is_no_code_table_is_refused():
    code = StoredCode(b"12345678", 2, ACTIVE, 7).pack()
    short = StoredCode(b"12345678", 2, ACTIVE, 3).pack()
    nothing = StoredCode(b"12345678", 7, REVOKED, 7).pack()
    for image in (code + code, short, nothing, code[:8] + b"\xff" * 16, b"\xff" * 24, code * 5):
        book = CodeBook(4)
        book.put(StoredCode(b"87654321", 2, ACTIVE, 7))
        with pytest.raises(ValueError, match=r"code|same tag|more codes|weekday|hours"):
            load(book, image)
        assert len(book) == sum(book.live_lengths(0)) <= 1


def test_a_capacity_that_does_not_fit_the_index_is_refused():
    for capacity in (0, -1, 32_768):
        with pytest.raises(ValueError, match="holds"):
            CodeBook(capacity)
