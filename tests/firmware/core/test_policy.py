"""Policies as values, and the odds: counted, by every ticket of every hour nearby, and by experiment."""

import random

import pytest

from tests.dual.support.lock import HOUR, NOW, Lock
from tests.generators import odds as model
from tests.generators.zones import BEGIN, END, changes, library_zone
from tests.support.campaign import cases
from tests.support.doc_tables import TEXT, number, rows
from tumbler_lock.core.budget import DAY, RISK, day_risk, refill_interval, resident_may, worst_odds
from tumbler_lock.core.policy import ALL_KINDS, STANDARD, STRICT, Policy, accepted_at, worst_accepted
from tumbler_lock.core.tickets import (
    ERASE,
    ONE_TIME,
    PERMANENT,
    RECURRING,
    REVOKE,
    TIMED,
    meaning,
    tickets,
)
from tumbler_lock.core.zone import Zone

UTC = Zone("UTC0")
NOON = 1795392000 + 12 * HOUR  # a Monday
HALF_PAST, LAST_MINUTES = NOON + 1800, NOON + 3540
SATURDAY_SUNDAY = 0b1100000
LENGTHS = range(6, 10)
EDGES = (0, 8, 81, 771, 867, 9039, 9040, 9607, 9608, 9998, 9999)
RULES = (*model.RULES, "NST3:30NDT,M3.2.0,M11.1.0", "EET-2EEST,M3.4.4/50,M10.4.4/50")


def drawn(draw):
    """Return a random policy."""
    return Policy(
        draw.choice((ALL_KINDS, draw.randrange(64))),
        draw.randrange(6, 10),
        draw.choice((8784, 168, 24, 1, draw.randrange(1, 8785))),
        draw.random() < 0.5,
    )


def moment(draw):
    """Return (rule, now, weekend): anywhere in ten years, or within a day of a clock change."""
    rule = draw.choice(RULES)
    now = draw.randrange(BEGIN, END)
    near = changes(library_zone(rule), now, now + 366 * 86400)
    if near and draw.random() < 0.7:
        now = draw.choice(near) + draw.randrange(-HOUR, 26 * HOUR)
    if draw.random() < 0.4:
        # Hours begin with the wall clock's in standard time: their last five minutes, and one second round them.
        now += 3300 - (now + Zone(rule).phase) % HOUR + draw.choice((-1, 0, 150, 299, 300))
    return rule, now, draw.choice((SATURDAY_SUNDAY, draw.randrange(128)))


def test_counts_match_asking_every_ticket():
    """All 10^(n-5) tickets, n = 6 to 9, of every start hour nearby, by a rule told again from the document."""
    seed = 1300
    draw = random.Random(seed)
    print("seed", seed)
    for _ in range(cases(6, 300)):
        rule, now, weekend = moment(draw)
        policies = [STANDARD, STRICT, drawn(draw)]
        zone, wall = Zone(rule), library_zone(rule)
        latest = now - (now + zone.phase) % HOUR
        starts = [latest + hour * HOUR for hour in model.NEARBY]
        granted = {}
        counted = [[0] * 4 for _ in policies]
        for ticket in range(10_000):
            what = meaning(ticket)
            told = model.meaning(ticket)
            if told is None:
                continue
            grant = (told[0], 0, *told[2:])
            if grant not in granted:
                granted[grant] = sum(model.accepts(grant, start, now, wall, weekend) for start in starts)
            for policy, total in zip(policies, counted, strict=True):
                if policy.permits(what):
                    for place in range(max(policy.fewest_digits, model.digits_needed(ticket)) - 6, 4):
                        total[place] += granted[grant]
        for policy, total in zip(policies, counted, strict=True):
            found = [accepted_at(policy, length, now, zone, weekend) for length in LENGTHS]
            assert found == total, (rule, now, weekend, policy)


def test_the_bound_holds_and_is_not_far_off():
    """At any moment it is above the count; in the last minutes of an ordinary hour within 15 % of it."""
    seed = 8784
    draw = random.Random(seed)
    print("seed", seed)
    for _ in range(cases(300, 20_000)):
        rule, now, weekend = moment(draw)
        policy = drawn(draw)
        length = draw.randrange(6, 10)
        found = accepted_at(policy, length, now, Zone(rule), weekend)
        assert found <= worst_accepted(policy, length), (rule, now, weekend, policy, length)
    for policy in (STANDARD, STRICT):
        for length in LENGTHS:
            found = accepted_at(policy, length, LAST_MINUTES, UTC, SATURDAY_SUNDAY)
            assert found <= worst_accepted(policy, length) <= found * 1.15


def test_the_bound_is_reached_without_recurring_codes():
    draw = random.Random(9)
    for _ in range(200):
        kinds = draw.randrange(64) & ~(1 << RECURRING)
        policy = Policy(kinds, draw.randrange(6, 10), draw.randrange(1, 8785), draw.random() < 0.5)
        for length in LENGTHS:
            assert worst_accepted(policy, length) == accepted_at(policy, length, LAST_MINUTES, UTC, 0)


def test_what_carries_no_ticket_has_no_odds():
    for length in (0, 4, 5):
        assert worst_accepted(STANDARD, length) == 0
    assert [worst_accepted(STRICT, length) for length in (6, 7, 8)] == [0, 0, 0]
    assert worst_accepted(Policy(kinds=0), 9) == accepted_at(Policy(kinds=0), 9, NOON, UTC, SATURDAY_SUNDAY) == 0


def test_each_kind_alone():
    """At half past: six start hours of one-time codes, 24 of the others; revoke and erase are one ticket each."""
    wanted = {ONE_TIME: 200 * 6, PERMANENT: 24 * 24, REVOKE: 24, ERASE: 24, RECURRING: 3 * sum(range(1, 25))}
    wanted[TIMED] = sum(min(hours, 24) * (4 if hours <= 168 else 1) for hours in range(1, 8785))
    for kind, count in wanted.items():
        assert accepted_at(Policy(1 << kind), 9, HALF_PAST, UTC, SATURDAY_SUNDAY) == count
    assert accepted_at(STANDARD, 9, HALF_PAST, UTC, SATURDAY_SUNDAY) == sum(wanted.values())


# The documents --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "policy"), [("standard", STANDARD), ("strict", STRICT)])
def test_the_documented_odds_are_the_counted_ones(name, policy):
    """Cells: policy, digits; accepted and one in N for most of the hour, for its last five minutes, and at most."""
    documented = [row[1:] for row in rows("Odds of one guess") if row[0] == name]
    assert [number(row[0]) for row in documented] == list(range(policy.fewest_digits, 10))
    for row in documented:
        length = number(row[0])
        counts = [accepted_at(policy, length, now, UTC, SATURDAY_SUNDAY) for now in (HALF_PAST, LAST_MINUTES)]
        counts.append(worst_accepted(policy, length))
        wanted = [cell for count in counts for cell in (count, round(10**length / count))]
        assert [number(cell) for cell in row[1:]] == wanted


def test_the_documented_guess_budget_is_the_computed_one():
    for name, interval, risk in rows("Guess budget"):
        odds = worst_odds({"standard": STANDARD, "strict": STRICT}[name], [0] * 10)
        assert refill_interval(odds) == number(interval.removesuffix(" s"))
        assert f"{100 * day_risk(odds):.2f} %" == risk
        assert day_risk(odds) <= RISK
    assert "up to 17 codes of 6 digits, 173 of 7, and all 1,000" in " ".join(TEXT.split())
    assert [resident_may(6, 17), resident_may(6, 18), resident_may(7, 173), resident_may(7, 174)] == [True, False] * 2
    assert resident_may(8, 1000)
    assert not resident_may(5, 1)
    four = worst_odds(STANDARD, [0, 0, 0, 0, 4, 0, 0, 0, 0, 0])
    assert DAY // refill_interval(four) + 8 == 32
    assert f"{100 * day_risk(four):.1f} %" == "1.3 %"


def test_the_documented_policies_are_the_packed_ones():
    assert f"*standard* `{STANDARD.pack().hex()}`" in TEXT
    assert f"*strict* `{STRICT.pack().hex()}`" in TEXT


def test_the_short_count_of_the_document():
    """What the document says is wrong: 24 hours of every ticket, 6 of every one-time serial."""
    shares = {ONE_TIME: 6}
    for length, wanted in zip(LENGTHS, (10_417, 5_081, 4_640, 4_405), strict=True):
        tickets = [meaning(ticket) for ticket in range(10 ** (length - 5))]
        short = sum(shares.get(what.kind, 24) for what in tickets if what)
        assert round(10**length / short) == wanted
    strict = [meaning(ticket) for ticket in range(10_000) if STRICT.allows(ticket, 9)]
    assert round(10**9 / sum(shares.get(what.kind, 24) for what in strict)) == 122_549


def test_the_hour_has_two_kinds_of_moment():
    """The first 55 minutes and the last five, to the second."""
    for policy in (STANDARD, STRICT):
        for length in range(policy.fewest_digits, 10):
            counts = [
                accepted_at(policy, length, NOON + second, UTC, SATURDAY_SUNDAY) for second in (0, 3299, 3300, 3599)
            ]
            assert counts[0] == counts[1] < counts[2] == counts[3]


# Policies as values ---------------------------------------------------------------------------------------


def test_standard_allows_every_ticket():
    for ticket in range(10_000):
        for length in range(4, 11):
            assigned = meaning(ticket) is not None
            assert STANDARD.allows(ticket, length) == (assigned and model.digits_needed(ticket) <= length <= 9)


def test_allows_against_the_document_told_again():
    draw = random.Random(11)
    for _ in range(60):
        policy = drawn(draw)
        told = (policy.kinds, policy.fewest_digits, policy.longest_hours, policy.variants)
        for ticket in [*EDGES, *draw.sample(range(10_000), 100)]:
            for length in LENGTHS:
                assert policy.allows(ticket, length) == model.permits(told, ticket, length), (policy, ticket, length)


def test_strict():
    assert STRICT.allows(tickets(TIMED, 168)[0], 9)
    assert not STRICT.allows(tickets(TIMED, 168)[0], 8)
    assert not STRICT.allows(tickets(TIMED, 169)[0], 9)
    assert not STRICT.allows(tickets(TIMED, 1)[1], 9)
    assert all(STRICT.allows(ticket, 9) for ticket in (0, 199 + 9544 - 136, 9998, 9999))


def test_pack_and_unpack():
    draw = random.Random(12)
    for policy in [STANDARD, STRICT, *(drawn(draw) for _ in range(200))]:
        packed = policy.pack()
        assert len(packed) == 5
        assert Policy.unpack(packed) == policy == Policy.unpack(bytearray(packed))
        assert hash(Policy.unpack(packed)) == hash(policy)
    assert STANDARD.pack().hex() == "3f06225001"
    assert STRICT.pack().hex() == "3f0900a800"


def test_names():
    assert (STANDARD.name, STRICT.name, Policy().name) == ("standard", "strict", "standard")
    assert Policy(kinds=1).name == Policy(9, 9, 168, True).name == "custom"
    assert STANDARD != STRICT
    assert STANDARD != "standard"


@pytest.mark.parametrize(
    ("packed", "says"),
    [
        ("", "5 bytes"),
        ("3f062250", "5 bytes"),
        ("3f0622500100", "5 bytes"),
        ("4006225001", "kinds"),
        ("ff06225001", "kinds"),
        ("3f05225001", "fewest digits"),
        ("3f0a225001", "fewest digits"),
        ("3f06000001", "longest timed"),
        ("3f06225101", "longest timed"),
        ("3f06ffff01", "longest timed"),
        ("3f06225002", "variants"),
        ("ffffffffff", "variants"),
        ("0000000000", "fewest digits"),
    ],
)
def test_other_bytes_are_refused(packed, says):
    with pytest.raises(ValueError, match="policy: .*" + says):
        Policy.unpack(bytes.fromhex(packed))


@pytest.mark.parametrize("fields", [(-1,), (64,), (63, 5), (63, 10), (63, 6, 0), (63, 6, 8785), (63, 6, -1)])
def test_fields_out_of_range_are_refused(fields):
    with pytest.raises(ValueError, match="policy: "):
        Policy(*fields)


# The odds by experiment: random entries on the real verifier against what policy.py counts

# Half past the hour, and two minutes before the next, when one more start hour is acceptable.
MOMENTS = {"mid-hour": NOW + HOUR // 2, "last minutes": NOW + HOUR - 120}


def experiment(lock, length, entries, rng):
    """(opened, expected): how many of `entries` random codes the verifier takes now, and the count's expectation."""
    opened = 0
    now = lock.rtc.now
    for _ in range(entries):
        digits = "%0*d" % (length, rng.randrange(10**length))
        opened += lock.verifier.read(b"", digits, now).reason == "opened"
    exact = accepted_at(lock.config_policy, length, now, lock.verifier.zone, lock.verifier.config.weekend)
    return opened, entries * exact / 10**length


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("policy", [STANDARD, STRICT], ids=["standard", "strict"])
def test_random_entries(tmp_path, policy, moment):
    """Within 4 standard deviations of the computed odds, for every length the policy has."""
    lock = Lock(str(tmp_path), now=MOMENTS[moment], policy=policy)
    lock.config_policy = policy
    rng = random.Random("%s %s" % (policy.name, moment))
    for length in range(policy.fewest_digits, 10):
        opened, expected = experiment(lock, length, cases(40_000, 2_000_000), rng)
        assert abs(opened - expected) <= 4 * max(1.0, expected) ** 0.5, (length, opened, expected)


@pytest.mark.parametrize("moment", MOMENTS)
def test_every_entry_of_six_digits(tmp_path, moment):
    """The exact count: in the campaign all 1,000,000 entries, in CI every one that decodes to an hour near now."""
    now = MOMENTS[moment]
    lock = Lock(str(tmp_path), now=now)
    zone, weekend = lock.verifier.zone, lock.verifier.config.weekend
    expected = accepted_at(STANDARD, 6, now, zone, weekend)
    if cases(False, True):
        entries = ("%06d" % number for number in range(10**6))
    else:
        hours = range(now // HOUR - 40, now // HOUR + 40)
        entries = (lock.scheme.encode(hour, ticket, 6) for hour in hours for ticket in range(10))
    assert sum(lock.verifier.read(b"", digits, now).reason == "opened" for digits in entries) == expected


@pytest.mark.parametrize("length", [7, 8, 9])
def test_every_ticket_near_now(tmp_path, length):
    """The exact count for longer codes, by every ticket of every hour near now, each typed in as its digits."""
    now = MOMENTS["mid-hour"]
    lock = Lock(str(tmp_path), now=now)
    rng = random.Random(length)
    stride = cases({7: 1, 8: 7, 9: 61}, {7: 1, 8: 1, 9: 1})[length]
    hours = range(now // HOUR - 30, now // HOUR + 3)
    tried = {ticket for ticket in range(10 ** (length - 5)) if rng.randrange(stride) == 0}
    counted = opened = 0
    for ticket in tried:
        for hour in hours:
            candidate = lock.verifier.read(b"", lock.scheme.encode(hour, ticket, length), now)
            opened += candidate.reason == "opened"
    exact = accepted_at(STANDARD, length, now, lock.verifier.zone, lock.verifier.config.weekend)
    counted = exact * len(tried) / 10 ** (length - 5)
    if stride == 1:
        assert opened == exact
    else:
        assert abs(opened - counted) < 0.25 * counted, (opened, counted)


def test_dangerous_tickets_count_as_accepted():
    """A guess that erases or revokes is a success of the guesser: both kinds are in the count."""
    assert {meaning(9998).kind, meaning(9999).kind} == {REVOKE, ERASE}
