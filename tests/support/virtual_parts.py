"""Virtual boards with other parts: descriptions of parts, and what the tests ask such a board."""

from tumbler_lock.core.budget import refill_interval, worst_odds
from tumbler_lock.core.policy import STANDARD

MOTOR = {"kind": "motor", "open": 26, "close": 19, "opened": 16, "closed": 17}
SAFE = {"pin": 26, "limit_ms": 10000, "fail": "safe"}
LIGHT = {"battery": True, "sleep": "light", "wake": [32, 33, 25, 5]}
DEEP = {"battery": True, "sleep": "deep", "wake": [5]}
SILENT = {"interval_ms": 250, "asleep_s": 0}
BURST_US = 100_000
BURST_MS = 2000
EARLY_MS = 1  # the timer of the virtual board ends a sleep a little early, as a chip's may: that is no touch
DOOR = {"pin": 2}
EXIT = {"pin": 5}
AWAKE = 35
INTERVAL = refill_interval(worst_odds(STANDARD, [0] * 10))


def bolt(board):
    return [event["unlocked"] for event in board.all("bolt")]


def signals(board):
    return [event["name"] for event in board.all("signal")]


def log(board, since=0):
    return [(event["event"], event["arg"]) for event in board.ask("log", since=since, limit=200)["events"]]


def locked(board):
    return board.ask("state")["locked"]


def asleep(board):
    """Let it fall asleep."""
    board.wait(AWAKE + 5)


def tries(board):
    """How many wrong entries it takes until it is locked out."""
    for count in range(20):
        if board.press("000000#") == "locked-out locked-out":
            return count
    return 20


def wake(board, request="advance", **fields):
    """Let a deep sleep end, and start again as the chip does."""
    assert board.ends(request, **fields) == "reset"
    reset = board.last("reset")
    assert reset["cause"] == "deep-sleep"
    board.on(cause="deep-sleep", memory=reset["memory"], own_clock=reset["own_clock"], by=reset["by"], **board.parts)
    return reset
