"""`tumbler code custom|change|delete`: codes that are told to a lock in range."""

import secrets
from dataclasses import dataclass, field
from typing import Annotated

import typer

from tumbler_lock.core.codebook import NEVER, Code
from tumbler_lock.core.zone import Zone

from ..codes.issue import policy_of
from ..errors import ToolError
from ..link.connected import ConnectedLock
from ..link.radios import SCAN_SECONDS
from ..link.refusals import Refusal
from ..registry.registry import Registry, RegistryLock
from ..timezones import format_time
from . import output, output_lock
from .options import Json, Label, Name, Wait, Yes, ask, at_lock, examples, hour, joined, label_of

SHORTEST_RANDOM = 6  # digits of a random code, to begin with
LONGEST = 9
TRIES = 8  # random digits may be weak, or taken
NO_END = "never"

Insist = Annotated[bool, typer.Option("--insist", help="Even if the digits are guessed first, or too few.")]
CodeOrId = Annotated[
    str,
    typer.Argument(metavar="CODE-OR-ID", help="Its digits, or the 8-digit id of lists and logs.", show_default=False),
]
Start = Annotated[str | None, typer.Option(metavar="TIME", help="First hour; wall clock or with an offset.")]
End = Annotated[str | None, typer.Option(metavar="TIME", help="When it ends, to the hour; or never.")]


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
        str | None, typer.Argument(metavar="[DIGITS]", help="4 to 9 digits.", show_default="random ones")
    ] = None,
    start: Start = None,
    end: End = None,
    label: Label = "",
    insist: Insist = False,
    wait: Wait = SCAN_SECONDS,
    json: Json = False,
) -> None:
    """Tell a lock a code of your choice, good at once."""
    note = label_of(label)
    if digits is not None:
        digits = _check(digits)
    with Registry.open() as registry:
        zone = Zone(registry.lock(name).rule)
    begin, until = hour(start, zone, "--start"), _end(end, zone)

    async def work(door: ConnectedLock, progress: output.Progress) -> tuple[str, bytes]:
        progress(f"Adding a code to {door.lock.name} …")
        if digits is not None:
            return digits, await door.add_code(digits, begin, until, note, insist)
        return await _random(door, begin, until, note)

    lock, (chosen, tag) = at_lock(name, work, wait)
    _print(lock, chosen, tag, begin, until, note, json, "custom")


async def _random(door: ConnectedLock, start: int | None, end: int | None, label: str) -> tuple[str, bytes]:
    """Add random digits, more of them when the lock finds them too few; those of a lost answer first."""
    until = NEVER if end is None else end
    for asked in door.cache.asked():
        if (asked.label, asked.start, asked.end, asked.random) == (label, start or 0, until, True):
            return asked.digits, await door.add_code(asked.digits, start, end, label, insist=False, random=True)
    length = max(SHORTEST_RANDOM, policy_of(door.lock).fewest_digits)
    for left in range(TRIES - 1, -1, -1):
        digits = f"{secrets.randbelow(10**length):0{length}}"
        try:
            return digits, await door.add_code(digits, start, end, label, insist=False, random=True)
        except Refusal as refusal:
            if refusal.word not in ("weak-digits", "code-exists") or not left:
                raise
            length = min(LONGEST, length + 1)
    raise ToolError("The lock took none of the random digits.", "Name digits of your own.")


def change(
    name: Name,
    code: CodeOrId,
    start: Start = None,
    end: End = None,
    digits: Annotated[str | None, typer.Option(metavar="NEW", help="New digits, 4 to 9.")] = None,
    label: Annotated[str | None, typer.Option(metavar="TEXT", help="For new digits.", show_default="as before")] = None,
    insist: Insist = False,
    wait: Wait = SCAN_SECONDS,
    json: Json = False,
) -> None:
    """Give a code new times or new digits, used or not, issued or custom. What is not named stays."""
    if digits is not None:
        digits = _check(digits)
    elif label is not None:
        raise ToolError("A --label is for new digits.", "Add --digits, or leave --label out.")
    with Registry.open() as registry:
        lock = registry.lock(name)
        zone = Zone(lock.rule)
        named = find(registry, lock, code)
    begin, until = hour(start, zone, "--start"), NEVER if end == NO_END else hour(end, zone, "--end", "up")
    note = named.label if label is None else label_of(label)

    async def work(door: ConnectedLock, progress: output.Progress) -> tuple[bytes, Code | None]:
        target = await _target(door, named, progress)
        progress(f"Changing a code of {door.lock.name} …")
        tag = await door.change_code(target, begin, until, digits, note, insist)
        if door.known(tag) is None:  # its times are the lock's
            await door.fetch_codes(lambda count: progress(f"Reading the codes of {door.lock.name} … {count}"))
        return tag, door.known(tag)

    lock, (tag, record) = at_lock(name, work, wait)
    if record is not None:
        begin, until = record.start or None, record.end
    _print(lock, digits or named.digits, tag, begin, None if until == NEVER else until, note, json, "changed")


def delete(name: Name, code: CodeOrId, yes: Yes = False, wait: Wait = SCAN_SECONDS, json: Json = False) -> None:
    """Delete a code, used or not, issued or custom: its digits open nothing from now on."""
    with Registry.open() as registry:
        lock = registry.lock(name)
        named = find(registry, lock, code)
    which = f"'{named.label}' " if named.label else ""
    ask(
        f"Delete the code {which}of '{lock.name}'?",
        "Nothing was deleted.",
        yes,
        f"Deleting a code of '{lock.name}' needs a confirmation.",
    )

    async def work(door: ConnectedLock, progress: output.Progress) -> bytes:
        target = await _target(door, named, progress)
        progress(f"Deleting a code of {door.lock.name} …")
        return await door.delete_code(target)

    lock, tag = at_lock(name, work, wait)
    if json:
        output.emit({"lock": lock.name, "deleted": tag[:4].hex(), "label": named.label})
    else:
        output.say(f"Deleted the code {tag[:4].hex()} of {lock.name}.")


@dataclass(frozen=True)
class Named:
    """A code that somebody named. digits or tag: what is known of it here; short_id: to look for in the lock's list."""

    digits: str | None = field(default=None, repr=False)
    tag: bytes | None = None
    short_id: str = ""
    label: str = ""


def find(registry: Registry, lock: RegistryLock, text: str) -> Named:
    """Read digits, or the id of a code issued here or known to the lock."""
    text = joined(text)
    cache = registry.cache(lock)
    issued = output_lock.issued_codes(lock, [row for row in registry.codes(lock) if row.epoch == lock.epoch])
    chosen = cache.chosen()
    labels = {code.digits: code.row.label for code in issued} | {one.digits: one.label for one in chosen}
    short_id = text.casefold()
    if text not in labels:
        for code in issued:
            if code.short_id == short_id:
                return Named(code.digits, short_id=short_id, label=code.row.label)
        for one in chosen:
            if one.tag[:4].hex() == short_id:
                return Named(one.digits, one.tag, short_id, one.label)
        for known in cache.known():
            if known.record.short_id == short_id:
                return Named(tag=known.record.tag, short_id=short_id)
    if _is_digits(text):
        return Named(text, label=labels.get(text, ""))
    if len(short_id) == 8 and all(c in "0123456789abcdef" for c in short_id):
        return Named(short_id=short_id)
    raise ToolError(
        "This is neither a code nor an id.", "Give 4 to 9 digits, or the 8-digit id: tumbler code list --help"
    )


async def _target(door: ConnectedLock, named: Named, progress: output.Progress) -> str | bytes:
    """Return how to name the code to the lock, which is asked for its list when nothing else is known than an id."""
    if named.digits is not None:
        return named.digits
    if named.tag is None:
        found = await door.fetch_codes(lambda count: progress(f"Reading the codes of {door.lock.name} … {count}"))
        for record in found:
            if record.short_id == named.short_id:
                return record.tag
        raise ToolError(f"The lock knows no code {named.short_id}.", "See its codes: tumbler code list --fetch")
    return named.tag


def _print(
    lock: RegistryLock,
    digits: str | None,
    tag: bytes,
    start: int | None,
    end: int | None,
    label: str,
    json: bool,
    what: str,
) -> None:
    """Print a code that a lock took: the digits first."""
    zone = Zone(lock.rule)
    data = {
        "digits": digits,
        "kind": what,
        "start": None if start is None else format_time(start, zone),
        "end": None if end is None else format_time(end, zone),
        "lock": lock.name,
        "id": tag[:4].hex(),
        "label": label,
    }
    if json:
        output.emit(data)
        return
    output.told_code(data)


def _end(text: str | None, zone: Zone) -> int | None:
    return None if text == NO_END else hour(text, zone, "--end", "up")


def _is_digits(text: str) -> bool:
    return 4 <= len(text) <= LONGEST and text.isascii() and text.isdigit()


def _check(text: str) -> str:
    digits = joined(text)
    if not _is_digits(digits):
        raise ToolError("A code has 4 to 9 digits and nothing else.", "Choose 4 to 9 digits.")
    return digits
