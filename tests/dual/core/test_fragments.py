"""Fragments, from docs/spec/link.md ("Fragments"): a sender and a receiver written a second time from its table."""

import random

from tumbler_lock.core.errors import SessionError
from tumbler_lock.core.fragments import Cutter, Joiner

FIRST, LAST = 128, 64
ENDED = -1  # the connection is over


def fragments(message, size, number):
    """The fragments of a message by the table, and the next number."""
    said = bytes((len(message) >> 8, len(message) & 255)) + message  # the length goes before the first bytes
    result = []
    pieces = [said[at : at + size - 1] for at in range(0, len(said), size - 1)]
    for place, piece in enumerate(pieces):
        head = number % 64 + (FIRST if place == 0 else 0) + (LAST if place == len(pieces) - 1 else 0)
        result.append(bytes((head,)) + piece)
        number += 1
    return result, number


class Receiver:
    """The receiver's table, line by line. `take` returns a message, None, or ENDED."""

    def __init__(self):
        self.number = 0
        self.missing = 0
        self.message = b""

    def take(self, fragment):
        if len(fragment) < 2 or len(fragment) > 244 or fragment[0] % 64 != self.number % 64:
            return self.end()
        first, last = fragment[0] >= 128, fragment[0] & 64 != 0
        piece = fragment[1:]
        if not self.missing:
            if not first or len(piece) < 3:
                return self.end()
            self.missing = piece[0] * 256 + piece[1]
            piece = piece[2:]
            if not 1 <= self.missing <= 320:
                return self.end()
        elif first:
            return self.end()
        if len(piece) > self.missing or last != (len(piece) == self.missing):
            return self.end()
        self.number += 1
        self.missing -= len(piece)
        self.message += piece
        if self.missing:
            return None
        whole, self.message = self.message, b""
        return whole

    def end(self):
        self.number = -1  # no fragment has this number
        self.take = lambda fragment: ENDED
        return ENDED


def take(joiner, fragment):
    """What a Joiner makes of it, in the words of Receiver."""
    try:
        return joiner.add(fragment)
    except SessionError:
        return ENDED


def noise(size):
    return bytes([random.getrandbits(8) for _ in range(size)])


def test_any_message_at_any_size_arrives(directory):
    for seed in range(60):
        random.seed(seed)
        cutter, joiner, number = Cutter(), Joiner(), 0
        for _ in range(12):
            message = noise(random.randint(1, 320))
            size = random.randint(20, 244)
            cut = cutter.cut(message, size)
            expected, number = fragments(message, size, number)
            assert cut == expected, "seed %d" % seed
            came = [joiner.add(fragment) for fragment in cut]
            assert came == [None] * (len(cut) - 1) + [message], "seed %d" % seed


def test_every_size_with_messages_at_its_edges(directory):
    for size in range(20, 245):
        cutter, joiner, number = Cutter(), Joiner(), 0
        for length in (1, size - 4, size - 3, size - 2, 2 * size - 4, 2 * size - 3, 320):
            if not 1 <= length <= 320:
                continue
            message = bytes([at & 255 for at in range(length)])
            cut = cutter.cut(message, size)
            expected, number = fragments(message, size, number)
            assert cut == expected, "size %d, length %d" % (size, length)
            assert max([len(fragment) for fragment in cut]) <= size
            assert [take(joiner, fragment) for fragment in cut][-1] == message


def test_a_sender_refuses_what_is_no_message(directory):
    for message, size in ((b"", 20), (bytes(321), 244), (b"x", 19), (b"x", 245), (b"x", 0)):
        try:
            Cutter().cut(message, size)
        except ValueError:
            continue
        raise ValueError("cut %d bytes to %d" % (len(message), size))


def test_numbers_go_on_over_messages_and_begin_again_after_63(directory):
    cutter, joiner = Cutter(), Joiner()
    numbers = []
    for _ in range(140):
        (fragment,) = cutter.cut(b"m", 20)
        numbers.append(fragment[0] & 63)
        assert joiner.add(fragment) == b"m"
    assert numbers == [count % 64 for count in range(140)]


def started(fragments_before):
    """A Joiner and a Receiver that took these."""
    joiner, receiver = Joiner(), Receiver()
    for fragment in fragments_before:
        assert take(joiner, fragment) == receiver.take(fragment) != ENDED
    return joiner, receiver


MESSAGE = bytes(range(100))
# What came before, and whether a message is under way then.
BEFORE = {
    "new": [],
    "empty": fragments(MESSAGE, 244, 0)[0],
    "under way": fragments(MESSAGE, 40, 0)[0][:1],
    "nearly there": fragments(MESSAGE, 40, 0)[0][:2],
    "before number 0 again": [part for n in range(63) for part in fragments(b"m", 20, n)[0]],
}
RESTS = (
    b"",
    b"\x00",
    b"\x00\x01",
    b"\x00\x01m",
    b"\x00\x02m",
    b"\x00\x02mm",
    b"\x00\x30" + bytes(11),  # 48 bytes, if one adds them to the 37 that came before
    bytes(22),
    bytes(24),
    bytes(61),
    bytes(63),
)


def test_every_first_byte_in_every_state(directory):
    """Of the 256 first bytes, with a few sizes behind them, a Joiner takes what the table takes."""
    taken = 0
    for before in BEFORE.values():
        for head in range(256):
            for rest in RESTS:
                joiner, receiver = started(before)
                fragment = bytes((head,)) + rest
                expected = receiver.take(fragment)
                assert take(joiner, fragment) == expected, (head, rest)
                taken += expected != ENDED
    # By hand: three states in which a message may begin, with 4 of the rests; 9 that go on with a message and 1 that
    # ends it; with 24 bytes missing 7 and 1.
    assert taken == 3 * 4 + 10 + 8, taken


def test_lengths_that_no_message_has(directory):
    for length in (0, 321, 322, 511, 512, 32768, 65535):
        for last in (0, LAST):
            piece = bytes(min(length, 200))
            fragment = bytes((FIRST | last, length >> 8, length & 255)) + piece
            assert take(Joiner(), fragment) == ENDED, length
    for length in (1, 2, 320):
        fragment = bytes((FIRST | (LAST if length == 1 else 0), length >> 8, length & 255, 0))
        assert take(Joiner(), fragment) == (b"\x00" if length == 1 else None), length


def test_a_fragment_longer_than_244_bytes(directory):
    for size in (244, 245, 246, 500, 1000):
        fragment = bytes((FIRST, 1, 64)) + bytes(size - 3)
        assert take(Joiner(), fragment) == (None if size == 244 else ENDED), size


def test_nothing_is_taken_after_a_fault(directory):
    """Lost, repeated, swapped, empty, cut or longer: from then on nothing is taken, not even what was due."""
    cut = fragments(MESSAGE, 40, 0)[0] + fragments(b"next", 40, 3)[0]
    faults = {
        "lost": [cut[1]],
        "repeated": [cut[0], cut[0]],
        "swapped": [cut[0], cut[2]],
        "empty": [b""],
        "first byte alone": [cut[0][:1]],
        "cut": [cut[0], cut[1], cut[2][:-1]],
        "longer": [cut[0], cut[1], cut[2] + b"x"],
        "last too early": [cut[0], bytes((cut[1][0] | LAST,)) + cut[1][1:]],
        "last missing": [cut[0], cut[1], bytes((cut[2][0] & ~LAST,)) + cut[2][1:]],
        "begun again": [cut[0], bytes((FIRST | 1, 0, 1, 0))],
        "of the other direction": [cut[0], fragments(b"x", 40, 0)[0][0]],
        "not begun": [bytes((LAST, 1, 2, 3))],
    }
    for what, faulty in faults.items():
        joiner = Joiner()
        came = [take(joiner, fragment) for fragment in faulty]
        assert came[:-1] == [None] * (len(faulty) - 1), what
        assert came[-1] == ENDED, what
        for number in range(64):
            for fragment in cut + [bytes((FIRST | LAST | number, 0, 1, 7))]:
                assert take(joiner, fragment) == ENDED, what


def test_random_streams_with_faults(directory):
    """Streams in which some fragments are changed, repeated, lost or made up: a Joiner does what the table does."""
    ended = 0
    for seed in range(300):
        random.seed(seed)
        joiner, receiver, number = Joiner(), Receiver(), 0
        for _ in range(6):
            cut, number = fragments(noise(random.randint(1, 320)), random.randint(20, 244), number)
            for fragment in cut:
                chance = random.randint(0, 39)
                if chance == 0:
                    continue
                if chance == 2:
                    at = random.randint(0, min(3, len(fragment) - 1))
                    fragment = fragment[:at] + bytes((fragment[at] ^ 1 << random.randint(0, 7),)) + fragment[at + 1 :]
                elif chance == 3:
                    fragment = fragment[: random.randint(0, len(fragment))]
                elif chance == 4:
                    fragment = noise(random.randint(0, 250))
                for _ in range(2 if chance == 1 else 1):
                    expected = receiver.take(fragment)
                    assert take(joiner, fragment) == expected, "seed %d" % seed
                    ended += expected == ENDED
    assert ended > 1000
