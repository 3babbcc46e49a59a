"""Which key had a key slot when. A slot is reused after its key was removed, and the log names slots only.

A tenure is the time from a key's addition to its removal. The log has both, with the key's role and the first two
bytes of its label. A label belongs to the tenure in which the lock reported it. A gap in the log ends every tenure, as
the key may have changed meanwhile. A label that contradicts the log is not used. Positions are sequence numbers.
"""

from bisect import bisect
from collections.abc import Iterable
from dataclasses import dataclass

from tumbler_lock.core.events import KEY_ADDED, KEY_REMOVED
from tumbler_lock.core.keys import SLOTS

from ..answers import LogEvent, text

MARK = 2  # bytes of the label in an event


@dataclass(frozen=True)
class Heard:
    """The lock reported this key in a slot when its newest event was `first`, and again at `last`."""

    slot: int
    first: int
    last: int
    role: int
    label: str

    @property
    def mark(self) -> tuple[int, bytes]:
        """The part of the key that its events hold."""
        return self.role, self.label.encode()[:MARK].ljust(MARK, b"\0")


class KeyHistory:
    """The tenures of every slot. events: all that are stored, by sequence number; heard: all that was reported."""

    def __init__(self, events: Iterable[LogEvent], heard: Iterable[Heard]):
        # Between two events there is room for a change: 2 * seq is the event, odd numbers are the moments between.
        self._changes: list[list[int]] = [[] for _ in range(SLOTS)]
        self._marks: dict[tuple[int, int], tuple[int, bytes]] = {}
        self._labels: dict[tuple[int, int], list[Heard]] = {}
        logged: list[tuple[int, int, tuple[int, bytes]]] = []
        before = 0
        for event in events:
            if event.seq != before + 1:
                self._change_all(2 * event.seq - 1)
            before = event.seq
            slot = event.code[0]
            if event.event in (KEY_ADDED, KEY_REMOVED) and slot < SLOTS:
                self._changes[slot].append(2 * event.seq + (1 if event.event == KEY_REMOVED else -1))
                logged.append((slot, event.seq, (event.code[1], bytes(event.code[2:]))))
        self._change_all(2 * before + 1)
        for slot, seq, mark in logged:
            self._marks[self._tenure(slot, seq)] = mark
        for one in heard:
            for seq in {one.first, one.last}:
                self._labels.setdefault(self._tenure(one.slot, seq), []).append(one)

    def label(self, slot: int, seq: int) -> str:
        """Return the label of the key that had a slot at an event, its beginning if only that is known, or ""."""
        tenure = self._tenure(slot, seq)
        mark = self._marks.get(tenure)
        for one in reversed(self._labels.get(tenure, [])):
            if mark is None or one.mark == mark:
                return one.label
        if mark is None:
            return ""
        known = text(mark[1].rstrip(b"\0").decode("utf-8", "ignore").encode())
        return known if not known or b"\0" in mark[1] else f"{known}…"

    def _change_all(self, at: int) -> None:
        for changes in self._changes:
            changes.append(at)

    def _tenure(self, slot: int, seq: int) -> tuple[int, int]:
        return slot, bisect(self._changes[slot], 2 * seq)
