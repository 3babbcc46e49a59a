"""A client at the end of a link while the power is cut (MicroPython): pairing, every command, a further key, the reset.

After a cut the memory is as before the request or as after it. A client that connects to the lock that comes back, and
repeats its last request with the same id, gets the answer that it is done. It was done once: the bolt opened once, and
one record says so. A pairing that was cut made the lock or left none, and can be begun again.
"""

from tests.dual.support.link_tools import NEVER, add, change, code, key, u32
from tests.dual.support.linked_lock import PSK, Client, Linked, Refusal
from tests.dual.support.lock import DAY, HOUR, NOW
from tests.dual.support.noise_attacks import Counted
from tests.dual.support.pairing_client import DIGITS, FINISH, complete, further, shown
from tumbler_lock.core import protocol
from tumbler_lock.core.errors import NotProvisioned
from tumbler_lock.core.store import Store

from .model import difference, state_of
from .workloads import limits, start

MANAGER = bytes(range(1, 33))
SECRET = bytes(range(160, 192))


def memory(path):
    """What is on flash, None for no lock."""
    try:
        return state_of(Store.open(path))
    except NotProvisioned:
        return None


class Link:
    """A lock with a book of 8 codes and a log of 12 events. The seed chooses whether the manager asks where it may."""

    blocks = 24
    size = 4096

    def __init__(self, seed):
        limits(8, 12)
        Counted().__enter__()  # for good: the same curve operation comes with every start from a copy
        self._manager = seed % 2 == 1
        self._request = 0x40000000 + 7_919 * seed
        self._before = self._after = None
        self._last = None  # the last request: (slot, psk, command, arguments, id, result)
        self._opened = 0  # how often the bolt opened for it

    def steps(self, path):
        """Pair, give each command, pair once more, reset."""
        self.lock = Linked(path, blank=True)
        yield "pair", lambda: self._pair(complete(NOW, PSK, b"Ann", 0, SECRET)), self.check
        self.lock.start()
        hour = NOW // HOUR * HOUR
        for name, command, arguments in (
            ("add key", protocol.ADD_KEY, key(1, 2, MANAGER, b"Mia")),
            ("add code", protocol.ADD_CODE, add(b"8642", hour, hour + 5 * DAY)),
            ("unlock", protocol.UNLOCK, b""),
            ("change", protocol.CHANGE_CODE, change(b"8642", 4, end=NEVER)),
            ("new digits", protocol.CHANGE_CODE, change(b"8642", 8, digits=b"975310")),
            (
                "set time",
                protocol.SET_TIME,
                u32(NOW + 2 * HOUR if self._manager else NOW - 2 * HOUR),
            ),  # back: an owner's
            ("unlock again", protocol.UNLOCK, b""),
            ("delete", protocol.DELETE_CODE, code(b"975310")),
            ("configure", protocol.SET_CONFIG, b"\x03\x01\x09\x07\x04Door"),
            ("add key 2", protocol.ADD_KEY, key(255, 3, bytes(range(2, 34)), b"Oz", 31, 8, 18)),
            ("remove key", protocol.REMOVE_KEY, b"\x02"),
            ("erase", protocol.ERASE_CODES, b""),
            ("add after", protocol.ADD_CODE, add(b"8642")),
        ):
            yield name, self._ask(command, arguments), self.check
        self._last = None
        self.lock.held = True
        yield "pair once more", lambda: self._pair(further(bytes(range(3, 35)))), self.check
        yield "reset", self._ask(protocol.RESET, b""), self.check

    def _session(self, lock, slot, psk):
        lock.wait(lock.sessions.link.wait())
        return Client(lock, "client %d" % slot).connect(slot, psk)

    def _pair(self, finish):
        """A whole pairing over the link of the live lock."""
        lock = self.lock
        self._before = memory(lock.path)
        client = self._session(lock, 255, None)
        if lock.sessions.enter(shown(client)) is not True:
            raise ValueError("the lock has not agreed")
        client.done(DIGITS)
        client.done(FINISH, finish)
        self._after = memory(lock.path)

    def _ask(self, command, arguments):
        """The step that sends one request."""

        def act():
            lock = self.lock
            self._before = memory(lock.path)
            self._request += 1
            may = self._manager and command not in (protocol.SET_CONFIG, protocol.ADD_KEY, protocol.REMOVE_KEY)
            may = may and command not in (protocol.ERASE_CODES, protocol.RESET)
            slot, psk = (1, MANAGER) if may else (0, PSK)
            opened = len(lock.opened)
            result = self._session(lock, slot, psk).done(command, arguments, self._request)
            self._opened = len(lock.opened) - opened
            self._last = (slot, psk, command, arguments, self._request, result)
            self._after = memory(lock.path)

        return act

    def check(self, path, done):
        """ValueError unless the memory at `path` is as before the request or as after it."""
        found = memory(path)
        if found != self._after and (done or found != self._before):
            wanted = self._after or self._before
            raise ValueError("neither after nor before: " + (difference(wanted, found) if found else "no lock"))

    def recover(self, path):
        """A start, and all that a start may write; or what a reset that was cut leaves is wiped."""
        if self._after is None:
            Store.wipe(path)
        else:
            start(path)

    def resume(self, path):
        """Start from the copy and send the same request again, twice, with a start between."""
        if self._last is None or self._after is None:
            self._resume_pairing(path)
            return
        slot, psk, command, arguments, request, result = self._last
        done = memory(path) == self._after
        opened = 0
        for _ in range(2):
            lock = Linked(path, now=self.lock.rtc.now, blank=True)
            told = self._session(lock, slot, psk).done(command, arguments, request)
            opened += len(lock.opened)
            if told != result and not (command == protocol.UNLOCK and told == b"\x00"):
                raise ValueError("the retry has another answer")
            found = state_of(lock.store)
            # All but the log, whose first record after a start carries a flag of its own.
            if found[:9] + found[10:] != self._after[:9] + self._after[10:]:
                raise ValueError("after the retry: " + difference(self._after, found))
            named = [event for event in lock.store.events() if (event.reason, event.arg) == (1 + slot, request)]
            if len(named) != 1:
                raise ValueError("%d records of one request" % len(named))
        if opened != (0 if done else self._opened):
            raise ValueError("the bolt opened %d times" % opened)

    def _resume_pairing(self, path):
        """A lock that is new pairs; one that is not knows the owner's key, and nobody without the button pairs."""
        lock = Linked(path, now=self.lock.rtc.now, blank=True)
        if lock.trouble == "no-secret":
            client = self._session(lock, 255, None)
            if lock.sessions.enter(shown(client)) is not True:
                raise ValueError("a new lock does not pair after the cut")
            if client.done(FINISH, complete(NOW, bytes(range(7, 39)), b"Bo", 3, bytes(range(1, 33)))) != b"\x00":
                raise ValueError("another slot than the first")
            lock.start()
            if self._session(lock, 0, bytes(range(7, 39))).lock_id == bytes(8):
                raise ValueError("a lock that was paired has no id")
            return
        self._session(lock, 0, PSK).done(protocol.IDENTIFY)
        try:
            Client(lock).hello(255)
        except Refusal as refusal:
            if refusal.reason == 3:
                return
        raise ValueError("a lock with a secret pairs")
