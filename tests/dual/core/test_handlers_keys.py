"""Keys over the link, from docs/spec/link.md: added, listed, removed with their sessions, and an opener's hours."""

from tests.dual.core.test_handlers_lists import full
from tests.dual.support import link_decoder as decoder
from tests.dual.support.link_tools import NEVER, PSKS, add, key, refused, session, staff, u16, u32, visitor, word
from tests.dual.support.linked_lock import PSK, Linked
from tests.dual.support.lock import DAY, HOUR, NOW
from tumbler_lock.core import protocol
from tumbler_lock.core.keys import MANAGER, OPENER, OWNER, AccessKey

NEW = bytes(range(50, 82))


def listed(client):
    """Slot -> entry of all keys."""
    found = {}
    for part in client.ask(protocol.LIST_KEYS)[1]:
        for entry in decoder.keys(part):
            found[entry["slot"]] = entry
    return found


def test_each_phone_has_its_own_key_and_is_revoked_alone(directory):
    lock = Linked(directory)
    owner = session(lock)
    psks = {}
    for number in range(1, 6):
        psks[number] = bytes((number,)) * 32
        assert owner.done(protocol.ADD_KEY, key(255, OPENER, psks[number])) == bytes((number,))
    phones = {slot: session(lock, slot, psk, "phone %d" % slot) for slot, psk in psks.items()}
    assert owner.done(protocol.REMOVE_KEY, b"\x03") == b""
    for slot, phone in phones.items():
        if slot == 3:
            assert phone.session.over, "at once, on the lock itself"
            assert phone.say(phone.sealed(7, protocol.UNLOCK)) == [b"\xff\x00"]
            again = visitor(lock)
            again.hello(slot)
            assert refused(again, phones[3].said[1]) == 0
        else:
            assert phone.done(protocol.UNLOCK) == b"\x05"
            assert session(lock, slot, psks[slot]).session.slot == slot
    assert sorted(listed(owner)) == [0, 1, 2, 4, 5]
    lock.restart()
    gone = visitor(lock)
    gone.hello(3)
    assert refused(gone, phones[3].said[1]) == 0
    owner = session(lock)
    assert sorted(listed(owner)) == [0, 1, 2, 4, 5]
    assert owner.done(protocol.ADD_KEY, key(255, MANAGER, NEW)) == b"\x03", "the lowest slot that is free"


def test_a_key_may_be_named_its_slot(directory):
    lock = staff(directory)
    client = session(lock)
    assert client.done(protocol.ADD_KEY, key(15, 3, days=31, begin=9, until=17, start=NOW, end=NOW + DAY)) == b"\x0f"
    entry = listed(client)[15]
    wanted = {"slot": 15, "role": 3, "label": "new", "days": 31, "begin": 9, "until": 17, "start": NOW}
    wanted["end"] = NOW + DAY
    assert entry == wanted
    assert word(client, protocol.ADD_KEY, key(15, 3, bytes(32))) == "slot-taken"
    assert word(client, protocol.ADD_KEY, key(0, 3, bytes(32))) == "slot-taken"
    assert word(client, protocol.ADD_KEY, key(4, 3)) == "bad-key", "its psk is another slot's"
    assert word(client, protocol.REMOVE_KEY, b"\x04") == "no-such-key"
    for slot in (16, 100, 254, 255):
        assert word(client, protocol.REMOVE_KEY, bytes((slot,))) == "no-such-key"


def test_keys_that_are_none(directory):
    lock = staff(directory)
    client = session(lock)
    for arguments in (
        key(16, 3),
        key(254, 3),
        key(4, 0),
        key(4, 5),
        key(4, 255),
        key(4, 3, days=128, end=NEVER),
        key(4, 3, days=1, begin=24),
        key(4, 3, days=1, until=24),
        key(4, 3, begin=9),
        key(4, 3, until=9),
        key(4, 3, start=NOW, end=NOW),
        key(4, 3, start=NOW, end=NOW - 1),
        key(4, 3, start=NEVER),
        key(4, 2, days=1),
        key(4, 1, start=NOW),
        key(4, 4, end=NOW),
        key(4, 2, days=1, begin=1, until=2),
        key(4, 3, label=b"\xff"),
        key(4, 3, label=b"\xc3"),
        key(4, 3, label=b"a\x00b"),
        key(4, 3, label=b"\xed\xa0\x80"),
        key(4, 3, PSK),
    ):
        assert word(client, protocol.ADD_KEY, arguments) == "bad-key", arguments
    for arguments in (key(4, 3, label=b"n" * 17), key(4, 3)[:44], b""):
        assert word(client, protocol.ADD_KEY, arguments) == "bad-request", arguments
    assert sorted(listed(client)) == [0, 1, 2, 3]


def test_removing_a_key_ends_each_of_its_sessions(directory):
    """Two at once, of which one is in the middle of a list."""
    lock = staff(directory)
    full(lock, 200)
    owner, idle, listing = session(lock), session(lock, 1, PSKS[1], "idle"), session(lock, 1, PSKS[1], "listing")
    other = session(lock, 2, PSKS[2], "other")
    answers = []
    for said in listing.session.receive(listing.sealed(7, protocol.LIST_CODES, b"\xff\xff")):
        if said is not None:
            answers.append(bytes(said))
            if len(answers) == 3:
                assert owner.done(protocol.REMOVE_KEY, b"\x01") == b""
                assert idle.session.over
    assert len(listing.unseal(answers)) == 3, "the part that was sealed before is the last"
    assert listing.session.over
    assert idle.say(idle.sealed(7, protocol.UNLOCK)) == [b"\xff\x00"]
    assert listing.say(listing.sealed(8, protocol.UNLOCK)) == [b"\xff\x00"]
    assert other.done(protocol.UNLOCK) == b"\x05"
    assert owner.done(protocol.GET_TIME)[4] == 1
    assert lock.opened == [5]


def test_a_key_that_comes_back_with_less_gets_no_old_session(directory):
    """Removed and added again with the same psk while it lists: the manager's session does not go on as an opener."""
    lock = staff(directory)
    full(lock, 100)
    owner, listing = session(lock), session(lock, 1, PSKS[1], "listing")
    answers = []
    for said in listing.session.receive(listing.sealed(7, protocol.LIST_CODES, b"\xff\xff")):
        if said is not None:
            answers.append(bytes(said))
            if len(answers) == 2:
                owner.done(protocol.REMOVE_KEY, b"\x01")
                owner.done(protocol.ADD_KEY, key(1, OPENER, PSKS[1], label=b"Mia"))
    assert len(answers) == 2
    assert listing.session.over
    again = session(lock, 1, PSKS[1])
    assert word(again, protocol.LIST_CODES, b"\xff\xff") == "not-permitted"
    assert again.done(protocol.UNLOCK) == b"\x05"


def test_an_owner_removes_its_own_key(directory):
    lock = Linked(directory, keys=(AccessKey(7, OWNER, NEW, "Bo"), AccessKey(1, MANAGER, PSKS[1], "Mia")))
    ann, bo = session(lock), session(lock, 7, NEW, "Bo")
    assert ann.done(protocol.REMOVE_KEY, b"\x00") == b"", "answered before its session ends"
    assert ann.session.over
    assert not bo.session.over
    assert word(bo, protocol.REMOVE_KEY, b"\x07") == "last-owner"
    assert bo.done(protocol.REMOVE_KEY, b"\x01") == b""
    assert word(bo, protocol.REMOVE_KEY, b"\x07") == "last-owner"
    assert bo.done(protocol.ADD_KEY, key(255, OWNER, PSK)) == b"\x00"
    assert bo.done(protocol.REMOVE_KEY, b"\x07") == b""
    assert bo.session.over
    lock.restart()
    assert sorted(listed(session(lock))) == [0]


def opener(lock, days=0, begin=0, until=0, start=0, end=NEVER):
    """A session of an opener with this schedule, in slot 2."""
    owner = session(lock)
    if 2 in lock.store.keys:
        owner.done(protocol.REMOVE_KEY, b"\x02")
    owner.done(protocol.ADD_KEY, key(2, OPENER, PSKS[2], b"Oz", days, begin, until, start, end))
    return session(lock, 2, PSKS[2], "Oz")


def test_an_opener_has_days_and_hours(directory):
    """NOW is a Monday, 15:00 UTC; the window is the lock's wall clock's, and may end on the next day."""
    monday = NOW - 15 * HOUR
    lock = staff(directory)
    client = opener(lock, days=0b0000101, begin=22, until=6)  # Monday and Wednesday nights
    for hours, expected in (
        (15, False),
        (21.99, False),
        (22, True),
        (24 + 5.99, True),
        (24 + 6, False),
        (24 + 22, False),
        (48 + 2, False),
        (48 + 22, True),
        (72 + 3, True),
        (72 + 6, False),
        (7 * 24 + 3, False),
        (7 * 24 + 23, True),
    ):
        lock.at(monday + int(hours * HOUR))
        client = session(lock, 2, PSKS[2], "at %s" % hours)
        if expected:
            assert client.done(protocol.UNLOCK) == b"\x05", hours
        else:
            assert word(client, protocol.UNLOCK) == "outside-its-hours", hours
    lock = staff(directory, rule="EST5EDT,M3.2.0,M11.1.0")
    client = opener(lock, days=0b0000001, begin=9, until=11)
    assert client.done(protocol.UNLOCK) == b"\x05", "10:00 in New York"
    lock.wait(HOUR)
    assert word(session(lock, 2, PSKS[2], "later"), protocol.UNLOCK) == "outside-its-hours"
    client = opener(lock, days=0b0000001, begin=0, until=0)
    assert client.done(protocol.UNLOCK) == b"\x05", "equal: until the same hour of the next day"


def test_an_opener_has_a_start_and_an_end(directory):
    lock = staff(directory)
    client = opener(lock, start=NOW + HOUR, end=NOW + 2 * HOUR)
    for seconds, expected in ((0, "not-yet"), (3599, "not-yet"), (3600, ""), (7199, ""), (7200, "expired")):
        lock.at(NOW + seconds)
        client = session(lock, 2, PSKS[2], "at %d" % seconds)
        if expected:
            assert word(client, protocol.UNLOCK) == expected
        else:
            assert client.done(protocol.UNLOCK) == b"\x05"
    lock.restart(30 * DAY)
    assert word(session(lock, 2, PSKS[2]), protocol.UNLOCK) == "expired"


def test_an_opener_with_times_needs_a_clock_that_can_be_believed(directory):
    lock = staff(directory)
    for limits in ({"days": 127}, {"end": NOW + DAY}, {"start": NOW - DAY}):
        client = opener(lock, **limits)
        assert client.done(protocol.UNLOCK) == b"\x05"
        lock.rtc.ok = False
        assert word(client, protocol.UNLOCK) == "time-untrusted", limits
        lock.rtc.ok = True
        lock.rtc.now -= 2 * DAY  # behind what it has seen: as good as none
        assert word(client, protocol.UNLOCK) == "time-untrusted", limits
        lock.rtc.now += 2 * DAY
    client = opener(lock)
    lock.rtc.ok = False
    assert client.done(protocol.UNLOCK) == b"\x05", "a key without times opens"
    assert session(lock).done(protocol.UNLOCK) == b"\x05"


def test_revocation_is_not_the_clients(directory):
    """A client of one's own making, with a key that was removed or with less of a role, gets no further."""
    lock = staff(directory)
    old = session(lock, 1, PSKS[1])
    said = old.sealed(5, protocol.ADD_CODE, add(b"8642"))
    lock.owner.remove_key(1)
    assert old.say(said) == [b"\xff\x00"], "also when it was removed on the spot"
    assert not lock.store.book.find(lock.scheme.tag("8642"))
    stubborn = visitor(lock)
    stubborn.hello(1)
    assert refused(stubborn, old.said[1]) == 0
    identifier = session(lock, 3, PSKS[3])
    for command in range(2, 256):
        assert identifier.ask(command, bytes(8))[0] in ("not-permitted", "unknown-command")
    assert lock.opened == []
    assert identifier.ask(protocol.READ_LOG, u32(0) + u16(9))[0] == "not-permitted"
