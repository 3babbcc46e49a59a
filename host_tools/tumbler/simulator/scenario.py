"""Scenarios: a text that says what happens to a lock and what it must answer, and the player that does it.

One command a line; docs/guide/virtual-lock.md is the reference. A scenario is read completely before anything happens,
so that a mistake in its last line is found in the first second. Messages hold no digits of a code: the output of a
scenario may go into a public bug report.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NoReturn

from tumbler_lock.core.events import REASONS, VERDICTS
from tumbler_lock.core.tickets import kind_name
from tumbler_lock.core.zone import Zone

from ..hardware.rules import KEYS
from ..timezones import format_time, parse_instant
from .lock import Entered, Reply, VirtualLock
from .world_file import LATEST_MS

UNITS_MS = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
ARGUMENTS = {"digits": "new_digits", "force": "insist"}  # of an owner's command, where it differs from the option
COMMANDS = ("at", "wait", "press", "expect", "power", "clock", "owner", "button", "battery")


class ScenarioError(Exception):
    """A scenario that cannot be played. The text names file, line, what is wrong and what to write."""


@dataclass(frozen=True)
class Command:
    """One line of a scenario. `name` and `arguments` are those of the Player's method _do_<name>."""

    line: int
    name: str
    arguments: tuple[Any, ...] = ()


# Reading

Line = tuple[Any, ...]  # the name of a command, and its arguments


class Parser:
    """Reads one scenario. file: its name for messages; zone: the lock's, for times on its wall clock."""

    def __init__(self, file: str, zone: Zone):
        self._file = file
        self._zone = zone
        self._line = 0

    def parse(self, text: str) -> list[Command]:
        """Return the commands of a scenario; ScenarioError for the first line that is invalid."""
        commands = [self.read(line) for line in text.splitlines()]
        return [command for command in commands if command is not None]

    def read(self, line: str) -> Command | None:
        """Return the command of the next line, None if it is empty; ScenarioError if it is invalid."""
        self._line += 1
        words = _words(line)
        if not words:
            return None
        method = getattr(self, f"_read_{words[0]}", None) if words[0] in COMMANDS else None
        if method is None:
            self._wrong("this is not a command", f"a line begins with one of {', '.join(COMMANDS)}")
        name, *arguments = method(words[1:])
        return Command(self._line, name, tuple(arguments))

    def _wrong(self, what: str, remedy: str) -> NoReturn:
        raise ScenarioError(f"{self._file}:{self._line}: {what}; {remedy}")

    def _time(self, text: str) -> int:
        """Return the milliseconds of a time in the scenario."""
        if re.fullmatch(r"[0-9*#]+", text):  # perhaps a code in the wrong place: do not repeat it
            self._wrong("this is not a time", "times are ISO 8601, such as 2026-12-24T15:00:00+01:00")
        try:
            return parse_instant(text, self._zone) * 1_000
        except ValueError as error:
            self._wrong(str(error), "times are ISO 8601, such as 2026-12-24T15:00:00+01:00")

    def _read_at(self, words: list[str]) -> Line:
        if len(words) != 1:
            self._wrong("`at` takes one time", "such as at 2026-12-24T15:00:00+01:00")
        return "at", self._time(words[0])

    def _read_wait(self, words: list[str]) -> Line:
        found = re.fullmatch(r"([0-9]{1,9})([smhd])", words[0]) if len(words) == 1 else None
        if not found:
            self._wrong("`wait` takes one duration", "such as wait 10s, 5m, 3h or 2d")
        return "wait", int(found[1]) * UNITS_MS[found[2]]

    def _read_press(self, words: list[str]) -> Line:
        if len(words) != 1:
            self._wrong("`press` takes the buttons as one word", "such as press 1234567#")
        if any(key not in KEYS for key in words[0]):
            self._wrong("the keypad has no such button", f"its buttons are {KEYS}")
        return "press", words[0]

    def _read_expect(self, words: list[str]) -> Line:
        said = "-".join(words)
        for verdict in VERDICTS:
            if said == verdict:
                return "expect", verdict, ""
            if said.startswith(verdict + "-"):
                return "expect", verdict, said[len(verdict) + 1 :]
        self._wrong("`expect` takes a verdict", f"one of {', '.join(VERDICTS)}, and perhaps its reason")

    def _read_power(self, words: list[str]) -> Line:
        if words in (["on"], ["off"]):
            return "power", words[0] == "on"
        if len(words) == 2 and words[0] == "cut" and re.fullmatch(r"[0-9]{1,9}", words[1]) and int(words[1]):
            return "cut", int(words[1])
        self._wrong("`power` is on, off or cut", "write power on, power off, or power cut 3 for the third operation")

    def _read_clock(self, words: list[str]) -> Line:
        if words == ["stopped"]:
            return ("stop_clock",)
        if len(words) == 2 and words[0] == "set":
            return "set_clock", self._time(words[1]) // 1_000
        self._wrong("`clock` is stopped or set", "write clock stopped, or clock set TIME")

    def _read_button(self, words: list[str]) -> Line:
        if words in (["hold"], ["release"]):
            return "button", words[0] == "hold"
        self._wrong("`button` is hold or release", "write button hold, or button release")

    def _read_battery(self, words: list[str]) -> Line:
        found = re.fullmatch(r"([0-9]{1,3})%?", words[0]) if len(words) == 1 else None
        if not found or int(found[1]) > 100:
            self._wrong("`battery` takes a percentage", "write battery 40%, from 0 to 100")
        return "battery", int(found[1])

    def _read_owner(self, words: list[str]) -> Line:
        if words == ["time"]:
            return "owner", "set_time", {}
        if words[:2] == ["custom", "add"] and len(words) > 2:
            return "owner", "add_custom", {"digits": words[2], **self._options(words[3:], ("start", "end", "force"))}
        if words[:1] == ["change"] and len(words) > 1:
            return (
                "owner",
                "change",
                {"code": words[1], **self._options(words[2:], ("start", "end", "digits", "force"))},
            )
        if words[:1] == ["delete"] and len(words) == 2:
            return "owner", "delete", {"code": words[1]}
        self._wrong(
            "the owner has no such command",
            "write owner custom add DIGITS [--start T --end T] [--force], owner change CODE [--start T] [--end T]"
            " [--digits NEW] [--force], owner delete CODE, or owner time",
        )

    def _options(self, words: list[str], names: tuple[str, ...]) -> dict[str, int | str]:
        """Read `--name value` and `--name=value` into arguments of a command; times become Unix seconds."""
        found: dict[str, int | str] = {}
        rest = [part for word in words for part in (word.split("=", 1) if word.startswith("--") else [word])]
        while rest:
            name = rest.pop(0).removeprefix("--")
            argument = ARGUMENTS.get(name, name)
            if name not in names or argument in found or (name != "force" and not rest):
                self._wrong("an option is unknown, given twice or without a value", f"there are --{', --'.join(names)}")
            if name == "force":
                found[argument] = True
                continue
            value = rest.pop(0)
            found[argument] = value if name == "digits" else self._time(value) // 1_000
        return found


def _words(line: str) -> list[str]:
    """Split a line. A word that begins with `#` begins a comment, but not after `press`, where it is a button."""
    words: list[str] = []
    for word in line.split():
        if word.startswith("#") and words != ["press"]:
            break
        words.append(word)
    return words


def parse(text: str, zone: Zone, file: str = "scenario") -> list[Command]:
    """Return the commands of a scenario; ScenarioError if it is invalid."""
    commands = Parser(file, zone).parse(text)
    for before, command in zip([None, *commands], commands, strict=False):
        if command.name == "expect":
            _, reason = command.arguments
            after_owner = before is not None and before.name == "owner"
            if reason and reason not in REASONS and not after_owner:
                raise ScenarioError(
                    f"{file}:{command.line}: an entry has no such reason; write one of {', '.join(REASONS)}"
                )
    return commands


def begin_ms(commands: Iterable[Command]) -> int | None:
    """Return when the world begins: at the first `at`, unless time passes before it; None: now."""
    for command in commands:
        if command.name == "at":
            return int(command.arguments[0])
        if command.name in ("wait", "press"):
            return None
    return None


# Playing


@dataclass(frozen=True)
class Failure:
    """An expectation that did not hold, or a refusal of an owner's command that the scenario did not expect."""

    line: int
    text: str


class Player:
    """Plays commands on a lock.

    entered: called with every entry; narrate: called with (world ms, text) for everything else that happens.
    failures, held: expectations that did not hold, and how many did; playing continues after a failure.
    """

    def __init__(
        self,
        lock: VirtualLock,
        zone: Zone,
        file: str = "scenario",
        entered: Callable[[Entered], None] = lambda entry: None,
        narrate: Callable[[int, str], None] = lambda at_ms, text: None,
    ):
        self.failures: list[Failure] = []
        self.held = 0
        self.entries = 0
        self._lock = lock
        self._zone = zone
        self._file = file
        self._entered = entered
        self._narrate = narrate
        self._last: Entered | None = None
        self._why_none = "no entry was made yet"
        self._reply: tuple[int, Reply] | None = None  # of the line just before, until the next line has taken it

    def play(self, commands: list[Command]) -> None:
        """Play a scenario; ScenarioError if time would go back, ToolError if the lock breaks down."""
        for command in commands:
            if command.name != "expect":
                self._unexpected_refusal()
            cuts = self._lock.cuts
            getattr(self, f"_do_{command.name}")(command, *command.arguments)
            if self._lock.cuts != cuts:
                self._say("the power failed in the middle of a flash operation; the lock started again")
        self._unexpected_refusal()

    def _do_at(self, command: Command, to_ms: int) -> None:
        if to_ms // 1_000 < self._lock.now_ms // 1_000:
            raise ScenarioError(
                f"{self._file}:{command.line}: this is {self._show(to_ms)}, but it is {self._show(self._lock.now_ms)}"
                " already; time only goes forwards, so put the lines in the order in which they happen"
            )
        self._lock.advance(max(to_ms, self._lock.now_ms))

    def _do_wait(self, command: Command, duration_ms: int) -> None:
        to_ms = self._lock.now_ms + duration_ms
        if to_ms > LATEST_MS:
            raise ScenarioError(f"{self._file}:{command.line}: time would go beyond 2105; wait for less")
        self._lock.advance(to_ms)

    def _do_press(self, command: Command, keys: str) -> None:
        entries = self._lock.press(keys)
        if "#" in keys:
            self._last = entries[-1] if entries else None
            self._why_none = (
                "the lock took no entry" if self._lock.powered else "the lock is off, so its buttons do nothing"
            )
        for entry in entries:
            self.entries += 1
            self._entered(entry)

    def _do_expect(self, command: Command, verdict: str, reason: str) -> None:
        wanted = f"{verdict} {reason}".strip()
        reply, self._reply = self._reply, None
        if reply is not None and verdict == "refused":
            outcome = reply[1]
            got = "but the owner's command was carried out" if outcome.ok else f"got {_words_of(outcome)}"
            holds = not outcome.ok and reason in ("", outcome.reason)
        else:
            self._reply = reply
            self._unexpected_refusal()
            entry = self._last
            got = f"got {entry.verdict} {entry.reason}" if entry else f"but {self._why_none}"
            holds = entry is not None and entry.verdict == verdict and reason in ("", entry.reason)
        if holds:
            self.held += 1
        else:
            self._fail(command.line, f"expected {wanted}, {got}")

    def _do_power(self, command: Command, on: bool) -> None:
        if on:
            self._lock.power_on()
        else:
            self._lock.power_off()
        self._say("power on" if on else "power off")

    def _do_cut(self, command: Command, number: int) -> None:
        self._lock.cut(number)
        self._say(f"the power will fail at flash operation {number} from here")

    def _do_stop_clock(self, command: Command) -> None:
        self._lock.stop_clock()
        self._say("the clock chip stopped")

    def _do_set_clock(self, command: Command, unix: int) -> None:
        try:
            self._lock.set_clock(unix)
        except ValueError as error:
            raise ScenarioError(f"{self._file}:{command.line}: {error}; name a time from 2000 on") from None
        self._say(f"the clock chip was set to {format_time(unix, self._zone)}")

    def _do_button(self, command: Command, held: bool) -> None:
        self._lock.button(held)
        self._say("the set-up button is held" if held else "the set-up button is released")

    def _do_battery(self, command: Command, percent: int) -> None:
        self._lock.charge(percent)
        self._say(f"the battery has {percent} %")

    def _do_owner(self, command: Command, name: str, arguments: dict[str, int | str]) -> None:
        if name == "set_time":
            arguments = {"now": self._lock.now_ms // 1_000}
        reply = self._lock.owner(name, **arguments)
        self._reply = (command.line, reply)
        self._say(f"owner {name.replace('_', ' ')}: {'done' if reply.ok else _words_of(reply)}")

    def _unexpected_refusal(self) -> None:
        """Count a refusal that the next line did not expect as a failure."""
        reply, self._reply = self._reply, None
        if reply is not None and not reply[1].ok:
            self._fail(
                reply[0],
                f"the owner's command: {_words_of(reply[1])} (if that is meant, write in the next line"
                f" `expect refused {reply[1].reason}`)",
            )

    def _fail(self, line: int, text: str) -> None:
        self.failures.append(Failure(line, f"{self._file}:{line}: {text}"))

    def _say(self, text: str) -> None:
        self._narrate(self._lock.now_ms, text)

    def _show(self, at_ms: int) -> str:
        return format_time(at_ms // 1_000, self._zone)


def _words_of(reply: Reply) -> str:
    return f"refused {reply.reason}" + (f" ({reply.text})" if reply.text and reply.text != reply.reason else "")


def describe(entry: Entered) -> str:
    """Return one entry in words: its verdict and reason, and the kind and id of the code."""
    words = entry.verdict if entry.reason in ("opened", entry.verdict) else f"{entry.verdict}: {entry.reason}"
    if entry.kind is None:
        return words
    kind = kind_name(entry.kind) if isinstance(entry.kind, int) else entry.kind
    return f"{words} ({kind} code {entry.id})"
