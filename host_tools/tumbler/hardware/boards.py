"""Boards: finding their descriptions, saying what they can do, and refusing the impossible ones
(docs/spec/board-json.md).

A description that check() finds no error in can be built; what it warns of, somebody should know.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import ToolError
from ..paths import BOARDS
from ..text import command_line
from . import schema
from .chips import CHIPS, Chip
from .schema import Description, get

KEYS = "0123456789*#"
PARTITIONS_END = 0x9000  # bytes; the same on every chip
DS3231_ADDRESS = 104
EXPANDERS = {  # pins, addresses, fastest clock
    "pcf8574": (frozenset(range(8)), range(32, 40), 100_000),
    "pcf8574a": (frozenset(range(8)), range(56, 64), 100_000),
    "mcp23017": (frozenset(range(7)) | frozenset(range(8, 15)), range(32, 40), 400_000),
}
# What else lies in the root of a board's file system, or would be taken for it by an import.
SYSTEM = ("a", "b", "slot", "update", "lib", "loader", "tumbler_lock", "boot", "main", "board", "selftest", "tumbler")
MOST_AT_3V3 = 3600  # mV: what an ESP32 of any kind stands at the pin 3V3
GENERIC = "ESP32_GENERIC"  # how the names of MicroPython's builds for a chip begin
CONTACTS = ("button", "door", "exit")
NO_BLUETOOTH = (
    "This board has no external RAM: with a stock MicroPython, which leaves no memory for it, the lock will have no"
    " Bluetooth (docs/design/memory.md). One with the firmware inside leaves enough: tumbler freeze --help"
)


@dataclass(frozen=True)
class Use:
    """One pin of the board in use. where: the field; role: output, row, input, adc or bus; pull: an input's, internal
    or external; active: level that means on."""

    pin: int
    where: str
    role: str
    active: int = 0
    pull: str = "internal"

    @property
    def drives(self) -> bool:
        """Whether the pin must be able to be an output."""
        return self.role in ("output", "row", "bus")


@dataclass
class Findings:
    """What is wrong with a board, what one should look at, and what to know of it; each a sentence or two."""

    errors: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class BoardFiles:
    """A description and what its board looks like (None: unknown)."""

    description: Description
    headers: Description | None
    path: Path


def names() -> list[str]:
    """Return the names of the boards that come with Tumbler."""
    return sorted(path.parent.name for path in BOARDS.glob("*/board.json"))


def load(name: str, offered: list[str] | None = None) -> BoardFiles:
    """Read a board by its name, its folder, or the file of its description; checks nothing. ToolError when there is
    none, with the names to offer instead of all."""
    path = BOARDS / name if name in names() else Path(name)
    if path.is_dir():
        path /= "board.json"
    if not path.is_file():
        raise ToolError(
            f"There is no board '{name}'.",
            f"Name one of {', '.join(offered or names())}, a folder with a board.json, or the file.",
        )
    beside = path.with_name("headers.json")
    return BoardFiles(schema.read(path), schema.read(beside) if beside.is_file() else None, path)


def usable(name: str, offered: list[str] | None = None) -> BoardFiles:
    """Read a board as load does, and check it. ToolError when it is impossible."""
    board = load(name, offered)
    errors = check(board.description, board.headers).errors
    if errors:
        more = f" There are {len(errors) - 1} more." if len(errors) > 1 else ""
        raise ToolError(f"{board.path}: {errors[0]}{more}", f"See everything: {command_line('board check', name)}")
    return board


def uses(description: Description) -> list[Use]:
    """Return every pin of the board that a description uses, in the order of the document; its fields are right."""

    def value(path: str) -> Any:
        return get(description, path)

    found = []

    def use(path: str, role: str, active: int = 0, pull: str = "internal") -> None:
        pin = value(path)
        if pin is not None:
            found.append(Use(pin, path, role, active, pull))

    use("i2c.scl", "bus")
    use("i2c.sda", "bus")
    if value("keypad.expander"):
        use("keypad.expander.interrupt", "input", 0, value("keypad.expander.pull"))
    else:
        found += [Use(pin, f"keypad.rows[{index}]", "row") for index, pin in enumerate(value("keypad.rows"))]
        pull = value("keypad.pull")
        found += [Use(pin, f"keypad.cols[{index}]", "input", 0, pull) for index, pin in enumerate(value("keypad.cols"))]
    active = value("bolt.active")
    for path in ("bolt.pin", "bolt.open", "bolt.close"):
        use(path, "output", active)
    for path in ("bolt.opened", "bolt.closed"):
        use(path, "input", value("bolt.switch_active"), value("bolt.switch_pull"))
    use("buzzer.pin", "output", 1)
    use("led.pin", "output", value("led.active"))
    for name in CONTACTS:
        use(f"{name}.pin", "input", value(f"{name}.active"), value(f"{name}.pull"))
    use("battery.pin", "adc")
    return found


def check(description: object, headers: Description | None = None, path: Path | None = None) -> Findings:
    """Find everything that is wrong with a description, and with its board's headers if they are known; while a field
    is wrong, with the fields alone. path: of the description, if it is a file."""
    found = Findings(list(schema.faults(description)))
    if found.errors or not isinstance(description, dict):
        found.warnings.append("Only the fields were looked at: pins and all else are checked once these are right.")
        return found
    if path is not None and path.absolute().parent.parent.name == BOARDS.name:
        folder = path.absolute().parent.name
        if description["name"] != folder:
            found.warnings.append(
                f"name: is '{description['name']}', and its folder is '{folder}'. Give both one name."
            )
    chip = CHIPS[description["mcu"]]
    pins = uses(description)
    found.errors += _twice(pins)
    for use in pins:
        _check_pin(use, chip, description, found)
    for rule in (_ram, _storage, _console, _keypad, _bus, _bolt, _battery, _radio, _power, _flash, _build):
        found.errors += rule(description, chip, pins)
    if headers is not None:
        found.errors += _headers(headers, description, pins)
    found.notes += notes(description)
    return found


def notes(description: Description) -> list[str]:
    """Say what to know of a board with a stock MicroPython; its fields are right."""
    if "micropython" in description and "radio" in description and get(description, "psram") in (None, "none"):
        return [NO_BLUETOOTH]
    return []


def _twice(pins: list[Use]) -> Iterator[str]:
    for index, use in enumerate(pins):
        for other in pins[:index]:
            if other.pin == use.pin:
                yield f"{use.where}: GPIO {use.pin} is used already, by {other.where}."


def _check_pin(use: Use, chip: Chip, description: Description, found: Findings) -> None:
    """Say what is wrong with one pin of the board by itself."""
    where = f"{use.where}: GPIO {use.pin}"
    taken = {
        "there is no such pin": use.pin not in chip.pins | chip.flash,
        "the flash takes it": use.pin in chip.flash,
        "external RAM takes it": use.pin in chip.ram.get(get(description, "psram"), frozenset()),
        "console or USB take it": use.pin in chip.console,
    }
    for reason, true in taken.items():
        if true:
            found.errors.append(f"{where}: {reason} on an {chip.name}. Take another pin.")
            return
    if use.pin in chip.inputs:
        if use.drives:
            found.errors.append(f"{where} can only be an input. Take another pin.")
        elif use.role == "input" and use.pull != "external":
            found.errors.append(f'{where} has no pull-up. Put a resistor there and write "pull": "external".')
    if use.role == "adc" and use.pin not in chip.adc1:
        other = "is on ADC2, which the radio disturbs" if use.pin in chip.adc2 else "is no analogue input"
        found.errors.append(f"{where} {other}. Take one of {_listed(chip.adc1)}.")
    if use.pin in chip.start:
        if use.where == "button.pin" and use.pin == chip.boot and not use.active:
            found.warnings.append(f"{where} is the boot button: held during a start it stops the lock from starting.")
        else:
            found.errors.append(f"{where} decides at the start whether the chip starts. Take another pin.")
    elif use.pin in chip.straps:
        found.warnings.append(f"{where} is read at the start too: nothing there may pull it while the chip is flashed.")


def _ram(description: Description, chip: Chip, pins: list[Use]) -> Iterator[str]:
    """External RAM of a kind that the chip does not take."""
    if get(description, "psram") not in chip.ram:
        yield f"psram: an {chip.name} takes {' or '.join(chip.ram)}. Correct it."


def _storage(description: Description, chip: Chip, pins: list[Use]) -> Iterator[str]:
    name = description["storage"].strip("/")
    if name.partition("_")[0] in SYSTEM:
        yield f'storage: /{name} is the firmware\'s own, or too much like it. Write "/lock".'


def _console(description: Description, chip: Chip, pins: list[Use]) -> Iterator[str]:
    if get(description, "console"):
        return
    way = "the set-up button, held during a start, is the way back to the prompt"
    if "button" not in description:
        yield f'console: false: {way}, and this board has none. Add the part button, or write "console": true.'
    elif description["button"]["pin"] == chip.boot:
        yield (
            f"console: false: {way}; held at GPIO {chip.boot} it starts the chip's own start code instead."
            ' Put the button on another pin, or write "console": true.'
        )


def _keypad(description: Description, chip: Chip, pins: list[Use]) -> Iterator[str]:
    keypad = description["keypad"]
    keys = keypad["keys"]
    crossings = len(keypad["rows"]) * len(keypad["cols"])
    if len(keys) != crossings:
        yield f"keypad.keys: {len(keys)} keys are named, but rows and columns have {crossings} crossings."
    for key in sorted(set(keys)):
        if keys.count(key) > 1:
            yield f"keypad.keys: the key {key} is named twice."
    for key in KEYS:
        if key not in keys:
            yield f"keypad.keys: the key {key} is missing; without it some codes cannot be typed."
    if "expander" in keypad:
        yield from _expander(description)


def _expander(description: Description) -> Iterator[str]:
    keypad = description["keypad"]
    name = keypad["expander"]["chip"]
    there, addresses, fastest = EXPANDERS[name]
    for other in ("settle_us", "pull"):
        if other in keypad:
            yield f"keypad.{other}: an expander has no such setting. Remove it."
    wires = keypad["rows"] + keypad["cols"]
    for pin in sorted(set(wires)):
        if pin not in there:
            yield f"keypad: {_a(name)} has no pin {pin} for a keypad. Take {_listed(there)}."
        if wires.count(pin) > 1:
            yield f"keypad: pin {pin} of the expander is used twice."
    if keypad["expander"]["address"] not in addresses:
        yield f"keypad.expander.address: {_a(name)} has addresses {addresses[0]} to {addresses[-1]}."
    hz = get(description, "i2c.hz")
    if hz is not None and hz > fastest:
        yield f"i2c.hz: {_a(name)} stands {fastest:,} at most."


def _a(name: str) -> str:
    """Write an expander's name with its article."""
    return f"{'an' if name.startswith('m') else 'a'} {name.upper()}"


def _bus(description: Description, chip: Chip, pins: list[Use]) -> Iterator[str]:
    there = {}
    if description["clock"]["chip"] == "ds3231":
        there["clock"] = get(description, "clock.address")
        if there["clock"] != DS3231_ADDRESS:
            yield f"clock.address: a DS3231 has address {DS3231_ADDRESS} and no other."
    elif "address" in description["clock"]:
        yield "clock.address: the chip's own clock has none. Remove it."
    if "expander" in description["keypad"]:
        there["keypad.expander"] = description["keypad"]["expander"]["address"]
    if "i2c" not in description:
        for where in there:
            yield f"{where}: is on a bus. Add the part i2c."
        return
    if not there:
        yield "i2c: nothing is on this bus. Remove the part."
    if description["i2c"]["bus"] >= chip.buses:
        yield f"i2c.bus: an {chip.name} has no bus {description['i2c']['bus']}. Take 0."
    if len(set(there.values())) < len(there):
        yield f"keypad.expander.address: the clock has address {there['clock']} too. Change A0 to A2."


def _bolt(description: Description, chip: Chip, pins: list[Use]) -> Iterator[str]:
    bolt = description["bolt"]
    sleeps = get(description, "power.sleep") not in (None, "none")
    if bolt.get("fail") == "safe" and (get(description, "power.battery") or sleeps):
        yield "bolt.fail: a fail-safe coil draws its current all day, asleep too. Take the mains and no sleep."


def _battery(description: Description, chip: Chip, pins: list[Use]) -> Iterator[str]:
    battery = description.get("battery")
    if battery is None:
        return
    if battery["empty_mv"] >= battery["full_mv"]:
        yield "battery.empty_mv: must be less than battery.full_mv."
    if battery["full_mv"] * 100 > 3100 * battery["divider"]:
        most = 31 * battery["divider"]
        yield f"battery.full_mv: behind this divider the converter sees {most:,} mV at most. Take a larger divider."
    if get(description, "battery.critical_percent") >= get(description, "battery.low_percent"):
        yield "battery.critical_percent: must be less than battery.low_percent."


def _radio(description: Description, chip: Chip, pins: list[Use]) -> Iterator[str]:
    if "asleep_s" in description.get("radio", {}) and get(description, "power.sleep") in (None, "none"):
        yield 'radio.asleep_s: the board never sleeps. Remove it, or add "sleep" to the part power.'


def _power(description: Description, chip: Chip, pins: list[Use]) -> Iterator[str]:
    wake = get(description, "power.wake") or []
    sleep = get(description, "power.sleep")
    if sleep in (None, "none"):
        if wake:
            yield 'power.wake: the board never sleeps. Add "sleep", or remove it.'
        return
    if sleep == "deep" and "expander" not in description["keypad"]:
        yield "power.sleep: in deep sleep the rows do not stay low, so no key would end it. Write light."
    inputs = {use.pin: use for use in pins if use.role == "input"}
    for pin in sorted(set(wake)):
        if wake.count(pin) > 1:
            yield f"power.wake: GPIO {pin} stands there twice."
        if pin not in inputs:
            yield f"power.wake: GPIO {pin} is no input of this description."
        elif inputs[pin].active:
            yield f"power.wake: GPIO {pin} ({inputs[pin].where}) is high when active; wake pins must be low."
        if sleep == "deep" and pin not in chip.deep_wake:
            yield f"power.wake: GPIO {pin} cannot end the deep sleep of an {chip.name}. Take {_listed(chip.deep_wake)}."
        elif sleep == "deep" and not chip.deep_pull and pin in inputs and inputs[pin].pull != "external":
            where = inputs[pin].where.rpartition(".")[0]
            yield (
                f"power.wake: GPIO {pin} of an {chip.name} has no pull-up in deep sleep."
                f' Put a resistor there and write {where}.pull "external".'
            )
    if sleep == "deep" and len(wake) > 1 and not chip.many_wake:
        yield f"power.wake: an {chip.name} in deep sleep can wait for one pin to go low, not for any of several."
    yield from _keys_wake(wake, pins)


def _keys_wake(wake: list[int], pins: list[Use]) -> Iterator[str]:
    """Check that any key ends the sleep."""
    needed = {use.pin for use in pins if use.where.startswith(("keypad.cols", "keypad.expander"))}
    if not needed:
        yield "keypad.expander.interrupt: is missing: without it no key ends the sleep."
    elif not needed <= set(wake):
        yield "power.wake: not every key would end the sleep. Name all columns, or the expander's interrupt."
    for use in pins:
        if use.where.startswith("exit") and use.pin not in wake:
            yield f"power.wake: the exit button (GPIO {use.pin}) would open to nobody while the board sleeps. Add it."


def _flash(description: Description, chip: Chip, pins: list[Use]) -> Iterator[str]:
    flash = description.get("flash")
    if (flash is None) != ("micropython" not in description):
        yield "flash and micropython: a board has both, or is not flashed and has neither."
    if flash is None:
        return
    size = flash["size_kib"]
    if size & (size - 1):
        yield f"flash.size_kib: there are chips of 2048, 4096, 8192, 16384 and 32768 KiB, not of {size}."
    if flash["image_offset"] != chip.image_offset:
        yield f"flash.image_offset: the start code of an {chip.name} is read from {chip.image_offset}."
    if flash["app_offset"] < PARTITIONS_END:
        yield f"flash.app_offset: start code and partition table end at {PARTITIONS_END}."
    app_end = flash["app_offset"] + 1024 * flash["app_kib"]
    if flash["vfs_offset"] < app_end:
        yield f"flash.vfs_offset: the program ends at {app_end}; the file system would overlap it."
    if flash["vfs_offset"] + 1024 * flash["vfs_kib"] > 1024 * size:
        yield f"flash.vfs_kib: the file system would end behind the chip of {size} KiB."


def _build(description: Description, chip: Chip, pins: list[Use]) -> Iterator[str]:
    """Compare a generic build of MicroPython with chip and RAM; what another one is for, its name does not say."""
    build = get(description, "micropython.build") or ""
    generic, _, variant = build.partition("-")
    if not generic.startswith(GENERIC):
        return
    own = "_".join(filter(None, (GENERIC, chip.name.partition("-")[2])))
    if generic != own:
        yield f"micropython.build: {build} is not for an {chip.name}. Take {own} or a variant of it."
        return
    psram = get(description, "psram")
    wanted = chip.ram_builds.get(psram, "")
    if ("SPIRAM" in variant or wanted) and variant != wanted:
        right = f"{own}-{wanted}" if wanted else own
        yield f'micropython.build: {build} does not fit "psram": "{psram}". Take {right}, or correct psram.'


def _headers(headers: Description, description: Description, pins: list[Use]) -> Iterator[str]:
    if (
        "5V" not in headers["left"] + headers["right"]
        and description.get("battery", {}).get("full_mv", 0) > MOST_AT_3V3
    ):
        yield 'headers: name the pin "5V" that the battery goes to: it is too much for the pin 3V3.'
    out = [label for label in headers["left"] + headers["right"] if isinstance(label, int)]
    onboard = {int(pin): what for pin, what in headers.get("onboard", {}).items()}
    for pin in sorted(set(out)):
        if out.count(pin) > 1:
            yield f"headers: GPIO {pin} stands there twice."
    for use in pins:
        if use.pin in onboard:
            if onboard[use.pin] != use.where.split(".")[0]:
                yield f"{use.where}: on this board GPIO {use.pin} is wired to the {onboard[use.pin]}."
        elif use.pin not in out:
            yield f"{use.where}: this board does not bring GPIO {use.pin} out."


def capabilities(description: Description) -> Description:
    """Return what a board can do, digested from a description without errors."""
    flash = description.get("flash")
    return {
        "chip": CHIPS[description["mcu"]].name,
        "keypad": "expander" if "expander" in description["keypad"] else "matrix",
        "keys": description["keypad"]["keys"],
        "clock": description["clock"]["chip"],
        "bolt": "motor" if "open" in description["bolt"] else f"solenoid, fail-{get(description, 'bolt.fail')}",
        "radio": "radio" in description,
        **{name: name in description for name in (*CONTACTS, "battery")},
        "sleep": get(description, "power.sleep") or "none",
        "flashable": flash is not None,
        "file_system_kib": flash["vfs_kib"] if flash else None,
        "pins_used": len(uses(description)),
    }


def _listed(pins: frozenset[int]) -> str:
    """Write pins as ranges: 0-5, 12."""
    parts: list[str] = []
    ordered = sorted(pins)
    first = 0
    for index, pin in enumerate(ordered):
        if index + 1 == len(ordered) or ordered[index + 1] != pin + 1:
            parts.append(str(pin) if index == first else f"{ordered[first]}-{pin}")
            first = index + 1
    return ", ".join(parts)
