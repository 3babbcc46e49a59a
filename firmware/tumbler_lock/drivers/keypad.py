"""Keypad matrix: scanning, debounce, rollover, ghosts and stuck keys (docs/design/drivers.md has the states).

A key here is a keypad key. A crossing is numbered row * columns + column and is one bit of every mask. Times are
milliseconds of a counter that may wrap at 2^30. Rows are open-drain outputs (1 releases the row). Columns are inputs
with pull-ups (0 = connected to a row that is held low). So two pressed keys never short two outputs.
A bit that reads open is open. A bit that reads closed proves something only where no ghost is possible: three keys on
the corners of a rectangle connect the fourth corner too, so no bit of such a rectangle proves anything.
"""

from micropython import const

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .hardware import Crossings, Input, Row

SCAN_MS = const(5)
STEADY = const(3)  # equal clear samples in a row that settle a key: 10 ms, longer than a contact bounces
PATIENCE_MS = const(50)  # how long a settled key waits for one that was touched before it
STUCK_MS = const(30_000)
NO_SAMPLE = const(-1)  # the result of a scan that failed

_TICKS = const(0x3FFFFFFF)

# State of a key.
_RELEASED = const(0)
_DOUBTED = const(1)  # closed, but always in a rectangle
_TOUCHED = const(2)  # closed for sure at least once, settling
_PRESSED = const(3)
_MASKED = const(4)

# What one sample says of a key.
_OPEN = const(0)
_CLOSED = const(1)
_UNCLEAR = const(2)


class Grid:
    """Crossings of rows and columns, and what a sample of them proves; a subclass takes samples with scan().

    Attribute: failing, True after no sample could be taken for a while.
    """

    failing = False

    def __init__(self, rows: int, cols: int) -> None:
        self._height = rows
        self._width = cols

    def __len__(self) -> int:
        """Return the number of crossings."""
        return self._height * self._width

    def hold(self, on: bool) -> None:
        """Call before and after a light sleep: keeps the levels that the chip would drop."""

    def unclear(self, mask: int) -> int:
        """Return the bits of `mask` that may be ghosts: those in a group of two or more rows and columns.

        A group is everything that is connected over shared rows and columns. Within one row or one column, current can
        only go through the key itself.
        """
        rest = mask & (mask - 1)
        if not rest & (rest - 1):
            return 0  # fewer than three keys
        width = self._width
        full = (1 << width) - 1
        found = 0
        for row in range(self._height):
            line = (mask >> row * width) & full
            if not line:
                continue
            group = line
            shared = False
            grown = True
            while grown:
                grown = False
                for other in range(self._height):
                    bits = (mask >> other * width) & full
                    if other != row and bits & group:
                        shared = True
                        if bits & ~group:
                            group |= bits
                            grown = True
            if shared and group & (group - 1):
                found |= line << row * width
        return found


class Matrix(Grid):
    """The wires of a keypad.

    pause: called after a row is released. On a long cable it must wait until the pull-ups have brought the columns up
    again (some 20 us).
    """

    def __init__(
        self, rows: "Sequence[Row]", cols: "Sequence[Input]", pause: "Callable[[], object] | None" = None
    ) -> None:
        super().__init__(len(rows), len(cols))
        self._rows = tuple(rows)
        self._cols = tuple(cols)
        self._pause = pause
        self._release()

    def _release(self) -> None:
        for row in self._rows:
            row.value(1)

    def scan(self) -> int:
        """Return the mask of the crossings that read closed, row by row; leaves every row released."""
        mask = 0
        bit = 1
        for row in self._rows:
            row.value(0)
            for col in self._cols:
                if not col.value():
                    mask |= bit
                bit <<= 1
            row.value(1)
            if self._pause:
                self._pause()
        return mask

    def arm(self) -> None:
        """Pull all rows low until the next touched(), so that a touch pulls a column low."""
        for row in self._rows:
            row.value(0)

    def hold(self, on: bool) -> None:
        """Keep the rows' levels through a light sleep, or release them.

        In it every chip after the first ESP32 floats a pin that neither wakes it nor is held (docs/design/app.md).
        """
        for row in self._rows:
            row.init(hold=on)

    def touched(self) -> bool:
        """Return whether any key is down, in one look with all rows low. Cheap enough for an idle lock."""
        self.arm()
        down = False
        for col in self._cols:
            if not col.value():
                down = True
        self._release()
        if self._pause:
            self._pause()
        return down


class Keypad:
    """Reports each press once, in order of first contact.

    keys: names the crossings, row by row. ValueError unless it names each crossing once.
    """

    def __init__(self, matrix: "Crossings", keys: str = "123456789*0#") -> None:
        if len(keys) != len(matrix):
            raise ValueError("the matrix has %d crossings but %d keys are named" % (len(matrix), len(keys)))
        if len(set(keys)) != len(keys):
            raise ValueError("a key is named twice")
        self._matrix = matrix
        self._keys = keys
        self._begin()

    def _begin(self) -> None:
        keys = self._keys
        self._state = bytearray(len(keys))
        self._level = bytearray(len(keys))  # last clear sample: open or closed
        self._equal = bytearray(len(keys))  # clear samples in a row with that level, at most STEADY
        self._since = [0] * len(keys)  # ms of the first contact
        self._order = [0] * len(keys)  # place of the first contact among those in flight
        self._contacts = 0
        self._ready: "list[tuple[int, int]]" = []  # (order, key): settled, not yet reported
        self._held = False  # at least one key is not released
        self._idle = True
        self._last = -1  # ms of the last sample, -1 before the first

    @property
    def idle(self) -> bool:
        """True while no key is down, settling or waiting to be reported; stuck keys do not count."""
        return self._idle

    @property
    def stuck(self) -> str:
        """The masked keys: those that were down, or possibly down, at the start or for over 30 s."""
        return "".join(key for key, state in zip(self._keys, self._state) if state == _MASKED)

    @property
    def failing(self) -> bool:
        """True after no sample could be taken for a while."""
        return self._matrix.failing

    def poll(self, now_ms: int) -> str:
        """Take a sample and return the keys that it settled as newly pressed, in order of first contact.

        Call every SCAN_MS. A call less than SCAN_MS - 1 after the last sample takes none, so that calls in quick
        succession cannot shorten the debounce.
        """
        now_ms &= _TICKS
        first = self._last < 0
        if not first and (now_ms - self._last) & _TICKS < SCAN_MS - 1:
            return ""
        mask = self._matrix.scan()
        if mask < 0:  # no sample: every key keeps its state
            if not first and (now_ms - self._last) & _TICKS > STUCK_MS:
                self._begin()
            return ""
        self._last = now_ms
        if not mask and not self._held:
            return ""
        unclear = self._matrix.unclear(mask)
        self._held = False
        for key in range(len(self._keys)):
            closed = mask >> key & 1
            if closed and first:
                self._state[key] = _MASKED
            if closed or self._state[key] != _RELEASED:
                self._sample(key, _UNCLEAR if unclear >> key & 1 else closed, now_ms)
        return self._report(now_ms)

    def _sample(self, key: int, level: int, now_ms: int) -> None:
        """Process one sample of a key that is closed or not at rest."""
        state = self._state[key]
        if level == _UNCLEAR:  # proves nothing
            if state == _RELEASED:
                state = _DOUBTED
                self._since[key] = now_ms
        else:
            if state == _DOUBTED:
                state = _RELEASED
            if state == _RELEASED and level == _CLOSED:
                state = _TOUCHED
                self._since[key] = now_ms
                self._order[key] = self._contacts
                self._contacts += 1
                self._equal[key] = 0
            if self._level[key] != level:
                self._level[key] = level
                self._equal[key] = 0
            if self._equal[key] < STEADY:
                self._equal[key] += 1
            if self._equal[key] == STEADY:
                if level == _OPEN:
                    state = _RELEASED
                elif state == _TOUCHED:
                    state = _PRESSED
                    self._ready.append((self._order[key], key))
        if state != _RELEASED:
            self._held = True
            if (now_ms - self._since[key]) & _TICKS > STUCK_MS:
                state = _MASKED
        self._state[key] = state

    def _report(self, now_ms: int) -> str:
        """Return the settled keys that no earlier contact can still precede."""
        horizon = self._contacts
        busy = False
        touched = False
        for key in range(len(self._keys)):
            state = self._state[key]
            if state == _TOUCHED:
                touched = True
                if (now_ms - self._since[key]) & _TICKS < PATIENCE_MS and self._order[key] < horizon:
                    horizon = self._order[key]
            elif state != _RELEASED and state != _MASKED:
                busy = True
        pressed = ""
        if self._ready:
            self._ready.sort()
            while self._ready and self._ready[0][0] < horizon:
                pressed += self._keys[self._ready.pop(0)[1]]
        if not touched and not self._ready:
            self._contacts = 0
        self._idle = not (busy or touched or self._ready)
        return pressed
