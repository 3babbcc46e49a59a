"""The chip's own start code, over esptool: which chip and flash it is, read, erase, write. Addresses are of the flash.

esptool compares the MD5 of what it wrote. Its messages are not shown, its progress is.
"""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from ..errors import ToolError
from .target import CHIP_NAMES, Target

FIRST = 8192  # bytes of a file system that tell whether there is one: the two blocks of its root
BAUD = 460_800

Progress = Callable[[str, int, int], None]  # what, bytes done, of


class Chip:
    """The chip at a serial port. Use as a context manager: it is reset on leaving. mac: its address, in hex."""

    def __init__(self, port: str, target: Target, progress: Progress = lambda *_: None):
        self._port = port
        self._target = target
        self._progress = progress
        self._chip: Any = None
        self.mac = ""

    def __enter__(self) -> "Chip":
        from esptool import cmds

        with self._told():
            chip = cmds.detect_chip(self._port)
            self._chip = chip
            try:
                self._refuse_chip()
                self.mac = bytes(chip.read_mac()).hex()
                self._chip = chip = cmds.run_stub(chip)
                chip.change_baud(BAUD)
                cmds.attach_flash(chip)
                self._refuse_flash(cmds.detect_flash_size(chip))
            except BaseException:
                self._leave()
                raise
        return self

    def __exit__(self, *_: object) -> None:
        from esptool import cmds
        from esptool.util import FatalError

        with contextlib.suppress(FatalError, OSError):  # the cable may be gone
            cmds.reset_chip(self._chip, "hard-reset")
        self._leave()

    def blank(self, address: int) -> bool:
        """Whether the first bytes of a file system at this address are erased."""
        with self._told():
            data: bytes = self._chip.read_flash(address, FIRST)
        return data == b"\xff" * FIRST

    def erase(self) -> None:
        """Erase the whole flash."""
        with self._told("erasing the flash"):
            self._chip.erase_flash()

    def write(self, what: str, address: int, data: bytes) -> None:
        """Write bytes, and let the chip compare them."""
        from esptool import cmds

        with self._told(what):
            cmds.write_flash(self._chip, [(address, data)])

    def _leave(self) -> None:
        with contextlib.suppress(OSError):
            self._chip._port.close()

    def _refuse_chip(self) -> None:
        found, wanted = self._chip.CHIP_NAME, CHIP_NAMES[self._target.mcu]
        if found != wanted:
            raise ToolError(
                f"The chip at {self._port} is an {found}; '{self._target.name}' has an {wanted}.",
                "Nothing was written. Name the right board with --board, or the right port with --port.",
            )
        if self._chip.secure_download_mode:
            raise ToolError(
                f"The chip at {self._port} was locked for good: it takes no files any more.",
                "Update it over the link, as docs/locked-build.md says.",
            )

    def _refuse_flash(self, size: str | None) -> None:
        from esptool.util import flash_size_bytes

        found = flash_size_bytes(size) if size else None
        if found != self._target.flash_size:
            raise ToolError(
                f"The flash at {self._port} has {size or 'an unknown size'}; '{self._target.name}' has"
                f" {self._target.flash_size // 1024 // 1024} MB.",
                "Nothing was written. Name the right board; for one with other flash make a description of its own.",
            )

    @contextlib.contextmanager
    def _told(self, what: str = "") -> Iterator[None]:
        """Turn esptool's errors into sentences."""
        from esptool.util import FatalError

        try:
            _quiet(lambda done, of: self._progress(what, done, of))
            yield
        except (FatalError, OSError) as error:
            text = " ".join(str(error).split()).rstrip(".")
            raise ToolError(
                f"The chip at {self._port} does not answer as it should ({text}).",
                "Check cable and port, close other programs that use it; hold the board's BOOT button while you"
                " connect it, and give the same command again.",
            ) from None


def _quiet(progress: Callable[[int, int], None]) -> None:
    """Let esptool say nothing from now on but its progress."""
    from esptool.logger import EsptoolLogger, TemplateLogger

    class Quiet(TemplateLogger):
        def print(self, *_: object, **__: object) -> None:
            pass

        def note(self, message: str) -> None:
            pass

        def warning(self, message: str) -> None:
            pass

        def error(self, message: str) -> None:
            pass

        def stage(self, finish: bool = False) -> None:
            pass

        def progress_bar(
            self, cur_iter: int, total_iters: int, prefix: str = "", suffix: str = "", bar_length: int = 30
        ) -> None:
            progress(cur_iter, total_iters)

        def set_verbosity(self, verbosity: str) -> None:
            pass

    esptools_own = EsptoolLogger()  # the one object of its class
    esptools_own.set_verbosity("silent")  # some of its modules keep it, whatever is set below
    esptools_own.set_logger(Quiet())
