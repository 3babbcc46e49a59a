"""`tumbler run`: which virtual lock, on which flash, and whether a scenario, a terminal or a demonstration plays on it.

Exit status: 0 everything happened as expected, 1 an expectation did not hold or the lock failed, 2 wrong usage, or a
scenario that cannot be read.
"""

import contextlib
import json
import os
import secrets
import signal
import sys
import tempfile
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

from tumbler_lock.core.zone import Zone

from .. import timezones
from ..errors import ToolError
from ..registry.database import home
from ..registry.registry import Registry, fingerprint
from ..registry.schema import POLICIES
from ..simulator.identity import EXAMPLE_SECRET, Identity
from ..simulator.issuing import Desk, add_lock, identity_of_lock
from ..simulator.lock import Entered, VirtualLock
from ..simulator.process import Message
from ..simulator.radio_socket import socket_path
from ..simulator.scenario import Player, ScenarioError, begin_ms, describe, parse
from ..text import printable, reason
from ..timezones import EXAMPLE_ZONE, local_zone
from . import output

DOOR = "door"  # the name of the lock that `tumbler run` keeps for itself
LARGEST_SCRIPT = 50_000_000  # characters: a longer text is not a scenario


class UsageError(Exception):
    """The options cannot be carried out together, or one is wrong; exit status 2."""


@dataclass(frozen=True)
class Choice:
    """Which lock and which flash the options name; None where they do not."""

    lock: str | None = None
    secret: str | None = field(default=None, repr=False)
    timezone: str | None = None
    policy: str | None = None
    flash: Path | None = None
    reset: bool = False


def run_command(
    *,
    script: Path | None = None,
    lock: str | None = None,
    secret: str | None = None,
    timezone: str | None = None,
    policy: str | None = None,
    flash: Path | None = None,
    reset: bool = False,
    radio: bool = False,
    as_json: bool = False,
) -> int:
    """Carry out `tumbler run` and return its exit status; messages go to standard error.

    script: a scenario, "-" for standard input; lock: one of the registry; secret: 64 hexadecimal digits; timezone:
    IANA name or POSIX rule; flash: image to use and keep; reset: begin with a new lock; radio: with Bluetooth for other
    processes; as_json: one JSON object for each entry of the scenario.
    """
    choice = Choice(lock, secret, timezone, policy, flash, reset)
    for name in ("SIGTERM", "SIGHUP"):  # Windows has no SIGHUP
        # Clean up on the way out: a temporary flash image, which holds a secret, must not stay behind.
        if ending := getattr(signal, name, None):
            signal.signal(ending, lambda number, _frame: sys.exit(128 + number))
    try:
        _check(choice, script, radio=radio, as_json=as_json)
        with contextlib.ExitStack() as stack:
            if script is not None:
                return _script(stack, script, choice, as_json=as_json)
            at_a_terminal = sys.stdin.isatty() and sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
            if radio:
                return _radio(stack, choice, at_a_terminal=at_a_terminal, as_json=as_json)
            if at_a_terminal:
                return _terminal(stack, choice)
            return _demonstration(stack, choice)
    except (UsageError, ScenarioError) as error:
        _complain(str(error))
        return 2
    except ToolError as error:
        output.error(error)
        return 1
    except KeyboardInterrupt:
        return 130


def _check(choice: Choice, script: Path | None, *, radio: bool, as_json: bool) -> None:
    """UsageError for options that exclude each other."""
    if choice.lock is not None:
        for name in ("secret", "timezone", "policy"):
            if getattr(choice, name) is not None:
                raise UsageError(f"--{name}: --lock has it already. Leave --{name} out, or --lock")
    if as_json and script is None and not radio:
        raise UsageError("--json prints the entries of a scenario: add --script FILE")
    if radio and script is not None:
        raise UsageError("--script: a scenario plays faster than any radio. Leave --script out and pipe its lines in")


def _complain(text: str) -> None:
    print(f"Error: {printable(text)}", file=sys.stderr)


# Which lock


def identity_of(choice: Choice) -> tuple[Identity, str]:
    """Return the lock that the options name, and its time zone as the owner writes it."""
    if choice.lock is not None:
        with Registry.open() as registry:
            known = registry.lock(choice.lock)
            return identity_of_lock(registry, known), known.timezone
    timezone = EXAMPLE_ZONE if choice.timezone is None else choice.timezone
    try:
        rule = timezones.zone_rule(timezone)
    except ValueError as error:
        raise UsageError(f"--timezone: {error}") from None
    if choice.policy not in (None, *POLICIES):
        raise UsageError(f"--policy takes {' or '.join(POLICIES)}")
    return Identity(_secret(choice.secret), rule, choice.policy or "standard"), timezone


def _secret(text: str | None) -> bytes:
    if text is None:
        return EXAMPLE_SECRET
    try:
        secret = bytes.fromhex(text)
    except ValueError:
        secret = b""
    if len(secret) != 32 or len(text) != 64:
        raise UsageError("--secret takes 64 hexadecimal digits (32 bytes), as tumbler lock show --secret prints them")
    return secret


def _say_example(choice: Choice) -> None:
    if choice.lock is None and choice.secret is None:
        zone = choice.timezone or EXAMPLE_ZONE
        print(f"The lock has the published example secret (00 01 .. 1f) and the time zone {zone}.", file=sys.stderr)


def _temporary(stack: contextlib.ExitStack) -> Path:
    return Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tumbler-")))


def _image(stack: contextlib.ExitStack, choice: Choice, kept: Path | None = None) -> Path:
    """Return the flash image to use: the one named, else the one kept between runs, else a temporary one."""
    image = choice.flash or kept
    if image is None:
        return _temporary(stack) / "flash"
    if choice.reset:
        _delete(image)
    return image


def _delete(flash: Path) -> None:
    """Delete a flash image and the state of the world around it."""
    for path in (flash, flash.with_name(flash.name + ".world")):
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise ToolError(f"{path} cannot be deleted: {reason(error)}.", "Delete it yourself.") from error


# A scenario


def _script(stack: contextlib.ExitStack, path: Path, choice: Choice, *, as_json: bool) -> int:
    identity, _ = identity_of(choice)
    zone = Zone(identity.rule)
    file = "standard input" if str(path) == "-" else str(path)
    commands = parse(_read(path, file), zone, file)
    _say_example(choice)
    started = time.monotonic()

    def entered(entry: Entered) -> None:
        at = timezones.format_time(entry.at_ms // 1_000, zone)
        if as_json:
            print(json.dumps({"at": at, "verdict": entry.verdict, "reason": entry.reason}), flush=True)
        else:
            print(f"{at}  {describe(entry)}")

    def narrate(at_ms: int, text: str) -> None:
        if not as_json:
            print(f"{timezones.format_time(at_ms // 1_000, zone)}  {printable(text)}")

    with VirtualLock(_image(stack, choice), identity, begin_ms(commands), _fault) as virtual:
        virtual.power_on()
        if not virtual.state().get("provisioned", True):
            print("This flash image has no lock, or a damaged one: it opens to no code.", file=sys.stderr)
        player = Player(virtual, zone, file, entered, narrate)
        player.play(commands)
        cut_waits = virtual.cut_waits
    for failure in player.failures:
        print(printable(failure.text), file=sys.stderr)
    if cut_waits:
        _say_error(f"{file}: the scenario ended before the flash operation at which the power was to fail")
    if not as_json:
        print(
            f"{player.entries} entries, {player.held} expectations held, {len(player.failures)} failures,"
            f" {time.monotonic() - started:.1f} s"
        )
    return 1 if player.failures else 0


def _read(path: Path, file: str) -> str:
    try:
        if str(path) == "-":
            text = sys.stdin.read(LARGEST_SCRIPT + 1).removeprefix("\ufeff")
        else:
            with path.open(encoding="utf-8-sig") as opened:  # some editors begin a file with a mark
                text = opened.read(LARGEST_SCRIPT + 1)
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {reason(error)}; name a file with a scenario") from None
    except UnicodeDecodeError:
        raise UsageError(f"{file} is not text; a scenario is UTF-8") from None
    if len(text) > LARGEST_SCRIPT:
        raise UsageError(f"{file} is too large to be a scenario; name a text file")
    return text


def _say_error(text: str) -> None:
    print(printable(text), file=sys.stderr)


def _fault(event: Message) -> None:
    if event["event"] == "fault":
        _say_error(f"fault in the lock: {event.get('text')}")


# A terminal


def _terminal(stack: contextlib.ExitStack, choice: Choice) -> int:
    from ..simulator.tui import DoorApp  # slow to load, and of no use to a scenario

    desk, kept = _desk(stack, choice)
    virtual = stack.enter_context(VirtualLock(_image(stack, choice, kept), desk.identity))
    app = DoorApp(virtual, desk)
    app.run()
    return app.return_code or 0


def _desk(stack: contextlib.ExitStack, choice: Choice) -> tuple[Desk, Path | None]:
    """Return where codes are issued for the lock in the terminal, and the flash image it keeps between runs."""
    if choice.secret is not None:
        return _own_desk(stack, choice), None
    folder = _folder()
    if choice.lock is not None:
        registry = stack.enter_context(Registry.open())
        chosen = registry.lock(choice.lock)
        return Desk(registry, chosen.name, own=False), folder / f"{chosen.fingerprint}.flash"
    registry = stack.enter_context(Registry.open(folder))
    choice = replace(choice, timezone=choice.timezone or local_zone())
    # One lock for each zone and policy asked for: a lock keeps what it was set up with.
    name = " ".join([DOOR, str(choice.timezone), choice.policy or "standard"])
    known = next((one for one in registry.locks() if one.name == name), None)
    if known is not None and choice.reset:
        registry.remove(known)
        _delete(folder / f"{known.fingerprint}.flash")
        known = None
    if known is None:
        identity, zone = identity_of(replace(choice, secret=secrets.token_hex(32)))
        add_lock(registry, replace(identity, name=name), zone, int(time.time()))
    desk = Desk(registry, name, own=True)
    return desk, folder / f"{fingerprint(desk.lock.required_secret)}.flash"


def _own_desk(stack: contextlib.ExitStack, choice: Choice) -> Desk:
    """Return a desk with a temporary registry."""
    identity, zone = identity_of(choice)
    registry = stack.enter_context(Registry.open(_temporary(stack)))
    add_lock(registry, identity, zone, int(time.time()))
    return Desk(registry, identity.name, own=True)


# With a radio


def _folder() -> Path:
    """Return the folder of the virtual locks that are kept, and make it."""
    folder = home() / "virtual"
    try:
        home().mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise ToolError(
            f"{folder} cannot be made: {reason(error)}.", "Set TUMBLER_HOME to a folder of yours."
        ) from None
    return folder


def _radio(stack: contextlib.ExitStack, choice: Choice, *, at_a_terminal: bool, as_json: bool) -> int:
    """Run a lock that other processes can connect to, in the terminal or along the lines of standard input."""
    folder = _folder()
    if choice.lock is None and choice.secret is None:
        if choice.policy is not None:
            raise UsageError("--policy: a new lock gets its policy when it is paired. Leave --policy out")
        identity = Identity(None, timezones.zone_rule(choice.timezone or local_zone()), name=DOOR)
        kept = folder / "new.flash"
    else:
        identity, _ = identity_of(choice)
        kept = folder / f"{fingerprint(identity.secret or b'')}.flash"
    virtual = stack.enter_context(VirtualLock(_image(stack, choice, kept), identity, cable=_cable))
    socket = socket_path(home())
    if not at_a_terminal:
        from ..simulator.stdin import StdinPlayer

        return StdinPlayer(virtual, socket, as_json).run(sys.stdin)
    from ..simulator.tui_radio import RadioApp

    registry = stack.enter_context(Registry.open())

    def find_desk(lock_id: bytes) -> Desk | None:
        lock = registry.lock_of(lock_id)
        return Desk(registry, lock.name, own=False) if lock and lock.secret else None

    app = RadioApp(virtual, socket, find_desk)
    app.run()
    return app.return_code or 0


def _cable(image: bytes) -> bytes:
    """Do what a cable does to an image: give the board two slots, and the registry's key for updates."""
    from ..simulator.flash_image import plug_in
    from ..updates.signing import SigningKey, own_path

    path = own_path()
    return plug_in(image, SigningKey(path).public if path.exists() else None)


# A demonstration


def _demonstration(stack: contextlib.ExitStack, choice: Choice) -> int:
    from ..simulator.demo import Demonstration

    if choice.flash is not None or choice.reset:
        raise UsageError("the demonstration begins with a new lock: leave --flash and --reset out, or add --script")
    if choice == Choice():
        choice = Choice(timezone="Europe/Berlin")
    desk = _own_desk(stack, choice)
    _say_example(choice)
    return Demonstration(_temporary(stack) / "flash", desk, print).run()
