"""What the owner does over an authenticated link: codes added, changed and deleted, and the time set.

Every command is one file commit, done or not done. A change keeps every limit that it does not name. Times are
Unix seconds on a whole hour of the lock's wall clock. A command that cannot be carried out raises Refused with
what to do instead and leaves everything as it was; neither the message nor the log ever holds digits.
"""

from .codebook import ACTIVE, NEVER, REVOKED, USED, Code
from .entry import LONGEST, SHORTEST
from .errors import Refused, StoreFull
from .events import ADDED, CHANGED, DELETED, TIME_SET
from .passcode import code_id
from .records import FORGET, PUT, TIME, Entry
from .tickets import CUSTOM


class Owner:
    """The commands of one lock. verifier: its Verifier (with store and clock)."""

    def __init__(self, verifier):
        self._verifier = verifier
        self._store = verifier.store

    def add_custom(self, digits: str, start=None, end=None) -> str:
        """Add a custom code of 4 to 9 digits, good from `start` (None: at once) until `end` (None: for ever).

        Returns its id. Refused when it exists, is already over, or the code book is full.
        """
        now, trusted = self._now()
        tag, gone = self._free(digits, now)
        code = Code(tag, CUSTOM, ACTIVE, len(digits), gone=gone)
        self._limit(code, start, end)
        if code.end <= now:
            raise Refused("already-over", "the end has passed: name a later one")
        self._commit([_entry(ADDED, PUT, code)], now, trusted)
        return code_id(tag)

    def change(self, digits: str, start=None, end=None, new_digits=None) -> str:
        """Give a code new times or new digits; whatever is not named stays. Returns its id.

        The code may be custom, or offline and used or not yet; a suspended code lives again when it is given a
        new start. Refused when it is no code, deleted, used up, or the new digits are taken.
        """
        now, trusted = self._now()
        code = self._find(digits, now)
        if code.state == REVOKED:
            raise Refused("revoked", "this code was deleted: issue or add a new one")
        if code.state == USED:
            raise Refused("already-used", "a one-time code stays used: issue a new one")
        if new_digits == digits:
            new_digits = None
        if start is None and end is None and new_digits is None:
            raise Refused("nothing-named", "name a new start, a new end or new digits")
        self._limit(code, start, end)
        if new_digits is None:
            self._commit([_entry(CHANGED, PUT, code)], now, trusted)
            return code_id(code.tag)
        tag, gone = self._free(new_digits, now)
        entries = self._end(Code.unpack(code.pack()), CHANGED, now)
        code.tag, code.length, code.gone = tag, len(new_digits), gone
        self._commit(entries + [_entry(CHANGED, PUT, code)], now, trusted)
        return code_id(tag)

    def delete(self, digits: str) -> str:
        """Delete a code, custom or offline, used or not yet: its digits open nothing from now on. Returns its id."""
        now, trusted = self._now()
        code = self._find(digits, now)
        if code.state == REVOKED:
            raise Refused("revoked", "this code was deleted before")
        self._commit(self._end(code, DELETED, now), now, trusted)
        return code_id(code.tag)

    def set_time(self, now: int) -> None:
        """Set the clock; from then on this is the earliest time the lock believes, even if it went back.

        When flash refuses to note that, the clock is set all the same: forwards it is believed, backwards it is not.
        """
        try:
            self._verifier.clock.set(now)
        except ValueError as error:
            raise Refused("bad-time", str(error))
        except OSError:
            raise Refused("clock-fault", "the clock chip does not answer: look at its wiring")
        self._commit([Entry(TIME_SET, 0, TIME, None, 0)], now, True)

    def _now(self) -> tuple:
        """The time to judge limits by: the clock's when it is trusted, else the floor."""
        now, trusted = self._verifier.clock.read()
        return (now, True) if trusted else (self._store.floor, False)

    def _find(self, digits: str, now: int) -> "Code":
        self._check_digits(digits)
        code = self._verifier.find(digits, now)
        if code is None:
            raise Refused("no-such-code", "the lock knows no such code: look at the digits and the lock's time")
        return code

    def _free(self, digits: str, now: int) -> tuple:
        """(tag, gone) for digits that are to be a code; Refused when they are a live one.

        gone: until when the same digits are, or were, some other code's. When the new code is deleted before that, its
        record stays, so that the other one does not come to life.
        """
        self._check_digits(digits)
        tag = self._verifier.scheme.tag(digits)
        known = self._store.book.find(tag)
        if known and known.live(now):
            raise Refused("code-exists", "the lock has a code of these digits already: change that, or choose others")
        other = known or self._verifier.find(digits, now)
        return tag, other.gone if other else 0

    def _check_digits(self, digits: str) -> None:
        if not SHORTEST <= len(digits) <= LONGEST or not all("0" <= d <= "9" for d in digits):
            raise Refused("bad-digits", "a code has 4 to 9 digits and nothing else")

    def _limit(self, code: "Code", start, end) -> None:
        """Put named limits on a code; those not named stay."""
        phase = self._verifier.zone.phase
        for name, value in (("start", start), ("end", end)):
            if value is None:
                continue
            if not 0 <= value < NEVER:
                raise Refused("bad-time", "%s: lies outside 1970 to 2106" % name)
            if (value + phase) % 3600:
                raise Refused("bad-time", "%s: codes go by the hour, name a whole one of the lock's zone" % name)
        if start is not None:
            code.start = start
        if end is not None:
            code.end = end
        if code.end <= code.start:
            raise Refused("bad-time", "the end must be after the start: name both")

    def _end(self, code: "Code", event: int, now: int) -> list:
        """Entries that end a code: kept as dead while its bare digits could still be used, or as a word for the
        log; a custom code that was never anything else is forgotten."""
        if code.kind == CUSTOM and code.gone <= now:
            return [_entry(event, FORGET, code)]
        code.state = REVOKED
        return [_entry(event, PUT, code)]

    def _commit(self, entries: list, now: int, trusted: bool) -> None:
        try:
            self._store.commit(self._verifier.with_room(entries, now), now, trusted)
        except StoreFull as error:
            raise Refused("store-full", str(error))
        self._verifier.codes_changed()


def _entry(event: int, action: int, code: "Code") -> "Entry":
    return Entry(event, 0, action, code, 0)
