"""Sending an update with the tool's client to a lock with two slots, whatever is lost; and the files it sends."""

import ast
import asyncio
from types import SimpleNamespace

import pytest

from tests.dual.core.test_updates import Board, maker
from tests.dual.support.update_builders import NEW, OLD, closed, found, pack
from tests.support import sizes
from tests.support.memory_radio import DOES, UP, Faults, client_of
from tests.support.micropython import ROOT
from tests.support.owner_tool import done, refused, tumbler
from tumbler.cli import output_lock
from tumbler.errors import ToolError
from tumbler.link.refusals import Refusal
from tumbler.link.updating import OnTrial, send
from tumbler.updates import signing
from tumbler.updates.signing import SigningKey
from tumbler.updates.update_file import BadUpdate, Update, build, loader, pack_manifest
from tumbler_lock.core.boot_slots import ON_TRIAL, FirmwareSlots, Selection
from tumbler_lock.core.lms import H5, W4
from tumbler_lock.core.manifest import Manifest

pytestmark = pytest.mark.usefixtures("hurry")
MISSING = sum(len(data) for name, data in NEW.items() if OLD.get(name) != data)


@pytest.fixture
def board(tmp_path):
    return Board(str(tmp_path))


def update(version=(0, 2, 0), contents=NEW):
    made = Update.of(version, (0, 0), contents)
    return made.signed(maker().sign(made.message))


def sent(board, what, force=False, **more):
    """Send an update; how many bytes of files that took, and the progress told."""
    told = []

    async def stay():
        async with client_of(board, **more) as client:
            return await send(client, what, force=force, progress=lambda done, of: told.append((done, of)))

    return asyncio.run(stay()), told


def test_an_update_is_sent_and_tried(board):
    count, told = sent(board, update())
    assert count == MISSING
    total = sum(map(len, NEW.values()))
    assert told[0] == (total - MISSING, total)
    assert told[-1] == (total, total)
    assert told == sorted(told)
    assert FirmwareSlots(board.root).read() == Selection("b", ON_TRIAL, 2)  # the client is gone: the lock has restarted
    assert (board.slot, found(board.root, "b")) == ("b", NEW)
    with pytest.raises(
        OnTrial, match=r"this update\. A healthy one is kept after a minute\. .*: tumbler update status NAME"
    ):
        sent(board, update())
    with pytest.raises(OnTrial, match="another update"):
        sent(board, update((0, 3, 0)))
    FirmwareSlots(board.root).settle("b")
    with pytest.raises(Refusal) as refused:
        sent(board, update())
    assert refused.value.word == "not-newer"


def test_the_log_says_who_updated_to_what(board):
    sent(board, update((0, 2, 17)))

    async def stay():
        found = []
        async with client_of(board) as client:
            await client.log(0, found.extend)
        return found[-1]

    lock = SimpleNamespace(rule="UTC0")
    data = output_lock.event_data(lock, asyncio.run(stay()), SimpleNamespace(label=lambda slot, seq: "Ann"), {})
    assert (data["event"], data["by"], data["id"], data["label"]) == ("updated", "Ann", "0.2.17", None)


def test_a_file_that_was_tampered_with_is_not_sent(tmp_path):
    path = tmp_path / "bad.update"
    update().write(path)
    good = path.read_bytes()
    for data, why in ((good + b"\n", "there are bytes after its last file"),
                      (good[:-1] + bytes((good[-1] ^ 1,)), "does not have the SHA-256 of the manifest")):  # fmt: skip
        path.write_bytes(data)
        assert why in refused("update", "send", "cabin", path)
        assert why in refused("update", "show", path)


def test_going_back_needs_force(board):
    with pytest.raises(Refusal):
        sent(board, update((0, 0, 9)))
    sent(board, update((0, 0, 9)), force=True)
    assert FirmwareSlots(board.root).on_trial("b")


@pytest.mark.parametrize("size", [20, 244])
@pytest.mark.parametrize("does", sorted(DOES))
def test_values_that_are_lost_on_the_way_are_made_up_for(board, does, size):
    for number in (6, 9, 14, 25):  # after the handshake
        FirmwareSlots(board.root).settle("a")
        board.restart()
        count, _ = sent(board, update((0, 2, number)), fault=Faults(UP, number, DOES[does]), size=size)
        assert count <= MISSING + 200
        assert found(board.root, "b") == NEW
        assert FirmwareSlots(board.root).on_trial("b")


def test_a_tool_that_was_ended_goes_on_in_its_next_run(board):
    class Ends(Exception):
        pass

    def ends(value):
        raise Ends

    total = 0
    for run in range(100):
        try:
            total, _ = sent(board, update(), fault=Faults(UP, 12, ends))
            break
        except Ends:
            if run % 2:
                board.restart()
    assert 3 < run < 99
    assert total < MISSING
    assert found(board.root, "b") == NEW


def test_files_that_are_damaged_again_and_again_are_given_up(board):
    good = update()
    contents = {**good.contents, "tumbler_lock/app/lock.py": bytes(len(NEW["tumbler_lock/app/lock.py"]))}
    with pytest.raises(ToolError, match="damaged"):
        sent(board, Update(good.manifest, contents))
    assert sent(board, good)[0] < MISSING


# Update files


def test_a_manifest_is_packed_as_the_document_has_it():
    assert pack_manifest((1, 2, 3), (6, 10), NEW, b"signature") == closed(pack((1, 2, 3), NEW, (6, 10)), b"signature")


def test_an_update_file_is_its_manifest_and_its_files(tmp_path):
    path = tmp_path / "next.update"
    made = update()
    made.write(path)
    assert path.read_bytes() == bytes(made.manifest.data) + b"".join(NEW[name] for name in sorted(NEW))
    again = Update.read(path)
    assert (again.manifest.data, again.contents, again.version) == (made.manifest.data, NEW, "0.2.0")
    assert sorted(tmp_path.iterdir()) == [path]


def test_damaged_update_files_are_refused(tmp_path):
    path = tmp_path / "x"
    update().write(path)
    data = path.read_bytes()
    for size in range(0, len(data), 97):
        path.write_bytes(data[:size])
        with pytest.raises(BadUpdate):
            Update.read(path)
    path.write_bytes(data + b"\0")
    with pytest.raises(BadUpdate):
        Update.read(path)
    for at in range(0, len(data), 211):
        path.write_bytes(data[:at] + bytes((data[at] ^ 0x40,)) + data[at + 1 :])
        try:
            read = Update.read(path)
        except BadUpdate:
            continue
        # What no digest covers: version, bytecode, signature, and names that became other names.
        assert sorted(read.contents.values()) == sorted(NEW.values())
    with pytest.raises(ToolError):
        Update.read(tmp_path / "missing")


def test_what_is_built_is_the_firmware_that_boards_get(tmp_path):
    made = build()
    folder = ROOT / "firmware"
    sources = {path.relative_to(folder).as_posix() for path in folder.rglob("*.py")}
    outside = {"boot.py", "main.py"}
    assert {name.replace(".mpy", ".py") for name in made.contents} == sources - outside
    assert made.manifest.bytecode == (6, 0)
    assert Manifest(bytes(made.manifest.data)).count == len(made.contents)
    assert build().manifest.data == made.manifest.data
    listed = sizes.compile_all(tmp_path)
    assert made.manifest.total == sum(size for name, size in listed.items() if name not in outside)
    # None holds machine code: its third byte says for which processor.
    assert {data[2] >> 2 for data in made.contents.values()} == {0}


def test_the_loader_has_what_it_imports():
    parts = loader()
    assert parts["main.py"] == (ROOT / "firmware" / "main.py").read_bytes()
    modules = {name.removeprefix("loader/").removesuffix(".mpy") for name in parts if name.startswith("loader/")}
    core = ROOT / "firmware" / "tumbler_lock" / "core"
    wanted = set()
    for module in modules:
        for node in ast.parse((core / f"{module}.py").read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ImportFrom) and node.level:
                folder = (core / module).parents[node.level - 1].joinpath(*(node.module or "").split("."))
                names = [folder / name.name for name in node.names] if folder.is_dir() else [folder]
                wanted |= {name.relative_to(core).as_posix() for name in names}
    assert len(wanted) == 3
    assert wanted <= modules


# The command


def test_build_sign_and_show(tmp_path):
    key, other, path, public = (tmp_path / name for name in ("key", "other", "next.update", "update.pub"))
    made = SigningKey.create(key, tree=H5)
    SigningKey.create(other, tree=H5)
    assert done("update", "build", "-o", path)["signed"] == "no"
    assert done("update", "sign", path, "--key", key)["signed"] == "yes"
    assert done("update", "show", path, "--key", key)["signed"] == "good"
    assert done("update", "show", path, "--key", other)["signed"] == "not of this key"
    assert done("update", "show", path)["signed"] == "yes"  # there is no key in the registry's folder
    shown = done("update", "key", "show", "--key", key, "--public", public)
    assert (
        f"{public}: the public key is written." in tumbler("update", "key", "show", "--key", key, "--public", public)[1]
    )
    assert (shown["left"], shown["public"], len(shown["signed"])) == (31, made.public.hex(), 1)
    assert public.read_bytes() == made.public
    assert "is signed already" in refused("update", "sign", path, "--key", other)
    assert done("update", "key", "show", "--key", other)["left"] == 32, "no signature was used up"
    assert done("update", "sign", path, "--key", other, "--again")["signed"] == "yes"
    assert done("update", "show", path, "--key", other)["signed"] == "good"
    assert "is not a valid update" in refused("update", "show", public)
    assert "There is no key" in refused("update", "sign", path, "--again")
    assert "exists already" in refused("update", "key", "new", "--key", public)


def test_a_key_of_the_real_size(monkeypatch):
    monkeypatch.setattr(signing, "CHAINS", W4)  # a quarter of the work
    made = done("update", "key", "new")
    assert made["left"] == 1024
    assert made["file"].endswith("update.key")
    assert "exists already" in refused("update", "key", "new")
