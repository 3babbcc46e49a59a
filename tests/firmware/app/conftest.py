"""What the tests of the app share: the description of the virtual board, and the module esp32."""

import json
import sys

import pytest

from tests.support.micropython import ROOT
from tests.support.port_modules import Esp32


@pytest.fixture
def description():
    return json.loads((ROOT / "boards" / "virtual" / "board.json").read_text(encoding="utf-8"))


@pytest.fixture(autouse=True)
def esp32(monkeypatch):
    made = Esp32()
    monkeypatch.setitem(sys.modules, "esp32", made)
    return made
