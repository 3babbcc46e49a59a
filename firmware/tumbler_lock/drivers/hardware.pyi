"""What the drivers expect of the things that they get in their constructors: MicroPython's classes, or models of them.

For mypy only. A stub is no module, so nothing of it lies on a lock.
"""

from typing import Any, Protocol

class Input(Protocol):
    """A pin that is read: machine.Pin."""

    def value(self) -> int: ...

class Output(Protocol):
    """A pin that is written: machine.Pin or machine.Signal."""

    def value(self, level: int, /) -> object: ...

class Row(Output, Protocol):
    """An open-drain pin: machine.Pin."""

    def init(self, *, hold: bool) -> object: ...

class Driven(Protocol):
    """A pin that the RMT may drive: machine.Pin."""

    OUT: int

    def init(self, mode: int, /, *, value: int) -> object: ...

class Channel(Protocol):
    """A channel of the RMT: esp32.RMT."""

    def write_pulses(self, duration: int, data: tuple[int, ...], /) -> object: ...
    def active(self) -> bool: ...
    def deinit(self) -> object: ...

class MakeChannel(Protocol):
    """The class esp32.RMT. Which pins it takes is between it and whoever made them."""

    def __call__(self, *, pin: Any, resolution_hz: int, idle_level: bool, num_symbols: int) -> Channel: ...

class Bus(Protocol):
    """An I2C bus: machine.I2C. A chip that does not answer is an OSError."""

    def readfrom_mem_into(self, address: int, register: int, buffer: bytearray, /) -> object: ...
    def writeto_mem(self, address: int, register: int, data: bytes | bytearray, /) -> object: ...
    def readfrom_into(self, address: int, buffer: bytearray, /) -> object: ...
    def writeto(self, address: int, data: bytes | bytearray, /) -> object: ...

class Port(Protocol):
    """The pins of an expander. OSError of the bus passes through."""

    def configure(self, columns: int, wires: int) -> None:
        """Release every pin, and pull up the wires."""

    def drive(self, low: int) -> None:
        """Pull these pins low and release the others."""

    def read(self) -> int:
        """Return the levels of all pins."""

    def proven(self) -> int:
        """Return the levels of all pins, from a chip that is configured; NO_SAMPLE if it is not."""

class Crossings(Protocol):
    """The crossings of a keypad: a Grid with the methods that its subclasses add."""

    failing: bool
    def __len__(self) -> int: ...
    def unclear(self, mask: int) -> int: ...
    def hold(self, on: bool) -> None: ...
    def scan(self) -> int:
        """Return the mask of the crossings that read closed, or NO_SAMPLE."""

    def touched(self) -> bool:
        """Return whether any key is down, in one look."""

    def arm(self) -> None:
        """Make a touch pull a column, or the interrupt, low until the next touched()."""

class Tone(Protocol):
    """An output for tones: machine.PWM."""

    def freq(self, hz: int, /) -> object: ...
    def duty_u16(self, duty: int, /) -> object: ...

class Converter(Protocol):
    """An analogue input: machine.ADC."""

    def read_uv(self) -> int: ...

class ClockChip(Protocol):
    """A clock. Times are Unix seconds."""

    def read(self) -> tuple[int, bool]:
        """Return the time, and whether it ran without a stop since it was set."""

    def set(self, unix: int, /) -> None:
        """Set the time. An interrupted call leaves the old time, the new one, or one that read() does not trust."""

# The radio

class Ble(Protocol):
    """The radio itself: bluetooth.BLE."""

    def active(self, on: bool, /) -> object: ...
    def config(self, *, mtu: int = ..., gap_name: str = ...) -> object: ...
    def gap_advertise(self, interval_us: int | None, /) -> object: ...

class Bluetooth(Protocol):
    """The module bluetooth."""

    def BLE(self) -> Ble: ...
    def UUID(self, number: str | int, /) -> object: ...

class Timeout(Protocol):
    """What `with connection.timeout(ms)` enters."""

    def __enter__(self) -> object: ...
    def __exit__(self, kind: object, error: object, trace: object, /) -> None: ...

class RawConnection(Protocol):
    """aioble's connection."""

    mtu: int | None
    def is_connected(self) -> object: ...
    def timeout(self, ms: int, /) -> Timeout: ...
    async def disconnect(self, *, timeout_ms: int | None) -> object: ...

class Value(Protocol):
    """aioble's characteristic, with capture=True where it is read by written()."""

    def write(self, data: bytes, /, *, send_update: bool) -> object: ...
    def notify(self, connection: RawConnection, data: bytes, /) -> object: ...
    async def written(self) -> tuple[RawConnection | None, bytes] | None: ...

class Aioble(Protocol):
    """The package aioble."""

    DeviceDisconnectedError: type[Exception]

    def Service(self, uuid: object, /) -> object: ...
    def Characteristic(
        self, service: object, uuid: object, /, *, read: bool = ..., notify: bool = ..., initial: bytes = ...
    ) -> Value: ...
    def BufferedCharacteristic(
        self, service: object, uuid: object, /, *, write: bool, capture: bool, max_len: int
    ) -> Value: ...
    def register_services(self, *services: object) -> object: ...
    async def advertise(self, interval_us: int, /, *, adv_data: bytes, resp_data: bytes) -> RawConnection | None: ...
    def stop(self) -> object: ...
