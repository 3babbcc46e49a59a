"""`tumbler lock status|unlock|sync-time|log|config|erase|reset`: a lock that is in range."""

from typing import Annotated

import typer

from tumbler_lock.core.config import NAME_MAX
from tumbler_lock.core.zone import Zone

from ..codes.issue import POLICIES
from ..errors import ToolError
from ..link.connected import ConnectedLock
from ..link.radios import SCAN_SECONDS
from ..registry.registry import Registry
from ..timezones import format_time
from . import output, output_lock
from .options import (
    Json,
    Name,
    PolicyName,
    Wait,
    Yes,
    ask,
    at_lock,
    complete_zone,
    days_of,
    examples,
    hours_of,
    now,
    rule_of,
    weekend_of,
)

LAST = 50  # events that are shown unless more are asked for
LOW = 20  # percent of the battery below which it is worth a warning
CLOCK_OFF = 60  # seconds of difference from which it is worth a warning


def add_to(app: typer.Typer) -> None:
    """Add the commands to those of `tumbler lock`."""
    app.command(epilog=examples("tumbler lock status cabin"))(status)
    app.command(epilog=examples("tumbler lock unlock cabin"))(unlock)
    app.command("sync-time")(sync_time)
    app.command(epilog=examples("tumbler lock log cabin", "tumbler lock log cabin --all --kept --json"))(log)
    app.command(
        epilog=examples(
            "tumbler lock config cabin",
            "tumbler lock config cabin --auto-lock 8 --no-sound",
            'tumbler lock config shop --passage "mon-fri 9-17"',
        )
    )(config)
    app.command()(erase)
    app.command()(reset)


def status(name: Name, wait: Wait = SCAN_SECONDS, json: Json = False) -> None:
    """Ask a lock how it is: bolt, battery, clock, codes, log."""

    async def work(door: ConnectedLock, progress: output.Progress) -> output.Data:
        return output_lock.status_data(door.lock, door.status, now())

    lock, data = at_lock(name, work, wait)
    if not data["time_trusted"]:
        output.warn(
            f"The lock does not trust its clock: codes with times stay shut. Run: tumbler lock sync-time {lock.name}"
        )
    elif abs(data["clock_off"]) >= CLOCK_OFF:
        output.warn(
            f"Its clock is {output.many(abs(data['clock_off']), 'second')} off. Run: tumbler lock sync-time {lock.name}"
        )
    if data["battery"] is not None and data["battery"] < LOW:
        output.warn(f"Its battery has {data['battery']} % left. Change it soon.")
    if data["flash_in_doubt"]:
        output.warn("The lock's flash failed: it takes no change until it restarts.")
    if json:
        output.emit(data)
    else:
        units = {"battery": " %", "clock_off": " s"}
        shown = ((key, value if value is None else f"{value}{units[key]}") if key in units else (key, value)
                 for key, value in data.items())  # fmt: skip
        output.fields(shown, title=lock.name)


def unlock(name: Name, wait: Wait = SCAN_SECONDS, json: Json = False) -> None:
    """Open the door."""

    async def work(door: ConnectedLock, progress: output.Progress) -> int:
        return await door.client.unlock()

    lock, seconds = at_lock(name, work, wait)
    if json:
        output.emit({"name": lock.name, "open_seconds": seconds})
    else:
        how = f"is open for {output.many(seconds, 'second')}" if seconds else "was opened"
        output.say(f"{lock.name} {how}.")


def sync_time(name: Name, wait: Wait = SCAN_SECONDS, json: Json = False) -> None:
    """Set the lock's clock to this computer's time."""

    async def work(door: ConnectedLock, progress: output.Progress) -> tuple[int, int]:
        before = door.status.time - now()
        await door.client.set_time(now())
        at, _ = await door.client.time()
        return at, before

    lock, (at, before) = at_lock(name, work, wait)
    time = format_time(at, Zone(lock.rule))
    if json:
        output.emit({"name": lock.name, "time": time, "clock_was_off": before})
    else:
        was = f"{output.many(abs(before), 'second')} {'fast' if before > 0 else 'slow'}" if before else "right"
        output.say(f"{lock.name} shows {time}; it was {was}.")


def log(
    name: Name,
    since: Annotated[
        int | None,
        typer.Option(min=0, metavar="SEQ", help="Show what came after this number.", show_default=f"the last {LAST}"),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Show all that was ever fetched.")] = False,
    kept: Annotated[bool, typer.Option("--kept", help="Do not ask the lock: show what was fetched before.")] = False,
    wait: Wait = SCAN_SECONDS,
    json: Json = False,
) -> None:
    """Fetch what is new in a lock's log, and show it. What was fetched stays in the registry, the lock keeps 1,000."""
    if not kept:

        async def work(door: ConnectedLock, progress: output.Progress) -> int:
            return await door.fetch_log(lambda count: progress(f"Reading the log of {door.lock.name} … {count}"))

        at_lock(name, work, wait)
    with Registry.open() as registry:
        lock = registry.lock(name)
        cache = registry.cache(lock)
        events = cache.events(since or 0)
        if since is None and not everything:
            events = events[-LAST:]
        holders = cache.key_history()
        names = output_lock.labels(output_lock.issued_codes(lock, registry.codes(lock)), cache)
        data = [output_lock.event_data(lock, event, holders, names) for event in events]
    if json:
        output.emit(data)
        return
    columns = ("seq", "time", "event", "reason", "kind", "id", "label", "by")
    rows = [[event[column] for column in columns] for event in data]
    for row, event in zip(rows, data, strict=True):
        row[1] = event["time"] if event["time_trusted"] else f"{event['time']} ?"
    output.table(columns, rows, "No events.", strong=2)


def config(
    name: Name,
    timezone: Annotated[
        str | None,
        typer.Option(metavar="ZONE", help="IANA zone or POSIX TZ rule.", autocompletion=complete_zone),
    ] = None,
    weekend: Annotated[str | None, typer.Option(metavar="DAYS", help="The weekend days, such as fri,sat.")] = None,
    auto_lock: Annotated[
        int | None, typer.Option(min=1, max=60, metavar="1-60", help="Seconds that the bolt stays open.")
    ] = None,
    sound: Annotated[bool | None, typer.Option("--sound/--no-sound", help="The buzzer.", show_default=False)] = None,
    policy: Annotated[PolicyName | None, typer.Option(help="What it accepts offline.")] = None,
    passage: Annotated[
        str | None, typer.Option(metavar="DAYS HOURS", help='Hours in which # alone opens, "mon-fri 9-17", or off.')
    ] = None,
    bluetooth_name: Annotated[
        str | None, typer.Option(metavar="TEXT", help="What the lock calls itself, 17 characters at most.")
    ] = None,
    wait: Wait = SCAN_SECONDS,
    json: Json = False,
) -> None:
    """Show what a lock is set to, or change what is named."""
    changes: dict[str, object] = {
        "rule": None if timezone is None else rule_of(timezone),
        "weekend": None if weekend is None else weekend_of(weekend),
        "autolock": auto_lock,
        "sound": sound,
        "policy": None if policy is None else POLICIES[policy.value],
        "passage": None if passage is None else _passage_of(passage),
        "name": None if bluetooth_name is None else _bluetooth_name_of(bluetooth_name),
    }
    named = {field: value for field, value in changes.items() if value is not None}

    async def work(door: ConnectedLock, progress: output.Progress) -> output.Data:
        if named:
            progress(f"Setting {door.lock.name} …")
            await door.client.configure(**named)
        found = await door.client.settings()
        door.follow_settings(found, timezone)
        return output_lock.config_data(door.lock, found)

    lock, data = at_lock(name, work, wait)
    if json:
        output.emit(data)
    else:
        output.fields(data.items(), title=f"Set {lock.name}" if named else lock.name)


def _bluetooth_name_of(text: str) -> str:
    """Check what a lock shall call itself; nothing is the firmware's own name."""
    if len(text) > NAME_MAX or not all(" " <= c <= "~" for c in text):
        raise ToolError(f"A Bluetooth name has up to {NAME_MAX} printable ASCII characters.", "Choose another name.")
    return text


def _passage_of(text: str) -> tuple[int, int, int]:
    """Read `mon-fri 9-17`, or `off`."""
    words = text.split()
    if [word.casefold() for word in words] == ["off"]:
        return 0, 0, 0
    days, _, hours = " ".join(words).rpartition(" ")
    begin, until = hours_of(hours, "--passage")
    return days_of(days, "--passage"), begin, until


def erase(name: Name, yes: Yes = False, wait: Wait = SCAN_SECONDS, json: Json = False) -> None:
    """Erase every code of a lock, issued and custom, used or not."""
    with Registry.open() as registry:
        lock = registry.lock(name)
    ask(
        f"Erase every code of '{lock.name}', for ever?",
        "Nothing was erased.",
        yes,
        f"Erasing every code of '{lock.name}' needs a confirmation.",
    )

    async def work(door: ConnectedLock, progress: output.Progress) -> int:
        return await door.erase()

    lock, epoch = at_lock(name, work, wait)
    if json:
        output.emit({"name": lock.name, "epoch": epoch})
    else:
        output.say(f"{lock.name} is in epoch {epoch}; every code issued or added before is dead.")


def reset(name: Name, yes: Yes = False, wait: Wait = SCAN_SECONDS, json: Json = False) -> None:
    """Make a lock new again: its secret, codes, keys and log are gone. Hold its set-up button meanwhile.

    What the registry knows of it stays until it is paired again.
    """
    with Registry.open() as registry:
        lock = registry.lock(name)
    ask(
        f"Make '{lock.name}' new again? It forgets its secret, codes, keys and log.",
        "Nothing was reset.",
        yes,
        f"Resetting '{lock.name}' deletes everything and needs a confirmation.",
    )

    async def work(door: ConnectedLock, progress: output.Progress) -> None:
        progress("Hold the set-up button inside the door …")
        await door.client.reset()

    lock, _ = at_lock(name, work, wait)
    with Registry.open() as registry:
        if lock.secret is not None:
            registry.prepare_new_secret(lock)
    if json:
        output.emit({"reset": lock.name})
    elif lock.secret is None:
        output.say(f"{lock.name} is new, and its owner can pair it. Forget it here: tumbler lock remove {lock.name}")
    else:
        output.say(f"{lock.name} is new. Pair it again: tumbler pair {lock.name}")
