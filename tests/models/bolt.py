"""Models for the bolt: a coil that keeps its history and a hardware timer, both on one injected clock.

Runs on both interpreters.
"""

from firmware.drivers.bolt import REST_MS, Bolt

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

TICKS = 1 << 30


class World:
    """Time in ms, with the counter that MicroPython's time module gives (wrapping at 2^30)."""

    def __init__(self, now: int = 0) -> None:
        self.now = now
        self.timers: list[Timer] = []

    def ticks_ms(self) -> int:
        """The counter."""
        return self.now % TICKS

    @staticmethod
    def ticks_diff(end: int, start: int) -> int:
        """Signed distance of two counts."""
        return (end - start + TICKS // 2) % TICKS - TICKS // 2

    def advance(self, ms: int) -> None:
        """Let time pass; timers fire on their moment, in order."""
        end = self.now + ms
        while True:
            due = [timer for timer in self.timers if timer.due is not None and timer.due <= end]
            if not due:
                break
            first = min(due, key=lambda timer: timer.due)
            self.now = max(self.now, first.due)
            first.fire()
        self.now = end


class Coil:
    """The pin that drives the coil. `stretches`: [from, to] in ms, `to` None while it is driven."""

    def __init__(self, world: World, active: int = 1) -> None:
        self._world = world
        self._active = active
        self.level = active  # as bad as can be until the driver says otherwise
        self.stretches: list[list[Any]] = []

    def value(self, level: int) -> None:
        """Write the pin."""
        driven = self.driven and bool(self.stretches)
        self.level = level
        if self.driven and not driven:
            self.stretches.append([self._world.now, None])
        elif driven and not self.driven:
            self.stretches[-1][1] = self._world.now

    @property
    def driven(self) -> bool:
        """Whether current flows."""
        return self.level == self._active


class Timer:
    """machine.Timer, one-shot. `broken`: init() raises; `dead`: it is armed but never fires.

    `hasty`: it fires while init() is still at work, as when the interpreter was held up.
    """

    ONE_SHOT = 0
    PERIODIC = 1

    def __init__(self, world: World) -> None:
        self._world = world
        self.due: Any = None
        self.broken = False
        self.dead = False
        self.hasty = False
        self._callback: Any = None
        world.timers.append(self)

    def init(self, mode: int = 1, period: int = -1, callback: object = None) -> None:
        """Arm it."""
        if self.broken:
            raise OSError(12)
        if mode != self.ONE_SHOT or period < 1:
            raise ValueError("only a one-shot of at least 1 ms is expected of a bolt")
        self._callback = callback
        self.due = None if self.dead else self._world.now + period
        if self.hasty:
            self.fire()

    def deinit(self) -> None:
        """Disarm it."""
        self.due = None

    def fire(self) -> None:
        """The moment has come."""
        self.due = None
        self._callback(self)


def check_calls(random: "Any") -> int:
    """60 random calls, polled or not, while the counter wraps: the coil keeps its limit and its rest.

    Returns how often it was driven; ValueError says what went wrong. `random` has randrange().
    """
    active = random.randrange(0, 2)
    limit = (500, 3000, 10_000)[random.randrange(0, 3)]
    rest = (REST_MS, 0)[random.randrange(0, 2)]  # 0: fail-safe
    world = World(TICKS - random.randrange(0, 200_000))
    coil = Coil(world, active)
    bolt = Bolt(coil, Timer(world), world.ticks_ms, world.ticks_diff, active, limit, rest)
    polled = random.randrange(0, 2)
    for _ in range(60):
        action = random.randrange(0, 8)
        if action < 3:
            bolt.unlock((1, 50, limit - 1, limit, 5 * limit, random.randrange(1, limit))[random.randrange(0, 6)])
        elif action == 3:
            bolt.lock()
        else:
            wait = (1, 5, 80, 600, limit // 2, limit)[random.randrange(0, 6)]
            step = (5, 40)[random.randrange(0, 2)] if polled else wait
            for _ in range(0, wait, step):
                world.advance(step)
                if polled:
                    bolt.poll()
        if coil.driven and not bolt.unlocked:
            raise ValueError("the coil is driven but the bolt calls itself locked")
    world.advance(limit)
    if coil.driven:
        raise ValueError("the coil is driven for ever")
    stopped = None
    for since, until in coil.stretches:
        if until - since > limit:
            raise ValueError("driven for %d ms, the limit is %d" % (until - since, limit))
        if stopped is not None and since - stopped < rest:
            raise ValueError("rested for %d ms" % (since - stopped))
        stopped = until
    return len(coil.stretches)
