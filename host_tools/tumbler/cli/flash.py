"""`tumbler flash`, `deploy`, `provision`, `selftest`, `monitor`, `image`, `workshop`: a board at the end of a cable."""

import secrets
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console as Terminal
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

from tumbler_lock import VERSION
from tumbler_lock.core.lms import PUBLIC

from ..errors import ToolError
from ..extras import require_program
from ..flashing import frozen, micropython_image, packages
from ..flashing.bundle import Bundle
from ..flashing.chip import Chip
from ..flashing.console import Console
from ..flashing.deploy import Report
from ..flashing.deploy import deploy as deploy_to
from ..flashing.file_system import factory, for_target, used
from ..flashing.flash import flash as flash_chip
from ..flashing.labels import Label
from ..flashing.packages import Package
from ..flashing.ports import trouble
from ..flashing.provision import Settings
from ..flashing.provision import provision as provision_board
from ..flashing.selftest import Result, SelfTest
from ..flashing.target import Target, known
from ..flashing.workshop import Done, Line, State, read_table
from ..flashing.workshop import run as run_workshop
from ..registry.registry import Registry, RegistryLock
from ..registry.schema import POLICIES
from ..text import command_line, printable, reason
from ..timezones import local_zone
from . import output
from .options import (
    Json,
    KeyLabel,
    NewName,
    NewPolicy,
    NewWeekend,
    NewZone,
    examples,
    key_label_of,
    name_of,
    now,
    number,
    rule_of,
    weekend_of,
)

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
Port = Annotated[
    str, typer.Option("--port", "-p", metavar="PORT", help="Serial port, such as /dev/ttyUSB0.", show_default=False)
]
MaybePort = Annotated[
    str | None,
    typer.Option("--port", "-p", metavar="PORT", help="Serial port, such as /dev/ttyUSB0.", show_default=False),
]
Aioble = Annotated[
    Path | None,
    typer.Option(metavar="FOLDER", help="aioble, in a checkout of micropython-lib.", show_default="what was fetched"),
]
Mip = Annotated[bool, typer.Option("--mip", help="Fetch aioble as mpremote does, and keep it for the next board.")]
Image = Annotated[
    Path | None, typer.Option(metavar="FILE", help="The MicroPython image that you downloaded.", show_default=False)
]


def add_to(app: typer.Typer) -> None:
    """Add the commands to `tumbler`."""
    image_file = "ESP32_GENERIC_S3-SPIRAM_OCT-20260406-v1.28.0.bin"
    flash_it = f"--board esp32s3-devkitc --port /dev/ttyUSB0 --image {image_file}"
    lines: dict[Callable[..., None], str] = {
        flash: "tumbler flash " + flash_it + " --mip",
        deploy: "tumbler deploy --board esp32s3-devkitc --port /dev/ttyUSB0",
        provision: "tumbler provision cabin --port /dev/ttyUSB0 --timezone Europe/Berlin",
        selftest: "tumbler selftest --port /dev/ttyUSB0",
        monitor: "tumbler monitor --port /dev/ttyUSB0",
        image: f"tumbler image --board esp32s3-devkitc --micropython {image_file} -o cabin.bin",
        workshop: "tumbler workshop " + flash_it + " shop.csv",
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
    micropython = _micropython(image, target)
    if port is None:
        raise ToolError("--port: the board's serial port is missing.", "Add --port, such as --port /dev/ttyUSB0.")
    inside = frozen.version_in(micropython)
    bundle = _bundle(target, inside, aioble, mip)
    with _bars() as progress:
        done = flash_chip(port, target, micropython, bundle, progress, erase)
    micropython_image.remember(micropython, target)
    notes = _notes(target, inside)
    if json:
        output.emit(
            {
                "mac": done.mac,
                "erased": done.erased,
                "firmware": done.firmware,
                "aioble": done.aioble,
                "inside": inside,
                "notes": notes,
            }
        )
        return
    output.say(f"MicroPython {target.version} is on the board ({done.mac}){_own(inside, micropython)}.")
    if done.firmware is None:
        what = "The firmware" if inside is None else "Its start files, and the slots it may have"
        output.say(f"Its file system was kept. {what}: {command_line('deploy', board=board, port=port)}")
    else:
        if inside is None:
            output.say(f"So is the firmware {done.firmware}{_radio(done.aioble, notes)}.")
        output.say(f"Next: {command_line('provision', 'NAME', port=port, timezone='ZONE')}")
    _tell(notes)


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
    bundle = Bundle.build(target, _aioble(aioble, mip))
    with _bars() as progress, Console(port) as console:
        done = deploy_to(console, target, bundle, progress, downgrade, key)
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
        _tell_inside(done)
        return
    if not done.changed:
        output.say(f"The board has the firmware {done.version} already; nothing was sent.")
        return
    output.say(f"{len(done.sent_files)} files sent ({done.sent:,} bytes), {done.copied} copied, {done.kept} kept.")
    trial = " It is on trial, and is kept when it has been healthy for a minute." if done.trial else ""
    output.say(f"The firmware {done.version} runs in slot {done.slot}.{trial}")


def provision(
    name: NewName,
    port: Port,
    timezone: NewZone = None,
    policy: NewPolicy = None,
    weekend: NewWeekend = None,
    auto_lock: Annotated[
        int,
        typer.Option("--auto-lock", parser=number(1, 60), metavar="1-60", help="Seconds that the bolt stays open."),
    ] = Settings.autolock,
    sound: Annotated[bool, typer.Option("--sound/--no-sound", help="Whether the buzzer sounds.")] = True,
    label: KeyLabel = "",
    json: Json = False,
) -> None:
    """Make a flashed board a lock of the registry.

    The board gets its secret and the time, the registry the owner's key. A board that is this lock already only gets
    the time, if its clock is off.
    """
    settings = Settings(auto_lock, sound, key_label_of(label))
    with Registry.open() as registry:
        lock_of = _lock(registry, name_of(name), timezone, policy, weekend)
        with Console(port) as console:
            lock = lock_of()
            came = provision_board(console, registry, lock, settings, now())
    if json:
        data = {"lock": lock.name, "lock_id": lock.lock_id.hex(), "new": came.new, "clock_set": came.clock_set}
        output.emit({**data, "timezone": lock.timezone})
        return
    words = f"was this lock already, and its clock {'is set now' if came.clock_set else 'is right'}"
    if came.new:
        words = "is a lock now"
    output.say(f"{lock.name} {words} (lock id {lock.lock_id.hex()}).")
    if output.fancy():
        output.say(f"Issue a code: {command_line('code one-time', lock.name)}")


def selftest(
    port: Port,
    keypad: Annotated[bool, typer.Option("--keypad/--no-keypad", help="Ask for every button of the keypad.")] = True,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask: you heard and saw what is expected.")] = False,
    json: Json = False,
) -> None:
    """Test the parts of a board.

    These are clock, flash, sound, bolt, radio and keypad.
    """
    results = _selftest(port, keypad, yes, quiet=json)
    if json:
        output.emit([{"part": one.part, "right": one.right, "words": one.words} for one in results])
    if any(one.right is False for one in results):
        raise typer.Exit(1)


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
    interpreter = _micropython(micropython, target)
    inside = frozen.version_in(interpreter)
    bundle = _bundle(target, inside, aioble, mip)
    files = bundle.files()
    data = factory(interpreter, files, target)
    try:
        file.write_bytes(data)
    except OSError as error:
        raise ToolError(f"{file} cannot be written: {reason(error)}.", "Name another file.") from error
    micropython_image.remember(interpreter, target)
    free = target.vfs_size - used(for_target(files, target))
    notes = _notes(target, inside)
    if json:
        output.emit(
            {
                "file": str(file),
                "bytes": len(data),
                "free": free,
                "aioble": _version(bundle.aioble),
                "inside": inside,
                "notes": notes,
            }
        )
        return
    what = _radio(_version(bundle.aioble), notes) if inside is None else _own(inside, interpreter)
    output.say(f"{file}: {len(data):,} bytes, {free // 1024} KiB of the file system are free{what}.")
    output.say(f"Write it at 0: esptool --chip {target.mcu} --port PORT write-flash 0 {shlex.quote(str(file))}")
    _tell(notes)


def workshop(
    table: Annotated[Path, typer.Argument(metavar="CSV", help="Columns name, timezone; weekend, policy.")],
    board: Board,
    port: Port,
    image: Image = None,
    aioble: Aioble = None,
    mip: Mip = False,
    keypad: Annotated[bool, typer.Option("--keypad/--no-keypad", help="Ask for every button of the keypad.")] = True,
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
        name_of(line.name), rule_of(line.timezone), weekend_of(line.weekend), _policy(line.policy)
    state = State(table.with_name(table.name + ".state"))
    if redo is not None:
        if redo not in [line.name for line in lines]:
            raise ToolError(f"{table} has no lock '{redo}'.", "Give --redo a name of the table, as it stands there.")
        state.forget(redo)
    micropython = _micropython(image, target)
    inside = frozen.version_in(micropython)
    bundle = _bundle(target, inside, aioble, mip)
    _tell(_notes(target, inside))
    bench = _Bench(port, target, micropython, bundle, table.with_name(table.name + ".labels"), keypad)
    run_workshop(lines, state, bench, _connect)
    output.say(f"All {len(lines)} are done.")


class _Bench:
    """The steps of a workshop, on the board at one port."""

    def __init__(self, port: str, target: Target, micropython: bytes, bundle: Bundle, labels: Path, keypad: bool):
        self._port = port
        self._target = target
        self._micropython = micropython
        self._bundle = bundle
        self._labels = labels
        self._keypad = keypad

    def identify(self, refuse: Callable[[str], None]) -> None:
        with Chip(self._port, self._target) as chip:
            refuse(chip.mac)

    def flash(self, line: Line, refuse: Callable[[str], None]) -> None:
        with _bars() as progress:
            flash_chip(self._port, self._target, self._micropython, self._bundle, progress, erase=True, refuse=refuse)
        micropython_image.remember(self._micropython, self._target)
        output.say(f"{line.name}: flashed.")

    def provision(self, line: Line) -> None:
        with Registry.open() as registry:
            lock_of = _lock(registry, line.name, line.timezone, line.policy, line.weekend)
            with Console(self._port) as console:
                lock = lock_of()
                provision_board(console, registry, lock, Settings(), now())
        output.say(f"{line.name}: provisioned, lock id {lock.lock_id.hex()}.")

    def selftest(self, line: Line) -> None:
        results = _selftest(self._port, self._keypad, yes=False, quiet=False)
        wrong = [one.part for one in results if one.right is False]
        if wrong:
            raise ToolError(
                f"{line.name}: {', '.join(wrong)} failed.",
                "Repair it and run the same command again. For another board run the command with --redo"
                f" {shlex.quote(line.name)}, but first: {command_line('lock remove', line.name)}",
            )

    def label(self, line: Line) -> None:
        with Registry.open() as registry:
            lock = registry.lock(line.name)
        label = Label(lock.name, lock.lock_id)
        paths = label.write(self._labels, lock.lock_id.hex())
        for text in label.text().splitlines():
            output.say(text)
        output.say(f"{line.name}: done. Its label: {' and '.join(str(path) for path in paths)}")


def _connect(line: Line, done: Done) -> None:
    """Ask for the board of a line."""
    if not sys.stdin.isatty():
        return  # boards are changed by whatever feeds this command
    which = "Connect again the board of" if done.steps else "Connect a new board for"
    typer.prompt(f"{which} '{line.name}' and press Enter", default="", show_default=False, err=True)


def _lock(
    registry: Registry, name: str, timezone: str | None, policy: str | None, weekend: str | None
) -> Callable[[], RegistryLock]:
    """Return what gives the registry's lock of that name, and adds one that is not there: for when the port is open.

    ToolError at once when an option is wrong, or is not what the registry has of that lock.
    """
    known_lock = registry.find(name)
    days = None if weekend is None else weekend_of(weekend)
    if known_lock is None:
        zone = timezone or local_zone()
        rule, kind, rest = rule_of(zone), _policy(policy or "standard"), weekend_of("sat,sun") if days is None else days
        return lambda: registry.add(name, zone, rule, rest, kind, secrets.token_bytes(32), now())
    options = {
        "timezone": timezone in (None, known_lock.timezone, known_lock.rule),
        "policy": policy in (None, known_lock.policy),
        "weekend": days in (None, known_lock.weekend),
    }
    if different := [option for option, same in options.items() if not same]:
        raise ToolError(
            f"'{known_lock.name}' is in the registry, with another {' and another '.join(different)}.",
            f"Leave --{' and --'.join(different)} out, or choose another name.",
        )
    return lambda: known_lock


def _policy(text: str) -> str:
    if text not in POLICIES:
        raise ToolError(f"There is no policy '{text}'.", f"It is {' or '.join(POLICIES)}.")
    return text


def _selftest(port: str, keypad: bool, yes: bool, quiet: bool) -> list[Result]:
    """Run the self-test, and tell each result when it is there."""

    def ask(question: str) -> bool | None:
        if yes:
            return True
        if not sys.stdin.isatty():
            return None
        return output.confirm(question)

    def show(result: Result) -> None:
        if not quiet:
            mark = {True: "right", False: "WRONG", None: "unsure"}[result.right]
            output.say(f"{result.part:<8} {mark:<7} {result.words}")

    def prompt(key: str) -> None:
        if not quiet:
            print(f"press {printable(key)}", file=sys.stderr, flush=True)

    with Console(port) as console:
        test = SelfTest(console, ask, show, prompt)
        test.run(keypad, now())
    return test.results


def _micropython(path: Path | None, target: Target) -> bytes:
    if path is None:
        raise ToolError(f"'{target.name}' runs MicroPython {target.version}, build {target.build}.", target.fetch)
    return micropython_image.read(path, target)


def _bundle(target: Target, inside: str | None, aioble: Path | None, mip: bool) -> Bundle:
    """What goes onto a new board beside MicroPython. inside: version of the firmware that MicroPython has, or None."""
    if inside is None:
        return Bundle.build(target, _aioble(aioble, mip))
    if aioble is not None or mip:
        raise ToolError("The image has firmware and aioble inside.", "Leave --aioble and --mip out.")
    return Bundle.beside(target, inside)


def _notes(target: Target, inside: str | None) -> list[str]:
    """What to know of the board with this MicroPython."""
    return target.notes if inside is None else []


def _tell(notes: list[str]) -> None:
    for note in notes:
        output.notice(note)


def _own(inside: str | None, image: bytes) -> str:
    """What an image is that was built with the firmware inside."""
    if inside is None:
        return ""
    return f", a build of your own with the firmware {inside} inside (SHA-256 {sha256(image).hexdigest()[:16]}…)"


def _tell_inside(done: Report) -> None:
    """Tell what a deploy did to a board whose MicroPython has the firmware inside."""
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


def _aioble(folder: Path | None, mip: bool) -> Package | None:
    if folder is not None:
        return packages.from_folder(folder)
    return packages.fetch() if mip else packages.fetched()


def _version(package: Package | None) -> str | None:
    return package.version if package else None


def _radio(version: str | None, notes: list[str]) -> str:
    """What to say of aioble; nothing of a missing one where the notes say that there is no Bluetooth anyway."""
    if version:
        return f", with aioble {version}"
    return "" if notes else ", without aioble: the radio stays off until it is deployed"


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


@contextmanager
def _bars() -> Iterator[Callable[[str, int, int], None]]:
    """Give out what draws a bar for each thing that is written; on a terminal only."""
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    with Progress(*columns, console=Terminal(stderr=True), transient=True, disable=not output.fancy()) as progress:
        tasks: dict[str, int] = {}

        def draw(what: str, done: int, of: int) -> None:
            line = "firmware" if what.startswith("/") else what
            if line not in tasks:
                tasks[line] = progress.add_task(line, total=of)
            progress.update(tasks[line], completed=done, total=of)  # type: ignore[arg-type]

        yield draw
