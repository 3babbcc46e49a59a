"""The journal file read back: header, key and code table checked and loaded, history checked, appended records one
by one.

The layout is docs/spec/storage.md's. Everything is read in small chunks, the code table straight into the book, so
that a start needs next to no memory of its own. Whatever is wrong is a ValueError that says what; nothing is
ever written.
"""

from binascii import crc32
from struct import unpack

from .codebook import CODE_SIZE, CodeBook
from .events import ADDED
from .keys import KEY_SIZE, AccessKey, unpack_keys
from .records import HEADER_SIZE, MORE, RECORD_SIZE, Event, Header, note_request, unpack_header, unpack_record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

CODES_MAX = 1000
LOG_EVENTS = 1000  # events kept
APPENDED_MAX = LOG_EVENTS  # records after which the journal is rewritten
CHUNK_RECORDS = 20  # records read at a time
_WORD = 4


class Layout:
    """Where the parts of a journal lie: how many keys, codes, history records and appended records it has."""

    def __init__(self, keys: int, codes: int, history: int, appended: int) -> None:
        self.keys = keys
        self.codes = codes
        self.history = history
        self.appended = appended

    @property
    def history_at(self) -> int:
        """Offset of the first history record."""
        return HEADER_SIZE + self.keys * KEY_SIZE + self.codes * CODE_SIZE + _WORD

    @property
    def appended_at(self) -> int:
        """Offset of the first appended record."""
        return self.history_at + self.history * RECORD_SIZE + _WORD

    @property
    def size(self) -> int:
        """Length of the file."""
        return self.appended_at + self.appended * RECORD_SIZE

    def offset(self, index: int) -> int:
        """Offset of a record, counted from the first of the history."""
        if index < self.history:
            return self.history_at + index * RECORD_SIZE
        return self.appended_at + (index - self.history) * RECORD_SIZE


class Journal:
    """A journal file open for reading; `requests`: what was read so far says, as `note_request` has it. OSError passes
    through everywhere.
    """

    def __init__(self, path: str) -> None:
        self._file = open(path, "rb")  # noqa: SIM115 -- closed by `close`, also when reading fails
        self._buffer = bytearray(CHUNK_RECORDS * RECORD_SIZE)
        self.requests: dict[int, tuple[int, int]] = {}

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def read(self, book: CodeBook) -> "tuple[Header, Layout, dict[int, AccessKey]]":
        """Check header, tables and history, and load the code table into the book; the last result is the keys by
        slot. ValueError says what is wrong.
        """
        packed = self._take(memoryview(bytearray(HEADER_SIZE)))
        header = unpack_header(packed)
        if header.codes > book.capacity or header.history > min(LOG_EVENTS, header.seq):
            raise ValueError("its header asks for more than there can be")
        layout = Layout(header.keys, header.codes, header.history, 0)
        size = self._file.seek(0, 2)
        rest = size - layout.appended_at
        if rest < 0 or rest % RECORD_SIZE:
            raise ValueError("its length is wrong")
        layout.appended = rest // RECORD_SIZE
        if layout.appended > APPENDED_MAX:
            raise ValueError("it is longer than a journal can be")
        self._file.seek(HEADER_SIZE)
        key_table = self._take(memoryview(bytearray(header.keys * KEY_SIZE)))
        table = self._take(book.space(header.codes))
        crc = crc32(table, crc32(key_table, crc32(packed)))
        self._expect(crc, "the checksum of its keys and codes is wrong")
        keys = unpack_keys(key_table)
        book.adopt(header.codes)
        left = header.history
        while left:
            count = min(left, CHUNK_RECORDS)
            chunk = self._take(memoryview(self._buffer)[: count * RECORD_SIZE])
            crc = crc32(chunk, crc)
            for number in range(count):
                if chunk[number * RECORD_SIZE + 8] >= ADDED:  # an owner's: few of all that there are
                    note_request(self.requests, chunk, number * RECORD_SIZE, header.seq + 1 - left + number)
            left -= count
        self._expect(crc, "the history's checksum is wrong")
        return header, layout, keys

    def appended(self, seq: int, count: int) -> "Iterator[Event]":
        """The `count` records after the history, the first of which must have the number `seq`. ValueError
        when one is damaged or missing, or when a commit is incomplete.
        """
        more = False
        while count:
            batch = min(count, CHUNK_RECORDS)
            self._take(memoryview(self._buffer)[: batch * RECORD_SIZE])
            for number in range(batch):
                event = record_at(self._buffer, number, seq)
                note_request(self.requests, self._buffer, number * RECORD_SIZE, seq)
                more = event.flags & MORE != 0
                yield event
                seq += 1
            count -= batch
        if more:
            raise ValueError("its last commit is incomplete")

    def _take(self, view: memoryview) -> memoryview:
        """Fill the view from the file."""
        if len(view) and self._file.readinto(view) != len(view):
            raise ValueError("it ends too early")
        return view

    def _expect(self, crc: int, otherwise: str) -> None:
        if unpack(">I", self._take(memoryview(bytearray(_WORD))))[0] != crc:
            raise ValueError(otherwise)


def record_at(buffer: bytes, number: int, seq: int) -> Event:
    """The record in place `number` of the buffer; ValueError unless it is sound and has the sequence number
    `seq`.
    """
    event = unpack_record(buffer, number * RECORD_SIZE)
    if event.seq != seq:
        raise ValueError("a record is missing")
    return event


def read_records(path: str, layout: Layout, index: int, buffer: "bytearray | memoryview") -> None:
    """Fill the buffer with records from the `index`-th on (all history, or all appended); ValueError when the
    file is too short.
    """
    with open(path, "rb") as file:
        file.seek(layout.offset(index))
        if file.readinto(buffer) != len(buffer):
            raise ValueError("it ends too early")
