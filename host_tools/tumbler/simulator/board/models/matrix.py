"""Electrical model of a keypad matrix: rows, columns, and a bouncing switch at every crossing.

Rows are open-drain: low or released. Columns have pull-ups. Current finds every way through closed switches, so
ghosts come by themselves. A released line stays low for `rise_us` (pull-up and cable capacity).
Times are microseconds of the clock given, which never goes back. Runs on CPython and MicroPython.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

_NEVER = 1 << 62


def bounce(random: "Any", longest_us: int) -> "list[int]":
    """Moments (us after the touch) at which a bouncing contact toggles: an odd number, the first 0.

    `random` has randrange(n). All moments lie within `longest_us`, so the contact is settled from then on.
    """
    toggles = [0]
    for _ in range(2 * random.randrange(5)):
        toggles.append(random.randrange(longest_us))
    toggles.sort()
    return toggles


class RowPin:
    """An open-drain output: value(0) pulls the row low, value(1) releases it. A held one keeps its level."""

    def __init__(self, model: "MatrixModel", index: int) -> None:
        self._model = model
        self._bit = 1 << index
        self._held = False

    def init(self, hold: bool) -> None:
        """Hold the level that the pin has, or hold it no longer."""
        self._held = hold

    def value(self, level: int) -> None:
        """Drive the row."""
        if not self._held:
            self._model.drive(self._bit, level)

    def float(self) -> None:
        """Begin a light sleep of the chip: it releases a pin that is not held, as on an S3 or a C3."""
        self.value(1)


class ColumnPin:
    """An input with a pull-up: value() is 0 while the column is connected to a low row."""

    def __init__(self, model: "MatrixModel", index: int) -> None:
        self._model = model
        self._index = index

    def value(self) -> int:
        """Read the column."""
        return self._model.read(self._index)


class MatrixModel:
    """The switches and wires; `.rows` and `.cols` are pins for a driver. now_us(): the time."""

    def __init__(self, rows: int, cols: int, now_us: "Callable[[], int]", rise_us: int = 0) -> None:
        self.rows = [RowPin(self, index) for index in range(rows)]
        self.cols = [ColumnPin(self, index) for index in range(cols)]
        self._now_us = now_us
        self._rise_us = rise_us
        self._edges: "list[list[int]]" = [[] for _ in range(rows * cols)]  # to come, earliest first
        self._next = _NEVER  # the earliest of them
        self._lines = [0] * rows  # closed switches of a row, bit per column
        self._driven = 0  # rows held low
        self._low = 0  # columns pulled low now
        self._low_until = [0] * cols

    def toggle(self, crossing: int, moments: "list[int]") -> None:
        """Let the switch at `crossing` (row * columns + column) toggle at these times (us, not in the past)."""
        edges = self._edges[crossing]
        edges.extend(moments)
        edges.sort()
        if edges and edges[0] < self._next:
            self._next = edges[0]

    def press(self, crossing: int, at_us: int, chatter: "list[int] | tuple[int, ...]" = (0,)) -> None:
        """Close (or open) a switch at `at_us` as a finger does; `chatter` as from bounce()."""
        self.toggle(crossing, [at_us + offset for offset in chatter])

    release = press  # an odd number of toggles ends on the other side, whichever that is

    def closed(self, crossing: int) -> bool:
        """Return whether the switch is closed at this moment."""
        self._advance(self._now_us())
        row, col = divmod(crossing, len(self.cols))
        return bool(self._lines[row] >> col & 1)

    def drive(self, row_bit: int, level: int) -> None:
        """Set the level of a row."""
        now = self._now_us()
        self._advance(now)
        driven = self._driven & ~row_bit if level else self._driven | row_bit
        if driven != self._driven:
            self._driven = driven
            self._flow(now)

    def read(self, col: int) -> int:
        """Return the level of a column: 0 or 1."""
        now = self._now_us()
        self._advance(now)
        return 0 if self._low >> col & 1 or now < self._low_until[col] else 1

    def _advance(self, now: int) -> None:
        if now < self._next:
            return
        self._next = _NEVER
        width = len(self.cols)
        for crossing in range(len(self._edges)):
            edges = self._edges[crossing]
            while edges and edges[0] <= now:
                edges.pop(0)
                self._lines[crossing // width] ^= 1 << crossing % width
            if edges and edges[0] < self._next:
                self._next = edges[0]
        self._flow(now)

    def _flow(self, now: int) -> None:
        """Work out which columns are low: everything reachable from a low row over closed switches."""
        low_rows = self._driven
        low = 0
        grown = low_rows != 0
        while grown:
            grown = False
            for row in range(len(self._lines)):
                line = self._lines[row]
                bit = 1 << row
                if low_rows & bit:
                    if line & ~low:
                        low |= line
                        grown = True
                elif line & low:
                    low_rows |= bit
                    grown = True
        rising = self._low & ~low
        self._low = low
        if rising and self._rise_us:
            for col in range(len(self.cols)):
                if rising >> col & 1:
                    self._low_until[col] = now + self._rise_us
