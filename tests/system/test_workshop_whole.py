"""`tumbler workshop` as a whole: real esptool, mpremote and firmware, on the start code's and the prompt's stand-ins.

What it does with states and tables is in tests/host/flashing/test_workshop.py.
"""

import pytest

from tests.support import boards
from tests.support.board_at_port import BoardAtPort
from tests.support.chip_at_port import ChipAtPort
from tests.support.owner_tool import NOW, tumbler
from tests.support.parts_at_port import RADIO, fingers, parts
from tumbler.cli import provision
from tumbler.flashing import file_system
from tumbler.flashing.console import Console
from tumbler.registry.registry import Registry
from tumbler_lock.core.store import Store

KIB = 2048
KEYS = boards.description()["keypad"]["keys"]
GOOD = RADIO + fingers(KEYS)


@pytest.fixture
def bench(tmp_path, monkeypatch):
    """A function that puts a board with these parts on the bench and gives the workshop's command."""
    image = tmp_path / "flash.img"
    (tmp_path / "micropython.bin").write_bytes(boards.micropython())
    (tmp_path / "table.csv").write_text("name,timezone\ncabin,Europe/Berlin\n", encoding="utf-8")
    here = boards.make(tmp_path / "board")
    with ChipAtPort() as chip:

        def work(more=GOOD, **how):
            class Started(Console):
                """The chip has left its start code: MicroPython is at its port, on the same flash."""

                def __enter__(self):
                    image.write_bytes(chip.flash[2 * boards.MIB :])
                    self.board = BoardAtPort(image, KIB, parts(boards.description(), NOW, more=more, **how)).__enter__()
                    self.port = self.board.port
                    return super().__enter__()

                def __exit__(self, *error):
                    super().__exit__(*error)
                    self.board.__exit__(*error)
                    chip.flash[2 * boards.MIB :] = image.read_bytes()

            monkeypatch.setattr(provision, "Console", Started)
            return (
                "workshop", tmp_path / "table.csv", "--board", here, "--port", chip.port,
                "--image", tmp_path / "micropython.bin",
            )  # fmt: skip

        yield work


def test_a_board_goes_on_where_it_failed_until_it_has_its_label(bench, tmp_path):
    status, out, err = tumbler(*bench(bus="{}"))
    assert (status, out) == (1, "cabin: flashed.\n")
    assert "cannot be used: it does not answer" in err
    status, out, err = tumbler(*bench(more=RADIO + fingers(KEYS[:-1])))
    assert status == 1
    assert "flashed" not in out
    assert "cabin: provisioned" in out
    assert "cabin: keypad failed" in err
    status, out, err = tumbler(*bench())
    assert status == 0, err
    assert "flashed" not in out
    assert "provisioned" not in out
    assert "All 1 are done." in out
    with Registry.open() as registry:
        lock = registry.lock("cabin")
    label = (tmp_path / "table.csv.labels" / f"{lock.lock_id.hex()}.txt").read_text(encoding="utf-8")
    assert f"lock id {lock.lock_id.hex(' ', 2)}" in label
    files = file_system.read((tmp_path / "flash.img").read_bytes())
    memory = tmp_path / "memory"
    memory.mkdir()
    for name in ("journal", "counters"):
        (memory / name).write_bytes(files[f"lock/{name}"])
    assert Store.open(str(memory)).secret == lock.secret
    assert "All 1 are done." in tumbler(*bench())[1], "nothing more to do"
