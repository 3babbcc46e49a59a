"""The keys pressed since the last entry: digits, `#` enters, `*` clears, 10 s without a key clears.

Times are milliseconds of a clock that never wraps.
"""

SHORTEST = 4  # digits of the shortest code there is, a custom one
LONGEST = 9
ENTER = "#"
CLEAR = "*"
TIMEOUT_MS = 10_000


class EntryBuffer:
    """Collects digits. What is longer than any code stays an entry, so that it is refused like a wrong code, but
    takes no more memory: a leaning elbow costs one digit too many, not a heap."""

    def __init__(self, timeout_ms: int = TIMEOUT_MS):
        self._timeout_ms = timeout_ms
        self._digits = ""
        self._last_ms = 0

    @property
    def empty(self) -> bool:
        """True when no digit is waiting for `#`."""
        return not self._digits

    def expire(self, now_ms: int) -> bool:
        """Clear the digits when the last key is older than the timeout; True when something was cleared."""
        if self._digits and now_ms - self._last_ms >= self._timeout_ms:
            self._digits = ""
            return True
        return False

    def key(self, key: str, now_ms: int):
        """Take one key. The digits entered when it is `#` (perhaps none), else None. Other letters do nothing."""
        self.expire(now_ms)
        self._last_ms = now_ms
        if key == ENTER:
            digits, self._digits = self._digits, ""
            return digits
        if key == CLEAR:
            self._digits = ""
        elif "0" <= key <= "9" and len(self._digits) <= LONGEST:
            self._digits += key
        return None
