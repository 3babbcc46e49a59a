"""The lock: its memory, its board, and what can be done with them (docs/design/app.md).

Invariants: a lock without a secret or with a lost memory opens to nothing; whatever is wrong with its memory, it runs
on and changes no file. tasks.py lets it act, runner.py puts everything together.
What only some boards need is imported where it is made: code lies in the heap too (docs/design/memory.md).
"""

from ..core.clock import EARLIEST, LATEST, Clock
from ..core.config import AUTOLOCK
from ..core.errors import LockError, MemoryLost, NotProvisioned
from ..core.events import BATTERY, OPEN
from ..core.keypad_buffer import EntryBuffer
from ..core.records import NONE, Entry
from ..core.store import Store
from ..core.verifier import Verifier
from .door import Door
from .supervisor import Duty
from .uptime import Uptime

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..core.management import Management
    from ..core.sessions import Sessions
    from ..core.updates import Updates
    from .board import Board
    from .sleep import Sleep
    from .update_trial import Trial

ONCE_S = 3600  # between two records of the same event at the door
TASKS = ("keypad", "bolt", "signals", "clock", "radio", "sleep")  # number in the log: 1 for the first


class Lock:
    """One lock on one board. It is a ManagedLock of core/link_state.py.

    Attributes: store, verifier (None while `trouble` is not ""); trouble: "", "no-secret" or "fault", the pattern that
    says why the lock opens to nothing; path: directory of the memory; uptime; buffer: the digits typed so far; door;
    duties: by name of the task; battery_warning: whether the pattern `low-battery` is due; restarting: whether the
    board restarts once the client that asked for it is gone.
    The runner sets, where the board has them: owner (None also while there is trouble), updates, sessions, sleep;
    trial: None once this firmware is confirmed.
    """

    def __init__(self, board: "Board") -> None:
        self.board = board
        self.store: "Store | None" = None
        self.verifier: "Verifier | None" = None
        self.trouble = ""
        self.path = board.storage
        self.uptime = Uptime(board.ticks_ms, board.ticks_diff)
        self.buffer = EntryBuffer()
        self.duties = {name: Duty(name, number + 1) for number, name in enumerate(TASKS)}
        self.door = Door(board, self.leave, self.note)
        self.battery_warning = False
        self.restarting = False
        self.owner: "Management | None" = None
        self.updates: "Updates | None" = None
        self.sessions: "Sessions | None" = None
        self.sleep: "Sleep | None" = None
        self.trial: "Trial | None" = None
        self._noted: "dict[int, int]" = {}  # event: uptime in s before which it is not logged again
        self._read_memory()

    def _read_memory(self) -> None:
        """Open the store; take up what was kept over a deep sleep."""
        try:
            self.store = Store.open(self.path)
            self.verifier = Verifier(self.store, Clock(self.board.rtc, self.store), self.uptime.seconds)
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
            if found is not None:
                self.verifier.budget.resume(found[0], found[1])
                if self.board.level is not None:
                    self.board.level.level = found[2]
        self.configured()

    def quiet(self) -> bool:
        """Return whether nothing is under way: no entry, no movement, no pattern, no client, no trial."""
        board = self.board
        if self.trial is not None or board.keypad.failing:
            return False  # a trial counts in seconds; to a keypad that fails the radio may be the only way left
        still = board.keypad.idle and self.buffer.empty and board.bolt.idle and board.signals.quiet and self.door.idle
        return still and not (board.radio is not None and board.radio.connected)

    def play(self, name: str) -> None:
        """Begin a pattern, unless one that matters more is playing."""
        if self.board.signals.play(name):
            self.board.observe("signal", name)
            self.duties["signals"].wake()

    def unlock(self, seconds: int) -> None:
        """Draw the bolt back for so many seconds."""
        self.board.bolt.unlock(seconds * 1000)
        self.duties["bolt"].wake()
        self.battery_warning = self.board.level is not None and self.board.level.level > 0

    def leave(self) -> None:
        """Open from inside, whatever is wrong with the memory."""
        self.touched()
        self.open(AUTOLOCK if self.verifier is None else self.verifier.config.autolock)

    def touched(self) -> None:
        """Take note of a person at the lock: it stays awake for a while."""
        if self.sleep is not None:
            self.sleep.touched()

    # Housekeeping

    def measure(self) -> None:
        """Look at the battery's level; not while the bolt moves, whose motor pulls the voltage down."""
        level = self.board.level
        percent = self.board.battery() if self.board.bolt.idle else None
        if level is not None and percent is not None and level.update(percent):
            self.log(BATTERY, level.level)

    def housekeeping(self, verifier: Verifier) -> None:
        """Write earned tokens and the latest trusted time to flash; rewrite the journal if it is due and the lock is
        quiet. MemoryLost if an earlier write ended in an unknown state."""
        try:
            verifier.tick()
            if verifier.store.compaction_due and self.quiet():
                verifier.store.compact()
        except LockError as error:
            self.board.observe("fault", str(error))  # the flash refuses writes: what it holds is still good
        if verifier.store.in_doubt:
            raise MemoryLost("it is not known what the flash holds: only a restart can tell")

    def note(self, event: int, arg: int) -> None:
        """Log an event at the door, at most once an hour: people at the door must not wear out the flash."""
        now = self.uptime.seconds()
        if now >= self._noted.get(event, 0):
            self._noted[event] = now + ONCE_S
            self.log(event, arg)

    def log(self, kind: int, arg: int) -> None:
        """Log an event of the lock itself, unless it is the same as the last one: a lock that fails at every start
        must not wear out its flash."""
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

    # What a link asks of its lock

    def setup_held(self) -> bool:
        """Return whether the set-up button is held: then a person is there."""
        held = self.board.setup_held()
        if held:
            self.touched()
        return held

    def set_clock(self, unix: int) -> None:
        """Set the clock chip. ValueError outside 2020 to 2099; OSError if it does not answer."""
        if not EARLIEST <= unix < LATEST:
            raise ValueError("time: must lie between 2020 and 2099")
        self.board.rtc.set(unix)

    def open(self, seconds: int) -> None:
        """Unlock, and play `open`."""
        self.unlock(seconds)
        self.play(OPEN)

    def bolt_open(self) -> bool:
        """Return whether the bolt is drawn back."""
        return self.board.bolt.unlocked

    def battery(self) -> "int | None":
        """Return the charge in percent; None on a board that cannot measure it."""
        return self.board.battery()

    def configured(self) -> None:
        """Take up settings that have changed."""
        if self.verifier is not None:
            self.board.signals.sound = self.verifier.config.sound

    def wipe(self) -> None:
        """Forget everything, and restart. StoreFull if the flash refuses: the restart then finds what is left."""
        try:
            Store.wipe(self.path)
        finally:
            self.store = self.verifier = self.owner = None
            self.trouble = "no-secret"
            self.restart_after_answer()

    def restart_after_answer(self) -> None:
        """Restart once the client that asked has its answer and is gone."""
        self.restarting = True
