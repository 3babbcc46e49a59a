"""Boards and MicroPython images for the tests of host_tools/deploy: descriptions on disk, and images that are small.

An image here is what MicroPython's build puts together: start program, partition table, program. The two programs are
whole ESP images, so that esptool's own tools read them, with nothing in them but the banner.
"""

import hashlib
import json
import struct
from pathlib import Path

from esptool.targets import CHIP_DEFS

from tests.support.micropython import ROOT

VERSION = "1.28.0"
BUILD = "ESP32_GENERIC-SPIRAM"  # for a board with external RAM; one without has that before the hyphen
NVS = ("nvs", 1, 2, 0x9000, 0x6000)
FACTORY = ("factory", 0, 0, 0x10000, 0x1F0000)
MIB = 1 << 20


def description(**changed: object) -> dict:
    """Return a description that can be flashed, with the parts of the virtual board."""
    return {
        **json.loads((ROOT / "boards" / "virtual" / "board.json").read_text(encoding="utf-8")),
        "name": "bench",
        "micropython": {
            "build": BUILD if changed.get("psram") != "none" else BUILD.partition("-")[0],
            "version": VERSION,
            "sha256": None,
        },
        "flash": {
            "size_kib": 4096,
            "image_offset": 0x1000,
            "app_offset": 0x10000,
            "app_kib": 1984,
            "vfs_offset": 2 * MIB,
            "vfs_kib": 2048,
        },
        **changed,
    }


def make(folder: Path, **changed: object) -> str:
    """Write a description into a folder, and return what --board takes."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.joinpath("board.json").write_text(json.dumps(description(**changed)), encoding="utf-8")
    return str(folder)


def program(chip: int, ram: int, data: bytes) -> bytes:
    """Return an ESP image with one piece of data, its checksum and its SHA-256."""
    data += bytes(-len(data) % 4)
    head = struct.pack("<BBBBI", 0xE9, 1, 2, 0x2F, ram)
    head += struct.pack("<B3sHBHH4sB", 0xEE, bytes(3), chip, 0, 0, 0, bytes(4), 1)
    body = head + struct.pack("<II", ram, len(data)) + data
    checksum = 0xEF
    for byte in data:
        checksum ^= byte
    body += bytes(-(len(body) + 1) % 16) + bytes([checksum])
    return body + hashlib.sha256(body).digest()


def table(*entries: tuple[str, int, int, int, int]) -> bytes:
    """Return a partition table of (label, type, subtype, offset, size)."""
    rows = b"".join(
        b"\xaa\x50" + struct.pack("<BBII16sI", kind, subtype, offset, size, label.encode(), 0)
        for label, kind, subtype, offset, size in entries
    )
    return rows + b"\xeb\xeb" + b"\xff" * 14 + hashlib.md5(rows).digest()


def micropython(
    mcu: str = "esp32",
    version: str = VERSION,
    chip: int | None = None,
    partitions: tuple[tuple[str, int, int, int, int], ...] = (NVS, FACTORY),
    more: int = 0,
    inside: str = "",
) -> bytes:
    """Return an image; more: bytes that its program is longer; inside: text that is in it."""
    facts = CHIP_DEFS[mcu]
    number = facts.IMAGE_CHIP_ID if chip is None else chip
    start = facts.BOOTLOADER_FLASH_OFFSET
    ram = next(first for first, _, name in facts.MEMORY_MAP if name == "DRAM")
    banner = f"MicroPython v{version} on 2025-04-15\0{inside}".encode()
    image = bytearray(b"\xff") * (0x10000 - start)
    loader = program(number, ram, b"start")
    image[: len(loader)] = loader
    rows = table(*partitions)
    image[0x8000 - start : 0x8000 - start + len(rows)] = rows
    return bytes(image) + program(number, ram, banner + bytes(more))
