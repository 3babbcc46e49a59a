"""Which lane each wire of a picture takes between the board and the devices, so that no two lie on each other.

A wire runs from its pin across to its lane, along the lane, and across to its terminal. Lanes count from the board
outwards. Two wires must not meet in a lane; and where one wire's pin is as high as another one's terminal, the first
must take the inner lane. Among the orders that allow this, one with few crossings is chosen.
"""

Wire = tuple[float, float]  # height of its pin, height of its terminal


def lanes(wires: list[Wire]) -> list[int | None]:
    """Return the lane of each wire; None for one that has no lane beside the others: it takes flags instead.

    No two wires have the same pin or the same terminal.
    """
    order = _possible(wires)
    _improve(wires, order)
    found: list[int | None] = [None] * len(wires)
    for at, wire in enumerate(order):
        inner = [found[other] or 0 for other in order[:at] if _meet(wires[other], wires[wire])]
        found[wire] = max(inner, default=-1) + 1
    return found


def _meet(one: Wire, other: Wire) -> bool:
    """Whether two wires touch if they take the same lane."""
    return max(min(one), min(other)) <= min(max(one), max(other))


def _before(inner: Wire, outer: Wire) -> bool:
    """Whether a wire must have a lane inside another one's."""
    return inner[0] == outer[1] and _bends(inner) and _bends(outer)


def _bends(wire: Wire) -> bool:
    return wire[0] != wire[1]


def _possible(wires: list[Wire]) -> list[int]:
    """Return an order from the inner lane outwards that is possible, without the wires that have no place in one."""
    left = list(range(len(wires)))
    left.sort(key=lambda index: (wires[index][1] < wires[index][0], abs(wires[index][1] - wires[index][0])))
    order: list[int] = []
    while left:
        free = [one for one in left if not any(_before(wires[other], wires[one]) for other in left if other != one)]
        if free:
            order.append(free[0])
            left.remove(free[0])
        else:  # they wait for each other in a circle
            left.remove(max(left, key=lambda index: abs(wires[index][1] - wires[index][0])))
    return order


def _crossings(inner: Wire, outer: Wire) -> int:
    """Return how often two wires cross, by the order of their lanes."""
    return (min(inner) < outer[0] < max(inner)) + (min(outer) < inner[1] < max(outer))


def _improve(wires: list[Wire], order: list[int]) -> None:
    """Move wires in the order as long as that saves crossings."""
    better = True
    while better:
        better = False
        for at in range(len(order)):
            for to in range(len(order)):
                if to != at and _saving(wires, order, at, to) > 0:
                    order.insert(to, order.pop(at))
                    better = True


def _saving(wires: list[Wire], order: list[int], at: int, to: int) -> int:
    """Return the crossings that a move saves; -1 if it is not possible."""
    wire = wires[order[at]]
    passed = [wires[index] for index in (order[at + 1 : to + 1] if to > at else order[to:at])]
    outwards = to > at
    saved = 0
    for other in passed:
        if _before(wire, other) if outwards else _before(other, wire):
            return -1
        before = _crossings(wire, other) if outwards else _crossings(other, wire)
        saved += before - (_crossings(other, wire) if outwards else _crossings(wire, other))
    return saved
