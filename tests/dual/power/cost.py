"""What the store costs: heap, start, look-ups (MicroPython script). Prints one JSON line.

Heap is the interpreter's own count before and after, collected; on a 64-bit Unix MicroPython, whose objects are twice
as large as a lock's. A look-up is compared with one HMAC-SHA256 of 9 bytes with its pads prepared, in the same run.
"""

import gc
import hashlib
import json
import sys
import time

import vfs

from tests.dual.power.device import Flash
from tests.dual.power.workloads import SECRET, START, code, key, limits
from tumbler_lock.core.codebook import CodeBook
from tumbler_lock.core.kdf import Hmac
from tumbler_lock.core.keys import pack_keys, unpack_keys
from tumbler_lock.core.store import NONE, PUT, Entry, Store

PATH = "/cost"
SLICE = 25


def used():
    """Bytes of heap in use after a collection."""
    gc.collect()
    gc.collect()
    return gc.mem_alloc()


def per_call(function, arguments, rounds):
    """Microseconds one call takes: each run of SLICE calls counts in the round that disturbed it least, so that neither
    the collector nor another process is counted."""
    total = 0
    for at in range(0, len(arguments), SLICE):
        slice_ = arguments[at : at + SLICE]
        found = []
        for _ in range(rounds):
            start = time.ticks_us()
            for argument in slice_:
                function(argument)
            found.append(time.ticks_diff(time.ticks_us(), start))
        total += min(found)
    return total / len(arguments)


def lookups():
    """Microseconds of a hit, of a miss and of an HMAC with 1,000 codes in the book."""
    book = CodeBook(1000)
    tags = [hashlib.sha256(b"%d" % number).digest()[:8] for number in range(2000)]
    for number in range(1000):
        one = code(number)
        one.tag = tags[number]
        book.put(one)
    hit = per_call(book.find, tags[:1000], 15)
    miss = per_call(book.find, tags[1000:], 15)
    mac = per_call(Hmac(SECRET).digest, [tag + b"0" for tag in tags[:1000]], 15)
    return {
        "hit_us": round(hit, 2),
        "miss_us": round(miss, 2),
        "hmac_us": round(mac, 2),
        "hit_in_hmacs": round(hit / mac, 2),
        "miss_in_hmacs": round(miss / mac, 2),
    }


def keys():
    """Bytes of heap that 16 keys with the longest labels take."""
    kept = [unpack_keys(pack_keys([key(slot, 3, 16) for slot in range(16)]))]
    full = used()
    kept.clear()
    return full - used()


def main():
    """Measure and print."""
    limits(1000, 1000)
    flash = Flash(128)
    vfs.VfsLfs2.mkfs(flash)
    vfs.mount(vfs.VfsLfs2(flash), PATH)
    before = used()
    book = CodeBook(1000)
    book_heap = used() - before
    del book
    store = Store.create(PATH, SECRET, b"config", START)
    for at in range(0, 1000, 10):
        store.commit([Entry(0, 0, PUT, code(n), n) for n in range(at, at + 10)], START, True)
    for at in range(1_990):
        store.commit([Entry(1, 1, NONE, None, at)], START + at, True)
    del store
    before = used()
    gc.disable()
    start = time.ticks_us()
    store = Store.open(PATH)
    took = time.ticks_diff(time.ticks_us(), start)
    gc.enable()
    store_heap = used() - before
    print(
        json.dumps(
            {
                "word_bits": 64 if sys.maxsize > 1 << 32 else 32,
                "book_heap": book_heap,
                "store_heap": store_heap,
                "keys_heap": keys(),
                "codes": len(store.book),
                "start_ms": round(took / 1000, 1),
                "lookup": lookups(),
            }
        )
    )


if __name__ == "__main__":
    main()
