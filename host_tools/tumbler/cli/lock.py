"""`tumbler lock`: the locks of the registry."""

import secrets
import sys
from typing import Annotated

import typer

from tumbler_lock.core.tickets import ERASE, meaning
from tumbler_lock.core.zone import Zone

from ..answers import KeyEntry
from ..codes.issue import describe
from ..codes.risk import risk as count_risk
from ..errors import ToolError
from ..registry.lock_cache import HeldKey
from ..registry.registry import LAST_EPOCH, Registry, RegistryLock
from ..simulator.identity import EXAMPLE_SECRET
from ..text import command_line
from ..timezones import format_time
from . import output, output_code, output_lock
from .options import (
    Json,
    Name,
    Policy,
    Yes,
    ask,
    complete_zone,
    examples,
    name_of,
    now,
    rule_of,
    secret_of,
    weekend_of,
)

app = typer.Typer(no_args_is_help=True)

Secret = Annotated[
    str | None,
    typer.Option(
        "--secret",
        metavar="HEX",
        help="64 hexadecimal digits of a lock that has a secret already; - reads them from standard input.",
        show_default="a new random one",
    ),
]


@app.command(
    epilog=examples(
        "tumbler lock add cabin --timezone Europe/Berlin",
        "tumbler lock add shop --timezone Asia/Riyadh --weekend fri,sat --policy strict",
    )
)
def add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A new name.", show_default=False)],
    timezone: Annotated[
        str,
        typer.Option(
            "--timezone",
            metavar="ZONE",
            help="IANA zone such as Europe/Berlin, or a POSIX TZ rule.",
            autocompletion=complete_zone,
            show_default=False,
        ),
    ],
    secret: Secret = None,
    policy: Policy = "standard",
    weekend: Annotated[
        str, typer.Option("--weekend", metavar="DAYS", help="The weekend days, for recurring codes.")
    ] = "sat,sun",
    json: Json = False,
) -> None:
    """Add a lock, with a new secret unless it has one already."""
    name = name_of(name)
    days = weekend_of(weekend)
    rule = rule_of(timezone)
    if secret == "-":  # noqa: S105 - not a secret but where to read one
        secret = sys.stdin.readline().strip()
    key = secrets.token_bytes(32) if secret is None else secret_of(secret)
    with Registry.open() as registry:
        twins = [known.name for known in registry.locks() if known.secret == key]
        lock = registry.add(name, timezone, rule, days, policy, key, now())
        data = output_lock.lock_data(lock, 0)
    if key == EXAMPLE_SECRET:
        output.warn("This is the example secret of the documentation: anyone can issue codes for this lock.")
    if twins:
        output.warn(f"'{twins[0]}' has the same secret: a code for one lock opens the other too.")
    if json:
        output.emit(data)
        return
    output.fields(data.items(), title=f"Added {lock.name}")
    if output.fancy():
        print()
        output.say(f"Issue a code: {command_line('code one-time', lock.name)}")


@app.command("list", epilog=examples("tumbler lock list", "tumbler lock list --json"))
def list_(json: Json = False) -> None:
    """List the locks of the registry."""
    with Registry.open() as registry:
        data = [output_lock.lock_data(lock, registry.count(lock)) for lock in registry.locks()]
    if json:
        output.emit(data)
        return
    columns = ("lock", "timezone", "policy", "issued_codes", "epoch", "erase_pending")
    rows = [[lock[column] for column in columns] for lock in data]
    output.table(columns, rows, "No locks yet. Add one: tumbler lock add --help")


@app.command("show", epilog=examples("tumbler lock show cabin", "tumbler lock show cabin --secret"))
def show_(
    name: Name,
    secret: Annotated[
        bool, typer.Option("--secret", help="Print the secret too: everyone who sees it can open the lock.")
    ] = False,
    json: Json = False,
) -> None:
    """Show a lock of the registry, and what your key may do."""
    with Registry.open() as registry:
        lock = registry.lock(name)
        data = output_lock.lock_data(lock, registry.count(lock))
        keys = registry.cache(lock).usable_keys()
    if keys:
        key = output_lock.key_data(lock, _entry(keys[0]), here=True)
        data |= {field: value for field, value in key.items() if field not in ("key_slot", "here")}
    data["time"] = format_time(now(), Zone(lock.rule))
    if secret:
        data["secret"] = lock.required_secret.hex()
    if json:
        output.emit(data)
    else:
        output.fields(data.items(), title=lock.name)


def _entry(key: HeldKey) -> KeyEntry:
    """Return a key of the registry as the lock would list it."""
    if key.limits is None:
        return KeyEntry(key.slot or 0, key.role, key.label)
    return KeyEntry.limited(key.slot or 0, key.role, key.label, key.limits)


@app.command(epilog=examples("tumbler lock remove cabin"))
def remove(name: Name, yes: Yes = False, json: Json = False) -> None:
    """Remove a lock and its codes from the registry.

    Its secret is then gone for ever: no new codes can be issued, and the old ones cannot be listed.
    """
    with Registry.open() as registry:
        lock = registry.lock(name)
        what = "key" if lock.secret is None else "secret"
        ask(
            f"Remove '{lock.name}', its {output.many(registry.count(lock), 'code')} and its {what} for ever?",
            "Nothing was removed.",
            f"Removing '{lock.name}' deletes its {what} for ever and needs a confirmation.",
            yes=yes,
        )
        registry.remove(lock)
    if json:
        output.emit({"lock": lock.name})
    else:
        output.say(f"Removed {lock.name}.")


@app.command(epilog=examples("tumbler lock risk cabin"))
def risk(name: Name, json: Json = False) -> None:
    """Show how likely a guess opens a lock, and its guess budget."""
    with Registry.open() as registry:
        lock = registry.lock(name)
        found = count_risk(registry, lock, now())
    if json:
        output.emit({"lock": lock.name, "policy": lock.policy, **output_code.risk_data(found)})
    else:
        output_code.risk(found)


@app.command(
    "confirm-erase",
    epilog=examples("tumbler lock confirm-erase cabin", "tumbler lock confirm-erase cabin --not-typed"),
)
def confirm_erase(
    name: Name,
    not_typed: Annotated[
        bool, typer.Option("--not-typed", help="The erase code was never typed: the codes stay good.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Even if no erase code was issued here.")] = False,
    json: Json = False,
) -> None:
    """Tell the registry that the lock accepted an erase code.

    Every code issued before is dead then. Over Bluetooth the lock reports an erase by itself.
    """
    with Registry.open() as registry:
        with registry.writing():
            lock = registry.lock(name)
            if not_typed:
                _cancel(registry, lock)
            else:
                _confirm(registry, lock, yes=yes)
        dead = 0 if not_typed else registry.count(lock)
        lock = registry.lock(name)
        data = {**output_lock.lock_data(lock, registry.count(lock)), "dead_codes": dead}
    if json:
        output.emit(data)
    elif not_typed:
        output.say(f"{lock.name} stays in epoch {lock.epoch}; its codes stay good.")
    else:
        gone = f"{output.many(dead, 'code')} issued before {'is' if dead == 1 else 'are'} dead"
        output.say(f"{lock.name} is in epoch {lock.epoch}; {gone}.")


def _confirm(registry: Registry, lock: RegistryLock, *, yes: bool) -> None:
    if not lock.erase_pending and not yes:
        raise ToolError(
            f"No erase code was issued for '{lock.name}' here since the last erase.",
            "If the lock was erased in another way, add --yes: every code issued here before is then dead.",
        )
    if lock.epoch == LAST_EPOCH:
        raise ToolError(
            f"'{lock.name}' was erased {LAST_EPOCH} times: there is no epoch left.",
            "Remove it, and set the lock up with a new secret.",
        )
    registry.set_epoch(lock, lock.epoch + 1)


def _cancel(registry: Registry, lock: RegistryLock) -> None:
    if not lock.erase_pending:
        raise ToolError(f"No erase is pending for '{lock.name}'.", "There is nothing to take back.")
    zone = Zone(lock.rule)
    for row in registry.codes(lock):
        what = meaning(row.ticket)
        if row.epoch == lock.epoch and what and what.kind == ERASE:
            until = describe(lock, row).first_use_until
            if until > now():
                raise ToolError(
                    f"The erase code can still be typed until {format_time(until, zone)}.",
                    "Take it back after that, when it no longer works.",
                )
    registry.set_erase_pending(lock, pending=False)
