"""The commands of the link, from docs/spec/link.md: what each answers, who may, which arguments, which refusals."""

from tests.dual.support import link_decoder as decoder
from tests.dual.support.link_tools import NEVER, PSKS, add, change, code, key, memory, session, staff, u16, u32, word
from tests.dual.support.lock import DAY, HOUR, NOW
from tests.dual.support.noise_attacks import Counted
from tumbler_lock.core import protocol
from tumbler_lock.core.config import Config
from tumbler_lock.core.policy import STRICT
from tumbler_lock.core.tickets import ONE_TIME, PERMANENT, RECURRING, TIMED

# Every command of the table: number, arguments that would do, and who may.
ALL, MOST, TWO, ONE = {1, 2, 3, 4}, {1, 2, 3}, {1, 2}, {1}
COMMANDS = (
    (0x01, b"", ALL),
    (0x02, b"", MOST),
    (0x03, u32(NOW), TWO),
    (0x10, add(b"8642"), TWO),
    (0x11, change(b"97531", 4, end=NOW + 48 * HOUR), TWO),
    (0x12, code(b"97531"), TWO),
    (0x13, b"\xff\xff", TWO),
    (0x20, b"", MOST),
    (0x30, u32(0) + u16(3), TWO),
    (0x40, b"", TWO),
    (0x41, b"\x03\x01\x09", ONE),
    (0x50, b"", ONE),
    (0x51, key(255, 3), ONE),
    (0x52, b"\x03", ONE),
    (0x60, b"", ONE),
    (0x61, b"", ONE),
)
UPDATES = (0x80, 0x81, 0x82, 0x83)  # for owners, on a lock with slots: tests/dual/core/test_updates.py


def test_every_role_and_every_command(directory):
    """Done or not permitted, as the table says; who may not is told so before anybody looks at the arguments."""
    with Counted():
        for slot in range(4):
            for number, arguments, may in COMMANDS:
                lock = staff(directory)
                lock.owner.add_custom("97531")
                lock.held = True
                client = session(lock, slot, PSKS[slot])
                role = decoder.identify(client.done(protocol.IDENTIFY))["role"]
                assert role == slot + 1
                if role in may:
                    assert word(client, number, arguments) == "done", (role, number)
                else:
                    assert word(client, number, arguments) == "not-permitted", (role, number)
                    assert word(client, number, arguments + bytes(200)) == "not-permitted", (role, number)


def test_commands_that_there_are_not(directory):
    lock = staff(directory)
    known = [entry[0] for entry in COMMANDS] + list(UPDATES)
    for slot in range(4):
        client = session(lock, slot, PSKS[slot])
        for number in range(256):
            if number not in known:
                assert word(client, number) == "unknown-command"
                assert word(client, number, bytes(32)) == "unknown-command"


def test_arguments_of_another_length(directory):
    """One byte less, one more, none, and many more, at both ends."""
    lock = staff(directory)
    lock.owner.add_custom("97531")
    client = session(lock)
    tag = lock.scheme.tag("97531")
    longest = [
        (0x10, add(b"864208642")),
        (0x11, change(b"975319753", 12, end=NOW + 48 * HOUR, digits=b"864208642")),
        (0x12, code(tag)),
        (0x51, key(255, 3, label=b"0123456789abcdef")),
        (0x41, b"\x07\x11" + b"n" * 17),
    ]
    for number, arguments in [entry[:2] for entry in COMMANDS] + longest:
        wrong = [arguments + bytes(250 - len(arguments))]
        if arguments:
            wrong += [arguments[:5] if len(arguments) > 6 else arguments[1:], b""]
        if number not in (0x10, 0x11, 0x12, 0x51):  # a byte more or less than digits or a label
            wrong += [arguments + b"\x00"] + ([arguments[:-1]] if arguments else [])
        elif (number, arguments) in longest:
            wrong += [arguments + b"0"]
        for attempt in wrong:
            expected = "nothing-named" if number == 0x41 and not attempt else "bad-request"
            assert word(client, number, attempt) == expected, (number, attempt)
    for number, shortest in ((0x10, add(b"8642")), (0x11, change(b"9753", 4)), (0x12, code(b"9753"))):
        assert word(client, number, shortest[:-1]) == "bad-request", number
    assert word(client, 0x51, key(255, 3, label=b"")[:-1]) == "bad-request"


def test_identify(directory):
    lock = staff(directory, now=NOW)
    for slot, label in enumerate(("Ann", "Mia", "Oz", "Gate")):
        told = decoder.identify(session(lock, slot, PSKS[slot]).done(protocol.IDENTIFY))
        assert (told["slot"], told["role"], told["label"]) == (slot, slot + 1, label)
        assert (told["version"], told["major"], told["minor"], told["patch"]) == (1, 0, 1, 0)
        assert (told["flags"], told["battery"], told["time"], told["epoch"]) == (1, 255, NOW, 0)
        assert (told["codes"], told["room"], told["oldest"], told["newest"], told["guesses"]) == (0, 1000, 1, 0, 8)
    client = session(lock)
    lock.charge = 67
    lock.owner.add_custom("8642")
    lock.owner.erase()
    lock.owner.add_custom("8642")
    lock.owner.add_custom("97531")
    lock.enter("111111")
    lock.open(5)
    told = decoder.identify(client.done(protocol.IDENTIFY))
    assert (told["flags"], told["battery"], told["epoch"], told["codes"]) == (3, 67, 1, 2)
    assert (told["oldest"], told["newest"], told["guesses"]) == (1, 5, 7)
    assert told["id"] == client.lock_id
    for _ in range(7):
        lock.enter("111111")
    lock.rtc.ok = False
    lock.store.journal.in_doubt = True
    told = decoder.identify(client.done(protocol.IDENTIFY))
    assert (told["flags"], told["guesses"]) == (2 + 4 + 8, 0)


def test_time(directory):
    lock = staff(directory)
    client = session(lock)
    assert client.done(protocol.GET_TIME) == u32(NOW) + b"\x01"
    lock.rtc.ok = False
    lock.wait(27)
    assert client.done(protocol.GET_TIME) == u32(NOW + 27) + b"\x00"
    assert client.done(protocol.SET_TIME, u32(NOW + 1000)) == b""
    assert lock.rtc.now == NOW + 1000
    assert client.done(protocol.GET_TIME) == u32(NOW + 1000) + b"\x01"
    assert word(client, protocol.SET_TIME, u32(0)) == "bad-time"
    assert word(client, protocol.SET_TIME, u32(1_577_836_799)) == "bad-time", "before 2020"
    assert word(client, protocol.SET_TIME, u32(4_102_444_800)) == "bad-time", "after 2099"
    lock.rtc.answers = False
    assert word(client, protocol.SET_TIME, u32(NOW)) == "clock-fault"
    assert client.done(protocol.GET_TIME)[4:] == b"\x00"


def test_a_manager_moves_the_clock_on_by_a_day_at_most_and_never_back(directory):
    lock = staff(directory)
    client = session(lock, 1, PSKS[1])
    for far in (NOW + DAY + 1, lock.store.latest_trusted - 1, NOW + 70 * 365 * DAY):
        assert word(client, protocol.SET_TIME, u32(far)) == "not-permitted"
        assert lock.rtc.now == NOW
    assert client.done(protocol.SET_TIME, u32(NOW + DAY), 77) == b""
    assert client.done(protocol.SET_TIME, u32(NOW + DAY), 77) == b"", "the same once more"
    assert word(client, protocol.SET_TIME, u32(NOW + DAY - 1)) == "not-permitted", "steps back would add up"
    lock.wait(20)
    assert client.done(protocol.SET_TIME, u32(NOW + DAY + 10)) == b"", "a clock that is fast, since the last event"
    lock.rtc.ok = False
    assert word(client, protocol.SET_TIME, u32(lock.store.latest_trusted - 1)) == "not-permitted"
    assert word(client, protocol.SET_TIME, u32(lock.store.latest_trusted + 366 * DAY + 1)) == "not-permitted"
    assert client.done(protocol.SET_TIME, u32(lock.store.latest_trusted + 366 * DAY)) == b"", (
        "a clock that stood for a year"
    )
    assert session(lock).done(protocol.SET_TIME, u32(NOW)) == b"", "an owner sets whatever it is"


def test_no_manager_brings_back_to_life_what_has_expired(directory):
    lock = staff(directory)
    session(lock).done(protocol.ADD_CODE, add(b"8642", NOW, NOW + DAY))
    lock.wait(3 * DAY)
    assert lock.verifier.enter("8642").reason == "expired"
    client = session(lock, 1, PSKS[1])
    for back in range(60, 4 * DAY, 3600):
        if word(client, protocol.SET_TIME, u32(lock.rtc.now - back)) != "not-permitted":
            raise AssertionError(back)
    assert lock.verifier.enter("8642").reason == "expired"


def test_few_refused_digits_and_openings_in_a_row(directory):
    """Refusals tell which digits are codes, and openings fill the log: only an owner may have many."""
    lock = staff(directory)
    lock.owner.add_custom("4711", insist=True)
    manager, opener, owner = (session(lock, slot, PSKS[slot]) for slot in (1, 2, 0))
    for number in range(8):
        assert word(manager, protocol.DELETE_CODE, code(b"%04d" % (number * 7 + 1))) == "no-such-code"
        assert opener.done(protocol.UNLOCK) == b"\x05"
    before = memory(lock)
    for client in (manager, opener):
        assert word(client, protocol.UNLOCK) == "too-many"
    for command, arguments in (
        (protocol.DELETE_CODE, code(b"4711")),
        (protocol.ADD_CODE, add(b"864209")),
        (protocol.CHANGE_CODE, change(b"4711", 4, end=NOW + HOUR)),
    ):
        assert word(manager, command, arguments) == "too-many"
    assert memory(lock) == before
    for number in range(20):
        assert word(owner, protocol.DELETE_CODE, code(b"%04d" % (number * 7 + 1))) == "no-such-code"
        assert owner.done(protocol.UNLOCK) == b"\x05"
    lock.wait(299)
    assert word(session(lock, 1, PSKS[1], "again"), protocol.DELETE_CODE, code(b"4711")) == "too-many"
    lock.wait(1)
    assert session(lock, 1, PSKS[1], "later").done(protocol.DELETE_CODE, code(b"4711")) == lock.scheme.tag("4711")


def test_a_repeated_request_is_answered_however_many_there_were(directory):
    lock = staff(directory)
    client = session(lock, 2, PSKS[2])
    for number in range(8):
        client.done(protocol.UNLOCK, request=number + 1)
    assert client.done(protocol.UNLOCK, request=8) == b"\0"
    assert word(client, protocol.UNLOCK, request=9) == "too-many"


def test_codes_added_changed_and_deleted(directory):
    lock = staff(directory)
    client = session(lock, 1, PSKS[1])
    tag = client.done(protocol.ADD_CODE, add(b"8642", NOW + HOUR, NOW + 3 * HOUR))
    assert tag == lock.scheme.tag("8642")
    assert lock.enter("8642") == "refused not-yet"
    assert client.done(protocol.CHANGE_CODE, change(b"8642", 2, start=NOW)) == tag
    assert lock.enter("8642") == "open"
    assert client.done(protocol.CHANGE_CODE, change(tag, 8, digits=b"975310")) == lock.scheme.tag("975310")
    assert lock.enter("8642") == "refused wrong"
    assert lock.enter("975310") == "open"
    lock.at(NOW + 3 * HOUR)
    assert lock.enter("975310") == "refused expired", "the end stayed"
    client = session(lock, 1, PSKS[1], "later")
    assert client.done(protocol.CHANGE_CODE, change(b"975310", 4, end=NEVER)) == lock.scheme.tag("975310")
    assert lock.enter("975310") == "open"
    assert client.done(protocol.DELETE_CODE, code(lock.scheme.tag("975310"))) == lock.scheme.tag("975310")
    assert lock.enter("975310") == "refused wrong"


def test_a_change_keeps_every_limit_that_it_does_not_name(directory):
    """Over the link, for codes of every kind: digits, end and start changed one by one."""
    lock = staff(directory)
    client = session(lock)
    codes = {
        "one-time": lock.code(ONE_TIME),
        "timed": lock.code(TIMED, hours=30),
        "recurring": lock.code(RECURRING, until_hour=18),
        "permanent": lock.code(PERMANENT),
    }
    client.done(protocol.ADD_CODE, add(b"8642", NOW, NOW + 20 * HOUR))
    codes["custom"] = "8642"
    new = 0
    for kind, digits in codes.items():
        before = lock.verifier.find(digits, lock.rtc.now)
        replaced = b"%d" % (73_519_026 + new)
        new += 1_111
        assert client.done(protocol.CHANGE_CODE, change(digits.encode(), 8, digits=replaced)) == lock.scheme.tag(
            replaced.decode()
        )
        after = lock.verifier.find(replaced.decode(), lock.rtc.now)
        for field in ("kind", "state", "cycle", "begin", "until", "weekday", "start", "end"):
            assert getattr(before, field) == getattr(after, field), (kind, field)
        assert lock.enter(digits) != "open", "what was replaced is dead"
        end = NOW + 10 * HOUR
        client.done(protocol.CHANGE_CODE, change(replaced, 4, end=end))
        after = lock.verifier.find(replaced.decode(), lock.rtc.now)
        assert (after.start, after.end, after.kind) == (before.start, end, before.kind), kind
        assert (after.begin, after.until, after.state) == (before.begin, before.until, before.state), kind
        codes[kind] = replaced.decode()
    assert lock.enter(codes["one-time"]) == "open"
    assert lock.enter(codes["one-time"]) == "refused already-used"
    lock.at(NOW + 5 * HOUR)
    assert lock.enter(codes["recurring"]) == "refused outside-its-hours"
    lock.at(NOW + 10 * HOUR)
    for kind in ("timed", "permanent", "custom"):
        assert lock.enter(codes[kind]) == "refused expired", kind


def test_unused_codes_can_be_deleted(directory):
    """By their digits alone, before anybody typed them; afterwards they never open."""
    lock = staff(directory)
    client = session(lock)
    for kind, more in ((ONE_TIME, {}), (PERMANENT, {}), (TIMED, {"hours": 50}), (RECURRING, {"until_hour": 23})):
        digits = lock.code(kind, **more)
        assert client.done(protocol.DELETE_CODE, code(digits.encode())) == lock.scheme.tag(digits)
        assert lock.enter(digits) == "refused revoked"
        assert word(client, protocol.DELETE_CODE, code(digits.encode())) == "revoked"
        assert word(client, protocol.CHANGE_CODE, change(digits.encode(), 4, end=NEVER)) == "revoked"
        lock.restart()
        client = session(lock)
        assert lock.enter(digits) == "refused revoked"


def test_refusals_of_codes(directory):
    lock = staff(directory)
    client = session(lock)
    client.done(protocol.ADD_CODE, add(b"8642"))
    used = lock.code(ONE_TIME)
    assert lock.enter(used) == "open"
    tag = lock.scheme.tag("8642")
    for digits in (b"86 42", b"864a", b"\xb2642", b"----", b"864\x00", b"\xd9\xa3\xd9\xa3"):
        assert word(client, protocol.ADD_CODE, add(digits)) == "bad-digits"
        assert word(client, protocol.DELETE_CODE, bytes((len(digits),)) + digits) == "bad-digits"
        assert word(client, protocol.CHANGE_CODE, change(b"8642", 8, digits=digits)) == "bad-digits"
    assert word(client, protocol.CHANGE_CODE, change(b"8642", 8, digits=b"864")) in ("bad-digits", "bad-request")
    assert word(client, protocol.ADD_CODE, add(b"1111")) == "weak-digits"
    assert word(client, protocol.ADD_CODE, add(b"1234")) == "weak-digits"
    assert word(client, protocol.CHANGE_CODE, change(tag, 8, digits=b"121212")) == "weak-digits"
    assert word(client, protocol.ADD_CODE, add(b"97531", NOW + 1)) == "bad-time"
    assert word(client, protocol.ADD_CODE, add(b"97531", NOW + HOUR, NOW + HOUR)) == "bad-time"
    assert word(client, protocol.ADD_CODE, add(b"97531", 0, NOW - HOUR)) == "already-over"
    assert word(client, protocol.ADD_CODE, add(b"8642")) == "code-exists"
    assert word(client, protocol.CHANGE_CODE, change(used.encode(), 8, digits=b"8642")) == "already-used"
    assert word(client, protocol.DELETE_CODE, code(b"77777777")) == "no-such-code"
    assert word(client, protocol.DELETE_CODE, code(bytes(8))) == "no-such-code"
    assert word(client, protocol.CHANGE_CODE, change(b"77777777", 4, end=NEVER)) == "no-such-code"
    assert word(client, protocol.CHANGE_CODE, change(b"8642", 0)) == "nothing-named"
    assert word(client, protocol.CHANGE_CODE, change(b"8642", 1)) == "nothing-named"
    assert word(client, protocol.CHANGE_CODE, change(b"8642", 8, digits=b"8642")) == "nothing-named"
    assert client.done(protocol.ADD_CODE, add(b"1111", insist=1)) == lock.scheme.tag("1111")
    assert word(client, protocol.CHANGE_CODE, change(b"8642", 8, digits=b"1111")) == "code-exists"
    assert client.done(protocol.CHANGE_CODE, change(b"8642", 9, digits=b"2222")) == lock.scheme.tag("2222")


def test_flags_and_fields_that_contradict(directory):
    lock = staff(directory)
    client = session(lock)
    client.done(protocol.ADD_CODE, add(b"8642"))
    for insist in (2, 3, 128, 255):
        assert word(client, protocol.ADD_CODE, add(b"97531", insist=insist)) == "bad-request"
    for arguments in (
        change(b"8642", 16),
        change(b"8642", 255),
        change(b"8642", 4, start=NOW, end=NEVER),
        change(b"8642", 2, start=NOW, end=NEVER),
        change(b"8642", 0, start=NOW),
        change(b"8642", 4, end=NEVER, digits=b"97531"),
        change(b"8642", 8),
        change(b"8642", 8 + 4, end=NEVER),
        bytes(9) + b"\x09" + b"8642",
        bytes(9) + b"\xff" + b"8642",
        b"\x04" + bytes(4) + b"\xff\xff\xff\xff\x00" + bytes(7),
    ):
        assert word(client, protocol.CHANGE_CODE, arguments) == "bad-request", arguments
    for arguments in (b"\x09" + b"8642", b"\x00" + bytes(7), b"\x00" + bytes(9), b"\x048642" + b"0", b"\x05" + b"8642"):
        assert word(client, protocol.DELETE_CODE, arguments) == "bad-request", arguments
    for size in (1, 2, 3, 10, 200):
        assert word(client, protocol.DELETE_CODE, bytes((size,)) + b"8642864") in ("bad-request", "bad-digits")


def test_a_full_book_and_a_flash_that_takes_nothing(directory):
    lock = staff(directory)
    client = session(lock)
    book = lock.store.book
    book.capacity = 2
    client.done(protocol.ADD_CODE, add(b"8642"))
    client.done(protocol.ADD_CODE, add(b"97531"))
    assert word(client, protocol.ADD_CODE, add(b"975313")) == "store-full"
    book.capacity = 1000
    lock.store.journal.in_doubt = True
    for number, arguments in (
        (protocol.SET_TIME, u32(NOW)),
        (protocol.ADD_CODE, add(b"975313")),
        (protocol.CHANGE_CODE, change(b"8642", 4, end=NOW + 40 * HOUR)),
        (protocol.DELETE_CODE, code(b"8642")),
        (protocol.SET_CONFIG, b"\x03\x01\x09"),
        (protocol.ADD_KEY, key(255, 3)),
        (protocol.REMOVE_KEY, b"\x03"),
        (protocol.ERASE_CODES, b""),
    ):
        assert word(client, number, arguments) == "store-full", number
    assert client.done(protocol.UNLOCK) == b"\x05", "residents are not shut out"


def test_unlock_and_erase(directory):
    lock = staff(directory)
    for slot in range(3):
        assert session(lock, slot, PSKS[slot]).done(protocol.UNLOCK) == b"\x05"
    assert lock.opened == [5, 5, 5]
    lock.owner.configure(Config("UTC0", autolock=60))
    assert session(lock).done(protocol.UNLOCK) == b"\x3c"
    lock.owner.add_custom("8642")
    offline = lock.code(PERMANENT)
    client = session(lock)
    assert client.done(protocol.ERASE_CODES) == b"\x00\x01"
    assert lock.enter("8642") == "refused wrong"
    assert lock.enter(offline) == "refused wrong"
    assert client.done(protocol.ERASE_CODES) == b"\x00\x02"


def test_settings(directory):
    lock = staff(directory)
    client = session(lock)
    first = decoder.settings(client.done(protocol.GET_CONFIG))
    standard = b"\x3f\x06\x22\x50\x01"  # all kinds, from 6 digits, 8,784 hours, variants
    assert first == {1: b"UTC0", 2: b"\x60", 3: b"\x05", 4: b"\x01", 5: standard, 6: bytes(3), 7: b""}
    changes = {1: b"CET-1CEST,M3.5.0,M10.5.0/3", 2: b"\x30", 3: b"\x0c", 4: b"\x00", 5: STRICT.pack()}
    changes.update({6: b"\x1f\x09\x11", 7: b"Front door"})
    for field, value in changes.items():
        assert client.done(protocol.SET_CONFIG, bytes((field, len(value))) + value) == b""
        first[field] = value
        assert decoder.settings(client.done(protocol.GET_CONFIG)) == first
    lock.restart()
    client = session(lock)
    everything = client.done(protocol.GET_CONFIG)
    assert decoder.settings(everything) == changes, "on flash"
    assert client.done(protocol.SET_CONFIG, b"\x03\x01\x3c\x07\x00") == b""
    first.update({3: b"\x3c", 7: b""})
    assert decoder.settings(client.done(protocol.GET_CONFIG)) == first
    assert client.done(protocol.SET_CONFIG, everything) == b""
    assert client.done(protocol.GET_CONFIG) == everything
    long = "<" + "A" * 48 + ">0<" + "B" * 30 + ">,M3.5.0,M10.5.0"
    assert 96 <= len(long) <= 100
    assert client.done(protocol.SET_CONFIG, bytes((1, len(long))) + long.encode() + b"\x07\x11" + b"n" * 17) == b""
    assert decoder.settings(client.done(protocol.GET_CONFIG))[1] == long.encode()


def test_settings_refused(directory):
    lock = staff(directory)
    client = session(lock)
    for arguments in (
        b"\x03",
        b"\x03\x01",
        b"\x03\x00",
        b"\x03\x02\x05\x05",
        b"\x00\x01\x05",
        b"\x08\x01\x05",
        b"\xff\x01\x05",
        b"\x03\x01\x05\x03\x01\x06",
        b"\x04\x01\x01\x03\x01\x05",
        b"\x03\x01\x05\x04",
        b"\x05\x04\x3f\x06\x22\x50",
        b"\x05\x06\x3f\x06\x22\x50\x01\x01",
        b"\x06\x02\x00\x00",
        b"\x01\x00",
        b"\x01\x65" + b"A" * 101,
        b"\x07\x12" + b"n" * 18,
    ):
        assert word(client, protocol.SET_CONFIG, arguments) == "bad-request", arguments
    for arguments in (
        b"\x01\x04nope",
        b"\x01\x05UTC0\x00",
        b"\x01\x05UTC0\xff",
        b"\x02\x01\x00",
        b"\x02\x01\x7f",
        b"\x02\x01\x80",
        b"\x03\x01\x00",
        b"\x03\x01\x3d",
        b"\x04\x01\x02",
        b"\x05\x05\x40\x06\x22\x50\x01",
        b"\x05\x05\x3f\x05\x22\x50\x01",
        b"\x05\x05\x3f\x06\x22\x51\x01",
        b"\x05\x05\x3f\x06\x00\x00\x01",
        b"\x05\x05\x3f\x06\x22\x50\x02",
        b"\x06\x03\x80\x09\x11",
        b"\x06\x03\x1f\x18\x11",
        b"\x06\x03\x00\x09\x11",
        b"\x07\x03a\nb",
        b"\x07\x02\xc3\xa9",
        b"\x03\x01\x09\x04\x01\x02",  # the first of the two is not set either
    ):
        assert word(client, protocol.SET_CONFIG, arguments) == "bad-setting", arguments
    assert word(client, protocol.SET_CONFIG, b"") == "nothing-named"


def test_factory_reset_needs_the_button(directory):
    lock = staff(directory)
    client, other = session(lock), session(lock, 1, PSKS[1], "other")
    assert word(client, protocol.RESET) == "button-needed"
    lock.held = True
    assert word(client, protocol.RESET, b"\x00") == "bad-request"
    assert client.done(protocol.RESET) == b""
    assert client.session.over
    assert lock.anew
    assert other.say(other.sealed(7, protocol.IDENTIFY)) == [b"\xff\x00"], "nobody has a key any more"
    lock.held = False
    lock.start()
    assert lock.trouble == "no-secret"
    again = session(lock, 255)
    assert again.lock_id == bytes(8)
    assert word(again, protocol.RESET) == "unknown-command"
