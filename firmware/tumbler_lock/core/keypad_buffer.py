"""The keypad buttons pressed since the last entry: digits, `#` enters, `*` clears, 10 s without a button clear.

Times are milliseconds of a clock that never wraps.
"""

from .passcode import MOST_DIGITS

ENTER = "#"
CLEAR = "*"
TIMEOUT_MS = 10_000


class EntryBuffer:
    """Collects digits.

    It keeps one digit more than the longest code has. So a longer entry is refused like a wrong code, and an elbow on
    the keypad takes no memory.
    """

    def __init__(self, timeout_ms: int = TIMEOUT_MS) -> None:
        self._timeout_ms = timeout_ms
        self._digits = ""
        self._last_ms = 0

    @property
    def empty(self) -> bool:
        """Whether no digit waits for `#`."""
        return not self._digits

    def expire(self, now_ms: int) -> bool:
        """Clear the digits when the last button is older than the timeout. Return whether some were cleared."""
        if self._digits and now_ms - self._last_ms >= self._timeout_ms:
            self._digits = ""
            return True
        return False

    def key(self, key: str, now_ms: int) -> "str | None":
        """Take one button. Return the digits (perhaps none) when it is `#`, else None. Letters do nothing."""
        self.expire(now_ms)
        self._last_ms = now_ms
        if key == ENTER:
            digits, self._digits = self._digits, ""
            return digits
        if key == CLEAR:
            self._digits = ""
        elif "0" <= key <= "9" and len(self._digits) <= MOST_DIGITS:
            self._digits += key
        return None
