"""What is wired to what: the wiring table, the parts list and README.md of a board, made from its description.

python -m host_tools.wiring --write    makes README.md and wiring.svg of every board that is flashed anew
"""

import sys
from dataclasses import dataclass, field

from . import boards
from .board_schema import Description, get
from .boards import EXPANDERS, BoardFiles
from .chips import CHIPS


@dataclass(frozen=True)
class Terminal:
    """One connection of a device. pin: GPIO of the board, or None; supply: a label such as GND; colour: of the wire."""

    name: str
    pin: int | None = None
    supply: str = ""
    colour: str = ""
    remark: str = ""


@dataclass
class Device:
    """One thing beside the board. drawing: what the picture shows inside; inner: wires to the keypad behind it."""

    name: str
    terminals: list[Terminal]
    drawing: str = ""
    parts: list[str] = field(default_factory=list)
    inner: list[tuple[str, str, str]] = field(default_factory=list)  # pin, wire, colour


ROW_COLOURS = ("brown", "red", "orange", "yellow", "green", "blue", "violet", "grey")
COL_COLOURS = ("green", "blue", "violet", "grey", "brown", "red", "orange", "yellow")
GROUND = Terminal("GND", supply="GND", colour="black")
SUPPLY = Terminal("VCC", supply="3V3", colour="red")
TITLES = {"button": "Set-up button", "exit": "Exit button", "door": "Door contact"}
OUTSIDE = "resistor of 10 kΩ to 3V3"


def _keypad(description: Description) -> list[Device]:
    keypad = description["keypad"]
    size = f"{len(keypad['rows'])}x{len(keypad['cols'])}"
    name = f"Keypad {size}"
    parts = [f"Matrix keypad {size}, keys {' '.join(keypad['keys'])} row by row"]
    wires = [(pin, f"row {index + 1}", ROW_COLOURS[index]) for index, pin in enumerate(keypad["rows"])]
    wires += [(pin, f"column {index + 1}", COL_COLOURS[index]) for index, pin in enumerate(keypad["cols"])]
    if "expander" not in keypad:
        remark = OUTSIDE if get(description, "keypad.pull") == "external" else ""
        terminals = [
            Terminal(wire, pin, colour=colour, remark=remark if wire.startswith("column") else "")
            for pin, wire, colour in wires
        ]
        return [Device(name, terminals, "keypad", parts)]
    expander = keypad["expander"]
    chip = expander["chip"].upper()
    label = "GP" if chip == "MCP23017" else "P"
    inner = [(_expander_pin(label, pin), wire, colour) for pin, wire, colour in sorted(wires)]
    base = EXPANDERS[expander["chip"]][1][0]
    straps = ", ".join(f"A{bit} to {'3V3' if expander['address'] - base >> bit & 1 else 'GND'}" for bit in (2, 1, 0))
    terminals = [SUPPLY, GROUND, *_bus(description)]
    if "interrupt" in expander:
        remark = OUTSIDE if expander.get("pull") == "external" else ""
        terminals.append(
            Terminal("INTA" if label == "GP" else "INT", expander["interrupt"], colour="orange", remark=remark)
        )
    parts.append(f"{chip} as a module or a chip: {straps}" + ("; RESET to 3V3" if label == "GP" else ""))
    return [Device(chip, terminals, "expander", parts, inner), Device(name, [], "keypad")]


def _expander_pin(label: str, pin: int) -> str:
    return f"P{pin}" if label == "P" else f"GP{'AB'[pin // 8]}{pin % 8}"


def _bus(description: Description) -> list[Terminal]:
    return [
        Terminal("SCL", description["i2c"]["scl"], colour="yellow"),
        Terminal("SDA", description["i2c"]["sda"], colour="green"),
    ]


def _bolt(description: Description) -> Device:
    bolt = description["bolt"]
    if get(description, "bolt.kind") == "motor":
        pull = OUTSIDE if get(description, "bolt.switch_pull") == "external" else ""
        other = "GND" if not get(description, "bolt.switch_active") else "3V3"
        switch = f"switch to {other}" + (f", {pull}" if pull else "")
        terminals = [
            Terminal("IN1 open", bolt["open"], colour="orange", remark="resistor of 10 kΩ to GND"),
            Terminal("IN2 close", bolt["close"], colour="yellow", remark="resistor of 10 kΩ to GND"),
            Terminal("opened", bolt["opened"], colour="green", remark=switch),
            Terminal("closed", bolt["closed"], colour="blue", remark=switch),
            GROUND,
        ]
        parts = [
            "Motor bolt with two end switches",
            "H-bridge for its motor, such as a DRV8871 module",
            "2 resistors of 10 kΩ",
        ]
        return Device("H-bridge and motor bolt", terminals, "", parts)
    safe = get(description, "bolt.fail") == "safe"
    idle = "on" if not bolt.get("active", 1) else "off"
    remark = (
        "100 Ω to the gate, 10 kΩ from gate to GND"
        if idle == "off"
        else "through an inverting driver that is off at high"
    )
    parts = [
        f"Electric strike of 12 V, fail-{'safe' if safe else 'secure'}, for 95 % duty or more, and its power supply",
        "N-channel MOSFET that is fully on at 2.5 V, such as an AO3400A, or a relay module of 3.3 V, on at high",
        "Flyback diode 1N4007 across the coil: without it the first switching-off kills the transistor",
        "Resistors of 100 Ω and 10 kΩ",
    ]
    terminals = [Terminal("gate", bolt["pin"], colour="orange", remark=remark), GROUND]
    return Device(f"Strike driver, fail-{'safe' if safe else 'secure'}", terminals, "strike", parts)


def _contact(description: Description, name: str, part: str, colour: str) -> Device:
    active = get(description, f"{name}.active")
    pull = get(description, f"{name}.pull")
    remark = f"resistor of 10 kΩ to {'GND' if active else '3V3'}" if pull == "external" else ""
    other = Terminal("other side", supply="3V3" if active else "GND", colour="red" if active else "black")
    return Device(
        TITLES[name],
        [Terminal("contact", description[name]["pin"], colour=colour, remark=remark), other],
        "switch",
        [part],
    )


def devices(board: BoardFiles) -> list[Device]:
    """Return everything beside the board, in the order of the wiring table. The description has no errors."""
    description = board.description
    found = _keypad(description)
    if description["clock"]["chip"] == "ds3231":
        part = "DS3231 module with a lithium cell (CR2032). Remove the charging resistor that some modules have"
        found.append(Device("DS3231 clock", [SUPPLY, GROUND, *_bus(description)], "clock", [part]))
    found.append(_bolt(description))
    buzzer = Terminal("+", description["buzzer"]["pin"], colour="violet", remark="100 Ω in series")
    found.append(Device("Buzzer", [buzzer, GROUND], "buzzer", ["Passive piezo buzzer, resistor of 100 Ω"]))
    low = not get(description, "led.active")
    led = Terminal("cathode" if low else "anode", description["led"]["pin"], colour="green", remark="330 Ω in series")
    other = SUPPLY if low else GROUND
    found.append(Device("LED", [led, other], "led", ["Green LED, resistor of 330 Ω"]))
    onboard = (board.headers or {}).get("onboard", {})
    for name, part, colour in (
        ("button", "Push button, inside, where no guest reaches it", "blue"),
        ("exit", "Push button beside the door, inside", "brown"),
        ("door", "Reed contact with magnet, closed while the door is shut", "grey"),
    ):
        if name in description and str(description[name]["pin"]) not in onboard:
            found.append(_contact(description, name, part, colour))
    if "battery" in description:
        found.append(_battery(description))
    return found


def _battery(description: Description) -> Device:
    """The divider: 100 kΩ below, the rest above, as near as the series E24 has it is for the builder to measure."""
    divider = description["battery"]["divider"]
    above = divider - 100
    terminals = [Terminal("tap", description["battery"]["pin"], colour="grey", remark="100 nF to GND"), GROUND]
    part = f"Resistors of {above} kΩ (battery to tap) and 100 kΩ (tap to GND), 1 %, and 100 nF"
    return Device("Battery divider", terminals, "divider", [part])


def table(board: BoardFiles) -> list[str]:
    """Return the wiring table, lines of Markdown."""
    lines = ["| part | its terminal | board | wire | remark |", "| --- | --- | --- | --- | --- |"]
    onboard = (board.headers or {}).get("onboard", {})
    previous = ""
    for device in devices(board):
        for terminal in device.terminals:
            place = terminal.supply or f"GPIO {terminal.pin}"
            name = device.name if device.name != previous else ""
            previous = device.name
            lines.append(f"| {name} | {terminal.name} | {place} | {terminal.colour} | {terminal.remark} |")
        for pin, wire, colour in device.inner:
            lines.append(f"| | {pin} | keypad {wire} | {colour} | |")
    for use in boards.uses(board.description):
        name = use.where.split(".")[0]
        if onboard.get(str(use.pin)) == name:
            lines.append(f"| {TITLES.get(name, name)} | | GPIO {use.pin} | | on the board already |")
    return lines


def readme(board: BoardFiles) -> str:
    """Return the README.md of a board."""
    description = board.description
    headers = board.headers or {}
    chip = CHIPS[description["mcu"]].name
    lines = [
        f"# {headers['title']}", "",
        "Made from `board.json` and `headers.json` by `python -m host_tools.wiring --write`; change those.", "",
        "![Wiring](wiring.svg)", "", "## Wiring", "", *table(board), "",
        "Every GND is one. The strike's supply shares its GND with the board and nothing else.", "",
        "## Parts", "", f"- {headers['title']}",
    ]  # fmt: skip
    parts = [part for device in devices(board) for part in device.parts] + headers.get("parts", [])
    lines += [f"- {part}" for part in parts]
    lines += ["", "## Notes", ""] + [f"- {note}" for note in headers["notes"]]
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
    from .picture import picture

    different = 0
    for name in boards.names():
        board = boards.usable(name)
        if board.headers is None:
            continue
        for file, text in (("README.md", readme(board)), ("wiring.svg", picture(board))):
            path = board.path.with_name(file)
            if not path.exists() or path.read_text(encoding="utf-8") != text:
                different += 1
                print(path.relative_to(boards.FOLDER.parent))
                if "--write" in arguments:
                    path.write_text(text, encoding="utf-8")
    return 0 if "--write" in arguments else min(different, 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
