"""The lock: keypad, verifier, bolt, signals and clock wired together as asyncio tasks (docs/design/app.md).

Invariants: the bolt moves only after the verifier has answered "open", which it does only after its commit; a lock
without a secret or with a lost memory opens to nothing; a task that fails locks the bolt before anything else.
Digits live in the entry buffer until `#` and in one call of the verifier, nowhere else.
What only some boards need is imported where it is made: code lies in the heap too (docs/design/memory.md).
"""

import asyncio
import gc
import os
import sys

from ..core.clock import EARLIEST, LATEST, Clock
from ..core.config import AUTOLOCK
from ..core.errors import LockError, MemoryLost, NotProvisioned
from ..core.events import BATTERY, FAULT, OPEN, STALLED
from ..core.keypad_buffer import CLEAR, EntryBuffer
from ..core.records import NONE, Entry
from ..core.store import Store
from ..core.verifier import Verifier
from ..drivers.keypad import SCAN_MS
from .door import Door
from .supervisor import DIED, HUNG, Duty, Supervisor
from .uptime import Uptime

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..core.boot_slots import Slots
    from ..core.management import Owner
    from ..core.sessions import Link
    from ..core.updates import Updates
    from .ble_server import Wireless
    from .board import Board
    from .sleep import Sleep
    from .update_trial import Trial

IDLE_MS = 1000  # pause of a task that has nothing to do
BOLT_MS = 20  # between two looks at a bolt that moves or is back, and at contacts
STEP_MS = 10  # between two looks at a pattern that plays
CLOCK_MS = 60_000  # between two looks at the clock
TROUBLE_MS = 10_000  # between two reminders that the lock opens to nothing

ONCE_S = 3600  # between two records of the same event at the door

WATCHDOG = 4  # how the last run failed, beside DIED, ENDED and HUNG of supervisor.py: the loop was blocked
DEAF = 5  # no failure of a task: the keypad gives no samples
TASKS = ("keypad", "bolt", "signals", "clock", "radio", "sleep")  # number in the log: 1 for the first


class Lock:
    """One lock on one board. Attributes: store, verifier (None while `trouble` is not ""), trouble: "", "no-secret" or
    "fault", the pattern that says why the lock opens to nothing; path: directory of the memory. Without a radio None:
    link; owner (also while there is trouble), updates (also without slots). slot: the letter of the slot that this
    firmware lies in, "" without slots.

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
        self._duties = {name: Duty(name, number + 1) for number, name in enumerate(TASKS)}
        self._door = Door(board, self._leave, self._note)
        self._noted: "dict[int, int]" = {}  # event: uptime in s before which no other of it is logged
        self._warn = False  # the low battery is to be told when the pattern is over
        self._sleep: "Sleep | None" = None
        self._open()
        self.updates: "Updates | None" = None
        self._trial: "Trial | None" = None
        self.link: "Link | None" = None
        slots = None
        if slot:
            from ..core.boot_slots import Slots

            slots = Slots()
            if slots.on_trial(slot):
                from .update_trial import Trial

                self._trial = Trial(slots, slot)
        if board.radio is not None:
            self._make_link(slots, slot)

    def _make_link(self, slots: "Slots | None", slot: str) -> None:
        """What clients of a radio may do."""
        from .. import VERSION
        from ..core.sessions import Link

        major, minor, patch = [int(part) for part in VERSION.split(".")]
        if self.verifier is not None:
            from ..core.management import Owner

            self.owner = Owner(self.verifier)
        if slots is not None:
            from ..core.updates import Updates

            self.updates = Updates(slots, slot, (major, minor, patch), _bytecode())
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
        kept = self.board.kept()
        if kept:
            from .sleep import unpack_kept

            found = unpack_kept(kept, self.verifier.store.attempt, self.board.seconds())
            if found is not None:  # it is to be believed
                self.verifier.budget.resume(found[0], found[1])
                if self.board.level is not None:
                    self.board.level.level = found[2]
        self.board.signals.sound = self.verifier.config.sound

    def quiet(self) -> bool:
        """Nothing is under way."""
        board = self.board
        if self._trial is not None or board.keypad.failing:
            return False  # a trial counts in seconds; to a keypad that fails the radio may be the only way left
        still = board.keypad.idle and self._buffer.empty and board.bolt.idle and board.signals.quiet and self._door.idle
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
            self._log(FAULT, WATCHDOG << 8)
        alone = self.board.alone()
        tasks = {"keypad": self._keypad(), "bolt": self._bolt(), "signals": self._signals(), "clock": self._clock()}
        wireless = None
        if self.link is not None:
            wireless = self._wireless(self.link, self.board.radio)
            tasks["radio"] = wireless.run()
        if self.board.sleeps != "none":
            from .sleep import Sleep

            duty = self._duties["sleep"]
            self._sleep = Sleep(self.board, duty, self._uptime.ms, self.quiet, self._before_sleep, wireless, alone)
            tasks["sleep"] = self._sleep.run()
        for name in TASKS:
            if name in tasks:
                supervisor.start(self._duties[name], tasks[name])
        if not alone:
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
        self._log(FAULT, DEAF << 8)

    def _key(self, key: str) -> None:
        self.board.observe("key", key)
        self._touched()
        level = self.board.level
        critical = level is not None and level.level == 2 and self._buffer.empty
        digits = self._buffer.key(key, self._uptime.ms())
        if digits is None:
            self.play("clear" if key == CLEAR else "low-battery" if critical else "key")
        elif not (digits and self._paired(digits)):
            if self.verifier is None:
                self.play(self.trouble)
            else:
                self._enter(self.verifier, digits)

    def _paired(self, digits: str) -> bool:
        """Whether an entry belongs to a pairing that waits for one; tells whether it is the right one."""
        right = None if self.link is None else self.link.enter(digits)
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
        self._warn = self.board.level is not None and self.board.level.level > 0

    def _leave(self) -> None:
        """Open from inside, whatever is wrong with the memory."""
        self._touched()
        self.open(AUTOLOCK if self.verifier is None else self.verifier.config.autolock)

    def _touched(self) -> None:
        if self._sleep is not None:
            self._sleep.touched()

    # What a link asks of its lock

    def setup_held(self) -> bool:
        """Whether the set-up button is held: then somebody is there."""
        held = self.board.setup_held()
        if held:
            self._touched()
        return held

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

    def _served(self, known: bool) -> None:
        """A client of the radio is gone. known: it had a key; who pairs is known by the keys and the button."""
        if known:
            self._touched()
        elif not self.setup_held() and self._sleep is not None:
            self._sleep.left()
        if self._restarting:
            self.board.bolt.lock()
            self.board.reset()

    def _wireless(self, link: "Link", radio: "Any") -> "Wireless":
        from .ble_server import Wireless

        def name() -> str:
            return "" if self.verifier is None else self.verifier.config.name

        def trouble(text: str) -> None:
            if self._trial is not None:
                self._trial.faulty = True
            self.board.observe("fault", text)

        return Wireless(link, radio, self._duties["radio"], name, self._uptime.ms, self._served, trouble)

    async def _bolt(self) -> None:
        bolt = self.board.bolt
        duty = self._duties["bolt"]
        while True:
            stalled = bolt.stalled
            bolt.poll()
            if bolt.stalled and not stalled:
                self._note(STALLED, 1 if bolt.opening else 2)
                self.play("fault")
            self._door.poll(self._uptime.ms())
            if bolt.idle and self.board.door is None and self.board.exit is None:
                await duty.rest(IDLE_MS)
            else:
                duty.report()
                await asyncio.sleep_ms(BOLT_MS)

    async def _signals(self) -> None:
        signals = self.board.signals
        duty = self._duties["signals"]
        while True:
            signals.poll(self.board.ticks_ms())
            if signals.quiet and self._warn:
                self._warn = False
                self.play("low-battery")
            if signals.quiet:
                await duty.rest(IDLE_MS)
            else:
                duty.report()
                await asyncio.sleep_ms(STEP_MS)

    async def _clock(self) -> None:
        duty = self._duties["clock"]
        while True:
            self._measure()
            if self.verifier is None:
                await duty.rest(TROUBLE_MS)
                if self._sleep is None or self._sleep.awake:
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
            if self._trial.round(rounds, self.trouble != "fault" and not self.board.keypad.failing):
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
            self._log(FAULT, how << 8 | number)
        finally:
            self.board.reset()

    def _measure(self) -> None:
        """Look at the battery's level; not while the bolt moves, whose motor pulls the voltage down."""
        level = self.board.level
        percent = self.board.battery() if self.board.bolt.idle else None
        if level is not None and percent is not None and level.update(percent):
            self._log(BATTERY, level.level)

    def _before_sleep(self) -> None:
        """What is due goes to flash; and over a deep sleep, which ends this run, what the guess budget waits for."""
        self._measure()
        if self.verifier is None:
            return
        self._housekeeping(self.verifier)
        if self.board.sleeps == "deep":
            from .sleep import pack_kept

            level = 0 if self.board.level is None else self.board.level.level
            waits = self.verifier.budget.waits()
            self.board.keep(pack_kept(self.verifier.store.attempt, waits, self.board.seconds(), level))

    def _note(self, event: int, arg: int) -> None:
        """Log what happens at the door, once an hour: nobody at it may wear out the flash."""
        now = self._uptime.seconds()
        if now >= self._noted.get(event, 0):
            self._noted[event] = now + ONCE_S
            self._log(event, arg)

    def _log(self, kind: int, arg: int) -> None:
        """Log an event of the lock itself, once while nothing else happens in between: a lock that fails at every
        start must not wear out its flash."""
        if self.verifier is None:
            return
        store = self.verifier.store
        try:
            for event in store.events(store.seq - 1, 1):
                if event.event == kind and event.arg == arg:
                    return
            now, trusted = self.verifier.clock.read()
            store.commit([Entry(kind, 0, NONE, None, arg)], now, trusted)
        except (LockError, OSError) as error:
            self.board.observe("fault", str(error))  # what the lock is about to do matters more than its record


def _bytecode() -> "tuple[int, int]":
    """Version of the .mpy format and processor of machine code that this MicroPython loads."""
    number: int = getattr(sys.implementation, "_mpy", 0)
    return number & 0xFF, number >> 10 & 0x3F


def run(board: "Board", slot: str = "") -> None:
    """Run the lock of a board, firmware of this slot; returns only by an exception."""
    lock = Lock(board, slot)
    gc.threshold(-1)  # all is loaded: now collections wait until nobody does
    asyncio.run(lock.run())
