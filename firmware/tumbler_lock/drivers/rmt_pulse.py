"""Pulse: pins that are on for a time which hardware counts, even if the program hangs (docs/design/drivers.md,
"Pulse").

Invariants: at most one pin is on. It goes off after the time that was asked for, or a little before, without the
program. After an error all pins are off. The RMT plays everything from its own memory. On the first ESP32 a channel
that plays is never ended, nor left to the garbage collector: either would restart the chip.
"""

from micropython import const

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .hardware import Channel, Driven, MakeChannel

# By chip: the resolution to ask for, which is the lowest that its dividers give, or one that is low enough; the words
# of a memory block; whether a channel that plays can be ended. Every chip after the first is alike (boards/chips).
FIRST = (312_500, 64, False)
LATER = (3125, 48, True)

_HALF_MAX = const(32_767)  # ticks of half a symbol: 15 bits
_FULL = const(-0x105)  # ESP_ERR_NOT_FOUND: no free channel with so much memory
_NONE = const(-1)
_ALL = const(513)  # more words than any chip has

# The last Pulse, and a board has only one. A program that ends, such as by Ctrl-C, does not leave it to the collector.
made: "list[Pulse]" = []


class Pulse:
    """Drives one of its pins for a time.

    rmt: the class esp32.RMT; pins: those that may be driven; on: their level while they are; mcu: as in board.json.
    """

    def __init__(self, rmt: "MakeChannel", pins: "tuple[Driven, ...]", on: int, mcu: str) -> None:
        self._rmt = rmt
        self._pins = pins
        self._on = 1 if on else 0
        self._hz, self._words, self._stops = FIRST if mcu == "esp32" else LATER
        # [channel, its words]: those that play or have played; the channel is None while it is being made.
        self._channels: "list[list[Any]]" = []
        self._room = _ALL  # fewer words than these may find room
        self._playing = _NONE  # the pin that the pulse drives
        made[:] = [self]
        self.stop()

    def start(self, ms: int, which: int = 0) -> bool:
        """Put a pin on for `ms`, 1 to 60,000; this replaces a pulse under way.

        Return False, and change nothing, if channels of stopped pulses take all the memory. After an OSError or a
        MemoryError all pins are off.
        """
        ticks = self._hz // 125 * ms // 8
        count = (ticks + _HALF_MAX - 1) // _HALF_MAX
        # Two halves a word, and the end mark: all fits, so no interrupt has to refill the memory.
        words = max(self._words, (count + 1) // 2 + 2 & ~1)
        try:
            levels = (self._on,) * count
            if self._stops or self._playing != which or self._fits(words):
                self._release()
            if words >= self._room:
                return False
            # Its place comes first: a channel without one would be ended by the collector, which lets the pin float.
            self._channels.append([None, words])
            channel: "Channel" = self._rmt(
                pin=self._pins[which], resolution_hz=self._hz, idle_level=not self._on, num_symbols=words
            )
            self._channels[-1][0] = channel
            self._playing = which
            channel.write_pulses(ticks // count, levels)
        except BaseException as error:
            if self._channels and self._channels[-1][0] is None:
                self._channels.pop()
            if isinstance(error, OSError) and error.errno == _FULL and self._channels:
                self._room = words
                return False
            self.stop()
            raise
        return True

    def plays(self) -> bool:
        """Whether a channel plays, with or without a pin."""
        return True in [channel.active() for channel, _ in self._channels]

    def stop(self) -> None:
        """Put all pins off now. This takes them from the RMT, which may play on without a pin."""
        self._playing = _NONE
        for pin in self._pins:
            pin.init(pin.OUT, value=1 - self._on)

    def _fits(self, words: int) -> bool:
        """Whether a channel that has played leaves room for so many words."""
        return True in [had >= words and not channel.active() for channel, had in self._channels]

    def _release(self) -> None:
        """Put all pins off, and end the channels that can be ended."""
        self.stop()
        playing = []
        for channel, words in self._channels:
            if not self._stops and channel.active():
                playing.append([channel, words])
            else:
                channel.deinit()
                self._room = _ALL
        self._channels = playing
        self.stop()  # the end of a channel let its pin float
