"""On a board: milliseconds of the parts of an entry. Nothing is written to its flash; prints JSON.

`make bench PORT=...` sends it over, with the folder of the repository mounted, so the board needs MicroPython only.
"""

import gc
import json
import sys
import time

from tumbler_lock.core.codebook import ACTIVE, NEVER, CodeBook, StoredCode
from tumbler_lock.core.kdf import hmac_sha256
from tumbler_lock.core.passcode import Scheme
from tumbler_lock.core.tickets import CUSTOM

SECRET = bytes(range(32))
CODES = 1000
ERA = 4
REPEAT = 10


def milliseconds(work) -> float:
    """Mean time of one call."""
    gc.collect()
    begin = time.ticks_us()
    for _ in range(REPEAT):
        work()
    return time.ticks_diff(time.ticks_us(), begin) / REPEAT / 1000


def full_book() -> CodeBook:
    """A code book that holds as many codes as it can."""
    book = CodeBook(CODES)
    for number in range(CODES):
        tag = hmac_sha256(SECRET, b"%d" % number)[:8]
        book.put(StoredCode(tag, kind=CUSTOM, state=ACTIVE, length=6, end=NEVER))
    return book


def main() -> None:
    """Measure and print one JSON object."""
    gc.collect()
    free = gc.mem_free()
    book = full_book()
    gc.collect()
    heap = free - gc.mem_free()
    scheme = Scheme(SECRET)
    tag = scheme.tag("123456")
    parts = {
        "one HMAC-SHA256": lambda: hmac_sha256(SECRET, b"123456789"),
        "tag of an entry": lambda: scheme.tag("123456789"),
        "look-up among %d codes" % CODES: lambda: book.find(tag),
        "decryption, 6 digits": lambda: scheme.decode("123456", ERA),
        "decryption, 9 digits": lambda: scheme.decode("123456789", ERA),
    }
    times = {name: milliseconds(work) for name, work in parts.items()}
    print(json.dumps({"interpreter": sys.version, "milliseconds": times, "heap of the code book, bytes": heap}))


if __name__ == "__main__":
    main()
