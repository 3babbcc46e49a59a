"""Start: board.json in, a running lock out. The loader calls nothing else of a firmware (docs/spec/update.md)."""

import gc
import json
import sys
import time

import machine

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

LOADING = 16_384  # bytes from one collection to the next
NO_BLUETOOTH = "no Bluetooth: in a slot the firmware lies in RAM, and without PSRAM there is too little left for it"


def leave_out(description: "dict[str, Any]", slot: str) -> bool:
    """Take the radio out of a description if there is no RAM for one; return whether it was in there.

    Without PSRAM a firmware in a slot, a session and Bluetooth do not fit (docs/design/memory.md). A lock must not fail
    for that."""
    return bool(slot) and description.get("psram", "none") == "none" and description.pop("radio", None) is not None


def start(slot: str) -> None:
    """Run the lock; returns only by an exception, with the bolt locked. slot: the letter of the slot that this firmware
    lies in, "" without slots."""
    with open("board.json") as file:
        description = json.load(file)
    silent = leave_out(description, slot)
    if "radio" in description:
        _take_memory()
    # Otherwise modules would lie among the garbage of loading, and no piece be large enough for the code book.
    gc.threshold(LOADING)
    from .board import Board
    from .runner import run

    board = Board(description, machine, time)
    if silent:
        print(NO_BLUETOOTH, file=sys.stderr)
        board.observe("fault", NO_BLUETOOTH)
    try:
        run(board, slot)
    finally:
        board.bolt.lock()


def _take_memory() -> None:
    """Let Bluetooth take its memory before the Python heap grows into it (docs/design/memory.md)."""
    try:
        import bluetooth

        bluetooth.BLE().active(True)
    except Exception:  # noqa: BLE001, S110 -- whatever the port raises, the radio reports it when it starts
        pass
