"""Scripts that run on the board: MicroPython, sent over the console. tell() is how they answer (console.py)."""
