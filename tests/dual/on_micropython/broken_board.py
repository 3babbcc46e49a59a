"""The virtual board with one fault.

Argument: dies, ends, hangs, blocks (20 s without a turn for another task), pauses (7 s), spins (for ever), collects
(ends the channels of the bolt's pulses, as the garbage collector would if nothing kept them): the lock's clock
task does so three seconds after its start. no-radio: the radio does not start, and takes 2 s for that, the longest.
no-sleep: every light sleep is refused.
"""

import asyncio
import sys

from tumbler.simulator.board import board_main, fake_bluetooth, fake_machine
from tumbler_lock.app import tasks

variant = sys.argv[1]


def block(ms):
    """As a driver that waits instead of giving way."""
    import time  # now it is the virtual board's

    time.sleep_ms(ms)


async def broken(lock):
    """Takes the place of the clock task."""
    duty = lock.duties["clock"]
    for _ in range(3):
        await duty.rest(1000)
    if variant == "dies":
        raise RuntimeError("made to die")
    if variant == "ends":
        return
    if variant == "hangs":
        await asyncio.Event().wait()
    if variant == "blocks":
        block(20_000)
    if variant == "pauses":
        block(7_000)
    if variant == "collects":
        for channel, _ in lock.board.bolt._pulse._channels:
            channel.deinit()
    while variant == "spins":
        pass
    while True:
        await duty.rest(1000)


def silent(radio, on=None):
    """Takes the place of bluetooth.BLE.active()."""
    if on:
        block(2000)
        raise OSError(110)
    return False


def refused(chip, ms):
    """Takes the place of machine.lightsleep()."""
    chip._asleep()
    chip._reason = 0


if variant == "no-radio":
    fake_bluetooth.SimulatedRadio.active = silent
elif variant == "no-sleep":
    fake_machine.SimulatedMachine.lightsleep = refused
else:
    tasks.clock = broken
sys.exit(board_main.main())
