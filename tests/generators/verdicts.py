"""Verdicts over time: random scenarios on random zones, policies and moments, as the verifier answers them.

tests/firmware/core/test_verifier.py holds the expectations written by hand; these vectors hold the two interpreters,
and
another implementation, to the same answers on far more paths.
"""

import random

from tests.dual.checks.verdicts import POLICIES, play
from tests.dual.support.lock import DAY, HOUR, NOW, Lock
from tests.dual.support.scratch import Scratch
from tumbler_lock.core.passcode import hour_of, start_of
from tumbler_lock.core.tickets import (
    ERASE,
    ONE_TIME,
    PERMANENT,
    RECURRING,
    REVOKE,
    TIMED,
    fewest_digits,
    tickets,
)

RULES = (
    "UTC0",
    "CET-1CEST,M3.5.0,M10.5.0/3",
    "<+0545>-5:45",
    "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0",
    "EST5EDT,M3.2.0,M11.1.0",
    "NZST-12NZDT,M9.5.0,M4.1.0/3",
)
SCENARIOS = 60
PASSAGES = 12
STEPS = 45
CUSTOM = ("2468", "13579", "204060", "7531902", "86420975", "314159265")


def _ticket(rng: random.Random) -> int:
    kind = rng.choice((ONE_TIME, PERMANENT, TIMED, TIMED, RECURRING, RECURRING, REVOKE, ERASE))
    if kind == TIMED:
        return rng.choice(tickets(TIMED, hours=rng.choice((1, 3, 24, 48, 72, 100, 168, 744, 2000))))
    if kind == RECURRING:
        return tickets(RECURRING, cycle=rng.randrange(4), until_hour=rng.randrange(24))[0]
    return rng.choice(tickets(kind))


def _code(lock: Lock, rng: random.Random) -> str:
    ticket = _ticket(rng)
    phase = lock.verifier.zone.phase
    hour = hour_of(lock.rtc.now, phase) + rng.choice((0, 0, 0, 0, 1, -1, -3, -7, -20, -25, 5, 40, -300, 9000))
    fewest = max(fewest_digits(ticket), lock.verifier.config.policy.fewest_digits)
    return lock.scheme.encode(hour, ticket, rng.randint(fewest, 9))


def _time(lock: Lock, rng: random.Random) -> int | None:
    if rng.random() < 0.4:
        return None
    phase = lock.verifier.zone.phase
    return start_of(hour_of(lock.rtc.now, phase) + rng.randint(-5, 60), phase)


def _step(lock: Lock, rng: random.Random, typed: list[str]) -> list:
    what = rng.choices(
        ("new", "again", "wrong", "wait", "restart", "clock", "add", "change", "delete", "time", "tick"),
        (30, 28, 6, 24, 3, 2, 4, 4, 3, 2, 2),
    )[0]
    if what == "new":
        typed.append(_code(lock, rng))
        return ["enter", typed[-1]]
    if what == "again":
        return ["enter", rng.choice(typed or CUSTOM)]
    if what == "wrong":
        return ["enter", "".join(rng.choice("0123456789") for _ in range(rng.randint(0, 10)))]
    if what == "wait":
        return ["wait", rng.choice((1, 10, 31, 301, 301, HOUR, 3 * HOUR, 7 * HOUR, DAY, 3 * DAY))]
    if what == "restart":
        return ["restart", rng.choice((0, 5, HOUR))]
    if what == "clock":
        now = lock.rtc.now
        return ["clock", rng.choice(("stopped", "silent", "answers", now - 2 * HOUR, now + 400 * DAY))]
    if what == "time":
        return ["time", max(NOW, lock.rtc.now if lock.rtc.ok else NOW + DAY)]
    if what == "tick":
        return ["tick"]
    digits = rng.choice(CUSTOM if what == "add" else [*CUSTOM, *typed])
    if what == "add":
        typed.append(digits)
        return ["add", digits, _time(lock, rng), _time(lock, rng)]
    if what == "change":
        return ["change", digits, _time(lock, rng), _time(lock, rng), rng.choice((None, None, *CUSTOM))]
    return ["delete", digits]


def _passage(number: int) -> dict:
    """A lock with passage hours: `#` alone at all hours, and now and then digits, which mean what they always do."""
    rng = random.Random(f"passage {number}")
    rule = RULES[number % len(RULES)]
    now = NOW + rng.randrange(700) * DAY + rng.randrange(DAY)
    passage = (rng.randint(1, 127), rng.randrange(24), rng.randrange(24))
    steps: list[list] = []
    with Scratch() as path:
        lock = Lock(path, now, rule, passage=passage)
        typed = [_code(lock, rng)]
        for _ in range(STEPS):
            what = rng.choices(("wait", "enter", "again", "clock", "restart"), (40, 46, 6, 5, 3))[0]
            choices: dict[str, list] = {
                "wait": ["wait", rng.choice((10, HOUR, 3 * HOUR, 5 * HOUR, 11 * HOUR, DAY))],
                "enter": ["enter", ""],
                "again": ["enter", rng.choice(typed)],
                "clock": ["clock", rng.choice(("silent", "answers", lock.rtc.now - 2 * HOUR, lock.rtc.now + DAY))],
                "restart": ["restart", rng.choice((0, HOUR))],
            }
            step = choices[what]
            steps.append([*step, play(lock, step)])
    name = f"passage hours {number}"
    return {"name": name, "now": now, "rule": rule, "policy": "standard", "passage": list(passage), "steps": steps}


def build() -> dict:
    """The scenarios with their outcomes."""
    cases: list[dict] = []
    for number in range(SCENARIOS):
        rng = random.Random(f"verdicts {number}")
        now = NOW + rng.randrange(700) * DAY + rng.randrange(DAY) + (1_350 * DAY if number % 7 == 0 else 0)
        rule = RULES[number % len(RULES)]
        policy = rng.choice(("standard", "standard", "standard", "strict"))
        steps: list[list] = []
        case = {
            "name": f"scenario {number}",
            "now": now,
            "rule": rule,
            "policy": policy,
            "steps": steps,
        }
        with Scratch() as path:
            lock = Lock(path, now, rule, policy=POLICIES[policy])
            typed: list[str] = []
            for _ in range(STEPS):
                step = _step(lock, rng, typed)
                steps.append([*step, play(lock, step)])
        cases.append(case)
    cases += [_passage(number) for number in range(PASSAGES)]
    return {"cases": cases}
