"""Every owner's command under power cuts, asked for over the link (MicroPython): done and told so, or not done.

After a cut the memory is as before the command or as after it, and `done` says which. The same request once more then
leaves one effect and one record, and the same answer, whether it had been done or not. The seed chooses who asks.
"""

from tests.dual.support.lock import DAY, HOUR, NOW, Lock
from tumbler_lock.core.codebook import NEVER
from tumbler_lock.core.config import Config
from tumbler_lock.core.errors import NotProvisioned, Refused
from tumbler_lock.core.events import (
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
from tumbler_lock.core.management import By, Management
from tumbler_lock.core.store import Store
from tumbler_lock.core.tickets import PERMANENT, TIMED

from .model import difference, state_of
from .workloads import key, limits, start

KEYS = (key(0), key(3, 2), key(15, 3))
ASKERS = (0, 3, 15)


def _unlock(owner, by):
    """Unlock, which a request does once; how long for is no part of what a retry is compared by."""
    new = owner.done(by, UNLOCKED) is None
    if (owner.unlock(by, KEYS[0]) > 0) != new:
        raise ValueError("a retry opens again, or a first try does not")


class _Memory:
    """As much of a verifier as `done` needs."""

    def __init__(self, path):
        self.store = Store.open(path)


class Commands:
    """A lock with a book of 8 codes and a log of 12 events, so that commands meet compactions."""

    blocks = 24
    size = 4096

    def __init__(self, seed):
        limits(8, 12)
        self._slot = ASKERS[seed % len(ASKERS)]
        self._request = 0x80000000 + 7_919 * seed
        self._before = self._after = None  # memory; None while there is no lock
        self._asked = None  # what the step under way does: (event, by, command, result)

    def steps(self, path):
        """Make the lock, then give each command, some of them in several ways."""
        yield "create", lambda: self._create(path), self.check
        lock = self.lock = Lock(path, NOW, new=False)
        timed, seen = lock.code(TIMED, hours=72), lock.code(PERMANENT)
        lock.enter(seen)
        end = NOW + 5 * DAY
        tag = lock.scheme.tag
        later = lock.verifier.config.changed(autolock=9, name="Door", passage=(31, 8, 18))
        for name, event, command in (
            ("add", ADDED, lambda owner, by: owner.add_custom("2468", NOW, end, by=by)),
            ("change", CHANGED, lambda owner, by: owner.change("2468", end=NEVER, by=by)),
            ("change unused", CHANGED, lambda owner, by: owner.change(timed, end=end, by=by)),
            ("new digits", CHANGED, lambda owner, by: owner.change("2468", new_digits="97531", by=by)),
            ("delete by tag", DELETED, lambda owner, by: owner.delete(tag("97531"), by=by)),
            ("delete", DELETED, lambda owner, by: owner.delete(seen, by=by)),
            ("set time", TIME_SET, lambda owner, by: owner.set_time(NOW - HOUR, by=by)),
            ("unlock", UNLOCKED, _unlock),
            ("configure", CONFIGURED, lambda owner, by: owner.configure(later, by=by)),
            ("add key", KEY_ADDED, lambda owner, by: owner.add_key(key(4, 1), by=by)),
            ("new digits, unused", CHANGED, lambda owner, by: owner.change(timed, new_digits="8642", by=by)),
            ("remove key", KEY_REMOVED, lambda owner, by: owner.remove_key(4, by=by)),
            ("update", UPDATED, lambda owner, by: owner.updated((0, 2, 17), by=by)),
            ("erase", ALL_ERASED, lambda owner, by: owner.erase(by=by)),
            ("add again", ADDED, lambda owner, by: owner.add_custom("135792", by=by)),
        ):
            yield name, self._ask(event, command), self.check

    def _create(self, path):
        Store.create(path, bytes(range(32)), Config("UTC0").pack(), NOW, keys=KEYS)
        self._after = state_of(Store.open(path))

    def _ask(self, event, command):
        """The step that gives one command, with a request of its own."""

        def act():
            self._request += 1
            by = By(self._slot, self._request)
            self._before = state_of(self.lock.store)
            self._asked = (event, by, command, command(self.lock.owner, by))
            self._after = state_of(self.lock.store)
            seqs = self._seqs(self.lock.store, by)
            if len(seqs) != 1 or self._after[5] - self._before[5] > 2:
                raise ValueError("a command leaves one record of its request, and another at most")

        return act

    def check(self, path, done):
        """ValueError unless the memory at `path` is as before the command or after it, and `done` knows which."""
        try:
            memory = _Memory(path)
        except NotProvisioned:
            if done or self._before is not None:
                raise
            return
        found = state_of(memory.store)
        if found != self._after and (done or found != self._before):
            raise ValueError("neither after nor before: " + difference(self._after, found))
        if self._asked:
            event, by, _, _ = self._asked
            if (Management(memory).done(by, event) is not None) != (found == self._after):
                raise ValueError("`done` says something else than the memory")

    def recover(self, path):
        """A start, and all that a start may write."""
        start(path)

    def resume(self, path):
        """Start from the copy and send the same request again, twice, with a start between."""
        if self._asked is None:
            return
        event, by, command, result = self._asked
        for _ in range(2):
            lock = Lock(path, self.lock.rtc.now, new=False)
            if command(lock.owner, by) != result:
                raise ValueError("the retry has another answer")
            found = state_of(lock.store)
            # All but the log, whose first record after a start carries a flag of its own.
            if found[:9] + found[10:] != self._after[:9] + self._after[10:]:
                raise ValueError("after the retry: " + difference(self._after, found))
            if _told(found[9]) != _told(self._after[9]):
                raise ValueError("the log is another one after the retry")
        try:
            lock.owner.done(by, event + 1)
        except Refused as error:
            if error.reason == "request-reused":
                return
        raise ValueError("a request with another command is not told from the first")

    def _seqs(self, store, by):
        """Numbers of the records that name a request."""
        return [event.seq for event in store.events() if event.reason == 1 + by.slot and event.arg == by.request]


def _told(events):
    """What records tell: number, event, who asked, and the request."""
    return [(event[0], event[2], event[3], event[8]) for event in events]
