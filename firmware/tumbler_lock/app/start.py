"""Start: board.json in, a running lock out. It is all that the loader knows of a firmware (docs/spec/update.md)."""

import gc
import json
import sys
import time

import machine

LOADING = 16_384  # bytes from one collection to the next
NO_BLUETOOTH = "no Bluetooth: in a slot the firmware lies in RAM, and without PSRAM there is too little left for it"


def leave_out(description: dict, slot: str) -> bool:
    """Take the radio out of a description if there is no room for one; whether it was in there. docs/design/memory.md
    counts:
    firmware, session and Bluetooth do not fit, and a lock must not fail over that."""
    return bool(slot) and description.get("psram", "none") == "none" and description.pop("radio", None) is not None


def start(slot: str) -> None:
    """Run the lock. slot: the letter of the slot that this firmware lies in, "" without slots. Ends by an exception
    only, and then the bolt is locked."""
    with open("board.json") as file:
        description = json.load(file)
    silent = leave_out(description, slot)
    if "radio" in description:
        _take_memory()
    # Loaded among the garbage of loading, the modules would leave no room in one piece for the code book.
    gc.threshold(LOADING)
    from .board import Board
    from .lock import run

    board = Board(description, machine, time)
    if silent:
        print(NO_BLUETOOTH, file=sys.stderr)
        board.observe("fault", NO_BLUETOOTH)
    try:
        run(board, slot)
    finally:
        board.bolt.lock()


def _take_memory() -> None:
    """Let Bluetooth have its memory before the Python heap grows over it (docs/design/memory.md)."""
    try:
        import bluetooth

        bluetooth.BLE().active(True)
    except Exception:  # noqa: BLE001, S110 -- whatever the port raises, the radio says what is wrong when it starts
        pass
