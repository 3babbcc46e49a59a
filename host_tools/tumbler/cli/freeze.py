"""`tumbler freeze`: what MicroPython's own build needs to have the firmware inside (docs/guide/flashing.md, freeze)."""

from pathlib import Path
from typing import Annotated

import typer

from tumbler_lock import VERSION

from ..errors import ToolError
from ..flashing import frozen, packages
from ..flashing.target import Target
from . import output
from .flash import Board, Mip
from .options import Json, examples

Output = Annotated[
    Path, typer.Option("--output", "-o", metavar="FOLDER", help="The folder to write.", show_default=False)
]
Aioble = Annotated[
    Path | None,
    typer.Option(
        metavar="FOLDER",
        help="aioble, in a checkout of micropython-lib.",
        show_default="the one that MicroPython's build brings",
    ),
]


def add_to(app: typer.Typer) -> None:
    """Add the command to `tumbler`."""
    app.command(epilog=examples("tumbler freeze --board esp32-devkitc -o frozen"))(freeze)


def freeze(board: Board, to: Output, aioble: Aioble = None, mip: Mip = False, json: Json = False) -> None:
    """Write the folder with which MicroPython is built with the firmware inside, and tell how: you need ESP-IDF.

    The firmware then runs from flash: also on a board without external RAM it has Bluetooth.
    """
    target = Target.load(board)
    folder = to.resolve()
    if any(character.isspace() for character in str(folder)):
        raise ToolError(f"The path {folder} has a blank in it.", "MicroPython's build takes none: name another folder.")
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
    output.say(f"Then: tumbler flash --board {board} --port PORT --image {image}")
