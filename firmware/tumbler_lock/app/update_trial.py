"""A firmware on trial: when it has proved itself, and when it has failed to (docs/spec/update.md, "The running
firmware").

Rounds are the supervisor's, one a second.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..core.boot_slots import Slots

HEALTHY = 60  # rounds that found all well
MOST = 300  # rounds until which it must be confirmed


class Trial:
    """slots: a Slots; slot: the one that runs, on trial. faulty: something has failed since the start that an update
    must not break."""

    def __init__(self, slots: "Slots", slot: str) -> None:
        self._slots = slots
        self._slot = slot
        self.faulty = False

    def round(self, rounds: int, sound: bool) -> bool:
        """The so-manieth good round is done; sound: whether the memory can be read and the keypad gives samples.
        Confirm, if it is time; whether it is confirmed. OSError when the flash does not take that."""
        if rounds < HEALTHY or self.faulty or not sound:
            return False
        self._slots.settle(self._slot)
        return True

    def over(self, rounds: int) -> bool:
        """Whether it was on trial for too long."""
        return rounds >= MOST
