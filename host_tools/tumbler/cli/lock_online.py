"""`tumbler lock status|unlock|sync-time|log|erase-codes|reset`: a lock in range."""

from typing import Annotated

import typer

from tumbler_lock.core.zone import Zone

from ..link.connected import ConnectedLock
from ..link.radios import SCAN_SECONDS
from ..registry.registry import Registry, RegistryLock
from ..text import command_line
from ..timezones import format_time
from . import lock_settings, output, output_lock
from .options import (
    SEQ_MOST,
    Json,
    Name,
    Wait,
    Yes,
    ask,
    at_lock,
    counting,
    examples,
    now,
    number,
)

LAST = 50  # events that are shown unless more are asked for
LOW = 20  # percent of the battery below which there is a warning
CLOCK_OFF = 60  # seconds of difference from which there is a warning
UNITS = {"battery": " %", "clock_off": " s"}


def add_to(app: typer.Typer) -> None:
    """Add the commands to those of `tumbler lock`."""
    app.command(epilog=examples("tumbler lock status cabin", "tumbler lock status cabin --wait 320"))(status)
    app.command(epilog=examples("tumbler lock unlock cabin"))(unlock)
    app.command("sync-time", epilog=examples("tumbler lock sync-time cabin"))(sync_time)
    app.command(epilog=examples("tumbler lock log cabin", "tumbler lock log cabin --all --offline --json"))(log)
    lock_settings.add_to(app)
    app.command("erase-codes", epilog=examples("tumbler lock erase-codes cabin"))(erase_codes)
    app.command(epilog=examples("tumbler lock reset cabin"))(reset)


def status(name: Name, wait: Wait = SCAN_SECONDS, json: Json = False) -> None:
    """Show bolt, battery, clock and codes of a lock in range."""

    async def work(door: ConnectedLock, progress: output.Progress) -> output.Data:
        return output_lock.status_data(door.lock, door.status, now())

    lock, data = at_lock(name, work, wait)
    _warn_of(lock, data)
    if json:
        output.emit(data)
        return
    shown = ((key, f"{value}{UNITS[key]}" if key in UNITS and value is not None else value)
             for key, value in data.items())  # fmt: skip
    output.fields(shown, title=lock.name)


def _warn_of(lock: RegistryLock, data: output.Data) -> None:
    """Warn of what is wrong with a lock."""
    again = command_line("lock sync-time", lock.name)
    if not data["time_trusted"]:
        output.warn(f"The lock does not trust its clock: codes with times do not open. Set it: {again}")
    elif abs(data["clock_off"]) >= CLOCK_OFF:
        output.warn(f"Its clock is {output.many(abs(data['clock_off']), 'second')} off. Set it: {again}")
    if data["battery"] is not None and data["battery"] < LOW:
        output.warn(f"Its battery has {data['battery']} % left. Change it soon.")
    if data["flash_in_doubt"]:
        output.warn("The lock's flash failed: it accepts no change until it restarts.")


def unlock(name: Name, wait: Wait = SCAN_SECONDS, json: Json = False) -> None:
    """Open the door of a lock in range."""

    async def work(door: ConnectedLock, progress: output.Progress) -> int:
        return await door.client.unlock()

    lock, seconds = at_lock(name, work, wait)
    if json:
        output.emit({"lock": lock.name, "open_seconds": seconds})
    else:
        how = f"is open for {output.many(seconds, 'second')}" if seconds else "was opened"
        output.say(f"{lock.name} {how}.")


def sync_time(name: Name, wait: Wait = SCAN_SECONDS, json: Json = False) -> None:
    """Set a lock's clock to this computer's time."""

    async def work(door: ConnectedLock, progress: output.Progress) -> tuple[int, int]:
        before = door.status.time - now()
        await door.client.set_time(now())
        at, _ = await door.client.time()
        return at, before

    lock, (at, before) = at_lock(name, work, wait)
    time = format_time(at, Zone(lock.rule))
    if json:
        output.emit({"lock": lock.name, "time": time, "clock_was_off": before})
    else:
        was = f"{output.many(abs(before), 'second')} {'fast' if before > 0 else 'slow'}" if before else "right"
        output.say(f"{lock.name} shows {time}; it was {was}.")


def log(
    name: Name,
    since: Annotated[
        int | None,
        typer.Option(
            "--since",
            parser=number(0, SEQ_MOST),
            metavar="SEQ",
            help="Show the events after this number.",
            show_default=f"the last {LAST}",
        ),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Show all that was ever fetched.")] = False,
    offline: Annotated[
        bool, typer.Option("--offline", help="Do not ask the lock: show what was fetched before.")
    ] = False,
    wait: Wait = SCAN_SECONDS,
    json: Json = False,
) -> None:
    """Fetch the new events of a lock's log, and show the log.

    The registry keeps every event that was fetched; the lock keeps the last 1,000.
    """
    if not offline:

        async def work(door: ConnectedLock, progress: output.Progress) -> int:
            return await door.fetch_log(counting(progress, f"Reading the log of {door.lock.name}"))

        at_lock(name, work, wait)
    with Registry.open() as registry:
        lock = registry.lock(name)
        cache = registry.cache(lock)
        events = cache.events(since or 0)
        if since is None and not everything:
            events = events[-LAST:]
        history = cache.key_history()
        labels = output_lock.labels(output_lock.issued_codes(lock, registry.codes(lock)), cache)
        data = [output_lock.event_data(lock, event, history, labels) for event in events]
    if json:
        output.emit(data)
        return
    columns = ("seq", "time", "event", "reason", "kind", "id", "label", "by")
    rows = [[event[column] for column in columns] for event in data]
    for row, event in zip(rows, data, strict=True):
        row[1] = event["time"] if event["time_trusted"] else f"{event['time']} ?"
    output.table(columns, rows, "No events.", strong=2)


def erase_codes(name: Name, yes: Yes = False, wait: Wait = SCAN_SECONDS, json: Json = False) -> None:
    """Erase every code of a lock in range, issued and custom.

    Codes that were not used yet are dead then, too.
    """
    with Registry.open() as registry:
        lock = registry.lock(name)
    ask(
        f"Erase every code of '{lock.name}', for ever?",
        "Nothing was erased.",
        f"Erasing every code of '{lock.name}' needs a confirmation.",
        yes=yes,
    )

    async def work(door: ConnectedLock, progress: output.Progress) -> int:
        return await door.erase()

    lock, epoch = at_lock(name, work, wait)
    if json:
        output.emit({"lock": lock.name, "epoch": epoch})
    else:
        output.say(f"{lock.name} is in epoch {epoch}; every code issued or added before is dead.")


def reset(name: Name, yes: Yes = False, wait: Wait = SCAN_SECONDS, json: Json = False) -> None:
    """Reset a lock: delete its secret, codes, keys and log.

    Hold its set-up button meanwhile. The registry keeps what it has until the lock is paired again.
    """
    with Registry.open() as registry:
        lock = registry.lock(name)
    ask(
        f"Reset '{lock.name}'? It forgets its secret, codes, keys and log.",
        "Nothing was reset.",
        f"Resetting '{lock.name}' deletes everything and needs a confirmation.",
        yes=yes,
    )

    async def work(door: ConnectedLock, progress: output.Progress) -> None:
        progress("Hold the set-up button inside the door …")
        await door.client.reset()

    lock, _ = at_lock(name, work, wait)
    with Registry.open() as registry:
        if lock.secret is not None:
            registry.prepare_new_secret(lock)
    if json:
        output.emit({"lock": lock.name})
    elif lock.secret is None:
        forget = command_line("lock remove", lock.name)
        output.say(f"{lock.name} is reset, and its owner can pair it. Forget it here: {forget}")
    else:
        output.say(f"{lock.name} is reset. Pair it again: {command_line('pair', lock.name)}")
