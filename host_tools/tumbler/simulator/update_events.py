"""Which firmware a virtual lock runs, and how a trial ends: a line of text for each event of its board that says so.

A lock without slots runs the firmware of the sources: it has no such events.
"""

from tumbler_lock.core.boot_slots import STARTS

from .process import Message

NO_UPDATES = "It takes no updates yet: make a key with tumbler update key new, then switch the power off and on."


class UpdateEvents:
    """Describes events. Give it every event, in order, and show the lines that it returns."""

    def __init__(self) -> None:
        self._last: tuple[str, str, bool] | None = None  # version, slot, whether it takes updates
        self._trial = ""  # the slot on trial, as far as the start under way has come
        self._started = True

    def describe(self, event: Message) -> str | None:
        """Return the line that describes an event; None for one that has nothing to do with updates."""
        known = {"slot": self._slot, "console": self._console, "started": self._runs, "confirmed": self._confirmed}
        return known[event["event"]](event) if event["event"] in known else None

    def _slot(self, event: Message) -> str | None:
        self._started = False
        self._trial = event["slot"] if event["trial"] else ""
        if not self._trial:
            return None
        if event["left"]:
            return f"Slot {self._trial} is on trial: start {STARTS - event['left'] + 1} of {STARTS}."
        return f"Slot {self._trial} was not confirmed in {STARTS} starts: the lock goes back to the other one."

    def _console(self, event: Message) -> str | None:
        """A firmware that does not even start says why on the console only."""
        return None if self._started else f"The firmware does not start: {event['text'].splitlines()[-1]}"

    def _runs(self, event: Message) -> str | None:
        self._started = True
        version, slot = event["version"], event["slot"]
        if not slot:
            return None
        before, self._last = self._last, (version, slot, event["updates"])
        if slot == self._trial:
            return f"Firmware {version} runs from slot {slot}. It stays if it is healthy for a minute."
        if self._trial:
            return f"Firmware {version} runs from slot {slot} again."
        if before == self._last:
            return None
        return f"Firmware {version} runs from slot {slot}." + ("" if event["updates"] else f" {NO_UPDATES}")

    def _confirmed(self, event: Message) -> str | None:
        return f"Firmware {self._last[0]} is healthy, and stays." if self._last else None
