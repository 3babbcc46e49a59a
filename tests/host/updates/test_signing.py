"""The maker's key: signatures that others verify, and no one-time key twice, whatever happens."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.dual.support.update_builders import Maker
from tests.support.campaign import cases
from tests.support.micropython import ROOT
from tumbler.errors import ToolError
from tumbler.updates import signing
from tumbler.updates.signing import SigningKey, UsedUp
from tumbler_lock.core import cooperative, lms

KEY_BYTES = bytes(range(48))


@pytest.fixture
def key(tmp_path):
    return SigningKey.create(tmp_path / "key", tree=lms.H5)


def good(public, message, signature):
    return cooperative.run(lms.verify(public, message, signature))


def number(signature):
    return int.from_bytes(signature[:4], "big")


def test_what_it_signs_is_verified(key):
    again = SigningKey(key.path)
    assert len(key.public) == 56
    assert again.public == key.public
    signatures = [made.sign(message) for made in (key, again) for message in (b"one", b"two")]
    assert [number(signature) for signature in signatures] == [0, 1, 2, 3]
    for signature, message in zip(signatures, (b"one", b"two") * 2, strict=True):
        assert good(key.public, message, signature)
        assert not good(key.public, message + b"x", signature)
    assert key.left == 28
    assert [one.number for one in key.history()] == [0, 1, 2, 3]


def test_another_library_makes_the_same_key_and_verifies(tmp_path):
    pyhsslms = pytest.importorskip("pyhsslms", reason="the other library is not installed")
    random = iter((KEY_BYTES[:16], KEY_BYTES[16:]))
    key = SigningKey.create(tmp_path / "key", tree=lms.H5, random=lambda size: next(random))
    other = pyhsslms.LmsPrivateKey(
        pyhsslms.lms_sha256_m32_h5, pyhsslms.lmots_sha256_n32_w8, SEED=KEY_BYTES[16:], I=KEY_BYTES[:16]
    )
    assert other.publicKey().serialize() == key.public
    for turn in range(8):
        message = bytes((turn,)) * turn * 50
        public = pyhsslms.LmsPublicKey.deserialize(key.public)
        assert public.verify(message, key.sign(message))
        assert good(key.public, message, other.sign(message))
        assert not public.verify(message + b"x", key.sign(message))


@pytest.mark.parametrize(("lms_type", "ots"), [(5, 3), (5, 4), (6, 3)])
def test_signatures_of_another_library_of_every_kind_that_is_known(lms_type, ots):
    pyhsslms = pytest.importorskip("pyhsslms", reason="the other library is not installed")
    if lms_type == 6 and cases(0, 1) == 0:
        lms_type = 5  # a tree of 1,024 takes that library long
    other = pyhsslms.LmsPrivateKey(lms.word(lms_type), lms.word(ots))
    public = other.publicKey().serialize()
    for turn in range(8):
        message = os.urandom(turn * 9)
        signature = other.sign(message)
        assert good(public, message, signature)
        spoilt = bytearray(signature)
        spoilt[turn * 100] ^= 1 << turn
        assert not good(public, message, bytes(spoilt))


def test_the_last_one_time_key_is_the_last(key):
    made = [number(key.sign(b"")) for _ in range(32)]
    assert made == list(range(32))
    assert key.left == 0
    with pytest.raises(UsedUp):
        key.sign(b"")
    with pytest.raises(UsedUp):
        SigningKey(key.path).sign(b"")


def test_the_number_is_on_disk_before_it_is_used(key, monkeypatch):
    """Whatever fails after it was taken, nobody takes it again."""
    for step in ("message_digest", "coefficients", "Chain"):
        with monkeypatch.context() as patch:
            patch.setattr(lms, step, _fails)
            with pytest.raises(RuntimeError):
                key.sign(b"a message")
    monkeypatch.setattr(signing.time, "time", _fails)
    with pytest.raises(RuntimeError):
        key.sign(b"another")
    monkeypatch.undo()
    assert number(SigningKey(key.path).sign(b"a third")) == 4
    assert [one.number for one in key.history()] == [4]


def _fails(*_):
    raise RuntimeError


SIGNS = """
import sys
from pathlib import Path
from tumbler.updates.signing import SigningKey
key = SigningKey(Path(sys.argv[1]))
while True:
    signature = key.sign(sys.argv[2].encode())
    print(int.from_bytes(signature[:4], "big"), flush=True)
"""


def signer(path, name):
    line = [sys.executable, "-c", SIGNS, str(path), name]
    return subprocess.Popen(line, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


def test_processes_that_sign_at_once_never_share_a_number(key):
    processes = [signer(key.path, f"process {at}") for at in range(4)]
    with ThreadPoolExecutor(4) as pool:
        said = list(pool.map(lambda process: process.communicate(timeout=60)[0].split(), processes))
    numbers = [int(text) for texts in said for text in texts]
    assert sorted(numbers) == list(range(32))


def test_a_process_that_is_killed_takes_its_number_with_it(key):
    seen = []
    for turn in range(4):
        process = signer(key.path, f"turn {turn}")
        seen.append(int(process.stdout.readline()))
        time.sleep(0.003 * turn)
        process.send_signal(signal.SIGKILL)
        seen += [int(text) for text in process.communicate()[0].split()]
        if SigningKey(key.path).left == 0:
            break
    while SigningKey(key.path).left:
        seen.append(number(SigningKey(key.path).sign(b"")))
    assert len(seen) == len(set(seen))


def test_a_locked_file_is_waited_for(key, monkeypatch):
    monkeypatch.setattr(signing, "WAIT_SECONDS", 0.05)
    other = sqlite3.connect(key.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(ToolError):
        key.sign(b"")
    other.execute("ROLLBACK")
    other.close()
    assert number(key.sign(b"")) == 0


def test_its_file_is_its_owners_and_never_overwritten(key):
    assert key.path.stat().st_mode & 0o777 == 0o600
    before = key.path.read_bytes()
    with pytest.raises(ToolError):
        SigningKey.create(key.path, tree=lms.H5)
    assert key.path.read_bytes() == before


@pytest.mark.parametrize("content", [b"", b"no database", bytes(4096)])
def test_files_that_are_no_key(tmp_path, content):
    path = tmp_path / "key"
    path.write_bytes(content)
    with pytest.raises(ToolError):
        SigningKey(path)
    with pytest.raises(ToolError):
        SigningKey(tmp_path / "missing")


def test_no_error_and_no_repr_holds_the_seed(key):
    with sqlite3.connect(key.path) as database:
        seed = database.execute("SELECT seed FROM key").fetchone()[0]
    assert seed.hex() not in repr(key) + repr(key.__dict__.keys())
    signature = key.sign(b"x")
    assert seed not in signature


def test_tests_and_tools_agree_on_what_is_hashed(tmp_path):
    maker = Maker()
    assert good(maker.public, b"x", maker.sign(b"x"))
