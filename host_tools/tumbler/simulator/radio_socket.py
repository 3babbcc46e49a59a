"""The socket at which clients reach a virtual lock's radio: one for each registry folder, for its user only.

A UNIX socket in a folder of mode 0700. Each client that connects gets a Bluetooth controller of its own, and speaks HCI
with it in the form called H4. A locked file beside the socket says that the process that made it still runs.
"""

import fcntl  # Unix only, as MicroPython's port is
import hashlib
import os
import socket
import stat
import tempfile
import warnings
from contextlib import suppress
from pathlib import Path
from typing import IO

from platformdirs import user_runtime_path

from ..errors import ToolError
from ..text import reason

LONGEST = 100  # bytes of a path for a socket that every system accepts


def socket_path(home: Path) -> Path:
    """Return the path of the socket for this registry folder; makes nothing."""
    name = hashlib.sha256(os.fsencode(home.resolve())).hexdigest()[:12] + ".radio"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # where the system has no such folder: RadioSocket looks whose the folder is
        path = user_runtime_path("tumbler") / name
    if len(os.fsencode(path)) > LONGEST:
        path = Path(tempfile.gettempdir()) / f"tumbler-{os.getuid()}" / name
    return path


class RadioSocket:
    """The socket, claimed and bound. One that an ended process left is replaced; ToolError if a live one has it."""

    def __init__(self, path: Path):
        self._path = path
        _own_folder(path.parent)
        self._claim: IO[bytes] = path.with_suffix(".claim").open("ab")
        try:
            fcntl.flock(self._claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._claim.close()
            raise ToolError(
                "Another virtual lock has the radio.", "End it, or start this one without a radio."
            ) from None
        if not _is_at(self._claim, path.with_suffix(".claim")):
            self._claim.close()  # its last holder has just removed it
            raise ToolError("Another virtual lock has the radio, or had it until now.", "Run the command again.")
        path.unlink(missing_ok=True)
        self.socket = socket.socket(socket.AF_UNIX)
        try:
            self.socket.bind(os.fspath(path))
            path.chmod(0o600)
        except OSError as error:
            self.close()
            raise ToolError(f"{path} cannot be made: {reason(error)}.", "Name another folder.") from error

    def close(self) -> None:
        """Remove it."""
        self.socket.close()
        with suppress(OSError):
            self._path.unlink(missing_ok=True)
            self._path.with_suffix(".claim").unlink(missing_ok=True)
        self._claim.close()


def _is_at(file: IO[bytes], path: Path) -> bool:
    """Return whether an open file is still the one with this name."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except OSError:
        return False


def _own_folder(folder: Path) -> None:
    """Make the folder if it is missing; ToolError if others may use it."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.lstat()
    except OSError as error:
        raise ToolError(
            f"{folder} cannot be made: {reason(error)}.", "Set XDG_RUNTIME_DIR to a folder of yours."
        ) from error
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise ToolError(f"{folder} is open to others.", "Remove it, or give it to you alone with mode 0700.")
