"""The widgets of the lock in the terminal: the keypad's buttons and the bolt, and the colours."""

from typing import ClassVar

from rich.text import Text
from textual.theme import Theme
from textual.widgets import Button, Static

KEYPAD = ("1", "2", "3", "4", "5", "6", "7", "8", "9", "*", "0", "#")

NIGHT = Theme(
    name="tumbler",
    primary="#7aa2f7",
    secondary="#bb9af7",
    accent="#e0af68",
    success="#9ece6a",
    warning="#e0af68",
    error="#f7768e",
    foreground="#c8d0ee",
    background="#12131c",
    surface="#1b1d2b",
    panel="#262a3d",
    dark=True,
)


def button_id(key: str) -> str:
    """Return the id of the widget for a button of the keypad."""
    return "key-" + {"*": "star", "#": "hash"}.get(key, key)


class KeypadButton(Button):
    """One button of the keypad."""

    def __init__(self, key: str):
        super().__init__(key, id=button_id(key), classes="key")
        self.key = key
        self.can_focus = False
        self.active_effect_duration = 0  # while it lasts a second click is lost, and codes have equal digits


class BoltPicture(Static):
    """The edge of the door: the bolt is in the frame or drawn back."""

    WIDTH = 20
    EDGE = 11  # where the door ends and the frame begins
    REACH = 17  # where the hole for the bolt ends
    STATES: ClassVar[dict[str, tuple[str, str, int]]] = {  # word, colour, where the bolt ends
        "locked": ("L O C K E D", "#7aa2f7", 16),
        "open": ("O P E N", "#9ece6a", 8),
        "off": ("N O   P O W E R", "#565f89", 16),
    }

    def show(self, state: str) -> None:
        """Draw it "locked", "open" or "off"."""
        word, colour, reach = self.STATES[state]
        text = Text(justify="center")
        for row, metal in enumerate((" ", "▄", "█", "▀", " ")):
            for column in range(self.WIDTH):
                if metal != " " and 3 <= column < reach:
                    text.append(metal, colour)
                elif column < self.EDGE:
                    text.append("░", "#2f344d")
                elif column == self.EDGE:
                    text.append("│", "#565f89")
                else:
                    text.append(" " if 1 <= row <= 3 and column < self.REACH else "▓", "#414868")
            text.append("\n")
        text.append(f"\n{word}", f"bold {colour}")
        self.update(text)
