"""The words of the log."""

from tumbler_lock.core.event_names import EVENT_NAMES, event_name
from tumbler_lock.core.events import REASONS, VERDICTS


def test_event_names():
    words = [event_name(event) for event in [*range(len(VERDICTS)), *EVENT_NAMES]]
    assert len(set(words)) == len(words)
    assert event_name(200) == "unknown"
    assert len(set(REASONS)) == len(REASONS)
