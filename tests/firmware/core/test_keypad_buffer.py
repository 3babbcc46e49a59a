"""The keypad buffer: digits, #, * and the timeout."""

from tumbler_lock.core.keypad_buffer import EntryBuffer


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
