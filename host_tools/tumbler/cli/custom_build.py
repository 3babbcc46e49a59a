"""`tumbler custom-build`: what MicroPython's own build needs to have the firmware inside (docs/guide/flashing.md)."""

from pathlib import Path
from typing import Annotated

import typer

from tumbler_lock import VERSION

from ..errors import ToolError
from ..flashing import frozen, packages
from ..flashing.target import Target
from ..text import command_line
from . import output
from .cable import Board, Mip
from .options import Json, examples

Output = Annotated[
    Path, typer.Option("--output", "-o", metavar="FOLDER", help="The folder to write.", show_default=False)
]
Aioble = Annotated[
    Path | None,
    typer.Option(
        "--aioble",
        metavar="FOLDER",
        help="aioble, in a checkout of micropython-lib.",
        show_default="the one that MicroPython's build brings",
    ),
]


def add_to(app: typer.Typer) -> None:
    """Add the command to `tumbler`."""
    app.command("custom-build", epilog=examples("tumbler custom-build --board esp32-devkitc -o frozen"))(custom_build)


def custom_build(board: Board, to: Output, aioble: Aioble = None, mip: Mip = False, json: Json = False) -> None:
    """Prepare a build of MicroPython with the firmware inside.

    It writes a folder and prints the commands of the build, for which you need ESP-IDF. The firmware then runs from
    flash, so that a board without external RAM has Bluetooth, too.
    """
    target = Target.load(board)
    folder = to.resolve()
    if any(character.isspace() for character in str(folder)):
        raise ToolError(
            f"--output: the path {folder} has a space in it.", "MicroPython's build cannot use it: name another folder."
        )
    if mip:
        packages.fetch()
    source = packages.kept() if mip else aioble
    frozen.write(folder, frozen.files(None if source is None else packages.sources(source)))
    commands, image, idf = frozen.commands(target, folder), frozen.built(target), frozen.IDF.get(target.version)
    if json:
        output.emit(
            {
                "folder": str(folder),
                "firmware": VERSION,
                "micropython": target.version,
                "esp_idf": idf,
                "commands": commands,
                "image": image,
            }
        )
        return
    output.say(f"{folder}: the firmware {VERSION}, for MicroPython {target.version}.")
    output.say(
        f"Build it with ESP-IDF {idf or '(its version: ports/esp32/README.md of MicroPython)'}, in a shell that has it:"
    )
    for line in commands:
        output.say(f"    {line}")
    output.say(f"Then: {command_line('flash', board=board, port='PORT', image=image)}")
