"""A bucket of tokens that come back with time: what limits strangers, and what a key may do in a row.

It is kept in RAM and full after a start: it bounds work and wear, no secret rests on it. Times are uptime in seconds.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable


class TokenBucket:
    """At most `size` tokens; one comes back every `refill` seconds. uptime(): whole seconds, never going back."""

    def __init__(self, size: int, refill: int, uptime: "Callable[[], int]") -> None:
        self._size = size
        self._refill = refill
        self._uptime = uptime
        self._tokens = size
        self._since = uptime()

    def wait(self) -> int:
        """Seconds until there is a token; 0: now."""
        now = self._uptime()
        earned = (now - self._since) // self._refill
        if self._tokens + earned >= self._size:
            self._tokens, self._since = self._size, now
        else:
            self._tokens += earned
            self._since += earned * self._refill
        return 0 if self._tokens else self._since + self._refill - now

    def take(self) -> None:
        """Take a token, if there is one."""
        self.wait()  # what has come back until now
        self._tokens = max(0, self._tokens - 1)

    def give_back(self) -> None:
        """Give one back."""
        self._tokens = min(self._size, self._tokens + 1)
