"""A board with firmware becomes a lock of the registry (docs/guide/flashing.md, provision).

Invariant: the registry holds secret and key before the board does, so a cable that is pulled loses neither; and a board
that has a secret keeps it.
"""

import secrets
from dataclasses import dataclass

from tumbler_lock.core.config import AUTOLOCK, Config
from tumbler_lock.core.keys import OWNER, PSK_SIZE, Key

from ..errors import ToolError
from ..registry.lock_cache import SENT, HeldKey
from ..registry.registry import Registry, RegistryLock
from ..registry.schema import POLICIES
from ..text import command_line
from .console import Console, ScriptFailed
from .deploy import Board

SLOT = 0  # of the first key
SCRIPT = "provision"


@dataclass(frozen=True)
class Settings:
    """What a lock gets besides its secret; the rest is in the registry. autolock: seconds."""

    autolock: int = AUTOLOCK
    sound: bool = True
    label: str = ""


@dataclass(frozen=True)
class Provisioned:
    """What came of it. new: whether it was made a lock now; clock_set: whether its clock was set."""

    new: bool
    clock_set: bool


def provision(console: Console, registry: Registry, lock: RegistryLock, settings: Settings, now: int) -> Provisioned:
    """Make the board at the console this lock; one that is already gets the time, if its clock is off.

    ToolError when the board has another secret, no firmware, or a clock that does not work.
    """
    slot = firmware_slot(console)
    console.do(SCRIPT, "use_slot", slot)
    there = console.call(SCRIPT, "own_id")
    cache = registry.cache(lock)
    # The key of an earlier run that was cut short, if there was one: the board may have got it.
    sent = next(iter(cache.sent_keys(SENT)), None)
    if there == lock.lock_id.hex():
        if sent is not None and sent.slot == SLOT and sent.psk is not None:
            cache.hold(SLOT, OWNER, sent.label, sent.psk, now)
        was_set, trouble = console.call(SCRIPT, "sync_clock", now)
        _check_clock(console, trouble)
        return Provisioned(False, was_set)
    if there:
        raise ToolError(
            f"The board at {console.port} has a secret, and it is not that of '{lock.name}'.",
            "Nothing was changed. Connect another board; or forget what is on this one: tumbler flash --erase",
        )
    if cache.set_up:
        raise ToolError(
            f"'{lock.name}' is another lock, set up before, and this board has no secret.",
            f"Choose another name, or forget that lock first: {command_line('lock remove', lock.name)}",
        )
    _check_clock(console, console.call(SCRIPT, "set_clock", now))
    key = sent
    if key is None or key.slot != SLOT:
        key = cache.hold_pending(OWNER, settings.label, secrets.token_bytes(PSK_SIZE), now, SLOT, SENT)
    _create(console, lock, key, settings, now)
    cache.hold(SLOT, OWNER, key.label, key.psk or b"", now)
    return Provisioned(True, True)


def firmware_slot(console: Console) -> str:
    """Return the slot whose firmware can be used, "" for the one inside MicroPython; ToolError when there is none."""
    slot = Board.look(console).used
    if slot is None:
        raise ToolError(
            f"The board at {console.port} has no firmware.", "Put it there: tumbler deploy --board B --port PORT"
        )
    return slot


def _check_clock(console: Console, trouble: str) -> None:
    if trouble:
        raise ToolError(
            f"The clock of the board at {console.port} is of no use: {trouble}.",
            "Nothing else was changed. Check SDA, SCL, 3.3 V and its coin cell; tumbler selftest tells more.",
        )


def _create(console: Console, lock: RegistryLock, key: HeldKey, settings: Settings, now: int) -> None:
    config = Config(
        lock.rule, lock.weekend, POLICIES[lock.policy], autolock=settings.autolock, sound=settings.sound
    ).pack()
    packed = Key(SLOT, OWNER, key.psk or b"", key.label).pack()
    try:
        console.do(SCRIPT, "create", lock.required_secret, config, packed, now, lock.epoch)
    except ScriptFailed as failed:
        raise ToolError(
            f"The board at {console.port} did not take its secret ({failed.error.split(':')[0]}).",
            "Reset it and give the same command again.",
        ) from None
