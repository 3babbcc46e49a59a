"""`tumbler provision` and `selftest`: a board with firmware becomes a lock, and its parts are tested."""

import secrets
import sys
from collections.abc import Callable
from typing import Annotated

import typer

from ..errors import ToolError
from ..flashing.console import Console
from ..flashing.provision import Provisioned, Settings
from ..flashing.provision import provision as provision_board
from ..flashing.selftest import Result, SelfTest
from ..registry.registry import Registry, RegistryLock
from ..registry.schema import POLICIES
from ..text import command_line, printable
from ..timezones import local_zone
from . import output
from .cable import EXAMPLE_PORT, Port
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

Keypad = Annotated[bool, typer.Option("--keypad/--no-keypad", help="Ask for every button of the keypad.")]


def add_to(app: typer.Typer) -> None:
    """Add the commands to `tumbler`."""
    app.command(epilog=examples(f"tumbler provision cabin {EXAMPLE_PORT} --timezone Europe/Berlin"))(provision)
    app.command(epilog=examples(f"tumbler selftest {EXAMPLE_PORT}"))(selftest)


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
    lock, done = make_lock(port, name_of(name), timezone, policy, weekend, settings)
    if json:
        data = {"lock": lock.name, "lock_id": lock.lock_id.hex(), "new": done.new, "clock_set": done.clock_set}
        output.emit({**data, "timezone": lock.timezone})
        return
    words = f"was this lock already, and its clock {'is set now' if done.clock_set else 'is right'}"
    if done.new:
        words = "is a lock now"
    output.say(f"{lock.name} {words} (lock id {lock.lock_id.hex()}).")
    if output.fancy():
        output.say(f"Issue a code: {command_line('code one-time', lock.name)}")


def selftest(
    port: Port,
    keypad: Keypad = True,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask: you heard and saw what is expected.")] = False,
    json: Json = False,
) -> None:
    """Test the parts of a board.

    These are clock, flash, sound, bolt, radio and keypad.
    """
    results = run_selftest(port, keypad=keypad, yes=yes, quiet=json)
    if json:
        output.emit([{"part": one.part, "right": one.right, "words": one.words} for one in results])
    if any(one.right is False for one in results):
        raise typer.Exit(1)


def make_lock(
    port: str, name: str, timezone: str | None, policy: str | None, weekend: str | None, settings: Settings
) -> tuple[RegistryLock, Provisioned]:
    """Make the board at a port the lock of this name. The registry gets the lock once the port is open."""
    with Registry.open() as registry:
        lock_of = _lock(registry, name, timezone, policy, weekend)
        with Console(port) as console:
            lock = lock_of()
            return lock, provision_board(console, registry, lock, settings, now())


def _lock(
    registry: Registry, name: str, timezone: str | None, policy: str | None, weekend: str | None
) -> Callable[[], RegistryLock]:
    """Return a function that returns the registry's lock of that name, and adds it first if it is new.

    ToolError at once if an option is invalid, or differs from what the registry has of that lock.
    """
    known_lock = registry.find(name)
    days = None if weekend is None else weekend_of(weekend)
    if known_lock is None:
        zone = timezone or local_zone()
        rule, kind, rest = (
            rule_of(zone),
            policy_of(policy or "standard"),
            weekend_of("sat,sun") if days is None else days,
        )
        return lambda: registry.add(name, zone, rule, rest, kind, secrets.token_bytes(32), now())
    options = {
        "timezone": timezone in (None, known_lock.timezone, known_lock.rule),
        "policy": policy in (None, known_lock.policy),
        "weekend": days in (None, known_lock.weekend),
    }
    if different := [option for option, same in options.items() if not same]:
        raise ToolError(
            f"--{different[0]}: '{known_lock.name}' has another {' and another '.join(different)} in the registry.",
            f"Leave --{' and --'.join(different)} out, or choose another name.",
        )
    return lambda: known_lock


def policy_of(text: str, field: str = "--policy") -> str:
    """Return the name of a policy; ToolError if there is no such policy."""
    if text not in POLICIES:
        raise ToolError(f"{field}: there is no policy '{text}'.", f"It is {' or '.join(POLICIES)}.")
    return text


def run_selftest(port: str, *, keypad: bool, yes: bool, quiet: bool) -> list[Result]:
    """Run the self-test, and print each result as it comes."""

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

    def prompt(button: str) -> None:
        if not quiet:
            print(f"press {printable(button)}", file=sys.stderr, flush=True)

    with Console(port) as console:
        test = SelfTest(console, ask, show, prompt)
        test.run(keypad=keypad, now=now())
    return test.results
