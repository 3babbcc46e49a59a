"""The owner's commands, at the lock or over an authenticated link: change codes, keys, settings and time, erase, open.

Every command is one commit on flash, whole or not at all. Its record says who asked and with which request: a repeated
request returns what the first one returned and does nothing more. The caller checks who may ask for what.
Times of codes are Unix seconds on a whole hour of the lock's wall clock. A command that is not possible raises Refused
with what to do instead, and changes nothing. Neither its message nor the log holds digits.
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
from .zone import HOUR

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NamedTuple

    from .config import Config
    from .keys import AccessKey
    from .verifier import Verifier

    class By(NamedTuple):
        """Who asks. slot: a key slot; request: id of the request (32 bits), 0 if it has none."""

        slot: int
        request: int


if not TYPE_CHECKING:
    By = namedtuple("By", "slot request")
LOCAL = By(-1, 0)  # no key slot: at the lock itself

NO_TAG = bytes(TAG_SIZE)  # of a command that is about no code and no key

_KEY_REFUSALS = {
    "not-permitted": "the role of this key opens nothing",
    "time-untrusted": "this key opens at its times only, and the lock does not know the time: set it",
    "not-yet": "this key does not open yet",
    "expired": "this key does not open any more: ask the owner for another",
    "outside-its-hours": "this key does not open at this hour",
}


class Management:
    """The commands of one lock. verifier: its Verifier (with store and clock).

    by: By of who asks. Every command may also raise Refused with "store-full", and "request-reused" when the
    request's id was used for a command of another kind.
    """

    def __init__(self, verifier: "Verifier") -> None:
        self.verifier = verifier
        self.store = verifier.store

    def done(self, by: By, event: int) -> "bytes | None":
        """Return the tag in the record of this request if it was carried out before (NO_TAG if it names no tag); None
        for a new request. event: number of what it would log. Refused if its id was used for another command."""
        if by.request == 0:
            return None
        request, seq = self.store.requests.get(by.slot, (0, 0))
        found = self.store.event(seq) if request == by.request else None
        if found is None:
            return None
        if found.event != event:
            raise Refused("request-reused", "this request's id was used for another command: choose a new one")
        tag: bytes = found.code.tag if found.code else NO_TAG
        return tag

    def add_custom(
        self,
        digits: str,
        start: "int | None" = None,
        end: "int | None" = None,
        insist: bool = False,
        by: By = LOCAL,
    ) -> bytes:
        """Add a custom code of 4 to 9 digits, valid from `start` (None: at once) until `end` (None: no end).

        Return its tag. Refused if it exists, is over, is weak (unless insist), or the code book is full.
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

    def change(
        self,
        code: "str | bytes",
        start: "int | None" = None,
        end: "int | None" = None,
        new_digits: "str | None" = None,
        insist: bool = False,
        by: By = LOCAL,
    ) -> bytes:
        """Give a code new times or new digits; what is not named stays. Return its tag, that of the new digits if any.

        code: its digits, or the tag of one the lock knows; end: NEVER removes it. The code may be custom, or offline
        and used or not yet; a new start revives one that missed its first use. Refused if it is not a code, is
        deleted or used up, or the new digits are taken or weak (unless insist).
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
        # Only the record of the new digits has the request's id: a retry is answered from it.
        entries = self._end(before, CHANGED, now, By(by.slot, 0))
        self._commit(entries + [_entry(CHANGED, PUT, known, by)], now, trusted)
        return tag

    def delete(self, code: "str | bytes", by: By = LOCAL) -> bytes:
        """Delete a code, custom or offline, used or not yet: its digits open nothing from now on. Return its tag.

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

    def erase(self, by: By = LOCAL) -> None:
        """Erase every code, issued or custom, used or not, as an erase code does: the epoch goes up by one."""
        if self.done(by, ALL_ERASED):
            return
        now, trusted = self._now()
        self._commit([_entry(ALL_ERASED, ERASE_ALL, None, by)], now, trusted)
        self.verifier.erased()

    def set_time(self, now: int, by: By = LOCAL) -> None:
        """Set the clock. From then on this is the latest trusted time, even if it went back.

        If flash takes no record, the clock is set all the same: forwards it is trusted, backwards it is not.
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

    def unlock(self, by: By, key: "AccessKey") -> int:
        """Return for how many seconds the bolt opens now for this key; 0 if this request opened it before.

        Refused if the key may not open, or not now. If flash takes no record it opens all the same: residents are not
        shut out.
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
            pass  # the app reports a full flash
        return self.verifier.config.autolock

    def configure(self, config: "Config", by: By = LOCAL) -> None:
        """Replace all settings. The guess budget keeps its tokens."""
        if self.done(by, CONFIGURED):
            return
        if config.pack() == self.store.config:
            raise Refused("nothing-named", "that is how the lock is set already")
        self._settle(_entry(CONFIGURED, NONE, None, by), config.pack(), None)
        self.verifier.configure()

    def free_slot(self) -> int:
        """Return the lowest free key slot; Refused if all are taken."""
        for slot in range(SLOTS):
            if slot not in self.store.keys:
                return slot
        raise Refused("no-free-slot", "every key slot is taken: remove a key first")

    def add_key(self, key: "AccessKey", by: By = LOCAL) -> bytes:
        """Put a key into its key slot, which must be free. Return the tag of its record; its first byte is the
        key slot. Refused if the key slot is taken, no other is free, or another key has the same psk."""
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

    def remove_key(self, slot: int, by: By = LOCAL) -> bytes:
        """Remove a key. Return the tag of its record; its first byte is the key slot. Refused if the key slot is empty,
        or the lock would be left without an owner."""
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

    def updated(self, version: "tuple[int, int, int]", by: By = LOCAL) -> bytes:
        """Log an update. version: three numbers, with which the tag of its record begins; return that tag."""
        done = self.done(by, UPDATED)
        if done:
            return done
        now, trusted = self._now()
        told = StoredCode((bytes(version) + NO_TAG)[:TAG_SIZE], UNKNOWN)
        self._commit([_entry(UPDATED, NONE, told, by)], now, trusted)
        return told.tag

    def _now(self) -> "tuple[int, bool]":
        """Return the time for limits, and whether it is trusted: the clock's if it is, else the latest trusted time."""
        now, trusted = self.verifier.clock.read()
        return (now, True) if trusted else (self.store.latest_trusted, False)

    def _find(self, code: "str | bytes", now: int) -> "StoredCode":
        """Return the record of a code by digits or tag; Refused if the lock knows none."""
        if isinstance(code, str):
            self._check_digits(code)
            found = self.verifier.find(code, now)
        else:
            found = self.store.book.find(bytes(code)) if len(code) == TAG_SIZE else None
        if found is None:
            raise Refused("no-such-code", "the lock knows no such code: look at the digits and the lock's time")
        return found

    def _free(self, digits: str, now: int) -> "tuple[bytes, int]":
        """Return (tag, taken_until) of digits for a new code; Refused if a live code has them.

        taken_until: until when the same digits belong to another code. If the new code is deleted before that, its
        record stays, so that the other one does not open again.
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
        """Raise Refused for digits that are guessed first, or too few for the codes this lock accepts. more: how many
        codes of this length are added."""
        odds = self.verifier.budget.odds(len(digits), more)
        if _guessed_first(digits):
            why = "digits that are all alike, a run or a repeated block are guessed first"
        elif not bearable(odds):
            why = "these are too few digits for all the codes that this lock takes"
        else:
            return
        text = "%s: one in %s guesses is right, a day of guessing would succeed with %.1f %%; choose others, or insist"
        raise Refused("weak-digits", text % (why, _thousands(round(1 / odds)), 100 * day_risk(odds)))

    def _limit(self, code: "StoredCode", start: "int | None", end: "int | None") -> None:
        """Set the named limits of a code; Refused for times that are not on the hour or out of range."""
        phase = self.verifier.zone.phase
        for name, value in (("start", start), ("end", end)):
            if value is None or (name == "end" and value == NEVER):
                continue
            if not 0 <= value < NEVER:
                raise Refused("bad-time", "%s: lies outside 1970 to 2106" % name)
            if (value + phase) % HOUR:
                raise Refused("bad-time", "%s: codes go by the hour, name a whole one of the lock's zone" % name)
        if start is not None:
            code.start = start
        if end is not None:
            code.end = end
        if code.end <= code.start:
            raise Refused("bad-time", "the end must be after the start: name both")

    def _end(self, code: "StoredCode", event: int, now: int, by: By) -> "list[Entry]":
        """Return the entries that end a code. It is kept as revoked while its digits alone could still open; a custom
        code that was never another is forgotten."""
        if code.kind == CUSTOM and code.digits_taken_until <= now:
            return [_entry(event, FORGET, code, by)]
        code.state = REVOKED
        return [_entry(event, PUT, code, by)]

    def _commit(self, entries: "list[Entry]", now: int, trusted: bool) -> None:
        try:
            self.store.commit(self.verifier.with_room(entries, now), now, trusted)
        except StoreFull as error:
            raise Refused("store-full", str(error))
        self.verifier.codes_changed()

    def _settle(self, entry: Entry, config: "bytes | None", keys: "list[AccessKey] | None") -> None:
        """Replace settings or keys (None: unchanged) and log the entry."""
        now, trusted = self._now()
        try:
            self.store.settle(entry, now, trusted, config, keys)
        except StoreFull as error:
            raise Refused("store-full", str(error))

    def _settle_keys(self, event: int, key: "AccessKey", keys: "list[AccessKey]", by: By) -> bytes:
        """Replace the keys. The record names the one that was added or removed. Return its tag."""
        tag = (bytes((key.slot, key.role)) + key.label.encode() + NO_TAG)[:TAG_SIZE]
        self._settle(_entry(event, NONE, StoredCode(tag, UNKNOWN), by), None, keys)
        return tag


def _entry(event: int, action: int, code: "StoredCode | None", by: By) -> Entry:
    return Entry(event, 1 + by.slot, action, code, by.request)


def _guessed_first(digits: str) -> bool:
    """Return whether the digits repeat a block of at most half of them, or count up or down by one (9 and 0 are
    neighbours)."""
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
