"""In MicroPython: what the verification of an update's signature costs, as ratios to one HMAC-SHA256; prints JSON.

The signatures are those that RFC 8554 publishes. With W8 it has one of height 5; a key of height 10, as makers of
updates have it, takes five hashes more, of some 4,300.
"""

import json
import time

from tests.dual.bench.link import ratio, unit
from tests.dual.support.rfc8554 import signatures
from tumbler_lock.core import lms


def verify(case):
    """Run a verification through."""
    for _ in lms.verify(*case):
        pass


def longest(case):
    """The longest slices of a verification, in HMACs: longer ones are one in twenty, and the allocator's; least of some
    runs."""
    found = []
    for _ in range(5):
        before = unit()
        took = []
        work = lms.verify(*case)
        while True:
            begin = time.ticks_us()
            try:
                next(work)
            except StopIteration:
                break
            took.append(time.ticks_diff(time.ticks_us(), begin))
        took.sort()
        found.append(took[len(took) * 95 // 100] / before)
    return min(found)


def main():
    """Measure and print."""
    _, _, fours, eights = list(signatures())
    figures = {"verify H5 W8": ratio(verify, lambda: eights), "verify H10 W4": ratio(verify, lambda: fours)}
    figures["slice"] = longest(eights)
    print(json.dumps({name: round(figures[name], 1) for name in figures}))


if __name__ == "__main__":
    main()
