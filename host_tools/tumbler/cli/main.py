"""The `tumbler` command. Exit status: 0 done, 1 refused or failed (standard error says why), 2 wrong usage, 3 done or
not, but the answer could not be written."""

import os
import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Annotated

import typer
from typer.main import get_command

from ..errors import ToolError
from . import board, code, code_online, flash, freeze, key, lock, lock_online, output, pair, update
from .options import Json, PolicyName, complete_lock, complete_zone, examples

app = typer.Typer(
    name="tumbler",
    help="Locks that understand passcodes they were never told about: issue codes, and try them on a virtual lock.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # a traceback with local variables would show secrets
)
lock_online.add_to(lock.app)
code_online.add_to(code.app)
app.add_typer(lock.app, name="lock", help="The locks you know; and, over Bluetooth, their status, log and settings.")
app.add_typer(board.app, name="board", help="The boards a lock can be built on: list, show, check, energy.")
app.add_typer(
    code.app, name="code", help="Issue codes, list and explain them; custom codes and changes over Bluetooth."
)
app.add_typer(key.app, name="key", help="Who may manage a lock over Bluetooth.")
app.add_typer(update.app, name="update", help="New firmware: build, sign, and send it over Bluetooth.")
pair.add_to(app)
flash.add_to(app)
freeze.add_to(app)


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
        typer.Option(metavar="FILE", help="Play this scenario at full speed; - is standard input.", show_default=False),
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
        str | None, typer.Option(metavar="HEX", help="64 hexadecimal digits.", show_default="the example secret")
    ] = None,
    timezone: Annotated[
        str | None,
        typer.Option(
            metavar="ZONE",
            help="IANA zone or POSIX TZ rule.",
            autocompletion=complete_zone,
            show_default="this computer's; UTC with --script",
        ),
    ] = None,
    policy: Annotated[PolicyName | None, typer.Option(help="What it accepts offline.", show_default="standard")] = None,
    flash: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Flash image to use and keep.", show_default="one for each lock"),
    ] = None,
    reset: Annotated[bool, typer.Option("--reset", help="Begin with a new lock: forget its flash image.")] = False,
    radio: Annotated[
        bool, typer.Option("--radio", help="With Bluetooth for other terminals: tumbler scan, tumbler pair NAME.")
    ] = False,
    json: Json = False,
) -> None:
    """Start a virtual lock: the real firmware in the real MicroPython.

    In a terminal it is a keypad to press; without one it plays a demonstration. With --radio it is a new lock to pair,
    which takes updates of its firmware; without a terminal it then does what the lines of standard input say.
    """
    from .run import run_command  # the terminal interface is slow to load

    status = run_command(
        script=script,
        lock=lock_name,
        secret=secret,
        timezone=timezone,
        policy=policy.value if policy else None,
        flash=flash,
        reset=reset,
        radio=radio,
        as_json=json,
    )
    raise typer.Exit(status)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status of a refusal, leaves by SystemExit otherwise."""
    if sys.stdout is None:  # the caller closed it
        sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115 - for as long as the process lives
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a label the terminal cannot show must not end the command
    # Help and usage errors have boxes and colour on a terminal only.
    app.rich_markup_mode = "rich" if output.fancy() and sys.stderr.isatty() else None
    try:
        try:
            get_command(app).main(args=None if arguments is None else list(arguments), prog_name="tumbler")
        finally:
            sys.stdout.flush()
    except ToolError as error:
        output.error(error)
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
        _discard_output()
        output.error(
            ToolError(
                f"The output cannot be written: {error.strerror}.",
                "What was asked for may be done all the same: `tumbler code list` and `tumbler lock list` tell.",
            )
        )
        return 3
    return 0


def _discard_output() -> None:
    """Let what is still buffered for standard output go nowhere, so that the interpreter does not try again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
