"""`tumbler key`: the keys that may manage a lock over the link."""

import secrets
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import typer

from tumbler_lock.core.codebook import NEVER
from tumbler_lock.core.kdf import PSK_SIZE
from tumbler_lock.core.keys import OPENER, ROLE_NAMES
from tumbler_lock.core.zone import Zone

from ..answers import KeyEntry
from ..errors import ToolError
from ..link.client import ANY_SLOT
from ..link.connected import ConnectedLock
from ..link.radios import SCAN_SECONDS
from ..link.refusals import Refusal
from ..registry import key_file
from ..registry.database import home
from ..registry.key_file import ROLES, KeyFile
from ..registry.registry import Registry, RegistryLock
from ..text import command_line
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
    offer,
    one_of,
    spread,
)

app = typer.Typer(no_args_is_help=True)

STANDARD_OUTPUT = Path("-")

Role = Annotated[
    str,
    typer.Option(
        "--role",
        parser=one_of(ROLES),
        metavar="|".join(ROLES),
        autocompletion=offer(ROLES),
        help="owner: everything; manager: codes, log, time, open; opener: open; identify: ask for the status only.",
        show_default=False,
    ),
]


@dataclass(frozen=True)
class Limits:
    """When an opener's key opens."""

    days: Annotated[str | None, typer.Option("--days", metavar="DAYS", help="An opener's days, such as mon-fri.")] = (
        None
    )
    hours: Annotated[str | None, typer.Option("--hours", metavar="H-H", help="An opener's hours, such as 8-18.")] = None
    start: Annotated[str | None, typer.Option("--start", metavar="TIME", help="An opener's first moment.")] = None
    end: Annotated[str | None, typer.Option("--end", metavar="TIME", help="An opener's last moment.")] = None

    def entry(self, role: int, label: str, zone: Zone) -> KeyEntry:
        """Return a key with these limits; ToolError if its role cannot have them."""
        given = [f"--{name}" for name, value in vars(self).items() if value is not None]
        if role != OPENER and given:
            raise ToolError(
                f"{given[0]}: a key of the role {ROLE_NAMES[role]} has no days, hours, start or end.",
                f"Leave {' and '.join(given)} out, or add an opener.",
            )
        days = days_of(self.days or "mon-sun", "--days") if self.days or self.hours else 0
        begin, until = hours_of(self.hours, "--hours") if self.hours else (0, 0)
        first = instant(self.start, zone, "--start") if self.start else 0
        last = instant(self.end, zone, "--end") if self.end else NEVER
        if last <= first:
            raise ToolError("--end: it is not after the start.", "Choose an --end after the --start.")
        return KeyEntry(ANY_SLOT, role, label, days, begin, until, first, last)


@app.command(
    epilog=examples(
        "tumbler key add cabin --role manager --label Ann --export ann.key",
        "tumbler key add shop --role opener --label Bo --days mon-fri --hours 8-18 --export bo.key",
    )
)
@spread
def add(
    name: Name,
    role: Role,
    label: Annotated[
        str, typer.Option("--label", metavar="TEXT", help="Whose it is; the lock stores it.", show_default=False)
    ],
    export: Annotated[
        Path,
        typer.Option(
            "--export",
            metavar="FILE",
            help="Where to write the key, for the person who is to use it; - prints it.",
            show_default=False,
            allow_dash=True,
        ),
    ],
    limits: Limits,
    wait: Wait = SCAN_SECONDS,
    json: Json = False,
) -> None:
    """Add a key for another person, in a file.

    That person runs: tumbler key import FILE
    """
    note = key_label_of(label)
    with Registry.open() as registry:
        lock = registry.lock(name)
    new = NewKey(lock, limits.entry(ROLES[role], note, Zone(lock.rule)), export)
    lock, slot = new.send(wait)
    new.deliver(lock, slot)
    if export == STANDARD_OUTPUT:
        return
    if json:
        entry = replace(new.entry, slot=slot)
        output.emit({"lock": lock.name, **output_lock.key_data(lock, entry, here=False), "file": str(export)})
        return
    output.say(f"{note or role} has key {slot} of {lock.name}. Give {export} to that person, and keep no copy.")


class NewKey:
    """A key that is added to a lock, and its file. The file is on the disk before the lock has the key.

    So a lost answer does not leave a key in the lock that no file holds.
    """

    def __init__(self, lock: RegistryLock, entry: KeyEntry, export: Path):
        self.entry = entry
        self._psk = secrets.token_bytes(PSK_SIZE)
        self._lock = lock
        self._export = export
        self._sent = False
        if export != STANDARD_OUTPUT:
            key_file.create(export, KeyFile.of(lock, entry, self._psk))

    def send(self, wait: float) -> tuple[RegistryLock, int]:
        """Add the key to the lock; return the lock and the key's slot. If it was certainly not added, drop the file."""
        try:
            return at_lock(self._lock.name, self._add, wait)
        except ToolError as error:
            if not self._sent or (isinstance(error, Refusal) and not error.again):
                if self._export != STANDARD_OUTPUT:
                    self._export.unlink(missing_ok=True)
                raise
            kept = "" if self._export == STANDARD_OUTPUT else f" {self._export} holds it, if so."
            raise ToolError(
                f"{error.what} An answer was lost, so it is not known whether the lock has the new key.{kept}",
                f"See its keys when it is in range: {command_line('key list', self._lock.name)}",
            ) from error

    async def _add(self, door: ConnectedLock, progress: output.Progress) -> int:
        progress(f"Adding a key to {door.lock.name} …")
        self._sent = True
        return await door.add_key(self.entry, self._psk)

    def deliver(self, lock: RegistryLock, slot: int) -> None:
        """Complete the file, or print the key."""
        key = KeyFile.of(lock, self.entry, self._psk, slot)
        if self._export != STANDARD_OUTPUT:
            key_file.complete(self._export, key)
            return
        try:
            print(key.text(), end="", flush=True)
        except OSError:  # the lock has the key, and no file would
            saved = home() / f"{lock.lock_id.hex()}-{slot}.key"
            key_file.create(saved, key)
            output.warn(f"The key could not be printed. It is in {saved}: give that to the person, and keep no copy.")
            raise


@app.command("list", epilog=examples("tumbler key list cabin"))
def list_(name: Name, wait: Wait = SCAN_SECONDS, json: Json = False) -> None:
    """List the keys of a lock in range."""

    async def work(door: ConnectedLock, progress: output.Progress) -> list[output.Data]:
        progress(f"Reading the keys of {door.lock.name} …")
        keys = await door.fetch_keys()
        here = {key.slot for key in door.cache.usable_keys()}
        return [output_lock.key_data(door.lock, key, here=key.slot in here) for key in keys]

    _, data = at_lock(name, work, wait)
    if json:
        output.emit(data)
        return
    columns = ("slot", "role", "label", "days", "from", "until", "start", "end")
    rows = [[*(key[f"key_{column}"] for column in columns), key["here"]] for key in data]
    output.table([f"key_{column}" for column in columns] + ["here"], rows, "No keys.", strong=2)


@app.command(epilog=examples("tumbler key remove cabin 3", "tumbler key remove cabin Ann"))
def remove(
    name: Name,
    which: Annotated[
        str, typer.Argument(metavar="KEY-SLOT-OR-LABEL", help="As in tumbler key list.", show_default=False)
    ],
    yes: Yes = False,
    wait: Wait = SCAN_SECONDS,
    json: Json = False,
) -> None:
    """Remove a key from a lock, and end its connections."""
    with Registry.open() as registry:
        lock = registry.lock(name)
    ask(
        f"Remove the key '{which}' of '{lock.name}'?",
        "Nothing was removed.",
        f"Removing a key of '{lock.name}' needs a confirmation.",
        yes=yes,
    )

    async def work(door: ConnectedLock, progress: output.Progress) -> KeyEntry:
        keys = await door.fetch_keys()
        found = [key for key in keys if str(key.slot) == which or key.label.casefold() == which.casefold()]
        if len(found) != 1:
            what = "no key" if not found else f"{len(found)} keys"
            raise ToolError(
                f"'{door.lock.name}' has {what} '{which}'.",
                f"Name a key slot: {command_line('key list', door.lock.name)}",
            )
        progress(f"Removing a key of {door.lock.name} …")
        await door.client.remove_key(found[0].slot)
        door.cache.forget_key(found[0].slot)
        return found[0]

    lock, key = at_lock(name, work, wait)
    if json:
        output.emit({"lock": lock.name, "key_slot": key.slot, "key_label": key.label})
    else:
        output.say(f"Removed key {key.slot}{f' ({key.label})' if key.label else ''} of {lock.name}.")


@app.command("import", epilog=examples("tumbler key import ann.key", "tumbler key import ann.key cabin"))
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A key file.", show_default=False)],
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="What to call the lock here.", show_default="as in the file")
    ] = None,
    json: Json = False,
) -> None:
    """Import a key that the owner of a lock gave you.

    You can delete the file once the key has worked.
    """
    key = key_file.load(file)
    with Registry.open() as registry:
        lock = registry.lock_of(key.lock_id)
        if lock is None:
            lock = _add_lock(registry, file, key, name)
        elif name is not None and name.casefold() != lock.name.casefold():
            raise ToolError(f"NAME: this lock is in the registry as '{lock.name}'.", "Leave the name out.")
        # Any person can write a file: it replaces no key, and its key counts once it has worked.
        registry.cache(lock).hold_pending(key.role, key.label, key.psk, now(), key.slot, limits=key.limits)
    role = ROLE_NAMES[key.role]
    if json:
        output.emit({"lock": lock.name, "lock_id": lock.lock_id.hex(), "key_slot": key.slot, "key_role": role})
    else:
        output.say(
            f"The file has a key of the role {role} for {lock.name}. Try it: {command_line('lock status', lock.name)}"
        )


def _add_lock(registry: Registry, file: Path, key: KeyFile, name: str | None) -> RegistryLock:
    """Put the lock of a key file into the registry, under a name or that in the file."""
    if name is None and registry.find(key.lock) is not None:
        raise ToolError(
            f"Another lock is called '{key.lock}' here.",
            f"Give this one a name of its own: {command_line('key import', file)} NAME",
        )
    return registry.add(
        name_of(name or key.lock), key.timezone, key.rule, key.weekend, key.policy, None, now(), key.lock_id
    )
