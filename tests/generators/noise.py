"""Vectors for the cryptography of the link, from the libraries `noiseprotocol` and `cryptography`.

What others published is typed in here and must come out of those libraries too. Keys are published examples. What
docs/spec/link.md adds to the framework is in link.py.
"""

import random
import warnings

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from noise.connection import Keypair, NoiseConnection

# With a pre-shared key, and without one.
WITH = "Noise_NNpsk0_25519_AESGCM_SHA256"
WITHOUT = "Noise_NN_25519_AESGCM_SHA256"

# RFC 7748, sections 5.2 and 6.1: scalar, point, result.
RFC_7748 = (
    (
        "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
        "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
        "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552",
    ),
    (
        "4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
        "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
        "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957",
    ),
    (
        "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a",
        "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f",
        "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742",
    ),
    (
        "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb",
        "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a",
        "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742",
    ),
)

# Points of order 1, 2, 4 and 8, on the curve or its twist, and the same above the prime: every scalar gives zero.
PRIME = 2**255 - 19
LOW_ORDER = (
    0,
    1,
    325606250916557431795983626356110631294008115727848805560023387167927233504,
    39382357235489614581723060781553021112529911719440698176882885853963445705823,
    PRIME - 1,
    PRIME,
    PRIME + 1,
)

# The Galois/Counter Mode of Operation, appendix B, test cases 13 to 16: key, nonce, extra, text, ciphertext and tag.
GCM_KEY = "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308"
GCM_TEXT = (
    "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
    "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255"
)
GCM_SEALED = (
    "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
    "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad"
)
GCM = (
    ("00" * 32, "00" * 12, "", "", "530f8afbc74536b9a963b4f1c4cb738b"),
    ("00" * 32, "00" * 12, "", "00" * 16, "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919"),
    (GCM_KEY, "cafebabefacedbaddecaf888", "", GCM_TEXT, GCM_SEALED + "b094dac5d93471bdec1a502270e3cc6c"),
    (
        GCM_KEY,
        "cafebabefacedbaddecaf888",
        "feedfacedeadbeeffeedfacedeadbeefabaddad2",
        GCM_TEXT[:120],
        GCM_SEALED[:120] + "76fc6ece0f4e1768cddf8853bb2d551b",
    ),
)

# Vectors of these patterns that others publish: the file vectors/cacophony.txt of the Haskell library cacophony (the
# Rust library snow tests itself with it too), and vectors.txt of the Go library of the flynn project. A case without
# a pre-shared key is one of the pattern without.
CACOPHONY = {
    "source": "cacophony",
    "prologue": b"John Galt".hex(),
    "initiator": "893e28b9dc6ca8d611ab664754b8ceb7bac5117349a4439a6b0569da977c464a",
    "responder": "bbdb4cdbd309f1a1f2e1456967fe288cadd6f712d65dc7b7793d5e63da6b375b",
}
CACOPHONY_FIRST = "ca35def5ae56cec33dc2036731ab14896bc4c75dbb07a61f879f8e3afa4c7944"
CACOPHONY_SECOND = "95ebc60d2b1fa672c1f46a8aa265ef51bfe38e7ccb39ec5be34069f144808843"
CACOPHONY_SAID = (
    "4c756477696720766f6e204d69736573",
    "4d757272617920526f746862617264",
    "462e20412e20486179656b",
    "4361726c204d656e676572",
    "4a65616e2d426170746973746520536179",
    "457567656e2042f6686d20766f6e2042617765726b",
)
FLYNN = {
    "source": "flynn",
    "initiator": bytes(range(0x20, 0x40)).hex(),
    "responder": bytes(range(0x41, 0x61)).hex(),
}
FLYNN_PSK = "2176657279736563726574766572797365637265747665727973656372657421"
FLYNN_FIRST = "358072d6365880d1aeea329adf9121383851ed21a28e3b75e965d0d2cd166254"
FLYNN_SECOND = "64b101b1d0be5a8704bd078f9895001fc03e8e9f9522f188dd128d9846d48466"
TEST_0, TEST_1 = b"test_msg_0".hex(), b"test_msg_1".hex()
SAID = ("79656c6c6f777375626d6172696e65", "7375626d6172696e6579656c6c6f77")
HEARD = [
    [SAID[0], "6a7b199c69a64cc2ea3c556cf17489fd2ae452d3f3c2a0871cebd327fc31c6"],
    [SAID[1], "e58d43e0c69d8c15df523586b2c58ca40cb0472b5b3775f1cca807fee28a71"],
]
HEARD_WITHOUT = [
    [SAID[0], "a0193b62b90fb3497108ec8adcc340a49ebb0a07f1654d71f7e38361f57ba5"],
    [SAID[1], "b2afdcb051e896fa5b6a23def5ee6bdd6032f1b39b2d22ef7da01857648389"],
]
PUBLISHED: tuple[dict, ...] = (
    {
        **CACOPHONY,
        "psk": "54686973206973206d7920417573747269616e20706572737065637469766521",
        "hash": "9f3b1f9afd7767767b5b9d1069844a6154fdbdcc36dfb3e31c0fffc5c973d530",
        "messages": [
            [CACOPHONY_SAID[0], CACOPHONY_FIRST + "7c37a89fc17813788d30df2d59501d6066f5f8aecc3406bbd9829f2d24a531b1"],
            [CACOPHONY_SAID[1], CACOPHONY_SECOND + "2f29d79368ef9de4e1ae7a362fb05bf0ad668e026bf5714554497b3a720461"],
            [CACOPHONY_SAID[2], "7c01e898a6201f36aecee532e29cd0b7f8ffa29d3366ad0dce39a6"],
            [CACOPHONY_SAID[3], "a9ff535aace3db6a1da1a7fb00fe2de2622bb373abad9fb42c00e0"],
            [CACOPHONY_SAID[4], "6cfc49a3e65472edc2d0152abe5ce950170a8a47c959f30bd48b5f0aacf29adbfd"],
            [CACOPHONY_SAID[5], "9bc86e6d974ed21ba04604a94aa68de21677eb409ead070c0cd569b069ee19ba142aa4c1a9"],
        ],
    },
    {
        **CACOPHONY,
        "hash": "6301958d25cd7d1ffe6ad7d0ca2ad284b4e478d9acd9198f7750432d225043d0",
        "messages": [
            [CACOPHONY_SAID[0], CACOPHONY_FIRST + CACOPHONY_SAID[0]],
            [CACOPHONY_SAID[1], CACOPHONY_SECOND + "934ff73eebb9d930ebf62b8e4db8133ca936872b5551efd7c9989c646d8cf0"],
            [CACOPHONY_SAID[2], "8d372b94914e80018211a344b8b1c5a2869492a0db46990c0362f3"],
            [CACOPHONY_SAID[3], "e183b0abd55550f9955fb05476d988c6f27628d7bbde111c39ccbc"],
            [CACOPHONY_SAID[4], "167293a79ad6a647114c4f4eb55bdf713a0d44ae48765c07fc4e57743100825021"],
            [CACOPHONY_SAID[5], "2b67a18ae246069c51687bee89141041d9d35a821f852975d169a4f80f75c735807a1fd157"],
        ],
    },
    {
        **FLYNN,
        "psk": FLYNN_PSK,
        "prologue": "",
        "messages": [
            ["", FLYNN_FIRST + "4833316e6c21d899aec6c5f0c6e85e13"],
            ["", FLYNN_SECOND + "d3ec4419885d86e6d7310fb1d2263afd"],
            *HEARD,
        ],
    },
    {
        **FLYNN,
        "psk": FLYNN_PSK,
        "prologue": b"notsecret".hex(),
        "messages": [
            [TEST_0, FLYNN_FIRST + "d2f8054fcaf80f347006e0fc25590a31fd33c4626fe59283ea40"],
            [TEST_1, FLYNN_SECOND + "e21a3177614fce09f014af55e853ed6b88b0e4628e071b23e905"],
            *HEARD,
        ],
    },
    {
        **FLYNN,
        "prologue": "",
        "messages": [
            ["", FLYNN_FIRST],
            ["", FLYNN_SECOND + "7cc0d7b4540fd183ba30ecbd3f464f16"],
            *HEARD_WITHOUT,
        ],
    },
    {
        **FLYNN,
        "prologue": b"notsecret".hex(),
        "messages": [
            ["", FLYNN_FIRST],
            ["", FLYNN_SECOND + "2529efae98611941ab23ad370919a7f5"],
            *HEARD_WITHOUT,
        ],
    },
    {
        **FLYNN,
        "prologue": b"notsecret".hex(),
        "messages": [
            [TEST_0, FLYNN_FIRST + TEST_0],
            [TEST_1, FLYNN_SECOND + "3d8d136c2fcf7ecd3c3d4c93591205092db481f2a901eb96f06c"],
            *HEARD_WITHOUT,
        ],
    },
)


def curve(scalar: bytes, point: bytes) -> bytes:
    """Return X25519(scalar, point) of a point that is not of low order."""
    return X25519PrivateKey.from_private_bytes(scalar).exchange(X25519PublicKey.from_public_bytes(point))


def _curve_cases(draw: random.Random) -> list[list[str]]:
    cases = [list(case) for case in RFC_7748]
    low = [number.to_bytes(32, "little") for number in LOW_ORDER]
    low += [bytes((*point[:31], point[31] | 128)) for point in low]
    # One scalar is all zeros, one all ones: clamping must set and clear its bits.
    scalars = [bytes(32), b"\xff" * 32, *(draw.randbytes(32) for _ in range(6))]
    points = [(2).to_bytes(32, "little"), (PRIME - 2).to_bytes(32, "little"), (PRIME + 2).to_bytes(32, "little")]
    points += [b"\xff" * 32, bytes((9, *bytes(30), 128)), *(draw.randbytes(32) for _ in range(3))]
    cases += [[scalar.hex(), point.hex(), curve(scalar, point).hex()] for scalar in scalars for point in points]
    cases += [[draw.randbytes(32).hex(), point.hex(), bytes(32).hex()] for point in low]
    for scalar, point, wanted in cases:
        if bytes.fromhex(point) not in low and curve(bytes.fromhex(scalar), bytes.fromhex(point)).hex() != wanted:
            raise ValueError("a published result of X25519 does not come out")
    return cases


def _gcm_cases(draw: random.Random) -> list[list[str]]:
    cases = [list(case) for case in GCM]
    for length in (0, 1, 15, 16, 17, 31, 32, 33, 48, 64, 100, 180, 255, 512):
        for extra in (0, 1, 16, 20, 32, 33):
            key, nonce, more, text = (draw.randbytes(size) for size in (32, 12, extra, length))
            cases.append([item.hex() for item in (key, nonce, more, text, AESGCM(key).encrypt(nonce, text, more))])
    for case in cases:
        key, nonce, more, text, wanted = map(bytes.fromhex, case)
        if AESGCM(key).encrypt(nonce, text, more) != wanted:
            raise ValueError("a published result of AES-256-GCM does not come out")
    return cases


def connection(initiator: bool, prologue: bytes, psk: bytes | None, private: bytes | None = None) -> NoiseConnection:
    """Return one side of a handshake of the library `noiseprotocol`, ready for its first message.

    Without a pre-shared key it is of the pattern that has none.
    """
    side = NoiseConnection.from_name((WITH if psk else WITHOUT).encode())
    if psk:
        side.set_psks(psk)
    side.set_prologue(prologue)
    if initiator:
        side.set_as_initiator()
    else:
        side.set_as_responder()
    if private:
        side.set_keypair_from_private_bytes(Keypair.EPHEMERAL, private)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "One of ephemeral keypairs is already set", UserWarning)
        side.start_handshake()
    return side


def handshake(begin: bytes, psk: bytes | None, initiator: bytes, responder: bytes, payloads: list[bytes]) -> dict:
    """Return what goes over the wire: two messages of the handshake, then one from each side in turn.

    `begin`: the prologue; `initiator`, `responder`: their private keys.
    """
    sides = connection(True, begin, psk, initiator), connection(False, begin, psk, responder)
    messages = []
    for turn, payload in enumerate(payloads):
        sender, receiver = sides[turn % 2], sides[1 - turn % 2]
        if turn < 2:
            sent = bytes(sender.write_message(payload))
            heard = receiver.read_message(sent)
        else:
            sent = bytes(sender.encrypt(payload))
            heard = receiver.decrypt(sent)
        if bytes(heard) != payload:
            raise ValueError("the library does not understand itself")
        messages.append([payload.hex(), sent.hex()])
    made = {
        "protocol": WITH if psk else WITHOUT,
        "prologue": begin.hex(),
        "initiator": initiator.hex(),
        "responder": responder.hex(),
        "hash": sides[0].get_handshake_hash().hex(),
        "messages": messages,
    }
    return {**made, "psk": psk.hex()} if psk else made


def _handshakes(draw: random.Random) -> list[dict]:
    made = []
    for case in PUBLISHED:
        begin, initiator, responder = (bytes.fromhex(case[name]) for name in ("prologue", "initiator", "responder"))
        payloads = [bytes.fromhex(payload) for payload, _ in case["messages"]]
        ours = handshake(begin, bytes.fromhex(case.get("psk", "")), initiator, responder, payloads)
        if {**ours, **case} != {**case, **ours}:
            raise ValueError(f"the published vector of {case['source']} does not come out")
        made.append({**ours, **case})
    for size in (32, 0):
        for lengths in ((0, 0), (0, 0, 64, 1, 0, 200), (1, 33, 16, 16, 17, 15, 500, 2), (255, 0, 0, 0)):
            sizes = draw.randrange(40), size, 32, 32
            begin, psk, initiator, responder = (draw.randbytes(length) for length in sizes)
            payloads = [draw.randbytes(length) for length in lengths]
            made.append({**handshake(begin, psk, initiator, responder, payloads), "source": "computed"})
    return made


def build() -> dict[str, object]:
    """Return the vectors: X25519, AES-256-GCM, whole handshakes with messages after them."""
    draw = random.Random(20261125)
    return {"x25519": _curve_cases(draw), "gcm": _gcm_cases(draw), "handshakes": _handshakes(draw)}
