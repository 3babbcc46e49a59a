"""`tumbler flash`, `deploy`, `monitor`, `image`: software onto a board at the end of a cable."""

import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from tumbler_lock import VERSION
from tumbler_lock.core.lms import PUBLIC

from ..errors import ToolError
from ..extras import require_program
from ..flashing import micropython_image
from ..flashing.bundle import Bundle
from ..flashing.console import Console
from ..flashing.deploy import DeployReport
from ..flashing.deploy import deploy as deploy_to
from ..flashing.file_system import factory, for_target, used
from ..flashing.flash import flash as flash_chip
from ..flashing.ports import trouble
from ..flashing.target import Target
from ..text import command_line, reason
from . import output
from .cable import (
    EXAMPLE_BOARD,
    EXAMPLE_IMAGE,
    EXAMPLE_PORT,
    Aioble,
    Board,
    Image,
    MaybePort,
    Mip,
    Port,
    aioble_from,
    image_for,
    progress_bars,
    show_notes,
    software_for,
)
from .options import Json, examples


def add_to(app: typer.Typer) -> None:
    """Add the commands to `tumbler`."""
    lines: dict[Callable[..., None], str] = {
        flash: f"tumbler flash {EXAMPLE_BOARD} {EXAMPLE_PORT} --image {EXAMPLE_IMAGE} --mip",
        deploy: f"tumbler deploy {EXAMPLE_BOARD} {EXAMPLE_PORT}",
        monitor: f"tumbler monitor {EXAMPLE_PORT}",
        image: f"tumbler image {EXAMPLE_BOARD} --micropython {EXAMPLE_IMAGE} -o cabin.bin",
    }
    for command, line in lines.items():
        app.command(epilog=examples(line))(command)


def flash(
    board: Board,
    port: MaybePort = None,
    image: Image = None,
    erase: Annotated[
        bool, typer.Option("--erase", help="Erase everything first, also the lock's secret and codes.")
    ] = False,
    aioble: Aioble = None,
    mip: Mip = False,
    json: Json = False,
) -> None:
    """Write MicroPython and the firmware onto a board.

    The firmware is written if the board has no file system yet. Without --image it says which file to download.
    """
    target = Target.load(board)
    micropython = image_for(image, target)
    if port is None:
        raise ToolError("--port: the board's serial port is missing.", "Add --port, such as --port /dev/ttyUSB0.")
    software = software_for(target, micropython, aioble, mip=mip)
    with progress_bars() as progress:
        done = flash_chip(port, target, micropython, software.bundle, progress, erase=erase)
    micropython_image.remember(micropython, target)
    if json:
        output.emit(
            {
                "mac": done.mac,
                "erased": done.erased,
                "firmware": done.firmware,
                "aioble": done.aioble,
                "inside": software.inside,
                "notes": software.notes,
            }
        )
        return
    output.say(f"MicroPython {target.version} is on the board ({done.mac}){software.about_image}.")
    if done.firmware is None:
        what = "The firmware" if software.inside is None else "Its start files, and the slots it may have"
        output.say(f"Its file system was kept. {what}: {command_line('deploy', board=board, port=port)}")
    else:
        if software.inside is None:
            output.say(f"So is the firmware {done.firmware}{software.about_aioble(done.aioble)}.")
        output.say(f"Next: {command_line('provision', 'NAME', port=port, timezone='ZONE')}")
    show_notes(software.notes)


def deploy(
    board: Board,
    port: Port,
    aioble: Aioble = None,
    mip: Mip = False,
    downgrade: Annotated[bool, typer.Option("--downgrade", help="Also an older firmware than the board has.")] = False,
    update_key: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Public key of updates over Bluetooth.", show_default="what the board has"),
    ] = None,
    json: Json = False,
) -> None:
    """Put the firmware onto a board, or what changed of it.

    If the cable is pulled, the lock still starts.
    """
    target = Target.load(board)
    key = _update_key(update_key)
    bundle = Bundle.build(target, aioble_from(aioble, mip=mip))
    with progress_bars() as progress, Console(port) as console:
        done = deploy_to(console, target, bundle, progress, downgrade=downgrade, update_key=key)
    if json:
        output.emit(
            {
                "firmware": done.version,
                "slot": done.slot,
                "trial": done.trial,
                "bytes_sent": done.sent,
                "sent_files": done.sent_files,
                "copied": done.copied,
                "kept": done.kept,
                "aioble": done.aioble,
                "removed": done.removed,
            }
        )
        return
    if not done.slot:
        _show_inside(done)
        return
    if not done.changed:
        output.say(f"The board has the firmware {done.version} already; nothing was sent.")
        return
    output.say(f"{len(done.sent_files)} files sent ({done.sent:,} bytes), {done.copied} copied, {done.kept} kept.")
    trial = " It is on trial, and is kept when it has been healthy for a minute." if done.trial else ""
    output.say(f"The firmware {done.version} runs in slot {done.slot}.{trial}")


def monitor(port: Port) -> None:
    """Show what a board prints, and send it what you type.

    Ctrl-] ends it. Ctrl-C stops the lock if it allows that.
    """
    require_program("mpremote", "flash")
    line = [sys.executable, "-m", "mpremote", "connect", port, "resume", "repl"]
    if found := trouble(port):
        raise found
    if subprocess.run(line, check=False).returncode:
        raise typer.Exit(1)  # mpremote has said why


def image(
    board: Board,
    file: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="The image to write.", show_default=False)
    ],
    micropython: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The MicroPython image that you downloaded.", show_default=False)
    ] = None,
    aioble: Aioble = None,
    mip: Mip = False,
    json: Json = False,
) -> None:
    """Write a factory image: MicroPython and the file system.

    The same inputs give the same bytes.
    """
    target = Target.load(board)
    software = software_for(target, image_for(micropython, target), aioble, mip=mip)
    files = software.bundle.files()
    data = factory(software.micropython, files, target)
    try:
        file.write_bytes(data)
    except OSError as error:
        raise ToolError(f"{file} cannot be written: {reason(error)}.", "Name another file.") from error
    micropython_image.remember(software.micropython, target)
    free = target.vfs_size - used(for_target(files, target))
    package = software.bundle.aioble
    version = package.version if package else None
    if json:
        output.emit(
            {
                "file": str(file),
                "bytes": len(data),
                "free": free,
                "aioble": version,
                "inside": software.inside,
                "notes": software.notes,
            }
        )
        return
    what = software.about_image or software.about_aioble(version)
    output.say(f"{file}: {len(data):,} bytes, {free // 1024} KiB of the file system are free{what}.")
    output.say(f"Write it at 0: esptool --chip {target.mcu} --port PORT write-flash 0 {shlex.quote(str(file))}")
    show_notes(software.notes)


def _show_inside(done: DeployReport) -> None:
    """Say what a deploy did to a board whose MicroPython has the firmware inside."""
    if done.changed:
        parts = [
            f"{', '.join(paths)} {did}"
            for did, paths in (("sent", done.sent_files), ("removed", done.removed))
            if paths
        ]
        output.say(f"{'; '.join(parts)}.")
    else:
        output.say("Everything beside its MicroPython is right already; nothing was sent.")
    output.say(f"The firmware is part of this board's MicroPython: version {done.version}.")
    if done.version != VERSION:
        output.say(f"This source is {VERSION}: to use it, build MicroPython with tumbler custom-build and flash that.")


def _update_key(path: Path | None) -> bytes | None:
    if path is None:
        return None
    try:
        key = path.read_bytes()
    except OSError as error:
        raise ToolError(
            f"{path} cannot be read: {reason(error)}.",
            "Write the public key with: tumbler update key show --public FILE",
        ) from None
    if len(key) != PUBLIC:
        raise ToolError(
            f"{path} is not a public key of updates: it has {len(key)} bytes, not {PUBLIC}.",
            "Write the public key with: tumbler update key show --public FILE",
        )
    return key
