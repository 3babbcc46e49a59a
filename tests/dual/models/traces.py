"""Traces of fingers on a bouncing keypad, played through the electrical model. Runs on both interpreters.

A press is (crossing, down, up) in microseconds; the contact bounces for up to BOUNCE_US after either moment.
`random` has randrange(a, b).
"""

from tumbler.simulator.board.models.matrix import MatrixModel, bounce
from tumbler_lock.drivers.keypad import SCAN_MS, Keypad, Matrix

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

WRAP = 1 << 30  # ms after which the counter wraps
BOUNCE_US = 8_000
SHORTEST_US = 40_000
GAP_US = 30_000  # between two presses of one key
APART_US = 15_000  # between two touches: closer ones have no order that a sample can see
LAYOUTS = ((4, 3, "123456789*0#"), (4, 4, "123A456B789C*0#D"))


class Clock:
    """World time in us; every look takes a pin's two, so a scan is no instant."""

    def __init__(self) -> None:
        self.us = 0

    def __call__(self) -> int:
        self.us += 2
        return self.us


class Fingers:
    """Fingers on a keypad that is polled every `step` ms of a counter which began at `start_ms`. A subclass gives it
    its `model`, a MatrixModel on `clock`, and its `keypad`."""

    model: "Any"
    keypad: Keypad

    def __init__(self, keys: str, start_ms: int = 0, step: int = SCAN_MS) -> None:
        self.keys = keys
        self.clock = Clock()
        self.start_ms = start_ms
        self.step = step
        self.ms = 0

    def toggle(self, keys: str, after_ms: int = 0) -> None:
        """Press these keys, or let them go."""
        for key in keys:
            self.model.press(self.keys.index(key), (self.ms + after_ms) * 1000, (0,))

    def run(self, ms: int) -> str:
        """Let time pass; what was heard."""
        heard = ""
        end = self.ms + ms
        while self.ms < end:
            self.clock.us = self.ms * 1000
            heard += self.keypad.poll((self.start_ms + self.ms) % WRAP)
            self.ms += self.step
        return heard


def fingers(random: "Any", crossings: int, count: int) -> list:
    """`count` presses as the driver promises to see them: 40 ms or more, two down at once at most."""
    presses = []
    free = [0] * crossings  # when a key may be touched again
    ups = [0, 0]  # the two latest ends, earlier first
    start = random.randrange(30_000, 60_000)
    for _ in range(count):
        crossing = random.randrange(0, crossings)
        # Half of the presses begin when one finger at most is down, the others when none is.
        earliest = max(start + APART_US, free[crossing], ups[random.randrange(0, 2)])
        start = earliest + random.randrange(0, 3) * random.randrange(0, 40_000)
        up = start + SHORTEST_US + random.randrange(0, 3) * random.randrange(0, 50_000)
        presses.append((crossing, start, up))
        free[crossing] = up + GAP_US
        ups = sorted((ups[1], up))
    return presses


def mash(random: "Any", crossings: int, count: int) -> list:
    """Presses of any length over 10 ms with any number of keys down at once."""
    presses = []
    free = [0] * crossings
    for _ in range(count):
        crossing = random.randrange(0, crossings)
        down = max(free[crossing], random.randrange(30_000, 300_000))
        up = down + random.randrange(10_000, 200_000)
        presses.append((crossing, down, up))
        free[crossing] = up + GAP_US
    return presses


def play(random: "Any", layout: tuple, presses: list, late_us: int, start_ms: int = 0) -> list:
    """Poll every 5 ms and up to `late_us` more; [(us, key)] as reported. ValueError if it does not come to rest.

    `start_ms` is where the driver's millisecond counter begins; it wraps at 2^30 as on a board.
    """
    rows, cols, keys = layout
    clock = Clock()
    model = MatrixModel(rows, cols, clock)
    end = 0
    for crossing, down, up in presses:
        model.press(crossing, down, bounce(random, BOUNCE_US))
        model.release(crossing, up, bounce(random, BOUNCE_US))
        end = max(end, up)
    keypad = Keypad(Matrix(model.rows, model.cols), keys)
    clock.us = random.randrange(0, 5_000)
    heard = []
    while clock.us < end + 100_000:
        at = clock.us
        for key in keypad.poll((start_ms + at // 1000) % WRAP):
            heard.append((at, key))
        clock.us = at + 5_000 + random.randrange(0, late_us + 1)
    if not keypad.idle or keypad.stuck:
        raise ValueError("the keypad did not come to rest")
    return heard


def check_fingers(random: "Any", layout: tuple, late_us: int = 1_500, start_ms: int = 0) -> int:
    """One trace within the promise: every press heard once, in order. Returns presses; ValueError says what."""
    presses = fingers(random, len(layout[2]), 6)
    heard = "".join(key for _, key in play(random, layout, presses, late_us, start_ms))
    truth = "".join(layout[2][crossing] for crossing, _, _ in presses)
    if heard != truth:
        raise ValueError("pressed %s, heard %s: %s" % (truth, heard, presses))
    return len(presses)


def check_mash(random: "Any", layout: tuple, late_us: int = 20_000) -> int:
    """One trace beyond the promise: what is heard was pressed, once. Returns keys heard."""
    presses = mash(random, len(layout[2]), 8)
    heard = play(random, layout, presses, late_us)
    waiting = sorted(presses, key=lambda press: press[1])
    for at, key in heard:
        for press in waiting:
            # Settling, and waiting for an earlier contact, may end after the finger has left.
            if layout[2][press[0]] == key and press[1] <= at <= press[2] + 90_000:
                waiting.remove(press)
                break
        else:
            raise ValueError("heard %s at %d, not pressed: %s" % (key, at, presses))
    return len(heard)
