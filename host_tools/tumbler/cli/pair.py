"""`tumbler scan` and `tumbler pair`: see locks, and become the owner of one."""

import asyncio
import secrets
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated

import typer

from tumbler_lock.core.config import Config
from tumbler_lock.core.kdf import PSK_SIZE
from tumbler_lock.core.keys import OWNER

from ..errors import ToolError
from ..link.connected import connect_to
from ..link.pair import Pairing, for_new
from ..link.radios import SCAN_SECONDS, Radios
from ..link.refusals import Refusal
from ..link.session import WrongKey, WrongLock
from ..link.transport import LinkLost, OutOfRange, Sighting
from ..registry.lock_cache import RENEWED, SENT, HeldKey
from ..registry.registry import Registry, RegistryLock
from ..registry.schema import POLICIES
from ..text import command_line
from ..timezones import local_zone
from . import output, output_lock
from .options import (
    WAIT_MOST,
    Json,
    KeyLabel,
    NewName,
    NewPolicy,
    NewWeekend,
    NewZone,
    ask,
    examples,
    key_label_of,
    name_of,
    now,
    rule_of,
    seconds,
    spread,
    weekend_of,
)

RESTARTS = 6  # attempts to see a lock that restarts with its new secret
RESTART_PAUSE = 1.0  # seconds between two of them


@dataclass(frozen=True)
class NewLock:
    """Options for a lock that is not in the registry yet."""

    timezone: NewZone = None
    policy: NewPolicy = None
    weekend: NewWeekend = None

    def check(self, known: RegistryLock | None) -> None:
        """ToolError if an option is wrong, or if the lock is in the registry."""
        given = [f"--{name}" for name, value in vars(self).items() if value is not None]
        if known is not None and given:
            raise ToolError(
                f"{given[0]}: '{known.name}' is in the registry, with its zone, policy and weekend.",
                f"Leave {' and '.join(given)} out. To change them later: tumbler lock settings --help",
            )
        if self.timezone is not None:
            rule_of(self.timezone)
        if self.weekend is not None:
            weekend_of(self.weekend)

    def add(self, registry: Registry, name: str) -> RegistryLock:
        """Add a lock with these options, or with the usual ones, and a new secret."""
        timezone = self.timezone or local_zone()
        days = weekend_of(self.weekend or "sat,sun")
        secret = secrets.token_bytes(32)
        return registry.add(name, timezone, rule_of(timezone), days, self.policy or "standard", secret, now())


def add_to(app: typer.Typer) -> None:
    """Add the commands to `tumbler`."""
    app.command(epilog=examples("tumbler scan", "tumbler scan --seconds 20 --json"))(scan)
    app.command(
        epilog=examples(
            "tumbler pair cabin",
            "tumbler pair shop --timezone Asia/Riyadh --weekend fri,sat --policy strict --label office",
        )
    )(spread(pair))


def scan(
    look_for: Annotated[
        float,
        typer.Option("--seconds", parser=seconds(1, WAIT_MOST), metavar="SECONDS", help="How long to look around."),
    ] = SCAN_SECONDS,
    json: Json = False,
) -> None:
    """List the locks that are in range."""

    async def look() -> list[Sighting]:
        async with Radios() as radios:
            return await radios.scan(look_for)

    with Registry.open() as registry, output.Progress() as progress:
        progress("Looking around …")
        locks = registry.locks()
        data = [output_lock.sighting_data(one, locks) for one in asyncio.run(look())]
    if json:
        output.emit(data)
        return
    columns = ("lock", "state", "bluetooth_name", "lock_id", "signal", "address", "transport")
    rows = [[one[column] for column in columns] for one in data]
    output.table(columns, rows, "No lock in range. Go closer, or start a virtual one: tumbler run --radio")


def pair(
    name: NewName,
    options: NewLock,
    label: KeyLabel = "",
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Do not ask whether the lock agreed: you have seen that it did.")
    ] = False,
    new_secret: Annotated[
        bool,
        typer.Option(
            "--new-secret", help="Do not ask whether a lock that was set up before, and is new now, gets a new secret."
        ),
    ] = False,
    json: Json = False,
) -> None:
    """Become the owner of a new lock, or add a key to your own.

    Hold the set-up button of your own lock. Six digits appear here: type them on the lock's keypad, then #.
    """
    name, note = name_of(name), key_label_of(label)
    with Registry.open() as registry, output.Progress() as progress:
        procedure = Procedure(registry, progress, name, note, options)
        procedure.agreed, procedure.new_secret = yes, new_secret
        lock, slot = asyncio.run(procedure.run())
    if json:
        data = {"lock": lock.name, "lock_id": lock.lock_id.hex(), "key_slot": slot, "timezone": lock.timezone}
        output.emit(data)
        return
    output.say(f"{lock.name} is yours (key {slot}).")
    if output.fancy():
        output.say(f"Try it: {command_line('lock status', lock.name)}")
        output.say(f"Issue a code: {command_line('code one-time', lock.name)}")


class Procedure:
    """One run of `tumbler pair`: find the lock, show the digits, ask the owner, send the key, and prove that it works.

    agreed, new_secret: what the owner has confirmed beforehand.
    """

    agreed = False
    new_secret = False

    def __init__(self, registry: Registry, progress: output.Progress, name: str, label: str, options: NewLock):
        self._registry = registry
        self._progress = progress
        self._name = name
        self._label = label
        self._options = options
        self._button_named = False

    async def run(self) -> tuple[RegistryLock, int]:
        """Pair; return the lock and the slot of the new key."""
        known = self._registry.find(self._name)
        self._options.check(known)
        async with Radios() as radios:
            if known is not None:
                paired = await self._was_paired(known, radios)
                if paired is not None:
                    return paired
            pairing = await Pairing.begin(await radios.connect(await self._find(known, radios)))
            try:
                self._check(known, pairing)
                await self._agree(pairing)
                lock = self._lock(known, pairing)
                key = await self._finish(lock, pairing)
            finally:
                await pairing.close()
            return await self._confirm(lock, key, radios)

    async def _was_paired(self, lock: RegistryLock, radios: Radios) -> tuple[RegistryLock, int] | None:
        """Finish an earlier run that was cut short, if the lock had accepted its key."""
        cache = self._registry.cache(lock)
        for one, keys in ((lock.with_new_secret, cache.sent_keys(RENEWED)), (lock, cache.sent_keys(SENT))):
            if one is not None and keys:
                with suppress(OutOfRange, WrongKey, WrongLock, LinkLost):
                    async with connect_to(self._registry, one, radios, self._progress, now, keys) as door:
                        return door.lock, door.status.slot
        return None

    async def _find(self, known: RegistryLock | None, radios: Radios) -> Sighting:
        """Return the lock to pair; ToolError if no lock can be paired, or more than one."""
        self._progress("Looking for a lock to pair …")

        def is_known(one: Sighting) -> bool:
            return known is not None and one.lock_id in _ids(known)

        def suits(one: Sighting) -> bool:
            return one.is_new or is_known(one)

        # Another new lock may be seen later, and so may the known one: only the known one ends the scan.
        seen = await radios.scan(SCAN_SECONDS, is_known, suits)
        found = [one for one in seen if suits(one)]
        if not found:
            raise self._none_found(known, len(seen))
        # The known lock takes precedence over a new one beside it.
        one = next((one for one in found if is_known(one)), found[0])
        if one.is_new and len(found) > 1:
            raise ToolError(
                f"{len(found)} new locks are in range.", "Switch off all but the one that you want to pair."
            )
        return one

    def _none_found(self, known: RegistryLock | None, others: int) -> ToolError:
        """Return the error if no lock can be paired. others: how many other locks are in range."""
        if known is not None and self._registry.cache(known).set_up:
            return ToolError(
                f"Neither '{known.name}' nor a new lock is in range.",
                "Go closer, and check that the lock has power. A lock that another phone or computer is connected to is"
                " not seen: try again in some seconds.",
            )
        owned = f" {others} in range {'has an owner' if others == 1 else 'have owners'}." if others else ""
        return ToolError(
            f"No lock in range can be paired.{owned}",
            "Go closer to a new lock and press a button of its keypad: on batteries it sleeps. A lock that was used"
            " before must be reset first: tumbler lock reset --help",
        )

    def _check(self, known: RegistryLock | None, pairing: Pairing) -> None:
        """ToolError if the registry cannot have this lock under this name."""
        if not pairing.is_new:
            if known is None or pairing.lock_id not in _ids(known):
                raise ToolError(
                    "This lock has an owner, and the registry does not have its secret under that name.",
                    "Give its name in the registry (tumbler lock list), or ask its owner for a key (tumbler key add).",
                )
        elif known is not None and known.secret is None:
            forget = command_line("lock remove", known.name)
            raise ToolError(
                f"'{known.name}' is another owner's lock, and the lock in range is new.",
                f"Choose another name, or forget that lock first: {forget}",
            )
        elif known is not None and known.new_secret is None and self._registry.cache(known).set_up:
            what = f"'{known.name}' was set up before, and the lock in range is new"
            self._progress.hide()
            ask(
                f"{what}. Give it a new secret? Every code issued before is then dead.",
                "Nothing was changed.",
                f"{what}: a new secret needs a confirmation.",
                yes=self.new_secret,
                option="--new-secret",
            )

    def _lock(self, known: RegistryLock | None, pairing: Pairing) -> RegistryLock:
        """Return the registry's lock for this one: a new one, the known one, or that with its new secret."""
        if known is None:
            return self._options.add(self._registry, self._name)
        if pairing.is_new and self._registry.cache(known).set_up:
            known = self._registry.prepare_new_secret(known)
        if known.with_new_secret is not None and pairing.lock_id != known.lock_id:
            return known.with_new_secret
        return known

    async def _agree(self, pairing: Pairing) -> None:
        """Show the digits, wait until they are typed, and ask whether the lock itself agreed."""
        digits = await pairing.digits()
        self._progress.hide()
        output.digits_to_type(digits)
        self._progress("Waiting for the digits to be typed at the lock …")
        await pairing.typed()
        self._progress.hide()
        ask(
            "Did the lock itself agree, with four rising tones, or its light with three short flashes and a long one?",
            "Then there may be a man in the middle between you and the lock. Nothing was sent.",
            "It must be confirmed that the lock itself agreed.",
            yes=self.agreed,
            then="Run the command again right beside the lock, and look at it when the digits were typed.",
        )

    async def _finish(self, lock: RegistryLock, pairing: Pairing) -> HeldKey:
        """Send the key, and what a new lock needs besides. The registry has the key before the lock does."""
        psk = secrets.token_bytes(PSK_SIZE)
        cache = self._registry.cache(lock)
        # A new lock puts its first key into slot 0.
        slot = 0 if pairing.is_new else None
        state = RENEWED if lock.uses_new_secret else SENT
        key = cache.hold_pending(OWNER, self._label, psk, now(), slot, state)
        self._progress(f"Giving {lock.name} its key …")
        new = b""
        if pairing.is_new:
            config = Config(lock.rule, weekend=lock.weekend, policy=POLICIES[lock.policy])
            new = for_new(now(), lock.epoch, lock.required_secret, config)
        try:
            return cache.locate(key, await pairing.finish(psk, self._label, new, self._ask_for_button))
        except Refusal:
            cache.drop_sent(key)
            raise

    def _ask_for_button(self) -> None:
        """Say, once, that the lock waits for its set-up button."""
        if not self._button_named:
            self._button_named = True
            self._progress.hide()
            output.note("Now hold the set-up button once more.")
        self._progress("Waiting for the set-up button …")

    async def _confirm(self, lock: RegistryLock, key: HeldKey, radios: Radios) -> tuple[RegistryLock, int]:
        """Connect with the new key: only then is a lock paired. A new lock restarts before that."""
        for left in range(RESTARTS - 1, -1, -1):
            try:
                async with connect_to(self._registry, lock, radios, self._progress, now, [key]) as door:
                    return door.lock, door.status.slot
            except (OutOfRange, LinkLost):
                if not left:
                    raise
                await asyncio.sleep(RESTART_PAUSE)
        raise OutOfRange(f"The lock '{lock.name}'")


def _ids(lock: RegistryLock) -> list[bytes]:
    """Return the ids that a lock may advertise: its own, and the one of its new secret."""
    return [one.lock_id for one in (lock, lock.with_new_secret) if one is not None]
