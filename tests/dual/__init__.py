"""Everything here also runs in MicroPython: it uses nothing that MicroPython lacks."""
