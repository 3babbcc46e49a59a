"""Serial ports that cannot be opened: why, and what to do. Nothing is opened here: that could reset a board."""

import os
from pathlib import Path

from ..errors import ToolError

FIND = "See which it is (Linux: ls /dev/ttyUSB* /dev/ttyACM*; macOS: ls /dev/cu.*)"


def trouble(port: str) -> ToolError | None:
    """Return what the system has against a port, None where it has nothing, or where the name is no path."""
    if not port.startswith("/"):
        return None
    try:
        Path(port).stat()
    except OSError as error:
        return ToolError(
            f"The port {port} cannot be opened: {(error.strerror or 'no such file').lower()}.",
            f"Connect the board with a cable that carries data. {FIND}, and name it with --port.",
        )
    if os.access(port, os.R_OK | os.W_OK):
        return None
    return ToolError(
        f"The port {port} cannot be opened: permission denied.",
        "Add yourself to the group dialout, or whichever `ls -l` shows for the port (sudo usermod -aG dialout $USER),"
        " and log in again.",
    )


def busy(port: str) -> ToolError:
    """Return the error for a port that is there, and cannot be opened all the same."""
    return ToolError(
        f"The port {port} cannot be opened: another program uses it, or it is no serial port.",
        f"Close other programs that use it. {FIND}.",
    )
