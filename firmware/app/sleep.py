"""Sleep between key presses, and what a lock remembers over a deep one (docs/app.md, "Sleep").

Invariants: the board sleeps only when nothing is under way, and what was earned is on flash before it does; sleeping
never brings the guess budget a token early. Times are ms of uptime, or seconds where it says so.
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

_KEPT = ">4sIIIII"
_KEPT_SIZE = 28
_MAGIC = b"TMBd"
_SLOW = 16  # one part in so many of the time slept is not counted: the chip's clock may be fast


class Sleep:
    """duty: of its task; ms(): uptime; quiet(): whether the lock may sleep now; prepare(): called just before;
    wireless: what to switch off, None without a radio. alone: nobody has touched anything, it may sleep at once."""

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

    def touched(self) -> None:
        """Somebody is there: stay awake for a while."""
        self._until = self._ms() + AWAKE_MS

    def _may(self) -> bool:
        return self._ms() >= self._until and self._quiet()

    async def run(self) -> None:
        """Sleep whenever the lock may, for ever."""
        while True:
            await self._duty.rest(LOOK_MS)
            if not self._may():
                continue
            if self._wireless is not None:
                await self._wireless.pause()
            if self._may():
                self._prepare()
                if self._board.sleep(LONGEST_MS):
                    self.touched()
            if self._wireless is not None:
                self._wireless.resume()


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
    slept = (now - then) * (_SLOW - 1) // _SLOW
    return passed + slept, wait - slept, level
