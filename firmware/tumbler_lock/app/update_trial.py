"""A firmware on trial: when it is confirmed, and when it has failed (docs/spec/update.md, "The running firmware").

Rounds are the supervisor's, one a second.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..core.boot_slots import FirmwareSlots

HEALTHY = 60  # healthy rounds after which it is confirmed
MOST = 300  # rounds after which it has failed


class Trial:
    """The trial of the firmware in `slot`. faulty: set when something failed that an update must not break."""

    def __init__(self, slots: "FirmwareSlots", slot: str) -> None:
        self._slots = slots
        self._slot = slot
        self.faulty = False

    def round(self, rounds: int, sound: bool) -> bool:
        """Confirm the firmware if there were enough healthy rounds; return whether it is confirmed.

        sound: whether the memory can be read and the keypad gives samples. OSError if the flash refuses the record."""
        if rounds < HEALTHY or self.faulty or not sound:
            return False
        self._slots.settle(self._slot)
        return True

    def over(self, rounds: int) -> bool:
        """Return whether it was on trial for too long."""
        return rounds >= MOST
