"""Sends an update to a lock, from where the lock is with it to the end (docs/spec/link.md, "Updates").

The lock asks for the next piece. After a lost connection, or in a later run of the tool, sending continues there.
"""

from collections.abc import Callable

from tumbler_lock.core.protocol import PIECE_MOST
from tumbler_lock.core.updates import ANNOUNCED, FILLED, FILLING, TRIAL

from ..errors import ToolError
from ..text import command_line
from ..updates.update_file import Update
from .client import BadAnswer, Client
from .transport import LinkLost, OutOfRange

DROPS_MOST = 3  # files that the lock may drop as damaged before sending gives up

Progress = Callable[[int, int], None]


class OnTrial(ToolError):
    """The lock is trying an update already. same: it is this one."""

    def __init__(self, name: str, *, same: bool) -> None:
        super().__init__(
            f"'{name}' is trying {'this' if same else 'another'} update.",
            f"A healthy one is kept after a minute. See the result: {command_line('update status', name)}",
        )


class Interrupted(ToolError):
    """The connection was lost during an update."""

    def __init__(self, lost: ToolError) -> None:
        super().__init__(lost.what, "Go closer and run the same command again: the update continues where it was.")


async def send(
    client: Client, update: Update, *, force: bool = False, progress: Progress = lambda done, of: None
) -> int:
    """Send an update; the lock tries it once the client is closed. Return how many bytes were sent.

    force: even if the version is not newer; progress: called with the bytes that the lock has, and all of them. Raises
    Refusal, OnTrial, Interrupted and the other ToolErrors of the link.
    """
    try:
        return await _send(client, update, force, progress)
    except (LinkLost, OutOfRange) as lost:
        raise Interrupted(lost) from None


async def _send(client: Client, update: Update, force: bool, progress: Progress) -> int:
    manifest = update.manifest
    ident = manifest.ident
    status = await client.update_status()
    if status.state == TRIAL:
        raise OnTrial(client.name, same=status.ident == ident)
    if status.ident != ident or status.state not in (FILLING, FILLED):
        offset = status.offset if status.state == ANNOUNCED and status.ident == ident else 0
        await _announce(client, update, force, offset)
        status = await client.update_status()
    if status.ident != ident:
        raise BadAnswer
    contents = [update.contents[name] for name, _, _ in manifest.files()]
    file, offset, have, drops, sent = status.file, status.offset, manifest.total - status.left, 0, 0
    while file < len(contents):
        progress(have, manifest.total)
        data = contents[file][offset : offset + PIECE_MOST]
        wanted = await client.update_piece(ident, file, offset, data)
        sent += len(data)
        if wanted <= (file, offset):
            drops += 1
            have -= offset
            if drops == DROPS_MOST:
                raise ToolError(
                    f"The lock found the files damaged {DROPS_MOST} times.", "Build the update again and send that."
                )
        else:
            have += len(data)
        file, offset = wanted
    progress(manifest.total, manifest.total)
    await client.update_finish(ident, force=force)
    return sent


async def _announce(client: Client, update: Update, force: bool, offset: int) -> None:
    """Send the manifest from an offset on."""
    data, ident = update.manifest.data, update.manifest.ident
    while offset < len(data):
        piece = data[offset : offset + PIECE_MOST]
        received = await client.update_begin(ident, len(data), offset, piece, force=force)
        if not offset < received <= len(data):
            raise BadAnswer
        offset = received
