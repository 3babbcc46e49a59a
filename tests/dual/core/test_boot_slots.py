"""The two slots on a disk: /slot, manifests, what a start chooses, filling; on both interpreters
(docs/spec/update.md)."""

import random
from binascii import crc32

from tests.dual.support.update_builders import NEW, OLD, closed, found, pack, put_slot
from tumbler_lock.core import atomic_files, boot_slots
from tumbler_lock.core.boot_slots import ON_TRIAL, SETTLED, STARTS, FirmwareSlots, Selection
from tumbler_lock.core.cooperative import run
from tumbler_lock.core.manifest import Manifest
from tumbler_lock.core.slot_writer import SlotWriter

HEAD = b"TMBs\x01"


def record(data):
    return data + crc32(data).to_bytes(4, "big")


def fails(error, work, *arguments):
    try:
        work(*arguments)
    except error:
        return True
    return False


def board(directory, both=True):
    put_slot(directory, "a", (0, 1, 0), OLD)
    if both:
        put_slot(directory, "b", (0, 2, 0), NEW)
    return FirmwareSlots(directory)


# /slot


def test_the_record_is_as_in_the_document(directory):
    settled = record(HEAD + b"a\0\0\0\0\0\0")
    trial = record(HEAD + b"b\1\3\0\0\0\0")
    assert boot_slots.pack(Selection("a", SETTLED, 0)) == settled
    assert boot_slots.unpack(settled) == Selection("a", SETTLED, 0)
    assert boot_slots.pack(Selection("b", ON_TRIAL, 3)) == trial
    assert boot_slots.unpack(trial) == Selection("b", ON_TRIAL, 3)


def test_anything_else_is_no_record(directory):
    good = record(HEAD + b"b\1\3\0\0\0\0")
    for size in range(16):
        assert boot_slots.unpack(good[:size]) is None
    assert boot_slots.unpack(good + b"\0") is None
    for bit in range(128):
        changed = bytearray(good)
        changed[bit // 8] ^= 1 << bit % 8
        assert boot_slots.unpack(bytes(changed)) is None
    for body in (b"c\0\0", b"A\0\0", b"a\2\0", b"a\0\1", b"a\1\4", b"\xff\0\0"):
        assert boot_slots.unpack(record(HEAD + body + bytes(4))) is None, body
    assert boot_slots.unpack(record(b"TMBs\x02a\0\0" + bytes(4))) is None
    assert boot_slots.unpack(record(HEAD + b"a\0\0\0\0\0\1")) is None


# The start


def test_a_settled_slot_runs_and_nothing_is_written(directory):
    here = board(directory)
    for slot in ("a", "b"):
        here.settle(slot)
        here.path = None  # no file of a slot is looked at
        assert here.choose() == slot
        here = FirmwareSlots(directory)


def test_a_trial_counts_down_and_is_given_up(directory):
    here = board(directory)
    here.try_out("b")
    assert here.on_trial("b")
    assert not here.on_trial("a")
    for left in (2, 1, 0):
        assert here.choose() == "b"
        assert here.read() == Selection("b", ON_TRIAL, left)
    assert here.choose() == "a"
    assert here.read() == Selection("a", SETTLED, 0)
    assert here.choose() == "a"


def test_a_trial_that_is_confirmed_stays(directory):
    here = board(directory)
    here.try_out("b")
    assert here.choose() == "b"
    here.settle("b")
    for _ in range(STARTS + 2):
        assert here.choose() == "b"


def test_a_trial_is_not_given_up_for_a_slot_that_is_not_whole(directory):
    here = board(directory)
    here.try_out("b")
    atomic_files.remove(here.path("a", "tumbler_lock/core/same.py"))
    for _ in range(STARTS + 3):
        assert here.choose() == "b"


def test_a_trial_that_cannot_be_counted_does_not_begin(directory):
    here = board(directory)
    here.try_out("b")

    def full(path, parts):
        raise OSError(28)

    real, atomic_files.write = atomic_files.write, full
    try:
        assert here.choose() == "a"
        atomic_files.remove(here.path("a", "manifest"))
        assert here.choose() == "b"  # there is nothing else
    finally:
        atomic_files.write = real
    assert here.read() == Selection("b", ON_TRIAL, 3)


def test_a_slot_that_fails_and_is_damaged_gives_way_to_a_whole_one(directory):
    here = board(directory)
    here.settle("a")
    here.failed("a")
    assert here.choose() == "a"  # it is whole: its fault is another one
    atomic_files.write(here.path("a", "tumbler_lock/core/zz.py"), (b"grows?",))
    here.failed("a")
    assert here.choose() == "b"
    here.try_out("a")
    here.failed("a")  # on trial: its starts count
    assert here.read() == Selection("a", ON_TRIAL, 3)
    atomic_files.remove(here.path("b", "manifest"))
    here.settle("a")
    here.failed("a")
    assert here.choose() == "a"
    here.failed("")


def test_without_a_record_the_first_whole_slot_runs(directory):
    here = FirmwareSlots(directory)
    assert here.choose() == ""
    put_slot(directory, "b", (0, 2, 0), NEW)
    assert here.choose() == "b"
    put_slot(directory, "a", (0, 1, 0), OLD)
    assert here.choose() == "a"
    atomic_files.write(directory + "/slot", (b"TMBs",))
    assert here.choose() == "a"
    for damage in (b"", b"VERSION = 3\n", b"VERSION = 1\n\n"):
        atomic_files.write(here.path("a", "tumbler_lock/__init__.py"), (damage,))
        assert here.choose() == "b"
    atomic_files.remove(here.path("b", "manifest"))
    assert here.choose() == "a"  # none is whole: better than nothing


# Manifests


def test_a_manifest_is_read_as_the_document_has_it(directory):
    manifest = Manifest(closed(pack((1, 2, 3), OLD, (6, 10)), b"sig"))
    assert (manifest.version, manifest.bytecode, manifest.count) == ((1, 2, 3), (6, 10), 5)
    assert manifest.total == sum([len(OLD[name]) for name in OLD])
    assert manifest.signature == b"sig"
    assert [(name, size) for name, size, _ in manifest.files()] == [(name, len(OLD[name])) for name in sorted(OLD)]
    assert manifest.data[: manifest.signed] == pack((1, 2, 3), OLD, (6, 10))


def test_names_that_lead_elsewhere_are_refused(directory):
    for name in (
        "boot.py", "tumbler_lock", "tumbler_lock/", "/tumbler_lock/x",
        "tumbler_lock//x", "tumbler_lock/../x", "tumbler_lock/./x",
        "tumbler_lock/.x", "tumbler_lock/x/", "tumbler_lock/X", "tumbler_lock/x y", "tumbler_lock/x\0",
        "tumbler_lock/\u00e4",
        "lock/journal", "tumbler_lockx/y", "firmware/x",
        "tumbler_lock/" + "x" * 52,
    ):  # fmt: skip
        assert fails(ValueError, Manifest, closed(pack((1, 2, 3), {name: b"x"}))), name
    for name in ("tumbler_lock/x", "tumbler_lock/a/b_1/c.d.mpy", "tumbler_lock/" + "x" * 51):
        assert Manifest(closed(pack((1, 2, 3), {name: b"x"}))).count == 1


def test_sizes_and_counts_out_of_range_are_refused(directory):
    one = {"tumbler_lock/x": b"x"}
    assert fails(ValueError, Manifest, closed(pack((1, 2, 3), {})))
    assert fails(ValueError, Manifest, closed(pack((1, 2, 3), {"tumbler_lock/x": b""})))
    assert fails(ValueError, Manifest, closed(pack((1, 2, 3), {"tumbler_lock/x": bytes(65_537)})))
    assert Manifest(closed(pack((1, 2, 3), {"tumbler_lock/x": bytes(65_536)}))).total == 65_536
    many = {"tumbler_lock/%03d" % number: b"x" for number in range(201)}
    assert fails(ValueError, Manifest, closed(pack((1, 2, 3), many)))
    del many["tumbler_lock/200"]
    assert fails(ValueError, Manifest, closed(pack((1, 2, 3), many)))  # 10 kB of names
    good = pack((1, 2, 3), one)
    assert fails(ValueError, Manifest, good[:15] + b"\2" + good[16:] + bytes(2))  # a total that is another
    twice = good[:11] + b"\2" + good[12:15] + b"\2" + good[16:] + good[16:] + bytes(2)
    assert fails(ValueError, Manifest, twice)


def test_random_damage_is_refused_or_is_another_good_manifest(directory):
    good = closed(pack((1, 2, 3), NEW), b"signature")
    for size in range(len(good)):
        assert fails(ValueError, Manifest, good[:size]), size
    assert fails(ValueError, Manifest, good + b"\0")
    random.seed(4)
    taken = 0
    for turn in range(2000):
        data = bytearray(good)
        for _ in range(random.getrandbits(2) + 1):
            data[random.getrandbits(16) % len(data)] = random.getrandbits(8)
        try:
            manifest = Manifest(bytes(data))
        except ValueError:
            continue
        taken += 1
        names = [name for name, _, _ in manifest.files()]
        assert names == sorted(set(names)), turn
        for name in names:
            assert name.startswith("tumbler_lock/"), turn
            assert "/." not in name, turn
        assert manifest.signed + 2 + len(manifest.signature) == len(data), turn
    assert taken > 100  # what is changed in a version, a digest or the signature leaves it a manifest


# Writing a slot


def fill(filling, contents, most=1000):
    """Send what is wanted, until nothing is; returns the bytes that were sent."""
    names = sorted(contents)
    number, offset = run(filling.wanted())
    sent = 0
    while number < len(names):
        data = contents[names[number]][offset : offset + most]
        sent += len(data)
        number, offset = run(filling.put(number, offset, data))
    return sent


def test_filling_sends_only_what_is_new_and_removes_what_is_old(directory):
    here = board(directory)
    here.settle("a")
    filling = SlotWriter(here, "a")
    assert filling.manifest is None
    version = dict(NEW)
    version["tumbler_lock/app/lock.py"] = OLD["tumbler_lock/app/lock.py"]  # as in the running slot
    put_slot(
        directory,
        "b",
        (0, 0, 9),
        {"tumbler_lock/core/old/old.py": b"o", "tumbler_lock/core/zz.py": NEW["tumbler_lock/core/zz.py"]},
    )
    filling.begin(Manifest(closed(pack((0, 3, 0), version))))
    assert here.manifest("b") is None
    sent = fill(filling, version)
    assert sent == 0  # lock is in the running slot; the rest the other one held already
    assert run(filling.complete())
    assert found(directory, "b") == version
    assert not atomic_files.exists(here.path("b", "tumbler_lock/core/old"))
    assert here.read() == Selection("a", SETTLED, 0)
    filling.hand_over()
    assert here.read() == Selection("b", ON_TRIAL, 3)
    assert run(here.whole("b"))
    assert found(directory, "a") == OLD


def test_pieces_out_of_turn_are_not_taken(directory):
    here = board(directory, both=False)
    filling = SlotWriter(here, "a")
    filling.begin(Manifest(closed(pack((0, 2, 0), NEW))))
    names = sorted(NEW)
    first = NEW[names[0]]
    assert run(filling.wanted()) == (0, 0)
    for number, offset in ((0, 1), (1, 0), (5, 0), (99, 0)):
        assert run(filling.put(number, offset, b"x")) == (0, 0)
    assert run(filling.put(0, 0, first[:5])) == (0, 5)
    assert run(filling.put(0, 0, first[:5])) == (0, 5)  # again: its answer was lost
    assert run(filling.put(0, 5, first[5:] + b"more than it has")) == (1, 0)
    assert run(filling.put(0, 5, first[5:])) == (1, 0)
    assert found(directory, "b") == {
        names[0]: first, "tumbler_lock/core/same.py": NEW["tumbler_lock/core/same.py"],
    }  # fmt: skip


def test_a_file_with_another_digest_is_dropped(directory):
    here = board(directory, both=False)
    filling = SlotWriter(here, "a")
    filling.begin(Manifest(closed(pack((0, 2, 0), NEW))))
    wrong = bytes(len(NEW["tumbler_lock/__init__.py"]))
    assert run(filling.put(0, 0, wrong)) == (0, 0)
    assert not run(filling.complete())
    fill(filling, NEW)
    assert run(filling.complete())
    assert found(directory, "b") == NEW


def test_a_start_goes_on_where_it_was(directory):
    here = board(directory, both=False)
    SlotWriter(here, "a").begin(Manifest(closed(pack((0, 2, 0), NEW))))
    names = sorted(NEW)
    want = (0, 0)
    starts = 0
    while want[0] < len(names):
        filling = SlotWriter(here, "a")  # a start: everything in RAM is new
        starts += 1
        assert run(filling.wanted()) == want
        left = filling.left()
        data = NEW[names[want[0]]][want[1] : want[1] + 700]
        want = run(filling.put(want[0], want[1], data))
        assert filling.left() == left - len(data)
    assert starts > 5
    assert run(SlotWriter(here, "a").complete())
    assert found(directory, "b") == NEW


def test_work_that_was_abandoned_does_no_harm(directory):
    here = board(directory, both=False)
    filling = SlotWriter(here, "a")
    filling.begin(Manifest(closed(pack((0, 2, 0), NEW))))
    for turns in range(40):
        work = filling.wanted()
        for _ in range(turns):
            next(work, None)
    fill(filling, NEW, 100)
    assert run(filling.complete())
    assert found(directory, "b") == NEW


def test_another_update_takes_the_place_of_one_that_was_begun(directory):
    here = board(directory, both=False)
    filling = SlotWriter(here, "a")
    filling.begin(Manifest(closed(pack((0, 2, 0), NEW))))
    run(filling.put(0, 0, b"VER"))
    other = {"tumbler_lock/__init__.py": b"VERSION = 3\n"}
    filling.begin(Manifest(closed(pack((0, 3, 0), other))))
    assert run(filling.wanted()) == (0, 0)
    fill(filling, other)
    assert run(filling.complete())
    assert found(directory, "b") == other


def test_without_a_manifest_nothing_is_filled_and_nothing_removed(directory):
    here = board(directory)
    filling = SlotWriter(here, "a")
    assert run(filling.wanted()) == (0, 0)
    assert run(filling.put(0, 0, b"x")) == (0, 0)
    assert not run(filling.complete())
    assert found(directory, "b") == NEW


def test_room_is_reckoned_in_whole_blocks(directory):
    here = board(directory)
    filling = SlotWriter(here, "a")
    block, free = atomic_files.space(directory)
    room = filling.room(Manifest(closed(pack((0, 2, 0), NEW))))
    big = filling.room(Manifest(closed(pack((0, 2, 0), {"tumbler_lock/x": bytes(65_536)}))))
    assert free * block - 40 * block < room < free * block
    # The same files again take no room; the big one takes 17 blocks of 4 KiB or one of more, and frees five.
    assert (room - big) % block == 0
    assert big < room
