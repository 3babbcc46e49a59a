"""The owner's desk beside a virtual lock: one click issues one code that opens now.

codes/issue.py chooses codes, and a registry keeps them, as any other. A lock that exists only virtually has a registry
of its own, and its desk confirms an erase by itself. For a lock of the user's registry the user confirms it: the real
lock may not be erased.
"""

from tumbler_lock.core.passcode import hour_of, start_of
from tumbler_lock.core.schedule import in_cycle
from tumbler_lock.core.tickets import RECURRING, TIMED, WEEKEND, WORKDAY
from tumbler_lock.core.zone import Zone, weekday

from ..codes.issue import IssuedCode, Wish, describe, issue, state
from ..registry.lock_cache import ACTIVE
from ..registry.registry import Registry, RegistryLock
from .identity import Identity

RECURRING_HOURS = 3


class Desk:
    """Issues codes for one lock. own: the registry holds nothing but virtual locks."""

    def __init__(self, registry: Registry, name: str, own: bool):
        self.own = own
        self._registry = registry
        self._name = name

    @property
    def lock(self) -> RegistryLock:
        """The lock as the registry has it now."""
        return self._registry.lock(self._name)

    @property
    def identity(self) -> Identity:
        """What the virtual lock is given if it is new."""
        return identity_of_lock(self._registry, self.lock)

    def wish(self, kind: int, now: int) -> Wish:
        """Return what a click on a kind of code asks for: something that opens at once.

        Timed: to the end of the next hour. Recurring: from this hour for three hours, on workdays or weekends,
        whichever today is. Everything else: from this hour.
        """
        lock = self.lock
        zone = Zone(lock.rule)
        if kind == TIMED:
            hour = hour_of(now, zone.phase)
            return Wish(TIMED, end=start_of(hour + 2, zone.phase))
        if kind == RECURRING:
            day, hour, _, _ = zone.local(start_of(hour_of(now, zone.phase), zone.phase))
            cycle = WORKDAY if in_cycle(WORKDAY, weekday(day), lock.weekend, day) else WEEKEND
            return Wish(RECURRING, cycle=cycle, until_hour=(hour + RECURRING_HOURS) % 24)
        return Wish(kind)

    def issue(self, kind: int, now: int) -> IssuedCode:
        """Issue one code; ToolError if every code for these times was issued before."""
        code, _ = issue(self._registry, self._name, self.wish(kind, now), now)
        return code

    def issued(self, now: int) -> list[IssuedCode]:
        """Return the codes issued here that may still open, the newest first."""
        lock = self.lock
        codes = [describe(lock, row) for row in self._registry.codes(lock) if row.epoch == lock.epoch]
        return [code for code in reversed(codes) if state(lock, code, now) != "over"]

    def erased(self) -> bool:
        """Record that the lock erased its codes; return False if the user has to confirm it."""
        if not self.own:
            return False
        lock = self.lock
        with self._registry.writing():
            self._registry.set_epoch(lock, lock.epoch + 1)
        return True


def identity_of_lock(registry: Registry, lock: RegistryLock) -> Identity:
    """Return the identity of a lock of a registry, with the keys that are used from here."""
    held = [key for key in registry.cache(lock).usable_keys() if key.state == ACTIVE]
    keys = tuple((key.slot, key.role, key.psk or b"", key.label) for key in held if key.slot is not None)
    return Identity(
        lock.required_secret, lock.rule, lock.policy, lock.weekend, name=lock.name, epoch=lock.epoch, keys=keys
    )


def add_lock(registry: Registry, identity: Identity, timezone: str, now: int) -> None:
    """Put a lock with this identity into a registry."""
    lock = registry.add(identity.name, timezone, identity.rule, identity.weekend, identity.policy, identity.secret, now)
    if identity.epoch:
        with registry.writing():
            registry.set_epoch(lock, identity.epoch)
