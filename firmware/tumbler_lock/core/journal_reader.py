"""The journal file read at a start: header, keys, codes and history checked and loaded, appended records one by one.

The layout is docs/spec/storage.md's. Everything is read in small chunks, the code table straight into the book, so a
start needs almost no memory of its own. ValueError with the reason if anything is invalid. Nothing is ever written.
"""

from binascii import crc32
from struct import unpack

from .events import ADDED
from .journal import APPENDED_MAX, CHUNK_RECORDS, LOG_EVENTS, WORD, Layout, record_at
from .keys import KEY_SIZE, unpack_keys
from .records import HEADER_SIZE, MORE, RECORD_SIZE, note_request, unpack_header

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from .codebook import CodeBook
    from .keys import AccessKey
    from .records import Event, Header


class JournalReader:
    """A journal file open for reading. Every method may raise OSError.

    requests: what the records read so far say about requests, see `note_request`.
    """

    def __init__(self, path: str) -> None:
        self._file = open(path, "rb")  # noqa: SIM115 -- closed by `close`, also when reading fails
        self._buffer = bytearray(CHUNK_RECORDS * RECORD_SIZE)
        self.requests: dict[int, tuple[int, int]] = {}

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def read(self, book: "CodeBook") -> "tuple[Header, Layout, dict[int, AccessKey]]":
        """Check header, tables and history, and load the code table into the book.

        Return (header, layout, keys by key slot). ValueError if they are invalid.
        """
        packed = self._take(memoryview(bytearray(HEADER_SIZE)))
        header = unpack_header(packed)
        if header.codes > book.capacity or header.history > min(LOG_EVENTS, header.seq):
            raise ValueError("its header asks for more than there can be")
        layout = Layout(header.seq + 1 - header.history, header.keys, header.codes, header.history, 0)
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
                if chunk[number * RECORD_SIZE + 8] >= ADDED:  # an owner's event, which few are: a quick check
                    note_request(self.requests, chunk, number * RECORD_SIZE, header.seq + 1 - left + number)
            left -= count
        self._expect(crc, "the history's checksum is wrong")
        return header, layout, keys

    def appended(self, seq: int, count: int) -> "Iterator[Event]":
        """Yield the `count` records after the history, the first of which must have the number `seq`.

        ValueError if one is damaged or missing, or a commit is incomplete.
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
        """Fill the view from the file and return it."""
        if len(view) and self._file.readinto(view) != len(view):
            raise ValueError("it ends too early")
        return view

    def _expect(self, crc: int, otherwise: str) -> None:
        if unpack(">I", self._take(memoryview(bytearray(WORD))))[0] != crc:
            raise ValueError(otherwise)
