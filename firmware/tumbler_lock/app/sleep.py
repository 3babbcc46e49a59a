"""Sleep between key presses, the bursts in which a sleeping lock advertises, and what is kept over a deep sleep
(docs/design/app.md, "Sleep").

Invariants: the board sleeps only when nothing is under way, and earned tokens are on flash before it does. Sleep never
gives the guess budget a token early. A burst by itself neither keeps the lock awake nor writes to flash.
Times are ms of uptime, or seconds where a name says so.
"""

from binascii import crc32
from struct import pack, unpack

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

    from .ble_server import BleServer
    from .board import Board
    from .supervisor import Duty

AWAKE_MS = 35_000  # without a touch before it sleeps: longer than a revoke code waits
LONGEST_MS = 3_600_000
LOOK_MS = 1000
BURST_MS = 2000  # of advertising between two sleeps; again after a client without a key: the next may have one
BURST_MOST_MS = 15_000  # the longest that such clients make a burst

_KEPT = ">4sIIIII"
_KEPT_SIZE = 28
_MAGIC = b"TMBd"
_SLOW = 16  # a sixteenth of the time slept is not counted: the chip's clock may be fast


class Sleep:
    """Sends the board to sleep. duty: of its task; ms(): uptime; quiet(): whether nothing is under way; prepare():
    called just before a sleep; server: what to switch off, None without a radio; alone: whether only the timer caused
    this start, which then is a wake for a burst."""

    def __init__(
        self,
        board: "Board",
        duty: "Duty",
        ms: "Callable[[], int]",
        quiet: "Callable[[], bool]",
        prepare: "Callable[[], None]",
        server: "BleServer | None",
        alone: bool,
    ) -> None:
        self._board = board
        self._duty = duty
        self._ms = ms
        self._quiet = quiet
        self._prepare = prepare
        self._server = server
        self._until = 0 if alone else AWAKE_MS
        self._stay = self._last = 0  # until when a burst lasts, and may last
        if alone and server is not None:
            server.paused = True

    def touched(self) -> None:
        """A person is at the lock: stay awake for a while."""
        self._until = self._ms() + AWAKE_MS

    @property
    def awake(self) -> bool:
        """Return whether a person was at the lock lately."""
        return self._ms() < self._until

    def left(self) -> None:
        """A client without a key has left: in a burst, give the next one time to connect."""
        self._stay = min(self._ms() + BURST_MS, self._last)

    def _may(self) -> bool:
        return self._ms() >= max(self._until, self._stay) and self._quiet()

    async def run(self) -> None:
        """Sleep whenever the lock may, for ever."""
        server = self._server
        most = self._board.asleep_ms or LONGEST_MS
        woken = self.awake  # by a person, or not asleep at all
        while True:
            pause = LOOK_MS
            if server is not None:
                if not woken:
                    if self._board.asleep_ms:
                        server.burst()
                        self._last = self._ms() + BURST_MOST_MS
                        pause = BURST_MS
                elif self._ms() >= self._until - AWAKE_MS + LOOK_MS:
                    server.resume()  # after a second without a touch: its start blocks the loop, and might miss a key
            await self._duty.rest(pause)
            woken = True
            if self._may() and (server is None or await server.pause()) and self._may():
                self._prepare()
                touch = self._board.sleep(most)
                woken = touch is not False
                if touch:
                    self.touched()


def pack_kept(attempt: int, waits: "tuple[int, int]", now: int, level: int) -> bytes:
    """Return what to keep over a deep sleep. attempt, waits: the guess budget's; now: the chip's clock in s; level: the
    battery's."""
    data = pack(_KEPT, _MAGIC, attempt, waits[0], waits[1], now, level)
    return data + pack(">I", crc32(data))


def unpack_kept(data: bytes, attempt: int, now: int) -> "tuple[int, int, int] | None":
    """Return (seconds passed of the interval, seconds until the next look-up, level of the battery) after a deep sleep
    that ends at `now`; None if the data are not of this lock in this state."""
    if len(data) != _KEPT_SIZE or unpack(">I", data[-4:])[0] != crc32(data[:-4]):
        return None
    magic, of, passed, wait, then, level = unpack(_KEPT, data[:-4])
    if magic != _MAGIC or of != attempt or then > now or level > 2:
        return None
    # A second less: the uptime that counts on from here may begin in the middle of a second.
    slept = max(0, (now - then) * (_SLOW - 1) // _SLOW - 1)
    return passed + slept, wait - slept, level
