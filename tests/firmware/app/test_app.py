"""Parts of the app by themselves: uptime, the board's own clock, the board's description, the supervisor."""

import asyncio
import copy
import json
import sys
import time

import pytest

from tests.dual.support.lock import EXAMPLE_SECRET, NOW, Rtc
from tests.dual.support.lock import Lock as Core
from tests.support.micropython import ROOT, run
from tumbler.simulator.board.models.rmt import Pad, Rmt
from tumbler_lock.app.board import Board
from tumbler_lock.app.internal_clock import BoardClock
from tumbler_lock.app.lock import Lock
from tumbler_lock.app.supervisor import DIED, GRACE, HUNG, Duty, Supervisor
from tumbler_lock.app.uptime import Uptime
from tumbler_lock.core.config import Config
from tumbler_lock.core.errors import StoreFull
from tumbler_lock.core.events import FAULT
from tumbler_lock.core.store import Store
from tumbler_lock.drivers.ble_peripheral import NoRadio
from tumbler_lock.drivers.ds3231 import DS3231
from tumbler_lock.drivers.expander import ExpanderMatrix

PERIOD = 1 << 30


class Ticks:
    """A counter that wraps, as on an ESP32."""

    def __init__(self, now=0):
        self.now = now

    def ms(self):
        return self.now % PERIOD

    @staticmethod
    def diff(end, start):
        return (end - start + PERIOD // 2) % PERIOD - PERIOD // 2


# Uptime


@pytest.mark.parametrize("begin", [0, 12_345, PERIOD - 1, PERIOD // 2])
def test_uptime_never_wraps(begin):
    ticks = Ticks(begin)
    uptime = Uptime(ticks.ms, ticks.diff)
    passed = 0
    for step in (0, 1, 999, 1, 3_600_000, PERIOD // 2 - 1, 86_400_000) * 20:
        ticks.now += step
        passed += step
        assert uptime.ms() == passed
        assert uptime.seconds() == passed // 1000


def test_uptime_never_goes_back():
    ticks = Ticks(5000)
    uptime = Uptime(ticks.ms, ticks.diff)
    ticks.now += 100
    assert uptime.ms() == 100
    ticks.now -= 50
    assert uptime.ms() == 100
    ticks.now += 60
    assert uptime.ms() == 110


# The board's own clock


class PortTime:
    """The time module of a port that counts from `epoch` (Unix seconds of its 0)."""

    def __init__(self, epoch, now):
        self._epoch = epoch
        self.now = now

    def time(self):
        return self.now - self._epoch

    def gmtime(self, seconds):
        year, month, day, hour, minute, second, weekday, yearday, _ = time.gmtime(seconds + self._epoch)
        return year, month, day, hour, minute, second, weekday, yearday


class PortRtc:
    """machine.RTC."""

    def datetime(self, value):
        self.value = value


@pytest.mark.parametrize("epoch", [0, 946_684_800])
def test_the_boards_own_clock(epoch):
    rtc = PortRtc()
    clock = BoardClock(rtc, PortTime(epoch, 1_795_446_000))
    assert clock.read() == (1_795_446_000, True)
    clock.set(1_795_446_061)
    assert rtc.value == (2026, 11, 23, 0, 15, 1, 1, 0)


# The description of a board


class Pin(Pad):
    IN, OPEN_DRAIN, PULL_UP, PULL_DOWN = 1, 7, 2, 1
    made = ()
    input = 1

    def __init__(self, number, mode=-1, pull=-1, value=None):
        super().__init__(lambda level: None)
        self.number, self.mode, self.pull, self.level = number, mode, pull, value
        self.first = value
        Pin.made += (self,)

    def init(self, mode=-1, value=None, hold=None):
        if mode == -1:
            return  # a pin that is held, or no longer, stays what it is
        super().init(mode, value=value)
        if self.first is None:
            self.first = value

    def value(self, level=None):
        if level is None:
            return Pin.input
        self.level = level


class Machine:
    """machine, as far as building a board goes."""

    Pin = Pin

    class Signal:
        """An inverted pin."""

        def __init__(self, pin, invert=False):
            self._pin = pin
            assert invert

        def value(self, level):
            self._pin.value(1 - level)

    class PWM:
        """An output for tones."""

        def __init__(self, pin, freq, duty_u16):
            self.duty = duty_u16

        def freq(self, hz):
            pass

        def duty_u16(self, duty):
            pass

    class RTC:
        """The port's clock."""

    class ADC:
        """An analogue input."""

        ATTN_11DB = 3

        def __init__(self, pin, atten):
            self.pin = pin
            assert atten == self.ATTN_11DB

        def read_uv(self):
            return 1_700_000

    class I2C:
        """A bus."""

        def __init__(self, number, scl, sda, freq):
            pass


class Time:
    ticks_ms = staticmethod(lambda: 0)
    ticks_diff = staticmethod(Ticks.diff)
    sleep_us = staticmethod(lambda us: None)
    gmtime = staticmethod(time.gmtime)


@pytest.fixture
def description():
    return json.loads((ROOT / "boards" / "virtual" / "board.json").read_text(encoding="utf-8"))


def build(description):
    Pin.made = ()
    return Board(description, Machine, Time)


class Esp32:
    """The module esp32: which pins may end a sleep, and the RMT."""

    WAKEUP_ALL_LOW = False

    def __init__(self):
        self.light = self.deep = None
        self.RMT = Rmt("esp32", lambda: 0, lambda: None)

    def wake_on_gpio(self, pins, level):
        assert level is False
        self.light = [pin.number for pin in pins]

    def wake_on_ext1(self, pins, level):
        assert level is False
        self.deep = [pin.number for pin in pins]


@pytest.fixture(autouse=True)
def esp32(monkeypatch):
    made = Esp32()
    monkeypatch.setitem(sys.modules, "esp32", made)
    return made


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
        ("mcu", "esp32c6", "mcu"),
        ("watchdog_ms", 999, "watchdog_ms"),
        ("keypad", [], "keypad"),
        ("keypad.rows", [], "rows"),
        ("keypad.cols", 5, "cols"),
        ("keypad.keys", "123", "keys"),
        ("keypad.keys", "123456789*00", "key"),
        ("clock.chip", "sundial", "chip"),
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


# The lock, without its tasks


class Told(Board):
    """A board that keeps what it is told."""

    def observe(self, kind, payload):
        self.told.append((kind, payload))


def lock_on(description, folder, provisioned=True):
    description["storage"] = str(folder)
    if provisioned:
        Store.create(str(folder), EXAMPLE_SECRET, Config("UTC0").pack(), NOW)
    Pin.made = ()
    Told.told = []
    board = Told(description, Machine, Time)
    board.rtc = Rtc(NOW)
    return Lock(board), board


def said(board, kind="signal"):
    return [payload for what, payload in board.told if what == kind]


class DeadBus:
    """An I2C bus on which nobody answers."""

    def __init__(self, number, scl, sda, freq):
        pass

    def __getattr__(self, name):
        raise OSError(19)


def test_a_keypad_that_does_not_answer_is_told_once(description, tmp_path, monkeypatch):
    monkeypatch.setattr(Machine, "I2C", DeadBus)
    description["keypad"].update(rows=[0, 1, 2, 3], cols=[4, 5, 6], expander={"chip": "mcp23017", "address": 32})
    lock, board = lock_on(description, tmp_path)
    pauses = []

    async def pause(ms):
        pauses.append(ms)
        if len(pauses) == 20_000:
            raise TimeoutError

    monkeypatch.setattr(asyncio, "sleep_ms", pause, raising=False)
    with pytest.raises(TimeoutError):
        asyncio.run(lock._keypad())
    assert said(board, "fault") == ["the keypad does not answer: look at its bus and supply"]
    assert said(board) == ["fault"]
    assert [(event.event, event.arg) for event in lock.store.events(0, 10)][-1] == (FAULT, 0x500)
    assert not said(board, "key")


def press(lock, keys):
    for key in keys:
        lock._key(key)


def code(tmp_path):
    return Core(str(tmp_path)).code(0)


@pytest.fixture
def one_time(tmp_path):
    (tmp_path / "other").mkdir()
    return code(tmp_path / "other")


def test_an_entry_opens(description, tmp_path, one_time):
    lock, board = lock_on(description, tmp_path)
    press(lock, one_time + "#")
    assert board.bolt.unlocked
    assert said(board) == ["key"] * len(one_time) + ["open"]
    assert [verdict.verdict for verdict in said(board, "verdict")] == ["open"]


def test_letters_click_and_do_nothing_else(description, tmp_path, one_time):
    lock, board = lock_on(description, tmp_path)
    press(lock, "A" + one_time[:3] + "BC" + one_time[3:] + "D#")
    assert said(board) == ["key"] * (len(one_time) + 4) + ["open"]


def test_a_star_clears(description, tmp_path, one_time):
    lock, board = lock_on(description, tmp_path)
    press(lock, "123*")
    assert said(board)[-1] == "clear"
    press(lock, one_time + "#")
    assert board.bolt.unlocked


def test_the_bolt_stays_when_the_entry_cannot_be_remembered(description, tmp_path, one_time, monkeypatch):
    lock, board = lock_on(description, tmp_path)

    def full(*_, **__):
        raise StoreFull("no room")

    monkeypatch.setattr(lock.store, "commit", full)
    press(lock, one_time + "#")
    assert not board.bolt.unlocked
    assert said(board)[-1] == "refused"


def test_housekeeping_lives_through_a_flash_that_takes_nothing(description, tmp_path, monkeypatch):
    lock, board = lock_on(description, tmp_path)

    def full():
        raise StoreFull("no room")

    monkeypatch.setattr(lock.verifier, "tick", full)
    lock._housekeeping(lock.verifier)
    assert said(board, "fault") == ["no room"]


def test_without_a_secret_nothing_opens(description, tmp_path, one_time):
    lock, board = lock_on(description, tmp_path, provisioned=False)
    press(lock, one_time + "#")
    assert (lock.trouble, said(board)[-1], board.bolt.unlocked) == ("no-secret", "no-secret", False)


@pytest.mark.parametrize("damage", [b"", b"nonsense" * 100, b"\xff" * 4096, bytes(4096)])
def test_with_a_lost_memory_nothing_opens_and_nothing_is_written(description, tmp_path, one_time, damage):
    Store.create(str(tmp_path), EXAMPLE_SECRET, Config("UTC0").pack(), NOW)
    (tmp_path / "journal").write_bytes(damage)
    before = {path: path.read_bytes() for path in tmp_path.glob("*") if path.is_file()}
    lock_description = dict(description, storage=str(tmp_path))
    Told.told = []
    board = Told(lock_description, Machine, Time)
    lock = Lock(board)
    press(lock, one_time + "#")
    lock._log(FAULT, 1)
    assert (lock.trouble, said(board)[-1], board.bolt.unlocked) == ("fault", "fault", False)
    assert {path: path.read_bytes() for path in tmp_path.glob("*") if path.is_file()} == before


def test_a_lock_with_a_finger_on_it_is_not_quiet(description, tmp_path, one_time):
    lock, board = lock_on(description, tmp_path)
    assert lock.quiet()
    press(lock, "1")
    assert not lock.quiet()
    board.signals._steps = ()
    assert not lock.quiet()  # a digit waits
    press(lock, "*")
    board.signals._steps = ()
    assert lock.quiet()
    press(lock, one_time + "#")
    board.signals._steps = ()
    assert not lock.quiet()  # the bolt is back
    board.bolt.lock()
    assert lock.quiet()


# The supervisor


class Watchdog:
    def __init__(self):
        self.fed = 0
        self.well = []

    def feed(self):
        self.fed += 1


def supervised(*names):
    watchdog, failures = Watchdog(), []
    supervisor = Supervisor(watchdog, lambda *what: failures.append(what), watchdog.well.append)
    duties = [Duty(name, number) for number, name in enumerate(names, 1)]
    supervisor._duties += duties
    return supervisor, duties, watchdog, failures


def test_the_watchdog_is_fed_while_all_report():
    supervisor, duties, watchdog, failures = supervised("a", "b")
    for _ in range(50):
        for duty in duties:
            duty.report()
        supervisor.round()
    assert (watchdog.fed, failures) == (50, [])
    assert watchdog.well == list(range(1, 51))


def test_one_silent_task_is_enough():
    supervisor, (a, b), watchdog, failures = supervised("a", "b")
    for _ in range(50):
        a.report()
        supervisor.round()
    assert failures == [(2, "b", HUNG, None)]
    assert b.silent > GRACE
    assert watchdog.fed == GRACE
    assert watchdog.well == list(range(1, GRACE + 1))


def test_a_task_may_announce_its_silence():
    supervisor, (a,), watchdog, failures = supervised("a")
    a.report(60_000)
    for _ in range(60 + GRACE):
        supervisor.round()
    assert (watchdog.fed, failures) == (60 + GRACE, [])
    supervisor.round()
    assert failures == [(1, "a", HUNG, None)]


def test_the_ways_to_fail_have_numbers_of_their_own():
    assert len({DIED, HUNG, 2, 4}) == 4


ON_MICROPYTHON = """
import asyncio
from tumbler_lock.app.supervisor import Duty, Supervisor

class Watchdog:
    def feed(self):
        pass

async def ends(duty):
    await duty.rest(10)

async def dies(duty):
    await duty.rest(10)
    raise OSError(5)

async def rests(duty):
    while True:
        await duty.rest(60_000)

async def cancelled(duty):
    raise asyncio.CancelledError

async def main():
    for work in (ends, dies, cancelled):
        said = []
        supervisor = Supervisor(Watchdog(), lambda *what: said.append(what), lambda rounds: None)
        good, bad = Duty("good", 1), Duty("bad", 2)
        supervisor.start(good, rests(good))
        supervisor.start(bad, work(bad))
        await asyncio.sleep_ms(50)
        print(len(said), said[0][:3], type(said[0][3]).__name__)
    duty = Duty("late")
    duty.wake()
    await asyncio.wait_for(duty.rest(60_000), 1)
    print("woken")

asyncio.run(main())
"""


def test_tasks_that_end_or_die_are_told_once():
    assert run(ON_MICROPYTHON).split("\n")[:4] == [
        "1 (2, 'bad', 2) NoneType",
        "1 (2, 'bad', 1) OSError",
        "1 (2, 'bad', 2) NoneType",
        "woken",
    ]


# The virtual board's flash chip


def test_the_virtual_flash_chip(tmp_path):
    assert run(ROOT / "tests" / "dual" / "on_micropython" / "flash.py", tmp_path / "image").strip() == "ok"


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
