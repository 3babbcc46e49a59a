"""The simulated board: its parts, what people do to it, what it reports, and how its power-on ends."""

import json
import os
import sys

from .fake_aioble import SimulatedAioble
from .fake_bluetooth import SimulatedBluetooth
from .fake_machine import SimulatedMachine, SimulatedTime
from .flash import SimulatedFlash
from .host_pipe import EXIT_CUT, EXIT_RESET
from .models.clocks import clock_model
from .models.i2c import I2CModel
from .models.matrix import MatrixModel, bounce
from .outputs import Outputs
from .world import World

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from .host_pipe import HostPipe, Message

BOUNCE_US = 3000


class PowerOff(SystemExit):
    """The end of this power-on. No handler of the firmware catches it, and nothing reaches flash or host after it."""


class BounceRandom:
    """Small random generator for the bounce of contacts: the same in every run."""

    def __init__(self, seed: int) -> None:
        self._state = seed

    def randrange(self, below: int) -> int:
        """Return a number below `below`."""
        self._state = (self._state * 1103515245 + 12345) & 0x7FFFFFFF
        return (self._state >> 8) % below


class SimulatedBoard:
    """The parts of one power-on. folder: of board.json; chips: folder; request: `boot` (docs/design/simulator.md).

    KeyError, OSError, TypeError, ValueError if the request or the description is wrong.
    """

    def __init__(self, pipe: "HostPipe", folder: str, chips: str, request: "Message") -> None:
        self.pipe = pipe
        self.folder = folder
        self.slots = bool(request.get("slots"))
        self._ended = False
        self._rtc_reported: "Message | None" = None
        with open(folder + "/board.json") as file:
            self.description: "Message" = json.load(file)
        description = self.description
        with open("%s/%s.json" % (chips, description["mcu"])) as file:
            chip: "Message" = json.load(file)
        self.keys: str = description["keypad"]["keys"]
        self.world = world = World(request["now_ms"], request.get("mode", "fast") == "fast", self._bitten)
        self.outputs = Outputs(description["bolt"], self.event)
        world.settled = self.outputs.settled
        self.flash = SimulatedFlash(request["flash"], request.get("flash_kib", 512), self._cut)
        self.flash.plan_cut(request.get("cut") or 0)
        self.chip = clock_model(description["clock"]["chip"], world.now_ms, request.get("rtc"))
        self.bus = I2CModel({self.chip.ADDRESS: self.chip})
        keypad = description["keypad"]
        self.matrix = MatrixModel(len(keypad["rows"]), len(keypad["cols"]), world.now_us)
        for key in request.get("held", ""):
            self.key_down(key)
        self._bluetooth = SimulatedBluetooth(lambda word, **fields: self.event("radio", op=word, **fields))
        self.radio = self._bluetooth.radio
        world.awake = lambda: bool(self.radio.links)
        self.machine = SimulatedMachine(
            world, description, chip, self.matrix, self.bus, self.outputs, self.reset, request, self.radio.asleep
        )  # fmt: skip
        self.machine.button.held = bool(request.get("button"))
        for name in request.get("contacts", ()):
            self.machine.contacts[name].held = True
        if request.get("battery") is not None:
            self.machine.battery.millivolts = request["battery"]
        self.time = SimulatedTime(world, request.get("own_clock", 0))

    def install(self) -> None:
        """Put the parts in the place of the port's modules, and this time under asyncio.

        The real aioble, if TUMBLER_AIOBLE names its folder, is imported by the firmware.
        """
        sys.modules["machine"] = self.machine  # type: ignore[assignment]
        sys.modules["esp32"] = self.machine.esp32  # type: ignore[assignment]
        sys.modules["time"] = self.time  # type: ignore[assignment]
        sys.modules["bluetooth"] = self._bluetooth  # type: ignore[assignment]
        real = None if self.slots else os.getenv("TUMBLER_AIOBLE")
        if real:
            sys.path.insert(0, real)
        else:
            sys.modules["aioble"] = SimulatedAioble(self._bluetooth)  # type: ignore[assignment]
        self.world.install()

    # What people do

    def key_down(self, key: str) -> None:
        """A finger touches a key of the keypad."""
        crossing = self.keys.index(key)
        if not self.matrix.closed(crossing):
            self._toggle(crossing)

    def key_up(self, key: str) -> None:
        """The finger leaves it."""
        crossing = self.keys.index(key)
        if self.matrix.closed(crossing):
            self._toggle(crossing)

    def _toggle(self, crossing: int) -> None:
        now = self.world.now_us()
        chatter = bounce(BounceRandom(now + crossing), BOUNCE_US) if self.world.elapsed else (0,)
        self.matrix.press(crossing, now, chatter)
        self.world.touched()

    # What the board reports

    def event(self, word: str, **fields: object) -> None:
        """Report an event to the host."""
        fields["event"] = word
        fields["now_ms"] = self.world.now_ms()
        self.pipe.send(fields)

    def report_rtc(self) -> None:
        """Report the clock chip's state, unless the last one reported has simply run on to it."""
        state = self.chip.state()
        if state != self._rtc_reported:
            self._rtc_reported = state
            self.event("rtc", state=state)

    # The end of a power-on

    def stop(self, status: int, event: "str | None" = None, **fields: object) -> "NoReturn":
        """End this power-on: after the last event nothing reaches flash or host."""
        if not self._ended:
            self.release()
            self.report_rtc()
            if event:
                self.event(event, **fields)
            self._ended = True
            self.pipe.close()
            self.flash.freeze()
        raise PowerOff(status)

    def release(self) -> None:
        """Let a coil fall, as without power. A motor stays where it is."""
        if self.machine.motor is None:
            self.outputs.release()

    def reset(self, cause: str, **fields: object) -> "NoReturn":
        """End this power-on by a reset."""
        fields["own_clock"] = self.time.time()
        if self.machine.motor is not None:
            fields["position"] = self.machine.motor.position
        self.stop(EXIT_RESET, "reset", cause=cause, **fields)

    def _cut(self) -> "NoReturn":
        self.stop(EXIT_CUT, "cut", writes=self.flash.writes, erases=self.flash.erases)

    def _bitten(self) -> "NoReturn":
        self.reset("watchdog")
