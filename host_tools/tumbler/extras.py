"""Packages that only some commands need. They come with an extra of the project, such as `tumbler[flash]`."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from .errors import ToolError

_OURS = ("tumbler", "tumbler_lock")


@contextmanager
def require(extra: str) -> Iterator[None]:
    """Use around imports of packages that `extra` installs. ToolError says what to install if one is missing.

        with require("flash"):
            from littlefs import LittleFS

    Types stay known, because the import is an ordinary one. An import of our own modules may stand there too, where
    those import the packages at their top.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing in _OURS:
            raise
        if missing in sys.stdlib_module_names:
            raise ToolError(
                f"This works on Linux and macOS only: Python has no {missing} here.",
                "On Windows, use the Windows Subsystem for Linux.",
            ) from None
        raise _not_installed(missing, extra) from None


def require_program(package: str, extra: str) -> None:
    """The same for a package that runs as a process of its own (`python -m PACKAGE`); nothing is imported."""
    if find_spec(package) is None:
        raise _not_installed(package, extra)


def install_line(extra: str) -> str:
    """Return the command that adds an extra to the Python that runs this, to paste into a shell of any system.

    All of them keep the Tumbler that is installed. A Python of pipx or uv may have no pip of its own.
    """
    wanted = f'"tumbler[{extra}]"'
    environment = Path(sys.prefix)
    if (environment / "pipx_metadata.json").is_file():
        return f"pipx runpip {environment.name} install {wanted}"
    python = f'"{sys.executable}"' if " " in sys.executable else sys.executable
    if find_spec("pip") is None:
        return f"uv pip install --python {python} {wanted}"
    return f"{python} -m pip install {wanted}"


def _not_installed(package: str, extra: str) -> ToolError:
    return ToolError(
        f"This needs the package {package}, which is not installed.",
        f"Install the extra that has it: {install_line(extra)}",
    )
