"""Messages in fragments: cut for a way that carries a few bytes at a time, and put together again (docs/spec/link.md).

offset  size  field
0       1     bit 7 first of a message, bit 6 last, bits 0 to 5 number of the fragment modulo 64
1       2     in the first one only: length of the message, 1 to MESSAGE_MOST, big-endian
1 or 3  1+    bytes of the message

Both directions count from 0 with the connection. Nothing is repaired: what does not fit ends the connection.
"""

from .errors import SessionError

MESSAGE_MOST = 320  # bytes of a message
FRAGMENT_MOST = 244  # bytes of a fragment at most
FRAGMENT_LEAST = 20  # bytes of a fragment that every way carries
FIRST_FRAGMENT = 0x80
LAST_FRAGMENT = 0x40
NUMBER_MASK = 0x3F


class Cutter:
    """Cuts what one side sends."""

    def __init__(self) -> None:
        self._number = 0

    def cut(self, message: bytes, size: int) -> "list[bytes]":
        """Return the fragments of a message of 1 to 320 bytes, each of at most `size` (20 to 244), else ValueError."""
        if not 1 <= len(message) <= MESSAGE_MOST:
            raise ValueError("a message has 1 to 320 bytes")
        if not FRAGMENT_LEAST <= size <= FRAGMENT_MOST:
            raise ValueError("a fragment has 20 to 244 bytes")
        fragments = []
        at = 0
        while at < len(message):
            head = self._number | (0 if at else FIRST_FRAGMENT)
            length = b"" if at else len(message).to_bytes(2, "big")
            piece = message[at : at + size - 1 - len(length)]
            at += len(piece)
            if at == len(message):
                head |= LAST_FRAGMENT
            fragments.append(bytes((head,)) + length + piece)
            self._number = self._number + 1 & NUMBER_MASK
        return fragments


class Joiner:
    """Puts together what the other side sends. After one SessionError it takes nothing any more."""

    def __init__(self) -> None:
        self._number = 0
        self._length = 0  # of the message under way, 0 for none
        self._parts = b""

    def add(self, fragment: bytes) -> "bytes | None":
        """Take the next fragment; return the message when it is the last one, else None.

        SessionError when it is no fragment, or not the next one; end the connection then.
        """
        size = len(fragment)
        head = fragment[0] if size else 0
        begins = head & FIRST_FRAGMENT != 0
        if not 2 <= size <= FRAGMENT_MOST or head & NUMBER_MASK != self._number or begins != (self._length == 0):
            raise self._refusal()
        at = 1
        if begins:
            if size < 4:
                raise self._refusal()
            self._length = int.from_bytes(fragment[1:3], "big")
            at = 3
            if not 1 <= self._length <= MESSAGE_MOST:
                raise self._refusal()
        parts = self._parts + fragment[at:]
        if len(parts) > self._length or (head & LAST_FRAGMENT != 0) != (len(parts) == self._length):
            raise self._refusal()
        self._number = self._number + 1 & NUMBER_MASK
        if head & LAST_FRAGMENT:
            self._parts = b""
            self._length = 0
            return parts
        self._parts = parts
        return None

    def _refusal(self) -> SessionError:
        """Nothing is repaired: no fragment has the number that is expected from now on."""
        self._number = NUMBER_MASK + 1
        self._parts = b""
        return SessionError("a fragment is lost, altered or out of turn: the connection must end")
