"""The verifier: the digits of one entry and the lock's memory in, a verdict out.

The order is what makes it safe (docs/spec/entries.md): pay the guess budget on flash; look the digits up in the code
book; else decode them; decide; commit what must be remembered; only then answer. The caller moves the bolt after
enter() has returned "open".

Invariants: digits are never kept, only their keyed tag. Every way through costs at most one tag, two FF1 decryptions
and two file commits. What the lock remembers of a code counts more than what its digits say.
"""

from .budget import Budget
from .codebook import ACTIVE, FEWEST_DIGITS, FRESH, NEVER, REVOKED, USED
from .config import Config
from .errors import LockError, StoreFull
from .events import ERASED, LOCKED_OUT, OPEN, PASSAGE, REASONS, REFUSED, REVOKE_ARMED, VERDICTS, Verdict
from .events import REVOKED as REVOKED_VERDICT
from .passcode import EARLY, MOST_DIGITS, Scheme, code_id
from .reading import Reader, no_code
from .records import ERASE_ALL, FORGET, NONE, PUT, Entry
from .schedule import on_days
from .tickets import CUSTOM, ERASE, KINDS, PERMANENT, REVOKE, UNKNOWN
from .zone import HOUR

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .clock import Clock
    from .codebook import StoredCode
    from .reading import Reading
    from .store import Store

QUIET_FOR = HOUR  # after a lockout or a passage was logged, in which the next one is not
ARMED_FOR = 30  # seconds in which the code after a revoke code must be typed


class Verifier:
    """Decides entries for one lock. uptime: returns whole seconds since the start, never going back."""

    def __init__(self, store: "Store", clock: "Clock", uptime: "Callable[[], int]") -> None:
        self.store = store
        self.clock = clock
        self._uptime = uptime
        self._armed: "tuple[int, StoredCode] | None" = None  # (uptime until which it counts, the revoke code)
        self._quiet_until: "dict[int, int]" = {}  # number of an event: uptime before which no other one is logged
        self.budget = Budget(store, uptime, Config.unpack(store.config).policy)
        self.scheme = Scheme(store.secret, store.epoch)
        self.configure()

    def configure(self) -> None:
        """Use the store's configuration, after it changed. The guess budget stays as it is."""
        self.config = Config.unpack(self.store.config)
        self.zone = self.config.zone
        self._reader = Reader(self.scheme, self.config)
        self.budget.configure(self.config.policy)
        self.codes_changed()

    def erased(self) -> None:
        """Use the store's new epoch, in which every earlier code is invalid. Call it after an erase."""
        self.scheme = Scheme(self.store.secret, self.store.epoch)
        self._reader = Reader(self.scheme, self.config)
        self._armed = None
        self.codes_changed()

    def codes_changed(self) -> None:
        """Count the stored codes that can still open, and update the odds. Call it after the owner changed any."""
        self._lengths = self.store.book.live_lengths(self.store.latest_trusted)
        self.budget.adjust(self._lengths)

    def enter(self, digits: str) -> "Verdict":
        """Decide one entry. It never raises because of what was typed."""
        length = len(digits)
        if not length:
            return self._nothing()
        if not FEWEST_DIGITS <= length <= MOST_DIGITS or not all("0" <= d <= "9" for d in digits):
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
            return self._conclude("time-untrusted", no_code(tag, length), now, trusted, paid)
        reading = self.read(tag, digits, now)
        return self._conclude(reading.reason, reading.code, now, trusted, paid, True)

    def tick(self) -> None:
        """Write earned tokens to flash, and the trusted time once an hour. Call it once a minute or so."""
        now, trusted = self.clock.read()
        latest = self.store.latest_trusted
        if trusted and now - latest >= HOUR:
            self.budget.keep(now)
            self.codes_changed()  # some may be over by now
        else:
            self.budget.keep(latest)

    def read(self, tag: bytes, digits: str, now: int) -> "Reading":
        """Return what unseen digits with this tag mean at trusted time `now`."""
        return self._reader.read(tag, digits, now, self.store.oldest_start_accepted)

    def _at(self) -> "int | None":
        now, trusted = self.clock.read()
        return now if trusted else None

    def _known(self, code: "StoredCode", now: int, trusted: bool) -> str:
        """Return the reason for a code of the code book."""
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
            return self._reader.first_use(code, now)
        if now < code.start - early:
            return "not-yet"
        return "expired" if now >= code.end else self._reader.within(code, now)

    def _conclude(
        self, reason: str, code: "StoredCode", now: int, trusted: bool, paid: bool, first: bool = False
    ) -> "Verdict":
        """Commit what `reason` asks for and answer. first: this is the code's first use, so it is remembered."""
        kind = code.kind
        if reason != "opened":
            return self._answer(REFUSED, reason, code, NONE, now, trusted, False)
        if kind == REVOKE:
            verdict = self._answer(REVOKE_ARMED, "revoke-armed", code, NONE, now, trusted, paid)
            if verdict.verdict == REVOKE_ARMED:
                self._armed = (self._uptime() + ARMED_FOR, code)
            return verdict
        if kind == ERASE:
            verdict = self._answer(ERASED, "erased", code, ERASE_ALL, now, trusted, paid)
            if verdict.verdict == ERASED:
                self.erased()
            return verdict
        if first:
            code.state = ACTIVE if KINDS[kind].lasting else USED
        verdict = self._answer(OPEN, "opened", code, PUT if first else NONE, now, trusted, paid)
        if first and code.state == ACTIVE and verdict.verdict == OPEN:
            self._lengths[code.length] += 1  # counted exactly within the hour, and never too low until then
            self.budget.adjust(self._lengths)
        return verdict

    def _answer(
        self, verdict: str, reason: str, code: "StoredCode", action: int, now: int, trusted: bool, refund: bool
    ) -> "Verdict":
        """Commit a verdict with its change, and return it. It is refused if the flash cannot keep the change."""
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

    def with_room(self, entries: "list[Entry]", now: int) -> "list[Entry]":
        """Return `entries` behind those that forget enough codes to make room for them.

        StoreFull if too few can be forgotten.
        """
        tags = [entry.code.tag for entry in entries if entry.action in (PUT, FORGET)]
        new = 0
        for entry in entries:
            if entry.action == FORGET:
                new -= 1
            elif entry.action == PUT and not self.store.book.find(entry.code.tag):
                new += 1
        return (self.store.make_room(now, new, tags) if new > 0 else []) + entries

    def _nothing(self) -> "Verdict":
        """Decide `#` alone. It opens in passage hours, pays nothing and needs no flash."""
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
        """Refuse an entry unread. Two lockouts in a row are logged once."""
        self._log_seldom(_entry(LOCKED_OUT, "locked-out", NONE, None), now, trusted, -1)
        return Verdict(LOCKED_OUT, "locked-out", None, None, now if trusted else None)

    def _log_seldom(self, entry: "Entry", now: int, trusted: bool, since: int) -> None:
        """Log at most once an hour what may happen all the time: more would wear the flash.

        It is not logged either if the newest event is of the same kind and later than Unix second `since`, so that
        restarts add none.
        """
        event = entry.event
        if self._uptime() < self._quiet_until.get(event, 0):
            return
        try:
            last = self.store.event(self.store.seq)
            if last is None or last.event != event or last.time <= since:
                self._quiet_until[event] = self._uptime() + QUIET_FOR
                self.store.commit([entry], now, trusted)
        except LockError:
            pass  # a log that cannot be written does not change the verdict

    def _take_armed(self) -> "StoredCode | None":
        """Return the armed revoke code. Disarm and return None after ARMED_FOR, or if it was revoked itself."""
        if self._armed:
            until, revoke = self._armed
            known = self.store.book.find(revoke.tag)
            if self._uptime() < until and not (known and known.state == REVOKED):
                return revoke
            self._armed = None
        return None

    def _revoke_with(self, revoke: "StoredCode", digits: str, now: int, trusted: bool) -> "Verdict":
        """Decide the entry after a revoke code: revoke that code, and use up the revoke code, in one commit.

        Digits that are no code leave the lock armed, so that a mistyped code can be typed again.
        """
        at = now if trusted else None
        if not trusted:
            now = self.store.latest_trusted  # the clock failed since the revoke code
        target = self.find(digits, now)
        if target is None:
            return Verdict(REFUSED, "wrong", None, None, at)
        self._armed = None
        kind, short = target.kind, code_id(target.tag)
        entries = [_entry(REVOKED_VERDICT, "revoked", PUT, dead(target))]
        both = entries + [_entry(REVOKED_VERDICT, "revoked", PUT, dead(revoke))]
        for attempt in (entries,) if target.tag == revoke.tag else (both, entries):
            # If there is no room to remember the revoke code, revoke the target alone. Then it may be used again.
            try:
                self.store.commit(self.with_room(attempt, now), now, trusted)
            except StoreFull:
                continue
            self.codes_changed()
            return Verdict(REVOKED_VERDICT, "revoked", kind, short, at)
        return Verdict(REFUSED, "store-full", kind, short, at)

    def find(self, digits: str, now: int) -> "StoredCode | None":
        """Return the stored code with these digits, or a FRESH one of what they mean; None if they are no code."""
        tag = self.scheme.tag(digits)
        known = self.store.book.find(tag)
        if known:
            return known
        code = self.read(tag, digits, now).code
        return None if code.kind == UNKNOWN else code


def dead(code: "StoredCode") -> "StoredCode":
    """Revoke the code and return it. It may be forgotten once its digits alone can do nothing any more."""
    code.state = REVOKED
    return code


def _entry(verdict: str, reason: str, action: int, code: "StoredCode | None") -> "Entry":
    return Entry(VERDICTS.index(verdict), REASONS.index(reason), action, code, 0)
