"""Issuing: which code is chosen, what is refused, and that no code is handed out twice."""

import random
import subprocess
import sys
from collections import Counter

import pytest

from tests.support.campaign import cases
from tests.support.micropython import ROOT
from tests.support.owner_tool import NOW
from tumbler.codes.issue import Wish, describe, issue, state, stored_lengths
from tumbler.errors import ToolError
from tumbler.registry.registry import Registry
from tumbler_lock.core.passcode import HOURS_PER_ERA, Scheme, hour_of
from tumbler_lock.core.tickets import ERASE, ONE_TIME, PERMANENT, RECURRING, REVOKE, TIMED, meaning
from tumbler_lock.core.zone import Zone

SECRET = bytes(range(32))
HOUR = 3600
BERLIN = "CET-1CEST,M3.5.0,M10.5.0/3"


@pytest.fixture
def registry():
    with Registry.open() as opened:
        opened.add("door", "UTC0", "UTC0", 0b1100000, "standard", SECRET, NOW)
        opened.add("strict", "UTC0", "UTC0", 0b1100000, "strict", bytes(32), NOW)
        yield opened


def chosen(registry, wish, name="door", now=NOW):
    code, _ = issue(registry, name, wish, now)
    return code


def refusal(registry, wish, name="door", now=NOW):
    before = len(registry.codes(registry.lock(name)))
    with pytest.raises(ToolError) as caught:
        issue(registry, name, wish, now)
    assert len(registry.codes(registry.lock(name))) == before
    return str(caught.value)


def timed(hours, **more):
    start = more.pop("start", NOW - NOW % HOUR)
    return Wish(TIMED, start, start + hours * HOUR, **more)


@pytest.mark.parametrize(("hours", "length"), [(1, 7), (72, 7), (73, 8), (744, 8), (745, 9), (8784, 9)])
def test_the_shortest_length_that_carries_the_hours(registry, hours, length):
    code = chosen(registry, timed(hours))
    assert (code.row.length, code.end - code.start) == (length, hours * HOUR)


def test_without_a_start_it_is_the_current_hour(registry):
    code = chosen(registry, Wish(ONE_TIME))
    assert (code.row.hour, code.start, code.first_use_until) == (498735, NOW - 600, NOW - 600 + 6 * HOUR)


def test_one_time_codes_go_through_every_serial_before_they_grow(registry):
    codes = [chosen(registry, Wish(ONE_TIME)) for _ in range(40)]
    assert [code.row.length for code in codes] == [6] * 8 + [7] * 24 + [8] * 8
    assert [code.meaning.serial for code in codes[:33]] == [*range(8), *range(24), 0]
    assert len({code.digits for code in codes}) == 40


def test_every_permanent_code_of_an_hour_then_a_refusal_with_the_way_out(registry):
    codes = [chosen(registry, Wish(PERMANENT)) for _ in range(2 + 4 + 24 + 24)]
    assert Counter(code.row.length for code in codes) == {6: 2, 7: 4, 8: 24, 9: 24}
    assert "Start an hour earlier or later" in refusal(registry, Wish(PERMANENT))


def test_a_timed_code_takes_longer_lengths_then_variants(registry):
    codes = [chosen(registry, timed(48)) for _ in range(6)]
    assert [(code.row.length, code.meaning.serial) for code in codes] == [(7, 0), (8, 0), *((9, n) for n in range(4))]
    assert "hour" in refusal(registry, timed(48))


def test_a_recurring_code_has_two_lengths(registry):
    wish = Wish(RECURRING, NOW - 600, cycle=2, until_hour=17)
    assert [chosen(registry, wish).row.length for _ in range(2)] == [8, 9]
    assert "another day of the cycle" in refusal(registry, wish)


def test_a_second_revoke_code_of_an_hour_starts_an_hour_earlier(registry):
    codes = [chosen(registry, Wish(REVOKE)) for _ in range(13)]
    assert [code.row.hour for code in codes] == list(range(498735, 498722, -1))
    assert all(code.first_use_until > NOW + 11 * HOUR for code in codes)
    assert "tumbler code list" in refusal(registry, Wish(REVOKE))
    assert "was issued before" in refusal(registry, Wish(REVOKE, start=NOW - 600))


def test_digits_forces_the_length(registry):
    assert chosen(registry, Wish(ONE_TIME, digits=9)).row.length == 9
    assert "has 7 or 8 or 9 digits on this lock, not 6" in refusal(registry, timed(48, digits=6))
    for _ in range(2):
        chosen(registry, Wish(PERMANENT, digits=6))
    assert "Leave --digits out" in refusal(registry, Wish(PERMANENT, digits=6))
    assert chosen(registry, Wish(PERMANENT)).row.length == 7


def test_a_strict_lock_gets_nine_digits_no_variants_and_a_week(registry):
    assert chosen(registry, timed(168), "strict").row.length == 9
    assert "was issued before" in refusal(registry, timed(168), "strict")
    assert "allows 168 at most" in refusal(registry, timed(169), "strict")
    assert "has 9 digits on this lock" in refusal(registry, timed(24, digits=8), "strict")
    assert chosen(registry, Wish(ONE_TIME), "strict").row.length == 9


@pytest.mark.parametrize("hours", [0, -1, -100])
def test_the_end_must_come_after_the_start(registry, hours):
    assert "not after the start" in refusal(registry, timed(hours))


def test_a_timed_code_needs_an_end(registry):
    assert "needs an end" in refusal(registry, Wish(TIMED))


def test_at_most_8784_hours(registry):
    message = refusal(registry, timed(8785))
    assert "8,785 hours" in message
    assert "2027-11-24T15:00:00+00:00" in message


def test_a_first_use_window_that_is_over_is_refused_unless_past_is_wanted(registry):
    assert "too long ago" in refusal(registry, Wish(ONE_TIME, NOW - 7 * HOUR))
    assert "too long ago" in refusal(registry, Wish(PERMANENT, NOW - 25 * HOUR))
    assert "too long ago" in refusal(registry, timed(2, start=NOW - 3 * HOUR))
    assert chosen(registry, Wish(ONE_TIME, NOW - 7 * HOUR, allow_past=True)).row.hour == 498728
    assert chosen(registry, Wish(ONE_TIME, NOW - 5 * HOUR)).row.hour == 498730


def test_a_start_up_to_one_era_ahead(registry):
    assert chosen(registry, Wish(PERMANENT, NOW - 600 + HOURS_PER_ERA * HOUR)).row.hour == 598735
    assert "11 years" in refusal(registry, Wish(PERMANENT, NOW + 3000 + HOURS_PER_ERA * HOUR))


def test_a_start_before_the_calendar(registry):
    assert "calendar" in refusal(registry, Wish(PERMANENT, -HOUR, allow_past=True))


def test_the_first_day_must_be_in_the_cycle_and_the_next_good_one_is_named(registry):
    saturday = NOW - 600 + 5 * 24 * HOUR
    message = refusal(registry, Wish(RECURRING, saturday, cycle=2, until_hour=17))
    assert "Saturday" in message
    assert "Monday 2026-11-30" in message
    message = refusal(registry, Wish(RECURRING, NOW, cycle=1, until_hour=17))
    assert "Saturday 2026-11-28" in message


def test_weekend_days_are_the_locks_own(registry):
    registry.add("shop", "UTC0", "UTC0", 0b0110000, "standard", bytes([1] * 32), NOW)
    friday = NOW - 600 + 4 * 24 * HOUR
    assert chosen(registry, Wish(RECURRING, friday, cycle=1, until_hour=20), "shop").meaning.cycle == 1
    assert "Friday 2026-11-27" in refusal(registry, Wish(RECURRING, NOW, cycle=1, until_hour=20), "shop")
    assert "Sunday 2026-11-29" in refusal(registry, Wish(RECURRING, friday, cycle=2, until_hour=20), "shop")


def test_erase_is_remembered_and_later_codes_warn(registry):
    assert issue(registry, "door", Wish(ONE_TIME), NOW)[1] == []
    erase = chosen(registry, Wish(ERASE))
    assert (erase.row.ticket, registry.lock("door").erase_pending) == (9999, True)
    assert "tumbler lock confirm-erase door" in issue(registry, "door", Wish(ONE_TIME), NOW)[1][0]
    assert issue(registry, "strict", Wish(ONE_TIME), NOW)[1] == []


def test_after_an_erase_the_same_tickets_give_other_digits(registry):
    before = chosen(registry, Wish(ONE_TIME))
    with registry.writing():
        registry.set_epoch(registry.lock("door"), 1)
    after = chosen(registry, Wish(ONE_TIME))
    assert (before.row.hour, before.row.ticket) == (after.row.hour, after.row.ticket)
    assert before.digits != after.digits
    lock = registry.lock("door")
    assert (state(lock, before, NOW), state(lock, after, NOW)) == ("erased", "usable")


def test_states_of_a_code(registry):
    lock = registry.lock("door")
    code = chosen(registry, timed(48))
    seen = [state(lock, code, code.start + t) for t in (-301, -300, 24 * HOUR - 1, 24 * HOUR, 48 * HOUR - 1, 48 * HOUR)]
    assert seen == ["upcoming", "usable", "usable", "if-used", "if-used", "over"]
    once = chosen(registry, Wish(ONE_TIME))
    assert state(lock, once, once.start + 6 * HOUR) == "over"
    assert state(lock, chosen(registry, Wish(PERMANENT)), NOW + 1000 * HOUR) == "if-used"


def test_codes_that_may_be_stored_are_counted_by_length(registry):
    lock = registry.lock("door")
    for wish in (timed(48), timed(200), Wish(PERMANENT), Wish(ONE_TIME), Wish(REVOKE), timed(5, start=NOW + 9000)):
        chosen(registry, wish)
    assert stored_lengths(registry, lock, NOW) == [0, 0, 0, 0, 0, 0, 1, 1, 1, 0]
    assert stored_lengths(registry, lock, NOW + 100 * HOUR) == [0, 0, 0, 0, 0, 0, 1, 0, 1, 0]


def test_digits_that_another_era_gave_out_are_not_given_again(registry, monkeypatch):
    """By chance two eras can share digits; an encoder that maps both to the same shows what happens then."""
    encode = Scheme.encode
    monkeypatch.setattr(
        Scheme, "encode", lambda self, hour, ticket, length: encode(self, hour % HOURS_PER_ERA, ticket, length)
    )
    first = chosen(registry, Wish(ONE_TIME))
    twin = chosen(registry, Wish(ONE_TIME, NOW + HOURS_PER_ERA * HOUR - 600))
    assert first.row.hour + HOURS_PER_ERA == twin.row.hour
    assert first.digits != twin.digits


def test_whatever_is_wished_the_digits_decode_to_it(registry):
    """Random wishes in random zones: digits decode to a ticket with exactly the times that were asked for."""
    seed = 20261123
    draw = random.Random(seed)
    for case in range(cases(30, 3000)):
        rule = draw.choice(
            ["UTC0", BERLIN, "<+0545>-5:45", "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", "NST3:30NDT,M3.2.0,M11.1.0"]
        )
        zone = Zone(rule)
        name = f"lock {case}"
        policy = draw.choice(["standard", "strict"])
        lock = registry.add(name, rule, rule, 0b1100000, policy, draw.randbytes(32), NOW)
        hours = draw.choice([1, 24, 168, draw.randrange(1, 8785)]) if policy == "standard" else draw.randrange(1, 169)
        start = NOW + draw.randrange(-5, 50_000) * HOUR
        start -= (start + zone.phase) % HOUR
        code = chosen(registry, Wish(TIMED, start, start + hours * HOUR, allow_past=True), name)
        told = f"seed {seed}, case {case}"
        hour, ticket = Scheme(lock.secret).decode(code.digits, code.row.hour // HOURS_PER_ERA)
        assert hour == hour_of(start, zone.phase), told
        assert meaning(ticket) == code.meaning, told
        assert (code.start, code.end) == (start, start + hours * HOUR), told
        assert code.first_use_until == start + min(24, hours) * HOUR, told
        assert describe(lock, code.row) == code, told


WORKER = """
import sys
from tumbler.codes.issue import Wish, issue
from tumbler.registry.registry import Registry
now, count = int(sys.argv[1]), int(sys.argv[2])
with Registry.open() as registry:
    sys.stdin.read()  # all begin together
    for _ in range(count):
        print(issue(registry, "door", Wish(0), now)[0].digits)
"""


def test_processes_at_once_never_hand_out_the_same_code(registry):
    """Real processes issue one-time codes of one hour against each other."""
    count = cases(12, 60)
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, str(NOW), str(count)],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for _ in range(6)
    ]  # fmt: skip
    for worker in workers:
        worker.stdin.close()
        worker.stdin = None
    digits = []
    for worker in workers:
        out, err = worker.communicate(timeout=120)
        assert worker.returncode == 0, err
        digits += out.split()
    assert len(digits) == 6 * count
    assert len(set(digits)) == len(digits)
    assert len(registry.codes(registry.lock("door"))) == len(digits)
