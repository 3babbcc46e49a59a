"""Results of the link decoded from the tables of docs/spec/link.md alone, with nothing of the lock's own code.

Runs on CPython and MicroPython. ValueError for bytes that the tables do not allow.
"""

import struct

NEVER = 0xFFFFFFFF


def _exactly(data, size):
    if len(data) != size:
        raise ValueError("%d bytes, not %d" % (len(data), size))
    return data


def identify(data):
    """The status of the lock, by name."""
    if not 35 <= len(data) <= 51:
        raise ValueError("an identify of %d bytes" % len(data))
    names = ("version", "major", "minor", "patch", "id", "slot", "role", "flags", "battery")
    names += ("time", "epoch", "codes", "room", "oldest", "newest", "guesses")
    fields = dict(zip(names, struct.unpack(">BBBB8sBBBBIHHHIIB", data[:35])))
    if not 0 <= fields["slot"] <= 15 or not 1 <= fields["role"] <= 4 or fields["flags"] > 15:
        raise ValueError("an identify out of range")
    if fields["battery"] > 100 and fields["battery"] != 255:
        raise ValueError("a battery out of range")
    fields["label"] = data[35:].decode()
    return fields


def codes(part):
    """A part of list codes: (cursor, newest sequence number, entries)."""
    cursor, seq = struct.unpack(">HI", part[:6])
    entries = []
    rest = part[6:]
    _exactly(rest, len(rest) // 20 * 20)
    for at in range(0, len(rest), 20):
        tag, kind, length, begin, until, start, end = struct.unpack(">8sBBBBII", rest[at : at + 20])
        entry = {"tag": tag, "kind": kind & 15, "state": kind >> 4, "digits": length & 15, "cycle": length >> 4}
        entry.update({"begin": begin, "until": until & 31, "weekday": until >> 5, "start": start, "end": end})
        if entry["kind"] > 6 or entry["state"] > 3 or not 4 <= entry["digits"] <= 9:
            raise ValueError("an entry out of range")
        entries.append(entry)
    return cursor, seq, entries


def log(part):
    """A part of read log: its entries."""
    entries = []
    _exactly(part, len(part) // 20 * 20)
    for at in range(0, len(part), 20):
        names = ("seq", "time", "event", "reason", "flags", "kind", "id", "argument")
        values = struct.unpack(">IIBBBB4sI", part[at : at + 20])
        entry = dict(zip(names, values))
        if entry["flags"] & ~6 or entry["kind"] > 7:
            raise ValueError("an entry out of range")
        entries.append(entry)
    return entries


SETTINGS = {1: (1, 100), 2: (1, 1), 3: (1, 1), 4: (1, 1), 5: (5, 5), 6: (3, 3), 7: (0, 17)}  # shortest, longest


def settings(data):
    """Field -> value."""
    found = {}
    at = 0
    last = 0
    while at < len(data):
        field, size = data[at], data[at + 1]
        shortest, longest = SETTINGS[field]
        if field <= last or not shortest <= size <= longest:
            raise ValueError("settings out of order or of a wrong length")
        found[field] = _exactly(data[at + 2 : at + 2 + size], size)
        at += 2 + size
        last = field
    return found


def keys(part):
    """A part of list keys: its entries."""
    entries = []
    at = 0
    while at < len(part):
        names = ("slot", "role", "days", "begin", "until", "start", "end")
        values = struct.unpack(">BBBBBII", part[at : at + 13])
        entry = dict(zip(names, values))
        size = part[at + 13]
        if size > 16 or entry["slot"] > 15 or not 1 <= entry["role"] <= 4:
            raise ValueError("a key out of range")
        entry["label"] = _exactly(part[at + 14 : at + 14 + size], size).decode()
        at += 14 + size
        entries.append(entry)
    return entries
