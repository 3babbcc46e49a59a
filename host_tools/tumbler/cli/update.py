"""`tumbler update`: build, sign and send new firmware (docs/spec/update.md)."""

from hashlib import sha256
from pathlib import Path
from typing import Annotated

import typer

from tumbler_lock.core import cooperative
from tumbler_lock.core.lms import verify
from tumbler_lock.core.updates import ANNOUNCED, FILLED, FILLING, IDLE, TRIAL

from ..answers import UpdateStatus
from ..errors import ToolError
from ..link.connected import ConnectedLock
from ..link.radios import SCAN_SECONDS
from ..link.updating import send as send_update
from ..text import command_line, reason
from ..updates.signing import SigningKey, own_path
from ..updates.update_file import Update
from ..updates.update_file import build as build_update
from . import output
from .options import Json, Name, Wait, at_lock, examples

app = typer.Typer(no_args_is_help=True)
key_app = typer.Typer(no_args_is_help=True)
app.add_typer(key_app, name="key", help="The key that updates are signed with.")

KeyPath = Annotated[
    Path | None,
    typer.Option("--key", metavar="FILE", help="File of the key.", show_default="update.key of the registry"),
]
File = Annotated[Path, typer.Argument(metavar="FILE", help="An update file.", show_default=False)]

STATES = {
    IDLE: "none under way",
    ANNOUNCED: "begun",
    FILLING: "being sent",
    FILLED: "sent, not finished",
    TRIAL: "on trial",
}


def _key_path(named: Path | None) -> Path:
    return own_path() if named is None else named


@key_app.command("new", epilog=examples("tumbler update key new", "tumbler update key new --key maker.key"))
def key_new(key: KeyPath = None, json: Json = False) -> None:
    """Make a key that signs 1,024 updates.

    Keep its file on one computer, and never restore it from a copy.
    """
    path = _key_path(key)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ToolError(f"{path.parent} cannot be made: {reason(error)}.", "Name another file with --key.") from None
    with output.Progress() as progress:
        made = SigningKey.create(path, lambda done, of: progress(f"Making the key … {100 * done // of} %"))
    _show_key(made, as_json=json)


@key_app.command("show", epilog=examples("tumbler update key show", "tumbler update key show --public update.pub"))
def key_show(
    key: KeyPath = None,
    public: Annotated[
        Path | None, typer.Option("--public", metavar="FILE", help="Write the public key to this file, for boards.")
    ] = None,
    json: Json = False,
) -> None:
    """Show the public key, and what the key has signed."""
    found = SigningKey(_key_path(key))
    if public is not None:
        try:
            public.write_bytes(found.public)
        except OSError as error:
            raise ToolError(f"{public} cannot be written: {reason(error)}.", "Name another file.") from None
        if not json:
            output.say(f"{public}: the public key is written.")
    _show_key(found, as_json=json)


def _show_key(key: SigningKey, *, as_json: bool) -> None:
    signed = [{"number": one.number, "sha256": one.digest.hex(), "time": one.time} for one in key.history()]
    data: output.Data = {"file": str(key.path), "public": key.public.hex(), "left": key.left, "signed": signed}
    if as_json:
        output.emit(data)
    else:
        output.fields({**data, "signed": len(signed)}.items(), title="Key for updates")


@app.command(
    epilog=examples("tumbler update build -o next.update", "tumbler update build -o next.update --version 0.2.0")
)
def build(
    to: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="The update to write.")],
    version: Annotated[
        str | None,
        typer.Option("--version", metavar="X.Y.Z", help="Version of the update.", show_default="that of the sources"),
    ] = None,
    json: Json = False,
) -> None:
    """Compile the firmware into an update, not signed yet."""
    update = build_update(version=version)
    update.write(to)
    _show_update(to, update, as_json=json)


@app.command(epilog=examples("tumbler update sign next.update"))
def sign(
    file: File,
    key: KeyPath = None,
    again: Annotated[
        bool, typer.Option("--again", help="Also an update that is signed already, to use another key.")
    ] = False,
    json: Json = False,
) -> None:
    """Sign an update, with one of the key's 1,024 signatures."""
    update = Update.read(file)
    if update.manifest.signature and not again:
        raise ToolError(f"{file} is signed already.", "To sign it again, for instance with another key, add --again.")
    signed = update.signed(SigningKey(_key_path(key)).sign(update.message))
    signed.write(file)
    _show_update(file, signed, as_json=json)


@app.command("show", epilog=examples("tumbler update show next.update"))
def show_file(file: File, key: KeyPath = None, json: Json = False) -> None:
    """Show the contents of an update, and whether its signature is good."""
    update = Update.read(file)
    path = _key_path(key)
    public = SigningKey(path).public if key is not None or path.exists() else None
    _show_update(file, update, public, as_json=json)


def _show_update(path: Path, update: Update, public: bytes | None = None, *, as_json: bool) -> None:
    manifest = update.manifest
    signature: object = "yes" if manifest.signature else "no"
    if public is not None and manifest.signature:
        good = cooperative.run(verify(public, update.message, manifest.signature))
        signature = "good" if good else "not of this key"
    data: output.Data = {
        "file": str(path),
        "version": update.version,
        "files": manifest.count,
        "bytes": manifest.total,
        "mpy": manifest.bytecode[0],
        "signed": signature,
        "sha256": sha256(manifest.data).hexdigest(),
    }
    if as_json:
        output.emit(data)
    else:
        output.fields(data.items(), title="Update")


@app.command(epilog=examples("tumbler update send cabin next.update"))
def send(
    name: Name,
    file: File,
    force: Annotated[bool, typer.Option("--force", help="Also a version that is not newer than the lock's.")] = False,
    wait: Wait = SCAN_SECONDS,
    json: Json = False,
) -> None:
    """Send a signed update to a lock in range.

    After an interruption, the same command continues where it was.
    """
    update = Update.read(file)

    async def work(door: ConnectedLock, progress: output.Progress) -> int:
        def show(done: int, of: int) -> None:
            progress(f"Sending {update.version} to {door.lock.name} … {100 * done // of} %")

        return await send_update(door.client, update, force=force, progress=show)

    lock, sent = at_lock(name, work, wait)
    if json:
        output.emit({"lock": lock.name, "version": update.version, "bytes_sent": sent})
    else:
        result = command_line("update status", lock.name)
        output.say(f"{lock.name} restarts and tries {update.version}. See the result: {result}")


@app.command(epilog=examples("tumbler update status cabin"))
def status(name: Name, wait: Wait = SCAN_SECONDS, json: Json = False) -> None:
    """Show the firmware of a lock in range, and how far an update is."""

    async def work(door: ConnectedLock, progress: output.Progress) -> UpdateStatus:
        return await door.client.update_status()

    lock, found = at_lock(name, work, wait)
    data: output.Data = {
        "lock": lock.name,
        "firmware": ".".join(map(str, found.version)),
        "slot": found.slot,
        "update": STATES[found.state],
        "bytes_left": found.left,
    }
    if json:
        output.emit(data)
    else:
        output.fields(data.items(), title=lock.name)
