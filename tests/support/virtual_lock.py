"""A virtual lock with the example secret at a known time, its check values, and a board that a test writes."""

from pathlib import Path
from typing import Any

from tumbler.simulator.identity import Identity
from tumbler.simulator.lock import VirtualLock

START = 1_795_392_600_000  # 2026-11-23T00:10:00Z
ONE_TIME = "862871"  # check values of docs/spec/passcodes.md
PERMANENT, TIMED = "863562", "1768841"
AT_THREE = START + 14 * 3_600_000 + 50 * 60_000  # 15:00, when the latter two start

# The beginning of a board in CPython; what follows answers a request.
BOARD = """
import json, sys
def say(**message):
    print(json.dumps(message), flush=True)
for line in sys.stdin:
    request = json.loads(line)
    do = request["do"]
"""


def lock(flash: Path, begin_ms: int = START, **options: Any) -> VirtualLock:
    """Return a virtual lock on this flash image."""
    return VirtualLock(flash, Identity(), begin_ms, **options)


def enter(virtual: VirtualLock, digits: str) -> str:
    """Type an entry; return its verdict and reason."""
    (entry,) = virtual.press(digits + "#")
    return f"{entry.verdict} {entry.reason}"
