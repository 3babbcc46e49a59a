"""Register-level models of the I2C expanders PCF8574 and MCP23017, with a keypad matrix on their pins.

Written from the data sheets, apart from the driver. A pin that nothing pulls up and nothing drives floats: it reads
what `floating` says. reset() is what a dip of the supply or the RESET pin does. Runs on CPython and MicroPython.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .matrix import MatrixModel

_REGISTERS = 0x16
_IODIR = 0x00  # addresses with IOCON.BANK = 0, port A; port B is the next one
_IPOL = 0x02
_GPINTEN = 0x04
_DEFVAL = 0x06
_INTCON = 0x08
_IOCON = 0x0A
_GPPU = 0x0C
_INTF = 0x0E
_INTCAP = 0x10
_GPIO = 0x12
_OLAT = 0x14

_BANK = 0x80  # in IOCON
_MIRROR = 0x40
_SEQOP = 0x20


class Wires:
    """What hangs on a chip's pins: rows and columns, as numbers of its pins, of a keypad matrix."""

    def __init__(self, matrix: "MatrixModel", rows: "list[int]", cols: "list[int]") -> None:
        self._matrix = matrix
        self._rows = rows
        self._cols = cols
        self.floating = 0

    def levels(self, low: int, high: int, pulled: int) -> int:
        """Levels of all pins, when the chip drives some low, some high and pulls some up. ValueError for a short."""
        matrix = self._matrix
        for index, pin in enumerate(self._rows):
            matrix.drive(1 << index, 0 if low >> pin & 1 else 1)
        for pin in self._rows + self._cols:
            if high >> pin & 1:
                raise ValueError("pin %d drives a wire of the keypad high: two keys make a short" % pin)
        for pin in self._cols:
            if low >> pin & 1:
                raise ValueError("pin %d drives a column low" % pin)
        found = (pulled | high | self.floating) & ~low
        for index, pin in enumerate(self._cols):
            if not matrix.read(index):
                found &= ~(1 << pin)
                for row, other in enumerate(self._rows):
                    if matrix.closed(row * len(self._cols) + index):
                        found &= ~(1 << other)
        return found


class _Interrupt:
    """The chip's INT as a pin of the board: open-drain, low while the chip says so."""

    def __init__(self, chip: "Any") -> None:
        self._chip = chip

    def value(self) -> int:
        """Read it."""
        return 0 if self._chip.interrupting() else 1


class PCF8574Model:
    """Eight quasi-bidirectional pins: written 0 they pull low, written 1 a small source pulls them up."""

    def __init__(self, wires: Wires) -> None:
        self._wires = wires
        self.interrupt = _Interrupt(self)
        self.reset()

    def reset(self) -> None:
        """Power-on: all pins high."""
        self._latch = 0xFF
        self._seen = self._levels()

    def _levels(self) -> int:
        return self._wires.levels(~self._latch & 0xFF, 0, self._latch) & 0xFF

    def read(self) -> int:
        """One byte from the chip; the interrupt is over."""
        self._seen = self._levels()
        return self._seen

    def write(self, value: int) -> None:
        """One byte to the chip; the interrupt is over."""
        self._latch = value
        self._seen = self._levels()

    def interrupting(self) -> bool:
        """Whether an input differs from what was last read or written."""
        return self._levels() != self._seen


class MCP23017Model:
    """Two ports of eight pins and their 22 registers, in either order of addresses."""

    def __init__(self, wires: Wires) -> None:
        self._wires = wires
        self.interrupt = _Interrupt(self)
        self.reset()

    def reset(self) -> None:
        """Power-on: every pin an input without a pull-up, no interrupts."""
        self.registers = bytearray(_REGISTERS)
        self.registers[_IODIR] = self.registers[_IODIR + 1] = 0xFF
        self._pointer = 0
        self._seen = 0

    def _both(self, register: int) -> int:
        return self.registers[register] | self.registers[register + 1] << 8

    def _levels(self) -> int:
        inputs = self._both(_IODIR)
        latch = self._both(_OLAT)
        return self._wires.levels(~inputs & ~latch & 0xFFFF, ~inputs & latch & 0xFFFF, inputs & self._both(_GPPU))

    def interrupting(self) -> bool:
        """Whether INTA is active."""
        enabled = self._both(_GPINTEN) & self._both(_IODIR)
        compared = self._both(_INTCON)
        levels = self._levels()
        causes = enabled & (compared & (levels ^ self._both(_DEFVAL)) | ~compared & (levels ^ self._seen))
        if not self.registers[_IOCON] & _MIRROR:
            causes &= 0xFF
        return causes != 0

    # The bus side: start(), then read() or write() byte by byte.

    def start(self, register: int) -> None:
        """A transfer begins at this address."""
        self._pointer = register

    def _next(self) -> int:
        """The register that is addressed, in the order of BANK = 0, or -1 for none; then on to the next one."""
        pointer = self._pointer
        separate = self.registers[_IOCON] & _BANK
        if not self.registers[_IOCON] & _SEQOP:
            self._pointer = pointer + 1 if separate else (pointer + 1) % _REGISTERS
        if not separate:
            return pointer if pointer < _REGISTERS else -1
        return 2 * (pointer & 15) + (pointer >> 4 & 1) if pointer < 0x20 and pointer & 15 < _REGISTERS // 2 else -1

    def read(self) -> int:
        """The next byte."""
        register = self._next()
        if register < 0:
            return 0
        port = register & 1
        if register - port == _GPIO:
            self._seen = self._levels()
            return (self._seen >> 8 * port & 0xFF) ^ self.registers[_IPOL + port]
        return self.registers[register]

    def write(self, value: int) -> None:
        """Store the next byte as the chip would."""
        register = self._next()
        if register < 0:
            return
        port = register & 1
        if register - port == _IOCON:
            self.registers[_IOCON] = self.registers[_IOCON + 1] = value & 0xFE
        elif register - port == _GPIO:
            self.registers[_OLAT + port] = value
        elif register - port not in (_INTF, _INTCAP):
            self.registers[register] = value
        self._levels()  # the wires feel it at once


MODELS = {"pcf8574": PCF8574Model, "pcf8574a": PCF8574Model, "mcp23017": MCP23017Model}
