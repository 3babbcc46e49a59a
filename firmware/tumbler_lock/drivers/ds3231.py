"""DS3231 clock chip: Unix time in and out, and whether it can be trusted (docs/design/drivers.md has the registers).

Times are whole seconds UTC since 1970. The chip counts in its own calendar, in which every fourth year is a
leap year, 2100 too. The driver treats that calendar as a counter of days since 2000-01-01, both ways, so the
29th of February 2100 that the chip makes up is simply day 36,583: right from 2000 to the end of 2199.
"""

try:
    from micropython import const
except ImportError:
    const = int  # type: ignore[assignment]  # only MicroPython folds constants

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

FIRST = const(946_684_800)  # 2000-01-01T00:00:00Z
END = const(7_258_118_400)  # 2200-01-01T00:00:00Z

_SECONDS = const(0x00)
_YEAR = const(0x06)
_CONTROL = const(0x0E)
_STATUS = const(0x0F)

_HOUR_12 = const(0x40)  # in the hours register
_HOUR_PM = const(0x20)
_CENTURY = const(0x80)  # in the month register
_STOP_ON_BATTERY = const(0x80)  # EOSC, in the control register
_STOPPED = const(0x80)  # OSF, in the status register
_NO_YEAR = b"\xff"

_BEFORE_MONTH = (0, 31, 60, 91, 121, 152, 182, 213, 244, 274, 305, 335, 366)  # days, in a leap year


def _from_bcd(value: int, low: int, high: int) -> int:
    """The number 0..99 that a BCD byte holds; -1 when it is no BCD or outside low..high."""
    tens = value >> 4
    ones = value & 15
    number = 10 * tens + ones
    if tens > 9 or ones > 9 or number < low or number > high:
        return -1
    return number


def _to_bcd(number: int) -> int:
    return number // 10 << 4 | number % 10


def _hour(value: int) -> int:
    """Hour 0..23 from the hours register in either mode, or -1."""
    if not value & _HOUR_12:
        return _from_bcd(value, 0, 23)
    hour = _from_bcd(value & ~(_HOUR_12 | _HOUR_PM), 1, 12)
    if hour < 0:
        return -1
    return hour % 12 + (12 if value & _HOUR_PM else 0)


def _time(registers: bytearray) -> int:
    """Unix seconds from registers 00h..06h; -1 when they hold no date of the chip's calendar."""
    second = _from_bcd(registers[0], 0, 59)
    minute = _from_bcd(registers[1], 0, 59)
    hour = _hour(registers[2])
    # Register 03h counts weekdays by a convention of whoever set it: it says nothing about the time.
    date = _from_bcd(registers[4], 1, 31)
    month = _from_bcd(registers[5] & ~_CENTURY, 1, 12)
    year = _from_bcd(registers[6], 0, 99)
    if second < 0 or minute < 0 or hour < 0 or date < 0 or month < 0 or year < 0:
        return -1
    if registers[5] & _CENTURY:
        year += 100
    leap = year % 4 == 0
    before = _BEFORE_MONTH[month - 1]
    length = _BEFORE_MONTH[month] - before
    if month == 2 and not leap:
        length = 28
    if date > length:
        return -1
    if month > 2 and not leap:
        before -= 1
    days = 365 * year + (year + 3) // 4 + before + date - 1
    return FIRST + 86_400 * days + 3600 * hour + 60 * minute + second


def _registers(unix: int) -> bytes:
    """Registers 00h..06h for a time, 24-hour mode, weekday 1 = Monday."""
    days, second = divmod(unix - FIRST, 86_400)
    years, day = divmod(days, 1461)  # the chip's calendar repeats every four years, leap year first
    year = 4 * years
    leap = day < 366
    if not leap:
        year += 1 + (day - 366) // 365
        day = (day - 366) % 365
        if day >= 59:
            day += 1  # the table below counts the 29th of February
    month = 1
    while day >= _BEFORE_MONTH[month]:
        month += 1
    return bytes(
        (
            _to_bcd(second % 60),
            _to_bcd(second // 60 % 60),
            _to_bcd(second // 3600),
            1 + (days + 5) % 7,  # 2000-01-01 was a Saturday
            _to_bcd(day - _BEFORE_MONTH[month - 1] + 1),
            _to_bcd(month) | (_CENTURY if year >= 100 else 0),
            _to_bcd(year % 100),
        )
    )


class DS3231:
    """The chip on a bus with machine.I2C's memory calls. OSError of the bus passes through."""

    def __init__(self, i2c: "Any", address: int = 0x68) -> None:
        self._i2c = i2c
        self._address = address
        self._buffer = bytearray(_STATUS + 1)

    def read(self) -> "tuple[int, bool]":
        """(Unix seconds, whether they can be trusted).

        False when the oscillator has stopped since the time was set, or the registers hold no date (then the
        seconds are 0). One transfer: the chip freezes the time at its start, so a carry cannot be torn.
        """
        registers = self._buffer
        self._i2c.readfrom_mem_into(self._address, _SECONDS, registers)
        unix = _time(registers)
        if unix < 0:
            return 0, False
        return unix, not registers[_STATUS] & _STOPPED

    def set(self, unix: int) -> None:
        """Set the time; from the last transfer on it is trusted. ValueError outside 2000..2199.

        A cut or bus error anywhere leaves the old time, the new one, or one that is not trusted: the year is
        made unreadable first and is the last byte of the time; the stop flag is cleared after all else.
        """
        if not FIRST <= unix < END:
            raise ValueError("the clock chip holds the years 2000 to 2199 only")
        status = bytearray(2)
        self._i2c.readfrom_mem_into(self._address, _CONTROL, status)
        self._write(_YEAR, _NO_YEAR)
        self._write(_SECONDS, _registers(unix))
        # Someone may have told the oscillator to rest on battery power, which would lose the time.
        self._write(_CONTROL, bytes((status[0] & ~_STOP_ON_BATTERY & 0xFF,)))
        self._write(_STATUS, bytes((status[1] & ~_STOPPED & 0xFF,)))

    def _write(self, register: int, data: bytes) -> None:
        self._i2c.writeto_mem(self._address, register, data)
