"""Pairing, the client's side, with a real lock and with a man in the middle."""

import asyncio

import pytest

from tests.dual.support.linked_lock import Linked
from tests.support.memory_radio import CUT, DOWN, MemoryRadio, MemoryWire
from tumbler.link.client import Client
from tumbler.link.pair import Pairing, PairingFailed, for_new
from tumbler.link.refusals import Refusal
from tumbler.link.session import NotPairing
from tumbler.link.transport import LinkLost
from tumbler_lock.core.config import Config
from tumbler_lock.core.keys import OWNER
from tumbler_lock.core.protocol import NO_LOCK

KEY = bytes(range(32, 64))
SECRET = bytes(range(200, 232))


def new_lock(folder):
    folder.mkdir()
    return Linked(str(folder), blank=True)


@pytest.fixture
def lock(tmp_path):
    return new_lock(tmp_path / "lock")


async def begun(lock, **more):
    return await Pairing.begin(MemoryWire(lock, **more), poll=0)


@pytest.mark.parametrize("size", [20, 244])
def test_a_new_lock_gets_its_secret_its_settings_and_its_first_key(lock, size):
    async def stay():
        pairing = await begun(lock, size=size)
        assert pairing.is_new
        digits = await pairing.digits()
        assert len(digits) == 6
        assert lock.sessions.enter(digits)
        await pairing.typed()
        config = Config("CET-1CEST,M3.5.0,M10.5.0/3", name="Shed")
        slot = await pairing.finish(KEY, "Änn", for_new(lock.rtc.now, 3, SECRET, config))
        await pairing.close()
        assert slot == 0
        lock.start()
        radio = MemoryRadio(lock)

        async def dial():
            return await radio.connect((await radio.scan(1, lambda one: True))[0])

        async with Client(dial, lock.sessions.link.id, slot, KEY) as client:
            status = await client.identify()
            settings = await client.settings()
        assert (status.role, status.label, status.epoch) == (OWNER, "Änn", 3)
        assert (settings.rule, settings.name) == (config.rule, "Shed")
        assert lock.store.secret == SECRET

    assert lock.sessions.link.id == NO_LOCK
    asyncio.run(stay())


def test_a_lock_with_an_owner_pairs_while_its_button_is_held_only(tmp_path):
    lock = Linked(str(tmp_path))

    async def refused():
        with pytest.raises(NotPairing):
            await begun(lock)

    async def held():
        lock.held = True
        pairing = await begun(lock)
        assert pairing.lock_id == lock.sessions.link.id
        assert lock.sessions.enter(await pairing.digits())
        await pairing.typed()
        with pytest.raises(Refusal) as caught:
            await pairing.finish(KEY, "", for_new(lock.rtc.now, 0, SECRET, Config("UTC0")))
        assert caught.value.word == "already-set-up"
        assert await pairing.finish(KEY, "Bo") == 1

    asyncio.run(refused())
    asyncio.run(held())
    assert lock.store.keys[1].psk == KEY


def test_other_digits_end_it(lock):
    async def stay():
        pairing = await begun(lock)
        digits = await pairing.digits()
        assert not lock.sessions.enter(f"{(int(digits) + 1) % 10**6:06}")
        with pytest.raises(PairingFailed):
            await pairing.typed()

    asyncio.run(stay())


def test_digits_that_nobody_types_end_it(lock):
    async def stay():
        pairing = await begun(lock)
        await pairing.digits()
        lock.wait(121)
        with pytest.raises(PairingFailed):
            await pairing.typed()

    asyncio.run(stay())


def test_digits_that_are_not_typed_yet_are_waited_for(lock):
    async def stay():
        pairing = await begun(lock)
        digits = await pairing.digits()
        waiting = asyncio.create_task(pairing.typed())
        for _ in range(5):
            await asyncio.sleep(0)
        assert not waiting.done()
        assert lock.sessions.enter(digits)
        await waiting

    asyncio.run(stay())


def test_a_lost_connection_ends_it_and_nothing_is_sent_twice(lock):
    downs = []

    def fault(direction, value):
        downs.append(direction)
        return CUT if downs.count(DOWN) == 4 and direction == DOWN else [value]

    async def stay():
        pairing = await begun(lock, fault=fault)
        with pytest.raises(LinkLost):
            await pairing.digits()

    asyncio.run(stay())


def test_in_the_middle_the_digits_of_the_two_sides_differ(tmp_path):
    """The client pairs with a lock of the attacker, who pairs with the real one: nothing he relays makes them equal."""
    same = 0
    for number in range(20):
        mask, real = new_lock(tmp_path / f"mask{number}"), new_lock(tmp_path / f"real{number}")

        async def stay(mask=mask, real=real):
            victim, attacker = await begun(mask), await begun(real)
            return await victim.digits() == await attacker.digits()

        same += asyncio.run(stay())
    assert same == 0


def test_a_nonce_that_was_not_committed_to_ends_it(lock, monkeypatch):
    """The attacker would choose his nonce after the client's: then the commitment is of another one."""

    async def stay():
        pairing = await begun(lock)
        real = lock.sessions.link.pairing
        nonce = real._nonce
        answer = real.answer

        def cheat(request, command, arguments):
            for status, result in answer(request, command, arguments):
                yield status, bytes(16) if result == nonce else result

        monkeypatch.setattr(real, "answer", cheat)
        with pytest.raises(PairingFailed, match="in the middle"):
            await pairing.digits()

    asyncio.run(stay())
