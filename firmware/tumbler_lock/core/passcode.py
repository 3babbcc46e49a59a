"""Offline passcodes: hour and ticket, encrypted to 6 to 9 digits under the secret of a lock and its owner.

plaintext = hour in the era (5 digits) || ticket (n - 5 digits); passcode = FF1(key, tweak, plaintext), n digits, radix
10. An era is 100,000 hours. The tweak names scheme, era and epoch. docs/spec/passcodes.md is the specification. Seconds
are Unix seconds; hours are counted from 1970 on the wall clock of the lock's standard time.
"""

from .ff1 import FF1, ascii_digits
from .kdf import Hmac, hkdf
from .zone import HOUR

SECRET_SIZE = 32  # bytes
TAG_SIZE = 8  # bytes
FEWEST_OFFLINE = 6  # of an offline code
MOST_DIGITS = 9  # of any code
HOURS_PER_ERA = 100_000  # 11.4 years
EARLY = 300  # seconds before its start in which a code is already accepted: the lock's clock may be slow
EPOCHS = 65_536  # also the number of eras


def hour_of(seconds: int, phase: int) -> int:
    """Return the hour that holds a Unix time; `phase`: the standard UTC offset in seconds, modulo 3600."""
    return (seconds + phase) // HOUR


def start_of(hour: int, phase: int) -> int:
    """Return the Unix time of an hour's first second."""
    return hour * HOUR - phase


def code_id(tag: bytes) -> str:
    """Return the short id, 8 hexadecimal digits, by which registry and log name a code."""
    return tag[:4].hex()


class Scheme:
    """The passcodes of one lock in one epoch. ValueError if the secret is not 32 bytes or the epoch not 0 to 65535."""

    def __init__(self, secret: bytes, epoch: int = 0) -> None:
        if len(secret) != SECRET_SIZE:
            raise ValueError("the secret of a lock is 32 bytes")
        if not 0 <= epoch < EPOCHS:
            raise ValueError("an epoch is a number from 0 to 65535")
        self.epoch = epoch
        self._ff1 = FF1(hkdf(secret, b"tumbler passcode 1"))
        self._tag = Hmac(hkdf(secret, b"tumbler tag 1"))

    def encode(self, hour: int, ticket: int, length: int) -> str:
        """Return the passcode of `length` digits (6 to 9) for a ticket that starts with `hour`.

        ValueError if the length cannot carry the ticket, or the hour is before 1970 or after the last era.
        """
        _require_length(length)
        if not 0 <= ticket < 10 ** (length - 5):
            raise ValueError(f"a code of {length} digits carries tickets 0 to {10 ** (length - 5) - 1}")
        era, hour_in_era = divmod(hour, HOURS_PER_ERA)
        plain = f"{hour_in_era:05d}" + f"{10 ** (length - 5) + ticket}"[1:]
        return self._ff1.encrypt(self._tweak(era), plain)

    def decode(self, digits: str, era: int) -> "tuple[int, int]":
        """Return the (hour, ticket) of 6 to 9 digits in `era`. Every string of digits has both.

        The hour can be any of the era, and the ticket any that the length carries. `tickets` and the clock decide
        whether they mean anything. ValueError for other characters, lengths and eras.
        """
        _require_length(len(digits))
        plain = self._ff1.decrypt(self._tweak(era), digits)
        return era * HOURS_PER_ERA + int(plain[:5]), int(plain[5:])

    def tag(self, digits: str) -> bytes:
        """Return the 8 bytes by which a lock remembers a code of these digits; ValueError for other characters."""
        return self._tag.digest(ascii_digits(digits))[:TAG_SIZE]

    def _tweak(self, era: int) -> bytes:
        if not 0 <= era < EPOCHS:
            raise ValueError("the hour is outside the eras 0 to 65535")
        return b"tumbler1" + era.to_bytes(2, "big") + self.epoch.to_bytes(2, "big")


def _require_length(length: int) -> None:
    if not FEWEST_OFFLINE <= length <= MOST_DIGITS:
        raise ValueError("an offline code has 6 to 9 digits")
