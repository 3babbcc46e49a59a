"""Run the tests of one module in the interpreter that runs this.

    micropython tests/dual/support/run_tests.py tests.dual.core.test_fragments

A test is a function `test_...` that takes an empty directory and fails by an exception. Prints the names of those that
passed.
"""

import sys

from tests.dual.support.scratch import Scratch


def main(name):
    """Run every test of a module."""
    module = __import__(name, None, None, ["main"])
    for test in sorted(dir(module)):
        if test.startswith("test_"):
            with Scratch() as directory:
                getattr(module, test)(directory)
            print(test)


if __name__ == "__main__":
    main(sys.argv[1])
