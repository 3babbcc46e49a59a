"""The lock in the terminal, with a radio: managed from another terminal by the commands for a real lock.

A new lock has no desk: the panel says how to pair it. Once it is set up, the id in its advertisement says which lock of
the registry it is, and the desk is that lock's.
"""

from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.widgets import Button

from tumbler_lock.core.protocol import LOCK_ID_SIZE, NO_LOCK
from tumbler_lock.core.zone import Zone

from .issuing import Desk
from .lock import VirtualLock
from .process import Message
from .radio import VirtualAir
from .tui import DoorApp

TYPE = "Type the six digits, then [b]#[/b]."  # two short lines, on the smallest screen
HELD, FREE = "Button: held", "Button"

FindDesk = Callable[[bytes], Desk | None]


class RadioApp(DoorApp):
    """A DoorApp with a radio and a set-up button."""

    HELLO = "The radio is on. In another terminal: [b]tumbler scan[/b]"
    NO_DESK = "In another terminal run [b]tumbler pair NAME[/b]. Type the six digits it shows here, then [b]#[/b]."
    WORLD: ClassVar[tuple[tuple[str, str, str], ...]] = (
        *DoorApp.WORLD,
        (FREE, "button", "Hold the set-up button inside the door, until it is pressed again"),
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        # The time has its buttons too: so the footer holds all the rest on the smallest screen.
        Binding("h", "skip(1)", "+1 hour", show=False),
        Binding("d", "skip(24)", "+1 day", show=False),
        Binding("b", "button", "set-up button"),
    ]

    def __init__(self, lock: VirtualLock, socket: Path, find_desk: FindDesk):
        """Show a lock that has no power yet. socket: where clients reach the radio; find_desk(lock id): its desk, None
        if it is not in the registry. ToolError if another virtual lock has the radio.
        """
        super().__init__(lock, None)
        self._find_desk = find_desk
        self._held = False
        self._air = VirtualAir(self._lock_thread.do, socket)

    def on_mount(self) -> None:
        """Switch the air on; the rest of the app, and with it the lock, comes after it."""
        self._air.__enter__()

    def on_unmount(self) -> None:
        """Switch the air off while the lock still answers."""
        self._air.close()

    def _pass_on(self, event: Message) -> None:
        self._air.event(event)
        super()._pass_on(event)

    def _saw_radio(self, event: Message) -> None:
        if event["op"] == "advertise" and event["on"]:
            self._is(bytes.fromhex(event["response"])[-LOCK_ID_SIZE:])

    def _is(self, lock_id: bytes) -> None:
        """Show the desk of this lock, or none."""
        desk = None if lock_id == NO_LOCK else self._find_desk(lock_id)
        if desk is not None:
            self._lock_zone = Zone(desk.lock.rule)  # it may have changed over the link
        if (desk and desk.lock.name) != (self._desk and self._desk.lock.name):
            self._sit_at(desk)
            self._show_recent()
            self._show_ticket("", "Click a kind of code, then type its digits." if desk else self.NO_DESK)
        for door in self.query("#door"):
            door.border_title = desk.lock.name if desk else "Door"

    def _saw_signal(self, event: Message) -> None:
        super()._saw_signal(event)
        if event["name"] == "pairing":
            self._put("#answer", TYPE)
            self._note("[b]pairing[/b]  a client pairs with the lock")

    def _saw_paired(self, event: Message) -> None:
        if event["right"]:
            self._put("#answer", "[b #9ece6a]♪ four rising tones: the digits are right[/]")
            self._note(
                "[b #9ece6a]paired[/]  the digits are right: four rising tones, three short flashes and a long one"
            )
        else:
            self._put("#answer", "[b #f7768e]Other digits.[/]")
            self._note("[b #f7768e]not paired[/]  other digits were typed")

    def action_button(self) -> None:
        """Hold the set-up button, or release it."""
        self._held = held = not self._held
        self._lock_thread.do(lambda lock: lock.button(held))
        for button in self.query("#world-button").results(Button):
            button.label = HELD if held else FREE
        self._note("The set-up button is held." if held else "The set-up button is released.")

    def _world_actions(self) -> dict[str, Callable[[], None]]:
        return {**super()._world_actions(), "world-button": self.action_button}
