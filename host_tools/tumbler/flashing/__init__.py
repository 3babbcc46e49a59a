"""From an empty board to a lock: flash, deploy, provision, self-test, factory images, a workshop
(docs/guide/flashing.md).

chip.py talks to the chip's start code with esptool, console.py to MicroPython with mpremote; the other modules say what
to do. on_board/ holds the scripts that run on the board.
"""
