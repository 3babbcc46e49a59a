"""`tumbler provision` and `tumbler selftest`: the firmware in its slot, virtual parts, the real mpremote."""

import json
import random

import pytest

from tests.support import boards
from tests.support.board_at_port import BoardAtPort
from tests.support.campaign import cases
from tests.support.owner_tool import NOW, SECRET, done, refused, tumbler
from tests.support.parts_at_port import RADIO, fingers, parts
from tumbler.errors import ToolError
from tumbler.flashing import file_system
from tumbler.flashing.bundle import Bundle
from tumbler.flashing.console import Console
from tumbler.flashing.provision import Provisioned, Settings, provision
from tumbler.flashing.selftest import SelfTest
from tumbler.flashing.target import Target
from tumbler.registry.lock_cache import ACTIVE, SENT
from tumbler.registry.registry import Registry
from tumbler_lock.core.config import Config
from tumbler_lock.core.policy import STANDARD
from tumbler_lock.core.protocol import lock_id
from tumbler_lock.core.store import Store

KIB = 2048
SILENCE = 0.5


@pytest.fixture(scope="module")
def deployed(tmp_path_factory):
    """The flash of a board that has the firmware, and nothing else."""
    target = Target.load(boards.make(tmp_path_factory.mktemp("board")))
    return file_system.for_target(Bundle.build(target).files(), target)


@pytest.fixture
def board(tmp_path, deployed):
    """A function that starts a board with these parts."""
    started = []

    def start(**how):
        image = tmp_path / "flash.img"
        if not image.exists():
            image.write_bytes(deployed)
        board = BoardAtPort(image, KIB, parts(boards.description(), NOW, **how))
        started.append(board)
        return board.__enter__()

    yield start
    for one in started:
        one.__exit__()


@pytest.fixture
def registry():
    with Registry.open() as found:
        yield found


def add(registry, name="cabin"):
    return registry.add(
        name, "Europe/Berlin", "CET-1CEST,M3.5.0,M10.5.0/3", 0b1100000, "standard", bytes(range(32)), NOW
    )


def memory(board, tmp_path):
    """The lock's memory, read by the firmware itself; None when there is none."""
    files = file_system.read(board.image.read_bytes())
    if "lock/journal" not in files:
        return None
    folder = tmp_path / "memory"
    folder.mkdir(exist_ok=True)
    for name in ("journal", "counters"):
        (folder / name).write_bytes(files[f"lock/{name}"])
    return Store.open(str(folder))


def test_a_board_becomes_a_lock_with_a_clock_and_an_owner(board, registry, tmp_path):
    there = board()
    lock = add(registry)
    with Console(there.port) as console:
        came = provision(console, registry, lock, Settings(autolock=9, sound=False, label="Ann"), NOW)
        assert (came.new, came.clock_set) == (True, True)
        told = []
        console.follow("files", "answer(chip.state()['registers'])", told.append)
    store = memory(there, tmp_path)
    assert store.secret == lock.secret
    assert Config.unpack(store.config).pack() == Config(lock.rule, policy=STANDARD, autolock=9, sound=False).pack()
    (key,) = registry.cache(lock).all_keys()
    assert (key.slot, key.state, key.label) == (0, ACTIVE, "Ann")
    assert [(one.slot, one.role, one.psk, one.label) for one in store.keys.values()] == [(0, 1, key.psk, "Ann")]
    # 2026-11-23 15:10:00, a Monday, as a DS3231 keeps it.
    assert told[0].startswith("00101501231126")


def test_a_lock_that_has_a_secret_keeps_it(board, registry, tmp_path):
    there = board()
    with Console(there.port) as console:
        provision(console, registry, add(registry), Settings(), NOW)
    there.power()
    other = registry.add("other", "UTC", "UTC0", 0b1100000, "standard", bytes(32), NOW)
    with pytest.raises(ToolError, match="has a secret, but not that of 'other'"), Console(there.port) as console:
        provision(console, registry, other, Settings(), NOW)
    assert memory(there, tmp_path).secret == bytes(range(32))
    assert not registry.cache(other).all_keys()


def test_the_same_lock_a_second_time_gets_the_time_and_no_more(board, registry, tmp_path):
    there = board()
    lock = add(registry)
    with Console(there.port) as console:
        assert provision(console, registry, lock, Settings(), NOW) == Provisioned(new=True, clock_set=True)
        before = there.image.read_bytes()
        assert provision(console, registry, lock, Settings(), NOW) == Provisioned(new=False, clock_set=False), (
            "it is right"
        )
    assert there.image.read_bytes() == before
    there.power()  # with another coin cell: the clock was never set
    later = NOW + 90 * 86_400
    with Console(there.port) as console:
        assert provision(console, registry, lock, Settings(autolock=9), later) == Provisioned(new=False, clock_set=True)
    store = memory(there, tmp_path)
    assert (store.secret, Config.unpack(store.config).autolock) == (lock.secret, Settings.autolock)
    assert store.latest_trusted == later
    there.power()
    with Console(there.port) as console:
        assert provision(console, registry, lock, Settings(), NOW) == Provisioned(new=False, clock_set=True), "and back"
    assert memory(there, tmp_path).latest_trusted == NOW


def test_a_lock_whose_clock_does_not_answer_is_told_of_it(board, registry, tmp_path):
    there = board()
    lock = add(registry)
    with Console(there.port) as console:
        provision(console, registry, lock, Settings(), NOW)
    there.off()
    there = board(bus="{}")
    with pytest.raises(ToolError, match=r"clock .* cannot be used: it does not answer"), Console(there.port) as console:
        provision(console, registry, lock, Settings(), NOW)
    assert memory(there, tmp_path).secret == lock.secret


def test_a_lock_that_lives_elsewhere_does_not_move_to_an_empty_board(board, registry):
    there = board()
    lock = add(registry)
    registry.cache(lock).hold(0, 1, "", bytes(32), NOW)
    with pytest.raises(ToolError, match="'cabin' is another lock, set up before"), Console(there.port) as console:
        provision(console, registry, lock, Settings(), NOW)


def test_without_a_clock_there_is_no_lock(board, registry, tmp_path):
    there = board(bus="{}")
    lock = add(registry)
    with pytest.raises(ToolError, match=r"clock .* cannot be used: it does not answer"), Console(there.port) as console:
        provision(console, registry, lock, Settings(), NOW)
    assert memory(there, tmp_path) is None
    assert not registry.cache(lock).all_keys()


def test_a_board_without_firmware_is_told_so(tmp_path, registry):
    lock = add(registry)
    with (
        BoardAtPort(tmp_path / "flash.img", KIB, parts(boards.description(), NOW)) as there,
        pytest.raises(ToolError, match="has no firmware"),
        Console(there.port) as console,
    ):
        provision(console, registry, lock, Settings(), NOW)


def test_the_power_may_go_in_every_operation_and_the_same_command_ends_it(board, registry, tmp_path):
    there = board()
    before = there.image.read_bytes()
    with Console(there.port) as console:
        provision(console, registry, add(registry, "count"), Settings(), NOW)
        told = []
        console.follow("files", "answer(flash.writes + flash.erases)", told.append)
    chosen = range(1, told[0] + 1)
    for cut in sorted({1, told[0], *cases(random.Random(6).sample(chosen, min(5, len(chosen))), chosen)}):
        lock = add(registry, f"cut {cut}")
        there.off()
        there.image.write_bytes(before)
        there.power(cut)
        with pytest.raises(ToolError), Console(there.port, SILENCE) as console:
            provision(console, registry, lock, Settings(), NOW)
        (key,) = registry.cache(lock).all_keys()
        assert key.state == SENT
        there.power()
        with Console(there.port) as console:
            provision(console, registry, lock, Settings(), NOW)
        (key,) = registry.cache(lock).all_keys()
        store = memory(there, tmp_path)
        assert key.state == ACTIVE
        assert [one.psk for one in store.keys.values()] == [key.psk], f"cut {cut}"
        assert store.secret == lock.secret


def test_the_command_prints_no_secret(board):
    there = board()
    told = tumbler("provision", "cabin", "--port", there.port, "--timezone", "Europe/Berlin", "--json")
    assert told[0] == 0, told[2]
    answer = json.loads(told[1])
    with Registry.open() as registry:
        lock = registry.lock("cabin")
        key = registry.cache(lock).all_keys()[0]
    assert answer["lock_id"] == lock_id(lock.secret).hex() == lock.lock_id.hex()
    assert answer["new"] is True
    for secret in (lock.secret, key.psk):
        assert secret.hex() not in told[1] + told[2]
    there.power()
    assert done("provision", "cabin", "--port", there.port)["new"] is False


def test_the_same_command_goes_on(board, tmp_path):
    """Also when it failed before; other options than the registry has are refused."""
    words = ("provision", "cabin", "--timezone", "Europe/Berlin", "--policy", "strict", "--weekend", "fri")
    refused(*words, "--port", tmp_path / "none")
    with Registry.open() as registry:
        assert registry.locks() == []
    empty = board(bus="{}")
    assert "clock" in refused(*words, "--port", empty.port)
    empty.off()
    there = board()
    assert done(*words, "--port", there.port)["new"] is True
    there.power()
    assert done(*words, "--port", there.port)["new"] is False
    for option, value in (("timezone", "UTC"), ("policy", "standard"), ("weekend", "sat")):
        text = refused("provision", "cabin", "--port", there.port, f"--{option}", value)
        assert f"another {option}" in text
        assert f"Leave --{option} out" in text


def test_a_lock_that_already_issues_codes_gets_its_board(board):
    """The order of the README: the registry first, the board later."""
    done("lock", "add", "cabin", "--timezone", "Europe/Berlin")
    done("code", "timed", "cabin", "--start", "2026-12-24T15", "--end", "2026-12-27T11", "--label", "Winter guests")
    assert done("provision", "cabin", "--port", board().port, "--timezone", "Europe/Berlin")["new"] is True


def test_an_error_on_the_board_repeats_nothing_that_was_sent(board, registry):
    """The flash takes nothing more: the error has a word, and no secret."""
    there = board(more="flash.writeblocks = lambda *_: 1/0")
    done("lock", "add", "door", "--timezone", "UTC0", "--secret", SECRET)
    text = refused("provision", "door", "--port", there.port)
    assert SECRET not in text
    assert "did not take its secret" in text


# Self-test


def results(there, keypad=True, ask=lambda _: True):
    prompts = []
    with Console(there.port) as console:
        test = SelfTest(console, ask, lambda _: None, prompts.append)
        right = test.run(keypad=keypad, now=NOW)
    return right, {one.part: (one.right, one.words) for one in test.results}, prompts


def test_a_good_board_is_right_in_every_part(board):
    keys = boards.description()["keypad"]["keys"]
    there = board(more=RADIO + fingers(keys))
    right, found, prompts = results(there)
    assert right
    assert list(found) == ["clock", "flash", "sound", "bolt", "radio", "keypad"]
    assert prompts == list(keys)
    assert found["clock"][1] == "answers and ticks; it was never set, or its coin cell is empty"
    assert "KiB free" in found["flash"][1]
    assert found["radio"][1].startswith("address 000102030405")
    assert found["keypad"][1] == "every button is right"
    assert "selftest" not in file_system.read(there.image.read_bytes())


def test_what_is_wrong_is_told_in_words(board):
    keys = boards.description()["keypad"]["keys"]
    swapped = keys.replace("2", "?").replace("3", "2").replace("?", "3")
    there = board(bus="{}", more=fingers(swapped))
    right, found, _ = results(there, ask=lambda question: "bolt" not in question)
    assert not right
    assert found["clock"] == (False, "does not answer: check SDA, SCL, 3.3 V and ground")
    assert found["bolt"] == (False, "did not move: check the driver's pin and the supply of the coil")
    assert found["radio"] == (False, "does not start: is this MicroPython built with Bluetooth?")
    assert found["keypad"] == (False, "2: 3 came; 3: 2 came")


def test_a_radio_without_room_is_none(tmp_path):
    target = Target.load(boards.make(tmp_path / "board", psram="none"))
    image = tmp_path / "flash.img"
    image.write_bytes(file_system.for_target(Bundle.build(target).files(), target))
    with BoardAtPort(image, KIB, parts(boards.description(psram="none"), NOW, more=RADIO)) as there:
        right, found, _ = results(there, keypad=False)
    assert right
    assert found["radio"] == (True, "none: without external RAM, a stock MicroPython has no room for it")


def test_a_clock_that_stands_still_is_found(board):
    there = board(more="chip.supply(True)\nchip.registers[14] |= 0x80\nchip._running = False\nchip._advance = nothing")
    _, found, _ = results(there, keypad=False)
    assert found["clock"] == (False, "moved by 0 s in 2.2 s: it does not tick")


def test_a_key_that_is_never_pressed_is_missing(board):
    there = board(more=fingers("123456789*0"))
    _, found, _ = results(there)
    assert found["keypad"] == (False, "#: nothing came")


def test_the_selftest_command_says_by_its_status_whether_all_is_right(board):
    there = board(bus="{}", more=RADIO)
    status, out, _ = tumbler("selftest", "--port", there.port, "--no-keypad", "--yes", "--json")
    assert status == 1
    told = {one["part"]: one["right"] for one in json.loads(out)}
    assert told == {"clock": False, "flash": True, "sound": True, "bolt": True, "radio": True}
