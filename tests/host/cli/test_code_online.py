"""`tumbler code custom|change|delete` and `code list --fetch`, with a lock in memory instead of a radio."""

import asyncio

import pytest

from tests.dual.support.linked_lock import PSK
from tests.support.memory_radio import CUT, DOWN, deaf, heard, in_between
from tests.support.owner_tool import NOW, done, refused, tumbler
from tumbler.registry.registry import Registry
from tumbler_lock.core.codebook import REVOKED
from tumbler_lock.core.keys import OWNER
from tumbler_lock.core.management import By
from tumbler_lock.core.tickets import PERMANENT

pytestmark = pytest.mark.usefixtures("hurry")


def test_custom_codes_are_added_listed_changed_and_deleted(lock):
    added = done("code", "custom", "door", "740193", "--label", "cleaners")
    assert (added["digits"], added["id"]) == ("740193", lock.scheme.tag("740193")[:4].hex())
    assert lock.enter("740193") == "open"
    (row,) = done("code", "list", "door")
    assert (row["digits"], row["kind"], row["state"], row["label"]) == ("740193", "custom", "active", "cleaners")
    changed = done("code", "change", "door", "740193", "--digits", "591804", "--end", "2026-11-24T12")
    assert changed["label"] == "cleaners"
    assert lock.enter("740193").startswith("refused")
    assert lock.enter("591804") == "open"
    rows = {row["digits"]: row for row in done("code", "list", "door", "--fetch")}
    assert rows["591804"]["end"] == "2026-11-24T12:00:00+00:00"
    assert rows["591804"]["label"] == "cleaners"
    done("code", "change", "door", "591804", "--end", "never")
    assert done("code", "list", "door", "--fetch")[0]["end"] is None
    assert done("code", "delete", "door", rows["591804"]["id"], "--yes")["label"] == "cleaners"
    assert lock.enter("591804").startswith("refused")


def test_a_changed_code_is_printed_as_the_lock_has_it(lock):
    """What is not named stays, whether the registry or only the lock knows it."""
    lock.owner.add_custom("740193", None, NOW // 3600 * 3600 + 36000)
    changed = done("code", "change", "door", "740193", "--start", "2026-11-23T16")
    assert (changed["start"], changed["end"]) == ("2026-11-23T16:00:00+00:00", "2026-11-24T01:00:00+00:00")
    changed = done("code", "change", "door", "740193", "--digits", "591804", "--label", "Ann")
    assert (changed["start"], changed["end"]) == ("2026-11-23T16:00:00+00:00", "2026-11-24T01:00:00+00:00")
    issued = done("code", "timed", "door", "--end", "2026-11-25T11")
    changed = done("code", "change", "door", issued["digits"], "--end", "2026-11-26T11")
    assert (changed["start"], changed["end"]) == (issued["start"], "2026-11-26T11:00:00+00:00")
    assert "--digits" in refused("code", "change", "door", "591804", "--label", "Bo")


def test_digits_that_the_lock_was_told_are_explained(lock):
    done("code", "custom", "door", "73915", "--label", "Ann", "--end", "2026-11-25T11")
    known = done("code", "explain", "door", "73 915")
    assert (known["kind"], known["state"], known["label"]) == ("custom", "active", "Ann")
    assert known["end"] == "2026-11-25T11:00:00+00:00"
    assert "73915" not in tumbler("code", "explain", "door", "73915")[1]


@pytest.mark.parametrize("written", ["740 193", "740-193", " 7401 93 ", "740193#"])
def test_digits_may_be_written_in_groups(lock, written):
    assert done("code", "custom", "door", written)["digits"] == "740193"
    assert done("code", "change", "door", written, "--end", "2026-11-25T11")["digits"] == "740193"
    assert done("code", "delete", "door", written, "--yes")["id"] == lock.scheme.tag("740193")[:4].hex()
    assert "4 to 9 digits" in refused("code", "custom", "door", "740 19x")


def test_deleting_asks_a_person_first(lock, monkeypatch):
    done("code", "custom", "door", "740193", "--label", "cleaners")
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("tumbler.cli.output.confirm", lambda question: "cleaners" not in question)
    assert "Nothing was deleted" in refused("code", "delete", "door", "740193")
    assert lock.enter("740193") == "open"
    done("code", "delete", "door", "740193", "--yes")
    assert lock.enter("740193").startswith("refused")


def test_random_digits_when_none_are_named(lock):
    code = done("code", "custom", "door", "--end", "2026-11-24T12")
    assert len(code["digits"]) >= 6
    assert lock.enter(code["digits"]) == "open"
    out = tumbler("code", "custom", "door")[1]
    assert out.splitlines()[0].isdigit()


def test_weak_digits_are_refused_unless_forced(lock):
    message = refused("code", "custom", "door", "1111")
    assert "--force" in message
    assert "1111" not in message
    assert done("code", "custom", "door", "1111", "--force")["digits"] == "1111"
    assert "already" in refused("code", "custom", "door", "1111", "--force")


@pytest.mark.parametrize("digits", ["123", "1234567890", "12a4", "١٢٣٤"])
def test_digits_that_are_none(lock, digits):
    assert "4 to 9 digits" in refused("code", "custom", "door", digits)


def test_issued_codes_are_changed_and_deleted_by_id_before_their_first_use(lock):
    code = done("code", "one-time", "door", "--start", "2026-11-24T15", "--label", "parcel")
    done("code", "change", "door", code["id"], "--start", "2026-11-23T15")
    assert lock.enter(code["digits"]) == "open"
    other = done("code", "permanent", "door")
    done("code", "delete", "door", other["id"], "--yes")
    assert lock.enter(other["digits"]) == "refused revoked"
    rows = {row["id"]: row for row in done("code", "list", "door", "--fetch")}
    assert (rows[code["id"]]["state"], rows[code["id"]]["lock_state"]) == ("used", "used")
    assert rows[code["id"]]["first_use"] == "2026-11-23T15:10:00+00:00"
    assert rows[other["id"]]["state"] == "revoked"
    assert done("code", "list", "door", "--current") == []


def test_codes_that_only_the_lock_knows(lock):
    elsewhere = lock.code(PERMANENT)
    lock.enter(elsewhere)
    tag = lock.owner.add_custom("740193")
    rows = done("code", "list", "door", "--fetch")
    assert sorted((row["digits"], row["kind"], row["state"]) for row in rows) == [
        (None, "custom", "active"), (None, "permanent", "active"),
    ]  # fmt: skip
    done("code", "delete", "door", tag[:4].hex(), "--yes")
    assert lock.enter("740193").startswith("refused")
    (other,) = [row for row in rows if row["kind"] == "permanent"]
    with Registry.open() as registry:  # nothing is known of it here any more: the lock is asked for its list
        registry.cache(registry.lock("door")).replace_known([], NOW)
    done("code", "delete", "door", other["id"], "--yes")
    assert lock.store.book.find(lock.scheme.tag(elsewhere)).state == REVOKED
    assert "knows no code" in refused("code", "delete", "door", "0badc0de", "--yes")
    assert "neither digits of a code nor an id" in refused("code", "delete", "door", "xyz", "--yes")


def test_digits_never_show_in_what_goes_wrong(lock):
    for arguments in (
        "code custom door 740193 --start 2026-11-24T12 --end 2026-11-24T11",
        "code custom door 740193 --end 2026-11-23T10",
        "code delete door 740193 --yes",
        "code change door 740193",
    ):
        assert "740193" not in refused(*arguments.split())


# Answers that were lost


def test_random_digits_that_are_refused_because_they_are_there_already_are_not_drawn_again(lock, air):
    cut = []

    def fault(direction, value):
        if direction == DOWN and len(lock.store.book) and not cut:
            cut.append(value)
            lock.owner.set_time(NOW, by=By(0, 77))
            return CUT
        return [value]

    air.fault = fault
    code = done("code", "custom", "door", "--label", "Ann")
    assert len(lock.store.book) == 1
    assert lock.enter(code["digits"]) == "open"
    assert [(row["digits"], row["label"]) for row in done("code", "list", "door")] == [(code["digits"], "Ann")]


@pytest.mark.parametrize("digits", [(), ("740193",)])
@pytest.mark.parametrize("secret", [True, False])
def test_a_code_whose_answer_was_lost_is_kept_and_the_same_command_ends_it(lock, air, digits, secret):
    if not secret:
        with Registry.open() as registry:
            registry.remove(registry.lock("door"))
            known = registry.add("door", "UTC0", "UTC0", 96, "standard", None, NOW, lock.sessions.link.id)
            registry.cache(known).hold(0, OWNER, "Ann", PSK, NOW)
    deaf(lock, air)
    wish = ("code", "custom", "door", *digits, "--label", "cleaners")
    message = refused(*wish)
    assert "may be done" in message
    assert "tumbler code list --fetch door" in message
    (row,) = done("code", "list", "door")
    assert (row["state"], row["label"]) == ("unconfirmed", "cleaners")
    heard(air)
    code = done(*wish)
    assert code["digits"] == row["digits"]
    assert code["id"] == lock.scheme.tag(code["digits"])[:4].hex()
    assert len(lock.store.book) == 1
    assert [one["state"] for one in done("code", "list", "door")] == ["active"]


def test_the_locks_list_tells_what_became_of_a_lost_answer(lock, air):
    deaf(lock, air)
    refused("code", "custom", "door", "740193", "--label", "cleaners")
    heard(air)
    (row,) = done("code", "list", "door", "--fetch")
    assert (row["digits"], row["state"], row["label"]) == ("740193", "active", "cleaners")
    deaf(lock, air)
    assert "may be done" in refused("code", "change", "door", "740193", "--digits", "591804")
    heard(air)
    assert done("code", "change", "door", "740193", "--digits", "591804")["label"] == "cleaners"
    deaf(lock, air)
    assert "may be done" in refused("code", "delete", "door", "591804", "--yes")
    heard(air)
    in_between(air, 2)  # this one never arrives
    assert "may be done" in refused("code", "custom", "door", "382914")
    heard(air)
    assert "382914" not in {one["digits"] for one in done("code", "list", "door", "--fetch")}


def test_ctrl_c_after_the_request_says_that_it_may_be_done(lock, air, monkeypatch):
    before = lock.store.seq

    def fault(direction, value):
        if direction == DOWN and lock.store.seq > before:
            raise asyncio.CancelledError
        return [value]

    air.fault = fault
    status, out, err = tumbler("code", "custom", "door", "740193")
    assert (status, out) == (130, "")
    assert "may be done" in err
    assert "740193" not in err
    assert done("code", "list", "door")[0]["digits"] == "740193"
