"""A keypad matrix on an I2C expander (docs/design/drivers.md says which samples can be trusted).

As with pins of the board, rows are pulled low or released, and columns are pulled up and read. Bits of a port are the
chip's pins: P0 is bit 0; GPA0 is bit 0 and GPB0 bit 8. A bus or a chip that fails never presses a key: its scan is no
sample. ExpanderMatrix catches the OSError of the bus.
"""

from micropython import const

from .keypad import NO_SAMPLE, Grid

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .hardware import Bus, Input, Port

PAUSE = const(8)  # calls without a transfer after the bus failed
FAILING = const(20)  # scans in a row without a sample

_IODIR = const(0x00)  # registers of the MCP23017 with IOCON.BANK = 0, port A; that of port B follows
_IOCON_BANK = const(0x05)  # where IOCON is when BANK = 1
_GPPU = const(0x0C)
_GPIO = const(0x12)
_IOCON = const(0x44)  # MIRROR: INTA is INTB; ODR: the interrupt output is open-drain
_SPOILT = const(0x8080)  # GPA7 and GPB7 must not be inputs: outputs, low, without a wire
_ALL = const(0xFFFF)


class PCF8574:
    """A PCF8574 or PCF8574A as a port: a pin written 1 is released and can be read."""

    def __init__(self, i2c: "Bus", address: int, pins: "list[int]") -> None:
        self._i2c = i2c
        self._address = address
        self._byte = bytearray(1)

    def configure(self, columns: int, wires: int) -> None:
        """Do nothing: a 1 is an input with a pull-up, from power-on."""

    def drive(self, low: int) -> None:
        """Pull these pins low and release the others."""
        self._byte[0] = ~low & 0xFF
        self._i2c.writeto(self._address, self._byte)

    def read(self) -> int:
        """Return the levels of all pins."""
        self._i2c.readfrom_into(self._address, self._byte)
        return self._byte[0]

    def proven(self) -> int:
        """Return the levels of all pins, from a chip that is configured; NO_SAMPLE if it is not."""
        return self.read()


class MCP23017:
    """An MCP23017 as a port: all outputs are at 0, and their direction drives them.

    pins: those in use; without pins of port B every transfer is a byte shorter.
    """

    def __init__(self, i2c: "Bus", address: int, pins: "list[int]") -> None:
        self._i2c = i2c
        self._address = address
        self._port = bytearray(2 if max(pins) > 7 else 1)
        self._wires = 0
        self._proof = bytearray(_GPIO - _GPPU + len(self._port))

    def configure(self, columns: int, wires: int) -> None:
        """Release every pin, pull up the wires, and set the interrupt to be active while a column is low."""
        self._wires = wires
        low = columns & 0xFF
        high = columns >> 8
        self._i2c.writeto_mem(self._address, _IOCON_BANK, b"\x00")  # whatever it held, BANK is 0 now
        # IODIR, IPOL, GPINTEN, DEFVAL, INTCON, IOCON, GPPU, each for both ports
        registers = (0x7F, 0x7F, 0, 0, low, high, low, high, low, high, _IOCON, _IOCON, wires & 0xFF, wires >> 8)
        self._i2c.writeto_mem(self._address, _IODIR, bytes(registers))

    def drive(self, low: int) -> None:
        """Pull these pins low and release the others."""
        inputs = ~(low | _SPOILT) & _ALL
        for index in range(len(self._port)):
            self._port[index] = inputs >> 8 * index & 0xFF
        self._i2c.writeto_mem(self._address, _IODIR, self._port)

    def read(self) -> int:
        """Return the levels of all pins."""
        self._i2c.readfrom_mem_into(self._address, _GPIO, self._port)
        return self._levels(self._port, 0)

    def proven(self) -> int:
        """Return the levels of all pins, from a chip that is configured; NO_SAMPLE if it is not."""
        proof = self._proof
        self._i2c.readfrom_mem_into(self._address, _GPPU, proof)
        if proof[0] | proof[1] << 8 != self._wires:
            return NO_SAMPLE
        return self._levels(proof, _GPIO - _GPPU)

    def _levels(self, data: bytearray, start: int) -> int:
        levels = data[start]
        if len(self._port) > 1:
            levels |= data[start + 1] << 8
        return levels


CHIPS: "dict[str, type[PCF8574] | type[MCP23017]]" = {"pcf8574": PCF8574, "pcf8574a": PCF8574, "mcp23017": MCP23017}


def chip(name: str, i2c: "Bus", address: int, pins: "list[int]") -> "Port":
    """Return the chip of this name for these pins. ValueError if there is no such chip."""
    if name not in CHIPS:
        raise ValueError("an expander is one of: " + ", ".join(sorted(CHIPS)))
    return CHIPS[name](i2c, address, pins)


class ExpanderMatrix(Grid):
    """The wires of a keypad on an expander.

    rows, cols: numbers of the chip's pins; interrupt: the board's pin at the chip's INT, or None. Attribute: failing,
    True after FAILING scans without a sample.
    """

    def __init__(self, port: "Port", rows: "list[int]", cols: "list[int]", interrupt: "Input | None" = None) -> None:
        super().__init__(len(rows), len(cols))
        self._port = port
        self._rows = tuple(1 << pin for pin in rows)
        self._cols = tuple(1 << pin for pin in cols)
        self._all_rows = sum(self._rows)
        self._all_cols = sum(self._cols)
        self._interrupt = interrupt
        self._ready = False  # the chip was configured, and nothing failed since
        self._armed = False  # all rows are low
        self._down = False  # a key was down at the last look while armed
        self._pause = 0
        self._failures = 0

    def scan(self) -> int:
        """Return the mask of the crossings that read closed, or NO_SAMPLE; leaves every row released."""
        self._armed = False
        mask = NO_SAMPLE
        if self._pause:
            self._pause -= 1
        else:
            try:
                mask = self._scan()
            except OSError:
                self._broken()
        if mask >= 0:
            self._failures = 0
        elif self._failures < FAILING:
            self._failures += 1
        self.failing = self._failures >= FAILING
        return mask

    def _scan(self) -> int:
        port = self._port
        self._configure()
        mask = 0
        bit = 1
        for row in self._rows:
            port.drive(row)
            levels = port.read()
            for col in self._cols:
                if not levels & col:
                    mask |= bit
                bit <<= 1
        port.drive(0)
        if mask:
            levels = port.proven()
            if levels < 0 or levels & self._all_rows != self._all_rows:
                self._ready = False
                return NO_SAMPLE
        return mask

    def touched(self) -> bool:
        """Return whether any key is down, in one look. Leaves all rows low until the next scan: a touch lowers INT."""
        if self._pause:
            self._pause -= 1
            return False
        if self._armed and not self._down and self._interrupt is not None and self._interrupt.value():
            return False  # nothing changed since the last look
        try:
            if not self._armed:
                self._ready = False
                self._configure()
                self._port.drive(self._all_rows)
                self._armed = True
            self._down = self._port.read() & self._all_cols != self._all_cols
            return self._down
        except OSError:
            self._broken()
            return False

    def arm(self) -> None:
        """Make a touch pull INT low, as touched() does."""
        self.touched()

    def _configure(self) -> None:
        if not self._ready:
            self._port.configure(self._all_cols, self._all_rows | self._all_cols)
            self._ready = True

    def _broken(self) -> None:
        self._ready = False
        self._armed = False
        self._pause = PAUSE
