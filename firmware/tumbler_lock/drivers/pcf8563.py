"""PCF8563 clock chip, and BM8563: the time, and whether it can be trusted (docs/design/drivers.md has the registers).

Times are whole Unix seconds, from 2000 to the end of 2199 (calendar.py).
"""

from micropython import const

from . import calendar

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .hardware import Bus

_CONTROL = const(0x00)
_SECONDS = const(0x02)
_SIZE = const(0x09)  # up to the years

_TEST = const(0x80)  # in the control register: pulses at a pin count, not the oscillator
_STOP = const(0x20)  # in the control register
_LOW = const(0x80)  # VL, in the seconds register: the voltage was too low for the clock
_CENTURY = const(0x80)  # in the month register


class PCF8563:
    """The chip on a bus. OSError of the bus passes through."""

    ADDRESS = 0x51

    def __init__(self, i2c: "Bus", address: int = ADDRESS) -> None:
        self._i2c = i2c
        self._address = address
        self._buffer = bytearray(_SIZE)

    def read(self) -> "tuple[int, bool]":
        """Return (Unix seconds, whether they can be trusted).

        False if the voltage was too low since the time was set, if the clock does not run, or if the registers hold no
        date; then the seconds are 0. One transfer: the chip holds the time until its end, so a carry cannot tear it.
        """
        data = self._buffer
        self._i2c.readfrom_mem_into(self._address, _CONTROL, data)
        bcd = calendar.from_bcd
        year = bcd(data[8], 0, 99)
        if year >= 0 and data[7] & _CENTURY:
            year += 100
        # Other bits of these registers do not exist, and may read as anything.
        unix = calendar.seconds(
            year, bcd(data[7] & 0x1F, 1, 12), bcd(data[5] & 0x3F, 1, 31),
            bcd(data[4] & 0x3F, 0, 23), bcd(data[3] & 0x7F, 0, 59), bcd(data[2] & 0x7F, 0, 59),
        )  # fmt: skip
        if unix < 0:
            return 0, False
        return unix, not (data[0] & (_TEST | _STOP) or data[2] & _LOW)

    def set(self, unix: int) -> None:
        """Set the time; from the last transfer on it is trusted. ValueError outside 2000..2199.

        A cut or bus error anywhere leaves the old time, the new one, or one that is not trusted: the clock is stopped
        meanwhile, which read() sees. Its first second takes 0.508 s.
        """
        year, month, date, hour, minute, second, weekday = calendar.moment(unix)
        bcd = calendar.to_bcd
        century = _CENTURY if year >= 100 else 0
        self._write(_CONTROL, bytes((_STOP,)))
        self._write(
            _SECONDS,
            bytes((
                bcd(second), bcd(minute), bcd(hour), bcd(date), (weekday + 1) % 7, bcd(month) | century,
                bcd(year % 100),
            )),
        )  # fmt: skip
        self._write(_CONTROL, b"\0")

    def _write(self, register: int, data: bytes) -> None:
        self._i2c.writeto_mem(self._address, register, data)
