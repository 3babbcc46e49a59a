"""What of the firmware a board loads, and how much of the heap that takes (docs/memory.md)."""

import json

import pytest

from firmware.core.slots import Record, unpack
from host_tools.update_file import build
from tests import heap, micropython
from tests.micropython import ROOT

BOARDS = sorted(path.parent.name for path in (ROOT / "boards").glob("*/board.json"))

# Modules that every lock has, by their folder; each of the others belongs to a part or to the radio.
ALWAYS = {
    "app": {"board", "door", "lock", "start", "supervisor", "uptime"},
    "core": {
        "aes", "budget", "clock", "codebook", "config", "entry", "errors", "events", "ff1", "files", "journal", "kdf",
        "keys", "passcode", "policy", "records", "schedule", "store", "tickets", "verifier", "zone",
    },
    "drivers": {"keypad", "pulse", "signals"},
}  # fmt: skip
SLOT = {"core": {"manifest", "slices", "slots"}, "app": {"trial"}}
RADIO = {
    "app": {"wireless"},
    "core": {
        "bucket", "commands", "frames", "gcm", "link", "noise", "owner", "pairing", "prologue", "session", "slices",
        "wire", "x25519",
    },
    "drivers": {"radio"},
}  # fmt: skip
UPDATES = {"core": {"filling", "lms", "manifest", "update"}}

# Bytes that are live, 64 bits; on 32 bits the same locks take what docs/memory.md has as *live* and *in an update*.
KEYPAD_MOST = 205_000
EVERYTHING_MOST = 340_000


def expected(said, frozen):
    """Names of the modules that a lock of this description needs."""
    parts = [ALWAYS]
    parts += [] if frozen else [SLOT]
    if "radio" in said:
        parts += [RADIO] if frozen else [RADIO, UPDATES]
    drivers = {"motor" if said["bolt"].get("kind") == "motor" else "bolt"}
    drivers |= {"expander"} if "expander" in said["keypad"] else set()
    drivers |= {"ds3231"} if said["clock"]["chip"] == "ds3231" else set()
    drivers |= {"contact"} if "door" in said or "exit" in said else set()
    drivers |= {"battery"} if "battery" in said else set()
    app = {"rtc"} if said["clock"]["chip"] == "internal" else set()
    app |= {"sleep"} if said.get("power", {}).get("sleep", "none") != "none" else set()
    parts.append({"drivers": drivers, "app": app})
    names = {"firmware", *(f"firmware.{folder}" for folder in ALWAYS)}
    return names | {f"firmware.{folder}.{one}" for part in parts for folder, some in part.items() for one in some}


@pytest.fixture(scope="module")
def base():
    return build()


@pytest.fixture(scope="module")
def memory(tmp_path_factory):
    return heap.memory(tmp_path_factory.mktemp("memory"))


@pytest.fixture
def run(tmp_path, base, memory):
    """Runs a lock to the end; gives what was found."""

    def one(said, client=False):
        flash = tmp_path / "flash.img"
        heap.image(flash, said, base, memory)
        lock = heap.start(flash, "stand-in")
        if client:
            heap.talk(lock)
            heap.update(lock, base)
        lock.end()
        order = tmp_path / "order.json"
        order.write_text(json.dumps({"read": ["/slot"]}), encoding="utf-8")
        slot = json.loads(micropython.run(heap.DISK, flash, heap.KIB, order))["/slot"]
        return lock.found, unpack(bytes.fromhex(slot))

    return one


MOTOR = {
    "kind": "motor", "open": 23, "close": 5, "opened": 35, "closed": 36, "switch_pull": "external",
}  # fmt: skip
CLOCK = {"chip": "internal"}


@pytest.mark.parametrize("board", BOARDS)
def test_a_lock_loads_what_its_description_has_and_nothing_else(run, board):
    said = heap.description(board)
    found, slot = run(said)
    if said.get("psram", "none") == "none":
        del said["radio"]
    assert found.modules == expected(said, frozen=False)
    assert "open" in found.seen
    assert slot == Record("a", 0, 0), "the trial was confirmed"


@pytest.mark.parametrize("changes", [{"bolt": MOTOR}, {"clock": CLOCK, "i2c": None}, {"door": None, "exit": None}])
def test_each_part_has_its_own_module(run, changes):
    said = heap.description("esp32-devkitc", radio=None, **changes)
    assert run(said)[0].modules == expected(said, frozen=False)


@pytest.mark.parametrize(("psram", "silent"), [(None, True), ("none", True), ("quad", False), ("octal", False)])
def test_a_slot_without_psram_has_no_bluetooth_and_says_so(run, psram, silent):
    found, _ = run(heap.description("esp32-devkitc", psram=psram))
    assert [word.startswith("no Bluetooth: ") for word in found.seen].count(True) == silent
    assert ("firmware.core.link" in found.modules) == (not silent)


def test_a_description_without_a_radio_says_nothing_of_it(run):
    found, _ = run(heap.description("esp32-devkitc", radio=None))
    assert not [word for word in found.seen if "Bluetooth" in word]


def test_a_keypad_lock_stays_small(run):
    found, _ = run(heap.description("esp32-devkitc", radio=None))
    assert 0.9 * KEYPAD_MOST < max(found.peak.values()) < KEYPAD_MOST


def test_a_lock_with_everything_stays_small_in_a_session_and_an_update(run):
    found, _ = run(heap.description("esp32s3-devkitc", psram="octal"), client=True)
    assert set(found.live) == {"rest", "entries", "compaction", "session", "lists", "update"}
    assert 0.9 * EVERYTHING_MOST < max(found.peak.values()) < EVERYTHING_MOST
