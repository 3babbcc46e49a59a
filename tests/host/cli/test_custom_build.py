"""`tumbler custom-build`, and images of MicroPython with the firmware inside: the folder, the mark, flash and image.

The mark as MicroPython's build leaves it: a constant of a module, compiled, in the image as it is.
"""

import hashlib
import json

import pytest

from tests.host.cli.test_flash_commands import aioble
from tests.support import boards
from tests.support.chip_at_port import ChipAtPort
from tests.support.micropython import ROOT
from tests.support.owner_tool import done, refused, tumbler
from tumbler.errors import ToolError
from tumbler.flashing import file_system, frozen, micropython_image
from tumbler.flashing.bundle import Bundle
from tumbler.flashing.flash import flash
from tumbler.flashing.target import Target
from tumbler.registry.registry import home
from tumbler.updates.update_file import compile_source
from tumbler_lock import VERSION

MARK = "Tumbler firmware 1.2.3 in MicroPython"
SHARED = 10  # bytes of a text that MicroPython makes a shared name of when it is frozen (tools/mpy-tool.py)


def held(folder):
    """Every file below a folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


def start_files(target):
    """What a board needs besides such a MicroPython, from the sources."""
    files = {name: (ROOT / "firmware" / name).read_bytes() for name in ("boot.py", "main.py")}
    return {**files, "board.json": target.text}


def manifest(folder):
    """What MicroPython's build takes for a manifest, reckoned by its documentation: files, and what else is named."""
    files, named = {}, []

    def package(name, opt=None):
        found = {path.relative_to(folder).as_posix(): opt for path in (folder / name).rglob("*.py")}
        assert found, name
        files.update(found)

    def module(name, opt=None):
        assert (folder / name).is_file()
        files[name] = opt

    words = {"include": named.append, "require": named.append, "package": package, "module": module}
    exec((folder / "manifest.py").read_text(encoding="utf-8"), words)
    return files, named


# The folder


def test_the_folder_holds_the_firmware_and_the_same_sources_give_the_same_bytes(tmp_path):
    told = done("custom-build", "--board", "esp32-devkitc", "-o", tmp_path / "one")
    done("custom-build", "--board", "esp32c3-devkitm", "-o", tmp_path / "two")
    files = held(tmp_path / "one")
    assert files == held(tmp_path / "two")
    folder = ROOT / "firmware"
    wanted = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.glob("tumbler_lock/**/*.py")}
    assert {name: data for name, data in files.items() if name.startswith("tumbler_lock/")} == wanted
    assert set(files) - set(wanted) == {"manifest.py", "tumbler_frozen.py"}
    assert (told["folder"], told["firmware"], told["esp_idf"]) == (str(tmp_path / "one"), VERSION, "5.5.1")


def test_its_manifest_freezes_every_file_and_what_a_stock_image_has(tmp_path):
    done("custom-build", "--board", "esp32-devkitc", "-o", tmp_path / "all")
    files, named = manifest(tmp_path / "all")
    assert named == ["$(PORT_DIR)/boards/manifest.py", "aioble-peripheral", "aioble-server"]
    assert set(files) == set(held(tmp_path / "all")) - {"manifest.py"}
    assert set(files.values()) == {3}, "as the slots have it: no line numbers, no assertions"


def test_aioble_is_copied_when_it_is_named(tmp_path):
    source = aioble(tmp_path / "lib")
    for part in ("device", "peripheral", "server", "client"):
        (source / "aioble" / f"{part}.py").write_text(f"# {part}\n", encoding="utf-8")
    done("custom-build", "--board", "esp32-devkitc", "-o", tmp_path / "all", "--aioble", source)
    files, named = manifest(tmp_path / "all")
    assert named == ["$(PORT_DIR)/boards/manifest.py"]
    assert {name for name in files if name.startswith("aioble/")} == {
        f"aioble/{part}.py" for part in ("__init__", "core", "device", "peripheral", "server")
    }
    assert '__version__ = "0.6.2"' in (tmp_path / "all" / "aioble" / "__init__.py").read_text(encoding="utf-8")
    (source / "aioble" / "server.py").unlink()
    assert "server.py cannot be read" in refused(
        "custom-build", "--board", "esp32-devkitc", "-o", tmp_path / "other", "--aioble", source
    )


def test_a_folder_is_made_anew_and_nothing_else_is_overwritten(tmp_path):
    words = ("custom-build", "--board", "esp32-devkitc", "-o", tmp_path / "all")
    done(*words)
    before = held(tmp_path / "all")
    (tmp_path / "all" / "tumbler_lock" / "old.py").write_text("OLD = 1\n", encoding="utf-8")
    done(*words)
    assert held(tmp_path / "all") == before
    mine = tmp_path / "mine"
    mine.mkdir()
    done(*words[:-1], mine)  # an empty one is as good as none
    other = tmp_path / "other"
    other.mkdir()
    (other / "letter.txt").write_text("dear", encoding="utf-8")
    assert "has other files in it" in refused(*words[:-1], other)
    assert "has a space in it" in refused(*words[:-1], tmp_path / "a folder")
    assert held(other) == {"letter.txt": b"dear"}


def test_it_tells_the_commands_of_the_build(tmp_path):
    right = boards.description()["micropython"]
    board = boards.make(tmp_path / "board", micropython={**right, "build": "ESP32_GENERIC-SPIRAM"})
    status, out, _ = tumbler("custom-build", "--board", board, "-o", tmp_path / "all")
    assert status == 0
    told = done("custom-build", "--board", board, "-o", tmp_path / "all")
    assert told["commands"][0].startswith("git clone --depth 1 --branch v1.28.0 ")
    assert told["commands"][-1] == (
        "make -C micropython/ports/esp32 BOARD=ESP32_GENERIC BOARD_VARIANT=SPIRAM"
        f" FROZEN_MANIFEST={tmp_path / 'all' / 'manifest.py'}"
    )
    assert told["image"] == "micropython/ports/esp32/build-ESP32_GENERIC-SPIRAM/firmware.bin"
    for line in (*told["commands"], told["image"], "ESP-IDF 5.5.1"):
        assert line in out


# The mark


def test_the_mark_is_found_in_what_is_compiled_and_in_nothing_else(tmp_path):
    for name, data in frozen.files().items():
        (tmp_path / "source.py").write_bytes(data)
        if name != "manifest.py":
            found = frozen.version_in(compile_source(tmp_path / "source.py", name))
            assert found == (VERSION if name == "tumbler_frozen.py" else None), name
    assert frozen.version_in(boards.micropython()) is None
    assert frozen.version_in(boards.micropython(inside=MARK)) == "1.2.3"
    assert len(frozen.MARK) > SHARED


# Flash and image


@pytest.fixture
def target(tmp_path):
    return Target.load(boards.make(tmp_path / "board"))


@pytest.fixture
def image(tmp_path):
    path = tmp_path / "firmware.bin"
    path.write_bytes(boards.micropython(inside=MARK))
    return path


def test_an_empty_board_gets_the_image_and_a_file_system_without_slots(tmp_path, target, image):
    with ChipAtPort() as chip:
        told = done("flash", "--board", tmp_path / "board", "--port", chip.port, "--image", image)
        assert (told["firmware"], told["inside"], told["aioble"], told["notes"]) == ("1.2.3", "1.2.3", None, [])
        assert file_system.read(bytes(chip.flash[target.vfs_offset :])) == start_files(target)
        data = image.read_bytes()
        assert chip.flash[target.image_offset :][: len(data)] == data


def test_a_lock_keeps_its_file_system(target, image):
    lock = file_system.make({"lock/journal": b"secret", "slot": b"some"}, target.vfs_size)
    bundle = Bundle.beside(target, "1.2.3")
    with ChipAtPort() as chip:
        chip.flash[target.vfs_offset :] = lock
        assert flash(chip.port, target, image.read_bytes(), bundle, lambda *_: None).firmware is None
        assert chip.flash[target.vfs_offset :] == lock
        assert flash(chip.port, target, image.read_bytes(), bundle, lambda *_: None, erase=True).firmware == "1.2.3"
        assert file_system.read(bytes(chip.flash[target.vfs_offset :])) == start_files(target)


def test_no_two_builds_are_the_same_and_none_is_taken_for_a_stock_image_that_was_changed(tmp_path, target, image):
    stock = tmp_path / "stock.bin"
    stock.write_bytes(boards.micropython())
    micropython_image.remember(stock.read_bytes(), target)
    record = home() / micropython_image.RECORD
    known = record.read_bytes()
    for more in (0, 4, 8):
        image.write_bytes(boards.micropython(inside=MARK, more=more))
        assert micropython_image.read(image, target) == image.read_bytes()
        micropython_image.remember(image.read_bytes(), target)
        assert record.read_bytes() == known
    stock.write_bytes(boards.micropython(more=4))
    with pytest.raises(ToolError, match="not the known image"):
        micropython_image.read(stock, target)


@pytest.mark.parametrize("how", [{"chip": 9}, {"version": "1.27.0"}, {"partitions": ()}, {"more": 0x1F0000}])
def test_everything_else_of_it_is_checked(target, image, how):
    image.write_bytes(boards.micropython(inside=MARK, **how))
    with pytest.raises(ToolError, match="image"):
        micropython_image.read(image, target)


def test_it_is_said_that_it_is_a_build_of_ones_own(tmp_path, image):
    words = ("--board", tmp_path / "board", "--micropython", image, "-o", tmp_path / "out.bin")
    boards.make(tmp_path / "board")
    status, out, err = tumbler("image", *words)
    assert (status, err) == (0, "")
    digest = hashlib.sha256(image.read_bytes()).hexdigest()
    assert f"a build of your own with the firmware 1.2.3 inside (SHA-256 {digest[:16]}" in out
    assert "Leave --aioble and --mip out" in refused("image", *words, "--aioble", aioble(tmp_path / "lib"))


def test_a_factory_image_with_the_firmware_inside(tmp_path, target, image):
    written = []
    for name in ("one.bin", "two.bin"):
        words = ("--board", tmp_path / "board", "--micropython", image, "-o", tmp_path / name)
        assert done("image", *words)["inside"] == "1.2.3"
        written.append((tmp_path / name).read_bytes())
    assert written[0] == written[1]
    assert file_system.read(written[0][target.vfs_offset :]) == start_files(target)


# Boards without external RAM


@pytest.mark.parametrize(
    ("changes", "inside", "told"),
    [
        ({"psram": None}, "", True),
        ({"psram": "none"}, "", True),
        ({"psram": "quad"}, "", False),
        ({"radio": None}, "", False),
        ({"psram": "none"}, MARK, False),
    ],
)
def test_a_stock_image_on_a_board_without_external_ram_is_said_to_have_no_bluetooth(tmp_path, changes, inside, told):
    text = (ROOT / "boards" / "esp32s3-devkitc" / "board.json").read_text(encoding="utf-8")
    description = {name: value for name, value in {**json.loads(text), **changes}.items() if value is not None}
    if "psram" in changes:
        description["micropython"]["build"] = "ESP32_GENERIC_S3"
    path = tmp_path / "board.json"
    path.write_text(json.dumps(description), encoding="utf-8")
    image = tmp_path / "image.bin"
    image.write_bytes(boards.micropython("esp32s3", inside=inside))
    words = ("image", "--board", path, "--micropython", image, "-o", tmp_path / "out.bin")
    status, out, err = tumbler(*words)
    assert status == 0, err
    assert err.count("no Bluetooth") == told, "once, and not as an error"
    assert "no Bluetooth" not in out
    assert err.count("Note: This board has no external RAM") == told
    assert ("without aioble" in out) == (not told and not inside), "the radio is spoken of once"
    assert len(done(*words)["notes"]) == told
    if not inside:
        for command in ("check", "show"):
            status, _, err = tumbler("board", command, path)
            assert status == 0
            assert err.count("no Bluetooth") == told, command
            assert len(done("board", command, path)["notes"]) == told
