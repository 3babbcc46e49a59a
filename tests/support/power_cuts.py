"""Run power-cut histories in MicroPython, or replay one cut by its id.

python -m tests.support.power_cuts                                    what the test suite runs
python -m tests.support.power_cuts --campaign                         all of it
python -m tests.support.power_cuts --workload history --seeds 7 8     one workload, seeds 7 up to but not including 8
python -m tests.support.power_cuts --replay history:seed=7:step=31:cut=12:torn=half
"""

import argparse
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from tests.support.micropython import ROOT, command, environment

MAIN = ROOT / "tests" / "dual" / "power" / "main.py"

ENTRIES = "tests.dual.power.entries:Entries"
COMMANDS = "tests.dual.power.commands:Commands"
UPDATES = "tests.dual.power.updates:Updating"
LINK = "tests.dual.power.link:Link"

# Seeds of `kinds` are its two geometries. `every`, `again`, `resume`: see engine.Campaign.
SAMPLE = [
    {"workload": "kinds", "seeds": [0, 2], "again": 29, "resume": 11},
    {"workload": "history", "seeds": [0, 2], "again": 101, "resume": 17},
    {"workload": "history", "seeds": [2, 4], "again": 101, "resume": 17},
    {"workload": "history", "seeds": [4, 7], "again": 101, "resume": 17},
    {"workload": "full", "seeds": [0, 1], "every": 41, "again": 0, "resume": 29},
    {"workload": ENTRIES, "seeds": [0, 3], "again": 101, "resume": 7},
    {"workload": COMMANDS, "seeds": [0, 1], "again": 101, "resume": 2},
    {"workload": UPDATES, "seeds": [0, 2], "every": 7, "again": 41, "resume": 23},
    {"workload": LINK, "seeds": [0, 1], "again": 101, "resume": 13},
]
ALL = [
    {"workload": "kinds", "seeds": [0, 2], "again": 1, "resume": 1},
    {"workload": "full", "seeds": [0, 1], "again": 0, "resume": 31},
    {"workload": "full", "seeds": [0, 1], "every": 211, "again": 5, "resume": 0},
    {"workload": "history", "seeds": [0, 400], "again": 53, "resume": 13},
    {"workload": ENTRIES, "seeds": [0, 400], "again": 53, "resume": 5},
    {"workload": COMMANDS, "seeds": [0, 3], "again": 3, "resume": 1},
    {"workload": UPDATES, "seeds": [0, 8], "again": 7, "resume": 3},
    {"workload": LINK, "seeds": [0, 2], "again": 3, "resume": 1},
]


def execute(order: dict, timeout: float) -> tuple[int, str]:
    """Give an order to tests/dual/power/main.py in MicroPython; its exit status and everything it said."""
    line = command(MAIN, json.dumps(order), heap="64m")
    done = subprocess.run(
        line, cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=timeout, stdin=subprocess.DEVNULL
    )
    return done.returncode, done.stdout + done.stderr


def split(jobs: list[dict], seeds: int) -> list[dict]:
    """Return the same jobs, none with more seeds than this."""
    parts = []
    for job in jobs:
        first, last = job["seeds"]
        parts += [{**job, "seeds": [at, min(at + seeds, last)]} for at in range(first, last, seeds)]
    return parts


def run(jobs: list[dict], processes: int = 1, timeout: float = 3600) -> dict[str, int]:
    """Run all jobs; the counts. AssertionError with every failing id and how to replay it."""
    counts: dict[str, int] = {}
    trouble = []
    with ThreadPoolExecutor(processes) as pool:
        for status, said in pool.map(lambda job: execute({"jobs": [job]}, timeout), split(jobs, 20)):
            lines = said.strip().splitlines()
            trouble += [line for line in lines if line.startswith("FAILED")]
            if status != 0:
                trouble += [] if trouble else lines[-20:]
                continue
            for name, count in json.loads(lines[-1]).items():
                counts[name] = counts.get(name, 0) + count
    if trouble:
        raise AssertionError("\n".join([*trouble, "replay one: python -m tests.support.power_cuts --replay ID"]))
    return counts


def main() -> int:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.support.power_cuts", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--replay", metavar="ID", help="repeat one cut; the text after FAILED up to the bracket")
    parser.add_argument("--campaign", action="store_true", help="everything, which takes minutes")
    parser.add_argument("--workload", help="kinds, history, full, or module:Class")
    parser.add_argument("--seeds", nargs=2, type=int, default=[0, 1], metavar=("FROM", "TO"))
    parser.add_argument("--every", type=int, default=1, help="cut at each such operation only")
    parser.add_argument("--again", type=int, default=0, help="cut again during recovery, after each such cut")
    parser.add_argument("--resume", type=int, default=0, help="go on using the lock after each such cut")
    asked = parser.parse_args()
    if asked.replay:
        status, said = execute({"replay": asked.replay}, 600)
        print(said.strip())
        return status
    jobs = ALL if asked.campaign else SAMPLE
    if asked.workload:
        names = ("workload", "seeds", "every", "again", "resume")
        jobs = [{name: getattr(asked, name) for name in names}]
    try:
        print(json.dumps(run(jobs, os.cpu_count() or 1)))
    except AssertionError as failure:
        print(failure)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
