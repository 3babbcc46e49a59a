"""One suite: pytest on CPython, with the parts that matter repeated in MicroPython."""
