"""SVG elements, and the symbols of the parts in a wiring picture.

A symbol stands at x between two lines of its device, at the heights `top` and `bottom`; `side` is 1 where the device
lies right of the board and its terminals are on its left, -1 where it is the other way round. Lengths are pixels.
"""

from xml.sax.saxutils import escape

from .schema import Description
from .wiring_parts import Part

COLOURS = {
    "black": "#22272e", "red": "#d1242f", "orange": "#e8730c", "yellow": "#b08800", "green": "#1a7f37",
    "blue": "#0969da", "violet": "#8250df", "grey": "#6e7781", "brown": "#8b5a2b", "pink": "#d63a9d",
    "turquoise": "#0e8a8a",
}  # fmt: skip
DEVICE = 256  # width of a device
KEYS = 112  # height of the keys in a keypad
OUTLINE = 'fill="#fff" class="line"'


class Canvas:
    """Lines of SVG."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def add(self, text: str) -> None:
        """Add an element."""
        self.lines.append(text)

    def text(self, x: float, y: float, text: str, style: str = "", anchor: str = "start") -> None:
        """Write text; y is its base line."""
        where = f' text-anchor="{anchor}"' if anchor != "start" else ""
        kind = f' class="{style}"' if style else ""
        self.add(f'<text x="{x:g}" y="{y:g}"{kind}{where}>{escape(text)}</text>')

    def box(
        self, x: float, y: float, width: float, height: float, style: str = 'class="box"', corner: float = 6
    ) -> None:
        """Draw a rectangle."""
        self.add(f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="{corner:g}" {style}/>')

    def circle(self, x: float, y: float, radius: float, style: str) -> None:
        """Draw a circle."""
        self.add(f'<circle cx="{x:g}" cy="{y:g}" r="{radius:g}" {style}/>')

    def line(self, path: str, style: str = 'class="line"') -> None:
        """Draw a path."""
        self.add(f'<path d="{path}" {style}/>')

    def wire(self, points: list[tuple[float, float]], colour: str) -> None:
        """Draw a wire."""
        path = "M" + "L".join(f"{x:g} {y:g}" for x, y in points)
        self.line(path, f'class="wire" stroke="{COLOURS[colour]}"')

    def flag(self, x: float, y: float, text: str, colour: str, side: int) -> None:
        """Draw a flag whose pole is at x, y; it points away to `side`."""
        width = 12 + 6.6 * len(text)
        left = x if side > 0 else x - width
        self.box(left, y - 8, width, 16, f'fill="{COLOURS[colour]}"', 4)
        self.text(left + width / 2, y + 4, text, "flag", "middle")


def keypad(canvas: Canvas, x: float, y: float, description: Description) -> None:
    """The keys in their places; x is the device's left edge, y the top of their room."""
    keypad = description["keypad"]
    width, rows = len(keypad["cols"]), len(keypad["rows"])
    step = 96 / max(rows, width)
    left = x + (DEVICE - step * width) / 2
    for index, key in enumerate(keypad["keys"]):
        row, col = divmod(index, width)
        canvas_x, canvas_y = left + step * col, y + 4 + step * row
        canvas.box(canvas_x + 2, canvas_y + 2, step - 4, step - 4, 'fill="#fff" stroke="#57606a"', 4)
        canvas.text(canvas_x + step / 2, canvas_y + step / 2 + 4, key, "name", "middle")


def symbol(
    canvas: Canvas, part: Part, x: float, top: float, bottom: float, side: int, down: bool, gate: float | None
) -> None:
    """Draw a part with its leads. down: its first end is the upper one; gate: height of its third end's line."""
    middle = (top + bottom) / 2 if gate is None else gate
    canvas.line(f"M{x:g} {top:g}V{bottom:g}", 'class="lead"')
    for y in (top, bottom):
        canvas.circle(x, y, 2.2, 'class="dot"')
    DRAWINGS[part.symbol](canvas, x, middle, side, down)
    if part.label:
        anchor = "start" if side > 0 else "end"
        canvas.text(x + side * SPACE.get(part.symbol, 10), middle + 4, part.label, "part", anchor)


def _gap(canvas: Canvas, x: float, y: float, half: float) -> None:
    """Interrupt the lead."""
    canvas.box(x - 2, y - half, 4, 2 * half, 'class="gap"', 0)


def _resistor(canvas: Canvas, x: float, y: float, side: int, down: bool) -> None:
    canvas.box(x - 5, y - 11, 10, 22, OUTLINE, 1)


def _capacitor(canvas: Canvas, x: float, y: float, side: int, down: bool) -> None:
    _gap(canvas, x, y, 3)
    canvas.line(f"M{x - 9:g} {y - 3:g}H{x + 9:g}M{x - 9:g} {y + 3:g}H{x + 9:g}")


def _coil(canvas: Canvas, x: float, y: float, side: int, down: bool) -> None:
    canvas.box(x - 10, y - 12, 20, 24, OUTLINE, 2)
    canvas.line(f"M{x - 10:g} {y + 5:g}L{x + 10:g} {y - 5:g}")


def _diode(canvas: Canvas, x: float, y: float, side: int, down: bool, fill: str = "#fff") -> None:
    tip = 7 if down else -7
    canvas.line(f"M{x - 8:g} {y - tip:g}H{x + 8:g}L{x:g} {y + tip:g}Z", f'fill="{fill}" class="line"')
    canvas.line(f"M{x - 8:g} {y + tip:g}H{x + 8:g}")


def _led(canvas: Canvas, x: float, y: float, side: int, down: bool) -> None:
    _diode(canvas, x, y, side, down, "#2da44e")
    for step in (0, 6):
        start = x + side * 12
        canvas.line(f"M{start:g} {y - 2 + step:g}l{side * 9} -6m{-side * 5} 0.5l{side * 5} -0.5l{-side * 2} 4.5")


def _piezo(canvas: Canvas, x: float, y: float, side: int, down: bool) -> None:
    canvas.circle(x, y, 11, OUTLINE)
    canvas.circle(x, y, 3.5, 'class="dot"')


def _motor(canvas: Canvas, x: float, y: float, side: int, down: bool) -> None:
    canvas.circle(x, y, 12, OUTLINE)
    canvas.line(f"M{x - 5:g} {y + 5:g}V{y - 5:g}L{x:g} {y + 1:g}L{x + 5:g} {y - 5:g}V{y + 5:g}")


def _source(canvas: Canvas, x: float, y: float, side: int, down: bool) -> None:
    canvas.circle(x, y, 12, OUTLINE)
    canvas.line(f"M{x - 6:g} {y - 2.5:g}H{x + 6:g}M{x - 6:g} {y + 2.5:g}h3m1.5 0h3m1.5 0h3")


def _cells(canvas: Canvas, x: float, y: float, side: int, down: bool) -> None:
    _gap(canvas, x, y, 10)
    for at in (-10, 3):
        canvas.line(f"M{x - 11:g} {y + at:g}H{x + 11:g}M{x - 5:g} {y + at + 6:g}H{x + 5:g}")
    canvas.line(f"M{x:g} {y - 4:g}V{y + 3:g}")


def _switch(canvas: Canvas, x: float, y: float, side: int, down: bool) -> None:
    _gap(canvas, x, y, 9)
    canvas.line(f"M{x:g} {y + 9:g}L{x + side * 12:g} {y - 10:g}")
    for at in (-9, 9):
        canvas.circle(x, y + at, 2.8, OUTLINE)


def _mosfet(canvas: Canvas, x: float, y: float, side: int, down: bool) -> None:
    """The gate's line ends at x - side * 15; drain on top, source below."""
    _gap(canvas, x, y, 10)
    plate, channel = x - side * 15, x - side * 9
    canvas.line(f"M{plate:g} {y - 12:g}V{y + 12:g}M{channel:g} {y - 14:g}V{y + 14:g}")
    canvas.line(f"M{channel:g} {y - 10:g}H{x:g}M{channel:g} {y + 10:g}H{x:g}")
    canvas.line(f"M{channel:g} {y:g}H{x:g}V{y + 10:g}M{channel + side * 6:g} {y - 3:g}L{channel:g} {y:g}l{side * 6} 3")


DRAWINGS = {
    "resistor": _resistor, "capacitor": _capacitor, "coil": _coil, "diode": _diode, "led": _led, "piezo": _piezo,
    "motor": _motor, "source": _source, "cells": _cells, "switch": _switch, "mosfet": _mosfet,
}  # fmt: skip
GATE = 15  # from a transistor's middle to the end of its gate's line
SPACE = {
    "cells": 16,
    "coil": 15,
    "capacitor": 14,
    "diode": 13,
    "switch": 17,
    "motor": 17,
    "mosfet": 9,
}  # from a symbol to its label
