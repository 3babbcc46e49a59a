"""The words of the lock: verdicts, reasons and events, and the numbers that stand for them in the journal.

A verdict is what the door does, a reason is why. Both are appended to these tables only at their end: the
position of a word is what a record on flash holds (docs/spec/storage.md).
"""

from collections import namedtuple

# verdict: one of VERDICTS; reason: one of REASONS; kind: a kind number of tickets.py, or None when nothing is
# known about the digits; id: short code id (8 hex digits) or None; at: lock time in Unix seconds, or None while
# it is untrusted. Never any digits.
Verdict = namedtuple("Verdict", "verdict reason kind id at")

VERDICTS = ("open", "refused", "locked-out", "revoke-armed", "revoked", "erased")
OPEN, REFUSED, LOCKED_OUT, REVOKE_ARMED, REVOKED, ERASED = VERDICTS

REASONS = (
    "opened",
    "wrong",
    "not-yet",
    "first-use-missed",
    "expired",
    "outside-its-hours",
    "already-used",
    "revoked",
    "time-untrusted",
    "locked-out",
    "erased",
    "revoke-armed",
    "store-full",
    "passage",
)

# Events on flash: 0 to 5 are the verdicts above, these are what the owner and the lock itself do. In an owner's the
# reason is 1 + the key slot of who asked (0: on the spot) and the argument the request's id (0: none).
ADDED = 16
CHANGED = 17
DELETED = 18
TIME_SET = 19
CONFIGURED = 20
FAULT = 21
CREATED = 22
UNLOCKED = 23
KEY_ADDED = 24
KEY_REMOVED = 25
ALL_ERASED = 26
PASSAGE = 27  # opened by # alone in passage hours: the lock's own, not the owner's
EXIT = 28  # from here on what the app sees at the door (docs/design/app.md)
DOOR_FORCED = 29
DOOR_LEFT_OPEN = 30
DOOR_SHUT = 31
STALLED = 32
BATTERY = 33
UPDATED = 34  # an update is tried from the next start on; where a code's tag stands is its version
