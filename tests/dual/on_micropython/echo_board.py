"""The virtual board with a task that echoes every value written to its radio, in place of the lock's own radio task.

Argument: how long it waits for a value, in ms (default 600000). A value comes back as it is, but "*" and a number
(b"*15") are answered by that many values of one byte each, which may need more buffers than the radio has, and "?" by
whether the set-up button is held, and the battery's charge (b"True 50").
"""

import sys

from tumbler.simulator.board import board_main
from tumbler_lock.app.runner import Runner
from tumbler_lock.drivers.ble_peripheral import Broken, Gone, NoRadio, Silent

PATIENCE_MS = int(sys.argv[1])
LOCK_ID = bytes(range(8))


async def echo(lock, connection):
    """Answer one client until it is gone, silent, or writes what no client writes."""
    while True:
        value = await connection.receive(PATIENCE_MS)
        if value[:1] == b"*":
            for number in range(int(value[1:])):
                await connection.send(bytes((number,)))
        elif value == b"?":
            await connection.send(b"%s %s" % (lock.board.setup_held(), lock.board.battery()))
        else:
            await connection.send(value)


class Echo:
    """Takes the place of the lock's own BleServer."""

    def __init__(self, lock, radio):
        self.run = lambda: serve(lock, radio)


async def serve(lock, radio):
    """Accept one client after the other."""
    duty = lock.duties["radio"]
    duty.allowed = 1 << 30  # this is no test of the supervisor
    radio._interval_us = 20_000  # so that no test waits for an advertisement
    while True:
        try:
            connection = await radio.accept("echo", LOCK_ID)
        except NoRadio as error:
            lock.board.observe("fault", str(error))
            await duty.rest(1000)
            continue
        try:
            await echo(lock, connection)
        except (Gone, Silent, Broken) as error:
            lock.board.observe("fault", type(error).__name__)
        await connection.close()


Runner._ble_server = lambda runner, link, radio: Echo(runner._lock, radio)
sys.exit(board_main.main())
