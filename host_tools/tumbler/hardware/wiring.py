"""What is wired to what on a board: the devices beside it, and the wiring table, made from its description."""

from .boards import BoardFiles
from .bolts import bolt_of
from .clocks import CLOCKS
from .expanders import EXPANDERS
from .rules import uses
from .schema import Description, get
from .wiring_parts import MODULE, NETS, PULL_UP, Device, Part, Terminal, bus, contact, net, source

ROW_COLOURS = ("brown", "red", "orange", "yellow", "green", "blue", "violet", "grey")
COL_COLOURS = ("green", "blue", "violet", "grey", "brown", "red", "orange", "yellow")
CONTACTS = {  # part: title, what to buy, colour of its wire
    "button": ("Set-up button", "Push button, inside, where no guest reaches it", "blue"),
    "exit": ("Exit button", "Push button beside the door, inside", "brown"),
    "door": ("Door contact", "Reed contact with magnet, closed while the door is shut", "grey"),
}


def devices(board: BoardFiles) -> list[Device]:
    """Return everything beside the board, in the order of the wiring table. The description has no errors."""
    description = board.description
    headers = board.headers or {}
    # A board that nothing is known of has its regulator behind the pin 5V, as all have; 3V3 takes no battery.
    place = "3V3" if board.headers and "5V" not in headers["left"] + headers["right"] else "5V"
    found = [] if "socket" in headers else [_supply(description, place)]
    found += _keypad(description, headers)
    if not _has(headers, description["clock"]["chip"]):
        found += _clock(description)
    found += bolt_of(description).wiring(description, place)
    found += [_buzzer(description), _led(description)]
    onboard = headers.get("onboard") or {}
    for name, (title, part, colour) in CONTACTS.items():
        if name in description and str(description[name]["pin"]) not in onboard:
            active, pull = get(description, f"{name}.active"), get(description, f"{name}.pull")
            found.append(contact(title, description[name]["pin"], active, pull, colour, [part]))
    if "battery" in description:
        found.append(_battery(description, place))
    return found


def table(board: BoardFiles) -> list[str]:
    """Return the wiring table, lines of Markdown."""
    lines = ["| part | its terminal | goes to | wire | remark |", "| --- | --- | --- | --- | --- |"]
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
    lines += [f"| {name} | | {place} | | on the board already |" for name, place in fitted(board)]
    return lines


def fitted(board: BoardFiles) -> list[tuple[str, str]]:
    """Return the parts of the description that the board has itself, and where each of them is."""
    headers = board.headers or {}
    onboard = headers.get("onboard") or {}
    found = [("Supply, 5 V DC", headers["socket"])] if "socket" in headers else []
    for use in uses(board.description):
        name = use.where.split(".")[0]
        if onboard.get(str(use.pin)) == name:
            found.append((CONTACTS[name][0] if name in CONTACTS else name, f"GPIO {use.pin}"))
    chip = board.description["clock"]["chip"]
    if _has(headers, chip):
        i2c = board.description["i2c"]
        found.append((f"{CLOCKS[chip].title} clock", f"GPIO {i2c['scl']}, GPIO {i2c['sda']}"))
    return found


def nets(board: BoardFiles) -> list[str]:
    """Return the names of NETS that a board's wiring has."""
    there = {terminal.supply for device in devices(board) for terminal in device.terminals}
    return [name for name in NETS if name in there]


def _has(headers: Description, chip: str) -> bool:
    """Whether the board itself has this chip on its bus."""
    return chip in headers.get("built_in", ())


def _supply(description: Description, place: str) -> Device:
    """Return what the board lives on; headers.json has what to buy."""
    battery = description.get("battery")
    if battery is None:
        return source(f"Supply, {place.replace('3V3', '3.3V').replace('V', ' V')} DC", place, "source")
    low, full = battery["empty_mv"] / 1000, battery["full_mv"] / 1000
    return source(f"Battery, {low:g} to {full:g} V", place, "cells")


def _keypad(description: Description, headers: Description) -> list[Device]:
    keypad = description["keypad"]
    size = f"{len(keypad['rows'])}x{len(keypad['cols'])}"
    name = f"Keypad {size}"
    shopping = [f"Matrix keypad {size}, keys {' '.join(keypad['keys'])} row by row"]
    wires = [(pin, f"row {index + 1}", ROW_COLOURS[index]) for index, pin in enumerate(keypad["rows"])]
    wires += [(pin, f"column {index + 1}", COL_COLOURS[index]) for index, pin in enumerate(keypad["cols"])]
    if "expander" in keypad:
        return [_expander(description, wires, shopping), Device(name, [], drawing="keypad")]
    remark = PULL_UP if get(description, "keypad.pull") == "external" else ""
    terminals = [
        Terminal(wire, pin, colour=colour, remark=remark if wire.startswith("column") else "")
        for pin, wire, colour in wires
    ]
    if remark:
        shopping.append(f"{len(keypad['cols'])} resistors of 10 kΩ")
    return [Device(name, terminals, [], shopping, "keypad")]


def _expander(description: Description, wires: list[tuple[int, str, str]], shopping: list[str]) -> Device:
    """Return the chip between keypad and board. No pin of it that needs a level is left open (data sheets)."""
    expander = description["keypad"]["expander"]
    chip = EXPANDERS[expander["chip"]]
    terminals = [net("VDD", "3V3"), net("VSS", "GND"), *bus(description)]
    if "interrupt" in expander:
        remark = PULL_UP if get(description, "keypad.expander.pull") == "external" else ""
        terminals.append(Terminal(chip.interrupt, expander["interrupt"], colour="orange", remark=remark))
    terminals += [net(name, "3V3") for name in chip.high]
    number = expander["address"] - chip.addresses[0]
    terminals += [net(f"A{bit}", "3V3" if number >> bit & 1 else "GND") for bit in (0, 1, 2)]
    parts = [Part("capacitor", ("VDD", "VSS"), "100 nF", MODULE)]
    shopping = [*shopping, f"{chip.title} as a module, or as a chip with 100 nF from VDD to VSS"]
    inner = [(chip.pins[pin], wire, colour) for pin, wire, colour in sorted(wires)]
    return Device(chip.title, terminals, parts, shopping, inner=inner)


def _clock(description: Description) -> list[Device]:
    """Return the clock module; nothing for the ESP32's own clock. The bus needs its two pull-ups once."""
    chip = CLOCKS.get(description["clock"]["chip"])
    if chip is None:
        return []
    terminals = [net(chip.ground, "GND"), net(chip.supply, "3V3"), *bus(description)]
    parts = [Part("resistor", (chip.supply, wire), "4.7 kΩ", MODULE) for wire in ("SCL", "SDA")]
    shopping = [
        chip.module,
        "2 resistors of 4.7 kΩ, if neither the clock's module nor another one on the bus has pull-ups",
    ]
    return [Device(f"{chip.title} clock", terminals, parts, shopping)]


def _buzzer(description: Description) -> Device:
    terminal = Terminal("+", description["buzzer"]["pin"], colour="violet", series="100 Ω")
    parts = [Part("piezo", ("+", "\u2212"))]
    return Device("Buzzer", [terminal, net("\u2212", "GND")], parts, ["Passive piezo buzzer, resistor of 100 Ω"])


def _led(description: Description) -> Device:
    pin = description["led"]["pin"]
    ends = [Terminal("anode", pin, colour="green", series="330 Ω"), net("cathode", "GND")]
    if not get(description, "led.active"):
        ends = [net("anode", "3V3"), Terminal("cathode", pin, colour="green", series="330 Ω")]
    return Device("LED", ends, [Part("led", ("anode", "cathode"))], ["Green LED, resistor of 330 Ω"])


def _battery(description: Description, place: str) -> Device:
    """Return the divider: 100 kΩ below, the rest above, as near as the series E24 has it; the builder measures it."""
    above = f"{description['battery']['divider'] - 100} kΩ"
    tap = Terminal("tap", description["battery"]["pin"], colour="grey")
    terminals = [net("battery +", place), tap, net("GND", "GND")]
    parts = [
        Part("resistor", ("battery +", "tap"), above),
        Part("resistor", ("tap", "GND"), "100 kΩ"),
        Part("capacitor", ("tap", "GND"), "100 nF"),
    ]
    shopping = [f"Resistors of {above} (battery to tap) and 100 kΩ (tap to GND), 1 %, and 100 nF"]
    return Device("Battery divider", terminals, parts, shopping)
