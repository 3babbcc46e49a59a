"""Contacts, the levels of a battery, and what the firmware reads of them in board.json."""

import json
import random
import sys
import types
from types import SimpleNamespace

import pytest

from tests.dual.models.bolt import TICKS
from tests.support.micropython import ROOT
from tests.support.port_modules import Esp32, Machine, Pin, Time
from tumbler_lock.app.board import Board
from tumbler_lock.drivers.battery import BACK, Level
from tumbler_lock.drivers.bolt import Bolt
from tumbler_lock.drivers.contact import Contact
from tumbler_lock.drivers.motor import MotorBolt


class Wire:
    def __init__(self, level):
        self.level = level

    def value(self):
        return self.level


@pytest.mark.parametrize("active", [0, 1])
@pytest.mark.parametrize("begin", [0, TICKS - 50])
def test_a_level_that_lasts_is_believed(active, begin):
    wire = Wire(1 - active)
    contact = Contact(wire, active, 100)
    assert not contact.on
    wire.level = active
    changes = [ms for ms in range(0, 300, 20) if contact.poll((begin + ms) % TICKS)]
    assert changes == [100]
    assert contact.on


def test_the_first_look_is_believed():
    assert Contact(Wire(0), 0, 100).on
    held = Contact(Wire(0), 0, 100, False)  # as an exit button that is held at the start
    assert not held.poll(0)
    assert held.poll(100)
    assert held.on


def test_a_level_that_does_not_last_is_not():
    """Random chatter, each burst shorter than the settling time: nothing is reported."""
    for seed in range(100):
        chance = random.Random(seed)
        wire = Wire(1)
        contact = Contact(wire, 0, 100)
        now = chance.randrange(TICKS)
        for _ in range(100):
            wire.level = chance.randrange(2)
            for _ in range(chance.randrange(1, 5)):
                now += 20
                assert not contact.poll(now % TICKS), seed
            wire.level = 1
            now += 20
            contact.poll(now % TICKS)
        assert not contact.on


def test_every_walk_of_the_charge_follows_the_table():
    """Against the table in words: worse at a threshold, better 5 points above it, else as it was."""
    for seed in range(300):
        chance = random.Random(seed)
        critical = chance.randrange(0, 60)
        low = chance.randrange(critical + 1, 99)
        level = Level(low, critical)
        expected = 0
        for _ in range(60):
            percent = chance.choice([chance.randrange(101), low, low + BACK, critical, critical + BACK + 1])
            if percent <= critical or (expected == 2 and percent <= critical + BACK):
                wanted = 2
            elif percent <= low or (expected >= 1 and percent <= low + BACK):
                wanted = 1
            else:
                wanted = 0
            assert level.update(percent) == (wanted != expected), seed
            assert level.level == wanted, seed
            expected = wanted


@pytest.mark.parametrize("critical", [20, 21])
def test_critical_is_below_low(critical):
    with pytest.raises(ValueError, match="critical"):
        Level(20, critical)


# The description


@pytest.fixture
def description():
    return json.loads((ROOT / "boards" / "virtual" / "board.json").read_text(encoding="utf-8"))


@pytest.fixture(autouse=True)
def esp32(monkeypatch):
    made = Esp32()
    monkeypatch.setitem(sys.modules, "esp32", made)
    return made


def build(description):
    Pin.made = ()
    return Board(description, Machine, Time)


MOTOR = {"kind": "motor", "open": 26, "close": 19, "opened": 16, "closed": 17}


@pytest.mark.parametrize("active", [0, 1])
def test_the_pin_of_a_fail_safe_bolt_is_on_from_the_first_moment(description, active):
    description["bolt"].update(fail="safe", active=active)
    board = build(description)
    assert isinstance(board.bolt, Bolt)
    assert (Pin.made[0].number, Pin.made[0].first) == (description["bolt"]["pin"], active)
    assert Pin.made[0].level == active
    board.bolt.unlock(1000)
    assert Pin.made[0].level == 1 - active
    board.bolt.lock()
    board.bolt.unlock(1000)
    assert Pin.made[0].level == 1 - active, "no rest: who leaves must not wait"


@pytest.mark.parametrize("active", [0, 1])
def test_the_legs_of_a_motor_are_off_from_the_first_moment(description, active):
    description["bolt"] = {**MOTOR, "active": active, "switch_active": 1}
    board = build(description)
    assert isinstance(board.bolt, MotorBolt)
    assert [(pin.number, pin.first) for pin in Pin.made[:2]] == [(26, 1 - active), (19, 1 - active)]
    assert [(pin.number, pin.pull) for pin in Pin.made[2:4]] == [(16, Pin.PULL_DOWN), (17, Pin.PULL_DOWN)]
    description["bolt"]["switch_pull"] = "external"
    build(description)
    assert [(pin.number, pin.pull) for pin in Pin.made[2:4]] == [(16, -1), (17, -1)]


@pytest.mark.parametrize(
    ("part", "field", "value", "words"),
    [
        ("bolt", "kind", "magnet", "kind must be one of"),
        ("bolt", "fail", "open", "fail must be one of"),
        ("motor", "stall_ms", 10_001, "stall_ms"),
        ("motor", "open", None, "open must be a number"),
        ("motor", "switch_active", 2, "switch_active"),
        ("motor", "switch_pull", "up", "switch_pull must be one of: internal, external"),
        ("door", "pin", 49, "pin must be a number"),
        ("exit", "pull", "up", "pull must be one of: internal, external"),
        ("battery", "low_percent", 100, "low_percent"),
        ("battery", "critical_percent", 20, "critical_percent"),
        ("power", "sleep", "nap", "sleep must be one of"),
        ("power", "wake", [], "wake must be a list"),
    ],
)
def test_fields_that_make_no_sense(description, part, field, value, words):
    parts = {"door": {"pin": 2}, "exit": {"pin": 5}, "power": {"sleep": "light", "wake": [5]}, "motor": dict(MOTOR)}
    if part in parts:
        description["bolt" if part == "motor" else part] = parts[part]
    description["bolt" if part == "motor" else part][field] = value
    with pytest.raises(ValueError, match=words):
        build(description)


def test_what_may_wake(description, esp32):
    description["power"] = {"battery": True, "sleep": "light", "wake": [32, 33, 25]}
    assert build(description).sleeps == "light"
    assert (esp32.light, esp32.deep) == ([32, 33, 25], None)
    description["power"]["sleep"] = "deep"
    with pytest.raises(ValueError, match="deep sleep"):
        build(description)
    description["power"]["wake"] = [5]
    build(description)
    assert esp32.deep == [5]


@pytest.mark.parametrize("power", [{"battery": True, "sleep": "light"}, {"sleep": "light"}, {"sleep": "deep"}])
def test_a_fail_safe_bolt_needs_its_current(description, power):
    description["power"] = {**power, "wake": [5]}
    description["bolt"]["fail"] = "safe"
    with pytest.raises(ValueError, match="fail-safe"):
        build(description)


def test_bluetooth_without_aioble_can_be_switched_off(description, monkeypatch):
    """app/start.py has switched it on."""
    calls = []
    ble = types.SimpleNamespace(active=calls.append)
    monkeypatch.setitem(sys.modules, "bluetooth", types.SimpleNamespace(BLE=lambda: ble))
    monkeypatch.setitem(sys.modules, "aioble", None)
    description["radio"] = {"interval_ms": 250}
    build(description).radio.stop()
    assert calls == [False]


def test_a_motor_is_never_fail_safe(description):
    description["bolt"] = {**MOTOR, "fail": "safe"}
    with pytest.raises(ValueError, match="a motor is not fail-safe"):
        build(description)


@pytest.mark.parametrize(
    ("bolt", "written"),
    [
        ({"pin": 26}, [(26, 0)]),
        ({"pin": 26, "active": 0}, [(26, 1)]),
        ({"pin": 26, "fail": "safe"}, [(26, 1)]),
        ({"pin": 26, "fail": "safe", "active": 0}, [(26, 0)]),
        (MOTOR, [(26, 0), (19, 0)]),
        ({**MOTOR, "active": 0}, [(26, 1), (19, 1)]),
        ({**MOTOR, "fail": "safe"}, [(26, 0), (19, 0)]),
    ],
)
def test_what_boot_writes(tmp_path, monkeypatch, bolt, written):
    (tmp_path / "board.json").write_text(json.dumps({"bolt": bolt}), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "machine", Machine)
    monkeypatch.setitem(sys.modules, "micropython", SimpleNamespace(kbd_intr=lambda character: None))
    Pin.made = ()
    source = (ROOT / "firmware" / "boot.py").read_text(encoding="utf-8")
    exec(compile(source, "boot.py", "exec"), {"__name__": "__main__"})
    assert [(pin.number, pin.first) for pin in Pin.made] == written
