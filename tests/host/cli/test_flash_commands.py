"""The commands at the end of a cable, as a person gives them; aioble from a folder, and by mpremote's installer."""

import hashlib
import json
import os
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.support import boards
from tests.support.chip_at_port import ChipAtPort
from tests.support.owner_tool import done, refused, tumbler
from tumbler.errors import ToolError
from tumbler.flashing import file_system, packages
from tumbler.registry.registry import home

MAC = bytes([2, 0, 0, 0, 0, 9])


def aioble(folder, version="0.6.2"):
    """A folder as micropython-lib has it, with a package of two modules."""
    package = folder / "aioble"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("from .core import NAME\n", encoding="utf-8")
    (package / "core.py").write_text("NAME = 'aioble'\n", encoding="utf-8")
    (folder / "manifest.py").write_text(f'metadata(version="{version}")\n', encoding="utf-8")
    return folder


@pytest.fixture
def image(tmp_path):
    path = tmp_path / "micropython.bin"
    path.write_bytes(boards.micropython())
    return path


def test_an_empty_board_in_one_command(tmp_path, image):
    record = home() / "micropython.json"
    refused("flash", "--board", "esp32-devkitc", "--port", tmp_path / "none", "--image", image)
    assert not record.exists(), "nothing was written"
    with ChipAtPort(mac=MAC) as chip:
        words = ("--board", "esp32-devkitc", "--port", chip.port, "--image", image)
        told = done("flash", *words, "--aioble", aioble(tmp_path / "lib"))
        (note,) = told.pop("notes")
        assert "no Bluetooth" in note
        assert told == {"mac": MAC.hex(), "erased": False, "firmware": "0.1.0", "aioble": "0.6.2", "inside": None}
        files = file_system.read(bytes(chip.flash[2 * boards.MIB :]))
        assert files["lib/aioble/version"] == b"0.6.2\n"
        assert files["lib/aioble/core.mpy"][:1] == b"M"
        assert files["board.json"] == (boards.ROOT / "boards" / "esp32-devkitc" / "board.json").read_bytes()
        digest = hashlib.sha256(image.read_bytes()).hexdigest()
        assert json.loads(record.read_text(encoding="utf-8")) == {"ESP32_GENERIC 1.28.0": digest}
        assert done("flash", *words)["firmware"] is None  # its file system stays


def test_without_an_image_it_says_what_to_fetch():
    for port in ((), ("--port", os.devnull)):
        text = refused("flash", "--board", "esp32c3-devkitm", *port)
        assert "MicroPython 1.28.0, build ESP32_GENERIC_C3" in text
        assert "ESP32_GENERIC_C3-DATE-v1.28.0.bin" in text


def test_with_an_image_it_asks_for_the_port(image):
    assert "Add --port" in refused("flash", "--board", "esp32-devkitc", "--image", image)


def test_a_board_that_is_not_flashed_is_refused(image):
    assert "cannot be flashed" in refused("flash", "--board", "virtual", "--port", os.devnull, "--image", image)


def test_an_impossible_board_is_refused_before_anything_is_written(tmp_path, image):
    folder = boards.make(tmp_path / "board", led={"pin": 34})
    with ChipAtPort() as chip:
        assert "34" in refused("flash", "--board", folder, "--port", chip.port, "--image", image)
        assert chip.flash == b"\xff" * len(chip.flash)


def test_wrong_usage_is_two():
    assert tumbler("flash", "--port", os.devnull)[0] == 2
    assert tumbler("provision", "--port", os.devnull)[0] == 2
    assert tumbler("image", "--board", "esp32-devkitc")[0] == 2


def test_monitor_of_no_port_is_an_error_in_words(tmp_path, capfd):
    assert "cannot be opened: no such file" in refused("monitor", "--port", tmp_path / "none")
    assert capfd.readouterr() == ("", "")


def test_a_port_without_permission_says_how_to_get_it(tmp_path, monkeypatch):
    port = tmp_path / "port"
    port.touch()
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    text = refused("monitor", "--port", port)
    assert "permission denied" in text
    assert "group dialout" in text


def test_a_file_is_no_port(tmp_path):
    port = tmp_path / "port"
    port.touch()
    for command in (("selftest",), ("provision", "door", "--timezone", "UTC0")):
        assert "not a serial port" in refused(*command, "--port", port)


def test_a_build_with_a_variant_is_on_the_page_of_its_board():
    text = refused("flash", "--board", "esp32s3-devkitc", "--port", os.devnull)
    assert "ESP32_GENERIC_S3-SPIRAM_OCT-DATE-v1.28.0.bin from micropython.org/download/ESP32_GENERIC_S3 and" in text
    text = refused("flash", "--board", "esp32-devkitc", "--port", os.devnull)
    assert "ESP32_GENERIC-DATE-v1.28.0.bin from micropython.org/download/ESP32_GENERIC and" in text


def test_only_boards_that_can_be_flashed_are_offered():
    text = refused("flash", "--board", "nothing", "--port", os.devnull)
    assert "There is no board 'nothing'." in text
    assert "esp32-devkitc" in text
    assert "virtual" not in text


def test_a_workshop_does_not_begin_anew_what_it_does_not_know(tmp_path, image):
    table = tmp_path / "shop.csv"
    table.write_text("name,timezone\ncabin,UTC\n", encoding="utf-8")
    words = ("workshop", "--board", "esp32-devkitc", "--port", os.devnull, "--image", image, table)
    assert "has no lock 'cabn'" in refused(*words, "--redo", "cabn")


# aioble


def test_a_folder_without_aioble_is_refused(tmp_path):
    with pytest.raises(ToolError, match="aioble is not in"):
        packages.from_folder(tmp_path)


def test_a_package_in_another_encoding_is_compiled_and_one_that_cannot_be_read_named(tmp_path):
    folder = aioble(tmp_path / "lib")
    (folder / "manifest.py").write_bytes(b'metadata(version="0.7.0")  # \xff\n')
    assert packages.from_folder(folder).version == "0.7.0"
    (folder / "aioble" / "broken.py").symlink_to(tmp_path / "nowhere")
    with pytest.raises(ToolError, match=r"broken\.py cannot be read: no such file"):
        packages.from_folder(folder)


@pytest.fixture
def index(tmp_path):
    """A package index on this computer, laid out as mpremote's installer asks for it; yields its address."""
    root = tmp_path / "index"
    files = {
        "aioble/__init__.py": b"from .core import NAME\n__version__ = '0.6.9'\n",
        "aioble/core.py": b"NAME = 'x'\n",
    }
    hashes = []
    for name, data in files.items():
        digest = hashlib.sha256(data).hexdigest()[:8]
        path = root / "file" / digest[:2] / digest
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        hashes.append([name, digest])
    package = root / "package" / "py" / "aioble"
    package.mkdir(parents=True)
    (package / "latest.json").write_text(json.dumps({"v": 1, "version": "0.6.9", "hashes": hashes}), encoding="utf-8")

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(root)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_mip_fetches_once_and_keeps_it(index):
    assert packages.fetched() is None
    package = packages.fetch(index)
    assert package.version == "0.6.9"
    assert sorted(package.compiled) == ["aioble/__init__.mpy", "aioble/core.mpy", "aioble/version"]
    assert packages.fetched() == package


def test_a_failed_fetch_keeps_what_was_there(index):
    package = packages.fetch(index)
    with pytest.raises(ToolError, match="could not be fetched"):
        packages.fetch(f"{index}/nothing")
    assert packages.fetched() == package
    assert [path.name for path in (home() / "packages").iterdir()] == ["aioble"]
