"""Long work in short slices: a generator that yields None between them and returns its result.

Whoever has a keypad to watch does other things in between; whoever has not runs it through.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import TypeVar

    Result = TypeVar("Result")


def run(slices: "Generator[None, None, Result]") -> "Result":
    """Do all slices without a pause; returns what the work results in."""
    while True:
        try:
            next(slices)
        except StopIteration as end:
            return end.value
