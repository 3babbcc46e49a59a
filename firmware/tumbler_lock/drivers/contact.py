"""Contact: a switch that is on or off, debounced: a door's contact, a button (docs/design/drivers.md).

Times are ms of a counter that may wrap at 2^30.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_TICKS = 0x3FFFFFFF


class Contact:
    """pin: reads the level `active` while the contact is on; settle_ms: how long a new level must last.

    Attribute: on, the settled level; it is read once here, unless `on` says what to begin with.
    """

    def __init__(self, pin: "Any", active: int, settle_ms: int, on: "bool | None" = None) -> None:
        self._pin = pin
        self._active = active
        self._settle = settle_ms
        self._since = -1  # ms of the first look that differs from `on`, -1 when the last one did not
        self.on = pin.value() == active if on is None else on

    def poll(self, now_ms: int) -> bool:
        """Look; whether `on` has changed by that."""
        now_ms &= _TICKS
        if (self._pin.value() == self._active) == self.on:
            self._since = -1
        elif self._since < 0:
            self._since = now_ms
        elif (now_ms - self._since) & _TICKS >= self._settle:
            self._since = -1
            self.on = not self.on
            return True
        return False
