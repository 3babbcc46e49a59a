"""The clock chips that the firmware can read, one row each.

A row's name is the one that board.json has in clock.chip. The driver and the virtual lock's model of the chip are the
modules of that name: firmware/tumbler_lock/drivers/NAME.py with the class NAME in capitals, and
simulator/board/models/NAME.py with the class NAMEModel. docs/howto/add-a-driver.md says how to add one.
"""

from dataclasses import dataclass

INTERNAL = "internal"  # the ESP32's own clock, which forgets the time without power


@dataclass(frozen=True)
class ClockChip:
    """One chip on the I2C bus. title: as its maker writes it; address: its only one; fastest: Hz that its bus takes at
    most; at_rest: µA while the bus is idle, at most (docs/design/drivers.md has the sources); supply, ground: its
    terminals; module: what to buy."""

    title: str
    address: int
    fastest: int
    at_rest: float
    supply: str
    ground: str
    module: str


CLOCKS = {
    "ds3231": ClockChip(
        title="DS3231",
        address=0x68,
        fastest=400_000,
        at_rest=110,
        supply="VCC",
        ground="GND",
        module="DS3231 module with a lithium cell (CR2032). Remove the charging resistor that some modules have",
    ),
    "pcf8563": ClockChip(
        title="PCF8563",
        address=0x51,
        fastest=400_000,
        at_rest=1.1,
        supply="VDD",
        ground="VSS",
        module="PCF8563 or BM8563 module with a cell",
    ),
}
