"""The door: its contact and the exit button (docs/design/app.md, "At the door").

Invariant: the exit button opens, whatever is wrong with the memory. Times are ms of uptime.
"""

from ..core.events import DOOR_FORCED, DOOR_LEFT_OPEN, DOOR_SHUT, EXIT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

    from ..drivers.contact import Contact
    from .board import Board

FREE_MS = 10_000  # after the bolt has locked the door may still be opened: a hand may be on it
LEFT_OPEN_MS = 120_000


class Door:
    """Watches a board's door and exit. leave(): opens from inside; note(event, argument): logs an event."""

    def __init__(self, board: "Board", leave: "Callable[[], None]", note: "Callable[[int, int], None]") -> None:
        self._board = board
        self._leave = leave
        self._note = note
        self._free = FREE_MS  # until when the door may be opened
        self._since = 0  # when it was opened
        self._reported = False  # whether it was forced, or left open

    @property
    def idle(self) -> bool:
        """Return whether a door that stays as it is leads to no further event."""
        door = self._board.door
        return door is None or door.on or self._reported

    def poll(self, now: int) -> None:
        """Look at contact and button. Call it after the bolt was polled."""
        board = self._board
        if board.exit is not None and board.exit.poll(now) and board.exit.on:
            self._leave()
            self._note(EXIT, 0)
        if board.bolt.unlocked:
            self._free = now + FREE_MS
        if board.door is not None:
            self._contact(board.door, now)

    def _contact(self, door: "Contact", now: int) -> None:
        if door.poll(now):
            self._since = now
            if not door.on:
                if now > self._free:
                    self._report(DOOR_FORCED)
                return
            if self._reported:
                self._reported = False
                self._note(DOOR_SHUT, 0)
            if self._board.bolt.stalled:
                self._board.bolt.lock()
        elif not self.idle and now - self._since >= LEFT_OPEN_MS:
            self._report(DOOR_LEFT_OPEN)

    def _report(self, event: int) -> None:
        self._reported = True
        self._note(event, 0)
