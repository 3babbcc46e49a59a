"""Count erases while a lock is used, on the real littlefs, and say what ten years come to (MicroPython script).

    wear.py KIB ENTRIES [TURNS]     flash size in KiB, entries a day, entries to count

An entry is what costs most: a payment, then a commit that gives it back. Every 24th is followed by the keeping of the
highest time, and every tenth is the first use of a new code, for which an old one is forgotten. The lock holds 1,000
codes before the counting begins; the file system is mounted again every 2,000 entries, as after a restart. Prints one
JSON line: what was counted, and for ten years the erases of the average and of the most worn block, in proportion to
the entries counted.
"""

import json
import sys

import vfs

from tests.dual.power.device import Flash
from tests.dual.power.workloads import SECRET, START, code, limits
from tumbler_lock.core.codebook import USED
from tumbler_lock.core.store import NONE, PUT, Entry, Store

PATH = "/wear"
RATED = 100_000
TEN_YEARS = 3_652


class _Mounted:
    """The flash, mounted, and the lock on it."""

    def __init__(self, blocks):
        self.flash = Flash(blocks)
        vfs.VfsLfs2.mkfs(self.flash)
        vfs.mount(vfs.VfsLfs2(self.flash), PATH)

    def again(self):
        """Restart: mount and open again."""
        vfs.umount(PATH)
        vfs.mount(vfs.VfsLfs2(self.flash), PATH)
        return Store.open(PATH)


def entry(store, number, now):
    """One entry that opens: pay, commit, give back. Now and then it is the first use of a new code."""
    store.pay(now)
    entries = [Entry(0, 0, NONE, code(number % 1000, 0, USED), 0)]
    if number % 10 == 0:
        fresh = code(10_000 + number, 0, USED, 6, now, None, now + 86_400)
        entries = store.make_room(now) + [Entry(0, 0, PUT, fresh, 0)]
    store.commit(entries, now, True, True)


def measure(kib, entries_a_day, turns):
    """The counts and their extrapolation."""
    limits(1000, 1000)
    blocks = kib // 4
    mounted = _Mounted(blocks)
    store = Store.create(PATH, SECRET, b"config", START)
    for at in range(0, 1000, 10):
        store.commit([Entry(0, 0, PUT, code(n, 0, USED), n) for n in range(at, at + 10)], START, True)
    step = 86_400 // entries_a_day
    now = START + 200_000
    mounted.flash.erases = erases = [0] * blocks
    commits = store.commits
    total = 0
    for number in range(turns):
        now += step
        entry(store, number, now)
        if number % 24 == 0:
            store.keep(store.tokens, now)
        if store.compaction_due:
            store.compact()
        if number % 2_000 == 1_999:
            total += store.commits - commits
            store = mounted.again()
            commits = 0
    total += store.commits - commits
    scale = entries_a_day * TEN_YEARS / turns
    return {
        "flash_kib": kib,
        "entries": turns,
        "commits_per_entry": round(total / turns, 2),
        "erases_per_entry": round(sum(erases) / turns, 2),
        "mean_erases_of_a_block": round(sum(erases) / blocks, 1),
        "most_erases_of_a_block": max(erases),
        "entries_a_day": entries_a_day,
        "ten_years_mean": round(sum(erases) / blocks * scale),
        "ten_years_most": round(max(erases) * scale),
        "rated_erases": RATED,
        "ten_years_most_of_rated_percent": round(100 * max(erases) * scale / RATED, 2),
    }


if __name__ == "__main__":
    print(json.dumps(measure(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else 20_000)))
