"""Fills the slot that does not run with the files of a manifest, piece by piece (docs/spec/update.md).

Invariants: the slot that runs is never changed. The other one has a file `manifest` only when it is whole. Every change
is one file commit, so a start finds what was done and continues. The caller judges who may fill a slot, and with what.
The loader has its own copy of this module and of those it imports.
"""

from . import atomic_files
from .boot_slots import other
from .manifest import MANIFEST_MOST, Manifest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from .boot_slots import FirmwareSlots

    File = tuple[str, int, bytes]  # name, size, SHA-256

PIECE_COPIED = 2048  # bytes that are copied at once
_BLOCKS_BESIDE = 16  # for directories, the manifest and the file that is being received


class SlotWriter:
    """Writes into the slot that is not `running`. Long work is a generator, in slices (cooperative.py); one at a time.

    Every method may raise OSError: then nothing is lost, and the same call may be repeated.
    Attributes: other: the slot that is filled; manifest: what it is filled with, None while it is not.
    """

    def __init__(self, slots: "FirmwareSlots", running: str) -> None:
        self.slots = slots
        self.running = running
        self.other = other(running)
        self.manifest: "Manifest | None" = None
        self._missing: "list[int] | None" = None  # numbers of files; None until `prepare` has looked
        try:
            self.manifest = Manifest(atomic_files.read(self._path("manifest.new"), MANIFEST_MOST))
        except (OSError, ValueError):
            pass  # nothing was begun

    def _path(self, name: str) -> str:
        return self.slots.path(self.other, name)

    def room(self, manifest: Manifest) -> int:
        """Return how many bytes of the file system will be free at least when the slot is filled."""
        block, free = atomic_files.space(self.slots.root)
        for path, directory in atomic_files.tree(self._path("tumbler_lock")):
            free += 0 if directory else _blocks(atomic_files.size(path), block)
        for _, size, _ in manifest.files():
            free -= _blocks(size, block)
        return (free - _BLOCKS_BESIDE) * block

    def begin(self, manifest: Manifest) -> None:
        """Fill the slot with this manifest's files from now on."""
        self.slots.settle(self.running)
        self.manifest = None
        self._missing = None
        for name in ("manifest", "part", "copy"):
            atomic_files.remove(self._path(name))
        new = self._path("manifest.new")
        atomic_files.make_directories(new)
        atomic_files.write(new, (manifest.data,))
        self.manifest = manifest

    def prepare(self) -> "Generator[None, None, None]":
        """Remove what does not belong there, copy what the running slot has, and find out what is missing."""
        if self.manifest is None or self._missing is not None:
            return
        yield from self._clean()
        missing = []
        for number, (name, size, digest) in enumerate(self._files()):
            yield
            if not (yield from self.slots.holds(self.other, name, size, digest)):
                if (yield from self.slots.holds(self.running, name, size, digest)):
                    yield from self._copy(name, size)
                else:
                    missing.append(number)
        self._missing = missing

    def _clean(self) -> "Generator[None, None, None]":
        """Remove files that the manifest does not name, and empty directories: an import would find them first."""
        names = {name for name, _, _ in self._files()}
        cut = len(self._path(""))
        atomic_files.remove(self._path("copy"))
        for path, directory in list(atomic_files.tree(self._path("tumbler_lock"))):
            yield
            if directory:
                atomic_files.remove_directory(path)
            elif path[cut:] not in names:
                atomic_files.remove(path)

    def _copy(self, name: str, size: int) -> "Generator[None, None, None]":
        """Copy a file of the running slot. A power cut leaves `copy`, which the next preparation removes."""
        copy = self._path("copy")
        atomic_files.remove(copy)
        with open(self.slots.path(self.running, name), "rb") as source:
            for at in range(0, size, PIECE_COPIED):
                atomic_files.append(copy, source.read(PIECE_COPIED), at)
                yield
        self._move(copy, name)

    def _move(self, path: str, name: str) -> None:
        """Give a complete file its name in the slot."""
        atomic_files.make_directories(self._path(name))
        atomic_files.rename(path, self._path(name))

    def _files(self) -> "Iterator[File]":
        return iter(()) if self.manifest is None else self.manifest.files()

    def _first_missing(self) -> "tuple[int, File] | None":
        if self._missing:
            for number, file in enumerate(self._files()):
                if number == self._missing[0]:
                    return number, file
        return None

    def wanted(self) -> "Generator[None, None, tuple[int, int]]":
        """Return (number of the file that is wanted next, offset in it); (number of files, 0) when none is missing.

        A complete file gets its name. One with a wrong SHA-256 is removed and wanted again.
        """
        yield from self.prepare()
        while True:
            found = self._first_missing()
            if found is None or self._missing is None:
                return (0 if self.manifest is None else self.manifest.count), 0
            number, (name, size, digest) = found
            part = self._path("part")
            have = max(0, atomic_files.size(part))
            if have < size:
                return number, have
            if have == size and (yield from atomic_files.digest(part)) == digest:
                self._move(part, name)
                self._missing.pop(0)
            else:
                atomic_files.remove(part)
                return number, 0

    def put(self, number: int, offset: int, data: bytes) -> "Generator[None, None, tuple[int, int]]":
        """Store a piece if it is the one that is wanted. Return what is wanted next."""
        if (number, offset) == (yield from self.wanted()):
            found = self._first_missing()
            if found is not None and data:
                atomic_files.append(self._path("part"), data[: found[1][1] - offset], offset)
        return (yield from self.wanted())

    def left(self) -> int:
        """Return how many bytes are missing in all. Call it after `wanted`."""
        if not self._missing:
            return 0
        total = 0
        for number, (_, size, _) in enumerate(self._files()):
            if number in self._missing:
                total += size
        return total - max(0, atomic_files.size(self._path("part")))

    def complete(self) -> "Generator[None, None, bool]":
        """Read every file again. Return whether none is missing."""
        self._missing = None
        yield from self.prepare()
        return self.manifest is not None and not self._missing

    def hand_over(self) -> None:
        """Run the slot on trial from the next start on. Call it only when it is `complete`."""
        if self.manifest is not None:
            atomic_files.rename(self._path("manifest.new"), self._path("manifest"))
            self.manifest = None
            self._missing = None
        self.slots.try_out(self.other)

    def handed_over(self, ident: bytes) -> bool:
        """Return whether the other slot was handed over with the update of this id."""
        manifest = None if self.manifest is not None else self.slots.manifest(self.other)
        return manifest is not None and manifest.ident == ident


def _blocks(size: int, block: int) -> int:
    """Return how many blocks a file takes at most."""
    return size // block + 1
