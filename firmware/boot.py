"""Runs first on a board: sets the bolt's pins to the level that locks, before anything that can take long or fail.

A coil is off, or on if the bolt is fail-safe; a motor's two legs are off.
"""

try:
    from micropython import kbd_intr

    # A Ctrl-C here would lead to the prompt, past main.py, which decides whether that is allowed. An ESP32 raises it at
    # the next jump of the bytecode. The `if` is one, so it is raised inside this `try`, and none can follow.
    if kbd_intr(-1):  # type: ignore[func-returns-value]
        pass
except KeyboardInterrupt:
    from micropython import kbd_intr

    kbd_intr(-1)

import json
import sys

import machine

try:
    with open("board.json") as file:
        bolt = json.load(file)["bolt"]
    level = 1 - bolt.get("active", 1)
    motor = bolt.get("kind") == "motor"
    if bolt.get("fail") == "safe" and not motor:
        level = 1 - level
    for name in ("open", "close") if motor else ("pin",):
        machine.Pin(bolt[name], machine.Pin.OUT, value=level)
except Exception as error:  # noqa: BLE001 -- an error here would skip main.py and lead to the prompt; main.py restarts
    sys.print_exception(error, sys.stderr)  # type: ignore[arg-type]  # the stubs know files only
