"""Model of an I2C bus with the calls of machine.I2C. Runs on CPython and MicroPython."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable


class I2CModel:
    """A bus with machine.I2C's calls; `devices` maps an address to a model.

    A model has start(register), read() and write(); one without registers has no start. `carried` counts the bytes on
    the wire, addresses too. `fault`, if set, is called with the number of the transfer (1 = first) and returns None, or
    how many data bytes still pass before the bus fails with OSError.
    """

    def __init__(self, devices: "dict[int, Any]") -> None:
        self._devices = devices
        self.transfers = 0
        self.carried = 0
        self.fault: "Callable[[int], int | None] | None" = None

    def scan(self) -> "list[int]":
        """Addresses that answer."""
        return sorted(self._devices)

    def _begin(self, address: int, register: "int | None", length: int) -> "tuple[Any, int, bool]":
        """(device, bytes that pass, whether the bus fails then)."""
        self.transfers += 1
        passing = self.fault(self.transfers) if self.fault else None
        device = self._devices.get(address)
        if device is None:
            raise OSError(19)  # ENODEV, as machine.I2C raises when no chip acknowledges
        if register is not None:
            device.start(register)
        return device, length if passing is None else min(passing, length), passing is not None

    def _read(self, address: int, register: "int | None", buffer: bytearray) -> None:
        device, passing, broken = self._begin(address, register, len(buffer))
        self.carried += (1 if register is None else 3) + passing
        for index in range(passing):
            buffer[index] = device.read()
        if broken:
            raise OSError(116)  # ETIMEDOUT

    def _write(self, address: int, register: "int | None", data: bytes) -> None:
        device, passing, broken = self._begin(address, register, len(data))
        self.carried += (1 if register is None else 2) + passing
        for index in range(passing):
            device.write(data[index])
        if broken:
            raise OSError(116)

    def readfrom_mem_into(self, address: int, register: int, buffer: bytearray) -> None:
        """Fill `buffer` from consecutive registers."""
        self._read(address, register, buffer)

    def readfrom_mem(self, address: int, register: int, length: int) -> bytes:
        """Consecutive registers."""
        buffer = bytearray(length)
        self._read(address, register, buffer)
        return bytes(buffer)

    def writeto_mem(self, address: int, register: int, data: bytes) -> None:
        """Write consecutive registers."""
        self._write(address, register, data)

    def readfrom_into(self, address: int, buffer: bytearray) -> None:
        """Fill `buffer` from a chip without registers."""
        self._read(address, None, buffer)

    def writeto(self, address: int, data: bytes) -> None:
        """Write to a chip without registers."""
        self._write(address, None, data)
