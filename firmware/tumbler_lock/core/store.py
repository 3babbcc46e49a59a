"""Everything the lock remembers: secret, configuration, keys, code book and log in one journal, and the counters.

docs/spec/storage.md is normative for the bytes, and says why the power may be cut anywhere. Invariants:

- The file system commits every change whole or not at all. RAM changes after that, through the same `_apply` that
  replays the journal at a start. When a commit fails, flash and RAM are as before.
- Nothing is ever deleted because it cannot be read: `open` raises and leaves the files alone.
- Times are Unix seconds. Nothing grows without bound: the journal is rewritten after LOG_EVENTS appended records.
"""

from . import atomic_files
from .clock import LATEST
from .codebook import FULL, CodeBook
from .errors import LockError, MemoryLost, NotProvisioned, StoreFull
from .journal import APPENDED_MAX, JOURNAL, LOG_EVENTS, NEW, Journal, Layout, damaged, first_parts, full, write_new
from .journal_reader import JournalReader
from .keys import KEY_SIZE, pack_keys, unpack_keys
from .passcode import EPOCHS
from .records import (
    COUNTERS_SIZE,
    ERASE_ALL,
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

    from .codebook import StoredCode
    from .keys import AccessKey

TRIES = 8  # tokens of the guess budget, at most
CODES_MAX = 1000  # codes in the book
COMMIT_MAX = 16  # entries in one commit
DUE = LOG_EVENTS * 4 // 5  # appended records from which a compaction is due at a quiet moment

_COUNTERS = "/counters"


class Store:
    """The memory of one lock, in the directory `path`; `Store.create` or `Store.open` make it.

    keys: by key slot; requests: by key slot (id of its newest request over the link, number of the record with it).
    Every attribute is for reading: only the methods change them.
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
        self.journal = Journal(path, layout)
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
        self.commits = 0  # of the file system, since this object was made
        self._refunded = header.refunded
        self._refund_seq = header.refund_seq
        self._time_seq = 0

    @staticmethod
    def create(
        path: str, secret: bytes, config: bytes, now: "int | None", epoch: int = 0, keys: "Iterable[AccessKey]" = ()
    ) -> "Store":
        """Provision a lock: a new journal and new counters in `path`, an existing directory.

        now: trusted time, or None; keys: its first ones. LockError if there is a journal already; StoreFull if the
        flash takes no more; ValueError if secret or config have a wrong length, two keys share a key slot or a psk, or
        the time is invalid. A power cut leaves no lock or a complete one.
        """
        if now is not None and not 0 <= now < LATEST:
            raise ValueError("a lock's time lies between 1970 and 2099")
        if atomic_files.exists(path + JOURNAL):
            raise LockError("this lock has a secret already: wipe it before giving it a new one")
        table = pack_keys(keys)
        header = Header(
            len(table) // KEY_SIZE, 0, 0, epoch, 0, 0, 0, 0, now or 0, 0, bytes(config), bytes(secret)
        )  # fmt: skip
        store = Store(path, header, CodeBook(CODES_MAX), Layout(1, header.keys, 0, 0, 0), unpack_keys(table), {})
        packed = pack_header(header)
        try:
            # The counters first: the lock is provisioned once the journal exists, and needs them from then on.
            store._write_counters(TRIES, 0, header.latest_trusted)
            write_new(path, first_parts(packed, table))
        except OSError as error:
            raise full(error)
        store.tokens = TRIES
        store.commits += 2
        return store

    @staticmethod
    def open(path: str) -> "Store":
        """Return the store that `path` holds.

        NotProvisioned if there is no journal; MemoryLost if it is damaged, or older than the counters know. Neither
        changes a file.
        """
        book = CodeBook(CODES_MAX)
        try:
            reader = JournalReader(path + JOURNAL)
            try:
                header, layout, keys = reader.read(book)
                store = Store(path, header, book, layout, keys, reader.requests)
                for event in reader.appended(header.seq + 1, layout.appended):
                    store._apply(event)
            finally:
                reader.close()
        except OSError as error:
            if error.errno == atomic_files.NO_ENTRY:
                raise NotProvisioned("this lock has no secret yet: provision it")
            raise MemoryLost("the journal cannot be read (%s)" % error)
        except (ValueError, StoreFull) as error:
            raise damaged(error)
        store._read_counters(header.seq)
        try:
            atomic_files.remove(path + NEW)
        except OSError:
            pass  # a flash that takes no change can still be read, and the next compaction writes over it
        return store

    @staticmethod
    def wipe(path: str) -> None:
        """Remove everything in `path`, whatever state it is in: secret and memory in one change, then the other files.

        StoreFull if the flash refuses. A power cut or a refusal in between leaves a lock without a secret, and a second
        call removes the rest. A Store of this path may not be used any more.
        """
        try:
            for name in (JOURNAL, _COUNTERS, NEW):
                atomic_files.remove(path + name)
        except OSError as error:
            raise full(error)

    @property
    def in_doubt(self) -> bool:
        """Whether a change failed in an unknown state, so that only a restart helps (see Journal)."""
        return self.journal.in_doubt

    def pay(self, now: "int | None") -> None:
        """Take one token and count the attempt, on flash (one commit) before this returns.

        now: trusted time, or None. ValueError if no token is left; StoreFull if the flash takes no more.
        """
        if self.tokens < 1:
            raise ValueError("no token left to pay with")
        latest = self.latest_trusted if now is None else max(self.latest_trusted, now)
        self._commit_counters(self.tokens - 1, self.attempt + 1, latest)

    def keep(self, tokens: int, latest_trusted: int) -> None:
        """Write this many tokens and a trusted time to flash.

        An earlier time than the latest trusted one is ignored.
        """
        self._commit_counters(tokens, self.attempt, max(self.latest_trusted, latest_trusted))

    def commit(self, entries: "list[Entry]", now: "int | None", trusted: bool, refund: bool = False) -> None:
        """Append all entries in one file commit, then carry them out.

        now: what the clock shows (None: nothing); trusted: whether it can be believed; refund: give back the attempt
        that was just paid for. StoreFull if the book or the flash has no room; ValueError if an entry makes no sense.
        Then nothing has changed.
        """
        if not 0 < len(entries) <= COMMIT_MAX:
            raise ValueError("a commit has 1 to %d entries" % COMMIT_MAX)
        if refund and self._refunded == self.attempt:
            raise ValueError("this attempt was not paid for, or was given back already")
        if trusted and now is None:
            raise ValueError("a trusted time must be given")
        time = now or 0
        self._check(entries, time)
        if self.journal.layout.appended + len(entries) > APPENDED_MAX:
            self.compact()
        events = self._events_of(entries, time, trusted, refund)
        data = bytearray(len(events) * RECORD_SIZE)
        for number, event in enumerate(events):
            pack_record(event, data, number * RECORD_SIZE)
        self.journal.append(data, len(events))
        self.commits += 1
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
        """Replace the configuration (at most 160 bytes), the keys, or both, and log that as `entry`.

        The journal is rewritten once and ends with the record. now, trusted: as for `commit`; None for config or keys
        leaves them as they are. StoreFull if the flash has no room; ValueError if something makes no sense. Then
        nothing has changed.
        """
        if entry.action != NONE:
            raise ValueError("the entry that logs settings must have no action of its own")
        if trusted and now is None:
            raise ValueError("a trusted time must be given")
        table = pack_keys(self.keys.values() if keys is None else keys)
        (event,) = self._events_of([entry], now or 0, trusted, False)
        self._rewrite(self.config if config is None else bytes(config), table, event)
        self.keys = unpack_keys(table)

    def make_room(self, now: int, new: int = 1, spared: "list[bytes] | None" = None) -> "list[Entry]":
        """Return entries that make room for `new` codes by forgetting codes that were over first; [] if there is room.

        No code with a tag in `spared` is forgotten. StoreFull if too few can be forgotten at trusted time `now`.
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
        """Return the kept events with a number above `since_seq`, oldest first, at most `limit`, read from flash.

        The store may be used between two events. MemoryLost if a record is damaged.
        """
        return self.journal.events(since_seq, limit)

    def event(self, seq: int) -> "Event | None":
        """Return the event with this number, None if it is not kept. MemoryLost if it is damaged."""
        if not self.first_seq <= seq <= self.seq:
            return None
        for event in self.events(seq - 1, 1):
            return event
        return None

    @property
    def first_seq(self) -> int:
        """Number of the oldest event kept; 1 more than `seq` if no event is kept."""
        return self.journal.first_seq

    def compact(self) -> None:
        """Rewrite the journal: the code book as it is, the last LOG_EVENTS events, nothing appended. Two commits.

        StoreFull if the flash has no room for the second file. Then the old one stays in use.
        """
        self._rewrite(self.config, pack_keys(self.keys.values()))

    @property
    def compaction_due(self) -> bool:
        """Whether to call `compact` at the next quiet moment, so that no commit has to wait for it."""
        return self.journal.layout.appended >= DUE

    def _check(self, entries: "list[Entry]", now: int) -> None:
        """Raise StoreFull or ValueError unless every entry can be carried out after the ones before it."""
        book = self.book
        changed: "dict[bytes, StoredCode | None]" = {}  # by tag: what earlier entries put, or None where they forgot
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
            elif entry.action == ERASE_ALL:
                changed = {}
                count = 0
                erased = True
                epoch += 1
                if epoch >= EPOCHS:
                    raise StoreFull("every epoch is used up: give the lock a new secret")
            elif entry.action != NONE and entry.action != TIME:
                raise ValueError("no such action")

    def _events_of(self, entries: "list[Entry]", time: int, trusted: bool, refund: bool) -> "list[Event]":
        """Return the events that the entries become."""
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
        elif action == ERASE_ALL:
            if self.epoch + 1 >= EPOCHS:
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
        """Load the counters. base: number of the newest record at the last compaction.

        Without valid counters there are no tokens: the lock is locked out for a while, but no guess was gained.
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
        # A time that was written before the owner set the clock, or before the compaction, counts no more.
        if counters.seq >= max(base, self._time_seq):
            self.latest_trusted = max(self.latest_trusted, counters.latest_trusted)

    def _commit_counters(self, tokens: int, attempt: int, latest_trusted: int) -> None:
        try:
            self._write_counters(tokens, attempt, latest_trusted)
        except OSError as error:
            raise full(error)
        self.tokens = tokens
        self.attempt = attempt
        self.latest_trusted = latest_trusted

    def _write_counters(self, tokens: int, attempt: int, latest_trusted: int) -> None:
        packed = pack_counters(Counters(tokens, self._lock, attempt, latest_trusted, self.seq))
        atomic_files.write(self._path + _COUNTERS, (packed,))
        self.commits += 1

    def _rewrite(self, config: bytes, keys: bytes, event: "Event | None" = None) -> None:
        """Write the journal again, with this configuration and key table and `event` as its last record."""
        first, seq, latest = self.first_seq, self.seq, self.latest_trusted
        last = bytearray(0 if event is None else RECORD_SIZE)
        if event is not None:
            pack_record(event, last, 0)
            seq = event.seq
            first = max(first, seq + 1 - LOG_EVENTS)
            if not event.flags & UNTRUSTED:
                latest = max(latest, event.time)
        header = Header(
            len(keys) // KEY_SIZE, len(self.book), seq + 1 - first, self.epoch, seq, self.attempt, self._refunded,
            self._refund_seq, latest, self.oldest_start_accepted, config, self.secret,
        )  # fmt: skip
        self.journal.rewrite(pack_header(header), keys, self.book.image(), first, last)
        self.commits += 2
        self.config = config
        if event is not None:
            self._restarted = False
            self._apply(event)
            note_request(self.requests, last, 0, seq)
