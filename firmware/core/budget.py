"""The guess budget: how many wrong entries the lock takes, and how residents get in when it is empty.

A bucket of TRIES tokens; every entry is paid for on flash before it is checked and given back when it was right.
A token comes back per interval, chosen from the odds so that a day of non-stop guessing succeeds with a
probability of at most RISK. Time is uptime, seconds since the start that never go back: neither the clock nor
a key press moves it, and a restart gives nothing, it only starts the current interval again.

While the bucket is empty, one entry every RESIDENT_EVERY seconds is looked up among the stored codes alone,
of lengths so sparsely used that a whole day of such look-ups succeeds with at most RESIDENT_RISK.
See docs/passcodes.md, "Guess budget".
"""

from .entry import LONGEST, SHORTEST
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
    worst = 0.0
    for length in range(SHORTEST, LONGEST + 1):
        accepted = worst_accepted(policy, length) + lengths[length]
        worst = max(worst, accepted / 10**length)
    return worst


def refill_interval(odds: float) -> int:
    """Seconds until one token comes back: DAY / (RISK / odds - TRIES), rounded up, held between the two limits."""
    if odds <= 0:
        return SHORTEST_INTERVAL
    tries = RISK / odds - TRIES
    if tries <= DAY / LONGEST_INTERVAL:
        return LONGEST_INTERVAL
    return max(SHORTEST_INTERVAL, int(-(-DAY // tries)))


def day_risk(odds: float) -> float:
    """The most that a day of non-stop guessing at these odds can succeed with (union bound), the bucket full."""
    return min(1.0, odds * (TRIES + DAY / refill_interval(odds)))


def resident_may(length: int, stored: int) -> bool:
    """Whether an entry of `length` digits may be looked up while the bucket is empty, with `stored` live codes
    of that length."""
    return length >= RESIDENT_FEWEST and DAY // RESIDENT_EVERY * stored <= RESIDENT_RISK * 10**length


class Budget:
    """The bucket of one lock.

    store: keeps the tokens (`tokens`, `pay`, `keep`); uptime: callable, seconds since the start;
    policy and lengths as in worst_odds().
    """

    def __init__(self, store, uptime, policy, lengths):
        self._store = store
        self._uptime = uptime
        self._since = uptime()  # when the interval now running began
        self._resident_at = self._since + RESIDENT_EVERY
        self._kept = store.tokens
        self.adjust(policy, lengths)

    def adjust(self, policy, lengths) -> None:
        """Choose the interval anew; call when the policy or the stored codes have changed."""
        self._policy = policy
        self._lengths = lengths
        self.interval = refill_interval(worst_odds(policy, lengths))

    def refill(self) -> None:
        """Credit the tokens that have come back since the last look, in RAM."""
        now = self._uptime()
        earned = (now - self._since) // self.interval
        if self._store.tokens >= TRIES:
            self._since = now
        elif earned:
            self._since += earned * self.interval
            self._store.tokens = min(TRIES, self._store.tokens + earned)

    def keep(self, floor: int) -> bool:
        """Refill, and write earned tokens or a higher floor to flash. At most one commit; True when it did."""
        self.refill()
        store = self._store
        if self._kept == store.tokens and floor <= store.floor:
            return False
        store.keep(store.tokens, floor)
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
