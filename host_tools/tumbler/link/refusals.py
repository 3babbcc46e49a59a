"""A request that the lock refused, in two sentences: the lock's own words, and what to do."""

import re

from tumbler_lock.core.protocol import FIRST_REFUSAL, REFUSALS

from ..answers import text
from ..errors import ToolError

REMEDIES = {
    "bad-request": "Update Tumbler on this computer, or the lock.",
    "unknown-command": "Update the lock's firmware, or leave this out.",
    "not-permitted": "Ask an owner of the lock to do it, or to give you a key with another role.",
    "request-reused": "Run the command again.",
    "store-full": "Delete codes that are no longer needed: tumbler code delete --help",
    "clock-fault": "Look at the wiring of the clock chip and its coin cell.",
    "time-untrusted": "Set the lock's time: tumbler lock sync-time --help",
    "bad-digits": "Choose 4 to 9 digits.",
    "weak-digits": "Choose other digits or more of them, or use these anyway with --force.",
    "bad-time": "Name whole hours of the lock's zone, the end after the start.",
    "already-over": "Choose a later --end.",
    "code-exists": "Choose other digits, or change the code that is there: tumbler code change --help",
    "no-such-code": "Look at the digits or the id: tumbler code list --help",
    "revoked": "Issue or add a new code.",
    "already-used": "Issue a new one: tumbler code one-time --help",
    "nothing-named": "Say what to change; --help shows the options.",
    "not-yet": "Come back later, or ask an owner of the lock.",
    "expired": "Ask an owner of the lock for a new key.",
    "outside-its-hours": "Come back in the hours of this key, or ask an owner of the lock.",
    "no-such-key": "See which there are: tumbler key list --help",
    "last-owner": "Add another owner's key first: tumbler key add --help",
    "slot-taken": "Run the command again.",
    "no-free-slot": "Remove a key that is no longer needed: tumbler key remove --help",
    "bad-key": "Change the role, the hours or the label (16 bytes at most).",
    "bad-setting": "Choose a value in that range.",
    "button-needed": "Hold the set-up button, inside the door, while you run the command again.",
    "pairing-pending": "Type the six digits on the lock's keypad, then #.",
    "pairing-failed": "Run the command again and type the digits as they are shown.",
    "already-set-up": "Hold its set-up button to add a key, or reset it first: tumbler lock reset --help",
    "not-set-up": "Pair it: tumbler pair --help",
    "too-many": "Wait some minutes, or let an owner of the lock do it.",
    "no-updates": "Its firmware is part of its MicroPython. Write a new image by cable: tumbler custom-build --help",
    "bad-signature": "Sign it with the key whose public half is on the lock: tumbler update sign --help",
    "wrong-board": "Build it for the MicroPython on this board, or update that by cable.",
    "not-newer": "Send a newer version, or send this one anyway with --force.",
    "on-trial": "Run the command again after that: tumbler update status --help",
    "update-incomplete": "Run the command again: it continues where it was.",
}
# The lock's words also say what to do here. REMEDIES says it in the words of this command instead.
OWN_REMEDY = ("no-such-code", "code-exists", "no-free-slot", "last-owner", "already-over", "on-trial")
NO_KEY = "this lock has no key to check updates with"  # a bad-signature with another remedy
GIVE_KEY = (
    "Give it one by cable: tumbler deploy … --update-key FILE. A virtual lock takes the key of this registry (make it"
    " with tumbler update key new): switch its power off and on."
)


class Refusal(ToolError):
    """The lock refused a request and changed nothing. word: why, as in docs/spec/link.md.

    again: the request was sent before and its answer was lost. The lock may have carried it out then, and refuse it now
    because it is done: it knows only the newest request of a key, which another client may have sent since.
    """

    again = False

    def __init__(self, status: int, said: bytes):
        known = status - FIRST_REFUSAL < len(REFUSALS)
        self.word = REFUSALS[status - FIRST_REFUSAL] if known else f"refusal-{status}"
        words = text(said).strip().rstrip(".") or self.word.replace("-", " ")
        remedy = REMEDIES.get(self.word, "Update Tumbler on this computer.")
        if words.startswith(NO_KEY):
            words, remedy = NO_KEY, GIVE_KEY
        elif self.word == "weak-digits":
            words = words.partition("; ")[0]
        elif self.word == "not-newer":
            words = re.sub(",.*", ", and the update is not newer", words)
        elif self.word in OWN_REMEDY:
            words = words.partition(": ")[0]
        super().__init__(f"The lock refuses: {words}.", remedy)
