"""The guess budget: how many wrong entries the lock takes, and how residents get in when it is empty.

A bucket holds TRIES tokens. Every entry is paid for on flash before it is checked, and its token is given back when it
was right. One token comes back per interval. The interval follows from the odds, so that a day of non-stop guessing
succeeds with a probability of at most RISK. Time is uptime, seconds since the start that never go back. Neither the
clock nor the keypad moves it, and a restart gives nothing: it begins the current interval again.

While the bucket is empty, one entry every RESIDENT_EVERY seconds is looked up among the stored codes alone. Only
lengths with so few stored codes are looked up that a day of it succeeds with a probability of at most RESIDENT_RISK.
See docs/spec/passcodes.md, "Guess budget".
"""

from .codebook import FEWEST_DIGITS
from .passcode import MOST_DIGITS
from .policy import worst_accepted
from .store import TRIES
from .zone import DAY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from .policy import Policy

    class Tokens(Protocol):
        """What keeps the tokens: a Store, whose methods these are."""

        tokens: int

        @property
        def latest_trusted(self) -> int:
            """Unix seconds."""

        def pay(self, now: "int | None") -> None:
            """Take one token on flash."""

        def keep(self, tokens: int, latest_trusted: int) -> None:
            """Write tokens and a trusted time to flash."""


RISK = 0.01
SHORTEST_INTERVAL = 30
LONGEST_INTERVAL = 3_600
RESIDENT_EVERY = 300
RESIDENT_RISK = 0.005
RESIDENT_FEWEST = 6


def worst_odds(policy: "Policy", lengths: "list[int]") -> float:
    """Return the worst probability, over all lengths and moments, that one random entry is accepted.

    lengths[n]: how many codes of n digits the lock has stored that can open.
    """
    return _worst(accepted(policy), lengths)


def accepted(policy: "Policy") -> "list[int]":
    """Return for each length up to the longest how many unseen tickets the lock accepts at the worst moment."""
    return [worst_accepted(policy, length) for length in range(MOST_DIGITS + 1)]


def _worst(unseen: "list[int]", lengths: "list[int]") -> float:
    return max([_share(unseen[n] + lengths[n], n) for n in range(FEWEST_DIGITS, MOST_DIGITS + 1)])


def _share(codes: int, length: int) -> float:
    """Return the probability that a random entry of `length` digits is one of so many codes."""
    return codes / float(10**length)


def refill_interval(odds: float) -> int:
    """Return the seconds until one token comes back: DAY / (RISK / odds - TRIES), rounded up, within the two limits."""
    if odds <= 0:
        return SHORTEST_INTERVAL
    tries = RISK / odds - TRIES
    if tries <= DAY / LONGEST_INTERVAL:
        return LONGEST_INTERVAL
    return max(SHORTEST_INTERVAL, int(-(-DAY // tries)))


def bearable(odds: float) -> bool:
    """Return whether some interval keeps a day of non-stop guessing at these odds within RISK."""
    return refill_interval(odds) < LONGEST_INTERVAL or day_risk(odds) <= RISK


def day_risk(odds: float) -> float:
    """Return the highest probability that a day of non-stop guessing succeeds (union bound), from a full bucket."""
    return min(1.0, odds * (TRIES + DAY / refill_interval(odds)))


def resident_may(length: int, stored: int) -> bool:
    """Return whether an entry of `length` digits may be looked up while the bucket is empty.

    stored: live codes of that length.
    """
    return length >= RESIDENT_FEWEST and DAY // RESIDENT_EVERY * stored <= RESIDENT_RISK * float(10**length)


class Budget:
    """The bucket of one lock.

    uptime: returns the seconds since the start, never going back; policy: what the lock accepts offline.
    """

    def __init__(self, store: "Tokens", uptime: "Callable[[], int]", policy: "Policy") -> None:
        self._store = store
        self._uptime = uptime
        self._since = uptime()  # the beginning of the current interval
        self._resident_at = self._since + RESIDENT_EVERY
        self._kept = store.tokens
        self._accepted = accepted(policy)
        self._lengths = [0] * (MOST_DIGITS + 1)
        self.interval = refill_interval(_worst(self._accepted, self._lengths))

    def waits(self) -> "tuple[int, int]":
        """Return (seconds of the interval that have passed, seconds until the next resident look-up)."""
        self.refill()
        now = self._uptime()
        return now - self._since, max(0, self._resident_at - now)

    def resume(self, passed: int, wait: int) -> None:
        """Continue from an earlier uptime: these are its waits(), with the time in between counted."""
        now = self._uptime()
        self._since = now - passed
        self._resident_at = now + max(0, wait)

    def configure(self, policy: "Policy") -> None:
        """Use another policy."""
        self._change(accepted(policy), self._lengths)

    def odds(self, length: int, more: int = 0) -> float:
        """Return the worst probability that a random entry of `length` digits is accepted, with `more` codes stored."""
        return _share(self._accepted[length] + self._lengths[length] + more, length)

    def adjust(self, lengths: "list[int]") -> None:
        """Use other counts of stored codes. lengths[n]: how many codes of n digits are stored that can open."""
        self._change(self._accepted, lengths)

    def _change(self, unseen: "list[int]", lengths: "list[int]") -> None:
        """Choose the interval again. The share of the current one that has passed stays the same.

        So no change gives a token, and changes back and forth neither shorten nor lengthen the wait.
        """
        self.refill()
        self._accepted, self._lengths = unseen, lengths
        old, self.interval = self.interval, refill_interval(_worst(unseen, lengths))
        now = self._uptime()
        # To the nearest second: rounding down would take away a second with each change.
        self._since = now - min(((now - self._since) * self.interval + old // 2) // old, self.interval - 1)

    def refill(self) -> None:
        """Credit in RAM the tokens that have come back since the last call."""
        now = self._uptime()
        earned = (now - self._since) // self.interval
        if self._store.tokens >= TRIES:
            self._since = now
        elif earned:
            self._since += earned * self.interval
            self._store.tokens = min(TRIES, self._store.tokens + earned)

    def keep(self, latest_trusted: int) -> bool:
        """Refill, and write earned tokens or a later trusted time to flash: one commit at most.

        Return whether it did.
        """
        self.refill()
        store = self._store
        if self._kept == store.tokens and latest_trusted <= store.latest_trusted:
            return False
        store.keep(store.tokens, latest_trusted)
        self._kept = store.tokens
        return True

    def pay(self, now: "int | None") -> bool:
        """Pay for an entry on flash. Return False, with nothing written, if the bucket is empty.

        now: trusted Unix seconds, or None. StoreFull if the flash refuses: then the entry must not be checked.
        """
        self.refill()
        store = self._store
        if store.tokens <= 0:
            return False
        store.pay(now)
        self._kept = store.tokens
        if store.tokens == 0:
            self._resident_at = max(self._resident_at, self._uptime() + RESIDENT_EVERY)
        return True

    def give_back(self) -> None:
        """Give the last payment back in RAM, because the flash refused it. The next payment writes it."""
        self._store.tokens = min(TRIES, self._store.tokens + 1)

    def refunded(self) -> None:
        """Note that the store gave the last payment back, on flash too."""
        self._kept = self._store.tokens

    def resident(self, length: int) -> bool:
        """Use the look-up among stored codes that is due while the bucket is empty. Return False if none is."""
        now = self._uptime()
        if now < self._resident_at or not resident_may(length, self._lengths[length]):
            return False
        self._resident_at = now + RESIDENT_EVERY
        return True

    @property
    def locked_out(self) -> bool:
        """Whether every entry but the resident one is refused."""
        self.refill()
        return self._store.tokens <= 0
