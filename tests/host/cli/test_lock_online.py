"""`tumbler lock status|unlock|sync-time|settings|erase-codes|reset|log`, with a lock in memory instead of a radio."""

import json
from types import SimpleNamespace

import pytest

from tests.dual.support.linked_lock import PSK, Linked
from tests.dual.support.lock import EXAMPLE_SECRET
from tests.support.memory_radio import CUT, DOWN, UP, deaf, in_between, typing_digits
from tests.support.owner_tool import NOW, SECRET, add, done, refused, tumbler
from tumbler.answers import LogEvent
from tumbler.cli.output_lock import event_data
from tumbler.link import radios
from tumbler.link.transport import OutOfRange
from tumbler.registry.registry import Registry
from tumbler_lock.core.keys import MANAGER, OPENER, OWNER, AccessKey
from tumbler_lock.core.management import By
from tumbler_lock.core.protocol import lock_id as lock_id_of
from tumbler_lock.core.tickets import ONE_TIME

pytestmark = pytest.mark.usefixtures("hurry")
BERLIN = "CET-1CEST,M3.5.0,M10.5.0/3"


# Finding the lock


def test_a_lock_that_sleeps_is_waited_for_and_all_else_is_looked_at_no_longer_than_ever(lock, air, monkeypatch):
    looked = []
    scan = air.scan

    async def heard(seconds, enough):
        looked.append(seconds)
        return await scan(seconds, enough)

    monkeypatch.setattr(air, "scan", heard)
    done("lock", "status", "door")
    done("lock", "status", "door", "--wait", "320")
    assert looked == [radios.SCAN_SECONDS, 320]
    lock.sessions.link.id = bytes(8)
    message = refused("lock", "status", "door", "--wait", "320")
    assert looked[2:] == [320]
    assert "is not in range" in message
    lock.store.keys[0].psk = bytes(32)
    lock.sessions.link.id = lock_id_of(EXAMPLE_SECRET)
    assert "does not accept the key" in refused("lock", "status", "door", "--wait", "320")
    assert looked[3:] == [320, radios.SCAN_SECONDS]


@pytest.mark.parametrize(
    "words",
    [
        *[f"lock {word}" for word in ("status", "unlock", "sync-time", "log", "settings", "erase-codes", "reset")],
        *[f"code {word}" for word in ("custom", "change", "delete", "list")],
        *[f"key {word}" for word in ("add", "list", "remove")],
        "update send", "update status",
    ],
)  # fmt: skip
def test_every_command_over_the_air_can_wait(words):
    status, out, _ = tumbler(*words.split(), "--help")
    assert status == 0
    assert "--wait" in out


def test_what_to_do_when_the_lock_is_not_there(lock, new, air):
    done("lock", "status", "door")
    air.locks[:] = [new]
    message = refused("lock", "status", "door")
    assert "but a new lock is" in message
    assert "tumbler pair" in message
    air.locks.clear()
    message = refused("pair", "door", "--yes")
    assert "Neither 'door' nor a new lock is in range" in message
    assert "reset" not in message


def test_a_lock_without_a_key_here(air):
    add()
    message = refused("lock", "unlock", "door")
    assert "tumbler pair door" in message


def test_a_key_that_was_removed(lock):
    lock.store.keys[0].psk = bytes(32)
    message = refused("lock", "status", "door")
    assert "does not accept the key" in message
    assert "another device" in message
    assert "button" not in message
    lock.store.keys[0].psk = PSK
    assert done("lock", "status", "door")["key_role"] == "owner"


@pytest.mark.parametrize("says", ["no", "nothing", "new"])
def test_a_decoy_with_the_id_of_my_lock_does_not_keep_me_from_it(lock, air, tmp_path, says):
    (tmp_path / "decoy").mkdir()
    decoy = Linked(str(tmp_path / "decoy"), now=NOW)
    decoy.store.keys[0].psk = bytes(range(9, 41))
    air.locks.insert(0, decoy)
    first = []

    def fault(direction, value):
        if says == "no" or air.wires[-1]._lock is not decoy or direction == UP:
            return [value]
        first.append(value)
        return [] if says == "nothing" else [value[:5] + bytes(8) + value[13:]]

    air.fault = fault
    assert done("lock", "status", "door")["key_role"] == "owner"
    assert bool(first) == (says != "no")
    assert {wired._lock for wired in air.wires} == {decoy, lock}


def test_another_key_is_tried_when_the_lock_does_not_know_the_first(lock):
    lock.owner.add_key(AccessKey(5, MANAGER, bytes(32), "Spare"))
    with Registry.open() as registry:
        cache = registry.cache(registry.lock("door"))
        cache.hold(0, OWNER, "", bytes(range(32)), NOW)
        cache.hold(5, MANAGER, "Spare", bytes(32), NOW)
    assert done("lock", "status", "door")["key_slot"] == 5


def test_a_busy_lock(lock):
    for _ in range(16):
        lock.sessions.connect().close()
    assert "is busy" in refused("lock", "status", "door")


def test_a_lock_that_goes_off_while_it_is_talked_to_is_named(lock, air, monkeypatch):
    async def connect(sighting):
        raise OutOfRange(f"The lock at {sighting.address}")

    monkeypatch.setattr(air, "connect", connect)
    message = refused("lock", "status", "door")
    assert "The lock 'door' is not in range" in message
    assert "00:00" not in message


# Status, bolt and clock


def test_status(lock):
    status = done("lock", "status", "door")
    assert (status["key_role"], status["bolt"], status["epoch"], status["stored_codes"]) == ("owner", "locked", 0, 0)
    assert (status["clock_off"], status["time_trusted"], status["battery"]) == (0, True, None)
    lock.rtc.now += 100
    assert "100 seconds off" in tumbler("lock", "status", "door")[2]
    lock.rtc.ok = False
    assert "does not trust its clock" in tumbler("lock", "status", "door")[2]


def test_what_a_person_reads_counts_and_has_units(lock):
    lock.charge = 12
    lock.rtc.now += 61
    _, out, err = tumbler("lock", "status", "door")
    assert "battery\t12 %" in out
    assert "clock_off\t61 s" in out
    assert "12 % left" in err
    lock.rtc.now -= 60
    assert "it was 1 second fast." in tumbler("lock", "sync-time", "door")[1]
    assert "it was right." in tumbler("lock", "sync-time", "door")[1]
    assert "insist" not in refused("code", "custom", "door", "1111")
    lock.rtc.ok = False
    lock.start()
    lock.enter("123456")
    assert tumbler("lock", "log", "door")[1].splitlines()[-1].split("\t")[1].endswith(" ?")


def test_an_opening_that_was_asked_for_twice_is_told_as_one(lock, air):
    cut = []

    def fault(direction, value):
        if direction == DOWN and lock.opened and not cut:
            cut.append(value)
            return CUT
        return [value]

    air.fault = fault
    assert tumbler("lock", "unlock", "door")[1] == "door was opened.\n"
    assert len(lock.opened) == 1


def test_an_opening_whose_answer_was_lost_may_have_opened(lock, air):
    deaf(lock, air)
    assert "may have opened" in refused("lock", "unlock", "door")
    assert lock.opened


def test_unlock_and_sync_time(lock):
    assert done("lock", "unlock", "door") == {"lock": "door", "open_seconds": 5}
    assert lock.opened == [5]
    lock.rtc.now += 300
    assert done("lock", "sync-time", "door")["clock_was_off"] == 300
    assert lock.rtc.now == NOW
    assert "300" not in tumbler("lock", "sync-time", "door")[1]


# Settings


def test_settings_are_shown_changed_and_stored_in_the_registry(lock):
    before = done("lock", "settings", "door")
    assert (before["auto_lock"], before["passage"], before["bluetooth_name"]) == (5, None, "Tumbler")
    after = done("lock", "settings", "door", "--timezone", "Europe/Berlin", "--weekend", "fri,sat", "--auto-lock", "8",
                 "--no-sound", "--policy", "strict", "--passage", "mon-fri 9-17",
                 "--bluetooth-name", "Shed")  # fmt: skip
    assert (after["timezone"], after["weekend"], after["auto_lock"], after["sound"]) == (
        "Europe/Berlin", "fri,sat", 8, False,
    )  # fmt: skip
    assert (after["policy"], after["passage"], after["bluetooth_name"]) == ("strict", "mon-fri 9-17", "Shed")
    known = done("lock", "show", "door")
    assert (known["timezone"], known["rule"], known["policy"], known["weekend"]) == (
        "Europe/Berlin", BERLIN, "strict", "fri,sat",
    )  # fmt: skip
    assert lock.verifier.config.passage == (31, 9, 17)
    assert done("lock", "settings", "door", "--passage", "off")["passage"] is None
    assert done("lock", "settings", "door", "--passage", "sat-mon,wed 22-6")["passage"] == "mon,wed,sat-sun 22-6"


@pytest.mark.parametrize("passage", ["mon-fri", "9-17", "mon 9", "mon 25-3", "xyz 9-17", "mon-tue-wed 9-17", ""])
def test_passage_hours_that_make_no_sense(lock, passage):
    assert "--passage" in refused("lock", "settings", "door", "--passage", passage)


def test_a_bluetooth_name_that_does_not_fit(lock):
    assert "--bluetooth-name takes 0 to 17 characters of printable ASCII" in refused(
        "lock", "settings", "door", "--bluetooth-name", "x" * 18
    )


# Erase and reset


def test_erase_and_what_the_registry_makes_of_it(lock):
    code = done("code", "permanent", "door")
    assert "confirmation" in refused("lock", "erase-codes", "door")
    assert done("lock", "erase-codes", "door", "--yes")["epoch"] == 1
    assert done("code", "list", "door")[0]["state"] == "erased"
    assert lock.enter(code["digits"]).startswith("refused")
    assert lock.enter(done("code", "permanent", "door")["digits"]) == "open"


def test_an_erase_code_that_was_typed_confirms_itself_at_the_next_connection(lock):
    done("code", "permanent", "door")
    code = done("code", "erase-code", "door")
    assert lock.enter(code["digits"]) == "erased"
    assert done("lock", "show", "door")["erase_pending"]
    done("lock", "status", "door")
    known = done("lock", "show", "door")
    assert (known["epoch"], known["erase_pending"]) == (1, False)


def test_reset_needs_the_button_and_what_is_known_here_goes_when_the_new_secret_works(lock):
    done("code", "permanent", "door")
    assert "needs a confirmation" in refused("lock", "reset", "door")
    assert "set-up button" in refused("lock", "reset", "door", "--yes")
    lock.held = True
    assert done("lock", "reset", "door", "--yes") == {"lock": "door"}
    assert lock.trouble == "no-secret"
    assert len(done("code", "list", "door")) == 1
    assert done("lock", "show", "door", "--secret")["secret"] == SECRET
    assert "was reset" in done("code", "permanent", "door")["warnings"][0]
    message = refused("lock", "status", "door")
    assert "was reset" in message
    assert "tumbler pair door" in message
    lock.held = False
    with typing_digits(lock):
        done("pair", "door", "--yes")
    assert done("lock", "status", "door")["epoch"] == 0
    assert done("code", "list", "door") == []
    assert done("lock", "show", "door", "--secret")["secret"] == lock.store.secret.hex() != SECRET
    assert done("code", "permanent", "door")["warnings"] == []


def test_a_reset_that_was_answered_and_not_done_loses_nothing(lock, monkeypatch):
    """The lock answers first; the power may fail before it forgets."""
    lock.held = True
    monkeypatch.setattr(lock, "wipe", lambda: None)
    done("lock", "reset", "door", "--yes")
    assert done("lock", "status", "door")["key_role"] == "owner"
    code = done("code", "permanent", "door")
    assert code["warnings"] == []
    assert lock.enter(code["digits"]) == "open"


def test_a_decoy_that_says_it_is_new_gets_nothing_that_the_lock_has_and_takes_nothing_away(lock, air, tmp_path):
    done("lock", "status", "door")
    (tmp_path / "decoy").mkdir()
    decoy = Linked(str(tmp_path / "decoy"), blank=True)
    mine = air.locks[:]
    air.locks[:] = [decoy]

    def fault(direction, value):
        """It does not answer finish."""
        return CUT if direction == DOWN and decoy.store is not None else [value]

    air.fault = fault
    with typing_digits(decoy):
        refused("pair", "door", "--yes", "--new-secret")
    air.fault = lambda direction, value: [value]
    air.locks[:] = mine
    assert done("lock", "status", "door")["key_role"] == "owner"
    assert done("lock", "show", "door", "--secret")["secret"] == SECRET
    assert lock.enter(done("code", "permanent", "door")["digits"]) == "open"


def test_a_refusal_that_anybody_can_make_up_is_no_answer_to_a_reset(lock, air):
    done("code", "permanent", "door")
    lock.held = True
    in_between(air, 2)
    message = refused("lock", "reset", "door", "--yes")
    assert "not known" in message
    assert "The registry has forgotten nothing" in message
    air.fault = lambda direction, value: [value]
    assert done("lock", "show", "door", "--secret")["secret"] == SECRET
    assert len(done("code", "list", "door")) == 1
    assert done("lock", "status", "door")["key_role"] == "owner"


# Log


def test_the_log_in_words(lock):
    code = done("code", "one-time", "door", "--label", "parcel")
    lock.enter(code["digits"])
    lock.enter("123456")
    done("code", "custom", "door", "740193", "--label", "cleaners")
    done("lock", "unlock", "door")
    done("key", "add", "door", "--role", "opener", "--label", "Bo", "--export", "-")
    events = done("lock", "log", "door")
    assert [event["event"] for event in events] == ["open", "refused", "added", "unlocked", "key-added"]
    opened, wrong, added, unlocked, key = events
    assert (opened["kind"], opened["id"], opened["label"]) == ("one-time", code["id"], "parcel")
    assert (wrong["reason"], wrong["id"], wrong["by"]) == ("wrong", None, None)
    assert (added["by"], added["label"], added["kind"]) == ("Ann", "cleaners", "custom")
    assert unlocked["by"] == "Ann"
    assert (key["kind"], key["id"], key["label"]) == ("opener", "key 1", "Bo")
    assert done("lock", "log", "door", "--since", events[2]["seq"]) == events[3:]
    header, *rows = tumbler("lock", "log", "door", "--offline")[1].splitlines()
    assert (header.split("\t")[:3], len(rows)) == (["seq", "time", "event"], 5)


@pytest.mark.parametrize(
    ("number", "code", "argument", "told"),
    [
        (21, "00000000", 0x301, ("fault", None, None, 0x301)),
        (28, "00000000", 0, ("exit", None, None, None)),
        (29, "00000000", 0, ("door-forced", None, None, None)),
        (30, "00000000", 0, ("door-left-open", None, None, None)),
        (31, "00000000", 0, ("door-shut", None, None, None)),
        (32, "00000000", 1, ("stalled", "unlocking", None, None)),
        (32, "00000000", 2, ("stalled", "locking", None, None)),
        (33, "00000000", 0, ("battery", "good", None, None)),
        (33, "00000000", 1, ("battery", "low", None, None)),
        (33, "00000000", 2, ("battery", "critical", None, None)),
        (33, "00000000", 3, ("battery", None, None, None)),
        (34, "00021100", 7, ("updated", None, "0.2.17", None)),
        (99, "00000000", 0, ("unknown", None, None, None)),
    ],
)
def test_what_the_lock_itself_logs_in_words(number, code, argument, told):
    """Numbers and arguments as docs/spec/storage.md has them."""
    event = LogEvent(1, NOW, number, 0, 0, 7, bytes.fromhex(code), argument)
    data = event_data(SimpleNamespace(rule="UTC0"), event, SimpleNamespace(label=lambda slot, seq: "Ann"), {})
    assert (data["event"], data["reason"], data["id"], data["argument"]) == told
    assert data["by"] is None


def test_a_slot_that_is_used_again_keeps_its_old_events_under_the_old_name(lock):
    lock.owner.add_key(AccessKey(1, OPENER, bytes(32), "Bo"))
    done("key", "list", "door")
    lock.owner.unlock(By(1, 7), lock.store.keys[1])
    done("key", "remove", "door", "Bo", "--yes")
    lock.owner.add_key(AccessKey(1, OPENER, bytes(range(32)), "Cleo"))
    lock.owner.unlock(By(1, 8), lock.store.keys[1])
    events = done("lock", "log", "door")  # of Cleo only two letters are known
    assert [(one["event"], one["by"], one["key_slot"], one["label"]) for one in events] == [
        ("key-added", None, None, "Bo"),
        ("unlocked", "Bo", 1, None),
        ("key-removed", "Ann", 0, "Bo"),
        ("key-added", None, None, "Cl…"),
        ("unlocked", "Cl…", 1, None),
    ]
    done("key", "list", "door")
    assert [one["by"] for one in done("lock", "log", "door")] == [None, "Bo", "Ann", None, "Cleo"]
    lock.owner.remove_key(1)
    lock.owner.add_key(AccessKey(1, OPENER, bytes(32), "Cleo"))
    lock.owner.add_key(AccessKey(2, MANAGER, bytes(range(1, 33)), ""))
    lock.owner.unlock(By(2, 9), lock.store.keys[2])
    assert done("lock", "log", "door")[-1]["by"] == "key 2"


def test_after_a_gap_in_the_log_nobody_is_named_who_was_not_heard_since(lock):
    done("lock", "log", "door")
    lock.owner.add_key(AccessKey(1, MANAGER, bytes(32), "Max"))
    done("key", "list", "door")
    lock.owner.remove_key(1)
    lock.owner.add_key(AccessKey(1, MANAGER, bytes(range(32)), "Eve"))
    for _ in range(1100):
        lock.owner.set_time(NOW)
    lock.owner.set_time(NOW, By(1, 9))
    assert done("lock", "log", "door")[-1]["by"] == "key 1"
    done("key", "list", "door")
    assert done("lock", "log", "door")[-1]["by"] == "Eve"


def test_the_log_grows_beyond_what_the_lock_keeps(lock, air):
    for _ in range(600):
        lock.owner.set_time(NOW)
    assert len(done("lock", "log", "door", "--all")) == 600
    for _ in range(700):
        lock.owner.set_time(NOW)
    assert len(done("lock", "log", "door")) == 50
    assert [event["seq"] for event in done("lock", "log", "door", "--all", "--offline")] == list(range(1, 1301))
    air.locks.clear()
    assert len(done("lock", "log", "door", "--offline")) == 50


def test_a_lock_that_lost_its_memory_is_not_mixed_up_with_what_was_fetched(lock, air, tmp_path):
    lock.enter(lock.code(ONE_TIME))
    done("lock", "log", "door")
    (tmp_path / "again").mkdir()
    air.locks[:] = [Linked(str(tmp_path / "again"), now=NOW)]
    assert "lost its memory" in refused("lock", "log", "door")


# Secrets


def test_no_secret_and_no_psk_shows_in_any_output(lock, tmp_path):
    said = []
    for command in (
        "lock status door", "lock unlock door", "lock sync-time door", "lock log door", "lock settings door",
        "key list door", f"key add door --role manager --label x --export {tmp_path / 'x'}", "code list door --fetch",
        "code custom door", "scan", "lock show door", "lock list", "key remove door x --yes",
        "lock erase-codes door --yes",
    ):  # fmt: skip
        said += tumbler(*command.split())[1:]
    text = "".join(said)
    assert SECRET[8:24] not in text
    assert PSK.hex()[8:24] not in text
    assert json.loads((tmp_path / "x").read_text())["psk"][8:24] not in text
