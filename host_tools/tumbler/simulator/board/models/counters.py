"""What the counters of the clock chips' models have in common: BCD, and the chips' calendar.

Runs on CPython and MicroPython.
"""

_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def get(value: int) -> int:
    """Return the number of a BCD byte; 100, beyond every field, if a digit is no decimal digit."""
    return 100 if value & 15 > 9 or value >> 4 > 9 else (value >> 4) * 10 + (value & 15)


def put(number: int) -> int:
    """Return the BCD byte of a number."""
    return (number // 10 << 4) + number % 10


def add_days(date: int, month: int, year: int, days: int) -> "tuple[int, int, int, int]":
    """Count on, field by field, with a leap year in every fourth one; return the date and how often the year went from
    99 to 0."""
    centuries = 0
    date += days
    while True:
        length = _DAYS[month - 1] + (1 if month == 2 and year % 4 == 0 else 0)
        if date <= length:
            return date, month, year, centuries
        date -= length
        month += 1
        if month > 12:
            month = 1
            year += 1
            if year > 99:
                year = 0
                centuries += 1
