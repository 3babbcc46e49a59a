"""What the tests of the link share: visitors that never wait in vain, and a picture of all that a lock remembers.

Runs on CPython and MicroPython.
"""

from tests.dual.power.model import state_of
from tests.dual.support.linked_lock import PSK, Client, Linked, Refusal, random
from tumbler_lock.core import protocol
from tumbler_lock.core.errors import SessionError
from tumbler_lock.core.keys import IDENTIFIER, MANAGER, OPENER, AccessKey
from tumbler_lock.core.store import Store

_SESSIONS = [0]


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
    lock.wait(lock.sessions.link.wait())
    return Client(lock, name)


def session(lock, slot=0, psk=PSK, name="client"):
    """A client with a session. Its requests have ids that no other's have."""
    client = visitor(lock, name).connect(slot, psk)
    _SESSIONS[0] += 1
    client.random = random("requests %d" % _SESSIONS[0])
    return client


def dropped(work):
    """Whether the lock ends the connection in answer to this."""
    try:
        work()
    except Refusal:
        return True
    return False


def refused(client, message):
    """Say it; return the reason with which the connection ended. ValueError when it did not, or anything changed."""
    lock = client.lock
    before = memory(lock)
    answers = client.say(message)
    if len(answers) != 1 or len(answers[0]) != 2 or answers[0][0] != protocol.REFUSED:
        raise ValueError("not refused: %r" % answers)
    if not client.session.over:
        raise ValueError("the connection goes on")
    if memory(lock) != before:
        raise ValueError("something has changed")
    again = client.say(message)
    if again != answers[:1] and again != [bytes((protocol.REFUSED, 0))]:
        raise ValueError("after its end it says %r" % again)
    return answers[0][1]


def fails(work):
    """Whether `work` ends in a SessionError."""
    try:
        work()
    except SessionError:
        return True
    return False


# Arguments, packed from the document.

NEVER = 0xFFFFFFFF
NEW_PSK = bytes(range(50, 82))


def u16(number):
    """Two bytes."""
    return number.to_bytes(2, "big")


def u32(number):
    """Four bytes."""
    return number.to_bytes(4, "big")


def add(digits, start=0, end=NEVER, insist=0):
    """Of add code."""
    return bytes((insist,)) + u32(start) + u32(end) + digits


def code(known):
    """A code in arguments: digits, or a tag."""
    return bytes((len(known),)) + known if known.isdigit() else b"\x00" + known


def change(known, named, start=0, end=0, digits=b""):
    """Of change code."""
    return bytes((named,)) + u32(start) + u32(end) + code(known) + digits


def key(slot, role, psk=NEW_PSK, label=b"new", days=0, begin=0, until=0, start=0, end=NEVER):
    """Of add key."""
    return bytes((slot, role, days, begin, until)) + u32(start) + u32(end) + psk + label


# A lock with a key of every role.

PSKS = {0: PSK, 1: bytes(range(1, 33)), 2: bytes(range(2, 34)), 3: bytes(range(3, 35))}
STAFF = (
    AccessKey(1, MANAGER, PSKS[1], "Mia"),
    AccessKey(2, OPENER, PSKS[2], "Oz"),
    AccessKey(3, IDENTIFIER, PSKS[3], "Gate"),
)


def staff(directory, **more):
    """It; what was in the directory is forgotten."""
    Store.wipe(directory)
    return Linked(directory, keys=STAFF, **more)


def word(client, command, arguments=b"", request=0):
    """The word of the status of one request. A refused one has changed nothing, and its result is a sentence."""
    before = memory(client.lock)
    status, results = client.ask(command, arguments, request)
    if status != "done":
        if memory(client.lock) != before:
            raise ValueError("refused, and something has changed: " + status)
        if not len(results[0].decode()) > 10 or len(results[0]) > 219 or len(results) != 1:
            raise ValueError("no sentence: %r" % results)
    return status
