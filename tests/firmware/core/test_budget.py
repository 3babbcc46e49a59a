"""The guess budget, against docs/spec/entries.md: limits by arithmetic, and attacks on the real verifier."""

import random

import pytest

from tests.dual.support.lock import HOUR, NOW, Lock
from tests.firmware.core.test_verifier import wrong_digits
from tumbler_lock.core.budget import (
    DAY,
    RESIDENT_EVERY,
    RISK,
    TRIES,
    bearable,
    day_risk,
    refill_interval,
    resident_may,
    worst_odds,
)
from tumbler_lock.core.policy import STANDARD, STRICT, Policy, worst_accepted
from tumbler_lock.core.tickets import PERMANENT

NOTHING_STORED = [0] * 10


@pytest.fixture
def lock(tmp_path):
    return Lock(str(tmp_path))


def drain(lock):
    """Wrong entries until the lock turns them away; how many were checked."""
    checked = 0
    while lock.enter(wrong_digits(lock)) == "refused wrong":
        checked += 1
        lock.wait(1)
    return checked


def test_a_day_of_guessing_stays_below_one_percent():
    rng = random.Random(1)
    for _ in range(2000):
        odds = 10 ** rng.uniform(-7, -3.55)
        interval = refill_interval(odds)
        assert 30 <= interval <= 3600
        assert odds * (TRIES + DAY / interval) <= RISK + 1e-12, odds
        if 30 < interval < 3600:
            assert odds * (TRIES + DAY / (interval - 1)) > RISK, "no longer than it must be"


def test_interval_of_the_two_policies():
    for policy in (STANDARD, STRICT):
        odds = max(worst_accepted(policy, n) / 10**n for n in range(6, 10))
        assert worst_odds(policy, NOTHING_STORED) == odds
        assert day_risk(odds) <= RISK
    assert refill_interval(worst_odds(STRICT, NOTHING_STORED)) < refill_interval(worst_odds(STANDARD, NOTHING_STORED))


def test_limits_of_the_interval():
    assert refill_interval(0) == 30
    assert refill_interval(1e-9) == 30
    assert refill_interval(RISK / TRIES) == 3600
    assert refill_interval(0.5) == 3600


def test_what_a_day_can_bear():
    """8 tokens and 24 more tries a day are the fewest there are: 1 % of them is reached at 1 in 3,200."""
    for odds, expected in ((0, True), (1e-9, True), (1 / 3_201, True), (1 / 3_199, False), (0.5, False)):
        assert bearable(odds) == expected


def test_the_odds_of_one_length(lock):
    """9 digits: the standard policy takes 234,946 of a thousand million at its worst moment."""
    budget = lock.verifier.budget
    assert (budget.odds(9), budget.odds(9, 54)) == (234_946 / 10**9, 235_000 / 10**9)
    assert (budget.odds(4), budget.odds(4, 1)) == (0, 1 / 10**4)
    lock.owner.add_custom("2468")
    assert (budget.odds(4), budget.odds(5)) == (1 / 10**4, 0)


def change_policy(lock, policy):
    lock.owner.configure(lock.verifier.config.changed(policy=policy))


@pytest.mark.parametrize(("first", "second"), [(STANDARD, STRICT), (STRICT, STANDARD)])
@pytest.mark.parametrize("changes", [1, 2, 11, 300])
def test_a_new_policy_gives_no_token_and_keeps_the_part_that_has_passed(tmp_path, first, second, changes):
    lock = Lock(str(tmp_path), policy=first)
    interval = lock.verifier.budget.interval
    assert drain(lock) == TRIES  # the wait began with the first
    lock.wait(interval // 2)
    for number in range(changes):
        change_policy(lock, (second, first)[number % 2])
        assert lock.store.tokens == 0
    following = lock.verifier.budget.interval
    assert (following == interval) == (changes % 2 == 0)
    left = following - round((TRIES + interval // 2) * following / interval)  # emptying it took a second for each try
    margin = 20  # a second of the shorter interval is so much of the longer one, once and not with each change
    lock.wait(left - margin)
    assert lock.enter(wrong_digits(lock)) == "locked-out"
    lock.wait(2 * margin)
    assert lock.enter(wrong_digits(lock)) == "refused wrong"
    lock.wait(following - 2 * margin)
    assert lock.enter(wrong_digits(lock)) == "locked-out"
    lock.wait(2 * margin)
    assert lock.enter(wrong_digits(lock)) == "refused wrong"


def test_codes_that_come_and_go_do_not_lengthen_the_wait(lock):
    drain(lock)
    interval = lock.verifier.budget.interval
    for _ in range(interval - TRIES - 1):
        lock.wait(1)
        lock.owner.add_custom("2468", insist=True)
        lock.owner.delete("2468")
    assert lock.store.tokens == 0
    lock.wait(2)
    assert lock.enter(wrong_digits(lock)) == "refused wrong"


def test_a_policy_that_takes_nothing_and_many_codes_do_not_stretch_the_wait(lock):
    drain(lock)
    for _ in range(5):
        change_policy(lock, Policy(kinds=0))
        for number in range(3):
            lock.owner.add_custom("%04d" % (number * 1237 + 11), insist=True)
        for number in range(3):
            lock.owner.delete("%04d" % (number * 1237 + 11))
        change_policy(lock, STANDARD)
    lock.wait(lock.verifier.budget.interval)
    assert lock.enter(wrong_digits(lock)) == "refused wrong"


def test_a_new_policy_does_not_end_a_resident_s_wait_or_begin_it_anew(lock):
    resident = lock.code(PERMANENT)
    assert lock.enter(resident) == "open"
    drain(lock)
    lock.wait(RESIDENT_EVERY - 10)
    change_policy(lock, STRICT)
    lock.store.tokens = 0
    assert lock.enter(resident) == "locked-out"
    lock.wait(20)
    assert lock.enter(resident) == "open"


def test_settings_while_the_bucket_is_partly_full(lock):
    assert lock.enter(wrong_digits(lock)) == "refused wrong"
    assert lock.enter(wrong_digits(lock)) == "refused wrong"
    lock.owner.configure(lock.verifier.config.changed(sound=False))
    assert lock.store.tokens == TRIES - 2
    lock.restart()
    assert lock.store.tokens == TRIES - 2


def test_stored_codes_lengthen_the_interval(lock):
    before = lock.verifier.budget.interval
    for digits in ("2468", "1357", "8642", "9753"):
        lock.owner.add_custom(digits, insist=True)
    assert lock.verifier.budget.interval > before
    for digits in ("2468", "1357", "8642", "9753"):
        lock.owner.delete(digits)
    assert lock.verifier.budget.interval == before


def test_eight_tries_then_one_an_interval(lock):
    assert drain(lock) == TRIES
    interval = lock.verifier.budget.interval
    checked = 0
    spent = lock.rtc.now
    while lock.rtc.now < spent + 5 * interval:
        lock.wait(20)
        checked += lock.enter(wrong_digits(lock)) == "refused wrong"
    assert checked == 5


def test_right_entries_cost_nothing(lock):
    code = lock.code(PERMANENT)
    for _ in range(40):
        assert lock.enter(code) == "open"
    assert lock.store.tokens == TRIES
    lock.restart()
    assert lock.store.tokens == TRIES


def test_every_wrong_entry_is_on_flash_before_it_is_answered(lock):
    for spent in range(1, TRIES + 1):
        assert lock.enter(wrong_digits(lock)) == "refused wrong"
        lock.restart()
        assert lock.store.tokens == TRIES - spent


def test_neither_restarts_nor_the_clock_nor_keys_give_a_try(lock):
    drain(lock)
    interval = lock.verifier.budget.interval
    for _ in range(20):
        lock.wait(interval - 30)
        assert lock.enter(wrong_digits(lock)) == "locked-out"
        lock.restart(off=interval)
        assert lock.enter(wrong_digits(lock)) == "locked-out"
    lock.rtc.now += 10 * interval
    assert lock.enter(wrong_digits(lock)) == "locked-out"
    lock.rtc.now -= 20 * interval
    assert lock.enter(wrong_digits(lock)) == "locked-out"


def test_keys_do_not_lengthen_a_lockout(lock):
    drain(lock)
    interval = lock.verifier.budget.interval
    lock.wait(interval - lock.up)
    for _ in range(50):
        lock.enter(wrong_digits(lock))
    lock.wait(interval)
    assert lock.enter(wrong_digits(lock)) == "refused wrong"


def test_earned_tokens_survive_a_restart(lock):
    drain(lock)
    interval = lock.verifier.budget.interval
    for _ in range(3 * interval // 60 + 2):
        lock.wait(60)
        lock.verifier.tick()
    assert lock.store.tokens == 3
    lock.restart()
    assert lock.store.tokens == 3


def test_a_full_bucket_earns_nothing_in_advance(lock):
    lock.wait(100 * lock.verifier.budget.interval)
    assert drain(lock) == TRIES
    assert lock.enter(wrong_digits(lock)) == "locked-out"


def test_residents_get_in_within_five_minutes(lock):
    resident, stranger = lock.code(PERMANENT), lock.code(PERMANENT, nth=1)
    assert lock.enter(resident) == "open"
    lock.owner.add_custom("2468")
    drain(lock)
    assert lock.enter(resident) == "locked-out"
    lock.wait(RESIDENT_EVERY)
    assert lock.enter("2468") == "locked-out", "four digits are too few to look up now"
    assert lock.enter(stranger) == "locked-out", "a code the lock does not know waits"
    lock.wait(RESIDENT_EVERY)
    assert lock.enter(resident) == "open"
    assert lock.enter(resident) == "locked-out"
    lock.restart()
    assert lock.enter(resident) == "locked-out", "a restart gives no look-up at once"
    lock.wait(RESIDENT_EVERY)
    assert lock.enter(resident) == "open"


def test_a_lockout_does_not_tell_a_stored_code_from_a_wrong_one(lock):
    expired = lock.code(PERMANENT)
    lock.enter(expired)
    lock.owner.delete(expired)
    drain(lock)
    lock.wait(RESIDENT_EVERY)
    assert lock.enter(expired) == "locked-out"


def test_which_lengths_residents_may_use():
    for length in range(4, 10):
        for stored in (0, 1, 17, 18, 173, 174, 1000):
            allowed = length >= 6 and 288 * stored / 10**length <= 0.005
            assert resident_may(length, stored) == allowed, (length, stored)


def test_a_day_of_resident_lookups(lock):
    """Count the look-ups an attacker gets in a day of trying each second."""
    drain(lock)
    book = lock.store.book
    looked = 0
    find = book.find

    def counting(tag):
        nonlocal looked
        looked += 1
        return find(tag)

    book.find = counting
    paid = 0
    for _ in range(DAY // 30):
        lock.wait(30)
        paid += lock.enter("123456") != "locked-out"
    assert looked - paid <= DAY // RESIDENT_EVERY


def test_lockouts_are_logged_once(lock):
    drain(lock)
    before = lock.store.commits
    for _ in range(30):
        lock.wait(3)
        assert lock.enter(wrong_digits(lock)) == "locked-out"
    assert lock.store.commits == before


def test_empty_bucket_is_told(lock):
    assert not lock.verifier.budget.locked_out
    drain(lock)
    assert lock.verifier.budget.locked_out
    lock.wait(lock.verifier.budget.interval)
    assert not lock.verifier.budget.locked_out
    assert lock.rtc.now > NOW


def test_codes_that_are_over_burden_nobody(lock):
    resident = lock.code(PERMANENT)
    assert lock.enter(resident) == "open"
    interval = lock.verifier.budget.interval
    for number in range(20):
        lock.owner.add_custom(f"{number:06d}", end=NOW + HOUR, insist=True)
    for number in range(10):
        lock.owner.add_custom(f"{number:04d}", end=NOW + HOUR, insist=True)
    assert lock.verifier.budget.interval == 3600
    lock.wait(2 * HOUR)
    lock.verifier.tick()
    assert lock.verifier.budget.interval == interval
    drain(lock)
    lock.wait(RESIDENT_EVERY)
    assert lock.enter(resident) == "open"


def test_a_shorter_interval_credits_no_tokens_for_time_already_gone(tmp_path):
    lock = Lock(str(tmp_path), policy=STRICT)
    for number in range(10):
        lock.owner.add_custom(f"{number:04d}", insist=True)
    drain(lock)
    lock.wait(3540 - lock.up)
    for number in range(10):
        lock.owner.delete(f"{number:04d}")
    assert lock.store.tokens == 0
    lock.wait(lock.verifier.budget.interval)
    assert not lock.verifier.budget.locked_out
    assert lock.store.tokens == 1
