"""A motor bolt on its mechanics, through random lives. Runs on both interpreters."""

from tests.dual.models.bolt import MCUS, TICKS, World
from tumbler.simulator.board.models.motor import CLOSE, END, OPEN, REACH, Mechanics
from tumbler.simulator.board.models.rmt import Pad
from tumbler_lock.drivers.motor import LOCKED, LOCKING, STALLED, TRIES, UNLOCKED, UNLOCKING, MotorBolt
from tumbler_lock.drivers.rmt_pulse import Pulse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Bench:
    """A motor bolt on its mechanics, one power-on after the other."""

    def __init__(self, position: int = 0, now: int = 5000, stall_ms: int = 2000, mcu: str = "esp32") -> None:
        self.world = World(now, mcu)
        self.motor = Mechanics(lambda: self.world.now, position)
        self.stall = stall_ms
        self.shut = True
        self.start()

    def start(self) -> None:
        """Power on."""
        self.world.start()
        self.pads = [Pad(leg.value) for leg in self.motor.legs]
        self.bolt = MotorBolt(
            Pulse(self.world.rmt, tuple(self.pads), 1, self.world.mcu), self.motor.switches,
            self.world.ticks_ms, self.world.ticks_diff, self.stall, lambda: self.shut,
        )  # fmt: skip

    def cut(self) -> None:
        """Power off: nothing plays, no legs."""
        self.world.rmt.playing.clear()
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
    bench = Bench(random.randrange(0, END + 1), TICKS - random.randrange(0, 200_000), mcu=random.choice(MCUS))
    motor = bench.motor
    for _ in range(60):
        befall(bench, random)
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
        if since is None or until is None or until - since > bench.stall:
            raise ValueError("driven from %s to %s" % (since, until))
    return len(motor.drives)


def befall(bench: Bench, random: "Any") -> None:
    """One thing that may happen to a bolt."""
    motor = bench.motor
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


def honest(bench: Bench) -> None:
    """ValueError when something happened that never may, or the bolt says what is not so."""
    motor = bench.motor
    if motor.wrong or bench.world.wrong:
        raise ValueError(motor.wrong or bench.world.wrong)
    if motor.levels != [0, 0] and bench.bolt.state not in (LOCKING, UNLOCKING):
        raise ValueError("a leg is on in state %d" % bench.bolt.state)
    if bench.bolt.state == STALLED and motor.levels != [0, 0]:
        raise ValueError("a stalled bolt is driven")
    if bench.bolt._tries > TRIES:
        raise ValueError("tried %d times" % bench.bolt._tries)
