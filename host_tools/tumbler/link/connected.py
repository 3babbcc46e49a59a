"""A visit: one stay at a lock of the registry, with a key the registry holds. The registry learns what the lock tells.

    async with Radios() as radios, connect_to(registry, lock, radios, say) as door:
        await door.client.unlock()

On arrival the lock says who it is: its epoch is taken over, which confirms an erase by itself, and so is a pending key
that works, with the secret it belongs to. Before that, anybody may call himself the lock and say anything: it is learnt
from nothing. `say` is told what is going on, for a person who waits.
"""

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress

from tumbler_lock.core.codebook import ACTIVE, NEVER, REVOKED, Code
from tumbler_lock.core.config import Config
from tumbler_lock.core.keys import SLOTS
from tumbler_lock.core.passcode import Scheme
from tumbler_lock.core.tickets import CUSTOM

from ..answers import CodeRecord, KeyEntry, LogEvent, Status
from ..errors import ToolError
from ..registry.lock_cache import RENEWED, Asked, HeldKey, LockCache
from ..registry.registry import Registry, RegistryLock
from .client import MOST_EVENTS, Client
from .radios import SCAN_SECONDS, Radios
from .refusals import Refusal
from .session import Busy, TooOld, WrongKey, WrongLock
from .transport import LinkLost, OutOfRange, Sighting, Wire

Say = Callable[[str], None]


class NoKey(ToolError):
    """The registry holds no key for a lock."""

    def __init__(self, name: str):
        super().__init__(
            f"The registry has no key for '{name}' yet.",
            f"Pair it: tumbler pair '{name}'; or import a key that its owner gave you: tumbler key import --help",
        )


class ConnectedLock:
    """A lock that was reached. status: what it said on arrival; client: for whatever the registry need not know of."""

    def __init__(self, registry: Registry, lock: RegistryLock, client: Client, status: Status, now: Callable[[], int]):
        self.lock = lock
        self.client = client
        self.status = status
        self._registry = registry
        self._now = now

    @property
    def cache(self) -> LockCache:
        """What the registry keeps of the lock."""
        return self._registry.cache(self.lock)

    async def fetch_log(self, progress: Callable[[int], None] = lambda count: None) -> int:
        """Fetch what is new in the lock's log; returns how many events. What was fetched stays."""
        cache, before, status = self.cache, self.cache.last_seq(), self.status
        if before > status.newest:
            raise ToolError(
                f"The log of '{self.lock.name}' is shorter than what was fetched before: the lock lost its memory.",
                "Reset it and pair it again: tumbler lock reset --help",
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
        """Fetch the lock's whole list of codes."""
        found = await self.client.codes(progress)
        self.cache.replace_known(found, self._now())
        self._settle({record.tag for record in found})
        return found

    def _settle(self, tags: set[bytes]) -> None:
        """See in the lock's list which digits it took whose answer was lost; their tags need the secret."""
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
        """Fetch the lock's list of keys."""
        found = await self.client.keys()
        listed = [(key.slot, key.role, key.label) for key in found]
        self.cache.replace_keys(listed, self._now())
        self.cache.hear(self.status.newest, listed)
        return found

    async def add_key(self, entry: KeyEntry, psk: bytes) -> int:
        """Add a key, and remember whose its slot is; returns the slot."""
        slot = await self.client.add_key(entry, psk)
        self.cache.note_key(slot, entry.role, entry.label, self._now())
        with suppress(ToolError):  # it is added: only how long the log is now would not be known
            self.status = await self.client.identify()
            self.cache.hear(self.status.newest, [(slot, entry.role, entry.label)])
        return slot

    async def add_code(
        self, digits: str, start: int | None, end: int | None, label: str, insist: bool, random: bool = False
    ) -> bytes:
        """Add a custom code, and remember its digits, before the lock has them: its answer may be lost.

        A code that is there already is taken for the one of an answer that was lost. random: nobody has chosen them.
        """
        asked = Asked(digits, label, start or 0, NEVER if end is None else end, random)
        before = asked in self.cache.asked()
        self.cache.ask(asked)
        try:
            tag = await self.client.add_code(digits, start, end, insist)
        except Refusal as refusal:
            if refusal.word != "code-exists" or not (before or refusal.again):
                self.cache.drop_asked(digits)
                raise
            tag = await self._tag_of(asked)
        self.cache.choose(tag, digits, label, self._now())
        code = Code(tag, CUSTOM, ACTIVE, len(digits), start=start or 0, end=NEVER if end is None else end)
        self.cache.note_known(CodeRecord.of(code), self._now())
        return tag

    async def change_code(
        self, code: str | bytes, start: int | None, end: int | None, digits: str | None, label: str, insist: bool
    ) -> bytes:
        """Change a code, and remember new digits under the label, before the lock has them: its answer may be lost."""
        before = False
        if digits is not None:
            asked = Asked(digits, label, start or 0, NEVER if end is None else end, False)
            before = asked in self.cache.asked()
            self.cache.ask(asked)
        try:
            tag = await self.client.change_code(code, start, end, digits, insist)
        except Refusal as refusal:
            if digits is None:
                raise
            if before or refusal.again:
                await self.fetch_codes()  # which tells whether it was done before
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

    def known(self, tag: bytes) -> Code | None:
        """Return a code as the lock told it, None when it did not."""
        return next((one.record.code for one in self.cache.known() if one.record.tag == tag), None)

    async def _tag_of(self, asked: Asked) -> bytes:
        """Return the tag of a code that the lock has; without the secret it is asked, by setting the end it has."""
        if self.lock.secret is not None:
            return Scheme(self.lock.secret, self.lock.epoch).tag(asked.digits)
        return await self.client.change_code(asked.digits, None, asked.end, None)

    async def delete_code(self, code: str | bytes) -> bytes:
        """Delete a code, and remember that it is dead."""
        tag = await self.client.delete_code(code)
        known = self.known(tag)
        if known is not None:
            known.state = REVOKED
            self.cache.note_known(CodeRecord.of(known), self._now())
        return tag

    async def erase(self) -> int:
        """Erase every code; returns the new epoch."""
        epoch = await self.client.erase()
        self._follow(epoch)
        return epoch

    def follow_settings(self, config: Config, timezone: str | None = None) -> None:
        """Take over what the lock is set to. timezone: how the owner writes its zone, None where that stays."""
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
    """Find a lock, connect with a key that it knows, and let the registry learn how it is. keys: to try, the registry's
    without any; for keys of a lock that begins anew, lock is `RegistryLock.anew`; wait: seconds until it must have been seen.

    NoKey, OutOfRange, WrongKey, Busy, NoBluetooth and the other ToolErrors of the link.
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
                f"{error.what} It was reset, or was to begin anew.", f"Pair it: tumbler pair '{lock.name}'"
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
    """Return a client in a session, and the key it uses: the first one that something with the lock's id knows."""
    say(f"Looking for {lock.name} …" if wait <= SCAN_SECONDS else f"Waiting until {lock.name} is heard …")
    trouble: ToolError | None = None
    async for sighting in radios.find(lock.lock_id, lock.name, wait):
        try:
            return await _enter(lock, radios, sighting, keys, say)
        except (WrongKey, WrongLock, Busy, TooOld, LinkLost, OutOfRange) as error:
            trouble = trouble or error
        say(f"Looking whether {lock.name} is somewhere else …")
    raise trouble or OutOfRange(f"The lock '{lock.name}'")


async def _enter(
    lock: RegistryLock, radios: Radios, sighting: Sighting, keys: Iterable[HeldKey], say: Say
) -> tuple[Client, HeldKey]:
    """Try the keys at one sighting; the first trouble that is no wrong key ends it, WrongKey when none fits."""

    async def dial() -> Wire:
        try:
            return await radios.connect(sighting)
        except OutOfRange:
            raise OutOfRange(f"The lock '{lock.name}'") from None

    for key in keys:
        # Where an answer was lost, the slot of a key is not known: the lock knows it in one of them, or in none.
        for slot in range(SLOTS) if key.slot is None else (key.slot,):
            say(f"Connecting to {lock.name} …")
            client = Client(dial, lock.lock_id, slot, key.psk or b"", name=lock.name)
            with suppress(WrongKey):
                await client.connect()
                return client, key
    raise WrongKey(f"'{lock.name}'")
