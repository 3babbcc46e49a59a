"""Puts a lock together and runs it: tasks under supervision, the link, sleep, an update on trial (docs/design/app.md).

Invariant: a task that fails locks the bolt before anything else happens, and restarts the board.
What only some boards need is imported where it is made: code lies in the heap too (docs/design/memory.md).
"""

import asyncio
import gc
import os
import sys

from ..core.events import FAULT
from . import tasks
from .lock import TASKS, Lock
from .supervisor import DIED, HUNG, WATCHDOG, Supervisor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Coroutine

    from ..core.boot_slots import FirmwareSlots
    from ..core.sessions import Sessions
    from ..drivers.ble_peripheral import Radio
    from .ble_server import BleServer
    from .board import Board


class Runner:
    """Runs a lock. slot: the letter of the slot that this firmware lies in, "" without slots."""

    def __init__(self, lock: Lock, slot: str) -> None:
        self._lock = lock
        slots = None
        if slot:
            from ..core.boot_slots import FirmwareSlots

            slots = FirmwareSlots()
            if slots.on_trial(slot):
                from .update_trial import Trial

                lock.trial = Trial(slots, slot)
        if lock.board.radio is not None:
            self._make_link(slots, slot)

    def _make_link(self, slots: "FirmwareSlots | None", slot: str) -> None:
        """Make what serves clients of the radio."""
        from .. import VERSION
        from ..core.link_state import LinkState
        from ..core.sessions import Sessions

        lock = self._lock
        major, minor, patch = [int(part) for part in VERSION.split(".")]
        if lock.verifier is not None:
            from ..core.management import Management

            lock.owner = Management(lock.verifier)
        if slots is not None:
            from ..core.updates import Updates

            lock.updates = Updates(slots, slot, (major, minor, patch), _bytecode())
        lock.sessions = Sessions(LinkState(lock, os.urandom, lock.uptime.seconds, (major, minor, patch)))

    async def run(self) -> None:
        """Run for ever."""
        lock = self._lock
        board = lock.board
        supervisor = Supervisor(board.watchdog(), self._failed, self._well)
        if board.bitten():
            lock.log(FAULT, WATCHDOG << 8)
        alone = board.alone()
        work: "dict[str, Coroutine[Any, Any, None]]" = {
            "keypad": tasks.keypad(lock),
            "bolt": tasks.bolt(lock),
            "signals": tasks.signals(lock),
            "clock": tasks.clock(lock),
        }
        server = None
        if lock.sessions is not None and board.radio is not None:
            server = self._ble_server(lock.sessions, board.radio)
            work["radio"] = server.run()
        if board.sleeps != "none":
            from .sleep import Sleep

            duty = lock.duties["sleep"]
            lock.sleep = Sleep(board, duty, lock.uptime.ms, lock.quiet, self._before_sleep, server, alone)
            work["sleep"] = lock.sleep.run()
        for name in TASKS:
            if name in work:
                supervisor.start(lock.duties[name], work[name])
        if not alone:
            lock.play(lock.trouble or "ready")
        board.observe("started", lock)
        await supervisor.watch()

    def _ble_server(self, sessions: "Sessions", radio: "Radio") -> "BleServer":
        from .ble_server import BleServer

        lock = self._lock

        def name() -> str:
            return "" if lock.verifier is None else lock.verifier.config.name

        def trouble(text: str) -> None:
            if lock.trial is not None:
                lock.trial.faulty = True
            lock.board.observe("fault", text)

        return BleServer(sessions, radio, lock.duties["radio"], name, lock.uptime.ms, self._served, trouble)

    def _served(self, known: bool) -> None:
        """A client of the radio is gone. known: it had a key. A client that pairs has none: the keys that its owner
        types and the set-up button keep the lock awake for it."""
        lock = self._lock
        if known:
            lock.touched()
        elif not lock.setup_held() and lock.sleep is not None:
            lock.sleep.left()
        if lock.restarting:
            lock.board.bolt.lock()
            lock.board.reset()

    def _before_sleep(self) -> None:
        """Write to flash what is due. A deep sleep ends this run: keep what the guess budget waits for."""
        lock = self._lock
        lock.measure()
        if lock.verifier is None:
            return
        lock.housekeeping(lock.verifier)
        board = lock.board
        if board.sleeps == "deep":
            from .sleep import pack_kept

            level = 0 if board.level is None else board.level.level
            waits = lock.verifier.budget.waits()
            board.keep(pack_kept(lock.verifier.store.attempt, waits, board.seconds(), level))

    def _well(self, rounds: int) -> None:
        """Called after each supervisor round in which every task was healthy; `rounds` counts them."""
        lock = self._lock
        if lock.trial is None:
            return
        board = lock.board
        try:
            if lock.trial.round(rounds, lock.trouble != "fault" and not board.keypad.failing):
                lock.trial = None
                board.observe("confirmed", rounds)
        except OSError as error:
            board.observe("fault", "the flash refuses to confirm this firmware (error %d)" % error.errno)
        if lock.trial is not None and lock.trial.over(rounds):
            board.observe("fault", "this firmware is on trial and does not become healthy")
            board.bolt.lock()
            board.reset()

    def _failed(self, number: int, name: str, how: int, error: "Exception | None") -> None:
        """A task failed: lock, report it, restart."""
        board = self._lock.board
        board.bolt.lock()
        text = "the task %s %s" % (name, "died" if how == DIED else "hangs" if how == HUNG else "ended")
        if error is not None:
            text += " of " + type(error).__name__
            board.report(error)
        board.observe("fault", text)
        try:
            self._lock.log(FAULT, how << 8 | number)
        finally:
            board.reset()


def _bytecode() -> "tuple[int, int]":
    """Version of the .mpy format and processor of machine code that this MicroPython loads."""
    number: int = getattr(sys.implementation, "_mpy", 0)
    return number & 0xFF, number >> 10 & 0x3F


def run(board: "Board", slot: str = "") -> None:
    """Run the lock of a board, firmware of this slot; returns only by an exception."""
    runner = Runner(Lock(board), slot)
    gc.threshold(-1)  # all is loaded: now collections wait until no person does
    asyncio.run(runner.run())
