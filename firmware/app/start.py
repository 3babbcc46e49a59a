"""Start: board.json in, a running lock out. It is all that the loader knows of a firmware (docs/update.md)."""

import json
import time

import machine

from .board import Board
from .lock import run


def start(slot: str) -> None:
    """Run the lock. slot: the letter of the slot that this firmware lies in, "" without slots. Ends by an exception
    only, and then the bolt is locked."""
    with open("board.json") as file:
        board = Board(json.load(file), machine, time)
    try:
        run(board, slot)
    finally:
        board.bolt.lock()
