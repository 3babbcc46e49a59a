"""The calendar of the clock chips, and BCD, in which they hold it.

The chips have years of two digits and a century bit, and take every fourth year for a leap year, 2100 too. Read as a
counter of days since 2000-01-01, both ways, that is exact: the 29th of February 2100 that a chip makes up is simply
day 36,583. So times are right from 2000 to the end of 2199. Times are Unix seconds.
"""

from micropython import const

FIRST = const(946_684_800)  # 2000-01-01T00:00:00Z
END = const(7_258_118_400)  # 2200-01-01T00:00:00Z

_BEFORE_MONTH = (0, 31, 60, 91, 121, 152, 182, 213, 244, 274, 305, 335, 366)  # days, in a leap year


def from_bcd(value: int, low: int, high: int) -> int:
    """Return the number 0..99 that a BCD byte holds; -1 if it is no BCD or outside low..high."""
    tens = value >> 4
    ones = value & 15
    number = 10 * tens + ones
    if tens > 9 or ones > 9 or number < low or number > high:
        return -1
    return number


def to_bcd(number: int) -> int:
    """Return the BCD byte of a number 0..99."""
    return number // 10 << 4 | number % 10


def seconds(year: int, month: int, date: int, hour: int, minute: int, second: int) -> int:
    """Return the Unix seconds of a moment, year 0..199 from 2000; -1 if a field is -1 or there is no such moment."""
    if year < 0 or month < 0 or date < 0 or hour < 0 or minute < 0 or second < 0:
        return -1
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


def moment(unix: int) -> "tuple[int, int, int, int, int, int, int]":
    """Return (year 0..199, month, date, hour, minute, second, weekday, 0 = Monday) of Unix seconds.

    ValueError outside 2000..2199.
    """
    if not FIRST <= unix < END:
        raise ValueError("the clock chip holds the years 2000 to 2199 only")
    days, second = divmod(unix - FIRST, 86_400)
    years, day = divmod(days, 1461)  # the calendar repeats every four years, leap year first
    year = 4 * years
    if day >= 366:
        year += 1 + (day - 366) // 365
        day = (day - 366) % 365
        if day >= 59:
            day += 1  # the table counts the 29th of February
    month = 1
    while day >= _BEFORE_MONTH[month]:
        month += 1
    date = day - _BEFORE_MONTH[month - 1] + 1
    # 2000-01-01 was a Saturday.
    return year, month, date, second // 3600, second // 60 % 60, second % 60, (days + 5) % 7
