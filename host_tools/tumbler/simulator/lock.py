"""A lock in a virtual world: its flash image, its clock chip, its power, and the time that passes around it.

The firmware runs in a MicroPython process, one for each power-on (process.py). What outlives a power-on is kept here.
Times are milliseconds UTC of the world's clock. Only this module moves that clock, and only forwards: time passes on
the board when it is asked to let some pass. So a year can take seconds, and a second can take a second.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import ToolError
from .description import clock_chip, description
from .identity import Identity
from .micropython import find
from .process import BoardFault, BoardProcess, BoardRefused, BoardStopped, Message, board_command
from .world_file import RESET, WorldFile, unreadable, write_image

FLASH_KIB = 512  # of a flash that holds the lock's memory and nothing else
SLOTS_KIB = 2048  # of one that holds the firmware too, in slots, as a board's does
STEP_MS = 86_400_000  # time passes in requests of a day, each of which must be answered within the real-time guard
MOST_RESTARTS = 5  # while it starts, or while time passes: a lock that needs more does not recover


@dataclass(frozen=True)
class Entered:
    """The lock's answer to one entry. at_ms: world time; kind, id: of the code; None if the lock knows no such code."""

    at_ms: int
    verdict: str
    reason: str
    kind: int | str | None = None
    id: str | None = None


@dataclass(frozen=True)
class Reply:
    """The answer to an owner's command. id: of the code; reason, text: why the lock refused."""

    ok: bool
    reason: str = ""
    text: str = ""
    id: str | None = None


def now_ms() -> int:
    """Return the real time."""
    return time.time_ns() // 1_000_000


class VirtualLock:
    """One virtual lock. Use as a context manager: leaving it switches the power off and writes the world file.

    flash: the image, made and provisioned if it is missing; identity: given to a new lock; begin_ms: where the world's
    time starts, unless the world file is later; listener: called with every event of the board, with
    {"event": "power", "on": bool}, and before a restart with {"event": "console", "text": what it wrote there};
    command: what starts a board (default: the MicroPython that is found); cable: changes the image each time before
    the power comes. An image of SLOTS_KIB runs the firmware that is on it.
    ToolError if a file cannot be used or a board fails.
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
        flash = self.flash = flash.resolve()  # one name for each image: the world file beside it locks it
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
        self._world = WorldFile(flash, identity.mark(), now_ms() if begin_ms is None else begin_ms, new)
        self.now_ms, self._rtc = self._world.now_ms, self._world.rtc
        self._provision = identity.provision() if new else None
        if new:
            try:
                write_image(flash, b"\xff" * self._size)  # an erased chip
            except ToolError:
                self._world.close()
                raise
            if identity.secret is not None:  # who gives a lock its secret sets its clock, too
                chip = clock_chip(lambda: self.now_ms)
                chip.preset(self.now_ms // 1000)
                self._rtc = chip.state()

    def __enter__(self) -> "VirtualLock":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None and not issubclass(kind, Exception) and self._board is not None:
            self._board.end()  # interrupted: the board may be in the middle of a request
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
            try:
                self._save_world()
            finally:
                self._world.close()

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
        """True while a cut that was asked for has not come."""
        return self._cut is not None

    def power_on(self) -> None:
        """Start the board; nothing happens if it is on."""
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
        """Let time pass until `to_ms`; ValueError if that is past."""
        if to_ms < self.now_ms:
            raise ValueError("time only goes forwards")
        restarts = self.restarts
        while self._board is not None and self.now_ms < to_ms:
            self._ask({"do": "advance", "to_ms": min(to_ms, self.now_ms + STEP_MS)})
            if self.restarts - restarts > MOST_RESTARTS:
                self.power_off()
                raise BoardFault("The lock restarts again and again.", "Look at the faults it reported.")
        self.now_ms = max(self.now_ms, to_ms)

    def stop_clock(self) -> None:
        """Let the clock chip's supply and battery fail, and come back."""
        if self._board is not None:
            self._ask({"do": "clock", "stopped": True})
        else:
            self._rtc = None

    def set_clock(self, unix: int) -> None:
        """Set the clock chip to a right or wrong time, as a person at the chip can; the lock is not asked."""
        if self._board is not None:
            self._ask({"do": "clock", "set": unix})
            return
        chip = clock_chip(lambda: self.now_ms, self._rtc)
        chip.preset(unix)
        self._rtc = chip.state()

    # What people do

    def press(self, keys: str) -> list[Entered]:
        """Press and release keys one after the other; return the lock's answers.

        Without power nothing happens. If the power fails meanwhile, the remaining keys are lost.
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
        """Let a client of the lock's radio do something (docs/design/simulator.md, request `radio`).

        Return the board's answer; None without power, or if the board ended meanwhile. BoardRefused if the radio
        refuses it.
        """
        return self._ask({"do": "radio", "op": op, **fields}) if self._board is not None else None

    def button(self, held: bool) -> None:
        """Hold the set-up button, or release it."""
        self._button = held
        if self._board is not None:
            self._ask({"do": "button", "held": held})

    def battery(self, millivolts: int) -> None:
        """Set the battery's voltage, 0 to 60,000 mV; ValueError for another."""
        if not 0 <= millivolts <= 60_000:
            raise ValueError("a battery has 0 to 60,000 mV")
        self._battery = millivolts
        if self._board is not None:
            self._ask({"do": "battery", "mv": millivolts})

    def charge(self, percent: int) -> None:
        """Set the battery's charge in percent, on the scale of the virtual board."""
        scale = description()["battery"]
        empty, full = scale["empty_mv"], scale["full_mv"]
        self.battery(empty + -(-(full - empty) * percent // 100))  # the lock rounds down

    def state(self) -> Message:
        """Return the board's state; {} without power."""
        return self._ask({"do": "state"}) or {} if self._board is not None else {}

    def log(self, since: int = 0, limit: int = 100) -> list[Message]:
        """Return events of the lock's log after the sequence number `since`; [] without power."""
        if self._board is None:
            return []
        answer = self._ask({"do": "log", "since": since, "limit": limit})
        return list(answer["events"]) if answer else []

    # The board

    def _plug_in(self, cable: Callable[[bytes], bytes]) -> None:
        """Let the cable change the image."""
        try:
            before = self.flash.read_bytes()
        except OSError as error:
            raise unreadable(self.flash, error) from error
        try:
            after = cable(before)
        except ValueError as error:
            raise ToolError(f"{self.flash} {error}.", f"{RESET}.") from error
        if after != before:
            write_image(self.flash, after)
            self._size = len(after)

    def _start(self) -> None:
        """Start the board; start it again while it is cut or resets itself meanwhile."""
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
            self._report({"event": "power", "on": True, "now_ms": self.now_ms})
            return
        raise BoardFault(f"The lock restarted {MOST_RESTARTS} times and does not start.", "Look at its flash image.")

    def _ask(self, request: Message) -> Message | None:
        """Ask the running board; return None if it ended meanwhile, and has started again."""
        if self._board is None:
            raise ValueError("the board has no power")
        try:
            answer = self._board.ask(request)
        except BoardStopped as stop:
            self._restarting(stop)
            self._start()
            return None
        except BoardRefused:
            raise  # it did nothing, and still runs
        except ToolError:
            self._stopped()
            raise
        self._tick(answer)
        return answer

    def _restarting(self, stop: BoardStopped) -> None:
        self.restarts += 1
        if stop.said:
            self._report({"event": "console", "text": stop.said, "now_ms": self.now_ms})
        if stop.cut:
            self.cuts += 1
            self._cut = None
        self._stopped()

    def _stopped(self) -> None:
        """Clean up after the process: everything that needs power falls back."""
        if self._board is not None:
            self._board.end()
        self._board = None
        if self.unlocked:
            self._event({"event": "bolt", "unlocked": False, "now_ms": self.now_ms})
        self._report({"event": "power", "on": False, "now_ms": self.now_ms})

    def _event(self, event: Message) -> None:
        """Take note of an event of the board, and pass it on."""
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
        self._report(event)

    def _tick(self, message: Message) -> None:
        self.now_ms = max(self.now_ms, int(message.get("now_ms", 0)))

    def _report(self, event: Message) -> None:
        if self._listener is not None:
            self._listener(event)

    def _save_world(self) -> None:
        self._world.save(self.now_ms, self._rtc)
