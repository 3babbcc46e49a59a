"""AccessKey slots, against the table in docs/spec/storage.md and the rules of docs/spec/entries.md."""

import struct

import pytest

from tests.dual.support.lock import DAY, HOUR, NOW
from tests.support import micropython
from tumbler_lock.core.codebook import NEVER
from tumbler_lock.core.keys import IDENTIFIER, MANAGER, OPENER, OWNER, ROLE_NAMES, AccessKey, pack_keys, unpack_keys
from tumbler_lock.core.zone import Zone

PSK = bytes(range(32, 64))
UTC = Zone("UTC0")
MONDAY = NOW - 15 * HOUR  # NOW is a Monday, 15:00


def table(slot=3, role=3, days=31, begin=9, until=17, size=4, zero=0, start=5, end=NEVER, label="Jörg", psk=PSK):
    """The 64 bytes that the document asks for, whatever they mean."""
    return struct.pack(
        ">BBBBBBHII16s32s",
        slot,
        role,
        days,
        begin,
        until,
        size,
        zero,
        start,
        end,
        label.encode("utf-8", "replace"),
        psk,
    )


def test_the_bytes_are_those_of_the_document():
    key = AccessKey(3, OPENER, PSK, "Jörg", 31, 9, 17, 5)
    assert key.pack() == table(size=5)
    assert key.pack().hex() == (
        "0303" "1f0911" "05" "0000" "00000005" "ffffffff" "4ac3b67267" + 11 * "00" + bytes(range(32, 64)).hex()
    )  # fmt: skip
    again = AccessKey.unpack(key.pack())
    assert vars(again) == vars(key)
    longest = AccessKey(15, OWNER, PSK, "sixteen bytes ok")
    assert vars(AccessKey.unpack(longest.pack())) == vars(longest)
    assert vars(AccessKey.unpack(AccessKey(0, IDENTIFIER, PSK).pack())) == vars(AccessKey(0, IDENTIFIER, PSK))


BAD_TABLES = [
    table(slot=16, size=5),
    table(role=0, size=5),
    table(role=5, size=5),
    table(days=128, size=5),
    table(days=0, size=5),
    table(begin=24, size=5),
    table(until=24, size=5),
    table(size=4),
    table(size=6),
    table(size=17),
    table(size=255),
    table(zero=1, size=5),
    table(zero=256, size=5),
    table(start=5, end=5, size=5),
    table(role=1, size=5),
    table(role=1, days=0, begin=0, until=0, start=1, size=5),
    table(role=2, days=0, begin=0, until=0, start=0, end=9, size=5),
    table(label="a\nb", size=3),
    table(label="a\x7fb", size=3),
    table(label="a\x9bb", size=4),
    table(label="", size=1),
    table(size=5)[:-1],
    table(size=5) + b"\0",
    b"",
    bytes(64),
    b"\xff" * 64,
    table(label="", size=2)[:16] + b"\xc0\xaf" + bytes(14) + PSK,  # longer than it need be
    table(label="", size=3)[:16] + b"\xed\xa0\x80" + bytes(13) + PSK,  # half a pair
    table(label="", size=4)[:16] + b"\xf5\x80\x80\x80" + bytes(12) + PSK,  # beyond the last character
    table(label="", size=1)[:16] + b"\x80" + bytes(15) + PSK,
    table(label="", size=2)[:16] + b"\xc3" + bytes(15) + PSK,
]


@pytest.mark.parametrize("data", BAD_TABLES, ids=range(len(BAD_TABLES)))
def test_bytes_that_are_no_key(data):
    with pytest.raises(ValueError, match=r"."):
        AccessKey.unpack(data)


def test_the_other_interpreter_takes_and_refuses_the_same():
    good = [table(size=5), AccessKey(0, OWNER, PSK, "日本語 ✓").pack(), AccessKey(9, OPENER, PSK, "", 127).pack()]
    source = (
        "import sys\n"
        "from tumbler_lock.core.keys import AccessKey\n"
        "for line in sys.argv[1:]:\n"
        "    data = bytes.fromhex(line)\n"
        "    try:\n"
        "        print(AccessKey.unpack(data).pack() == data)\n"
        "    except ValueError:\n"
        "        print('no')\n"
    )
    said = micropython.run(source, *[data.hex() or "00" for data in good + BAD_TABLES]).split()
    assert said == ["True"] * len(good) + ["no"] * len(BAD_TABLES)


def test_every_changed_byte_is_refused_or_another_key():
    data = AccessKey(3, OPENER, PSK, "Jörg", 31, 9, 17, 5).pack()
    kept = 0
    for at in range(64):
        for flip in range(1, 256):
            changed = data[:at] + bytes([data[at] ^ flip]) + data[at + 1 :]
            try:
                kept += AccessKey.unpack(changed).pack() == changed
            except ValueError:
                continue
    assert kept > 32 * 255


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"slot": -1}, "slot"),
        ({"slot": 16}, "slot"),
        ({"role": 0}, "role"),
        ({"role": 5}, "role"),
        ({"psk": bytes(31)}, "psk"),
        ({"psk": bytes(33)}, "psk"),
        ({"label": "seventeen bytes !"}, "label"),
        ({"label": "é" * 9}, "label"),
        ({"label": "\x1b[2J"}, "label"),
        ({"label": "\udc80"}, "label"),
        ({"role": OPENER, "days": 128}, "days"),
        ({"role": OPENER, "days": -1}, "days"),
        ({"role": OPENER, "days": 1, "begin": 24}, "hours"),
        ({"role": OPENER, "days": 1, "until": -1}, "hours"),
        ({"role": OPENER, "begin": 9, "until": 17}, "hours"),
        ({"role": OPENER, "start": 9, "end": 9}, "end"),
        ({"role": OPENER, "end": NEVER + 1}, "end"),
        ({"role": OPENER, "start": -1}, "end"),
        ({"role": MANAGER, "days": 1}, "only an opener"),
        ({"role": OWNER, "start": 1}, "only an opener"),
        ({"role": IDENTIFIER, "end": 5}, "only an opener"),
    ],
)
def test_fields_out_of_range(fields, text):
    with pytest.raises(ValueError, match=text) as error:
        AccessKey(**{"slot": 1, "role": OWNER, "psk": PSK, **fields})
    assert PSK.hex() not in str(error.value)


def test_no_psk_in_a_repr():
    text = repr(AccessKey(7, MANAGER, b"0123456789abcdef" * 2, "Phone"))
    assert text == "AccessKey(7, manager, 'Phone')"
    assert sorted(ROLE_NAMES.values()) == ["identify", "manager", "opener", "owner"]


def test_a_table_has_its_slots_in_order_and_each_slot_and_psk_once():
    keys = [AccessKey(9, OWNER, b"9" * 32), AccessKey(0, OPENER, b"0" * 32), AccessKey(15, IDENTIFIER, b"f" * 32)]
    data = pack_keys(keys)
    assert [data[at] for at in range(0, len(data), 64)] == [0, 9, 15]
    assert {slot: vars(key) for slot, key in unpack_keys(data).items()} == {key.slot: vars(key) for key in keys}
    assert (pack_keys([]), unpack_keys(b"")) == (b"", {})
    with pytest.raises(ValueError, match="slot"):
        pack_keys([*keys, AccessKey(9, OWNER, b"x" * 32)])
    with pytest.raises(ValueError, match="psk"):
        pack_keys([*keys, AccessKey(1, OWNER, b"9" * 32)])
    first, second, third = data[:64], data[64:128], data[128:]
    for wrong in (
        second + first,
        first + first,
        data + b"\0",
        data[:-1],
        first + AccessKey(1, OWNER, b"0" * 32).pack(),
    ):
        with pytest.raises(ValueError, match=r"."):
            unpack_keys(wrong)
    assert len(unpack_keys(first + third)) == 2


def test_keys_without_limits_open_at_any_time():
    for role in (OWNER, MANAGER, OPENER):
        for trusted in (True, False):
            assert AccessKey(1, role, PSK).may_open(0, trusted, UTC) == "opened"
    for trusted in (True, False):
        assert AccessKey(1, IDENTIFIER, PSK).may_open(NOW, trusted, UTC) == "not-permitted"


def test_start_and_end_to_the_second():
    key = AccessKey(1, OPENER, PSK, start=NOW, end=NOW + HOUR)
    moments = ((-1, "not-yet"), (0, "opened"), (HOUR - 1, "opened"), (HOUR, "expired"))
    assert [(at, key.may_open(NOW + at, True, UTC)) for at, _ in moments] == list(moments)
    for limits in ({"start": 1}, {"end": NEVER - 1}, {"days": 127}):
        assert AccessKey(1, OPENER, PSK, **limits).may_open(NOW, False, UTC) == "time-untrusted"


def test_a_day_and_a_night_window_hour_by_hour():
    workday = AccessKey(1, OPENER, PSK, days=0b0011111, begin=9, until=17)
    friday_night = AccessKey(2, OPENER, PSK, days=0b0010000, begin=22, until=6)
    sunday_round = AccessKey(3, OPENER, PSK, days=0b1000000, begin=7, until=7)
    for at in range(14 * 24):
        day, hour = at // 24 % 7, at % 24
        now = MONDAY + at * HOUR + 1_234
        for key, inside in (
            (workday, day < 5 and 9 <= hour < 17),
            (friday_night, (day == 4 and hour >= 22) or (day == 5 and hour < 6)),
            (sunday_round, (day == 6 and hour >= 7) or (day == 0 and hour < 7)),
        ):
            assert key.may_open(now, True, UTC) == ("opened" if inside else "outside-its-hours"), (key, day, hour)


def test_hours_are_those_of_the_wall_clock():
    key = AccessKey(1, OPENER, PSK, days=127, begin=9, until=10)
    berlin = Zone("CET-1CEST,M3.5.0,M10.5.0/3")
    winter, summer = MONDAY, MONDAY + 180 * DAY
    assert key.may_open(winter + 8 * HOUR, True, berlin) == "opened"
    assert key.may_open(winter + 9 * HOUR, True, berlin) == "outside-its-hours"
    assert key.may_open(summer + 7 * HOUR, True, berlin) == "opened"
    assert key.may_open(summer + 8 * HOUR, True, berlin) == "outside-its-hours"
