"""What digits mean to a lock that does not know them. The lock's own code decides.

So the answer is that of a lock which has not seen the code. What a lock remembers of it (used, changed, revoked)
only the lock knows. Times are Unix seconds.
"""

from dataclasses import dataclass

from tumbler_lock.core.config import Config
from tumbler_lock.core.events import ERASED, OPEN, REFUSED, REVOKE_ARMED
from tumbler_lock.core.passcode import HOURS_PER_ERA, Scheme, code_id, hour_of, start_of
from tumbler_lock.core.reading import Reader
from tumbler_lock.core.tickets import ERASE, KINDS, REVOKE, Meaning, meaning
from tumbler_lock.core.zone import Zone

from ..errors import ToolError
from ..registry.registry import IssuedRow, Registry, RegistryLock
from ..text import command_line
from .issue import LENGTHS, policy_of, times

_VERDICTS = {REVOKE: (REVOKE_ARMED, "revoke-armed"), ERASE: (ERASED, "erased")}


@dataclass(frozen=True)
class Answer:
    """What digits are, at one moment. `meaning` None: they are not a code; then the times and `hour` are 0.

    verdict, reason: the lock's words (docs/spec/entries.md); row: the registry's row if the code was issued here.
    """

    verdict: str
    reason: str
    epoch: int
    short_id: str
    hour: int = 0
    ticket: int = 0
    meaning: Meaning | None = None
    start: int = 0
    end: int | None = None
    first_use_until: int = 0
    row: IssuedRow | None = None
    length: int = 0

    @property
    def kind(self) -> str | None:
        """The kind in words, None for digits that are not a code."""
        return KINDS[self.meaning.kind].name if self.meaning else None


def explain(registry: Registry, lock: RegistryLock, digits: str, at: int) -> list[Answer]:
    """Return what the digits mean at `at`: first under the lock's epoch, then under earlier ones that they fit.

    An earlier epoch is listed if the code was issued here, or if it is the one before and its lock would have known
    the code. ToolError if the digits cannot be an offline code.
    """
    if not 4 <= len(digits) <= 9 or not all("0" <= d <= "9" for d in digits):
        raise ToolError("A code has 4 to 9 digits.", "Give the digits as they are typed.")
    if len(digits) not in LENGTHS:
        raise ToolError(
            "Codes of 4 or 5 digits are custom codes: only the lock knows them.",
            f"Ask the lock for its codes, in range: {command_line('code list --fetch', lock.name)}",
        )
    rows = registry.codes(lock)
    answers = [_answer(lock, lock.epoch, digits, at, rows)]
    for epoch in range(lock.epoch - 1, -1, -1):
        older = _issued(lock, epoch, digits, rows)
        if older is None and epoch != lock.epoch - 1:
            continue
        answer = _answer(lock, epoch, digits, at, rows)
        if answer.meaning is not None and (answer.row or answers[0].reason == "wrong"):
            answers.append(answer)
    return answers


def _answer(lock: RegistryLock, epoch: int, digits: str, at: int, rows: list[IssuedRow]) -> Answer:
    """Return what the digits mean under one epoch."""
    zone = Zone(lock.rule)
    scheme = Scheme(lock.required_secret, epoch)
    tag = scheme.tag(digits)
    row = _issued(lock, epoch, digits, rows)
    config = Config(lock.rule, weekend=lock.weekend, policy=policy_of(lock))
    reading = Reader(scheme, config).read(tag, digits, at, oldest_start=0)
    verdict, reason = REFUSED, reading.reason
    if reason == "opened":
        verdict, reason = _VERDICTS.get(reading.code.kind, (OPEN, reason))
    if reason != "wrong":
        hour, ticket = _place(scheme, digits, reading.code.start, zone.phase)
    elif row:
        hour, ticket = row.hour, row.ticket
    else:
        return Answer(verdict, reason, epoch, code_id(tag))
    what = meaning(ticket)
    if what is None:
        return Answer(verdict, reason, epoch, code_id(tag), row=row)
    start, end, until = times(what, start_of(hour, zone.phase))
    if row and (row.hour, row.ticket) != (hour, ticket):
        row = None
    return Answer(verdict, reason, epoch, code_id(tag), hour, ticket, what, start, end, until, row, len(digits))


def _place(scheme: Scheme, digits: str, start: int, phase: int) -> tuple[int, int]:
    """Return (hour, ticket) of the reading that begins at `start`."""
    era = hour_of(start, phase) // HOURS_PER_ERA
    hour, ticket = scheme.decode(digits, era)
    if start_of(hour, phase) != start:
        raise ValueError("the verifier's reading is not what the digits decode to")
    return hour, ticket


def _issued(lock: RegistryLock, epoch: int, digits: str, rows: list[IssuedRow]) -> IssuedRow | None:
    """Return the registry's row that has these digits, in any era."""
    here = {(row.hour, row.ticket): row for row in rows if row.epoch == epoch and row.length == len(digits)}
    scheme = Scheme(lock.required_secret, epoch)
    for era in {hour // HOURS_PER_ERA for hour, _ in here}:
        found = here.get(scheme.decode(digits, era))
        if found:
            return found
    return None
