"""From an empty board to a lock: flash, deploy, provision, self-test, factory images, a workshop
(docs/guide/flashing.md).

chip.py speaks to the chip's start code with esptool, console.py to MicroPython with mpremote; what they are asked to do
is in the other modules. on_board/ holds the scripts that run on the board.
"""
