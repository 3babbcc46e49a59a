"""How answers look: tables, colour and sentences on a terminal, tab-separated lines in a pipe, JSON when asked.

In a pipe there are no escape sequences and no box characters; the digits of an issued code are the first line.
Times in JSON and in pipes are ISO 8601 with the lock's offset. Warnings and errors go to standard error.
"""

import json
import os
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from tumbler_lock.core.tickets import CYCLE_NAMES, ERASE, ONE_TIME, PERMANENT, RECURRING, REVOKE, TIMED, Meaning
from tumbler_lock.core.zone import Zone, weekday

from ..codes.explain import Answer
from ..codes.issue import IssuedCode
from ..codes.risk import STRICT_ODDS, Risk
from ..errors import ToolError
from ..registry.registry import RegistryLock
from ..timezones import format_time

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Data = dict[str, Any]


def fancy() -> bool:
    """Say whether a person at a terminal reads standard output."""
    return sys.stdout.isatty() and os.environ.get("TERM") != "dumb"


def emit(data: object) -> None:
    """Print JSON."""
    print(json.dumps(data, indent=2))


def warn(text: str) -> None:
    """Print a warning on standard error."""
    _error_console().print(Text.assemble(("Warning: ", "bold yellow"), text), soft_wrap=True)


def notice(text: str) -> None:
    """Print on standard error what is not wrong, and good to know."""
    _error_console().print(Text.assemble(("Note: ", "bold"), text), soft_wrap=True)


def note(text: str) -> None:
    """Print on standard error what a person has to do now."""
    _error_console().print(Text(text, "bold"), soft_wrap=True)


class Progress:
    """What is going on, on one line of standard error that comes and goes; a person at a terminal alone sees it."""

    def __init__(self) -> None:
        console = _error_console()
        self._status = console.status("") if console.is_terminal and os.environ.get("TERM") != "dumb" else None

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *_: object) -> None:
        self.hide()

    def __call__(self, text: str) -> None:
        """Show a text until the next one."""
        if self._status is not None:
            self._status.update(Text(text, "dim"))
            self._status.start()

    def hide(self) -> None:
        """Make room, such as for a question."""
        if self._status is not None:
            self._status.stop()


def error(trouble: ToolError) -> None:
    """Print what was wrong and what to do, each on its line of standard error."""
    console = _error_console()
    console.print(Text.assemble(("Error: ", "bold red"), _one_line(trouble.what)), soft_wrap=True)
    console.print(Text(trouble.remedy), soft_wrap=True)


def say(text: str) -> None:
    """Print a sentence."""
    if fancy():
        Console(highlight=False).print(Text(text))
    else:
        print(text)


def many(count: int, noun: str) -> str:
    """Write how many there are of something: `1 code`, `2 codes`."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def fields(pairs: Iterable[tuple[str, object]], title: str = "") -> None:
    """Print names with their values, one a line."""
    if not fancy():
        for name, value in pairs:
            print(f"{name}\t{_plain(value)}")
        return
    grid = Table.grid(padding=(0, 3))
    grid.add_column(style="dim")
    grid.add_column()
    for name, value in pairs:
        grid.add_row(name.replace("_", " "), Text(_plain(value)))
    console = Console(highlight=False)
    if title:
        console.print(Text(title, "bold"))
    console.print(grid)


def table(columns: Sequence[str], rows: Sequence[Sequence[object]], empty: str, strong: int = 0) -> None:
    """Print a table; `strong` is the column that stands out. In a pipe its header is the first line."""
    if not fancy():
        print("\t".join(columns))
        for row in rows:
            print("\t".join(_plain(value) for value in row))
        return
    if not rows:
        say(empty)
        return
    grid = Table(header_style="dim", box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for index, column in enumerate(columns):
        style = "bold green" if index == strong else ""
        grid.add_column(column, style=style, no_wrap=index == strong, overflow="fold")
    for row in rows:
        grid.add_row(*(Text(_plain(value)) for value in row))
    Console(highlight=False).print(grid)


def weekend_names(mask: int) -> str:
    """Write a bit mask of weekdays as `sat,sun`."""
    return ",".join(day for bit, day in enumerate(WEEKDAYS) if mask >> bit & 1)


def lock_data(lock: RegistryLock, codes: int) -> Data:
    """Return everything about a lock but its secret."""
    zone = Zone(lock.rule)
    return {
        "name": lock.name,
        "timezone": lock.timezone,
        "rule": lock.rule,
        "weekend": weekend_names(lock.weekend),
        "policy": lock.policy,
        "epoch": lock.epoch,
        "erase_pending": lock.erase_pending,
        "codes": codes,
        "fingerprint": lock.fingerprint,
        "lock_id": lock.lock_id.hex(),
        "secret_here": lock.secret is not None,
        "added": format_time(lock.created, zone),
    }


def meaning_data(what: Meaning) -> Data:
    """Return the fields that only some kinds have."""
    if what.kind == TIMED:
        return {"hours": what.hours, "variant": what.serial}
    if what.kind == RECURRING:
        return {"cycle": CYCLE_NAMES[what.cycle], "until_hour": what.until_hour}
    if what.kind in (ONE_TIME, PERMANENT):
        return {"serial": what.serial}
    return {}


def code_data(lock: RegistryLock, code: IssuedCode) -> Data:
    """Return an issued code with its digits, for JSON."""
    zone = Zone(lock.rule)
    return {
        "digits": code.digits,
        "kind": code.kind,
        "start": format_time(code.start, zone),
        "end": None if code.end is None else format_time(code.end, zone),
        "first_use_until": format_time(code.first_use_until, zone),
        "ticket": code.row.ticket,
        "hour": code.row.hour,
        "length": code.row.length,
        "lock": lock.name,
        "epoch": code.row.epoch,
        "id": code.short_id,
        "label": code.row.label,
        **meaning_data(code.meaning),
    }


def issued(lock: RegistryLock, code: IssuedCode) -> None:
    """Print a new code: the digits where nobody can miss them, then what they grant."""
    data = code_data(lock, code)
    if not fancy():
        print(code.digits)
        fields((name, data[name]) for name in data if name != "digits")
        return
    sentence = grant(code.meaning, code.start, code.end, code.first_use_until, Zone(lock.rule))
    title = f"{code.kind} code for {lock.name}" + (f" · {code.row.label}" if code.row.label else "")
    body = Text.assemble((code.digits, "bold green"), ("  then #", "dim"))
    console = Console(highlight=False)
    console.print(Panel(body, title=Text(title), border_style="green", padding=(1, 4), expand=False))
    console.print(Text(sentence))
    console.print(Text(f"id {code.short_id}", "dim"))


def told_code(data: Data) -> None:
    """Print a code that a lock was told: the digits where nobody can miss them."""
    if not fancy():
        print(_plain(data["digits"]))
        fields((name, data[name]) for name in data if name != "digits")
        return
    title = f"{data['kind']} code of {data['lock']}" + (f" · {data['label']}" if data["label"] else "")
    body = Text.assemble((_plain(data["digits"]), "bold green"), ("  then #", "dim"))
    console = Console(highlight=False)
    console.print(Panel(body, title=Text(title), border_style="green", padding=(1, 4), expand=False))
    if data["start"] or data["end"]:
        console.print(Text(f"From {_short(data['start']) or 'now'} to {_short(data['end']) or 'for ever'}"))
    console.print(Text(f"id {data['id']}", "dim"))


def digits_to_type(digits: str) -> None:
    """Print the six digits of a pairing on standard error, which is the person's whatever standard output is."""
    console = _error_console()
    if not console.is_terminal:
        print(f"Type on the lock's keypad: {digits} #", file=sys.stderr, flush=True)
        return
    body = Text.assemble((f"{digits[:3]} {digits[3:]}", "bold green"), ("  then #", "dim"))
    console.print(Panel(body, title="Type on the lock's keypad", border_style="green", padding=(1, 4), expand=False))


def grant(what: Meaning, start: int, end: int | None, until: int, zone: Zone) -> str:
    """Say in words what a ticket grants."""
    first = f"from {moment(start, zone)}; its first use must be before {moment(until, zone)}"
    if what.kind == ONE_TIME:
        return f"Opens once, {first}."
    if what.kind == PERMANENT:
        return f"Opens until it is deleted, {first}."
    if what.kind == TIMED and end is not None:
        return f"Opens until {moment(end, zone)}, {first}."
    if what.kind == RECURRING:
        day, hour, _, _ = zone.local(start)
        cycle = ("every day", "on weekend days", "on working days", f"every {_DAYS[weekday(day)]}")[what.cycle]
        if what.until_hour == hour:
            window = f"for 24 hours from {hour:02}:00"
        else:
            window = f"from {hour:02}:00 to {what.until_hour:02}:00"
            window += " the next day" if what.until_hour < hour else ""
        return f"Opens {cycle} {window}, {first}."
    if what.kind == REVOKE:
        return f"Opens nothing: the code typed within 30 seconds after it is dead for ever. Works {first}."
    if what.kind == ERASE:
        return f"Opens nothing: every code of the lock, this one too, is dead for ever. Works {first}."
    return "Opens nothing."


def moment(unix: int, zone: Zone) -> str:
    """Write a time for people: weekday, date, wall clock and offset."""
    iso = format_time(unix, zone)
    return f"{_DAYS[weekday(zone.local(unix)[0])][:3]} {iso[:10]} {iso[11:16]} ({iso[19:]})"


def answer_data(lock: RegistryLock, answer: Answer, at: int) -> Data:
    """Return what `explain` found under one epoch, for JSON; never the digits."""
    zone = Zone(lock.rule)
    data: Data = {
        "at": format_time(at, zone),
        "verdict": answer.verdict,
        "reason": answer.reason,
        "epoch": answer.epoch,
        "id": answer.short_id,
        "issued_here": answer.row is not None,
        "label": answer.row.label if answer.row else None,
        "kind": None,
    }
    if answer.meaning is None:
        return data
    return {
        **data,
        "kind": answer.kind,
        "start": format_time(answer.start, zone),
        "end": None if answer.end is None else format_time(answer.end, zone),
        "first_use_until": format_time(answer.first_use_until, zone),
        "ticket": answer.ticket,
        "hour": answer.hour,
        "length": answer.length,
        **meaning_data(answer.meaning),
    }


_REASONS = {
    "opened": "It opens now.",
    "revoke-armed": "It is accepted now, and the code typed next is dead.",
    "erased": "It is accepted now, and erases every code.",
    "wrong": "No code for this lock at this time.",
    "not-yet": "Too early: its start has not come.",
    "suspended": "Too late for a first use: it opens only if it was used in time before.",
    "expired": "Over: its end has passed.",
    "outside-its-hours": "Outside its hours at this moment.",
}


def explained(lock: RegistryLock, answers: list[Answer], at: int) -> None:
    """Print what digits mean, under the present epoch and, as a hint, under an earlier one."""
    zone = Zone(lock.rule)
    for index, answer in enumerate(answers):
        data = answer_data(lock, answer, at)
        if index:
            print()
            say(f"Under epoch {answer.epoch}, before an erase, they were the code below: dead since then.")
        else:
            say(_REASONS[answer.reason])
        if answer.meaning is not None:
            say(grant(answer.meaning, answer.start, answer.end, answer.first_use_until, zone))
        fields((name, value) for name, value in data.items() if value not in (None, ""))
    if answers[0].meaning is not None:
        say("So says a lock that has not seen the code; one that was used, changed or revoked it remembers.")


def codes(lock: RegistryLock, data: list[Data], empty: str) -> None:
    """Print the codes of a lock; on a terminal with times that are easier to read."""
    columns = ["digits", "kind", "start", "end", "first_use_until", "first_use", "state", "label", "id"]
    rows = [[code[column] for column in columns] for code in data]
    if fancy():
        rows = [[*row[:2], *(_short(time) for time in row[2:6]), *row[6:]] for row in rows]
    table([column.replace("_", " ") for column in columns], rows, empty)


def _short(iso: str | None) -> str | None:
    """Cut seconds and offset off a time of the lock's wall clock."""
    return iso and iso[:16].replace("T", " ")


def risk_data(found: Risk) -> Data:
    """Return the odds and the guess budget, for JSON. Probabilities are numbers from 0 to 1."""
    return {
        "lengths": [
            {
                "length": row.length,
                "accepted_now": row.accepted,
                "accepted_worst": row.worst,
                "stored": row.stored,
                "odds_now": row.now,
                "odds_worst": row.odds,
                "one_in": None if row.odds == 0 else round(1 / row.odds),
            }
            for row in found.lengths
        ],
        "worst_odds": found.odds,
        "tries": found.tries,
        "interval_seconds": found.interval,
        "day_probability": found.day,
    }


def risk(found: Risk) -> None:
    """Print the odds by length and what the guess budget makes of them."""
    rows = [(row.length, f"{row.accepted:,}", row.stored, one_in(row.now), one_in(row.odds)) for row in found.lengths]
    table(("digits", "accepted now", "stored", "one in (now)", "one in (worst)"), rows, "", strong=4)
    print()
    for line in (
        f"One random entry is right with a probability of at most one in {one_in(found.odds)}.",
        f"Guess budget: {found.tries} wrong entries at once, then one every {found.interval} seconds.",
        f"Someone who guesses for 24 hours without a pause gets in with a probability of {found.day:.2%} at most.",
        "Stored are the codes issued here that last, as if each had been used. Custom codes add to this: each one"
        " of n digits is one more right entry in 10^n, which the lock counts and this page does not know.",
        "Above one in 100,000, what EN 1300 practice asks of a code lock."
        if found.odds * STRICT_ODDS <= 1
        else "Policy 'strict' gives one in more than 100,000, what EN 1300 practice asks of a code lock.",
    ):
        say(line)


def one_in(odds: float) -> str:
    """Write a probability as the number of entries of which one is right."""
    return f"{round(1 / odds):,}" if odds else "never"


_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def _plain(value: object) -> str:
    """Write one value for a person or a pipe."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _error_console() -> Console:
    return Console(stderr=True, highlight=False)
