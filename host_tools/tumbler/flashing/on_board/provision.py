"""On the board: give a lock its secret, settings, first key and time, with its own firmware. Sent after files.py.

Invariants: of a lock that has a secret, only the clock is changed. No answer and no error holds the secret.
"""

import binascii
import json
import os
import struct
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .files import ENOENT, exists, hexed

JOURNAL = "/journal"
SECRET_AT = 44  # in the journal's header (docs/spec/storage.md)
SECRET_SIZE = 32
HEADER_SIZE = 256
CLOCK_SECONDS = 2  # a clock may have moved this far between writing and reading it


def use_slot(slot: str) -> None:
    """Import the firmware from this slot from now on; "": from MicroPython itself."""
    path = "/" + slot
    if slot and path not in sys.path:
        sys.path.insert(0, path)


def description() -> "dict[str, Any]":
    """Return what /board.json says."""
    with open("/board.json") as file:
        found: "dict[str, Any]" = json.load(file)
    return found


def own_id() -> str:
    """Return the id of the lock on this board in hexadecimal digits: "" without a secret, "?" if its memory is
    invalid."""
    path = description()["storage"] + JOURNAL
    try:
        with open(path, "rb") as file:
            header = file.read(HEADER_SIZE)
    except OSError as error:
        if error.errno == ENOENT:
            return ""
        raise
    if len(header) != HEADER_SIZE or struct.unpack(">I", header[-4:])[0] != binascii.crc32(header[:-4]):
        return "?"
    from tumbler_lock.core.protocol import lock_id

    return hexed(lock_id(header[SECRET_AT : SECRET_AT + SECRET_SIZE]))


def set_clock(unix: int) -> str:
    """Set the clock and read it back. Return what is wrong with it, "" for nothing."""
    import machine

    from tumbler_lock.app.board import Board

    clock = Board(description(), machine, time).rtc
    try:
        clock.set(unix)
        now, sure = clock.read()
    except OSError:
        return "it does not answer"
    return _kept(now, sure, unix)


def _kept(now: int, sure: bool, unix: int) -> str:
    """Return what is wrong with a clock that was set to `unix` and now reads `now`, "" for nothing."""
    return "" if sure and 0 <= now - unix <= CLOCK_SECONDS else "it does not keep the time that was set"


def sync_clock(unix: int) -> "tuple[bool, str]":
    """Set the clock of a lock with a memory, as its owner does, unless it is right.

    Return whether it was set, and what is wrong with it ("" for nothing).
    """
    import machine

    from tumbler_lock.app.board import Board
    from tumbler_lock.core.clock import Clock
    from tumbler_lock.core.errors import LockError
    from tumbler_lock.core.management import Management
    from tumbler_lock.core.store import Store
    from tumbler_lock.core.verifier import Verifier

    found = description()
    store = Store.open(found["storage"])
    clock = Clock(Board(found, machine, time).rtc, store)
    now, sure = clock.read()
    if sure and abs(now - unix) <= CLOCK_SECONDS:
        return False, ""
    try:
        Management(Verifier(store, clock, lambda: 0)).set_time(unix)
    except LockError:
        return False, "it does not answer"
    now, sure = clock.read()
    return True, _kept(now, sure, unix)


def create(secret: bytes, config: bytes, key: bytes, now: int, epoch: int) -> None:
    """Write the memory of a new lock. key: 64 bytes as docs/spec/storage.md has them."""
    from tumbler_lock.core.keys import AccessKey
    from tumbler_lock.core.store import Store

    path = description()["storage"]
    if not exists(path):
        os.mkdir(path)
    Store.create(path, secret, config, now, epoch, [AccessKey.unpack(key)])
