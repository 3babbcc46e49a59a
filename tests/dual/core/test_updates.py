"""An update over the link, from docs/spec/link.md ("Updates") and docs/spec/update.md, on both interpreters."""

import random

from tests.dual.support.linked_lock import Client, Linked
from tests.dual.support.update_builders import NEW, OLD, Maker, closed, found, pack, put_slot
from tumbler_lock.core import atomic_files, protocol
from tumbler_lock.core.boot_slots import ON_TRIAL, SETTLED, FirmwareSlots, Selection
from tumbler_lock.core.events import UPDATED
from tumbler_lock.core.keys import IDENTIFIER, MANAGER, OPENER, AccessKey
from tumbler_lock.core.updates import Updates

BYTECODE = (6, 11)
MAKERS: "list[Maker]" = []


def maker():
    """The maker's key, which takes a while to make."""
    if not MAKERS:
        MAKERS.append(Maker())
    return MAKERS[0]


class Board(Linked):
    """A Linked lock with two slots, `a` with OLD running as version 0.1.0."""

    reserve = 0

    def __init__(self, directory, **more):
        self.root = directory
        put_slot(directory, "a", (0, 1, 0), OLD)
        atomic_files.write(directory + "/update.pub", (maker().public,))
        super().__init__(directory, **more)

    def start(self):
        super().start()
        slots = FirmwareSlots(self.root)
        self.slot = slots.choose()
        version = slots.manifest(self.slot).version
        self.updates = Updates(slots, self.slot, version, BYTECODE, self.reserve)


def sha(data):
    from hashlib import sha256

    return sha256(data).digest()[:8]


def begin(client, manifest, insist=0, size=200):
    """Send a manifest; the word of the last answer."""
    offset = 0
    while offset < len(manifest):
        head = bytes((insist,)) + sha(manifest) + len(manifest).to_bytes(2, "big") + offset.to_bytes(2, "big")
        word, results = client.ask(protocol.UPDATE_BEGIN, head + manifest[offset : offset + size])
        if word != "done":
            return word
        assert len(results[-1]) == 2
        assert int.from_bytes(results[-1], "big") > offset
        offset = int.from_bytes(results[-1], "big")
    return "done"


def status(client):
    """The fields of a status: state, slot, version, id, number, offset, bytes left."""
    word, results = client.ask(protocol.UPDATE_STATUS)
    assert word == "done"
    data = results[-1]
    assert len(data) == 23
    number, offset, left = [int.from_bytes(data[at:end], "big") for at, end in ((13, 15), (15, 19), (19, 23))]
    return data[0], chr(data[1]), tuple(data[2:5]), data[5:13], number, offset, left


def piece(client, ident, number, offset, data):
    """Send a piece; the word, and what is wanted then."""
    arguments = ident + number.to_bytes(2, "big") + offset.to_bytes(4, "big") + data
    word, results = client.ask(protocol.UPDATE_PIECE, arguments)
    if word != "done":
        return word
    return int.from_bytes(results[-1][:2], "big"), int.from_bytes(results[-1][2:], "big")


def send(client, ident, contents, size=200):
    """Send what the lock wants, until it has everything; how many pieces that took."""
    _, _, _, there, number, offset, _ = status(client)
    assert there == ident
    names = sorted(contents)
    count = 0
    while number < len(names):
        number, offset = piece(client, ident, number, offset, contents[names[number]][offset : offset + size])
        count += 1
    return count


def finish(client, ident, insist=0, request=0):
    return client.ask(protocol.UPDATE_FINISH, bytes((insist,)) + ident, request)[0]


def update(board, contents=None, version=(0, 2, 0)):
    """Everything up to finish; the id."""
    manifest = maker().manifest(version, contents or NEW)
    client = Client(board, "updater").connect()
    assert begin(client, manifest) == "done"
    send(client, sha(manifest), contents or NEW)
    return client, sha(manifest)


def fingerprint(directory):
    """The bytes of the lock's memory."""
    return atomic_files.read(directory + "/journal", 200_000), atomic_files.read(directory + "/counters", 100)


def test_an_update_from_begin_to_confirmed(directory):
    board = Board(directory)
    memory = fingerprint(directory)
    client = Client(board).connect()
    manifest = maker().manifest((0, 2, 0), NEW)
    ident = sha(manifest)
    assert status(client) == (0, "a", (0, 1, 0), bytes(8), 0, 0, 0)
    assert begin(client, manifest[:-1] + b"?") == "bad-signature"
    assert begin(client, manifest) == "done"
    assert begin(client, manifest) == "done"
    missing = sum([len(NEW[name]) for name in NEW]) - len(NEW["tumbler_lock/core/same.py"])
    assert status(client) == (2, "a", (0, 1, 0), ident, 0, 0, missing)
    assert finish(client, ident) == "update-incomplete"
    pieces = send(client, ident, NEW)
    assert missing // 200 <= pieces <= missing // 200 + 4
    assert status(client) == (3, "a", (0, 1, 0), ident, 5, 0, 0)
    assert fingerprint(directory) == memory
    assert not board.anew
    assert finish(client, ident) == "done"
    assert board.anew
    assert FirmwareSlots(directory).read() == Selection("b", ON_TRIAL, 3)
    event = list(board.store.events())[-1]
    assert (event.event, event.reason, event.code.tag[:3]) == (UPDATED, 1, b"\0\2\0")
    assert found(directory, "a") == OLD
    assert found(directory, "b") == NEW
    # The next start tries it.
    board.restart()
    assert board.slot == "b"
    client = Client(board).connect()
    assert status(client) == (4, "b", (0, 2, 0), ident, 0, 0, 0)
    assert begin(client, maker().manifest((0, 3, 0), OLD)) == "on-trial"
    assert piece(client, ident, 0, 0, b"x") == "on-trial"
    assert finish(client, ident) == "done"
    assert not board.anew
    FirmwareSlots(directory).settle("b")
    assert status(client)[0] == 0
    assert begin(client, maker().manifest((0, 3, 0), OLD)) == "done"


def test_finish_is_done_once_and_answers_twice(directory):
    board = Board(directory)
    client, ident = update(board)
    assert finish(client, ident, request=77) == "done"
    seq = board.store.seq
    assert finish(client, ident, request=77) == "done"  # before the restart
    board.restart()
    client = Client(board).connect()
    assert finish(client, ident, request=77) == "done"  # and after it
    assert board.store.seq == seq
    assert client.ask(protocol.ERASE_CODES, b"", 77)[0] == "request-reused"


def test_only_an_owner_may(directory):
    keys = [
        AccessKey(slot, slot + 1, bytes(range(slot, slot + 32)), "k")
        for slot in (MANAGER - 1, OPENER - 1, IDENTIFIER - 1)
    ]
    board = Board(directory, keys=keys)
    for key in keys:
        client = Client(board).connect(key.slot, key.psk)
        for command in (protocol.UPDATE_BEGIN, protocol.UPDATE_PIECE, protocol.UPDATE_STATUS, protocol.UPDATE_FINISH):
            assert client.ask(command, bytes(20))[0] == "not-permitted"


def test_a_lock_without_slots_has_no_updates(directory):
    board = Board(directory)
    board.updates = None
    client = Client(board).connect()
    assert client.ask(protocol.UPDATE_STATUS)[0] == "no-updates"
    assert client.ask(protocol.UPDATE_BEGIN, bytes(20))[0] == "no-updates"
    assert client.ask(protocol.UPDATE_PIECE, bytes(20))[0] == "no-updates"
    assert finish(client, bytes(8)) == "no-updates"


def test_what_is_not_signed_by_the_maker_costs_no_flash(directory):
    board = Board(directory)
    client = Client(board).connect()
    before = sorted(atomic_files.tree(directory))
    good = maker().manifest((0, 2, 0), NEW)
    other = dict(NEW)
    other["tumbler_lock/core/zz.py"] = b"hostile"
    unsigned = pack((0, 2, 0), other)
    for manifest in (
        closed(unsigned),
        closed(unsigned, good[-1292:]),
        closed(unsigned, Maker(b"somebody").sign(unsigned)),
        closed(unsigned, maker().sign(unsigned)[:-1]),
    ):
        assert begin(client, manifest) == "bad-signature"
        assert status(client)[0] == 0
    atomic_files.remove(directory + "/update.pub")
    assert begin(client, good) == "bad-signature"
    atomic_files.write(directory + "/update.pub", (maker().public[:-1],))
    assert begin(client, good) == "bad-signature"
    atomic_files.write(directory + "/update.pub", (maker().public,))
    assert sorted(atomic_files.tree(directory)) == before
    assert begin(client, good) == "done"


def test_versions_only_go_up_unless_the_owner_insists(directory):
    board = Board(directory)
    for version in ((0, 1, 0), (0, 0, 255)):
        manifest = maker().manifest(version, NEW)
        client = Client(board).connect()
        assert begin(client, manifest) == "not-newer"
        assert begin(client, manifest, insist=1) == "done"
        send(client, sha(manifest), NEW)
        assert finish(client, sha(manifest)) == "not-newer"
        assert finish(client, sha(manifest), insist=1) == "done"
        assert FirmwareSlots(directory).on_trial("b")
        FirmwareSlots(directory).settle("a")
    for version in ((0, 1, 1), (0, 2, 0), (1, 0, 0)):
        assert begin(client, maker().manifest(version, NEW)) == "done"


def test_bytecode_of_another_interpreter_is_refused(directory):
    board = Board(directory)
    client = Client(board).connect()
    for bytecode in ((5, 0), (7, 0), (6, 10), (0, 10)):
        assert begin(client, maker().manifest((0, 2, 0), NEW, bytecode)) == "wrong-board"
    for bytecode in ((6, 0), (6, 11), (0, 0)):
        assert begin(client, maker().manifest((0, 2, 0), NEW, bytecode)) == "done"


def test_room_for_the_memory_stays(directory):
    board = Board(directory)
    board.updates._reserve = atomic_files.space(directory)[0] * atomic_files.space(directory)[1]
    client = Client(board).connect()
    assert begin(client, maker().manifest((0, 2, 0), NEW)) == "store-full"
    assert not atomic_files.exists(directory + "/b")


def test_a_flash_that_takes_nothing_is_told_and_it_goes_on_later(directory):
    board = Board(directory)
    client = Client(board).connect()
    manifest = maker().manifest((0, 2, 0), NEW)
    real = atomic_files.write, atomic_files.append

    def full(*_):
        raise OSError(28)

    atomic_files.write = atomic_files.append = full
    try:
        assert begin(client, manifest) == "store-full"
        atomic_files.write = real[0]
        assert begin(client, manifest) == "done"
        assert client.ask(protocol.UPDATE_STATUS)[0] == "store-full"  # it cannot copy
    finally:
        atomic_files.write, atomic_files.append = real
    send(client, sha(manifest), NEW)
    assert finish(client, sha(manifest)) == "done"


def test_requests_of_another_shape(directory):
    board = Board(directory)
    client = Client(board).connect()
    manifest = maker().manifest((0, 2, 0), NEW)
    for command, sizes in (
        (protocol.UPDATE_BEGIN, (0, 13, 214)), (protocol.UPDATE_PIECE, (0, 14, 215)), (protocol.UPDATE_STATUS, (1,)),
        (protocol.UPDATE_FINISH, (0, 8, 10)),
    ):  # fmt: skip
        for size in sizes:
            assert client.ask(command, bytes(size))[0] == "bad-request", (command, size)
    assert begin(client, manifest, insist=2) == "bad-request"
    assert finish(client, sha(manifest), insist=2) == "bad-request"
    for length in (0, 8193, 65535):
        head = bytes(9) + length.to_bytes(2, "big") + bytes(2)
        assert client.ask(protocol.UPDATE_BEGIN, head + b"x")[0] == "bad-request"
    assert begin(client, b"no manifest at all" * 9) == "bad-request"
    assert piece(client, sha(manifest), 0, 0, b"x") == "update-incomplete"
    assert finish(client, sha(manifest)) == "update-incomplete"


def test_a_manifest_in_pieces_out_of_turn(directory):
    board = Board(directory)
    client = Client(board).connect()
    manifest = maker().manifest((0, 2, 0), NEW)

    def ask(whole, offset, data):
        head = bytes(1) + sha(whole) + len(whole).to_bytes(2, "big") + offset.to_bytes(2, "big")
        return int.from_bytes(client.ask(protocol.UPDATE_BEGIN, head + data)[1][-1], "big")

    assert ask(manifest, 200, manifest[200:400]) == 0
    assert ask(manifest, 0, manifest[:200]) == 200
    assert ask(manifest, 0, manifest[:200]) == 200
    assert ask(manifest, 300, manifest[300:400]) == 200
    assert status(client)[:1] + status(client)[5:6] == (1, 200)
    other = maker().manifest((0, 3, 0), NEW)
    assert ask(other, 0, other[:100]) == 100  # another one takes its place
    assert ask(manifest, 200, manifest[200:400]) == 0
    assert begin(client, manifest, size=13) == "done"
    # What follows the length that was announced is not taken.
    assert begin(client, other + b"", size=200) == "done"


def test_an_id_that_is_not_the_manifests(directory):
    board = Board(directory)
    client = Client(board).connect()
    manifest = maker().manifest((0, 2, 0), {"tumbler_lock/x": b"x"})
    offset = 0
    while True:
        head = bytes(1) + b"another!" + len(manifest).to_bytes(2, "big") + offset.to_bytes(2, "big")
        word, results = client.ask(protocol.UPDATE_BEGIN, head + manifest[offset : offset + 200])
        if word != "done":
            break
        offset = int.from_bytes(results[-1], "big")
    assert (word, offset < len(manifest)) == ("bad-request", True)
    assert status(client)[0] == 0


def test_interrupted_at_any_request_it_goes_on(directory):
    board = Board(directory)
    manifest = maker().manifest((0, 2, 0), NEW)
    ident = sha(manifest)
    random.seed(9)
    names = sorted(NEW)
    rounds = 0
    while True:
        rounds += 1
        client = Client(board, "try %d" % rounds).connect()
        state, _, _, there, number, offset, _ = status(client)
        if there != ident and begin(client, manifest) != "done":
            raise ValueError("it does not begin")
        if state == 3:
            break
        _, _, _, there, number, offset, _ = status(client)
        for _ in range(1 + random.getrandbits(3)):
            if number < len(names):
                number, offset = piece(client, ident, number, offset, NEW[names[number]][offset : offset + 200])
        if random.getrandbits(1):
            board.restart()
    assert rounds > 4
    assert finish(client, ident) == "done"
    board.restart()
    assert (board.slot, found(directory, "b"), found(directory, "a")) == ("b", NEW, OLD)


def test_what_was_changed_on_flash_since_is_noticed_by_finish(directory):
    board = Board(directory)
    client, ident = update(board)
    path = directory + "/b/tumbler_lock/core/zz.py"
    atomic_files.write(path, (b"x" * len(NEW["tumbler_lock/core/zz.py"]),))
    assert finish(client, ident) == "update-incomplete"
    send(client, ident, NEW)
    hostile = pack((0, 2, 0), {"tumbler_lock/core/zz.py": b"x"})
    atomic_files.write(directory + "/b/manifest.new", (closed(hostile),))
    assert finish(client, ident) == "update-incomplete"
    assert finish(client, sha(closed(hostile))) in ("bad-signature", "update-incomplete")
    assert FirmwareSlots(directory).read() == Selection("a", SETTLED, 0)


def test_a_trial_that_nobody_confirms_comes_back_and_may_be_tried_again(directory):
    board = Board(directory)
    client, ident = update(board)
    assert finish(client, ident) == "done"
    for _ in range(3):
        board.restart()
        assert board.slot == "b"
    board.restart()
    assert board.slot == "a"
    client = Client(board).connect()
    assert status(client)[:3] == (0, "a", (0, 1, 0))
    manifest = maker().manifest((0, 2, 0), NEW)
    assert begin(client, manifest) == "done"
    assert status(client)[4:] == (5, 0, 0)  # every file is there still
    assert finish(client, ident) == "done"
    assert FirmwareSlots(directory).on_trial("b")


def test_two_connections_do_not_mix(directory):
    board = Board(directory)
    manifest = maker().manifest((0, 2, 0), NEW)
    one, two = Client(board, "one").connect(), Client(board, "two").connect()
    assert begin(one, manifest) == "done"
    # One is in the middle of a status when two asks for its own.
    answers = one.session.receive(one.sealed(5, protocol.UPDATE_STATUS))
    for _ in range(8):
        assert next(answers) is None
    assert send(two, sha(manifest), NEW) > 0
    said = [answer for answer in answers if answer is not None]
    parts = one.unseal(said)
    assert protocol.REFUSALS[parts[-1][1] - protocol.FIRST_REFUSAL] == "update-incomplete"
    assert finish(two, sha(manifest)) == "done"


def test_long_work_tells_that_it_goes_on(directory):
    board = Board(directory)
    manifest = maker().manifest((0, 2, 0), NEW)
    client = Client(board).connect()
    assert begin(client, manifest) == "done"
    send(client, sha(manifest), NEW)
    sealed = client.sealed(6, protocol.UPDATE_FINISH, b"\0" + sha(manifest))
    said = []
    for answer in client.session.receive(sealed):
        board.up += 1  # every slice takes a second
        if answer is not None:
            said.append(answer)
    parts = client.unseal(said)
    assert len(parts) > 20
    assert {status for _, status, _ in parts[:-1]} == {protocol.MORE_FOLLOWS}
    assert {result for _, _, result in parts[:-1]} == {b""}
    assert parts[-1][1] == protocol.DONE
