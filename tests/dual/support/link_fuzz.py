"""Random conversations with one lock, many at once, in the interpreter that runs this.

`micropython tests/dual/support/link_fuzz.py SEED FRAMES`. Clients with keys of every role, with none, and who pair;
fragments that
are lost, repeated, changed, made up; messages and requests alike; answers taken in turns with others' messages, entries
at the keypad, time, restarts, a clock that stops, lost connections, the set-up button. A model written from the
document knows which keys there are, what they may do and which codes live. What must hold, at every turn of the lock:

- nothing changes and no bolt moves but by a request that came exactly as it was sent, over a session of a key that is
  there and may do it, with arguments that the document allows; a refused one changes nothing;
- no digits of the keypad open but those of a code that lives, and those of a code are in nothing that is said;
- nothing is raised, every message is taken to its end in so many turns, nothing is left of a connection that is over.

ValueError says what did not; the seed replays it.
"""

import gc
import random
import sys

from tests.dual.support.link_tools import NEVER, add, change, code, fails, key, staff, u16, u32
from tests.dual.support.linked_lock import FIRMWARE, PSK
from tests.dual.support.lock import HOUR, NOW
from tests.dual.support.noise_attacks import Counted
from tests.dual.support.pairing_client import COMMIT, DIGITS, FINISH, REVEAL, Dishonest, Pairer, complete, further
from tests.dual.support.pairing_middle import noise, source
from tests.dual.support.scratch import Scratch
from tumbler_lock.core import protocol
from tumbler_lock.core.errors import SessionError
from tumbler_lock.core.fragments import Cutter, Joiner
from tumbler_lock.core.link_state import LinkState
from tumbler_lock.core.noise import HandshakeState
from tumbler_lock.core.protocol import prologue
from tumbler_lock.core.sessions import Sessions

TURNS = 3_000  # of one message, at most
CONNECTIONS = 4
POOL = ["%05d" % (24_680 + 1_357 * number) for number in range(24)]  # five digits: no offline code has so few
STAFF, MOST, OWNER = (1, 2), (1, 2, 3), (1,)
MAY = {  # of the commands that change something
    0x03: STAFF,
    0x10: STAFF,
    0x11: STAFF,
    0x12: STAFF,
    0x20: MOST,
    0x41: OWNER,
    0x51: OWNER,
    0x52: OWNER,
    0x60: OWNER,
    0x61: OWNER,
}


def pick(choices):
    """One of them."""
    return choices[random.randint(0, len(choices) - 1)]


def chance(percent):
    """Whether a random percentage is below."""
    return random.randint(0, 99) < percent


def spoiled(data):
    """The bytes with a fault."""
    how = random.randint(0, 5)
    if how == 0 and data:
        at = random.randint(0, len(data) - 1)
        return data[:at] + bytes((data[at] ^ 1 << random.randint(0, 7),)) + data[at + 1 :]
    if how == 1:
        return data[: random.randint(0, max(0, len(data) - 1))]
    if how == 2:
        return data + noise(random.randint(1, 9))
    if how == 3:
        return noise(len(data))
    if how == 4:
        return noise(random.randint(0, 60))
    return bytes((random.getrandbits(8),)) + data[1:]


class Model:
    """What the lock must remember: slot -> (role, psk, start, end, days), and the digits that live."""

    def __init__(self):
        self.keys = {0: (1, PSK, 0, NEVER, 0)}
        for slot in (1, 2, 3):
            self.keys[slot] = (slot + 1, bytes(range(slot, slot + 32)), 0, NEVER, 0)
        self.live = set()
        self.known = {}  # tag -> digits, of this epoch
        self.blank = False

    def named(self, data):
        """The digits of the code that arguments begin with, and the rest; None for none of the document's."""
        size = data[0] if data else 1
        if size == 0 and len(data) >= 9:
            return self.known.get(data[1:9]), data[9:]
        if not 4 <= size <= 9 or len(data) < 1 + size or not digits(data[1 : 1 + size]):
            raise ValueError("a code that the document does not know")
        return data[1 : 1 + size].decode(), data[1 + size :]

    def carry_out(self, command, arguments):
        """Do what a request asks. ValueError when the document does not allow its arguments."""
        work = {
            0x03: self._set_time,
            0x10: self._add,
            0x11: self._change,
            0x12: self._delete,
            0x20: self._nothing,
            0x41: self._configure,
            0x51: self._add_key,
            0x52: self._remove_key,
            0x60: self._erase,
            0x61: self._reset,
        }[command]
        if not work(arguments):
            raise ValueError("arguments that the document does not allow")

    # Each says whether the document allows these arguments.

    def _nothing(self, arguments):
        return arguments == b""

    def _set_time(self, arguments):
        return len(arguments) == 4

    def _configure(self, arguments):
        return 2 <= len(arguments) <= 142

    def _add(self, arguments):
        self.live.add(arguments[9:].decode())
        return 13 <= len(arguments) <= 18 and arguments[0] <= 1 and digits(arguments[9:])

    def _change(self, arguments):
        old, new = self.named(arguments[9:])
        if new:
            self.live.discard(old)
            self.live.add(new.decode())
        return arguments[0] < 16 and (not new or (digits(new) and 4 <= len(new) <= 9))

    def _delete(self, arguments):
        old, rest = self.named(arguments)
        self.live.discard(old)
        return not rest

    def _add_key(self, arguments):
        slot, role, days = arguments[:3]
        if slot == 255:
            slot = self.free()
        taken = slot in self.keys
        start, end = int.from_bytes(arguments[5:9], "big"), int.from_bytes(arguments[9:13], "big")
        self.keys[slot] = (role, arguments[13:45], start, end, days)
        return 45 <= len(arguments) <= 61 and 1 <= role <= 4 and slot < 16 and not taken

    def _remove_key(self, arguments):
        gone = self.keys.pop(arguments[0], None)
        return len(arguments) == 1 and gone and 1 in [entry[0] for entry in self.keys.values()]

    def _erase(self, arguments):
        self.live = set()
        self.known = {}
        return arguments == b""

    def _reset(self, arguments):
        self.blank = True
        return arguments == b""

    def free(self):
        """The lowest free slot."""
        return min([slot for slot in range(17) if slot not in self.keys])


def digits(data):
    """Whether all of it are."""
    return all(48 <= byte <= 57 for byte in data)


class Message:
    """One message under way. pure: it came as an honest client sent it; request: (id, command, arguments)."""

    def __init__(self, generator, pure, request):
        self.generator = generator
        self.pure = pure
        self.request = request
        self.turns = 0
        self.changed = False


class Connection:
    """Both ends of one. The client's stage: 0 says hello, 1 shakes hands, 2 has a session, 3 has none."""

    def __init__(self, fuzz, slot, psk):
        self.slot, self.psk = slot, psk
        self.session = fuzz.lock.sessions.connect()
        self.cutter, self.joiner = Cutter(), Joiner()  # client to lock
        self.back, self.heard = Cutter(), Joiner()  # lock to client
        self.stage = 0
        self.pure = True  # all was said as an honest client says it, to a key that there is
        self.messages = []
        self.deadline = None
        self.pairer = None
        self.step = 0  # of a pairing
        self.shown = ""
        self.agreed = False
        self.last = 0  # id of its last request
        self.patience(fuzz.lock)

    def patience(self, lock):
        """Note when the carrier will end it."""
        self.deadline = lock.up + self.session.patience


class Fuzz:
    """One lock and all that is done to it. seed: of everything random."""

    def __init__(self, directory, seed):
        print("fuzz: seed %d" % seed)
        random.seed(seed)
        self.directory = directory
        self.frames = self.requests = self.done = self.opened = self.entries = self.sessions = 0
        self.anew()

    def anew(self):
        """A lock as it was set up, with keys of every role."""
        self.lock = staff(self.directory, now=NOW)
        self.model = Model()
        self.power_on()

    def power_on(self):
        """No connection, and random bytes but for private keys, so that curve operations need not be done again."""
        lock = self.lock
        self.connections = []
        self.link = LinkState(lock, source(b"l"), lambda: lock.up, FIRMWARE)
        lock.sessions = Sessions(self.link)
        lock.anew = False

    def picture(self):
        """What changes when anything changes."""
        lock = self.lock
        store = lock.store
        kept = None if store is None else (store.commits, store.seq, store.attempt, store.epoch, store.latest_trusted)
        return kept, len(lock.opened), lock.rtc.now - lock.up, lock.trouble, lock.anew

    def run(self, frames):
        """Go on until so many fragments have arrived."""
        with Counted():
            while self.frames < frames:
                self.something()
            for connection in list(self.connections):
                self.end(connection)
        if self.link.connected:
            raise ValueError("a session is left of connections that are over")

    def something(self):
        """Do one thing."""
        what = random.randint(0, 999)
        if what < 30 or not self.connections:
            self.connect()
        elif what < 560:
            self.say(pick(self.connections))
        elif what < 900:
            self.go_on(pick(self.connections))
        elif what < 915:
            self.end(pick(self.connections))
        elif what < 950:
            self.enter()
        elif what < 985:
            self.pass_time(random.randint(0, 9))
        elif what < 992:
            self.lock.held = not self.lock.held
        elif what < 996:
            self.lock.rtc.ok = not self.lock.rtc.ok
        elif what < 998:
            self.pass_time(random.randint(0, HOUR))
        else:
            for connection in list(self.connections):
                self.end(connection)
            self.lock.restart(random.randint(0, 60))
            self.power_on()

    # Connections

    def connect(self):
        """A client comes, if there is room."""
        if len(self.connections) == CONNECTIONS:
            return
        if chance(80):
            self.pass_time(self.link.wait())
        if chance(20):
            slot, psk = 255, None
        elif chance(85) and self.model.keys:
            slot = pick(sorted(self.model.keys))
            psk = self.model.keys[slot][1]
        else:
            slot, psk = random.randint(0, 255), noise(32)
        self.connections.append(Connection(self, slot, psk))

    def end(self, connection):
        """The connection is gone; what the lock was about to say is said to nobody."""
        connection.session.close()
        connection.pure = False
        for message in connection.messages:
            if chance(50):  # a carrier may drop it, or go on to its end
                while self.turn(connection, message):
                    pass
        self.connections.remove(connection)
        if len(self.link._sessions) > len(self.connections):
            raise ValueError("a session is left of a connection that is over")

    def pass_time(self, seconds):
        """Time passes; a client that was silent for too long is gone."""
        self.lock.wait(seconds)
        for connection in list(self.connections):
            if self.lock.up >= connection.deadline and not connection.messages:
                self.end(connection)
        if chance(20) and self.lock.verifier:
            self.lock.verifier.tick()

    # What clients say

    def say(self, connection):
        """Send the next message in fragments, perhaps with faults."""
        if connection.messages and not chance(1):
            self.go_on(connection)
            return
        message, request = self.next_message(connection)
        wanted = message
        if chance(4):
            wanted = spoiled(message)
            wanted = wanted[:320] or b"\x00"
        if wanted != message:
            connection.pure = False
        cut = connection.cutter.cut(wanted, random.randint(20, 244))
        if chance(2):
            self.meddle(cut)
        for fragment in cut:
            if connection not in self.connections:
                break
            self.arrive(connection, fragment, message, request)

    def meddle(self, cut):
        """Lose, repeat, swap, change or make up a fragment."""
        how, at = random.randint(0, 4), random.randint(0, len(cut) - 1)
        if how == 0:
            del cut[at]
        elif how == 1:
            cut.insert(at, cut[at])
        elif how == 2:
            cut[at], cut[-1] = cut[-1], cut[at]
        elif how == 3:
            cut[at] = spoiled(cut[at])
        else:
            cut.insert(at, noise(random.randint(0, 250)))

    def arrive(self, connection, fragment, sent, request):
        """A fragment arrives at the lock."""
        self.frames += 1
        try:
            message = connection.joiner.add(fragment)
        except SessionError:
            self.end(connection)
            return
        if message is None:
            return
        if message != sent:
            connection.pure = False
        connection.messages.append(Message(connection.session.receive(message), connection.pure, request))

    def next_message(self, connection):
        """What comes next: (message, request or None)."""
        if connection.stage == 0:
            offered = 1 if chance(95) else random.randint(0, 255)
            connection.offered = offered
            return bytes((protocol.HELLO, offered, connection.slot)), None
        if connection.stage == 3:
            return bytes((protocol.SEALED,)) + noise(30), None
        if connection.stage == 1:
            connection.handshake = HandshakeState(True, connection.begin, connection.psk, source(b"c"))
            return bytes((protocol.HANDSHAKE,)) + connection.handshake.write(), None
        command, arguments = self.pair(connection) if connection.slot == 255 else self.wish()
        if chance(10):
            arguments = spoiled(arguments)[:290]
        if chance(3):
            command = random.randint(0, 255)
        again = connection.last and chance(8)
        request = (connection.last if again else random.getrandbits(30) + 1, command, arguments)
        connection.last = request[0]
        self.requests += 1
        payload = request[0].to_bytes(4, "big") + bytes((command,)) + arguments
        return bytes((protocol.SEALED,)) + connection.seal.seal(payload), request

    def wish(self):
        """A command with arguments that may be right."""
        what = random.randint(0, 19)
        if what < 8:
            return self.wish_for_codes(what)
        if what < 12:
            return protocol.UNLOCK, b""
        if what == 12:
            return protocol.SET_TIME, u32(self.lock.rtc.now + random.randint(-60, 60))
        if what == 13:
            role, limits = random.randint(1, 4), {}
            if role == 3 and chance(60):
                end = self.lock.rtc.now + random.randint(-HOUR, HOUR)
                limits = {"start": max(1, end - HOUR), "end": end}
            return protocol.ADD_KEY, key(pick((255, 255, random.randint(0, 20))), role, noise(32), b"k", **limits)
        if what == 14:
            return protocol.REMOVE_KEY, bytes((pick(sorted(self.model.keys) or [0]),))
        if what == 15:
            return protocol.SET_CONFIG, pick((b"\x03\x01\x09", b"\x04\x01\x00", b"\x07\x04Door", b"\x02\x01\x30"))
        if what == 16 and chance(15):
            return pick(((protocol.ERASE_CODES, b""), (protocol.RESET, b"")))
        if what == 17:
            return protocol.READ_LOG, u32(random.randint(0, 50)) + u16(random.randint(0, 40))
        if what == 18:
            return protocol.LIST_CODES, pick((b"\xff\xff", u16(random.randint(0, 30))))
        return pick((protocol.IDENTIFY, protocol.GET_TIME, protocol.LIST_KEYS, protocol.GET_CONFIG)), b""

    def wish_for_codes(self, what):
        """Add, delete, change."""
        known = pick(POOL).encode() if chance(70) or not self.model.known else pick(sorted(self.model.known))
        if what < 4:
            return protocol.ADD_CODE, add(pick(POOL).encode(), 0, NEVER, 1)
        if what < 6:
            return protocol.DELETE_CODE, code(known)
        if what == 6:
            return protocol.CHANGE_CODE, change(known, 9, digits=pick(POOL).encode())
        return protocol.CHANGE_CODE, change(known, 4, end=self.lock.rtc.now // HOUR * HOUR + HOUR)

    def pair(self, connection):
        """The next step of a pairing, or another one."""
        step = connection.step if chance(92) else random.randint(0, 3)
        if step == 0:
            return COMMIT, connection.pairer.commit()
        if step == 1:
            return REVEAL, connection.pairer.reveal(connection.committed)
        if step == 2:
            return DIGITS, b""
        blank = self.lock.store is None
        return FINISH, complete(self.lock.rtc.now, PSK) if blank else further(noise(32))

    # What the lock does

    def go_on(self, connection):
        """Some more turns of what is under way in this connection."""
        for _ in range(pick((1, 2, 5, 600))):
            if connection not in self.connections or not connection.messages:
                return
            message = connection.messages[0] if chance(99) else pick(connection.messages)
            if not self.turn(connection, message):
                connection.messages.remove(message)
                if connection.session.over:
                    self.end(connection)
                    return
                connection.patience(self.lock)
        if self.lock.anew:
            for other in list(self.connections):
                self.end(other)
            self.begin_anew()

    def begin_anew(self):
        """The lock restarts as it has asked for: new, or paired."""
        self.lock.start()
        self.power_on()
        if self.lock.store is None and chance(50):
            self.anew()

    def turn(self, connection, message):
        """One turn of the lock; False when the message is through."""
        before = self.picture()
        if message is not connection.messages[0]:  # before the answer to the one before: both are lost
            for other in connection.messages:
                other.pure = False
            connection.pure = False
        message.turns += 1
        if message.turns > TURNS:
            raise ValueError("a message that takes for ever")
        answer = None
        through = False
        try:
            answer = next(message.generator)
        except StopIteration:
            through = True
        if self.picture() != before:
            self.allowed(connection, message, before)
        if answer is not None:
            self.hear(connection, message, bytes(answer))
        return not through

    def allowed(self, connection, message, before):
        """Something has changed: make sure that it may, and let the model follow."""
        lock, model = self.lock, self.model
        if not message.pure or message.request is None or message.changed:
            raise ValueError("changed by what is no request")
        message.changed = True
        _, command, arguments = message.request
        if connection.slot == 255:
            if command != FINISH or not connection.agreed:
                raise ValueError("changed by a pairing that the lock has not agreed to")
            if model.blank:
                self.model = Model()
                self.model.keys = {0: (1, arguments[:32], 0, NEVER, 0)}
            else:
                model.keys[model.free()] = (1, arguments[:32], 0, NEVER, 0)
            return
        self.may(connection, command, len(lock.opened) != before[1])
        model.carry_out(command, arguments)
        if not model.blank:
            keys = {slot: (kept.role, kept.psk) for slot, kept in lock.store.keys.items()}
            if keys != {slot: kept[:2] for slot, kept in model.keys.items()}:
                raise ValueError("the lock has other keys")
            for known in sorted(model.live):
                model.known[lock.scheme.tag(known)] = known

    def may(self, connection, command, opened):
        """ValueError unless the key of a session may do this now."""
        entry = self.model.keys.get(connection.slot)
        if entry is None or entry[1] != connection.psk:
            raise ValueError("changed by a key that was removed")
        role, _, start, end, days = entry
        if command not in MAY or role not in MAY[command]:
            raise ValueError("changed by a role that may not: %d, %d" % (role, command))
        if command == 0x61 and not self.lock.held:
            raise ValueError("reset without the button")
        if opened:
            self.opened += 1
            now, trusted = self.lock.clock.read()
            limited = start or days or end != NEVER
            if command != 0x20 or (limited and not (trusted and start <= now < end)):
                raise ValueError("opened out of its hours")

    def hear(self, connection, message, answer):
        """The lock says something: a client that is honest understands it, the others are refused."""
        for fragment in connection.back.cut(answer, random.randint(20, 244)):
            said = connection.heard.add(fragment)
        if said != answer:
            raise ValueError("an answer does not arrive")
        if answer[0] == protocol.REFUSED:
            if len(answer) != 2 or answer[1] > 4 or not connection.session.over or message.changed:
                raise ValueError("refused in a way that there is not: %r" % answer)
            return
        if answer[0] == 0x81:
            connection.stage = 1
            connection.begin = prologue(connection.offered, answer[1], connection.slot, answer[2:10], answer[10:])
            return
        if answer[0] == 0x82 and connection.slot == 255 and not message.pure:
            # Without a key anybody may be the client, but not in the place of the one who began.
            if not fails(lambda: connection.handshake.read(answer[1:])):
                raise ValueError("a handshake that was changed on its way is taken")
            connection.stage = 3
            return
        if not message.pure or len(answer) > 241:
            raise ValueError("an answer to what an honest client never says")
        if answer[0] == 0x82:
            self.sessions += 1
            connection.stage = 2
            connection.handshake.read(answer[1:])
            connection.pairer = Pairer(connection.handshake.hash, noise())
            connection.committed = bytes(32)
            connection.seal, connection.open = connection.handshake.split()
            return
        self.understand(connection, message, connection.open.open(answer[1:]))

    def understand(self, connection, message, payload):
        """Take the answer to a request."""
        request, command, _ = message.request
        status, result = payload[4], payload[5:]
        if payload[:4] != request.to_bytes(4, "big") or (1 < status < 16) or status >= 16 + len(protocol.REFUSALS):
            raise ValueError("an answer to nothing")
        if status >= 16 and message.changed:
            raise ValueError("refused, and changed")
        for live in self.model.live:
            if live.encode() in result:
                raise ValueError("digits are told")
        if status >= 16:
            return
        self.done += 1
        if connection.slot == 255:
            self.next_step(connection, command, result)

    def next_step(self, connection, command, result):
        """A step of a pairing was done."""
        if command == COMMIT:
            connection.committed, connection.step = result, 1
        elif command == REVEAL:
            connection.step = 2
            try:
                connection.shown = connection.pairer.show(result)
            except Dishonest:
                connection.shown = ""  # what was revealed was not this client's own, or came before its commitment
        elif command == DIGITS:
            connection.step = 3
            if not connection.agreed:
                raise ValueError("agreed to digits that nobody typed")

    def enter(self):
        """Somebody types."""
        self.entries += 1
        typed = pick(POOL)
        waiting = [connection for connection in self.connections if connection.shown]
        if waiting and chance(70):
            typed = pick(waiting).shown
        right = self.lock.sessions.enter(typed)
        if right is not None:
            owners = [connection for connection in waiting if connection.shown == typed]
            if right and not owners:
                raise ValueError("agreed to digits that nobody shows")
            for connection in owners if right else ():
                connection.agreed = True
        elif self.lock.verifier and self.lock.enter(typed) == "open" and typed in POOL and typed not in self.model.live:
            raise ValueError("a code opens that does not live")


def main(seed, frames):
    """Fuzz; print frames, requests, those done, times that the bolt opened, entries and sessions."""
    with Scratch() as directory:
        fuzz = Fuzz(directory, seed)
        fuzz.run(frames // 4)
        gc.collect()
        before = gc.mem_alloc() if hasattr(gc, "mem_alloc") else 0
        fuzz.run(frames)
        gc.collect()
        grown = (gc.mem_alloc() if before else 0) - before
        if grown > 16_384:
            raise ValueError("%d bytes more in use than before" % grown)
        print(fuzz.frames, fuzz.requests, fuzz.done, fuzz.opened, fuzz.entries, fuzz.sessions)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
