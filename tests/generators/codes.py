"""Vectors for the scheme, from a second implementation of docs/spec/passcodes.md that shares no line with the firmware.

Keys come from the standard library's HMAC, FF1 from the library `dealcode`, the tickets from the document's table
told as a chain of comparisons. Only the published example secret is used.
"""

import hashlib
import hmac
import random

from dealcode._ff1 import FF1

SECRET = bytes(range(32))

# Typed from the document; everything else is computed: (epoch, hour, ticket, digits of the code).
PUBLISHED = (
    (0, 498720, 0, "862871"),
    (0, 498720, 0, "216081230"),
    (0, 498735, 8, "863562"),
    (0, 498735, 57, "1768841"),
    (0, 498735, 195, "43697077"),
    (0, 499999, 9039, "251840046"),
    (0, 500000, 10, "1066771"),
    (0, 498729, 837, "91883970"),
    (0, 498720, 9998, "503555345"),
    (0, 498720, 9999, "954847347"),
    (1, 498720, 9999, "373519523"),
)

# Both sides of every boundary of the ticket table.
BOUNDARIES = sorted(
    {first + side for first in (8, 10, 82, 98, 100, 772, 796, 820, 844, 868, 980, 1000) for side in (-1, 0)}
    | {first + side for first in (9040, 9208, 9376, 9544, 9608, 9998, 9999) for side in (-1, 0)}
    | {0, 57, 195, 837}
)


def derive(secret: bytes, info: bytes) -> bytes:
    """Return the 32 bytes of HKDF-SHA256 without salt: one extraction, one block of expansion."""
    extracted = hmac.new(bytes(32), secret, hashlib.sha256).digest()
    return hmac.new(extracted, info + b"\x01", hashlib.sha256).digest()


def ff1(key: bytes, tweak: bytes, digits: str) -> str:
    """Return the FF1 ciphertext of a string of digits."""
    return "".join(map(str, FF1(key, 10).encrypt(tweak, [int(digit) for digit in digits])))


def passcode(secret: bytes, epoch: int, hour: int, ticket: int, length: int) -> str:
    """Return the passcode for a ticket."""
    tweak = b"tumbler1" + (hour // 100_000).to_bytes(2, "big") + epoch.to_bytes(2, "big")
    plain = str(hour % 100_000).zfill(5) + str(ticket).zfill(length - 5)
    return ff1(derive(secret, b"tumbler passcode 1"), tweak, plain)


def tag(secret: bytes, digits: str) -> bytes:
    """Return the 8 bytes that a lock remembers of a code."""
    return hmac.new(derive(secret, b"tumbler tag 1"), digits.encode("ascii"), hashlib.sha256).digest()[:8]


def meaning(ticket: int) -> "tuple[str, int, int, int, int] | None":  # noqa: C901, one branch a row of the table
    """Return (kind, serial or variant, hours, cycle, end hour) by the words of the document."""
    if ticket <= 7:
        return "one-time", ticket, 0, 0, 0
    if ticket <= 9:
        return "permanent", ticket - 8, 0, 0, 0
    if ticket <= 81:
        return "timed", 0, ticket - 9, 0, 0
    if ticket <= 97:
        return "one-time", ticket - 82 + 8, 0, 0, 0
    if ticket <= 99:
        return "permanent", ticket - 98 + 2, 0, 0, 0
    if ticket <= 771:
        return "timed", 0, ticket - 100 + 73, 0, 0
    if ticket <= 867:
        return "recurring", 0, 0, (ticket - 772) // 24, (ticket - 772) % 24
    if ticket <= 979:
        return "one-time", ticket - 868 + 24, 0, 0, 0
    if ticket <= 999:
        return "permanent", ticket - 980 + 4, 0, 0, 0
    if ticket <= 9039:
        return "timed", 0, ticket - 1000 + 745, 0, 0
    if ticket <= 9543:
        return "timed", 1 + (ticket - 9040) // 168, (ticket - 9040) % 168 + 1, 0, 0
    if ticket <= 9607:
        return "one-time", ticket - 9544 + 136, 0, 0, 0
    return {9998: ("revoke", 0, 0, 0, 0), 9999: ("erase", 0, 0, 0, 0)}.get(ticket)


def digits_needed(ticket: int) -> int:
    """Return the fewest digits by the document's last column."""
    return 6 if ticket < 10 else 7 if ticket < 100 else 8 if ticket < 1000 else 9


def _code(epoch: int, hour: int, ticket: int, length: int) -> dict[str, object]:
    made = passcode(SECRET, epoch, hour, ticket, length)
    return {
        "epoch": epoch,
        "hour": hour,
        "ticket": ticket,
        "length": length,
        "passcode": made,
        "tag": tag(SECRET, made).hex(),
        "id": tag(SECRET, made).hex()[:8],
    }


def _codes(draw: random.Random) -> list[dict[str, object]]:
    codes = []
    for epoch, hour, ticket, digits in PUBLISHED:
        code = _code(epoch, hour, ticket, len(digits))
        if code["passcode"] != digits:
            raise ValueError(f"the published code for ticket {ticket} of hour {hour} does not come out")
        codes.append(code)
    for ticket in BOUNDARIES:
        codes += [_code(0, 498735, ticket, length) for length in range(digits_needed(ticket), 10)]
    # The first and the last slot of eras, the first and the last era and epoch, then anything.
    for hour in (0, 99_999, 100_000, 499_999, 500_000, 6_553_599_999):
        codes += [_code(epoch, hour, 1, length) for epoch in (0, 65_535) for length in range(6, 10)]
    for _ in range(160):
        length = draw.randrange(6, 10)
        epoch = draw.choice((0, 1, 2, draw.randrange(65_536)))
        hour = draw.choice((draw.randrange(495_000, 585_000), draw.randrange(6_553_600_000)))
        codes.append(_code(epoch, hour, draw.randrange(10 ** (length - 5)), length))
    return codes


def _ff1_cases(draw: random.Random) -> list[list[str]]:
    cases = []
    for size in (16, 32):
        for tweak_length in (0, 1, 11, 12, 13, 14, 16, 32, 255):
            for length in (6, 7, 8, 9, 10, 12, 13, 20, 40, 56):
                key, tweak = draw.randbytes(size), draw.randbytes(tweak_length)
                digits = "".join(draw.choices("0123456789", k=length))
                cases.append([key.hex(), tweak.hex(), digits, ff1(key, tweak, digits)])
    return cases


def build() -> dict[str, object]:
    """Return the vectors: codes, tags of other lengths, meanings of tickets, hours, and FF1 on its own."""
    draw = random.Random(20261124)
    codes = _codes(draw)
    meanings = []
    for ticket in BOUNDARIES + sorted(draw.sample(range(10_000), 60)):
        kind, *fields = meaning(ticket) or ("unassigned", 0, 0, 0, 0)
        meanings.append([ticket, digits_needed(ticket), kind, *fields])
    tags = [[digits, tag(SECRET, digits).hex()] for digits in ("0000", "2468", "13579", "000000", "999999999")]
    hours = []
    for phase in (0, 900, 1800, 2700):
        for seconds in (0, 1795392000, 1795395599, 1795395600, draw.randrange(2**31), draw.randrange(2**32)):
            hour = (seconds + phase) // 3600
            hours.append([seconds, phase, hour, hour * 3600 - phase])
    return {
        "secret": SECRET.hex(),
        "passcode_key": derive(SECRET, b"tumbler passcode 1").hex(),
        "tag_key": derive(SECRET, b"tumbler tag 1").hex(),
        "codes": codes,
        "tags": tags,
        "meanings": meanings,
        "hours": hours,
        "ff1": _ff1_cases(draw),
    }
