"""The demonstration that `tumbler run` plays without a terminal: every kind of code is issued, typed and explained.

It compares every answer of the lock with the right one; if they differ it says so, and returns 1. It begins on a Monday
at nine in the morning, on a new lock.
"""

from collections.abc import Callable
from pathlib import Path

from tumbler_lock.core.tickets import ERASE, ONE_TIME, PERMANENT, RECURRING, REVOKE, TIMED
from tumbler_lock.core.zone import DAY, HOUR, Zone, date_of, weekday

from ..codes.issue import IssuedCode
from ..codes.wording import purpose
from ..timezones import parse_instant
from .issuing import Desk
from .lock import Entered, VirtualLock
from .process import Message
from .scenario import describe

BEGIN = "2026-11-23T09:00"
MINUTE = 60
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MOST_GUESSES = 20
CUSTOM = "2468"
NAMES = {
    TIMED: "timed",
    ONE_TIME: "one-time",
    PERMANENT: "permanent",
    RECURRING: "recurring",
    REVOKE: "revoke",
    ERASE: "erase",
}


class Demonstration:
    """Plays on the new flash image `flash` with codes of `desk`; say(line): called with each line of text."""

    def __init__(self, flash: Path, desk: Desk, say: Callable[[str], None], command: list[str] | None = None):
        self._desk = desk
        self._say = say
        self._zone = Zone(desk.lock.rule)
        self._wrong = 0
        self._lock = VirtualLock(
            flash, desk.identity, parse_instant(BEGIN, self._zone) * 1_000, self._happened, command
        )

    def run(self) -> int:
        """Play it; return 0 if the lock did everything right."""
        self._say("Tumbler: a lock that understands passcodes it was never told about.")
        self._say("This is its firmware, unchanged, in the real MicroPython on a virtual board. Only time is faster.")
        with self._lock:
            self._lock.power_on()
            self._timed()
            self._one_time()
            self._recurring()
            self._custom()
            permanent = self._permanent()
            self._lockout(permanent)
            self._power_cut()
            self._clock(permanent)
            self._revoke(permanent)
            self._erase()
        entries = len(self._lock.entries)
        self._say("")
        if self._wrong:
            self._say(f"{self._wrong} of {entries} entries did not go as they should. Please report this.")
            return 1
        self._say(f"{entries} entries, and every one went as it should.")
        self._say("In a terminal, `tumbler run` is a keypad to press. With --script FILE it plays your own scenario.")
        return 0

    # Scenes

    def _timed(self) -> None:
        self._scene("A guest stays for an hour or two. The owner issues a timed code, anywhere, without the lock.")
        code = self._issue(TIMED)
        self._type(code.digits, "open")
        self._wait(HOUR)
        self._type(code.digits, "open")
        self._wait(HOUR)
        self._type(code.digits, "refused", "expired")

    def _one_time(self) -> None:
        self._scene("A courier comes once.")
        code = self._issue(ONE_TIME)
        self._type(code.digits, "open")
        self._type(code.digits, "refused", "already-used")

    def _recurring(self) -> None:
        self._scene("The cleaner comes on workdays, always in the same three hours.")
        code = self._issue(RECURRING)
        self._type(code.digits, "open")
        self._wait(6 * HOUR)
        self._type(code.digits, "refused", "outside-its-hours")
        self._wait(18 * HOUR)
        self._type(code.digits, "open")
        self._wait(4 * DAY)
        self._type(code.digits, "refused", "outside-its-hours")

    def _custom(self) -> None:
        self._scene("Nearby, the owner can choose the digits of a code and send them over an encrypted link.")
        self._owner("adds a custom code", "add_custom", digits=CUSTOM)
        self._type(CUSTOM, "open")
        self._owner("deletes it", "delete", code=CUSTOM)
        self._type(CUSTOM, "refused", "wrong")

    def _permanent(self) -> IssuedCode:
        self._scene("A resident moves in.")
        code = self._issue(PERMANENT)
        self._type(code.digits, "open")
        self._wait(30 * DAY)
        self._type(code.digits, "open")
        return code

    def _lockout(self, resident: IssuedCode) -> None:
        self._scene("A thief tries one number after the other.")
        for guess in range(MOST_GUESSES):
            entry = self._type(f"{guess:04}", "")
            if entry is None or entry.verdict != "refused":
                break
        self._check(self._last(), "locked-out", "")
        self._say("    Cutting the power does not help the guesser.")
        self._lock.power_off()
        self._lock.power_on()
        self._type(f"{MOST_GUESSES:04}", "locked-out")
        self._say("    The resident waits five minutes at most.")
        self._wait(5 * MINUTE)
        self._type(resident.digits, "open")
        self._wait(DAY)

    def _power_cut(self) -> None:
        self._scene("The power fails while the lock writes down that a one-time code was used.")
        code = self._issue(ONE_TIME)
        before = self._lock.cuts
        for operation in (2, 3):
            self._lock.cut(operation)
            entries = self._lock.press(code.digits + "#")
            if entries or self._lock.cuts == before:
                self._type(code.digits, "refused", "already-used")
                break
            before = self._lock.cuts
            self._line(f"{_spaced(code.digits)} #  power cut at flash operation {operation}; the lock starts again")
        else:
            self._type(code.digits, "open")
        self._type(code.digits, "refused", "already-used")

    def _clock(self, resident: IssuedCode) -> None:
        self._scene("The clock's battery dies. The lock trusts no time until the owner sets it.")
        code = self._issue(TIMED)
        self._lock.stop_clock()
        self._type(code.digits, "refused", "time-untrusted")
        self._type(resident.digits, "open")
        self._owner("sets the time", "set_time", now=self._lock.now_ms // 1_000)
        self._type(code.digits, "open")

    def _revoke(self, resident: IssuedCode) -> None:
        self._scene("The resident moves out. At the door a revoke code is typed, and the resident's code after it.")
        code = self._issue(REVOKE)
        self._type(code.digits, "revoke-armed")
        self._type(resident.digits, "revoked")
        self._type(resident.digits, "refused", "revoked")

    def _erase(self) -> None:
        self._scene("The house is sold. One code ends all codes, also those that were never used.")
        unused = self._issue(PERMANENT)
        code = self._issue(ERASE)
        self._type(code.digits, "erased")
        self._desk.erased()
        self._type(unused.digits, "refused")
        self._type(code.digits, "refused")
        self._type(self._issue(ONE_TIME).digits, "open")

    # What scenes are made of

    def _scene(self, text: str) -> None:
        self._say("")
        self._say(text)

    def _line(self, text: str) -> None:
        day, hour, minute, _ = self._zone.local(self._lock.now_ms // 1_000)
        _, month, of_month = date_of(day)
        self._say(f"    {DAYS[weekday(day)]} {month:02}-{of_month:02} {hour:02}:{minute:02}  {text}")

    def _issue(self, kind: int) -> IssuedCode:
        code = self._desk.issue(kind, self._lock.now_ms // 1_000)
        self._line(f"issued: {_spaced(code.digits)}  {NAMES[kind]}, {purpose(code, self._zone)}")
        return code

    def _type(self, digits: str, verdict: str, reason: str = "") -> Entered | None:
        """Type an entry and say what the lock answered; a verdict of "" takes any."""
        before = len(self._lock.entries)
        self._lock.press(digits + "#")
        entry = self._last() if len(self._lock.entries) > before else None
        self._line(f"{_spaced(digits)} #  {describe(entry) if entry else 'nothing happens'}")
        if verdict:
            self._check(entry, verdict, reason)
        self._wait(10)
        return entry

    def _check(self, entry: Entered | None, verdict: str, reason: str) -> None:
        if entry is None or entry.verdict != verdict or reason not in ("", entry.reason):
            self._wrong += 1
            self._say(f"    !! this should have been: {verdict} {reason}")

    def _last(self) -> Entered | None:
        return self._lock.entries[-1] if self._lock.entries else None

    def _owner(self, text: str, command: str, **arguments: int | str) -> None:
        reply = self._lock.owner(command, **arguments)
        self._line(f"the owner {text}" + ("" if reply.ok else f": {reply.text}"))
        self._wrong += not reply.ok

    def _wait(self, seconds: int) -> None:
        self._lock.advance(self._lock.now_ms + seconds * 1_000)

    def _happened(self, event: Message) -> None:
        if event["event"] == "fault":
            self._wrong += 1
            self._say(f"    !! fault: {event.get('text')}")


def _spaced(digits: str) -> str:
    """Group digits as people read them aloud."""
    cuts = {6: (3, 6), 7: (3, 7), 8: (4, 8), 9: (3, 6, 9)}.get(len(digits), (len(digits),))
    return " ".join(digits[a:b] for a, b in zip((0, *cuts), cuts, strict=False))
