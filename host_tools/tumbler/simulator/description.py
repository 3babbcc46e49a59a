"""The virtual board's description, and the clock chip that it names."""

import json
from typing import TYPE_CHECKING

from ..paths import BOARDS
from .board.models.clocks import clock_model
from .process import Message

if TYPE_CHECKING:
    from collections.abc import Callable

    from .board.models.clocks import ClockModel


def description() -> Message:
    """Return board.json of the virtual board."""
    found: Message = json.loads((BOARDS / "virtual" / "board.json").read_text(encoding="utf-8"))
    return found


def clock_chip(now_ms: "Callable[[], int]", state: Message | None = None) -> "ClockModel":
    """Return the clock chip of the virtual board. ValueError if `state` is not one of its states."""
    return clock_model(description()["clock"]["chip"], now_ms, state)
