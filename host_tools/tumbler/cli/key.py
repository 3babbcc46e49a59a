"""`tumbler key`: who may manage a lock over the link."""

import secrets
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from tumbler_lock.core.codebook import NEVER
from tumbler_lock.core.keys import OPENER, PSK_SIZE, ROLE_NAMES
from tumbler_lock.core.zone import Zone

from ..answers import KeyEntry
from ..errors import ToolError
from ..link.client import ANY_SLOT
from ..link.connected import ConnectedLock
from ..link.radios import SCAN_SECONDS
from ..link.refusals import Refusal
from ..registry import key_file
from ..registry.key_file import KeyFile
from ..registry.registry import Registry, home
from . import output, output_lock
from .options import (
    Json,
    Name,
    Wait,
    Yes,
    ask,
    at_lock,
    days_of,
    examples,
    hours_of,
    instant,
    key_label_of,
    name_of,
    now,
)

app = typer.Typer(no_args_is_help=True)

HERE = "-"  # as a file: standard output
ROLES = {name: role for role, name in ROLE_NAMES.items()}


class Role(StrEnum):
    """What a key may do."""

    owner = "owner"
    manager = "manager"
    opener = "opener"
    relay = "relay"


@app.command(
    epilog=examples(
        "tumbler key add cabin --role manager --label Ann --export ann.key",
        "tumbler key add shop --role opener --label Bo --days mon-fri --hours 8-18 --export bo.key",
    )
)
def add(
    name: Name,
    role: Annotated[
        Role,
        typer.Option(
            help="owner: everything; manager: codes, log, time, open; opener: open; relay: nothing but its way.",
            show_default=False,
        ),
    ],
    label: Annotated[str, typer.Option(metavar="TEXT", help="Whose it is; the lock keeps it.", show_default=False)],
    export: Annotated[
        Path,
        typer.Option(
            metavar="FILE",
            help="Where to put the key, for the person who shall use it; - prints it.",
            show_default=False,
            allow_dash=True,
        ),
    ],
    days: Annotated[str | None, typer.Option(metavar="DAYS", help="An opener's days, such as mon-fri.")] = None,
    hours: Annotated[str | None, typer.Option(metavar="H-H", help="An opener's hours, such as 8-18.")] = None,
    start: Annotated[str | None, typer.Option(metavar="TIME", help="An opener's first moment.")] = None,
    end: Annotated[str | None, typer.Option(metavar="TIME", help="An opener's last moment.")] = None,
    wait: Wait = SCAN_SECONDS,
    json: Json = False,
) -> None:
    """Add a key for somebody else, and put it into a file for that person: tumbler key import FILE"""
    note = key_label_of(label)
    with Registry.open() as registry:
        lock = registry.lock(name)
    entry = _entry(ROLES[role.value], note, days, hours, start, end, Zone(lock.rule))
    psk = secrets.token_bytes(PSK_SIZE)
    # The key is on the disk before the lock has it: a lost answer must not leave a key that nobody holds.
    draft = KeyFile.of(lock, entry, psk)
    if str(export) != HERE:
        key_file.create(export, draft)

    sent = False

    async def work(door: ConnectedLock, progress: output.Progress) -> int:
        nonlocal sent
        progress(f"Adding a key to {door.lock.name} …")
        sent = True
        return await door.add_key(entry, psk)

    try:
        lock, slot = at_lock(name, work, wait)
    except ToolError as error:
        if not sent or (isinstance(error, Refusal) and not error.again):
            _drop(export)
            raise
        kept = "" if str(export) == HERE else f" {export} holds it, if so."
        raise ToolError(
            f"{error.what} An answer was lost, so whether the lock has the new key is not known.{kept}",
            f"See its keys when it is in range: tumbler key list '{lock.name}'",
        ) from error
    key = KeyFile.of(lock, entry, psk, slot)
    if str(export) == HERE:
        try:
            print(key.text(), end="", flush=True)
        except OSError:  # the lock has the key, and nobody else would
            saved = home() / f"{lock.lock_id.hex()}-{slot}.key"
            key_file.create(saved, key)
            output.warn(f"The key could not be printed: it is in {saved}. Give it to the person, and keep no copy.")
            raise
        return
    key_file.complete(export, key)
    if json:
        output.emit({**output_lock.key_data(lock, replace(entry, slot=slot), here=False), "file": str(export)})
        return
    output.say(f"{note or role.value} has key {slot} of {lock.name}. Give the person {export}, and keep no copy.")


def _drop(export: Path) -> None:
    if str(export) != HERE:
        export.unlink(missing_ok=True)


def _entry(
    role: int, label: str, days: str | None, hours: str | None, start: str | None, end: str | None, zone: Zone
) -> KeyEntry:
    """Make a key of the options; ToolError for times that a role cannot have."""
    if role != OPENER and (days, hours, start, end) != (None, None, None, None):
        raise ToolError(
            f"A key of the role {ROLE_NAMES[role]} has no days, hours, start or end.",
            "Leave them out, or add an opener.",
        )
    mask = days_of(days or "mon-sun", "--days") if days or hours else 0
    begin, until = hours_of(hours, "--hours") if hours else (0, 0)
    first = instant(start, zone, "--start") if start else 0
    last = instant(end, zone, "--end") if end else NEVER
    if last <= first:
        raise ToolError("The end is not after the start.", "Choose an --end after the --start.")
    return KeyEntry(ANY_SLOT, role, label, mask, begin, until, first, last)


@app.command("list")
def list_(name: Name, wait: Wait = SCAN_SECONDS, json: Json = False) -> None:
    """Ask a lock which keys it has."""

    async def work(door: ConnectedLock, progress: output.Progress) -> list[output.Data]:
        progress(f"Reading the keys of {door.lock.name} …")
        keys = await door.fetch_keys()
        here = {key.slot for key in door.cache.usable_keys()}
        return [output_lock.key_data(door.lock, key, key.slot in here) for key in keys]

    _, data = at_lock(name, work, wait)
    if json:
        output.emit(data)
        return
    columns = ("slot", "role", "label", "days", "from", "until", "start", "end", "here")
    output.table(columns, [[key[column] for column in columns] for key in data], "No keys.", strong=2)


@app.command(epilog=examples("tumbler key remove cabin 3", "tumbler key remove cabin Ann"))
def remove(
    name: Name,
    which: Annotated[str, typer.Argument(metavar="SLOT-OR-LABEL", help="As in the list.", show_default=False)],
    yes: Yes = False,
    wait: Wait = SCAN_SECONDS,
    json: Json = False,
) -> None:
    """Remove a key from a lock; whoever is connected with it is thrown out."""
    with Registry.open() as registry:
        lock = registry.lock(name)
    ask(
        f"Remove the key '{which}' of '{lock.name}'?",
        "Nothing was removed.",
        yes,
        f"Removing a key of '{lock.name}' needs a confirmation.",
    )

    async def work(door: ConnectedLock, progress: output.Progress) -> KeyEntry:
        keys = await door.fetch_keys()
        found = [key for key in keys if str(key.slot) == which or key.label.casefold() == which.casefold()]
        if len(found) != 1:
            what = "no key" if not found else f"{len(found)} keys"
            raise ToolError(
                f"'{door.lock.name}' has {what} '{which}'.", f"Name a slot: tumbler key list '{door.lock.name}'"
            )
        progress(f"Removing a key of {door.lock.name} …")
        await door.client.remove_key(found[0].slot)
        door.cache.forget_key(found[0].slot)
        return found[0]

    lock, key = at_lock(name, work, wait)
    if json:
        output.emit({"lock": lock.name, "removed": key.slot, "label": key.label})
    else:
        output.say(f"Removed key {key.slot}{f' ({key.label})' if key.label else ''} of {lock.name}.")


@app.command("import", epilog=examples("tumbler key import ann.key", "tumbler key import ann.key cabin"))
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A key file.", show_default=False)],
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="What to call the lock here.", show_default="as in the file")
    ] = None,
    json: Json = False,
) -> None:
    """Take a key that the owner of a lock gave you. The file can be deleted once the key has worked."""
    key = key_file.load(file)
    with Registry.open() as registry:
        known = registry.lock_of(key.lock_id)
        if known is None:
            if name is None and registry.find(key.lock) is not None:
                raise ToolError(
                    f"Another lock is called '{key.lock}' here.",
                    f"Give this one a name of its own: tumbler key import '{file}' NAME",
                )
            known = registry.add(
                name_of(name or key.lock), key.timezone, key.rule, key.weekend, key.policy, None, now(), key.lock_id
            )
        elif name is not None and name.casefold() != known.name.casefold():
            raise ToolError(f"This lock is in the registry as '{known.name}'.", "Leave the name out.")
        # Anybody can write a file: nothing that is held goes, and what is in the file counts when it has worked.
        registry.cache(known).hold_pending(key.role, key.label, key.psk, now(), key.slot, limits=key.limits)
    role = ROLE_NAMES[key.role]
    if json:
        output.emit({"name": known.name, "lock_id": known.lock_id.hex(), "slot": key.slot, "role": role})
    else:
        output.say(f"The file has a key of the role {role} for {known.name}. Try it: tumbler lock status {known.name}")
