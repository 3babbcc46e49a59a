"""The parts of the virtual board for a board at a serial port (tests/support/board_at_port.py): a prelude for its
start.

Time passes only where the scripts on the board wait, and then at once. `world`, `chip`, `matrix` and `told` (what the
outputs did) can be reached from the prompt.
"""

import json

from tumbler.paths import BOARDS

PRELUDE = """
import json
from tumbler.simulator.board.fake_machine import SimulatedMachine, SimulatedTime
from tumbler.simulator.board.models.clocks import clock_model
from tumbler.simulator.board.models.i2c import I2CModel
from tumbler.simulator.board.models.matrix import MatrixModel
from tumbler.simulator.board.world import World
description = json.loads({description!r})
def nothing(*_):
    pass
def gone(*_, **__):
    dark()
world = World({now_ms}, True, gone)
chip = clock_model(description["clock"]["chip"], world.now_ms, {rtc!r})
matrix = MatrixModel(4, 3, world.now_us)
told = []
class outputs:
    bolt = staticmethod(lambda level: told.append(["bolt", level, world.elapsed]))
    led = staticmethod(nothing)
    tone = staticmethod(lambda hz: told.append(["tone", hz, world.elapsed]))
bus = I2CModel({bus})
machine = SimulatedMachine(world, description, {chip!r}, matrix, bus, outputs, gone, {{}}, lambda: None)
sys.modules["machine"] = machine
sys.modules["esp32"] = machine.esp32
sys.modules["time"] = SimulatedTime(world)
{more}
"""

RADIO = """
class BLE:
    def active(self, on):
        pass
    def config(self, name):
        return 0, bytes(range(6))
class bluetooth:
    BLE = BLE
class aioble:
    pass
sys.modules["bluetooth"] = bluetooth
sys.modules["aioble"] = aioble
"""

FINGERS = """
def press(key, at):
    crossing = description["keypad"]["keys"].index(key)
    world.fingers.append([at, lambda _: matrix.press(crossing, world.now_us(), (0,)), 0])
    world.fingers.append([at + 100, lambda _: matrix.press(crossing, world.now_us(), (0,)), 0])
at = 15000
for key in {keys!r}:
    press(key, at)
    at += {pause}
"""


def parts(description: dict, now: int, rtc: dict | None = None, bus: str = "{104: chip}", more: str = "") -> str:
    """Return the prelude. now: Unix time; rtc: state of the clock chip (None: never set); bus: what is on I2C."""
    chip = json.loads((BOARDS / "chips" / f"{description['mcu']}.json").read_text(encoding="utf-8"))
    return PRELUDE.format(
        description=json.dumps(description), now_ms=now * 1000, chip=chip, rtc=rtc, bus=bus, more=more
    )


def fingers(keys: str, pause: int = 1000) -> str:
    """Return source that presses these keys from the 15th second on, one every `pause` ms."""
    return FINGERS.format(keys=keys, pause=pause)
