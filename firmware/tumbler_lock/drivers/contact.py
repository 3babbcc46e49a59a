"""Contact: a debounced switch, such as a door contact or a button (docs/design/drivers.md).

Times are ms of a counter that may wrap at 2^30.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .hardware import Input

_TICKS = 0x3FFFFFFF


class Contact:
    """A switch that is on or off.

    pin: reads the level `active` while the contact is on; settle_ms: how long a new level must last; on: what to begin
    with, None to read it. Attribute: on, the settled level.
    """

    def __init__(self, pin: "Input", active: int, settle_ms: int, on: "bool | None" = None) -> None:
        self._pin = pin
        self._active = active
        self._settle = settle_ms
        self._since = -1  # ms of the first look that differs from `on`, -1 when the last one did not
        self.on = pin.value() == active if on is None else on

    def poll(self, now_ms: int) -> bool:
        """Read the pin and return whether `on` changed."""
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
