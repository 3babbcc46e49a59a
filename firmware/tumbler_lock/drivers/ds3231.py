"""DS3231 clock chip: the time, and whether it can be trusted (docs/design/drivers.md has the registers).

Times are whole Unix seconds, from 2000 to the end of 2199 (calendar.py).
"""

from micropython import const

from . import calendar

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .hardware import Bus

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


def _hour(value: int) -> int:
    """Return the hour 0..23 from the hours register in either mode, or -1."""
    if not value & _HOUR_12:
        return calendar.from_bcd(value, 0, 23)
    hour = calendar.from_bcd(value & ~(_HOUR_12 | _HOUR_PM), 1, 12)
    if hour < 0:
        return -1
    return hour % 12 + (12 if value & _HOUR_PM else 0)


class DS3231:
    """The chip on a bus. OSError of the bus passes through."""

    ADDRESS = 0x68

    def __init__(self, i2c: "Bus", address: int = ADDRESS) -> None:
        self._i2c = i2c
        self._address = address
        self._buffer = bytearray(_STATUS + 1)

    def read(self) -> "tuple[int, bool]":
        """Return (Unix seconds, whether they can be trusted).

        False if the oscillator has stopped since the time was set, or if the registers hold no date; then the seconds
        are 0. One transfer: the chip freezes the time at its start, so a carry cannot tear it.
        """
        data = self._buffer
        self._i2c.readfrom_mem_into(self._address, _SECONDS, data)
        bcd = calendar.from_bcd
        year = bcd(data[6], 0, 99)
        if year >= 0 and data[5] & _CENTURY:
            year += 100
        # Register 03h counts weekdays as its setter chose to: it says nothing about the time.
        unix = calendar.seconds(
            year, bcd(data[5] & ~_CENTURY, 1, 12), bcd(data[4], 1, 31),
            _hour(data[2]), bcd(data[1], 0, 59), bcd(data[0], 0, 59),
        )  # fmt: skip
        if unix < 0:
            return 0, False
        return unix, not data[_STATUS] & _STOPPED

    def set(self, unix: int) -> None:
        """Set the time; from the last transfer on it is trusted. ValueError outside 2000..2199.

        A cut or bus error anywhere leaves the old time, the new one, or one that is not trusted. For that the year
        becomes invalid first and is the last byte of the time, and the stop flag is cleared after all else.
        """
        year, month, date, hour, minute, second, weekday = calendar.moment(unix)
        bcd = calendar.to_bcd
        century = _CENTURY if year >= 100 else 0
        status = bytearray(2)
        self._i2c.readfrom_mem_into(self._address, _CONTROL, status)
        self._write(_YEAR, _NO_YEAR)
        self._write(
            _SECONDS,
            bytes((
                bcd(second), bcd(minute), bcd(hour), weekday + 1, bcd(date), bcd(month) | century, bcd(year % 100),
            )),
        )  # fmt: skip
        # On battery power the oscillator may have been set to stop, which would lose the time.
        self._write(_CONTROL, bytes((status[0] & ~_STOP_ON_BATTERY & 0xFF,)))
        self._write(_STATUS, bytes((status[1] & ~_STOPPED & 0xFF,)))

    def _write(self, register: int, data: bytes) -> None:
        self._i2c.writeto_mem(self._address, register, data)
