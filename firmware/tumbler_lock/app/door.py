"""The door: its contact and the exit button (docs/design/app.md, "At the door").

Invariant: the exit button opens, whatever is wrong with the memory. Times are ms of uptime.
"""

from ..core.events import DOOR_FORCED, DOOR_LEFT_OPEN, DOOR_SHUT, EXIT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from .board import Board

FREE_MS = 10_000  # after the bolt has locked the door may still be opened: somebody holds its handle
LEFT_OPEN_MS = 120_000


class Door:
    """board: its door, exit and bolt; leave(): opens from inside; note(event, argument): tells the log."""

    def __init__(self, board: "Board", leave: "Callable[[], None]", note: "Callable[[int, int], Any]") -> None:
        self._board = board
        self._leave = leave
        self._note = note
        self._free = FREE_MS  # until when the door may be opened
        self._since = 0  # when it was opened
        self._told = False  # that it was forced, or left open

    @property
    def idle(self) -> bool:
        """Nothing is left to be told of a door that stays as it is."""
        door = self._board.door
        return door is None or door.on or self._told

    def poll(self, now: int) -> None:
        """Look at everything; to be called after the bolt was polled."""
        board = self._board
        if board.exit is not None and board.exit.poll(now) and board.exit.on:
            self._leave()
            self._note(EXIT, 0)
        if board.bolt.unlocked:
            self._free = now + FREE_MS
        if board.door is not None:
            self._contact(board.door, now)

    def _contact(self, door: "Any", now: int) -> None:
        if door.poll(now):
            self._since = now
            if not door.on:
                if now > self._free:
                    self._tell(DOOR_FORCED)
                return
            if self._told:
                self._told = False
                self._note(DOOR_SHUT, 0)
            if self._board.bolt.stalled:
                self._board.bolt.lock()
        elif not self.idle and now - self._since >= LEFT_OPEN_MS:
            self._tell(DOOR_LEFT_OPEN)

    def _tell(self, event: int) -> None:
        self._told = True
        self._note(event, 0)
