"""What of the firmware a board loads, and how much of the heap that takes (docs/design/memory.md)."""

import json

import pytest

from tests.support import heap, micropython
from tests.support.micropython import ROOT
from tumbler.updates.update_file import build
from tumbler_lock.core.boot_slots import Selection, unpack

BOARDS = sorted(path.parent.name for path in (ROOT / "boards").glob("*/board.json"))

# Modules that every lock has, by their folder; each of the others belongs to a part or to the radio.
ALWAYS = """
app.board app.door app.lock app.runner app.start app.supervisor app.tasks app.uptime
core.budget core.keypad_buffer core.reading core.verifier
core.ff1 core.passcode core.policy core.schedule core.tickets core.zone
core.aes core.kdf core.errors
core.atomic_files core.clock core.codebook core.config core.events
core.journal core.journal_reader core.keys core.records core.store
drivers.feedback drivers.keypad drivers.rmt_pulse
""".split()  # noqa: SIM905 -- a table reads better
SLOT = ["core.cooperative", "core.boot_slots", "core.manifest", "app.update_trial"]
RADIO = """
app.ble_server drivers.ble_peripheral
core.management core.cooperative core.gcm core.noise core.x25519
core.fragments core.handlers core.link_state core.pairing core.protocol core.session
core.sessions core.token_bucket
""".split()  # noqa: SIM905 -- a table reads better
UPDATES = ["core.lms", "core.manifest", "core.slot_writer", "core.updates"]

# Bytes that are live, 64 bits; on 32 bits the same locks take what docs/design/memory.md has as *live* and *in an
# update*.
KEYPAD_MOST = 205_000
EVERYTHING_MOST = 345_000


def expected(said, frozen):
    """Names of the modules and packages that a lock of this description needs."""
    names = [*ALWAYS]
    names += [] if frozen else SLOT
    if "radio" in said:
        names += RADIO if frozen else [*RADIO, *UPDATES]
    names.append("drivers.motor" if said["bolt"].get("kind") == "motor" else "drivers.bolt")
    names += ["drivers.expander"] if "expander" in said["keypad"] else []
    clock = said["clock"]["chip"]
    names += ["app.internal_clock"] if clock == "internal" else [f"drivers.{clock}", "drivers.calendar"]
    names += ["drivers.contact"] if "door" in said or "exit" in said else []
    names += ["drivers.battery"] if "battery" in said else []
    names += ["app.sleep"] if said.get("power", {}).get("sleep", "none") != "none" else []
    paths = [["tumbler_lock", *name.split(".")] for name in names]
    return {".".join(path[:count]) for path in paths for count in range(1, len(path) + 1)}


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
    assert slot == Selection("a", 0, 0), "the trial was confirmed"


@pytest.mark.parametrize("changes", [{"bolt": MOTOR}, {"clock": CLOCK, "i2c": None}, {"door": None, "exit": None}])
def test_each_part_has_its_own_module(run, changes):
    said = heap.description("esp32-devkitc", radio=None, **changes)
    assert run(said)[0].modules == expected(said, frozen=False)


@pytest.mark.parametrize(("psram", "silent"), [(None, True), ("none", True), ("quad", False), ("octal", False)])
def test_a_slot_without_psram_has_no_bluetooth_and_says_so(run, psram, silent):
    found, _ = run(heap.description("esp32-devkitc", psram=psram))
    assert [word.startswith("no Bluetooth: ") for word in found.seen].count(True) == silent
    assert ("tumbler_lock.core.sessions" in found.modules) == (not silent)


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
