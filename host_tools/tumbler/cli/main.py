"""The `tumbler` command.

Exit status: 0 done, 1 refused or failed (standard error says why), 2 wrong usage, 3 the answer could not be written,
whether or not it was done.
"""

import os
import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from ..errors import ToolError
from ..extras import require
from ..text import reason
from . import (
    board,
    code,
    code_online,
    custom_build,
    flash,
    key,
    lock,
    lock_online,
    output,
    pair,
    provision,
    update,
    workshop,
)
from .options import POLICY, Json, complete_lock, complete_zone, examples
from .usage import explain

# In the order in which an owner meets them.
ORDER = (
    "lock", "code", "key", "scan", "pair", "run",
    "board", "flash", "deploy", "provision", "selftest", "monitor", "image", "workshop", "custom-build", "update",
)  # fmt: skip
NOT_WRITTEN = 3


class Commands(TyperGroup):
    """The commands of `tumbler`, in our order."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of the commands."""
        names = super().list_commands(ctx)
        return sorted(names, key=lambda name: ORDER.index(name) if name in ORDER else len(ORDER))


app = typer.Typer(
    name="tumbler",
    cls=Commands,
    help="A door lock that understands passcodes: issue codes, manage locks, build and flash them.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["--help", "-h"]},
    pretty_exceptions_enable=False,  # a traceback with local variables would show secrets
)
lock_online.add_to(lock.app)
code_online.add_to(code.app)
app.add_typer(lock.app, name="lock", help="Locks of the registry, and locks in range.")
app.add_typer(board.app, name="board", help="Boards that a lock can be built on.")
app.add_typer(code.app, name="code", help="Issue codes; list, explain, change and delete them.")
app.add_typer(key.app, name="key", help="Keys of other people and devices for a lock.")
app.add_typer(update.app, name="update", help="Build, sign and send new firmware.")
pair.add_to(app)
flash.add_to(app)
provision.add_to(app)
workshop.add_to(app)
custom_build.add_to(app)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"tumbler {metadata.version('tumbler')}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Take the options that belong to no command."""


@app.command(
    epilog=examples(
        "tumbler run", "tumbler run --lock cabin", "tumbler run --script night.txt --json", "tumbler run --radio"
    )
)
def run(
    script: Annotated[
        Path | None,
        typer.Option(
            "--script",
            metavar="FILE",
            help="Play this scenario at full speed; - is standard input.",
            show_default=False,
        ),
    ] = None,
    lock_name: Annotated[
        str | None,
        typer.Option(
            "--lock",
            metavar="NAME",
            help="A lock of the registry.",
            autocompletion=complete_lock,
            show_default="one of its own",
        ),
    ] = None,
    secret: Annotated[
        str | None,
        typer.Option("--secret", metavar="HEX", help="64 hexadecimal digits.", show_default="the example secret"),
    ] = None,
    timezone: Annotated[
        str | None,
        typer.Option(
            "--timezone",
            metavar="ZONE",
            help="IANA zone or POSIX TZ rule.",
            autocompletion=complete_zone,
            show_default="this computer's; UTC with --script",
        ),
    ] = None,
    policy: Annotated[
        str | None, typer.Option("--policy", help="What it accepts offline.", show_default="standard", **POLICY)
    ] = None,
    flash: Annotated[
        Path | None,
        typer.Option("--flash", metavar="FILE", help="Flash image to use and keep.", show_default="one for each lock"),
    ] = None,
    reset: Annotated[bool, typer.Option("--reset", help="Begin with a new lock: delete its flash image.")] = False,
    radio: Annotated[
        bool, typer.Option("--radio", help="With Bluetooth for other terminals: tumbler scan, tumbler pair NAME.")
    ] = False,
    json: Json = False,
) -> None:
    """Start a virtual lock: the real firmware in MicroPython.

    In a terminal it has a keypad to press; without one it plays a demonstration. With --radio it is a new lock to pair,
    and can be updated; without a terminal it then follows the lines of standard input.
    """
    with require("simulator"):
        from .run import run_command  # the simulator is slow to load

    status = run_command(
        script=script,
        lock=lock_name,
        secret=secret,
        timezone=timezone,
        policy=policy,
        flash=flash,
        reset=reset,
        radio=radio,
        as_json=json,
    )
    raise typer.Exit(status)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status. An end that was asked for from outside leaves by SystemExit."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    if sys.stdout is None:  # the caller closed it
        sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115 - for as long as the process lives
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a label that the terminal cannot show must not end the command
    # Help has boxes and colour on a terminal only.
    app.rich_markup_mode = "rich" if output.fancy() and sys.stderr.isatty() else None
    command = get_command(app)
    try:
        try:
            return command.main(args=words, prog_name="tumbler", standalone_mode=False) or 0
        finally:
            sys.stdout.flush()
    except ToolError as error:
        output.error(error)
        return 1
    except typer.TyperException as error:
        return _wrong_usage(error, command, words)
    except typer.Abort:
        return 1
    except BrokenPipeError:  # the reader, such as head, has seen enough: what was asked for is done
        _discard_output()
        return 0
    except SystemExit as leaving:
        if type(sys.stdout).__name__ == "PacifyFlushWrapper":  # so the library marks a reader that went away
            _discard_output()
            return 0
        raise leaving
    except OSError as error:
        return _system_error(error)


def _wrong_usage(error: typer.TyperException, command: Any, words: Sequence[str]) -> int:
    """Say what is wrong with the command line; help if it names no command. Return the exit status."""
    if type(error).__name__ == "NoArgsIsHelpError":
        if error.message:  # else it is printed already
            print(error.message, file=sys.stderr)
    else:
        output.error(explain(error, command, words))
    return 2


def _system_error(error: OSError) -> int:
    """Say that a file cannot be used, or the output not be written. Return the exit status."""
    _discard_output()
    if error.filename is not None:
        name = os.fsdecode(error.filename) if isinstance(error.filename, str | bytes) else str(error.filename)
        output.error(ToolError(f"{name} cannot be used: {reason(error)}.", "Name another, or make it usable for you."))
        return 1
    output.error(
        ToolError(
            f"The output cannot be written: {reason(error)}.",
            "What was asked for may be done all the same; see it with tumbler code list and tumbler lock list.",
        )
    )
    return NOT_WRITTEN


def _discard_output() -> None:
    """Send what is still buffered for standard output nowhere, so that the interpreter does not try again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
