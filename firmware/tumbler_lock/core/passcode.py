"""Offline passcodes: hour and ticket, encrypted to 6 to 9 digits under the secret of a lock and its owner.

plaintext = slot (5 digits) || ticket (n - 5 digits); passcode = FF1(key, tweak, plaintext), n digits, radix
10, where era and slot are the hour divided by 100,000, and the tweak names scheme, era and epoch.
docs/spec/passcodes.md is the specification. Seconds are Unix seconds; hours are counted from 1970 on the wall
clock of the lock's standard time.
"""

from .ff1 import FF1, ascii_digits
from .kdf import Hmac, hkdf

SECRET = 32  # bytes
TAG = 8  # bytes
FEWEST = 6  # digits of an offline code
MOST = 9
HOURS_PER_ERA = 100_000  # 11.4 years
EARLY = 300  # seconds before its start at which a code is already accepted: a slow clock keeps nobody out
EPOCHS = 65_536  # also the number of eras


def hour_of(seconds: int, phase: int) -> int:
    """Return the hour that holds a Unix time; `phase`: the standard UTC offset in seconds, modulo 3600."""
    return (seconds + phase) // 3600


def start_of(hour: int, phase: int) -> int:
    """Return the Unix time of an hour's first second."""
    return hour * 3600 - phase


def code_id(tag: bytes) -> str:
    """Return the short id, 8 hexadecimal digits, by which registry and log name a code."""
    return tag[:4].hex()


class Scheme:
    """The passcodes of one lock in one epoch: a secret of 32 bytes, an epoch 0 to 65535, else ValueError."""

    def __init__(self, secret: bytes, epoch: int = 0):
        if len(secret) != SECRET:
            raise ValueError("the secret of a lock is 32 bytes")
        if not 0 <= epoch < EPOCHS:
            raise ValueError("an epoch is a number from 0 to 65535")
        self.epoch = epoch
        self._ff1 = FF1(hkdf(secret, b"tumbler passcode 1"))
        self._tag = Hmac(hkdf(secret, b"tumbler tag 1"))

    def encode(self, hour: int, ticket: int, length: int) -> str:
        """Return the passcode of `length` digits (6 to 9) for a ticket that starts with `hour`.

        ValueError when the length cannot carry the ticket, or the hour is before 1970 or after the last era.
        """
        _require_length(length)
        if not 0 <= ticket < 10 ** (length - 5):
            raise ValueError(f"a code of {length} digits carries tickets 0 to {10 ** (length - 5) - 1}")
        era, slot = divmod(hour, HOURS_PER_ERA)
        plain = f"{slot:05d}" + f"{10 ** (length - 5) + ticket}"[1:]
        return self._ff1.encrypt(self._tweak(era), plain)

    def decode(self, digits: str, era: int) -> "tuple[int, int]":
        """Return (hour, ticket) that 6 to 9 digits stand for in `era`; every string of digits has both.

        ValueError for other characters, lengths and eras. The slot can be any of the era's hours, the ticket
        any that the length carries; whether they mean anything is for `tickets` and the clock to say.
        """
        _require_length(len(digits))
        plain = self._ff1.decrypt(self._tweak(era), digits)
        return era * HOURS_PER_ERA + int(plain[:5]), int(plain[5:])

    def tag(self, digits: str) -> bytes:
        """Return the 8 bytes by which a lock remembers a code of these digits; ValueError for non-digits."""
        return self._tag.digest(ascii_digits(digits))[:TAG]

    def _tweak(self, era: int) -> bytes:
        if not 0 <= era < EPOCHS:
            raise ValueError("that hour is outside the eras 0 to 65535")
        return b"tumbler1" + era.to_bytes(2, "big") + self.epoch.to_bytes(2, "big")


def _require_length(length: int) -> None:
    if not FEWEST <= length <= MOST:
        raise ValueError("an offline code has 6 to 9 digits")
