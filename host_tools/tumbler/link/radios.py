"""All radios of this computer that may reach a lock: Bluetooth, and that of a virtual lock which runs here.

TUMBLER_RADIO names the one to use, `bluetooth` or `virtual`. Without it a virtual lock that runs is asked first, then
Bluetooth; a computer without Bluetooth is no trouble as long as a virtual lock answers.
"""

import os
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack

from ..errors import ToolError
from ..registry.database import air
from ..simulator.radio_socket import socket_path
from .transport import NoBluetooth, OutOfRange, Radio, Sighting, Wire

SCAN_SECONDS = 8.0
VARIABLE = "TUMBLER_RADIO"
BLUETOOTH = "bluetooth"
VIRTUAL = "virtual"


def radios() -> list[Radio]:
    """Return the radios to use, in the order in which they are asked."""
    chosen = os.environ.get(VARIABLE, "")
    if chosen not in ("", BLUETOOTH, VIRTUAL):
        raise ToolError(f"{VARIABLE} is '{chosen}'.", f"It takes {BLUETOOTH} or {VIRTUAL}, or leave it out.")
    use: list[Radio] = []
    if chosen == VIRTUAL or (not chosen and running()):
        from .simulator_radio import SimulatorRadio  # both libraries are slow to load

        use.append(SimulatorRadio())
    if chosen != VIRTUAL:
        from .bluetooth import BluetoothRadio

        use.append(BluetoothRadio())
    return use


def running() -> bool:
    """Whether a virtual lock with a radio runs here, for this registry folder or the one that TUMBLER_AIR names."""
    try:
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(1)
            probe.connect(os.fspath(socket_path(air())))
    except OSError:
        return False
    return True


class Radios:
    """Use as an asynchronous context manager. NoBluetooth only when no radio at all can be used."""

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
        enough: Callable[[Sighting], bool] = lambda one: False,
        suits: Callable[[Sighting], bool] = lambda one: False,
    ) -> list[Sighting]:
        """Return every lock seen in so many seconds, or until one is enough, on one radio after the other. The next
        radio is left out when a lock that is enough, or suits, was seen.
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
        """Yield what calls itself by this id, which anybody may: first what is seen first in so many seconds, then,
        when that was not it, all else that is seen in SCAN_SECONDS, the strongest first. OutOfRange when there is
        nothing.
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
                raise OutOfRange(f"The lock '{name}'", any(one.is_new for one in found))

    async def connect(self, sighting: Sighting) -> Wire:
        """Connect to a lock that was seen."""
        return await self._ready[sighting.transport].connect(sighting)

    async def _enter(self, radio: Radio) -> Radio:
        """Switch a radio on, once."""
        if radio.name not in self._ready:
            self._ready[radio.name] = await self._stack.enter_async_context(radio)
        return self._ready[radio.name]
