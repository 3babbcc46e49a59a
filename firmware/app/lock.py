"""The lock: keypad, verifier, bolt, signals and clock wired together as asyncio tasks (docs/app.md).

Invariants: the bolt moves only after the verifier has answered "open", which it does only after its commit; a lock
without a secret or with a lost memory opens to nothing; a task that fails locks the bolt before anything else.
Digits live in the entry buffer until `#` and in one call of the verifier, nowhere else.
"""

import asyncio
import gc
import os
import sys

from .. import VERSION
from ..core.clock import EARLIEST, LATEST, Clock
from ..core.entry import CLEAR, EntryBuffer
from ..core.errors import LockError, MemoryLost, NotProvisioned
from ..core.events import FAULT, OPEN
from ..core.link import Link
from ..core.owner import Owner
from ..core.records import NONE, Entry
from ..core.slots import Slots
from ..core.store import Store
from ..core.update import Updates
from ..core.verifier import Verifier
from ..drivers.keypad import SCAN_MS
from .supervisor import DIED, HUNG, Duty, Supervisor
from .trial import Trial
from .uptime import Uptime
from .wireless import Wireless

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .board import Board

IDLE_MS = 1000  # pause of a task that has nothing to do
BOLT_MS = 50  # between two looks at a bolt that is back
STEP_MS = 10  # between two looks at a pattern that plays
CLOCK_MS = 60_000  # between two looks at the clock
TROUBLE_MS = 10_000  # between two reminders that the lock opens to nothing

WATCHDOG = 4  # how the last run failed, beside DIED, ENDED and HUNG of supervisor.py: the loop was blocked
DEAF = 5  # no failure of a task: the keypad gives no samples
TASKS = ("keypad", "bolt", "signals", "clock", "radio")  # number in the log: 1 for the first


class Lock:
    """One lock on one board. Attributes: store, verifier, owner (None while `trouble` is not ""), trouble: "",
    "no-secret" or "fault", the pattern that says why the lock opens to nothing; path: directory of the memory; link;
    updates (None without slots). slot: the letter of the slot that this firmware lies in, "" without slots.

    It is what a Link manages (core/link.py): hence setup_held, set_clock, open and the others.
    """

    def __init__(self, board: "Board", slot: str = "") -> None:
        self.board = board
        self.store: "Store | None" = None
        self.verifier: "Verifier | None" = None
        self.owner: "Owner | None" = None
        self.trouble = ""
        self.path = board.storage
        self._restarting = False
        self._uptime = Uptime(board.ticks_ms, board.ticks_diff)
        self._buffer = EntryBuffer()
        self._duties = {name: Duty(name) for name in TASKS}
        self._open()
        major, minor, patch = [int(part) for part in VERSION.split(".")]
        self.updates: "Updates | None" = None
        self._trial: "Trial | None" = None
        if slot:
            slots = Slots()
            self.updates = Updates(slots, slot, (major, minor, patch), _bytecode())
            self._trial = Trial(slots, slot) if slots.on_trial(slot) else None
        self.link = Link(self, os.urandom, self._uptime.seconds, (major, minor, patch))

    def _open(self) -> None:
        """Read the memory. Whatever is wrong with it, the lock runs on, opens to nothing, and changes no file."""
        try:
            self.store = Store.open(self.board.storage)
            self.verifier = Verifier(self.store, Clock(self.board.rtc, self.store), self._uptime.seconds)
        except NotProvisioned:
            self.trouble = "no-secret"
        except (LockError, OSError, ValueError) as error:
            self.trouble = "fault"
            self.board.observe("fault", str(error))
        if self.verifier is None:
            self.store = None
            return
        self.owner = Owner(self.verifier)
        self.board.signals.sound = self.verifier.config.sound

    def quiet(self) -> bool:
        """Nothing is under way: the board may sleep until a key is touched, or for an hour."""
        board = self.board
        if self._trial is not None:
            return False  # it counts in seconds
        still = board.keypad.idle and self._buffer.empty and not board.bolt.unlocked and board.signals.quiet
        return still and not (board.radio is not None and board.radio.connected)

    def play(self, name: str) -> None:
        """Begin a pattern, unless one that matters more is playing."""
        if self.board.signals.play(name):
            self.board.observe("signal", name)
            self._duties["signals"].wake()

    async def run(self) -> None:
        """Run for ever."""
        supervisor = Supervisor(self.board.watchdog(), self._failed, self._well)
        if self.board.bitten():
            self._log_fault(WATCHDOG << 8)
        tasks = [self._keypad(), self._bolt(), self._signals(), self._clock()]
        if self.board.radio is not None:
            tasks.append(self._radio(self.board.radio))
        for name, work in zip(TASKS, tasks):
            supervisor.start(self._duties[name], work)
        self.play(self.trouble or "ready")
        self.board.observe("started", self)
        await supervisor.watch()

    async def _keypad(self) -> None:
        board = self.board
        keypad = board.keypad
        duty = self._duties["keypad"]
        deaf = False
        while True:
            duty.report()
            for key in keypad.poll(board.ticks_ms()):
                self._key(key)
            if keypad.failing != deaf:
                deaf = keypad.failing
                if deaf:
                    self._deaf()
            if keypad.idle:
                self._buffer.expire(self._uptime.ms())
                if not keypad.stuck:  # a touch cannot be felt through a stuck key: scan on
                    await board.touch(IDLE_MS)
            await asyncio.sleep_ms(SCAN_MS)

    def _deaf(self) -> None:
        """The keypad's chip does not answer. No reason to restart: a client over the air may be the only way left."""
        self.board.observe("fault", "the keypad does not answer: look at its bus and supply")
        self.play("fault")
        self._log_fault(DEAF << 8)

    def _key(self, key: str) -> None:
        self.board.observe("key", key)
        digits = self._buffer.key(key, self._uptime.ms())
        if digits is None:
            self.play("clear" if key == CLEAR else "key")
        elif not (digits and self._paired(digits)):
            if self.verifier is None:
                self.play(self.trouble)
            else:
                self._enter(self.verifier, digits)

    def _paired(self, digits: str) -> bool:
        """Whether an entry belongs to a pairing that waits for one; tells whether it is the right one."""
        right = self.link.enter(digits)
        if right is None:
            return False
        self.play("paired" if right else "refused")
        self.board.observe("paired", right)
        return True

    def _enter(self, verifier: Verifier, digits: str) -> None:
        """Decide one entry; only then may the bolt move."""
        verdict = verifier.enter(digits)
        if verdict.verdict == OPEN:
            self._unlock(verifier.config.autolock)
        self.play(verdict.verdict)
        self.board.observe("verdict", verdict)
        gc.collect()  # between entries, when nobody waits

    def _unlock(self, seconds: int) -> None:
        self.board.bolt.unlock(seconds * 1000)
        self._duties["bolt"].wake()

    # What a link asks of its lock

    def setup_held(self) -> bool:
        """Whether the set-up button is held."""
        return self.board.setup_held()

    def set_clock(self, unix: int) -> None:
        """Set the clock chip. ValueError outside 2020 to 2099; OSError when it does not answer."""
        if not EARLIEST <= unix < LATEST:
            raise ValueError("time: must lie between 2020 and 2099")
        self.board.rtc.set(unix)

    def open(self, seconds: int) -> None:
        """Draw the bolt back, and say so."""
        self._unlock(seconds)
        self.play(OPEN)

    def bolt_open(self) -> bool:
        """Whether the bolt is back."""
        return self.board.bolt.unlocked

    def battery(self) -> "int | None":
        """Charge in percent; None on a board that cannot measure it."""
        return self.board.battery()

    def configured(self) -> None:
        """Settings have changed."""
        if self.verifier is not None:
            self.board.signals.sound = self.verifier.config.sound

    def wipe(self) -> None:
        """Forget everything, and restart. StoreFull when the flash refuses: the restart then finds what is left."""
        try:
            Store.wipe(self.path)
        finally:
            self.store = self.verifier = self.owner = None
            self.trouble = "no-secret"
            self.start_anew()

    def start_anew(self) -> None:
        """Restart when the client that asked has its answer."""
        self._restarting = True

    def _served(self) -> None:
        """A client of the radio is gone."""
        if self._restarting:
            self.board.bolt.lock()
            self.board.reset()

    async def _radio(self, radio: "Any") -> None:
        def name() -> str:
            return "" if self.verifier is None else self.verifier.config.name

        def trouble(text: str) -> None:
            if self._trial is not None:
                self._trial.faulty = True
            self.board.observe("fault", text)

        await Wireless(self.link, radio, self._duties["radio"], name, self._uptime.ms, self._served, trouble).run()

    async def _bolt(self) -> None:
        bolt = self.board.bolt
        duty = self._duties["bolt"]
        while True:
            bolt.poll()
            if bolt.unlocked:
                duty.report()
                await asyncio.sleep_ms(BOLT_MS)
            else:
                await duty.rest(IDLE_MS)

    async def _signals(self) -> None:
        signals = self.board.signals
        duty = self._duties["signals"]
        while True:
            signals.poll(self.board.ticks_ms())
            if signals.quiet:
                await duty.rest(IDLE_MS)
            else:
                duty.report()
                await asyncio.sleep_ms(STEP_MS)

    async def _clock(self) -> None:
        duty = self._duties["clock"]
        while True:
            if self.verifier is None:
                await duty.rest(TROUBLE_MS)
                self.play(self.trouble)
            else:
                await duty.rest(CLOCK_MS)
                if self.verifier is not None:  # still: it may have been wiped meanwhile
                    self._housekeeping(self.verifier)
            if self.board.radio is not None:
                self.board.radio.tell_battery()

    def _housekeeping(self, verifier: Verifier) -> None:
        """Tokens and floor to flash, and the journal rewritten while nobody is at the door."""
        try:
            verifier.tick()
            if verifier.store.compaction_due and self.quiet():
                verifier.store.compact()
        except LockError as error:
            self.board.observe("fault", str(error))  # flash takes nothing now: what it holds is still good
        if verifier.store.in_doubt:
            raise MemoryLost("the flash does not say what it holds: only a start can tell")

    def _well(self, rounds: int) -> None:
        """The supervisor found all well, for the so-manieth time."""
        if self._trial is None:
            return
        try:
            if self._trial.round(rounds, self.trouble != "fault"):
                self._trial = None
                self.board.observe("confirmed", rounds)
        except OSError as error:
            self.board.observe("fault", "the flash takes no word of this firmware's health (error %d)" % error.errno)
        if self._trial is not None and self._trial.over(rounds):
            self.board.observe("fault", "this firmware is on trial and does not become healthy")
            self.board.bolt.lock()
            self.board.reset()

    def _failed(self, number: int, name: str, how: int, error: "Any") -> None:
        """A task failed: lock, tell, restart."""
        self.board.bolt.lock()
        text = "the task %s %s" % (name, "died" if how == DIED else "hangs" if how == HUNG else "ended")
        if error is not None:
            text += " of " + type(error).__name__
            self.board.report(error)
        self.board.observe("fault", text)
        try:
            self._log_fault(how << 8 | number)
        finally:
            self.board.reset()

    def _log_fault(self, arg: int) -> None:
        """Log a failure (arg: how * 256 + number of the task), once while nothing else happens in between: a lock
        that fails at every start must not wear out its flash."""
        if self.verifier is None:
            return
        store = self.verifier.store
        try:
            for event in store.events(store.seq - 1, 1):
                if event.event == FAULT and event.arg == arg:
                    return
            now, trusted = self.verifier.clock.read()
            store.commit([Entry(FAULT, 0, NONE, None, arg)], now, trusted)
        except (LockError, OSError) as error:
            self.board.observe("fault", str(error))  # the restart matters more than its record


def _bytecode() -> "tuple[int, int]":
    """Version of the .mpy format and processor of machine code that this MicroPython loads."""
    number: int = getattr(sys.implementation, "_mpy", 0)
    return number & 0xFF, number >> 10 & 0x3F


def run(board: "Board", slot: str = "") -> None:
    """Run the lock of a board, firmware of this slot; returns only by an exception."""
    asyncio.run(Lock(board, slot).run())
