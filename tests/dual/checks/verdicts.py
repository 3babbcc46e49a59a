"""Verdicts over time: scenarios of entries, waiting, restarts, clock faults and owner's commands, replayed.

A step is [what, argument ..., outcome]: "enter" digits, "wait" seconds, "restart" seconds without power,
"clock" a fault or a time that was set, "add" "change" "delete" "time" what the owner does, "tick" housekeeping.
A lock may have passage hours: days, hour of beginning, hour of end.
The outcome is "verdict reason", or the word of the owner's refusal, or "" for what has none.
"""

from tests.dual.support.lock import Lock
from tests.dual.support.scratch import Scratch
from tumbler_lock.core.config import NO_PASSAGE
from tumbler_lock.core.errors import Refused
from tumbler_lock.core.policy import STANDARD, STRICT

POLICIES = {"standard": STANDARD, "strict": STRICT}


def play(lock, step: list) -> str:
    """Carry out one step without its outcome, and return the outcome."""
    what, arguments = step[0], step[1:]
    if what == "enter":
        verdict = lock.verifier.enter(arguments[0])
        return "%s %s" % (verdict.verdict, verdict.reason)
    if what == "wait":
        lock.wait(arguments[0])
    elif what == "restart":
        lock.restart(arguments[0])
    elif what == "tick":
        lock.verifier.tick()
    elif what == "clock":
        _clock(lock.rtc, arguments[0])
    else:
        commands = {
            "add": lock.owner.add_custom,
            "change": lock.owner.change,
            "delete": lock.owner.delete,
            "time": lock.owner.set_time,
        }
        try:
            commands[what](*arguments)
        except Refused as refused:
            return refused.reason
    return ""


def _clock(rtc, fault) -> None:
    if fault == "stopped":
        rtc.ok = False
        rtc.now = 946_684_800
    elif fault == "silent":
        rtc.answers = False
    elif fault == "answers":
        rtc.answers = True
    else:
        rtc.now = fault
        rtc.ok = True


def check(vectors: dict) -> int:
    """Replay every scenario; the number of steps."""
    steps = 0
    for case in vectors["cases"]:
        with Scratch() as path:
            passage = tuple(case.get("passage", NO_PASSAGE))
            lock = Lock(path, case["now"], case["rule"], policy=POLICIES[case["policy"]], passage=passage)
            for step in case["steps"]:
                got = play(lock, step[:-1])
                if got != step[-1]:
                    raise ValueError("%s, step %d, %s: %s" % (case["name"], steps, step, got))
                steps += 1
    return steps
