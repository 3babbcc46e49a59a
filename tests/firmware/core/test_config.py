"""The configuration: its bytes, old and new, and every value that is refused."""

import random

import pytest

from tumbler_lock.core.config import Config
from tumbler_lock.core.policy import STRICT


def config_of(rule, weekend, policy, autolock, sound, passage, name):
    return Config(
        rule, weekend=weekend, policy=policy, autolock=autolock, sound=sound, passage=passage, name=name
    )  # fmt: skip


def fields_of(config):
    return (
        config.rule, config.weekend, config.policy, config.autolock, config.sound, config.passage, config.name,
    )  # fmt: skip


def test_config_round_trip():
    fields = ("CET-1CEST,M3.5.0,M10.5.0/3", 0b0110000, STRICT, 9, False, (31, 22, 6), "Front door ~ 17 c")
    config = config_of(*fields)
    assert fields_of(config) == fields
    assert fields_of(Config.unpack(config.pack())) == fields
    assert Config.unpack(Config("UTC0").pack()).pack() == Config("UTC0").pack()
    longest = Config("<" + "A" * 97 + ">0", name="n" * 17)
    assert len(longest.rule) == 100
    assert len(longest.pack()) <= 160
    assert Config.unpack(longest.pack()).rule == longest.rule


def test_the_bytes_of_a_config():
    config = config_of("EST5", 0b1000001, STRICT, 60, True, (127, 8, 18), "Shed")
    assert config.pack().hex() == "02413c017f08120504" + "3f0900a800" + b"ShedEST5".hex()
    assert Config("UTC0").pack().hex() == "0260050100000005" + "00" + "3f06225001" + b"UTC0".hex()


def test_the_format_before_passage_hours_is_read():
    config = Config.unpack(bytes.fromhex("0130090005" + "3f0900a800") + b"CET-1CEST,M3.5.0,M10.5.0/3")
    expected = ("CET-1CEST,M3.5.0,M10.5.0/3", 0b0110000, STRICT, 9, False, (0, 0, 0), "")
    assert fields_of(config) == expected
    assert config.pack()[0] == 2
    for wrong in (
        "0130090005",
        "01300900053f0900a800",
        "0130090205" + "3f0900a800" + "55",
        "0130090004" + "3f0900a8" + "55",
    ):
        with pytest.raises(ValueError, match=r"configuration|policy|zone|sound"):
            Config.unpack(bytes.fromhex(wrong))


def test_named_fields_of_a_config_change_and_no_others():
    config = config_of("EST5", 0b1000001, STRICT, 60, False, (127, 8, 18), "Shed")
    assert fields_of(config.changed()) == fields_of(config)
    other = config.changed(name="", passage=(0, 0, 0), autolock=5)
    assert fields_of(other) == ("EST5", 0b1000001, STRICT, 5, False, (0, 0, 0), "")
    assert config.changed(rule="CET-1").zone.offset(0) == 3_600
    assert fields_of(config)[3:] == (60, False, (127, 8, 18), "Shed"), "the old one stays as it is"
    with pytest.raises(ValueError, match="auto-lock"):
        config.changed(autolock=0)
    with pytest.raises(TypeError):
        config.changed(colour="red")


@pytest.mark.parametrize(
    "fields",
    [
        {"rule": ""},
        {"rule": "nonsense,,"},
        {"rule": "UTC0", "weekend": 0},
        {"rule": "UTC0", "weekend": 127},
        {"rule": "UTC0", "autolock": 0},
        {"rule": "UTC0", "autolock": 61},
        {"rule": "<" + "A" * 120 + ">0"},
        {"rule": "UTC0", "passage": (128, 0, 0)},
        {"rule": "UTC0", "passage": (-1, 0, 0)},
        {"rule": "UTC0", "passage": (1, 24, 0)},
        {"rule": "UTC0", "passage": (1, 0, -1)},
        {"rule": "UTC0", "passage": (0, 9, 17)},
        {"rule": "UTC0", "name": "n" * 18},
        {"rule": "UTC0", "name": "Tür"},
        {"rule": "UTC0", "name": "a\nb"},
    ],
)
def test_config_refuses(fields):
    with pytest.raises(ValueError, match=r".{10,}"):
        Config(**fields)


def test_corrupt_config_never_passes_unseen():
    """Every string of bytes is refused, or is a configuration that would be written so (in the format of today)."""
    good = Config("CET-1CEST,M3.5.0,M10.5.0/3", passage=(127, 8, 18), name="Front door").pack()
    rng = random.Random(3)
    refused = 0
    for _ in range(3000):
        data = bytearray(good[: rng.randrange(len(good) + 1)])
        for _ in range(rng.randrange(3)):
            if data:
                data[rng.randrange(len(data))] = rng.randrange(256)
        try:
            config = Config.unpack(bytes(data))
        except ValueError:
            refused += 1
        else:
            if data[0] == 2:
                assert config.pack() == bytes(data)
    assert refused > 1000
