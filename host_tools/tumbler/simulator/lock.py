"""A lock in a virtual world: its flash image, its clock chip, its power, and the time that passes around it.

The firmware runs in a MicroPython process, one for each power-on (board_process.py); what outlives a power-on is
kept here. Times are milliseconds UTC of the world's clock, which only this module moves, and only forwards: the
board learns of time when it is told to let some pass, so a year takes seconds and a second can take a second.

    flash image   one file, written through at every flash operation: what a cut leaves is what is on the disk
    world file    beside it, `<flash>.world`: the world's time and the clock chip's registers as JSON; also the
                  lock file that keeps a second process away from the same flash
"""

import hashlib
import json
import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from tumbler_lock.core.config import AUTOLOCK, WEEKEND

from ..errors import ToolError
from ..paths import BOARDS
from .board.models.ds3231 import DS3231Model
from .micropython import find
from .process import BoardFault, BoardProcess, BoardRefused, BoardStopped, Message, board_command

FLASH_KIB = 512  # of a flash that holds the lock's memory and nothing else
SLOTS_KIB = 2048  # of one that holds the firmware too, in slots, as a board's does
LATEST_MS = 4_291_747_200_000  # 2106-01-01: the scenario language and the lock's records end there
STEP_MS = 86_400_000  # time passes in requests of a day, each of which must be answered within the real-time guard
MOST_RESTARTS = 5  # while it starts, or while time passes: more is a lock that will never be well
EXAMPLE_SECRET = bytes(range(32))  # published in docs/spec/passcodes.md, so it protects nothing


@dataclass(frozen=True)
class Identity:
    """What makes a lock this lock. secret: None for a lock that is new, which nobody has set up yet; rule: POSIX TZ;
    weekend: bit mask, Monday bit 0; autolock: seconds.
    """

    secret: bytes | None = field(default=EXAMPLE_SECRET, repr=False)
    rule: str = "UTC0"
    policy: str = "standard"
    weekend: int = WEEKEND
    autolock: int = AUTOLOCK
    name: str = "example"
    epoch: int = 0
    keys: tuple[tuple[int, int, bytes, str], ...] = field(default=(), repr=False)  # slot, role, psk, label

    def mark(self) -> str:
        """Return what tells this lock and its settings from others, and reveals nothing of the secret. A lock that
        begins new gets its settings later.
        """
        if self.secret is None:
            return "new"
        settings = f"{self.rule} {self.weekend} {self.policy} {self.autolock}".encode()
        return hashlib.sha256(b"tumbler virtual lock 1" + self.secret + settings).hexdigest()[:16]

    def provision(self) -> Message | None:
        """Return what the board is given at its first start; None: nothing."""
        if self.secret is None:
            return None
        return {
            "secret": self.secret.hex(),
            "epoch": self.epoch,
            "config": {
                "rule": self.rule,
                "weekend": self.weekend,
                "policy": self.policy,
                "autolock": self.autolock,
            },
            "keys": [
                {"slot": slot, "role": role, "psk": psk.hex(), "label": label} for slot, role, psk, label in self.keys
            ],
        }


@dataclass(frozen=True)
class Entered:
    """The lock's answer to one entry. at_ms: world time; kind and id: None when the lock knows nothing of it."""

    at_ms: int
    verdict: str
    reason: str
    kind: int | str | None = None
    id: str | None = None


@dataclass(frozen=True)
class Reply:
    """What came of an owner's command: the id of the code, or the lock's words when it refused."""

    ok: bool
    reason: str = ""
    text: str = ""
    id: str | None = None


def now_ms() -> int:
    """Return the real world's time."""
    return time.time_ns() // 1_000_000


class VirtualLock:
    """One virtual lock. Use as a context manager: leaving it switches the power off and writes the world file.

    flash: the image, made and provisioned when it is not there; identity: given to a new lock; begin_ms: where the
    world's time starts, unless the world file is later; listener: called with every event of the board, with
    {"event": "power", "on": bool}, and before a restart with {"event": "console", "text": what it wrote there};
    command: what starts a board (default: the MicroPython that is found); cable: makes of the image the one to go on
    with, each time before the power comes. An image of SLOTS_KIB runs the firmware that is on it.
    Raises ToolError for a file that cannot be used and for a board that fails.
    """

    def __init__(
        self,
        flash: Path,
        identity: Identity,
        begin_ms: int | None = None,
        listener: Callable[[Message], None] | None = None,
        command: list[str] | None = None,
        cable: Callable[[bytes], bytes] | None = None,
    ):
        self.identity = identity
        flash = self.flash = flash.resolve()  # one name for one image: the world lies beside it, and locks it
        self.entries: list[Entered] = []
        self.unlocked = False
        self.restarts = 0
        self.cuts = 0
        self._listener = listener
        self._command = command or board_command(find())
        self._cable = cable
        self._board: BoardProcess | None = None
        self._cut: int | None = None  # a flash operation to come
        self._cause: str | None = None  # of the reset that this start follows; None: the power came
        self._world: IO[str] | None = None
        self._rtc: Message | None = None
        self._button = False
        self._battery: int | None = None  # mV; None: full
        new = not flash.exists()
        self._size = FLASH_KIB * 1024 if new else flash.stat().st_size
        if self._size not in (FLASH_KIB * 1024, SLOTS_KIB * 1024):
            raise ToolError(
                f"{flash} is no flash image of the virtual lock: it has {self._size:,} bytes,"
                f" not {FLASH_KIB * 1024:,} or {SLOTS_KIB * 1024:,}.",
                "Name another file, or one that does not exist yet to begin with a new lock.",
            )
        self.now_ms = self._open_world(now_ms() if begin_ms is None else begin_ms, new)
        self._provision = identity.provision() if new else None
        if new:
            try:
                self._write_image(b"\xff" * self._size)  # an erased chip
            except ToolError:
                self._close_world()
                raise
            if identity.secret is not None:  # whoever gives a lock its secret sets its clock, too
                chip = DS3231Model(lambda: self.now_ms)
                chip.preset(self.now_ms // 1000)
                self._rtc = chip.state()

    def __enter__(self) -> "VirtualLock":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None and not issubclass(kind, Exception) and self._board is not None:
            self._board.end()  # the user or the system wants out: the board may be in the middle of a request
            self._board = None
        self.close()

    def close(self) -> None:
        """Switch the power off and keep the world for the next time; safe to call twice."""
        try:
            self.power_off()
        finally:
            if self._board is not None:
                self._board.end()
                self._board = None
            if self._world is not None:
                try:
                    self._save_world()
                finally:
                    self._world.close()
                    self._world = None

    def listen(self, listener: Callable[[Message], None] | None) -> None:
        """Have every event from now on passed to this listener alone."""
        self._listener = listener

    # Power

    @property
    def powered(self) -> bool:
        """True while the board has power."""
        return self._board is not None

    @property
    def cut_waits(self) -> bool:
        """True while a cut was asked for that has not come."""
        return self._cut is not None

    def power_on(self) -> None:
        """Start the board; nothing when it is on."""
        if self._board is None:
            if self._cable is not None:
                self._plug_in(self._cable)
            self._start()
            self._save_world()

    def power_off(self) -> None:
        """Take the power away between two flash operations; a cut that has not come is forgotten."""
        self._cut = None
        if self._board is None:
            return
        with suppress(BoardStopped):
            self._board.ask({"do": "quit"})
        self._stopped()

    def cut(self, number: int) -> None:
        """Let the power fail in the middle of the flash operation `number` (1 = the next) from here, and come back."""
        self._cut = number
        if self._board is not None:
            self._ask({"do": "cut", "n": number})

    def reset(self) -> None:
        """Press the board's reset button."""
        self._ask({"do": "reset_button"})

    # Time

    def advance(self, to_ms: int) -> None:
        """Let time pass until `to_ms`; ValueError when that is over."""
        if to_ms < self.now_ms:
            raise ValueError("time only goes forwards")
        restarts = self.restarts
        while self._board is not None and self.now_ms < to_ms:
            self._ask({"do": "advance", "to_ms": min(to_ms, self.now_ms + STEP_MS)})
            if self.restarts - restarts > MOST_RESTARTS:
                self.power_off()
                raise BoardFault("The lock restarts again and again.", "Look at the faults it told.")
        self.now_ms = max(self.now_ms, to_ms)

    def stop_clock(self) -> None:
        """Let the clock chip's supply and battery fail, and come back."""
        if self._board is not None:
            self._ask({"do": "clock", "stopped": True})
        else:
            self._rtc = None

    def set_clock(self, unix: int) -> None:
        """Let somebody who has the chip in hand set it, rightly or wrongly; the lock is not asked."""
        if self._board is not None:
            self._ask({"do": "clock", "set": unix})
            return
        chip = DS3231Model(lambda: self.now_ms, self._rtc)
        chip.preset(unix)
        self._rtc = chip.state()

    # What people do

    def press(self, keys: str) -> list[Entered]:
        """Press and release keys one after the other; return the lock's answers.

        Without power nothing happens. When the power fails on the way, the remaining keys find a starting lock.
        """
        before = len(self.entries)
        if self._board is not None:
            self._ask({"do": "press", "keys": keys})
        return self.entries[before:]

    def owner(self, command: str, **arguments: Any) -> Reply:
        """Carry out an owner's command: add_custom, change, delete or set_time. None leaves an argument out."""
        if self._board is None:
            return Reply(False, "no-power", "the lock is off: switch the power on first")
        given = {name: value for name, value in arguments.items() if value is not None}
        answer = self._ask({"do": "owner", "command": command, "args": given})
        if answer is None:
            return Reply(False, "power-cut", "the power failed before the lock confirmed it")
        if answer.get("ok"):
            return Reply(True, id=answer.get("id"))
        text = str(answer.get("error") or "")
        return Reply(False, str(answer.get("reason") or text.partition(":")[0]), text)

    def radio(self, op: str, **fields: Any) -> Message | None:
        """Let something happen at the other end of the lock's radio (docs/design/simulator.md, request `radio`).

        Return the board's answer; None without power, and when the board went down over it. BoardRefused for what
        the radio does not take.
        """
        return self._ask({"do": "radio", "op": op, **fields}) if self._board is not None else None

    def button(self, held: bool) -> None:
        """Hold the set-up button, or let it go; nothing happens without power."""
        self._button = held
        if self._board is not None:
            self._ask({"do": "button", "held": held})

    def battery(self, millivolts: int) -> None:
        """Let the battery have this voltage, 0 to 60,000 mV, from now on; ValueError for another."""
        if not 0 <= millivolts <= 60_000:
            raise ValueError("a battery has 0 to 60,000 mV")
        self._battery = millivolts
        if self._board is not None:
            self._ask({"do": "battery", "mv": millivolts})

    def charge(self, percent: int) -> None:
        """Let the battery be charged so far, on the scale of the virtual board."""
        scale = json.loads((BOARDS / "virtual" / "board.json").read_text(encoding="utf-8"))["battery"]
        empty, full = scale["empty_mv"], scale["full_mv"]
        self.battery(empty + -(-(full - empty) * percent // 100))  # the lock rounds down

    def state(self) -> Message:
        """Return what the board says of itself; {} without power."""
        return self._ask({"do": "state"}) or {} if self._board is not None else {}

    def log(self, since: int = 0, limit: int = 100) -> list[Message]:
        """Return events of the lock's log after the sequence number `since`; [] without power."""
        if self._board is None:
            return []
        answer = self._ask({"do": "log", "since": since, "limit": limit})
        return list(answer["events"]) if answer else []

    # The board

    def _plug_in(self, cable: Callable[[bytes], bytes]) -> None:
        """Let the cable do what it does to the image."""
        try:
            before = self.flash.read_bytes()
        except OSError as error:
            raise _unreadable(self.flash, error) from error
        try:
            after = cable(before)
        except ValueError as error:
            raise ToolError(f"{self.flash} {error}.", "Begin anew with --reset.") from error
        if after != before:
            self._write_image(after)
            self._size = len(after)

    def _start(self) -> None:
        """Start the board, again and again while it is cut or resets itself on the way up."""
        for _ in range(MOST_RESTARTS):
            self._board = BoardProcess(self._command, self._event)
            request = {
                "do": "boot",
                "now_ms": self.now_ms,
                "flash": str(self.flash),
                "flash_kib": self._size // 1024,
                "slots": self._size == SLOTS_KIB * 1024,
                "rtc": self._rtc,
                "mode": "fast",
                "provision": self._provision,
                "cut": self._cut,
                "cause": self._cause,
                "button": self._button,
                "battery": self._battery,
            }
            try:
                answer = self._board.ask(request)
            except BoardStopped as stop:
                self._restarting(stop)
                continue
            except ToolError:
                self._stopped()
                raise
            self._tick(answer)
            self._provision = self._cause = None
            self._tell({"event": "power", "on": True, "now_ms": self.now_ms})
            return
        raise BoardFault(f"The lock restarted {MOST_RESTARTS} times without coming up.", "Look at its flash image.")

    def _ask(self, request: Message) -> Message | None:
        """Ask the running board; None when it went down over this, and is up again."""
        if self._board is None:
            raise ValueError("the board has no power")
        try:
            answer = self._board.ask(request)
        except BoardStopped as stop:
            self._restarting(stop)
            self._start()
            return None
        except BoardRefused:
            raise  # it did nothing, and runs on
        except ToolError:
            self._stopped()
            raise
        self._tick(answer)
        return answer

    def _restarting(self, stop: BoardStopped) -> None:
        self.restarts += 1
        if stop.said:
            self._tell({"event": "console", "text": stop.said, "now_ms": self.now_ms})
        if stop.cut:
            self.cuts += 1
            self._cut = None
        self._stopped()

    def _stopped(self) -> None:
        """The process is over: everything that needs power falls back."""
        if self._board is not None:
            self._board.end()
        self._board = None
        if self.unlocked:
            self._event({"event": "bolt", "unlocked": False, "now_ms": self.now_ms})
        self._tell({"event": "power", "on": False, "now_ms": self.now_ms})

    def _event(self, event: Message) -> None:
        """Take note of what the board does, and pass it on."""
        self._tick(event)
        kind = event["event"]
        if kind == "verdict":
            self.entries.append(
                Entered(event["now_ms"], event["verdict"], event["reason"], event.get("kind"), event.get("id"))
            )
        elif kind == "bolt":
            self.unlocked = bool(event["unlocked"])
        elif kind == "rtc":
            self._rtc = event["state"]
            self._save_world()
        elif kind == "reset":
            self._cause = event.get("cause")
        self._tell(event)

    def _tick(self, message: Message) -> None:
        self.now_ms = max(self.now_ms, int(message.get("now_ms", 0)))

    def _tell(self, event: Message) -> None:
        if self._listener is not None:
            self._listener(event)

    # The world file

    def _write_image(self, data: bytes) -> None:
        """Write the image, whole or not at all."""
        draft = self.flash.with_name(self.flash.name + ".new")
        try:
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(data)
            draft.replace(self.flash)
        except OSError as error:
            with suppress(OSError):
                draft.unlink(missing_ok=True)
            raise _unwritable(self.flash, error) from error

    def _close_world(self) -> None:
        if self._world is not None:
            self._world.close()
            self._world = None

    def _open_world(self, begin_ms: int, new: bool) -> int:
        """Open and hold the world file; return where the world's time goes on. new: there is no image yet."""
        import fcntl  # Unix only, as MicroPython's port is

        path = self.flash.with_name(self.flash.name + ".world")
        try:
            self._world = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+", encoding="utf-8")
        except OSError as error:
            raise _unwritable(self.flash, error) from error
        try:
            fcntl.flock(self._world, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._world.close()
            raise ToolError(
                f"{self.flash} is in use by another virtual lock.", "End that one first, or name another file."
            ) from None
        try:
            text = self._world.read()
            if not text:
                return begin_ms
            world = json.loads(text)
            now, mark = int(world["now_ms"]), str(world["lock"])
            if not 0 <= now <= LATEST_MS:
                raise ValueError("a time of no use")
            self._rtc = world["rtc"]
            if self._rtc is not None:
                DS3231Model(lambda: now, self._rtc)
        except (ValueError, KeyError, TypeError, OverflowError):
            self._close_world()
            raise ToolError(
                f"{path} is damaged.", "Delete it: the lock's clock then counts as never set, nothing else is lost."
            ) from None
        trouble = None
        if new:
            trouble = f"{self.flash} is gone, and with it the memory of the lock that {path.name} belongs to."
        elif mark != self.identity.mark():
            trouble = f"{self.flash} is the flash of another lock, or of other settings."
        if trouble:
            self._close_world()
            raise ToolError(trouble, "Begin anew with --reset, or name the lock and the settings it was made with.")
        return max(begin_ms, now)

    def _save_world(self) -> None:
        if self._world is None:
            return
        text = json.dumps({"now_ms": self.now_ms, "rtc": self._rtc, "lock": self.identity.mark()})
        try:
            # Written over, not emptied first: all these texts are of about one length, and a full disk has room for it.
            self._world.seek(0)
            self._world.write(text)
            self._world.truncate()
            self._world.flush()
        except OSError as error:
            raise _unwritable(self.flash, error) from error


def _unreadable(path: Path, error: OSError) -> ToolError:
    return ToolError(f"{path} cannot be read: {error.strerror}.", "Name a file that is yours.")


def _unwritable(path: Path, error: OSError) -> ToolError:
    return ToolError(
        f"{path} cannot be written: {error.strerror}.", "Name a file in a folder of your own that has room."
    )
