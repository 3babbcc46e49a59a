"""The words for the events of the log. Tools load them; a lock writes the numbers, and has no use for words."""

from .events import (
    ADDED,
    ALL_ERASED,
    BATTERY,
    CHANGED,
    CONFIGURED,
    CREATED,
    DELETED,
    DOOR_FORCED,
    DOOR_LEFT_OPEN,
    DOOR_SHUT,
    EXIT,
    FAULT,
    KEY_ADDED,
    KEY_REMOVED,
    PASSAGE,
    STALLED,
    TIME_SET,
    UNLOCKED,
    UPDATED,
    VERDICTS,
)

EVENT_NAMES = {
    ADDED: "added",
    CHANGED: "changed",
    DELETED: "deleted",
    TIME_SET: "time-set",
    CONFIGURED: "configured",
    FAULT: "fault",
    CREATED: "created",
    UNLOCKED: "unlocked",
    KEY_ADDED: "key-added",
    KEY_REMOVED: "key-removed",
    ALL_ERASED: "all-erased",
    PASSAGE: "passage",
    EXIT: "exit",
    DOOR_FORCED: "door-forced",
    DOOR_LEFT_OPEN: "door-left-open",
    DOOR_SHUT: "door-shut",
    STALLED: "stalled",
    BATTERY: "battery",
    UPDATED: "updated",
}


def event_name(event: int) -> str:
    """The word for an event number of a record."""
    if event < len(VERDICTS):
        return VERDICTS[event]
    return EVENT_NAMES.get(event, "unknown")
