"""The chips that Tumbler runs on: one file each in boards/chips, named as `mcu` in board.json names the chip.

Everything else reads the chips here: fields, check, energy, wiring, flashing, and the tests. The virtual board reads
the RMT's numbers from the same file. docs/howto/add-a-chip.md says what each field means.
"""

from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

from .. import documents
from ..documents import BadDocument
from ..paths import BOARDS

LAST_PIN = 48
FOLDER = "chips"

Pins = frozenset[int]


@dataclass(frozen=True)
class Currents:
    """What draws how much, microamperes: awake with the radio off; advertising; in light sleep; in deep sleep."""

    awake: int
    radio: int
    light: int
    deep: int


# What external RAM adds, one row a kind. It keeps its content in light sleep, and loses it in deep sleep. MicroPython's
# build for octal RAM runs at 240 MHz, the others at 160. Sources: docs/guide/batteries.md.
RAM = {
    "none": Currents(awake=0, radio=0, light=0, deep=0),
    "quad": Currents(awake=0, radio=0, light=40, deep=0),
    "octal": Currents(awake=11_000, radio=0, light=140, deep=0),
}


@dataclass(frozen=True)
class Rmt:
    """The peripheral that times the bolt: words of a memory block, blocks that can send, the largest divider of its
    80 MHz, and whether a channel that plays can be stopped."""

    words: int
    blocks: int
    divider: int
    stops: bool


@dataclass(frozen=True)
class Chip:
    """One chip. Pins are GPIO numbers.

    name: as its maker and esptool write it; number: in the header of an ESP image.
    pins: all there are; flash: taken by the flash chip; ram: by external RAM, for each kind that the chip takes;
    builds: MicroPython's generic build for each of these kinds; console: taken by the serial console and USB;
    inputs: no output and no pull; start: straps that decide whether the chip starts; boot: the one of them that
    chooses the download mode, low; straps: the other ones; adc1, adc2: inputs of the two converters;
    deep_wake: pins that end deep sleep; many_wake: whether several can, any of them low; deep_pull: whether they keep
    their own pull-up in it; buses: I2C controllers; image_offset: where the start code looks for the image.
    """

    name: str
    number: int
    pins: Pins
    flash: Pins
    ram: dict[str, Pins]
    builds: dict[str, str]
    console: Pins
    inputs: Pins
    start: Pins
    boot: int
    straps: Pins
    adc1: Pins
    adc2: Pins
    deep_wake: Pins
    many_wake: bool
    deep_pull: bool
    buses: int
    image_offset: int
    rmt: Rmt
    currents: Currents
    sources: tuple[str, ...]


@cache
def chips() -> dict[str, Chip]:
    """Return the chips by the names that board.json has for them."""
    return {path.stem: load(path) for path in sorted((BOARDS / FOLDER).glob("*.json"))}


def load(path: Path) -> Chip:
    """Read the file of a chip. ToolError says what is wrong with it."""
    what, remedy = "the file of a chip", "Correct it: docs/howto/add-a-chip.md has every field."
    found = documents.read_json(path, what, remedy)
    with documents.valid(path, what, remedy):
        return _chip(documents.part(found))


def _chip(found: dict[str, Any]) -> Chip:
    documents.only(found, tuple(field.name for field in fields(Chip)))
    ram = documents.part(found["ram"], "ram")
    builds = documents.part(found["builds"], "builds")
    documents.only(builds, tuple(ram), "builds")
    if unknown := [kind for kind in ram if kind not in RAM]:
        raise BadDocument(f"{documents.field_name('ram', unknown[0])}: the kinds of RAM are {', '.join(RAM)}")
    rmt = documents.part(found["rmt"], "rmt")
    documents.only(rmt, tuple(field.name for field in fields(Rmt)), "rmt")
    currents = documents.part(found["currents"], "currents")
    documents.only(currents, tuple(field.name for field in fields(Currents)), "currents")

    def pins(*way: str) -> Pins:
        value: Any = found
        for step in way:
            value = value[step]
        return _pins(value, *way)

    return Chip(
        name=documents.text(found["name"], "name"),
        number=documents.whole(found["number"], 0, 0xFFFF, "number"),
        pins=pins("pins"),
        flash=pins("flash"),
        ram={kind: pins("ram", kind) for kind in ram},
        builds={kind: documents.text(build, "builds", kind) for kind, build in builds.items()},
        console=pins("console"),
        inputs=pins("inputs"),
        start=pins("start"),
        boot=documents.whole(found["boot"], 0, LAST_PIN, "boot"),
        straps=pins("straps"),
        adc1=pins("adc1"),
        adc2=pins("adc2"),
        deep_wake=pins("deep_wake"),
        many_wake=documents.flag(found["many_wake"], "many_wake"),
        deep_pull=documents.flag(found["deep_pull"], "deep_pull"),
        buses=documents.whole(found["buses"], 1, 4, "buses"),
        image_offset=documents.whole(found["image_offset"], 0, 0x8000, "image_offset"),
        rmt=Rmt(
            words=documents.whole(rmt["words"], 2, 1024, "rmt", "words"),
            blocks=documents.whole(rmt["blocks"], 1, 64, "rmt", "blocks"),
            divider=documents.whole(rmt["divider"], 1, 1 << 20, "rmt", "divider"),
            stops=documents.flag(rmt["stops"], "rmt", "stops"),
        ),
        currents=Currents(
            **{name: documents.whole(value, 1, 1_000_000, "currents", name) for name, value in currents.items()}
        ),
        sources=tuple(documents.texts(found["sources"], "sources")),
    )


def _pins(value: object, *way: object) -> Pins:
    """Read "0-5, 12": ranges and single pins."""
    found: set[int] = set()
    for piece in filter(None, documents.text(value, *way).replace(" ", "").split(",")):
        first, _, last = piece.partition("-")
        ends = (first, last or first)
        if not all(end.isascii() and end.isdigit() and len(end) < 3 and int(end) <= LAST_PIN for end in ends):
            raise BadDocument(f'{documents.field_name(*way)} must be pins up to {LAST_PIN}, such as "0-5, 12"')
        found.update(range(int(ends[0]), int(ends[1]) + 1))
    return frozenset(found)


def listed(pins: Pins) -> str:
    """Write pins as ranges: 0-5, 12."""
    parts: list[str] = []
    ordered = sorted(pins)
    first = 0
    for index, pin in enumerate(ordered):
        if index + 1 == len(ordered) or ordered[index + 1] != pin + 1:
            parts.append(str(pin) if index == first else f"{ordered[first]}-{pin}")
            first = index + 1
    return ", ".join(parts)
