"""All radios of this computer that may reach a lock: Bluetooth, and that of a virtual lock which runs here.

TUMBLER_RADIO names the one to use, `bluetooth` or `virtual`. Without it a virtual lock that runs here comes first, then
Bluetooth. A computer without Bluetooth is not an error as long as a virtual lock answers.
"""

import os
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack

from ..errors import ToolError
from ..extras import require
from ..registry.database import air
from .transport import Enough, NoBluetooth, OutOfRange, Radio, Sighting, Wire

SCAN_SECONDS = 8.0
VARIABLE = "TUMBLER_RADIO"
BLUETOOTH = "bluetooth"
VIRTUAL = "virtual"


def radios() -> list[Radio]:
    """Return the radios to use, in the order in which they are used. ToolError if what they need is not installed."""
    chosen = os.environ.get(VARIABLE, "")
    if chosen not in ("", BLUETOOTH, VIRTUAL):
        raise ToolError(f"{VARIABLE} is '{chosen}'.", f"Set it to {BLUETOOTH} or {VIRTUAL}, or unset it.")
    use: list[Radio] = []
    if chosen == VIRTUAL or (not chosen and running()):
        with require("simulator"):
            from .simulator_radio import SimulatorRadio  # both libraries are slow to load

        use.append(SimulatorRadio())
    if chosen != VIRTUAL:
        try:
            with require("bluetooth"):
                from .bluetooth import BluetoothRadio
        except ToolError:
            if not use:
                raise
        else:
            use.append(BluetoothRadio())
    return use


def running() -> bool:
    """Return whether a virtual lock with a radio runs here, for this registry folder or that of TUMBLER_AIR."""
    if not hasattr(socket, "AF_UNIX"):  # Windows, where no virtual lock runs
        return False
    from ..simulator.radio_socket import socket_path

    try:
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(1)
            probe.connect(os.fspath(socket_path(air())))
    except OSError:
        return False
    return True


class Radios:
    """Use as an asynchronous context manager. NoBluetooth only if no radio at all can be used."""

    def __init__(self, choose: Callable[[], list[Radio]] | None = None):
        self._radios = (choose or radios)()
        self._ready: dict[str, Radio] = {}
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> "Radios":
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self._stack.aclose()

    async def scan(
        self,
        seconds: float,
        enough: Enough = lambda one: False,
        suits: Enough = lambda one: False,
    ) -> list[Sighting]:
        """Return every lock seen in so many seconds, or until one is enough, on one radio after the other. The next
        radio is not used if a lock that is enough, or suits, was seen.
        """
        found: list[Sighting] = []
        troubles: list[NoBluetooth] = []
        for radio in self._radios:
            try:
                found += await (await self._enter(radio)).scan(seconds, enough)
            except NoBluetooth as trouble:
                troubles.append(trouble)
            if any(enough(one) or suits(one) for one in found):
                break
        if troubles and len(troubles) == len(self._radios):
            raise troubles[0]
        return found

    async def find(self, lock_id: bytes, name: str, seconds: float = SCAN_SECONDS) -> AsyncIterator[Sighting]:
        """Yield each device that advertises this lock id, which any device may. The first is the one seen first in so
        many seconds. If that was not the lock, the others seen in SCAN_SECONDS follow, strongest first. OutOfRange if
        no device does.
        """

        def is_it(one: Sighting) -> bool:
            return one.lock_id == lock_id

        seen: set[tuple[str, str]] = set()
        for enough, limit in ((is_it, seconds), (lambda one: False, min(seconds, SCAN_SECONDS))):
            found = await self.scan(limit, enough)
            for one in filter(is_it, found):
                if (one.transport, one.address) not in seen:
                    seen.add((one.transport, one.address))
                    yield one
            if not seen:
                raise OutOfRange(f"The lock '{name}'", new=any(one.is_new for one in found))

    async def connect(self, sighting: Sighting) -> Wire:
        """Connect to a lock that was seen."""
        return await self._ready[sighting.transport].connect(sighting)

    async def _enter(self, radio: Radio) -> Radio:
        """Switch a radio on, once."""
        if radio.name not in self._ready:
            self._ready[radio.name] = await self._stack.enter_async_context(radio)
        return self._ready[radio.name]
