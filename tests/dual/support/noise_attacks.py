"""Attacks on both handshakes and on a session, in the interpreter that runs this: `micropython
tests/dual/support/noise_attacks.py`.

Every function returns how many attempts were made; ValueError names the first that got anywhere. psk=None is the
handshake without a pre-shared key. It runs in CPython and in MicroPython, so it imports nothing that is not there.
"""

import hashlib

from tumbler_lock.core import x25519
from tumbler_lock.core.cooperative import run
from tumbler_lock.core.errors import SessionError
from tumbler_lock.core.noise import HandshakeState
from tumbler_lock.core.protocol import CHALLENGE_SIZE, PAIRING_SLOT, prologue

PSK = bytes(range(32))
OTHER = bytes(range(1, 33))
LOCK_ID = b"the lock"
SLOT = 3
PROLOGUE = prologue(1, 1, SLOT, LOCK_ID, bytes(CHALLENGE_SIZE))


class Stream:
    """A random source that gives the same bytes each time: SHA-256 of its name and a counter."""

    def __init__(self, name):
        self.name = name
        self.count = 0

    def __call__(self, size):
        self.count += 1
        return hashlib.sha256(("%s %d" % (self.name, self.count)).encode()).digest()[:size]


class Counted:
    """While it lasts, curve operations are counted, and one that was done before is taken from memory."""

    def __init__(self):
        self.operations = 0
        self._known = {}

    def __enter__(self):
        self._real = x25519.ladder
        x25519.ladder = self._ladder
        return self

    def __exit__(self, *_):
        x25519.ladder = self._real

    def _ladder(self, scalar, point):
        self.operations += 1
        if (scalar, point) not in self._known:
            self._known[scalar, point] = yield from self._real(scalar, point)
        return self._known[scalar, point]


def side(initiator, psk=PSK, begin=PROLOGUE, name=""):
    """One side of a handshake, its keys always the same for the same `name`."""
    return HandshakeState(initiator, begin, psk, Stream(name + ("initiator" if initiator else "responder")))


def session(name="", psk=PSK):
    """The two ends of an established session: what each seals with and what it opens with."""
    initiator, responder = side(True, psk, name=name), side(False, psk, name=name)
    responder.read(initiator.write())
    initiator.read(responder.write())
    return initiator.split(), responder.split()


def variants(message):
    """Yield what is not this message: every bit flipped, cut at every length at both ends, longer by one byte."""
    for bit in range(8 * len(message)):
        flipped = bytearray(message)
        flipped[bit // 8] ^= 128 >> bit % 8
        yield "bit %d flipped" % bit, bytes(flipped)
    for length in range(len(message)):
        yield "cut to %d" % length, message[:length]
        yield "the last %d" % length, message[len(message) - length :]
    yield "one byte more", message + b"\x00"
    yield "one byte before", b"\x00" + message
    yield "twice", message + message
    yield "far too long", message + bytes(65536)


def refused(what, work):
    """Return the text of the SessionError that `work` must end with."""
    try:
        work()
    except SessionError as error:
        return str(error)
    raise ValueError("not refused: " + what)


def dead(what, handshake):
    """Make sure that a handshake does nothing any more and holds nothing secret."""
    for work in (handshake.write, handshake.split, lambda: handshake.read(bytes(48)), lambda: handshake.hash):
        refused(what + ", used again", work)
    held = [name for name, value in handshake.__dict__.items() if isinstance(value, bytes) and value]
    if not set(held) <= {"_hash", "_public"}:
        raise ValueError("something is left of a handshake: " + what)


def _alike(texts):
    if len(texts) != 1:
        raise ValueError("the reason of a refusal can be told")


def _free(counted):
    if counted.operations:
        raise ValueError("%d curve operations for messages that are not authentic" % counted.operations)


def first_message(payload=b""):
    """A responder refuses anything else than the first message, and does no curve operation for it."""
    message = side(True).write(payload)
    attempts = list(variants(message))
    attempts += [("another key", side(True, OTHER).write(payload)), ("zeros", bytes(48))]
    texts = set()
    with Counted() as counted:
        for what, attempt in attempts:
            responder = side(False)
            texts.add(refused(what, lambda: responder.read(attempt)))  # noqa: B023, called at once
            dead(what, responder)
    _free(counted)
    _alike(texts)
    return len(attempts)


def first_message_in_clear():
    """Without a pre-shared key a first message that was changed is noticed in the second: the initiator refuses it.

    One that is too short is refused at once, without a curve operation.
    """
    count = 0
    texts = set()
    with Counted():
        message = side(True, None).write()
        attempts = [(what, attempt) for what, attempt in variants(message) if 32 <= len(attempt) <= 65535]
        attempts.append(("another's", side(True, None, name="other").write()))
        for what, attempt in attempts:
            initiator, responder = side(True, None), side(False, None)
            initiator.write()
            if responder.read(attempt) != attempt[32:]:
                raise ValueError("read differently: " + what)
            answer = responder.write()
            texts.add(refused(what, lambda: initiator.read(answer)))  # noqa: B023, called at once
            dead(what, initiator)
            count += 1
    with Counted() as counted:
        for what, attempt in variants(message):
            if not 32 <= len(attempt) <= 65535:
                responder = side(False, None)
                texts.add(refused(what, lambda: responder.read(attempt)))  # noqa: B023, called at once
                dead(what, responder)
                count += 1
    _free(counted)
    _alike(texts)
    return count


def second_message(payload=b"", psk=PSK):
    """An initiator refuses anything else than the second message."""
    count = 0
    texts = set()
    with Counted():
        initiator, responder = side(True, psk), side(False, psk)
        responder.read(initiator.write())
        message = responder.write(payload)
        attempts = list(variants(message))
        attempts.append(("its own message", side(True, psk).write()))
        for name, other in (("another session", psk), ("another key", OTHER)):
            stranger, lock = side(True, other, name="other"), side(False, other)
            lock.read(stranger.write())
            attempts.append((name, lock.write(payload)))
        for what, attempt in attempts:
            initiator = side(True, psk)
            initiator.write()
            texts.add(refused(what, lambda: initiator.read(attempt)))  # noqa: B023, called at once
            dead(what, initiator)
            count += 1
    _alike(texts)
    return count


def another_prologue(psk=PSK):
    """Two sides whose prologues differ in one bit, or in length, have no session.

    With a pre-shared key the responder notices, and does no curve operation; without one the initiator does.
    """
    count = 0
    texts = set()
    with Counted() as counted:
        message = side(True, psk).write()
        counted.operations = 0
        for what, begin in variants(PROLOGUE):
            initiator, responder = side(True, psk), side(False, psk, begin)
            if psk:
                texts.add(refused(what, lambda: responder.read(message)))  # noqa: B023, called at once
                dead(what, responder)
            else:
                responder.read(initiator.write())
                answer = responder.write()
                texts.add(refused(what, lambda: initiator.read(answer)))  # noqa: B023, called at once
                dead(what, initiator)
            count += 1
        if psk:
            _free(counted)
    _alike(texts)
    return count


def strangers():
    """A side with a pre-shared key and one without never have a session, whatever their prologue says."""
    count = 0
    texts = set()
    for begin in (PROLOGUE, prologue(1, 1, PAIRING_SLOT, bytes(8), bytes(CHALLENGE_SIZE)), b""):
        for payload in (b"", bytes(16), b"a payload of some bytes"):
            with Counted() as counted:
                initiator, responder = side(True, None, begin), side(False, PSK, begin)
                message = initiator.write(payload)
                counted.operations = 0
                texts.add(refused("no key", lambda: responder.read(message)))  # noqa: B023, called at once
                dead("no key", responder)
                _free(counted)
            initiator, responder = side(True, PSK, begin), side(False, None, begin)
            responder.read(initiator.write(payload))  # any 32 bytes and more are a first message without a key
            answer = responder.write(payload)
            texts.add(refused("a key", lambda: initiator.read(answer)))  # noqa: B023, called at once
            dead("a key", initiator)
            count += 2
    _alike(texts)
    return count


def session_message(payload=b"open", psk=PSK):
    """An end of a session opens only the next message of the other end, and loses no count by any other."""
    (say, hear), (answer, listen) = session("", psk)
    others = session("other", psk)
    first, second, third = say.seal(payload), say.seal(payload), say.seal(payload)
    attempts = list(variants(second))
    attempts += [
        ("the one before", first),
        ("the one after", third),
        ("another session's", [others[0][0].seal(payload) for _ in range(2)][1]),
        ("the other direction's", [answer.seal(payload) for _ in range(2)][1]),
        ("other data beside it", None),
    ]
    if listen.open(first) != payload:
        raise ValueError("a message does not open")
    texts = set()
    for what, attempt in attempts:
        if attempt is None:
            texts.add(refused(what, lambda: listen.open(second, b"more")))
        else:
            texts.add(refused(what, lambda: listen.open(attempt)))  # noqa: B023, called at once
        if listen.messages != 1:
            raise ValueError("the count moved: " + what)
    if listen.open(second) != payload or listen.open(third) != payload:
        raise ValueError("a message does not open after the attempts")
    refused("reflected", lambda: hear.open(first))
    _alike(texts)
    return len(attempts)


def low_order(psk=PSK):
    """Who holds the key, or needs none, but sends an invalid public key gets no session, in either role."""
    count = 0
    for point in (0, 1, (1 << 255) - 20, (1 << 255) - 19, (1 << 255) - 18):
        public = point.to_bytes(32, "little")
        for initiator in (True, False):
            honest, liar = side(not initiator, psk), side(initiator, psk)
            liar._private, liar._public, liar._shared = bytes(32), public, bytes(32)
            if initiator:
                honest.read(liar.write())
                refused("a low-order key of the initiator", honest.write)
            else:
                liar.read(honest.write())
                liar._public, liar._shared = public, bytes(32)
                message = liar.write()
                refused("a low-order key of the responder", lambda: honest.read(message))  # noqa: B023, called at once
            dead("a low-order key", honest)
            count += 1
    return count


def replayed():
    """A first message that was recorded is refused under any other challenge, and costs no curve operation."""
    message = side(True).write()
    count = 0
    with Counted() as counted:
        for bit in range(8 * CHALLENGE_SIZE):
            challenge = (1 << bit).to_bytes(CHALLENGE_SIZE, "big")
            responder = side(False, begin=prologue(1, 1, SLOT, LOCK_ID, challenge))
            refused("a recorded first message", lambda: responder.read(message))  # noqa: B023, called at once
            dead("a recorded first message", responder)
            count += 1
    _free(counted)
    side(False).read(message)  # under its own challenge it was good
    return count


def replayed_alike(psk=PSK):
    """Even in a connection that is like the recorded one, a first message gets an answer that only its maker can use.

    So it is without a pre-shared key, where nothing of the first message can be refused.
    """
    initiator, responder = side(True, psk), side(False, psk)
    message = initiator.write()
    responder.read(message)
    recorded = responder.write()
    initiator.read(recorded)
    request = initiator.split()[0].seal(b"open")
    answers = {recorded}
    for name in ("a", "b", "c"):
        responder = side(False, psk, name=name)
        responder.read(message)
        refused("a first message in place of the second", lambda: responder.read(message))  # noqa: B023, called at once
        thief = side(True, psk, name="thief")
        thief.write()
        # Let him know all that follows from what was said, and the pre-shared key too, only not the private key.
        thief._hash, thief._chain, thief._key = responder._hash, responder._chain, responder._key
        answer = responder.write()
        answers.add(answer)
        refused("another's second message", lambda: thief.read(answer))  # noqa: B023, called at once
        listen = responder.split()[1]
        for heard in (message, recorded, request):
            refused("a recording in the session", lambda: listen.open(heard))  # noqa: B023, called at once
    if len(answers) != 4:
        raise ValueError("a responder repeats itself")
    return len(answers)


def order(psk=PSK):
    """Each side writes and reads in its turn only; what comes out of turn changes nothing."""
    initiator, responder = side(True, psk), side(False, psk)
    early = (lambda: initiator.read(bytes(48)), initiator.split, lambda: initiator.hash)
    early += (responder.write, responder.split, lambda: responder.hash, lambda: run(responder.prepare()))
    for work in early:
        refused("out of turn", work)
    message = initiator.write(b"a")
    refused("written twice", initiator.write)
    refused("prepared twice", lambda: run(initiator.prepare()))
    if responder.read(message) != b"a":
        raise ValueError("the first message does not open")
    refused("read twice", lambda: responder.read(message))
    if initiator.read(responder.write(b"b")) != b"b" or initiator.hash != responder.hash:
        raise ValueError("the second message does not open")
    refused("written at the end", responder.write)
    refused("read at the end", lambda: initiator.read(bytes(48)))
    say, _ = initiator.split()
    _, listen = responder.split()
    dead("split", initiator)
    dead("split", responder)
    if listen.open(say.seal(b"c")) != b"c":
        raise ValueError("a message does not open")
    return len(early)


def main():
    """Make every attack; print how many attempts each was."""
    print(first_message(), first_message(b"payload"), first_message_in_clear(), strangers(), replayed())
    print(second_message(), second_message(b"payload"), second_message(b"", None))
    print(session_message(), session_message(b""), session_message(bytes(100)), session_message(b"open", None))
    for psk in (PSK, None):
        print(another_prologue(psk), low_order(psk), replayed_alike(psk), order(psk))


if __name__ == "__main__":
    main()
