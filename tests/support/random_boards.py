"""Boards drawn at random: descriptions without errors, and headers for them."""

import random
from typing import Any

from tumbler.hardware.chips import chips
from tumbler.hardware.clocks import CLOCKS
from tumbler.hardware.expanders import EXPANDERS
from tumbler.hardware.rules import KEYS, uses


def random_board(source: random.Random) -> dict[str, Any]:
    """Draw a board that is possible by construction: every pin from a pool of pins that may do what it is to do."""
    mcu = source.choice(list(chips()))
    chip = chips()[mcu]
    free = sorted(chip.pins - chip.flash - chip.console - chip.start - chip.inputs)
    source.shuffle(free)
    expander = len(free) < 16 or source.random() < 0.5
    found: dict[str, Any] = {
        "name": "drawn", "mcu": mcu, "storage": "/lock", "watchdog_ms": source.randint(1000, 60_000),
        "keypad": {"rows": [0, 1, 2, 3], "cols": [4, 5, 6], "keys": "".join(source.sample(KEYS, 12))},
        "clock": {"chip": source.choice(list(CLOCKS))},
    }  # fmt: skip
    analogue = [pin for pin in free if pin in chip.adc1]
    if source.random() < 0.5 and analogue:
        pin = analogue[0]
        free.remove(pin)
        empty = source.randint(1000, 4000)
        found["battery"] = {"pin": pin, "divider": 200, "empty_mv": empty, "full_mv": empty + source.randint(1, 2000)}
    found["i2c"] = {"bus": 0, "scl": free.pop(), "sda": free.pop()}
    if expander:
        name = source.choice(list(EXPANDERS))
        addresses, fastest = EXPANDERS[name].addresses, EXPANDERS[name].fastest
        found["keypad"]["expander"] = {"chip": name, "address": source.choice(list(addresses)), "interrupt": free.pop()}
        found["i2c"]["hz"] = source.randint(10_000, fastest)
    else:
        found["keypad"]["rows"] = [free.pop() for _ in range(4)]
        found["keypad"]["cols"] = [free.pop() for _ in range(3)]
    if len(free) >= 6 and source.random() < 0.3:
        ends = {name: free.pop() for name in ("open", "close", "opened", "closed")}
        found["bolt"] = {"kind": "motor", **ends, "switch_pull": source.choice(["internal", "external"])}
    else:
        found["bolt"] = {"pin": free.pop(), "limit_ms": source.randint(100, 60_000), "active": source.randrange(2)}
    found["buzzer"] = {"pin": free.pop()}
    found["led"] = {"pin": free.pop(), "active": source.randrange(2)}
    for name in ("button", "door", "exit"):
        if free and source.random() < 0.5:
            pull = source.choice(["internal", "external"])
            found[name] = {"pin": free.pop(), "active": source.randrange(2), "pull": pull}
    if source.random() < 0.5:
        keys = [found["keypad"]["expander"]["interrupt"]] if expander else found["keypad"]["cols"]
        if "exit" in found:
            found["exit"]["active"] = 0
            keys = [*keys, found["exit"]["pin"]]
        found["power"] = {"battery": True, "sleep": "light", "wake": keys}
    if source.random() < 0.7:
        size = source.choice([4096, 8192, 16384])
        vfs = source.randrange(512, size - 2048 + 1, 4)
        found["micropython"] = {"build": chip.builds["none"], "version": "1.28.0", "sha256": None}
        found["flash"] = {
            "size_kib": size, "image_offset": chip.image_offset, "app_offset": 0x10000, "app_kib": 1984,
            "vfs_offset": 0x200000 + 4096 * source.randrange((size - 2048 - vfs) // 4 + 1), "vfs_kib": vfs,
        }  # fmt: skip
    return found


def random_headers(source: random.Random, description: dict[str, Any]) -> dict[str, Any]:
    """Draw the columns of pins of a board that has what a description uses, in any order."""
    used = [use.pin for use in uses(description)]
    chip = chips()[description["mcu"]]
    others = [pin for pin in chip.pins - chip.flash if pin not in used]
    labels = ["GND", "3V3", "5V", "RST", *used, *source.sample(others, source.randrange(len(others)))]
    source.shuffle(labels)
    half = source.randrange(len(labels) // 4, len(labels) * 3 // 4 + 1)
    return {"title": "Drawn", "left": labels[:half], "right": labels[half:], "notes": ["A note."], "sources": ["None."]}
