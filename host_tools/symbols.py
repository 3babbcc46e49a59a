"""SVG elements, and what is drawn inside the devices of a wiring picture.

x is the left edge of a device, y the top of the room that ROOM gives its drawing; lengths are pixels.
"""

from xml.sax.saxutils import escape

from .board_schema import Description

COLOURS = {
    "black": "#22272e", "red": "#d1242f", "orange": "#e8730c", "yellow": "#c79a00", "green": "#1a7f37",
    "blue": "#0969da", "violet": "#8250df", "grey": "#6e7781", "brown": "#8b5a2b",
}  # fmt: skip
DEVICE = 230  # width of a device
ROOM = {"keypad": 112, "strike": 122, "buzzer": 30, "led": 34, "switch": 30, "divider": 62}  # height of each drawing


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
    """The keys in their places."""
    keypad = description["keypad"]
    width, rows = len(keypad["cols"]), len(keypad["rows"])
    step = 96 / max(rows, width)
    left = x + (DEVICE - step * width) / 2
    for index, key in enumerate(keypad["keys"]):
        row, col = divmod(index, width)
        canvas_x, canvas_y = left + step * col, y + 4 + step * row
        canvas.box(canvas_x + 2, canvas_y + 2, step - 4, step - 4, 'fill="#fff" stroke="#57606a"', 4)
        canvas.text(canvas_x + step / 2, canvas_y + step / 2 + 4, key, "name", "middle")


def strike(canvas: Canvas, x: float, y: float, description: Description) -> None:
    """Coil, flyback diode, transistor and its two resistors."""
    middle = x + 128
    canvas.text(x + 10, y + 12, "+12 V", "small")
    canvas.line(f"M{x + 44:g} {y + 8:g}H{middle + 44:g}M{middle:g} {y + 8:g}V{y + 16:g}")
    canvas.box(middle - 12, y + 16, 24, 30, 'fill="#fff" class="line"', 3)
    canvas.text(middle - 18, y + 35, "strike", "small", "end")
    canvas.line(f"M{middle:g} {y + 46:g}V{y + 66:g}M{middle:g} {y + 56:g}H{middle + 44:g}V{y + 8:g}")
    diode = middle + 44
    canvas.line(f"M{diode - 8:g} {y + 38:g}H{diode + 8:g}L{diode:g} {y + 24:g}ZM{diode - 8:g} {y + 24:g}H{diode + 8:g}")
    canvas.text(diode + 12, y + 35, "1N4007", "small")
    # The transistor: gate, channel, source to GND.
    canvas.line(f"M{middle - 16:g} {y + 66:g}V{y + 90:g}M{middle - 10:g} {y + 64:g}V{y + 92:g}")
    canvas.line(f"M{middle - 10:g} {y + 68:g}H{middle:g}V{y + 62:g}M{middle - 10:g} {y + 88:g}H{middle:g}V{y + 104:g}")
    canvas.line(f"M{x + 20:g} {y + 78:g}H{x + 34:g}M{x + 62:g} {y + 78:g}H{middle - 16:g}")
    canvas.box(x + 34, y + 73, 28, 10, 'fill="#fff" class="line"', 1)
    canvas.text(x + 48, y + 69, "100 Ω", "small", "middle")
    canvas.text(x + 8, y + 94, "gate", "small")
    canvas.line(f"M{x + 84:g} {y + 78:g}V{y + 84:g}M{x + 84:g} {y + 100:g}V{y + 104:g}H{middle:g}")
    canvas.box(x + 79, y + 84, 10, 16, 'fill="#fff" class="line"', 1)
    canvas.text(x + 76, y + 97, "10 kΩ", "small", "end")
    canvas.text(middle + 8, y + 82, "MOSFET", "small")
    canvas.line(
        f"M{middle:g} {y + 104:g}V{y + 106:g}M{middle - 9:g} {y + 106:g}H{middle + 9:g}"
        f"M{middle - 5:g} {y + 110:g}H{middle + 5:g}"
    )


def buzzer(canvas: Canvas, x: float, y: float, description: Description) -> None:
    """A buzzer with its resistor."""
    middle = x + DEVICE / 2
    canvas.line(f"M{x + 30:g} {y + 12:g}H{x + 52:g}M{x + 80:g} {y + 12:g}H{middle - 9:g}")
    canvas.box(x + 52, y + 7, 28, 10, 'fill="#fff" class="line"', 1)
    canvas.text(x + 66, y + 4, "100 Ω", "small", "middle")
    canvas.add(f'<circle cx="{middle:g}" cy="{y + 12:g}" r="9" fill="#fff" class="line"/>')
    canvas.add(f'<circle cx="{middle:g}" cy="{y + 12:g}" r="3"/>')
    canvas.line(f"M{middle + 9:g} {y + 12:g}H{x + DEVICE - 60:g}")


def led(canvas: Canvas, x: float, y: float, description: Description) -> None:
    """An LED with its resistor."""
    middle = x + DEVICE / 2
    canvas.line(f"M{x + 30:g} {y + 14:g}H{x + 52:g}M{x + 80:g} {y + 14:g}H{middle - 8:g}")
    canvas.box(x + 52, y + 9, 28, 10, 'fill="#fff" class="line"', 1)
    canvas.text(x + 66, y + 6, "330 Ω", "small", "middle")
    shape = f"M{middle - 8:g} {y + 6:g}V{y + 22:g}L{middle + 6:g} {y + 14:g}Z"
    canvas.line(shape, 'fill="#2da44e" stroke="#1f2328"')
    canvas.line(f"M{middle + 6:g} {y + 6:g}V{y + 22:g}M{middle + 6:g} {y + 14:g}H{x + DEVICE - 60:g}")


def switch(canvas: Canvas, x: float, y: float, description: Description) -> None:
    """A contact."""
    middle = x + DEVICE / 2
    canvas.line(
        f"M{x + 40:g} {y + 16:g}H{middle - 18:g}L{middle + 14:g} {y + 5:g}"
        f"M{middle + 18:g} {y + 16:g}H{x + DEVICE - 40:g}"
    )
    for side in (-1, 1):
        canvas.add(f'<circle cx="{middle + 18 * side:g}" cy="{y + 16:g}" r="3" fill="#fff" class="line"/>')


def divider(canvas: Canvas, x: float, y: float, description: Description) -> None:
    """Two resistors and the tap between them."""
    above = description["battery"]["divider"] - 100
    middle = x + DEVICE / 2
    canvas.text(x + 12, y + 18, "battery +", "small")
    canvas.line(
        f"M{x + 66:g} {y + 14:g}H{middle - 40:g}M{middle - 12:g} {y + 14:g}H{middle + 20:g}"
        f"M{middle + 48:g} {y + 14:g}H{middle + 70:g}"
    )
    canvas.box(middle - 40, y + 9, 28, 10, 'fill="#fff" class="line"', 1)
    canvas.box(middle + 20, y + 9, 28, 10, 'fill="#fff" class="line"', 1)
    canvas.text(middle - 26, y + 5, f"{above} kΩ", "small", "middle")
    canvas.text(middle + 34, y + 5, "100 kΩ", "small", "middle")
    canvas.text(middle + 74, y + 18, "GND", "small")
    canvas.line(f"M{middle + 4:g} {y + 14:g}V{y + 32:g}")
    canvas.add(f'<circle cx="{middle + 4:g}" cy="{y + 14:g}" r="2.5"/>')
    canvas.text(middle + 4, y + 46, "tap", "small", "middle")


def draw(canvas: Canvas, name: str, x: float, y: float, description: Description) -> None:
    """Draw what belongs inside a device; nothing for a name without a drawing."""
    drawings = {"keypad": keypad, "strike": strike, "buzzer": buzzer, "led": led, "switch": switch, "divider": divider}
    if name in drawings:
        drawings[name](canvas, x, y, description)
