"""The maker's key for updates: LMS (RFC 8554), one tree, and a file that prevents the reuse of a one-time key.

The file is a database: the seed, the tree's nodes, the number of the next one-time key, and the digest of each signed
message. A number is taken on disk before anything is computed with it, so a crash never leads to its reuse. Processes
take numbers one after the other. Nothing helps against the use of a copy of the file (docs/spec/update.md).
"""

import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from tumbler_lock.core import lms

from ..errors import ToolError
from ..registry.database import home
from ..text import reason

TREE = lms.H10
CHAINS = lms.W8
WAIT_SECONDS = 30.0
_SEED = b"\xff"  # hashed after I, q and the number of a chain, for its first value
_SCHEMA = """
CREATE TABLE key (lms INTEGER, ots INTEGER, identifier BLOB, seed BLOB, nodes BLOB, next INTEGER);
CREATE TABLE signed (number INTEGER PRIMARY KEY, digest BLOB, time INTEGER);
"""


def own_path() -> Path:
    """Return the path of the default key, in the folder of the registry."""
    return home() / "update.key"


@dataclass(frozen=True)
class Signed:
    """One signature. number: of its one-time key; digest: SHA-256 of the message; time: Unix seconds."""

    number: int
    digest: bytes
    time: int


class UsedUp(ToolError):
    """Every one-time key was used."""

    def __init__(self, path: Path):
        super().__init__(
            f"The key {path} has made all its signatures.",
            "Make another one (tumbler update key new), and give its public key to the locks by cable.",
        )


class SigningKey:
    """A key in its file. `create` makes one, `SigningKey(path)` opens one. ToolError if the file is not a key."""

    def __init__(self, path: Path):
        self.path = path
        if not path.is_file():
            raise ToolError(f"There is no key {path}.", "Make one: tumbler update key new")
        try:
            with self._open() as database:
                row = database.execute("SELECT lms, ots, identifier, seed, nodes FROM key").fetchone()
            self._lms: int = row[0]
            self._ots: int = row[1]
            self._identifier: bytes = row[2]
            self._seed: bytes = row[3]
            self._nodes: bytes = row[4]
            if len(self._nodes) != (2 << lms.HEIGHTS[self._lms]) * lms.HASH:
                raise ValueError
        except (TypeError, KeyError, ValueError):
            raise ToolError(
                f"{path} is not a key for updates.", "Name the file of one, or make one: tumbler update key new"
            ) from None

    @classmethod
    def create(
        cls,
        path: Path,
        progress: Callable[[int, int], None] = lambda done, of: None,
        tree: int = TREE,
        random: Callable[[int], bytes] = os.urandom,
    ) -> "SigningKey":
        """Make a key in a new file, readable by its owner only. progress: called with the number of one-time keys that
        are made, and of all. ToolError if the file exists."""
        taken = ToolError(f"{path} exists already.", "A key is never overwritten: name another file.")
        if path.exists():
            raise taken
        identifier, seed = random(lms.IDENTIFIER_SIZE), random(lms.HASH)
        leaves = 1 << lms.HEIGHTS[tree]
        nodes = [b""] * (2 * leaves)
        for q in range(leaves):
            nodes[leaves + q] = lms.leaf(identifier, leaves + q, _public(identifier, seed, q, CHAINS))
            progress(q + 1, leaves)
        for number in range(leaves - 1, 0, -1):
            nodes[number] = lms.node(identifier, number, nodes[2 * number], nodes[2 * number + 1])
        nodes[0] = bytes(lms.HASH)
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        except FileExistsError:
            raise taken from None
        except OSError as error:
            raise ToolError(f"{path} cannot be made: {reason(error)}.", "Name another file.") from None
        with closing(sqlite3.connect(path)) as database, database:
            database.executescript(_SCHEMA)
            row = (tree, CHAINS, identifier, seed, b"".join(nodes))
            database.execute("INSERT INTO key VALUES (?, ?, ?, ?, ?, 0)", row)
        return cls(path)

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            with closing(sqlite3.connect(self.path, timeout=WAIT_SECONDS, isolation_level=None)) as database:
                database.execute("PRAGMA synchronous = EXTRA")  # a finished transaction is on disk
                yield database
        except sqlite3.Error:
            raise ToolError(
                f"{self.path} cannot be used: it is not a key for updates, it is damaged, or another command uses it.",
                "Name the key with --key, and try again.",
            ) from None

    @property
    def public(self) -> bytes:
        """The public key: 56 bytes."""
        return lms.word(self._lms) + lms.word(self._ots) + self._identifier + self._node(1)

    @property
    def left(self) -> int:
        """How many signatures are left."""
        with self._open() as database:
            used: int = database.execute("SELECT next FROM key").fetchone()[0]
        return (1 << lms.HEIGHTS[self._lms]) - used

    def history(self) -> list[Signed]:
        """Return what it signed, the oldest first. A missing number was lost in a crash."""
        with self._open() as database:
            return [Signed(*row) for row in database.execute("SELECT number, digest, time FROM signed ORDER BY number")]

    def sign(self, message: bytes) -> bytes:
        """Return a signature of the message. Raises UsedUp."""
        q = self._reserve()
        signature = self._sign(q, os.urandom(lms.HASH), message)
        with self._open() as database:
            row = (q, sha256(message).digest(), int(time.time()))
            database.execute("INSERT INTO signed VALUES (?, ?, ?)", row)
        return signature

    def _reserve(self) -> int:
        """Take the next one-time key. After this no process takes it again."""
        with self._open() as database:
            database.execute("BEGIN IMMEDIATE")
            q: int = database.execute("SELECT next FROM key").fetchone()[0]
            if q >= 1 << lms.HEIGHTS[self._lms]:
                raise UsedUp(self.path)
            database.execute("UPDATE key SET next = ?", (q + 1,))
            database.execute("COMMIT")
        return q

    def _sign(self, q: int, randomizer: bytes, message: bytes) -> bytes:
        digest = lms.message_digest(self._identifier, q, randomizer, message)
        chain = lms.Chain(self._identifier, q)
        signature = lms.word(q) + lms.word(self._ots) + randomizer
        for number, value in enumerate(lms.coefficients(digest, self._ots)):
            signature += chain.go(number, 0, value, _first(self._identifier, self._seed, q, number))
        signature += lms.word(self._lms)
        at = (1 << lms.HEIGHTS[self._lms]) + q
        while at > 1:
            signature += self._node(at ^ 1)
            at //= 2
        return signature

    def _node(self, number: int) -> bytes:
        return self._nodes[number * lms.HASH : (number + 1) * lms.HASH]


def _first(identifier: bytes, seed: bytes, q: int, number: int) -> bytes:
    """Return the first value of a chain (RFC 8554, appendix A)."""
    return sha256(identifier + lms.word(q) + number.to_bytes(2, "big") + _SEED + seed).digest()


def _public(identifier: bytes, seed: bytes, q: int, ots: int) -> bytes:
    """Return the public key of a one-time key."""
    bits, chains, _ = lms.CHAINS[ots]
    chain = lms.Chain(identifier, q)
    key = sha256(identifier + lms.word(q) + lms.OF_KEY)
    for number in range(chains):
        key.update(chain.go(number, 0, (1 << bits) - 1, _first(identifier, seed, q, number)))
    return key.digest()
