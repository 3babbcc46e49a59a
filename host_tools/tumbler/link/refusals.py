"""A request that the lock refused, in two sentences for a person: the lock's own words, and what to do."""

from tumbler_lock.core.protocol import FIRST_REFUSAL, REFUSALS

from ..answers import text
from ..errors import ToolError

REMEDIES = {
    "bad-request": "Update Tumbler on this computer, or the lock.",
    "unknown-command": "Update the lock's firmware, or leave this out.",
    "not-permitted": "Ask an owner of the lock to do it, or for a key with another role.",
    "request-reused": "Run the command again.",
    "store-full": "Delete codes that nobody needs: tumbler code list --help",
    "clock-fault": "Look at the wiring of the clock chip and its coin cell.",
    "time-untrusted": "Set the lock's time: tumbler lock sync-time --help",
    "bad-digits": "Choose 4 to 9 digits.",
    "weak-digits": "Choose other digits, or more of them; --insist takes these all the same.",
    "bad-time": "Name whole hours of the lock's zone, the end after the start.",
    "already-over": "Choose a later --end.",
    "code-exists": "Choose other digits, or change the code that is there: tumbler code change --help",
    "no-such-code": "Look at the digits or the id: tumbler code list --help",
    "revoked": "Issue or add a new code.",
    "already-used": "Issue a new one: tumbler code one-time --help",
    "nothing-named": "Name what to change; --help shows the options.",
    "not-yet": "Come back later, or ask an owner of the lock.",
    "expired": "Ask an owner of the lock for a new key.",
    "outside-its-hours": "Come back in the hours of this key, or ask an owner of the lock.",
    "no-such-key": "See which there are: tumbler key list --help",
    "last-owner": "Add another owner's key first: tumbler key add --help",
    "slot-taken": "Run the command again.",
    "no-free-slot": "Remove a key that nobody needs: tumbler key remove --help",
    "bad-key": "Change the role, the hours or the label (16 bytes at most).",
    "bad-setting": "Choose a value in the range that is named.",
    "button-needed": "Hold the set-up button, inside the door, while you run the command again.",
    "pairing-pending": "Type the six digits on the lock's keypad, then #.",
    "pairing-failed": "Run the command again and type the digits as they are shown.",
    "already-set-up": "Hold its set-up button to add a key, or reset it first: tumbler lock reset --help",
    "not-set-up": "Pair it: tumbler pair --help",
    "too-many": "Wait some minutes, or let an owner of the lock do it.",
    "no-updates": "Its firmware is part of its MicroPython: write a new image by cable: tumbler freeze --help",
    "bad-signature": "Sign it with the key whose public half is on the lock: tumbler update sign --help",
    "wrong-board": "Build it for the MicroPython on this board, or update that by cable.",
    "not-newer": "Send a newer version, or add --insist.",
    "on-trial": "Run the command again when that is decided: tumbler update status --help",
    "update-incomplete": "Run the command again: it goes on where it was.",
}
# Refusals of which the lock says what to do, too: that is said below, in the words of this command.
SAID_BELOW = ("no-such-code", "code-exists", "no-free-slot", "last-owner", "already-over", "on-trial")
NO_KEY = "this lock has no key to check updates with"  # a bad-signature that is mended otherwise
GIVE_KEY = (
    "Give it one by cable: tumbler deploy … --update-key FILE. A virtual lock takes the one of tumbler update key new:"
    " switch its power off and on."
)


class Refusal(ToolError):
    """The lock carried a request not out, and changed nothing. word: why, as in docs/spec/link.md.

    again: the request had been sent before, and its answer was lost: the lock may have carried it out then, and refuse
    it now because it is done. It knows only the newest request of a key, which may be another client's by now.
    """

    again = False

    def __init__(self, status: int, said: bytes):
        known = status - FIRST_REFUSAL < len(REFUSALS)
        self.word = REFUSALS[status - FIRST_REFUSAL] if known else f"refusal-{status}"
        words = text(said).strip().partition("; choose others")[0].rstrip(".") or self.word.replace("-", " ")
        remedy = REMEDIES.get(self.word, "Update Tumbler on this computer.")
        if words.startswith(NO_KEY):
            words, remedy = NO_KEY, GIVE_KEY
        elif self.word == "not-newer":
            words = words.replace("which is not older: insist to go back", "and the update is not newer")
        elif self.word in SAID_BELOW:
            words = words.partition(": ")[0]
        super().__init__(f"The lock refuses: {words}.", remedy)
