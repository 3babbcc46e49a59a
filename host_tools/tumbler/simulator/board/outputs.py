"""What the board's outputs do, reported to the host: the coil of the bolt, the light, the buzzer."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .host_pipe import Message, ReportEvent


class Outputs:
    """Takes the changes of pins. bolt: its part of board.json. bolt_open, led_on: what was reported last."""

    def __init__(self, bolt: "Message", report: "ReportEvent") -> None:
        self._report = report
        fail_safe = bolt.get("fail") == "safe"
        self._off: int = 1 - bolt.get("active", 1)
        self._opens = self._off if fail_safe else 1 - self._off  # the level at which a coil opens
        self._falls = False  # the coil falls, unless it is drawn back at the same moment
        self.bolt_open = fail_safe  # there is no power yet
        self.led_on = False

    def bolt(self, level: int) -> None:
        """The bolt's pin changed. A gap that takes no time, as between two pulses, moves no coil."""
        self._falls = level != self._opens
        if not self._falls and not self.bolt_open:
            self.bolt_open = True
            self._report("bolt", unlocked=True)

    def settled(self) -> None:
        """All that happens at this moment has happened."""
        if self._falls and self.bolt_open:
            self.bolt_open = False
            self._report("bolt", unlocked=False)

    def release(self) -> None:
        """The power is off, or the pin floats: a coil falls, which locks, or opens if it is fail-safe."""
        self.bolt(self._off)
        self.settled()

    def led(self, level: int) -> None:
        """The light's pin changed."""
        self.led_on = bool(level)
        self._report("led", on=self.led_on)

    def tone(self, hz: int) -> None:
        """The buzzer's tone changed."""
        self._report("tone", hz=hz)
