"""The kinds of bolts, one row each: their pins, and how they are wired.

A row's name is the one that board.json has in bolt.kind. The fields of each kind are in schema.py. The firmware drives
a solenoid with drivers/bolt.py and a motor with drivers/motor.py; the virtual lock has a coil at a Pad of
simulator/board/models/rmt.py for the one, and simulator/board/models/motor.py for the other.
"""

from collections.abc import Callable
from dataclasses import dataclass

from .energy import Usage
from .schema import SOLENOID, Description, get
from .wiring_parts import Device, Part, Terminal, contact, net, source


@dataclass(frozen=True)
class Bolt:
    """One kind. outputs, inputs: fields of the part bolt that name pins; wiring: makes the devices of a description
    whose cells are at the net `place`."""

    outputs: tuple[str, ...]
    inputs: tuple[str, ...]
    wiring: Callable[[Description, str], list[Device]]


def bolt_of(description: Description) -> Bolt:
    """Return the row of a description's bolt; its fields are right."""
    return BOLTS[get(description, "bolt.kind")]


def _on_cells(description: Description) -> bool:
    return bool(get(description, "power.battery"))


def _solenoid(description: Description, place: str) -> list[Device]:
    """A strike with its driver and a supply of its own."""
    cells = _on_cells(description)
    device = _strike(description)
    volts = "9 to 12 V" if cells else "12 V"
    label = f"Electric strike of {volts} DC, {device.name.rpartition(' ')[2]}, for 95 % duty or more"
    flyback = "Flyback diode 1N4007 across the coil: without it the first switching-off kills the driver"
    device.shopping = [label, flyback, *device.shopping]
    supply = source("Strike supply, 12 V DC", "12V", "source")
    supply.shopping = ["Power supply of 12 V DC for the strike, 1 A"]
    if cells:
        supply.parts = [Part("cells", supply.parts[0].ends, "8 AA cells", "or an adapter of 12 V DC")]
        supply.shopping = ["For the strike: eight alkaline cells of size AA in a holder, or an adapter of 12 V DC, 1 A"]
        supply.notes = _strike_notes(description)
    return [device, supply]


def _strike_notes(description: Description) -> list[str]:
    """What a strike means where the board lives on cells."""
    usage = Usage()
    day_mah = usage.entries * usage.strike_ua * usage.strike_ms / 1000 / 3600 / 1000
    days = usage.cells_mah * usage.usable_percent / 100 / day_mah
    low = get(description, "battery.empty_mv") or 4400
    drawn = 12 * usage.strike_ua / 1000 / 0.85 / low
    return [
        "A strike of 12 V has a supply of its own here: the board's cells have too few volts for its coil. Eight cells"
        " in series give 12 V fresh and 8.8 V empty, so take a strike that still opens at 9 V."
        f" One of {usage.strike_ua // 1000} mA that is on for {usage.strike_ms // 1000} s, {usage.entries} times a day,"
        f" empties them in some {days:.0f} days, one of twice that current in half the time: its label has the figure.",
        "No step-up converter from the board's cells: for the same strike it would draw"
        f" {drawn:.1f} A out of cells that are nearly empty. Their voltage breaks down, and the board restarts.",
        "From the board's cells alone a bolt with a motor of 4.5 to 6 V does work, since it draws current only while it"
        " moves: write the motor's fields of `bolt`, and this table is made for an H-bridge. docs/guide/batteries.md,"
        f' "strike on the cells", counts {usage.strike_ua // 1000} mA for {usage.strike_ms // 1000} s each time; a'
        " motor takes less.",
    ]


def _strike(description: Description) -> Device:
    """The driver of a coil. A resistor holds its input off while the pin floats (docs/design/drivers.md)."""
    bolt = description["bolt"]
    name = f"Strike driver, fail-{get(description, 'bolt.fail')}"
    plus = net("strike +", "12V")
    off = "holds the coil off while the pin floats"
    if get(description, "bolt.active"):
        gate = Terminal("gate", bolt["pin"], colour="orange", series="100 Ω")
        parts = [
            Part("resistor", ("gate", "source"), "10 kΩ", off),
            Part("coil", ("strike +", "drain"), "strike"),
            Part("diode", ("drain", "strike +"), "1N4007", "its ring at strike +"),
            Part("mosfet", ("drain", "source", "gate"), "MOSFET"),
        ]
        shopping = [
            "N-channel MOSFET that is fully on at 2.5 V, such as an AO3400A. Or a relay module of 3.3 V, on at high:"
            " its contact in place of drain and source, its input in place of the gate",
            "Resistors of 100 Ω and 10 kΩ",
        ]
        return Device(name, [plus, Terminal("drain"), gate, net("source", "GND")], parts, shopping)
    terminals = [plus, Terminal("contact"), net("GND", "GND"),
                 Terminal("IN", bolt["pin"], colour="orange"), net("VCC", "3V3")]  # fmt: skip
    parts = [
        Part("switch", ("strike +", "contact"), "relay"),
        Part("coil", ("contact", "GND"), "strike"),
        Part("diode", ("GND", "contact"), "1N4007", "its ring at the relay"),
        Part("resistor", ("VCC", "IN"), "10 kΩ", off),
    ]
    return Device(name, terminals, parts, ["Relay module of 3.3 V, on at low", "Resistor of 10 kΩ"])


def _motor(description: Description, place: str) -> list[Device]:
    """A motor bolt with its H-bridge and end switches, from the board's cells or from a supply of its own."""
    bolt = description["bolt"]
    power = place if _on_cells(description) else "12V"
    terminals = [
        Terminal("IN1 open", bolt["open"], colour="orange"),
        Terminal("IN2 close", bolt["close"], colour="yellow"),
        net("GND", "GND"), net("VM", power), Terminal("OUT1"), Terminal("OUT2"),
    ]  # fmt: skip
    off = "stops the motor while the pin floats"
    parts = [Part("resistor", (name, "GND"), "10 kΩ", off) for name in ("IN1 open", "IN2 close")]
    parts += [Part("capacitor", ("VM", "GND"), "100 µF", "its + at VM"), Part("motor", ("OUT1", "OUT2"), "motor")]
    volts, chip = ("12 V", "DRV8871") if power == "12V" else ("4.5 to 6 V", "DRV8210")
    shopping = [
        f"Motor bolt of {volts} with two end switches; if it runs the wrong way, swap OUT1 and OUT2",
        f"H-bridge for its motor that sleeps by itself while both inputs are low, such as a {chip} module",
        "2 resistors of 10 kΩ, electrolytic capacitor of 100 µF, 25 V",
    ]
    found = [Device("H-bridge and motor bolt", terminals, parts, shopping)]
    active = get(description, "bolt.switch_active")
    pull = get(description, "bolt.switch_pull")
    for name, colour in (("opened", "green"), ("closed", "blue")):
        found.append(contact(f"End switch, {name}", bolt[name], active, pull, colour, []))
    if power == "12V":
        supply = source("Bolt supply, 12 V DC", "12V", "source")
        supply.shopping = ["Power supply of 12 V DC for the bolt, for the current that its motor starts with"]
        found.append(supply)
    return found


BOLTS = {
    SOLENOID: Bolt(outputs=("pin",), inputs=(), wiring=_solenoid),
    "motor": Bolt(outputs=("open", "close"), inputs=("opened", "closed"), wiring=_motor),
}
