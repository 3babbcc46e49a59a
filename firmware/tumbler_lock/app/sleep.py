"""Sleep between key presses, the bursts in which a sleeping lock advertises, and what it remembers over a deep sleep
(docs/design/app.md, "Sleep").

Invariants: the board sleeps only when nothing is under way, and what was earned is on flash before it does; sleeping
never brings the guess budget a token early; a burst by itself keeps nothing awake for longer and writes no flash.
Times are ms of uptime, or seconds where it says so.
"""

from binascii import crc32
from struct import pack, unpack

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from .board import Board
    from .supervisor import Duty

AWAKE_MS = 35_000  # without a touch before it sleeps: longer than a revoke code waits
LONGEST_MS = 3_600_000
LOOK_MS = 1000
BURST_MS = 2000  # of advertising, in the middle of a sleep, and again after a client without a key ...
BURST_MOST_MS = 15_000  # ... until it is over: the next client may be one with a key

_KEPT = ">4sIIIII"
_KEPT_SIZE = 28
_MAGIC = b"TMBd"
_SLOW = 16  # one part in so many of the time slept is not counted: the chip's clock may be fast


class Sleep:
    """duty: of its task; ms(): uptime; quiet(): whether the lock may sleep now; prepare(): called just before;
    wireless: what to switch off, None without a radio. alone: nobody has caused this start, which then is like a wake
    in the middle of a sleep."""

    def __init__(
        self,
        board: "Board",
        duty: "Duty",
        ms: "Callable[[], int]",
        quiet: "Callable[[], bool]",
        prepare: "Callable[[], None]",
        wireless: "Any",
        alone: bool,
    ) -> None:
        self._board = board
        self._duty = duty
        self._ms = ms
        self._quiet = quiet
        self._prepare = prepare
        self._wireless = wireless
        self._until = 0 if alone else AWAKE_MS
        self._stay = self._last = 0  # of a burst: until when it lasts, and may last
        if alone and wireless is not None:
            wireless.paused = True

    def touched(self) -> None:
        """Somebody is there: stay awake for a while."""
        self._until = self._ms() + AWAKE_MS

    @property
    def awake(self) -> bool:
        """Whether somebody was there lately."""
        return self._ms() < self._until

    def left(self) -> None:
        """A client without a key is gone: in a burst, the next may come."""
        self._stay = min(self._ms() + BURST_MS, self._last)

    def _may(self) -> bool:
        return self._ms() >= max(self._until, self._stay) and self._quiet()

    async def run(self) -> None:
        """Sleep whenever the lock may, for ever."""
        wireless = self._wireless
        most = self._board.asleep_ms or LONGEST_MS
        woken = self.awake  # by somebody, or not asleep at all
        while True:
            pause = LOOK_MS
            if wireless is not None:
                if not woken:
                    if self._board.asleep_ms:
                        wireless.burst()
                        self._last = self._ms() + BURST_MOST_MS
                        pause = BURST_MS
                elif self._ms() >= self._until - AWAKE_MS + LOOK_MS:
                    wireless.resume()  # nobody is typing: its start blocks the loop, and might cost a key
            await self._duty.rest(pause)
            woken = True
            if self._may() and (wireless is None or await wireless.pause()) and self._may():
                self._prepare()
                touch = self._board.sleep(most)
                woken = touch is not False
                if touch:
                    self.touched()


def pack_kept(attempt: int, waits: "tuple[int, int]", now: int, level: int) -> bytes:
    """What to keep over a deep sleep: the budget's attempt and waits, the chip's clock in s, the battery's level."""
    data = pack(_KEPT, _MAGIC, attempt, waits[0], waits[1], now, level)
    return data + pack(">I", crc32(data))


def unpack_kept(data: bytes, attempt: int, now: int) -> "tuple[int, int, int] | None":
    """(seconds passed of the interval, seconds until the next look-up, level of the battery) after a deep sleep that
    ends at `now`; None when the data are not those of this lock in this state."""
    if len(data) != _KEPT_SIZE or unpack(">I", data[-4:])[0] != crc32(data[:-4]):
        return None
    magic, of, passed, wait, then, level = unpack(_KEPT, data[:-4])
    if magic != _MAGIC or of != attempt or then > now or level > 2:
        return None
    # A second less: as much may be missing of the first second of the uptime that goes on from here.
    slept = max(0, (now - then) * (_SLOW - 1) // _SLOW - 1)
    return passed + slept, wait - slept, level
