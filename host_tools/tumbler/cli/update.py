"""`tumbler update`: make, sign and send new firmware (docs/spec/update.md)."""

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
    typer.Option("--key", metavar="FILE", help="The key's file.", show_default="update.key of the registry"),
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
    """Make a key. It signs 1,024 updates. Keep its file on one machine, and never copy it back from anywhere."""
    path = _key_path(key)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with output.Progress() as progress:
        made = SigningKey.create(path, lambda done, of: progress(f"Making the key … {100 * done // of} %"))
    _show_key(made, json)


@key_app.command("show", epilog=examples("tumbler update key show", "tumbler update key show --public update.pub"))
def key_show(
    key: KeyPath = None,
    public: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the public key there, as boards take it.")
    ] = None,
    json: Json = False,
) -> None:
    """Show the public key, how often it can still sign, and what it signed."""
    found = SigningKey(_key_path(key))
    if public is not None:
        try:
            public.write_bytes(found.public)
        except OSError as error:
            raise ToolError(f"{public} cannot be written: {error.strerror}.", "Name another file.") from None
        if not json:
            output.say(f"{public}: the public key is written.")
    _show_key(found, json)


def _show_key(key: SigningKey, json: bool) -> None:
    signed = [{"number": one.number, "sha256": one.digest.hex(), "time": one.time} for one in key.history()]
    data: output.Data = {"file": str(key.path), "public": key.public.hex(), "left": key.left, "signed": signed}
    if json:
        output.emit(data)
    else:
        output.fields({**data, "signed": len(signed)}.items(), title="Key for updates")


@app.command(
    epilog=examples("tumbler update build -o next.update", "tumbler update build -o next.update --version 0.2.0")
)
def build(
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="Where to write it.")],
    version: Annotated[
        str | None,
        typer.Option(
            metavar="X.Y.Z",
            help="Give it this version.",
            show_default="that of the sources, firmware/tumbler_lock/__init__.py",
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Compile the firmware into an update, not signed yet."""
    update = build_update(version=version)
    update.write(output)
    _show_update(output, update, json)


@app.command(epilog=examples("tumbler update sign next.update"))
def sign(
    file: File,
    key: KeyPath = None,
    again: Annotated[bool, typer.Option("--again", help="Also one that is signed: with another key.")] = False,
    json: Json = False,
) -> None:
    """Sign an update. Each signature uses up one of the key's 1,024."""
    update = Update.read(file)
    if update.manifest.signature and not again:
        raise ToolError(f"{file} is signed already.", "Sign it anew, for instance with another key: --again")
    signed = update.signed(SigningKey(_key_path(key)).sign(update.message))
    signed.write(file)
    _show_update(file, signed, json)


@app.command("show")
def show_file(file: File, key: KeyPath = None, json: Json = False) -> None:
    """Show what an update holds, and whether it is signed with the key."""
    update = Update.read(file)
    path = _key_path(key)
    public = SigningKey(path).public if key is not None or path.exists() else None
    _show_update(file, update, json, public)


def _show_update(path: Path, update: Update, json: bool, public: bytes | None = None) -> None:
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
    if json:
        output.emit(data)
    else:
        output.fields(data.items(), title="Update")


@app.command(epilog=examples("tumbler update send cabin next.update"))
def send(
    name: Name,
    file: File,
    insist: Annotated[bool, typer.Option("--insist", help="Take a version that is not newer.")] = False,
    wait: Wait = SCAN_SECONDS,
    json: Json = False,
) -> None:
    """Send a signed update to a lock in range. It goes on where it was interrupted."""
    update = Update.read(file)

    async def work(door: ConnectedLock, progress: output.Progress) -> int:
        def told(done: int, of: int) -> None:
            progress(f"Sending {update.version} to {door.lock.name} … {100 * done // of} %")

        return await send_update(door.client, update, insist, told)

    lock, sent = at_lock(name, work, wait)
    if json:
        output.emit({"name": lock.name, "version": update.version, "sent": sent})
    else:
        output.say(
            f"{lock.name} restarts and tries {update.version}. See what comes of it: tumbler update status {lock.name}"
        )


@app.command()
def status(name: Name, wait: Wait = SCAN_SECONDS, json: Json = False) -> None:
    """Ask a lock which firmware it runs, and how far an update is."""

    async def work(door: ConnectedLock, progress: output.Progress) -> UpdateStatus:
        return await door.client.update_status()

    lock, found = at_lock(name, work, wait)
    data: output.Data = {
        "name": lock.name,
        "version": ".".join(map(str, found.version)),
        "slot": found.slot,
        "update": STATES[found.state],
        "bytes_left": found.left,
    }
    if json:
        output.emit(data)
    else:
        output.fields(data.items(), title=lock.name)
