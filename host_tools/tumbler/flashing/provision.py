"""Make a board with firmware a lock of the registry (docs/guide/flashing.md, provision).

Invariants: the registry has secret and key before the board has them, so a pulled cable loses neither. A board that has
a secret keeps it.
"""

import secrets
from dataclasses import dataclass

from tumbler_lock.core.config import AUTOLOCK, Config
from tumbler_lock.core.kdf import PSK_SIZE
from tumbler_lock.core.keys import OWNER, AccessKey

from ..errors import ToolError
from ..registry.lock_cache import SENT, HeldKey
from ..registry.registry import Registry, RegistryLock
from ..registry.schema import POLICIES
from ..text import command_line
from .board_contents import BoardContents
from .console import Console, ScriptFailed

KEY_SLOT = 0  # the key slot of the first key
SCRIPT = "provision"


@dataclass(frozen=True)
class Settings:
    """What a lock gets besides its secret; the rest is in the registry. autolock: seconds."""

    autolock: int = AUTOLOCK
    sound: bool = True
    label: str = ""


@dataclass(frozen=True)
class Provisioned:
    """What was done. new: whether the board was made a lock now; clock_set: whether its clock was set."""

    new: bool
    clock_set: bool


def provision(console: Console, registry: Registry, lock: RegistryLock, settings: Settings, now: int) -> Provisioned:
    """Make the board at the console this lock. If it is this lock already, set its clock unless that is right.

    ToolError if the board has another secret, no firmware, or a clock that does not work.
    """
    slot = firmware_slot(console)
    console.do(SCRIPT, "use_slot", slot)
    there: str = console.call(SCRIPT, "own_id")
    cache = registry.cache(lock)
    # The key of an earlier run that was interrupted, if there was one: the board may have it.
    sent = next(iter(cache.sent_keys(SENT)), None)
    if there == lock.lock_id.hex():
        if sent is not None and sent.slot == KEY_SLOT and sent.psk is not None:
            cache.hold(KEY_SLOT, OWNER, sent.label, sent.psk, now)
        was_set, trouble = console.call(SCRIPT, "sync_clock", now)
        _check_clock(console, trouble)
        return Provisioned(new=False, clock_set=was_set)
    if there:
        raise ToolError(
            f"The board at {console.port} has a secret, but not that of '{lock.name}'.",
            "Nothing was changed. Connect another board, or erase this one:"
            f" {command_line('flash --erase', board='BOARD', port=console.port, image='FILE')}",
        )
    if cache.set_up:
        raise ToolError(
            f"'{lock.name}' is another lock, set up before, and this board has no secret.",
            f"Choose another name, or forget that lock first: {command_line('lock remove', lock.name)}",
        )
    _check_clock(console, console.call(SCRIPT, "set_clock", now))
    key = sent
    if key is None or key.slot != KEY_SLOT:
        key = cache.hold_pending(OWNER, settings.label, secrets.token_bytes(PSK_SIZE), now, KEY_SLOT, SENT)
    _create(console, lock, key, settings, now)
    cache.hold(KEY_SLOT, OWNER, key.label, key.psk or b"", now)
    return Provisioned(new=True, clock_set=True)


def firmware_slot(console: Console) -> str:
    """Return the slot whose firmware can be used, "" for the one inside MicroPython. ToolError if there is none."""
    slot = BoardContents.look(console).used
    if slot is None:
        raise ToolError(
            f"The board at {console.port} has no firmware.",
            f"Write it first: {command_line('deploy', board='BOARD', port=console.port)}",
        )
    return slot


def _check_clock(console: Console, trouble: str) -> None:
    if trouble:
        raise ToolError(
            f"The clock of the board at {console.port} cannot be used: {trouble}.",
            "Nothing else was changed. Check SDA, SCL, 3.3 V and its coin cell, and test it:"
            f" {command_line('selftest', port=console.port)}",
        )


def _create(console: Console, lock: RegistryLock, key: HeldKey, settings: Settings, now: int) -> None:
    config = Config(
        lock.rule,
        weekend=lock.weekend,
        policy=POLICIES[lock.policy],
        autolock=settings.autolock,
        sound=settings.sound,
    ).pack()
    packed = AccessKey(KEY_SLOT, OWNER, key.psk or b"", key.label).pack()
    try:
        console.do(SCRIPT, "create", lock.required_secret, config, packed, now, lock.epoch)
    except ScriptFailed as failed:
        raise ToolError(
            f"The board at {console.port} did not take its secret ({failed.error.split(':')[0]}).",
            "Reset it and run the same command again.",
        ) from None
