"""On the board: one part after the other, driven by the firmware's own drivers. No memory of a lock is opened.

An answer says what was found; what to make of it is the host's business (testing.py). Times are ms.
"""

import os
import time

PATH = "/selftest"
SIZE = 4096
TICK_MS = 2200  # between two readings of the clock
WALK_MS = 20_000  # to find and press one key
RELEASE_MS = 5_000


class Parts:
    """The board's drivers."""

    def __init__(self, slot):
        use_slot(slot)
        import machine

        from tumbler_lock.app.board import Board
        from tumbler_lock.app.start import leave_out

        self.description = description()
        self.no_room = leave_out(self.description, slot)
        self.board = Board(self.description, machine, time)

    def clock(self):
        """[seconds it went on, whether it was sure both times, Unix time]; None when it does not answer."""
        try:
            first, sure = self.board.rtc.read()
            time.sleep_ms(TICK_MS)
            second, still = self.board.rtc.read()
        except OSError:
            return None
        return [second - first, sure and still, second]

    def flash(self):
        """[whether what was written came back, bytes free, bytes in all]."""
        data = os.urandom(SIZE)
        try:
            with open(PATH, "wb") as file:
                file.write(data)
            with open(PATH, "rb") as file:
                same = file.read() == data
        finally:
            remove(PATH)
        room = os.statvfs("/")
        return [same, room[0] * room[3], room[0] * room[2]]

    def _run(self, part, busy):
        """Poll a part until it is through."""
        while busy():
            part()
            time.sleep_ms(10)

    def sound(self):
        """Play the tones of an opening; says nothing, a person does."""
        signals = self.board.signals
        signals.sound = True
        signals.play("paired")
        self._run(lambda: signals.poll(self.board.ticks_ms()), lambda: not signals.quiet)

    def bolt(self, ms):
        """Draw the bolt back for so long: whether it says that it was back, and that it is locked now."""
        bolt = self.board.bolt
        bolt.unlock(ms)
        back = bolt.unlocked
        self._run(bolt.poll, lambda: bolt.unlocked)
        return back and not bolt.unlocked

    def radio(self):
        """[whether the board shall have one, its address in hex or None, version of aioble or None]; None where the
        firmware has no room for one."""
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
            import aioble

            version = getattr(aioble, "__version__", "")
            with open("/lib/aioble/version") as file:
                version = file.read().strip()
        except (ImportError, OSError):
            pass
        return [wanted, address, version]

    def walk(self):
        """Ask for every key in turn; tell [key, what came], "" when nothing did."""
        for key in self.description["keypad"]["keys"]:
            tell([key, None])
            tell([key, self._key()])

    def _key(self):
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
