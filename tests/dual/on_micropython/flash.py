"""The virtual board's flash chip by itself: an image file, NOR rules, and nothing written after a cut.

Argument: a path for the image. Raises ValueError at the first thing that is wrong.
"""

import sys

from tumbler.simulator.board.flash import BLOCK, SimulatedFlash

KIB = 32


class Cut(Exception):
    """The power went."""


def cut():
    raise Cut


def check(held, what):
    """ValueError unless it held."""
    if not held:
        raise ValueError(what)


def fails(error, work, *arguments):
    """Whether calling it raises this error."""
    try:
        work(*arguments)
    except error:
        return True
    return False


def image(path):
    """What is on the disk."""
    with open(path, "rb") as file:
        return file.read()


def main(path):
    flash = SimulatedFlash(path, KIB, cut)
    check(image(path) == b"\xff" * KIB * 1024, "a new image is erased")
    check(flash.blank(), "and blank")
    flash.writeblocks(1, b"\x12\x34", 100)
    check(image(path)[BLOCK + 100 : BLOCK + 102] == b"\x12\x34", "a write is on the disk at once")
    check(not flash.blank(), "no longer blank")
    check(fails(ValueError, flash.writeblocks, 1, b"\x00", 101), "programming twice is refused")
    buffer = bytearray(3)
    flash.readblocks(1, buffer, 99)
    check(buffer == b"\xff\x12\x34", "what was written is read")
    flash.ioctl(6, 1)
    check(flash.blank(), "an erase erases")
    check((flash.ioctl(4, 0), flash.ioctl(5, 0)) == (KIB * 1024 // BLOCK, BLOCK), "geometry")
    check((flash.writes, flash.erases) == (1, 1), "operations are counted")

    kinds = set()
    data = bytes(range(64)) * 4
    for number in range(16):
        flash.ioctl(6, 2)
        flash.plan_cut(1)
        check(fails(Cut, flash.writeblocks, 2, data, 0), "the cut comes")
        left = image(path)[2 * BLOCK : 2 * BLOCK + len(data)]
        check(left != data and all(now & was == was for now, was in zip(left, data)), "only bits are left uncleared")
        kinds.add(left)
        flash.ioctl(6, 3)
        flash.writeblocks(3, b"\x00" * BLOCK)
        flash.plan_cut(1)
        check(fails(Cut, flash.ioctl, 6, 3), "the cut comes in an erase")
        block = image(path)[3 * BLOCK : 4 * BLOCK]
        erased = len(block) - len(block.lstrip(b"\xff"))
        check(block == b"\xff" * erased + bytes(BLOCK - erased) and erased < BLOCK, "an erase is torn")
        flash.ioctl(6, 3)
        flash.writeblocks(3, b"\x00" * (1 + number))  # makes the next round's operations other ones
    check(len(kinds) > 3, "writes are torn in several places")

    flash.ioctl(6, 4)
    flash.plan_cut(2)
    flash.writeblocks(4, b"\x01")
    check(fails(Cut, flash.writeblocks, 4, b"\x02", 50), "the second operation is cut")
    flash.freeze()
    before = image(path)
    check(fails(Cut, flash.writeblocks, 5, b"\x03", 0), "a write after the end")
    check(fails(Cut, flash.ioctl, 6, 4), "an erase after the end")
    check(image(path) == before, "nothing reaches the image after the end")
    check(fails(ValueError, SimulatedFlash, path, 2 * KIB, cut), "an image of another size")
    print("ok")


main(sys.argv[1])
