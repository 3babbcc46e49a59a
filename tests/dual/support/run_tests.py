"""Run the tests of one module in the interpreter that runs this: `micropython tests/link_run.py test_frames`.

A test is a function `test_...` that takes an empty directory and fails by an exception; such a module uses nothing that
MicroPython has not. Prints the names of those that passed.
"""

import sys

from tests.scratch import Scratch


def main(name):
    """Run every test of `tests/NAME.py`."""
    module = __import__("tests." + name, None, None, ["main"])
    for test in sorted(dir(module)):
        if test.startswith("test_"):
            with Scratch() as directory:
                getattr(module, test)(directory)
            print(test)


if __name__ == "__main__":
    main(sys.argv[1])
