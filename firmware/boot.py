"""What a board runs first: the bolt's pins to the level that locks, before anything that can take long or fail.

A coil is off, or on where the bolt is fail-safe; a motor's two legs are off.
"""

import json

import machine

with open("board.json") as file:
    bolt = json.load(file)["bolt"]
off = 1 - bolt.get("active", 1)
for name in ("open", "close") if bolt.get("kind") == "motor" else ("pin",):
    machine.Pin(bolt[name], machine.Pin.OUT, value=1 - off if bolt.get("fail") == "safe" else off)
