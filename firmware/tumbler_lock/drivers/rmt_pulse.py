"""Pulse: pins that are on for a time which hardware counts, whatever the program does (docs/design/drivers.md,
"Pulse").

Invariants: one pin at most is on; it goes off after the time that was asked for, or a little before, with no part of
the program; after an error all are off. The RMT plays everything from its own memory. On an ESP32 a channel that plays
is never ended, nor left to the garbage collector: that would restart the chip.
"""

try:
    from micropython import const
except ImportError:
    const = int  # type: ignore[assignment]  # only MicroPython folds constants

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

_HALF_MAX = const(32_767)  # ticks of half a symbol: 15 bits
_FULL = const(-0x105)  # ESP_ERR_NOT_FOUND: no free channel with so much memory
_NONE = const(-1)
_ALL = const(513)  # more words than there are

# The Pulse made last, and a board has but one: a program that ends, by Ctrl-C say, does not leave it to the collector.
made: "list[Pulse]" = []


class Pulse:
    """rmt: the class esp32.RMT; pins: those that may be driven; on: their level while they are; mcu: the chip."""

    def __init__(self, rmt: "Callable[..., Any]", pins: "tuple[Any, ...]", on: int, mcu: str) -> None:
        self._rmt = rmt
        self._pins = pins
        self._on = 1 if on else 0
        self._stops = mcu != "esp32"  # whether a channel that plays can be ended
        # The lowest resolution that the dividers give, or one that is low enough; and the words of a memory block.
        self._hz, self._words = (3125, 48) if self._stops else (312_500, 64)
        self._channels: "list[list[Any]]" = []  # with their words: those that play, or have played
        self._room = _ALL  # fewer words than these may find room
        self._playing = _NONE  # the pin that is its
        made[:] = [self]
        self.stop()

    def start(self, ms: int, which: int = 0) -> bool:
        """Put a pin on for `ms`, 1 to 60,000, in the place of a pulse under way. False: channels of stopped pulses
        take all the memory; nothing has changed. OSError and MemoryError: all are off."""
        ticks = self._hz // 125 * ms // 8
        count = (ticks + _HALF_MAX - 1) // _HALF_MAX
        # Two halves a word, and the end mark: all fits, so nothing needs the interrupt that refills the memory.
        words = max(self._words, (count + 1) // 2 + 2 & ~1)
        try:
            levels = (self._on,) * count
            if self._stops or self._playing != which or self._fits(words):
                self._release()
            if words >= self._room:
                return False
            # Its place comes first: a channel without one would be ended by the collector, which lets the pin float.
            self._channels.append([None, words])
            channel = self._channels[-1][0] = self._rmt(
                pin=self._pins[which], resolution_hz=self._hz, idle_level=not self._on, num_symbols=words
            )
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
        """Put all pins off now. They are taken from the RMT, which may play on with none."""
        self._playing = _NONE
        for pin in self._pins:
            pin.init(pin.OUT, value=1 - self._on)

    def _fits(self, words: int) -> bool:
        """Whether a channel that has played leaves room for so many."""
        return True in [had >= words and not channel.active() for channel, had in self._channels]

    def _release(self) -> None:
        """Put all pins off, and end the channels that may be ended."""
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
