"""The virtual board with another description than its own. Argument: the folder of its board.json."""

import sys

from tumbler.simulator.board import board_main


class Other(board_main.Virtual):
    """Whatever the host asks for, it is this board."""

    def boot(self, request):
        """As the virtual board does."""
        request["board"] = sys.argv[1]
        super().boot(request)


board_main.Virtual = Other
sys.exit(board_main.main())
