"""How issued codes, explanations and odds look."""

from collections.abc import Sequence

from tumbler_lock.core.zone import Zone

from ..codes.explain import Answer
from ..codes.issue import IssuedCode
from ..codes.risk import STRICT_ODDS, Risk
from ..codes.wording import details, grant
from ..registry.registry import RegistryLock
from ..timezones import format_time
from . import output
from .output import Data

COLUMNS = ("digits", "kind", "start", "end", "first_use_until", "first_use", "state", "label", "id")
TIMES = ("start", "end", "first_use_until", "first_use")


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
        **details(code.meaning),
    }


def issued(lock: RegistryLock, code: IssuedCode) -> None:
    """Print a new code: the digits first, where they cannot be missed, then what they grant."""
    if not output.fancy():
        _digits_first(code_data(lock, code))
        return
    sentence = grant(code.meaning, code.start, code.end, code.first_use_until, Zone(lock.rule))
    output.code_panel(code.digits, _title(code.kind, lock.name, code.row.label), [sentence, f"id {code.short_id}"])


def stored(data: Data) -> None:
    """Print a code that the lock has stored: the digits first, where they cannot be missed."""
    if not output.fancy():
        _digits_first(data)
        return
    lines = [f"id {data['id']}"]
    if data["start"] or data["end"]:
        lines.insert(0, f"From {_short(data['start']) or 'now'} to {_short(data['end']) or 'for ever'}")
    output.code_panel(output.plain(data["digits"]), _title(data["kind"], data["lock"], data["label"]), lines)


def _digits_first(data: Data) -> None:
    print(output.plain(data["digits"]))
    output.fields((name, value) for name, value in data.items() if name != "digits")


def _title(kind: str | None, lock: str, label: str) -> str:
    return f"{kind or ''} code for {lock}".strip() + (f" · {label}" if label else "")


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
        **details(answer.meaning),
    }


_REASONS = {
    "opened": "It opens now.",
    "revoke-armed": "It is accepted now, and the code typed next is dead.",
    "erased": "It is accepted now, and erases every code.",
    "wrong": "It is not a code for this lock at this time.",
    "not-yet": "It is too early: its start has not come.",
    "first-use-missed": "It is too late for a first use: it opens only if it was used in time before.",
    "expired": "Its end has passed.",
    "outside-its-hours": "It does not open at this hour.",
}


def explained(lock: RegistryLock, answers: list[Answer], at: int) -> None:
    """Print what digits mean, under the present epoch and, as a hint, under an earlier one."""
    zone = Zone(lock.rule)
    for index, answer in enumerate(answers):
        data = answer_data(lock, answer, at)
        if index:
            print()
            output.say(f"Under epoch {answer.epoch}, before an erase, it was the code below. It is dead since then.")
        else:
            output.say(_REASONS[answer.reason])
        if answer.meaning is not None:
            output.say(grant(answer.meaning, answer.start, answer.end, answer.first_use_until, zone))
        output.fields((name, value) for name, value in data.items() if value not in (None, ""))
    if answers[0].meaning is not None:
        output.say(
            "This is what a lock says that has not seen the code. A lock remembers a use, a change or a deletion."
        )


def codes(data: Sequence[Data], empty: str) -> None:
    """Print the codes of a lock; on a terminal with times that are easier to read."""
    rows = [
        [_short(code[name]) if name in TIMES and output.fancy() else code[name] for name in COLUMNS] for code in data
    ]
    output.table(COLUMNS, rows, empty)


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
    """Print the odds by length, and what the guess budget makes of them."""
    rows = [(row.length, f"{row.accepted:,}", row.stored, one_in(row.now), one_in(row.odds)) for row in found.lengths]
    output.table(("digits", "accepted now", "stored", "one in (now)", "one in (worst)"), rows, "", strong=4)
    print()
    for line in (
        f"One random entry is right with a probability of at most one in {one_in(found.odds)}.",
        f"Guess budget: {found.tries} wrong entries at once, then one every {found.interval} seconds.",
        f"A day of guessing without a pause succeeds with a probability of {found.day:.2%} at most.",
        "Stored are the lasting codes issued here, as if each had been used. Custom codes add to this: each code of n"
        " digits is one more right entry in 10^n. The lock counts them, this command does not know them.",
        "Above one in 100,000, what EN 1300 practice asks of a code lock."
        if found.odds * STRICT_ODDS <= 1
        else "Policy 'strict' gives one in more than 100,000, what EN 1300 practice asks of a code lock.",
    ):
        output.say(line)


def one_in(odds: float) -> str:
    """Write a probability as the number of entries of which one is right."""
    return f"{round(1 / odds):,}" if odds else "never"
