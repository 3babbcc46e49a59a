"""The virtual lock: the real firmware in the real MicroPython on simulated parts, in a terminal, a scenario or a
pipe."""
