"""On the board: give a lock its secret, settings, first key and time, with its own firmware.

Invariant: of a lock that has a secret nothing is changed but its clock. The secret is in no answer and in no error.
"""

import json
import os
import struct
import sys
import time

JOURNAL = "/journal"
SECRET_AT = 44  # in the journal's header (docs/spec/storage.md)
SECRET_SIZE = 32
HEADER_SIZE = 256
CLOCK_SECONDS = 2  # a clock that was set and read back may have gone on by so much


def use_slot(slot):
    """Let the package `firmware` be the one of this slot; "": the one that is part of MicroPython."""
    path = "/" + slot
    if slot and path not in sys.path:
        sys.path.insert(0, path)


def description():
    """What /board.json says."""
    with open("/board.json") as file:
        return json.load(file)


def own_id():
    """The id of the lock on this board in hex: "" without a secret, "?" when the memory cannot be read."""
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
    from tumbler_lock.core.sessions import lock_id

    return hexed(lock_id(header[SECRET_AT : SECRET_AT + SECRET_SIZE]))


def set_clock(unix):
    """Set the clock and read it back: "" or what is wrong with it."""
    import machine

    from tumbler_lock.app.board import Board

    clock = Board(description(), machine, time).rtc
    try:
        clock.set(unix)
        now, sure = clock.read()
    except OSError:
        return "it does not answer"
    return _kept(now, sure, unix)


def _kept(now, sure, unix):
    """What is wrong with a clock that was set to `unix` and now says this; "" for nothing."""
    return "" if sure and 0 <= now - unix <= CLOCK_SECONDS else "it does not keep the time that it was given"


def sync_clock(unix):
    """Set the clock of a lock with a memory as its owner does, unless it is right: [whether it was set, "" or what is
    wrong with it]."""
    import machine

    from tumbler_lock.app.board import Board
    from tumbler_lock.core.clock import Clock
    from tumbler_lock.core.errors import LockError
    from tumbler_lock.core.management import Owner
    from tumbler_lock.core.store import Store
    from tumbler_lock.core.verifier import Verifier

    found = description()
    store = Store.open(found["storage"])
    clock = Clock(Board(found, machine, time).rtc, store)
    now, sure = clock.read()
    if sure and abs(now - unix) <= CLOCK_SECONDS:
        return [False, ""]
    try:
        Owner(Verifier(store, clock, lambda: 0)).set_time(unix)
    except LockError:
        return [False, "it does not answer"]
    return [True, _kept(*clock.read(), unix)]


def create(secret, config, key, now, epoch):
    """Give the lock what it needs; key: 64 bytes as docs/spec/storage.md has them."""
    from tumbler_lock.core.keys import Key
    from tumbler_lock.core.store import Store

    path = description()["storage"]
    if not exists(path):
        os.mkdir(path)
    Store.create(path, secret, config, now, epoch, [Key.unpack(key)])
