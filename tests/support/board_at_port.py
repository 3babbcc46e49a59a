"""A board at a serial port: MicroPython's Unix port behind a pseudo-terminal, with a littlefs as its root.

It starts as an ESP32 does: the file system is mounted (a blank chip gets one), then the prompt comes. `machine.reset()`
and a cut of the power end the process; the board is then dark until power() is called. What the image file holds is
what the flash holds. `boot.py` and `main.py` run only if they are named in `run`. It says that it is the build and
version of tests/support/boards.py. A folder may take the place of what is frozen into MicroPython. Of the parts of a
lock there
is none: a test that needs some gives a `prelude`, source that runs first.
"""

import os
import pty
import select
import signal
import subprocess
import threading
import tty
from pathlib import Path

from tests.support import micropython
from tests.support.boards import BUILD, VERSION

START = """
import os, sys, vfs
sys.path[:0] = {path!r}
from tumbler.simulator.board.flash import SimulatedFlash
def dark():
    os.system("kill -9 $PPID")
flash = SimulatedFlash({image!r}, {kib}, dark)
flash.plan_cut({cut})
if flash.blank():
    vfs.VfsLfs2.mkfs(flash)
class machine:
    reset = staticmethod(dark)
    WDT = None
sys.modules["machine"] = machine
class Implementation:
    version = {version}
    _build = {build!r}
    _machine = "a board of the tests"
class Sys:
    implementation = Implementation
    def __getattr__(self, name):
        return getattr(real, name)
real = sys
sys.modules["sys"] = Sys()
{prelude}
system = vfs.VfsLfs2(flash)
vfs.umount("/")
vfs.mount(system, "/")
sys.path[:] = ["", ".frozen", "/lib"]
if {inside!r}:
    vfs.mount(vfs.VfsPosix({inside!r}), "/.frozen")
    sys.path.insert(1, "/.frozen")
for name in {run!r}:
    with open(name) as file:
        code = compile(file.read(), name, "exec")
    exec(code, {{"__name__": "__main__"}})
"""


class BoardAtPort:
    """Use as a context manager. image: the flash, a file that is kept; kib: its size; prelude: source for the start;
    run: files of the flash that are run then; inside: folder of what is frozen into its MicroPython, "" for nothing,
    read at each start.

    port: the name of the serial port, the same for as long as the board lives, through all its starts.
    """

    def __init__(
        self, image: Path, kib: int = 1024, prelude: str = "", run: tuple[str, ...] = (), inside: str | Path = ""
    ):
        self.image = image
        self.inside = inside
        self._kib = kib
        self._prelude = prelude
        self._run = run
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "BoardAtPort":
        self._board, self._console = pty.openpty()
        self._host, self._serial = pty.openpty()
        tty.setraw(self._board)
        tty.setraw(self._serial)
        self.port = os.ttyname(self._serial)
        self._stop, self._stopped = os.pipe()
        self._wire = threading.Thread(target=self._carry)
        self._wire.start()
        self.power()
        return self

    def __exit__(self, *_: object) -> None:
        self.off()
        os.write(self._stopped, b".")
        self._wire.join()
        for descriptor in (self._board, self._console, self._host, self._serial, self._stop, self._stopped):
            os.close(descriptor)

    def power(self, cut: int = 0) -> None:
        """Start the board; with `cut`, its power goes in the middle of that operation of the flash."""
        self.off()
        source = START.format(
            path=micropython.search_path(micropython.find()).split(":")[1:],
            image=str(self.image),
            kib=self._kib,
            cut=cut,
            version=(*map(int, VERSION.split(".")), ""),
            build=BUILD,
            inside=str(self.inside),
            prelude=self._prelude,
            run=self._run,
        )
        script = self.image.with_suffix(".start.py")
        script.write_text(source, encoding="utf-8")
        line = [micropython.find(), "-X", "heapsize=8m", "-i", str(script)]
        self._process = subprocess.Popen(
            line, stdin=self._console, stdout=self._console, stderr=self._console, start_new_session=True
        )

    def off(self) -> None:
        """Take the power away."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def interrupt(self) -> None:
        """Press Ctrl-C: MicroPython takes it for one where it listens to Ctrl-C, and its process ends where not."""
        assert self._process is not None
        self._process.send_signal(signal.SIGINT)

    @property
    def dark(self) -> bool:
        """Whether the board has stopped by itself."""
        return self._process is None or self._process.poll() is not None

    def _carry(self) -> None:
        while True:
            ready, _, _ = select.select([self._board, self._host, self._stop], [], [])
            if self._stop in ready:
                return
            for end in ready:
                os.write(self._host if end == self._board else self._board, os.read(end, 4096))
