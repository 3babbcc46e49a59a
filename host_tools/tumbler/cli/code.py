"""`tumbler code`: issue codes, list and explain them."""

from dataclasses import dataclass
from typing import Annotated

import typer

from tumbler_lock.core.passcode import FEWEST_OFFLINE, MOST_DIGITS
from tumbler_lock.core.tickets import CYCLE_NAMES, ERASE, ONE_TIME, PERMANENT, RECURRING, REVOKE, TIMED
from tumbler_lock.core.zone import Zone

from ..codes.explain import explain as explain_digits
from ..codes.issue import Wish, issue
from ..link.connected import ConnectedLock
from ..link.radios import SCAN_SECONDS
from ..registry.registry import Registry
from ..text import command_line
from . import output, output_code
from .options import (
    Json,
    Label,
    Name,
    Wait,
    at_lock,
    counting,
    examples,
    hour,
    instant,
    label_of,
    now,
    number,
    offer,
    one_of,
    spread,
    without_grouping,
)
from .output_lock import issued_codes, list_data

app = typer.Typer(no_args_is_help=True)

GONE = ("over", "erased", "used", "revoked")  # states of codes that open nothing any more


@dataclass(frozen=True)
class Issuing:
    """Options of every command that issues a code."""

    start: Annotated[
        str | None,
        typer.Option(
            "--start",
            metavar="TIME",
            help="First hour, on the lock's wall clock or with an offset.",
            show_default="now",
        ),
    ] = None
    label: Label = ""
    allow_past: Annotated[
        bool, typer.Option("--allow-past", help="Also a code that can no longer be used: to check old codes.")
    ] = False
    json: Json = False


@dataclass(frozen=True)
class IssuingSized(Issuing):
    """Options of a code that comes in several lengths."""

    digits: Annotated[
        int | None,
        typer.Option(
            "--digits",
            parser=number(FEWEST_OFFLINE, MOST_DIGITS),
            metavar=f"{FEWEST_OFFLINE}-{MOST_DIGITS}",
            help="Exactly this length.",
            show_default="the shortest allowed",
        ),
    ] = None


@app.command(
    epilog=examples(
        'tumbler code timed cabin --start 2026-12-24T15 --end 2026-12-27T11 --label "Ann"',
        "tumbler code timed cabin --end 2026-12-24T20:00+01:00 --json",
    )
)
@spread
def timed(
    name: Name,
    end: Annotated[str, typer.Option("--end", metavar="TIME", help="When it ends, to the hour.", show_default=False)],
    options: IssuingSized,
) -> None:
    """Issue a code that opens from a start to an end.

    It lasts 366 days at most, and must be used first within 24 hours of its start.
    """
    _issue(name, TIMED, options, end=end)


@app.command(
    "one-time",
    epilog=examples("tumbler code one-time cabin", "tumbler code one-time cabin --start 2026-12-24T15 --label parcel"),
)
@spread
def one_time(name: Name, options: IssuingSized) -> None:
    """Issue a code that opens once, within 6 hours of its start."""
    _issue(name, ONE_TIME, options)


@app.command(epilog=examples('tumbler code permanent cabin --label "the neighbours"'))
@spread
def permanent(name: Name, options: IssuingSized) -> None:
    """Issue a code that opens until it is deleted.

    It must be used first within 24 hours of its start.
    """
    _issue(name, PERMANENT, options)


@app.command(
    epilog=examples(
        "tumbler code recurring cabin --cycle workday --start 2026-11-24T09 --until-hour 17",
        "tumbler code recurring cabin --cycle weekly --start 2026-11-27T18 --until-hour 2",
    )
)
@spread
def recurring(
    name: Name,
    cycle: Annotated[
        str,
        typer.Option(
            "--cycle",
            parser=one_of(CYCLE_NAMES),
            metavar="|".join(CYCLE_NAMES),
            autocompletion=offer(CYCLE_NAMES),
            help="Every day, weekend or working days, or the start's weekday.",
            show_default=False,
        ),
    ],
    until_hour: Annotated[
        int,
        typer.Option(
            "--until-hour",
            parser=number(0, 24),
            metavar="0-24",
            help="Wall-clock hour at which each day ends.",
            show_default=False,
        ),
    ],
    options: IssuingSized,
) -> None:
    """Issue a code that opens on certain days, between two hours.

    The hour of the start begins each day. An end at or below it is on the next day.
    """
    _issue(name, RECURRING, options, cycle=CYCLE_NAMES.index(cycle), until_hour=until_hour % 24)


@app.command("revoke-code", epilog=examples("tumbler code revoke-code cabin"))
@spread
def revoke_code(name: Name, options: Issuing) -> None:
    """Issue a code that revokes another at the keypad.

    Type it, then within 30 seconds the code that is to be dead.
    """
    _issue(name, REVOKE, options)


@app.command("erase-code", epilog=examples("tumbler code erase-code cabin"))
@spread
def erase_code(name: Name, options: Issuing) -> None:
    """Issue a code that erases all codes at the keypad.

    Codes that were not used yet are dead then, too. When the lock has accepted it: tumbler lock confirm-erase NAME
    """
    _issue(name, ERASE, options)


@app.command("list", epilog=examples("tumbler code list cabin --current", "tumbler code list cabin --fetch --json"))
def list_(
    name: Name,
    current: Annotated[
        bool, typer.Option("--current", help="Leave out what is over, used, revoked or erased.")
    ] = False,
    fetch: Annotated[bool, typer.Option("--fetch", help="Ask the lock first; it must be in range.")] = False,
    wait: Wait = SCAN_SECONDS,
    json: Json = False,
) -> None:
    """List the codes of a lock.

    Those issued here have their digits. States: upcoming; usable (now, also for the first time); active (used before,
    and still opens); if-used (too late for a first use: opens only if it was used in time); used; over; revoked;
    erased; unconfirmed (sent to the lock, whose reply was lost). What the lock knows of a code is as of the last
    --fetch.
    """
    if fetch:

        async def work(door: ConnectedLock, progress: output.Progress) -> None:
            await door.fetch_log()  # for the first uses
            await door.fetch_codes(counting(progress, f"Reading the codes of {door.lock.name}"))

        at_lock(name, work, wait)
    with Registry.open() as registry:
        lock = registry.lock(name)
        issued = issued_codes(lock, registry.codes(lock))
        data = list_data(lock, issued, registry.cache(lock), now())
    if current:
        data = [code for code in data if code["state"] not in GONE]
    if json:
        output.emit(data)
        return
    output_code.codes(data, f"No codes. Issue one: {command_line('code one-time', lock.name)}")


@app.command(
    epilog=examples("tumbler code explain cabin 1768841", "tumbler code explain cabin 1768841 --at 2026-12-24T16:30")
)
def explain(
    name: Name,
    digits: Annotated[str, typer.Argument(metavar="DIGITS", help="The digits of a code.", show_default=False)],
    at: Annotated[
        str | None, typer.Option("--at", metavar="TIME", help="Wall clock or with an offset.", show_default="now")
    ] = None,
    json: Json = False,
) -> None:
    """Say what digits mean to a lock that has not seen them."""
    with Registry.open() as registry:
        lock = registry.lock(name)
        moment = instant(at, Zone(lock.rule), "--at")
        digits = without_grouping(digits)
        cache = registry.cache(lock)
        if any(one.digits == digits for one in cache.chosen()):
            rows = list_data(lock, issued_codes(lock, registry.codes(lock)), cache, moment)
            row = next((row for row in rows if row["digits"] == digits), None)
            if row is not None:
                _explain_stored(row, as_json=json)
                return
        answers = explain_digits(registry, lock, digits, moment)
    if lock.erase_pending:
        output.warn(
            f"An erase code was issued for '{lock.name}': if it was typed, every code of epoch {lock.epoch} is dead."
        )
    if json:
        first, *earlier = [output_code.answer_data(lock, answer, moment) for answer in answers]
        output.emit({**first, "earlier": earlier})
    else:
        output_code.explained(lock, answers, moment)


def _explain_stored(row: output.Data, *, as_json: bool) -> None:
    """Print what is known of a code that was added to the lock from here, without its digits."""
    data = {key: value for key, value in row.items() if key != "digits"}
    if as_json:
        output.emit({**data, "earlier": []})
        return
    again = command_line("code list --fetch", row["lock"])
    output.say(f"This code is stored in {row['lock']}, as last reported. Ask it again: {again}")
    output.fields((key, value) for key, value in data.items() if value not in (None, ""))


def _issue(
    name: str, kind: int, options: Issuing, *, end: str | None = None, cycle: int = 0, until_hour: int = 0
) -> None:
    """Issue a code, and print it only once it is on the disk."""
    with Registry.open() as registry:
        zone = Zone(registry.lock(name).rule)
        wish = Wish(
            kind,
            hour(options.start, zone, "--start", "up" if kind == RECURRING else "down"),
            hour(end, zone, "--end", "up"),
            cycle=cycle,
            until_hour=until_hour,
            digits=options.digits if isinstance(options, IssuingSized) else None,
            label=label_of(options.label),
            allow_past=options.allow_past,
        )
        code, warnings = issue(registry, name, wish, now())
        lock = registry.lock(name)
    for warning in warnings:
        output.warn(warning)
    if options.json:
        output.emit({**output_code.code_data(lock, code), "warnings": warnings})
        return
    output_code.issued(lock, code)
    if kind == ERASE and output.fancy():
        output.say(f"When the lock has accepted it: {command_line('lock confirm-erase', lock.name)}")
