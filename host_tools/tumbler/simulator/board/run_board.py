"""Start the virtual board: `micropython run_board.py FOLDER-OF-BOARD.JSON FOLDER-OF-BOOT.PY`."""

import sys

from tumbler.simulator.board import board_main

sys.exit(board_main.main())
