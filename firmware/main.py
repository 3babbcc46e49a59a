"""The loader: starts the firmware of the slot that /slot names, and restarts the board however that ends
(docs/spec/update.md).

Only Ctrl-C on the serial console leads to the prompt, and only if board.json says `"console": true` or the set-up
button is held at the start (docs/guide/locked-build.md). A board without a loader's folder runs the package
`tumbler_lock` beside this file.
"""

try:
    from micropython import kbd_intr

    if kbd_intr(-1):  # type: ignore[func-returns-value]  # as in boot.py
        pass
except KeyboardInterrupt:
    from micropython import kbd_intr

    kbd_intr(-1)

import gc
import json
import sys
import time

import machine

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from tumbler_lock.core.boot_slots import FirmwareSlots

FOLDERS = ("loader", "loader_old")  # of this loader's modules; the second while a deploy changes them
START_MS = 60_000  # from here until the firmware feeds the watchdog
PAUSE_MS = 3000  # before a restart: leaves time for Ctrl-C
CTRL_C = 3
PROMPT_MS = 3_600_000  # for a person at the prompt: the watchdog cannot be stopped
# Holds a pulse that plays: to end one restarts an ESP32 (docs/design/drivers.md).
PULSE = "tumbler_lock.drivers.rmt_pulse"


def open_console() -> None:
    """Let Ctrl-C end the lock, if the board's description or the set-up button allows it."""
    with open("board.json") as file:
        description = json.load(file)
    if description.get("console", True) or button_held(description.get("button")):
        kbd_intr(CTRL_C)


def button_held(part: "dict[str, Any] | None") -> bool:
    """Return whether the set-up button is held; False on a board without one. part: its fields of board.json."""
    if part is None:
        return False
    pin = machine.Pin
    number: int = part["pin"]
    active: int = part.get("active", 0)
    if part.get("pull") == "external":
        return pin(number, pin.IN).value() == active
    return pin(number, pin.IN, pin.PULL_DOWN if active else pin.PULL_UP).value() == active


def find_slots() -> "FirmwareSlots | None":
    """Return the board's FirmwareSlots (firmware/tumbler_lock/core/boot_slots.py); None if it has none."""
    for folder in FOLDERS:
        try:
            slots: "FirmwareSlots" = __import__(folder + ".boot_slots", None, None, ["FirmwareSlots"]).FirmwareSlots()
            return slots
        except ImportError:
            pass  # not in this one
    return None


def forget(*packages: str) -> None:
    """Remove modules from the heap: a chip without PSRAM has no room for those that are not needed."""
    for name in list(sys.modules):
        if name.split(".")[0] in packages and name != PULSE:
            del sys.modules[name]


def choose() -> str:
    """Return the slot to run, "" without slots. The loader's modules are removed then."""
    slots = find_slots()
    slot = slots.choose() if slots else ""
    forget(*FOLDERS)
    return slot


def run() -> None:
    """Run the firmware. If it ends with an error, print that; if it helps, the other slot runs next."""
    slot = ""
    try:
        slot = choose()
        if slot:
            sys.path.insert(0, "/" + slot)
        from tumbler_lock.app.start import start

        start(slot)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # noqa: BLE001 -- whatever it is, a lock must not fall to the prompt
        sys.print_exception(error, sys.stderr)  # type: ignore[arg-type]  # the stubs know files only
        forget("tumbler_lock")
        gc.collect()
        slots = find_slots()
        if slots:
            slots.failed(slot)


def main() -> None:
    """Run the firmware and restart. If this fails, the watchdog restarts the board."""
    try:
        try:
            machine.WDT(timeout=START_MS)
            open_console()
            run()
        except Exception as error:  # noqa: BLE001 -- a board.json that cannot be read must not lead to the prompt
            sys.print_exception(error, sys.stderr)  # type: ignore[arg-type]  # the stubs know files only
        time.sleep_ms(PAUSE_MS)
    except KeyboardInterrupt:
        machine.WDT(timeout=PROMPT_MS).feed()
        raise
    except Exception:  # noqa: BLE001, S110 -- nor may an error while one is printed
        pass
    machine.reset()


main()
