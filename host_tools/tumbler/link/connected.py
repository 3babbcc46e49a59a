"""A connection to a lock of the registry, with a key of the registry. It stores what the lock reports.

    async with Radios() as radios, connect_to(registry, lock, radios, say, now) as door:
        await door.client.unlock()

In the session the lock reports its epoch, which confirms an erase by itself. A pending key that works becomes active,
and a pending new secret that it belongs to takes the old one's place. Before the session any device may claim to be the
lock, so nothing is stored. `say` is called with what happens, for the person who waits.
"""

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress

from tumbler_lock.core.codebook import ACTIVE, NEVER, REVOKED, StoredCode
from tumbler_lock.core.config import Config
from tumbler_lock.core.keys import SLOTS
from tumbler_lock.core.passcode import Scheme
from tumbler_lock.core.tickets import CUSTOM

from ..answers import CodeRecord, KeyEntry, LogEvent, Status
from ..errors import ToolError
from ..registry.lock_cache import RENEWED, Asked, HeldKey, LockCache
from ..registry.registry import Registry, RegistryLock
from ..text import command_line
from .client import MOST_EVENTS, Client, DigitsOrTag
from .radios import SCAN_SECONDS, Radios
from .refusals import Refusal
from .session import Busy, TooOld, WrongKey, WrongLock
from .transport import LinkLost, OutOfRange, Sighting, Wire

Say = Callable[[str], None]


class NoKey(ToolError):
    """The registry has no key for a lock."""

    def __init__(self, name: str):
        super().__init__(
            f"The registry has no key for '{name}' yet.",
            f"Import a key from its owner (tumbler key import --help), or pair it: {command_line('pair', name)}",
        )


class ConnectedLock:
    """A lock in a session. status: as reported first; client: for requests of which the registry stores nothing."""

    def __init__(self, registry: Registry, lock: RegistryLock, client: Client, status: Status, now: Callable[[], int]):
        self.lock = lock
        self.client = client
        self.status = status
        self._registry = registry
        self._now = now

    @property
    def cache(self) -> LockCache:
        """What the registry stores of the lock."""
        return self._registry.cache(self.lock)

    async def fetch_log(self, progress: Callable[[int], None] = lambda count: None) -> int:
        """Fetch the new events of the lock's log and store them; return how many."""
        cache, before, status = self.cache, self.cache.last_seq(), self.status
        if before > status.newest:
            raise ToolError(
                f"The log of '{self.lock.name}' is shorter than what was fetched before: the lock lost its memory.",
                f"Reset it, then pair it again: {command_line('lock reset', self.lock.name)}",
            )
        fetched = 0
        most = status.newest - max(before, status.oldest - 1)
        if most <= 0:
            return 0

        def keep(part: list[LogEvent]) -> None:
            nonlocal fetched
            cache.add_events(part)
            fetched += len(part)
            progress(fetched)

        await self.client.log(before, keep, min(most, MOST_EVENTS), status.newest)
        return fetched

    async def fetch_codes(self, progress: Callable[[int], None] = lambda count: None) -> list[CodeRecord]:
        """Fetch the lock's whole list of codes and store it."""
        found = await self.client.codes(progress)
        self.cache.replace_known(found, self._now())
        self._settle({record.tag for record in found})
        return found

    def _settle(self, tags: set[bytes]) -> None:
        """Find in the lock's list the custom codes whose reply was lost. Their tags need the secret."""
        if self.lock.secret is None:
            return
        scheme = Scheme(self.lock.secret, self.lock.epoch)
        for asked in self.cache.asked():
            tag = scheme.tag(asked.digits)
            if tag in tags:
                self.cache.choose(tag, asked.digits, asked.label, self._now())
            else:
                self.cache.drop_asked(asked.digits)

    async def fetch_keys(self) -> list[KeyEntry]:
        """Fetch the lock's list of keys and store it."""
        found = await self.client.keys()
        listed = [(key.slot, key.role, key.label) for key in found]
        self.cache.replace_keys(listed, self._now())
        self.cache.hear(self.status.newest, listed)
        return found

    async def add_key(self, entry: KeyEntry, psk: bytes) -> int:
        """Add a key, store its label, and return its slot."""
        slot = await self.client.add_key(entry, psk)
        self.cache.note_key(slot, entry.role, entry.label, self._now())
        with suppress(ToolError):  # the key is added; only the length of the log stays unknown
            self.status = await self.client.identify()
            self.cache.hear(self.status.newest, [(slot, entry.role, entry.label)])
        return slot

    async def add_code(
        self,
        digits: str,
        start: int | None,
        end: int | None,
        label: str,
        *,
        force: bool = False,
        random: bool = False,
    ) -> bytes:
        """Add a custom code and return its tag. Its digits are stored before they are sent, as the reply may be lost.

        If the code exists already and its reply was lost before, it is that code. random: generated here, not typed.
        """
        asked = Asked(digits, label, start or 0, NEVER if end is None else end, random)
        before = asked in self.cache.asked()
        self.cache.ask(asked)
        try:
            tag = await self.client.add_code(digits, start, end, force=force)
        except Refusal as refusal:
            if refusal.word != "code-exists" or not (before or refusal.again):
                self.cache.drop_asked(digits)
                raise
            tag = await self._tag_of(asked)
        self.cache.choose(tag, digits, label, self._now())
        code = StoredCode(tag, CUSTOM, ACTIVE, len(digits), start=start or 0, end=NEVER if end is None else end)
        self.cache.note_known(CodeRecord.of(code), self._now())
        return tag

    async def change_code(
        self,
        code: DigitsOrTag,
        start: int | None,
        end: int | None,
        digits: str | None,
        label: str,
        *,
        force: bool = False,
    ) -> bytes:
        """Change a code and return its tag. New digits are stored before they are sent, as the reply may be lost."""
        before = False
        if digits is not None:
            asked = Asked(digits, label, start or 0, NEVER if end is None else end, random=False)
            before = asked in self.cache.asked()
            self.cache.ask(asked)
        try:
            tag = await self.client.change_code(code, start, end, digits, force=force)
        except Refusal as refusal:
            if digits is None:
                raise
            if before or refusal.again:
                await self.fetch_codes()  # shows whether it was done before
                done = [one.tag for one in self.cache.chosen() if one.digits == digits]
                if done:
                    return done[-1]
            else:
                self.cache.drop_asked(digits)
            raise
        if digits is not None:
            self.cache.choose(tag, digits, label, self._now())
        known = self.known(tag)
        if known is not None:
            known.start = known.start if start is None else start
            known.end = known.end if end is None else end
            self.cache.note_known(CodeRecord.of(known), self._now())
        return tag

    def known(self, tag: bytes) -> StoredCode | None:
        """Return a code as the lock reported it, None if it did not."""
        return next((one.record.code for one in self.cache.known() if one.record.tag == tag), None)

    async def _tag_of(self, asked: Asked) -> bytes:
        """Return the tag of a code that the lock has. Without the secret the lock gives it: set the end it has."""
        if self.lock.secret is not None:
            return Scheme(self.lock.secret, self.lock.epoch).tag(asked.digits)
        return await self.client.change_code(asked.digits, None, asked.end, None)

    async def delete_code(self, code: DigitsOrTag) -> bytes:
        """Delete a code, store that it is dead, and return its tag."""
        tag = await self.client.delete_code(code)
        known = self.known(tag)
        if known is not None:
            known.state = REVOKED
            self.cache.note_known(CodeRecord.of(known), self._now())
        return tag

    async def erase(self) -> int:
        """Erase every code and return the new epoch."""
        epoch = await self.client.erase()
        self._follow(epoch)
        return epoch

    def follow_settings(self, config: Config, timezone: str | None = None) -> None:
        """Store the lock's settings. timezone: how the owner writes its zone, None to keep that."""
        lock = self.lock
        if timezone is None:
            timezone = lock.timezone if lock.rule == config.rule else config.rule
        policy = config.policy.name if config.policy.name in ("standard", "strict") else lock.policy
        self._registry.set_settings(lock, timezone, config.rule, config.weekend, policy)
        self.lock = self._registry.lock(lock.name)

    def _follow(self, epoch: int) -> None:
        if epoch != self.lock.epoch:
            with self._registry.writing():
                self._registry.set_epoch(self.lock, epoch)
            self.cache.replace_known([], self._now())
            self.lock = self._registry.lock(self.lock.name)


@asynccontextmanager
async def connect_to(
    registry: Registry,
    lock: RegistryLock,
    radios: Radios,
    say: Say,
    now: Callable[[], int],
    keys: list[HeldKey] | None = None,
    wait: float = SCAN_SECONDS,
) -> AsyncIterator[ConnectedLock]:
    """Find a lock and connect with a key that it accepts. wait: seconds in which it must be seen.

    keys: to try, None for those of the registry. For keys of a re-pairing, lock is `RegistryLock.with_new_secret`.
    Raises NoKey, OutOfRange, WrongKey, Busy, NoBluetooth and the other ToolErrors of the link.
    """
    if keys is None:
        keys = registry.cache(lock).usable_keys()
    if not keys:
        raise NoKey(lock.name)
    try:
        client, key = await _reach(lock, radios, keys, say, wait)
    except OutOfRange as error:
        if lock.new_secret is not None and not lock.uses_new_secret:
            raise ToolError(
                f"{error.what} It was reset, or is to get a new secret.", f"Pair it: {command_line('pair', lock.name)}"
            ) from None
        raise
    try:
        status = await client.identify()
        if key.state == RENEWED:
            lock = registry.adopt_new_secret(lock)
        else:
            registry.keep_secret(lock)
        if key.psk is not None:
            registry.cache(lock).hold(status.slot, status.role, status.label, key.psk, key.created)
        registry.cache(lock).hear(status.newest, [(status.slot, status.role, status.label)])
        here = ConnectedLock(registry, lock, client, status, now)
        here._follow(status.epoch)
        yield here
    finally:
        await client.close()


async def _reach(
    lock: RegistryLock, radios: Radios, keys: Iterable[HeldKey], say: Say, wait: float
) -> tuple[Client, HeldKey]:
    """Return a client in a session and its key: the first that a device with the lock's id accepts."""
    say(f"Looking for {lock.name} …" if wait <= SCAN_SECONDS else f"Waiting until {lock.name} is heard …")
    trouble: ToolError | None = None
    async for sighting in radios.find(lock.lock_id, lock.name, wait):
        try:
            return await _enter(lock, radios, sighting, keys, say)
        except (WrongKey, WrongLock, Busy, TooOld, LinkLost, OutOfRange) as error:
            trouble = trouble or error
        say(f"Looking for another device that answers as {lock.name} …")
    raise trouble or OutOfRange(f"The lock '{lock.name}'")


async def _enter(
    lock: RegistryLock, radios: Radios, sighting: Sighting, keys: Iterable[HeldKey], say: Say
) -> tuple[Client, HeldKey]:
    """Try the keys at one sighting; WrongKey if none is accepted. Any other error ends the attempt."""

    async def dial() -> Wire:
        try:
            return await radios.connect(sighting)
        except OutOfRange:
            raise OutOfRange(f"The lock '{lock.name}'") from None

    for key in keys:
        # If an answer was lost, the slot of a key is not known: try all of them.
        for slot in range(SLOTS) if key.slot is None else (key.slot,):
            say(f"Connecting to {lock.name} …")
            client = Client(dial, lock.lock_id, slot, key.psk or b"", name=lock.name)
            with suppress(WrongKey):
                await client.connect()
                return client, key
    raise WrongKey(f"'{lock.name}'")
