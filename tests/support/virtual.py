"""A virtual board for tests: one power-on after the other over the same flash image, every event kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.dual.support.lock import EXAMPLE_SECRET, NOW
from tests.support.micropython import ROOT, find
from tumbler.simulator.description import clock_chip
from tumbler.simulator.process import BoardProcess, BoardStopped, Message, board_command
from tumbler_lock.core.passcode import Scheme, hour_of

CONFIG = {"rule": "UTC0", "policy": "standard", "autolock": 5}
BROKEN = ROOT / "tests" / "dual" / "on_micropython" / "broken_board.py"


class Board:
    """Give it a folder and `on()`; use as a context manager. `events`: everything since the last on() or press()."""

    def __init__(self, folder: Path, now: int = NOW, provision: bool = True, **config: Any):
        self.flash = folder / "flash.img"
        self.now_ms = now * 1000
        self.events: list[Message] = []
        self.scheme = Scheme(EXAMPLE_SECRET)
        chip = clock_chip(lambda: self.now_ms)
        chip.preset(now)
        self.rtc: Message | None = chip.state()
        self._provision = {"secret": EXAMPLE_SECRET.hex(), "config": {**CONFIG, **config}} if provision else None
        self._process: BoardProcess | None = None

    def __enter__(self) -> Board:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.end()

    def on(self, broken: str = "", guard: float = 30, **request: Any) -> Message:
        """Power on; `broken`: a variant of broken_board.py instead of the board. Answers the answer to `boot`."""
        line = board_command(find(), BROKEN, broken) if broken else board_command(find())
        self._process = BoardProcess(line, self._event, guard)
        self.events = []
        return self.ask(
            "boot", now_ms=self.now_ms, flash=str(self.flash), rtc=self.rtc,
            **{"provision": self._provision, **request},
        )  # fmt: skip

    def ask(self, name: str, **request: Any) -> Message:
        """One request and its answer."""
        assert self._process is not None
        answer = self._process.ask({"do": name, **request})
        self.now_ms = answer["now_ms"]
        return answer

    def press(self, keys: str) -> str:
        """Press keys; the last verdict and reason, "open opened" say, or "" when there was none."""
        self.events = []
        self.ask("press", keys=keys)
        verdicts = self.all("verdict")
        return f"{verdicts[-1]['verdict']} {verdicts[-1]['reason']}" if verdicts else ""

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.ask("advance", to_ms=self.now_ms + round(seconds * 1000))

    def at(self, seconds: int) -> None:
        """Let time pass until Unix seconds."""
        self.ask("advance", to_ms=seconds * 1000)

    def off(self) -> None:
        """Switch off."""
        self.ask("quit")
        self.gone()

    def gone(self) -> None:
        """Clean up after the process ended."""
        if self._process is not None:
            self._process.end()
            self._process = None

    def ends(self, name: str, **request: Any) -> str:
        """Make a request that may stop the board, `on` or any other: "cut", "reset", or "" when it lives on."""
        try:
            if name == "on":
                self.on(**request)
            else:
                self.ask(name, **request)
        except BoardStopped as stop:
            self.gone()
            return "cut" if stop.cut else "reset"
        return ""

    def code(self, ticket: int = 0, length: int = 9, ahead: int = 0) -> str:
        """The digits of a ticket of the hour that is `ahead` hours from now."""
        return self.scheme.encode(hour_of(self.now_ms // 1000, 0) + ahead, ticket, length)

    def all(self, event: str) -> list[Message]:
        """The events of one name."""
        return [message for message in self.events if message["event"] == event]

    def last(self, event: str) -> Message:
        """The last event of one name."""
        return self.all(event)[-1]

    def _event(self, message: Message) -> None:
        self.events.append(message)
        self.now_ms = max(self.now_ms, message["now_ms"])
        if message["event"] == "rtc":
            self.rtc = message["state"]
