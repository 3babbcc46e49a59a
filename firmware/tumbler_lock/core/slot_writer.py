"""SlotWriter: a manifest's files go into the slot that does not run, piece by piece (docs/spec/update.md).

Invariants: the slot that runs is never changed; the other one has a `manifest` only when it is whole; every change is
one file commit, so that a start finds what was done and goes on from there. Who may fill a slot, and with what, is the
caller's to judge. The loader has its own copy of this module and of those it imports.
"""

from . import atomic_files
from .boot_slots import other
from .manifest import MOST, Manifest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from .boot_slots import FirmwareSlots

    Entry = tuple[str, int, bytes]

PIECE_COPIED = 2048  # bytes that are copied at once
_BLOCKS_BESIDE = 16  # of directories, the manifest, and the file that is on its way


class SlotWriter:
    """slots: a FirmwareSlots; running: the slot that runs. Long work is a generator, in slices (core/slices.py); one at a time.
    Every method lets OSError through: nothing is lost then, and the same may be asked again.

    Attributes: other: the slot that is filled; manifest: the Manifest that is filled in, None when there is none.
    """

    def __init__(self, slots: "FirmwareSlots", running: str) -> None:
        self.slots = slots
        self.running = running
        self.other = other(running)
        self.manifest: "Manifest | None" = None
        self._missing: "list[int] | None" = None  # numbers of files; None until it was looked
        try:
            self.manifest = Manifest(atomic_files.read(self._path("manifest.new"), MOST))
        except (OSError, ValueError):
            pass  # there is none

    def _path(self, name: str) -> str:
        return self.slots.path(self.other, name)

    def room(self, manifest: Manifest) -> int:
        """Return how many bytes of the file system will be free, at least, when the slot is filled."""
        block, free = atomic_files.space(self.slots.root)
        for path, directory in atomic_files.tree(self._path("tumbler_lock")):
            free += 0 if directory else _blocks(atomic_files.size(path), block)
        for _, size, _ in manifest.files():
            free -= _blocks(size, block)
        return (free - _BLOCKS_BESIDE) * block

    def begin(self, manifest: Manifest) -> None:
        """Fill in this manifest from now on."""
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
        """Remove files that the manifest does not name, and directories without any: they would be found first."""
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
        """Copy a file of the running slot. A cut leaves `copy`, which the next preparation removes."""
        copy = self._path("copy")
        atomic_files.remove(copy)
        with open(self.slots.path(self.running, name), "rb") as source:
            for at in range(0, size, PIECE_COPIED):
                atomic_files.append(copy, source.read(PIECE_COPIED), at)
                yield
        self._name(copy, name)

    def _name(self, path: str, name: str) -> None:
        atomic_files.make_directories(self._path(name))
        atomic_files.rename(path, self._path(name))

    def _files(self) -> "Iterator[Entry]":
        return iter(()) if self.manifest is None else self.manifest.files()

    def _first_missing(self) -> "tuple[int, Entry] | None":
        if self._missing:
            for number, entry in enumerate(self._files()):
                if number == self._missing[0]:
                    return number, entry
        return None

    def wanted(self) -> "Generator[None, None, tuple[int, int]]":
        """Return the number of the file that is wanted next and the offset in it; (number of files, 0) when every file
        is there. A file that was complete gets its name, or is dropped when its SHA-256 is another."""
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
                self._name(part, name)
                self._missing.pop(0)
            else:
                atomic_files.remove(part)
                return number, 0

    def put(self, number: int, offset: int, data: bytes) -> "Generator[None, None, tuple[int, int]]":
        """Take a piece, if it is the one that is wanted. Return what is wanted then."""
        if (number, offset) == (yield from self.wanted()):
            found = self._first_missing()
            if found is not None and data:
                atomic_files.append(self._path("part"), data[: found[1][1] - offset], offset)
        return (yield from self.wanted())

    def left(self) -> int:
        """Return how many bytes are wanted in all. Only after `wanted`."""
        if not self._missing:
            return 0
        total = 0
        for number, (_, size, _) in enumerate(self._files()):
            if number in self._missing:
                total += size
        return total - max(0, atomic_files.size(self._path("part")))

    def complete(self) -> "Generator[None, None, bool]":
        """Whether every file is there, all of them read once more."""
        self._missing = None
        yield from self.prepare()
        return self.manifest is not None and not self._missing

    def hand_over(self) -> None:
        """The slot is whole, and runs on trial from the next start on. Only when it is `complete`."""
        if self.manifest is not None:
            atomic_files.rename(self._path("manifest.new"), self._path("manifest"))
            self.manifest = None
            self._missing = None
        self.slots.try_out(self.other)

    def handed_over(self, ident: bytes) -> bool:
        """Whether the other slot is whole with the update of this id, as far as its manifest says."""
        manifest = None if self.manifest is not None else self.slots.manifest(self.other)
        return manifest is not None and manifest.ident == ident


def _blocks(size: int, block: int) -> int:
    """How many blocks a file takes at most."""
    return size // block + 1
