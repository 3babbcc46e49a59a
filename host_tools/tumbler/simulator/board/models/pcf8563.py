"""Register-level model of the PCF8563 clock chip, which is sold as BM8563 too.

Written from the chip's register map, apart from the driver: it carries field by field as the chip does, takes every
fourth year for a leap year (2100 too), toggles the century bit, holds the time during a transfer, keeps VL until it is
written 0, and stands still while STOP or TEST1 is set. Bits that do not exist read as ones, and registers that hold no
date do not run: the data sheet leaves both open. World time is integer milliseconds. Runs on CPython and MicroPython.
"""

from .counters import add_days, get, put

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

_SIZE = 0x10
_STOP = 0x20
_HALTED = 0x80 | _STOP  # TEST1 or STOP
_TOP = 0x80  # VL in the seconds register, the century in the month register
_FLAGS = 0x0C  # AF and TF, which a write can only clear
_FIRST_MS = 508  # from the release of STOP to the first second: data sheet, between 0.507813 and 0.507935 s

# Bits that exist, register by register.
_BITS = bytes((
    0xA8, 0x1F, 0xFF, 0x7F, 0x3F, 0x3F, 0x07, 0x9F, 0xFF, 0xFF, 0xBF, 0xBF, 0x87, 0x83, 0x83, 0xFF,
))  # fmt: skip


class PCF8563Model:
    """The chip. `now_ms()` is world time; `state` is what state() returned, or None for the first power-on."""

    ADDRESS = 0x51

    def __init__(self, now_ms: "Callable[[], int]", state: "dict[str, Any] | None" = None) -> None:
        self._now_ms = now_ms
        self._latched = b""
        self._pointer = 0
        self.registers = bytearray(_SIZE)
        if state is None:
            self.lose_power()
            return
        self.registers = bytearray(bytes.fromhex(state["registers"]))
        self._second_ms: int = state["second_ms"]
        if len(self.registers) != _SIZE:
            raise ValueError("a PCF8563 state holds %d registers" % _SIZE)
        self._advance()

    def state(self) -> "dict[str, Any]":
        """Return everything needed to continue later; plain JSON values."""
        self._advance()
        return {"registers": self.registers.hex(), "second_ms": self._second_ms}

    def lose_power(self) -> None:
        """Let the supply fail and come back: VL and the other values of a power-on; the time is whatever it was."""
        registers = self.registers
        registers[0x00] = 0x08
        registers[0x01] = 0
        registers[0x02] |= _TOP
        for alarm in range(0x09, 0x0D):
            registers[alarm] |= _TOP
        registers[0x0D] = 0x80
        registers[0x0E] = 0x03
        self._second_ms = self._now_ms()

    def sag(self) -> None:
        """Let the supply fall below the voltage that the clock needs: it sets VL, and runs on."""
        self._advance()
        self.registers[0x02] |= _TOP

    def preset(self, unix: int) -> None:
        """Set the chip to this time, right or wrong, as if another program did. ValueError before 2000."""
        seconds = unix - 946_684_800
        if seconds < 0:
            raise ValueError("the chip cannot hold a time before 2000")
        self.registers[0x00] = 0
        self.registers[0x02:0x09] = bytes((0, 0, 0, 1, 6, 1, 0))  # Saturday, 2000-01-01
        self._second_ms = self._now_ms()
        self._carry(seconds)

    def _advance(self) -> None:
        now = self._now_ms()
        passed = (now - self._second_ms) // 1000
        if passed > 0:
            self._second_ms += passed * 1000
            if not self.registers[0x00] & _HALTED:
                self._carry(passed)

    def _carry(self, seconds: int) -> None:
        """Count on by `seconds`, field by field."""
        registers = self.registers
        second = get(registers[0x02] & 0x7F)
        minute = get(registers[0x03])
        hour = get(registers[0x04])
        date = get(registers[0x05])
        month = get(registers[0x07] & 0x1F)
        year = get(registers[0x08])
        if second > 59 or minute > 59 or hour > 23 or year > 99 or not (1 <= month <= 12 and 1 <= date <= 31):
            return
        second += seconds
        minute += second // 60
        hour += minute // 60
        days = hour // 24
        registers[0x06] = (registers[0x06] + days) % 7
        date, month, year, centuries = add_days(date, month, year, days)
        registers[0x02] = registers[0x02] & _TOP | put(second % 60)
        registers[0x03] = put(minute % 60)
        registers[0x04] = put(hour % 24)
        registers[0x05] = put(date)
        registers[0x07] = (registers[0x07] & _TOP ^ (_TOP if centuries & 1 else 0)) | put(month)
        registers[0x08] = put(year)

    # The bus side: start(), then read() or write() byte by byte.

    def start(self, register: int) -> None:
        """Begin a transfer: the time is held for reading until the next one."""
        self._advance()
        self._latched = bytes(self.registers)
        self._pointer = register % _SIZE

    def read(self) -> int:
        """Return the next byte."""
        pointer = self._pointer
        self._pointer = (pointer + 1) % _SIZE
        return self._latched[pointer] | ~_BITS[pointer] & 0xFF

    def write(self, value: int) -> None:
        """Store the next byte as the chip does."""
        pointer = self._pointer
        self._pointer = (pointer + 1) % _SIZE
        if pointer == 0x00 and self.registers[0x00] & _STOP and not value & _STOP:
            self._second_ms = self._now_ms() + _FIRST_MS - 1000
        if pointer == 0x01:
            value &= self.registers[0x01] | ~_FLAGS & 0xFF
        self.registers[pointer] = value & _BITS[pointer]
