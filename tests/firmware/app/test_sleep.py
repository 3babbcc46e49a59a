"""What is kept over a deep sleep: the guess budget continues, and never early."""

import math
import random
from binascii import crc32

import pytest

from tests.dual.support.lock import Lock
from tests.support.campaign import cases
from tumbler_lock.app.sleep import pack_kept, unpack_kept
from tumbler_lock.core.budget import RESIDENT_EVERY, TRIES, Budget
from tumbler_lock.core.policy import STANDARD

KEPT = pack_kept(7, (100, 200), 5000, 1)


def test_the_bytes_of_the_table():
    body = b"TMBd" + b"".join(number.to_bytes(4, "big") for number in (7, 100, 200, 5000, 1))
    assert crc32(body).to_bytes(4, "big") == KEPT[-4:]
    assert body == KEPT[:-4]
    assert len(KEPT) == 28


def test_a_sixteenth_of_the_time_slept_and_a_second_are_not_counted():
    for seconds in (0, 1, 2):
        assert unpack_kept(KEPT, 7, 5000 + seconds) == (100, 200, 1)
    assert unpack_kept(KEPT, 7, 5003) == (101, 199, 1)
    assert unpack_kept(KEPT, 7, 5160) == (249, 51, 1)


@pytest.mark.parametrize("size", range(len(KEPT) + 3))
def test_another_length_is_nothing(size):
    assert (unpack_kept((KEPT + b"\0\0")[:size], 7, 5000) is None) == (size != len(KEPT))


def test_any_byte_that_differs_is_nothing():
    for place in range(len(KEPT)):
        for flip in (1, 128, 255):
            other = bytearray(KEPT)
            other[place] ^= flip
            assert unpack_kept(bytes(other), 7, 1 << 31) is None, (place, flip)


@pytest.mark.parametrize(("attempt", "now"), [(6, 5000), (8, 5000), (7, 4999)])
def test_another_state_or_a_clock_that_went_back_is_nothing(attempt, now):
    assert unpack_kept(KEPT, attempt, now) is None


def sleep(lock, seconds, drift):
    """A deep sleep: RAM is lost, the chip's clock is off by `drift` hundredths."""
    lock.verifier.tick()
    kept = pack_kept(lock.store.attempt, lock.verifier.budget.waits(), 1000, 0)
    lock.restart(off=seconds)
    found = unpack_kept(kept, lock.store.attempt, 1000 + seconds * (100 + drift) // 100)
    assert found is not None
    lock.verifier.budget.resume(found[0], found[1])


def test_random_sleeps_give_no_try(tmp_path):
    """Beside a lock that never sleeps: whatever is typed and slept, the sleeper has no token and no look-up more."""
    for seed in range(cases(30, 2000)):
        chance = random.Random(seed)
        (tmp_path / f"{seed}a").mkdir()
        (tmp_path / f"{seed}b").mkdir()
        sleeper, awake = Lock(str(tmp_path / f"{seed}a")), Lock(str(tmp_path / f"{seed}b"))
        interval = awake.verifier.budget.interval
        for _ in range(60):
            seconds = chance.choice([1, 30, RESIDENT_EVERY, interval // 3, interval, chance.randrange(2 * interval)])
            awake.wait(seconds)
            if chance.randrange(3):
                sleep(sleeper, seconds, chance.randrange(-6, 7))
            else:
                sleeper.wait(seconds)
            for lock in (sleeper, awake):
                lock.verifier.budget.refill()
            assert sleeper.store.tokens <= awake.store.tokens, seed
            waits = [lock.verifier.budget.waits() for lock in (sleeper, awake)]
            assert waits[0][1] >= waits[1][1] or sleeper.store.tokens > 0, seed
            if sleeper.store.tokens and chance.randrange(2):
                assert sleeper.enter("000000") == awake.enter("000000"), seed
        for lock in (sleeper, awake):
            lock.wait(TRIES * interval)
            lock.verifier.budget.refill()
        assert sleeper.store.tokens == TRIES


class Tokens:
    """A store that has earned so many."""

    def __init__(self, tokens=0):
        self.tokens = tokens


def naps(chance, asleep):
    """Many short deep sleeps, of about `asleep` seconds; yields (seconds since the first, tokens) after each.

    Time is continuous here, clock and uptime count whole seconds of it: what rounding gains or loses adds up.
    """
    time = begun = chance.random() * 100
    tokens, kept = 0, None
    while True:
        now = math.floor(time)
        passed, wait, _ = (0, RESIDENT_EVERY, 0) if kept is None else unpack_kept(kept, 7, now)
        start = time - chance.random() * 2  # reading the memory takes time that uptime counts
        clock = [time]
        budget = Budget(Tokens(tokens), lambda start=start, clock=clock: math.floor(clock[0] - start), STANDARD)
        budget.resume(passed, wait)
        time += chance.choice((0.05, 0.95, 2, 3.5)) + chance.random()
        clock[0] = time
        kept = pack_kept(7, budget.waits(), math.floor(time), 0)
        tokens = budget._store.tokens
        yield time - begun, tokens, budget.interval
        time += asleep + 3 * chance.random()


@pytest.mark.parametrize("asleep", [0.1, 1, 10, 60, 300])
def test_many_short_sleeps_give_no_token_early_and_few_late(asleep):
    enough = TRIES if asleep >= 60 else 1
    for seed in range(cases(4, 200)):
        for passed, tokens, interval in naps(random.Random(seed), asleep):
            assert tokens <= passed // interval, (seed, passed)
            if tokens == enough:
                break
            if asleep >= 10:
                assert tokens >= passed * 0.75 // interval - 1, (seed, passed)


def test_a_sleep_between_the_ticks_of_two_clocks_is_not_counted_long():
    """Falls asleep at 5000.95 s, counts on at 5010.00, when it has been up for 0.9 s, and is asked 0.1 s later."""
    kept = pack_kept(7, (0, RESIDENT_EVERY), 5000, 0)
    passed, wait, _ = unpack_kept(kept, 7, 5010)
    up = [0.9]
    budget = Budget(Tokens(), lambda: math.floor(up[0]), STANDARD)
    budget.resume(passed, wait)
    up[0] = 1.0
    passed, wait = budget.waits()
    assert passed <= 5010.1 - 5000.95
    assert wait >= RESIDENT_EVERY - (5010.1 - 5000.95)
