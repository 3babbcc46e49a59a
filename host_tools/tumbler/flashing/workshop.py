"""Make the boards of a table locks: flash, provision, self-test, label. A state file says what is done
(docs/guide/flashing.md).

Invariants: a board is erased only if its chip is not that of another line; a recorded step is done, and an interrupted
step is done again. The state holds no secret.
"""

import csv
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Protocol

from ..errors import ToolError
from ..text import reason

COLUMNS = ("name", "timezone", "weekend", "policy")
NEEDED = ("name", "timezone")
STEPS = ("flash", "provision", "selftest", "label")


@dataclass(frozen=True)
class Line:
    """One line of the table: one lock to make."""

    name: str
    timezone: str
    weekend: str
    policy: str


@dataclass
class Done:
    """The progress of a line. mac: the chip's address, "" before it is known; steps: those that are done."""

    mac: str = ""
    steps: list[str] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        """Whether every step is done."""
        return all(step in self.steps for step in STEPS)


def read_table(path: Path) -> list[Line]:
    """Read the table. ToolError names the line that is invalid."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            table = csv.DictReader(file)
            columns = [name.strip() for name in table.fieldnames or ()]
            table.fieldnames = columns
            rows = list(table)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        why = reason(error) if isinstance(error, OSError) else "it is not a table of comma-separated values"
        raise ToolError(f"{path} cannot be read: {why}.", _REMEDY) from None
    if unknown := [name for name in columns if name not in COLUMNS]:
        raise ToolError(f"{path}: there is no column '{unknown[0]}'.", _REMEDY)
    if missing := [name for name in NEEDED if name not in columns]:
        raise ToolError(f"{path}: the column '{missing[0]}' is missing.", _REMEDY)
    lines: list[Line] = []
    for number, row in enumerate(rows, 2):
        values = {name: (row.get(name) or "").strip() for name in COLUMNS}
        if None in row or not all(values[name] for name in NEEDED):
            raise ToolError(
                f"{path}, line {number}: it needs a name and a timezone, and no more values than there are columns.",
                _REMEDY,
            )
        line = Line(values["name"], values["timezone"], values["weekend"] or "sat,sun", values["policy"] or "standard")
        if any(line.name.casefold() == other.name.casefold() for other in lines):
            raise ToolError(
                f"{path}, line {number}: the name '{line.name}' is used twice.", "Give each lock a name of its own."
            )
        lines.append(line)
    return lines


class State:
    """The progress of every line, in a file beside the table. Every change is on disk before the next step."""

    def __init__(self, path: Path):
        self.path = path
        self._lines: dict[str, Done] = {}
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            self._lines = {
                name: Done(str(one["mac"]), [str(step) for step in one["steps"]]) for name, one in data.items()
            }
        except FileNotFoundError:
            return
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise ToolError(
                f"{path} cannot be read.", "Restore it. Without it, finished boards would be made again."
            ) from None

    def of(self, name: str) -> Done:
        """Return the progress of the line of this name."""
        return self._lines.setdefault(name, Done())

    def owner(self, mac: str) -> str:
        """Return the name of the line that has this chip, "" for a new one."""
        return next((name for name, done in self._lines.items() if done.mac == mac), "")

    def take(self, name: str, mac: str) -> None:
        """Record the chip of a line. ToolError if another line has it, or if this line has another chip."""
        owner = self.owner(mac)
        if owner and owner != name:
            raise ToolError(
                f"This is still the board of '{owner}'.",
                f"Connect the board that becomes '{name}'; nothing was written.",
            )
        done = self.of(name)
        if done.mac and done.mac != mac and done.steps:
            raise ToolError(
                f"This is not the board on which '{name}' was started.", "Connect that one again; nothing was written."
            )
        done.mac = mac
        self._save()

    def forget(self, name: str) -> None:
        """Forget the progress of a line, so that it starts again with any board."""
        self._lines.pop(name, None)
        self._save()

    def step(self, name: str, step: str) -> None:
        """Record that a step is done."""
        done = self.of(name)
        if step not in done.steps:
            done.steps.append(step)
        self._save()

    def _save(self) -> None:
        data = {name: {"mac": done.mac, "steps": done.steps} for name, done in self._lines.items()}
        try:
            draft = self.path.with_name(self.path.name + ".new")
            draft.write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")
            draft.replace(self.path)
        except OSError as error:
            raise ToolError(f"{self.path} cannot be written: {reason(error)}.", "Make its folder writable.") from error


class Bench(Protocol):
    """The steps, as run() needs them; each raises ToolError if it fails. refuse: called with the chip's address before
    anything is written, and may raise.
    """

    def identify(self, refuse: Callable[[str], None]) -> None:
        """Pass the chip's address to `refuse`."""

    def flash(self, line: Line, refuse: Callable[[str], None]) -> None:
        """Erase and write a board."""

    def provision(self, line: Line) -> None:
        """Make the board the lock of this line."""

    def selftest(self, line: Line) -> None:
        """Test the board."""

    def label(self, line: Line) -> None:
        """Write the label of the lock."""


def run(lines: list[Line], state: State, bench: Bench, connect: Callable[[Line, Done], None]) -> None:
    """Do the remaining steps of every line. connect: asks for the board of a line. A ToolError ends the run."""
    for line in lines:
        done = state.of(line.name)
        if done.complete:
            continue
        connect(line, done)
        refuse = partial(state.take, line.name)
        steps: dict[str, Callable[[], None]] = {
            "flash": partial(bench.flash, line, refuse),
            "provision": partial(bench.provision, line),
            "selftest": partial(bench.selftest, line),
            "label": partial(bench.label, line),
        }
        for step in STEPS:
            if step in done.steps:
                continue
            if step in ("provision", "selftest"):
                bench.identify(refuse)  # the board may have been changed since
            steps[step]()
            state.step(line.name, step)


_REMEDY = f"It needs a first line of column names, {' and '.join(NEEDED)}, and may have {' and '.join(COLUMNS[2:])}."
