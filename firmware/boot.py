"""What a board runs first: the bolt's pin to its idle level, before anything that can take long or fail."""

try:
    from micropython import kbd_intr

    kbd_intr(-1)  # a Ctrl-C here would lead to the prompt, past main.py, which decides whether one may
except KeyboardInterrupt:  # one that came before that line; at 115,200 baud no second one is as fast as the next
    from micropython import kbd_intr

    kbd_intr(-1)

import json

import machine

with open("board.json") as file:
    bolt = json.load(file)["bolt"]
machine.Pin(bolt["pin"], machine.Pin.OUT, value=1 - bolt.get("active", 1))
