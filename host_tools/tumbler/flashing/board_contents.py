"""What is on a board: its files, its slots, its MicroPython (docs/spec/update.md, "Files on a board")."""

import hashlib
from typing import Any

from tumbler_lock.core.boot_slots import SETTLED, A, B, Selection, other, unpack
from tumbler_lock.core.manifest import Manifest

from .console import BadAnswer, Console

ROOT_FILES = ("boot.py", "board.json", "main.py")  # in the order in which they are written
UPDATE_KEY = "update.pub"
LOADERS = ("/loader", "/loader_old")  # the folders that main.py takes the loader from, the first one first
FOLDERS = ("/a", "/b", "/lib", *LOADERS)


def settled_on(name: str) -> Selection:
    """Return what `/slot` says when this slot runs, and not on trial."""
    return Selection(name, SETTLED, 0)


class BoardContents:
    """The answer of on_board/files.py, look(). inside: the version of the firmware that is part of its MicroPython,
    None for a stock one; free: bytes of the file system; root: the names in /.
    """

    def __init__(self, answer: dict[str, Any]):
        self.files: dict[str, tuple[int, bytes]] = {
            path: (size, bytes.fromhex(digest)) for path, (size, digest) in answer["files"].items()
        }
        self.version: str = answer["version"] + (f"-{answer['stage']}" if answer["stage"] else "")
        self.build: str = answer["build"]
        self.machine: str = answer["machine"]
        self.inside: str | None = answer["inside"]
        self.free: int = answer["free"]
        self.root: list[str] = answer["root"]
        self._slot = bytes.fromhex(answer["slot"] or "")
        self._manifests = {name: bytes.fromhex(text or "") for name, text in answer["manifests"].items()}

    @classmethod
    def look(cls, console: Console) -> "BoardContents":
        """Read all of it from the board. ToolError if its answer is invalid."""
        answer = console.call("files", "look", (*ROOT_FILES, UPDATE_KEY), FOLDERS)
        try:
            return cls(answer)
        except (LookupError, TypeError, ValueError, AttributeError):
            raise BadAnswer(console.port) from None

    @property
    def named(self) -> Selection | None:
        """What `/slot` says; None if it is missing or damaged."""
        return unpack(self._slot)

    @property
    def slot(self) -> Selection | None:
        """What `/slot` says; if it is missing or damaged, what the loader makes of the slots."""
        if self.named is not None:
            return self.named
        return next((settled_on(name) for name in (A, B) if self.whole(name)), None)

    def manifest(self, name: str) -> Manifest | None:
        """Return the manifest of a slot; None if it is missing or invalid."""
        try:
            return Manifest(self._manifests[name])
        except ValueError:
            return None

    def whole(self, name: str) -> bool:
        """Return whether a slot holds what its manifest says."""
        manifest = self.manifest(name)
        return manifest is not None and all(
            self.files.get(f"/{name}/{file}") == (size, digest) for file, size, digest in manifest.files()
        )

    @property
    def safe(self) -> str | None:
        """The slot that must not be written: the settled one if it is whole, else the other one if that is."""
        slot = self.slot
        if slot is None:
            return None
        settled = slot.slot if slot.state == SETTLED else other(slot.slot)
        names = (settled, other(settled))
        return next((name for name in names if self.whole(name)), None)

    @property
    def loader(self) -> str | None:
        """The folder that main.py takes the loader from."""
        return next((place for place in LOADERS if self.has(place)), None)

    @property
    def used(self) -> str | None:
        """The slot whose firmware a start uses, "" for the one that is part of MicroPython, None without firmware."""
        if self.inside is None or (self.loader and self.safe):
            return self.safe
        return ""

    def has(self, folder: str) -> bool:
        """Return whether there are files in a folder, or an empty one of this name in the root."""
        return folder.strip("/") in self.root or any(path.startswith(f"{folder}/") for path in self.files)

    def holds(self, path: str, data: bytes) -> bool:
        """Return whether a file has exactly these bytes."""
        return self.files.get(path) == (len(data), hashlib.sha256(data).digest())
