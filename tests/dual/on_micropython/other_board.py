"""The virtual board with another description than its own. Argument: the folder of its board.json."""

import sys

from tumbler.simulator.board import board_main

sys.exit(board_main.main(sys.argv[1]))
