"""The board: makes the drivers from a description (board.json) and the port's machine module.

The description is data: pins, levels, limits. Every field is checked when the board is built, so a board that
exists is usable. Nothing here depends on whether the machine module is a real one. Each driver is imported where it is
made, so that a board loads only what it has: code takes heap too (docs/design/memory.md).
"""

import asyncio
import sys

from ..drivers.feedback import Buzzer, Signals
from ..drivers.keypad import Keypad, Matrix
from ..drivers.rmt_pulse import Pulse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..drivers.battery import Battery, Level
    from ..drivers.ble_peripheral import Radio
    from ..drivers.bolt import Bolt
    from ..drivers.contact import Contact
    from ..drivers.hardware import Bus, ClockChip, Crossings, Input, MakeChannel, Output
    from ..drivers.motor import MotorBolt

    Part = dict[str, Any]

TOUCH_MS = 20  # between two looks at an idle keypad: a press lasts longer and needs 10 ms to settle
I2C_HZ = 100_000
DOOR_MS = 300  # a door that falls shut bounces on its seal
EXIT_MS = 40


def _wrong(text: str) -> ValueError:
    return ValueError("board.json: " + text)


def _number(part: "Part", name: str, low: int, high: int, default: int = -1) -> int:
    """Return a number of the description. ValueError if it is missing (without a default), or out of range."""
    value = part.get(name, default)
    if not isinstance(value, int) or not low <= value <= high:
        raise _wrong("%s must be a number from %d to %d" % (name, low, high))
    return value


def _part(description: "Part", name: str) -> "Part":
    part = description.get(name)
    if not isinstance(part, dict):
        raise _wrong("the part %s is missing" % name)
    return part


def _pins(part: "Part", name: str) -> "list[int]":
    pins = part.get(name)
    if not isinstance(pins, list) or not pins:
        raise _wrong("%s must be a list of pins" % name)
    return pins


def _text(part: "Part", name: str) -> str:
    text = part.get(name)
    if not isinstance(text, str) or not text:
        raise _wrong("%s must be a text" % name)
    return text


def _choice(part: "Part", name: str, words: "tuple[str, ...]") -> str:
    """Return the word that the description names, the first one if it names none."""
    word: str = part.get(name, words[0])
    if word not in words:
        raise _wrong("%s must be one of: %s" % (name, ", ".join(words)))
    return word


class Board:
    """The parts of one lock. machine, time: the port's modules. ValueError says what is wrong with the description.

    Attributes: storage (directory of the lock's memory), matrix, keypad, rtc, bolt, signals, ticks_ms, ticks_diff,
    seconds (the chip's own clock); door, exit, level, radio (a Contact, a Contact, a Level, a Radio, each None on a
    board without one); sleeps ("none", "light" or "deep"); asleep_ms (from one burst of advertising to the next in a
    sleep; 0: none).
    """

    def __init__(self, description: "Part", machine: "Any", time: "Any") -> None:
        self._machine = machine
        self.ticks_ms = time.ticks_ms
        self.ticks_diff = time.ticks_diff
        self._time = time
        self.door: "Contact | None" = None
        self.exit: "Contact | None" = None
        self.level: "Level | None" = None
        mcu = _text(description, "mcu")
        if not mcu.startswith("esp32"):
            raise _wrong("mcu must be a chip of the ESP32 family")
        # The bolt first: its pin must not float.
        self.bolt: "Bolt | MotorBolt" = self._make_bolt(_part(description, "bolt"), mcu)
        self.storage: str = description.get("storage", "")
        if not isinstance(self.storage, str) or not self.storage.startswith("/"):
            raise _wrong("storage must be a path that begins with /")
        self._watchdog_ms = _number(description, "watchdog_ms", 1000, 60_000)
        self._i2c: "Bus | None" = None
        if "i2c" in description:
            self._make_bus(_part(description, "i2c"))
        self.keypad = self._make_keypad(_part(description, "keypad"))
        self.rtc = self._make_clock(_part(description, "clock"))
        self.signals = self._make_signals(_part(description, "buzzer"), _part(description, "led"))
        # Parts that a board may lack.
        self._button: "Input | None" = None
        if "button" in description:
            self._make_button(_part(description, "button"))
        if "door" in description:
            self.door = self._make_contact(_part(description, "door"), DOOR_MS)
        if "exit" in description:
            self.exit = self._make_contact(_part(description, "exit"), EXIT_MS, False)  # one that is held opens
        self._battery: "Battery | None" = None
        if "battery" in description:
            self._battery = self._make_battery(_part(description, "battery"))
        self.radio: "Radio | None" = None
        self.asleep_ms = 0
        if "radio" in description:
            self.radio = self._make_radio(_part(description, "radio"), _text(description, "name"))
        self.sleeps = "none"
        if "power" in description:
            self._make_power(_part(description, "power"), description)

    def _output(self, part: "Part") -> "Output":
        """Return an output that is off; its level 1 is on, whatever the part's `active` is."""
        pin = self._machine.Pin
        active = _number(part, "active", 0, 1, 1)
        output: "Output" = pin(_number(part, "pin", 0, 48), pin.OUT, value=1 - active)
        if not active:
            output = self._machine.Signal(output, invert=True)
        return output

    def _make_bolt(self, part: "Part", mcu: str) -> "Bolt | MotorBolt":
        import esp32

        kind = _choice(part, "kind", ("solenoid", "motor"))
        safe = _choice(part, "fail", ("secure", "safe")) == "safe"
        motor = kind == "motor"
        if motor and safe:
            raise _wrong("a motor is not fail-safe: it stays where it is")
        pins = [self._machine.Pin(_number(part, name, 0, 48)) for name in (("open", "close") if motor else ("pin",))]
        # Fail-safe: without current it is open, so what unlocks is "off".
        rmt: "MakeChannel" = esp32.RMT  # type: ignore[assignment]  # the stub takes bools as levels only
        pulse = Pulse(rmt, tuple(pins), _number(part, "active", 0, 1, 1) ^ safe, mcu)
        if not motor:
            from ..drivers.bolt import REST_MS, Bolt

            limit = _number(part, "limit_ms", 100, 60_000)
            return Bolt(pulse, self.ticks_ms, self.ticks_diff, limit, 0 if safe else REST_MS)
        from ..drivers.motor import MotorBolt

        level = _number(part, "switch_active", 0, 1, 0)
        switches = [
            self._input(part, _number(part, name, 0, 48), level, "switch_pull") for name in ("opened", "closed")
        ]
        if not level:
            switches = [self._machine.Signal(switch, invert=True) for switch in switches]
        return MotorBolt(
            pulse, (switches[0], switches[1]), self.ticks_ms, self.ticks_diff,
            _number(part, "stall_ms", 100, 10_000, 2000), lambda: self.door is None or self.door.on,
        )  # fmt: skip

    def _input(self, part: "Part", number: int, active: int, name: str = "pull") -> "Input":
        """Return an input with the pull for its idle level. name: the field that says whether the pull is external."""
        pin = self._machine.Pin
        made: "Input"
        if _choice(part, name, ("internal", "external")) == "external":
            made = pin(number, pin.IN)
        else:
            made = pin(number, pin.IN, pin.PULL_DOWN if active else pin.PULL_UP)
        return made

    def _make_bus(self, part: "Part") -> None:
        pin = self._machine.Pin
        self._i2c = self._machine.I2C(
            _number(part, "bus", 0, 1), scl=pin(_number(part, "scl", 0, 48)), sda=pin(_number(part, "sda", 0, 48)),
            freq=_number(part, "hz", 10_000, 400_000, I2C_HZ),
        )  # fmt: skip

    def _bus(self) -> "Bus":
        if self._i2c is None:
            raise _wrong("the part i2c is missing")
        return self._i2c

    def _make_keypad(self, part: "Part") -> Keypad:
        rows = _pins(part, "rows")
        cols = _pins(part, "cols")
        self.matrix: "Crossings"
        if "expander" in part:
            self.matrix = self._make_expander(_part(part, "expander"), rows, cols)
        else:
            pin = self._machine.Pin
            settle_us = _number(part, "settle_us", 0, 1000, 0)
            pause = (lambda: self._time.sleep_us(settle_us)) if settle_us else None
            self.matrix = Matrix(
                [pin(number, pin.OPEN_DRAIN, value=1) for number in rows],
                [self._input(part, number, 0) for number in cols], pause,
            )  # fmt: skip
        return Keypad(self.matrix, part.get("keys", ""))

    def _make_expander(self, part: "Part", rows: "list[int]", cols: "list[int]") -> "Crossings":
        from ..drivers.expander import ExpanderMatrix, chip

        port = chip(_text(part, "chip"), self._bus(), _number(part, "address", 0x20, 0x3F), rows + cols)
        interrupt = self._input(part, _number(part, "interrupt", 0, 48), 0) if "interrupt" in part else None
        return ExpanderMatrix(port, rows, cols, interrupt)

    def _make_clock(self, part: "Part") -> "ClockChip":
        name = _text(part, "chip")
        if name == "internal":
            from .internal_clock import BoardClock

            return BoardClock(self._machine.RTC(), self._time)
        try:
            # A clock chip is the module of its name, with the class of its name in capitals.
            driver = getattr(__import__("tumbler_lock.drivers." + name, None, None, (name,)), name.upper())
        except (ImportError, AttributeError):
            raise _wrong("there is no driver for the clock's chip")
        clock: "ClockChip" = driver(self._bus(), _number(part, "address", 0x08, 0x77, driver.ADDRESS))
        return clock

    def _make_signals(self, buzzer: "Part", led: "Part") -> Signals:
        pwm = self._machine.PWM(self._machine.Pin(_number(buzzer, "pin", 0, 48)), freq=1000, duty_u16=0)
        return Signals(Buzzer(pwm), self._output(led))

    def _make_button(self, part: "Part") -> None:
        self._held = _number(part, "active", 0, 1, 0)
        self._button = self._input(part, _number(part, "pin", 0, 48), self._held)

    def _make_contact(self, part: "Part", settle_ms: int, begins: "bool | None" = None) -> "Contact":
        from ..drivers.contact import Contact

        active = _number(part, "active", 0, 1, 0)
        return Contact(self._input(part, _number(part, "pin", 0, 48), active), active, settle_ms, begins)

    def _make_power(self, part: "Part", description: "Part") -> None:
        self.sleeps = _choice(part, "sleep", ("none", "light", "deep"))
        if self.sleeps == "none":
            return
        deep = self.sleeps == "deep"
        numbers = _pins(part, "wake")
        keypad = description["keypad"]
        if deep and "expander" not in keypad and [number for number in numbers if number in keypad["cols"]]:
            raise _wrong("columns do not wake from deep sleep")
        if description["bolt"].get("fail") == "safe":
            # Asleep every chip after the first floats its outputs: the coil would drop, and the door be open.
            raise _wrong("a fail-safe bolt takes no sleep")
        if "exit" in description and description["exit"].get("pin") not in numbers:
            raise _wrong("the exit button must be in power.wake")  # asleep nothing polls it
        import esp32

        pin = self._machine.Pin
        self._wake = [pin(number) for number in numbers]
        # Any of the pins low: by GPIO out of light sleep on every chip, out of deep sleep where there is no ext1.
        wake = getattr(esp32, "wake_on_ext1", esp32.wake_on_gpio) if deep else esp32.wake_on_gpio
        wake(self._wake, esp32.WAKEUP_ALL_LOW)

    def _make_battery(self, part: "Part") -> "Battery":
        from ..drivers.battery import Battery, Level

        adc = self._machine.ADC
        converter = adc(self._machine.Pin(_number(part, "pin", 0, 48)), atten=adc.ATTN_11DB)
        divider = _number(part, "divider", 100, 10_000)
        full = _number(part, "full_mv", 1, 60_000)
        low = _number(part, "low_percent", 1, 99, 20)
        self.level = Level(low, _number(part, "critical_percent", 0, low - 1, min(5, low - 1)))
        return Battery(converter, divider, _number(part, "empty_mv", 1, full - 1), full)

    def _make_radio(self, part: "Part", model: str) -> "Radio":
        from .. import VERSION
        from ..drivers.ble_peripheral import Radio

        interval = _number(part, "interval_ms", 20, 10_240) * 1000
        self.asleep_ms = _number(part, "asleep_s", 0, 3600, 300) * 1000
        # The keypad works without them, and the radio reports what it lacks. It can be switched off without aioble too.
        aioble: "Any" = None
        bluetooth: "Any" = None
        try:
            import bluetooth
        except ImportError:
            pass
        try:
            import aioble  # type: ignore[import-not-found, no-redef]  # mpremote mip install aioble
        except ImportError:
            pass
        return Radio(aioble, bluetooth, model, VERSION, self.battery if self._battery is not None else None, interval)

    def setup_held(self) -> bool:
        """Return whether the set-up button is held down now; False on a board without one."""
        return self._button is not None and self._button.value() == self._held

    def battery(self) -> "int | None":
        """Measure and return the battery's charge in percent; None on a board that cannot."""
        return self._battery.percent() if self._battery is not None else None

    def watchdog(self) -> "Any":
        """Start the hardware watchdog and return it. Nothing can stop it again."""
        return self._machine.WDT(timeout=self._watchdog_ms)

    def bitten(self) -> bool:
        """Return whether the watchdog caused this start."""
        return bool(self._machine.reset_cause() == self._machine.WDT_RESET)

    def reset(self) -> None:
        """Restart."""
        self._machine.reset()

    def seconds(self) -> int:
        """Return the seconds of the chip's own clock, which runs on in deep sleep and restarts after a power cut."""
        return int(self._time.time())

    def sleep(self, ms: int) -> "bool | None":
        """Sleep until a wake pin goes low, at most `ms`, and return whether one did.

        None if it did not sleep, because one was low already or the chip refused. A deep sleep ends with a start.
        """
        machine = self._machine
        reason = 0
        self.matrix.arm()
        if 0 in [pin.value() for pin in self._wake]:
            pass
        elif self.sleeps == "deep":
            machine.deepsleep(ms)
        else:
            self.matrix.hold(True)
            machine.lightsleep(ms)
            reason = machine.wake_reason()  # 0 after a sleep that was refused; a timer may end one a little early
            self.matrix.hold(False)
        self.matrix.touched()
        return reason != machine.TIMER_WAKE if reason else None

    def slept(self) -> bool:
        """Return whether this start is the end of a deep sleep."""
        return self.sleeps == "deep" and self._machine.reset_cause() == self._machine.DEEPSLEEP_RESET

    def alone(self) -> bool:
        """Return whether this start is the end of a deep sleep that the timer ended."""
        return self.slept() and self._machine.wake_reason() == self._machine.TIMER_WAKE

    def keep(self, data: bytes) -> None:
        """Keep a few bytes over a deep sleep, not over a power cut."""
        self._machine.RTC().memory(data)

    def kept(self) -> bytes:
        """Return what keep() kept over the deep sleep that this start ends; empty at a second call or other start."""
        if not self.slept():
            return b""
        data = bytes(self._machine.RTC().memory())
        self.keep(b"")
        return data

    async def touch(self, ms: int) -> None:
        """Return when a keypad key is down, after `ms` at the latest."""
        while ms > 0 and not self.matrix.touched():
            await asyncio.sleep_ms(TOUCH_MS)
            ms -= TOUCH_MS

    def observe(self, kind: str, payload: object) -> None:
        """Called for everything that happens; does nothing here. An override must not keep the payload."""

    def report(self, error: Exception) -> None:
        """Print an error on the serial console; its text holds no digits (errors.py)."""
        sys.print_exception(error, sys.stderr)  # type: ignore[arg-type]  # the stubs know files only
