"""How answers look: tables, colour and sentences on a terminal, tab-separated lines in a pipe, JSON when asked.

In a pipe there are no escape sequences and no box characters; the digits of an issued code are the first line.
Times in JSON and in pipes are ISO 8601 with the lock's offset. Warnings and errors go to standard error.

Every text that is printed here goes through `printable`: names from a file, a lock or a radio may hold anything. JSON
escapes such characters itself.
"""

import json
import os
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from ..errors import ToolError
from ..text import printable

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Data = dict[str, Any]


def fancy() -> bool:
    """Return whether a person at a terminal reads standard output."""
    return sys.stdout.isatty() and os.environ.get("TERM") != "dumb"


def emit(data: object) -> None:
    """Print JSON."""
    print(json.dumps(data, indent=2))


def warn(text: str) -> None:
    """Print a warning on standard error."""
    _error_console().print(Text.assemble(("Warning: ", "bold yellow"), printable(text)), soft_wrap=True)


def notice(text: str) -> None:
    """Print on standard error what is good to know."""
    _error_console().print(Text.assemble(("Note: ", "bold"), printable(text)), soft_wrap=True)


def note(text: str) -> None:
    """Print on standard error what a person has to do now."""
    _error_console().print(Text(printable(text), "bold"), soft_wrap=True)


class Progress:
    """What happens now, on one line of standard error that comes and goes; on a terminal only."""

    def __init__(self) -> None:
        console = _error_console()
        self._status = console.status("") if console.is_terminal and os.environ.get("TERM") != "dumb" else None

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *_: object) -> None:
        self.hide()

    def __call__(self, text: str) -> None:
        """Show a text until the next one."""
        if self._status is not None:
            self._status.update(Text(printable(text), "dim"))
            self._status.start()

    def hide(self) -> None:
        """Remove the line, for instance for a question."""
        if self._status is not None:
            self._status.stop()


def error(trouble: ToolError) -> None:
    """Print what was wrong and what to do, each on its line of standard error."""
    console = _error_console()
    what = printable(" ".join(trouble.what.split()))
    console.print(Text.assemble(("Error: ", "bold red"), what), soft_wrap=True)
    console.print(Text(printable(trouble.remedy)), soft_wrap=True)


def confirm(question: str) -> bool:
    """Ask a person at the terminal until the answer is yes or no; no answer is no."""
    while True:
        print(f"{printable(question)} [y/N]: ", end="", file=sys.stderr, flush=True)
        line = sys.stdin.readline()
        word = line.strip().casefold()
        if word in ("y", "yes"):
            return True
        if word in ("", "n", "no"):
            if not line:
                print(file=sys.stderr)
            return False
        print("Answer y or n.", file=sys.stderr)


def wait_for_enter(text: str) -> None:
    """Ask a person at the terminal to do something and press Enter."""
    print(printable(text), end="", file=sys.stderr, flush=True)
    sys.stdin.readline()


def say(text: str) -> None:
    """Print a sentence."""
    if fancy():
        Console(highlight=False).print(Text(printable(text)), soft_wrap=True)
    else:
        print(printable(text))


def many(count: int, noun: str) -> str:
    """Write how many there are of something: `1 code`, `2 codes`."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def fields(pairs: Iterable[tuple[str, object]], title: str = "") -> None:
    """Print names with their values, one a line."""
    if not fancy():
        for name, value in pairs:
            print(f"{name}\t{plain(value)}")
        return
    grid = Table.grid(padding=(0, 3))
    grid.add_column(style="dim")
    grid.add_column(overflow="fold")
    for name, value in pairs:
        grid.add_row(name.replace("_", " "), Text(plain(value)))
    console = Console(highlight=False)
    if title:
        console.print(Text(printable(title), "bold"))
    console.print(grid)


def table(columns: Sequence[str], rows: Sequence[Sequence[object]], empty: str, strong: int = 0) -> None:
    """Print a table; `strong` is the column that stands out. In a pipe the first line has the names of the columns."""
    if not fancy():
        print("\t".join(columns))
        for row in rows:
            print("\t".join(plain(value) for value in row))
        return
    if not rows:
        say(empty)
        return
    grid = Table(header_style="dim", box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for index, column in enumerate(columns):
        style = "bold green" if index == strong else ""
        grid.add_column(column.replace("_", " "), style=style, no_wrap=index == strong, overflow="fold")
    for row in rows:
        grid.add_row(*(Text(plain(value)) for value in row))
    Console(highlight=False).print(grid)


def code_panel(digits: str, title: str, lines: Sequence[str]) -> None:
    """Print a code on a terminal: the digits in a frame, then lines about it, the last one dim."""
    console = Console(highlight=False)
    console.print(_panel(digits, title))
    for line in lines[:-1]:
        console.print(Text(printable(line)))
    console.print(Text(printable(lines[-1]), "dim"))


def digits_to_type(digits: str) -> None:
    """Print the six digits of a pairing on standard error, where the person is even if standard output is a file."""
    console = _error_console()
    if not console.is_terminal:
        print(f"Type on the lock's keypad: {digits} #", file=sys.stderr, flush=True)
        return
    console.print(_panel(f"{digits[:3]} {digits[3:]}", "Type on the lock's keypad"))


def plain(value: object) -> str:
    """Write one value for a person or a pipe."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return printable(str(value))


def _panel(digits: str, title: str) -> Panel:
    body = Text.assemble((printable(digits), "bold green"), ("  then #", "dim"))
    return Panel(body, title=Text(printable(title)), border_style="green", padding=(1, 4), expand=False)


def _error_console() -> Console:
    return Console(stderr=True, highlight=False)
