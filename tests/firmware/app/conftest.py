"""Shared by the tests of the app: the virtual board's description, the module esp32, boards with other parts."""

import json
import sys

import pytest

from tests.support.micropython import ROOT
from tests.support.port_modules import Esp32
from tests.support.virtual import Board


@pytest.fixture
def description():
    return json.loads((ROOT / "boards" / "virtual" / "board.json").read_text(encoding="utf-8"))


@pytest.fixture(autouse=True)
def esp32(monkeypatch):
    made = Esp32()
    monkeypatch.setitem(sys.modules, "esp32", made)
    return made


@pytest.fixture
def made(tmp_path):
    """Make a virtual board with other parts, and power it on; shut: whether its door is."""
    boards = []

    def make(shut=True, **parts):
        description = json.loads((ROOT / "boards" / "virtual" / "board.json").read_text(encoding="utf-8"))
        description.update(parts)
        description = {name: part for name, part in description.items() if part is not None}
        (tmp_path / "board.json").write_text(json.dumps(description), encoding="utf-8")
        board = Board(tmp_path)
        board.parts = {"board": str(tmp_path), "contacts": ["door"] if shut and "door" in parts else []}
        boards.append(board)
        board.on(**board.parts)
        return board

    yield make
    for board in boards:
        board.__exit__()
