"""What the commands for a board at the end of a cable share: their options, and MicroPython and firmware for it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console as Terminal
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn

from ..errors import ToolError
from ..flashing import frozen, micropython_image, packages
from ..flashing.bundle import Bundle
from ..flashing.packages import Package
from ..flashing.target import Target, known
from . import output

Board = Annotated[
    str,
    typer.Option(
        "--board",
        "-b",
        metavar="BOARD",
        help="A board of tumbler board list, or a folder or file of your own.",
        autocompletion=known,
        show_default=False,
    ),
]
PORT = typer.Option("--port", "-p", metavar="PORT", help="Serial port, such as /dev/ttyUSB0.", show_default=False)
Port = Annotated[str, PORT]
MaybePort = Annotated[str | None, PORT]
Aioble = Annotated[
    Path | None,
    typer.Option(metavar="FOLDER", help="aioble, in a checkout of micropython-lib.", show_default="what was fetched"),
]
Mip = Annotated[bool, typer.Option("--mip", help="Fetch aioble as mpremote does, and keep it for the next board.")]
Image = Annotated[
    Path | None, typer.Option(metavar="FILE", help="The MicroPython image that you downloaded.", show_default=False)
]

EXAMPLE_PORT = "--port /dev/ttyUSB0"
EXAMPLE_BOARD = "--board esp32s3-devkitc"
EXAMPLE_IMAGE = "ESP32_GENERIC_S3-SPIRAM_OCT-20260406-v1.28.0.bin"


@dataclass(frozen=True)
class Software:
    """What is written onto a new board. micropython: the image; inside: the version of the firmware in that image, None
    for a stock image; bundle: the files beside it; notes: what to know of this board with this image."""

    micropython: bytes
    inside: str | None
    bundle: Bundle
    notes: list[str]

    @property
    def about_image(self) -> str:
        """The end of a sentence about an image with the firmware inside; "" for a stock image."""
        if self.inside is None:
            return ""
        digest = sha256(self.micropython).hexdigest()[:16]
        return f", a build of your own with the firmware {self.inside} inside (SHA-256 {digest}…)"

    def about_aioble(self, package: str | None) -> str:
        """The end of a sentence about aioble; "" if the notes say already that this board has no Bluetooth."""
        if package:
            return f", with aioble {package}"
        return "" if self.notes else ", without aioble: the radio stays off until it is deployed"


def image_for(path: Path | None, target: Target) -> bytes:
    """Read the MicroPython image for a board. If it is missing or another, ToolError says which one to download."""
    if path is None:
        raise ToolError(f"'{target.name}' runs MicroPython {target.version}, build {target.build}.", target.fetch)
    return micropython_image.read(path, target)


def software_for(target: Target, micropython: bytes, aioble: Path | None, *, mip: bool) -> Software:
    """Compile what goes onto a new board with this image of MicroPython."""
    inside = frozen.version_in(micropython)
    if inside is None:
        return Software(micropython, None, Bundle.build(target, aioble_from(aioble, mip=mip)), target.notes)
    if aioble is not None or mip:
        raise ToolError("The image has firmware and aioble inside.", "Leave --aioble and --mip out.")
    return Software(micropython, inside, Bundle.beside(target, inside), [])


def aioble_from(folder: Path | None, *, mip: bool) -> Package | None:
    """Return aioble from this folder, fetched now, or as it was fetched before; None if it never was."""
    if folder is not None:
        return packages.from_folder(folder)
    return packages.fetch() if mip else packages.fetched()


def show_notes(notes: list[str]) -> None:
    """Print what to know of a board."""
    for note in notes:
        output.notice(note)


@contextmanager
def progress_bars() -> Iterator[Callable[[str, int, int], None]]:
    """Yield a function that draws a bar for each thing that is written; it draws on a terminal only."""
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    with Progress(*columns, console=Terminal(stderr=True), transient=True, disable=not output.fancy()) as progress:
        tasks: dict[str, TaskID] = {}

        def draw(what: str, done: int, total: int) -> None:
            line = "firmware" if what.startswith("/") else what
            if line not in tasks:
                tasks[line] = progress.add_task(line, total=total)
            progress.update(tasks[line], completed=done, total=total)

        yield draw
