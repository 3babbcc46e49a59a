"""The board's description in, ready parts out."""

import asyncio
import copy
import json

import pytest

from tests.support.micropython import ROOT
from tests.support.port_modules import Machine, Pin, Time, build
from tumbler_lock.app.internal_clock import BoardClock
from tumbler_lock.drivers.ble_peripheral import NoRadio
from tumbler_lock.drivers.ds3231 import DS3231
from tumbler_lock.drivers.expander import ExpanderMatrix


def test_the_boards_that_come_with_it_can_be_built():
    found = list((ROOT / "boards").glob("*/board.json"))
    assert found
    for path in found:
        assert build(json.loads(path.read_text(encoding="utf-8"))).storage.startswith("/")


@pytest.mark.parametrize("active", [0, 1])
def test_the_bolts_pin_is_the_first_and_off(description, active):
    description["bolt"]["active"] = active
    description["led"]["active"] = active
    board = build(description)
    first = Pin.made[0]
    assert first.number == description["bolt"]["pin"]
    assert first.first == 1 - active
    board.bolt.lock()
    assert first.level == 1 - active


def test_rows_are_open_drain_and_columns_pulled_up(description):
    build(description)
    modes = {pin.number: (pin.mode, pin.pull, pin.first) for pin in Pin.made}
    for row in description["keypad"]["rows"]:
        assert modes[row] == (Pin.OPEN_DRAIN, -1, 1)
    for col in description["keypad"]["cols"]:
        assert modes[col] == (Pin.IN, Pin.PULL_UP, None)


def test_a_keypad_of_four_by_four(description):
    description["keypad"] = {"rows": [1, 2, 3, 4], "cols": [5, 6, 7, 8], "keys": "123A456B789C*0#D", "settle_us": 20}
    assert len(build(description).matrix) == 16


@pytest.mark.parametrize("chip", ["pcf8574", "mcp23017"])
def test_a_keypad_on_an_expander(description, chip):
    expander = {"chip": chip, "address": 32, "interrupt": 4}
    description["keypad"].update(rows=[0, 1, 2, 3], cols=[4, 5, 6], expander=expander)
    board = build(description)
    assert isinstance(board.matrix, ExpanderMatrix)
    assert len(board.matrix) == 12
    interrupt = next(pin for pin in Pin.made if pin.number == 4)
    assert (interrupt.mode, interrupt.pull) == (Pin.IN, Pin.PULL_UP)


def test_pins_that_are_pulled_up_outside(description):
    description["keypad"]["pull"] = description["button"]["pull"] = "external"
    build(description)
    pulls = {pin.number: pin.pull for pin in Pin.made}
    assert {pulls[number] for number in [*description["keypad"]["cols"], description["button"]["pin"]]} == {-1}


def test_the_clock_chip(description):
    assert isinstance(build(description).rtc, DS3231)
    description["clock"] = {"chip": "internal"}
    assert isinstance(build(description).rtc, BoardClock)


def test_parts_that_a_board_may_lack(description):
    for part in ("radio", "button", "battery"):
        del description[part]
    board = build(description)
    assert (board.radio, board.setup_held(), board.battery()) == (None, False, None)


@pytest.mark.parametrize(("active", "level", "held"), [(0, 0, True), (0, 1, False), (1, 1, True), (1, 0, False)])
def test_the_set_up_button(description, monkeypatch, active, level, held):
    description["button"]["active"] = active
    board = build(description)
    button = next(pin for pin in Pin.made if pin.number == description["button"]["pin"])
    assert (button.mode, button.pull) == (Pin.IN, Pin.PULL_DOWN if active else Pin.PULL_UP)
    monkeypatch.setattr(Pin, "input", level)
    assert board.setup_held() is held


def test_the_battery(description):
    # 1.7 V at the pin are 5.1 V behind a divider of 3: 0.7 V of the 1.6 V from empty to full.
    assert build(description).battery() == 43


def test_without_aioble_the_radio_says_what_is_missing(description):
    radio = build(description).radio
    with pytest.raises(NoRadio, match="mpremote mip install aioble"):
        asyncio.run(radio.accept("front door", None))
    assert not radio.connected


@pytest.mark.parametrize(
    ("place", "value", "text"),
    [
        ("storage", "lock", "storage"),
        ("storage", None, "storage"),
        ("bolt", None, "bolt"),
        ("bolt.pin", 49, "pin"),
        ("bolt.pin", "26", "pin"),
        ("bolt.active", 2, "active"),
        ("bolt.limit_ms", 0, "limit_ms"),
        ("bolt.limit_ms", None, "limit_ms"),
        ("mcu", "esp8266", "mcu"),
        ("mcu", "", "mcu"),
        ("mcu", 32, "mcu"),
        ("mcu", None, "mcu"),
        ("watchdog_ms", 999, "watchdog_ms"),
        ("keypad", [], "keypad"),
        ("keypad.rows", [], "rows"),
        ("keypad.cols", 5, "cols"),
        ("keypad.keys", "123", "keys"),
        ("keypad.keys", "123456789*00", "key"),
        ("clock.chip", "sundial", "chip"),
        ("clock.chip", "keypad", "chip"),
        ("clock.chip", "..app.board", "chip"),
        ("clock.chip", None, "chip"),
        ("clock.address", 7, "address"),
        ("i2c.scl", None, "scl"),
        ("i2c", None, "i2c"),
        ("i2c.hz", 400_001, "hz"),
        ("keypad.pull", "up", "pull"),
        ("keypad.expander", {"chip": "pcf8574"}, "address"),
        ("keypad.expander", {"chip": "pcf8575", "address": 32}, "expander"),
        ("buzzer", None, "buzzer"),
        ("led.pin", -1, "pin"),
        ("radio", [], "radio"),
        ("radio.interval_ms", 19, "interval_ms"),
        ("radio.interval_ms", "250", "interval_ms"),
        ("radio.asleep_s", -1, "asleep_s"),
        ("radio.asleep_s", 3601, "asleep_s"),
        ("name", None, "name"),
        ("name", "", "name"),
        ("button", 18, "button"),
        ("button.pin", None, "pin"),
        ("button.active", 2, "active"),
        ("battery", 35, "battery"),
        ("battery.pin", 49, "pin"),
        ("battery.divider", 99, "divider"),
        ("battery.full_mv", 0, "full_mv"),
        ("battery.empty_mv", 6000, "empty_mv"),
    ],
)
def test_a_wrong_description_is_refused_by_name(description, place, value, text):
    *folders, name = place.split(".")
    part = wrong = copy.deepcopy(description)
    for folder in folders:
        part = part[folder]
    if value is None:
        del part[name]
    else:
        part[name] = value
    with pytest.raises(ValueError, match=text):
        build(wrong)


LOW = {"battery": True, "sleep": "light", "wake": [32, 33, 25]}


@pytest.mark.parametrize(
    ("reason", "low", "found"),
    [(4, False, False), (7, False, True), (0, False, None), (4, True, None), (7, True, None)],
    ids=["timer", "pin", "refused", "a pin is low after a timer", "a pin is low after a pin"],
)
def test_what_ended_a_sleep_is_the_chips_word_and_no_matter_of_time(description, monkeypatch, reason, low, found):
    """However long the keypad's chip takes before, and whether the timer is early."""
    slept = []
    monkeypatch.setattr(Machine, "lightsleep", slept.append, raising=False)
    monkeypatch.setattr(Machine, "wake_reason", lambda: reason, raising=False)
    monkeypatch.setattr(Machine, "TIMER_WAKE", 4, raising=False)
    monkeypatch.setattr(Pin, "input", 0 if low else 1)
    now = iter(range(0, 1000, 7))
    monkeypatch.setattr(Time, "ticks_ms", staticmethod(lambda: next(now)))
    board = build({**description, "power": LOW})
    assert board.sleep(300_000) is found
    assert slept == ([] if low else [300_000])
