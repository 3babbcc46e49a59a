"""The store at its limits on a real littlefs: full flash, full book, full log, a damaged file (MicroPython script).

Prints what it found and ends with `all held`; ValueError otherwise.
"""

import os

import vfs

from tests.dual.power.device import Flash
from tests.dual.power.model import difference, state_of
from tests.dual.power.workloads import SECRET, START, code, key, told
from tumbler_lock.core.errors import MemoryLost, NotProvisioned, StoreFull
from tumbler_lock.core.store import NONE, PUT, REFUND, Entry, Store

PATH = "/limits"


def demand(condition, text):
    """ValueError with the text unless the condition holds."""
    if not condition:
        raise ValueError(text)


def refused(kind, act, *args):
    """The exception of that kind that `act(*args)` must raise."""
    try:
        act(*args)
    except kind as error:
        return error
    raise ValueError("%s was expected" % kind.__name__)


def content(name):
    """Bytes of a file."""
    with open(PATH + "/" + name, "rb") as file:
        return file.read()


def fill(name):
    """Take all the room that is left."""
    size = 4096
    with open(PATH + "/" + name, "wb"):
        pass
    while size >= 16:
        try:
            with open(PATH + "/" + name, "ab") as file:
                file.write(b"x" * size)
        except OSError:
            size //= 2


def full_flash(blocks, rounds):
    """Every change on a flash without room: refused, and nothing has changed, or done as ever."""
    flash = Flash(blocks)
    vfs.VfsLfs2.mkfs(flash)
    vfs.mount(vfs.VfsLfs2(flash), PATH)
    store = Store.create(PATH, SECRET, b"config", START)
    refusals = 0
    turns = 0
    for turn in range(rounds):
        if turn % 3 == 0:
            fill("ballast")
        for name, *args in (
            ("pay", START + turn) if store.tokens else ("keep", 8, START),
            ("commit", [Entry(0, 0, PUT, code(turn), 0)], START + turn, True),
            ("commit", [Entry(1, 1, NONE, None, 0)] * 9, START + turn, True),
            ("compact",),
            ("settle", told(20, 0, turn), START, True, bytes(turn), [key(turn % 16, 1 + turn % 4)]),
        ):
            turns += 1
            before = state_of(store), content("journal"), content("counters")
            try:
                getattr(store, name)(*args)
            except StoreFull as error:
                refusals += 1
                demand("error 28" in str(error), str(error))
                after = state_of(store), content("journal"), content("counters")
                demand(before == after, "a refusal changed something")
        again = Store.open(PATH)
        demand(difference(state_of(store), state_of(again)) == "", "RAM and flash differ on a full flash")
        if turn % 3 == 1:
            os.remove(PATH + "/ballast")
            store.pay(START) if store.tokens else store.keep(8, START)
            store.commit([Entry(1, 1, NONE, None, 0)], START, True)
            store.compact()
    demand(refusals > rounds // 3, "the flash was never full")
    vfs.umount(PATH)
    print("full flash of %d blocks: %d of %d changes refused" % (blocks, refusals, turns))


def no_room_to_provision():
    """A flash that is full before there is a lock."""
    flash = Flash(8)
    vfs.VfsLfs2.mkfs(flash)
    vfs.mount(vfs.VfsLfs2(flash), PATH)
    with open(PATH + "/many", "wb") as file:
        file.write(b"x")
    fill("ballast")
    number = 0
    while True:
        try:
            with open("%s/%d" % (PATH, number), "wb") as file:
                file.write(b"x" * 100)
        except OSError:
            break
        number += 1
    refused(StoreFull, Store.create, PATH, SECRET, b"", START)
    refused(NotProvisioned, Store.open, PATH)
    os.remove(PATH + "/ballast")
    Store.create(PATH, SECRET, b"", START)
    demand(Store.open(PATH).tokens == 8, "no lock after room was made")
    vfs.umount(PATH)


def full_book(blocks):
    """16 keys, 1,000 codes and 1,000 events fit; the next code is refused and everything kept."""
    flash = Flash(blocks)
    vfs.VfsLfs2.mkfs(flash)
    vfs.mount(vfs.VfsLfs2(flash), PATH)
    store = Store.create(PATH, SECRET, b"config", START, keys=[key(slot) for slot in range(16)])
    late = START + 3_000_000
    peak = 0
    for at in range(0, 1000, 8):
        store.commit([Entry(0, 0, PUT, code(n, digits_taken_until=late), n) for n in range(at, at + 8)], START, True)
    for at in range(2_500):
        store.commit([Entry(1, 1, NONE, None, at)], START + at, True)
        peak = max(peak, os.stat(PATH + "/journal")[6])
    for lock in (store, Store.open(PATH)):
        demand(len(lock.book) == 1000, "not 1,000 codes")
        found = [event.arg for event in lock.events()]
        demand(found == list(range(1_500, 2_500)), "not the last 1,000 events")
        for n in range(1000):
            demand(lock.book.find(code(n).tag).pack() == code(n, digits_taken_until=late).pack(), "a code is missing")
        before = state_of(lock), content("journal")
        refused(StoreFull, lock.make_room, START + 99)
        refused(StoreFull, lock.commit, [Entry(0, 0, PUT, code(1000), 0)], START, True)
        demand(before == (state_of(lock), content("journal")), "the refused code changed something")
    store.commit(store.make_room(late) + [Entry(0, 0, PUT, code(1000), 0)], late, True)
    demand(len(store.book) == 1000 and store.book.find(code(1000).tag), "no room was made")
    demand(peak == 264 + 16 * 64 + 1000 * 24 + 2000 * 48, "the journal's peak is %d" % peak)
    demand(difference(state_of(store), state_of(Store.open(PATH))) == "", "the full lock does not start again")
    free = os.statvfs(PATH)
    print("16 keys, 1,000 codes, 1,000 events, journal up to %d bytes, %d of %d blocks free" % (peak, free[3], free[2]))
    vfs.umount(PATH)


def damage():
    """A damaged journal on littlefs is left as it is."""
    flash = Flash(16)
    vfs.VfsLfs2.mkfs(flash)
    vfs.mount(vfs.VfsLfs2(flash), PATH)
    store = Store.create(PATH, SECRET, b"config", START)
    store.pay(START)
    store.commit([Entry(0, 0, PUT, code(1), 0)], START, True, True)
    demand([event.flags & REFUND for event in store.events()] == [REFUND], "no refund in the log")
    whole = content("journal")
    for data in (b"", whole[:100], whole[:-1], whole + b"\xff", b"\xff" * 9_000, bytes(9_000), whole[:-1] + b"?"):
        with open(PATH + "/journal", "wb") as file:
            file.write(data)
        refused(MemoryLost, Store.open, PATH)
        demand(content("journal") == data, "a damaged journal was touched")
    vfs.umount(PATH)


def main():
    """Try every limit."""
    full_flash(10, 12)
    full_flash(24, 60)
    no_room_to_provision()
    full_book(64)
    damage()
    print("all held")


if __name__ == "__main__":
    main()
