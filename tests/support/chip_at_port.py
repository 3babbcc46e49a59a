"""A chip at a serial port: the start code of an ESP32 of any kind as esptool speaks to it, with its flash.

A stand-in: it answers the requests that esptool makes, on a pseudo-terminal, and keeps the flash in memory. The program
that esptool loads into its RAM is not run; from there on it answers as that program does. Erasing is needed before
writing, as on NOR flash. The chips' numbers and registers are those that esptool has. Format of the requests:
Espressif's document "Serial Protocol" of esptool.
"""

import hashlib
import os
import pty
import select
import struct
import threading
import tty
import zlib

from esptool.targets import CHIP_DEFS

HEAD = struct.Struct("<BBHI")  # direction, request, size of the data, checksum or value
SYNCED = 0x20120707  # what the start code answers to SYNC; the loaded program answers 0
MAGIC_REGISTER = 0x40001000
MAGIC = {"esp32": 0x00F01D83}  # the later ones report their number instead
EXTENSION = 0xFFFE  # behind the address: what makes 8 bytes of its 6
SECURE_DOWNLOAD = 1 << 2  # in the flags of the security information
UNKNOWN = b"\x01\x05"
SECTOR = 4096


class ChipAtPort:
    """Use as a context manager. mcu; size: bytes of flash; mac: six bytes; locked: fuses burnt for secure download.
    `flash` is what it holds, `port` where."""

    def __init__(self, mcu: str = "esp32", size: int = 4 << 20, mac: bytes = bytes(6), locked: bool = False):
        self.flash = bytearray(b"\xff") * size
        self.erased = 0  # times that the whole flash was erased
        self.mcu = mcu
        self._mac = mac
        self._flags = SECURE_DOWNLOAD if locked else 0
        self._loaded = False
        self._writing = (0, 0)
        self._unpack = zlib.decompressobj()
        self._reading = b""

    def __enter__(self) -> "ChipAtPort":
        self._chip, self._host = pty.openpty()
        tty.setraw(self._host)
        self.port = os.ttyname(self._host)
        self._stop, self._stopped = os.pipe()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        os.write(self._stopped, b".")
        self._thread.join()
        for descriptor in (self._chip, self._host, self._stop, self._stopped):
            os.close(descriptor)

    def _serve(self) -> None:
        frame = bytearray()
        escaped = False
        while True:
            ready, _, _ = select.select([self._chip, self._stop], [], [])
            if self._stop in ready:
                return
            for byte in os.read(self._chip, 4096):
                if byte == 0xC0:
                    if frame:
                        self._frame(bytes(frame))
                        frame.clear()
                elif byte == 0xDB:
                    escaped = True
                else:
                    frame.append({0xDC: 0xC0, 0xDD: 0xDB}[byte] if escaped else byte)
                    escaped = False

    def _send(self, data: bytes) -> None:
        os.write(self._chip, b"\xc0" + data.replace(b"\xdb", b"\xdb\xdd").replace(b"\xc0", b"\xdb\xdc") + b"\xc0")

    def _answer(self, request: int, value: int = 0, data: bytes = b"", status: bytes = b"\0\0") -> None:
        tail = status if self._loaded else status + b"\0\0"
        self._send(HEAD.pack(1, request, len(data + tail), value) + data + tail)

    def _frame(self, frame: bytes) -> None:
        if self._reading and len(frame) == 4:
            self._read_on(int.from_bytes(frame, "little"))
            return
        if len(frame) < HEAD.size:
            return
        _, request, size, _ = HEAD.unpack_from(frame)
        if len(frame) != HEAD.size + size:
            return  # half of a request: its sender was stopped
        handler = self.HANDLERS.get(request)
        if handler is None:
            self._answer(request, status=UNKNOWN)
        else:
            handler(self, request, frame[HEAD.size :])

    def _done(self, request: int, data: bytes) -> None:
        self._answer(request)

    def _sync(self, request: int, data: bytes) -> None:
        self._loaded = False
        for _ in range(8):
            self._answer(request, SYNCED)

    def _register(self, request: int, data: bytes) -> None:
        if self._flags:
            self._answer(request, status=UNKNOWN)
            return
        address = int.from_bytes(data[:4], "little")
        low, high = int.from_bytes(self._mac[2:], "big"), int.from_bytes(self._mac[:2], "big")
        chip = CHIP_DEFS[self.mcu]
        at = chip.EFUSE_RD_REG_BASE + 4 if self.mcu in MAGIC else chip.MAC_EFUSE_REG
        capacity = len(self.flash).bit_length() - 1
        values = {
            MAGIC_REGISTER: MAGIC.get(self.mcu, 0),
            chip.SPI_REG_BASE + chip.SPI_W0_OFFS: capacity << 16 | 0x40EF,
            at: low,
            at + 4: high | EXTENSION << 16,
        }
        self._answer(request, values.get(address, 0))

    def _security(self, request: int, data: bytes) -> None:
        if self.mcu in MAGIC:
            self._answer(request, status=UNKNOWN)
        else:
            number = CHIP_DEFS[self.mcu].IMAGE_CHIP_ID
            self._answer(request, data=struct.pack("<IB7sII", self._flags, 0, bytes(7), number, 0))

    def _run(self, request: int, data: bytes) -> None:
        self._answer(request)
        self._loaded = True
        self._send(b"OHAI")

    def _begin(self, request: int, data: bytes) -> None:
        size, _, _, offset = struct.unpack_from("<IIII", data)
        self._writing = (offset, offset + size)
        self._unpack = zlib.decompressobj()
        self._erase_sectors(offset, size)
        self._answer(request)

    def _erase_sectors(self, offset: int, size: int) -> None:
        end = -(-(offset + size) // SECTOR) * SECTOR
        begin = offset // SECTOR * SECTOR
        self.flash[begin:end] = b"\xff" * (end - begin)

    def _data(self, request: int, data: bytes) -> None:
        at, end = self._writing
        part = (data[16:] if request == 0x03 else self._unpack.decompress(data[16:]))[: end - at]
        assert self.flash[at : at + len(part)] == b"\xff" * len(part), "written without an erase"
        self.flash[at : at + len(part)] = part
        self._writing = (at + len(part), end)
        self._answer(request)

    def _md5(self, request: int, data: bytes) -> None:
        at, size = struct.unpack_from("<II", data)
        self._answer(request, data=hashlib.md5(self.flash[at : at + size]).digest())

    def _erase(self, request: int, data: bytes) -> None:
        self.erased += 1
        self.flash[:] = b"\xff" * len(self.flash)
        self._answer(request)

    def _read(self, request: int, data: bytes) -> None:
        at, size, self._piece, _ = struct.unpack_from("<IIII", data)
        self._reading = bytes(self.flash[at : at + size])
        self._answer(request)
        self._send(self._reading[: self._piece])

    def _read_on(self, got: int) -> None:
        if got < len(self._reading):
            self._send(self._reading[got : got + self._piece])
        else:
            self._send(hashlib.md5(self._reading).digest())
            self._reading = b""

    HANDLERS = {  # noqa: RUF012 - a table that nobody changes
        0x02: _begin,
        0x03: _data,
        0x04: _done,  # end of flash data
        0x05: _done,  # RAM: begin
        0x06: _run,
        0x07: _done,
        0x08: _sync,
        0x09: _done,  # a register is written
        0x0A: _register,
        0x0B: _done,  # size of the flash
        0x0D: _done,  # flash attached
        0x0F: _done,  # speed
        0x10: _begin,  # the same three, compressed
        0x11: _data,
        0x12: _done,
        0x13: _md5,
        0x14: _security,
        0xD0: _erase,
        0xD2: _read,
    }
