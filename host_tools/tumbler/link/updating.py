"""Sends an update to a lock, from wherever the lock is with it to the end (docs/spec/link.md, "Updates").

The lock says what it wants; a connection that was lost, or a run of the tool that was ended, goes on there.
"""

from collections.abc import Callable

from tumbler_lock.core.protocol import PIECE
from tumbler_lock.core.updates import ANNOUNCED, FILLED, FILLING, TRIAL

from ..errors import ToolError
from ..updates.update_file import Update
from .client import BadAnswer, Client
from .transport import LinkLost, OutOfRange

DROPS_MOST = 3  # files that the lock may drop as damaged before this gives up

Progress = Callable[[int, int], None]


class OnTrial(ToolError):
    """The lock tries out an update already."""

    def __init__(self, same: bool, name: str) -> None:
        what = "this update" if same else "another update"
        super().__init__(
            f"'{name}' is trying out {what}.",
            f"A good one stays after a minute; see what comes of it: tumbler update status '{name}'",
        )


class Interrupted(ToolError):
    """The lock went away while an update was under way."""

    def __init__(self, lost: ToolError) -> None:
        super().__init__(lost.what, "Go closer and run the same command again: the update goes on where it was.")


async def send(client: Client, update: Update, insist: bool = False, progress: Progress = lambda done, of: None) -> int:
    """Bring an update to a lock, and have it tried once the client is closed. Returns how many bytes were sent.

    progress: called with the bytes the lock has and all of them. Refusal, OnTrial, Interrupted and the other ToolErrors
    of the link.
    """
    try:
        return await _send(client, update, insist, progress)
    except (LinkLost, OutOfRange) as lost:
        raise Interrupted(lost) from None


async def _send(client: Client, update: Update, insist: bool, progress: Progress) -> int:
    manifest = update.manifest
    ident = manifest.ident
    status = await client.update_status()
    if status.state == TRIAL:
        raise OnTrial(status.ident == ident, client.name)
    if status.ident != ident or status.state not in (FILLING, FILLED):
        await _announce(
            client, update, insist, status.offset if status.state == ANNOUNCED and status.ident == ident else 0
        )
        status = await client.update_status()
    if status.ident != ident:
        raise BadAnswer
    contents = [update.contents[name] for name, _, _ in manifest.files()]
    file, offset, have, drops, sent = status.file, status.offset, manifest.total - status.left, 0, 0
    while file < len(contents):
        progress(have, manifest.total)
        data = contents[file][offset : offset + PIECE]
        wanted = await client.update_piece(ident, file, offset, data)
        sent += len(data)
        if wanted <= (file, offset):
            drops += 1
            have -= offset
            if drops == DROPS_MOST:
                raise ToolError(
                    "The lock finds the files damaged, again and again.", "Build the update anew and send that."
                )
        else:
            have += len(data)
        file, offset = wanted
    progress(manifest.total, manifest.total)
    await client.update_finish(insist, ident)
    return sent


async def _announce(client: Client, update: Update, insist: bool, offset: int) -> None:
    """Send the manifest from an offset on."""
    data, ident = update.manifest.data, update.manifest.ident
    while offset < len(data):
        piece = data[offset : offset + PIECE]
        received = await client.update_begin(insist, ident, len(data), offset, piece)
        if not offset < received <= len(data):
            raise BadAnswer
        offset = received
