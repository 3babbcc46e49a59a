"""`tumbler code custom|change|delete`: codes of a lock in range."""

import secrets
from dataclasses import dataclass, field
from typing import Annotated

import typer

from tumbler_lock.core.codebook import FEWEST_DIGITS, NEVER, StoredCode
from tumbler_lock.core.passcode import MOST_DIGITS
from tumbler_lock.core.tickets import CUSTOM, kind_name
from tumbler_lock.core.zone import Zone

from ..codes.issue import policy_of
from ..errors import ToolError
from ..link.client import DigitsOrTag
from ..link.connected import ConnectedLock
from ..link.radios import SCAN_SECONDS
from ..link.refusals import Refusal
from ..registry.registry import Registry, RegistryLock
from ..text import command_line
from ..timezones import format_time
from . import output, output_code, output_lock
from .options import (
    Force,
    Json,
    Label,
    Name,
    Wait,
    Yes,
    ask,
    at_lock,
    counting,
    examples,
    hour,
    label_of,
    without_grouping,
)

SHORTEST_RANDOM = 6  # digits of the first random code that is tried
RANDOM_TRIES = 8  # random digits may be weak, or exist already
NO_END = "never"

CodeOrId = Annotated[
    str,
    typer.Argument(metavar="CODE-OR-ID", help="Its digits, or the 8-digit id of lists and logs.", show_default=False),
]
Start = Annotated[
    str | None, typer.Option("--start", metavar="TIME", help="First hour, on the lock's wall clock or with an offset.")
]
End = Annotated[str | None, typer.Option("--end", metavar="TIME", help="When it ends, to the hour; or never.")]


def add_to(app: typer.Typer) -> None:
    """Add the commands to those of `tumbler code`."""
    app.command(
        epilog=examples(
            'tumbler code custom cabin 740193 --label "the cleaners"',
            "tumbler code custom cabin --end 2026-12-27T11",
        )
    )(custom)
    app.command(
        epilog=examples(
            "tumbler code change cabin 740193 --end 2027-01-07T11",
            "tumbler code change cabin 87664d65 --digits 582016",
        )
    )(change)
    app.command(epilog=examples("tumbler code delete cabin 740193", "tumbler code delete cabin 87664d65"))(delete)


def custom(
    name: Name,
    digits: Annotated[
        str | None, typer.Argument(metavar="DIGITS", help="4 to 9 digits.", show_default="random ones")
    ] = None,
    start: Start = None,
    end: End = None,
    label: Label = "",
    force: Force = False,
    wait: Wait = SCAN_SECONDS,
    json: Json = False,
) -> None:
    """Add a code of your choice to a lock in range."""
    note = label_of(label)
    if digits is not None:
        digits = _digits_of(digits, "DIGITS")
    with Registry.open() as registry:
        zone = Zone(registry.lock(name).rule)
    begin, until = hour(start, zone, "--start"), _end(end, zone)

    async def work(door: ConnectedLock, progress: output.Progress) -> tuple[str, bytes]:
        progress(f"Adding a code to {door.lock.name} …")
        if digits is not None:
            return digits, await door.add_code(digits, begin, until, note, force=force)
        return await _add_random(door, begin, until, note)

    lock, (chosen, tag) = at_lock(name, work, wait)
    _print(_data(lock, chosen, CUSTOM, begin, until, tag, note), as_json=json)


async def _add_random(door: ConnectedLock, start: int | None, end: int | None, label: str) -> tuple[str, bytes]:
    """Add random digits, one more each time that the lock refuses them. Digits whose reply was lost come first."""
    until = NEVER if end is None else end
    for asked in door.cache.asked():
        if (asked.label, asked.start, asked.end, asked.random) == (label, start or 0, until, True):
            return asked.digits, await door.add_code(asked.digits, start, end, label, random=True)
    length = max(SHORTEST_RANDOM, policy_of(door.lock).fewest_digits)
    for left in range(RANDOM_TRIES - 1, -1, -1):
        digits = f"{secrets.randbelow(10**length):0{length}}"
        try:
            return digits, await door.add_code(digits, start, end, label, random=True)
        except Refusal as refusal:
            if refusal.word not in ("weak-digits", "code-exists") or not left:
                raise
            length = min(MOST_DIGITS, length + 1)
    raise ToolError("The lock accepted none of the random digits.", "Name digits of your own.")


def change(
    name: Name,
    code: CodeOrId,
    start: Start = None,
    end: End = None,
    digits: Annotated[str | None, typer.Option("--digits", metavar="NEW", help="New digits, 4 to 9.")] = None,
    label: Annotated[
        str | None, typer.Option("--label", metavar="TEXT", help="For new digits.", show_default="as before")
    ] = None,
    force: Force = False,
    wait: Wait = SCAN_SECONDS,
    json: Json = False,
) -> None:
    """Give a code new times or new digits, issued or custom.

    What is not named stays. A code can be changed before its first use, too.
    """
    if digits is not None:
        digits = _digits_of(digits, "--digits")
    elif label is not None:
        raise ToolError("--label: a label is for new digits.", "Add --digits, or leave --label out.")
    with Registry.open() as registry:
        lock = registry.lock(name)
        zone = Zone(lock.rule)
        named = find(registry, lock, code)
    begin, until = hour(start, zone, "--start"), NEVER if end == NO_END else hour(end, zone, "--end", "up")
    note = named.label if label is None else label_of(label)

    async def work(door: ConnectedLock, progress: output.Progress) -> tuple[bytes, StoredCode | None]:
        target = await _target(door, named, progress)
        progress(f"Changing a code of {door.lock.name} …")
        tag = await door.change_code(target, begin, until, digits, note, force=force)
        if door.known(tag) is None:  # its times are the lock's
            await door.fetch_codes(counting(progress, f"Reading the codes of {door.lock.name}"))
        return tag, door.known(tag)

    lock, (tag, record) = at_lock(name, work, wait)
    kind = None
    if record is not None:
        kind, begin, until = record.kind, record.start or None, record.end
    last = None if until == NEVER else until
    _print(_data(lock, digits or named.digits, kind, begin, last, tag, note), as_json=json)


def delete(name: Name, code: CodeOrId, yes: Yes = False, wait: Wait = SCAN_SECONDS, json: Json = False) -> None:
    """Delete a code, issued or custom, used or not.

    Its digits open nothing from then on.
    """
    with Registry.open() as registry:
        lock = registry.lock(name)
        named = find(registry, lock, code)
    which = f"'{named.label}' " if named.label else ""
    ask(
        f"Delete the code {which}of '{lock.name}'?",
        "Nothing was deleted.",
        f"Deleting a code of '{lock.name}' needs a confirmation.",
        yes=yes,
    )

    async def work(door: ConnectedLock, progress: output.Progress) -> bytes:
        target = await _target(door, named, progress)
        progress(f"Deleting a code of {door.lock.name} …")
        return await door.delete_code(target)

    lock, tag = at_lock(name, work, wait)
    if json:
        output.emit({"lock": lock.name, "id": tag[:4].hex(), "label": named.label})
    else:
        output.say(f"Deleted the code {tag[:4].hex()} of {lock.name}.")


@dataclass(frozen=True)
class NamedCode:
    """A code as the command line names it. digits, tag: if known here; short_id: to find it in the lock's list."""

    digits: str | None = field(default=None, repr=False)
    tag: bytes | None = None
    short_id: str = ""
    label: str = ""


def find(registry: Registry, lock: RegistryLock, text: str) -> NamedCode:
    """Return the code that digits or an id name; ToolError if the text is neither."""
    text = without_grouping(text)
    cache = registry.cache(lock)
    issued = output_lock.issued_codes(lock, [row for row in registry.codes(lock) if row.epoch == lock.epoch])
    chosen = cache.chosen()
    labels = {code.digits: code.row.label for code in issued} | {one.digits: one.label for one in chosen}
    short_id = text.casefold()
    if text not in labels:
        for code in issued:
            if code.short_id == short_id:
                return NamedCode(code.digits, short_id=short_id, label=code.row.label)
        for one in chosen:
            if one.tag[:4].hex() == short_id:
                return NamedCode(one.digits, one.tag, short_id, one.label)
        for known in cache.known():
            if known.record.short_id == short_id:
                return NamedCode(tag=known.record.tag, short_id=short_id)
    if _are_digits(text):
        return NamedCode(text, label=labels.get(text, ""))
    if len(short_id) == 8 and all(c in "0123456789abcdef" for c in short_id):
        return NamedCode(short_id=short_id)
    raise ToolError(
        "CODE-OR-ID: this is neither digits of a code nor an id.",
        f"Give 4 to 9 digits, or the 8-digit id: {command_line('code list', lock.name)}",
    )


async def _target(door: ConnectedLock, named: NamedCode, progress: output.Progress) -> DigitsOrTag:
    """Return how a request names the code. If only its id is known, the lock's list is fetched."""
    if named.digits is not None:
        return named.digits
    if named.tag is None:
        found = await door.fetch_codes(counting(progress, f"Reading the codes of {door.lock.name}"))
        for record in found:
            if record.short_id == named.short_id:
                return record.tag
        raise ToolError(
            f"The lock knows no code {named.short_id}.",
            f"See its codes: {command_line('code list --fetch', door.lock.name)}",
        )
    return named.tag


def _data(
    lock: RegistryLock, digits: str | None, kind: int | None, start: int | None, end: int | None, tag: bytes, label: str
) -> output.Data:
    """Return a code that the lock has stored, for JSON."""
    zone = Zone(lock.rule)
    return {
        "digits": digits,
        "kind": None if kind is None else kind_name(kind),
        "start": None if start is None else format_time(start, zone),
        "end": None if end is None else format_time(end, zone),
        "lock": lock.name,
        "id": tag[:4].hex(),
        "label": label,
    }


def _print(data: output.Data, *, as_json: bool) -> None:
    if as_json:
        output.emit(data)
    else:
        output_code.stored(data)


def _end(text: str | None, zone: Zone) -> int | None:
    return None if text == NO_END else hour(text, zone, "--end", "up")


def _are_digits(text: str) -> bool:
    return FEWEST_DIGITS <= len(text) <= MOST_DIGITS and text.isascii() and text.isdigit()


def _digits_of(text: str, field: str) -> str:
    digits = without_grouping(text)
    if not _are_digits(digits):
        raise ToolError(
            f"{field}: a code has {FEWEST_DIGITS} to {MOST_DIGITS} digits and nothing else.", "Choose other digits."
        )
    return digits
