"""What is wired to what: the wiring table, the parts list and README.md of a board, made from its description.

python -m tumbler.hardware.wiring --write    makes README.md and wiring.svg of every board that is flashed anew
"""

import sys
from dataclasses import dataclass, field

from . import boards
from .boards import EXPANDERS, BoardFiles
from .chips import CHIPS
from .energy import Usage
from .schema import Description, get


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
    what to know; inner: wires to the keypad behind it."""

    name: str
    terminals: list[Terminal]
    parts: list[Part] = field(default_factory=list)
    shopping: list[str] = field(default_factory=list)
    drawing: str = ""
    notes: list[str] = field(default_factory=list)
    inner: list[tuple[str, str, str]] = field(default_factory=list)  # pin, wire, colour


ROW_COLOURS = ("brown", "red", "orange", "yellow", "green", "blue", "violet", "grey")
COL_COLOURS = ("green", "blue", "violet", "grey", "brown", "red", "orange", "yellow")
NETS = {  # what is one wire wherever its name stands: colour, meaning
    "GND": ("black", "All GND are one, those of every supply too."),
    "3V3": ("red", "3.3 V from the board, for what has this name here and nothing else."),
    "5V": ("pink", "Into the board, from here or from its USB socket: never from both."),
    "12V": ("turquoise", "For the bolt alone. It must not touch a pin of the board."),
}
TITLES = {"button": "Set-up button", "exit": "Exit button", "door": "Door contact"}
OUTSIDE = "10 kΩ to 3V3"
MODULE = "a module has it already"


def _net(name: str, supply: str) -> Terminal:
    return Terminal(name, supply=supply, colour=NETS[supply][0])


def _keypad(description: Description) -> list[Device]:
    keypad = description["keypad"]
    size = f"{len(keypad['rows'])}x{len(keypad['cols'])}"
    name = f"Keypad {size}"
    shopping = [f"Matrix keypad {size}, keys {' '.join(keypad['keys'])} row by row"]
    wires = [(pin, f"row {index + 1}", ROW_COLOURS[index]) for index, pin in enumerate(keypad["rows"])]
    wires += [(pin, f"column {index + 1}", COL_COLOURS[index]) for index, pin in enumerate(keypad["cols"])]
    if "expander" not in keypad:
        remark = OUTSIDE if get(description, "keypad.pull") == "external" else ""
        terminals = [
            Terminal(wire, pin, colour=colour, remark=remark if wire.startswith("column") else "")
            for pin, wire, colour in wires
        ]
        if remark:
            shopping.append(f"{len(keypad['cols'])} resistors of 10 kΩ")
        return [Device(name, terminals, [], shopping, "keypad")]
    return [_expander(description, wires, shopping), Device(name, [], drawing="keypad")]


def _expander(description: Description, wires: list[tuple[int, str, str]], shopping: list[str]) -> Device:
    """The chip between the keypad and the board. Its address pins and RESET must not be left open (data sheets)."""
    expander = description["keypad"]["expander"]
    chip = expander["chip"].upper()
    label = "GP" if chip == "MCP23017" else "P"
    terminals = [_net("VDD", "3V3"), _net("VSS", "GND"), *_bus(description)]
    if "interrupt" in expander:
        remark = OUTSIDE if expander.get("pull") == "external" else ""
        name = "INTA" if label == "GP" else "INT"
        terminals.append(Terminal(name, expander["interrupt"], colour="orange", remark=remark))
    if label == "GP":
        terminals.append(_net("RESET", "3V3"))
    base = EXPANDERS[expander["chip"]][1][0]
    terminals += [_net(f"A{bit}", "3V3" if expander["address"] - base >> bit & 1 else "GND") for bit in (0, 1, 2)]
    parts = [Part("capacitor", ("VDD", "VSS"), "100 nF", MODULE)]
    shopping = [*shopping, f"{chip} as a module, or as a chip with 100 nF from VDD to VSS"]
    inner = [(_expander_pin(label, pin), wire, colour) for pin, wire, colour in sorted(wires)]
    return Device(chip, terminals, parts, shopping, inner=inner)


def _expander_pin(label: str, pin: int) -> str:
    return f"P{pin}" if label == "P" else f"GP{'AB'[pin // 8]}{pin % 8}"


def _bus(description: Description) -> list[Terminal]:
    return [
        Terminal("SCL", description["i2c"]["scl"], colour="yellow"),
        Terminal("SDA", description["i2c"]["sda"], colour="green"),
    ]


def _clock(description: Description) -> Device:
    """The clock module. The bus needs its two pull-ups once (docs/spec/board-json.md)."""
    terminals = [_net("GND", "GND"), _net("VCC", "3V3"), *_bus(description)]
    parts = [Part("resistor", ("VCC", wire), "4.7 kΩ", MODULE) for wire in ("SCL", "SDA")]
    shopping = [
        "DS3231 module with a lithium cell (CR2032). Remove the charging resistor that some modules have",
        "2 resistors of 4.7 kΩ, if neither the clock's module nor another one on the bus has pull-ups",
    ]
    return Device("DS3231 clock", terminals, parts, shopping)


def _bolt(description: Description, place: str) -> list[Device]:
    """The bolt's driver and its supply; place: net of the battery."""
    cells = bool(get(description, "power.battery"))
    if get(description, "bolt.kind") == "motor":
        return _motor(description, place if cells else "12V")
    device = _strike(description)
    volts = "9 to 12 V" if cells else "12 V"
    label = f"Electric strike of {volts} DC, {device.name.rpartition(' ')[2]}, for 95 % duty or more"
    flyback = "Flyback diode 1N4007 across the coil: without it the first switching-off kills the driver"
    device.shopping = [label, flyback, *device.shopping]
    supply = "Strike supply, 12 V DC"
    found = [device, _source(supply, "12V", "source")]
    if cells:
        found[1].parts = [Part("cells", found[1].parts[0].ends, "8 AA cells", "or an adapter of 12 V DC")]
        found[1].shopping = [
            "For the strike: eight alkaline cells of size AA in a holder, or an adapter of 12 V DC, 1 A"
        ]
        found[1].notes = _strike_notes(description)
    else:
        found[1].shopping = ["Power supply of 12 V DC for the strike, 1 A"]
    return found


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
    """The driver of a coil, whose input a resistor holds off while the pin floats (docs/design/drivers.md)."""
    bolt = description["bolt"]
    name = f"Strike driver, fail-{get(description, 'bolt.fail')}"
    plus = _net("strike +", "12V")
    off = "holds the coil off while the pin floats"
    if bolt.get("active", 1):
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
        return Device(name, [plus, Terminal("drain"), gate, _net("source", "GND")], parts, shopping)
    terminals = [plus, Terminal("contact"), _net("GND", "GND"),
                 Terminal("IN", bolt["pin"], colour="orange"), _net("VCC", "3V3")]  # fmt: skip
    parts = [
        Part("switch", ("strike +", "contact"), "relay"),
        Part("coil", ("contact", "GND"), "strike"),
        Part("diode", ("GND", "contact"), "1N4007", "its ring at the relay"),
        Part("resistor", ("VCC", "IN"), "10 kΩ", off),
    ]
    return Device(name, terminals, parts, ["Relay module of 3.3 V, on at low", "Resistor of 10 kΩ"])


def _motor(description: Description, place: str) -> list[Device]:
    bolt = description["bolt"]
    terminals = [
        Terminal("IN1 open", bolt["open"], colour="orange"),
        Terminal("IN2 close", bolt["close"], colour="yellow"),
        _net("GND", "GND"), _net("VM", place), Terminal("OUT1"), Terminal("OUT2"),
    ]  # fmt: skip
    off = "stops the motor while the pin floats"
    parts = [Part("resistor", (name, "GND"), "10 kΩ", off) for name in ("IN1 open", "IN2 close")]
    parts += [Part("capacitor", ("VM", "GND"), "100 µF", "its + at VM"), Part("motor", ("OUT1", "OUT2"), "motor")]
    volts, chip = ("12 V", "DRV8871") if place == "12V" else ("4.5 to 6 V", "DRV8210")
    shopping = [
        f"Motor bolt of {volts} with two end switches; if it runs the wrong way, swap OUT1 and OUT2",
        f"H-bridge for its motor that sleeps by itself while both inputs are low, such as a {chip} module",
        "2 resistors of 10 kΩ, electrolytic capacitor of 100 µF, 25 V",
    ]
    found = [Device("H-bridge and motor bolt", terminals, parts, shopping)]
    active = get(description, "bolt.switch_active")
    pull = get(description, "bolt.switch_pull")
    for name, colour in (("opened", "green"), ("closed", "blue")):
        found.append(_contact(f"End switch, {name}", bolt[name], active, pull, colour, []))
    if place == "12V":
        found.append(_source("Bolt supply, 12 V DC", "12V", "source"))
        found[-1].shopping = ["Power supply of 12 V DC for the bolt, for the current that its motor starts with"]
    return found


def _contact(name: str, pin: int, active: int, pull: str, colour: str, shopping: list[str]) -> Device:
    """A button or switch: between the pin and GND, or 3V3 where active is 1; pull: which pull resistor."""
    terminals = [Terminal("contact", pin, colour=colour), _net("other side", "3V3" if active else "GND")]
    parts = [Part("switch", ("contact", "other side"))]
    if pull == "external":
        terminals.insert(0, _net("pull", "GND" if active else "3V3"))
        parts.append(Part("resistor", ("pull", "contact"), "10 kΩ"))
        shopping = [*shopping, f"Resistor of 10 kΩ for the {name[0].lower()}{name[1:]}"]
    return Device(name, terminals, parts, shopping)


def _source(name: str, place: str, symbol: str) -> Device:
    return Device(name, [_net("+", place), _net("\u2212", "GND")], [Part(symbol, ("+", "\u2212"))])


def _supply(description: Description, place: str) -> Device:
    """What the board lives on; headers.json has what to buy."""
    battery = description.get("battery")
    if battery is None:
        return _source(f"Supply, {place.replace('3V3', '3.3V').replace('V', ' V')} DC", place, "source")
    low, full = battery["empty_mv"] / 1000, battery["full_mv"] / 1000
    return _source(f"Battery, {low:g} to {full:g} V", place, "cells")


def devices(board: BoardFiles) -> list[Device]:
    """Return everything beside the board, in the order of the wiring table. The description has no errors."""
    description = board.description
    headers = board.headers or {}
    # A board that nothing is known of has its regulator behind this pin, as all have; 3V3 stands no battery.
    place = "3V3" if board.headers and "5V" not in headers["left"] + headers["right"] else "5V"
    found = [_supply(description, place), *_keypad(description)]
    if description["clock"]["chip"] == "ds3231":
        found.append(_clock(description))
    found += _bolt(description, place)
    buzzer = Terminal("+", description["buzzer"]["pin"], colour="violet", series="100 Ω")
    parts = [Part("piezo", ("+", "\u2212"))]
    found.append(Device("Buzzer", [buzzer, _net("\u2212", "GND")], parts, ["Passive piezo buzzer, resistor of 100 Ω"]))
    pin = description["led"]["pin"]
    ends = [Terminal("anode", pin, colour="green", series="330 Ω"), _net("cathode", "GND")]
    if not get(description, "led.active"):
        ends = [_net("anode", "3V3"), Terminal("cathode", pin, colour="green", series="330 Ω")]
    found.append(Device("LED", ends, [Part("led", ("anode", "cathode"))], ["Green LED, resistor of 330 Ω"]))
    onboard = headers.get("onboard", {})
    for name, part, colour in (
        ("button", "Push button, inside, where no guest reaches it", "blue"),
        ("exit", "Push button beside the door, inside", "brown"),
        ("door", "Reed contact with magnet, closed while the door is shut", "grey"),
    ):
        if name in description and str(description[name]["pin"]) not in onboard:
            pin, active, pull = (
                description[name]["pin"],
                get(description, f"{name}.active"),
                get(description, f"{name}.pull"),
            )
            found.append(_contact(TITLES[name], pin, active, pull, colour, [part]))
    if "battery" in description:
        found.append(_battery(description, place))
    return found


def _battery(description: Description, place: str) -> Device:
    """The divider: 100 kΩ below, the rest above, as near as the series E24 has it is for the builder to measure."""
    above = f"{description['battery']['divider'] - 100} kΩ"
    tap = Terminal("tap", description["battery"]["pin"], colour="grey")
    terminals = [_net("battery +", place), tap, _net("GND", "GND")]
    parts = [
        Part("resistor", ("battery +", "tap"), above),
        Part("resistor", ("tap", "GND"), "100 kΩ"),
        Part("capacitor", ("tap", "GND"), "100 nF"),
    ]
    shopping = [f"Resistors of {above} (battery to tap) and 100 kΩ (tap to GND), 1 %, and 100 nF"]
    return Device("Battery divider", terminals, parts, shopping)


def table(board: BoardFiles) -> list[str]:
    """Return the wiring table, lines of Markdown."""
    lines = ["| part | its terminal | goes to | wire | remark |", "| --- | --- | --- | --- | --- |"]
    onboard = (board.headers or {}).get("onboard", {})
    for device in devices(board):
        rows = []
        for terminal in device.terminals:
            series = f"{terminal.series} in series" if terminal.series else ""
            if terminal.place:
                rows.append((terminal.name, terminal.place, terminal.colour, series or terminal.remark))
        rows += [(part.label, part.place, "", part.remark) for part in device.parts if part.label]
        rows += [(pin, f"keypad {wire}", colour, "") for pin, wire, colour in device.inner]
        lines += [
            f"| {'' if index else device.name} | {' | '.join(row)} |".replace("|  |", "| |").replace("|  |", "| |")
            for index, row in enumerate(rows)
        ]
    for use in boards.uses(board.description):
        name = use.where.split(".")[0]
        if onboard.get(str(use.pin)) == name:
            lines.append(f"| {TITLES.get(name, name)} | | GPIO {use.pin} | | on the board already |")
    return lines


def nets(board: BoardFiles) -> list[str]:
    """Return the names of NETS that a board's wiring has."""
    there = {terminal.supply for device in devices(board) for terminal in device.terminals}
    return [name for name in NETS if name in there]


def readme(board: BoardFiles) -> str:
    """Return the README.md of a board."""
    description = board.description
    headers = board.headers or {}
    chip = CHIPS[description["mcu"]].name
    beside = devices(board)
    lines = [
        f"# {headers['title']}", "",
        "Made from `board.json` and `headers.json` by `python -m tumbler.hardware.wiring --write`; change those.", "",
        "![Wiring](wiring.svg)", "", "## Wiring", "",
        "The picture shows the same rows. A row without a wire is a part between two terminals of its device.", "",
        *table(board), "",
        "| name | |", "| --- | --- |", *(f"| {name} | {NETS[name][1]} |" for name in nets(board)), "",
        "## Parts", "", f"- {headers['title']}",
    ]  # fmt: skip
    parts = headers.get("parts", []) + [part for device in beside for part in device.shopping]
    lines += [f"- {part.removesuffix('.')}" for part in parts]
    notes = headers["notes"] + [note for device in beside for note in device.notes]
    lines += ["", "## Notes", ""] + [f"- {note}" for note in notes]
    lines += ["", "## MicroPython and flash", "", "| | |", "| --- | --- |"]
    flash = description["flash"]
    image = description["micropython"]
    sha = image["sha256"] or "not known here; recorded when an image was first written"
    lines += [
        f"| chip | {chip}, flash of {flash['size_kib'] // 1024} MB |",
        f"| build | `{image['build']}`, version {image['version']} |",
        f"| SHA-256 of the image | {sha} |",
        f"| image at | 0x{flash['image_offset']:x} |",
        f"| program | 0x{flash['app_offset']:x} to 0x{flash['app_offset'] + 1024 * flash['app_kib']:x} |",
        f"| file system | 0x{flash['vfs_offset']:x} to 0x{flash['vfs_offset'] + 1024 * flash['vfs_kib']:x},"
        f" {flash['vfs_kib']:,} KiB |",
    ]
    lines += ["", "## Sources", ""] + [f"- {source}" for source in headers["sources"]]
    return "\n".join(lines) + "\n"


def main(arguments: list[str]) -> int:
    """Write the files of every board that is flashed, or only say which differ (status 1)."""
    from .wiring_picture import picture

    different = 0
    for name in boards.names():
        board = boards.usable(name)
        if board.headers is None:
            continue
        for file, text in (("README.md", readme(board)), ("wiring.svg", picture(board))):
            path = board.path.with_name(file)
            if not path.exists() or path.read_text(encoding="utf-8") != text:
                different += 1
                print(path.relative_to(boards.BOARDS.parent))
                if "--write" in arguments:
                    path.write_text(text, encoding="utf-8")
    return 0 if "--write" in arguments else min(different, 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
