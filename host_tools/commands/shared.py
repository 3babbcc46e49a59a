"""What the commands share: their option types, the clock, and the reading of what people type."""

import re
import time
from typing import Annotated

import typer

from firmware.core.zone import Zone

from ..errors import ToolError
from ..registry import Registry, home
from ..show import WEEKDAYS
from ..zones import names, parse_instant, parse_time

LABEL_MOST = 200
NAME_MOST = 64

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


def label_of(text: str) -> str:
    """Check a label."""
    label = text.strip()
    if len(label) > LABEL_MOST or (label and not label.isprintable()):
        raise ToolError(f"A label has up to {LABEL_MOST} printable characters.", "Shorten the --label.")
    return label


def weekend_of(text: str) -> int:
    """Read `sat,sun` as a bit mask, Monday bit 0."""
    mask = 0
    for word in text.casefold().split(","):
        day = word.strip()[:3]
        if day not in WEEKDAYS or not word.strip().isalpha():
            raise ToolError(
                f"--weekend: '{word.strip()}' is no day.", f"Name days, separated by commas: {','.join(WEEKDAYS)}."
            )
        mask |= 1 << WEEKDAYS.index(day)
    if mask == 0b1111111:
        raise ToolError("--weekend: all seven days leave no working day.", "Name one to six days.")
    return mask


def secret_of(text: str) -> bytes:
    """Read a secret of 64 hexadecimal digits; the error repeats nothing of it."""
    if not re.fullmatch(r"[0-9A-Fa-f]{64}", text):
        raise ToolError(
            f"The secret has {len(text)} characters or holds others than 0-9 and a-f.",
            "Give exactly 64 hexadecimal digits (32 bytes), or leave --secret out for a new random one.",
        )
    return bytes.fromhex(text)


def _sentence(text: str) -> str:
    return text if text.endswith((".", "?", "!")) else f"{text}."
