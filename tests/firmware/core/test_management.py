"""The owner's commands, against docs/spec/entries.md."""

import pytest

from tests.dual.power.model import state_of
from tests.dual.support.lock import DAY, HOUR, NOW, Lock
from tumbler_lock.core.codebook import NEVER
from tumbler_lock.core.config import Config
from tumbler_lock.core.errors import Refused, StoreFull
from tumbler_lock.core.event_names import EVENT_NAMES
from tumbler_lock.core.events import (
    ADDED,
    ALL_ERASED,
    BATTERY,
    CHANGED,
    CONFIGURED,
    CREATED,
    DELETED,
    EXIT,
    FAULT,
    KEY_ADDED,
    KEY_REMOVED,
    PASSAGE,
    TIME_SET,
    UNLOCKED,
    UPDATED,
)
from tumbler_lock.core.keys import IDENTIFIER, MANAGER, OPENER, OWNER, AccessKey
from tumbler_lock.core.management import LOCAL, By
from tumbler_lock.core.policy import STRICT
from tumbler_lock.core.tickets import DAILY, ONE_TIME, PERMANENT, RECURRING, REVOKE, TIMED


@pytest.fixture
def lock(tmp_path):
    return Lock(str(tmp_path))


def refusal(command, *args, **kwargs):
    """The reason word of a refused command, which must change nothing and name no digits."""
    with pytest.raises(Refused) as caught:
        command(*args, **kwargs)
    words = str(caught.value)
    assert not any(str(arg) in words for arg in args if isinstance(arg, str) and len(arg) > 3)
    return caught.value.reason


def test_custom_permanent(lock):
    for digits in ("2468", "13579", "112233", "986754321"):
        lock.owner.add_custom(digits)
        assert lock.enter(digits) == "open"
    lock.restart(off=900 * DAY)
    assert lock.enter("2468") == "open"


def test_custom_with_start_and_end(lock):
    lock.owner.add_custom("2468", start=NOW + 2 * HOUR, end=NOW + 5 * HOUR)
    for offset, expected in ((0, "refused not-yet"), (7199, "refused not-yet"), (7200, "open"), (17999, "open")):
        lock.at(NOW + offset)
        assert lock.enter("2468") == expected
    lock.at(NOW + 5 * HOUR)
    assert lock.enter("2468") == "refused expired"


def test_custom_needs_no_first_use(lock):
    lock.owner.add_custom("2468", end=NOW + 300 * DAY)
    lock.at(NOW + 200 * DAY)
    assert lock.enter("2468") == "open"


def test_delete_custom(lock):
    lock.owner.add_custom("2468")
    lock.owner.delete("2468")
    assert lock.enter("2468") == "refused wrong"
    assert refusal(lock.owner.delete, "2468") == "no-such-code"
    lock.owner.add_custom("2468")
    assert lock.enter("2468") == "open"


@pytest.mark.parametrize("used", [True, False])
@pytest.mark.parametrize(("kind", "extra"), [(PERMANENT, {}), (TIMED, {"hours": 90}), (RECURRING, {"until_hour": 23})])
def test_delete_offline(lock, kind, extra, used):
    code = lock.code(kind, **extra)
    if used:
        assert lock.enter(code) == "open"
    lock.owner.delete(code)
    lock.restart()
    assert lock.enter(code) == "refused revoked"
    assert refusal(lock.owner.change, code, start=NOW + HOUR) == "revoked"
    assert refusal(lock.owner.delete, code) == "revoked"


def test_deleting_a_custom_code_does_not_revive_the_revoked_code_of_the_same_digits(lock):
    code = lock.code(PERMANENT)
    lock.owner.delete(code)
    lock.owner.add_custom(code)
    assert lock.enter(code) == "open"
    lock.owner.delete(code)
    assert lock.enter(code) == "refused revoked"


def test_delete_one_time_before_its_use(lock):
    code = lock.code(ONE_TIME)
    lock.owner.delete(code)
    assert lock.enter(code) == "refused revoked"


@pytest.mark.parametrize("used", [True, False])
def test_change_of_the_end_keeps_the_rest(lock, used):
    code = lock.code(TIMED, hours=48)
    if used:
        assert lock.enter(code) == "open"
    lock.owner.change(code, end=NOW + 96 * HOUR)
    if not used:
        lock.at(NOW + 25 * HOUR)
        assert lock.enter(code) == "refused first-use-missed", "the first-use window was not named, so it stays"
        return
    lock.at(NOW + 95 * HOUR)
    assert lock.enter(code) == "open"
    lock.at(NOW + 96 * HOUR)
    assert lock.enter(code) == "refused expired"


def test_change_of_the_end_of_a_permanent_code(lock):
    code = lock.code(PERMANENT)
    lock.enter(code)
    lock.owner.change(code, end=NOW + 10 * HOUR)
    lock.at(NOW + 10 * HOUR)
    assert lock.enter(code) == "refused expired"


def test_a_new_start_wakes_a_code_that_missed_its_first_use_with_a_window_of_its_own(lock):
    code = lock.code(TIMED, hours=500)
    lock.at(NOW + 30 * HOUR)
    assert lock.enter(code) == "refused first-use-missed"
    lock.owner.change(code, start=NOW + 40 * HOUR)
    assert lock.enter(code) == "refused not-yet"
    lock.at(NOW + 63 * HOUR)
    assert lock.enter(code) == "open"
    lock.at(NOW + 499 * HOUR)
    assert lock.enter(code) == "open"
    lock.at(NOW + 500 * HOUR)
    assert lock.enter(code) == "refused expired", "the end was not named, so it stays"


def test_a_changed_one_time_code_still_opens_once(lock):
    code = lock.code(ONE_TIME)
    lock.owner.change(code, start=NOW + DAY)
    lock.at(NOW + DAY)
    assert lock.enter(code) == "open"
    assert lock.enter(code) == "refused already-used"
    assert refusal(lock.owner.change, code, start=NOW + 2 * DAY) == "already-used"


def test_a_changed_recurring_code_keeps_its_hours(lock):
    code = lock.code(RECURRING, cycle=DAILY, until_hour=17)
    lock.enter(code)
    lock.owner.change(code, end=NOW + 10 * DAY)
    lock.at(NOW + DAY + 3 * HOUR)
    assert lock.enter(code) == "refused outside-its-hours"
    lock.at(NOW + 2 * DAY)
    assert lock.enter(code) == "open"


@pytest.mark.parametrize("used", [True, False])
def test_new_digits_keep_the_times_and_end_the_old_digits(lock, used):
    code = lock.code(TIMED, hours=100)
    if used:
        assert lock.enter(code) == "open"
    before = lock.store.commits
    lock.owner.change(code, new_digits="24680")
    assert lock.store.commits == before + 1
    assert lock.enter("24680") == "open"
    assert lock.enter(code) == "refused revoked"
    lock.at(NOW + 100 * HOUR)
    assert lock.enter("24680") == "refused expired"


def test_new_digits_of_a_custom_code(lock):
    lock.owner.add_custom("2468", end=NOW + 5 * HOUR)
    lock.owner.change("2468", new_digits="1357")
    assert [lock.enter("2468"), lock.enter("1357")] == ["refused wrong", "open"]
    assert len(lock.store.book) == 1


def test_refusals(lock):
    owner = lock.owner
    owner.add_custom("2468")
    owner.add_custom("1357", end=NOW + HOUR)
    for digits in ("", "123", "1234567890", "12a4", "１２３４"):
        assert refusal(owner.add_custom, digits) == "bad-digits"
        assert refusal(owner.change, digits, end=NOW + DAY) == "bad-digits"
        assert refusal(owner.delete, digits) == "bad-digits"
    assert refusal(owner.add_custom, "2468") == "code-exists"
    assert refusal(owner.add_custom, "9999", end=NOW) == "already-over"
    assert refusal(owner.add_custom, "9999", start=NOW + DAY, end=NOW + DAY) == "bad-time"
    assert refusal(owner.add_custom, "9999", start=NOW + 1) == "bad-time"
    assert refusal(owner.add_custom, "9999", start=2**32 - 1) == "bad-time"
    assert refusal(owner.add_custom, "9999", end=2**32 - 2) == "bad-time"
    assert refusal(owner.add_custom, "9999", start=-HOUR) == "bad-time"
    assert refusal(owner.change, "1357", start=NOW + HOUR) == "bad-time"
    assert refusal(owner.change, "2468") == "nothing-named"
    assert refusal(owner.change, "2468", new_digits="1357") == "code-exists"
    assert refusal(owner.change, "9999", end=NOW + HOUR) == "no-such-code"
    assert refusal(owner.set_time, 0) == "bad-time"
    assert refusal(owner.set_time, 2**33) == "bad-time"
    lock.rtc.answers = False
    assert refusal(owner.set_time, NOW) == "clock-fault"
    lock.rtc.answers = True
    assert sorted(code.length for code in lock.store.book.codes()) == [4, 4]
    assert [lock.enter("2468"), lock.enter("1357")] == ["open", "open"]


def test_whole_hours_of_a_zone_with_a_half(tmp_path):
    lock = Lock(str(tmp_path), rule="IST-5:30")
    assert refusal(lock.owner.add_custom, "2468", start=NOW) == "bad-time"
    lock.owner.add_custom("2468", start=NOW - 30 * 60)
    assert lock.enter("2468") == "open"


def test_an_expired_custom_code_can_be_added_again(lock):
    lock.owner.add_custom("2468", end=NOW + HOUR)
    lock.at(NOW + HOUR)
    lock.owner.add_custom("2468", end=NOW + 3 * HOUR)
    assert lock.enter("2468") == "open"


def test_setting_the_time_while_it_is_untrusted(lock):
    lock.rtc.ok = False
    lock.rtc.now = 946_684_800
    lock.restart()
    lock.owner.set_time(NOW + 5)
    assert lock.clock.read() == (NOW + 5, True)
    lock.restart(off=10)
    assert lock.clock.read() == (NOW + 15, True)
    lock.owner.set_time(NOW - DAY)
    lock.restart()
    assert lock.clock.read() == (NOW - DAY, True)


def test_owner_works_while_time_is_untrusted(lock):
    lock.rtc.ok = False
    lock.owner.add_custom("2468")
    assert lock.enter("2468") == "open"
    lock.owner.delete("2468")
    assert lock.enter("2468") == "refused time-untrusted"


@pytest.mark.parametrize("kind", [ONE_TIME, TIMED])
def test_a_custom_code_with_the_digits_of_an_unseen_ticket_leaves_it_dead(lock, kind):
    code = lock.code(kind, hours=100 if kind == TIMED else 0)
    lock.owner.add_custom(code)
    assert lock.enter(code) == "open"
    lock.owner.delete(code)
    assert lock.enter(code) == "refused revoked"


def test_new_digits_that_are_an_unseen_ticket_leave_it_dead(lock):
    code = lock.code(TIMED, hours=100)
    lock.owner.add_custom("4711")
    lock.owner.change("4711", new_digits=code)
    lock.owner.delete(code)
    assert lock.enter(code) == "refused revoked"


@pytest.mark.parametrize("used", [True, False])
def test_a_changed_start_of_a_recurring_code_opens_no_door_outside_its_hours(lock, used):
    code = lock.code(RECURRING, cycle=DAILY, until_hour=17)
    if used:
        assert lock.enter(code) == "open"
    night = NOW + 12 * HOUR
    lock.owner.change(code, start=night)
    lock.at(night - 200)
    assert lock.enter(code) == "refused outside-its-hours"


def test_new_digits_and_times_for_a_code_that_is_over_when_the_book_is_full(lock):
    lock.owner.add_custom("1123", end=NOW + HOUR)
    for number in range(999):
        lock.owner.add_custom(f"{number * 7:06d}", insist=True)
    lock.at(NOW + 2 * HOUR)
    lock.owner.change("1123", end=NOW + 10 * HOUR, new_digits="2234")
    assert [lock.enter("1123"), lock.enter("2234")] == ["refused wrong", "open"]


def test_a_clock_that_fails_in_the_middle_of_a_command(lock):
    code = lock.code(PERMANENT)
    reads = 0
    answer = lock.rtc.read

    def failing():
        nonlocal reads
        reads += 1
        if reads > 2:
            raise OSError(5)
        return answer()

    lock.rtc.read = failing
    lock.owner.delete(code)
    lock.rtc.read = answer
    assert lock.enter(code) == "refused revoked"


def test_flash_that_refuses_is_told_apart_from_a_full_book(lock, monkeypatch):
    def full(*_args, **_kwargs):
        raise StoreFull("the flash takes no more")

    monkeypatch.setattr(lock.store, "commit", full)
    with pytest.raises(Refused, match="flash"):
        lock.owner.add_custom("2468")


def test_a_deleted_revoke_code_no_longer_arms(lock):
    revoke, target = lock.code(REVOKE), lock.code(PERMANENT)
    assert lock.enter(revoke) == "revoke-armed"
    lock.owner.delete(revoke)
    assert lock.enter(target) == "open"


# Who asked, and once


OWNERS_KEY = AccessKey(0, OWNER, b"o" * 32, "owner")
MANAGERS_KEY = AccessKey(3, MANAGER, b"m" * 32, "manager")
OPENERS_KEY = AccessKey(7, OPENER, b"g" * 32, "guest of the house"[:16], days=0b0000001, begin=9, until=17)


@pytest.fixture
def managed(tmp_path):
    return Lock(str(tmp_path), keys=[OWNERS_KEY, MANAGERS_KEY, OPENERS_KEY])


def settings(**fields):
    return lambda owner, by: owner.configure(Config("UTC0").changed(**fields), by)


COMMANDS = (
    (ADDED, lambda owner, by: owner.add_custom("2468", by=by)),
    (CHANGED, lambda owner, by: owner.change("13579", end=NOW + DAY, by=by)),
    (CHANGED, lambda owner, by: owner.change("13579", new_digits="97531", by=by)),
    (DELETED, lambda owner, by: owner.delete("13579", by=by)),
    (TIME_SET, lambda owner, by: owner.set_time(NOW + 7, by=by)),
    (UNLOCKED, lambda owner, by: owner.unlock(by, MANAGERS_KEY)),
    (CONFIGURED, settings(autolock=9)),
    (KEY_ADDED, lambda owner, by: owner.add_key(AccessKey(9, OWNER, b"9" * 32, "another owner"), by)),
    (KEY_REMOVED, lambda owner, by: owner.remove_key(7, by)),
    (UPDATED, lambda owner, by: owner.updated((0, 2, 17), by)),
    (ALL_ERASED, lambda owner, by: owner.erase(by)),
)


def test_every_command_has_a_case():
    lock_own = {FAULT, CREATED, PASSAGE, *range(EXIT, BATTERY + 1)}
    assert {event for event, _ in COMMANDS} == set(EVENT_NAMES) - lock_own


@pytest.mark.parametrize("restarts", [False, True])
@pytest.mark.parametrize(("event", "command"), COMMANDS)
def test_a_request_is_done_once_and_says_who_asked(managed, event, command, restarts):
    managed.owner.add_custom("13579")
    by = By(3, 0xFFFFFFFE)
    assert managed.owner.done(by, event) is None
    seq, commits = managed.store.seq, managed.store.commits
    result = command(managed.owner, by)
    assert managed.store.commits - commits == (2 if event in (CONFIGURED, KEY_ADDED, KEY_REMOVED) else 1)
    records = list(managed.store.events(seq))
    assert {(record.event, record.reason) for record in records} == {(event, 4)}
    assert [record.arg for record in records] == [0] * (len(records) - 1) + [0xFFFFFFFE]
    if restarts:
        managed.restart()
    state = state_of(managed.store)
    again = command(managed.owner, by)
    assert again == (0 if event == UNLOCKED else result)
    assert state_of(managed.store) == state, "nothing was done twice"
    assert managed.owner.done(by, event) == (result if isinstance(result, bytes) else bytes(8))
    assert managed.owner.done(By(0, 0xFFFFFFFE), event) is None, "another slot has requests of its own"
    assert managed.owner.done(By(3, 1), event) is None
    for other, another in COMMANDS:
        if other != event:
            assert refusal(another, managed.owner, by) == "request-reused"
    assert state_of(managed.store) == state


@pytest.mark.parametrize(("by", "asker"), [(By(3, 0), 4), (LOCAL, 0)])
@pytest.mark.parametrize(("event", "command"), COMMANDS)
def test_commands_without_a_request_are_never_taken_for_done(managed, event, command, by, asker):
    managed.owner.add_custom("13579")
    seq = managed.store.seq
    command(managed.owner, by)
    records = list(managed.store.events(seq))
    assert {(record.event, record.reason, record.arg) for record in records} == {(event, asker, 0)}
    managed.restart()
    assert managed.store.requests == {}
    assert managed.owner.done(by, event) is None


def test_only_the_newest_request_of_a_slot_is_known(managed):
    first, second = By(3, 1), By(3, 2)
    managed.owner.add_custom("2468", by=first)
    managed.owner.add_custom("13579", by=second)
    assert managed.owner.done(first, ADDED) is None
    assert refusal(managed.owner.add_custom, "2468", by=first) == "code-exists"


def test_a_new_key_in_a_slot_is_not_told_of_the_old_one_s_requests(managed):
    asked = By(7, 5)
    managed.owner.unlock(asked, AccessKey(7, OPENER, b"g" * 32))
    managed.owner.remove_key(7, By(0, 1))
    managed.owner.add_key(AccessKey(7, OPENER, b"n" * 32), By(0, 2))
    assert managed.owner.unlock(asked, managed.store.keys[7]) == 5
    managed.restart()
    assert managed.owner.unlock(asked, managed.store.keys[7]) == 0


# By tag


def test_codes_the_lock_knows_are_changed_and_deleted_by_their_tag(lock):
    tag = lock.owner.add_custom("2468", end=NOW + DAY)
    assert tag == lock.scheme.tag("2468")
    assert lock.owner.change(tag, end=NOW + 2 * DAY) == tag
    new = lock.owner.change(tag, new_digits="97531")
    assert new == lock.scheme.tag("97531")
    assert [lock.enter("2468"), lock.enter("97531")] == ["refused wrong", "open"]
    assert lock.owner.delete(new) == new
    assert lock.enter("97531") == "refused wrong"
    code = lock.code(PERMANENT)
    unknown = lock.scheme.tag(code)
    for nobody in (unknown, bytes(8), b"", bytes(7), unknown + b"\0"):
        assert refusal(lock.owner.delete, nobody) == "no-such-code"
        assert refusal(lock.owner.change, nobody, end=NOW + DAY) == "no-such-code"
    assert lock.enter(code) == "open"
    lock.owner.delete(unknown)
    assert lock.enter(code) == "refused revoked"


def test_an_end_can_be_taken_away(lock):
    lock.owner.add_custom("2468", end=NOW + HOUR)
    lock.owner.change("2468", end=NEVER)
    lock.at(NOW + 900 * DAY)
    assert lock.enter("2468") == "open"
    lock.owner.add_custom("97531", end=NEVER)
    assert lock.store.book.find(lock.scheme.tag("97531")).end == NEVER


# Weak digits


RUNS = ("1234", "9876543", "7890", "0987", "890123", "210987")
BLOCKS = ("0000", "777777777", "1212", "123123", "45674567", "12121", "123412341", "90909", "1231231")


@pytest.mark.parametrize("digits", [*RUNS, *BLOCKS])
def test_digits_that_are_guessed_first_are_refused_unless_insisted_on(lock, digits):
    for command, args in ((lock.owner.add_custom, (digits,)), (lock.owner.change, ("2580", None, None, digits))):
        if command == lock.owner.change:
            lock.owner.delete(digits)
            lock.owner.add_custom("2580")
        assert refusal(command, *args) == "weak-digits"
        with pytest.raises(Refused, match="insist") as caught:
            command(*args)
        assert "guesses is right" in str(caught.value)
        assert digits not in str(caught.value)
        command(*args, insist=True)
        assert lock.enter(digits) == "open"


@pytest.mark.parametrize("digits", ["2468", "1235", "1243", "65437", "112233", "1221", "123121", "0908", "13132"])
def test_other_digits_are_taken(lock, digits):
    lock.owner.add_custom(digits)
    assert lock.enter(digits) == "open"


def test_too_few_digits_are_refused_with_the_odds(lock):
    """By hand: a day is 8 + 24 tries at the slowest, so 1 % is 31.25 codes in 100,000: three of 4 digits, not four."""
    for digits in ("2468", "1357", "8642"):
        lock.owner.add_custom(digits)
    with pytest.raises(Refused) as caught:
        lock.owner.add_custom("9753")
    assert caught.value.reason == "weak-digits"
    assert "one in 2,500 guesses is right" in str(caught.value)
    assert "1.3 %" in str(caught.value)
    lock.owner.add_custom("97531")
    lock.owner.change("2468", new_digits="9753")
    assert refusal(lock.owner.change, "97531", new_digits="2469") == "weak-digits"
    assert refusal(lock.owner.add_custom, "2468") == "weak-digits"
    lock.owner.change("97531", new_digits="2469", insist=True)
    lock.owner.delete("1357")
    lock.owner.delete("8642")
    lock.owner.add_custom("7410")


def test_every_refusal_is_a_short_sentence(managed):
    """The link carries 219 bytes of it."""
    managed.owner.add_custom("2468")
    texts = []
    for command in (
        lambda: managed.owner.add_custom("0000"),
        lambda: managed.owner.add_custom("999999999"),
        lambda: managed.owner.add_custom("12"),
        lambda: managed.owner.add_custom("2468"),
        lambda: managed.owner.change("2468", start=NOW + 1),
        lambda: managed.owner.delete("1357"),
        lambda: managed.owner.add_key(OWNERS_KEY),
        lambda: managed.owner.add_key(AccessKey(1, OWNER, b"o" * 32)),
        lambda: managed.owner.remove_key(0),
        lambda: managed.owner.remove_key(1),
        lambda: managed.owner.unlock(LOCAL, AccessKey(1, IDENTIFIER, bytes(32))),
        lambda: managed.owner.unlock(LOCAL, AccessKey(1, OPENER, bytes(32), start=1, end=2)),
        lambda: managed.owner.unlock(LOCAL, AccessKey(1, OPENER, bytes(32), start=NEVER - 1)),
        lambda: managed.owner.set_time(0),
    ):
        with pytest.raises(Refused) as caught:
            command()
        texts.append(str(caught.value))
    assert len(set(texts)) == len(texts)
    assert all(20 <= len(text.encode()) <= 219 for text in texts), texts


# Keys


def test_keys_are_added_and_removed(managed):
    owner = managed.owner
    assert owner.free_slot() == 1
    assert owner.add_key(AccessKey(1, OPENER, b"1" * 32, "Jörg und Anna"), By(0, 1)) == b"\x01\x03J\xc3\xb6rg "
    assert owner.free_slot() == 2
    assert refusal(owner.add_key, AccessKey(1, OPENER, b"2" * 32)) == "slot-taken"
    assert refusal(owner.add_key, AccessKey(2, OPENER, b"1" * 32)) == "bad-key"
    managed.restart()
    assert sorted(managed.store.keys) == [0, 1, 3, 7]
    assert managed.store.keys[1].label == "Jörg und Anna"
    owner = managed.owner
    assert owner.remove_key(1, By(0, 2)) == b"\x01\x03J\xc3\xb6rg "
    assert refusal(owner.remove_key, 1) == "no-such-key"
    assert refusal(owner.remove_key, 99) == "no-such-key"
    (record,) = managed.store.events(managed.store.seq - 1)
    assert (record.event, record.reason, record.code.kind, record.arg) == (KEY_REMOVED, 1, 7, 2)
    managed.restart()
    assert sorted(managed.store.keys) == [0, 3, 7]


def test_sixteen_keys_and_no_more(managed):
    while len(managed.store.keys) < 16:
        slot = managed.owner.free_slot()
        managed.owner.add_key(AccessKey(slot, OPENER, bytes([slot]) * 32))
    assert refusal(managed.owner.free_slot) == "no-free-slot"
    assert refusal(managed.owner.add_key, AccessKey(3, OPENER, b"x" * 32)) == "no-free-slot"
    managed.restart()
    assert sorted(managed.store.keys) == list(range(16))


def test_the_last_owner_stays(managed):
    assert refusal(managed.owner.remove_key, 0) == "last-owner"
    managed.owner.add_key(AccessKey(15, OWNER, b"2" * 32))
    managed.owner.remove_key(0)
    assert refusal(managed.owner.remove_key, 15) == "last-owner"
    assert sorted(managed.store.keys) == [3, 7, 15]


# Unlocking


def test_unlock_opens_for_the_configured_time_and_is_logged(managed):
    managed.owner.configure(Config("UTC0", autolock=17))
    before = managed.store.commits
    assert managed.owner.unlock(By(0, 1), OWNERS_KEY) == 17
    assert managed.store.commits == before + 1
    (record,) = managed.store.events(managed.store.seq - 1)
    assert (record.event, record.reason, record.code, record.arg) == (UNLOCKED, 1, None, 1)


def test_an_opener_opens_in_its_hours_only(managed):
    assert managed.owner.unlock(By(7, 1), OPENERS_KEY) == 5  # Monday 15:00
    managed.at(NOW + 2 * HOUR)
    seq = managed.store.seq
    assert refusal(managed.owner.unlock, By(7, 2), OPENERS_KEY) == "outside-its-hours"
    managed.rtc.ok = False
    assert refusal(managed.owner.unlock, By(7, 3), OPENERS_KEY) == "time-untrusted"
    assert managed.store.seq == seq
    assert managed.owner.unlock(By(3, 3), MANAGERS_KEY) == 5, "no limit, so no time is needed"
    assert refusal(managed.owner.unlock, By(3, 4), AccessKey(3, IDENTIFIER, bytes(32))) == "not-permitted"


def test_unlock_needs_no_flash(managed, monkeypatch):
    def full(*_args, **_kwargs):
        raise StoreFull("the flash takes no more")

    monkeypatch.setattr(managed.store, "commit", full)
    assert managed.owner.unlock(By(0, 1), OWNERS_KEY) == 5
    managed.at(NOW + 2 * HOUR)
    assert refusal(managed.owner.unlock, By(7, 2), OPENERS_KEY) == "outside-its-hours"


# Settings and erase


def test_settings_hold_at_once_and_after_a_start(managed):
    config = Config(
        "CET-1CEST,M3.5.0,M10.5.0/3", weekend=0b0110000, policy=STRICT, autolock=9, sound=False, passage=(31, 8, 18),
        name="Front door",
    )  # fmt: skip
    managed.owner.configure(config, By(0, 1))
    for _ in range(2):
        assert managed.verifier.config.pack() == config.pack()
        assert managed.verifier.zone.offset(NOW) == HOUR
        assert managed.enter(managed.code(TIMED, hours=48, length=8)) == "refused wrong", "the strict policy"
        managed.restart()


def test_flash_that_takes_no_settings_and_no_keys(managed, monkeypatch):
    def full(*_args, **_kwargs):
        raise StoreFull("the flash takes no more")

    with monkeypatch.context() as patch:
        patch.setattr(managed.store, "settle", full)
        before = managed.verifier.config
        assert refusal(managed.owner.configure, Config("UTC0", autolock=9)) == "store-full"
        assert managed.verifier.config is before
        assert refusal(managed.owner.add_key, AccessKey(1, OWNER, bytes(32))) == "store-full"
        assert refusal(managed.owner.remove_key, 7) == "store-full"
    assert sorted(managed.store.keys) == [0, 3, 7]


def test_erase_ends_every_code_but_no_key(managed):
    used, unused, revoke = managed.code(PERMANENT), managed.code(PERMANENT, nth=1), managed.code(REVOKE)
    managed.owner.add_custom("2468")
    assert [managed.enter(used), managed.enter(revoke)] == ["open", "revoke-armed"]
    managed.owner.erase(By(0, 1))
    assert managed.store.epoch == 1
    fresh = managed.code(PERMANENT)
    assert managed.enter(fresh) == "open", "the armed revoke code is of a dead epoch"
    for digits in (used, unused, "2468", revoke):
        assert managed.enter(digits).startswith("refused")
        managed.store.tokens = 8
    managed.restart()
    assert (managed.store.epoch, sorted(managed.store.keys)) == (1, [0, 3, 7])
    assert managed.enter(fresh) == "open"


def test_no_epoch_is_left_to_erase_into(managed):
    managed.store.epoch = 65_535
    assert refusal(managed.owner.erase) == "store-full"
