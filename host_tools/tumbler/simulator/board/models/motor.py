"""Mechanics of a motor bolt: legs of an H-bridge move it along its travel, switches at both ends tell.

Position is thousandths, 0 closed to 1000 opened; times are ms. What must never happen is kept in `wrong`. Runs on both
interpreters.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

DEAD_MS = 100  # that a bridge needs between two drives, here

END = 1000
REACH = 30  # thousandths from an end within which its switch is reached

OPEN, CLOSE = 0, 1


class Leg:
    """One input of the bridge."""

    def __init__(self, mechanics: "Mechanics", side: int) -> None:
        self._mechanics = mechanics
        self._side = side

    def value(self, level: int) -> None:
        """Write it."""
        self._mechanics.write(self._side, 1 if level else 0)


class Switch:
    """An end switch; `stuck`: 0 or 1 whatever the bolt does, None: it works."""

    def __init__(self, mechanics: "Mechanics", side: int) -> None:
        self._mechanics = mechanics
        self._side = side
        self.stuck: "int | None" = None

    def value(self) -> int:
        """1: the bolt is at this end."""
        if self.stuck is not None:
            return self.stuck
        self._mechanics.move()
        position = self._mechanics.position
        return 1 if (position >= END - REACH if self._side == OPEN else position <= REACH) else 0


class Mechanics:
    """Bolt, motor and friction. now(): ms; travel_ms: from end to end; jam: a position that the bolt does not pass,
    None: none; `drives`: [side, from, to] in ms.
    """

    def __init__(self, now: "Callable[[], int]", position: int = 0, travel_ms: int = 800) -> None:
        self._now = now
        self._at = now()
        self._exact = position * travel_ms  # thousandths times travel_ms, so that no step is rounded away
        self.travel_ms = travel_ms
        self.friction = 1  # 2: half as fast
        self.jam: "int | None" = None
        self.levels = [1, 1]  # as bad as can be until the driver says otherwise
        self.drives: "list[list[int | None]]" = []
        self.wrong = ""
        self._ready = False
        self.legs = (Leg(self, OPEN), Leg(self, CLOSE))
        self.switches = (Switch(self, OPEN), Switch(self, CLOSE))

    @property
    def position(self) -> int:
        """Where the bolt is."""
        return self._exact // self.travel_ms

    def power_off(self) -> None:
        """The board loses its power: resistors pull both inputs to off."""
        self.write(OPEN, 0)
        self.write(CLOSE, 0)
        self._ready = False
        self.levels = [1, 1]

    def write(self, side: int, level: int) -> None:
        """The driver writes a leg."""
        self.move()
        old = self.levels[side]
        self.levels[side] = level
        if not self._ready:
            self._ready = self.levels == [0, 0]
        elif level and not old:
            if self.levels[1 - side]:
                self.wrong = "both legs"
            ended = self.drives[-1][2] if self.drives else None
            if ended is not None and self._now() - ended < DEAD_MS:
                self.wrong = "only %d ms between two drives" % (self._now() - ended)
            self.drives.append([side, self._now(), None])
        elif old and not level:
            self.drives[-1][2] = self._now()

    def move(self) -> None:
        """Bring the bolt to where it is now."""
        ms = self._now() - self._at
        self._at = self._now()
        if not self._ready or self.levels[OPEN] == self.levels[CLOSE]:
            return
        way = ms * END // self.friction
        jam = None if self.jam is None else self.jam * self.travel_ms
        if self.levels[OPEN]:
            stop = END * self.travel_ms if jam is None or self._exact > jam else jam - 1
            self._exact = max(self._exact, min(stop, self._exact + way))
        else:
            stop = 0 if jam is None or self._exact < jam else jam + 1
            self._exact = min(self._exact, max(stop, self._exact - way))
