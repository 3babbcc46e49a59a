"""The rules that a board must keep: what is refused, what is a warning, and what to know (docs/spec/board-json.md).

A description in which check() finds no error can be built. A warning names what its builder should look at.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..paths import BOARDS
from . import schema
from .bolts import bolt_of
from .chips import Chip, chips, listed
from .clocks import CLOCKS
from .expanders import EXPANDERS, Expander
from .schema import Description, get

KEYS = "0123456789*#"
PARTITIONS_END = 0x9000  # bytes; the same on every chip
# What else lies in the root of a board's file system, or would be taken for it by an import.
SYSTEM = ("a", "b", "slot", "update", "lib", "loader", "tumbler_lock", "boot", "main", "board", "selftest", "tumbler")
MOST_AT_3V3 = 3600  # mV: what an ESP32 of any kind takes at the pin 3V3
GENERIC = "ESP32_GENERIC"  # how the names of MicroPython's builds for a chip begin
CONTACTS = ("button", "door", "exit")
NO_BLUETOOTH = (
    "This board has no external RAM: with a stock MicroPython, which leaves no memory for it, the lock will have no"
    " Bluetooth (docs/design/memory.md). One with the firmware inside leaves enough: tumbler custom-build --help"
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
    bolt = bolt_of(description)
    for name in bolt.outputs:
        use(f"bolt.{name}", "output", value("bolt.active"))
    for name in bolt.inputs:
        use(f"bolt.{name}", "input", value("bolt.switch_active"), value("bolt.switch_pull"))
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
    if headers is not None:
        found.errors += schema.header_faults(headers)
    if found.errors or not isinstance(description, dict):
        found.warnings.append("Only the fields were looked at: pins and all else are checked once these are right.")
        return found
    if path is not None and path.absolute().parent.parent.name == BOARDS.name:
        folder = path.absolute().parent.name
        if description["name"] != folder:
            found.warnings.append(
                f"name: is '{description['name']}', and its folder is '{folder}'. Give both one name."
            )
    chip = chips()[description["mcu"]]
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
        found.errors.append(f"{where} {other}. Take one of {listed(chip.adc1)}.")
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
    chip = EXPANDERS[keypad["expander"]["chip"]]
    for other in ("settle_us", "pull"):
        if other in keypad:
            yield f"keypad.{other}: an expander has no such setting. Remove it."
    wires = keypad["rows"] + keypad["cols"]
    for pin in sorted(set(wires)):
        if pin not in chip.pins:
            yield f"keypad: {_a(chip)} has no pin {pin} for a keypad. Take {listed(frozenset(chip.pins))}."
        if wires.count(pin) > 1:
            yield f"keypad: pin {pin} of the expander is used twice."
    if keypad["expander"]["address"] not in chip.addresses:
        yield f"keypad.expander.address: {_a(chip)} has addresses {chip.addresses[0]} to {chip.addresses[-1]}."


def _a(chip: Expander) -> str:
    """Write an expander's name with its article."""
    return f"{'an' if chip.title[0] in 'AEFHILMNORSX' else 'a'} {chip.title}"


def _bus(description: Description, chip: Chip, pins: list[Use]) -> Iterator[str]:
    there: dict[str, int] = {}  # field: address
    slowest: dict[str, int] = {}  # name of a chip: what its bus takes at most
    clock = CLOCKS.get(description["clock"]["chip"])
    address = get(description, "clock.address")
    if clock is not None:
        there["clock"] = clock.address if address is None else address
        slowest[clock.title] = clock.fastest
        if address not in (None, clock.address):
            yield f"clock.address: a {clock.title} has address {clock.address} and no other."
    elif address is not None:
        yield "clock.address: the chip's own clock has none. Remove it."
    expander = get(description, "keypad.expander")
    if expander is not None:
        row = EXPANDERS[expander["chip"]]
        there["keypad.expander"] = expander["address"]
        slowest[row.title] = row.fastest
    if "i2c" not in description:
        for where in there:
            yield f"{where}: is on a bus. Add the part i2c."
        return
    if not there:
        yield "i2c: nothing is on this bus. Remove the part."
    for title, fastest in slowest.items():
        if get(description, "i2c.hz") > fastest:
            yield f"i2c.hz: a {title} takes {fastest:,} at most."
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
            yield f"power.wake: GPIO {pin} cannot end the deep sleep of an {chip.name}. Take {listed(chip.deep_wake)}."
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
    psram = get(description, "psram")
    right = chip.builds.get(psram, chip.builds["none"])
    own, _, wanted = right.partition("-")
    if generic != own:
        yield f"micropython.build: {build} is not for an {chip.name}. Take {own} or a variant of it."
    elif ("SPIRAM" in variant or wanted) and variant != wanted:
        yield f'micropython.build: {build} does not fit "psram": "{psram}". Take {right}, or correct psram.'


def _headers(headers: Description, description: Description, pins: list[Use]) -> Iterator[str]:
    """What the board does not bring out, or has wired itself."""
    if "socket" in headers and "battery" in description:
        yield f"headers.socket: a battery has no place where the {headers['socket']} alone feeds the board."
    elif (
        "5V" not in headers["left"] + headers["right"]
        and description.get("battery", {}).get("full_mv", 0) > MOST_AT_3V3
    ):
        yield 'headers: name the pin "5V" that the battery goes to: it is too much for the pin 3V3.'
    out = [label for label in headers["left"] + headers["right"] if isinstance(label, int)]
    onboard = {int(pin): what for pin, what in (headers.get("onboard") or {}).items()}
    for pin in sorted(set(out)):
        if out.count(pin) > 1:
            yield f"headers: GPIO {pin} stands there twice."
    for use in pins:
        if use.pin in onboard:
            if onboard[use.pin] != use.where.split(".")[0]:
                yield f"{use.where}: on this board GPIO {use.pin} is wired to the {onboard[use.pin]}."
        elif use.pin not in out:
            yield f"{use.where}: this board does not bring GPIO {use.pin} out."
    yield from _built_in(headers, description)


def _built_in(headers: Description, description: Description) -> Iterator[str]:
    """Chips of the board itself that are on the bus, and have the address of another one."""
    for name in headers.get("built_in", ()):
        if name not in CLOCKS:
            yield f"headers.built_in: {name} is no clock chip of {', '.join(CLOCKS)}. Name it under addresses."
    taken = {int(address): what for address, what in (headers.get("addresses") or {}).items()}
    clock = CLOCKS.get(description["clock"]["chip"])
    if clock is not None and clock.address in taken:
        yield f"clock: on this board address {clock.address} is taken by the {taken[clock.address]}."
    expander = get(description, "keypad.expander")
    if expander is not None and expander["address"] in taken:
        what = taken[expander["address"]]
        yield f"keypad.expander.address: on this board {expander['address']} is taken by the {what}."
