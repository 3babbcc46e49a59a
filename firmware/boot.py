"""What a board runs first: the bolt's pin to its idle level, before anything that can take long or fail."""

import json

import machine

with open("board.json") as file:
    bolt = json.load(file)["bolt"]
machine.Pin(bolt["pin"], machine.Pin.OUT, value=1 - bolt.get("active", 1))
