"""How likely a guess is right at one lock, by counting; the guess budget that follows is the lock's own code."""

from dataclasses import dataclass

from tumbler_lock.core.budget import day_risk, refill_interval, worst_odds
from tumbler_lock.core.policy import accepted_at, worst_accepted
from tumbler_lock.core.store import TRIES
from tumbler_lock.core.zone import Zone

from ..registry.registry import Registry, RegistryLock
from .issue import LENGTHS, policy_of, stored_lengths

STRICT_ODDS = 100_000  # what EN 1300 practice asks of a code lock: one in so many


@dataclass(frozen=True)
class LengthRisk:
    """One length: tickets accepted now and at the worst moment, and stored codes beside them."""

    length: int
    accepted: int
    worst: int
    stored: int

    @property
    def now(self) -> float:
        """The probability that one random entry of this length is right now."""
        return (self.accepted + self.stored) / _entries(self.length)

    @property
    def odds(self) -> float:
        """The same at the worst moment."""
        return (self.worst + self.stored) / _entries(self.length)


@dataclass(frozen=True)
class Risk:
    """The whole lock. interval: seconds until one more try; day: the probability that a day of guessing succeeds."""

    lengths: list[LengthRisk]
    odds: float
    tries: int
    interval: int
    day: float


def _entries(length: int) -> int:
    """Return how many entries of so many digits there are."""
    return int(10**length)


def risk(registry: Registry, lock: RegistryLock, now: int) -> Risk:
    """Count at Unix time `now`; stored codes are those issued here, as if every one had been used in time."""
    policy = policy_of(lock)
    zone = Zone(lock.rule)
    stored = stored_lengths(registry, lock, now)
    lengths = [
        LengthRisk(
            length,
            accepted_at(policy, length, now, zone, lock.weekend),
            worst_accepted(policy, length),
            stored[length],
        )
        for length in LENGTHS
    ]
    odds = worst_odds(policy, stored)
    return Risk(lengths, odds, TRIES, refill_interval(odds), day_risk(odds))
