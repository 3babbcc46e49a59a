"""Stand-in for MicroPython's `machine` and `time` modules on the virtual board: what the firmware uses of them.

A pin is what board.json wires it to: a row or a column of the matrix, the bolt, the LED, a plain pin. Outputs tell the
host when their level changes. Only the combinations that work on the real chip are accepted.
"""

import time as real

PWRON_RESET = 1
WDT_RESET = 3
SOFT_RESET = 5


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
    """The set-up button: connects its pin to the level `active` while it is held."""

    def __init__(self, active):
        self.active = active
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

    def __init__(self, description, matrix, button, bolt, led):
        self._button = {description["button"]["pin"]: button}
        self._battery = description["battery"]["pin"]
        self._rows = dict(zip(description["keypad"]["rows"], matrix.rows))
        self._cols = dict(zip(description["keypad"]["cols"], matrix.cols))
        self._outputs = {description["bolt"]["pin"]: _Output(bolt), description["led"]["pin"]: _Output(led)}

    def __call__(self, number, mode=-1, pull=-1, value=None):
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
        if value is not None:
            pin.value(value)
        return pin


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


class _Timer:
    """machine.Timer, one-shot, on world time."""

    ONE_SHOT = 0
    PERIODIC = 1

    def __init__(self, world):
        self._world = world
        self.due = 0
        self._callback = None

    def init(self, mode=PERIODIC, period=-1, callback=None):
        """Arm it."""
        if mode != self.ONE_SHOT or period < 1:
            raise ValueError("this timer is one-shot, of 1 ms at least")
        self.deinit()
        self._callback = callback
        self.due = self._world.elapsed + period
        self._world.timers.append(self)

    def deinit(self):
        """Disarm it."""
        if self in self._world.timers:
            self._world.timers.remove(self)

    def fire(self):
        """Its moment has come."""
        self.deinit()
        self._callback(self)


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
    """The module `machine`. reset(cause): ends the power-on, must raise; cause: why this one began. The host moves
    `button` and `battery`."""

    PWRON_RESET = PWRON_RESET
    WDT_RESET = WDT_RESET
    SOFT_RESET = SOFT_RESET
    Signal = Signal

    def __init__(self, world, description, matrix, bus, outputs, reset, cause):
        self.button = Button(description["button"].get("active", 0))
        self.battery = Battery(description["battery"])
        self.ADC = _Converter(self.battery)
        self.Pin = _Pins(description, matrix, self.button, outputs.bolt, outputs.led)
        self.PWM = lambda pin, freq=0, duty_u16=0: _PWM(outputs.tone, pin, freq, duty_u16)
        self.Timer = lambda number: _Timer(world)
        self.WDT = lambda timeout=5000: _Watchdog(world, timeout)
        self.I2C = lambda number, scl=None, sda=None, freq=400_000: bus
        self._reset = reset
        self._cause = cause

    def reset(self):
        """Restart the board."""
        self._reset("machine.reset")

    def reset_cause(self):
        """Why the board started."""
        return self._cause


class Time:
    """The module `time`: an ESP32's counter, wrapping at 2^30, on world time."""

    def __init__(self, world):
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
        return self._world.elapsed // 1000

    gmtime = staticmethod(real.gmtime)
