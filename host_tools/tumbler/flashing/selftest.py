"""The self-test of a board: judge what on_board/selftest.py found, in words (docs/guide/flashing.md, selftest)."""

from collections.abc import Callable
from dataclasses import dataclass

from .console import Console
from .provision import SCRIPT as PROVISION
from .provision import firmware_slot

SCRIPT = "selftest"
BOLT_MS = 1000
WALK_SECONDS = 60  # the longest silence while a person looks for a button

Ask = Callable[[str], bool | None]  # a question; yes, no, or None without a person to answer


@dataclass(frozen=True)
class Result:
    """One part. right: None if no person judged it; words: what was found, and what to do if it is wrong."""

    part: str
    right: bool | None
    words: str


class SelfTest:
    """The self-test of the board at a console. show: called with each result as it comes; prompt: called with the
    button to press."""

    def __init__(self, console: Console, ask: Ask, show: Callable[[Result], None], prompt: Callable[[str], None]):
        self._console = console
        self._ask = ask
        self._show = show
        self._prompt = prompt
        self.results: list[Result] = []

    def run(self, *, keypad: bool = True, now: int | None = None) -> bool:
        """Test every part, and return whether all are right. now: Unix time, to compare the clock with."""
        slot = firmware_slot(self._console)
        self._console.load("files")
        self._console.load(PROVISION)
        self._console.follow(SCRIPT, f"parts = Parts({slot!r})", lambda _: None)
        self._clock(now)
        self._flash()
        self._sound()
        self._bolt()
        self._radio()
        if keypad:
            self._walk()
        return all(result.right is not False for result in self.results)

    def _result(self, part: str, right: bool | None, words: str) -> None:
        result = Result(part, right, words)
        self.results.append(result)
        self._show(result)

    def _clock(self, now: int | None) -> None:
        found = self._console.call(SCRIPT, "parts.clock")
        if found is None:
            self._result("clock", False, "does not answer: check SDA, SCL, 3.3 V and ground")
            return
        seconds, sure, at = found
        if not 2 <= seconds <= 3:
            self._result("clock", False, f"moved by {seconds} s in 2.2 s: it does not tick")
        elif not sure:
            self._result("clock", True, "answers and ticks; it was never set, or its coin cell is empty")
        elif now is not None and abs(at - now) > 5:
            self._result("clock", True, f"answers and ticks; it is {abs(at - now)} s off")
        else:
            self._result("clock", True, "answers, ticks, and has the right time")

    def _flash(self) -> None:
        same, free, size = self._console.call(SCRIPT, "parts.flash")
        words = f"{free // 1024} of {size // 1024} KiB free"
        self._result("flash", same, words if same else f"does not keep what is written; {words}")

    def _sound(self) -> None:
        self._console.do(SCRIPT, "parts.sound")
        heard = self._ask("Did you hear four rising tones?")
        words = {
            True: "heard",
            False: "not heard: check the buzzer's pin",
            None: "played; no person said whether it was heard",
        }
        self._result("sound", heard, words[heard])

    def _bolt(self) -> None:
        went = self._console.call(SCRIPT, "parts.bolt", BOLT_MS)
        if not went:
            self._result("bolt", False, "was not driven")
            return
        moved = self._ask("Did the bolt draw back for a second?")
        words = {
            True: "drew back and locked again",
            False: "did not move: check the driver's pin and the supply of the coil",
            None: "was driven for a second; no person said whether it moved",
        }
        self._result("bolt", moved, words[moved])

    def _radio(self) -> None:
        found = self._console.call(SCRIPT, "parts.radio")
        if found is None:
            self._result("radio", True, "none: without external RAM, a stock MicroPython has no room for it")
            return
        wanted, address, version = found
        if not wanted:
            self._result("radio", True, "none on this board")
        elif address is None:
            self._result("radio", False, "does not start: is this MicroPython built with Bluetooth?")
        elif version is None:
            self._result("radio", False, "starts, but aioble is missing: run tumbler deploy with --mip or --aioble")
        else:
            self._result("radio", True, f"address {address}, aioble {version or 'of unknown version'}")

    def _walk(self) -> None:
        wrong: list[str] = []

        def take(answer: list[str | None]) -> None:
            button, got = answer
            if got is None:
                self._prompt(str(button))
            elif got != button:
                wrong.append(f"{button}: {'nothing came' if not got else ' and '.join(got) + ' came'}")

        self._console.follow(SCRIPT, "parts.walk()", take, WALK_SECONDS)
        self._result("keypad", not wrong, "every button is right" if not wrong else "; ".join(wrong))
