"""Say why a serial port cannot be opened, and what to do. Nothing is opened here, because that could reset a board."""

import os
from pathlib import Path

from ..errors import ToolError
from ..text import reason

FIND = "See which it is (Linux: ls /dev/ttyUSB* /dev/ttyACM*; macOS: ls /dev/cu.*; Windows: Device Manager, Ports)"


def trouble(port: str) -> ToolError | None:
    """Return why the system refuses a port; None if it does not, or if the name is not a path."""
    if not port.startswith("/"):
        return None
    try:
        Path(port).stat()
    except OSError as error:
        return ToolError(
            f"The port {port} cannot be opened: {reason(error)}.",
            f"Connect the board with a cable that carries data. {FIND}, and name it with --port.",
        )
    if os.access(port, os.R_OK | os.W_OK):
        return None
    return ToolError(
        f"The port {port} cannot be opened: permission denied.",
        "Add yourself to the group dialout, or to the one that `ls -l` shows for the port (sudo usermod -aG dialout"
        " $USER), and log in again.",
    )


def busy(port: str) -> ToolError:
    """Return the error for a port that exists and still cannot be opened."""
    return ToolError(
        f"The port {port} cannot be opened: another program uses it, or it is not a serial port.",
        f"Close other programs that use it. {FIND}.",
    )
