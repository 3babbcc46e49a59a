"""The real firmware in two slots of the virtual board: what a start does with one that is broken
(docs/spec/update.md)."""

import json
import shutil

import pytest

from tests.dual.core.test_updates import begin, finish, maker, piece, send, sha, status
from tests.firmware.app.test_ble_server import KEYS, PSK, Phone, restarts
from tests.support import micropython
from tests.support.campaign import campaign
from tests.support.micropython import ROOT
from tests.support.virtual import Board
from tumbler.simulator.flash_image import plug_in
from tumbler.simulator.lock import SLOTS_KIB
from tumbler.simulator.process import BoardStopped
from tumbler.updates.update_file import Update, build, compile_source, loader
from tumbler_lock.core.boot_slots import ON_TRIAL, SETTLED, STARTS, Selection, pack, unpack

DISK = ROOT / "tests" / "dual" / "on_micropython" / "disk.py"

RAISES = "raise RuntimeError('made to fail')\n"
HANGS = "import time\nwhile True:\n    time.sleep_ms(500)\n"
RESETS = "import machine\nmachine.reset()\n"
RETURNS = "def run(board, slot):\n    pass\n"
# The whole lock, and then something of it is broken.
SOUND = {
    name: (ROOT / "firmware" / "tumbler_lock" / "app" / f"{name}.py").read_text(encoding="utf-8")
    for name in ("lock", "runner", "tasks")
}
REST = "await duty.rest(CLOCK_MS)\n"
DIES = {"tasks": SOUND["tasks"].replace(REST, "await duty.rest(20_000)\n            raise ValueError\n")}
MADE = "                lock.trial = Trial(slots, slot)\n"
NEVER_WELL = {
    "runner": SOUND["runner"].replace(MADE, MADE + "                lock.trial.round = lambda rounds, sound: False\n")
}


def sampled(some, every):
    return list(every) if campaign() else some


class Slotted(Board):
    """A board whose flash holds two slots: a with this firmware, b with whatever is put there. image: of such a flash,
    to begin with a copy of."""

    def __init__(self, folder, base, image=None, **more):
        super().__init__(folder, **more)
        self.folder = folder
        self.base = base
        self.air = []  # events of the radio
        self._count = 0
        if self._provision:
            self._provision["keys"] = KEYS
        if image:
            shutil.copy(image, self.flash)
            return
        self.flash.write_bytes(plug_in(b"", maker().public))

    def _event(self, message):
        super()._event(message)
        if message["event"] == "radio":
            self.air.append(message)

    def put(self, contents, **order):
        """Write files on the flash."""
        pairs = []
        for path, data in contents.items():
            self._count += 1
            source = self.folder / f"file{self._count}"
            source.write_bytes(data)
            pairs.append([path, str(source)])
        return self.disk(write=pairs, **order)

    def disk(self, **order):
        """Do something with the flash while the board is off."""
        given = self.folder / "order.json"
        given.write_text(json.dumps(order), encoding="utf-8")
        return json.loads(micropython.run(DISK, self.flash, SLOTS_KIB, given))

    def slot(self, letter, update):
        """Fill a slot."""
        files = {f"/{letter}/{name}": data for name, data in update.contents.items()}
        self.put({**files, f"/{letter}/manifest": bytes(update.manifest.data)})

    def variant(self, version="0.2.0", **sources):
        """This firmware with another version, and with other sources for modules of the app."""
        contents = dict(self.base.contents)
        sources = {"__init__": f'VERSION = "{version}"\n', **{f"app/{name}": text for name, text in sources.items()}}
        for name, text in sources.items():
            path = self.folder / "source.py"
            path.write_text(text, encoding="utf-8")
            contents[f"tumbler_lock/{name}.mpy"] = compile_source(path, f"tumbler_lock/{name}.py")
        return Update.of(tuple(map(int, version.split("."))), self.base.manifest.bytecode, contents)

    def record(self):
        """What /slot says; the board is off."""
        said = self.disk(read=["/slot"])["/slot"]
        return None if said is None else unpack(bytes.fromhex(said))

    def say(self, slot, state, left):
        """Write /slot."""
        self.put({"/slot": pack(Selection(slot, state, left))})

    def on(self, **request):
        return super().on(slots=True, flash_kib=SLOTS_KIB, **request)

    def starts(self, most=10):
        """Start until the lock lives; how often that took. It must live after `most` starts."""
        for count in range(1, most + 1):
            if not self.ends("on"):
                return count
        raise AssertionError("the lock does not start")


@pytest.fixture(scope="module")
def base():
    return build()


@pytest.fixture(scope="module")
def image(tmp_path_factory, base):
    return Slotted(tmp_path_factory.mktemp("image"), base).flash


@pytest.fixture
def board(tmp_path, base, image):
    with Slotted(tmp_path, base, image) as made:
        yield made


def test_the_slot_that_is_settled_runs(board):
    board.say("a", SETTLED, 0)
    assert board.on()["provisioned"]
    assert board.press(board.code() + "#") == "open opened"
    board.wait(500)
    assert board.all("confirmed") == []
    board.off()
    assert board.record() == Selection("a", SETTLED, 0)


def test_a_good_update_confirms_itself_after_a_minute_and_stays(board):
    board.slot("b", board.variant())
    board.say("b", ON_TRIAL, STARTS)
    board.on()
    assert board.press(board.code() + "#") == "open opened"
    board.wait(50)
    assert board.all("confirmed") == []
    board.wait(20)
    assert [event["rounds"] for event in board.all("confirmed")] == [60]
    assert board.ends("reset_button") == "reset"
    assert board.record() == Selection("b", SETTLED, 0)
    board.on()
    assert board.press(board.code() + "#") == "refused already-used"  # the memory is what it was
    board.off()
    assert board.record() == Selection("b", SETTLED, 0)


def test_a_trial_that_is_switched_off_too_soon_three_times_is_over(board):
    board.slot("b", board.variant())
    board.say("b", ON_TRIAL, STARTS)
    for left in (2, 1, 0):
        board.on()
        board.wait(50)
        board.off()
        assert board.record() == Selection("b", ON_TRIAL, left)
    board.on()
    board.off()
    assert board.record() == Selection("a", SETTLED, 0)


@pytest.mark.parametrize(
    "sources",
    [
        {"lock": RAISES}, {"lock": HANGS}, {"lock": RESETS}, {"runner": RETURNS}, {"start": RAISES},
        {"board": "x = (\n"}, {"supervisor": ""},
    ],
    ids=["raises", "hangs", "resets", "returns", "no start", "no syntax", "empty"],
)  # fmt: skip
def test_an_update_that_does_not_even_start_is_rolled_back_by_itself(board, sources):
    if sources == {"board": "x = (\n"}:
        broken = board.variant()
        broken.contents["tumbler_lock/app/board.mpy"] = b"M\x05 of another format"
        broken = Update.of((0, 2, 0), broken.manifest.bytecode, broken.contents)
    else:
        broken = board.variant(**sources)
    board.slot("b", broken)
    board.say("b", ON_TRIAL, STARTS)
    assert board.starts() == STARTS + 1
    assert board.press(board.code() + "#") == "open opened"
    board.off()
    assert board.record() == Selection("a", SETTLED, 0)


@pytest.mark.parametrize("broken", [DIES, NEVER_WELL], ids=["a task dies", "never well"])
def test_an_update_that_runs_but_is_not_well_is_rolled_back_by_itself(board, broken):
    ((name, text),) = broken.items()
    assert text != SOUND[name]
    board.slot("b", board.variant(**broken))
    board.say("b", ON_TRIAL, STARTS)
    for left in (2, 1, 0):
        board.on()
        opened = board.press(board.code() + "#").startswith("open")
        assert opened == (left == 2)  # a one-time code: the memory is that of the start before
        assert board.ends("advance", to_ms=board.now_ms + 400_000) == "reset"
        assert board.record() == Selection("b", ON_TRIAL, left)
        board.now_ms += 1
    assert board.starts() == 1
    assert board.press(board.code() + "#") == "refused already-used"
    board.off()
    assert board.record() == Selection("a", SETTLED, 0)


def test_a_lock_on_trial_does_not_sleep(board):
    board.slot("b", board.variant())
    board.say("b", ON_TRIAL, STARTS)
    board.on()
    assert not board.ask("state")["quiet"]
    board.wait(70)
    assert board.ask("state")["quiet"]


def test_a_radio_that_fails_keeps_an_update_from_being_confirmed(board):
    ble_server = (ROOT / "firmware" / "tumbler_lock" / "app" / "ble_server.py").read_text(encoding="utf-8")
    broken = ble_server.replace("self._arrived = await self._radio.accept(", 'raise NoRadio("broken")\n            (')
    assert broken != ble_server
    board.slot("b", board.variant(ble_server=broken))
    board.say("b", ON_TRIAL, STARTS)
    board.on()
    board.wait(200)
    assert board.all("confirmed") == []
    assert board.ends("advance", to_ms=board.now_ms + 400_000) == "reset"
    assert board.record() == Selection("b", ON_TRIAL, 2)


def test_a_new_lock_without_a_secret_confirms_too(tmp_path, base, image):
    with Slotted(tmp_path, base, image, provision=False) as board:
        board.slot("b", board.variant())
        board.say("b", ON_TRIAL, STARTS)
        assert not board.on()["provisioned"]
        board.wait(70)
        assert len(board.all("confirmed")) == 1


def test_a_memory_that_cannot_be_read_confirms_nothing(board):
    board.say("a", SETTLED, 0)
    board.on()
    board.off()
    board.put({"/lock/journal": b"damaged"})
    board.slot("b", board.variant())
    board.say("b", ON_TRIAL, STARTS)
    board._provision = None
    assert not board.on()["provisioned"]
    board.wait(200)
    assert board.all("confirmed") == []


def test_without_slot_the_first_whole_one_runs(board):
    board.disk(remove=["/slot"])
    assert board.on()["provisioned"]
    board.off()
    board.slot("b", board.variant())
    board.put({"/a/tumbler_lock/core/zone.mpy": b"damaged"})
    assert board.starts() == 1
    board.off()
    assert board.record() is None


def test_a_settled_slot_that_is_damaged_gives_way(board):
    board.slot("b", board.variant())
    board.say("a", SETTLED, 0)
    board.put({"/a/tumbler_lock/core/zone.mpy": b"damaged"})
    assert board.starts() == 2
    board.off()
    assert board.record() == Selection("b", SETTLED, 0)


@pytest.mark.parametrize("at", sampled([1, 3], range(1, 7)))
def test_power_cuts_in_the_starts_of_a_trial_that_fails(board, at):
    """The real loader: whichever flash operation of its starts is cut, it comes back to the slot before."""
    board.say("a", SETTLED, 0)
    board.on()
    board.off()
    board.slot("b", board.variant(lock=RAISES))
    board.say("b", ON_TRIAL, STARTS)
    ends = [board.ends("on", cut=at) for _ in range(STARTS)]
    assert "" not in ends
    assert board.starts() <= STARTS + 1
    assert board.press(board.code() + "#") == "open opened"
    board.off()
    assert board.record() == Selection("a", SETTLED, 0)


def test_while_the_loaders_folder_is_changed_the_old_one_is_taken(board):
    board.say("a", SETTLED, 0)
    parts = {path: data for path, data in loader().items() if path.startswith("loader/")}
    board.put({f"/loader_old/{path.partition('/')[2]}": data for path, data in parts.items()})
    board.disk(remove=[f"/{path}" for path in parts])
    micropython.run(
        "import sys, os, vfs\nfrom tumbler.simulator.board.flash import SimulatedFlash\n"
        "vfs.mount(vfs.VfsLfs2(SimulatedFlash(%r, %d, None)), '/disk')\nos.rmdir('/disk/loader')\nvfs.umount('/disk')\n"
        % (str(board.flash), SLOTS_KIB)
    )
    assert board.on()["provisioned"]


# Over the radio


def signed(update):
    """The same update with the maker's signature."""
    return update.signed(maker().sign(update.message))


@pytest.fixture
def updatable(board):
    board.say("a", SETTLED, 0)
    board.on()
    board.wait(1)
    return board


def new(board):
    """An update of which a module of some KB is new."""
    return signed(board.variant(lock=SOUND["lock"] + "\nNEWS = '%s'\n" % ("what is new " * 250)))


def test_an_update_over_the_radio_from_begin_to_confirmed(updatable):
    board, update = updatable, new(updatable)
    manifest = bytes(update.manifest.data)
    phone = Phone(board).connect(psk=PSK)
    assert begin(phone, manifest) == "done"
    changed = [name for name in update.contents if update.contents[name] != board.base.contents[name]]
    assert status(phone)[6] == sum(len(update.contents[name]) for name in changed)  # the rest is copied
    number, offset = status(phone)[4:6]
    first = update.contents[sorted(update.contents)[number]]
    piece(phone, sha(manifest), number, offset, first[:200])
    assert board.press(board.code() + "#") == "open opened"  # the keypad works meanwhile
    assert send(phone, sha(manifest), update.contents) > 20
    assert finish(phone, sha(manifest)) == "done"
    assert restarts(board)
    assert board.record() == Selection("b", ON_TRIAL, STARTS)
    assert board.disk(read=["/a/manifest"])["/a/manifest"] == bytes(board.base.manifest.data).hex()
    board.on()
    board.wait(1)
    phone = Phone(board, name="again").connect(psk=PSK)
    assert status(phone)[:3] == (4, "b", (0, 2, 0))
    board.ask("radio", op="disconnect", conn=1)
    board.wait(70)
    assert len(board.all("confirmed")) == 1
    assert board.press(board.code() + "#") == "refused already-used"
    board.off()
    assert board.record() == Selection("b", SETTLED, 0)


def goes_on(board, update, cut=0):
    """Bring the update from wherever the lock is with it to the restart; "" then, or how the board stopped before. cut:
    at which flash operation of finish."""
    manifest = bytes(update.manifest.data)
    try:
        phone = Phone(board, name=f"at {board.now_ms}").connect(psk=PSK)
        if status(phone)[3] != sha(manifest):
            assert begin(phone, manifest) == "done"
        send(phone, sha(manifest), update.contents)
        if cut:
            board.ask("cut", n=cut)
        assert finish(phone, sha(manifest)) == "done"
    except BoardStopped as stopped:
        board.gone()
        return "cut" if stopped.cut else "reset"
    assert restarts(board)
    return ""


def confirms(board):
    """Start, and see the update confirmed."""
    board.on()
    board.wait(70)
    assert len(board.all("confirmed")) == 1
    board.off()
    assert board.record() == Selection("b", SETTLED, 0)


@pytest.mark.parametrize("cut", sampled([2, 700], range(1, 2000, 90)))
def test_an_update_over_the_radio_that_loses_its_power_goes_on(updatable, cut):
    """The power fails at a flash operation, one of some 2,000; the lock starts as it was, and the update continues."""
    board, update = updatable, new(updatable)
    board.ask("cut", n=cut)
    assert goes_on(board, update) == "cut"
    assert board.record() == Selection("a", SETTLED, 0)
    board.on()
    board.wait(1)
    assert goes_on(board, update) == ""
    confirms(board)


@pytest.mark.parametrize("cut", sampled([3, 7], range(1, 10)))
def test_a_finish_that_loses_its_power_is_done_or_not(updatable, cut):
    board, update = updatable, new(updatable)
    assert goes_on(board, update, cut) == "cut"
    if board.record() == Selection("a", SETTLED, 0):
        board.on()
        board.wait(1)
        assert goes_on(board, update) == ""
    confirms(board)
