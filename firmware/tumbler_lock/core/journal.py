"""The journal file of an open store: records are appended and read back, and the whole file is rewritten.

docs/spec/storage.md is normative for the bytes. Appending and rewriting are one commit of the file system each: after a
power cut the journal is the old one or the new one.
"""

from binascii import crc32
from struct import pack

from . import atomic_files
from .codebook import CODE_SIZE
from .errors import MemoryLost, StoreFull
from .keys import KEY_SIZE
from .records import HEADER_SIZE, RECORD_SIZE, unpack_record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .records import Event

JOURNAL = "/journal"
NEW = "/journal.new"  # while it is written; without meaning after a power cut

LOG_EVENTS = 1000  # events kept
APPENDED_MAX = LOG_EVENTS  # appended records after which the journal is rewritten
CHUNK_RECORDS = 20  # records read at a time
WORD = 4  # bytes of a checksum


class Layout:
    """Where the parts of a journal lie.

    first: number of the first record; keys, codes, history, appended: how many there are of each.
    """

    def __init__(self, first: int, keys: int, codes: int, history: int, appended: int) -> None:
        self.first = first
        self.keys = keys
        self.codes = codes
        self.history = history
        self.appended = appended

    @property
    def history_at(self) -> int:
        """Offset of the first history record."""
        return HEADER_SIZE + self.keys * KEY_SIZE + self.codes * CODE_SIZE + WORD

    @property
    def appended_at(self) -> int:
        """Offset of the first appended record."""
        return self.history_at + self.history * RECORD_SIZE + WORD

    @property
    def size(self) -> int:
        """Length of the file."""
        return self.appended_at + self.appended * RECORD_SIZE

    def offset(self, index: int) -> int:
        """Return the offset of a record, counted from the first of the history."""
        if index < self.history:
            return self.history_at + index * RECORD_SIZE
        return self.appended_at + (index - self.history) * RECORD_SIZE


class Journal:
    """The journal in the directory `path`. A change that fails raises StoreFull, and the file is as before.

    in_doubt: a change failed, and the file system does not say whether it was made. Only a restart can resolve that;
    until then every change raises StoreFull.
    """

    def __init__(self, path: str, layout: Layout) -> None:
        self._path = path
        self.layout = layout
        self.in_doubt = False

    @property
    def first_seq(self) -> int:
        """Number of the oldest event kept; 1 more than the newest if no event is kept."""
        layout = self.layout
        count = layout.history + layout.appended
        return layout.first + count - min(LOG_EVENTS, count)

    def append(self, data: bytearray, count: int) -> None:
        """Append `count` packed records in one commit."""
        self._require_certain()
        try:
            atomic_files.append(self._path + JOURNAL, data, self.layout.size)
        except OSError as error:
            raise self._failed(error)
        self.layout.appended += count

    def rewrite(self, header: bytes, keys: bytes, codes: memoryview, first: int, last: bytes) -> None:
        """Write a new journal beside the old one, then let it take the place of the old one: two commits.

        Its history has the records from number `first` on, and then the packed record `last` if it is not empty.
        """
        self._require_certain()
        old = self.layout
        history = old.first + old.history + old.appended - first
        try:
            write_new(self._path, _parts(header, keys, codes, self._history(first), last))
        except (OSError, MemoryLost) as error:
            if not isinstance(error, atomic_files.InDoubt):
                try:
                    atomic_files.remove(self._path + NEW)
                except OSError:
                    pass  # it is removed at the next start, or written over
            raise self._failed(error)
        history += len(last) // RECORD_SIZE
        self.layout = Layout(first, len(keys) // KEY_SIZE, len(codes) // CODE_SIZE, history, 0)

    def events(self, since_seq: int, limit: int) -> "Iterator[Event]":
        """Yield the kept events with a number above `since_seq`, oldest first, at most `limit`.

        The file is open only while a few are read, so it may be changed meanwhile. MemoryLost if a record is damaged.
        """
        seq = since_seq + 1
        while limit > 0:
            seq = max(seq, self.first_seq)
            data, count = self._read(seq, limit)
            for number in range(count):
                yield _sound_record(data, number, seq)
                seq += 1
            if not count:
                return
            limit -= count

    def _history(self, seq: int) -> "Iterator[bytearray]":
        """Yield the packed records from number `seq` on, in chunks. MemoryLost if one is damaged."""
        while True:
            data, count = self._read(seq, CHUNK_RECORDS)
            if not count:
                return
            for number in range(count):
                _sound_record(data, number, seq + number)
            yield data
            seq += count

    def _read(self, seq: int, limit: int) -> "tuple[bytearray, int]":
        """Return (packed records from number `seq` on, how many): a few, at most `limit`."""
        layout = self.layout
        index = seq - layout.first
        end = layout.history if index < layout.history else layout.history + layout.appended
        count = max(0, min(CHUNK_RECORDS, limit, end - index))
        data = bytearray(count * RECORD_SIZE)
        if data:
            try:
                with open(self._path + JOURNAL, "rb") as file:
                    file.seek(layout.offset(index))
                    if file.readinto(data) != len(data):
                        raise ValueError("it ends too early")
            except (OSError, ValueError) as error:
                raise damaged(error)
        return data, count

    def _require_certain(self) -> None:
        """Raise StoreFull if an earlier change ended in an unknown state."""
        if self.in_doubt:
            raise StoreFull("the flash does not say whether it took the last change: restart the lock")

    def _failed(self, error: Exception) -> StoreFull:
        if isinstance(error, atomic_files.InDoubt):
            self.in_doubt = True
        return full(error)


def write_new(path: str, parts: "Iterable[bytes]") -> None:
    """Write a journal of these parts in `path` and let it take the place of an old one. OSError if that fails."""
    atomic_files.write(path + NEW, parts)
    atomic_files.rename(path + NEW, path + JOURNAL)


def first_parts(header: bytes, keys: bytes) -> "Iterator[bytes]":
    """Return the bytes of the journal of a new lock, in pieces."""
    return _parts(header, keys, b"", (), b"")


def _parts(
    header: bytes, keys: bytes, codes: "bytes | memoryview", history: "Iterable[bytearray]", last: bytes
) -> "Iterator[bytes]":
    """Yield the bytes of a journal, in pieces that need almost no memory."""
    yield header
    yield keys
    crc = crc32(codes, crc32(keys, crc32(header)))
    yield codes
    yield pack(">I", crc)
    for data in history:
        crc = crc32(data, crc)
        yield data
    yield last
    yield pack(">I", crc32(last, crc))


def record_at(buffer: bytes, number: int, seq: int) -> "Event":
    """Return the record in place `number` of the buffer. ValueError if it is damaged or its number is not `seq`."""
    event = unpack_record(buffer, number * RECORD_SIZE)
    if event.seq != seq:
        raise ValueError("a record is missing")
    return event


def _sound_record(buffer: bytes, number: int, seq: int) -> "Event":
    try:
        return record_at(buffer, number, seq)
    except ValueError as error:
        raise damaged(error)


def full(error: Exception) -> StoreFull:
    """Return the error for a change that the flash refused."""
    return StoreFull("the flash takes no more (error %s): free some of it" % (error.args[0] if error.args else ""))


def damaged(error: Exception) -> MemoryLost:
    """Return the error for a journal that cannot be believed."""
    return MemoryLost("the journal is damaged: %s" % error)
