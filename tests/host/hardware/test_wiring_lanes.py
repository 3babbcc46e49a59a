"""The lanes of the wires in a picture: never two on each other, few crossings, and a flag where no lane is possible."""

import itertools
import random

from tests.support.campaign import cases
from tumbler.hardware.wiring_lanes import lanes

BOARD, DEVICE = -1, 1000


def pieces(wire, lane):
    """Return (x, x, y, y) of the three lines of a wire."""
    pin, terminal = wire
    low, high = sorted(wire)
    return (BOARD, lane, pin, pin), (lane, lane, low, high), (lane, DEVICE, terminal, terminal)


def touching(one, other):
    """Return where two wires lie on each other: pieces of one direction that share a point."""
    return [
        (piece, against)
        for piece, against in itertools.product(one, other)
        if (piece[0] == piece[1]) == (against[0] == against[1])
        and piece[0] <= against[1]
        and against[0] <= piece[1]
        and piece[2] <= against[3]
        and against[2] <= piece[3]
    ]


def crossings(wires, found):
    drawn = [pieces(wire, lane) for wire, lane in zip(wires, found, strict=True) if lane is not None]
    return sum(
        piece[2] < against[2] < piece[3] and against[0] < piece[0] < against[1]
        for one, other in itertools.permutations(drawn, 2)
        for piece, against in itertools.product(one, other)
        if piece[0] == piece[1] and against[2] == against[3]
    )


def drawn_wires(source, count):
    pins = source.sample(range(2 * count), count)
    terminals = source.sample(range(2 * count), count)
    return list(zip(pins, terminals, strict=True))


def test_no_two_wires_lie_on_each_other():
    for seed in range(cases(500, 50_000)):
        source = random.Random(seed)
        wires = drawn_wires(source, source.randrange(1, 15))
        found = lanes(wires)
        drawn = [pieces(wire, lane) for wire, lane in zip(wires, found, strict=True) if lane is not None]
        for one, other in itertools.combinations(drawn, 2):
            assert touching(one, other) == [], f"seed {seed}"
        assert max((lane for lane in found if lane is not None), default=0) < len(wires)


def test_there_are_few_crossings():
    """With up to five wires, as few as any order of lanes gives."""
    worse = 0
    count = cases(100, 3000)
    for seed in range(count):
        wires = drawn_wires(random.Random(seed), 5)
        found = lanes(wires)
        if None in found:
            continue
        best = min(
            crossings(wires, order)
            for order in itertools.permutations(range(len(wires)))
            if not any(
                touching(pieces(wires[a], order[a]), pieces(wires[b], order[b]))
                for a, b in itertools.combinations(range(len(wires)), 2)
            )
        )
        assert crossings(wires, found) <= best + 1, f"seed {seed}"
        worse += crossings(wires, found) > best
    assert worse <= count // 20


def test_wires_that_wait_for_each_other_get_a_flag():
    assert lanes([(0, 1), (1, 0)]).count(None) == 1
    assert lanes([(0, 1), (1, 2), (2, 0)])[2] is None  # the longest
    assert None not in lanes([(0, 1), (1, 2), (2, 3)])


def test_wires_apart_share_a_lane():
    assert lanes([(0, 1), (4, 6), (9, 8), (12, 12)]) == [0, 0, 0, 0]
    assert lanes([]) == []
    assert sorted(lanes([(0, 2), (2, 4)])) == [0, 1]  # they would touch
