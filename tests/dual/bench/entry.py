"""In MicroPython: the cost of deciding an entry, as a ratio to one HMAC-SHA256 of the same run; prints JSON.

Deciding is everything between payment and commit: tag, look-up among 1,000 codes, decryption, judgement. The unit is
hmac_sha256() of a 9-byte message under a 32-byte raw key. The lock stands in the last year of an era, where digits are
read in two eras: the dearest place in time.
"""

import gc
import json
import time

from tests.dual.support.lock import NOW, Lock
from tests.dual.support.scratch import Scratch
from tumbler_lock.core.kdf import hmac_sha256
from tumbler_lock.core.tickets import DAILY, ERASE, ONE_TIME, PERMANENT, RECURRING, REVOKE, TIMED

ROUNDS = 200
REPEAT = 20
KEY = bytes(range(32))
SEARCH = 8784 * 24  # the candidates of a lock that searches: every duration at every start hour still acceptable

KINDS = (
    ("one-time", ONE_TIME, {}),
    ("permanent", PERMANENT, {}),
    ("timed 1 h", TIMED, {"hours": 1}),
    ("timed 72 h", TIMED, {"hours": 72}),
    ("timed 744 h", TIMED, {"hours": 744}),
    ("timed 8784 h", TIMED, {"hours": 8784}),
    ("recurring", RECURRING, {"cycle": DAILY, "until_hour": 23}),
    ("revoke", REVOKE, {}),
    ("erase", ERASE, {}),
)


def microseconds(work) -> float:
    """Mean time of one call, over a run so short that the collector seldom comes in between."""
    begin = time.ticks_us()
    for _ in range(REPEAT):
        work()
    return time.ticks_diff(time.ticks_us(), begin) / REPEAT


def hmac():
    """The unit."""
    return hmac_sha256(KEY, b"123456789")


def ratio(work) -> float:
    """Cost of `work` in HMACs: the least of ROUNDS runs of each, unit and work in turn, so that neither the collector
    nor another process is counted."""
    gc.collect()
    unit = least = microseconds(hmac) * 1000
    for _ in range(ROUNDS):
        unit = min(unit, microseconds(hmac))
        least = min(least, microseconds(work))
    return least / unit


def decide(lock, digits):
    """A function that does what enter() does between payment and commit for codes it may not know."""
    verifier = lock.verifier
    now = lock.rtc.now

    def work():
        tag = verifier.scheme.tag(digits)
        known = verifier.store.book.find(tag)
        if known:
            return verifier._known(known, now, True)
        return verifier.read(tag, digits, now)

    return work


def flash(lock, disk, digits) -> dict:
    """File commits, and flash writes and erases, of one entry."""
    commits, writes, erases = lock.store.commits, disk.writes, disk.erases
    verdict = lock.verifier.enter(digits)
    return {
        "verdict": verdict.verdict,
        "commits": lock.store.commits - commits,
        "writes": disk.writes - writes,
        "erases": disk.erases - erases,
    }


def main() -> None:
    """Measure and print one JSON object."""
    gc.collect()
    free = gc.mem_free()
    result = {"heap": {}, "decide": {}, "flash": {}}
    scratch = Scratch()
    with scratch as path:
        gc.collect()
        before = gc.mem_free()
        lock = Lock(path)
        for number in range(990):
            lock.owner.add_custom("%06d" % (number * 7), insist=True)
        lock.restart()
        gc.collect()
        result["heap"]["used with %d codes, bytes" % len(lock.store.book)] = before - gc.mem_free()
        result["heap"]["of it code book"] = lock.store.book.capacity * 24 + 4096
        codes = [(name, lock.code(kind, NOW, **extra)) for name, kind, extra in KINDS]
        for name, digits in codes:
            result["decide"]["%s, unknown" % name] = ratio(decide(lock, digits))
        result["decide"]["wrong, 9 digits"] = ratio(decide(lock, "000000000"))
        result["decide"]["custom, known"] = ratio(decide(lock, "%06d" % 700))
        for name, digits in codes[:7]:
            lock.store.tokens = 8
            result["flash"]["%s, first use" % name] = flash(lock, scratch.disk, digits)
        result["flash"]["permanent, again"] = flash(lock, scratch.disk, codes[1][1])
        result["flash"]["wrong"] = flash(lock, scratch.disk, "000000000")
    unit = min([microseconds(hmac) for _ in range(ROUNDS)])
    begin = time.ticks_us()
    for number in range(SEARCH):
        hmac_sha256(KEY, b"%09d" % number)
    result["search by HMAC, %d candidates" % SEARCH] = time.ticks_diff(time.ticks_us(), begin) / unit
    result["heap free at the start, bytes"] = free
    print(json.dumps(result))


if __name__ == "__main__":
    main()
