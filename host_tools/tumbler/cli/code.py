"""`tumbler code`: issue codes, list and explain them."""

from enum import StrEnum
from typing import Annotated

import typer

from tumbler_lock.core.tickets import CYCLE_NAMES, ERASE, ONE_TIME, PERMANENT, RECURRING, REVOKE, TIMED
from tumbler_lock.core.zone import Zone

from ..codes.explain import explain as explain_digits
from ..codes.issue import Wish, issue
from ..link.connected import ConnectedLock
from ..link.radios import SCAN_SECONDS
from ..registry.registry import Registry
from . import output
from .options import (
    Digits,
    Json,
    Label,
    Name,
    Past,
    Start,
    Wait,
    at_lock,
    examples,
    hour,
    instant,
    joined,
    label_of,
    now,
)
from .output_lock import issued_codes, list_data

app = typer.Typer(no_args_is_help=True)


class Cycle(StrEnum):
    """The days of a recurring code."""

    daily = "daily"
    weekend = "weekend"
    workday = "workday"
    weekly = "weekly"


@app.command(
    epilog=examples(
        'tumbler code timed cabin --start 2026-12-24T15 --end 2026-12-27T11 --label "Ann"',
        "tumbler code timed cabin --end 2026-12-24T20:00+01:00 --json",
    )
)
def timed(
    name: Name,
    end: Annotated[str, typer.Option(metavar="TIME", help="When it ends, to the hour.", show_default=False)],
    start: Start = None,
    digits: Digits = None,
    label: Label = "",
    past: Past = False,
    json: Json = False,
) -> None:
    """Issue a code that opens from a start to an end, 366 days later at most."""
    with Registry.open() as registry:
        zone = Zone(registry.lock(name).rule)
        wish = Wish(
            TIMED,
            hour(start, zone, "--start"),
            hour(end, zone, "--end", "up"),
            digits=digits,
            label=label_of(label),
            past=past,
        )
        _issue(registry, name, wish, json)


@app.command(
    "one-time",
    epilog=examples("tumbler code one-time cabin", "tumbler code one-time cabin --start 2026-12-24T15 --label parcel"),
)
def one_time(
    name: Name,
    start: Start = None,
    digits: Digits = None,
    label: Label = "",
    past: Past = False,
    json: Json = False,
) -> None:
    """Issue a code that opens once, within 6 hours of its start."""
    _simple(ONE_TIME, name, start, digits, label, past, json)


@app.command(epilog=examples('tumbler code permanent cabin --label "the neighbours"'))
def permanent(
    name: Name,
    start: Start = None,
    digits: Digits = None,
    label: Label = "",
    past: Past = False,
    json: Json = False,
) -> None:
    """Issue a code that opens until it is deleted, if it is used first within 24 hours of its start."""
    _simple(PERMANENT, name, start, digits, label, past, json)


@app.command(
    epilog=examples(
        "tumbler code recurring cabin --cycle workday --start 2026-11-24T09 --until-hour 17",
        "tumbler code recurring cabin --cycle weekly --start 2026-11-27T18 --until-hour 2",
    )
)
def recurring(
    name: Name,
    cycle: Annotated[
        Cycle, typer.Option(help="Every day, weekend or working days, or the start's weekday.", show_default=False)
    ],
    until_hour: Annotated[
        int,
        typer.Option(min=0, max=24, metavar="0-24", help="Wall-clock hour at which each day ends.", show_default=False),
    ],
    start: Start = None,
    digits: Digits = None,
    label: Label = "",
    past: Past = False,
    json: Json = False,
) -> None:
    """Issue a code that opens every day, or on some days, between two hours.

    The hour of the start begins each day; an end at or below it is on the next day.
    """
    with Registry.open() as registry:
        zone = Zone(registry.lock(name).rule)
        wish = Wish(
            RECURRING,
            hour(start, zone, "--start", "up"),
            cycle=CYCLE_NAMES.index(cycle.value),
            until_hour=until_hour % 24,
            digits=digits,
            label=label_of(label),
            past=past,
        )
        _issue(registry, name, wish, json)


@app.command(epilog=examples("tumbler code revoke cabin"))
def revoke(name: Name, start: Start = None, label: Label = "", past: Past = False, json: Json = False) -> None:
    """Issue a code that revokes another: type it, then the code that shall be dead, within 30 seconds."""
    _simple(REVOKE, name, start, None, label, past, json)


@app.command(epilog=examples("tumbler code erase cabin"))
def erase(name: Name, start: Start = None, label: Label = "", past: Past = False, json: Json = False) -> None:
    """Issue a code that makes every code of the lock dead, those nobody has used yet too.

    Tell the registry when the lock has confirmed it: tumbler lock erased NAME
    """
    _simple(ERASE, name, start, None, label, past, json)


@app.command("list")
def list_(
    name: Name,
    current: Annotated[
        bool, typer.Option("--current", help="Leave out what is over, used, revoked or erased.")
    ] = False,
    fetch: Annotated[bool, typer.Option("--fetch", help="Ask the lock first, which has to be in range.")] = False,
    wait: Wait = SCAN_SECONDS,
    json: Json = False,
) -> None:
    """List the codes of a lock: those issued here with their digits, and what the lock told of them and of others.

    State: upcoming; usable (now, also for the first time); active (used before, and good); if-used (too late for a
    first use); used; over; revoked; erased; unconfirmed (the lock was asked to take it,
    and its answer was lost). What the lock knows is what it told last: --fetch asks it.
    """
    if fetch:

        async def work(door: ConnectedLock, progress: output.Progress) -> None:
            await door.fetch_log()  # for the first uses
            await door.fetch_codes(lambda count: progress(f"Reading the codes of {door.lock.name} … {count}"))

        at_lock(name, work, wait)
    with Registry.open() as registry:
        lock = registry.lock(name)
        issued = issued_codes(lock, registry.codes(lock))
        data = list_data(lock, issued, registry.cache(lock), now())
    if current:
        data = [code for code in data if code["state"] not in ("over", "erased", "used", "revoked")]
    if json:
        output.emit(data)
        return
    output.codes(lock, data, f"No codes. Issue one: tumbler code one-time {lock.name}")


@app.command(
    epilog=examples("tumbler code explain cabin 1768841", "tumbler code explain cabin 1768841 --at 2026-12-24T16:30")
)
def explain(
    name: Name,
    digits: Annotated[str, typer.Argument(metavar="DIGITS", help="The digits of a code.", show_default=False)],
    at: Annotated[
        str | None, typer.Option(metavar="TIME", help="Wall clock or with an offset.", show_default="now")
    ] = None,
    json: Json = False,
) -> None:
    """Say what digits mean to a lock that has not seen them."""
    with Registry.open() as registry:
        lock = registry.lock(name)
        moment = instant(at, Zone(lock.rule), "--at")
        digits = joined(digits)
        if any(one.digits == digits for one in registry.cache(lock).chosen()):
            rows = list_data(lock, issued_codes(lock, registry.codes(lock)), registry.cache(lock), moment)
            told = next((row for row in rows if row["digits"] == digits), None)
            if told is not None:
                _explain_told(lock.name, told, json)
                return
        answers = explain_digits(registry, lock, digits, moment)
    if lock.erase_pending:
        output.warn(
            f"An erase code was issued for '{lock.name}': if it was used, every code of epoch {lock.epoch} is dead."
        )
    if json:
        first, *earlier = [output.answer_data(lock, answer, moment) for answer in answers]
        output.emit({**first, "earlier": earlier})
    else:
        output.explained(lock, answers, moment)


def _explain_told(name: str, row: output.Data, json: bool) -> None:
    """Print what is known of digits that the lock was told from here, without them."""
    data = {key: value for key, value in row.items() if key != "digits"}
    if json:
        output.emit({**data, "earlier": []})
        return
    output.say(f"A code that {name} was told. So it said last; ask it again: tumbler code list '{name}' --fetch")
    output.fields((key, value) for key, value in data.items() if value not in (None, ""))


def _simple(kind: int, name: str, start: str | None, digits: int | None, label: str, past: bool, json: bool) -> None:
    """Issue a code of a kind that needs a start alone."""
    with Registry.open() as registry:
        zone = Zone(registry.lock(name).rule)
        wish = Wish(kind, hour(start, zone, "--start"), digits=digits, label=label_of(label), past=past)
        _issue(registry, name, wish, json)


def _issue(registry: Registry, name: str, wish: Wish, json: bool) -> None:
    """Issue a code, and print it only once it is on the disk."""
    code, warnings = issue(registry, name, wish, now())
    lock = registry.lock(name)
    for warning in warnings:
        output.warn(warning)
    if json:
        output.emit({**output.code_data(lock, code), "warnings": warnings})
        return
    output.issued(lock, code)
    if wish.kind == ERASE and output.fancy():
        output.say(f"When the lock has confirmed it: tumbler lock erased {lock.name}")
