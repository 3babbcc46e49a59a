"""The verifier, against docs/spec/entries.md and docs/spec/passcodes.md: expectations written by hand from the
documents."""

import random

import pytest

from tests.dual.support.lock import DAY, HOUR, NOW, Lock
from tumbler_lock.core.codebook import FRESH, NEVER, USED
from tumbler_lock.core.config import Config
from tumbler_lock.core.errors import Refused, StoreFull
from tumbler_lock.core.events import PASSAGE, REASONS, VERDICTS
from tumbler_lock.core.policy import STRICT
from tumbler_lock.core.tickets import (
    DAILY,
    ERASE,
    ONE_TIME,
    PERMANENT,
    RECURRING,
    REVOKE,
    TIMED,
    WEEKEND,
    WEEKLY,
    WORKDAY,
)

MINUTE = 60
BERLIN = "CET-1CEST,M3.5.0,M10.5.0/3"


@pytest.fixture
def lock(tmp_path):
    return Lock(str(tmp_path))


def wrong_digits(lock, length=9):
    """Digits that decode to nothing near now."""
    rng = random.Random(lock.rtc.now * 10 + length)
    while True:
        digits = "".join(rng.choice("0123456789") for _ in range(length))
        if lock.verifier.read(b"", digits, lock.rtc.now).reason == "wrong":
            return digits


# The published check values, as a lock that has never heard of them sees them.


@pytest.mark.parametrize(
    ("hour", "digits", "verdict"),
    [
        (498720, "862871", "open"),
        (498720, "216081230", "open"),
        (498735, "863562", "open"),
        (498735, "1768841", "open"),
        (498735, "43697077", "open"),
        (499999, "251840046", "open"),
        (500000, "1066771", "open"),
        (498729, "91883970", "open"),
        (498720, "503555345", "revoke-armed"),
        (498720, "954847347", "erased"),
    ],
)
def test_published_codes(tmp_path, hour, digits, verdict):
    lock = Lock(str(tmp_path), now=hour * HOUR + 1000)
    assert lock.enter(digits) == verdict


def test_published_erase_code_of_epoch_1(tmp_path):
    lock = Lock(str(tmp_path), now=498720 * HOUR + 10)
    assert lock.enter("373519523").startswith("refused")
    assert lock.enter("954847347") == "erased"
    assert lock.enter("373519523") == "erased"
    assert lock.store.epoch == 2


# First use


def test_one_time_opens_once(lock):
    code = lock.code(ONE_TIME)
    assert lock.enter(code) == "open"
    assert lock.enter(code) == "refused already-used"
    lock.restart()
    assert lock.enter(code) == "refused already-used"


@pytest.mark.parametrize(
    ("kind", "hours", "window"), [(ONE_TIME, 0, 6), (PERMANENT, 0, 24), (TIMED, 100, 24), (TIMED, 24, 24)]
)
def test_first_use_window_to_the_second(tmp_path, kind, hours, window):
    moments = [(-301, "refused not-yet"), (-300, "open"), (0, "open"), (window * HOUR - 1, "open")]
    late = "refused expired" if hours == 24 else "refused first-use-missed"
    for index, (offset, expected) in enumerate([*moments, (window * HOUR, late)]):
        (tmp_path / str(index)).mkdir()
        lock = Lock(str(tmp_path / str(index)), now=NOW - DAY)
        code = lock.code(kind, NOW, hours=hours)
        lock.at(NOW + offset)
        assert lock.enter(code) == expected, offset


def test_timed_shorter_than_a_day_ends_its_first_use(lock):
    code = lock.code(TIMED, NOW, hours=3)
    lock.at(NOW + 3 * HOUR - 1)
    other = lock.code(TIMED, NOW, hours=3, nth=1)
    assert lock.enter(code) == "open"
    lock.at(NOW + 3 * HOUR)
    assert lock.enter(code) == "refused expired"
    assert lock.enter(other) == "refused expired"


def test_timed_opens_until_its_end(lock):
    code = lock.code(TIMED, hours=72)
    assert lock.enter(code) == "open"
    lock.at(NOW + 72 * HOUR - 1)
    assert lock.enter(code) == "open"
    lock.at(NOW + 72 * HOUR)
    assert lock.enter(code) == "refused expired"


def test_a_missed_first_use_stays_missed(lock):
    code = lock.code(TIMED, hours=200)
    lock.at(NOW + 25 * HOUR)
    assert lock.enter(code) == "refused first-use-missed"
    lock.at(NOW + 100 * HOUR)
    assert lock.enter(code) == "refused first-use-missed"


def test_permanent_for_years(lock):
    code = lock.code(PERMANENT)
    assert lock.enter(code) == "open"
    lock.at(NOW + 5 * 365 * DAY)
    assert lock.enter(code) == "open"


@pytest.mark.parametrize(("kind", "extra"), [(PERMANENT, {}), (TIMED, {"hours": 5}), (RECURRING, {"until_hour": 20})])
def test_early_grace_holds_for_the_second_entry_too(tmp_path, kind, extra):
    lock = Lock(str(tmp_path), now=NOW - 200)
    code = lock.code(kind, NOW, **extra)
    assert lock.enter(code) == "open"
    lock.wait(50)
    assert lock.enter(code) == "open"


def test_codes_across_an_era_boundary(tmp_path):
    boundary = 500_000 * HOUR
    lock = Lock(str(tmp_path), now=boundary - 3 * HOUR)
    before = lock.code(PERMANENT, boundary - 2 * HOUR)
    after = lock.code(PERMANENT, boundary + 2 * HOUR)
    assert lock.enter(after) == "refused not-yet"
    lock.at(boundary - 60)
    assert lock.enter(before) == "open"
    lock.at(boundary + 20 * HOUR)
    assert lock.enter(before) == "open"
    assert lock.enter(after) == "open"
    late = lock.code(PERMANENT, boundary - 1 * HOUR, nth=1)
    assert lock.enter(late) == "open"


# Recurring


def test_workday_hours(tmp_path):
    lock = Lock(str(tmp_path), now=NOW - 6 * HOUR, rule="UTC0")  # Monday 09:00
    code = lock.code(RECURRING, cycle=WORKDAY, until_hour=17)
    assert lock.enter(code) == "open"
    monday = NOW - 15 * HOUR
    for day in range(14):
        for hour in range(24):
            lock.at(max(lock.rtc.now, monday + day * DAY + hour * HOUR + 30))
            if lock.rtc.now != monday + day * DAY + hour * HOUR + 30:
                continue
            inside = day % 7 < 5 and 9 <= hour < 17
            assert lock.enter(code) == ("open" if inside else "refused outside-its-hours")
            lock.store.tokens = 8


def test_weekend_night_belongs_to_the_day_it_begins(tmp_path):
    saturday = NOW - 15 * HOUR + 5 * DAY
    lock = Lock(str(tmp_path), now=saturday + 22 * HOUR)
    code = lock.code(RECURRING, cycle=WEEKEND, until_hour=6)
    assert lock.enter(code) == "open"
    lock.at(saturday + DAY + 5 * HOUR)
    assert lock.enter(code) == "open"
    lock.at(saturday + DAY + 12 * HOUR)
    assert lock.enter(code) == "refused outside-its-hours"
    lock.at(saturday + 2 * DAY + 5 * HOUR)  # Monday morning, of Sunday's night
    assert lock.enter(code) == "open"
    lock.at(saturday + 2 * DAY + 23 * HOUR)
    assert lock.enter(code) == "refused outside-its-hours"


def test_weekly_all_day_round(tmp_path):
    lock = Lock(str(tmp_path), now=NOW)
    code = lock.code(RECURRING, cycle=WEEKLY, until_hour=15)  # Monday 15:00 to Tuesday 15:00
    assert lock.enter(code) == "open"
    lock.at(NOW + DAY - 1)
    assert lock.enter(code) == "open"
    lock.at(NOW + DAY)
    assert lock.enter(code) == "refused outside-its-hours"
    lock.at(NOW + 7 * DAY)
    assert lock.enter(code) == "open"


def test_ticket_whose_first_day_is_not_in_its_cycle(lock):
    assert lock.enter(lock.code(RECURRING, cycle=WEEKEND, until_hour=20)) == "refused wrong"


def test_recurring_first_use_outside_its_hours_does_not_activate(lock):
    code = lock.code(RECURRING, cycle=DAILY, until_hour=17)
    lock.at(NOW + 4 * HOUR)
    assert lock.enter(code) == "refused outside-its-hours"
    assert len(lock.store.book) == 0
    lock.at(NOW + 23 * HOUR)
    assert lock.enter(code) == "refused outside-its-hours"
    lock.at(NOW + 24 * HOUR)
    assert lock.enter(code) == "refused first-use-missed"


def test_recurring_keeps_its_wall_clock_hours_over_summer_time(tmp_path):
    friday = 1_774_620_000 - 1_774_620_000 % DAY + 8 * HOUR  # 2026-03-27T08:00Z = 09:00 in Berlin
    lock = Lock(str(tmp_path), now=friday, rule=BERLIN)
    code = lock.code(RECURRING, cycle=DAILY, until_hour=17)
    assert lock.enter(code) == "open"
    lock.at(friday + 3 * DAY - HOUR)  # Monday 09:00 summer time
    assert lock.enter(code) == "open"
    lock.wait(8 * HOUR - 1)
    assert lock.enter(code) == "open"
    lock.wait(1)
    assert lock.enter(code) == "refused outside-its-hours"


# What the lock remembers beats what the digits say


def test_policy_narrows_what_is_taken(tmp_path):
    lock = Lock(str(tmp_path), policy=STRICT)
    assert lock.enter(lock.code(PERMANENT)) == "refused wrong"
    assert lock.enter(lock.code(PERMANENT, length=9)) == "open"
    assert lock.enter(lock.code(TIMED, hours=168, length=9)) == "open"
    assert lock.enter(lock.code(TIMED, hours=169, length=9)) == "refused wrong"
    assert lock.enter(lock.code(TIMED, hours=168, nth=1)) == "refused wrong"


def test_unassigned_tickets_never_open(lock):
    hour = NOW // HOUR
    for ticket in (9608, 9700, 9997):
        assert lock.enter(lock.scheme.encode(hour, ticket, 9)) == "refused wrong"
        lock.store.tokens = 8


def test_erase_ends_everything(lock):
    permanent, unused = lock.code(PERMANENT), lock.code(PERMANENT, nth=1)
    lock.owner.add_custom("2468")
    erase = lock.code(ERASE)
    assert [lock.enter(permanent), lock.enter("2468"), lock.enter(erase)] == ["open", "open", "erased"]
    for _ in range(2):
        for digits in (permanent, unused, "2468", erase):
            assert lock.enter(digits).startswith("refused")
            lock.store.tokens = 8
        lock.restart()
    assert lock.enter(lock.code(PERMANENT)) == "open"


@pytest.mark.parametrize("used", [True, False])
@pytest.mark.parametrize(
    ("kind", "extra"),
    [(ONE_TIME, {}), (PERMANENT, {}), (TIMED, {"hours": 48}), (RECURRING, {"until_hour": 22}), (ERASE, {})],
)
def test_revoke_one(lock, kind, extra, used):
    target, revoke = lock.code(kind, **extra), lock.code(REVOKE)
    if used and kind != ERASE:
        assert lock.enter(target) == "open"
    assert lock.enter(revoke) == "revoke-armed"
    lock.wait(29)
    assert lock.enter(target) == "revoked"
    lock.restart()
    assert lock.enter(target) == "refused revoked"
    assert lock.enter(revoke) == "refused revoked", "a revoke code revokes one"
    assert lock.store.epoch == 0


def test_revoke_a_custom_code_and_a_code_of_next_week(lock):
    lock.owner.add_custom("2468")
    coming = lock.code(PERMANENT, NOW + 7 * DAY)
    assert [lock.enter(lock.code(REVOKE)), lock.enter("2468")] == ["revoke-armed", "revoked"]
    again = lock.code(REVOKE, NOW - HOUR)
    assert [lock.enter(again), lock.enter(coming)] == ["revoke-armed", "revoked"]
    lock.at(NOW + 7 * DAY)
    assert lock.enter(coming) == "refused revoked"
    assert lock.enter("2468") == "refused revoked"


def test_revoke_takes_no_nonsense_and_ends_after_30_seconds(lock):
    revoke, target = lock.code(REVOKE), lock.code(PERMANENT)
    assert lock.enter(revoke) == "revoke-armed"
    assert lock.enter(wrong_digits(lock)) == "refused wrong"
    assert lock.enter("12") == "refused wrong"
    lock.wait(30)
    assert lock.enter(target) == "open"
    assert lock.enter(revoke) == "revoke-armed", "an armed revoke code that met no target is not used up"
    lock.restart()
    assert lock.enter(target) == "open"


# Input


@pytest.mark.parametrize(
    "digits", ["", "1", "123", "1234567890", "1" * 1000, "12a4", "１２３４５６", "-12345", " 123456"]
)
def test_what_is_no_code_costs_nothing(lock, digits):
    before = lock.store.commits
    assert lock.enter(digits) == "refused wrong"
    assert (lock.store.tokens, lock.store.commits) == (8, before)


def test_wrong_digits_of_every_length(lock):
    for length in range(4, 10):
        digits = wrong_digits(lock, length)
        verdict = lock.verifier.enter(digits)
        assert verdict[:4] == ("refused", "wrong", None, None)


# Passage hours


SHOP = (0b0011111, 9, 18)  # workdays, 9 to 18


def test_passage_hours_open_to_enter_alone(tmp_path):
    lock = Lock(str(tmp_path), now=NOW - 15 * HOUR, passage=SHOP)  # Monday 00:00
    for at in range(8 * 24):
        lock.at(NOW - 15 * HOUR + at * HOUR + 59)
        day, hour = at // 24 % 7, at % 24
        inside = day < 5 and 9 <= hour < 18
        verdict = lock.verifier.enter("")
        if inside:
            assert verdict == ("open", "passage", None, None, lock.rtc.now)
        else:
            assert verdict == ("refused", "wrong", None, None, lock.rtc.now)
        assert lock.enter("12") == "refused wrong"
    assert lock.store.tokens == 8


def test_passage_hours_over_midnight_belong_to_the_day_they_begin(tmp_path):
    lock = Lock(str(tmp_path), passage=(0b0010000, 20, 2), rule=BERLIN)  # Friday evening
    friday = NOW - 16 * HOUR + 4 * DAY  # 00:00 in Berlin
    for hours, expected in ((2, 0), (19, 0), (20, 1), (23, 1), (24, 1), (25, 1), (26, 0), (44, 0)):
        lock.at(friday + hours * HOUR)
        assert lock.enter("") == ("open passage" if expected else "refused wrong"), hours


def test_no_passage_without_trusted_time_or_with_wrong_digits(tmp_path):
    lock = Lock(str(tmp_path), passage=(127, 0, 0))
    assert lock.enter("") == "open passage"
    assert lock.enter(wrong_digits(lock)) == "refused wrong"
    lock.store.tokens = 0
    assert lock.enter("") == "open passage", "a lockout does not matter to a door that is open to all"
    lock.rtc.ok = False
    assert lock.enter("") == "refused wrong"


def test_passages_cost_no_token_and_one_record_an_hour(tmp_path):
    lock = Lock(str(tmp_path), passage=(127, 0, 0))

    def passages():
        return sum(event.event == PASSAGE for event in lock.store.events())

    before = lock.store.commits
    for minute in range(181):
        lock.at(NOW + minute * MINUTE)
        assert lock.enter("") == "open passage"
        assert passages() == 1 + minute // 60
    assert lock.store.commits == before + 4
    (record,) = lock.store.events(lock.store.seq - 1)
    assert tuple(record) == (lock.store.seq, NOW + 180 * MINUTE, 27, 0, 0, 0, 0, None, 0)
    for _ in range(5):
        lock.restart()
        assert lock.enter("") == "open passage"
    assert passages() == 4, "no restart adds another"


def test_passage_needs_no_flash(tmp_path, monkeypatch):
    lock = Lock(str(tmp_path), passage=(127, 0, 0))
    tries = 0

    def full(*_args, **_kwargs):
        nonlocal tries
        tries += 1
        raise StoreFull("no room on flash")

    for name in ("commit", "pay", "keep"):
        monkeypatch.setattr(lock.store, name, full)
    for _ in range(20):
        assert lock.enter("") == "open passage"
    assert tries == 1


def test_passage_leaves_a_revoke_code_armed(tmp_path):
    lock = Lock(str(tmp_path), passage=(127, 0, 0))
    target = lock.code(PERMANENT)
    assert [lock.enter(lock.code(REVOKE)), lock.enter(""), lock.enter(target)] == [
        "revoke-armed",
        "open passage",
        "revoked",
    ]


# Time


def test_untrusted_time(lock):
    permanent, timed = lock.code(PERMANENT), lock.code(TIMED, hours=500)
    lock.owner.add_custom("2468")
    lock.owner.add_custom("13579", end=NOW + 90 * DAY)
    assert [lock.enter(permanent), lock.enter(timed)] == ["open", "open"]
    unseen = lock.code(PERMANENT, nth=1)

    def verdicts():
        lock.store.tokens = 8
        return [lock.enter(d).split()[-1] for d in (permanent, "2468", timed, "13579", unseen)]

    stopped = ["open", "open", "time-untrusted", "time-untrusted", "time-untrusted"]
    lock.rtc.ok = False
    assert verdicts() == stopped
    lock.rtc.ok = True
    lock.rtc.now -= 3600
    assert verdicts() == stopped, "behind the highest time seen"
    lock.restart()
    assert verdicts() == stopped, "a restart changes nothing"
    lock.rtc.answers = False
    assert verdicts() == stopped, "the chip does not answer"
    lock.rtc.answers = True
    lock.rtc.now = 946_684_800
    assert verdicts() == stopped, "the epoch of the chip"
    lock.owner.set_time(NOW + 60)
    assert verdicts() == ["open"] * 5


def test_a_clock_set_wrongly_ahead_can_be_set_back_by_the_owner(lock):
    used = lock.code(ONE_TIME)
    assert lock.enter(used) == "open"
    lock.rtc.now = NOW + 10 * 365 * DAY
    code = lock.code(PERMANENT, NOW)
    assert lock.enter(code).startswith("refused")
    lock.owner.set_time(NOW + 100)
    assert lock.enter(code) == "open"
    assert lock.enter(used) == "refused already-used"


def test_setting_the_clock_back_by_hand_revives_nothing(lock):
    code = lock.code(TIMED, hours=2)
    assert lock.enter(code) == "open"
    lock.at(NOW + 2 * HOUR)
    assert lock.enter(code) == "refused expired"
    lock.rtc.set(NOW + 60)
    assert lock.enter(code) == "refused time-untrusted"
    lock.restart()
    assert lock.enter(code) == "refused time-untrusted"


def test_the_floor_is_kept_hourly_without_any_entry(lock):
    lock.wait(2 * HOUR)
    lock.verifier.tick()
    lock.restart()
    assert lock.store.latest_trusted == NOW + 2 * HOUR
    before = lock.store.commits
    for _ in range(59):
        lock.wait(MINUTE)
        lock.verifier.tick()
    assert lock.store.commits == before


# Commits and memory


def test_two_commits_at_the_most(lock):
    def cost(digits):
        before = lock.store.commits
        lock.enter(digits)
        return lock.store.commits - before

    permanent = lock.code(PERMANENT)
    for digits in (permanent, permanent, lock.code(ONE_TIME), wrong_digits(lock), lock.code(REVOKE), permanent):
        assert cost(digits) <= 2
    assert cost(lock.code(ERASE)) <= 2


def test_full_book_refuses_the_new_and_keeps_the_old(lock):
    kept = lock.code(PERMANENT)
    assert lock.enter(kept) == "open"
    for number in range(999):
        lock.owner.add_custom("%06d" % (number * 7), insist=True)
    assert lock.store.book.full
    lock.store.tokens = 8
    fresh = lock.code(PERMANENT, nth=1)
    assert lock.enter(fresh) == "refused store-full"
    with pytest.raises(Refused) as refused:
        lock.owner.add_custom("987654321", insist=True)
    assert refused.value.reason == "store-full"
    lock.restart()
    assert lock.enter(kept) == "open"
    assert len(lock.store.book) == 1000
    lock.owner.delete("000007")
    assert lock.enter(fresh) == "open"


def test_forgetting_makes_room_and_revives_nothing(lock):
    used = lock.code(ONE_TIME)
    assert lock.enter(used) == "open"
    for number in range(999):
        lock.owner.add_custom("%06d" % (number * 7), insist=True)
    lock.store.tokens = 8
    lock.at(NOW + 30 * HOUR)
    permanent = lock.code(PERMANENT)
    assert lock.enter(permanent) == "open", "the used one-time code is no longer needed"
    assert lock.store.book.find(lock.scheme.tag(used)) is None
    lock.restart()
    lock.owner.set_time(NOW + 100)
    assert lock.enter(used) == "refused first-use-missed"
    lock.at(NOW + 31 * HOUR)
    assert lock.enter(permanent) == "open"


def test_flash_that_refuses(lock, monkeypatch):
    permanent, known = lock.code(PERMANENT), lock.code(PERMANENT, nth=1)
    assert lock.enter(known) == "open"

    def full(*_args, **_kwargs):
        raise StoreFull("no room on flash")

    with monkeypatch.context() as patch:
        patch.setattr(lock.store, "commit", full)
        assert lock.enter(permanent) == "refused store-full"
        assert lock.enter(known) == "open", "nothing has to be remembered"
        assert lock.enter(lock.code(REVOKE)) == "refused store-full"
        assert lock.enter(known) == "open", "a revoke code that was refused arms nothing"
        patch.setattr(lock.store, "pay", full)
        assert lock.enter(known) == "refused store-full", "unpaid, so unchecked"
    assert lock.enter(permanent) == "open"


def test_words_of_every_verdict_are_in_the_tables(lock):
    rng = random.Random(5)
    seen = set()
    codes = [lock.code(kind, NOW + rng.randrange(-30, 30) * HOUR) for kind in (ONE_TIME, PERMANENT, REVOKE) * 20]
    for digits in [*codes, wrong_digits(lock)]:
        lock.store.tokens = rng.choice((0, 8, 8, 8))
        verdict = lock.verifier.enter(digits)
        assert verdict.verdict in VERDICTS
        assert verdict.reason in REASONS
        seen.add(verdict.reason)
        lock.wait(31)
    assert len(seen) >= 6


def test_states_in_the_book(lock):
    one_time, timed = lock.code(ONE_TIME), lock.code(TIMED, hours=30)
    lock.enter(one_time)
    lock.enter(timed)
    book = lock.store.book
    assert book.find(lock.scheme.tag(one_time)).state == USED
    assert book.find(lock.scheme.tag(timed)).end == NOW + 30 * HOUR
    coming = lock.code(PERMANENT, NOW + DAY)
    lock.owner.change(coming, start=NOW + 2 * DAY)
    record = book.find(lock.scheme.tag(coming))
    assert (record.state, record.start, record.end) == (FRESH, NOW + 2 * DAY, NEVER)


def test_forgetting_leaves_codes_that_started_since_alone(lock):
    used = lock.code(ONE_TIME)
    assert lock.enter(used) == "open"
    for number in range(999):
        lock.owner.add_custom("%06d" % (number * 7), insist=True)
    lock.store.tokens = 8
    younger = lock.code(PERMANENT, NOW + HOUR)
    lock.at(NOW + 24 * HOUR)
    assert lock.enter(lock.code(PERMANENT)) == "open", "takes the place of the used code"
    lock.owner.delete("000007")
    assert lock.enter(younger) == "open"


def test_a_code_that_opens_while_the_journal_refuses_costs_no_token(lock, monkeypatch):
    known = lock.code(PERMANENT)
    assert lock.enter(known) == "open"

    def full(*_args, **_kwargs):
        raise StoreFull("no room on flash")

    monkeypatch.setattr(lock.store, "commit", full)
    for _ in range(20):
        assert lock.enter(known) == "open"
    assert lock.store.tokens == 8


def test_untrusted_time_gives_a_custom_code_no_grace(lock):
    lock.owner.add_custom("123465", start=NOW + HOUR)
    lock.at(NOW + HOUR - 200)
    assert lock.enter("123465") == "refused not-yet"
    lock.rtc.ok = False
    assert lock.enter("123465") == "refused time-untrusted"


def test_one_flipped_bit_of_the_clock_is_not_believed(lock):
    timed = lock.code(TIMED, hours=48)
    assert lock.enter(timed) == "open"
    answer = lock.rtc.read
    reads = 0

    def glitch():
        nonlocal reads
        reads += 1
        now, ok = answer()
        return (now + 40 * 365 * DAY, ok) if reads in (1, 4) else (now, ok)

    lock.rtc.read = glitch
    lock.verifier.tick()
    lock.verifier.tick()
    lock.wait(HOUR)
    assert reads == 4
    assert lock.enter(timed) == "open"


def test_a_revoke_code_works_when_the_book_is_full(lock):
    guest = lock.code(PERMANENT)
    assert lock.enter(guest) == "open"
    for number in range(999):
        lock.owner.add_custom(f"{number * 7:06d}", insist=True)
    lock.store.tokens = 8
    assert [lock.enter(lock.code(REVOKE)), lock.enter(guest)] == ["revoke-armed", "revoked"]
    assert lock.enter(guest) == "refused revoked"


def test_digits_with_a_reading_in_the_next_era_stay_dead_until_that_is_over(tmp_path):
    hour = 499_520
    lock = Lock(str(tmp_path), now=hour * HOUR + 60)
    assert lock.scheme.decode("07931710", 5)[0] == 500_190, "the example's second reading"
    assert lock.enter("07931710") == "open"
    record = lock.store.book.find(lock.scheme.tag("07931710"))
    assert record.digits_taken_until == (500_190 + 24) * HOUR
    lock.at(500_190 * HOUR + 60)
    assert lock.enter("07931710") == "refused already-used"


def test_what_was_forgotten_stays_so_under_another_phase(tmp_path):
    lock = Lock(str(tmp_path), now=NOW, rule="<+0545>-5:45")
    used = lock.code(ONE_TIME)
    start = lock.verifier.read(b"", used, NOW).code.start
    assert lock.enter(used) == "open"
    lock.store.oldest_start_accepted = start
    lock.store.book.drop(lock.scheme.tag(used))
    lock.owner.configure(Config("UTC0"))
    lock.at(NOW + HOUR)
    assert lock.enter(used) == "refused first-use-missed"


def test_a_lockout_is_logged_once_whatever_restarts(lock):
    for _ in range(8):
        lock.enter(wrong_digits(lock))
    for _ in range(5):
        assert lock.enter(wrong_digits(lock)) == "locked-out"
        lock.restart()
    lockouts = [event for event in lock.store.events() if event.event == VERDICTS.index("locked-out")]
    assert len(lockouts) == 1, "no restart adds another"
