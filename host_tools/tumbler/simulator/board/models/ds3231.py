"""Register-level model of the DS3231 clock chip.

Written from the chip's register map, apart from the driver: it carries field by field as the chip does, in
12- or 24-hour mode, takes every fourth year for a leap year (2100 too), toggles the century bit, freezes the
time at the start of a transfer, keeps OSF until it is written 0 and stops where EOSC says so. Registers that
hold no date do not run (the data sheet leaves that open). World time is integer milliseconds. Runs on CPython
and MicroPython.
"""

from .counters import add_days, get, put

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

_SIZE = 0x13
_CONTROL = 0x0E
_STATUS = 0x0F
_TOP = 0x80  # EOSC in the control register, OSF in the status register, the century in the month register

# Bits that exist, register by register; the others read as 0.
_BITS = bytes((0x7F, 0x7F, 0x7F, 0x07, 0x3F, 0x9F, 0xFF)) + b"\xff" * 8 + bytes((0x8F, 0xFF, 0xFF, 0xC0))


class DS3231Model:
    """The chip. `now_ms()` is world time; `state` is what state() gave, or None for the first power-on."""

    ADDRESS = 0x68

    def __init__(self, now_ms: "Callable[[], int]", state: "dict[str, Any] | None" = None) -> None:
        self._now_ms = now_ms
        self._running = True
        self._on_battery = False
        self._latched = b""
        self._pointer = 0
        if state is None:
            self.lose_power()
        else:
            self.registers = bytearray(bytes.fromhex(state["registers"]))
            self._second_ms = state["second_ms"]
            self._running = state["running"]
            if len(self.registers) != _SIZE:
                raise ValueError("a DS3231 state holds %d registers" % _SIZE)
            self._advance()
            self._oscillate()

    def state(self) -> "dict[str, Any]":
        """Everything needed to go on later; plain JSON values."""
        self._advance()
        return {"registers": self.registers.hex(), "second_ms": self._second_ms, "running": self._running}

    def lose_power(self) -> None:
        """Supply and battery failed and came back: power-on values, oscillator-stop flag set."""
        self.registers = bytearray(_SIZE)
        self.registers[3] = self.registers[4] = self.registers[5] = 1
        self.registers[_CONTROL] = 0x1C
        self.registers[_STATUS] = 0x88
        self._second_ms = self._now_ms()
        self._running = True

    def supply(self, on: bool) -> None:
        """The board's supply goes or comes; on the battery EOSC decides whether the oscillator runs."""
        self._advance()
        self._on_battery = not on
        self._oscillate()

    def _oscillate(self) -> None:
        running = not (self._on_battery and self.registers[_CONTROL] & _TOP)
        if self._running and not running:
            self.registers[_STATUS] |= _TOP
        if running and not self._running:
            self._second_ms = self._now_ms()
        self._running = running

    def preset(self, unix: int) -> None:
        """Somebody set the chip properly to this time (Unix seconds from 2000 on), right or wrong."""
        seconds = unix - 946_684_800
        if seconds < 0:
            raise ValueError("the chip cannot hold a time before 2000")
        self.registers[0:7] = bytes((0, 0, 0, 6, 1, 1, 0))
        self.registers[_STATUS] &= ~_TOP & 0xFF
        self._second_ms = self._now_ms()
        self._carry(seconds)

    def _advance(self) -> None:
        now = self._now_ms()
        passed = (now - self._second_ms) // 1000
        if passed > 0:
            self._second_ms += passed * 1000
            if self._running:
                self._carry(passed)

    def _carry(self, seconds: int) -> None:
        """Count on by `seconds`, field by field."""
        registers = self.registers
        second = get(registers[0])
        minute = get(registers[1])
        twelve = registers[2] & 0x40
        hour = get(registers[2] & (0x1F if twelve else 0x3F))
        date = get(registers[4])
        month = get(registers[5] & 0x1F)
        year = get(registers[6])
        century = registers[5] & _TOP
        if second > 59 or minute > 59 or hour > 23 or year > 99 or not (1 <= month <= 12 and 1 <= date <= 31):
            return
        if twelve:
            if not 1 <= hour <= 12:
                return
            hour = (0 if hour == 12 else hour) + (12 if registers[2] & 0x20 else 0)
        second += seconds
        minute += second // 60
        hour += minute // 60
        days = hour // 24
        second %= 60
        minute %= 60
        hour %= 24
        registers[3] = (registers[3] - 1 + days) % 7 + 1
        date, month, year, centuries = add_days(date, month, year, days)
        if centuries & 1:
            century ^= _TOP
        registers[0] = put(second)
        registers[1] = put(minute)
        if twelve:
            registers[2] = 0x40 | (0x20 if hour >= 12 else 0) | put((hour + 11) % 12 + 1)
        else:
            registers[2] = put(hour)
        registers[4] = put(date)
        registers[5] = century | put(month)
        registers[6] = put(year)

    # The bus side: start(), then read() or write() byte by byte.

    def start(self, register: int) -> None:
        """A transfer begins: the time is frozen for reading until the next start."""
        self._advance()
        self._latched = bytes(self.registers[0:7])
        self._pointer = register % _SIZE

    def read(self) -> int:
        """The next byte."""
        pointer = self._pointer
        self._pointer = (pointer + 1) % _SIZE
        if pointer == 0:  # the register pointer wrapped: the chip freezes the time again
            self._advance()
            self._latched = bytes(self.registers[0:7])
        return self._latched[pointer] if pointer < 7 else self.registers[pointer]

    def write(self, value: int) -> None:
        """Store the next byte as the chip would: OSF can only be cleared, the temperature is read-only."""
        pointer = self._pointer
        self._pointer = (pointer + 1) % _SIZE
        if pointer == _STATUS:
            value &= self.registers[_STATUS] | 0x7F
        if pointer in (0x11, 0x12):
            return
        self.registers[pointer] = value & _BITS[pointer]
        if pointer == 0:
            self._second_ms = self._now_ms()  # writing the seconds starts a whole second
        if pointer == _CONTROL:
            self._oscillate()
