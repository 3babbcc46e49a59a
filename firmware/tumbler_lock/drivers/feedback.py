"""Buzzer and light: one table of what the door signals with them.

A step is (tone in Hz, 0 = silent; light 0 or 1; milliseconds). The light shines while the buzzer sounds. So the rhythm
alone tells a pattern apart: by eye, by ear, and from a buzzer of one pitch. Rising is good, low is not. There is one
"refused": the door never says why. All patterns end dark.
"""

from micropython import const

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .hardware import Output, Tone

PATTERNS = {
    # fingers
    "key": ((2000, 1, 30),),
    "clear": ((1000, 1, 40), (0, 0, 60), (700, 1, 40)),
    # verdicts
    "open": ((1047, 1, 150), (1568, 1, 550)),
    "refused": ((220, 1, 150), (0, 0, 100), (220, 1, 150), (0, 0, 100), (220, 1, 150)),
    "locked-out": ((220, 1, 600), (0, 0, 200), (220, 1, 600)),
    "revoke-armed": ((1047, 1, 150), (0, 0, 150), (1319, 1, 600)),
    "revoked": ((1319, 1, 600), (0, 0, 150), (1047, 1, 150)),
    "erased": ((1568, 1, 600), (0, 0, 150), (1047, 1, 150), (0, 0, 150), (523, 1, 600)),
    # the lock itself
    "ready": ((784, 1, 150), (0, 0, 150), (1047, 1, 600), (0, 0, 150), (1568, 1, 150)),
    "pairing": ((1319, 1, 150), (0, 0, 150), (1319, 1, 150)),
    "paired": ((784, 1, 150), (0, 0, 150), (1047, 1, 150), (0, 0, 150), (1319, 1, 150), (0, 0, 150), (1568, 1, 600)),
    "low-battery": ((880, 1, 80), (0, 0, 80)) * 3 + ((880, 1, 80),),
    "no-secret": ((440, 1, 150), (0, 0, 150), (440, 1, 150), (0, 0, 150), (440, 1, 600)),
    "fault": ((220, 1, 600), (0, 0, 200), (330, 1, 600), (0, 0, 200), (220, 1, 600)),
}

CLICKS = ("key", "clear")
NOTICES = ("ready", "low-battery", "no-secret")  # above clicks, below verdicts and faults

_TICKS = const(0x3FFFFFFF)


class Buzzer:
    """A passive buzzer on a PWM output."""

    def __init__(self, pwm: "Tone") -> None:
        self._pwm = pwm
        self.tone(0)

    def tone(self, hz: int) -> None:
        """Sound at `hz`; 0 is silence."""
        if hz:
            self._pwm.freq(hz)
        self._pwm.duty_u16(32_768 if hz else 0)


class Signals:
    """Plays one pattern at a time.

    Attribute: sound, which may change at any time; without it the light still shows every pattern.
    """

    def __init__(self, buzzer: "Buzzer", led: "Output", sound: bool = True) -> None:
        self._buzzer = buzzer
        self._led = led
        self.sound = sound
        self._steps: "tuple[tuple[int, int, int], ...]" = ()
        self._step = 0
        self._rank = 0
        self._since = -1  # ms at which the current step was first polled, -1 before
        self._put(0, 0)

    @property
    def quiet(self) -> bool:
        """True while no pattern plays."""
        return not self._steps

    def play(self, name: str) -> bool:
        """Begin a pattern at once. Return False, and change nothing, while one of a higher rank plays.

        ValueError if the name is not in the table.
        """
        if name not in PATTERNS:
            raise ValueError("no pattern is called " + name)
        rank = 0 if name in CLICKS else 1 if name in NOTICES else 2
        if self._steps and rank < self._rank:
            return False
        self._steps = PATTERNS[name]
        self._rank = rank
        self._begin(0)
        return True

    def poll(self, now_ms: int) -> None:
        """Play the next step when it is due. Call often; `now_ms` may wrap at 2^30.

        A step lasts at least its time: late calls stretch a pattern and never swallow a beep.
        """
        if not self._steps:
            return
        now_ms &= _TICKS
        if self._since < 0:
            self._since = now_ms
        elif (now_ms - self._since) & _TICKS >= self._steps[self._step][2]:
            if self._step + 1 < len(self._steps):
                self._begin(self._step + 1)
                self._since = now_ms
            else:
                self._steps = ()
                self._put(0, 0)

    def _begin(self, step: int) -> None:
        self._step = step
        self._since = -1
        tone, light, _ = self._steps[step]
        self._put(tone, light)

    def _put(self, tone: int, light: int) -> None:
        self._buzzer.tone(tone if self.sound else 0)
        self._led.value(light)
