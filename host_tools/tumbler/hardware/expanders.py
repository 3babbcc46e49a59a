"""The I2C expanders that a keypad can be wired to, one row each.

A row's name is the one that board.json has in keypad.expander.chip, that firmware/tumbler_lock/drivers/expander.py has
in CHIPS, and that simulator/board/models/expander.py has in MODELS.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Expander:
    """One chip. pins: those for a keypad, by the numbers of board.json, with their names on the chip; addresses: by
    its pins A0 to A2; fastest: Hz that its bus takes at most; at_rest: µA in standby, at most (sources:
    docs/guide/batteries.md); interrupt: its output that tells of a touch; high: its pins that must be at 3V3."""

    title: str
    pins: dict[int, str]
    addresses: range
    fastest: int
    at_rest: float
    interrupt: str
    high: tuple[str, ...] = ()


def _pcf8574(title: str, first: int) -> Expander:
    """The two PCF8574 differ in their addresses alone."""
    return Expander(
        title=title,
        pins={pin: f"P{pin}" for pin in range(8)},
        addresses=range(first, first + 8),
        fastest=100_000,
        at_rest=10,
        interrupt="INT",
    )


EXPANDERS = {
    "pcf8574": _pcf8574("PCF8574", 0x20),
    "pcf8574a": _pcf8574("PCF8574A", 0x38),
    "mcp23017": Expander(
        title="MCP23017",
        # Without GPA7 and GPB7: as inputs they can spoil the bus (data sheet DS20001952, revision D).
        pins={pin: f"GP{'AB'[pin // 8]}{pin % 8}" for pin in (*range(7), *range(8, 15))},
        addresses=range(0x20, 0x28),
        fastest=400_000,
        at_rest=1,
        interrupt="INTA",
        high=("RESET",),
    ),
}
