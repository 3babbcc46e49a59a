"""What the tests of the link share: visitors that never wait in vain, and a picture of all that a lock remembers.

Runs on CPython and MicroPython.
"""

from firmware.core import wire
from firmware.core.errors import SessionError
from tests.linked import PSK, Client
from tests.power.model import state_of


def memory(lock):
    """All that a refused message may not change: the store's state, keys, ids of requests, the bolt, the clock chip."""
    store = lock.store
    kept = None
    if store is not None:
        keys = {slot: key.pack() for slot, key in store.keys.items()}
        kept = (state_of(store), keys, dict(store.requests), store.commits)
    return (kept, lock.trouble, len(lock.opened), lock.rtc.now - lock.up, lock.anew)


def visitor(lock, name="client"):
    """A new connection, made when the budget of strangers allows one."""
    lock.wait(lock.link.wait())
    return Client(lock, name)


def session(lock, slot=0, psk=PSK, name="client"):
    """A client with a session."""
    return visitor(lock, name).connect(slot, psk)


def refused(client, message):
    """Say it; return the reason with which the connection ended. ValueError when it did not, or anything changed."""
    lock = client.lock
    before = memory(lock)
    answers = client.say(message)
    if len(answers) != 1 or len(answers[0]) != 2 or answers[0][0] != wire.REFUSED:
        raise ValueError("not refused: %r" % answers)
    if not client.session.over or client.session.established:
        raise ValueError("the connection goes on")
    if memory(lock) != before:
        raise ValueError("something has changed")
    again = client.say(message)
    if again != answers[:1] and again != [bytes((wire.REFUSED, 0))]:
        raise ValueError("after its end it says %r" % again)
    return answers[0][1]


def fails(work):
    """Whether `work` ends in a SessionError."""
    try:
        work()
    except SessionError:
        return True
    return False
