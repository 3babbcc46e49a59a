"""What makes a virtual lock this lock and no other: its secret, its settings, and the keys that manage it."""

import hashlib
from dataclasses import dataclass, field

from tumbler_lock.core.config import AUTOLOCK, SATURDAY_SUNDAY

from .process import Message

EXAMPLE_SECRET = bytes(range(32))  # published in docs/spec/passcodes.md, so it protects nothing


@dataclass(frozen=True)
class Identity:
    """One identity. secret: None for a lock that is not set up yet; rule: POSIX TZ; weekend: bit mask, Monday is bit 0;
    autolock: seconds.
    """

    secret: bytes | None = field(default=EXAMPLE_SECRET, repr=False)
    rule: str = "UTC0"
    policy: str = "standard"
    weekend: int = SATURDAY_SUNDAY
    autolock: int = AUTOLOCK
    name: str = "example"
    epoch: int = 0
    keys: tuple[tuple[int, int, bytes, str], ...] = field(default=(), repr=False)  # key slot, role, psk, label

    def mark(self) -> str:
        """Return a text that differs between locks and between settings, and reveals nothing of the secret. A lock
        that is not set up gets its settings later.
        """
        if self.secret is None:
            return "new"
        settings = f"{self.rule} {self.weekend} {self.policy} {self.autolock}".encode()
        return hashlib.sha256(b"tumbler virtual lock 1" + self.secret + settings).hexdigest()[:16]

    def provision(self) -> Message | None:
        """Return what the board is given at its first start; None: nothing."""
        if self.secret is None:
            return None
        return {
            "secret": self.secret.hex(),
            "epoch": self.epoch,
            "config": {
                "rule": self.rule,
                "weekend": self.weekend,
                "policy": self.policy,
                "autolock": self.autolock,
            },
            "keys": [
                {"slot": slot, "role": role, "psk": psk.hex(), "label": label} for slot, role, psk, label in self.keys
            ],
        }
