"""One module a vector file: `check(vectors) -> int` proves every case and counts them.

The checks run in CPython and in MicroPython.
"""
