"""Boards: finding their descriptions, and saying what a board can do (docs/spec/board-json.md)."""

from dataclasses import dataclass
from pathlib import Path

from ..errors import ToolError
from ..paths import BOARDS
from ..text import command_line
from . import schema
from .chips import chips
from .rules import CONTACTS, check, uses
from .schema import SOLENOID, Description, get


@dataclass(frozen=True)
class BoardFiles:
    """A description and what its board looks like (None: unknown). Nothing of them was checked yet."""

    description: Description
    headers: Description | None
    path: Path


def names() -> list[str]:
    """Return the names of the boards that come with Tumbler."""
    return sorted(path.parent.name for path in BOARDS.glob("*/board.json"))


def load(name: str, offered: list[str] | None = None) -> BoardFiles:
    """Read a board by its name, its folder, or the file of its description; checks nothing. offered: the names that
    the ToolError offers if there is no such board, instead of all."""
    path = BOARDS / name if name in names() else Path(name)
    if path.is_dir():
        path /= "board.json"
    if not path.is_file():
        raise ToolError(
            f"There is no board '{name}'.",
            f"Name one of {', '.join(offered or names())}, a folder with a board.json, or the file.",
        )
    beside = path.with_name("headers.json")
    return BoardFiles(schema.read(path), schema.read(beside) if beside.is_file() else None, path)


def usable(name: str, offered: list[str] | None = None) -> BoardFiles:
    """Read a board as load does, and check it. ToolError if it is impossible."""
    board = load(name, offered)
    errors = check(board.description, board.headers).errors
    if errors:
        more = f" There are {len(errors) - 1} more." if len(errors) > 1 else ""
        raise ToolError(f"{board.path}: {errors[0]}{more}", f"See everything: {command_line('board check', name)}")
    return board


def capabilities(description: Description) -> Description:
    """Return what a board can do, digested from a description without errors."""
    flash = description.get("flash")
    kind = get(description, "bolt.kind")
    return {
        "chip": chips()[description["mcu"]].name,
        "keypad": "expander" if "expander" in description["keypad"] else "matrix",
        "keys": description["keypad"]["keys"],
        "clock": description["clock"]["chip"],
        "bolt": f"{kind}, fail-{get(description, 'bolt.fail')}" if kind == SOLENOID else kind,
        "radio": "radio" in description,
        **{name: name in description for name in (*CONTACTS, "battery")},
        "sleep": get(description, "power.sleep") or "none",
        "flashable": flash is not None,
        "file_system_kib": flash["vfs_kib"] if flash else None,
        "pins_used": len(uses(description)),
    }
