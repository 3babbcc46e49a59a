"""The verifier: the digits of one entry and the lock's memory in, a verdict out.

The order is what makes it safe (docs/spec/entries.md): pay the guess budget on flash; look the digits up in the code
book; else decode them; decide; commit what must be remembered; only then answer. Whoever moves the bolt does so
after enter() has returned "open".

Invariants: digits are never kept, only their keyed tag; every way through costs at most one tag, two FF1
decryptions and two file commits; what the lock remembers of a code beats what its digits say.
"""

from collections import namedtuple

from .budget import Budget
from .codebook import ACTIVE, FRESH, NEVER, REVOKED, USED, Code
from .config import Config
from .errors import LockError, StoreFull
from .events import ERASED as ERASED_VERDICT
from .events import LOCKED_OUT, OPEN, PASSAGE, REASONS, REFUSED, REVOKE_ARMED, UNKNOWN, VERDICTS, Verdict
from .events import REVOKED as REVOKED_VERDICT
from .keypad_buffer import LONGEST, SHORTEST
from .passcode import EARLY, HOURS_PER_ERA, Scheme, code_id, hour_of, start_of
from .records import ERASE, FORGET, NONE, PUT, Entry
from .schedule import in_cycle, occurs, on_days
from .tickets import (
    CUSTOM,
    FIRST_USE_HOURS,
    FIRST_USE_HOURS_ONE_TIME,
    ONE_TIME,
    PERMANENT,
    RECURRING,
    REVOKE,
    TIMED,
    meaning,
)
from .tickets import ERASE as ERASE_KIND
from .zone import HOUR, weekday

HORIZON = 8_784 * 3_600  # a decoded start further from now than the longest code is no code, but a wrong guess
QUIET_FOR = 3_600  # seconds after a lockout or a passage was logged in which the next one is not
ARMED_FOR = 30  # seconds in which the code after a revoke code must be typed

# What unseen digits are: the reason they are taken ("opened") or not, and the FRESH record of the code they are,
# with every limit of their ticket; of kind UNKNOWN when they are no code.
Reading = namedtuple("Reading", "reason code")

# The better reason wins where two eras give two readings of the same digits.
_RANK = {"wrong": 0, "first-use-missed": 1, "expired": 2, "not-yet": 3, "outside-its-hours": 4, "opened": 5}


class Verifier:
    """Decides entries for one lock.

    store: the open Store; clock: Clock; uptime: callable, whole seconds since the start, never going back.
    """

    def __init__(self, store, clock, uptime):
        self.store = store
        self.clock = clock
        self._uptime = uptime
        self._armed = None  # (uptime until which it counts, the revoke code's record)
        self._quiet_until = {}  # record's event: uptime before which no other of these is logged
        self.budget = Budget(store, uptime, Config.unpack(store.config).policy)
        self.scheme = Scheme(store.secret, store.epoch)
        self.configure()

    def configure(self) -> None:
        """Read the store's configuration again, after it changed. The guess budget goes on."""
        self.config = Config.unpack(self.store.config)
        self.zone = self.config.zone
        self.budget.configure(self.config.policy)
        self.codes_changed()

    def erased(self) -> None:
        """Begin the store's new epoch, in which no code of the old one means anything; call after an erase."""
        self.scheme = Scheme(self.store.secret, self.store.epoch)
        self._armed = None
        self.codes_changed()

    def codes_changed(self) -> None:
        """Count the stored codes that can still open and weigh the odds anew; call after the owner changed any."""
        self._lengths = self.store.book.live_lengths(self.store.latest_trusted)
        self.budget.adjust(self._lengths)

    def enter(self, digits: str) -> "Verdict":
        """Decide one entry. Never raises for what was typed; nothing is changed unless the answer says so."""
        length = len(digits)
        if not length:
            return self._nothing()
        if not SHORTEST <= length <= LONGEST or not all("0" <= d <= "9" for d in digits):
            return Verdict(REFUSED, "wrong", None, None, self._at())  # no code looks so: no guess, no payment
        now, trusted = self.clock.read()
        revoke = self._take_armed()
        if revoke:
            return self._revoke_with(revoke, digits, now, trusted)
        try:
            paid = self.budget.pay(now if trusted else None)
        except StoreFull:
            return Verdict(REFUSED, "store-full", None, None, now if trusted else None)
        if not paid and not self.budget.resident(length):
            return self._locked_out(now, trusted)
        tag = self.scheme.tag(digits)
        known = self.store.book.find(tag)
        if known:
            reason = self._known(known, now, trusted)
            if paid or reason == "opened":
                return self._conclude(reason, known, now, trusted, paid, known.state == FRESH)
        if not paid:
            return self._locked_out(now, trusted)
        if not trusted:
            return self._conclude("time-untrusted", _unknown(tag, length), now, trusted, paid)
        reading = self.read(tag, digits, now)
        return self._conclude(reading.reason, reading.code, now, trusted, paid, True)

    def tick(self) -> None:
        """Housekeeping, once a minute or so: earned tokens, and the latest trusted time once an hour, go to flash."""
        now, trusted = self.clock.read()
        latest_trusted = self.store.latest_trusted
        if trusted and now - latest_trusted >= 3_600:
            self.budget.keep(now)
            self.codes_changed()  # some may be over by now
        else:
            self.budget.keep(latest_trusted)

    def read(self, tag: bytes, digits: str, now: int) -> "Reading":
        """What unseen digits with this tag mean at trusted time `now`: the best reading over the eras, at most two,
        that have hours within the horizon."""
        length = len(digits)
        best = Reading("wrong", None)
        taken_until = 0
        if length >= self.config.policy.fewest_digits:
            phase = self.zone.phase
            last = hour_of(now + HORIZON, phase) // HOURS_PER_ERA
            for era in range(hour_of(max(0, now - HORIZON), phase) // HOURS_PER_ERA, last + 1):
                hour, ticket = self.scheme.decode(digits, era)
                start = start_of(hour, phase)
                what = meaning(ticket) if start >= 0 and abs(now - start) <= HORIZON else None
                if self.config.policy.permits(what):
                    code = self._fresh(tag, length, what, start)
                    reason = self._unseen(code, now)
                    taken_until = max(taken_until, code.digits_taken_until)
                    if _RANK[reason] > _RANK[best.reason]:
                        best = Reading(reason, code)
        if best.code is None:
            return Reading("wrong", _unknown(tag, length))
        best.code.digits_taken_until = taken_until  # the same digits may have a second reading, in the next era
        return best

    def _fresh(self, tag: bytes, length: int, what, start: int) -> "Code":
        """The record of a ticket that has not been used."""
        code = Code(tag, what.kind, FRESH, length)
        code.start = start
        code.digits_taken_until = start + 3_600 * FIRST_USE_HOURS
        if what.kind == TIMED:
            code.end = start + 3_600 * what.hours
        elif what.kind == RECURRING:
            day, hour, _, _ = self.zone.local(start)
            code.cycle, code.begin, code.until, code.weekday = what.cycle, hour, what.until_hour, weekday(day)
        return code

    def _unseen(self, code: "Code", now: int) -> str:
        """Why a ticket that the lock does not know is taken at `now`, or not."""
        if code.kind == RECURRING:
            day, _, _, _ = self.zone.local(code.start)
            if not in_cycle(code.cycle, code.weekday, self.config.weekend, day):
                return "wrong"
        # An hour later, so that a new zone rule may move the hours by part of one.
        return (
            "first-use-missed" if code.start < self.store.oldest_start_accepted + HOUR else self._first_use(code, now)
        )

    def _at(self):
        now, trusted = self.clock.read()
        return now if trusted else None

    def _first_use(self, code: "Code", now: int) -> str:
        """Why a code that was never used may be used first at `now`, or not."""
        if now < code.start - EARLY:
            return "not-yet"
        if now >= code.end:
            return "expired"
        if now >= code.start + 3_600 * (FIRST_USE_HOURS_ONE_TIME if code.kind == ONE_TIME else FIRST_USE_HOURS):
            return "first-use-missed"
        return self._within(code, now)

    def _within(self, code: "Code", now: int) -> str:
        """Whether a recurring code is inside one of its occurrences; every other kind always is."""
        if code.kind != RECURRING:
            return "opened"
        day, hour, _, _ = self.zone.local(max(now, code.start))  # early for the first time is as if on time
        inside = occurs(code.cycle, code.begin, code.until, code.weekday, self.config.weekend, day, hour)
        return "opened" if inside else "outside-its-hours"

    def _known(self, code: "Code", now: int, trusted: bool) -> str:
        """The reason for a code of the code book."""
        if code.state == REVOKED:
            return "revoked"
        if code.state == USED:
            return "already-used"
        early = 0 if code.kind == CUSTOM else EARLY
        if not trusted:
            timeless = code.state == ACTIVE and code.kind in (PERMANENT, CUSTOM) and code.end == NEVER
            begun = code.start - early <= self.store.latest_trusted
            return "opened" if timeless and begun else "time-untrusted"
        if code.state == FRESH:
            return self._first_use(code, now)
        if now < code.start - early:
            return "not-yet"
        return "expired" if now >= code.end else self._within(code, now)

    def _conclude(self, reason, code, now, trusted, paid, first=False) -> "Verdict":
        """Commit what `reason` asks for and answer. first: this is the code's first use, so it is remembered."""
        kind = code.kind
        if reason != "opened":
            return self._answer(REFUSED, reason, code, NONE, now, trusted, False)
        if kind == REVOKE:
            verdict = self._answer(REVOKE_ARMED, "revoke-armed", code, NONE, now, trusted, paid)
            if verdict.verdict == REVOKE_ARMED:
                self._armed = (self._uptime() + ARMED_FOR, code)
            return verdict
        if kind == ERASE_KIND:
            verdict = self._answer(ERASED_VERDICT, "erased", code, ERASE, now, trusted, paid)
            if verdict.verdict == ERASED_VERDICT:
                self.erased()
            return verdict
        if first:
            code.state = USED if kind == ONE_TIME else ACTIVE
        verdict = self._answer(OPEN, "opened", code, PUT if first else NONE, now, trusted, paid)
        if first and code.state == ACTIVE and verdict.verdict == OPEN:
            self._lengths[code.length] += 1  # counted exactly within the hour; until then never too low
            self.budget.adjust(self._lengths)
        return verdict

    def _answer(self, verdict, reason, code, action, now, trusted, refund) -> "Verdict":
        """Commit one verdict with its change, and give it; refused when the change cannot be kept on flash."""
        kind, short = (None, None) if code.kind == UNKNOWN else (code.kind, code_id(code.tag))
        at = now if trusted else None
        try:
            entries = self.with_room([_entry(verdict, reason, action, code)], now)
            self.store.commit(entries, now, trusted, refund)
        except StoreFull:
            # A code that changes nothing opens even if the log cannot be written: residents are not shut out.
            if action != NONE or verdict == REVOKE_ARMED:
                return Verdict(REFUSED, "store-full", kind, short, at)
            if refund:
                self.budget.give_back()
            return Verdict(verdict, reason, kind, short, at)
        if refund:
            self.budget.refunded()
        return Verdict(verdict, reason, kind, short, at)

    def with_room(self, entries: list, now: int) -> list:
        """`entries`, after what must be forgotten so that each new record among them finds room; StoreFull when
        nothing else can be forgotten."""
        tags = [entry.code.tag for entry in entries if entry.action in (PUT, FORGET)]
        new = 0
        for entry in entries:
            if entry.action == FORGET:
                new -= 1
            elif entry.action == PUT and not self.store.book.find(entry.code.tag):
                new += 1
        return (self.store.make_room(now, new, tags) if new > 0 else []) + entries

    def _nothing(self) -> "Verdict":
        """Decide `#` alone: it opens in passage hours, with nothing paid and nothing asked of the flash."""
        now, trusted = self.clock.read()
        at = now if trusted else None
        days, begin, until = self.config.passage
        if trusted and days:
            day, hour, _, _ = self.zone.local(now)
            if on_days(days, begin, until, day, hour):
                self._log_seldom(Entry(PASSAGE, 0, NONE, None, 0), now, True, now - QUIET_FOR)
                return Verdict(OPEN, "passage", None, None, at)
        return Verdict(REFUSED, "wrong", None, None, at)

    def _locked_out(self, now: int, trusted: bool) -> "Verdict":
        """Turn an entry away unread; none is logged twice in a row."""
        self._log_seldom(_entry(LOCKED_OUT, "locked-out", NONE, None), now, trusted, -1)
        return Verdict(LOCKED_OUT, "locked-out", None, None, now if trusted else None)

    def _log_seldom(self, entry: "Entry", now: int, trusted: bool, since: int) -> None:
        """Log once an hour what may happen all the time, more would wear the flash; and not right after another of
        these after Unix second `since`, whatever was restarted meanwhile."""
        event = entry.event
        if self._uptime() < self._quiet_until.get(event, 0):
            return
        try:
            last = self.store.event(self.store.seq)
            if last is None or last.event != event or last.time <= since:
                self._quiet_until[event] = self._uptime() + QUIET_FOR
                self.store.commit([entry], now, trusted)
        except LockError:
            pass  # the log alone is not worth a verdict of another kind

    def _take_armed(self):
        """The revoke code that waits for its target, if its time is not over; forgets it otherwise."""
        if self._armed:
            until, revoke = self._armed
            known = self.store.book.find(revoke.tag)
            if self._uptime() < until and not (known and known.state == REVOKED):
                return revoke
            self._armed = None
        return None

    def _revoke_with(self, revoke, digits: str, now: int, trusted: bool) -> "Verdict":
        """The entry after a revoke code: that code is dead, and the revoke code is used up, in one commit.

        Digits that are no code leave the lock armed, so that a slip of the finger can be typed again.
        """
        at = now if trusted else None
        if not trusted:
            now = self.store.latest_trusted  # the clock failed since the revoke code: judge by the last time believed
        target = self.find(digits, now)
        if target is None:
            return Verdict(REFUSED, "wrong", None, None, at)
        self._armed = None
        kind, short = target.kind, code_id(target.tag)
        entries = [_entry(REVOKED_VERDICT, "revoked", PUT, dead(target))]
        both = entries + [_entry(REVOKED_VERDICT, "revoked", PUT, dead(revoke))]
        for attempt in (entries,) if target.tag == revoke.tag else (both, entries):
            # With no room for the revoke code's own record, its target is what matters; it may then be used again.
            try:
                self.store.commit(self.with_room(attempt, now), now, trusted)
            except StoreFull:
                continue
            self.codes_changed()
            return Verdict(REVOKED_VERDICT, "revoked", kind, short, at)
        return Verdict(REFUSED, "store-full", kind, short, at)

    def find(self, digits: str, now: int):
        """The record of a code: the code book's, or a FRESH one of what the digits mean; None when nothing."""
        tag = self.scheme.tag(digits)
        known = self.store.book.find(tag)
        if known:
            return known
        code = self.read(tag, digits, now).code
        return None if code.kind == UNKNOWN else code


def _unknown(tag: bytes, length: int) -> "Code":
    """What the log says of digits that are no code."""
    return Code(tag, UNKNOWN, REVOKED, length)


def dead(code: "Code") -> "Code":
    """The same code, revoked; it may be forgotten once its digits alone can do nothing any more."""
    code.state = REVOKED
    return code


def _entry(verdict: str, reason: str, action: int, code) -> "Entry":
    return Entry(VERDICTS.index(verdict), REASONS.index(reason), action, code, 0)
