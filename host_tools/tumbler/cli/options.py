"""What the commands share: their option types, the clock, and the reading of what people type."""

import asyncio
import re
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import Annotated, TypeVar

import typer

from tumbler_lock.core.zone import Zone

from ..errors import ToolError
from ..link.client import Unconfirmed
from ..link.connected import ConnectedLock, connect_to
from ..link.radios import SCAN_SECONDS, Radios
from ..registry.registry import Registry, RegistryLock, home
from ..timezones import names, parse_instant, parse_time, zone_rule
from . import output
from .output import WEEKDAYS

EXAMPLE_SECRET = bytes(range(32))


class PolicyName(StrEnum):
    """What a lock accepts offline."""

    standard = "standard"
    strict = "strict"


T = TypeVar("T")

LABEL_MOST = 200
KEY_LABEL_MOST = 16  # bytes: what a lock keeps
NAME_MOST = 64
EVERY_DAY = 0b1111111
WAIT_MOST = 7200  # seconds: a lock is silent asleep for an hour at most

_SUCH_AS = "Write the lock's wall clock to the hour, such as 2026-12-24T15, or add an offset: 2026-12-24T15:00+01:00."


def now() -> int:
    """Return the time of this computer, Unix seconds."""
    return int(time.time())


def examples(*lines: str) -> str:
    """Return the end of a help page; the control character keeps its lines as they are."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


def complete_lock(incomplete: str) -> list[str]:
    """Offer the names of the registry's locks; never makes a registry, and keeps quiet about a broken one."""
    try:
        if not (home() / "registry.sqlite").exists():
            return []
        with Registry.open() as registry:
            return [lock.name for lock in registry.locks() if lock.name.startswith(incomplete)]
    except ToolError:
        return []


def complete_zone(incomplete: str) -> list[str]:
    """Offer the names of the IANA database."""
    return [name for name in names() if name.casefold().startswith(incomplete.casefold())]


Name = Annotated[
    str, typer.Argument(metavar="NAME", help="Name of the lock.", autocompletion=complete_lock, show_default=False)
]
NewName = Annotated[
    str,
    typer.Argument(metavar="NAME", help="What to call the lock.", autocompletion=complete_lock, show_default=False),
]
NewZone = Annotated[
    str | None,
    typer.Option(
        "--timezone",
        metavar="ZONE",
        help="IANA zone or POSIX TZ rule, of a lock that is not in the registry yet.",
        autocompletion=complete_zone,
        show_default="this computer's",
    ),
]
NewPolicy = Annotated[
    PolicyName | None, typer.Option("--policy", help="What it accepts offline.", show_default="standard")
]
NewWeekend = Annotated[
    str | None, typer.Option("--weekend", metavar="DAYS", help="The weekend days.", show_default="sat,sun")
]
KeyLabel = Annotated[str, typer.Option("--label", metavar="TEXT", help="Whose key it is; the lock keeps it.")]
Wait = Annotated[
    float,
    typer.Option(
        "--wait",
        min=1,
        max=WAIT_MOST,
        metavar="SECONDS",
        help="How long to look for the lock; one that sleeps is heard every few minutes.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Start = Annotated[
    str | None,
    typer.Option(metavar="TIME", help="First hour, on the lock's wall clock or with an offset.", show_default="now"),
]
Label = Annotated[str, typer.Option(metavar="TEXT", help="Who or what it is for; kept in the registry only.")]
Digits = Annotated[
    int | None,
    typer.Option(min=6, max=9, metavar="6-9", help="Exactly this length.", show_default="the shortest allowed"),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Past = Annotated[bool, typer.Option("--past", help="Issue it even if it can no longer be used: to check old codes.")]


def hour(text: str | None, zone: Zone, option: str, rounding: str = "down") -> int | None:
    """Read a time to the hour; None stays None. ToolError names the option."""
    if text is None:
        return None
    try:
        return parse_time(text, zone, rounding)
    except ValueError as error:
        raise told(error, _SUCH_AS, f"{option} ") from None


def instant(text: str | None, zone: Zone, option: str) -> int:
    """Read a time to the second; now if there is none."""
    if text is None:
        return now()
    try:
        return parse_instant(text, zone)
    except ValueError as error:
        raise told(error, _SUCH_AS, f"{option} ") from None


def told(error: ValueError, remedy: str, before: str = "") -> ToolError:
    """Make two sentences of an error that says in one what is wrong and, often, what to write instead."""
    text = f"{before}{error}"
    found = re.match(r"(?s)(.*?)(?:; |: |\. )((?:write|did you mean|names are|Give) .*)", text)
    if found:
        what, remedy = found[1], found[2][0].upper() + found[2][1:]
    else:
        what = text
    return ToolError(_sentence(what), _sentence(remedy))


def name_of(text: str) -> str:
    """Check the name of a new lock."""
    name = text.strip()
    if not name or len(name) > NAME_MOST or not name.isprintable():
        raise ToolError(f"A lock's name has 1 to {NAME_MOST} printable characters.", "Choose another name.")
    return name


def joined(text: str) -> str:
    """Return digits without what groups them: spaces, hyphens between them, and the # that ends an entry."""
    grouped = text.strip().removesuffix("#").strip()
    return re.sub("[ -]", "", grouped) if re.fullmatch("[0-9][0-9 -]*[0-9]", grouped) else text


def label_of(text: str) -> str:
    """Check a label."""
    label = text.strip()
    if len(label) > LABEL_MOST or (label and not label.isprintable()):
        raise ToolError(f"A label has up to {LABEL_MOST} printable characters.", "Shorten the --label.")
    return label


def key_label_of(text: str) -> str:
    """Check the label of a key, which the lock keeps."""
    label = text.strip()
    if len(label.encode()) > KEY_LABEL_MOST or (label and not label.isprintable()):
        raise ToolError(
            f"The label of a key has up to {KEY_LABEL_MOST} bytes of printable text.", "Shorten the --label."
        )
    return label


def rule_of(timezone: str) -> str:
    """Return the POSIX rule of a zone that somebody named."""
    try:
        return zone_rule(timezone)
    except ValueError as error:
        raise told(error, "Name an IANA zone such as Europe/Berlin.") from None


def weekend_of(text: str) -> int:
    """Read `sat,sun` as a bit mask, Monday bit 0."""
    mask = days_of(text, "--weekend")
    if mask == EVERY_DAY:
        raise ToolError("--weekend: all seven days leave no working day.", "Name one to six days.")
    return mask


def days_of(text: str, option: str) -> int:
    """Read days and ranges of days, `mon-fri,sun`, as a bit mask, Monday bit 0."""
    mask = 0
    for part in text.casefold().split(","):
        ends = [word.strip() for word in part.split("-")]
        if len(ends) > 2 or not all(word.isalpha() and word[:3] in WEEKDAYS for word in ends):
            raise ToolError(
                f"{option}: '{part.strip()}' is no day.", f"Name days, separated by commas: {','.join(WEEKDAYS)}."
            )
        first, last = (WEEKDAYS.index(word[:3]) for word in (ends[0], ends[-1]))
        for day in range(first, last + 1 if last >= first else last + 8):
            mask |= 1 << day % 7
    return mask


def hours_of(text: str, option: str) -> tuple[int, int]:
    """Read `9-17` as the hours at which a day's window begins and ends; 24 is 0 of the next day."""
    found = re.fullmatch(r"([0-9]{1,2})(?::00)?-([0-9]{1,2})(?::00)?", text.strip())
    if not found or int(found[1]) > 23 or int(found[2]) > 24:
        raise ToolError(f"{option}: '{text}' is no range of hours.", "Write two whole hours, such as 9-17 or 22-6.")
    return int(found[1]), int(found[2]) % 24


def secret_of(text: str) -> bytes:
    """Read a secret of 64 hexadecimal digits; the error repeats nothing of it."""
    if not re.fullmatch(r"[0-9A-Fa-f]{64}", text):
        raise ToolError(
            f"The secret has {len(text)} characters or holds others than 0-9 and a-f.",
            "Give exactly 64 hexadecimal digits (32 bytes), or leave --secret out for a new random one.",
        )
    return bytes.fromhex(text)


def at_lock(
    name: str, work: Callable[[ConnectedLock, output.Progress], Awaitable[T]], wait: float = SCAN_SECONDS
) -> tuple[RegistryLock, T]:
    """Go to a lock of the registry and do something; returns the lock as it is known then, and what came of it. wait:
    seconds until it must have been seen."""
    with Registry.open() as registry, output.Progress() as progress:
        lock = registry.lock(name)

        async def stay() -> T:
            async with Radios() as radios, connect_to(registry, lock, radios, progress, now, wait=wait) as door:
                return await work(door, progress)

        try:
            result = asyncio.run(stay())
        except Unconfirmed as lost:
            if not lost.interrupted:
                raise
            progress.hide()
            output.error(lost)
            raise KeyboardInterrupt from None
        return registry.lock(lock.name), result


def ask(question: str, refused: str, yes: bool, needs: str, option: str = "--yes", then: str = "") -> None:
    """Ask a person who can say no; ToolError with `refused` then, and with `needs` where nobody can be asked.

    option: what says yes beforehand; then: what to do after a no, if not to say yes.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise ToolError(needs, f"Add {option}.")
    # Under asyncio the first Ctrl-C would only be noted, and the question would go on waiting.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        agreed = typer.confirm(question, err=True)
    finally:
        signal.signal(signal.SIGINT, before)
    if not agreed:
        raise ToolError(refused, then or f"Answer y, or add {option}, to do it.")


def _sentence(text: str) -> str:
    return text if text.endswith((".", "?", "!")) else f"{text}."
