"""One connection, the lock's side: hello, handshake, then one sealed request after the other (docs/spec/link.md).

Messages in, messages out, whatever carries them. Invariants: before the first message of the handshake is authentic
nothing is computed that costs more than some HMACs, and nothing is told but the lock's id; what is not expected ends
the connection with the same word, whatever it was; nothing here raises for what the other side sent.
"""

from . import protocol
from .errors import LockError, Refused, SessionError
from .kdf import PSK_SIZE
from .noise import OVERHEAD, HandshakeState
from .pairing import Pairing
from .protocol import CHALLENGE_SIZE, LINK_VERSION, PAIRING_SLOT, prologue
from .x25519 import X25519_KEY_SIZE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Callable

    from .handlers import Commands
    from .keys import AccessKey
    from .link_state import LinkState
    from .noise import CipherState

    Handler = Commands | Pairing

MESSAGE_WITHIN = 5  # seconds that a stranger may be silent
SESSION_WITHIN = 10  # seconds from the connection to the session
IDLE_WITHIN = 30  # seconds that a session may be without a request
SESSION_MOST = 300  # seconds of a session: nobody keeps the others out for ever


class Session:
    """Made by Sessions.connect(). `receive` for each message of the other side, `close` when the connection is gone.

    handler(key, handshake): what answers the requests of a session with this key, without one of a pairing, None if
    none may begin. Attributes: slot: of the key, or None before there is a session, and while pairing; over: the
    connection is to be ended; busy: a request is being answered.
    """

    def __init__(self, link: "LinkState", handler: "Callable[[AccessKey | None, bytes], Handler | None]") -> None:
        self._link = link
        self._new_handler = handler
        self._began = self._last = link.uptime()  # of the connection, then of the session; and the last message
        self._slot = -1  # that hello named
        self._key: "AccessKey | None" = None
        self._handshake: "HandshakeState | None" = None  # from hello to the session
        self._handler: "Handler | None" = None
        self._ciphers: "tuple[CipherState, CipherState] | None" = None  # of the session: to seal and to open
        self._paid = False  # from the budget of strangers
        self._taking = False  # a message is being taken
        self.over = False
        self.busy = False
        self.slot: "int | None" = None

    @property
    def ended(self) -> bool:
        """Whether an established session has nothing more to say: its key is gone, or its pairing is over."""
        if isinstance(self._handler, Pairing):
            return self._handler.over
        if self._key is None:
            return True
        # The whole key: one that was removed and came back with another role is another one.
        key = self._link.key(self._key.slot)
        return key is None or key.pack() != self._key.pack()

    @property
    def patience(self) -> int:
        """Seconds until the connection is to be ended unless a message comes; 0: it is over."""
        return max(0, self._until() - self._link.uptime())

    def _until(self) -> int:
        """Uptime until which the next message may come."""
        if self.over:
            return 0
        if isinstance(self._handler, Pairing):
            return self._handler.until
        if self._ciphers is not None:
            return min(self._last + IDLE_WITHIN, self._began + SESSION_MOST)
        return min(self._last + MESSAGE_WITHIN, self._began + SESSION_WITHIN)

    def receive(self, message: bytes) -> "Iterator[bytes | None]":
        """Take a message. A generator: yields messages to send, and None where other things should get their turn. When
        it has ended, `over` says whether to end the connection. A message that comes before the one before it was
        taken to its end is out of turn."""
        kind = message[0] if message else 0
        body = bytes(message[1:])
        try:
            now = self._link.uptime()
            if self.over or self._taking or now > self._until():
                raise _Refusal(protocol.NO_REASON)
            self._taking = True
            self._last = now
            if kind == protocol.HELLO and self._slot < 0:
                yield self._hello(body)
            elif kind == protocol.HANDSHAKE and self._handshake is not None:
                yield from self._shake(self._handshake, body)
            elif kind == protocol.SEALED and self._handler is not None and self._ciphers is not None:
                yield from self._request(self._handler, self._ciphers, body)
            else:
                raise _Refusal(protocol.NO_REASON)
            self._taking = False
        except _Refusal as refusal:
            self.close()
            yield bytes((protocol.REFUSED, refusal.reason))
        except SessionError:
            self.close()
            yield bytes((protocol.REFUSED, protocol.NO_REASON))

    def close(self) -> None:
        """The connection is gone, or is to go: forget everything."""
        if not self.over:
            self.over = True
            self._link.closed(self)
            if not self._paid:
                self._link.pay()
            if self.slot is not None and not self.ended and self._link.uptime() >= self._began + SESSION_MOST:
                self._link.rest(self.slot)
        if self._handshake is not None:
            self._handshake.close()
        if isinstance(self._handler, Pairing):
            self._handler.close()
        self._key = self._handshake = self._handler = self._ciphers = None

    def _hello(self, body: bytes) -> bytes:
        """Answer hello with the version, who the lock is, and a challenge."""
        if len(body) != 2:
            raise _Refusal(protocol.NO_REASON)
        offered, slot = body[0], body[1]
        link = self._link
        if offered < 1:
            raise _Refusal(protocol.OLD_VERSION)
        if link.wait() or link.rests(slot):
            raise _Refusal(protocol.NOT_NOW)
        self._paid = True
        link.pay()
        psk = None
        if slot == PAIRING_SLOT:
            if not link.pairs:
                raise _Refusal(protocol.NO_PAIRING)
            if link.untyped:
                raise _Refusal(protocol.UNTYPED)
        else:
            self._key = link.key(slot)
            # A slot without a key is one whose key nobody has: who asks cannot tell the difference.
            psk = self._key.psk if self._key else link.random(PSK_SIZE)
        self._slot = slot
        challenge = link.random(CHALLENGE_SIZE)
        begin = prologue(offered, LINK_VERSION, slot, link.id, challenge)
        self._handshake = HandshakeState(False, begin, psk, link.random)
        return bytes((protocol.HELLO | protocol.FROM_LOCK, LINK_VERSION)) + link.id + challenge

    def _shake(self, handshake: "HandshakeState", body: bytes) -> "Iterator[bytes | None]":
        """Check the first message of the handshake, and only then compute the second."""
        if len(body) != (X25519_KEY_SIZE if self._slot == PAIRING_SLOT else OVERHEAD):
            raise _Refusal(protocol.NO_REASON)
        handshake.read(body)
        yield from handshake.prepare()
        yield None
        answer = bytes((protocol.HANDSHAKE | protocol.FROM_LOCK,)) + handshake.write()
        yield None
        if self.over:
            return  # its connection is gone
        key = self._key
        if key is None and self._slot != PAIRING_SLOT:
            raise _Refusal(protocol.NO_REASON)
        self._handler = self._new_handler(key, handshake.hash)
        if self._handler is None:
            raise _Refusal(protocol.UNTYPED)
        if key is not None:
            self.slot = key.slot
            if self.ended:
                raise _Refusal(protocol.NO_REASON)  # the key was removed meanwhile
        self._ciphers = handshake.split()
        self._handshake = None
        self._began = self._last = self._link.uptime()
        self._link.opened(self)
        yield answer

    def _request(
        self, handler: "Handler", ciphers: "tuple[CipherState, CipherState]", body: bytes
    ) -> "Iterator[bytes | None]":
        """Answer one request, in as many parts as it takes."""
        seal, open_ = ciphers
        payload = yield from open_.opening(body)
        yield None
        if self.over:
            return  # its connection is gone
        if self.slot is not None and self.ended:
            raise _Refusal(protocol.NO_REASON)  # its key was removed on another way in
        request = int.from_bytes(payload[:4], "big")
        if len(payload) < protocol.REQUEST_HEAD or not request:
            refused = protocol.refusal("bad-request", "a request is its id, a command, arguments")
            yield from self._part(seal, payload, refused)
            return
        self.busy = True
        try:
            for answer in handler.answer(request, payload[4], payload[protocol.REQUEST_HEAD :]):
                yield None
                if self.over:
                    return
                if answer is None:
                    continue
                yield from self._part(seal, payload, answer)
                if answer[0] == protocol.MORE_FOLLOWS and self.ended:
                    break
        except Refused as error:
            yield from self._part(seal, payload, protocol.refusal(error.reason, str(error)))
        except LockError as error:
            yield from self._part(seal, payload, protocol.refusal("store-full", str(error)))
        self.busy = False
        if self.ended:
            self.close()

    def _part(self, seal: "CipherState", request: bytes, answer: "tuple[int, bytes]") -> "Iterator[bytes | None]":
        """One part of the answer to a request, sealed. Nothing when the connection is gone."""
        if self.over:
            return
        status, result = answer
        ident = request[:4] + bytes(4 - len(request[:4]))
        sealed = yield from seal.sealing(ident + bytes((status,)) + result)
        if not self.over:
            yield bytes((protocol.SEALED | protocol.FROM_LOCK,)) + sealed


class _Refusal(Exception):
    """The connection ends with this reason."""

    def __init__(self, reason: int) -> None:
        super().__init__("refused")
        self.reason = reason
