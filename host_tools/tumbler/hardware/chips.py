"""What the pins of each chip can do, for MicroPython's ESP32 port 1.28.

One row a chip; docs/spec/board-json.md shows them. Pins are GPIO numbers. Sources: ESP-IDF v5.5.1, the version that
MicroPython
is built with: the tables of its GPIO guide (docs/en/api-reference/peripherals/gpio), and of soc/CHIP/include/soc
adc_channel.h, rtc_io_channel.h, spi_pins.h, uart_pins.h and soc_caps.h. What a strap does is from the data sheets.
"""

from dataclasses import dataclass


def _pins(text: str) -> frozenset[int]:
    """Read "0-5, 12": ranges and single pins."""
    found: set[int] = set()
    for part in text.replace(" ", "").split(","):
        first, _, last = part.partition("-")
        if first:
            found.update(range(int(first), int(last or first) + 1))
    return frozenset(found)


@dataclass(frozen=True)
class Chip:
    """One chip.

    name: as its makers and esptool write it; number: in the header of an ESP image.
    pins: all there are; flash: taken by the flash chip; ram: by external RAM, for each kind of it that there is;
    ram_builds: the variant of MicroPython's generic build that each kind of it takes, where one does; console: by the
    serial console and USB; inputs: no output and no pull; start: straps that decide whether it starts; boot: the one
    of them that chooses the download mode, low; straps: the other ones; adc1, adc2: inputs of the two converters;
    deep_wake: pins that end deep sleep; many_wake: whether several can, any of them low; deep_pull: whether they keep
    their own pull-up in it.
    """

    name: str
    number: int
    pins: frozenset[int]
    flash: frozenset[int]
    ram: dict[str, frozenset[int]]
    ram_builds: dict[str, str]
    console: frozenset[int]
    inputs: frozenset[int]
    start: frozenset[int]
    boot: int
    straps: frozenset[int]
    adc1: frozenset[int]
    adc2: frozenset[int]
    deep_wake: frozenset[int]
    many_wake: bool
    deep_pull: bool
    buses: int
    image_offset: int


CHIPS = {
    "esp32": Chip(
        name="ESP32",
        number=0,
        pins=_pins("0-19, 21-23, 25-27, 32-39"),
        flash=_pins("6-11"),
        ram={"none": _pins(""), "quad": _pins("16, 17")},
        ram_builds={"quad": "SPIRAM"},
        console=_pins("1, 3"),
        inputs=_pins("34-39"),
        start=_pins("0, 12"),
        boot=0,
        straps=_pins("2, 5, 15"),
        adc1=_pins("32-39"),
        adc2=_pins("0, 2, 4, 12-15, 25-27"),
        deep_wake=_pins("0, 2, 4, 12-15, 25-27, 32-39"),
        many_wake=False,
        deep_pull=True,
        buses=2,
        image_offset=0x1000,
    ),
    "esp32s3": Chip(
        name="ESP32-S3",
        number=9,
        pins=_pins("0-21, 26-48"),
        flash=_pins("26-32"),
        ram={"none": _pins(""), "quad": _pins(""), "octal": _pins("33-37")},
        ram_builds={"octal": "SPIRAM_OCT"},
        console=_pins("19, 20, 43, 44"),
        inputs=_pins(""),
        start=_pins("0, 45"),
        boot=0,
        straps=_pins("3, 46"),
        adc1=_pins("1-10"),
        adc2=_pins("11-20"),
        deep_wake=_pins("0-21"),
        many_wake=True,
        deep_pull=False,  # MicroPython sets the pad's pull-up; in deep sleep the RTC's counts
        buses=2,
        image_offset=0,
    ),
    "esp32c3": Chip(
        name="ESP32-C3",
        number=5,
        pins=_pins("0-21"),
        flash=_pins("11-17"),
        ram={"none": _pins("")},
        ram_builds={},
        console=_pins("18-21"),
        inputs=_pins(""),
        start=_pins("2, 9"),
        boot=9,
        straps=_pins("8"),
        adc1=_pins("0-4"),
        adc2=_pins("5"),
        deep_wake=_pins("0-5"),
        many_wake=True,
        deep_pull=True,
        buses=1,
        image_offset=0,
    ),
}
