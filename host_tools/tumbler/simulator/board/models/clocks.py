"""The model of each clock chip, by the name that board.json has in clock.chip.

A model is the module of that name, with the class of that name in capitals and Model behind it. Runs on CPython and
MicroPython.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Protocol

    class ClockModel(Protocol):
        """A clock chip on the bus. `state` of its maker: what state() returned, None for the first power-on."""

        ADDRESS: int

        def state(self) -> "dict[str, Any]":
            """Return all that outlives a power-on of the board, as JSON values."""

        def lose_power(self) -> None:
            """The chip's supply and its battery fail, and come back."""

        def preset(self, unix: int) -> None:
            """Set the chip to this time, right or wrong, as if another program did. ValueError before 2000."""

        def start(self, register: int) -> None:
            """Begin a transfer at this register."""

        def read(self) -> int:
            """Return the next byte of the transfer."""

        def write(self, value: int) -> None:
            """Take the next byte of the transfer."""


def clock_model(name: str, now_ms: "Callable[[], int]", state: "dict[str, Any] | None" = None) -> "ClockModel":
    """Return the model of a clock chip. ValueError if there is no model, or if `state` is not one of its states."""
    try:
        module = __import__("tumbler.simulator.board.models." + name, None, None, (name,))
        made = getattr(module, name.upper() + "Model")
    except (ImportError, AttributeError):
        raise ValueError("the simulator has no model of the clock " + name)
    model: "ClockModel" = made(now_ms, state)
    return model
