"""The RMT of a chip, as MicroPython's esp32.RMT shows it, and pins that it may drive.

As far as pulses need it: a channel plays one level for some time. What the real one would not do, or not without an
interrupt, is an error. Runs on both interpreters. Sources: docs/design/drivers.md, "Pulse".
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

HALF_MAX = 32_767  # ticks of half a symbol
SOURCE_HZ = 80_000_000
NOT_FOUND = -0x105  # ESP_ERR_NOT_FOUND as an OSError's number


class Pad:
    """A pin. changed(level): called after its level changed, and first when it is opened; pulled: the level that a
    resistor outside gives it while nothing drives it."""

    OUT = 3

    def __init__(self, changed: "Callable[[int], object]", pulled: int = 0) -> None:
        self._changed = changed
        self._pulled = pulled
        self._register = 0
        self._source: "Channel | None" = None  # what drives it: a channel, or None for its register
        self._drives = False
        self.level: "int | None" = None  # not known yet

    def init(self, mode: int = -1, pull: int = -1, value: "int | None" = None) -> None:
        """Take the pin from whatever drives it, when a mode is given."""
        if value is not None:
            self._register = 1 if value else 0
        if mode == self.OUT:
            self._source = None
            self._drives = True
        elif mode != -1:
            raise ValueError("this pin drives something: open it as an output")
        self.update()

    def value(self, level: "int | None" = None) -> "int | None":
        """Return the level; write the register first if one is given."""
        if level is not None:
            self._register = 1 if level else 0
            self.update()
        return self.level

    def route(self, channel: "Channel") -> None:
        """Let a channel drive it."""
        self._source = channel
        self._drives = True
        self.update()

    def disable(self) -> None:
        """Let it float; what is routed to it stays so."""
        self._drives = False
        self.update()

    def update(self) -> None:
        """Bring the level up to date."""
        level = self._pulled
        if self._drives:
            level = self._register if self._source is None else self._source.level
        if level != self.level:
            self.level = level
            self._changed(level)


class Channel:
    """The hardware of a channel. due: when what it plays ends, by the clock of the Rmt."""

    def __init__(self, first: int, count: int, pad: Pad, playing: "list[Channel]") -> None:
        self.blocks = range(first, first + count)
        self.level = 0  # until the first write
        self.pad = pad
        self.due = 0
        self._idle = 0
        self._playing = playing

    @property
    def active(self) -> bool:
        """Whether it plays."""
        return self in self._playing

    def play(self, level: int, due: int, idle: int) -> None:
        """Begin."""
        self.due = due
        self._idle = idle
        self._playing.append(self)
        self.level = level
        self.pad.update()

    def fire(self) -> None:
        """Its moment has come: the idle level, with no part of the program."""
        self._playing.remove(self)
        self.level = self._idle
        self.pad.update()


class Rmt:
    """The peripheral of a chip, and the class esp32.RMT when it is called.

    chip: the part rmt of the chip's file in boards/chips; now(): ms; panic(): called when the chip restarts by a panic,
    may raise. `playing`: channels with `due` and fire(), which the owner of the clock calls.
    """

    def __init__(self, chip: "dict[str, Any]", now: "Callable[[], int]", panic: "Callable[[], object]") -> None:
        self.words: int = chip["words"]
        self._blocks: int = chip["blocks"]
        self._divider: int = chip["divider"]
        self.stops: bool = chip["stops"]
        self.now = now
        self.panic = panic
        self.playing: "list[Channel]" = []
        self.channels: "list[Channel]" = []
        self.broken: "Exception | None" = None  # an error that the next construction raises

    def __call__(self, pin: Pad, resolution_hz: int, idle_level: bool = False, num_symbols: int = 0) -> "RMT":
        """Make a channel."""
        return RMT(self, pin, resolution_hz, idle_level, num_symbols or self.words)

    def take(self, pin: Pad, resolution_hz: int, num_symbols: int) -> Channel:
        """Find room, as the driver does: the first blocks in a row that are free."""
        if self.broken is not None:
            raise self.broken
        if num_symbols < self.words or num_symbols % 2:
            raise ValueError("num_symbols must be even and at least %d" % self.words)
        if not 1 <= (SOURCE_HZ + resolution_hz // 2) // resolution_hz <= self._divider:
            raise ValueError("no divider gives %d Hz" % resolution_hz)
        count = (num_symbols + self.words - 1) // self.words
        taken = [block for channel in self.channels for block in channel.blocks]
        for first in range(self._blocks - count + 1):
            if not [block for block in range(first, first + count) if block in taken]:
                channel = Channel(first, count, pin, self.playing)
                self.channels.append(channel)
                pin.route(channel)
                return channel
        raise OSError(NOT_FOUND, "ESP_ERR_NOT_FOUND")


class RMT:
    """An object of the class esp32.RMT."""

    def __init__(self, rmt: Rmt, pin: Pad, resolution_hz: int, idle_level: bool, num_symbols: int) -> None:
        self._rmt = rmt
        self._channel: "Channel | None" = None  # what deinit() finds when there is no room
        self._hz = resolution_hz
        self._idle = 1 if idle_level else 0
        self._symbols = num_symbols
        self.ticks = 0  # of what it plays
        self._channel = rmt.take(pin, resolution_hz, num_symbols)

    def active(self) -> bool:
        """Whether it plays."""
        return self._channel is not None and self._channel.active

    def write_pulses(self, duration: int, data: "bytes | tuple[int, ...]") -> None:
        """Play levels, all of one duration in ticks."""
        if self._channel is None:
            raise OSError("already deinitialized")
        if self._channel.active:
            raise RuntimeError("write_pulses would block until what plays is over")
        if not 1 <= duration <= HALF_MAX:
            raise ValueError("half a symbol has 1 to 32767 ticks, not %d" % duration)
        if not data or [level for level in data if level != data[0]]:
            raise ValueError("a pulse has one level")
        if (len(data) + 1) // 2 + 1 > self._symbols:
            raise ValueError("%d halves and an end need an interrupt that refills the memory" % len(data))
        self.ticks = duration * len(data)
        ms = (self.ticks * 1000 + self._hz // 2) // self._hz
        self._channel.play(data[0], self._rmt.now() + ms, self._idle)

    def deinit(self) -> None:
        """End the channel: its pin's output is off then."""
        channel = self._channel
        if channel is None:
            return
        if channel.active:
            if not self._rmt.stops:
                self._rmt.panic()
                return
            self._rmt.playing.remove(channel)
        self._channel = None
        self._rmt.channels.remove(channel)
        channel.pad.disable()

    __del__ = deinit  # as the garbage collector does
