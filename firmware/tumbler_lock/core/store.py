"""Everything the lock remembers, on flash: secret, configuration, keys, code book and log in one journal, and the
counters.

docs/spec/storage.md is normative for the bytes and says why the power may be cut anywhere. Invariants:

- The file system commits every change whole or not at all; RAM changes after that, through the same `_apply`
  that replays the journal at a start. When a commit fails, flash and RAM are as before.
- Nothing is ever deleted because it cannot be read: `open` raises and leaves the files alone.
- Times are Unix seconds. Nothing grows without bound: the journal is rewritten after LOG_EVENTS appended
  records.
"""

from binascii import crc32
from struct import pack

from . import atomic_files
from .clock import LATEST
from .codebook import FULL, Code, CodeBook
from .errors import LockError, MemoryLost, NotProvisioned, StoreFull
from .journal import (
    APPENDED_MAX,
    CHUNK_RECORDS,
    CODES_MAX,
    LOG_EVENTS,
    Journal,
    Layout,
    read_records,
    record_at,
)
from .keys import KEY_SIZE, AccessKey, pack_keys, unpack_keys
from .records import (
    COUNTERS_SIZE,
    ERASE,
    FORGET,
    MORE,
    NONE,
    PUT,
    RECORD_SIZE,
    REFUND,
    RESTARTED,
    TIME,
    UNTRUSTED,
    Counters,
    Entry,
    Event,
    Header,
    lock_mark,
    note_request,
    pack_counters,
    pack_header,
    pack_record,
    unpack_counters,
)
from .tickets import FIRST_USE_HOURS
from .zone import HOUR

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

TRIES = 8  # tokens of a new lock
COMMIT_MAX = 16  # entries in one commit
DUE = LOG_EVENTS * 4 // 5  # appended records from which a compaction is due at a quiet moment
EPOCH_MAX = 65535

_JOURNAL = "/journal"
_COUNTERS = "/counters"
_NEW = "/journal.new"


class Store:
    """The memory of one lock, in the directory `path`; `Store.create` or `Store.open` make it.

    keys: slot -> AccessKey; requests: slot -> (id of its newest request over the link, number of its record).
    Both, like every other attribute, are for reading: only the methods change them.
    """

    def __init__(
        self,
        path: str,
        header: Header,
        book: CodeBook,
        layout: Layout,
        keys: "dict[int, AccessKey]",
        requests: "dict[int, tuple[int, int]]",
    ) -> None:
        self._path = path
        self._layout = layout
        self._restarted = True
        self._lock = lock_mark(header.secret)
        self.book = book
        self.keys = keys
        self.requests = requests
        self.secret = header.secret
        self.config = header.config
        self.epoch = header.epoch
        self.seq = header.seq
        self.attempt = header.attempt
        self.latest_trusted = header.latest_trusted
        self.oldest_start_accepted = header.oldest_start_accepted
        self.tokens = 0
        self.commits = 0
        self.in_doubt = False  # a change failed and nobody knows how far: only a start can tell
        self._refunded = header.refunded
        self._refund_seq = header.refund_seq
        self._time_seq = 0

    @staticmethod
    def create(
        path: str, secret: bytes, config: bytes, now: "int | None", epoch: int = 0, keys: "Iterable[AccessKey]" = ()
    ) -> "Store":
        """Provision a lock: a new journal and new counters in `path`, an existing directory.

        now: trusted time, or None; keys: its first ones. LockError when a journal is there already, StoreFull when
        the flash takes no more, ValueError when secret or config have a wrong length, two keys a slot or a psk in
        common, or the time is none. A power cut leaves no lock or a complete one.
        """
        journal = path + _JOURNAL
        if now is not None and not 0 <= now < LATEST:
            raise ValueError("a lock's time lies between 1970 and 2099")
        if atomic_files.exists(journal):
            raise LockError("this lock has a secret already: wipe it before giving it a new one")
        table = pack_keys(keys)
        header = Header(
            len(table) // KEY_SIZE, 0, 0, epoch, 0, 0, 0, 0, now or 0, 0, bytes(config), bytes(secret)
        )  # fmt: skip
        store = Store(path, header, CodeBook(CODES_MAX), Layout(header.keys, 0, 0, 0), unpack_keys(table), {})
        packed = pack_header(header)
        try:
            # The counters first: once the journal exists the lock is provisioned, and then they are there.
            store._write_counters(TRIES, 0, header.latest_trusted)
            word = pack(">I", crc32(table, crc32(packed)))
            atomic_files.write(path + _NEW, (packed, table, word, word))
            atomic_files.rename(path + _NEW, journal)
        except OSError as error:
            raise _full(error)
        store.tokens = TRIES
        store.commits += 2
        return store

    @staticmethod
    def open(path: str) -> "Store":
        """What `path` holds. NotProvisioned when there is no journal, MemoryLost when there is one that
        cannot be believed or is older than the counters know; neither changes a file.
        """
        book = CodeBook(CODES_MAX)
        try:
            journal = Journal(path + _JOURNAL)
            try:
                header, layout, keys = journal.read(book)
                store = Store(path, header, book, layout, keys, journal.requests)
                for event in journal.appended(header.seq + 1, layout.appended):
                    store._apply(event)
            finally:
                journal.close()
        except OSError as error:
            if error.errno == atomic_files.NO_ENTRY:
                raise NotProvisioned("this lock has no secret yet: provision it")
            raise MemoryLost("the journal cannot be read (%s)" % error)
        except (ValueError, StoreFull) as error:
            raise _damaged(error)
        store._read_counters(header.seq)
        try:
            atomic_files.remove(path + _NEW)
        except OSError:
            pass  # a flash that takes no change now can still be read; the next compaction writes over it
        return store

    @staticmethod
    def wipe(path: str) -> None:
        """Forget everything in `path`, whatever state it is in: secret and memory go in one change, what is left of
        other files after it. StoreFull when the flash does not take that; a cut or a refusal in between leaves a lock
        without a secret, and a second call does the rest. A Store of this path may not be used any more.
        """
        try:
            for name in (_JOURNAL, _COUNTERS, _NEW):
                atomic_files.remove(path + name)
        except OSError as error:
            raise _full(error)

    def pay(self, now: "int | None") -> None:
        """Take one token and number the attempt, on flash (one commit) before this returns.

        now: trusted time, or None. ValueError when no token is left, StoreFull when the flash takes no more.
        """
        if self.tokens < 1:
            raise ValueError("no token left to pay with")
        latest_trusted = self.latest_trusted if now is None else max(self.latest_trusted, now)
        self._commit_counters(self.tokens - 1, self.attempt + 1, latest_trusted)

    def keep(self, tokens: int, latest_trusted: int) -> None:
        """Put this many tokens and a trusted time (which may be lower than the latest one: then that stays) on
        flash.
        """
        self._commit_counters(tokens, self.attempt, max(self.latest_trusted, latest_trusted))

    def commit(self, entries: "list[Entry]", now: "int | None", trusted: bool, refund: bool = False) -> None:
        """Append all entries in one file commit, then carry them out.

        now: what the clock shows (None: nothing); trusted: whether it can be believed; refund: the attempt
        just paid for is given back. StoreFull when the book or the flash has no room; ValueError when an
        entry makes no sense. Then nothing has changed.
        """
        if not 0 < len(entries) <= COMMIT_MAX:
            raise ValueError("a commit has 1 to %d entries" % COMMIT_MAX)
        if refund and self._refunded == self.attempt:
            raise ValueError("this attempt was not paid for, or was given back already")
        if trusted and now is None:
            raise ValueError("a trusted time must be named")
        time = now or 0
        self._check(entries, time)
        if self._layout.appended + len(entries) > APPENDED_MAX:
            self.compact()
        events = self._events_of(entries, time, trusted, refund)
        data = bytearray(len(events) * RECORD_SIZE)
        for number, event in enumerate(events):
            pack_record(event, data, number * RECORD_SIZE)
        self._sure()
        try:
            atomic_files.append(self._path + _JOURNAL, data, self._layout.size)
        except atomic_files.InDoubt as error:
            self.in_doubt = True
            raise _full(error)
        except OSError as error:
            raise _full(error)
        self.commits += 1
        self._layout.appended += len(events)
        self._restarted = False
        if refund:
            self.tokens = min(TRIES, self.tokens + 1)
        for number, event in enumerate(events):
            self._apply(event)
            note_request(self.requests, data, number * RECORD_SIZE, event.seq)

    def settle(
        self,
        entry: Entry,
        now: "int | None",
        trusted: bool,
        config: "bytes | None" = None,
        keys: "Iterable[AccessKey] | None" = None,
    ) -> None:
        """Replace the configuration (at most 160 bytes), the keys, or both, and log `entry`, which only tells of it:
        one rewrite of the journal, which ends with the record.

        now, trusted: as for `commit`; None for config or keys: as they are. StoreFull when the flash has no room,
        ValueError when something makes no sense. Then nothing has changed.
        """
        if entry.action != NONE:
            raise ValueError("what is settled is logged by a record that does nothing itself")
        if trusted and now is None:
            raise ValueError("a trusted time must be named")
        table = pack_keys(self.keys.values() if keys is None else keys)
        (event,) = self._events_of([entry], now or 0, trusted, False)
        self._rewrite(self.config if config is None else bytes(config), table, event)
        self.keys = unpack_keys(table)

    def make_room(self, now: int, new: int = 1, spared: "list[bytes] | None" = None) -> "list[Entry]":
        """Entries that make room for `new` codes by forgetting those that were over first, but none with a tag
        in `spared`; none when there is room. StoreFull when too few can be forgotten at trusted time `now`.
        """
        entries: list[Entry] = []
        tags = list(spared or [])
        while len(self.book) + new - len(entries) > self.book.capacity:
            code = self.book.oldest_forgettable(now, tags)
            if code is None:
                raise StoreFull(FULL)
            tags.append(code.tag)
            entries.append(Entry(0, 0, FORGET, code, 0))
        return entries

    def events(self, since_seq: int = 0, limit: int = LOG_EVENTS) -> "Iterator[Event]":
        """The kept events with a sequence number above `since_seq`, oldest first, at most `limit`; read from
        flash.

        The file is open only while a few are read, so the store may be used meanwhile; MemoryLost when a
        record cannot be believed.
        """
        seq = since_seq + 1
        while limit > 0:
            seq = max(seq, self.first_seq)
            data, count = self._read(seq, limit)
            for number in range(count):
                try:
                    event = record_at(data, number, seq)
                except ValueError as error:
                    raise _damaged(error)
                yield event
                seq += 1
            if not count:
                return
            limit -= count

    def event(self, seq: int) -> "Event | None":
        """The event with this sequence number, None when it is not kept; MemoryLost when it cannot be believed."""
        if not self.first_seq <= seq <= self.seq:
            return None
        for event in self.events(seq - 1, 1):
            return event
        return None

    @property
    def first_seq(self) -> int:
        """Sequence number of the oldest event kept; 1 more than `seq` when there is none."""
        return self.seq + 1 - min(LOG_EVENTS, self._layout.history + self._layout.appended)

    def compact(self) -> None:
        """Rewrite the journal: code book as it is, the last LOG_EVENTS events, nothing appended. Two commits.

        StoreFull when the flash has no room for the second file; then the old one is still in use.
        """
        self._rewrite(self.config, pack_keys(self.keys.values()))

    @property
    def compaction_due(self) -> bool:
        """Whether `compact` should be called at the next quiet moment: soon a commit will have to wait for
        it.
        """
        return self._layout.appended >= DUE

    def _check(self, entries: "list[Entry]", now: int) -> None:
        """StoreFull or ValueError unless every entry can be carried out after the ones before it."""
        book = self.book
        changed: dict[bytes, Code | None] = {}  # by tag: what earlier entries put, or None where they forgot
        count = len(book)
        epoch = self.epoch
        erased = False
        for entry in entries:
            code = entry.code
            if entry.action == PUT or entry.action == FORGET:
                if code is None:
                    raise ValueError("this action needs a code")
                old = None if erased else book.find(code.tag)
                old = changed.get(code.tag, old)
                if entry.action == PUT:
                    book.check(code)
                    count += 0 if old else 1
                    if count > book.capacity:
                        raise StoreFull(FULL)
                    changed[code.tag] = code
                elif not old:
                    raise ValueError("the code to forget is not in the book")
                elif old.digits_taken_until > now:
                    raise ValueError("a code that may still be used first is revoked, not forgotten")
                else:
                    count -= 1
                    changed[code.tag] = None
            elif entry.action == ERASE:
                changed = {}
                count = 0
                erased = True
                epoch += 1
                if epoch > EPOCH_MAX:
                    raise StoreFull("every epoch is used up: give the lock a new secret")
            elif entry.action != NONE and entry.action != TIME:
                raise ValueError("no such action")

    def _events_of(self, entries: "list[Entry]", time: int, trusted: bool, refund: bool) -> "list[Event]":
        """The events that the entries become."""
        events = []
        always = 0 if trusted else UNTRUSTED
        flags = always | (RESTARTED if self._restarted else 0) | (REFUND if refund else 0)
        for number, entry in enumerate(entries):
            if number + 1 < len(entries):
                flags |= MORE
            seq = self.seq + 1 + number
            event, reason, action, code, arg = entry
            events.append(Event(seq, time, event, reason, flags, action, self.attempt, code, arg))
            flags = always
        return events

    def _apply(self, event: Event) -> None:
        """Carry out one record, committed just now or read back."""
        action = event.action
        code = event.code
        if code is None and action in (PUT, FORGET):
            raise ValueError("a record lacks its code")
        if action == PUT:
            self.book.put(code)
        elif action == FORGET:
            old = self.book.find(code.tag)
            if old is None:
                raise ValueError("a record forgets a code that is not there")
            self.book.drop(code.tag)
            # Its digits may not count as unseen again, even if the owner sets the clock back. From now on an unseen
            # ticket must start an hour after this one, or later.
            start = old.digits_taken_until - FIRST_USE_HOURS * HOUR
            self.oldest_start_accepted = max(self.oldest_start_accepted, start)
        elif action == ERASE:
            if self.epoch >= EPOCH_MAX:
                raise ValueError("a record erases after the last epoch")
            self.book.clear()
            self.epoch += 1
            self.oldest_start_accepted = 0  # that was for an epoch that is over
        elif action != NONE and action != TIME:
            raise ValueError("a record asks for an unknown action")
        if action == TIME:
            self.latest_trusted = event.time
            self._time_seq = event.seq
        elif not event.flags & UNTRUSTED:
            self.latest_trusted = max(self.latest_trusted, event.time)
        if event.flags & REFUND:
            self._refunded = event.attempt
            self._refund_seq = event.seq
        self.attempt = max(self.attempt, event.attempt)
        self.seq = event.seq

    def _read_counters(self, base: int) -> None:
        """Take the counters over. base: sequence number at the last compaction.

        Without believable ones there are no tokens: locked out for a while, but no guess was gained.
        """
        counters = None
        try:
            with open(self._path + _COUNTERS, "rb") as file:
                counters = unpack_counters(file.read(COUNTERS_SIZE + 1))
        except (OSError, ValueError):
            pass
        if (
            counters is None
            or counters.lock != self._lock
            or counters.attempt < self.attempt
            or counters.tokens > TRIES
        ):
            self.attempt += 1
            return
        if counters.seq > self.seq:
            raise MemoryLost("the journal is older than the counters: an old copy was put back")
        self.tokens = counters.tokens
        self.attempt = counters.attempt
        if self._refunded == self.attempt and self._refund_seq > counters.seq:
            self.tokens = min(TRIES, self.tokens + 1)
        # What was written before the owner set the clock, or before a compaction that had it, counts no more.
        if counters.seq >= max(base, self._time_seq):
            self.latest_trusted = max(self.latest_trusted, counters.latest_trusted)

    def _sure(self) -> None:
        """StoreFull after a change of which nobody knows whether it was made: only a start can tell."""
        if self.in_doubt:
            raise StoreFull("the flash does not say whether it took the last change: restart the lock")

    def _commit_counters(self, tokens: int, attempt: int, latest_trusted: int) -> None:
        try:
            self._write_counters(tokens, attempt, latest_trusted)
        except OSError as error:
            raise _full(error)
        self.tokens = tokens
        self.attempt = attempt
        self.latest_trusted = latest_trusted

    def _write_counters(self, tokens: int, attempt: int, latest_trusted: int) -> None:
        packed = pack_counters(Counters(tokens, self._lock, attempt, latest_trusted, self.seq))
        atomic_files.write(self._path + _COUNTERS, (packed,))
        self.commits += 1

    def _rewrite(self, config: bytes, keys: bytes, event: "Event | None" = None) -> None:
        """Write a journal of the state in RAM beside the old one, with this configuration and key table and `event`
        as its last record, then take its place.
        """
        new = self._path + _NEW
        first, seq, latest_trusted = self.first_seq, self.seq, self.latest_trusted
        last = bytearray(0 if event is None else RECORD_SIZE)
        if event is not None:
            pack_record(event, last, 0)
            seq = event.seq
            first = max(first, seq + 1 - LOG_EVENTS)
            if not event.flags & UNTRUSTED:
                latest_trusted = max(latest_trusted, event.time)
        history = seq + 1 - first
        header = Header(
            len(keys) // KEY_SIZE, len(self.book), history, self.epoch, seq, self.attempt, self._refunded,
            self._refund_seq, latest_trusted, self.oldest_start_accepted, config, self.secret,
        )  # fmt: skip
        packed = pack_header(header)
        self._sure()
        try:
            atomic_files.write(new, self._parts(packed, keys, first, last))
            atomic_files.rename(new, self._path + _JOURNAL)
        except atomic_files.InDoubt as error:
            self.in_doubt = True
            raise _full(error)
        except (OSError, MemoryLost) as error:
            try:
                atomic_files.remove(new)
            except OSError:
                pass  # it is removed at the next start, or written over
            raise _full(error)
        self.commits += 2
        self._layout = Layout(header.keys, header.codes, history, 0)
        self.config = config
        if event is not None:
            self._restarted = False
            self._apply(event)
            note_request(self.requests, last, 0, seq)

    def _parts(self, header: bytes, keys: bytes, first: int, last: bytes) -> "Iterator[bytes]":
        """The bytes of a new journal, in pieces that need no memory to speak of: the history from number `first` on,
        and then the record `last`, if it is one.
        """
        yield header
        yield keys
        table = self.book.image()
        crc = crc32(table, crc32(keys, crc32(header)))
        yield table
        yield pack(">I", crc)
        seq = first
        while seq <= self.seq:
            data, count = self._read(seq, CHUNK_RECORDS)
            for number in range(count):
                try:
                    record_at(data, number, seq + number)
                except ValueError as error:
                    raise _damaged(error)
            crc = crc32(data, crc)
            yield data
            seq += count
        yield last
        yield pack(">I", crc32(last, crc))

    def _read(self, seq: int, limit: int) -> "tuple[bytearray, int]":
        """A few records from number `seq` on, at most `limit`, as (bytes, how many)."""
        layout = self._layout
        index = seq - (self.seq + 1 - layout.history - layout.appended)
        end = layout.history if index < layout.history else layout.history + layout.appended
        count = min(CHUNK_RECORDS, limit, end - index)
        data = bytearray(max(count, 0) * RECORD_SIZE)
        if data:
            try:
                read_records(self._path + _JOURNAL, layout, index, data)
            except (OSError, ValueError) as error:
                raise _damaged(error)
        return data, max(count, 0)


def _full(error: Exception) -> StoreFull:
    return StoreFull("the flash takes no more (error %s): free some of it" % (error.args[0] if error.args else ""))


def _damaged(error: Exception) -> MemoryLost:
    return MemoryLost("the journal is damaged: %s" % error)
