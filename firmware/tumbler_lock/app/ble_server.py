"""The link over Bluetooth: one client after the other, each with a session of its own (docs/design/app.md).

Invariants: whatever a client or the radio does, the task continues and the client is disconnected in the end. Between
two slices of a computation, and between two fragments of an answer, all other tasks run. Times are ms.
"""

import asyncio
import gc

from ..core.errors import SessionError
from ..core.fragments import Cutter, Joiner
from ..core.protocol import NO_LOCK
from ..drivers.ble_peripheral import Broken, Gone, NoRadio, Silent

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

    from ..core.session import Session
    from ..core.sessions import Sessions
    from ..drivers.ble_peripheral import Connection, Radio
    from .supervisor import Duty

LOOK_MS = 1000  # between two looks at whether the session is over
RETRY_MS = 10_000  # until the next try, if the radio does not start or does not drop a client
BURST_US = 100_000  # between two advertisements of a burst: the longest that a client waits, to scan and to connect
DEFAULT_NAME = "Tumbler"


class BleServer:
    """Serves sessions over a radio. paused: whether the radio is to stay off.

    duty: of its task; name(): what to advertise, "" for the default; ms(): uptime; served(known): called when a client
    is gone, known: whether it had a key; trouble(text): called with what is wrong with the radio."""

    def __init__(
        self,
        sessions: "Sessions",
        radio: "Radio",
        duty: "Duty",
        name: "Callable[[], str]",
        ms: "Callable[[], int]",
        served: "Callable[[bool], None]",
        trouble: "Callable[[str], None]",
    ) -> None:
        self._sessions = sessions
        self._radio = radio
        self._duty = duty
        self._name = name
        self._ms = ms
        self._served = served
        self._trouble = trouble
        self._waiting = False
        self.paused = False
        self._interval_us = 0  # of the next wait for a client; 0: the board's own
        self._task: "asyncio.Task[None] | None" = None
        self._arrived: "Connection | None" = None
        self._fault = ""

    async def run(self) -> None:
        """Serve for ever."""
        duty = self._duty
        while True:
            pause = LOOK_MS if self.paused else self._sessions.link.wait() * 1000
            if pause:
                await duty.rest(pause)
                continue
            self._waiting = True
            self._task = asyncio.create_task(self._accept())
            while self._waiting:
                await duty.rest(LOOK_MS)
            if self._arrived is None:
                if self.paused:
                    continue
                self._trouble(self._fault)
                await duty.rest(RETRY_MS)
                continue
            known = await self._serve(self._arrived)
            self._arrived = None
            self._served(known)

    async def pause(self) -> bool:
        """Switch the radio off until resume(); return whether it is off. A client that is connected keeps it on."""
        self.paused = True
        while self._waiting and self._task is not None:
            self._task.cancel()
            await asyncio.sleep_ms(0)
        if self._arrived is not None or self._radio.connected:
            return False
        self._radio.stop()
        return True

    def resume(self) -> None:
        """Allow the radio to be on again."""
        if self.paused:
            self.paused = False
            self._duty.wake()

    def burst(self) -> None:
        """Resume with fast advertising (BURST_US) for one wait. On return the radio is on, or failed to start."""
        try:
            self._radio.start()
        except NoRadio:
            pass  # accept() reports it
        self._interval_us = BURST_US
        self.resume()

    async def _accept(self) -> None:
        """Wait for a client without a time limit; runs in a task of its own, so that the duty can report meanwhile."""
        link = self._sessions.link
        lock_id = None if link.id == NO_LOCK else link.id
        self._fault = "the radio failed"
        interval, self._interval_us = self._interval_us, 0
        try:
            self._arrived = await self._radio.accept(self._name() or DEFAULT_NAME, lock_id, interval)
        except NoRadio as error:
            self._fault = str(error)
        finally:
            self._waiting = False
            self._duty.wake()

    async def _serve(self, connection: "Connection") -> bool:
        """Serve one client until its connection or session ends; return whether it proved that it has a key."""
        session = self._sessions.connect()
        cutter, joiner = Cutter(), Joiner()
        try:
            while not session.over:
                message = await self._message(connection, session, joiner)
                for answer in session.receive(message):
                    if answer is None:
                        if not connection.connected:
                            raise Gone("the client is gone")
                        self._duty.report()
                        await asyncio.sleep_ms(0)
                        continue
                    for fragment in cutter.cut(answer, connection.fragment):
                        self._duty.report()
                        await connection.send(fragment)
                gc.collect()
        except (Gone, Silent, Broken, SessionError):
            pass  # whichever it was, this client is disconnected
        session.close()
        task = asyncio.create_task(connection.close())
        while not task.done():
            await self._duty.rest(LOOK_MS // 10)
        return session.slot is not None

    async def _message(self, connection: "Connection", session: "Session", joiner: "Joiner") -> bytes:
        """Return the client's next whole message. Silent if it takes longer than the session's patience."""
        until = self._ms() + session.patience * 1000
        while True:
            left = until - self._ms()
            if left <= 0 or session.over:
                raise Silent("no message in time")
            self._duty.report()
            try:
                fragment = await connection.receive(min(left, LOOK_MS))
            except Silent:
                continue
            message = joiner.add(fragment)
            if message is not None:
                return message
