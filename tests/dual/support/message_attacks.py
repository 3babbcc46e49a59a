"""Attacks on every message of whole conversations with a lock, in the interpreter that runs this.

`micropython tests/dual/support/message_attacks.py EVERY` tries each EVERY-th; 1: all. A message is sent cut at every
length, longer,
with every bit flipped, replayed, reordered, reflected, of another session, slot, version, and far too long. Whatever it
is: the same answer, the connection is over, nothing has changed, and no curve operation is done. ValueError names the
first attempt that got anywhere. The random sources say the same each time, so a conversation can be had again up to the
message that is attacked.
"""

import sys

from tests.dual.support.link_tools import NEVER, PSKS, add, change, code, key, memory, staff, u16, u32
from tests.dual.support.linked_lock import FIRMWARE, Client, Refusal, random
from tests.dual.support.lock import HOUR, NOW
from tests.dual.support.noise_attacks import Counted, variants
from tests.dual.support.pairing_client import COMMIT, DIGITS, FINISH, REVEAL, Pairer, further
from tests.dual.support.scratch import Scratch
from tumbler_lock.core import protocol
from tumbler_lock.core.errors import SessionError
from tumbler_lock.core.link_state import LinkState
from tumbler_lock.core.noise import HandshakeState
from tumbler_lock.core.sessions import Sessions

REFUSED = b"\xff\x00"

# What is asked, and whether before it other things were asked in the session.
REQUESTS = (
    (0, protocol.IDENTIFY, b""),
    (2, protocol.UNLOCK, b""),
    (0, protocol.ADD_CODE, add(b"8642", NOW, NOW + HOUR)),
    (1, protocol.CHANGE_CODE, change(b"97531", 12, end=NEVER, digits=b"864209753")),
    (0, protocol.DELETE_CODE, code(b"97531")),
    (1, protocol.LIST_CODES, b"\xff\xff"),
    (0, protocol.READ_LOG, u32(0) + u16(5)),
    (0, protocol.SET_CONFIG, b"\x01\x1aCET-1CEST,M3.5.0,M10.5.0/3\x02\x01\x60\x03\x01\x07\x07\x05Hotel"),
    (3, protocol.ADD_KEY, key(255, 1, label=b"0123456789abcdef")),
    (0, protocol.REMOVE_KEY, b"\x03"),
    (0, protocol.ERASE_CODES, b""),
    (0, protocol.RESET, b""),
    (0, protocol.SET_TIME, u32(NOW + HOUR)),
)


class Scene:
    """A lock, and conversations with it that can be had again. every: try each every-th attempt only."""

    def __init__(self, directory, every=1):
        self.lock = staff(directory)
        self.lock.owner.add_custom("97531")
        self.lock.held = True
        self.every = every
        self.count = 0
        self._turn = 0
        self._counted = Counted()

    def wanted(self):
        """Whether the next attempt is one of those that are made."""
        self._turn += 1
        return self._turn % self.every == 0

    def fresh(self, name="lock"):
        """The lock after a start, as far as connections go: with the same random bytes as the time before."""
        self.lock.sessions = Sessions(LinkState(self.lock, random(name), lambda: self.lock.up, FIRMWARE))

    def client(self, slot=0, steps=2, name="client", lock="lock"):
        """A client that has said hello (1), and shaken hands (2)."""
        self.fresh(lock)
        client = Client(self.lock, name)
        if steps > 0:
            client.hello(slot)
        if steps > 1:
            client.shake(None if slot == 255 else PSKS[slot])
        return client

    def later(self, slot, before, **more):
        """A client with a session in which `before` requests were answered."""
        client = self.client(slot, **more)
        for number in range(before):
            client.done(protocol.IDENTIFY, b"", number + 1)
        return client

    def refused(self, what, client, attempt, answer=REFUSED):
        """Say it; ValueError unless it gets nowhere."""
        state = memory(self.lock)
        before = self._counted.operations
        answers = client.say(attempt)
        if answers != [answer]:
            raise ValueError("%s: answered %r" % (what, answers))
        if not client.session.over or self.lock.sessions.link.connected:
            raise ValueError(what + ": the connection goes on")
        if memory(self.lock) != state:
            raise ValueError(what + ": something has changed")
        if self._counted.operations != before:
            raise ValueError(what + ": a curve operation")
        self.count += 1

    def run(self):
        """Make every attack; how many attempts that were."""
        with self._counted:
            hello(self)
            first_message(self)
            for before, command, arguments in REQUESTS:
                requests(self, before, command, arguments)
            answers(self)
            pairing(self)
        return self.count


def more(message):
    """Other variants of a message: every other type, and lengths at and above what a message may have."""
    for kind in range(256):
        if kind != message[0]:
            yield "type %d" % kind, bytes((kind,)) + message[1:]
    for size in (320, 321, 1000, 65536):
        yield "%d bytes" % size, message + bytes(max(0, size - len(message)))


def all_of(message):
    """Yield every variant: (what, bytes)."""
    yield from variants(message)
    yield from more(message)


def hello(scene):
    """An invalid hello ends the connection. One that was changed on the way is noticed with the next message."""
    right = b"\x01\x01\x00"
    for what, attempt in all_of(right):
        if not scene.wanted():
            continue
        client = scene.client(steps=0)
        if len(attempt) != 3 or attempt[0] != 1 or attempt[1] == 0:
            old = attempt[:2] == b"\x01\x00" and len(attempt) == 3
            scene.refused("hello: " + what, client, attempt, b"\xff\x01" if old else REFUSED)
            continue
        (answer,) = client.say(attempt)
        begin = b"TUMBLERl\x01" + answer[1:2] + b"\x00" + answer[2:]  # what the client said and heard
        message = HandshakeState(True, begin, PSKS[0], client.random).write()
        scene.refused("hello: " + what, client, b"\x02" + message)


def first_message(scene):
    """Nothing else than the first message of this connection, under the key of its slot, is worth a curve operation."""
    for slot in (0, 3):
        client = scene.client(slot, 1)
        right = b"\x02" + HandshakeState(True, client.begin, PSKS[slot], client.random).write()
        attempts = list(all_of(right))
        for what, begin, psk in (
            ("another slot's key", client.begin, PSKS[1]),
            ("another slot", client.begin[:10] + b"\x01" + client.begin[11:], PSKS[1]),
            ("another version", client.begin[:8] + b"\x02" + client.begin[9:], PSKS[slot]),
            ("another lock", client.begin[:11] + bytes(8) + client.begin[19:], PSKS[slot]),
            ("another connection", client.begin[:19] + bytes(16), PSKS[slot]),
            ("of a pairing", client.begin, None),
        ):
            attempts.append((what, b"\x02" + HandshakeState(True, begin, psk, client.random).write()))
        attempts += [("hello again", client.said[0]), ("what the lock said", client.heard[0])]
        for what, attempt in attempts:
            if scene.wanted():
                scene.refused("first message: " + what, scene.client(slot, 1), attempt)


def requests(scene, before, command, arguments):
    """Nothing else than the next message of this session is a request."""
    client = scene.later(0, before)
    right = client.sealed(77, command, arguments)
    attempts = list(all_of(right))
    attempts += [("said before", said) for said in client.said]
    attempts += [("heard before", heard) for heard in client.heard]
    attempts += [("heard before, as if said", b"\x03" + heard[1:]) for heard in client.heard]
    attempts.append(("the one after", client.sealed(78, command, arguments)))
    for what, slot, name, lock in (
        ("of another session", 0, "other", "lock"),
        ("of a session before a restart", 0, "client", "lock before"),
        ("of another slot", 1, "client", "lock"),
    ):
        other = scene.later(slot, before, name=name, lock=lock)
        attempts.append((what, other.sealed(77, command, arguments)))
    for what, attempt in attempts:
        if scene.wanted():
            scene.refused("request %d: %s" % (command, what), scene.later(0, before), attempt)


def fooled(scene, what, work):
    """ValueError when a client takes what it should not."""
    try:
        work()
    except (SessionError, Refusal, ValueError):
        scene.count += 1
        return
    raise ValueError("a client is fooled: " + what)


def answers(scene):
    """A client takes nothing else than the lock's next message."""
    client = scene.client(steps=1)
    for what, attempt in all_of(client.heard[0]):
        if scene.wanted():
            client = Client(scene.lock)
            client.say = lambda message, attempt=attempt: [attempt]  # somebody changes what the lock says
            try:
                client.hello()
            except (Refusal, ValueError):
                scene.count += 1
                continue
            target = scene.client(steps=1)
            first = HandshakeState(True, client.begin, PSKS[0], client.random).write()
            scene.refused("the lock's hello: " + what, target, b"\x02" + first)
    first = scene.client()
    second, hello_ = first.heard[1], first.heard[0]
    attempts = list(all_of(second))
    attempts += [("hello", hello_), ("its own", first.said[1]), ("as if heard", b"\x82" + first.said[1][1:])]
    attempts.append(("of another connection", scene.client(lock="lock before").heard[1]))
    attempts.append(("of another slot", scene.client(1).heard[1]))
    for what, attempt in attempts:
        if scene.wanted():
            client = scene.client(steps=1)
            client.say = lambda message, attempt=attempt: [attempt]
            fooled(scene, "second message: " + what, lambda: client.shake(PSKS[0]))  # noqa: B023, called at once
    for before in (0, 2):
        client = scene.later(0, before)
        (right,) = client.say(client.sealed(77, protocol.IDENTIFY))
        attempts = list(all_of(right)) + [("heard before", heard) for heard in client.heard[:-1]]
        attempts += [("its own, as if heard", b"\x83" + said[1:]) for said in client.said]
        for what, attempt in attempts:
            if scene.wanted():
                client = scene.later(0, before)
                client.sealed(77, protocol.IDENTIFY)
                fooled(scene, "answer: " + what, lambda: client.unseal([attempt]))  # noqa: B023, called at once


def pairing(scene):
    """In a pairing too: what is sealed is taken as it was sealed, or not at all; what is not sealed has its size."""
    steps = ((COMMIT, None), (REVEAL, None), (DIGITS, b""), (FINISH, further()))
    for number in range(len(steps)):
        client, message = paired(scene, number, steps)
        for what, attempt in all_of(message):
            if scene.wanted():
                client, _ = paired(scene, number, steps)
                scene.refused("pairing %d: %s" % (number, what), client, attempt)
    client = scene.client(255, 1)
    right = b"\x02" + HandshakeState(True, client.begin, None, client.random).write()
    for what, attempt in all_of(right):
        if scene.wanted() and (len(attempt) != 33 or attempt[0] != 2):
            scene.refused("first message of a pairing: " + what, scene.client(255, 1), attempt)


def paired(scene, count, steps):
    """A client in a pairing after so many steps, and the message of the next one."""
    client = scene.client(255)
    pairer = Pairer(client.hash, bytes(range(16)))
    committed = told = b""
    for number in range(count + 1):
        arguments = (pairer.commit(), pairer.reveal(committed), b"", further())[number]
        message = client.sealed(77 + number, steps[number][0], arguments)
        if number == count:
            return client, message
        _, status, result = client.unseal(client.say(message))[0]
        committed, told = (result, told) if number == 0 else (committed, result if number == 1 else told)
        if number == 1 and count > 2:
            scene.lock.sessions.enter(pairer.show(told))
        if status != protocol.DONE and number != 2:
            raise ValueError("a pairing that does not go on")
    raise ValueError("no step")


def main(every=1):
    """Make the attacks; print how many attempts they were."""
    with Scratch() as directory:
        print(Scene(directory, every).run())


if __name__ == "__main__":
    main(int(sys.argv[1]))
