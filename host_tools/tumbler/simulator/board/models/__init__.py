"""Models of the parts round the board, for CPython and MicroPython, shared by virtual board and tests."""
