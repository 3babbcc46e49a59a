"""Power-cut tests of the store: the real MicroPython, the real littlefs, a flash in RAM.

`device` is the flash, `engine` cuts the power, `workloads` says what is done and what must be there afterwards.
`python -m tests.support.power_cuts --help` runs them; an id that a failure prints replays it.
"""
