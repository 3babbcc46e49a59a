"""The files of a virtual lock: the image of its flash, and the world beside it.

flash image   one file, written through at every flash operation: a cut leaves on the disk what the chip would hold
world file    `<flash>.world`: the world's time and the clock chip's registers as JSON. Its lock keeps a second
              process away from the same flash
"""

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import IO

from ..errors import ToolError
from ..text import reason
from .description import clock_chip
from .process import Message

LATEST_MS = 4_291_747_200_000  # 2106-01-01: the scenario language and the lock's records end there
RESET = "Begin again with --reset"


class WorldFile:
    """The world beside a flash image, open and locked until close(). Times are milliseconds UTC.

    mark: of the lock (Identity.mark); begin_ms: its time, unless the file is later; new: there is no image yet. now_ms,
    rtc: what the file says: its time, and the clock chip's state or None. ToolError if the file is damaged, in use,
    cannot be written, or does not belong to this lock.
    """

    def __init__(self, flash: Path, mark: str, begin_ms: int, new: bool) -> None:
        import fcntl  # Unix only, as MicroPython's port is

        self._flash = flash
        self._mark = mark
        self.path = flash.with_name(flash.name + ".world")
        self.now_ms = begin_ms
        self.rtc: Message | None = None
        try:
            self._file: IO[str] = os.fdopen(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600), "r+", encoding="utf-8")
        except OSError as error:
            raise unwritable(flash, error) from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self.close()
            raise ToolError(
                f"{flash} is in use by another virtual lock.", "End that one first, or name another file."
            ) from None
        try:
            self._read(new)
        except ToolError:
            self.close()
            raise

    def _read(self, new: bool) -> None:
        try:
            text = self._file.read()
            if not text:
                return
            world = json.loads(text)
            now, mark = int(world["now_ms"]), str(world["lock"])
            if not 0 <= now <= LATEST_MS:
                raise ValueError("a time out of range")
            self.rtc = world["rtc"]
            if self.rtc is not None:
                clock_chip(lambda: now, self.rtc)
        except (ValueError, KeyError, TypeError, OverflowError):
            raise ToolError(
                f"{self.path} is damaged.",
                "Delete it: the lock's clock then counts as never set, nothing else is lost.",
            ) from None
        trouble = None
        if new:
            trouble = f"{self._flash} is gone, and with it the memory of the lock that {self.path.name} belongs to."
        elif mark != self._mark:
            trouble = f"{self._flash} is the flash of another lock, or of other settings."
        if trouble:
            raise ToolError(trouble, f"{RESET}, or name the lock and the settings it was made with.")
        self.now_ms = max(self.now_ms, now)

    def save(self, now_ms: int, rtc: Message | None) -> None:
        """Write the world's time and the clock chip's state."""
        if self._file.closed:
            return
        text = json.dumps({"now_ms": now_ms, "rtc": rtc, "lock": self._mark})
        try:
            # Written over, not emptied first: all these texts are about as long, and a full disk has room for it.
            self._file.seek(0)
            self._file.write(text)
            self._file.truncate()
            self._file.flush()
        except OSError as error:
            raise unwritable(self._flash, error) from error

    def close(self) -> None:
        """Close and unlock it; safe to call twice."""
        self._file.close()


def write_image(flash: Path, data: bytes) -> None:
    """Write a flash image, whole or not at all."""
    draft = flash.with_name(flash.name + ".new")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(data)
        draft.replace(flash)
    except OSError as error:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        raise unwritable(flash, error) from error


def unreadable(path: Path, error: OSError) -> ToolError:
    """Return the error for a file that cannot be read."""
    return ToolError(f"{path} cannot be read: {reason(error)}.", "Name a file that is yours.")


def unwritable(path: Path, error: OSError) -> ToolError:
    """Return the error for a file that cannot be written."""
    return ToolError(
        f"{path} cannot be written: {reason(error)}.", "Name a file in a folder of your own that has room."
    )
