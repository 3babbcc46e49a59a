"""Keypad matrix: scanning, debounce, rollover, ghosts and stuck keys (docs/design/drivers.md has the states).

A crossing is numbered row * columns + column and is one bit of every mask. Times are milliseconds of a
counter that may wrap at 2^30. Rows are open-drain outputs (1 lets go), columns inputs with pull-ups
(0 = connected to a row that is held low), so two pressed keys never short two outputs.
A bit that reads open is open. A bit that reads closed is proof only where no ghost can be: three keys on the
corners of a rectangle connect the fourth corner too, so no bit of such a rectangle proves anything.
"""

try:
    from micropython import const
except ImportError:
    const = int  # type: ignore[assignment]  # only MicroPython folds constants

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from .expander import ExpanderMatrix

SCAN_MS = const(5)
STEADY = const(3)  # equal clear samples in a row that settle a key: 10 ms, longer than a contact bounces
PATIENCE_MS = const(50)  # how long a settled key waits for one that was touched before it
STUCK_MS = const(30_000)
NO_SAMPLE = const(-1)  # what a scan gives that found out nothing

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
    """Crossings of rows and columns, and what a sample of them proves; how it is taken is the subclass's business.

    A subclass has scan(), touched() and arm(). `failing`: no sample could be taken for a while.
    """

    failing = False

    def __init__(self, rows: int, cols: int) -> None:
        self._height = rows
        self._width = cols

    def __len__(self) -> int:
        """Number of crossings."""
        return self._height * self._width

    def hold(self, on: bool) -> None:
        """Before and after a light sleep: what the chip would let go of stays as it is."""

    def unclear(self, mask: int) -> int:
        """The bits of `mask` that may be ghosts: those in a group of two rows and two columns, or more.

        A group is everything that hangs together over shared rows and columns. Within one row or one column
        current has no other way than through the key itself.
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

    `rows` and `cols` are pins with `.value()` and `.value(x)`. `pause`, if given, is called after a row is
    let go: on a long cable it must wait until the columns' pull-ups have brought them up again (some 20 us).
    """

    def __init__(self, rows: "list[Any]", cols: "list[Any]", pause: "Callable[[], object] | None" = None) -> None:
        super().__init__(len(rows), len(cols))
        self._rows = tuple(rows)
        self._cols = tuple(cols)
        self._pause = pause
        self._release()

    def _release(self) -> None:
        for row in self._rows:
            row.value(1)

    def scan(self) -> int:
        """Mask of the crossings that read closed, one row after the other; leaves every row released."""
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
        """Pull all rows low, so that a touch pulls a column low; until the next touched()."""
        for row in self._rows:
            row.value(0)

    def hold(self, on: bool) -> None:
        """Keep the rows' levels through a light sleep, or let go of them: an S3 and a C3 float every pin that neither
        wakes nor is held (docs/design/app.md)."""
        for row in self._rows:
            row.init(hold=on)

    def touched(self) -> bool:
        """Whether any key is down, in one look: all rows low at once. Cheap enough for a sleeping lock."""
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
    """Keys as they are pressed: each press reported once, in order of first contact.

    `keys` names the crossings, row by row. Raises ValueError when it does not name each crossing once.
    """

    def __init__(self, matrix: "Matrix | ExpanderMatrix", keys: str = "123456789*0#") -> None:
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
        self._equal = bytearray(len(keys))  # how many clear samples in a row said so, at most STEADY
        self._since = [0] * len(keys)  # ms of the first contact
        self._order = [0] * len(keys)  # place of the first contact among those in flight
        self._contacts = 0
        self._ready: "list[tuple[int, int]]" = []  # (order, key): settled, not yet reported
        self._held = False  # some key is not released
        self._idle = True
        self._last = -1  # ms of the last sample, -1 before the first

    @property
    def idle(self) -> bool:
        """Nothing is down, settling or waiting to be reported, stuck keys apart."""
        return self._idle

    @property
    def stuck(self) -> str:
        """The keys that are masked: down (or possibly so, in a rectangle) at the start, or for over 30 s."""
        return "".join(key for key, state in zip(self._keys, self._state) if state == _MASKED)

    @property
    def failing(self) -> bool:
        """Whether no sample could be taken for a while."""
        return self._matrix.failing

    def poll(self, now_ms: int) -> str:
        """Take a sample and return the keys that it settled as newly pressed, in order of first contact.

        Call every SCAN_MS; a call less than SCAN_MS - 1 after the last sample takes none, so that calls in
        a bunch cannot shorten the debounce.
        """
        now_ms &= _TICKS
        first = self._last < 0
        if not first and (now_ms - self._last) & _TICKS < SCAN_MS - 1:
            return ""
        mask = self._matrix.scan()
        if mask < 0:  # no sample: says neither that a key is down nor that it is up
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
        """Enter one sample of a key that is closed or not at rest."""
        state = self._state[key]
        if level == _UNCLEAR:  # speaks neither for nor against
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
        """The settled keys that no earlier contact can still overtake."""
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
