"""What a wiring table and its picture are made of: devices, their terminals, and the parts between these."""

from dataclasses import dataclass, field

from .schema import Description


@dataclass(frozen=True)
class Terminal:
    """A line inside a device that ends at its edge. pin: GPIO of the board, or None; supply: a name of NETS; neither:
    it stays inside. colour: of the wire; series: a resistor in this line; remark: what else to do there."""

    name: str
    pin: int | None = None
    supply: str = ""
    colour: str = ""
    series: str = ""
    remark: str = ""

    @property
    def place(self) -> str:
        """Where the wire goes; empty for a line that stays inside."""
        return self.supply or ("" if self.pin is None else f"GPIO {self.pin}")


@dataclass(frozen=True)
class Part:
    """What lies between lines of its device. symbol: its drawing; ends: names of terminals, current flows from the
    first to the second, a third one controls; label: what to buy, empty where that is the device itself."""

    symbol: str
    ends: tuple[str, ...]
    label: str = ""
    remark: str = ""

    @property
    def place(self) -> str:
        """Between which terminals it lies."""
        return " to ".join(self.ends[:2]) + "".join(f", {end}" for end in self.ends[2:])


@dataclass
class Device:
    """One thing beside the board. drawing: what the picture shows below its terminals; shopping: what to buy; notes:
    what to know; inner: wires to the keypad behind it, as (terminal, wire, colour)."""

    name: str
    terminals: list[Terminal]
    parts: list[Part] = field(default_factory=list)
    shopping: list[str] = field(default_factory=list)
    drawing: str = ""
    notes: list[str] = field(default_factory=list)
    inner: list[tuple[str, str, str]] = field(default_factory=list)


NETS = {  # what is one wire wherever its name stands: colour, meaning
    "GND": ("black", "All GND are one, those of every supply too."),
    "3V3": ("red", "3.3 V from the board, for what has this name here and nothing else."),
    "5V": ("pink", "Into the board, from here or from its USB socket: never from both."),
    "12V": ("turquoise", "For the bolt alone. It must not touch a pin of the board."),
}
PULL_UP = "10 kΩ to 3V3"
MODULE = "a module has it already"


def net(name: str, supply: str) -> Terminal:
    """Return a terminal at a supply."""
    return Terminal(name, supply=supply, colour=NETS[supply][0])


def bus(description: Description) -> list[Terminal]:
    """Return the two terminals of a device on the I2C bus."""
    return [
        Terminal("SCL", description["i2c"]["scl"], colour="yellow"),
        Terminal("SDA", description["i2c"]["sda"], colour="green"),
    ]


def contact(name: str, pin: int, active: int, pull: str, colour: str, shopping: list[str]) -> Device:
    """Return a button or switch: between the pin and GND, or 3V3 where active is 1; pull: internal or external."""
    terminals = [Terminal("contact", pin, colour=colour), net("other side", "3V3" if active else "GND")]
    parts = [Part("switch", ("contact", "other side"))]
    if pull == "external":
        terminals.insert(0, net("pull", "GND" if active else "3V3"))
        parts.append(Part("resistor", ("pull", "contact"), "10 kΩ"))
        shopping = [*shopping, f"Resistor of 10 kΩ for the {name[0].lower()}{name[1:]}"]
    return Device(name, terminals, parts, shopping)


def source(name: str, place: str, symbol: str) -> Device:
    """Return a supply at a net."""
    return Device(name, [net("+", place), net("\u2212", "GND")], [Part(symbol, ("+", "\u2212"))])
