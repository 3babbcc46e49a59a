"""Compare the scheme with its vectors; runs on CPython and MicroPython."""

from tumbler_lock.core import tickets
from tumbler_lock.core.ff1 import FF1
from tumbler_lock.core.kdf import hkdf
from tumbler_lock.core.passcode import HOURS_PER_ERA, Scheme, code_id, hour_of, start_of


def _same(what: str, found, wanted) -> int:
    if found != wanted:
        raise ValueError("codes: %s: %s, not %s" % (what, found, wanted))
    return 1


def _code(scheme, case: dict) -> int:
    hour, ticket, length = case["hour"], case["ticket"], case["length"]
    name = "ticket %d of hour %d in epoch %d, %d digits" % (ticket, hour, case["epoch"], length)
    made = scheme.encode(hour, ticket, length)
    _same(name, made, case["passcode"])
    _same(name + ", decoded", scheme.decode(made, hour // HOURS_PER_ERA), (hour, ticket))
    _same(name + ", tag", scheme.tag(made).hex(), case["tag"])
    return _same(name + ", id", code_id(scheme.tag(made)), case["id"])


def _meaning(case: list) -> int:
    ticket, fewest, kind, serial, hours, cycle, until = case
    name = "ticket %d" % ticket
    _same(name + ", digits", tickets.fewest_digits(ticket), fewest)
    what = tickets.meaning(ticket)
    if kind == "unassigned":
        return _same(name, what, None)
    if what is None:
        raise ValueError(name + ": got no meaning, expected " + kind)
    _same(name, (tickets.kind_name(what.kind),) + tuple(what[1:]), (kind, serial, hours, cycle, until))
    return _same(
        name + ", back", tickets.tickets(what.kind, what.hours, what.cycle, what.until_hour)[what.serial], ticket
    )


def check(vectors: dict) -> int:
    """Return the number of cases; ValueError names the one that differs."""
    secret = bytes.fromhex(vectors["secret"])
    cases = _same("passcode key", hkdf(secret, b"tumbler passcode 1").hex(), vectors["passcode_key"])
    cases += _same("tag key", hkdf(secret, b"tumbler tag 1").hex(), vectors["tag_key"])
    for case in vectors["codes"]:
        cases += _code(Scheme(secret, case["epoch"]), case)
    scheme = Scheme(secret)
    for digits, tag in vectors["tags"]:
        cases += _same("tag", scheme.tag(digits).hex(), tag)
    for case in vectors["meanings"]:
        cases += _meaning(case)
    for seconds, phase, hour, start in vectors["hours"]:
        _same("hour of %d" % seconds, hour_of(seconds, phase), hour)
        cases += _same("start of hour %d" % hour, start_of(hour, phase), start)
    for key, tweak, plain, coded in vectors["ff1"]:
        cipher = FF1(bytes.fromhex(key))
        tweak = bytes.fromhex(tweak)
        _same("FF1 encryption", cipher.encrypt(tweak, plain), coded)
        cases += _same("FF1 decryption", cipher.decrypt(tweak, coded), plain)
    return cases
