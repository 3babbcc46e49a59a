"""What the firmware needs of a board's heap: `python -m tests.support.heap --micropython PATH` (docs/design/memory.md).

PATH is a MicroPython of the Unix port. Figures of an ESP32 need one of 32 bits; docs/design/memory.md says how to
build it.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.dual.core.test_updates import begin, finish, maker, send, sha
from tests.dual.support.linked_lock import PSK, Client, random
from tests.dual.support.lock import Lock
from tests.support.micropython import ROOT, find, run
from tumbler.updates.update_file import Update, build, compile_source, loader
from tumbler_lock.core import protocol
from tumbler_lock.core.boot_slots import ON_TRIAL, STARTS, Selection, pack
from tumbler_lock.core.keys import OWNER, AccessKey

SCRIPT = ROOT / "tests" / "dual" / "on_micropython" / "heap.py"
DISK = ROOT / "tests" / "dual" / "on_micropython" / "disk.py"
KIB = 2048
CODES = 1000
GUARD_SECONDS = 120


def description(board: str, **changes: Any) -> dict[str, Any]:
    """The description of a board, with changes; None leaves a part out."""
    said: dict[str, Any] = json.loads((ROOT / "boards" / board / "board.json").read_text(encoding="utf-8"))
    said.update(changes)
    return {name: value for name, value in said.items() if value is not None}


@dataclass
class Found:
    """live, peak: bytes by moment; beside: bytes that were live before the lock; modules: the firmware's at rest; seen:
    what the lock has told."""

    beside: int = 0

    live: dict[str, int] = field(default_factory=dict)
    peak: dict[str, int] = field(default_factory=dict)
    modules: set[str] = field(default_factory=set)
    seen: list[str] = field(default_factory=list)


class Process(Client):
    """A lock in tests/dual/on_micropython/heap.py, and a client of it."""

    def __init__(self, command: list[str]) -> None:
        self.found = Found()
        self.random = random("client")
        self._process = subprocess.Popen(
            command, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        self._late = threading.Timer(GUARD_SECONDS, self._process.kill)
        self._late.start()
        self._until("seen")

    def _line(self) -> list[str]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self._late.cancel()
            said = self._process.communicate()[1]
            raise MemoryError(said) if "MemoryError" in said else AssertionError(said)
        word, _, rest = line.strip().partition(" ")
        if word == "mark":
            name, live, peak, modules = rest.split(" ")
            self.found.live[name], self.found.peak[name] = int(live), int(peak)
            if name == "rest":
                self.found.modules = set(modules.split(","))
        elif word == "beside":
            self.found.beside = int(rest)
        elif word == "seen":
            self.found.seen = rest.split("|")
        return [word, rest]

    def _until(self, last: str) -> list[bytes]:
        answers: list[bytes] = []
        while True:
            word, rest = self._line()
            if word == last:
                return answers
            if word == "answer":
                answers.append(bytes.fromhex(rest))

    def _tell(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def say(self, message: bytes) -> list[bytes]:
        """Send a message; return those that come back."""
        self._tell("say " + message.hex())
        return self._until("done")

    def mark(self, name: str) -> None:
        """Measure."""
        self._tell("mark " + name)
        self._until("mark")

    def end(self) -> None:
        """Switch off."""
        self._tell("")
        self._process.communicate()
        self._late.cancel()


def memory(folder: Path) -> dict[str, bytes]:
    """The files of a lock's memory with many codes, one of them 0000010; and of the key that its updates need."""
    lock = Lock(str(folder), keys=[AccessKey(0, OWNER, PSK, "Ann")])
    for number in range(CODES):
        lock.owner.add_custom("%07d" % (number * 9973 + 10), insist=True)
    files = {f"/lock/{path.name}": path.read_bytes() for path in folder.iterdir()}
    return {"/update.pub": maker().public, **files}


def image(path: Path, said: dict[str, Any], firmware: Update | None, contents: dict[str, bytes]) -> None:
    """Make the flash image of a lock. said: its description; firmware: what is in its slot, on trial, or None."""
    started = loader()
    contents = {**contents, "/main.py": started["main.py"], "/board.json": json.dumps(said).encode()}
    if firmware is not None:
        slot = {**firmware.contents, "manifest": firmware.manifest.data}
        contents.update({f"/a/{name}": data for name, data in slot.items()})
        contents.update({f"/{name}": data for name, data in started.items() if "/" in name})
        contents["/slot"] = pack(Selection("a", ON_TRIAL, STARTS))
    with tempfile.TemporaryDirectory(prefix="tumbler-") as folder:
        pairs = []
        for number, (name, data) in enumerate(contents.items()):
            source = Path(folder, str(number))
            source.write_bytes(data)
            pairs.append([name, str(source)])
        order = Path(folder, "order.json")
        order.write_text(json.dumps({"format": True, "write": pairs}), encoding="utf-8")
        run(DISK, path, KIB, order)


def start(flash: Path, radio: str, interpreter: str = "", heap: str = "1m") -> Process:
    """Power on a lock and let it go through everything that needs no client. radio: as
    tests/dual/on_micropython/heap.py
    has it. MemoryError when the heap is too small."""
    return Process([interpreter or find(), "-X", f"heapsize={heap}", str(SCRIPT), str(flash), str(KIB), radio])


def talk(lock: Process) -> None:
    """A session: what is long in it."""
    lock.connect()
    lock.mark("session")
    lock.ask(protocol.LIST_CODES, b"\xff\xff")
    lock.ask(protocol.READ_LOG, bytes(4) + b"\x03\xe8")
    lock.mark("lists")


def update(lock: Process, firmware: Update) -> None:
    """An update in which one file is another one, up to its check."""
    other = {**firmware.contents, "tumbler_lock/__init__.mpy": firmware.contents["tumbler_lock/__init__.mpy"] + b"\0"}
    changed = Update.of((9, 0, 0), firmware.manifest.bytecode, other)
    signed = changed.signed(maker().sign(changed.message))
    ident = sha(signed.manifest.data)
    said = [begin(lock, signed.manifest.data), send(lock, ident, signed.contents), finish(lock, ident)]
    if said[::2] != ["done", "done"]:
        raise AssertionError(f"the update ended with {said}")
    lock.mark("update")


def least(flash: Path, radio: str, interpreter: str) -> int:
    """The least heap in bytes in which the lock starts and takes entries."""
    low, high, beside = 40, 1024, 0
    while high - low > 2:
        middle = (low + high) // 2
        copy = flash.with_suffix(".copy")
        copy.write_bytes(flash.read_bytes())
        try:
            lock = start(copy, radio, interpreter, f"{middle}k")
            lock.end()
            high = middle
            beside = lock.found.beside
        except (MemoryError, AssertionError):
            low = middle
    return high * 1024 - beside


# Name: board, what its description says differently.
CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "keypad, ESP32": ("esp32-devkitc", {"radio": None}),
    "keypad, C3": ("esp32c3-devkitm", {"radio": None}),
    "everything, S3": ("esp32s3-devkitc", {"psram": "octal"}),
}


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.support.heap", description="What the firmware needs of the heap."
    )
    parser.add_argument("--micropython", default="", help="a MicroPython of the Unix port; of 32 bits for an ESP32")
    parser.add_argument("--frozen", action="store_true", help="the firmware, and aioble, are frozen into it")
    parser.add_argument("--aioble", type=Path, help="folder of aioble's sources; without it a stand-in of no size")
    wanted = parser.parse_args()
    radio = "aioble" if wanted.aioble or wanted.frozen else "stand-in"
    base = build()
    with tempfile.TemporaryDirectory(prefix="tumbler-") as folder:
        contents = memory(Path(folder))
    for source in sorted(wanted.aioble.glob("*.py")) if wanted.aioble else ():
        contents[f"/lib/aioble/{source.stem}.mpy"] = compile_source(source, f"aioble/{source.name}")
    for name, (board, changes) in CASES.items():
        with tempfile.TemporaryDirectory(prefix="tumbler-") as folder:
            flash = Path(folder, "flash.img")
            said = description(board, **changes)
            image(flash, said, None if wanted.frozen else base, contents)
            smallest = least(flash, radio, wanted.micropython)
            lock = start(flash, radio, wanted.micropython)
            if "radio" in said:
                talk(lock)
                if not wanted.frozen:
                    update(lock, base)
            lock.end()
        print(f"{name}: least heap {smallest:,} bytes")
        for moment, live in lock.found.live.items():
            print(f"  {moment}: {live:,} bytes live, {lock.found.peak[moment]:,} at most")


if __name__ == "__main__":
    main()
