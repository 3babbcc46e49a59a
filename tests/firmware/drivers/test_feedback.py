"""Signals: every pattern told from every other by ear and by eye, and played whole however late it is polled."""

import itertools
import random

import pytest

from tests.support.campaign import cases
from tumbler_lock.drivers.feedback import CLICKS, NOTICES, PATTERNS, Buzzer, Signals

WRAP = 1 << 30
NAMES = {
    "key", "clear", "open", "refused", "locked-out", "revoke-armed", "revoked", "erased",
    "low-battery", "no-secret", "fault", "ready", "pairing", "paired",
}  # fmt: skip


class Door:
    """A buzzer and a light that write down what they did: (tone, light, ms since the change before)."""

    def __init__(self, sound=True):
        self.ms = 0
        self.hz = 440
        self.light = 1
        self.history = []
        self.signals = Signals(self, self, sound)
        self.history = []

    def tone(self, hz):
        self._change(hz, self.light)

    def value(self, light):
        self._change(self.hz, light)

    def _change(self, hz, light):
        if (hz, light) != (self.hz, self.light):
            self.history.append([self.ms, hz, light])
            self.hz, self.light = hz, light

    def run(self, ms, steps=(1,), start=0):
        end = self.ms + ms
        steps = itertools.cycle(steps)
        while self.ms < end:
            self.signals.poll((start + self.ms) % WRAP)
            self.ms += next(steps)

    def levels(self):
        """Return [(hz, light, lasted)], changes of one moment merged, the final darkness left out."""
        states = {}
        for ms, hz, light in self.history:
            states[ms] = (hz, light)
        moments = list(states)
        return [(*states[one], two - one) for one, two in itertools.pairwise(moments)]


def heard(name):
    """Return the pattern as an ear takes it: [(hz, ms)], equal neighbours joined."""
    return joined([(hz, ms) for hz, _, ms in PATTERNS[name]])


def seen(name):
    """Return the pattern as an eye takes it: [(light, ms)], equal neighbours joined."""
    return joined([(light, ms) for _, light, ms in PATTERNS[name]])


def joined(levels):
    result = []
    for level, ms in levels:
        if result and result[-1][0] == level:
            result[-1] = (level, result[-1][1] + ms)
        else:
            result.append((level, ms))
    return result


def apart(one, other, ratio=1.8):
    """Whether two rows of (level, ms) differ in their number or clearly in some length."""
    if len(one) != len(other):
        return True
    return any(max(a, b) >= ratio * min(a, b) for (_, a), (_, b) in zip(one, other, strict=True))


def test_the_table_holds_every_signal():
    assert set(PATTERNS) == NAMES
    assert set(CLICKS + NOTICES) < NAMES


@pytest.mark.parametrize(("one", "other"), list(itertools.combinations(sorted(NAMES), 2)))
def test_every_two_patterns_differ(one, other):
    assert apart(seen(one), seen(other)), "the eye cannot tell them apart"
    rhythms = [[(bool(hz), ms) for hz, ms in heard(name)] for name in (one, other)]
    assert apart(joined(rhythms[0]), joined(rhythms[1])), "a buzzer of one pitch cannot tell them apart"


@pytest.mark.parametrize("name", sorted(NAMES))
def test_every_pattern_can_be_perceived_and_ends_soon(name):
    steps = PATTERNS[name]
    assert sum(ms for _, _, ms in steps) <= 2500
    for hz, light, ms in steps:
        assert hz == 0 or 200 <= hz <= 4000
        assert light in (0, 1)
        assert light == (hz > 0)
        assert ms >= 30
    assert steps[0][1] == 1
    assert steps[-1][1] == 1  # no silence at the end that would only keep others waiting


def test_a_click_is_shorter_than_the_shortest_press_and_gap():
    assert sum(ms for _, _, ms in PATTERNS["key"]) < 40


@pytest.mark.parametrize("name", sorted(NAMES))
def test_a_pattern_is_played_as_the_table_says(name):
    door = Door()
    assert door.signals.play(name)
    assert not door.signals.quiet
    assert (door.hz, door.light) == PATTERNS[name][0][:2]  # at once, without a poll
    door.run(4000)
    expected = []
    for hz, light, ms in PATTERNS[name]:
        if expected and expected[-1][:2] == (hz, light):
            expected[-1] = (hz, light, expected[-1][2] + ms)
        else:
            expected.append((hz, light, ms))
    assert door.levels() == expected
    assert door.signals.quiet
    assert (door.hz, door.light) == (0, 0)


def test_late_polls_stretch_a_pattern_and_swallow_nothing():
    for seed in range(cases(300, 20_000)):
        source = random.Random(seed)
        name = source.choice(sorted(NAMES))
        door = Door(sound=bool(source.randrange(4)))
        start = WRAP - source.randrange(3000)
        door.signals.play(name)
        steps = [source.randrange(1, source.choice([8, 60, 900])) for _ in range(40)]
        door.run(20_000, steps, start)
        assert (door.hz, door.light) == (0, 0), seed
        assert door.signals.quiet, seed
        table = joined([((hz if door.signals.sound else 0, light), ms) for hz, light, ms in PATTERNS[name]])
        levels = door.levels()
        assert [level[:2] for level in levels] == [level for level, _ in table], seed
        for (_, _, lasted), (_, least) in zip(levels, table, strict=True):
            assert lasted >= least, seed


@pytest.mark.parametrize("name", sorted(NAMES))
def test_without_sound_the_light_tells_the_same(name):
    door = Door(sound=False)
    door.signals.play(name)
    door.run(4000)
    assert [(light, ms) for _, light, ms in door.levels()] == seen(name)
    assert all(hz == 0 for _, hz, _ in door.history)


def test_sound_can_be_switched_while_a_pattern_plays():
    door = Door()
    door.signals.play("refused")
    door.run(200)
    door.signals.sound = False
    door.run(3000)
    assert [hz for hz, _, _ in door.levels()] == [220, 0, 0, 0, 0]


@pytest.mark.parametrize(
    ("playing", "new", "taken"),
    [
        ("open", "key", False),
        ("refused", "clear", False),
        ("refused", "low-battery", False),
        ("fault", "ready", False),
        ("ready", "key", False),
        ("key", "key", True),
        ("clear", "key", True),
        ("key", "clear", True),
        ("key", "open", True),
        ("low-battery", "refused", True),
        ("refused", "open", True),
        ("open", "fault", True),
        ("no-secret", "ready", True),
    ],
)
def test_what_outranks_what(playing, new, taken):
    door = Door()
    door.signals.play(playing)
    door.run(20)
    assert door.signals.play(new) is taken
    shown = PATTERNS[new if taken else playing][0]
    assert (door.hz, door.light) == shown[:2]
    door.run(5000)
    assert door.signals.quiet
    assert door.signals.play("key")


def test_clicks_one_after_the_other():
    door = Door()
    for _ in range(5):
        assert door.signals.play("key")
        door.run(100, (5,))
    assert [level for level in door.levels() if level[0]] == [(2000, 1, 30)] * 5


def test_there_is_one_refusal():
    assert [name for name in PATTERNS if "refused" in name] == ["refused"]
    with pytest.raises(ValueError, match="wrong"):
        Door().signals.play("wrong")


def test_it_starts_silent_and_dark():
    door = Door()
    assert (door.hz, door.light) == (0, 0)
    assert door.signals.quiet
    door.run(100)
    assert door.history == []


def test_a_buzzer_on_pwm():
    class Pwm:
        def __init__(self):
            self.calls = []

        def freq(self, hz):
            self.calls.append(("freq", hz))

        def duty_u16(self, duty):
            self.calls.append(("duty", duty))

    pwm = Pwm()
    buzzer = Buzzer(pwm)
    assert pwm.calls == [("duty", 0)]
    buzzer.tone(880)
    buzzer.tone(0)
    assert pwm.calls[1:] == [("freq", 880), ("duty", 32_768), ("duty", 0)]
