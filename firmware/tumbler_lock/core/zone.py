"""The lock's time zone: from Unix seconds to the wall clock by a POSIX TZ rule.

A rule such as `CET-1CEST,M3.5.0,M10.5.0/3` is what POSIX defines for the variable TZ (IEEE 1003.1, section
8.3), with what RFC 9636 section 3.3 adds: times of day from -167 to 167 hours. It holds for every year.

Times are Unix seconds, offsets are seconds east of Greenwich, days are counted from 1970-01-01 on the wall
clock, weekdays go from Monday 0 to Sunday 6. Everything is an integer.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    # A date of a rule: form, month or day, week, weekday with Sunday 0, seconds.
    Date = tuple[str, int, int, int, int]

HOUR = 3600  # seconds
DAY = 86400  # seconds
RULE_MAX = 100  # characters; every rule of the IANA database has less than 50
_DAYS_BEFORE = (0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334)


def day_of(year: int, month: int, day: int) -> int:
    """Return the days from 1970-01-01 to a date of the Gregorian calendar, month 1 to 12.

    A day beyond the end of its month runs on into the next one.
    """
    past = year - 1
    days = 365 * past + past // 4 - past // 100 + past // 400 - 719162 + _DAYS_BEFORE[month - 1]
    return days + day - 1 + (1 if month > 2 and _leap(year) else 0)


def date_of(day: int) -> "tuple[int, int, int]":
    """Return (year, month, day of the month) of a day counted from 1970-01-01."""
    year = 1970 + day * 400 // 146097
    # Calculated with the mean length of a year, so days next to New Year may be one year off.
    while day < day_of(year, 1, 1):
        year -= 1
    while day >= day_of(year + 1, 1, 1):
        year += 1
    month = 12
    while day < day_of(year, month, 1):
        month -= 1
    return year, month, day - day_of(year, month, 1) + 1


def weekday(day: int) -> int:
    """Return the weekday, Monday 0 to Sunday 6, of a day counted from 1970-01-01 (a Thursday)."""
    return (day + 3) % 7


class Zone:
    """A time zone given by a POSIX TZ rule.

    `rule` is the text; `standard` and `daylight` are its two offsets, equal where the clocks never change;
    `phase` is the standard offset modulo an hour: where the hours of passcodes begin.
    ValueError with the reason if the rule is invalid.
    """

    def __init__(self, rule: str) -> None:
        reader = _Reader(rule)
        self.rule = rule
        reader.name()
        self.standard = self.daylight = -reader.offset()
        self.phase = self.standard % HOUR
        self._begins: "Date | None" = None
        self._ends: "Date | None" = None
        if not reader.done():
            reader.name()
            self.daylight = self.standard + HOUR if reader.peek() in ("", ",") else -reader.offset()
            self._begins = reader.date("begins")
            self._ends = reader.date("ends")
            if not reader.done():
                raise reader.error("nothing may follow the two dates")
        # The last stretch that was asked for, and its offset: nearly every question falls into the same half year.
        self._from = self._until = self._offset = 0

    def offset(self, t: int) -> int:
        """Return the seconds east of Greenwich at Unix time `t`."""
        if not self._from <= t < self._until:
            self._look(t)
        return self._offset

    def span(self, t: int) -> "tuple[int, int, int]":
        """Return (from, until, offset): a stretch around `t` in which the offset does not change.

        It ends where the offset changes, or with the UTC year.
        """
        self.offset(t)
        return self._from, self._until, self._offset

    def local(self, t: int) -> "tuple[int, int, int, int]":
        """Return (day, hour, minute, second) on the wall clock at Unix time `t`."""
        wall = t + self.offset(t)
        second = wall % DAY
        return wall // DAY, second // HOUR, second // 60 % 60, second % 60

    def _look(self, t: int) -> None:
        """Find the stretch that holds `t`."""
        year = date_of(t // DAY)[0]
        low = day_of(year, 1, 1) * DAY
        high = day_of(year + 1, 1, 1) * DAY
        offset = self.standard
        if self._begins is not None and self._ends is not None:
            # A time of day may move a change by a week into another year, and a season may span New Year.
            for start in range(year - 2, year + 2):
                begin = _moment(start, self._begins, self.standard)
                season = start
                end = _moment(season, self._ends, self.daylight)
                while end <= begin:
                    season += 1
                    end = _moment(season, self._ends, self.daylight)
                if begin <= t < end:
                    offset = self.daylight
                for change in (begin, end):
                    if low < change <= t:
                        low = change
                    elif t < change < high:
                        high = change
        self._from = low
        self._until = high
        self._offset = offset


def _leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def _moment(year: int, date: "Date", offset: int) -> int:
    """Return the Unix time of a rule's date in a year, under the offset that holds until then."""
    form, number, week, sunday_based, seconds = date
    if form == "M":
        first = day_of(year, number, 1)
        day = first + (sunday_based - 1 - weekday(first)) % 7 + 7 * (week - 1)
        if day >= day_of(year + number // 12, number % 12 + 1, 1):
            day -= 7  # the fifth week means the last one
    else:
        day = day_of(year, 1, 1) + number
        if form == "J":  # 1 to 365, as if 29 February were not there
            day += 0 if number >= 60 and _leap(year) else -1
    return day * DAY + seconds - offset


class _Reader:
    """Reads a rule from left to right."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        if not isinstance(text, str) or not text:
            raise ValueError("a time-zone rule is a text such as CET-1CEST,M3.5.0,M10.5.0/3")
        if len(text) > RULE_MAX:
            raise ValueError(f"a time-zone rule has at most {RULE_MAX} characters, this one has {len(text)}")

    def error(self, what: str) -> ValueError:
        """Return the error: what is wrong, and where."""
        return ValueError(f"time-zone rule {self._text!r}, character {self._at + 1}: {what}")

    def done(self) -> bool:
        """Whether the whole rule was read."""
        return self._at >= len(self._text)

    def peek(self) -> str:
        """Return the next character, "" at the end."""
        return self._text[self._at : self._at + 1]

    def take(self, wanted: str) -> bool:
        """Step over `wanted` if it is next."""
        if self.peek() != wanted:
            return False
        self._at += 1
        return True

    def name(self) -> None:
        """Step over an abbreviation: three letters or more, or letters, digits and signs in <>."""
        quoted = self.take("<")
        begin = self._at
        while _letter(self.peek()) or (quoted and (_digit(self.peek()) or self.peek() in ("+", "-"))):
            self._at += 1
        if self._at - begin < 3:
            raise self.error("a name of at least three letters is needed, or one such as <+03>")
        if quoted and not self.take(">"):
            raise self.error("the name needs its closing >")

    def number(self, most: int, low: int, high: int, what: str) -> int:
        """Read up to `most` digits as a number from `low` to `high`."""
        begin = self._at
        while _digit(self.peek()) and self._at - begin < most:
            self._at += 1
        value = int(self._text[begin : self._at]) if self._at > begin else -1
        if not low <= value <= high:
            raise self.error(f"{what} is a number from {low} to {high}")
        return value

    def clock(self, digits: int, hours: int, what: str) -> int:
        """Read [+|-]h[:mm[:ss]] as seconds."""
        minus = self.take("-")
        if not minus:
            self.take("+")
        seconds = HOUR * self.number(digits, 0, hours, what)
        for unit in (60, 1):
            if not self.take(":"):
                break
            begin = self._at
            seconds += unit * self.number(2, 0, 59, "minutes and seconds: each")
            if self._at - begin != 2:
                raise self.error("minutes and seconds have two digits")
        return -seconds if minus else seconds

    def offset(self) -> int:
        """Read a zone's offset: seconds west of Greenwich, as POSIX counts."""
        return self.clock(2, 24, "the offset's hour")

    def date(self, event: str) -> "Date":
        """Read `,date[/time]`."""
        if not self.take(","):
            raise self.error(f"the date on which daylight-saving time {event} is missing")
        week = day = 0
        if self.take("M"):
            form = "M"
            number = self.number(2, 1, 12, "the month")
            week = self._after_point(1, 5, "the week")
            day = self._after_point(0, 6, "the weekday")
        elif self.take("J"):
            form = "J"
            number = self.number(3, 1, 365, "the day of the year")
        else:
            form = "n"
            number = self.number(3, 0, 365, "the day of the year")
        seconds = self.clock(3, 167, "the hour of a change") if self.take("/") else 2 * HOUR
        return form, number, week, day, seconds

    def _after_point(self, low: int, high: int, what: str) -> int:
        if not self.take("."):
            raise self.error(f"{what} is missing: Mmonth.week.weekday")
        return self.number(1, low, high, what)


def _letter(c: str) -> bool:
    return "a" <= c <= "z" or "A" <= c <= "Z"


def _digit(c: str) -> bool:
    return "0" <= c <= "9"
