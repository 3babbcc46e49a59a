"""What the owner does, on the spot or over an authenticated link: codes, keys, configuration and time changed, all
codes erased, the bolt opened.

Every command is one file commit, done or not done, and its record says who asked and with which request. A request that
comes again does nothing more: the command then returns what it returned. Who may ask for what is the caller's to judge.
Times of codes are Unix seconds on a whole hour of the lock's wall clock. A command that cannot be carried out raises
Refused with what to do instead and leaves everything as it was; neither the message nor the log ever holds digits.
"""

from collections import namedtuple

from .budget import bearable, day_risk
from .codebook import ACTIVE, FEWEST_DIGITS, NEVER, REVOKED, USED, StoredCode
from .errors import Refused, StoreFull
from .events import (
    ADDED,
    ALL_ERASED,
    CHANGED,
    CONFIGURED,
    DELETED,
    KEY_ADDED,
    KEY_REMOVED,
    TIME_SET,
    UNLOCKED,
    UPDATED,
)
from .keys import OWNER, SLOTS
from .passcode import MOST_DIGITS, TAG_SIZE
from .records import ERASE_ALL, FORGET, NONE, PUT, TIME, Entry
from .tickets import CUSTOM, UNKNOWN

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .verifier import Verifier

# Who asks: a key slot, and the id of the request (32 bits; 0: it has none and cannot be told from another).
By = namedtuple("By", "slot request")
LOCAL = By(-1, 0)  # nobody's slot: on the spot

NO_TAG = bytes(TAG_SIZE)  # of a command that is about no code and no key

_KEY_REFUSALS = {
    "not-permitted": "the role of this key opens nothing",
    "time-untrusted": "this key opens at its times only, and the lock does not know the time: set it",
    "not-yet": "this key does not open yet",
    "expired": "this key does not open any more: ask the owner for another",
    "outside-its-hours": "this key does not open at this hour",
}


class Owner:
    """The commands of one lock. verifier: its Verifier (with store and clock).

    by: By of who asks. Every command may also raise Refused with "store-full", and "request-reused" when the
    request's id was used for a command of another kind.
    """

    def __init__(self, verifier: "Verifier") -> None:
        self.verifier = verifier
        self.store = verifier.store

    def done(self, by: "By", event: int) -> "bytes | None":
        """Whether this slot's newest request is `by`'s, and was carried out: the tag in its record, NO_TAG when that
        names none; None when the request is a new one. event: number of what it would log."""
        if by.request == 0:
            return None
        request, seq = self.store.requests.get(by.slot, (0, 0))
        found = self.store.event(seq) if request == by.request else None
        if found is None:
            return None
        if found.event != event:
            raise Refused("request-reused", "this request's id was used for another command: choose a new one")
        return found.code.tag if found.code else NO_TAG

    def add_custom(self, digits: str, start=None, end=None, insist=False, by=LOCAL) -> bytes:
        """Add a custom code of 4 to 9 digits, good from `start` (None: at once) until `end` (None: for ever).

        Returns its tag. Refused when it exists, is already over, is weak (unless insist), or the code book is full.
        """
        done = self.done(by, ADDED)
        if done:
            return done
        now, trusted = self._now()
        tag, taken_until = self._free(digits, now)
        code = StoredCode(tag, CUSTOM, ACTIVE, len(digits), digits_taken_until=taken_until)
        self._limit(code, start, end)
        if code.end <= now:
            raise Refused("already-over", "the end has passed: name a later one")
        if not insist:
            self._strong(digits, 1)
        self._commit([_entry(ADDED, PUT, code, by)], now, trusted)
        return tag

    def change(self, code, start=None, end=None, new_digits=None, insist=False, by=LOCAL) -> bytes:
        """Give a code new times or new digits; whatever is not named stays. Returns its tag, the new digits' if any.

        code: its digits, or the tag of one the lock knows; end: NEVER takes it away. The code may be custom, or offline
        and used or not yet; a new start revives one that missed its first use. Refused when it is no code,
        deleted, used up, or the new digits are taken or weak (unless insist).
        """
        done = self.done(by, CHANGED)
        if done:
            return done
        now, trusted = self._now()
        known = self._find(code, now)
        if known.state == REVOKED:
            raise Refused("revoked", "this code was deleted: issue or add a new one")
        if known.state == USED:
            raise Refused("already-used", "a one-time code stays used: issue a new one")
        if new_digits is not None:
            self._check_digits(new_digits)
            if self.verifier.scheme.tag(new_digits) == known.tag:
                new_digits = None
        if start is None and end is None and new_digits is None:
            raise Refused("nothing-named", "name a new start, a new end or new digits")
        before = StoredCode.unpack(known.pack())
        self._limit(known, start, end)
        if new_digits is None:
            self._commit([_entry(CHANGED, PUT, known, by)], now, trusted)
            return known.tag
        tag, taken_until = self._free(new_digits, now)
        if not insist:
            replaced = before.length == len(new_digits) and self.store.book.find(before.tag) and before.live(now)
            self._strong(new_digits, 0 if replaced else 1)
        known.tag, known.length, known.digits_taken_until = tag, len(new_digits), taken_until
        # The request's id stands in the record of the new digits alone: it is the one a retry is answered from.
        entries = self._end(before, CHANGED, now, By(by.slot, 0))
        self._commit(entries + [_entry(CHANGED, PUT, known, by)], now, trusted)
        return tag

    def delete(self, code, by=LOCAL) -> bytes:
        """Delete a code, custom or offline, used or not yet: its digits open nothing from now on. Returns its tag.

        code: its digits, or the tag of one the lock knows.
        """
        done = self.done(by, DELETED)
        if done:
            return done
        now, trusted = self._now()
        known = self._find(code, now)
        if known.state == REVOKED:
            raise Refused("revoked", "this code was deleted before")
        self._commit(self._end(known, DELETED, now, by), now, trusted)
        return known.tag

    def erase(self, by=LOCAL) -> None:
        """Erase every code, issued or custom, used or not, as an erase code does: the epoch goes up by one."""
        if self.done(by, ALL_ERASED):
            return
        now, trusted = self._now()
        self._commit([_entry(ALL_ERASED, ERASE_ALL, None, by)], now, trusted)
        self.verifier.erased()

    def set_time(self, now: int, by=LOCAL) -> None:
        """Set the clock; from then on this is the earliest time the lock believes, even if it went back.

        When flash refuses to note that, the clock is set all the same: forwards it is believed, backwards it is not.
        """
        if self.done(by, TIME_SET):
            return
        try:
            self.verifier.clock.set(now)
        except ValueError as error:
            raise Refused("bad-time", str(error))
        except OSError:
            raise Refused("clock-fault", "the clock chip does not answer: look at its wiring")
        self._commit([_entry(TIME_SET, TIME, None, by)], now, True)

    def unlock(self, by, key) -> int:
        """For how many seconds the bolt is to open now for this Key; 0 when this request has opened it before.

        Refused when the key may not open, or not now. When flash takes no record it opens all the same: residents are
        not shut out.
        """
        if self.done(by, UNLOCKED):
            return 0
        now, trusted = self._now()
        reason = key.may_open(now, trusted, self.verifier.zone)
        if reason != "opened":
            raise Refused(reason, _KEY_REFUSALS[reason])
        try:
            self.store.commit([_entry(UNLOCKED, NONE, None, by)], now, trusted)
        except StoreFull:
            pass  # the app tells of a flash that takes nothing; the door is not the place to
        return self.verifier.config.autolock

    def configure(self, config, by=LOCAL) -> None:
        """Take another Config, as a whole. The guess budget goes on where it is."""
        if self.done(by, CONFIGURED):
            return
        if config.pack() == self.store.config:
            raise Refused("nothing-named", "that is how the lock is set already")
        self._settle(_entry(CONFIGURED, NONE, None, by), config.pack(), None)
        self.verifier.configure()

    def free_slot(self) -> int:
        """The lowest key slot that is free; Refused when there is none."""
        for slot in range(SLOTS):
            if slot not in self.store.keys:
                return slot
        raise Refused("no-free-slot", "every key slot is taken: remove a key first")

    def add_key(self, key, by=LOCAL) -> bytes:
        """Put a Key into its slot, which must be free. Returns the tag of its record, the first byte of which is the
        slot. Refused when there is no room, or another slot has the same psk."""
        done = self.done(by, KEY_ADDED)
        if done:
            return done
        keys = self.store.keys
        self.free_slot()
        if key.slot in keys:
            raise Refused("slot-taken", "this slot has a key: remove that first, or name another slot")
        if any(other.psk == key.psk for other in keys.values()):
            raise Refused("bad-key", "another slot has the same psk: make a new one")
        return self._settle_keys(KEY_ADDED, key, list(keys.values()) + [key], by)

    def remove_key(self, slot: int, by=LOCAL) -> bytes:
        """Take a key out of its slot. Returns the tag of its record, the first byte of which is the slot. Refused when
        there is none, or the lock would have no owner any more."""
        done = self.done(by, KEY_REMOVED)
        if done:
            return done
        keys = self.store.keys
        key = keys.get(slot)
        if key is None:
            raise Refused("no-such-key", "this slot has no key")
        rest = [other for other in keys.values() if other.slot != slot]
        if key.role == OWNER and not any(other.role == OWNER for other in rest):
            raise Refused("last-owner", "a lock has an owner: add another owner's key first")
        return self._settle_keys(KEY_REMOVED, key, rest, by)

    def updated(self, version, by=LOCAL) -> bytes:
        """Note that the owner had an update put in: its version, three numbers. Returns the tag of its record, which
        begins with them."""
        done = self.done(by, UPDATED)
        if done:
            return done
        now, trusted = self._now()
        told = StoredCode((bytes(version) + NO_TAG)[:TAG_SIZE], UNKNOWN)
        self._commit([_entry(UPDATED, NONE, told, by)], now, trusted)
        return told.tag

    def _now(self) -> tuple:
        """The time to judge limits by: the clock's when it is trusted, else the latest trusted one."""
        now, trusted = self.verifier.clock.read()
        return (now, True) if trusted else (self.store.latest_trusted, False)

    def _find(self, code, now: int) -> "StoredCode":
        """The record of a code by digits or tag."""
        if isinstance(code, str):
            self._check_digits(code)
            found = self.verifier.find(code, now)
        else:
            found = self.store.book.find(bytes(code)) if len(code) == TAG_SIZE else None
        if found is None:
            raise Refused("no-such-code", "the lock knows no such code: look at the digits and the lock's time")
        return found

    def _free(self, digits: str, now: int) -> tuple:
        """(tag, taken_until) for digits that are to be a code; Refused when they are a live one.

        taken_until: until when the same digits are, or were, some other code's. When the new code is deleted before
        that, its record stays, so that the other one does not come to life.
        """
        self._check_digits(digits)
        tag = self.verifier.scheme.tag(digits)
        known = self.store.book.find(tag)
        if known and known.live(now):
            raise Refused("code-exists", "the lock has a code of these digits already: change that, or choose others")
        other = known or self.verifier.find(digits, now)
        return tag, other.digits_taken_until if other else 0

    def _check_digits(self, digits: str) -> None:
        if not FEWEST_DIGITS <= len(digits) <= MOST_DIGITS or not all("0" <= d <= "9" for d in digits):
            raise Refused("bad-digits", "a code has 4 to 9 digits and nothing else")

    def _strong(self, digits: str, more: int) -> None:
        """Refused when the digits are guessed first, or are too few for all that this lock takes; more: how many codes
        of this length it takes then that it does not take now."""
        odds = self.verifier.budget.odds(len(digits), more)
        if _guessed_first(digits):
            why = "digits that are all alike, a run or a repeated block are guessed first"
        elif not bearable(odds):
            why = "these are too few digits for all the codes that this lock takes"
        else:
            return
        text = "%s: one in %s guesses is right, a day of guessing would succeed with %.1f %%; choose others, or insist"
        raise Refused("weak-digits", text % (why, _thousands(round(1 / odds)), 100 * day_risk(odds)))

    def _limit(self, code: "StoredCode", start, end) -> None:
        """Put named limits on a code; those not named stay."""
        phase = self.verifier.zone.phase
        for name, value in (("start", start), ("end", end)):
            if value is None or (name == "end" and value == NEVER):
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

    def _end(self, code: "StoredCode", event: int, now: int, by: "By") -> list:
        """Entries that end a code: kept as dead while its bare digits could still be used, or as a word for the
        log; a custom code that was never anything else is forgotten."""
        if code.kind == CUSTOM and code.digits_taken_until <= now:
            return [_entry(event, FORGET, code, by)]
        code.state = REVOKED
        return [_entry(event, PUT, code, by)]

    def _commit(self, entries: list, now: int, trusted: bool) -> None:
        try:
            self.store.commit(self.verifier.with_room(entries, now), now, trusted)
        except StoreFull as error:
            raise Refused("store-full", str(error))
        self.verifier.codes_changed()

    def _settle(self, entry: "Entry", config, keys) -> None:
        """Replace configuration or keys (None: as they are) and log the entry."""
        now, trusted = self._now()
        try:
            self.store.settle(entry, now, trusted, config, keys)
        except StoreFull as error:
            raise Refused("store-full", str(error))

    def _settle_keys(self, event: int, key, keys: list, by: "By") -> bytes:
        """Replace the keys; the record names the one that came or went."""
        tag = (bytes((key.slot, key.role)) + key.label.encode() + NO_TAG)[:TAG_SIZE]
        self._settle(_entry(event, NONE, StoredCode(tag, UNKNOWN), by), None, keys)
        return tag


def _entry(event: int, action: int, code: "StoredCode | None", by: "By") -> "Entry":
    return Entry(event, 1 + by.slot, action, code, by.request)


def _guessed_first(digits: str) -> bool:
    """Whether the digits repeat a block of at most half of them (of one digit: all are alike), or each is one more, or
    each one less, than the one before, 9 and 0 being neighbours."""
    for period in range(1, len(digits) // 2 + 1):
        if digits[period:] == digits[:-period]:
            return True
    steps = {(int(digits[at]) - int(digits[at - 1])) % 10 for at in range(1, len(digits))}
    return steps == {1} or steps == {9}


def _thousands(number: int) -> str:
    """The number with a comma after each group of three digits."""
    text = ""
    while number >= 1000:
        text = ",%03d%s" % (number % 1000, text)
        number //= 1000
    return str(number) + text
