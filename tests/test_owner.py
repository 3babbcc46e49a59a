"""The owner's commands, against docs/lock.md."""

import pytest

from firmware.core.errors import Refused, StoreFull
from firmware.core.tickets import DAILY, ONE_TIME, PERMANENT, RECURRING, REVOKE, TIMED
from tests.lock import DAY, HOUR, NOW, Lock


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
        assert lock.enter(code) == "refused suspended", "the first-use window was not named, so it stays"
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


def test_a_new_start_wakes_a_suspended_code_with_a_window_of_its_own(lock):
    code = lock.code(TIMED, hours=500)
    lock.at(NOW + 30 * HOUR)
    assert lock.enter(code) == "refused suspended"
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
