"""Prove one vector file in the interpreter that runs this: `micropython tests/dual/support/run_check.py NAME FILE`.

Prints the number of cases. Runs in MicroPython, so it imports nothing that is not there.
"""

import json
import sys


def main(name, path):
    """Run `tests/checks/NAME.py` over the vectors in the file and print how many cases held."""
    check = __import__("tests.dual.checks." + name, None, None, ["check"]).check
    with open(path) as file:
        vectors = json.load(file)
    print(check(vectors))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
