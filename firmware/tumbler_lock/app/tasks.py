"""The lock's tasks: keypad, bolt, signals and clock, each a coroutine that runs for ever (docs/design/app.md).

Invariants: the bolt moves only after the verifier has answered "open", which it does only after its commit. Digits lie
in the entry buffer until `#` and in one call of the verifier, nowhere else. Every task reports to its duty.
"""

import asyncio
import gc

from ..core.events import FAULT, OPEN, STALLED
from ..core.keypad_buffer import CLEAR
from ..drivers.keypad import SCAN_MS
from .supervisor import DEAF

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..core.verifier import Verifier
    from .lock import Lock

IDLE_MS = 1000  # pause of a task that has nothing to do
BOLT_MS = 20  # between two looks at a bolt that moves or is drawn back, and at contacts
STEP_MS = 10  # between two looks at a pattern that plays
CLOCK_MS = 60_000  # between two looks at the clock
TROUBLE_MS = 10_000  # between two reminders that the lock opens to nothing


async def keypad(lock: "Lock") -> None:
    """Take samples of the keypad, and act on its keys."""
    board = lock.board
    pad = board.keypad
    duty = lock.duties["keypad"]
    deaf = False
    while True:
        duty.report()
        for key in pad.poll(board.ticks_ms()):
            press(lock, key)
        if pad.failing != deaf:
            deaf = pad.failing
            if deaf:
                # No reason to restart: a client of the radio may be the only way left.
                board.observe("fault", "the keypad does not answer: look at its bus and supply")
                lock.play("fault")
                lock.log(FAULT, DEAF << 8)
        if pad.idle:
            lock.buffer.expire(lock.uptime.ms())
            if not pad.stuck:  # a touch cannot be felt through a stuck key: scan on
                await board.touch(IDLE_MS)
        await asyncio.sleep_ms(SCAN_MS)


def press(lock: "Lock", key: str) -> None:
    """Act on one key of the keypad."""
    lock.board.observe("key", key)
    lock.touched()
    level = lock.board.level
    critical = level is not None and level.level == 2 and lock.buffer.empty
    digits = lock.buffer.key(key, lock.uptime.ms())
    if digits is None:
        lock.play("clear" if key == CLEAR else "low-battery" if critical else "key")
    elif not (digits and _paired(lock, digits)):
        if lock.verifier is None:
            lock.play(lock.trouble)
        else:
            _enter(lock, lock.verifier, digits)


def _paired(lock: "Lock", digits: str) -> bool:
    """Return whether an entry belongs to a pairing that waits for one; signal whether its digits are right."""
    right = None if lock.sessions is None else lock.sessions.enter(digits)
    if right is None:
        return False
    lock.play("paired" if right else "refused")
    lock.board.observe("paired", right)
    return True


def _enter(lock: "Lock", verifier: "Verifier", digits: str) -> None:
    """Have one entry decided; only then may the bolt move."""
    verdict = verifier.enter(digits)
    if verdict.verdict == OPEN:
        lock.unlock(verifier.config.autolock)
    lock.play(verdict.verdict)
    lock.board.observe("verdict", verdict)
    gc.collect()  # between entries, when no person waits


async def bolt(lock: "Lock") -> None:
    """Move the bolt and lock in time; look at the door contact and the exit button."""
    board = lock.board
    moved = board.bolt
    duty = lock.duties["bolt"]
    while True:
        stalled = moved.stalled
        moved.poll()
        if moved.stalled and not stalled:
            lock.note(STALLED, 1 if moved.opening else 2)
            lock.play("fault")
        lock.door.poll(lock.uptime.ms())
        if moved.idle and board.door is None and board.exit is None:
            await duty.rest(IDLE_MS)
        else:
            duty.report()
            await asyncio.sleep_ms(BOLT_MS)


async def signals(lock: "Lock") -> None:
    """Play patterns."""
    board = lock.board
    duty = lock.duties["signals"]
    while True:
        board.signals.poll(board.ticks_ms())
        if board.signals.quiet and lock.battery_warning:
            lock.battery_warning = False
            lock.play("low-battery")
        if board.signals.quiet:
            await duty.rest(IDLE_MS)
        else:
            duty.report()
            await asyncio.sleep_ms(STEP_MS)


async def clock(lock: "Lock") -> None:
    """Do what is due from time to time: battery, flash, reminders of trouble."""
    duty = lock.duties["clock"]
    while True:
        lock.measure()
        if lock.verifier is None:
            await duty.rest(TROUBLE_MS)
            if lock.sleep is None or lock.sleep.awake:
                lock.play(lock.trouble)
        else:
            await duty.rest(CLOCK_MS)
            if lock.verifier is not None:  # it may have been wiped meanwhile
                lock.housekeeping(lock.verifier)
        if lock.board.radio is not None:
            lock.board.radio.tell_battery()
