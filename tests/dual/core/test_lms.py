"""LMS signatures: the cases of RFC 8554, and everything that is no signature, on both interpreters."""

import os

from tests.dual.support.rfc8554 import signatures
from tests.dual.support.update_builders import Maker
from tumbler_lock.core import cooperative, lms

# MicroPython knows no variables, and tries a sample.
FULL = getattr(os, "environ", {}).get("TUMBLER_CAMPAIGN", "") not in ("", "0")

KNOWN = list(signatures())


def good(public, message, signature):
    return cooperative.run(lms.verify(public, message, signature))


def flipped(data, bit):
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def fails(work, *arguments):
    try:
        work(*arguments)
    except ValueError:
        return True
    return False


def test_the_cases_of_the_standard(directory):
    kinds = []
    for public, message, signature in KNOWN:
        assert good(public, message, signature)
        assert len(signature) == lms.signature_size(public)
        kinds.append((public[3], public[7]))
    assert kinds == [(5, 4), (5, 4), (6, 3), (5, 4)]  # H5 and H10, W8 and W4


def test_a_signature_is_of_its_message_and_key_alone(directory):
    for number, (public, message, signature) in enumerate(KNOWN):
        other = KNOWN[number - 1]
        assert not good(public, other[1], signature)
        assert not good(public, message + b"\0", signature)
        assert not good(public, message[:-1], signature)
        if other[0][:8] == public[:8]:
            assert not good(other[0], message, signature)


def test_every_flipped_bit_is_noticed(directory):
    public, message, signature = KNOWN[3]
    # Every bit of what says how to read it; elsewhere one in a number that has no factor with 8.
    path = 40 + 34 * 32
    whole = list(range(64)) + list(range(path * 8, path * 8 + 32))
    step = 1 if FULL else 149
    for bit in whole + list(range(64, len(signature) * 8, step)):
        assert not good(public, message, flipped(signature, bit)), bit
    for bit in range(0, len(message) * 8, 1 if FULL else 97):
        assert not good(public, flipped(message, bit), signature), bit
    for bit in range(64, len(public) * 8, 1 if FULL else 61):
        assert not good(flipped(public, bit), message, signature), bit


def test_every_cut_and_one_byte_more(directory):
    public, message, signature = KNOWN[3]
    for size in range(len(signature)):
        assert not good(public, message, signature[:size])
    assert not good(public, message, signature + b"\0")


def test_a_leaf_that_the_tree_does_not_have(directory):
    public, message, signature = KNOWN[3]
    for q in (32, 33, 0xFFFFFFFF):
        assert not good(public, message, lms.word(q) + signature[4:])


def test_keys_that_are_not_known(directory):
    public, message, signature = KNOWN[0]
    assert fails(good, public[:-1], message, signature)
    assert fails(good, public + b"\0", message, signature)
    assert fails(good, b"", message, signature)
    for at, kinds in ((3, (0, 1, 4, 7, 8, 9)), (7, (0, 1, 2, 5))):
        for kind in kinds:
            strange = public[:at] + bytes((kind,)) + public[at + 1 :]
            assert fails(good, strange, message, signature), (at, kind)
    assert fails(good, b"\1" + public[1:], message, signature)


def test_coefficients_of_the_standards_own_example(directory):
    # RFC 8554, section 3.1.3: 0x1234 has 0, 1, 0, 0, 1, 0, 0, 0 … in bits; in fours and eights it reads itself.
    digest = bytes((0x12, 0x34)) + bytes(30)
    fours = lms.coefficients(digest, lms.W4)
    eights = lms.coefficients(digest, lms.W8)
    assert (len(fours), fours[:5]) == (67, [1, 2, 3, 4, 0])
    assert (len(eights), eights[:3]) == (34, [0x12, 0x34, 0])
    # Checksums by hand: 64 fours of 15, and 32 eights of 255, less the digits' sum.
    assert fours[64:] == [(960 - 10) >> 8, (960 - 10) >> 4 & 15, (960 - 10) & 15]
    assert eights[32:] == [(8160 - 0x46) >> 8, (8160 - 0x46) & 255]


def test_slices_are_short_and_cover_the_work(directory):
    public, message, signature = KNOWN[3]
    work = lms.verify(public, message, signature)
    hashes = [0]
    real = lms.Chain.go

    def counted(chain, number, first, last, value):
        hashes.append(last - first)
        return real(chain, number, first, last, value)

    lms.Chain.go = counted
    try:
        turns = len(list(work))
    finally:
        lms.Chain.go = real
    assert max(hashes) == lms.SLICE
    # 34 chains of 255 steps, less what the signature has done of them.
    digest = lms.message_digest(public[8:24], signature[3], signature[8:40], message)
    assert sum(hashes) == 34 * 255 - sum(lms.coefficients(digest, lms.W8))
    assert turns == len(hashes)


def test_makers_of_tests_sign_what_is_verified(directory):
    maker = Maker()
    for q in (0, 7, 31):
        signature = maker.sign(b"message", q)
        assert good(maker.public, b"message", signature)
        assert not good(maker.public, b"massage", signature)
        assert not good(Maker(b"other").public, b"message", signature)
