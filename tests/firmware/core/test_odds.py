"""The odds, by experiment: random entries on the real verifier against what policy.py counts."""

import random

import pytest

from tests.dual.support.lock import HOUR, NOW, Lock
from tests.support.campaign import cases
from tumbler_lock.core.policy import STANDARD, STRICT, accepted_at
from tumbler_lock.core.tickets import ERASE, REVOKE, meaning

# Half past the hour, and two minutes before the next, when one more start hour is acceptable.
MOMENTS = {"mid-hour": NOW + HOUR // 2, "last minutes": NOW + HOUR - 120}


def experiment(lock, length, entries, rng):
    """(opened, expected): how many of `entries` random codes the verifier takes now, and the count's expectation."""
    opened = 0
    now = lock.rtc.now
    for _ in range(entries):
        digits = "%0*d" % (length, rng.randrange(10**length))
        opened += lock.verifier.read(b"", digits, now).reason == "opened"
    exact = accepted_at(lock.config_policy, length, now, lock.verifier.zone, lock.verifier.config.weekend)
    return opened, entries * exact / 10**length


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("policy", [STANDARD, STRICT], ids=["standard", "strict"])
def test_random_entries(tmp_path, policy, moment):
    """Within 4 standard deviations of the computed odds, for every length the policy has."""
    lock = Lock(str(tmp_path), now=MOMENTS[moment], policy=policy)
    lock.config_policy = policy
    rng = random.Random("%s %s" % (policy.name, moment))
    for length in range(policy.fewest_digits, 10):
        opened, expected = experiment(lock, length, cases(40_000, 2_000_000), rng)
        assert abs(opened - expected) <= 4 * max(1.0, expected) ** 0.5, (length, opened, expected)


@pytest.mark.parametrize("moment", MOMENTS)
def test_every_entry_of_six_digits(tmp_path, moment):
    """The exact count: in the campaign all 1,000,000 entries, in CI every one that decodes to an hour near now."""
    now = MOMENTS[moment]
    lock = Lock(str(tmp_path), now=now)
    zone, weekend = lock.verifier.zone, lock.verifier.config.weekend
    expected = accepted_at(STANDARD, 6, now, zone, weekend)
    if cases(False, True):
        entries = ("%06d" % number for number in range(10**6))
    else:
        hours = range(now // HOUR - 40, now // HOUR + 40)
        entries = (lock.scheme.encode(hour, ticket, 6) for hour in hours for ticket in range(10))
    assert sum(lock.verifier.read(b"", digits, now).reason == "opened" for digits in entries) == expected


@pytest.mark.parametrize("length", [7, 8, 9])
def test_every_ticket_near_now(tmp_path, length):
    """The exact count for longer codes, by every ticket of every hour near now, each typed in as its digits."""
    now = MOMENTS["mid-hour"]
    lock = Lock(str(tmp_path), now=now)
    rng = random.Random(length)
    stride = cases({7: 1, 8: 7, 9: 61}, {7: 1, 8: 1, 9: 1})[length]
    hours = range(now // HOUR - 30, now // HOUR + 3)
    tried = {ticket for ticket in range(10 ** (length - 5)) if rng.randrange(stride) == 0}
    counted = opened = 0
    for ticket in tried:
        for hour in hours:
            candidate = lock.verifier.read(b"", lock.scheme.encode(hour, ticket, length), now)
            opened += candidate.reason == "opened"
    exact = accepted_at(STANDARD, length, now, lock.verifier.zone, lock.verifier.config.weekend)
    counted = exact * len(tried) / 10 ** (length - 5)
    if stride == 1:
        assert opened == exact
    else:
        assert abs(opened - counted) < 0.25 * counted, (opened, counted)


def test_dangerous_tickets_count_as_accepted():
    """A guess that erases or revokes is a success of the guesser: both kinds are in the count."""
    assert {meaning(9998).kind, meaning(9999).kind} == {REVOKE, ERASE}
