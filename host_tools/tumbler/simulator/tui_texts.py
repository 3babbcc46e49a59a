"""The texts of the lock in the terminal: codes, verdicts and reasons in the words that a person reads."""

from tumbler_lock.core.tickets import CUSTOM, ERASE, ONE_TIME, PERMANENT, RECURRING, REVOKE, TIMED

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
LABELS = {
    TIMED: "Timed",
    ONE_TIME: "One-time",
    PERMANENT: "Permanent",
    RECURRING: "Recurring",
    REVOKE: "Revoke one",
    ERASE: "Erase all",
    CUSTOM: "Custom",
}
HINTS = {
    TIMED: "for the next hour or two",
    ONE_TIME: "opens exactly once",
    PERMANENT: "until it is revoked",
    RECURRING: "three hours on such days",
    REVOKE: "revokes the code typed after it",
    ERASE: "erases every code",
    CUSTOM: "digits of the owner's choice",
}
VERDICTS = {
    "open": ("green", "The door is open."),
    "refused": ("red", "Refused."),
    "locked-out": ("red", "Too many wrong codes: locked out for a while."),
    "revoke-armed": ("yellow", "Type the code to revoke within 30 seconds."),
    "revoked": ("yellow", "That code is revoked."),
    "erased": ("yellow", "Every code is erased, and so is this one."),
}
REASONS = {
    "wrong": "not a valid code",
    "not-yet": "too early for this code",
    "first-use-missed": "not used in time",
    "expired": "its time is over",
    "outside-its-hours": "outside its hours",
    "already-used": "used before",
    "revoked": "revoked before",
    "time-untrusted": "the lock does not trust its clock",
    "store-full": "the lock's memory is full",
    "locked-out": "too many wrong codes; the next try is possible after a while",
}
TROUBLES = {
    "no-secret": "The lock has no secret: no code opens it.",
    "fault": "The lock's memory is damaged: no code opens it.",
}
