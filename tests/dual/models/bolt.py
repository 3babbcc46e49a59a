"""Models for the bolt: a coil that keeps its history, at a pin that the RMT drives, all on one injected clock.

Runs on both interpreters.
"""

import json
import os
import sys

from tumbler.simulator.board.models.rmt import Pad, Rmt
from tumbler_lock.drivers.bolt import REST_MS, Bolt
from tumbler_lock.drivers.rmt_pulse import Pulse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

TICKS = 1 << 30
# In MicroPython a script runs in the root of the repository.
ROOT = __file__.rsplit("/tests/", 1)[0] if sys.implementation.name == "cpython" else "."


def chip(mcu: str) -> "dict[str, Any]":
    """Return the file of a chip."""
    with open(ROOT + "/boards/chips/" + mcu + ".json") as file:
        found: "dict[str, Any]" = json.load(file)
    return found


MCUS = sorted([name[:-5] for name in os.listdir(ROOT + "/boards/chips") if name.endswith(".json")])


class World:
    """Time in ms, with the counter that MicroPython's time module gives (wrapping at 2^30), and a chip's RMT.

    `wrong`: what the chip does not stand, "" so far.
    """

    def __init__(self, now: int = 0, mcu: str = "esp32") -> None:
        self.now = now
        self.mcu = mcu
        self.wrong = ""
        self.start()

    def start(self) -> None:
        """Power on: nothing plays."""
        self.rmt = Rmt(chip(self.mcu)["rmt"], lambda: self.now, self.panic)

    def panic(self) -> None:
        """The chip restarts."""
        self.wrong = "a channel was ended that plays"

    def ticks_ms(self) -> int:
        """The counter."""
        return self.now % TICKS

    @staticmethod
    def ticks_diff(end: int, start: int) -> int:
        """Signed distance of two counts."""
        return (end - start + TICKS // 2) % TICKS - TICKS // 2

    def advance(self, ms: int) -> None:
        """Let time pass, in which nothing of the program runs; pulses end at their moment, in order."""
        end = self.now + ms
        while True:
            due = [channel for channel in self.rmt.playing if channel.due <= end]
            if not due:
                break
            first = min(due, key=lambda channel: channel.due)
            self.now = max(self.now, first.due)
            first.fire()
        self.now = end


class Coil:
    """The coil at its pin, `pad`. `stretches`: [from, to] in ms, `to` None while it is driven; `levels` of the pin.

    `rests`: it needs a rest, so an end and a beginning at one moment are an extension: one stretch. One that needs none
    is fail-safe: "driven" is open then, and so it is while the pin floats.
    """

    def __init__(self, world: World, active: int = 1, rests: bool = True) -> None:
        self._world = world
        self._rests = rests
        self._active = active
        self.level = active  # as bad as can be until the driver says otherwise
        self.stretches: list[list[Any]] = []
        self.levels: list[int] = []
        self.pad = Pad(self.changed, 1 - active if rests else active)

    def changed(self, level: int) -> None:
        """The pin changed."""
        driven = self.driven and bool(self.levels)
        self.level = level
        self.levels.append(level)
        if self.driven and not driven:
            if self._rests and self.stretches and self.stretches[-1][1] == self._world.now:
                self.stretches[-1][1] = None
            else:
                self.stretches.append([self._world.now, None])
        elif driven and not self.driven:
            self.stretches[-1][1] = self._world.now
            if self.stretches[-1][0] == self._world.now:
                self.stretches.pop()  # no coil moves in no time

    @property
    def driven(self) -> bool:
        """Whether current flows."""
        return self.level == self._active


def bolt_of(coil: Coil, world: World, active: int = 1, limit: int = 10_000, rest: int = REST_MS) -> Bolt:
    """A bolt with its pulse."""
    pulse = Pulse(world.rmt, (coil.pad,), active, world.mcu)
    return Bolt(pulse, world.ticks_ms, world.ticks_diff, limit, rest)


def check_calls(random: "Any") -> int:
    """60 random calls, polled or not, while the counter wraps: the coil keeps its limit and its rest.

    Returns how often it was driven; ValueError says what went wrong. `random` has randrange().
    """
    active = random.randrange(0, 2)
    limit = (500, 3000, 10_000, 60_000)[random.randrange(0, 4)]
    rest = (REST_MS, 0)[random.randrange(0, 2)]  # 0: fail-safe
    world = World(TICKS - random.randrange(0, 200_000), random.choice(MCUS))
    coil = Coil(world, active, rest > 0)
    bolt = bolt_of(coil, world, active, limit, rest)
    polled = random.randrange(0, 2)
    for _ in range(60):
        action = random.randrange(0, 8)
        if action < 3:
            bolt.unlock((1, 50, limit - 1, limit, 5 * limit, random.randrange(1, limit))[random.randrange(0, 6)])
        elif action == 3:
            bolt.lock()
        else:
            wait = (1, 5, 80, 600, limit // 2, limit)[random.randrange(0, 6)]
            step = max((5, 40)[random.randrange(0, 2)], wait // 500) if polled else wait
            for _ in range(0, wait, step):
                world.advance(step)
                if polled:
                    bolt.poll()
        if coil.driven and not bolt.unlocked:
            raise ValueError("the coil is driven but the bolt calls itself locked")
    world.advance(limit)
    if coil.driven:
        raise ValueError("the coil is driven for ever")
    if world.wrong:
        raise ValueError(world.wrong)
    stopped = None
    for since, until in coil.stretches:
        if until - since > limit:
            raise ValueError("driven for %d ms, the limit is %d" % (until - since, limit))
        if stopped is not None and since - stopped < rest:
            raise ValueError("rested for %d ms" % (since - stopped))
        stopped = until
    return len(coil.stretches)
