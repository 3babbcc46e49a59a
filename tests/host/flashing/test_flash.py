"""`tumbler flash`: the real esptool against a stand-in of the chip's start code; factory images."""

import hashlib
import re
import subprocess
import sys

import pytest

from tests.support import boards
from tests.support.chip_at_port import ChipAtPort
from tests.support.micropython import ROOT, run
from tests.support.owner_tool import done
from tumbler.errors import ToolError
from tumbler.flashing import file_system, micropython_image
from tumbler.flashing.bundle import Bundle
from tumbler.flashing.flash import flash
from tumbler.flashing.target import Target, known
from tumbler.registry.registry import home

FIRST = 8192


@pytest.fixture(scope="module")
def bundle():
    """The firmware of this repository, compiled once."""
    return Bundle.build(Target.load("esp32-devkitc"))


def target(tmp_path, **changed):
    return Target.load(boards.make(tmp_path / "board", **changed))


def image_at(tmp_path, **how):
    path = tmp_path / "micropython.bin"
    path.write_bytes(boards.micropython(**how))
    return path


# The image


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"chip": 9}, "for esp32s3, the board 'bench' has an esp32"),
        ({"chip": 77}, "for the chip number 77"),
        ({"version": "1.27.0"}, "is MicroPython 1.27.0; 'bench' was checked with 1.28.0"),
        ({"version": "1.28.0-preview.12"}, "is MicroPython 1.28.0-preview.12"),
        ({"partitions": ()}, "no partition table"),
        ({"partitions": (boards.NVS, ("factory", 0, 0, 0x10000, 0x180000))}, "file system at 0x190000 with 2496 KiB"),
        ({"partitions": (boards.FACTORY, ("vfs", 1, 0x81, 0x200000, 0x100000))}, "0x200000 with 1024 KiB"),
        ({"more": 0x1F0000}, "overlaps the file system"),
    ],
)
def test_an_image_that_is_not_the_boards_is_refused_with_what_to_fetch(tmp_path, how, words):
    with pytest.raises(ToolError, match=re.escape(words)) as refused:
        micropython_image.read(image_at(tmp_path, **how), target(tmp_path))
    assert "ESP32_GENERIC-SPIRAM-DATE-v1.28.0.bin" in refused.value.remedy


@pytest.mark.parametrize("data", [b"", b"\xe9", b"text" * 100, bytes(100_000)])
def test_what_is_no_image_is_refused(tmp_path, data):
    path = tmp_path / "x.bin"
    path.write_bytes(data)
    with pytest.raises(ToolError, match="not an image for an ESP32"):
        micropython_image.read(path, target(tmp_path))


def test_a_partition_of_its_own_for_the_file_system_is_as_good(tmp_path):
    path = image_at(tmp_path, partitions=(boards.NVS, boards.FACTORY, ("vfs", 1, 0x81, 0x200000, 0x200000)))
    assert micropython_image.read(path, target(tmp_path)) == path.read_bytes()


def test_the_first_image_is_remembered_and_another_one_refused(tmp_path):
    path = image_at(tmp_path)
    micropython_image.read(path, target(tmp_path))
    assert not (home() / micropython_image.RECORD).exists(), "it was only looked at"
    micropython_image.remember(path.read_bytes(), target(tmp_path))
    micropython_image.read(path, target(tmp_path))
    path.write_bytes(path.read_bytes() + b"\xff")
    with pytest.raises(ToolError, match=r"not the known image ESP32_GENERIC-SPIRAM 1\.28\.0"):
        micropython_image.read(path, target(tmp_path))


def test_a_digest_in_the_description_is_what_counts(tmp_path):
    path = image_at(tmp_path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    pinned = {"build": boards.BUILD, "version": boards.VERSION, "sha256": digest}
    assert micropython_image.read(path, target(tmp_path, micropython=pinned))
    pinned["sha256"] = "0" * 64
    with pytest.raises(ToolError, match=r"board\.json"):
        micropython_image.read(path, target(tmp_path, micropython=pinned))


# The chip


@pytest.mark.parametrize("board", known())
def test_an_empty_board_gets_micropython_and_a_file_system_with_the_firmware(bundle, board):
    where = Target.load(board)
    data = boards.micropython(where.mcu)
    with ChipAtPort(where.mcu, where.flash_size, mac=bytes([2, 0, 0, 0, 0, 7])) as chip:
        report = flash(chip.port, where, data, bundle, lambda *_: None)
        assert report.mac == "020000000007"
        assert report.firmware == bundle.version
        assert chip.flash[where.image_offset :][: len(data)] == data
        assert file_system.read(bytes(chip.flash[where.vfs_offset :])) == bundle.files()
        assert chip.erased == 0


def test_a_lock_keeps_its_file_system_unless_it_is_erased(tmp_path, bundle):
    where = target(tmp_path)
    lock = file_system.make({"lock/journal": b"secret"}, where.vfs_size)
    with ChipAtPort() as chip:
        chip.flash[where.vfs_offset :] = lock
        report = flash(chip.port, where, boards.micropython(), bundle, lambda *_: None)
        assert report.firmware is None
        assert chip.flash[where.vfs_offset :] == lock
        report = flash(chip.port, where, boards.micropython(), bundle, lambda *_: None, erase=True)
        assert report.firmware == bundle.version
        assert chip.erased == 1
        assert "lock/journal" not in file_system.read(bytes(chip.flash[where.vfs_offset :]))


def test_another_chip_or_flash_is_refused_before_anything_is_written(tmp_path, bundle):
    wrong = (("esp32c3", 4, "is an ESP32-C3; 'bench' has an ESP32"), ("esp32", 2, "has 2MB; 'bench' has 4 MB"))
    for mcu, size, words in wrong:
        with ChipAtPort(mcu, size << 20) as chip:
            with pytest.raises(ToolError, match=re.escape(words)):
                flash(chip.port, target(tmp_path), boards.micropython(), bundle, lambda *_: None, erase=True)
            assert not chip.erased
            assert chip.flash == b"\xff" * len(chip.flash)


def test_a_chip_whose_download_is_locked_is_refused_in_words(tmp_path, bundle):
    where = Target.load("esp32c3-devkitm")
    with ChipAtPort("esp32c3", where.flash_size, locked=True) as chip:
        with pytest.raises(ToolError, match="was locked for good"):
            flash(chip.port, where, boards.micropython("esp32c3"), bundle, lambda *_: None)
        assert chip.flash == b"\xff" * len(chip.flash)


def test_a_port_without_a_chip_is_an_error_in_words(tmp_path, bundle):
    with pytest.raises(ToolError, match="cannot be opened: no such file") as raised:
        flash(str(tmp_path / "no-such-port"), target(tmp_path), boards.micropython(), bundle, lambda *_: None)
    assert "BOOT" not in str(raised.value)


def test_a_file_system_that_was_cut_is_written_again(tmp_path, bundle):
    """Its first blocks are written last: cut anywhere, they are blank. MicroPython comes after: it would fill them."""
    where = target(tmp_path)
    with ChipAtPort() as chip:
        chip.flash[where.vfs_offset + FIRST :][:10] = b"0123456789"
        written = []

        def cut(what, done, of):
            written.append(what)
            if what == "file system" and done:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            flash(chip.port, where, boards.micropython(), bundle, cut)
        assert chip.flash[where.vfs_offset :][:FIRST] == b"\xff" * FIRST
        assert chip.flash[where.vfs_offset + FIRST :].strip(b"\xff")
        assert chip.flash[: where.vfs_offset] == b"\xff" * where.vfs_offset
        report = flash(chip.port, where, boards.micropython(), bundle, lambda *_: None)
        assert report.firmware == bundle.version
        assert file_system.read(bytes(chip.flash[where.vfs_offset :])) == bundle.files()


# The factory image


@pytest.mark.parametrize("board", known())
def test_a_factory_image_holds_micropython_and_every_file(bundle, board):
    where = Target.load(board)
    data = boards.micropython(where.mcu)
    image = file_system.factory(data, bundle.files(), where)
    assert len(image) == where.flash_size
    assert image[where.image_offset :][: len(data)] == data
    assert image[: where.image_offset] == b"\xff" * where.image_offset
    assert file_system.read(image[where.vfs_offset :]) == bundle.files()


def test_the_same_inputs_give_the_same_bytes(tmp_path):
    board = boards.make(tmp_path / "board")
    path = image_at(tmp_path)
    images = []
    for name in ("one.bin", "two.bin"):
        told = done("image", "--board", board, "--micropython", path, "-o", tmp_path / name)
        assert told["bytes"] == 4 * boards.MIB
        images.append((tmp_path / name).read_bytes())
    assert images[0] == images[1]


def esptool(*words):
    """Run esptool's command as a person would."""
    line = [sys.executable, "-m", "esptool", *map(str, words)]
    return subprocess.run(line, capture_output=True, text=True, check=True, timeout=60).stdout


def test_esptools_own_tools_make_the_same_image_and_find_it_right(tmp_path, bundle):
    """merge-bin puts the same pieces together; image-info finds the checksum and digest of both programs right."""
    where = target(tmp_path)
    data = boards.micropython()
    image = file_system.factory(data, bundle.files(), where)
    pieces = {"micropython.bin": data, "files.bin": file_system.for_target(bundle.files(), where)}
    for name, piece in pieces.items():
        (tmp_path / name).write_bytes(piece)
    first, second = (tmp_path / name for name in pieces)
    merged = tmp_path / "merged.bin"
    esptool("--chip", "esp32", "merge-bin", "-o", merged, where.image_offset, first, where.vfs_offset, second)
    assert merged.read_bytes() == image
    for at in (where.image_offset, 0x10000):
        part = tmp_path / "program.bin"
        part.write_bytes(image[at:])
        said = esptool("--chip", "esp32", "image-info", part)
        assert said.count("(valid)") == 2, said


def test_micropython_mounts_the_file_system_and_finds_the_same_files(tmp_path, bundle):
    """Real littlefs in the real MicroPython, and what it wrote is read here again."""
    where = target(tmp_path)
    path = tmp_path / "files.img"
    path.write_bytes(file_system.for_target(bundle.files(), where))
    script = f"""
import sys, vfs
sys.path.insert(0, {str(ROOT)!r})
from tumbler.simulator.board.flash import SimulatedFlash
disk = vfs.VfsLfs2(SimulatedFlash({str(path)!r}, {where.vfs_size // 1024}, None))
print(" ".join(sorted([entry[0] for entry in disk.ilistdir("/")])))
with disk.open("/lock/journal", "w") as file:
    file.write("here")
"""
    assert run(script).split() == ["a", "board.json", "boot.py", "loader", "lock", "main.py", "slot"]
    assert file_system.read(path.read_bytes()) == {**bundle.files(), "lock/journal": b"here"}
