"""One power-on of the virtual board: MicroPython runs this, and it runs the real firmware (docs/design/simulator.md).

It makes the simulated parts that the first request describes, puts them in the place of the port's modules, mounts the
flash, then runs firmware/boot.py and firmware/main.py as a board does. From there on it serves the host's requests
whenever the firmware has nothing to run.
"""

import sys

from tumbler_lock.core.errors import LockError

from . import power_on
from .host_pipe import EXIT_FAILED, EXIT_QUIT, HostPipe
from .requests import Requests
from .simulated_board import SimulatedBoard


def main(folder: str = "") -> int:
    """Wait for `boot`, then run the lock; returns the exit status if there is none to run.

    The last two arguments of the command line: the folders of the board's description and of boot.py. folder: of
    another description.
    """
    pipe = HostPipe()
    own_folder, start_files = sys.argv[-2:]
    try:
        request = pipe.receive()
        if request is None:
            return EXIT_QUIT
        if request.get("do") != "boot":
            raise ValueError("the first request is boot")
        board = SimulatedBoard(pipe, folder or request.get("board") or own_folder, own_folder + "/../chips", request)
        board.world.idle = Requests(board).idle
        power_on.run(board, request, start_files)
    except (KeyError, LockError, OSError, TypeError, ValueError) as error:
        pipe.send({"done": "boot", "error": "%s: %s" % (type(error).__name__, error)})
        sys.print_exception(error, sys.stderr)  # type: ignore[arg-type]  # the stubs know files only
    return EXIT_FAILED
