"""Put the firmware onto a board over its console: only what differs, into the slot that does not run
(docs/guide/flashing.md).

Invariants: the settled slot is never written, and `/slot` names the other one only when all of it is there; so the
cable may be pulled between any two bytes. Where the firmware is part of MicroPython, one rename ends the use of slots
before anything of them is removed.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field

from tumbler_lock.core.boot_slots import ON_TRIAL, STARTS, A, Selection, other, pack
from tumbler_lock.core.manifest import Manifest

from ..errors import ToolError
from ..text import command_line
from .board_contents import LOADERS, ROOT_FILES, UPDATE_KEY, BoardContents, settled_on
from .bundle import Bundle
from .console import Console
from .packages import NAME as AIOBLE
from .target import BLOCK, Target

LOADER = "loader"
NOT_LOADER = "/loader_new"  # a folder that main.py does not take the loader from
SLOTS = ("slot", "slot.new", "a", "b")  # of the root
ROOM = 192 * 1024  # bytes of the file system that stay free, for the lock's memory

Progress = Callable[[str, int, int], None]  # what, bytes done, of


@dataclass
class DeployReport:
    """What a deploy did. slot: what runs next, "" where the firmware is part of MicroPython; bytes are counted as
    files, not as they cross the wire; removed: what a board without slots still had of them."""

    version: str
    slot: str
    trial: bool
    sent: int = 0
    sent_files: list[str] = field(default_factory=list)
    copied: int = 0
    kept: int = 0
    aioble: str | None = None
    removed: list[str] = field(default_factory=list)

    @property
    def changed(self) -> bool:
        """Whether anything was written or removed."""
        return bool(self.sent_files or self.removed)


def deploy(
    console: Console,
    target: Target,
    bundle: Bundle,
    progress: Progress,
    *,
    downgrade: bool = False,
    update_key: bytes | None = None,
) -> DeployReport:
    """Bring a board to this firmware, or to the one that is part of its MicroPython. ToolError if that cannot be."""
    board = BoardContents.look(console)
    _refuse(board, target, bundle, downgrade=downgrade)
    if board.inside is not None:
        _refuse_key(update_key)
        work = _Deploy(console, board, Bundle.beside(target, board.inside), progress)
        work.no_loader()
        work.memory(target.storage)
        work.root_files(None)
        work.no_slots()
        return work.report
    work = _Deploy(console, board, bundle, progress)
    report = work.slots()
    work.aioble()
    work.loader()
    work.memory(target.storage)
    work.root_files(update_key)
    work.switch()
    return report


def _refuse(board: BoardContents, target: Target, bundle: Bundle, *, downgrade: bool) -> None:
    if (board.build, board.version) != (target.build, target.version):
        raise ToolError(
            f"The board runs MicroPython {board.version} ({board.build or board.machine}); '{target.name}' was checked"
            f" with {target.version} ({target.build}).",
            "Name the right board; or write that MicroPython first, which keeps what is on the board:"
            f" {command_line('flash', board=target.name, port='PORT', image='FILE')}",
        )
    version = bundle.version if board.inside is None else board.inside
    slot = board.safe if board.inside is None else board.used
    running = board.manifest(slot) if slot else None
    if running is not None and running.version > tuple(map(int, version.split("."))) and not downgrade:
        where = "" if board.inside is None else " that is part of its MicroPython"
        raise ToolError(
            f"The board has the firmware {'.'.join(map(str, running.version))}, newer than {version}{where}.",
            "Add --downgrade if you want the older one.",
        )


def _refuse_key(update_key: bytes | None) -> None:
    if update_key is not None:
        raise ToolError(
            "The firmware is part of this board's MicroPython: it takes no updates over the link.",
            "Leave --update-key out.",
        )


class _Deploy:
    """The steps of one deploy, in the order in which they are called."""

    def __init__(self, console: Console, board: BoardContents, bundle: Bundle, progress: Progress):
        self._console = console
        self._board = board
        self._bundle = bundle
        self._progress = progress
        self._settled = board.safe
        self._name = A if self._settled is None else other(self._settled)
        self._next: Selection | None = None
        self._total = 0
        self.report = DeployReport(bundle.version, self._name if bundle.slot else "", trial=False)

    def slots(self) -> DeployReport:
        """Fill the slot that does not run, unless the settled one has this firmware already."""
        settled, report = self._settled, self.report
        if settled is not None and self._is_this(self._board.manifest(settled)):
            report.slot, report.kept = settled, len(self._bundle.slot)
            if self._board.named != settled_on(settled):
                self._next = settled_on(settled)
            return report
        if settled is not None and self._board.slot != settled_on(settled):
            self._write("/slot", pack(settled_on(settled)))  # ends a trial
        self._fill(self._name)
        report.trial = settled is not None
        self._next = Selection(self._name, ON_TRIAL, STARTS) if report.trial else settled_on(self._name)
        return report

    def _is_this(self, manifest: Manifest | None) -> bool:
        """Return whether a manifest is that of this firmware, signed or not."""
        ours = self._bundle.manifest
        return manifest is not None and manifest.data[: manifest.signed] == ours.data[: ours.signed]

    def aioble(self) -> None:
        """Replace aioble, if there is one to write."""
        package = self._bundle.aioble
        if package is not None:
            self.report.aioble = package.version
            files = {name.removeprefix(AIOBLE): data for name, data in package.compiled.items()}
            self._replace(f"/lib/{AIOBLE}", files)

    def loader(self) -> None:
        """Replace the loader's modules."""
        files = {name.removeprefix(LOADER): data for name, data in self._bundle.start.items() if name not in ROOT_FILES}
        self._replace(f"/{LOADER}", files)

    def _replace(self, place: str, files: dict[str, bytes]) -> None:
        """Make a folder hold these files (by their paths in it) and no others, with two renames."""
        new, old = f"{place}_new", f"{place}_old"
        there = [path for path in self._board.files if path.startswith(f"{place}/")]
        right = len(there) == len(files) and all(self._board.holds(place + path, data) for path, data in files.items())
        if not right:
            self._remove(new)
            for path, data in sorted(files.items()):
                self._write(new + path, data)
            if there:
                self._remove(old)  # only now: without `place`, this one is used
                self._console.do("files", "rename", place, old)
            self._console.do("files", "rename", new, place)
        if not right or self._board.has(old):
            self._remove(old)

    def memory(self, storage: str) -> None:
        """Make the folder of the lock's memory if there is none."""
        if storage.strip("/") not in self._board.root:
            self._console.do("files", "make_folders", storage + "/")

    def root_files(self, update_key: bytes | None) -> None:
        """Write the files outside of the slots that differ."""
        files = {name: self._bundle.start[name] for name in ROOT_FILES}
        if update_key is not None:
            files[UPDATE_KEY] = update_key
        for name, data in files.items():
            if f"{name}.new" in self._board.root:
                self._remove(f"/{name}.new")
            if not self._board.holds("/" + name, data):
                self._write("/" + name, data)

    def switch(self) -> None:
        """Name the slot that runs next."""
        if self._next is not None and (self.report.changed or self._board.named != self._next):
            self._write("/slot", pack(self._next))

    def no_loader(self) -> None:
        """Take the loader away from the start: one rename, after which the firmware inside MicroPython runs."""
        place = self._board.loader
        if place is not None:
            for other_place in (NOT_LOADER, *LOADERS):
                if other_place != place:
                    self._remove(other_place)  # `place` is the one that is used
            self._console.do("files", "rename", place, NOT_LOADER)
            self.report.removed.append(place)
        if place is not None or self._board.has(NOT_LOADER):
            self._remove(NOT_LOADER)

    def no_slots(self) -> None:
        """Remove everything that only slots need."""
        for name in SLOTS:
            if name in self._board.root:
                self._remove(f"/{name}")
                self.report.removed.append(f"/{name}")
        for place in (f"/lib/{AIOBLE}{end}" for end in ("", "_new", "_old")):
            if "lib" in self._board.root:  # the folder may be empty
                self._remove(place)
            if self._board.has(place):
                self.report.removed.append(place)

    def _fill(self, name: str) -> None:
        board, bundle = self._board, self._bundle
        wanted = {f"/{name}/{file}": data for file, data in bundle.slot.items()}
        wrong = {path: data for path, data in wanted.items() if not board.holds(path, data)}
        sources = {path: self._source(data) for path, data in wrong.items()}
        self._total = sum(len(data) for path, data in wrong.items() if sources[path] is None)
        stale = [path for path in board.files if path.startswith(f"/{name}/") and path not in wanted]
        freed = sum(_blocks(board.files[path][0]) for path in [*stale, *wrong] if path in board.files)
        if sum(_blocks(len(data)) for data in wrong.values()) + ROOM > board.free + freed:
            raise ToolError(
                "The file system of the board has no room for a second firmware.",
                "Take a board whose description has a larger vfs_kib.",
            )
        self._remove(f"/{name}/manifest")
        for path in stale:
            self._remove(path)
        for path, data in sorted(wrong.items()):
            source = sources[path]
            if source is None:
                self._write(path, data)
            else:
                self._console.do("files", "copy", source, path, hashlib.sha256(data).hexdigest())
                self.report.copied += 1
        self.report.kept = len(wanted) - len(wrong)
        self._write(f"/{name}/manifest", bytes(bundle.manifest.data))

    def _source(self, data: bytes) -> str | None:
        """Return the path at which the settled slot has these bytes, None if it has not."""
        described = (len(data), hashlib.sha256(data).digest())
        paths = (path for path, found in self._board.files.items() if found == described)
        return next((path for path in sorted(paths) if self._settled and path.startswith(f"/{self._settled}/")), None)

    def _write(self, path: str, data: bytes) -> None:
        def sent(size: int) -> None:
            self.report.sent += size
            self._progress(path, self.report.sent, max(self._total, self.report.sent))

        self._console.put(path, data, sent)
        self.report.sent_files.append(path)

    def _remove(self, path: str) -> None:
        self._console.do("files", "remove", path)


def _blocks(size: int) -> int:
    """Return how many bytes a file of this size takes of the file system."""
    return -(-size // BLOCK) * BLOCK
