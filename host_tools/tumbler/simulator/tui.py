"""The lock in the terminal: a keypad to press, a bolt to watch, and the owner's desk beside it.

One thread owns the virtual lock (real_time.py). The app sends it small functions, and gets the board's events as
messages. Without a desk, codes are issued in another terminal (tui_radio.py).
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, TypeVar

from rich.markup import escape
from rich.text import Text
from textual import on
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Grid, Horizontal, Vertical, VerticalScroll
from textual.message import Message as TextualMessage
from textual.widget import Widget
from textual.widgets import Button, Digits, Footer, RichLog, Static

from tumbler_lock.core.tickets import CUSTOM, ONE_TIME, kind_name
from tumbler_lock.core.zone import Zone, weekday

from ..codes.wording import purpose
from ..errors import ToolError
from ..text import command_line
from ..timezones import format_time
from .issuing import Desk
from .lock import Reply, VirtualLock
from .process import Message
from .real_time import LockThread
from .tui_texts import DAYS, HINTS, LABELS, REASONS, TROUBLES, VERDICTS
from .tui_widgets import KEYPAD, NIGHT, BoltPicture, KeypadButton, button_id
from .update_events import UpdateEvents

HOUR_MS = 3_600_000
BUSY_KEYS = 40  # if more wait than this, a key of the keyboard is stuck

MOST_RECENT = 7

Shown = TypeVar("Shown", bound=Widget)


class BoardEvent(TextualMessage):
    """An event of the board."""

    def __init__(self, event: Message):
        super().__init__()
        self.event = event


class BrokeDown(TextualMessage):
    """The virtual lock broke down; text says how."""

    def __init__(self, text: str):
        super().__init__()
        self.text = text


@dataclass
class RecentCode:
    """A code that was issued here: its digits, kind and id, and whether it is over."""

    digits: str
    kind: int
    id: str | None
    over: bool = False


class DoorApp(App[int]):
    """The lock, its keypad, its owner."""

    TITLE = "Tumbler"
    HELLO = "Issue a [b]timed[/b] code on the right, type its digits, then press [b]#[/b]."
    NO_DESK = "This lock has no desk here."
    WORLD: ClassVar[tuple[tuple[str, str, str], ...]] = (  # label, name, what it does
        ("Power", "power", "Cut the power, or bring it back"),
        ("+1 hour", "hour", "Let an hour pass: h"),
        ("+1 day", "day", "Let a day pass: d"),
        ("Stop clock", "stop", "The clock chip loses its battery"),
        ("Set time", "time", "The owner sets the lock's time over a link"),
    )
    CSS_PATH = "tui.tcss"
    ENABLE_COMMAND_PALETTE = False
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-normal"), (132, "-wide")]  # noqa: RUF012 -- as App has it
    BINDINGS: ClassVar[list[BindingType]] = [
        *[Binding(digit, f"key('{digit}')", show=False) for digit in "0123456789"],
        Binding("asterisk,backspace,escape", "key('*')", "clear", key_display="*"),
        Binding("number_sign,enter", "key('#')", "enter", key_display="#"),
        Binding("t", "issue(2)", "timed code"),
        Binding("o", "issue(0)", "one-time"),
        Binding("p", "power", "power"),
        Binding("h", "skip(1)", "+1 hour"),
        Binding("d", "skip(24)", "+1 day"),
        Binding("q,ctrl+c", "quit", "quit"),
    ]

    def __init__(self, lock: VirtualLock, desk: Desk | None, digits: Callable[[], str] | None = None):
        """Show a lock that has no power yet. desk: where its codes are issued, None if not here; digits(): the digits
        of a custom code (default: random).
        """
        super().__init__()
        self._door = lock
        self._choose_digits = digits or (lambda: f"{random.SystemRandom().randrange(1_000_000):06}")
        self._lock_thread = LockThread(lock, lambda text: self.post_message(BrokeDown(text)))
        self._updates = UpdateEvents()
        self._typed = 0
        self._powered = False
        self._sit_at(desk)

    def _sit_at(self, desk: Desk | None) -> None:
        """Use this desk from now on, with the codes that were issued at it."""
        self._desk = desk
        self._lock_zone = Zone(desk.lock.rule if desk else self._door.identity.rule)
        codes = desk.issued(self._door.now_ms // 1_000)[:MOST_RECENT] if desk else []
        self._recent = [RecentCode(code.digits, code.meaning.kind, code.short_id) for code in codes]

    # What there is to see

    def compose(self) -> ComposeResult:
        """Lay out the door on the left, the keypad beside it, the desk on the right, the log below."""
        with Horizontal(id="top"):
            with Vertical(id="door", classes="box"):
                yield Digits("", id="clock")
                yield Static(id="date")
                yield BoltPicture(id="bolt")
                yield Static(id="lamp")
            with Vertical(id="pad", classes="box"):
                yield Static(id="typed")
                with Grid(id="keys"):
                    for key in KEYPAD:
                        yield KeypadButton(key)
                yield Static(id="answer")
            with VerticalScroll(id="desk", classes="box"):
                with Vertical(id="ticket"):
                    yield Digits("", id="code")
                    yield Static(id="purpose")
                with Horizontal(id="choices"):
                    with Grid(id="kinds"):
                        for kind, label in LABELS.items():
                            button = Button(label, id=f"issue-{kind}", classes="issue", compact=True)
                            button.tooltip = HINTS[kind]
                            button.can_focus = False
                            yield button
                            yield Static(HINTS[kind], classes="hint")
                    yield Static(id="recent")
        with Horizontal(id="world"):
            yield Static("The world", id="world-title")
            for label, name, tip in self.WORLD:
                button = Button(label, id=f"world-{name}", classes="world", compact=True, tooltip=tip)
                button.can_focus = False
                yield button
        yield RichLog(id="log", max_lines=1000, markup=True, wrap=True)
        yield Footer()

    def on_mount(self) -> None:
        """Switch the lock on."""
        self.register_theme(NIGHT)
        self.theme = "tumbler"
        self.query_one("#door").border_title = "Door"
        self.query_one("#pad").border_title = "Keypad"
        self.query_one("#desk").border_title = "The owner's desk"
        self.query_one("#log", RichLog).border_title = "What happened"
        self.query_one("#log").can_focus = False
        self.query_one("#desk").can_focus = False
        self._show_bolt()
        self._lamp(False)
        self._show_typed(0)
        self._show_recent()
        self._show_ticket("", "Click a kind of code, then type its digits." if self._desk else self.NO_DESK)
        self._note(self.HELLO)
        self._door.listen(self._pass_on)
        self._lock_thread.start()
        self._lock_thread.do(VirtualLock.power_on)
        self._show_time()
        self.query_one(BoltPicture).set_interval(0.25, self._show_time)  # ends with the widget

    def on_unmount(self) -> None:
        """End the lock's thread before the lock is closed."""
        self._lock_thread.stop()
        self._door.listen(None)

    def _shown(self, name: str, kind: type[Shown]) -> list[Shown]:
        """Return the widget of that name; nothing if the app is ending and has removed it."""
        return list(self.query(name).results(kind)) if self.screen_stack else []

    def _put(self, name: str, content: str | Text) -> None:
        """Show a text in the widget of that name."""
        for text in self._shown(name, Static):
            text.update(content)

    def _put_digits(self, name: str, digits: str) -> None:
        """Show large digits in the widget of that name."""
        for widget in self._shown(name, Digits):
            widget.update(digits)

    def _show_time(self) -> None:
        shown = format_time(self._lock_thread.world_ms // 1_000, self._lock_zone)
        self._put_digits("#clock", shown[11:19])
        day, _, _, _ = self._lock_zone.local(self._lock_thread.world_ms // 1_000)
        narrow = self.screen_stack and self.screen.has_class("-narrow")
        clock = f"\n{shown[11:19]}" if narrow else ""  # the large one is hidden there
        self._put("#date", f"{DAYS[weekday(day)]} {shown[:10]}{clock} {shown[19:]}")

    def _show_bolt(self) -> None:
        state = "off" if not self._powered else "open" if self._door.unlocked else "locked"
        for bolt in self._shown("#bolt", BoltPicture):
            bolt.show(state)
        for door in self._shown("#door", Vertical):
            door.set_class(state == "open", "open")
            door.set_class(state == "off", "off")

    def _lamp(self, on: bool, tone: str = "") -> None:
        lamp = "[#f7c948 b]●[/] lamp" if on else "[#3b4261]●[/] [#565f89]lamp[/]"
        self._put("#lamp", f"{lamp}   [#bb9af7]{tone}[/]")

    def _show_typed(self, count: int) -> None:
        self._typed = count
        shown = "● " * min(count, 9) + ("…" if count > 9 else "")
        text = f"[b #c8d0ee]{shown.strip()}[/]" if count else "[#3b4261]· · · · · ·[/]"
        self._put("#typed", text)

    def _show_ticket(self, digits: str, text: str) -> None:
        self._put_digits("#code", digits)
        self._put("#purpose", text)

    def _remember(self, digits: str, kind: int, short_id: str | None) -> None:
        self._recent.insert(0, RecentCode(digits, kind, short_id))
        del self._recent[MOST_RECENT:]
        self._show_recent()

    def _show_recent(self) -> None:
        text = Text(no_wrap=True, overflow="ellipsis")
        for code in self._recent:
            text.append(f"{code.digits:>9}", "#565f89 strike" if code.over else "bold #9ece6a")
            text.append(f"  {LABELS[code.kind].lower()}\n", "#565f89" if code.over else "#7982a9")
        self._put("#recent", text)

    def _note(self, text: str) -> None:
        """Write a line of markup to the log."""
        stamp = format_time(self._lock_thread.world_ms // 1_000, self._lock_zone)[11:19]
        for log in self._shown("#log", RichLog):
            log.write(f"[#565f89]{stamp}[/]  {text}")

    # What the board does

    def _pass_on(self, event: Message) -> None:
        """Take an event from the lock's thread into the app's."""
        self.post_message(BoardEvent(event))

    @on(BoardEvent)
    def _board_event(self, message: BoardEvent) -> None:
        """Show an event when the world's clock has come to it: a press runs a few milliseconds ahead."""
        event = message.event
        early = (int(event.get("now_ms", 0)) - self._lock_thread.world_ms) / 1_000
        if early > 0.02:
            self.set_timer(min(early, 5), lambda: self._happened(event))
        else:
            self._happened(event)

    def _happened(self, event: Message) -> None:
        method = getattr(self, f"_saw_{event['event']}", None)
        if method is not None and self.is_running:
            method(event)
        text = self._updates.describe(event)
        if text is not None:
            self._note(escape(text))

    def _saw_power(self, event: Message) -> None:
        self._powered = event["on"]
        self._show_typed(0)
        self._lamp(False)
        self._show_bolt()
        self._note("The power is on." if self._powered else "[#e0af68]The power is off.[/]")

    def _saw_key(self, event: Message) -> None:
        key = event["key"]
        self._show_typed(0 if key in "*#" else self._typed + 1)

    def _saw_bolt(self, event: Message) -> None:
        self._show_bolt()
        self._note("The bolt draws back." if event["unlocked"] else "The bolt locks.")

    def _saw_led(self, event: Message) -> None:
        self._lamp(bool(event["on"]))

    def _saw_signal(self, event: Message) -> None:
        name = event["name"]
        if name == "clear":
            self._show_typed(0)
        if name in TROUBLES:
            self._put("#answer", f"[red]{TROUBLES[name]}[/]")
        self._lamp(True, f"♪ {name}")

    def _saw_verdict(self, event: Message) -> None:
        colour, text = VERDICTS[event["verdict"]]
        why = REASONS.get(event["reason"], "") if event["verdict"] in ("refused", "locked-out") else ""
        colour = {"green": "#9ece6a", "red": "#f7768e", "yellow": "#e0af68"}[colour]
        kind = event.get("kind")
        name = kind_name(kind) if isinstance(kind, int) else kind
        code = f"  [#565f89]{name} code {event.get('id')}[/]" if name else ""
        self._put("#answer", f"[b {colour}]{text}[/]")
        self._note(f"[b {colour}]{event['verdict']}[/]  {why or text}{code}")
        for one in self._recent:
            if event["verdict"] == "erased" or (
                one.id == event.get("id") and (event["verdict"] == "revoked" or one.kind == ONE_TIME)
            ):
                one.over = True
        self._show_recent()
        if event["verdict"] == "erased" and self._desk is not None and not self._desk.erased():
            self._note(
                "The registry still has the old codes. Once the real lock is erased too, run:"
                f" {escape(command_line('lock confirm-erase', self._desk.lock.name))}"
            )

    def _saw_fault(self, event: Message) -> None:
        self._note(f"[b #f7768e]fault[/]  {escape(str(event.get('text')))}")

    def _saw_reset(self, event: Message) -> None:
        self._note("[#e0af68]The lock restarts.[/]")

    @on(BrokeDown)
    def _broke_down(self, message: BrokeDown) -> None:
        self._note(f"[b #f7768e]The virtual lock broke down.[/] {escape(message.text)}")
        self._powered = False
        self._show_bolt()

    # What people do

    @on(Button.Pressed, ".key")
    def _key_pressed(self, event: Button.Pressed) -> None:
        if isinstance(event.button, KeypadButton):
            self.action_key(event.button.key)

    def action_key(self, key: str) -> None:
        """Press a button of the keypad."""
        if self._lock_thread.waiting < BUSY_KEYS:
            button = self.query_one(f"#{button_id(key)}", KeypadButton)
            button.add_class("down")
            self.set_timer(0.12, lambda: button.remove_class("down"))

            def press(lock: VirtualLock) -> None:
                lock.press(key)

            self._lock_thread.do(press)

    @on(Button.Pressed, ".issue")
    def _issue_pressed(self, event: Button.Pressed) -> None:
        self.action_issue(int((event.button.id or "").removeprefix("issue-")))

    def action_issue(self, kind: int) -> None:
        """Issue a code of a kind that opens right now, and show its digits."""
        if kind == CUSTOM:
            self._add_custom()
            return
        if self._desk is None:
            self._show_ticket("", self.NO_DESK)
            return
        now = self._lock_thread.world_ms // 1_000
        try:
            code = self._desk.issue(kind, now)
        except ToolError as error:
            self._show_ticket("", f"[#f7768e]{escape(str(error))}[/]")
            return
        text = purpose(code, self._lock_zone)
        self._show_ticket(code.digits, f"[b]{LABELS[kind]}[/]: {text}. Type it, then [b]#[/b].")
        self._remember(code.digits, kind, code.short_id)
        self._note(f"The owner issues a {code.kind} code [#565f89]{code.short_id}[/]: {text}.")

    def _add_custom(self) -> None:
        digits = self._choose_digits()

        def add(lock: VirtualLock) -> None:
            reply = lock.owner("add_custom", digits=digits)
            self.call_from_thread(self._custom_added, digits, reply)

        self._lock_thread.do(add)

    def _custom_added(self, digits: str, reply: Reply) -> None:
        if reply.ok:
            self._show_ticket(digits, "[b]Custom[/]: until it is deleted. Type it, then [b]#[/b].")
            self._remember(digits, CUSTOM, reply.id)
            self._note("The owner adds a custom code over the link.")
        else:
            self._show_ticket("", f"[#f7768e]The lock refuses: {escape(reply.text or reply.reason)}[/]")

    @on(Button.Pressed, ".world")
    def _world_pressed(self, event: Button.Pressed) -> None:
        self._world_actions()[event.button.id or ""]()

    def _world_actions(self) -> dict[str, Callable[[], None]]:
        """Return what the buttons below the door do."""
        return {
            "world-power": self.action_power,
            "world-hour": lambda: self.action_skip(1),
            "world-day": lambda: self.action_skip(24),
            "world-stop": self.action_stop_clock,
            "world-time": self.action_set_time,
        }

    def action_power(self) -> None:
        """Cut the power, or bring it back."""

        def switch(lock: VirtualLock) -> None:
            if lock.powered:
                lock.power_off()
            else:
                lock.power_on()

        self._lock_thread.do(switch)

    def action_skip(self, hours: int) -> None:
        """Let some hours pass."""
        self._lock_thread.skip(hours * HOUR_MS)
        self._note(f"{hours} hour{'s pass' if hours > 1 else ' passes'}.")

    def action_stop_clock(self) -> None:
        """Let the clock chip lose its battery."""
        self._lock_thread.do(VirtualLock.stop_clock)
        self._note("[#e0af68]The clock chip lost its battery: the lock trusts no time until it is set.[/]")

    def action_set_time(self) -> None:
        """Let the owner set the lock's time."""

        def set_time(lock: VirtualLock) -> None:
            reply = lock.owner("set_time", now=lock.now_ms // 1_000)
            text = "The owner sets the lock's time." if reply.ok else f"The time was not set: {escape(reply.text)}"
            self.call_from_thread(self._note, text)

        self._lock_thread.do(set_time)
