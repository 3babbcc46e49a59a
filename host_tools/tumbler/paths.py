"""Where the files lie that come with Tumbler: inside this package when it is installed, in the checkout otherwise."""

from dataclasses import dataclass
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_INSTALLED = (_PACKAGE / "boards").is_dir()
_CHECKOUT = _PACKAGE.parent.parent

TOOLS = _PACKAGE.parent  # holds this package
BOARDS = _PACKAGE / "boards" if _INSTALLED else _CHECKOUT / "boards"


@dataclass(frozen=True)
class Firmware:
    """Sources of a firmware. package: the folder tumbler_lock; start: the folder that holds boot.py and main.py."""

    package: Path
    start: Path

    @classmethod
    def in_folder(cls, folder: Path) -> "Firmware":
        """Sources that lie as in the folder firmware/ of a checkout."""
        return cls(folder / "tumbler_lock", folder)


FIRMWARE = (
    Firmware(TOOLS / "tumbler_lock", _PACKAGE / "start_files")
    if _INSTALLED
    else Firmware.in_folder(_CHECKOUT / "firmware")
)
