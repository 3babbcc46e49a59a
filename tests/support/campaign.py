"""How many cases a property test tries.

A sample as a rule, all of them when `TUMBLER_CAMPAIGN=1` (`make campaign`).
"""

import os


def campaign() -> bool:
    """Say whether the long versions were asked for."""
    return os.environ.get("TUMBLER_CAMPAIGN", "") not in ("", "0")


def cases(sample: int, full: int) -> int:
    """Return `full` in a campaign, `sample` otherwise."""
    return full if campaign() else sample
