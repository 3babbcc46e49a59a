"""Which firmware a virtual lock runs, and what comes of a trial: lines for whoever watches, from its board's events.

A lock without slots runs the firmware of the sources, and there is nothing to tell.
"""

from tumbler_lock.core.boot_slots import STARTS

from .process import Message

NO_UPDATES = "It takes no updates yet: make a key with tumbler update key new, then switch the power off and on."


class Versions:
    """Give it every event, in order, and show the lines that it returns."""

    def __init__(self) -> None:
        self._told: tuple[str, str, bool] | None = None  # version, slot, whether it takes updates
        self._trial = ""  # the slot on trial, as far as the start under way has come
        self._started = True

    def hear(self, event: Message) -> str | None:
        """Return what is to be told about an event; None: nothing."""
        hears = {"slot": self._slot, "console": self._console, "started": self._runs, "confirmed": self._confirmed}
        return hears[event["event"]](event) if event["event"] in hears else None

    def _slot(self, event: Message) -> str | None:
        self._started = False
        self._trial = event["slot"] if event["trial"] else ""
        if not self._trial:
            return None
        if event["left"]:
            return f"Slot {self._trial} is on trial: start {STARTS - event['left'] + 1} of {STARTS}."
        return f"Slot {self._trial} has not proved itself in {STARTS} starts: the lock goes back to the other one."

    def _console(self, event: Message) -> str | None:
        """A firmware that does not even start says why on the console alone."""
        return None if self._started else f"The firmware does not start: {event['text'].splitlines()[-1]}"

    def _runs(self, event: Message) -> str | None:
        self._started = True
        version, slot = event["version"], event["slot"]
        if not slot:
            return None
        told, self._told = self._told, (version, slot, event["updates"])
        if slot == self._trial:
            return f"Firmware {version} runs from slot {slot}. It stays when it is well for a minute."
        if self._trial:
            return f"Firmware {version} runs from slot {slot} again."
        if told == self._told:
            return None
        return f"Firmware {version} runs from slot {slot}." + ("" if event["updates"] else f" {NO_UPDATES}")

    def _confirmed(self, event: Message) -> str | None:
        return f"Firmware {self._told[0]} is well, and stays." if self._told else None
