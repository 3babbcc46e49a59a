"""One module a part of the board.

Each takes its pins, its bus and its clock in its constructor and knows nothing of codes.
"""
