"""Stores that are broken on purpose: the power-cut tests must notice each of them (MicroPython).

Every class is `Kinds` with one well-known mistake put into the file operations.
"""

import os

from tumbler_lock.core import atomic_files
from tumbler_lock.core.keys import pack_keys
from tumbler_lock.core.store import Store

from .workloads import Kinds


class _Mistake(Kinds):
    def steps(self, path):
        """Run `Kinds` with the mistake in place."""
        kept = [(name, getattr(atomic_files, name)) for name in ("append", "write", "rename")]
        for name, _ in kept:
            if hasattr(self, name):
                setattr(atomic_files, name, getattr(self, name))
        yield from super().steps(path)
        for name, function in kept:
            setattr(atomic_files, name, function)


class Flush(_Mistake):
    """Appends in two pieces with a flush between."""

    def append(self, path, data, size):
        """As files.append, torn in the middle of a record."""
        with open(path, "ab") as file:
            file.write(data[:20])
            file.flush()
            file.write(data[20:])


class RemoveFirst(_Mistake):
    """Removes the old file before it gives the new one its name."""

    def rename(self, old, new):
        """As files.rename, with a moment without any file."""
        atomic_files.remove(new)
        os.rename(old, new)


class InPlace(_Mistake):
    """Writes a compaction over the journal bit by bit."""

    def write(self, path, parts):
        """As files.write, each part on its own."""
        mode = "wb"
        for part in list(parts):
            with open(path, mode) as file:
                file.write(part)
            mode = "ab"

    def rename(self, old, new):
        """As files.rename, by copying in two halves."""
        with open(old, "rb") as file:
            data = file.read()
        half = len(data) // 2
        with open(new, "wb") as file:
            file.write(data[:half])
        with open(new, "ab") as file:
            file.write(data[half:])
        os.remove(old)


class PayLater(_Mistake):
    """Writes the counters only after the commit that follows."""

    def write(self, path, parts):
        """As files.write, but what should be on flash first is kept back once."""
        if not path.endswith("counters"):
            _WRITE(path, parts)
            return
        held = getattr(self, "held", None)
        self.held = (path, list(parts))
        if held:
            _WRITE(*held)


class TwoCommits(Kinds):
    """Logs what is settled in one commit and settles it in another."""

    def steps(self, path):
        """Run `Kinds` with the mistake in place."""
        kept = Store.settle
        Store.settle = _settle_in_two
        yield from super().steps(path)
        Store.settle = kept


def _settle_in_two(store, entry, now, trusted, config=None, keys=None):
    store.commit([entry], now or 0, trusted)
    store._rewrite(store.config if config is None else config, pack_keys(store.keys.values() if keys is None else keys))
    store.keys = store.keys if keys is None else {key.slot: key for key in keys}


class Forgetful(Kinds):
    """Starts without the records that were appended last."""

    def check(self, path, done):
        """Check a flash from which the last record was cut off, as if littlefs had lost it."""
        try:
            with open(path + "/journal", "rb") as file:
                data = file.read()
        except OSError:
            return
        with open(path + "/journal", "wb") as file:
            file.write(data[:-48])
        super().check(path, done)


_WRITE = atomic_files.write
