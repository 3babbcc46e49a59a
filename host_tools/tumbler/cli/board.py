"""`tumbler board`: the boards of Tumbler, whether a description is possible, and how long batteries last."""

from dataclasses import asdict
from typing import Annotated

import typer

from ..hardware import boards, energy, rules, wiring
from ..hardware.schema import get
from . import output
from .options import Json, examples

app = typer.Typer(no_args_is_help=True)

Board = Annotated[
    str,
    typer.Argument(
        metavar="BOARD",
        help="A board by its name, or a folder or file of your own.",
        autocompletion=lambda incomplete: [name for name in boards.names() if name.startswith(incomplete)],
        show_default=False,
    ),
]


@app.command("list", epilog=examples("tumbler board list", "tumbler board list --json"))
def list_(json: Json = False) -> None:
    """List the boards that come with Tumbler."""
    rows = []
    for name in boards.names():
        board = boards.usable(name)
        title = (board.headers or {}).get("title", "runs on this computer")
        rows.append({"name": name, "title": title, **boards.capabilities(board.description)})
    if json:
        output.emit(rows)
        return
    cells = [[row[key] for key in ("name", "chip", "keypad", "sleep", "title")] for row in rows]
    output.table(("name", "chip", "keypad", "sleep", "board"), cells, "No boards.")


@app.command(epilog=examples("tumbler board check esp32s3-devkitc", "tumbler board check mine/board.json --json"))
def check(name: Board, json: Json = False) -> None:
    """Check whether a board of this description can be built.

    It lists everything that makes it impossible, and what is good to know. Exit status 1 if it is impossible.
    """
    board = boards.load(name)
    found = rules.check(board.description, board.headers, board.path)
    if json:
        output.emit(
            {
                "possible": not found.errors,
                "errors": found.errors,
                "warnings": found.warnings,
                "notes": found.notes,
            }
        )
    else:
        for error in found.errors:
            output.say(error)
        for warning in found.warnings:
            output.warn(warning)
        if not found.errors:
            output.say(f"{board.path}: '{board.description['name']}' is a board that can be built.")
            for note in found.notes:
                output.notice(note)
    if found.errors:
        raise typer.Exit(1)


@app.command("show", epilog=examples("tumbler board show esp32c3-devkitm"))
def show_(name: Board, json: Json = False) -> None:
    """Show the abilities of a board, and its wires."""
    board = boards.usable(name)
    able = boards.capabilities(board.description)
    wires = [
        {"part": device.name, "terminal": terminal.name, "gpio": terminal.pin, "supply": terminal.supply or None}
        for device in wiring.devices(board)
        for terminal in device.terminals
        if terminal.place
    ]
    if json:
        output.emit(
            {
                "name": board.description["name"],
                **able,
                "notes": rules.notes(board.description),
                "wires": wires,
                "description": board.description,
            }
        )
        return
    title: str = (board.headers or {}).get("title", name)
    output.fields(able.items(), title)
    rows = [[wire["part"], wire["terminal"], wire["supply"] or f"GPIO {wire['gpio']}"] for wire in wires]
    output.table(("part", "terminal", "board"), rows, "No wires.")
    for note in rules.notes(board.description):
        output.notice(note)


@app.command("energy", epilog=examples("tumbler board energy esp32c3-devkitm"))
def energy_(name: Board, json: Json = False) -> None:
    """Estimate how long batteries last.

    From the currents of the data sheets; docs/guide/batteries.md has the assumptions. It counts the module with a good
    regulator: a development board draws milliamperes besides.
    """
    board = boards.usable(name)
    sleep = get(board.description, "power.sleep") or "none"
    day = energy.account(board.description, sleep=sleep)
    others = energy.variants(board.description)
    if json:
        output.emit(
            {
                "sleep": day.sleep,
                "shares_uah_a_day": {share.name: round(share.uah) for share in day.shares},
                "average_ua": round(day.average_ua),
                "days": round(day.days),
                "variants": {title: round(other.days) for title, other in others},
                "assumed": asdict(day.usage),
            }
        )
        return
    if not get(board.description, "power.battery"):
        output.warn(
            f"'{board.description['name']}' is described as a board on the mains. So long would batteries last."
        )
    rows = [[share.name, f"{share.uah:,.0f}"] for share in day.shares]
    rows.append(["together", f"{day.uah:,.0f}"])
    output.table(("what", "microampere-hours a day"), rows, "Nothing.")
    output.table(("variant", "days"), [[title, f"{other.days:,.0f}"] for title, other in others], "Nothing.")
