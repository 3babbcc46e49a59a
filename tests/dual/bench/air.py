"""What a lock does over its virtual radio, whose connection events are 30 ms apart: prints JSON.

The real firmware in MicroPython, a software Bluetooth stack on either side, the tool's own client. Times are real
seconds, but it is the interval that makes them: this machine computes many times faster than a board.
"""

import asyncio
import json
import os
import tempfile
import time
from pathlib import Path
from unittest.mock import patch

from tumbler.link.client import Client
from tumbler.link.simulator_radio import SimulatorRadio
from tumbler.simulator.identity import EXAMPLE_SECRET, Identity
from tumbler.simulator.lock import VirtualLock
from tumbler.simulator.radio import VirtualAir
from tumbler.simulator.radio_socket import socket_path
from tumbler.simulator.real_time import LockThread
from tumbler_lock.core.keys import OWNER
from tumbler_lock.core.protocol import lock_id

INTERVAL = 0.030  # seconds between two connection events
CODES = 1000
ROUNDS = 60
PSK = bytes(range(64, 96))


async def measure() -> dict[str, float]:
    """Connect, ask ROUNDS times for the time, list every code, read the whole log."""
    figures: dict[str, float] = {}
    async with SimulatorRadio() as air:
        found = await air.scan(5, lambda one: True)
        begin = time.monotonic()
        async with Client(lambda: air.connect(found[0]), lock_id(EXAMPLE_SECRET), 0, PSK) as client:
            await client.connect()
            figures["seconds to connect and shake hands"] = time.monotonic() - begin
            begin = time.monotonic()
            for _ in range(ROUNDS):
                await client.time()
            figures["round trips a second"] = ROUNDS / (time.monotonic() - begin)
            begin = time.monotonic()
            codes = await client.codes()
            figures[f"seconds to list {len(codes):,} codes"] = time.monotonic() - begin
            events: list[object] = []
            begin = time.monotonic()
            await client.log(0, events.extend)
            figures[f"seconds to read {len(events):,} events"] = time.monotonic() - begin
    return figures


def main() -> None:
    """Measure and print one JSON object."""
    with tempfile.TemporaryDirectory(prefix="tumbler-") as folder, patch.dict(os.environ, TUMBLER_HOME=folder):
        identity = Identity(keys=((0, OWNER, PSK, ""),))
        with VirtualLock(Path(folder, "flash.img"), identity) as lock:
            driver = LockThread(lock, print)
            with VirtualAir(driver.do, socket_path(Path(folder)), INTERVAL) as radio:
                lock.listen(radio.event)
                lock.power_on()
                for number in range(CODES):
                    lock.owner("add_custom", digits=f"{number * 9973 + 10:07}", insist=True)
                driver.start()
                try:
                    print(json.dumps(asyncio.run(measure())))
                finally:
                    driver.stop()


if __name__ == "__main__":
    main()
