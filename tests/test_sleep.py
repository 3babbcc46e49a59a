"""What is kept over a deep sleep: the guess budget goes on, and never early."""

import random
from binascii import crc32

import pytest

from firmware.app.sleep import pack_kept, unpack_kept
from firmware.core.budget import RESIDENT_EVERY, TRIES
from tests.campaign import cases
from tests.lock import Lock

KEPT = pack_kept(7, (100, 200), 5000, 1)


def test_the_bytes_of_the_table():
    body = b"TMBd" + b"".join(number.to_bytes(4, "big") for number in (7, 100, 200, 5000, 1))
    assert crc32(body).to_bytes(4, "big") == KEPT[-4:]
    assert body == KEPT[:-4]
    assert len(KEPT) == 28


def test_a_sixteenth_of_the_time_slept_is_not_counted():
    assert unpack_kept(KEPT, 7, 5000) == (100, 200, 1)
    assert unpack_kept(KEPT, 7, 5160) == (250, 50, 1)


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
