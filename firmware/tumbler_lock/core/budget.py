"""The guess budget: how many wrong entries the lock takes, and how residents get in when it is empty.

A bucket of TRIES tokens; every entry is paid for on flash before it is checked and given back when it was right.
A token comes back per interval, chosen from the odds so that a day of non-stop guessing succeeds with a
probability of at most RISK. Time is uptime, seconds since the start that never go back: neither the clock nor
a key press moves it, and a restart gives nothing, it only starts the current interval again.

While the bucket is empty, one entry every RESIDENT_EVERY seconds is looked up among the stored codes alone,
of lengths so sparsely used that a whole day of such look-ups succeeds with at most RESIDENT_RISK.
See docs/spec/passcodes.md, "Guess budget".
"""

from .keypad_buffer import LONGEST, SHORTEST
from .policy import worst_accepted

TRIES = 8
DAY = 86_400
RISK = 0.01
SHORTEST_INTERVAL = 30
LONGEST_INTERVAL = 3_600
RESIDENT_EVERY = 300
RESIDENT_RISK = 0.005
RESIDENT_FEWEST = 6


def worst_odds(policy, lengths) -> float:
    """The worst probability, over all lengths and moments, that one random entry is accepted.

    lengths[n]: how many codes of n digits the lock has stored that can open.
    """
    return _worst(accepted(policy), lengths)


def accepted(policy) -> list:
    """For each length up to the longest, how many unseen tickets the lock accepts at the worst moment."""
    return [worst_accepted(policy, length) for length in range(LONGEST + 1)]


def _worst(unseen, lengths) -> float:
    return max([(unseen[n] + lengths[n]) / 10**n for n in range(SHORTEST, LONGEST + 1)])


def refill_interval(odds: float) -> int:
    """Seconds until one token comes back: DAY / (RISK / odds - TRIES), rounded up, held between the two limits."""
    if odds <= 0:
        return SHORTEST_INTERVAL
    tries = RISK / odds - TRIES
    if tries <= DAY / LONGEST_INTERVAL:
        return LONGEST_INTERVAL
    return max(SHORTEST_INTERVAL, int(-(-DAY // tries)))


def bearable(odds: float) -> bool:
    """Whether some interval keeps a day of non-stop guessing at these odds within RISK."""
    return refill_interval(odds) < LONGEST_INTERVAL or day_risk(odds) <= RISK


def day_risk(odds: float) -> float:
    """The most that a day of non-stop guessing at these odds can succeed with (union bound), the bucket full."""
    return min(1.0, odds * (TRIES + DAY / refill_interval(odds)))


def resident_may(length: int, stored: int) -> bool:
    """Whether an entry of `length` digits may be looked up while the bucket is empty, with `stored` live codes
    of that length."""
    return length >= RESIDENT_FEWEST and DAY // RESIDENT_EVERY * stored <= RESIDENT_RISK * 10**length


class Budget:
    """The bucket of one lock.

    store: keeps the tokens (`tokens`, `pay`, `keep`); uptime: callable, seconds since the start; policy: what the
    lock accepts offline.
    """

    def __init__(self, store, uptime, policy):
        self._store = store
        self._uptime = uptime
        self._since = uptime()  # when the interval now running began
        self._resident_at = self._since + RESIDENT_EVERY
        self._kept = store.tokens
        self._accepted = accepted(policy)
        self._lengths = [0] * (LONGEST + 1)
        self.interval = refill_interval(_worst(self._accepted, self._lengths))

    def waits(self) -> tuple:
        """(seconds of the interval that have passed, seconds until the next resident look-up)."""
        self.refill()
        now = self._uptime()
        return now - self._since, max(0, self._resident_at - now)

    def resume(self, passed: int, wait: int) -> None:
        """Go on from an uptime that ended: these are its waits(), the time in between counted."""
        now = self._uptime()
        self._since = now - passed
        self._resident_at = now + max(0, wait)

    def configure(self, policy) -> None:
        """Take another policy."""
        self._change(accepted(policy), self._lengths)

    def odds(self, length: int, more: int = 0) -> float:
        """The worst probability that a random entry of `length` digits is accepted, with so many more codes stored."""
        return (self._accepted[length] + self._lengths[length] + more) / 10**length

    def adjust(self, lengths) -> None:
        """Count the stored codes anew. lengths[n]: how many codes of n digits are stored that can open."""
        self._change(self._accepted, lengths)

    def _change(self, unseen, lengths) -> None:
        """Choose the interval anew. The part of the one under way that has passed stays the same part: so no change
        gives a token, and changes back and forth neither shorten the wait nor lengthen it.
        """
        self.refill()
        self._accepted, self._lengths = unseen, lengths
        old, self.interval = self.interval, refill_interval(_worst(unseen, lengths))
        now = self._uptime()
        # To the nearest second: always down would take away a second with each change.
        self._since = now - min(((now - self._since) * self.interval + old // 2) // old, self.interval - 1)

    def refill(self) -> None:
        """Credit the tokens that have come back since the last look, in RAM."""
        now = self._uptime()
        earned = (now - self._since) // self.interval
        if self._store.tokens >= TRIES:
            self._since = now
        elif earned:
            self._since += earned * self.interval
            self._store.tokens = min(TRIES, self._store.tokens + earned)

    def keep(self, latest_trusted: int) -> bool:
        """Refill, and write earned tokens or a later trusted time to flash. At most one commit; True when it did."""
        self.refill()
        store = self._store
        if self._kept == store.tokens and latest_trusted <= store.latest_trusted:
            return False
        store.keep(store.tokens, latest_trusted)
        self._kept = store.tokens
        return True

    def pay(self, now) -> bool:
        """Pay for an entry on flash; False, and nothing is written, when the bucket is empty.

        now: trusted Unix seconds, or None. StoreFull when flash refuses: then the entry must not be checked.
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
        """Give the last payment back in RAM, because flash could not take it: the next payment writes it down."""
        self._store.tokens = min(TRIES, self._store.tokens + 1)

    def refunded(self) -> None:
        """Note that the store gave the last payment back: flash already says so."""
        self._kept = self._store.tokens

    def resident(self, length: int) -> bool:
        """Take the look-up among stored codes that is due while the bucket is empty; False when none is."""
        now = self._uptime()
        if now < self._resident_at or not resident_may(length, self._lengths[length]):
            return False
        self._resident_at = now + RESIDENT_EVERY
        return True

    @property
    def locked_out(self) -> bool:
        """True while every entry but the resident one is turned away."""
        self.refill()
        return self._store.tokens <= 0
