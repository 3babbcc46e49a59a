"""The wiring picture of a board as SVG: the board with its pins in order, the devices, coloured wires.

Devices stand on the side of their pins, in the order of the pins, so that wires cross as little as possible. A wire
runs from its pin to a lane of its own, along it, and to its terminal; where pin and terminal are on different sides,
both ends carry a flag with the pin's name instead. Supplies are flags too. Lengths are pixels.
"""

from dataclasses import dataclass, field
from xml.sax.saxutils import escape

from . import boards
from .boards import BoardFiles
from .symbols import COLOURS, DEVICE, ROOM, Canvas, draw, keypad
from .wiring import Device, Terminal, devices

PITCH = 24  # between two pins
LANE = 13  # between two wires that run side by side
BOARD = 250
CLEAR = 30  # between the board and the first lane
FLAGS = 74  # room between a device and the lanes, for its flags
GAP = 18
TOP = 78
MARGIN = 28

STYLE = """
text{font-family:'Segoe UI','DejaVu Sans',Arial,sans-serif;font-size:12px;fill:#1f2328}
.title{font-size:20px;font-weight:600}.sub{fill:#57606a}.name{font-size:13px;font-weight:600}
.small{font-size:10.5px;fill:#57606a}.pin{fill:#fff;font-size:11px}.off{fill:#9ec5b0}
.box{fill:#f6f8fa;stroke:#8c959f;stroke-width:1.2}.wire{fill:none;stroke-width:2.4;stroke-linejoin:round}
.line{fill:none;stroke:#1f2328;stroke-width:1.4;stroke-linecap:round;stroke-linejoin:round}
.flag{font-size:10.5px;font-weight:600;fill:#fff}
"""


@dataclass
class Placed:
    """A device in its place; y of its terminals by index. side: -1 left of the board, 1 right of it."""

    device: Device
    side: int
    x: float = 0
    y: float = 0
    height: float = 0
    terminals: list[Terminal] = field(default_factory=list)
    at: list[float] = field(default_factory=list)


class Picture:
    """One picture in the making."""

    def __init__(self, board: BoardFiles) -> None:
        headers = board.headers or {}
        self.canvas = Canvas()
        self.board = board
        self.title: str = headers["title"]
        self.sides: dict[int, list[int | str]] = {-1: headers["left"], 1: headers["right"]}
        self.onboard: dict[str, str] = headers.get("onboard", {})
        self.used = {use.pin: use for use in boards.uses(board.description)}
        self.placed: list[Placed] = []
        self.keypads: dict[int, Placed] = {}

    def side_of(self, pin: int | None) -> int:
        """Which side of the board a pin is on, 0 for none."""
        return next((side for side, pins in self.sides.items() if pin is not None and pin in pins), 0)

    def draw(self) -> str:
        """Lay everything out and return the SVG."""
        self._sort()
        self.clear = {side: CLEAR + (FLAGS if self._flagged(side) else 0) for side in (-1, 1)}
        lanes = {side: self.clear[side] + (len(self._taken(side)) + 1) * LANE for side in (-1, 1)}
        wide = {side: any(placed.device.inner for placed in self.placed if placed.side == side) for side in (-1, 1)}
        stack = {side: self._measure(side) for side in (-1, 1)}
        pins = max(len(labels) for labels in self.sides.values())
        board_height = PITCH * pins + 64
        height = max(board_height, *stack.values()) + TOP + MARGIN + 34
        outer = {side: DEVICE + (DEVICE + 90 if wide[side] else 0) for side in (-1, 1)}
        left = MARGIN + outer[-1] + FLAGS + lanes[-1]
        width = left + BOARD + lanes[1] + FLAGS + outer[1] + MARGIN
        self.left = left
        self.board_y = TOP + (max(board_height, *stack.values()) - board_height) / 2
        for side in (-1, 1):
            inner_x = left - lanes[-1] - FLAGS - DEVICE if side < 0 else left + BOARD + lanes[1] + FLAGS
            self._place(side, inner_x, TOP + (max(board_height, *stack.values()) - stack[side]) / 2)
        for side in (-1, 1):
            self._draw_wires(side)
        self._draw_board(board_height)
        for placed in self.placed:
            self._draw_device(placed)
        head = Canvas()
        head.add(
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" '
            f'height="{height:g}" role="img" aria-label="{escape(self.title)}: wiring">'
        )
        head.add(f"<style>{STYLE}</style>")
        head.box(0, 0, width, height, 'fill="#ffffff"', 0)
        head.text(MARGIN, 36, self.title, "title")
        head.text(MARGIN, 56, "Seen from above, USB socket downwards. Flags of the same name are one wire.", "sub")
        return "\n".join([*head.lines, *self.canvas.lines, "</svg>"]) + "\n"

    def _sort(self) -> None:
        """Give every device its side and its rank, and every terminal its order."""
        ranked: list[tuple[float, int, Placed]] = []
        pending: Placed | None = None
        for device in devices(self.board):
            if pending is not None and device.drawing == "keypad":
                self.keypads[id(pending)] = Placed(device, pending.side)
                pending = None
                continue
            sides = [self.side_of(terminal.pin) for terminal in device.terminals if terminal.pin is not None]
            side = 1 if sum(sides) > 0 else -1
            rows = [self.sides[side].index(t.pin) for t in device.terminals if t.pin in self.sides[side]]
            placed = Placed(device, side)
            own = [t for t in device.terminals if t.pin in self.sides[side]]
            own.sort(key=lambda terminal: self.sides[placed.side].index(terminal.pin or 0))
            placed.terminals = own + [t for t in device.terminals if t not in own]
            ranked.append((sum(rows) / len(rows) if rows else 99, len(ranked), placed))
            if device.inner:
                pending = placed
        self.placed = [placed for _, _, placed in sorted(ranked, key=lambda entry: entry[:2])]

    def _taken(self, side: int) -> list[tuple[Placed, int]]:
        """Terminals with a wire of their own: the first one of each pin; later ones get flags."""
        seen = set()
        found = []
        for placed in self.placed:
            for index, terminal in enumerate(placed.terminals):
                if placed.side == side and terminal.pin in self.sides[side] and terminal.pin not in seen:
                    seen.add(terminal.pin)
                    found.append((placed, index))
        return found

    def _flagged(self, side: int) -> list[int]:
        """Pins in use on this side whose wire goes to the other one."""
        wired = {placed.terminals[index].pin for placed, index in self._taken(side)}
        pins = [pin for pin in self.sides[side] if isinstance(pin, int) and pin in self.used]
        return [pin for pin in pins if pin not in wired and str(pin) not in self.onboard]

    def _measure(self, side: int) -> float:
        total = 0.0
        for placed in self.placed:
            if placed.side == side:
                rows = max(len(placed.terminals), len(placed.device.inner))
                placed.height = 34 + rows * 20 + ROOM.get(placed.device.drawing, 0)
                total += placed.height + GAP
        return max(total - GAP, 0)

    def _place(self, side: int, x: float, y: float) -> None:
        for placed in self.placed:
            if placed.side == side:
                placed.x = x
                placed.y = y
                placed.at = [y + 40 + 20 * index for index in range(len(placed.terminals))]
                y += placed.height + GAP

    def _pin_y(self, side: int, pin: int) -> float:
        return self.board_y + 44 + PITCH * self.sides[side].index(pin)

    def _draw_wires(self, side: int) -> None:
        """Wires that go down take the outer lanes from the top, those that go up from the bottom: none crosses."""
        edge = self.left if side < 0 else self.left + BOARD
        ends = []
        for placed, index in self._taken(side):
            pin = placed.terminals[index].pin
            assert pin is not None  # noqa: S101 - for mypy: _taken gives no others
            ends.append((self._pin_y(side, pin), placed.at[index], placed, index))
        down = sorted((end for end in ends if end[1] >= end[0]), key=lambda end: -end[0])
        up = sorted((end for end in ends if end[1] < end[0]), key=lambda end: end[0])
        for group in (down, up):
            for rank, (start, stop, placed, index) in enumerate(group):
                lane = edge + side * (self.clear[side] + LANE * rank)
                terminal_x = placed.x + DEVICE if side < 0 else placed.x
                colour = placed.terminals[index].colour
                self.canvas.wire([(edge, start), (lane, start), (lane, stop), (terminal_x, stop)], colour)

    def _draw_board(self, height: float) -> None:
        canvas = self.canvas
        canvas.box(self.left, self.board_y, BOARD, height, 'fill="#0f5132" stroke="#0a3622" stroke-width="1.5"', 10)
        middle = self.left + BOARD / 2
        canvas.box(middle - 40, self.board_y + 14, 80, 74, 'fill="#c9d1d9" stroke="#8c959f"', 4)
        chip = boards.CHIPS[self.board.description["mcu"]].name
        canvas.text(middle, self.board_y + 56, chip, "name", "middle")
        canvas.box(middle - 22, self.board_y + height - 22, 44, 28, 'fill="#d0d7de" stroke="#8c959f"', 4)
        canvas.text(middle, self.board_y + height - 4, "USB", "small", "middle")
        hidden = [pin for pin in self.used if not self.side_of(pin)]
        for index, pin in enumerate(hidden):
            text = f"GPIO {pin}, {self.onboard[str(pin)]}"
            canvas.text(middle, self.board_y + height - 32 - 16 * index, text, "pin", "middle")
        for side, labels in self.sides.items():
            for index, label in enumerate(labels):
                self._draw_pin(side, self.board_y + 44 + PITCH * index, label)

    def _draw_pin(self, side: int, y: float, label: int | str) -> None:
        canvas = self.canvas
        edge = self.left if side < 0 else self.left + BOARD
        used = isinstance(label, int) and label in self.used
        supply = label in ("GND", "3V3", "5V")
        colour = "#f2cc60" if used else "#d1242f" if label in ("3V3", "5V") else "#22272e" if supply else "#5f8f76"
        canvas.add(f'<circle cx="{edge - side * 9:g}" cy="{y:g}" r="5.5" fill="{colour}" stroke="#0a3622"/>')
        text = f"{label}" if isinstance(label, str) else f"GPIO {label}"
        here = used and str(label) in self.onboard
        style = "pin" if used or supply else "pin off"
        name = f"{text}, {self.onboard[str(label)]}" if here else text
        canvas.text(edge - side * 20, y + 4, name, style, "start" if side < 0 else "end")
        flagged = label in self._flagged(side)
        if flagged:
            canvas.flag(edge + side * 8, y, text, self._colour_of(label), side)
        for placed in self.placed:  # a wire that other terminals share
            for terminal in placed.terminals:
                if terminal.pin == label and used and not flagged and self._shared(label):
                    canvas.add(
                        f'<circle cx="{edge + side * 12:g}" cy="{y:g}" r="4" fill="{COLOURS[terminal.colour]}"/>'
                    )

    def _shared(self, pin: int | str) -> bool:
        return sum(terminal.pin == pin for placed in self.placed for terminal in placed.terminals) > 1

    def _colour_of(self, pin: int | str) -> str:
        return next(t.colour for placed in self.placed for t in placed.terminals if t.pin == pin)

    def _draw_device(self, placed: Placed) -> None:
        canvas = self.canvas
        canvas.box(placed.x, placed.y, DEVICE, placed.height)
        canvas.text(placed.x + DEVICE / 2, placed.y + 20, placed.device.name, "name", "middle")
        edge = placed.x + DEVICE if placed.side < 0 else placed.x
        wired = {(id(one), index) for one, index in self._taken(placed.side)}
        for index, terminal in enumerate(placed.terminals):
            y = placed.at[index]
            colour = terminal.colour
            canvas.add(f'<circle cx="{edge:g}" cy="{y:g}" r="4.5" fill="{COLOURS[colour]}" stroke="#fff"/>')
            anchor = "end" if placed.side < 0 else "start"
            canvas.text(edge + placed.side * 10, y + 4, terminal.name, "", anchor)
            if (id(placed), index) not in wired:
                text = terminal.supply or f"GPIO {terminal.pin}"
                canvas.flag(edge - placed.side * 8, y, text, colour, -placed.side)
        below = placed.y + 30 + 20 * max(len(placed.terminals), len(placed.device.inner))
        draw(canvas, placed.device.drawing, placed.x, below, self.board.description)
        behind = self.keypads.get(id(placed))
        if behind is not None:
            self._draw_inner(placed, behind)

    def _draw_inner(self, chip: Placed, behind: Placed) -> None:
        """Draw the wires from an expander to the keypad behind it."""
        canvas = self.canvas
        edge = chip.x if chip.side < 0 else chip.x + DEVICE
        other = edge + chip.side * 90
        x = other - DEVICE if chip.side < 0 else other
        rows = len(chip.device.inner)
        canvas.box(x, chip.y, DEVICE, 34 + 20 * rows + ROOM["keypad"])
        canvas.text(x + DEVICE / 2, chip.y + 20, behind.device.name, "name", "middle")
        for index, (pin, wire, colour) in enumerate(chip.device.inner):
            y = chip.y + 40 + 20 * index
            canvas.wire([(edge, y), (other, y)], colour)
            near, far = ("start", "end") if chip.side < 0 else ("end", "start")
            canvas.text(edge - chip.side * 8, y + 4, pin, "", near)
            canvas.text(other + chip.side * 8, y + 4, wire, "", far)
        keypad(canvas, x, chip.y + 30 + 20 * rows, self.board.description)


def picture(board: BoardFiles) -> str:
    """Return the SVG of a board; its description has no errors and its headers are known."""
    return Picture(board).draw()
