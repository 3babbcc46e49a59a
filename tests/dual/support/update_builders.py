"""Whoever makes updates, for tests: manifests written a second time from docs/spec/update.md, signatures, slots on a
disk.

Runs on CPython and MicroPython. The key has 32 one-time keys of LMS_SHA256_M32_H5, LMOTS_SHA256_N32_W8; the tests use
each for as many messages as they like, which no maker may.
"""

from hashlib import sha256

from tumbler_lock.core import atomic_files, lms
from tumbler_lock.core.boot_slots import FirmwareSlots

HEIGHT = 5
OLD = {
    "tumbler_lock/__init__.py": b"VERSION = 1\n",
    "tumbler_lock/app/lock.py": b"the lock, " * 30,
    "tumbler_lock/core/same.py": b"as before, " * 500,
    "tumbler_lock/core/gone.py": b"not in the next one",
    "tumbler_lock/core/zz.py": b"grows",
}
NEW = {
    "tumbler_lock/__init__.py": b"VERSION = 2\n",
    "tumbler_lock/app/lock.py": b"another lock, " * 20,
    "tumbler_lock/core/new/deep.py": b"comes, " * 700,
    "tumbler_lock/core/same.py": b"as before, " * 500,
    "tumbler_lock/core/zz.py": b"grows, " * 90,
}


def pack(version, contents, bytecode=(0, 0)):
    """A manifest up to its signature's length."""
    names = sorted(contents)
    total = sum([len(contents[name]) for name in names])
    data = b"TMBm\x01" + bytes(version) + bytes(bytecode) + len(names).to_bytes(2, "big") + total.to_bytes(4, "big")
    for name in names:
        size = len(contents[name]).to_bytes(4, "big")
        data += bytes((len(name),)) + name.encode() + size + sha256(contents[name]).digest()
    return data


def closed(data, signature=b""):
    """The whole manifest."""
    return data + len(signature).to_bytes(2, "big") + signature


class Maker:
    """A key for updates. public: 56 bytes."""

    def __init__(self, name=b"maker"):
        self._identifier = sha256(name).digest()[:16]
        self._name = name
        leaves = 1 << HEIGHT
        self._nodes = [b""] * (2 * leaves)
        for q in range(leaves):
            chain = lms.Chain(self._identifier, q)
            key = sha256(self._identifier + lms.word(q) + b"\x80\x80")
            for number in range(34):
                key.update(chain.go(number, 0, 255, self._first(q, number)))
            hashed = sha256(self._identifier + lms.word(leaves + q) + b"\x82\x82" + key.digest())
            self._nodes[leaves + q] = hashed.digest()
        for number in range(leaves - 1, 0, -1):
            below = self._nodes[2 * number] + self._nodes[2 * number + 1]
            self._nodes[number] = sha256(self._identifier + lms.word(number) + b"\x83\x83" + below).digest()
        self.public = lms.word(5) + lms.word(4) + self._identifier + self._nodes[1]

    def _first(self, q, number):
        return sha256(self._name + bytes((q, number))).digest()

    def sign(self, message, q=7):
        """A signature with one-time key q."""
        randomizer = sha256(self._name + message).digest()
        digest = sha256(self._identifier + lms.word(q) + b"\x81\x81" + randomizer + message).digest()
        checksum = sum([255 - byte for byte in digest])
        chain = lms.Chain(self._identifier, q)
        signature = lms.word(q) + lms.word(4) + randomizer
        for number, value in enumerate(digest + checksum.to_bytes(2, "big")):
            signature += chain.go(number, 0, value, self._first(q, number))
        signature += lms.word(5)
        at = (1 << HEIGHT) + q
        while at > 1:
            signature += self._nodes[at ^ 1]
            at //= 2
        return signature

    def manifest(self, version, contents, bytecode=(0, 0)):
        """A manifest with its signature."""
        data = pack(version, contents, bytecode)
        return closed(data, self.sign(data))


def put_slot(root, slot, version, contents):
    """Fill a slot as a cable does."""
    slots = FirmwareSlots(root)
    for name in contents:
        path = slots.path(slot, name)
        atomic_files.make_directories(path)
        atomic_files.write(path, (contents[name],))
    atomic_files.write(slots.path(slot, "manifest"), (closed(pack(version, contents)),))


def found(root, slot):
    """Every file of a slot's firmware, by name."""
    top = root + "/" + slot + "/"
    return {
        path[len(top) :]: atomic_files.read(path, 100_000)
        for path, directory in atomic_files.tree(top + "tumbler_lock")
        if not directory
    }
