"""On the board: test one part after the other with the firmware's own drivers. Sent after files.py and provision.py.

An answer says what was found; the host judges it (flashing/selftest.py). No lock's memory is opened. Times are ms.
"""

import os
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

    from .files import answer, hexed, remove
    from .provision import description, use_slot

PATH = "/selftest"
SIZE = 4096
TICK_MS = 2200  # between two readings of the clock
WALK_MS = 20_000  # to find and press one button
RELEASE_MS = 5_000


class Parts:
    """The board's drivers."""

    def __init__(self, slot: str):
        use_slot(slot)
        import machine

        from tumbler_lock.app.board import Board
        from tumbler_lock.app.start import leave_out

        self.description = description()
        self.no_room = leave_out(self.description, slot)
        self.board = Board(self.description, machine, time)

    def clock(self) -> "tuple[int, bool, int] | None":
        """Return how many seconds it moved, whether it was sure both times, and its Unix time; None if it does not
        answer."""
        try:
            first, sure = self.board.rtc.read()
            time.sleep_ms(TICK_MS)
            second, still = self.board.rtc.read()
        except OSError:
            return None
        return second - first, sure and still, second

    def flash(self) -> "tuple[bool, int, int]":
        """Return whether it kept what was written, the bytes that are free, and its bytes."""
        data = os.urandom(SIZE)
        try:
            with open(PATH, "wb") as file:
                file.write(data)
            with open(PATH, "rb") as file:
                same = file.read() == data
        finally:
            remove(PATH)
        room = os.statvfs("/")
        return same, room[0] * room[3], room[0] * room[2]

    def _run(self, poll: "Callable[[], object]", busy: "Callable[[], bool]") -> None:
        """Poll a part while it is busy."""
        while busy():
            poll()
            time.sleep_ms(10)

    def sound(self) -> None:
        """Play the tones of a pairing. A person says whether they sounded."""
        signals = self.board.signals
        signals.sound = True
        signals.play("paired")
        self._run(lambda: signals.poll(self.board.ticks_ms()), lambda: not signals.quiet)

    def bolt(self, ms: int) -> bool:
        """Draw the bolt back for so long. Return whether the driver reported it back, then locked."""
        bolt = self.board.bolt
        bolt.unlock(ms)
        back = bolt.unlocked
        self._run(bolt.poll, lambda: bolt.unlocked)
        return back and not bolt.unlocked

    def radio(self) -> "tuple[bool, str | None, str | None] | None":
        """Return whether the board is meant to have one, its address in hexadecimal digits (None: it did not start)
        and aioble's version (None: it is not there). None instead if the firmware has no room for a radio."""
        if self.no_room:
            return None
        wanted = "radio" in self.description
        address = version = None
        try:
            import bluetooth

            radio = bluetooth.BLE()
            radio.active(True)
            address = hexed(radio.config("mac")[1])
            radio.active(False)
        except (ImportError, OSError):
            pass  # the address that is missing says so
        try:
            import aioble  # type: ignore[import-not-found]

            version = getattr(aioble, "__version__", "")
            with open("/lib/aioble/version") as file:
                version = file.read().strip()
        except (ImportError, OSError):
            pass
        return wanted, address, version

    def walk(self) -> None:
        """Ask for every button in turn: answer [button, None], then [button, what was pressed], "" for nothing."""
        for button in self.description["keypad"]["keys"]:
            answer([button, None])
            answer([button, self._pressed()])

    def _pressed(self) -> str:
        keypad, board = self.board.keypad, self.board
        start = board.ticks_ms()
        got = ""
        while not got and board.ticks_diff(board.ticks_ms(), start) < WALK_MS:
            got = keypad.poll(board.ticks_ms())
            time.sleep_ms(5)
        start = board.ticks_ms()
        while not keypad.idle and board.ticks_diff(board.ticks_ms(), start) < RELEASE_MS:
            got += keypad.poll(board.ticks_ms())
            time.sleep_ms(5)
        return got
