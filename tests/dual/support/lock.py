"""A lock in a directory with a clock the test turns: everything of the core, nothing of a board.

Runs on CPython and MicroPython, so that the checks of tests/checks can use it on both.
"""

from tumbler_lock.core.clock import Clock
from tumbler_lock.core.config import NO_PASSAGE, Config
from tumbler_lock.core.management import Management
from tumbler_lock.core.passcode import Scheme, hour_of
from tumbler_lock.core.policy import STANDARD
from tumbler_lock.core.store import Store
from tumbler_lock.core.tickets import fewest_digits, tickets
from tumbler_lock.core.verifier import Verifier

EXAMPLE_SECRET = bytes(range(32))
NOW = 1_795_446_000  # 2026-11-23T15:00:00Z
HOUR = 3_600
DAY = 24 * HOUR


class Rtc:
    """A clock chip as the Clock sees one."""

    def __init__(self, now: int):
        self.now = now
        self.ok = True
        self.answers = True

    def read(self) -> tuple:
        if not self.answers:
            raise OSError(5)
        return self.now, self.ok

    def set(self, now: int) -> None:
        if not self.answers:
            raise OSError(5)
        self.now = now
        self.ok = True


class Lock:
    """One lock: time passes by wait() and at(), power fails by restart(). new: False starts the one that is there."""

    def __init__(
        self,
        directory,
        now=NOW,
        rule="UTC0",
        secret=EXAMPLE_SECRET,
        weekend=0b1100000,
        policy=STANDARD,
        new=True,
        passage=NO_PASSAGE,
        keys=(),
    ):
        self.directory = directory
        self.rtc = Rtc(now)
        self.up = 0
        if new:
            config = Config(rule, weekend=weekend, policy=policy, passage=passage)
            Store.create(directory, secret, config.pack(), now, keys=keys)
        self.start()

    def start(self) -> None:
        """Power on: everything in RAM is new."""
        self.up = 0
        self.store = Store.open(self.directory)
        self.clock = Clock(self.rtc, self.store)
        self.verifier = Verifier(self.store, self.clock, lambda: self.up)
        self.owner = Management(self.verifier)

    def restart(self, off: int = 0) -> None:
        """Power off for `off` seconds, and on."""
        self.rtc.now += off
        self.start()

    def wait(self, seconds: int) -> None:
        """Let time pass with the power on."""
        self.rtc.now += seconds
        self.up += seconds

    def at(self, now: int) -> None:
        """Let time pass until `now`."""
        self.wait(now - self.rtc.now)

    def code(self, kind, start=None, nth=0, length=0, hours=0, cycle=0, until_hour=0) -> str:
        """The digits of the nth ticket of a kind that starts with the hour of `start` (None: of now)."""
        ticket = tickets(kind, hours=hours, cycle=cycle, until_hour=until_hour)[nth]
        hour = hour_of(self.rtc.now if start is None else start, self.verifier.zone.phase)
        return self.scheme.encode(hour, ticket, length or fewest_digits(ticket))

    @property
    def scheme(self) -> "Scheme":
        return self.verifier.scheme

    def enter(self, digits: str) -> str:
        """Verdict and reason of an entry, or one word when the two say the same."""
        verdict = self.verifier.enter(digits)
        words = (verdict.verdict, verdict.reason)
        return words[0] if words in SAME else "%s %s" % words


SAME = (
    ("open", "opened"),
    ("locked-out", "locked-out"),
    ("revoke-armed", "revoke-armed"),
    ("revoked", "revoked"),
    ("erased", "erased"),
)
