"""What a board does when its power comes: mounts the flash, then runs boot.py and main.py, here on simulated parts.

With slots the flash is the whole file system, and boot.py, main.py and the firmware are those that lie on it.
"""

import builtins
import gc
import os
import sys

import vfs

from tumbler_lock.core.boot_slots import FirmwareSlots
from tumbler_lock.core.config import Config
from tumbler_lock.core.keys import AccessKey
from tumbler_lock.core.policy import STANDARD, STRICT
from tumbler_lock.core.store import Store
from tumbler_lock.core.tickets import kind_name

from .flash import UnreadableFiles

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from tumbler_lock.app.board import Board

    from .host_pipe import Message
    from .simulated_board import SimulatedBoard

POLICIES = {"standard": STANDARD, "strict": STRICT}


def run(board: "SimulatedBoard", request: "Message", start_files: str) -> None:
    """Run the firmware on a board; ends by an exception. start_files: folder of boot.py and main.py."""
    slots = board.slots
    storage: str = board.description["storage"]
    given: "Message | None" = request.get("provision")
    board.install()
    if slots:
        vfs.umount("/")
    _mount(board, "/" if slots else storage, bool(given))
    if given:
        _provision(storage, given, board.world.now_ms() // 1000)
    if slots:
        record = FirmwareSlots().read()
        if record is not None:
            board.event("slot", slot=record.slot, trial=bool(record.state), left=record.left)
    _watch_imports(board)
    os.chdir("/" if slots else board.folder)
    if slots:
        _forget_firmware(request.get("inside"))
    for name in ("boot.py", "main.py"):
        path = "/" + name if slots else start_files + "/" + name
        with open(path) as file:
            code = compile(file.read(), path, "exec")
        exec(code, {"__name__": "__main__"})  # noqa: S102 -- as a board runs them
    raise ValueError("main.py came to its end, which a lock never does")


def _mount(board: "SimulatedBoard", path: str, setting_up: bool) -> None:
    """Mount the flash as the start code of an ESP32 does: it formats a blank chip, and leaves a damaged one alone.

    A board that is being set up formats that, too: it is what a power cut left of an earlier attempt.
    """
    flash: "Any" = board.flash  # a block device by its methods alone, which the stubs do not know
    littlefs: "Any" = vfs.VfsLfs2
    if board.flash.blank():
        littlefs.mkfs(flash)
    try:
        vfs.mount(littlefs(flash), path)
    except OSError as error:
        if setting_up:
            littlefs.mkfs(flash)
            vfs.mount(littlefs(flash), path)
            return
        board.event("fault", text="the flash cannot be mounted (error %d)" % error.errno)
        vfs.mount(UnreadableFiles(), path)


def _provision(path: str, given: "Message", now: int) -> None:
    """Do once what the owner's tool does to a new board. A lock that has a secret keeps it."""
    config = given["config"]
    packed = Config(
        config["rule"],
        weekend=config.get("weekend", 0b1100000),
        policy=POLICIES[config.get("policy", "standard")],
        autolock=config.get("autolock", 5),
        sound=bool(config.get("sound", True)),
    ).pack()
    if "journal" not in os.listdir(path):
        secret = bytes.fromhex(given["secret"])
        keys = [
            AccessKey(key["slot"], key["role"], bytes.fromhex(key["psk"]), key.get("label", ""))
            for key in given.get("keys", ())
        ]
        Store.create(path, secret, packed, now, given.get("epoch", 0), keys)
    gc.collect()


def _forget_firmware(inside: "str | None") -> None:
    """Remove the firmware that was imported so far; it is found again in the slot that the loader chooses.

    inside: a folder of the host that takes the place of what is frozen into MicroPython.
    """
    for name in list(sys.modules):
        if name == "tumbler_lock" or name.startswith("tumbler_lock."):
            del sys.modules[name]
    sys.path[:] = ["", ".frozen", "/lib"]
    if inside:
        vfs.mount(vfs.VfsPosix(inside), "/.frozen")  # type: ignore[attr-defined]  # only the Unix port has it
        sys.path.insert(1, "/.frozen")
    gc.collect()


def _watch_imports(board: "SimulatedBoard") -> None:
    """Replace the firmware's Board by the observed one as soon as it is imported, from wherever the loader chose."""
    load = builtins.__import__

    def watched(name: str, *more: "Any") -> "Any":
        module = load(name, *more)
        imported = sys.modules.get("tumbler_lock.app.board")
        made = getattr(imported, "Board", None)  # the import may not be finished
        if made is not None and not getattr(made, "observed", False):
            imported.Board = _observed(board, made)  # type: ignore[union-attr]
        return module

    builtins.__import__ = watched  # type: ignore[assignment]


def _observed(board: "SimulatedBoard", real_board: "type[Board]") -> "type[Board]":
    """Return the firmware's Board, which reports what it does, and sleeps until a finger comes."""

    class ObservedBoard(real_board):  # type: ignore[misc, valid-type]  # of the firmware that runs
        observed = True

        def observe(self, kind: str, payload: "Any") -> None:
            _report(board, kind, payload)

        async def touch(self, ms: int) -> None:
            if not self.matrix.touched():
                await board.world.touch(ms)

        def report(self, error: Exception) -> None:
            sys.print_exception(error, sys.stderr)  # type: ignore[arg-type]  # the stubs know files only

    return ObservedBoard


def _report(board: "SimulatedBoard", kind: str, payload: "Any") -> None:
    """Report to the host what the firmware observes (Board.observe)."""
    if kind == "verdict":
        name = None if payload.kind is None else kind_name(payload.kind)
        board.event("verdict", verdict=payload.verdict, reason=payload.reason, kind=name, id=payload.id, at=payload.at)
    elif kind == "key":
        board.event("key", key=payload)
    elif kind == "signal":
        board.event("signal", name=payload)
    elif kind == "fault":
        board.event("fault", text=payload)
    elif kind == "paired":
        board.event("paired", right=payload)
    elif kind == "confirmed":
        board.event("confirmed", rounds=payload)
    elif kind == "started":
        board.world.app = payload
        board.event(
            "started",
            provisioned=payload.verifier is not None,
            trouble=payload.trouble,
            version=sys.modules["tumbler_lock"].VERSION,
            slot=sys.path[0][1:] if board.slots else "",
            updates=board.slots and "update.pub" in os.listdir("/"),
        )
