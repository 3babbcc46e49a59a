"""Long work in short slices: a generator that yields None after each slice and returns the result.

The lock watches its keypad between two slices. The tools and the loader, which have no keypad to watch, use `run`.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import TypeVar

    Result = TypeVar("Result")
    Slices = Generator[None, None, Result]


def run(slices: "Slices[Result]") -> "Result":
    """Do all slices without a pause, and return the result of the work."""
    while True:
        try:
            next(slices)
        except StopIteration as end:
            result: "Result" = end.value
            return result
