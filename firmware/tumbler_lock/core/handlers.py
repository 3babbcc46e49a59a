"""The commands of a session: what its key's role permits, carried out once, answered in bytes (docs/spec/link.md).

Every command checks, in this order: that it exists, that the role permits it, that its arguments have exactly its
shape; then the core does it, or finds that the same request was carried out before. A request that is refused changes
nothing.
"""

from . import protocol
from .codebook import CODE_SIZE, FEWEST_DIGITS
from .errors import Refused
from .events import ADDED, CHANGED, DELETED, KEY_ADDED, KEY_REMOVED, TIME_SET, UNLOCKED, UPDATED
from .kdf import PSK_SIZE
from .keys import IDENTIFIER, MANAGER, OPENER, OWNER, AccessKey
from .management import By
from .passcode import MOST_DIGITS, TAG_SIZE
from .protocol import LINK_VERSION
from .records import RESTARTED, UNTRUSTED
from .tickets import UNKNOWN
from .zone import DAY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import Callable, TypeVar

    from .link_state import LinkState
    from .management import Management
    from .protocol import Answers
    from .records import Event
    from .updates import Updates

    Result = TypeVar("Result")

LOWEST_FREE = 255  # a slot
YEAR = 366 * DAY
UNKNOWN_BATTERY = 255
WORKING = 5  # seconds after which a long work tells that it goes on

_ALL = (OWNER, MANAGER, OPENER, IDENTIFIER)
_MOST = (OWNER, MANAGER, OPENER)
_STAFF = (OWNER, MANAGER)
_OWNER = (OWNER,)
_SHOWN_FLAGS = UNTRUSTED | RESTARTED


class Commands:
    """What one session may do. link: of the lock; key: the session's."""

    def __init__(self, link: "LinkState", key: AccessKey) -> None:
        self._link = link
        self._lock = link.lock
        self._key = key

    def answer(self, request: int, command: int, arguments: bytes) -> "Answers":
        """Yield status and result of one request, several while there is more to come, and None where something else
        should have its turn; raises Refused, LockError."""
        known = self.TABLE.get(command)
        if known is None:
            raise Refused("unknown-command", "this lock knows no such command: it may be older than the client")
        roles, least, most, work = known
        if self._key.role not in roles:
            raise Refused("not-permitted", "this key's role does not permit it: ask an owner")
        if not least <= len(arguments) <= most:
            raise _shape()
        yield from work(self, By(self._key.slot, request), arguments)

    @property
    def _owner(self) -> "Management":
        """Return what carries out the owner's commands. Refused if another session has reset the lock meanwhile."""
        owner = self._lock.owner
        if owner is None:
            raise Refused("not-set-up", "the lock was reset: pair it again")
        return owner

    # Each takes who asks and the arguments. A request that comes again is the owner's to recognise (owner.py).

    def _identify(self, _by: By, _arguments: bytes) -> "Answers":
        store = self._owner.store
        now, trusted = self._owner.verifier.clock.read()
        flags = 1 if trusted else 0
        flags |= 2 if self._lock.bolt_open() else 0
        flags |= 4 if self._owner.verifier.budget.locked_out else 0
        flags |= 8 if store.in_doubt else 0
        battery = self._lock.battery()
        yield (
            protocol.DONE,
            bytes((LINK_VERSION,) + self._link.firmware)
            + self._link.id
            + bytes((self._key.slot, self._key.role, flags, UNKNOWN_BATTERY if battery is None else battery))
            + now.to_bytes(4, "big")
            + store.epoch.to_bytes(2, "big")
            + len(store.book).to_bytes(2, "big")
            + store.book.capacity.to_bytes(2, "big")
            + store.first_seq.to_bytes(4, "big")
            + store.seq.to_bytes(4, "big")
            + bytes((max(0, store.tokens),))
            + self._key.label.encode(),
        )

    def _get_time(self, _by: By, _arguments: bytes) -> "Answers":
        now, trusted = self._owner.verifier.clock.read()
        yield protocol.DONE, now.to_bytes(4, "big") + bytes((1 if trusted else 0,))

    def _set_time(self, by: By, arguments: bytes) -> "Answers":
        now = _number(arguments)
        if self._key.role != OWNER and self._owner.done(by, TIME_SET) is None:
            believed, trusted = self._owner.verifier.clock.read()
            latest = self._owner.store.latest_trusted  # which only an owner may lower
            if not latest <= now <= (believed + DAY if trusted else latest + YEAR):
                raise Refused("not-permitted", "a manager moves the clock on, by a day at most: ask an owner")
        self._owner.set_time(now, by=by)
        yield protocol.DONE, b""

    def _add_code(self, by: By, arguments: bytes) -> "Answers":
        insist, start, end = _insists(arguments), _number(arguments[1:5]), _number(arguments[5:9])
        digits = _digits(arguments[9:])
        owner = self._owner
        tag = self._told(by, ADDED, lambda: owner.add_custom(digits, start or None, end, insist, by=by))
        yield protocol.DONE, tag

    def _change_code(self, by: By, arguments: bytes) -> "Answers":
        named, start, end = arguments[0], _number(arguments[1:5]), _number(arguments[5:9])
        code, rest = _code(arguments[9:])
        if (
            named > protocol.FORCE | protocol.NEW_START | protocol.NEW_END | protocol.NEW_DIGITS
            or (start and not named & protocol.NEW_START)
            or (end and not named & protocol.NEW_END)
            or bool(rest) != (named & protocol.NEW_DIGITS != 0)
        ):
            raise _shape()
        limits = (start if named & protocol.NEW_START else None, end if named & protocol.NEW_END else None)
        digits = _digits(rest) if rest else None
        insist = named & protocol.FORCE != 0
        owner = self._owner
        tag = self._told(by, CHANGED, lambda: owner.change(code, *limits, digits, insist, by=by))
        yield protocol.DONE, tag

    def _delete_code(self, by: By, arguments: bytes) -> "Answers":
        code, rest = _code(arguments)
        if rest:
            raise _shape()
        owner = self._owner
        yield protocol.DONE, self._told(by, DELETED, lambda: owner.delete(code, by=by))

    def _told(self, by: By, event: int, work: "Callable[[], bytes]") -> bytes:
        """Do something with digits. Refusals tell which digits are codes, so a key that is no owner's gets few."""
        if self._key.role == OWNER or self._owner.done(by, event) is not None:
            return work()
        self._not_too_often()
        try:
            return work()
        except Refused:
            self._link.in_a_row(self._key.slot).take()
            raise

    def _not_too_often(self) -> None:
        if self._key.role != OWNER and self._link.in_a_row(self._key.slot).wait():
            raise Refused("too-many", "too much in a row with this key: wait five minutes, or ask an owner")

    def _list_codes(self, _by: By, arguments: bytes) -> "Answers":
        cursor = _number(arguments)
        store = self._owner.store
        while True:
            # From the end to the beginning: a record that is dropped is filled by the last one, which was listed.
            image = store.book.image()
            count = len(image) // CODE_SIZE
            cursor = min(cursor, count)
            first = max(0, cursor - (protocol.RESULT_MOST - 6) // protocol.ITEM_SIZE)
            part = b"".join(
                [
                    bytes(image[at * CODE_SIZE : at * CODE_SIZE + protocol.ITEM_SIZE])
                    for at in range(cursor - 1, first - 1, -1)
                ]
            )
            cursor = first
            head = cursor.to_bytes(2, "big") + store.seq.to_bytes(4, "big")
            yield (protocol.MORE_FOLLOWS if cursor else protocol.DONE), head + part
            if not cursor:
                return

    def _unlock(self, by: By, _arguments: bytes) -> "Answers":
        owner = self._owner
        if owner.done(by, UNLOCKED) is None:
            self._not_too_often()
        seconds = owner.unlock(by, self._key)
        if seconds:
            self._link.in_a_row(self._key.slot).take()
            self._lock.open(seconds)
        yield protocol.DONE, bytes((seconds,))

    def _read_log(self, _by: By, arguments: bytes) -> "Answers":
        store = self._owner.store
        since = max(_number(arguments[:4]), store.first_seq - 1)
        last = min(store.seq, since + _number(arguments[4:]))
        while True:
            part = b""
            for event in store.events(since, min(last - since, protocol.RESULT_MOST // protocol.ITEM_SIZE)):
                part += _item(event)
                since = event.seq
                yield None
            more = part and since < last
            yield (protocol.MORE_FOLLOWS if more else protocol.DONE), part
            if not more:
                return

    def _get_config(self, _by: By, _arguments: bytes) -> "Answers":
        yield protocol.DONE, protocol.pack_settings(self._owner.verifier.config.values())

    def _set_config(self, by: By, arguments: bytes) -> "Answers":
        named = protocol.unpack_settings(arguments)
        if not named:
            raise Refused("nothing-named", "name a setting to change")
        try:
            config = self._owner.verifier.config.changed(**named)
        except ValueError as error:
            raise Refused("bad-setting", str(error))
        self._owner.configure(config, by=by)
        self._lock.configured()
        yield protocol.DONE, b""

    def _list_keys(self, _by: By, _arguments: bytes) -> "Answers":
        parts = [b""]
        keys = self._owner.store.keys
        for slot in sorted(keys):
            key = keys[slot]
            label = key.label.encode()
            entry = _key_head(key) + bytes((len(label),)) + label
            if len(parts[-1]) + len(entry) > protocol.RESULT_MOST:
                parts.append(b"")
            parts[-1] += entry
        for part in parts[:-1]:
            yield protocol.MORE_FOLLOWS, part
        yield protocol.DONE, parts[-1]

    def _add_key(self, by: By, arguments: bytes) -> "Answers":
        slot, role, days, begin, until = arguments[:5]
        start, end = _number(arguments[5:9]), _number(arguments[9:13])
        psk, label = arguments[13 : 13 + PSK_SIZE], arguments[13 + PSK_SIZE :]
        owner = self._owner
        tag = owner.done(by, KEY_ADDED)
        if tag is None:
            slot = owner.free_slot() if slot == LOWEST_FREE else slot
            try:
                key = AccessKey(slot, role, psk, label.decode(), days, begin, until, start, end)
            except (ValueError, UnicodeError) as error:
                raise Refused("bad-key", str(error) or "the label is no UTF-8")
            tag = owner.add_key(key, by=by)
        yield protocol.DONE, tag[:1]

    def _remove_key(self, by: By, arguments: bytes) -> "Answers":
        self._owner.remove_key(arguments[0], by=by)
        self._link.removed()
        yield protocol.DONE, b""

    def _erase(self, by: By, _arguments: bytes) -> "Answers":
        self._owner.erase(by=by)
        yield protocol.DONE, self._owner.store.epoch.to_bytes(2, "big")

    def _reset(self, _by: By, _arguments: bytes) -> "Answers":
        if not self._lock.setup_held():
            raise Refused("button-needed", "hold the set-up button inside the door, and ask again")
        self._lock.wipe()
        yield protocol.DONE, b""

    def _update_begin(self, _by: By, arguments: bytes) -> "Answers":
        ident, data = arguments[1:9], arguments[13:]
        length, offset = _number(arguments[9:11]), _number(arguments[11:13])
        work = self._updates().announce(_insists(arguments), ident, length, offset, data)
        received = yield from self._working(work)
        yield protocol.DONE, received.to_bytes(2, "big")

    def _update_piece(self, _by: By, arguments: bytes) -> "Answers":
        number, offset = _number(arguments[8:10]), _number(arguments[10:14])
        work = self._updates().piece(arguments[:8], number, offset, arguments[14:])
        number, offset = yield from self._working(work)
        yield protocol.DONE, number.to_bytes(2, "big") + offset.to_bytes(4, "big")

    def _update_status(self, _by: By, _arguments: bytes) -> "Answers":
        status = yield from self._working(self._updates().status())
        yield protocol.DONE, status

    def _update_finish(self, by: By, arguments: bytes) -> "Answers":
        updates = self._updates()
        version, new = yield from self._working(updates.verified(_insists(arguments), arguments[1:]))
        self._owner.updated(version, by=by)
        if new:
            updates.hand_over()
            self._lock.restart_after_answer()
        yield protocol.DONE, b""

    def _updates(self) -> "Updates":
        updates = self._lock.updates
        if updates is None:
            raise Refused("no-updates", "this lock has no second slot for a firmware: update it by cable")
        return updates

    def _working(self, work: "Generator[None, None, Result]") -> "Generator[tuple[int, bytes] | None, None, Result]":
        """Do the work; tell every now and then that it goes on, so that nobody takes it for silence."""
        since = self._link.uptime()
        while True:
            try:
                next(work)
            except StopIteration as end:
                result: Result = end.value
                return result
            now = self._link.uptime()
            if now - since >= WORKING:
                since = now
                yield protocol.MORE_FOLLOWS, b""
            else:
                yield None

    TABLE = {  # command: roles, fewest and most bytes of arguments, how
        protocol.IDENTIFY: (_ALL, 0, 0, _identify),
        protocol.GET_TIME: (_MOST, 0, 0, _get_time),
        protocol.SET_TIME: (_STAFF, 4, 4, _set_time),
        protocol.ADD_CODE: (_STAFF, 9 + FEWEST_DIGITS, 9 + MOST_DIGITS, _add_code),
        protocol.CHANGE_CODE: (_STAFF, 10 + FEWEST_DIGITS, 10 + 2 * MOST_DIGITS, _change_code),
        protocol.DELETE_CODE: (_STAFF, 1 + FEWEST_DIGITS, 1 + MOST_DIGITS, _delete_code),
        protocol.LIST_CODES: (_STAFF, 2, 2, _list_codes),
        protocol.UNLOCK: (_MOST, 0, 0, _unlock),
        protocol.READ_LOG: (_STAFF, 6, 6, _read_log),
        protocol.GET_CONFIG: (_STAFF, 0, 0, _get_config),
        protocol.SET_CONFIG: (_OWNER, 0, 160, _set_config),
        protocol.LIST_KEYS: (_OWNER, 0, 0, _list_keys),
        protocol.ADD_KEY: (_OWNER, 13 + PSK_SIZE, 13 + PSK_SIZE + 16, _add_key),
        protocol.REMOVE_KEY: (_OWNER, 1, 1, _remove_key),
        protocol.ERASE_CODES: (_OWNER, 0, 0, _erase),
        protocol.RESET: (_OWNER, 0, 0, _reset),
        protocol.UPDATE_BEGIN: (_OWNER, 14, 13 + protocol.PIECE_MOST, _update_begin),
        protocol.UPDATE_PIECE: (_OWNER, 15, 14 + protocol.PIECE_MOST, _update_piece),
        protocol.UPDATE_STATUS: (_OWNER, 0, 0, _update_status),
        protocol.UPDATE_FINISH: (_OWNER, 9, 9, _update_finish),
    }


def _shape() -> Refused:
    return Refused("bad-request", "the arguments are not those of the command: look at the client")


def _number(data: bytes) -> int:
    return int.from_bytes(data, "big")


def _insists(data: bytes) -> bool:
    """The flag that arguments begin with."""
    if data[0] > 1:
        raise _shape()
    return data[0] == 1


def _digits(data: bytes) -> str:
    """Digits of a code; Refused unless they are some."""
    if not FEWEST_DIGITS <= len(data) <= MOST_DIGITS or not all(0x30 <= byte <= 0x39 for byte in data):
        raise Refused("bad-digits", "a code has 4 to 9 digits and nothing else")
    return data.decode()


def _code(data: bytes) -> "tuple[str | bytes, bytes]":
    """The code that the bytes begin with, as digits or as a tag, and what follows it."""
    size = data[0]
    end = 1 + (size or TAG_SIZE)
    if len(data) < end:
        raise _shape()
    return (_digits(data[1:end]) if size else data[1:end]), data[end:]


def _key_head(key: AccessKey) -> bytes:
    """Everything of a key but label and psk: 13 bytes."""
    head = bytes((key.slot, key.role, key.days, key.begin, key.until))
    return head + key.start.to_bytes(4, "big") + key.end.to_bytes(4, "big")


def _item(event: "Event") -> bytes:
    """An event of the log in 20 bytes."""
    code = event.code
    head: bytes = event.seq.to_bytes(4, "big") + event.time.to_bytes(4, "big")
    kind = UNKNOWN if code is None else code.kind
    head += bytes((event.event, event.reason, event.flags & _SHOWN_FLAGS, kind))
    # Of digits that are no code not even the tag is told: they may be a code with a slip of the finger.
    told = code is not None and (kind != UNKNOWN or event.event in (KEY_ADDED, KEY_REMOVED, UPDATED))
    tag: bytes = code.tag[:4] if told else bytes(4)
    number: bytes = event.arg.to_bytes(4, "big")
    return head + tag + number
