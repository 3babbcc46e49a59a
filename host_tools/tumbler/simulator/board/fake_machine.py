"""Stand-in for MicroPython's modules `machine`, `esp32` and `time` on the virtual board, as far as the firmware uses
them.

A pin is what board.json wires it to: a row or a column of the matrix, the bolt, the light, a contact, the battery, or
nothing. Outputs report their changes to the host. Only the combinations that work on the real chip are accepted.
"""

import time as real

from .models.motor import CLOSE, OPEN, Mechanics
from .models.rmt import Pad, Rmt

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Iterable, NoReturn, Protocol

    from .host_pipe import Message
    from .models.i2c import I2CModel
    from .models.matrix import ColumnPin, MatrixModel, RowPin
    from .models.motor import Switch
    from .outputs import Outputs
    from .world import World

    class Reset(Protocol):
        """Ends this power-on by a reset."""

        def __call__(self, cause: str, **fields: object) -> NoReturn:
            """Raise. fields: what the event `reset` says besides the cause."""

    class ReadablePin(Protocol):
        """A pin that can be read."""

        def value(self) -> int:
            """Return its level."""

    class ContactPin(ReadablePin, Protocol):
        """A contact's pin, which is at level `active` while the contact is closed."""

        active: int


PWRON_RESET = 1
WDT_RESET = 3
DEEPSLEEP_RESET = 4
HARD_RESET = 2  # machine.reset() counts as one on an ESP32
PIN_WAKE = 2
TIMER_WAKE = 4
GPIO_WAKE = 7  # without a name in MicroPython
EARLY_MS = 1  # ESP-IDF takes off the time that it expects the wake to last, which is a guess


CAUSES = {"watchdog": WDT_RESET, "panic": WDT_RESET, "machine.reset": HARD_RESET, "deep-sleep": DEEPSLEEP_RESET}


class _Output:
    """An output pin; changed(level): called after its level changed."""

    def __init__(self, changed: "Callable[[int], object] | None" = None) -> None:
        self.level = 0
        self._changed = changed

    def value(self, level: "int | None" = None) -> int:
        """Return the level; write it first if one is given."""
        if level is not None:
            level = 1 if level else 0
            if level != self.level:
                self.level = level
                if self._changed:
                    self._changed(level)
        return self.level


class SimulatedContact:
    """A button or a door contact: connects its pin to the level `active` while it is held, or closed."""

    def __init__(self, part: "Message") -> None:
        self.pin: int = part["pin"]
        self.active: int = part.get("active", 0)
        self.held = False

    def value(self) -> int:
        """Return the level of the pin; its pull-up or pull-down gives it the other one."""
        return self.active if self.held else 1 - self.active


class _EndSwitch:
    """A motor's end switch at its pin."""

    def __init__(self, switch: "Switch", part: "Message") -> None:
        self.active: int = part.get("switch_active", 0)
        self._switch = switch

    def value(self) -> int:
        """Return the level of the pin."""
        return self.active if self._switch.value() else 1 - self.active


class _Pins:
    """machine.Pin: a call returns the pin that is wired there."""

    IN = 1
    OUT = 3
    OPEN_DRAIN = 7
    PULL_UP = 2
    PULL_DOWN = 1

    def __init__(
        self,
        description: "Message",
        matrix: "MatrixModel",
        contacts: "Iterable[SimulatedContact]",
        motor: "Mechanics | None",
        outputs: "Outputs",
    ) -> None:
        self._inputs: "dict[int, ContactPin]" = {contact.pin: contact for contact in contacts}
        self._battery: int = description["battery"]["pin"]
        self._rows: "dict[int, RowPin]" = dict(zip(description["keypad"]["rows"], matrix.rows))
        self._cols: "dict[int, ColumnPin]" = dict(zip(description["keypad"]["cols"], matrix.cols))
        self._outputs: "dict[int, _Output]" = {description["led"]["pin"]: _Output(outputs.led)}
        self._pads: "dict[int, Pad]" = {}
        part = description["bolt"]
        if motor is None:
            self._pads[part["pin"]] = Pad(outputs.bolt, 1 - part.get("active", 1))
        else:
            for name, leg in zip(("open", "close"), motor.legs):
                self._pads[part[name]] = Pad(leg.value)
            self._inputs[part["opened"]] = _EndSwitch(motor.switches[OPEN], part)
            self._inputs[part["closed"]] = _EndSwitch(motor.switches[CLOSE], part)

    def __call__(
        self, number: int, mode: int = -1, pull: int = -1, value: "int | None" = None
    ) -> "RowPin | ReadablePin | Pad | int":
        if number in self._cols or number in self._inputs:
            return self._input(number, mode, pull)
        if number == self._battery:
            return number  # for ADC
        if number in self._rows:
            if mode != self.OPEN_DRAIN:
                raise ValueError("pin %d is a row of the keypad: open it as open-drain" % number)
            row = self._rows[number]
            if value is not None:
                row.value(value)
            return row
        pad = self._pads.get(number)
        if pad is not None:
            pad.init(mode, value=value)
            return pad
        output = self._outputs.get(number)
        if output is None:
            output = self._outputs[number] = _Output()
        if value is not None:
            output.value(value)
        return output

    def _input(self, number: int, mode: int, pull: int) -> "ReadablePin":
        """Return an input. ValueError unless it is opened as it is wired; mode -1: it is open."""
        if number in self._cols:
            if mode != -1 and (mode != self.IN or pull != self.PULL_UP):
                raise ValueError("pin %d is a column of the keypad: open it as an input with pull-up" % number)
            return self._cols[number]
        contact = self._inputs[number]
        if mode != -1 and (mode != self.IN or pull != (self.PULL_DOWN if contact.active else self.PULL_UP)):
            raise ValueError("pin %d is a button: open it as an input that is pulled to the other level" % number)
        return contact


class _RTC:
    """machine.RTC: the memory that lasts through deep sleep."""

    def __init__(self, kept: bytes) -> None:
        self._kept = kept

    def memory(self, data: "bytes | None" = None) -> bytes:
        """Return what is kept; keep `data` first if it is given."""
        if data is not None:
            self._kept = bytes(data)
        return self._kept


class SimulatedEsp32:
    """The module `esp32`: what may end a sleep, and RMT. Only ext1 pins end a deep sleep."""

    WAKEUP_ALL_LOW = False
    WAKEUP_ANY_HIGH = True

    def __init__(self, rmt: Rmt) -> None:
        self.RMT = rmt
        self.light: "list[ReadablePin]" = []
        self.deep: "list[ReadablePin]" = []

    def wake_on_gpio(self, pins: "list[ReadablePin]", level: bool) -> None:
        """Let these pins end a light sleep."""
        if level:
            raise ValueError("the wires of a lock are low when something happens")
        self.light = pins

    def wake_on_ext1(self, pins: "list[ReadablePin]", level: bool) -> None:
        """Let these pins end a deep sleep."""
        if level:
            raise ValueError("the wires of a lock are low when something happens")
        self.deep = pins


class Signal:
    """machine.Signal: a pin whose level may be inverted."""

    def __init__(self, pin: "_Output | ContactPin", invert: bool = False) -> None:
        self._pin = pin
        self._invert = 1 if invert else 0

    def value(self, level: "int | None" = None) -> int:
        """Return the level; write it first if one is given."""
        if level is not None and isinstance(self._pin, _Output):
            self._pin.value((1 if level else 0) ^ self._invert)
        return self._pin.value() ^ self._invert


class _PWM:
    """machine.PWM on the buzzer's pin: reports the tone."""

    def __init__(self, tone: "Callable[[int], object]", freq: int, duty_u16: int) -> None:
        self._tone = tone
        self._hz = freq
        self._duty = duty_u16

    def freq(self, hz: int) -> None:
        """Change the frequency."""
        if not 1 <= hz <= 40_000_000:
            raise ValueError("a frequency is 1 Hz to 40 MHz")
        if hz != self._hz:
            self._hz = hz
            if self._duty:
                self._tone(hz)

    def duty_u16(self, duty: int) -> None:
        """Change the duty cycle."""
        if duty != self._duty:
            self._duty = duty
            self._tone(self._hz if duty else 0)


class _Watchdog:
    """machine.WDT on world time: it cannot be stopped."""

    def __init__(self, world: "World", timeout: int) -> None:
        if timeout < 1000:
            raise ValueError("the watchdog's time is 1 s at least")
        self._world = world
        world.watchdog_ms = timeout
        world.feed()

    def feed(self) -> None:
        """Put the restart off."""
        self._world.feed()


class SimulatedBattery:
    """A battery behind the divider of its description; full until the host says otherwise."""

    def __init__(self, part: "Message") -> None:
        self.pin: int = part["pin"]
        self.divider: int = part["divider"]
        self.millivolts: int = part["full_mv"]


class _Converter:
    """machine.ADC: a call returns the input at the battery's divider."""

    ATTN_11DB = 3

    def __init__(self, battery: SimulatedBattery) -> None:
        self._battery = battery

    def __call__(self, pin: int, atten: int = 0) -> "_Converter":
        if pin != self._battery.pin or atten != self.ATTN_11DB:
            raise ValueError("open the battery's pin with an attenuation of 11 dB: it has more than 1 V")
        return self

    def read_uv(self) -> int:
        """Return microvolts at the pin."""
        return self._battery.millivolts * 100_000 // self._battery.divider


class SimulatedMachine:
    """The module `machine`. chip: its file in boards/chips; reset(cause): ends the power-on; start: what the host said
    of why this one began; asleep(): called when a sleep takes the radio's power. The host moves `contacts`, `button`
    and `battery`, and jams `motor`."""

    PWRON_RESET = PWRON_RESET
    WDT_RESET = WDT_RESET
    HARD_RESET = HARD_RESET
    DEEPSLEEP_RESET = DEEPSLEEP_RESET
    PIN_WAKE = PIN_WAKE
    TIMER_WAKE = TIMER_WAKE
    Signal = Signal

    def __init__(
        self,
        world: "World",
        description: "Message",
        chip: "Message",
        matrix: "MatrixModel",
        bus: "I2CModel",
        outputs: "Outputs",
        reset: "Reset",
        start: "Message",
        asleep: "Callable[[], object]",
    ) -> None:
        self.contacts = {
            name: SimulatedContact(description[name]) for name in ("button", "door", "exit") if name in description
        }
        self.button = self.contacts["button"]
        self.motor: "Mechanics | None" = None
        if description["bolt"].get("kind") == "motor":
            self.motor = Mechanics(lambda: world.elapsed, start.get("position", 0))
        rmt = Rmt(chip["rmt"], lambda: world.elapsed, lambda: reset("panic"))
        world.pulses = rmt.playing
        self.esp32 = SimulatedEsp32(rmt)
        self._world = world
        self._rtc = _RTC(bytes.fromhex(start.get("memory", "")))
        self.battery = SimulatedBattery(description["battery"])
        self.ADC = _Converter(self.battery)
        self.rows = matrix.rows
        self._bus = bus
        self._tone = outputs.tone
        self.Pin = _Pins(description, matrix, self.contacts.values(), self.motor, outputs)
        self._reset = reset
        self._asleep = asleep
        self._cause = CAUSES.get(start.get("cause", ""), PWRON_RESET)
        self._reason = TIMER_WAKE if start.get("by") == "timer" else PIN_WAKE

    def RTC(self) -> _RTC:  # noqa: N802 -- as in machine
        """Return the chip's clock."""
        return self._rtc

    def PWM(self, pin: object, freq: int = 0, duty_u16: int = 0) -> _PWM:  # noqa: N802 -- as in machine
        """Return the buzzer's output."""
        return _PWM(self._tone, freq, duty_u16)

    def WDT(self, timeout: int = 5000) -> _Watchdog:  # noqa: N802 -- as in machine
        """Start the watchdog."""
        return _Watchdog(self._world, timeout)

    def I2C(  # noqa: N802 -- as in machine
        self, number: int, scl: object = None, sda: object = None, freq: int = 400_000
    ) -> "I2CModel":
        """Return the bus."""
        return self._bus

    def reset(self) -> None:
        """Restart the board."""
        self._reset("machine.reset")

    def lightsleep(self, ms: int) -> None:
        """Sleep until a pin is low, or a timer ends it a little early; refused while one is low. The keypad's rows
        float meanwhile unless they are held."""
        for row in self.rows:
            row.float()
        self._asleep()
        self._reason = 0
        if self._low(self.esp32.light):
            return
        self._world.sleep(ms - EARLY_MS, lambda: self._low(self.esp32.light))
        self._reason = GPIO_WAKE if self._low(self.esp32.light) else TIMER_WAKE

    def deepsleep(self, ms: int) -> None:
        """Sleep until a pin is low, and start again."""
        self._asleep()
        self._world.sleep(ms, lambda: self._low(self.esp32.deep))
        by = "pin" if self._low(self.esp32.deep) else "timer"
        self._reset("deep-sleep", by=by, memory=self._rtc.memory().hex())

    @staticmethod
    def _low(pins: "list[ReadablePin]") -> bool:
        return 0 in [pin.value() for pin in pins]

    def wake_reason(self) -> int:
        """Return what ended the last sleep; 0: it was refused."""
        return self._reason

    def reset_cause(self) -> int:
        """Return why the board started."""
        return self._cause


class SimulatedTime:
    """The module `time`: an ESP32's counter, which wraps at 2^30, on world time. begun: what the chip's own clock
    showed at the start, in seconds."""

    def __init__(self, world: "World", begun: int = 0) -> None:
        self._begun = begun
        self.ticks_ms = world.ticks_ms
        self.sleep_ms = world.sleep_ms
        self._world = world

    @staticmethod
    def ticks_diff(end: int, start: int) -> int:
        """Return the signed distance of two counts."""
        return (end - start + 0x20000000 & 0x3FFFFFFF) - 0x20000000

    @staticmethod
    def ticks_add(start: int, ms: int) -> int:
        """Return a count that many ms from another."""
        return start + ms & 0x3FFFFFFF

    def sleep(self, seconds: float) -> None:
        """Block for seconds."""
        self._world.sleep_ms(int(seconds * 1000))

    def sleep_us(self, us: int) -> None:
        """Block for microseconds, which take no time here."""

    def time(self) -> int:
        """Return seconds of the chip's own clock, which starts at 0 without power."""
        return self._begun + self._world.elapsed // 1000

    gmtime = staticmethod(real.gmtime)
