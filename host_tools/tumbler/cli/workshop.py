"""`tumbler workshop`: many boards become locks, one after the other."""

import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from ..errors import ToolError
from ..flashing import micropython_image
from ..flashing.chip import Chip
from ..flashing.flash import flash as flash_chip
from ..flashing.labels import Label
from ..flashing.provision import Settings
from ..flashing.target import Target
from ..flashing.workshop import Done, Line, State, read_table
from ..flashing.workshop import run as run_workshop
from ..registry.registry import Registry
from ..text import command_line
from . import output
from .cable import (
    EXAMPLE_BOARD,
    EXAMPLE_IMAGE,
    EXAMPLE_PORT,
    Aioble,
    Board,
    Image,
    Mip,
    Port,
    Software,
    image_for,
    progress_bars,
    show_notes,
    software_for,
)
from .options import examples, name_of, rule_of, weekend_of
from .provision import Keypad, make_lock, policy_of, run_selftest


def add_to(app: typer.Typer) -> None:
    """Add the command to `tumbler`."""
    line = f"tumbler workshop {EXAMPLE_BOARD} {EXAMPLE_PORT} --image {EXAMPLE_IMAGE} shop.csv"
    app.command(epilog=examples(line))(workshop)


def workshop(
    table: Annotated[Path, typer.Argument(metavar="CSV", help="Columns name, timezone; weekend, policy.")],
    board: Board,
    port: Port,
    image: Image = None,
    aioble: Aioble = None,
    mip: Mip = False,
    keypad: Keypad = True,
    redo: Annotated[
        str | None,
        typer.Option("--redo", metavar="NAME", help="Begin this lock again, with any board.", show_default=False),
    ] = None,
) -> None:
    """Make many boards locks, one after the other.

    It flashes, provisions, tests and labels each. After an interruption, the same command continues where it was.
    """
    target = Target.load(board)
    lines = read_table(table)
    for line in lines:
        _check(table, line)
    state = State(table.with_name(table.name + ".state"))
    if redo is not None:
        if redo not in [line.name for line in lines]:
            raise ToolError(f"--redo: {table} has no lock '{redo}'.", "Give a name as the table has it.")
        state.forget(redo)
    software = software_for(target, image_for(image, target), aioble, mip=mip)
    show_notes(software.notes)
    bench = CableBench(port, target, software, table.with_name(table.name + ".labels"), keypad=keypad)
    run_workshop(lines, state, bench, _connect)
    output.say(f"All {len(lines)} are done.")


def _check(table: Path, line: Line) -> None:
    """ToolError, which names the cell of the table, if a lock cannot be made of a line."""
    name_of(line.name, f"{table}: name")
    rule_of(line.timezone, f"{table}: timezone of '{line.name}'")
    weekend_of(line.weekend, f"{table}: weekend of '{line.name}'")
    policy_of(line.policy, f"{table}: policy of '{line.name}'")


class CableBench:
    """The steps of a workshop (flashing/workshop.py, Bench), on the board at one port. labels: a folder."""

    def __init__(self, port: str, target: Target, software: Software, labels: Path, *, keypad: bool):
        self._port = port
        self._target = target
        self._software = software
        self._labels = labels
        self._keypad = keypad

    def identify(self, refuse: Callable[[str], None]) -> None:
        """Pass the chip's address to `refuse`."""
        with Chip(self._port, self._target) as chip:
            refuse(chip.mac)

    def flash(self, line: Line, refuse: Callable[[str], None]) -> None:
        """Erase the board, and write MicroPython and the firmware."""
        micropython, bundle = self._software.micropython, self._software.bundle
        with progress_bars() as progress:
            flash_chip(self._port, self._target, micropython, bundle, progress, erase=True, refuse=refuse)
        micropython_image.remember(micropython, self._target)
        output.say(f"{line.name}: flashed.")

    def provision(self, line: Line) -> None:
        """Make the board the lock of this line."""
        lock, _ = make_lock(self._port, line.name, line.timezone, line.policy, line.weekend, Settings())
        output.say(f"{line.name}: provisioned, lock id {lock.lock_id.hex()}.")

    def selftest(self, line: Line) -> None:
        """Test the parts of the board; ToolError if one failed."""
        results = run_selftest(self._port, keypad=self._keypad, yes=False, quiet=False)
        wrong = [one.part for one in results if one.right is False]
        if wrong:
            raise ToolError(
                f"{line.name}: {', '.join(wrong)} failed.",
                "Repair it and run the same command again. For another board run the command with --redo"
                f" {shlex.quote(line.name)}, but first: {command_line('lock remove', line.name)}",
            )

    def label(self, line: Line) -> None:
        """Write the label of the lock, and print it."""
        with Registry.open() as registry:
            lock = registry.lock(line.name)
        label = Label(lock.name, lock.lock_id)
        paths = label.write(self._labels, lock.lock_id.hex())
        for text in label.text().splitlines():
            output.say(text)
        output.say(f"{line.name}: done. Its label: {' and '.join(str(path) for path in paths)}")


def _connect(line: Line, done: Done) -> None:
    """Ask the person for the board of a line."""
    if not sys.stdin.isatty():
        return  # the program that feeds this command changes the boards
    which = "Connect again the board of" if done.steps else "Connect a new board for"
    output.wait_for_enter(f"{which} '{line.name}' and press Enter: ")
