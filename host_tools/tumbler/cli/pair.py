"""`tumbler scan` and `tumbler pair`: see locks, and become the owner of one."""

import asyncio
import secrets
from contextlib import suppress
from typing import Annotated

import typer

from tumbler_lock.core.config import Config
from tumbler_lock.core.keys import OWNER, PSK_SIZE

from ..codes.issue import POLICIES
from ..errors import ToolError
from ..link.connected import connect_to
from ..link.pair import Pairing, for_new
from ..link.radios import SCAN_SECONDS, Radios
from ..link.refusals import Refusal
from ..link.session import WrongKey, WrongLock
from ..link.transport import LinkLost, OutOfRange, Sighting
from ..registry.lock_cache import RENEWED, SENT, HeldKey
from ..registry.registry import Registry, RegistryLock
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
    weekend_of,
)

RESTARTS = 6  # looks for a lock that starts anew with its secret
RESTART_PAUSE = 1.0  # seconds between two of them


def _ids(lock: RegistryLock) -> list[bytes]:
    """Return the ids under which a lock may show itself: its own, and the one it has once it has begun anew."""
    return [one.lock_id for one in (lock, lock.with_new_secret) if one is not None]


def add_to(app: typer.Typer) -> None:
    """Add the commands to `tumbler`."""
    app.command(epilog=examples("tumbler scan", "tumbler scan --seconds 20 --json"))(scan)
    app.command(
        epilog=examples(
            "tumbler pair cabin",
            "tumbler pair shop --timezone Asia/Riyadh --weekend fri,sat --policy strict --label office",
        )
    )(pair)


def scan(
    seconds: Annotated[float, typer.Option(min=1, max=WAIT_MOST, help="How long to look around.")] = SCAN_SECONDS,
    json: Json = False,
) -> None:
    """Look for locks that are in range."""

    async def look() -> list[Sighting]:
        async with Radios() as radios:
            return await radios.scan(seconds)

    with Registry.open() as registry, output.Progress() as progress:
        progress("Looking around …")
        locks = registry.locks()
        data = [output_lock.sighting_data(one, locks) for one in asyncio.run(look())]
    if json:
        output.emit(data)
        return
    columns = ("lock", "state", "advertised", "lock_id", "signal", "address", "transport")
    rows = [[one[column] for column in columns] for one in data]
    output.table(
        [c.replace("_", " ") for c in columns], rows, "No lock in range. Go closer, or start one: tumbler run --radio"
    )


def pair(
    name: NewName,
    timezone: NewZone = None,
    policy: NewPolicy = None,
    weekend: NewWeekend = None,
    label: KeyLabel = "",
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Do not ask whether the lock agreed: you have seen that it did.")
    ] = False,
    anew: Annotated[
        bool,
        typer.Option(
            "--anew", help="Do not ask whether a lock that was set up before, and is new now, gets a new secret."
        ),
    ] = False,
    json: Json = False,
) -> None:
    """Become the owner of a new lock; or, with the set-up button of your lock held, give it a new key of yours.

    Six digits appear here. Type them on the lock's keypad, then #.
    """
    name, note = name_of(name), key_label_of(label)
    with Registry.open() as registry, output.Progress() as progress:
        procedure = Procedure(registry, progress, name, note, yes, anew)
        options = (timezone, policy.value if policy else None, weekend)
        lock, slot = asyncio.run(procedure.run(*options))
    if json:
        output.emit({"name": lock.name, "lock_id": lock.lock_id.hex(), "slot": slot, "timezone": lock.timezone})
        return
    output.say(f"{lock.name} is yours (key {slot}).")
    if output.fancy():
        output.say(f"Try it: tumbler lock status {lock.name}; issue a code: tumbler code one-time {lock.name}")


class Procedure:
    """One run of `tumbler pair`: which lock, the digits, the owner's word, the key, and the proof that it works."""

    def __init__(self, registry: Registry, progress: output.Progress, name: str, label: str, yes: bool, anew: bool):
        self._registry = registry
        self._progress = progress
        self._name = name
        self._label = label
        self._yes = yes
        self._anew = anew
        self._told = False

    async def run(self, timezone: str | None, policy: str | None, weekend: str | None) -> tuple[RegistryLock, int]:
        """Pair; returns the lock and the slot of the new key."""
        known = self._registry.find(self._name)
        self._check_options(known, timezone, policy, weekend)
        if timezone is not None:
            rule_of(timezone)
        if weekend is not None:
            weekend_of(weekend)
        async with Radios() as radios:
            if known is not None:
                paired = await self._was_paired(known, radios)
                if paired is not None:
                    return paired
            pairing = await self._begin(known, radios)
            try:
                self._check(known, pairing)
                await self._agree(pairing)
                lock = self._lock(known, pairing, timezone or local_zone(), policy or "standard", weekend or "sat,sun")
                key = await self._finish(lock, pairing)
            finally:
                await pairing.close()
            return await self._confirm(lock, key, radios)

    @staticmethod
    def _check_options(known: RegistryLock | None, *options: str | None) -> None:
        if known is not None and any(option is not None for option in options):
            raise ToolError(
                f"'{known.name}' is in the registry, with its zone, policy and weekend.",
                "Leave --timezone, --policy and --weekend out; change them later: tumbler lock config --help",
            )

    async def _was_paired(self, lock: RegistryLock, radios: Radios) -> tuple[RegistryLock, int] | None:
        """Finish what an earlier run began, if the lock had taken its key when that was cut short."""
        cache = self._registry.cache(lock)
        for one, keys in ((lock.with_new_secret, cache.sent_keys(RENEWED)), (lock, cache.sent_keys(SENT))):
            if one is not None and keys:
                with suppress(OutOfRange, WrongKey, WrongLock, LinkLost):
                    async with connect_to(self._registry, one, radios, self._progress, now, keys) as door:
                        return door.lock, door.status.slot
        return None

    async def _begin(self, known: RegistryLock | None, radios: Radios) -> Pairing:
        """Find a lock that pairs, and shake hands with it."""
        self._progress("Looking for a lock to pair …")

        def is_known(one: Sighting) -> bool:
            return known is not None and one.lock_id in _ids(known)

        def suits(one: Sighting) -> bool:
            return one.is_new or is_known(one)

        # Another new lock may be seen later, and so may the known one: only that is worth no further look.
        seen = await radios.scan(SCAN_SECONDS, is_known, suits)
        found = [one for one in seen if suits(one)]
        if not found:
            if known is not None and self._registry.cache(known).set_up:
                raise ToolError(
                    f"Neither '{known.name}' nor a new lock is in range.",
                    "Go closer, and see that the lock has power. One that somebody is connected to is not seen: try"
                    " again in some seconds.",
                )
            others = f" {len(seen)} in range {'belongs' if len(seen) == 1 else 'belong'} to somebody." if seen else ""
            raise ToolError(
                f"No lock is in range that could be paired.{others}",
                "Go closer to a new lock, and touch a key: on batteries it sleeps. One that was used before has to be"
                " reset: tumbler lock reset --help",
            )
        # The lock that is known beats a new one beside it.
        one = next((one for one in found if is_known(one)), found[0])
        if one.is_new and len(found) > 1:
            raise ToolError(f"{len(found)} new locks are in range.", "Leave power to the one that you want to pair.")
        return await Pairing.begin(await radios.connect(one))

    def _check(self, known: RegistryLock | None, pairing: Pairing) -> None:
        """See that the registry can have this lock under this name; ToolError when it cannot."""
        if not pairing.is_new:
            if known is None or pairing.lock_id not in _ids(known):
                raise ToolError(
                    "This lock has an owner, and its secret is not in this registry under that name.",
                    "Name it as the registry does, or ask its owner for a key: tumbler key add --help",
                )
        elif known is not None and known.secret is None:
            raise ToolError(
                f"'{known.name}' was somebody else's lock, and the lock in range is new.",
                f"Choose another name, or forget that one first: tumbler lock remove '{known.name}'",
            )
        elif known is not None and known.new_secret is None and self._registry.cache(known).set_up:
            what = f"'{known.name}' was set up before, and the lock in range is new"
            self._progress.hide()
            ask(
                f"{what}. Begin anew with a new secret? Every code issued before is then dead.",
                "Nothing was changed.",
                self._anew,
                f"{what}: to begin anew needs a confirmation.",
                "--anew",
            )

    def _lock(
        self, known: RegistryLock | None, pairing: Pairing, timezone: str, policy: str, weekend: str
    ) -> RegistryLock:
        """Return the registry's lock that this one is; a new one, or one that begins anew, if need be."""
        if known is None:
            secret = secrets.token_bytes(32)
            rule, days = rule_of(timezone), weekend_of(weekend)
            return self._registry.add(self._name, timezone, rule, days, policy, secret, now())
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
            "Then somebody may be between you and the lock. Nothing was sent.",
            self._yes,
            "Whether the lock itself agreed must be confirmed.",
            then="Run the command again right beside the lock, and look at it when the digits were typed.",
        )

    async def _finish(self, lock: RegistryLock, pairing: Pairing) -> HeldKey:
        """Send the key, and what a new lock needs besides. The registry holds it before the lock does."""
        psk = secrets.token_bytes(PSK_SIZE)
        cache = self._registry.cache(lock)
        # A new lock puts its first key into slot 0.
        slot = 0 if pairing.is_new else None
        key = cache.hold_pending(OWNER, self._label, psk, now(), slot, RENEWED if lock.uses_new_secret else SENT)
        self._progress(f"Giving {lock.name} its key …")
        new = b""
        if pairing.is_new:
            new = for_new(
                now(), lock.epoch, lock.required_secret, Config(lock.rule, lock.weekend, POLICIES[lock.policy])
            )
        try:
            return cache.locate(key, await pairing.finish(psk, self._label, new, self._wants_button))
        except Refusal:
            cache.drop_sent(key)
            raise

    def _wants_button(self) -> None:
        """Say, once, that the lock waits for its button."""
        if not self._told:
            self._told = True
            self._progress.hide()
            output.note("Now hold the set-up button once more.")
        self._progress("Waiting for the set-up button …")

    async def _confirm(self, lock: RegistryLock, key: HeldKey, radios: Radios) -> tuple[RegistryLock, int]:
        """Connect with the new key: only then is a lock paired. A new one starts anew before."""
        for left in range(RESTARTS - 1, -1, -1):
            try:
                async with connect_to(self._registry, lock, radios, self._progress, now, [key]) as door:
                    return door.lock, door.status.slot
            except (OutOfRange, LinkLost):
                if not left:
                    raise
                await asyncio.sleep(RESTART_PAUSE)
        raise OutOfRange(f"The lock '{lock.name}'")
