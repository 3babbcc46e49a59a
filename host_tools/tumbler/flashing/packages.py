"""aioble, which the firmware needs for its radio: from a folder, or fetched by mpremote's installer.

A fetched package stays in `packages/` in the registry's folder, so that the next board needs no network.
"""

import contextlib
import hashlib
import io
import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import ToolError
from ..extras import require
from ..registry.database import home
from ..text import printable, reason
from ..updates.update_file import compile_source

NAME = "aioble"
PARTS = ("__init__", "core", "device", "peripheral", "server")  # its modules that the firmware uses
INDEX = "https://micropython.org/pi/v2"


@dataclass(frozen=True)
class Package:
    """A package ready for a board. compiled: name -> bytes, with the file `version` among them."""

    version: str
    compiled: dict[str, bytes] = field(repr=False)


def from_folder(folder: Path) -> Package:
    """Compile aioble from a checkout of micropython-lib, or from any folder that holds it."""
    package = _package(folder)
    compiled = {}
    for path in sorted(package.rglob("*.py")):
        name = path.relative_to(package.parent)
        compiled[name.with_suffix(".mpy").as_posix()] = compile_source(path, name.as_posix())
    version = _version(package, compiled)
    return Package(version, {**compiled, f"{NAME}/version": version.encode() + b"\n"})


def sources(folder: Path) -> dict[str, bytes]:
    """Return the sources of the parts of aioble that the firmware uses, by name. The first one has its version."""
    package = _package(folder)
    found = {f"{NAME}/{part}.py": package / f"{part}.py" for part in PARTS}
    try:
        files = {name: path.read_bytes() for name, path in found.items()}
    except OSError as error:
        raise ToolError(f"{error.filename} cannot be read: {reason(error)}.", "Name a complete checkout.") from None
    first = f"{NAME}/__init__.py"
    if b"__version__" not in files[first]:
        files[first] += f'\n__version__ = "{_version(package, files)}"\n'.encode()
    return files


def _package(folder: Path) -> Path:
    """Return the folder of the package itself; ToolError if it is not there."""
    places = [folder, folder / NAME, folder / "micropython" / "bluetooth" / NAME / NAME]
    package = next((place for place in places if (place / "__init__.py").is_file() and place.name == NAME), None)
    if package is None:
        raise ToolError(
            f"aioble is not in {folder}.",
            "Name the folder micropython/bluetooth/aioble of a checkout of micropython-lib, or use --mip.",
        )
    return package


def fetched() -> Package | None:
    """Return the package that was fetched before; None if it never was."""
    folder = kept()
    return from_folder(folder) if folder.is_dir() else None


def kept() -> Path:
    """Return the folder of the fetched package."""
    return home() / "packages" / NAME


def fetch(index: str = INDEX) -> Package:
    """Fetch aioble with mpremote's installer and keep it. ToolError if that fails."""
    with require("flash"):
        from mpremote import mip
        from mpremote.commands import CommandError

    folder = home() / "packages"
    draft = folder / f"{NAME}.new"
    shutil.rmtree(draft, ignore_errors=True)
    output = io.StringIO()
    try:
        (draft / NAME).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with contextlib.redirect_stdout(output):
            mip._install_package(_Shelf(draft), NAME, index.rstrip("/"), "", None, False)
        shutil.rmtree(folder / NAME, ignore_errors=True)
        (draft / NAME).rename(folder / NAME)
    except (CommandError, OSError, ValueError, LookupError, TypeError, RecursionError) as error:
        raise ToolError(
            f"aioble could not be fetched: {printable(str(error))}.",
            "Connect this computer to the Internet, or name a checkout of micropython-lib with --aioble.",
        ) from None
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return from_folder(folder / NAME)


class _Shelf:
    """A folder in place of the file system of a board, for mpremote's installer."""

    def __init__(self, folder: Path):
        self._folder = folder

    def _path(self, path: str) -> Path:
        found = (self._folder / path.lstrip("/")).resolve()
        if not found.is_relative_to(self._folder.resolve()):
            raise ValueError("the package names a file outside its folder")
        return found

    def fs_exists(self, path: str) -> bool:
        return self._path(path).exists()

    def fs_mkdir(self, path: str) -> None:
        self._path(path).mkdir()

    def fs_hashfile(self, path: str, algo: str) -> bytes:
        return hashlib.new(algo, self._path(path).read_bytes()).digest()

    def fs_writefile(self, path: str, data: bytes, progress_callback: object = None) -> None:
        self._path(path).write_bytes(data)


def _version(package: Path, compiled: dict[str, bytes]) -> str:
    """Return the version in the package's manifest.py or modules; "unknown-" and a digest if there is none."""
    manifest = package.parent / "manifest.py"
    texts = [manifest] if manifest.is_file() else []
    for path in [*texts, *sorted(package.rglob("*.py"))]:
        found = re.search(
            r"""(?:__version__\s*=|version=)\s*["']([0-9][\w.]*)["']""",
            path.read_text(encoding="utf-8", errors="replace"),
        )
        if found:
            return found[1]
    digest = hashlib.sha256(b"".join(data for _, data in sorted(compiled.items()))).hexdigest()
    return f"unknown-{digest[:8]}"
