"""What the commands share: their option types, the clock, and the reading of what people type."""

import asyncio
import dataclasses
import functools
import inspect
import re
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any, TypeVar, get_type_hints

import typer

from tumbler_lock.core.keys import LABEL_MAX
from tumbler_lock.core.zone import Zone

from ..errors import ToolError
from ..link.client import Unconfirmed
from ..link.connected import ConnectedLock, connect_to
from ..link.radios import SCAN_SECONDS, Radios
from ..registry.database import home
from ..registry.registry import Registry, RegistryLock
from ..registry.schema import POLICIES
from ..text import printable
from ..timezones import WrongText, names, parse_instant, parse_time, zone_rule
from . import output
from .output import WEEKDAYS
from .usage import WrongValue

T = TypeVar("T")

LABEL_MOST = 200
LOCK_NAME_MOST = 64
EVERY_DAY = 0b1111111
WAIT_MOST = 7200  # seconds: a lock is silent asleep for an hour at most
SEQ_MOST = 0xFFFFFFFF  # the largest number that an event of a log can have

_HOURS = "Write the lock's wall clock to the hour, such as 2026-12-24T15, or add an offset: 2026-12-24T15:00+01:00."
_ZONE = "Name an IANA zone such as Europe/Berlin."


def now() -> int:
    """Return the time of this computer, Unix seconds."""
    return int(time.time())


def examples(*lines: str) -> str:
    """Return the end of a help page; the control character keeps its lines as they are."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


# Readers of option values. What a reader returns may be read again: a default value is.


def number(least: int, most: int) -> Callable[[Any], int]:
    """Return a reader of whole numbers from least to most."""

    def read(value: Any) -> int:
        text = str(value).strip()
        if not re.fullmatch("[0-9]{1,10}", text) or not least <= int(text) <= most:
            raise WrongValue(f"takes a whole number from {least} to {most}")
        return int(text)

    return read


def seconds(least: int, most: int) -> Callable[[Any], float]:
    """Return a reader of seconds from least to most, with a fraction or without."""

    def read(value: Any) -> float:
        text = str(value).strip()
        if not re.fullmatch(r"[0-9]{1,6}(\.[0-9]{0,6})?", text) or not least <= float(text) <= most:
            raise WrongValue(f"takes a number of seconds from {least} to {most}")
        return float(text)

    return read


def one_of(words: Iterable[str]) -> Callable[[Any], str]:
    """Return a reader of one of these words."""
    known = list(words)

    def read(value: Any) -> str:
        if value not in known:
            raise WrongValue(f"takes {', '.join(known[:-1])} or {known[-1]}")
        return str(value)

    return read


def offer(words: Iterable[str]) -> Callable[[str], list[str]]:
    """Return what completes one of these words."""
    known = list(words)
    return lambda incomplete: [word for word in known if word.startswith(incomplete)]


def complete_lock(incomplete: str) -> list[str]:
    """Offer the names of the registry's locks; never makes a registry, and is silent about a broken one."""
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


# What every option that names a policy has.
POLICY: dict[str, Any] = {
    "metavar": "|".join(POLICIES),
    "parser": one_of(POLICIES),
    "autocompletion": offer(POLICIES),
}

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
Policy = Annotated[
    str,
    typer.Option("--policy", help="strict: 9 digits only, no variants, timed codes of 7 days at most.", **POLICY),
]
NewPolicy = Annotated[
    str | None, typer.Option("--policy", help="What it accepts offline.", show_default="standard", **POLICY)
]
NewWeekend = Annotated[
    str | None, typer.Option("--weekend", metavar="DAYS", help="The weekend days.", show_default="sat,sun")
]
KeyLabel = Annotated[str, typer.Option("--label", metavar="TEXT", help="Label of your key; the lock stores it.")]
Wait = Annotated[
    float,
    typer.Option(
        "--wait",
        parser=seconds(1, WAIT_MOST),
        metavar="SECONDS",
        help="How long to look for the lock; one that sleeps is heard every few minutes.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Label = Annotated[
    str, typer.Option("--label", metavar="TEXT", help="Who or what it is for; stored in the registry only.")
]
Force = Annotated[bool, typer.Option("--force", help="Even if the digits are easy to guess, or too few.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


def spread(function: Callable[..., None]) -> Callable[..., None]:
    """Return a command whose options are those of the function and, for each parameter that is a dataclass, its fields.

    So options that several commands share are stated once. A field is annotated as an option is, and has its default.
    """
    signature = inspect.signature(function)
    groups = {name: one.annotation for name, one in signature.parameters.items() if _is_group(one.annotation)}
    parameters = []
    for name, one in signature.parameters.items():
        parameters += _fields_of(groups[name]) if name in groups else [one.replace(kind=inspect.Parameter.KEYWORD_ONLY)]

    @functools.wraps(function)
    def command(**values: Any) -> None:
        for name, group in groups.items():
            values[name] = group(**{one.name: values.pop(one.name) for one in dataclasses.fields(group)})
        function(**values)

    command.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    return command


def _is_group(annotation: object) -> bool:
    return isinstance(annotation, type) and dataclasses.is_dataclass(annotation)


def _fields_of(group: type) -> list[inspect.Parameter]:
    hints = get_type_hints(group, include_extras=True)
    missing = dataclasses.MISSING
    return [
        inspect.Parameter(
            one.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if one.default is missing else one.default,
            annotation=hints[one.name],
        )
        for one in dataclasses.fields(group)
    ]


# Readers of texts that need more than the text, such as the lock's zone. ToolError names the option.


def hour(text: str | None, zone: Zone, option: str, rounding: str = "down") -> int | None:
    """Return the Unix time of a text that names an hour; None for None."""
    if text is None:
        return None
    try:
        return parse_time(text, zone, rounding)
    except ValueError as error:
        raise as_tool_error(error, _HOURS, option) from None


def instant(text: str | None, zone: Zone, option: str) -> int:
    """Return the Unix time of a text to the second; for None that of now."""
    if text is None:
        return now()
    try:
        return parse_instant(text, zone)
    except ValueError as error:
        raise as_tool_error(error, _HOURS, option) from None


def as_tool_error(error: ValueError, remedy: str, field: str) -> ToolError:
    """Return an error about a text that was typed. remedy: what to do if the error does not say; field: its option."""
    if isinstance(error, WrongText):
        return ToolError(f"{field}: {error.what}", error.remedy)
    return ToolError(f"{field}: {error}.", remedy)


def name_of(text: str, field: str = "NAME") -> str:
    """Return the name of a new lock; ToolError if it cannot be one."""
    name = text.strip()
    if not name or len(name) > LOCK_NAME_MOST or not name.isprintable():
        raise ToolError(
            f"{field}: a lock's name has 1 to {LOCK_NAME_MOST} printable characters.", "Choose another name."
        )
    return name


def without_grouping(text: str) -> str:
    """Return digits without the spaces and hyphens between them, and without the # that ends an entry."""
    grouped = text.strip().removesuffix("#").strip()
    return re.sub("[ -]", "", grouped) if re.fullmatch("[0-9][0-9 -]*[0-9]", grouped) else text


def label_of(text: str) -> str:
    """Return the label of a code; ToolError if it cannot be one."""
    label = text.strip()
    if len(label) > LABEL_MOST or not label.isprintable():
        raise ToolError(f"--label: a label has up to {LABEL_MOST} printable characters.", "Choose another label.")
    return label


def key_label_of(text: str) -> str:
    """Return the label of a key, which the lock stores; ToolError if it cannot be one."""
    label = text.strip()
    if not label.isprintable() or len(label.encode()) > LABEL_MAX:
        raise ToolError(
            f"--label: the label of a key has up to {LABEL_MAX} bytes of printable text.", "Choose another label."
        )
    return label


def rule_of(timezone: str, field: str = "--timezone") -> str:
    """Return the POSIX rule of a zone; ToolError if there is no such zone."""
    try:
        return zone_rule(timezone)
    except ValueError as error:
        raise as_tool_error(error, _ZONE, field) from None


def weekend_of(text: str, field: str = "--weekend") -> int:
    """Return `sat,sun` as a bit mask, Monday bit 0; ToolError if a week of it has no working day."""
    mask = days_of(text, field)
    if mask == EVERY_DAY:
        raise ToolError(f"{field}: all seven days leave no working day.", "Name one to six days.")
    return mask


def days_of(text: str, field: str) -> int:
    """Return days and ranges of days, `mon-fri,sun`, as a bit mask, Monday bit 0."""
    mask = 0
    for part in text.casefold().split(","):
        ends = [word.strip() for word in part.split("-")]
        if len(ends) > 2 or not all(word.isalpha() and word[:3] in WEEKDAYS for word in ends):
            raise ToolError(
                f"{field}: '{printable(part.strip())}' is not a day.",
                f"Name days, separated by commas: {','.join(WEEKDAYS)}.",
            )
        first, last = (WEEKDAYS.index(word[:3]) for word in (ends[0], ends[-1]))
        for day in range(first, last + 1 if last >= first else last + 8):
            mask |= 1 << day % 7
    return mask


def hours_of(text: str, field: str) -> tuple[int, int]:
    """Return `9-17` as the hours at which a day's window begins and ends; 24 is 0 of the next day."""
    found = re.fullmatch(r"([0-9]{1,2})(?::00)?-([0-9]{1,2})(?::00)?", text.strip())
    if not found or int(found[1]) > 23 or int(found[2]) > 24:
        raise ToolError(
            f"{field}: '{printable(text)}' is not a range of hours.", "Write two whole hours, such as 9-17 or 22-6."
        )
    return int(found[1]), int(found[2]) % 24


def secret_of(text: str) -> bytes:
    """Return a secret of 64 hexadecimal digits; the error repeats nothing of it."""
    if not re.fullmatch(r"[0-9A-Fa-f]{64}", text):
        raise ToolError(
            f"--secret: it has {len(text)} characters, or holds others than 0-9 and a-f.",
            "Give exactly 64 hexadecimal digits (32 bytes), or leave --secret out for a new random one.",
        )
    return bytes.fromhex(text)


# At a lock


def at_lock(
    name: str, work: Callable[[ConnectedLock, output.Progress], Awaitable[T]], wait: float = SCAN_SECONDS
) -> tuple[RegistryLock, T]:
    """Connect to a lock of the registry and do the work; return the lock as the registry has it then, and the result.

    wait: seconds in which the lock must be seen.
    """
    with Registry.open() as registry, output.Progress() as progress:
        lock = registry.lock(name)

        async def connected() -> T:
            async with Radios() as radios, connect_to(registry, lock, radios, progress, now, wait=wait) as door:
                return await work(door, progress)

        try:
            result = asyncio.run(connected())
        except Unconfirmed as lost:
            if not lost.interrupted:
                raise
            progress.hide()
            output.error(lost)
            raise KeyboardInterrupt from None
        return registry.lock(lock.name), result


def counting(progress: output.Progress, text: str) -> Callable[[int], None]:
    """Return what shows a text with a count behind it."""
    return lambda count: progress(f"{text} … {count}")


def ask(question: str, refused: str, needs: str, *, yes: bool, option: str = "--yes", then: str = "") -> None:
    """Ask a person who can say no; ToolError with `refused` then, or with `needs` if no person can be asked.

    yes: it was said before, with the option; then: what to do after a no, if not to say yes.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise ToolError(needs, f"Add {option}.")
    with _interruptible():
        agreed = output.confirm(question)
    if not agreed:
        raise ToolError(refused, then or f"Answer y, or add {option}, to do it.")


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let Ctrl-C end a question: under asyncio the first one would only be noted, and the question would remain."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
