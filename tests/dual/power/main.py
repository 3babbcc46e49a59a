"""Entry point in MicroPython: `main.py JSON`, with a list of jobs or an id to replay. Prints one JSON line of counts.

A job is {"workload": name or "module:Class", "seeds": [from, to), "every": n, "again": n, "resume": n}, for which see
engine.Campaign.
Exit status 1 and a line `FAILED id (step): why` for each history that fails.
"""

import json
import sys

from tests.dual.power.engine import Campaign, Failure, parse
from tests.dual.power.workloads import WORKLOADS


def find(name):
    """The workload class of that name, or at `module:Class`."""
    if name in WORKLOADS:
        return WORKLOADS[name]
    module, _, kind = name.replace("/", ":").partition(":")
    __import__(module)
    return getattr(sys.modules[module], kind)


def main(order):
    """Do what the JSON asks for; the exit status."""
    failures = 0
    counts = {}
    if "replay" in order:
        name, seed, only = parse(order["replay"])
        try:
            Campaign().run(name, find(name), seed, only)
        except Failure as failure:
            print("FAILED", failure)
            return 1
        print("passed", order["replay"])
        return 0
    for job in order["jobs"]:
        campaign = Campaign(job.get("every", 1), job.get("again", 0), job.get("resume", 0))
        for seed in range(job["seeds"][0], job["seeds"][1]):
            try:
                campaign.run(job["workload"].replace(":", "/"), find(job["workload"]), seed)
            except Failure as failure:
                print("FAILED", failure)
                failures += 1
        for what in ("steps", "operations", "cuts", "cuts_again", "resumed"):
            counts[what] = counts.get(what, 0) + getattr(campaign, what)
    print(json.dumps(counts))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))
