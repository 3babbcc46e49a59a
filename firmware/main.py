"""What the board starts after boot.py: the lock, for ever.

However the lock ends, the bolt is locked and the board restarts. Only Ctrl-C on the serial console leads to the
prompt, and only where board.json says `"console": true`: whoever reaches the console reaches the bolt's wires too.
"""

import json
import sys
import time

import machine

from firmware.app.board import Board
from firmware.app.lock import run

PAUSE_MS = 3000  # before a restart that nothing has delayed: leaves time for Ctrl-C


def main() -> None:
    """Build the board and run its lock."""
    with open("board.json") as file:
        board = Board(json.load(file), machine, time)
    if not board.console:
        import micropython

        micropython.kbd_intr(-1)
    try:
        run(board)
    finally:
        board.bolt.lock()


try:
    main()
except Exception as error:  # noqa: BLE001 -- whatever it is, a lock must not fall to the prompt
    sys.print_exception(error, sys.stderr)  # type: ignore[arg-type]  # the stubs know files only
    time.sleep_ms(PAUSE_MS)
machine.reset()
