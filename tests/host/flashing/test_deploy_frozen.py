"""A board whose MicroPython has the firmware inside: deploy, from slots and back, provision, self-test, the start.

A folder on sys.path takes the place of what is frozen. What a start runs is judged by the reader of
tests/host/flashing/test_deploy.py: a loader that is there runs a slot, and only without one the firmware inside is
found.
"""

import pytest

from tests.firmware.app.test_ble_server import PSK, Phone
from tests.firmware.app.test_update_trial import Slotted
from tests.host.cli.test_custom_build import start_files
from tests.host.flashing.test_deploy import (
    KIB,
    on_flash,
    power_gone_at_operations,
    pulled_between_commands,
    put,
    small,
    starts,
)
from tests.host.flashing.test_provision import memory, results
from tests.support import boards
from tests.support.board_at_port import BoardAtPort
from tests.support.micropython import ROOT
from tests.support.owner_tool import NOW, done, refused, tumbler
from tests.support.parts_at_port import RADIO, parts
from tumbler.errors import ToolError
from tumbler.flashing import file_system, frozen
from tumbler.flashing.bundle import Bundle
from tumbler.flashing.console import Console
from tumbler.flashing.packages import Package
from tumbler.flashing.provision import firmware_slot
from tumbler.flashing.target import Target
from tumbler.registry.registry import Registry
from tumbler.updates.update_file import LOADER
from tumbler_lock import VERSION
from tumbler_lock.core.boot_slots import ON_TRIAL, Selection, pack
from tumbler_lock.core.protocol import UPDATE_STATUS

INSIDE = "the firmware inside"


def folder_of(path, version=VERSION):
    """What is frozen into a MicroPython, as a folder; with a firmware of that version."""
    files = frozen.files()
    files["tumbler_frozen.py"] = files["tumbler_frozen.py"].replace(VERSION.encode(), version.encode())
    frozen.write(path, files)
    return path


@pytest.fixture(scope="module")
def inside(tmp_path_factory):
    return folder_of(tmp_path_factory.mktemp("image") / "inside")


@pytest.fixture
def target(tmp_path):
    return Target.load(boards.make(tmp_path / "board"))


@pytest.fixture
def board(tmp_path, inside):
    with BoardAtPort(tmp_path / "flash.img", KIB, inside=inside) as found:
        yield found


def runs(files):
    """What a start runs on a board with the firmware inside; None when there is no whole main.py."""
    loaders = {name.partition("/")[0] for name in files} & {"loader", "loader_old"}
    if not loaders:
        return INSIDE if files.get("main.py") else None
    place = "loader" if "loader" in loaders else "loader_old"
    found = {name.removeprefix(f"{place}/") for name in files if name.startswith(f"{place}/")}
    assert found == {f"{module}.mpy" for module in LOADER}, "a loader that is used is whole"
    return starts(files)


# Deploy


def test_an_empty_board_gets_what_it_lacks_and_a_second_deploy_sends_nothing(board, target):
    bundle = Bundle.build(target)
    report = put(board, target, bundle)
    assert on_flash(board) == start_files(target)
    assert (report.version, report.slot, report.trial, report.removed) == (VERSION, "", False, [])
    before = board.image.read_bytes()
    assert not put(board, target, bundle).changed
    assert board.image.read_bytes() == before


def test_a_new_board_file_alone_is_sent(board, tmp_path, target):
    put(board, target, small(tmp_path, target))
    second = Target.load(boards.make(tmp_path / "two", watchdog_ms=9000))
    report = put(board, second, small(tmp_path, second))
    assert (report.sent_files, report.removed) == (["/board.json"], [])
    assert on_flash(board) == start_files(second)


def test_the_command_tells_both_versions_and_what_to_do(tmp_path):
    words = ["deploy", "--board", boards.make(tmp_path / "board"), "--port"]
    for version, other in ((VERSION, False), ("1.7.0", True)):
        with BoardAtPort(tmp_path / "flash.img", KIB, inside=folder_of(tmp_path / "inside", version)) as board:
            status, out, err = tumbler(*words, board.port)
            assert (status, err) == (0, "")
            assert f"part of this board's MicroPython: version {version}" in out
            assert (f"This source is {VERSION}" in out) == other
            assert ("tumbler custom-build" in out) == other
            board.power()
            told = done(*words, board.port)
            assert (told["firmware"], told["slot"], told["sent_files"], told["removed"]) == (version, "", [], [])


def test_a_key_for_updates_is_refused(board, tmp_path):
    key = tmp_path / "update.pub"
    key.write_bytes(bytes(56))
    words = ("deploy", "--board", boards.make(tmp_path / "board"), "--port", board.port, "--update-key", key)
    assert "no updates over the link" in refused(*words)
    assert on_flash(board) == {}


# From slots to the firmware inside


def slotted(tmp_path, target, version="0.0.9"):
    """The files of a lock with two slots, the second on trial, whose memory and key of updates must stay."""
    package = Package("1", {"aioble/__init__.mpy": b"old", "aioble/version": b"1\n"})
    first = small(tmp_path, target, version, aioble=package, main="import old")
    files = first.files()
    files.update({name.replace("a/", "b/", 1): data for name, data in files.items() if name.startswith("a/")})
    files["slot"] = pack(Selection("b", ON_TRIAL, 2))
    return first, {**files, "lock/journal": b"memory", "update.pub": bytes(56)}


def test_slots_give_way_to_the_firmware_inside(board, tmp_path, target, monkeypatch):
    _, files = slotted(tmp_path, target)
    board.off()
    board.image.write_bytes(file_system.make(files, KIB * 1024))
    board.power()
    do, told = Console.do, []

    def noted(self, script, *words):
        told.append(words)
        do(self, script, *words)

    monkeypatch.setattr(Console, "do", noted)
    report = put(board, target, small(tmp_path, target))
    loader, slot = (next(words for words in told if path in words) for path in ("/loader", "/a"))
    assert loader == ("rename", "/loader", "/loader_new"), "in one step"
    assert told.index(loader) < told.index(slot)
    assert report.removed == ["/loader", "/slot", "/a", "/b", "/lib/aioble"]
    assert on_flash(board) == {**start_files(target), "lock/journal": b"memory", "update.pub": bytes(56)}
    assert not put(board, target, small(tmp_path, target)).changed


def test_a_newer_firmware_in_a_slot_that_runs_gives_way_only_to_a_word(board, tmp_path, target):
    _, files = slotted(tmp_path, target, "9.0.0")
    board.off()
    before = file_system.make(files, KIB * 1024)
    board.image.write_bytes(before)
    board.power()
    with pytest.raises(ToolError, match=f"the firmware 9.0.0, newer than {VERSION} that is part of its MicroPython"):
        put(board, target, small(tmp_path, target))
    assert board.image.read_bytes() == before
    board.power()
    put(board, target, small(tmp_path, target), downgrade=True)
    assert runs(on_flash(board)) == INSIDE


@pytest.mark.parametrize("loader", ["loader", "loader_old"])
def test_the_power_may_go_in_every_operation_of_the_flash(board, tmp_path, target, loader):
    """Also when a deploy to slots was cut before: between its two renames of the loader, or behind them."""
    first, files = slotted(tmp_path, target)
    for name, data in list(files.items()):
        if name.startswith("loader/"):
            files[name.replace("loader/", "loader_new/")] = b"half"
            files[name.replace("loader/", "loader_old/")] = data
            if loader != "loader":
                del files[name]
    bundle = small(tmp_path, target)
    before = file_system.make(files, KIB * 1024)
    seen = set()
    for cut in power_gone_at_operations(board, before, target, bundle, (loader, 5)):
        found = on_flash(board)
        at_start = runs(found)
        assert at_start in (INSIDE, ("b", first.slot)), f"cut {cut}"
        assert found["lock/journal"] == b"memory"
        for name, data in start_files(target).items():
            assert found[name] in (data, first.start[name]), f"cut {cut}: {name}"
        seen.add(at_start == INSIDE)
        board.power()
        put(board, target, bundle)
        assert on_flash(board) == {**start_files(target), "lock/journal": b"memory", "update.pub": bytes(56)}
    assert seen == {False, True}


def test_the_cable_may_be_pulled_between_any_two_commands(board, tmp_path, target, monkeypatch):
    first, files = slotted(tmp_path, target)
    bundle = small(tmp_path, target)
    before = file_system.make(files, KIB * 1024)
    for commands in pulled_between_commands(monkeypatch, board, before, target, bundle, (8, 6)):
        assert runs(on_flash(board)) in (INSIDE, ("b", first.slot)), f"{commands} commands"


# And back


def test_a_stock_image_again_and_the_power_may_go_in_every_operation(board, tmp_path, target):
    """Nothing runs until the slot is there, and then it is whole; the memory stays."""
    board.off()
    board.inside = ""
    before = file_system.make({**start_files(target), "lock/journal": b"memory"}, KIB * 1024)
    bundle = small(tmp_path, target)
    for cut in power_gone_at_operations(board, before, target, bundle, (9, 5)):
        found = on_flash(board)
        if any(name.startswith("loader/") for name in found):
            assert starts(found) == ("a", bundle.slot), f"cut {cut}"
        assert found["main.py"] in (start_files(target)["main.py"], bundle.start["main.py"])
        board.power()
        put(board, target, bundle)
        found = on_flash(board)
        wanted = {**bundle.files(), "lock/journal": b"memory"}
        assert found == wanted, f"cut {cut}"


# Provision, self-test, and the whole lock


@pytest.fixture
def built(tmp_path, inside):
    """A board with parts, the firmware inside and what a flash puts beside it."""
    target = Target.load(boards.make(tmp_path / "board"))
    image = tmp_path / "flash.img"
    image.write_bytes(file_system.for_target(Bundle.beside(target, VERSION).files(), target))
    with BoardAtPort(image, 2048, parts(boards.description(), NOW, more=RADIO), inside=inside) as board:
        yield board


def test_a_board_with_the_firmware_inside_becomes_a_lock(built, tmp_path):
    assert done("provision", "cabin", "--port", built.port, "--timezone", "UTC")["new"] is True
    built.off()
    with Registry.open() as registry:
        store = memory(built, tmp_path)
        assert store.secret == registry.lock("cabin").secret
    assert len(store.keys) == 1


def test_the_self_test_of_a_board_with_the_firmware_inside(built):
    _, found, _ = results(built, keypad=False)
    assert found["clock"][0]
    assert found["bolt"][0]
    assert found["radio"][1].startswith("address 000102030405, aioble")


def test_slots_that_run_are_used_even_with_a_firmware_inside(tmp_path, target, inside):
    _, files = slotted(tmp_path, target)
    image = tmp_path / "flash.img"
    image.write_bytes(file_system.make(files, KIB * 1024))
    with BoardAtPort(image, KIB, inside=inside) as board:
        with Console(board.port) as console:
            assert firmware_slot(console) == "a", "b is on trial"
        board.power()
        put(board, target, small(tmp_path, target))
        with Console(board.port) as console:
            assert firmware_slot(console) == ""


def test_the_whole_lock_starts_from_the_firmware_inside_and_has_its_radio(tmp_path, inside):
    files = start_files(Target.load(boards.make(tmp_path / "board")))
    files["board.json"] = (ROOT / "boards" / "virtual" / "board.json").read_bytes()
    image = tmp_path / "image"
    image.write_bytes(file_system.make(files, 2048 * 1024, ("lock",)))
    with Slotted(tmp_path, None, image) as board:
        assert board.on(inside=str(inside))["provisioned"]
        assert board.press(board.code() + "#") == "open opened"
        board.wait(5)
        assert [told for told in board.air if told["op"] == "advertise"]
        assert Phone(board).connect(psk=PSK).ask(UPDATE_STATUS)[0] == "no-updates"
        board.off()
        assert board.record() is None, "it has no slots"
