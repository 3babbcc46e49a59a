"""The rows of clock chips, expanders and bolts: each has its driver, its model and its words in the documents."""

import importlib

import pytest

from tests.support.micropython import ROOT
from tumbler.hardware import schema
from tumbler.hardware.bolts import BOLTS
from tumbler.hardware.clocks import CLOCKS
from tumbler.hardware.expanders import EXPANDERS
from tumbler.hardware.rules import uses
from tumbler.simulator.board.models import expander as models
from tumbler.simulator.board.models.clocks import clock_model
from tumbler_lock.drivers import expander as drivers

DRIVERS = (ROOT / "docs" / "design" / "drivers.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", CLOCKS)
def test_a_clock_chip_has_a_driver_and_a_model_at_its_address(name):
    row = CLOCKS[name]
    driver = getattr(importlib.import_module(f"tumbler_lock.drivers.{name}"), name.upper())
    model = clock_model(name, lambda: 0)
    assert driver.ADDRESS == model.ADDRESS == row.address
    assert clock_model(name, lambda: 0, model.state()).state() == model.state()


@pytest.mark.parametrize("name", CLOCKS)
def test_the_document_has_a_row_for_a_clock_chip(name):
    row = CLOCKS[name]
    section = DRIVERS.split("## Clock chips\n", 1)[1].split("\n## ", 1)[0]
    (line,) = [line for line in section.splitlines() if line.split()[:1] == [name]]
    assert line.split()[1:5] == [str(row.address), f"{row.fastest // 1000}", "kHz", f"{row.at_rest:g}"]


def test_a_clock_without_a_model_is_refused():
    for name in ("sundial", "internal", "matrix", "", "..world"):
        with pytest.raises(ValueError, match="no model of the clock"):
            clock_model(name, lambda: 0)


def test_an_expander_has_a_driver_and_a_model():
    assert set(EXPANDERS) == set(drivers.CHIPS) == set(models.MODELS)


def test_a_bolt_has_its_fields():
    assert tuple(BOLTS) == schema.bolt_kinds()
    for kind, row in BOLTS.items():
        for name in (*row.outputs, *row.inputs):
            field = schema.FIELDS[f"bolt.{name}"]
            assert (field.kind, field.of) == ("pin", kind)
    of_kinds = [path for path, field in schema.FIELDS.items() if field.of and field.kind == "pin"]
    assert len(of_kinds) == sum(len(row.outputs + row.inputs) for row in BOLTS.values())


def test_no_part_is_named_outside_its_row():
    """A chip's name in code is a second table of chips."""
    names = [*CLOCKS, *EXPANDERS]
    own = {"clocks.py", "expanders.py", "expander.py", *(f"{name}.py" for name in CLOCKS)}
    for folder in ("firmware/tumbler_lock", "host_tools/tumbler"):
        for path in (ROOT / folder).rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            for name in names:
                assert path.name in own or f'"{name}"' not in text, (path, name)


def test_uses_has_every_pin_of_a_motor():
    description = {
        "clock": {"chip": "internal"},
        "keypad": {"rows": [1], "cols": [2], "keys": "1"},
        "bolt": {"kind": "motor", "open": 3, "close": 4, "opened": 5, "closed": 6},
        "buzzer": {"pin": 7},
        "led": {"pin": 8},
    }
    assert {use.where: use.role for use in uses(description) if use.where.startswith("bolt")} == {
        "bolt.open": "output",
        "bolt.close": "output",
        "bolt.opened": "input",
        "bolt.closed": "input",
    }
