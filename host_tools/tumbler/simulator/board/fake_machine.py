"""Stand-in for MicroPython's `machine` and `time` modules on the virtual board: what the firmware uses of them.

A pin is what board.json wires it to: a row or a column of the matrix, the bolt, the LED, a plain pin. Outputs tell the
host when their level changes. Only the combinations that work on the real chip are accepted.
"""

import time as real

from .models.motor import CLOSE, OPEN, Mechanics
from .models.rmt import Pad, Rmt

PWRON_RESET = 1
WDT_RESET = 3
DEEPSLEEP_RESET = 4
HARD_RESET = 2  # machine.reset() counts as one on an ESP32
PIN_WAKE = 2
TIMER_WAKE = 4
GPIO_WAKE = 7  # without a name in MicroPython
EARLY_MS = 1  # ESP-IDF takes off what it expects the wake to last, and that is a guess


CAUSES = {"watchdog": WDT_RESET, "panic": WDT_RESET, "machine.reset": HARD_RESET, "deep-sleep": DEEPSLEEP_RESET}


class _Output:
    """A pin with a level; changed(level) is called after it changed."""

    def __init__(self, changed=None):
        self.level = 0
        self._changed = changed

    def value(self, level=None):
        """Read, or write."""
        if level is None:
            return self.level
        level = 1 if level else 0
        if level != self.level:
            self.level = level
            if self._changed:
                self._changed(level)


class Button:
    """A button or a contact: connects its pin to the level `active` while it is held, or on."""

    def __init__(self, part):
        self.pin = part["pin"]
        self.active = part.get("active", 0)
        self.held = False

    def value(self):
        """The level of the pin, whose pull-up or pull-down keeps it at the other one."""
        return self.active if self.held else 1 - self.active


class _Pins:
    """machine.Pin: calling it gives the pin that is wired there."""

    IN = 1
    OUT = 3
    OPEN_DRAIN = 7
    PULL_UP = 2
    PULL_DOWN = 1

    def __init__(self, description, matrix, contacts, motor, bolt, led):
        self._button = {contact.pin: contact for contact in contacts}
        self._battery = description["battery"]["pin"]
        self._rows = dict(zip(description["keypad"]["rows"], matrix.rows))
        self._cols = dict(zip(description["keypad"]["cols"], matrix.cols))
        self._outputs = {description["led"]["pin"]: _Output(led)}
        part = description["bolt"]
        if motor is None:
            self._outputs[part["pin"]] = Pad(bolt, 1 - part.get("active", 1))
        else:
            for name, leg in zip(("open", "close"), motor.legs):
                self._outputs[part[name]] = Pad(leg.value)
            self._button[part["opened"]] = _EndSwitch(motor.switches[OPEN], part)
            self._button[part["closed"]] = _EndSwitch(motor.switches[CLOSE], part)

    def input(self, number):
        """What is at an input pin, as it was opened."""
        return self._cols[number] if number in self._cols else self._button[number]

    def __call__(self, number, mode=-1, pull=-1, value=None):
        if mode == -1 and (number in self._cols or number in self._button):
            return self.input(number)
        if number in self._rows:
            if mode != self.OPEN_DRAIN:
                raise ValueError("pin %d is a row of the keypad: open it as open-drain" % number)
            pin = self._rows[number]
        elif number in self._cols:
            if mode != self.IN or pull != self.PULL_UP:
                raise ValueError("pin %d is a column of the keypad: open it as an input with pull-up" % number)
            return self._cols[number]
        elif number in self._button:
            button = self._button[number]
            if mode != self.IN or pull != (self.PULL_DOWN if button.active else self.PULL_UP):
                raise ValueError("pin %d is a button: open it as an input that is pulled to the other level" % number)
            return button
        elif number == self._battery:
            return number  # for ADC
        else:
            pin = self._outputs.get(number)
            if pin is None:
                pin = self._outputs[number] = _Output()
            elif isinstance(pin, Pad):
                pin.init(mode, value=value)
                return pin
        if value is not None:
            pin.value(value)
        return pin


class _EndSwitch:
    """A motor's end switch at its pin."""

    def __init__(self, switch, part):
        self.active = part.get("switch_active", 0)
        self._switch = switch

    def value(self):
        """The level of the pin."""
        return self.active if self._switch.value() else 1 - self.active


class _RTC:
    """machine.RTC: the memory that lasts through deep sleep."""

    def __init__(self, kept):
        self._kept = kept

    def memory(self, data=None):
        """Read, or write."""
        if data is None:
            return self._kept
        self._kept = bytes(data)


class Esp32:
    """The module `esp32`: what may end a sleep, and RMT. Deep sleep ends by ext1 pins alone."""

    WAKEUP_ALL_LOW = False
    WAKEUP_ANY_HIGH = True

    def __init__(self, rmt):
        self.RMT = rmt
        self.light = ()
        self.deep = ()

    def wake_on_gpio(self, pins, level):
        """Pins that end light sleep."""
        if level:
            raise ValueError("the wires of a lock are low when something happens")
        self.light = pins

    def wake_on_ext1(self, pins, level):
        """Pins that end deep sleep."""
        if level:
            raise ValueError("the wires of a lock are low when something happens")
        self.deep = pins


class Signal:
    """machine.Signal: a pin with its level inverted, or not."""

    def __init__(self, pin, invert=False):
        self._pin = pin
        self._invert = 1 if invert else 0

    def value(self, level=None):
        """Read, or write."""
        if level is None:
            return self._pin.value() ^ self._invert
        self._pin.value((1 if level else 0) ^ self._invert)


class _PWM:
    """machine.PWM on the buzzer's pin: tells the host the tone."""

    def __init__(self, tone, pin, freq=0, duty_u16=0):
        self._tone = tone
        self._hz = freq
        self._duty = duty_u16

    def freq(self, hz):
        """Change the frequency."""
        if not 1 <= hz <= 40_000_000:
            raise ValueError("a frequency is 1 Hz to 40 MHz")
        if hz != self._hz:
            self._hz = hz
            if self._duty:
                self._tone(hz)

    def duty_u16(self, duty):
        """Change the duty cycle."""
        if duty != self._duty:
            self._duty = duty
            self._tone(self._hz if duty else 0)


class _Watchdog:
    """machine.WDT on world time: it cannot be stopped."""

    def __init__(self, world, timeout=5000):
        if timeout < 1000:
            raise ValueError("the watchdog's time is 1 s at least")
        self._world = world
        world.watchdog_ms = timeout
        world.feed()

    def feed(self):
        """Put it off."""
        self._world.feed()


class Battery:
    """A battery behind the divider that the description has of it; full until the host says otherwise."""

    def __init__(self, part):
        self.pin = part["pin"]
        self.divider = part["divider"]
        self.millivolts = part["full_mv"]


class _Converter:
    """machine.ADC: calling it gives the input at the battery's divider."""

    ATTN_11DB = 3

    def __init__(self, battery):
        self._battery = battery

    def __call__(self, pin, atten=0):
        if pin != self._battery.pin or atten != self.ATTN_11DB:
            raise ValueError("open the battery's pin with an attenuation of 11 dB: it has more than 1 V")
        return self

    def read_uv(self):
        """Microvolts at the pin."""
        return self._battery.millivolts * 100_000 // self._battery.divider


class Machine:
    """The module `machine`. reset(cause, fields): ends the power-on, must raise; start: what the host told of why
    this one began; asleep(): called when a sleep takes the radio's power. The host moves `contacts`, `button` and
    `battery`, and jams `motor`."""

    PWRON_RESET = PWRON_RESET
    WDT_RESET = WDT_RESET
    HARD_RESET = HARD_RESET
    DEEPSLEEP_RESET = DEEPSLEEP_RESET
    PIN_WAKE = PIN_WAKE
    TIMER_WAKE = TIMER_WAKE
    Signal = Signal

    def __init__(self, world, description, matrix, bus, outputs, reset, start, asleep):
        self.contacts = {name: Button(description[name]) for name in ("button", "door", "exit") if name in description}
        self.button = self.contacts["button"]
        self.motor = None
        if description["bolt"].get("kind") == "motor":
            self.motor = Mechanics(lambda: world.elapsed, start.get("position", 0))
        rmt = Rmt(description["mcu"], lambda: world.elapsed, lambda: reset("panic"))
        world.pulses = rmt.playing
        self.esp32 = Esp32(rmt)
        self._world = world
        rtc = _RTC(bytes.fromhex(start.get("memory", "")))
        self.RTC = lambda: rtc
        self.battery = Battery(description["battery"])
        self.ADC = _Converter(self.battery)
        self.rows = matrix.rows
        self.Pin = _Pins(description, matrix, self.contacts.values(), self.motor, outputs.bolt, outputs.led)
        self.PWM = lambda pin, freq=0, duty_u16=0: _PWM(outputs.tone, pin, freq, duty_u16)
        self.WDT = lambda timeout=5000: _Watchdog(world, timeout)
        self.I2C = lambda number, scl=None, sda=None, freq=400_000: bus
        self._reset = reset
        self._asleep = asleep
        self._cause = CAUSES.get(start.get("cause"), PWRON_RESET)
        self._reason = TIMER_WAKE if start.get("by") == "timer" else PIN_WAKE

    def reset(self):
        """Restart the board."""
        self._reset("machine.reset")

    def lightsleep(self, ms):
        """Sleep until a pin goes low, or a timer ends it a little early; refused while one is low. The keypad's rows
        float meanwhile unless they are held."""
        for row in self.rows:
            row.float()
        self._asleep()
        self._reason = 0
        if self._low(self.esp32.light):
            return
        self._world.sleep(ms - EARLY_MS, lambda: self._low(self.esp32.light))
        self._reason = GPIO_WAKE if self._low(self.esp32.light) else TIMER_WAKE

    def deepsleep(self, ms):
        """Sleep until a pin goes low, and start again."""
        self._asleep()
        self._world.sleep(ms, lambda: self._low(self.esp32.deep))
        by = "pin" if self._low(self.esp32.deep) else "timer"
        self._reset("deep-sleep", {"by": by, "memory": self.RTC().memory().hex()})

    @staticmethod
    def _low(pins):
        return 0 in [pin.value() for pin in pins]

    def wake_reason(self):
        """What ended the last sleep; 0: it was refused."""
        return self._reason

    def reset_cause(self):
        """Why the board started."""
        return self._cause


class Time:
    """The module `time`: an ESP32's counter, wrapping at 2^30, on world time. begun: what its own clock showed at the
    start, in seconds."""

    def __init__(self, world, begun=0):
        self._begun = begun
        self.ticks_ms = world.ticks_ms
        self.sleep_ms = world.sleep_ms
        self._world = world

    @staticmethod
    def ticks_diff(end, start):
        """Signed distance of two counts."""
        return (end - start + 0x20000000 & 0x3FFFFFFF) - 0x20000000

    @staticmethod
    def ticks_add(start, ms):
        """A count that many ms from another."""
        return start + ms & 0x3FFFFFFF

    def sleep(self, seconds):
        """Block for seconds."""
        self._world.sleep_ms(int(seconds * 1000))

    def sleep_us(self, us):
        """Block for microseconds, which are no time here."""

    def time(self):
        """Seconds of the port's own clock, which nobody has set."""
        return self._begun + self._world.elapsed // 1000

    gmtime = staticmethod(real.gmtime)
