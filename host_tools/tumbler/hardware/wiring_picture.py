"""The wiring picture of a board as SVG: every row of the wiring table, from the same list of devices.

Devices are on the side of their pins, in the order of the pins, so that wires cross as little as possible. A wire
runs from its pin to a lane, along it, and to its terminal (wiring_lanes.py). Where that is not possible, and where pin
and terminal are on different sides, both ends carry a flag with the pin's name instead. Supplies are flags too. Inside
a device a terminal is a line, and parts are in columns between the lines, shorter ones nearer to the terminals. Lengths
are pixels.
"""

from dataclasses import dataclass, field
from xml.sax.saxutils import escape

from .boards import BoardFiles
from .chips import chips
from .rules import uses
from .wiring import devices, fitted, nets
from .wiring_lanes import lanes
from .wiring_parts import NETS, Device, Part, Terminal
from .wiring_symbols import COLOURS, DEVICE, GATE, KEYS, OUTLINE, Canvas, keypad, symbol

PITCH = 24  # between two pins, and two terminals: pins and terminals lie on one grid, so that no wire has a small step
LANE = 13  # between two wires that run side by side
BOARD = 250
CLEAR = 58  # between the board and the first lane, for the flags of supplies
ACROSS = 14  # more of it where pins have flags
FLAGS = 74  # room between a device and the lanes, for its flags
GAP = 16  # between two devices, at least
TOP = 76
HEAD = 40  # from a device's top to its first terminal
PINS = 44  # from the board's top to its first pin
MARGIN = 28
TALL = 2 * PITCH  # between two terminals with a part between them
SERIES = 70  # from a device's edge to the resistor in a line
COLUMNS = (116, 188)  # from a device's edge to its parts
LEGEND = 24
SUBTITLE = (
    "Seen from above, USB socket downwards; yellow pins are in use. "
    "Flags of one name are one wire, and the board's pin of that name is on it."
)

STYLE = """
text{font-family:'Segoe UI','DejaVu Sans',Arial,sans-serif;font-size:12px;fill:#1f2328}
.title{font-size:20px;font-weight:600}.sub{fill:#57606a}.name{font-size:13px;font-weight:600}
.small{font-size:10.5px;fill:#57606a}.pin{fill:#fff;font-size:11px}.off{fill:#9ec5b0}
.box{fill:#f6f8fa;stroke:#8c959f;stroke-width:1.2}.wire{fill:none;stroke-width:2.4;stroke-linejoin:round}
.line{fill:none;stroke:#1f2328;stroke-width:1.4;stroke-linecap:round;stroke-linejoin:round}
.flag{font-size:10.5px;font-weight:600;fill:#fff}.part{font-size:11px}
.lead,.rail{fill:none;stroke:#1f2328;stroke-width:1.4}.dot{fill:#1f2328}.gap{fill:#f6f8fa}
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
    columns: list[tuple[Part, int]] = field(default_factory=list)

    @property
    def edge(self) -> float:
        """Where its terminals are."""
        return self.x + DEVICE if self.side < 0 else self.x

    def index(self, name: str) -> int:
        """Which of its terminals has a name."""
        return next(index for index, terminal in enumerate(self.terminals) if terminal.name == name)

    def span(self, part: Part) -> tuple[int, int]:
        """Upper and lower line of a part."""
        first, second = self.index(part.ends[0]), self.index(part.ends[1])
        return min(first, second), max(first, second)

    def arrange(self) -> None:
        """Give every part the first column that is free there, shorter parts first."""
        for part in sorted(self.device.parts, key=lambda part: self.span(part)[1] - self.span(part)[0]):
            top, bottom = self.span(part)
            taken = {
                column for other, column in self.columns if self.span(other)[0] < bottom and top < self.span(other)[1]
            }
            self.columns.append((part, min(set(range(len(self.device.parts))) - taken)))

    def steps(self) -> list[int]:
        """Distances between its terminals, from top to bottom."""
        narrow = {self.span(part)[0] for part in self.device.parts if self.span(part)[1] == self.span(part)[0] + 1}
        return [TALL if index in narrow else PITCH for index in range(len(self.terminals) - 1)]

    def footnotes(self) -> list[str]:
        """Remarks on its parts, each once."""
        found: dict[str, list[str]] = {}
        for part in self.device.parts:
            if part.remark and part.label not in found.setdefault(part.remark, []):
                found[part.remark].append(part.label)
        return [f"{', '.join(labels)}: {remark}" for remark, labels in found.items()]


class Picture:
    """One picture in the making."""

    def __init__(self, board: BoardFiles) -> None:
        headers = board.headers or {}
        self.canvas = Canvas()
        self.board = board
        self.title: str = headers["title"]
        self.sides: dict[int, list[int | str]] = {-1: headers["left"], 1: headers["right"]}
        self.onboard: dict[str, str] = headers.get("onboard") or {}
        self.socket: str = headers.get("socket") or "USB"
        self.used = {use.pin: use for use in uses(board.description)}
        self.placed: list[Placed] = []
        self.keypads: dict[int, Placed] = {}
        self.lanes: dict[int, int] = {}  # pin: the lane of its wire

    def side_of(self, pin: int | None) -> int:
        """Which side of the board a pin is on, 0 for none."""
        return next((side for side, pins in self.sides.items() if pin is not None and pin in pins), 0)

    def draw(self) -> str:
        """Lay everything out and return the SVG."""
        self._sort()
        wide = {side: any(placed.device.inner for placed in self.placed if placed.side == side) for side in (-1, 1)}
        stack = {side: self._measure(side) for side in (-1, 1)}
        pins = max(len(labels) for labels in self.sides.values())
        board_height = PITCH * pins + PINS + 20
        foot = max(board_height, *stack.values()) + TOP + MARGIN
        height = foot + LEGEND * len(nets(self.board)) + MARGIN
        tallest = max(board_height, *stack.values())
        self.board_y = TOP + (tallest - board_height) // 2 // PITCH * PITCH
        beside = {}  # from the board to the devices
        for side in (-1, 1):
            self._stack(side, TOP + PINS - HEAD + (tallest - stack[side]) // 2 // PITCH * PITCH)
            beside[side] = self._route(side) + FLAGS
        outer = {side: DEVICE + (DEVICE + 90 if wide[side] else 0) for side in (-1, 1)}
        self.left = MARGIN + outer[-1] + beside[-1]
        width = self.left + BOARD + beside[1] + outer[1] + MARGIN
        for placed in self.placed:
            placed.x = self.left + BOARD + beside[1] if placed.side > 0 else self.left - beside[-1] - DEVICE
        for side in (-1, 1):
            self._draw_wires(side)
        self._draw_board(board_height)
        for placed in self.placed:
            self._draw_device(placed)
        for index, name in enumerate(nets(self.board)):
            y = foot + LEGEND * index + 8
            self.canvas.flag(MARGIN, y, name, NETS[name][0], 1)
            self.canvas.text(MARGIN + 44, y + 4, NETS[name][1], "sub")
        head = Canvas()
        head.add(
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" '
            f'height="{height:g}" role="img" aria-label="{escape(self.title)}: wiring">'
        )
        head.add(f"<style>{STYLE}</style>")
        head.box(0, 0, width, height, 'fill="#ffffff"', 0)
        head.text(MARGIN, 36, self.title, "title")
        head.text(MARGIN, 56, SUBTITLE, "sub")
        return "\n".join([*head.lines, *self.canvas.lines, "</svg>"]) + "\n"

    def _sort(self) -> None:
        """Give every device its side and its rank, and every terminal its order."""
        ranked: list[tuple[float, int, Placed]] = []
        pending: Placed | None = None
        for device in sorted(devices(self.board), key=lambda device: all(t.pin is None for t in device.terminals)):
            if pending is not None and device.drawing == "keypad":
                self.keypads[id(pending)] = Placed(device, pending.side)
                pending = None
                continue
            pins = [t.pin for t in device.terminals if t.pin is not None]
            side = (1 if sum(self.side_of(pin) for pin in pins) > 0 else -1) if pins else self._emptier(ranked)
            own = [t for t in device.terminals if t.pin in self.sides[side]]
            rows = [self.sides[side].index(t.pin) for t in own if t.pin is not None]
            placed = Placed(device, side)
            in_order = iter(sorted(own, key=lambda terminal: self.sides[placed.side].index(terminal.pin or 0)))
            placed.terminals = [next(in_order) if t in own else t for t in device.terminals]
            placed.arrange()
            ranked.append((sum(rows) / len(rows) if rows else 99, len(ranked), placed))
            if device.inner:
                pending = placed
        self.placed = [placed for _, _, placed in sorted(ranked, key=lambda entry: entry[:2])]

    def _reached(self, side: int) -> list[tuple[int, Placed, int]]:
        """Return (pin, device, terminal) of the terminals that may have a wire: the first one of each pin."""
        seen = set()
        found = []
        for placed in self.placed:
            for index, terminal in enumerate(placed.terminals):
                pin = terminal.pin
                if placed.side == side and pin is not None and pin in self.sides[side] and pin not in seen:
                    seen.add(pin)
                    found.append((pin, placed, index))
        return found

    def _wired(self, side: int) -> list[tuple[int, Placed, int]]:
        """Return (pin, device, terminal) of the wires; every other terminal has a flag."""
        return [wire for wire in self._reached(side) if wire[0] in self.lanes]

    def _route(self, side: int) -> float:
        """Give each wire of a side its lane; return the room from the board to beyond the last one."""
        reached = self._reached(side)
        wires = [(self._pin_y(side, pin), placed.at[index]) for pin, placed, index in reached]
        for (pin, _, _), lane in zip(reached, lanes(wires), strict=True):
            if lane is not None:
                self.lanes[pin] = lane
        used = [self.lanes[pin] for pin, _, _ in self._wired(side)]
        return self._clear(side) + (max(used, default=0) + 2) * LANE

    def _clear(self, side: int) -> float:
        """Return the room from the board to the first lane."""
        return CLEAR + (ACROSS if self._flagged(side) else 0)

    def _flagged(self, side: int) -> list[int]:
        """Return the pins in use on this side that have a flag and no wire."""
        wired = {pin for pin, _, _ in self._wired(side)}
        pins = [pin for pin in self.sides[side] if isinstance(pin, int) and pin in self.used]
        return [pin for pin in pins if pin not in wired and str(pin) not in self.onboard]

    def _emptier(self, ranked: list[tuple[float, int, Placed]]) -> int:
        """The side with more room left."""
        room = {side: sum(self._height(placed) for _, _, placed in ranked if placed.side == side) for side in (-1, 1)}
        return -1 if room[-1] <= room[1] else 1

    def _height(self, placed: Placed) -> float:
        rows = max(sum(placed.steps()), PITCH * (len(placed.device.inner) - 1))
        keys = KEYS - 4 if placed.device.drawing == "keypad" else 0
        return HEAD + rows + 20 + 16 * len(placed.footnotes()) + keys

    def _stride(self, placed: Placed) -> float:
        """From a device's top to the next one's, on the grid."""
        return -(-(self._height(placed) + GAP) // PITCH) * PITCH

    def _measure(self, side: int) -> float:
        return sum(self._stride(placed) for placed in self.placed if placed.side == side)

    def _stack(self, side: int, y: float) -> None:
        """Give the devices of a side their heights, one below the other."""
        for placed in self.placed:
            if placed.side == side:
                placed.y = y
                placed.height = self._height(placed)
                placed.at = [y + HEAD + sum(placed.steps()[:index]) for index in range(len(placed.terminals))]
                y += self._stride(placed)

    def _pin_y(self, side: int, pin: int) -> float:
        return self.board_y + PINS + PITCH * self.sides[side].index(pin)

    def _draw_wires(self, side: int) -> None:
        """Draw the wires of a side, from pin to terminal."""
        edge = self.left if side < 0 else self.left + BOARD
        for pin, placed, index in self._wired(side):
            start, stop = self._pin_y(side, pin), placed.at[index]
            lane = edge + side * (self._clear(side) + LANE * self.lanes[pin])
            colour = placed.terminals[index].colour
            self.canvas.wire([(edge, start), (lane, start), (lane, stop), (placed.edge, stop)], colour)

    def _draw_board(self, height: float) -> None:
        canvas = self.canvas
        canvas.box(self.left, self.board_y, BOARD, height, 'fill="#0f5132" stroke="#0a3622" stroke-width="1.5"', 10)
        middle = self.left + BOARD / 2
        canvas.box(middle - 40, self.board_y + 14, 80, 74, 'fill="#c9d1d9" stroke="#8c959f"', 4)
        chip = chips()[self.board.description["mcu"]].name
        canvas.text(middle, self.board_y + 56, chip, "name", "middle")
        canvas.box(middle - 22, self.board_y + height - 22, 44, 28, 'fill="#d0d7de" stroke="#8c959f"', 4)
        canvas.text(middle, self.board_y + height - 4, self.socket, "small", "middle")
        inside = [name for name, place in fitted(self.board) if "," in place]  # at more than one pin
        inside += [f"GPIO {pin}, {self.onboard[str(pin)]}" for pin in self.used if not self.side_of(pin)]
        for index, text in enumerate(inside):
            canvas.text(middle, self.board_y + height - 32 - 16 * index, text, "pin", "middle")
        for side, labels in self.sides.items():
            for index, label in enumerate(labels):
                self._draw_pin(side, self.board_y + PINS + PITCH * index, label)
        for name in nets(self.board):  # on one pin of each name
            side = next((side for side, labels in self.sides.items() if name in labels), 0)
            if side:
                edge = self.left if side < 0 else self.left + BOARD
                y = self.board_y + PINS + PITCH * self.sides[side].index(name)
                canvas.flag(edge + side * 8, y, name, NETS[name][0], side)

    def _draw_pin(self, side: int, y: float, label: int | str) -> None:
        canvas = self.canvas
        edge = self.left if side < 0 else self.left + BOARD
        used = isinstance(label, int) and label in self.used
        supply = label in NETS
        colour = "#f2cc60" if used else COLOURS[NETS[str(label)][0]] if supply else "#5f8f76"
        canvas.circle(edge - side * 9, y, 5.5, f'fill="{colour}" stroke="#0a3622"')
        text = f"{label}" if isinstance(label, str) else f"GPIO {label}"
        here = used and str(label) in self.onboard
        style = "pin" if used or supply else "pin off"
        name = f"{text}, {self.onboard[str(label)]}" if here else text
        canvas.text(edge - side * 20, y + 4, name, style, "start" if side < 0 else "end")
        flagged = label in self._flagged(side)
        if flagged:
            canvas.flag(edge + side * 8, y, text, self._colour_of(label), side)
        if used and not flagged and self._shared(label):  # a wire that other terminals share
            canvas.circle(edge + side * 12, y, 4, f'fill="{COLOURS[self._colour_of(label)]}"')

    def _shared(self, pin: int | str) -> bool:
        return sum(terminal.pin == pin for placed in self.placed for terminal in placed.terminals) > 1

    def _colour_of(self, pin: int | str) -> str:
        return next(t.colour for placed in self.placed for t in placed.terminals if t.pin == pin)

    def _draw_device(self, placed: Placed) -> None:
        canvas = self.canvas
        canvas.box(placed.x, placed.y, DEVICE, placed.height)
        canvas.text(placed.x + DEVICE / 2, placed.y + 20, placed.device.name, "name", "middle")
        edge, inwards = placed.edge, placed.side
        self._draw_parts(placed)
        wired = {(id(one), index) for _, one, index in self._wired(placed.side)}
        anchor = "end" if inwards < 0 else "start"
        for index, terminal in enumerate(placed.terminals):
            y = placed.at[index]
            if not terminal.place:
                canvas.text(
                    edge + inwards * (COLUMNS[0] - 8), y + 4, terminal.name, "small", "end" if inwards > 0 else "start"
                )
                continue
            canvas.circle(edge, y, 4.5, f'class="end" fill="{COLOURS[terminal.colour]}" stroke="#fff"')
            canvas.text(edge + inwards * 10, y + 4, terminal.name, "", anchor)
            if terminal.remark:
                canvas.text(edge + inwards * SERIES, y + 4, terminal.remark, "small", anchor)
            if (id(placed), index) not in wired:
                canvas.flag(edge - inwards * 8, y, terminal.place, terminal.colour, -inwards)
        if placed.device.drawing == "keypad":
            keypad(canvas, placed.x, placed.at[-1] + 14, self.board.description)
        for index, note in enumerate(reversed(placed.footnotes())):
            canvas.text(placed.x + DEVICE / 2, placed.y + placed.height - 12 - 16 * index, note, "small", "middle")
        behind = self.keypads.get(id(placed))
        if behind is not None:
            self._draw_inner(placed, behind)

    def _draw_parts(self, placed: Placed) -> None:
        """Draw the lines of a device as far as something hangs on them, and the parts between them."""
        canvas, inwards = self.canvas, placed.side
        for index, terminal in enumerate(placed.terminals):
            y = placed.at[index]
            reach = [COLUMNS[column] - GATE * (part.ends[2:] == (terminal.name,))
                     for part, column in placed.columns if terminal.name in part.ends]  # fmt: skip
            if reach:
                start = (
                    16 + sum(8.6 if letter.isupper() else 6.8 for letter in terminal.name)
                    if terminal.place
                    else min(reach)
                )
                canvas.line(
                    f"M{placed.edge + inwards * start:g} {y:g}H{placed.edge + inwards * max(reach):g}", 'class="rail"'
                )
            if terminal.series:
                x = placed.edge + inwards * (SERIES + 13)
                canvas.box(x - 11, y - 5, 22, 10, OUTLINE, 1)
                canvas.text(x, y + 18 if y < placed.at[-1] else y - 9, terminal.series, "part series", "middle")
        for part, column in placed.columns:
            top, bottom = placed.span(part)
            gate = placed.at[placed.index(part.ends[2])] if len(part.ends) > 2 else None
            x = placed.edge + inwards * COLUMNS[column]
            down = placed.index(part.ends[0]) == top
            symbol(canvas, part, x, placed.at[top], placed.at[bottom], inwards, down, gate)

    def _draw_inner(self, chip: Placed, behind: Placed) -> None:
        """Draw the wires from an expander to the keypad behind it."""
        canvas = self.canvas
        edge = chip.x if chip.side < 0 else chip.x + DEVICE
        other = edge + chip.side * 90
        x = other - DEVICE if chip.side < 0 else other
        rows = len(chip.device.inner)
        canvas.box(x, chip.y, DEVICE, HEAD + PITCH * rows + KEYS)
        canvas.text(x + DEVICE / 2, chip.y + 20, behind.device.name, "name", "middle")
        for index, (pin, wire, colour) in enumerate(chip.device.inner):
            y = chip.y + HEAD + PITCH * index
            canvas.wire([(edge, y), (other, y)], colour)
            near, far = ("start", "end") if chip.side < 0 else ("end", "start")
            canvas.text(edge - chip.side * 8, y + 4, pin, "", near)
            canvas.text(other + chip.side * 8, y + 4, wire, "", far)
        keypad(canvas, x, chip.y + HEAD + PITCH * rows - 8, self.board.description)


def picture(board: BoardFiles) -> str:
    """Return the SVG of a board; its description has no errors and its headers are known."""
    return Picture(board).draw()
