"""Scripts that run on the board: MicroPython, sent over the console. They answer with answer() (console.py)."""
