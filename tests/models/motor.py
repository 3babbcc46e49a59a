"""A motor bolt as mechanics: legs of an H-bridge move a bolt along its travel, switches at both ends tell.

Position is thousandths, 0 closed to 1000 opened. The model keeps what must never happen in `wrong`. Runs on both
interpreters.
"""

from firmware.drivers.motor import DEAD_MS, LOCKED, LOCKING, STALLED, TRIES, UNLOCKED, UNLOCKING, MotorBolt
from tests.models.bolt import TICKS, Timer, World

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

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
        self.stuck: Any = None

    def value(self) -> int:
        """1: the bolt is at this end."""
        if self.stuck is not None:
            return self.stuck
        self._mechanics.move()
        position = self._mechanics.position
        return 1 if (position >= END - REACH if self._side == OPEN else position <= REACH) else 0


class Mechanics:
    """Bolt, motor and friction. travel_ms: from end to end; jam: a position that the bolt does not pass, None: none;
    `drives`: [side, from, to] in ms.
    """

    def __init__(self, world: World, position: int = 0, travel_ms: int = 800) -> None:
        self._world = world
        self._at = world.now
        self._exact = position * travel_ms  # thousandths times travel_ms, so that no step is rounded away
        self.travel_ms = travel_ms
        self.friction = 1  # 2: half as fast
        self.jam: Any = None
        self.levels = [1, 1]  # as bad as can be until the driver says otherwise
        self.drives: list[list[Any]] = []
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
            if self.drives and self._world.now - self.drives[-1][2] < DEAD_MS:
                self.wrong = "only %d ms between two drives" % (self._world.now - self.drives[-1][2])
            self.drives.append([side, self._world.now, None])
        elif old and not level:
            self.drives[-1][2] = self._world.now

    def move(self) -> None:
        """Bring the bolt to where it is now."""
        ms = self._world.now - self._at
        self._at = self._world.now
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


class Bench:
    """A motor bolt on its mechanics, one power-on after the other."""

    def __init__(self, position: int = 0, now: int = 5000, limit_ms: int = 3000, stall_ms: int = 2000) -> None:
        self.world = World(now)
        self.motor = Mechanics(self.world, position)
        self.limits = (limit_ms, stall_ms)
        self.shut = True
        self.start()

    def start(self) -> None:
        """Power on."""
        self.timer = Timer(self.world)
        self.bolt = MotorBolt(
            self.motor.legs, self.motor.switches, self.timer, self.world.ticks_ms, self.world.ticks_diff,
            self.limits[0], self.limits[1], lambda: self.shut,
        )  # fmt: skip

    def cut(self) -> None:
        """Power off: no timer, no legs."""
        self.world.timers.remove(self.timer)
        self.motor.power_off()

    def run(self, ms: int, poll_ms: int = 20) -> None:
        """Let time pass and poll."""
        end = self.world.now + ms
        while self.world.now < end:
            self.world.advance(min(poll_ms, end - self.world.now))
            self.bolt.poll()
        self.motor.move()


def check_motor(random: "Any") -> int:
    """60 random calls, frictions, jams, stuck switches, doors, hung loops and power cuts: whatever happens, never
    both legs, the dead time, the limit; and once all is well and it was used once, it opens when asked and locks again.

    Returns how often it was driven; ValueError says what went wrong. `random` has randrange().
    """
    bench = Bench(random.randrange(0, END + 1), TICKS - random.randrange(0, 200_000))
    motor = bench.motor
    for _ in range(60):
        action = random.randrange(0, 12)
        if action < 2:
            bench.bolt.unlock((1, 300, 3000, 60_000)[random.randrange(0, 4)])
        elif action == 2:
            bench.bolt.lock()
        elif action == 3:
            motor.friction = random.randrange(1, 5)
        elif action == 4:
            motor.jam = None if random.randrange(0, 2) else random.randrange(0, END)
        elif action == 5:
            motor.switches[random.randrange(0, 2)].stuck = (None, None, 0, 1)[random.randrange(0, 4)]
        elif action == 6:
            bench.shut = random.randrange(0, 3) > 0
        elif action == 7:
            bench.cut()
            bench.world.advance(random.randrange(0, 5000))
            bench.start()
        elif action == 8:
            bench.world.advance(random.randrange(0, 6000))  # the loop hangs
        else:
            bench.run(random.randrange(0, 4000), (5, 20, 60)[random.randrange(0, 3)])
        honest(bench)
    motor.friction, motor.jam, bench.shut = 1, None, True
    motor.switches[OPEN].stuck = motor.switches[CLOSE].stuck = None
    bench.bolt.unlock(1000)  # a switch that was stuck may have told of another place: one way there and back
    bench.run(90_000)
    for wanted, word in ((END, "unlocked"), (0, "locked")):
        if wanted:
            bench.bolt.unlock(60_000)
        else:
            bench.bolt.lock()
        bench.run(12_000)
        if bench.bolt.state != (UNLOCKED if wanted else LOCKED) or abs(motor.position - wanted) > 2 * REACH:
            raise ValueError("not %s but %d at %d" % (word, bench.bolt.state, motor.position))
    honest(bench)
    for _, since, until in motor.drives:
        if until is None or until - since > bench.limits[0]:
            raise ValueError("driven from %s to %s" % (since, until))
    return len(motor.drives)


def honest(bench: Bench) -> None:
    """ValueError when something happened that never may, or the bolt says what is not so."""
    motor = bench.motor
    if motor.wrong:
        raise ValueError(motor.wrong)
    if motor.levels != [0, 0] and bench.bolt.state not in (LOCKING, UNLOCKING):
        raise ValueError("a leg is on in state %d" % bench.bolt.state)
    if bench.bolt.state == STALLED and motor.levels != [0, 0]:
        raise ValueError("a stalled bolt is driven")
    if bench.bolt._tries > TRIES:
        raise ValueError("tried %d times" % bench.bolt._tries)
