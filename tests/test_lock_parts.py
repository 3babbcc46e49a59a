"""Entry buffer, configuration and clock: the small parts around the verifier."""

import random

import pytest

from firmware.core.clock import EARLIEST, LATEST, Clock
from firmware.core.config import Config
from firmware.core.entry import EntryBuffer
from firmware.core.events import EVENT_NAMES, REASONS, VERDICTS, event_name
from firmware.core.policy import STRICT
from tests.lock import NOW, Rtc


def typed(keys, step=100, buffer=None):
    buffer = buffer or EntryBuffer()
    return [entry for index, key in enumerate(keys) if (entry := buffer.key(key, index * step)) is not None]


def test_digits_then_enter():
    assert typed("123456#") == ["123456"]
    assert typed("12*3456#789#") == ["3456", "789"]
    assert typed("#") == [""]
    assert typed("12A34BCD#") == ["1234"]


def test_ten_seconds_without_a_key_clear():
    buffer = EntryBuffer()
    assert [buffer.key(key, at) for key, at in (("1", 0), ("2", 9_999), ("3", 19_998))] == [None] * 3
    assert not buffer.expire(29_997)
    assert buffer.expire(29_998)
    assert buffer.empty
    buffer.key("1", 30_000)
    buffer.key("2", 40_000)
    assert buffer.key("#", 40_100) == "2", "the stale digit is gone even if nobody called expire()"


def test_a_thousand_digits_stay_an_entry_and_take_no_memory():
    buffer = EntryBuffer()
    for index in range(1000):
        buffer.key("7", index)
    (entry,) = typed("#", buffer=buffer)
    assert len(entry) == 10


def test_config_round_trip():
    config = Config("CET-1CEST,M3.5.0,M10.5.0/3", 0b0110000, STRICT, 9, False)
    again = Config.unpack(config.pack())
    assert (again.rule, again.weekend, again.autolock, again.sound) == (config.rule, 0b0110000, 9, False)
    assert again.policy.pack() == STRICT.pack()


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
    ],
)
def test_config_refuses(fields):
    with pytest.raises(ValueError, match=r".{10,}"):
        Config(**fields)


def test_corrupt_config_never_passes_unseen():
    good = Config("CET-1CEST,M3.5.0,M10.5.0/3").pack()
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
            assert config.pack() == bytes(data)
    assert refused > 1000


class Floor:
    floor = NOW


@pytest.mark.parametrize(
    ("shown", "ok", "read"),
    [
        (NOW, True, (NOW, True)),
        (NOW - 1, True, (NOW - 1, False)),
        (NOW + 1, False, (NOW + 1, False)),
        (EARLIEST - 1, True, (NOW, False)),
        (LATEST, True, (NOW, False)),
        (2**33, True, (NOW, False)),
        (-1, True, (NOW, False)),
    ],
)
def test_trust(shown, ok, read):
    rtc = Rtc(shown)
    rtc.ok = ok
    assert Clock(rtc, Floor).read() == read


def test_a_clock_that_does_not_answer():
    rtc = Rtc(NOW + 5)
    rtc.answers = False
    assert Clock(rtc, Floor).read() == (NOW, False)
    with pytest.raises(OSError):
        Clock(rtc, Floor).set(NOW)
    with pytest.raises(ValueError, match="2020"):
        Clock(rtc, Floor).set(0)


def test_event_names():
    words = [event_name(event) for event in [*range(len(VERDICTS)), *EVENT_NAMES]]
    assert len(set(words)) == len(words)
    assert event_name(200) == "unknown"
    assert len(set(REASONS)) == len(REASONS)
