"""Scripts for MicroPython alone, started by tests in CPython."""
