"""A lock with a link, and a client for it that does what docs/spec/link.md says and, on request, what it forbids.

Runs on CPython and MicroPython. The two sides exchange messages in one process; time is the test's.
"""

import hashlib

from tests.dual.support.lock import Lock
from tumbler_lock.core import protocol
from tumbler_lock.core.clock import EARLIEST, LATEST
from tumbler_lock.core.errors import LockError, NotProvisioned
from tumbler_lock.core.keys import OWNER, AccessKey
from tumbler_lock.core.link_state import LinkState
from tumbler_lock.core.noise import HandshakeState
from tumbler_lock.core.protocol import PAIRING_SLOT, prologue
from tumbler_lock.core.sessions import Sessions
from tumbler_lock.core.store import Store

PSK = bytes(range(64, 96))
FIRMWARE = (0, 1, 0)


def random(name):
    """A random source that gives the same bytes in every run: SHA-256 of its name and a counter."""
    count = [0]

    def source(size):
        count[0] += 1
        return hashlib.sha256(("%s %d" % (name, count[0])).encode()).digest()[:size]

    return source


class Linked(Lock):
    """A Lock with the rest of a ManagedLock (core/link_state.py): a bolt, a set-up button, a clock to set.

    keys: besides an owner's in key slot 0; blank: no secret yet.
    """

    def __init__(self, directory, keys=(), blank=False, **more):
        self.path = directory
        self.opened = []  # seconds the bolt was opened for
        self.played = []
        self.held = False
        self.charge = None
        self.anew = False  # the link asks for a restart
        self.updates = None
        keys = [AccessKey(0, OWNER, PSK, "Ann")] + list(keys)
        super().__init__(directory, new=not blank, keys=keys, **more)

    def start(self):
        """Power on."""
        self.trouble = ""
        self.anew = False
        try:
            super().start()
        except LockError as error:
            self.trouble = "no-secret" if isinstance(error, NotProvisioned) else "fault"
            self.store = self.verifier = self.owner = None
        self.sessions = Sessions(LinkState(self, random("lock %d" % self.rtc.now), lambda: self.up, FIRMWARE))

    # What its link asks

    def setup_held(self):
        """Whether the button is held."""
        return self.held

    def set_clock(self, unix):
        """Set the chip."""
        if not EARLIEST <= unix < LATEST:
            raise ValueError("time: must lie between 2020 and 2099")
        self.rtc.set(unix)

    def open(self, seconds):
        """The bolt moves."""
        self.opened.append(seconds)

    def bolt_open(self):
        """Whether it is back."""
        return bool(self.opened)

    def battery(self):
        """Percent, or None."""
        return self.charge

    def play(self, name):
        """A pattern begins."""
        self.played.append(name)

    def configured(self):
        """Settings have changed."""

    def wipe(self):
        """Forget everything."""
        try:
            Store.wipe(self.path)
        finally:
            self.store = self.verifier = self.owner = None
            self.trouble = "no-secret"
            self.restart_after_answer()

    def restart_after_answer(self):
        """Start again after the answer."""
        self.anew = True


class Refusal(Exception):
    """The lock ended the connection; `.reason` is why, None when it said nothing."""

    def __init__(self, reason):
        super().__init__("refused: %s" % reason)
        self.reason = reason


def _refuse(answers):
    """Refusal when that is what the lock has said."""
    if len(answers) == 1 and len(answers[0]) == 2 and answers[0][0] == protocol.REFUSED:
        raise Refusal(answers[0][1])


class Client:
    """One connection to a lock, message by message. Every call returns what came back."""

    def __init__(self, lock, name="client"):
        self.lock = lock
        self.session = lock.sessions.connect()
        self.random = random(name)
        self.slices = 0  # turns that the lock gave to others
        self.said = []  # every message sent, for a replay
        self.heard = []

    def say(self, message):
        """Send a message; return the messages that come back."""
        self.said.append(message)
        answers = []
        for answer in self.session.receive(message):
            if answer is None:
                self.slices += 1
            else:
                answers.append(bytes(answer))
        self.heard += answers
        return answers

    def hello(self, slot=0, version=1):
        """Say hello; the lock's hello is kept."""
        answer = self._one(self.say(bytes((protocol.HELLO, version, slot))), protocol.HELLO, 26)
        self.version, self.lock_id, self.challenge = answer[1], answer[2:10], answer[10:]
        self.begin = prologue(version, self.version, slot, self.lock_id, self.challenge)

    def shake(self, psk):
        """Shake hands."""
        handshake = HandshakeState(True, self.begin, psk, self.random)
        answer = self._one(self.say(bytes((protocol.HANDSHAKE,)) + handshake.write()), protocol.HANDSHAKE, 49)
        handshake.read(answer[1:])
        self.hash = handshake.hash
        self.seal, self.open = handshake.split()

    def connect(self, slot=0, psk=PSK):
        """Hello and handshake; returns this client."""
        self.hello(slot)
        self.shake(None if slot == PAIRING_SLOT else psk)
        return self

    def _one(self, answers, kind, size):
        _refuse(answers)
        if len(answers) != 1 or len(answers[0]) != size or answers[0][0] != kind | protocol.FROM_LOCK:
            raise ValueError("not one answer of type %d and %d bytes" % (kind, size))
        return answers[0]

    def sealed(self, request, command, arguments=b""):
        """A request as the message that carries it."""
        payload = request.to_bytes(4, "big") + bytes((command,)) + arguments
        return bytes((protocol.SEALED,)) + self.seal.seal(payload)

    def unseal(self, answers):
        """The parts of an answer: (request id, status, result)."""
        _refuse(answers)
        parts = []
        for answer in answers:
            if answer[:1] != bytes((protocol.SEALED | protocol.FROM_LOCK,)):
                raise ValueError("not an answer")
            payload = self.open.open(answer[1:])
            parts.append((int.from_bytes(payload[:4], "big"), payload[4], payload[5:]))
        return parts

    def ask(self, command, arguments=b"", request=0):
        """One request; returns the word of its status ("done" or a refusal) and the results of all parts."""
        request = request or int.from_bytes(self.random(4), "big") | 1
        parts = self.unseal(self.say(self.sealed(request, command, arguments)))
        for number, (ident, status, _) in enumerate(parts):
            if ident != request or (status == protocol.MORE_FOLLOWS) != (number + 1 < len(parts)):
                raise ValueError("an answer out of place: %r" % parts)
        status = parts[-1][1]
        word = "done" if status == protocol.DONE else protocol.REFUSALS[status - protocol.FIRST_REFUSAL]
        return word, [result for _, _, result in parts]

    def done(self, command, arguments=b"", request=0):
        """A request that must be carried out; returns the result of its one part."""
        word, results = self.ask(command, arguments, request)
        if word != "done" or len(results) != 1:
            raise ValueError("not done: %s %r" % (word, results))
        return results[0]
