"""The commands over the link, as a person or a script uses them, with a lock in memory instead of a radio."""

import asyncio
import json
import stat
from types import SimpleNamespace
from unittest.mock import patch

import pytest

import tumbler.cli.pair as pair_module
from tests.dual.support.linked_lock import PSK, Linked
from tests.dual.support.lock import EXAMPLE_SECRET, HOUR
from tests.support.memory_radio import CUT, DOWN, UP, MemoryRadio
from tests.support.owner_tool import NOW, SECRET, add, done, refused, tumbler
from tumbler.answers import LogEvent
from tumbler.cli.output_lock import event_data
from tumbler.cli.start import main as start
from tumbler.link import pair, radios
from tumbler.link.transport import NoBluetooth, OutOfRange, Radio
from tumbler.registry.lock_cache import SENT
from tumbler.registry.registry import Registry, home, lock_id_of
from tumbler_lock.core import protocol
from tumbler_lock.core.codebook import REVOKED
from tumbler_lock.core.keys import MANAGER, OPENER, OWNER, Key
from tumbler_lock.core.management import By
from tumbler_lock.core.tickets import ONE_TIME, PERMANENT

pytestmark = pytest.mark.usefixtures("hurry")
BERLIN = "CET-1CEST,M3.5.0,M10.5.0/3"


@pytest.fixture
def air(monkeypatch):
    """A radio with nothing in range."""
    radio = MemoryRadio()
    monkeypatch.setattr(radios, "radios", lambda: [radio])
    monkeypatch.setattr(pair_module, "RESTART_PAUSE", 0)
    return radio


@pytest.fixture
def lock(air, tmp_path):
    """A lock in range, in the registry as `door` with an owner's key."""
    (tmp_path / "lock").mkdir()
    made = Linked(str(tmp_path / "lock"), now=NOW)
    air.locks.append(made)
    add()
    with Registry.open() as registry:
        registry.cache(registry.lock("door")).hold(0, OWNER, "Ann", PSK, NOW)
    return made


@pytest.fixture
def new(air, tmp_path):
    """A new lock in range."""
    (tmp_path / "new").mkdir()
    made = Linked(str(tmp_path / "new"), now=NOW, blank=True)
    air.locks.append(made)
    return made


def typing(*locks, wrong=False):
    """Somebody who types the digits of a pairing at the first of these locks that waits for some."""

    def type_them(digits):
        for lock in locks:
            if lock.link.enter("000000" if wrong else digits) is not None:
                return

    return patch("tumbler.cli.output.digits_to_type", type_them)


# Scan


def test_scan_tells_new_locks_mine_and_others(lock, new, air, tmp_path):
    (tmp_path / "other").mkdir()
    air.locks.append(Linked(str(tmp_path / "other"), secret=bytes(32)))
    seen = done("scan")
    assert [(one["lock"], one["state"]) for one in seen] == [("door", "yours"), (None, "new"), (None, "other")]
    assert seen[0]["lock_id"] == lock_id_of(EXAMPLE_SECRET).hex() == done("lock", "show", "door")["lock_id"]
    assert seen[1]["lock_id"] is None
    header, *rows = tumbler("scan")[1].splitlines()
    assert header.split("\t")[:2] == ["lock", "state"]
    assert len(rows) == 3


def test_nothing_in_range(air):
    assert done("scan") == []
    add()
    with Registry.open() as registry:
        registry.cache(registry.lock("door")).hold(0, OWNER, "", PSK, NOW)
    assert "'door' is not in range" in refused("lock", "status", "door")


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
    lock.link.id = bytes(8)
    message = refused("lock", "status", "door", "--wait", "320")
    assert looked[2:] == [320]
    assert "is not in range" in message
    lock.store.keys[0].psk = bytes(32)
    lock.link.id = lock_id_of(EXAMPLE_SECRET)
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


def test_a_computer_without_bluetooth(monkeypatch):
    class Off(Radio):
        name = "bluetooth"

        async def scan(self, seconds, enough):
            raise NoBluetooth("powered off")

        async def connect(self, sighting):
            raise NoBluetooth("powered off")

    monkeypatch.setattr(radios, "radios", lambda: [Off()])
    message = refused("scan")
    assert "powered off" in message
    assert "tumbler run --radio" in message


def test_a_radio_that_does_not_exist_is_refused(monkeypatch):
    monkeypatch.setenv("TUMBLER_RADIO", "zigbee")
    assert "bluetooth or virtual" in refused("scan")


# Pair


def test_pairing_a_new_lock_puts_it_into_the_registry(new, air):
    with typing(new):
        paired = done("pair", "cabin", "--timezone", "Europe/Berlin", "--policy", "strict", "--weekend", "fri,sat",
                      "--label", "Ann", "--yes")  # fmt: skip
    assert paired["key_slot"] == 0
    known = done("lock", "show", "cabin", "--secret")
    assert known["secret"] == new.store.secret.hex()
    assert (known["rule"], known["policy"], known["weekend"]) == (BERLIN, "strict", "fri,sat")
    assert (new.verifier.config.rule, new.verifier.config.policy.name) == (BERLIN, "strict")
    assert new.rtc.now == NOW
    assert new.store.keys[0].label == "Ann"
    assert done("lock", "status", "cabin")["key_label"] == "Ann"
    digits = done("code", "permanent", "cabin")["digits"]
    assert new.enter(digits) == "open"


def test_pairing_a_lock_that_was_added_before_gives_it_its_secret(new, air):
    add("door", "Europe/Berlin")
    code = done("code", "permanent", "door")["digits"]
    with typing(new):
        done("pair", "door", "--yes")
    assert new.store.secret == EXAMPLE_SECRET
    assert new.enter(code) == "open"


def test_the_button_gives_another_owners_key(lock, air):
    assert "set-up button" in refused("pair", "door", "--yes")
    lock.held = True
    with typing(lock):
        assert done("pair", "door", "--label", "Phone", "--yes")["key_slot"] == 1
    assert lock.store.keys[1].label == "Phone"
    assert lock.store.keys[1].psk != PSK


def test_wrong_digits_pair_nothing(new, air):
    with typing(new, wrong=True):
        assert "Other digits were typed" in refused("pair", "cabin", "--yes")
    assert done("lock", "list") == []
    assert new.trouble == "no-secret"


def test_without_a_person_the_agreement_must_be_confirmed(new, air):
    with typing(new):
        assert "--yes" in refused("pair", "cabin")
    assert new.trouble == "no-secret"


def test_digits_that_nobody_types_are_told_apart_from_wrong_ones(new, air, monkeypatch):
    monkeypatch.setattr(pair, "TYPED_WITHIN", -5)
    monkeypatch.setattr("tumbler.cli.output.digits_to_type", lambda digits: None)
    message = refused("pair", "cabin", "--yes")
    assert "not typed within two minutes" in message
    assert "any digits and #" in message


def test_a_person_who_saw_nothing_is_not_told_to_say_yes(new, air, monkeypatch):
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("tumbler.cli.output.confirm", lambda question: False)
    with typing(new):
        message = refused("pair", "cabin")
    assert "Nothing was sent" in message
    assert "--yes" not in message


def test_somebody_elses_lock_is_not_paired(air, tmp_path):
    (tmp_path / "other").mkdir()
    air.locks.append(Linked(str(tmp_path / "other"), secret=bytes(32)))
    assert "1 in range has an owner" in refused("pair", "cabin", "--yes")


def test_two_new_locks_are_one_too_many(new, air, tmp_path):
    (tmp_path / "second").mkdir()
    air.locks.append(Linked(str(tmp_path / "second"), blank=True))
    assert "2 new locks" in refused("pair", "cabin", "--yes")


def test_a_known_lock_beats_a_new_one_that_is_heard_first(lock, new, air):
    air.locks.reverse()
    lock.held = True
    with typing(lock):
        assert done("pair", "door", "--yes")["key_slot"] == 1
    assert new.trouble == "no-secret"


def test_a_radio_that_sees_a_new_lock_is_the_last_to_be_asked(new, air, monkeypatch, tmp_path):
    """A virtual lock that runs here is not mixed up with a real one next door."""
    (tmp_path / "second").mkdir()
    other = MemoryRadio(Linked(str(tmp_path / "second"), blank=True))
    monkeypatch.setattr(radios, "radios", lambda: [MemoryRadio(), air, other])
    other.name, air.name = "other", "virtual"
    with typing(new):
        assert done("pair", "cabin", "--yes")["key_slot"] == 0
    assert other.wires == []


def test_the_agreement_is_asked_for_in_tones_and_in_light(new, monkeypatch):
    """The sound of a lock may be off."""
    asked = []
    monkeypatch.setattr(pair_module, "ask", lambda question, *rest, yes, **more: asked.append((question, yes)))
    with typing(new):
        done("pair", "cabin")
    ((question, yes),) = asked
    assert "four rising tones" in question
    assert "light with three short flashes and a long one" in question
    assert not yes


def finishing(lock, monkeypatch, refuses):
    """Somebody who types the digits, after which `finish` is refused as long as this names a word."""

    def type_them(digits):
        assert lock.link.enter(digits)
        pairing = lock.link._pairing
        answer = pairing.answer

        def answers(request, command, arguments):
            word = refuses() if command == protocol.FINISH else ""
            if word:
                yield protocol.refusal(word, "such is life")
            else:
                yield from answer(request, command, arguments)

        monkeypatch.setattr(pairing, "answer", answers)
        lock.held = False

    monkeypatch.setattr("tumbler.cli.output.digits_to_type", type_them)
    lock.held = True


def test_a_lock_with_a_secret_wants_its_button_once_more(lock, monkeypatch):
    wanted = []

    def refuses():
        if lock.held:
            return ""
        wanted.append(1)
        lock.held = len(wanted) == 3
        return "button-needed"

    finishing(lock, monkeypatch, refuses)
    status, out, err = tumbler("pair", "door", "--yes", "--json")
    assert (status, json.loads(out)["key_slot"], len(wanted)) == (0, 1, 3)
    assert err.count("Now hold the set-up button once more.") == 1


@pytest.mark.parametrize("word", ["no-free-slot", "button-needed"])
def test_a_lock_that_refuses_the_key_of_a_pairing_leaves_none_here(lock, monkeypatch, word):
    monkeypatch.setattr(pair, "TYPED_WITHIN", 0)  # which waits for the button no longer
    finishing(lock, monkeypatch, lambda: word)
    assert "such is life" in refused("pair", "door", "--yes")
    with Registry.open() as registry:
        assert [key.psk for key in registry.cache(registry.lock("door")).all_keys()] == [PSK]


def test_options_that_a_known_lock_has_already_are_refused(lock):
    assert "lock settings" in refused("pair", "door", "--timezone", "UTC")


def test_a_pairing_whose_last_answer_was_lost_is_finished_by_the_next(new, air):
    count = []

    def fault(direction, value):
        """Cut the answer to finish, the sixth value: each of the messages before takes one."""
        count.append(direction)
        return CUT if direction == DOWN and count.count(DOWN) == 6 else [value]

    air.fault = fault
    with typing(new):
        assert "lost" in refused("pair", "cabin", "--yes")
    assert new.trouble == "no-secret"  # it restarts
    new.start()
    assert new.store.secret.hex() == done("lock", "show", "cabin", "--secret")["secret"]
    assert done("pair", "cabin", "--yes")["key_slot"] == 0
    assert done("lock", "status", "cabin")["key_role"] == "owner"


def test_a_lock_that_was_reset_by_others_begins_anew_under_its_name(lock, air, tmp_path):
    old = done("code", "permanent", "door")["digits"]
    done("lock", "status", "door")
    lock.wipe()
    lock.start()
    message = refused("pair", "door", "--yes")  # says that the lock agreed, and nothing else
    assert "needs a confirmation" in message
    assert "--new-secret" in message
    with typing(lock):
        done("pair", "door", "--yes", "--new-secret")
    assert lock.store.secret != EXAMPLE_SECRET
    assert done("code", "list", "door") == []
    assert lock.enter(old).startswith("refused")


# At the lock


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


def test_a_key_that_cannot_be_printed_is_kept(lock, monkeypatch):
    def full(*arguments, **more):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr("builtins.print", full)
        status, _, err = tumbler("key", "add", "door", "--role", "opener", "--label", "Bo", "--export", "-")
    assert status == 3
    (file,) = home().glob("*.key")
    assert str(file) in err
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert json.loads(file.read_text())["psk"] == lock.store.keys[1].psk.hex()


def test_ctrl_c_while_the_command_is_loaded_leaves_no_traceback(monkeypatch):
    def interrupted():
        raise KeyboardInterrupt

    monkeypatch.setattr("tumbler.cli.main.main", interrupted)
    assert start() == 130


def test_unlock_and_sync_time(lock):
    assert done("lock", "unlock", "door") == {"lock": "door", "open_seconds": 5}
    assert lock.opened == [5]
    lock.rtc.now += 300
    assert done("lock", "sync-time", "door")["clock_was_off"] == 300
    assert lock.rtc.now == NOW
    assert "300" not in tumbler("lock", "sync-time", "door")[1]


def test_config_shows_changes_and_teaches_the_registry(lock):
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
    assert "17 printable" in refused("lock", "settings", "door", "--bluetooth-name", "x" * 18)


def test_erase_and_what_the_registry_makes_of_it(lock):
    code = done("code", "permanent", "door")
    assert "confirmation" in refused("lock", "erase-codes", "door")
    assert done("lock", "erase-codes", "door", "--yes")["epoch"] == 1
    assert done("code", "list", "door")[0]["state"] == "erased"
    assert lock.enter(code["digits"]).startswith("refused")
    assert lock.enter(done("code", "permanent", "door")["digits"]) == "open"


def test_an_erase_code_that_was_typed_confirms_itself_at_the_next_visit(lock):
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
    with typing(lock):
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


def test_a_pairing_after_a_reset_whose_last_answer_was_lost_keeps_both_secrets_until_one_works(lock, air):
    old = done("code", "permanent", "door")["digits"]
    lock.held = True
    done("lock", "reset", "door", "--yes")
    count = []

    def fault(direction, value):
        count.append(direction)
        return CUT if direction == DOWN and count.count(DOWN) == 6 else [value]

    air.fault = fault
    with typing(lock):
        assert "lost" in refused("pair", "door", "--yes")
    lock.start()
    assert lock.store.secret.hex() != SECRET == done("lock", "show", "door", "--secret")["secret"]
    assert done("pair", "door", "--yes")["key_slot"] == 0
    assert lock.store.secret.hex() == done("lock", "show", "door", "--secret")["secret"]
    assert done("lock", "status", "door")["key_role"] == "owner"
    assert lock.enter(old).startswith("refused")
    assert lock.enter(done("code", "permanent", "door")["digits"]) == "open"


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
    with typing(decoy):
        refused("pair", "door", "--yes", "--new-secret")
    air.fault = lambda direction, value: [value]
    air.locks[:] = mine
    assert done("lock", "status", "door")["key_role"] == "owner"
    assert done("lock", "show", "door", "--secret")["secret"] == SECRET
    assert lock.enter(done("code", "permanent", "door")["digits"]) == "open"


def in_between(air, number):
    """Somebody who carries the bytes, without any key: loses the nth sealed request, refuses what follows."""
    sealed = []

    def fault(direction, value):
        if direction == UP and value[3:4] == bytes((protocol.SEALED,)):
            sealed.append(value)
            return [] if len(sealed) == number else [value]
        if direction == DOWN and len(sealed) >= number:
            return [bytes((0xC0, 0, 2, protocol.REFUSED, 0))]
        return [value]

    air.fault = fault


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


def test_a_refusal_that_anybody_can_make_up_is_no_answer_to_a_removal(lock, air):
    lock.owner.add_key(Key(1, OWNER, bytes(range(32)), "Bo"))
    in_between(air, 3)
    assert "not known" in refused("key", "remove", "door", "0", "--yes")
    air.fault = lambda direction, value: [value]
    assert 0 in lock.store.keys
    assert done("lock", "status", "door")["key_role"] == "owner"


# Codes


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
    """What is not named stays, whoever knows it."""
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
    lock.owner.add_key(Key(1, OPENER, bytes(32), "Bo"))
    done("key", "list", "door")
    lock.owner.unlock(By(1, 7), lock.store.keys[1])
    done("key", "remove", "door", "Bo", "--yes")
    lock.owner.add_key(Key(1, OPENER, bytes(range(32)), "Cleo"))
    lock.owner.unlock(By(1, 8), lock.store.keys[1])
    events = done("lock", "log", "door")  # nobody was told who Cleo is but by two letters
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
    lock.owner.add_key(Key(1, OPENER, bytes(32), "Cleo"))
    lock.owner.add_key(Key(2, MANAGER, bytes(range(1, 33)), ""))
    lock.owner.unlock(By(2, 9), lock.store.keys[2])
    assert done("lock", "log", "door")[-1]["by"] == "key 2"


def test_after_a_gap_in_the_log_nobody_is_named_who_was_not_heard_since(lock):
    done("lock", "log", "door")
    lock.owner.add_key(Key(1, MANAGER, bytes(32), "Max"))
    done("key", "list", "door")
    lock.owner.remove_key(1)
    lock.owner.add_key(Key(1, MANAGER, bytes(range(32)), "Eve"))
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


# Keys


def test_a_key_file_from_hand_to_hand(lock, air, tmp_path, monkeypatch):
    file = tmp_path / "max.key"
    key = done("key", "add", "door", "--role", "manager", "--label", "Max", "--export", file)
    assert (key["key_slot"], key["key_role"], key["here"]) == (1, "manager", False)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    content = json.loads(file.read_text())
    assert content["psk"] == lock.store.keys[1].psk.hex()
    assert content["psk"] not in json.dumps(key)
    with Registry.open() as registry:
        assert [held.psk for held in registry.cache(registry.lock("door")).all_keys()] == [PSK, None]

    monkeypatch.setenv("TUMBLER_HOME", str(tmp_path / "max"))
    assert done("key", "import", file, "office")["key_role"] == "manager"
    known = done("lock", "show", "office")
    assert (known["secret_here"], known["lock_id"], known["timezone"]) == (False, lock.link.id.hex(), "UTC0")
    assert done("lock", "status", "office")["key_role"] == "manager"
    done("code", "custom", "office", "740193")
    assert lock.enter("740193") == "open"
    assert [row["digits"] for row in done("code", "list", "office", "--fetch")] == ["740193"]
    assert done("lock", "log", "office")[-1]["event"] == "open"
    assert "not permit" in refused("key", "list", "office")
    for arguments in ("code one-time office", "code explain office 123456"):
        assert "not its secret" in refused(*arguments.split())
    assert "not its secret" in refused("lock", "show", "office", "--secret")
    assert done("lock", "list")[0]["lock"] == "office"
    done("lock", "remove", "office", "--yes")


def test_an_opener_can_see_his_own_hours(lock, air, tmp_path, monkeypatch):
    file = tmp_path / "bo.key"
    done("key", "add", "door", "--role", "opener", "--label", "Bo", "--days", "mon-fri", "--hours", "8-18",
         "--end", "2027-01-01T00:00", "--export", file)  # fmt: skip
    assert done("lock", "show", "door")["key_role"] == "owner"
    monkeypatch.setenv("TUMBLER_HOME", str(tmp_path / "bo"))
    done("key", "import", file)
    for _ in range(2):  # as the file says, and when the key has worked
        known = done("lock", "show", "door")
        assert (known["key_role"], known["key_days"], known["key_from"], known["key_until"]) == (
            "opener", "mon,tue,wed,thu,fri", 8, 18,
        )  # fmt: skip
        assert (known["key_start"], known["key_end"]) == (None, "2027-01-01T00:00:00+00:00")
        done("lock", "unlock", "door")
    data = json.loads(file.read_text())
    for limits in ("00", "ff" * 11, 5):
        file.write_text(json.dumps({**data, "limits": limits}))
        assert "not a key file" in refused("key", "import", file)
    del data["limits"]
    file.write_text(json.dumps(data))
    assert done("key", "import", file)["key_role"] == "opener"


def test_the_name_of_a_key_file_may_be_taken_here(lock, air, tmp_path, monkeypatch):
    done("key", "add", "door", "--role", "opener", "--label", "Bo", "--export", tmp_path / "bo.key")
    monkeypatch.setenv("TUMBLER_HOME", str(tmp_path / "bo"))
    done("lock", "add", "Door", "--timezone", "UTC0")
    message = refused("key", "import", tmp_path / "bo.key")
    assert "Another lock is called 'door' here" in message
    assert "NAME" in message
    assert done("key", "import", tmp_path / "bo.key", "Ann's")["lock"] == "Ann's"


def test_an_openers_key_has_days_hours_and_limits(lock, tmp_path, monkeypatch):
    file = tmp_path / "bo.key"
    done("key", "add", "door", "--role", "opener", "--label", "Bo", "--days", "mon-fri", "--hours", "8-18",
         "--start", "2026-11-01T00", "--end", "2027-01-01T00", "--export", file)  # fmt: skip
    keys = done("key", "list", "door")
    assert (keys[1]["key_days"], keys[1]["key_from"], keys[1]["key_until"]) == ("mon,tue,wed,thu,fri", 8, 18)
    assert keys[1]["key_end"] == "2027-01-01T00:00:00+00:00"
    monkeypatch.setenv("TUMBLER_HOME", str(tmp_path / "bo"))
    done("key", "import", file)
    done("lock", "unlock", "door")
    lock.at(NOW + 5 * HOUR)
    assert "does not open at this hour" in refused("lock", "unlock", "door", now=NOW + 5 * HOUR)
    assert "Leave --days out" in refused("key", "add", "door", "--role", "owner", "--label", "x", "--days", "mon",
                                       "--export", tmp_path / "x")  # fmt: skip


def test_a_key_is_removed_by_slot_or_label(lock, tmp_path):
    for label in ("Max", "Eve"):
        done("key", "add", "door", "--role", "manager", "--label", label, "--export", tmp_path / label)
    assert "confirmation" in refused("key", "remove", "door", "Max")
    assert done("key", "remove", "door", "max", "--yes")["key_slot"] == 1
    assert done("key", "remove", "door", "2", "--yes")["key_label"] == "Eve"
    assert "has no key 'Eve'" in refused("key", "remove", "door", "Eve", "--yes")
    assert "another owner" in refused("key", "remove", "door", "0", "--yes")
    assert [key["key_slot"] for key in done("key", "list", "door")] == [0]


def test_a_file_that_is_there_is_not_written_over_and_no_key_is_added(lock, tmp_path):
    file = tmp_path / "a.key"
    file.write_text("mine")
    assert "exists already" in refused("key", "add", "door", "--role", "manager", "--label", "x", "--export", file)
    assert file.read_text() == "mine"
    assert list(lock.store.keys) == [0]


def test_a_key_that_the_lock_refuses_leaves_no_file(lock, tmp_path):
    for slot in range(1, 16):
        lock.owner.add_key(Key(slot, MANAGER, bytes((slot,)) * 32))
    file = tmp_path / "a.key"
    message = refused("key", "add", "door", "--role", "manager", "--label", "x", "--export", file)
    assert "tumbler key remove" in message
    assert not file.exists()


def test_a_key_whose_answer_was_lost_is_in_the_file_and_works(lock, air, tmp_path, monkeypatch):
    """Its slot is not known then: it is looked for."""
    count = []

    def fault(direction, value):
        count.append(direction)
        return CUT if direction == DOWN and (count.count(DOWN) >= 4) else [value]

    air.fault = fault
    file = tmp_path / "a.key"
    message = refused("key", "add", "door", "--role", "opener", "--label", "Bo", "--export", file)
    assert "not known" in message
    air.fault = lambda direction, value: [value]
    assert json.loads(file.read_text())["slot"] is None
    assert lock.store.keys[1].role == OPENER
    monkeypatch.setenv("TUMBLER_HOME", str(tmp_path / "bo"))
    done("key", "import", file)
    lock.wait(60)
    assert done("lock", "status", "door")["key_slot"] == 1


def test_a_key_that_is_refused_because_it_is_there_already_stays_in_its_file(lock, air, tmp_path):
    """The answer was lost, and another tool with the same key was faster than the second sending."""
    cut = []

    def fault(direction, value):
        if direction == DOWN and 1 in lock.store.keys and not cut:
            cut.append(value)
            lock.owner.set_time(NOW, by=By(0, 77))
            return CUT
        return [value]

    air.fault = fault
    file = tmp_path / "a.key"
    message = refused("key", "add", "door", "--role", "manager", "--label", "Max", "--export", file)
    assert cut
    assert "The lock refuses" in message
    assert "not known" in message
    assert str(file) in message
    assert json.loads(file.read_text())["psk"] == lock.store.keys[1].psk.hex()


def test_random_digits_that_are_refused_because_they_are_there_already_are_not_chosen_anew(lock, air):
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


def deaf(lock, air):
    """From the change on, nothing of what the lock says arrives."""
    before = lock.store.seq
    air.fault = lambda direction, value: CUT if direction == DOWN and lock.store.seq > before else [value]


def heard(air):
    """The air is clear again."""
    air.fault = lambda direction, value: [value]


@pytest.mark.parametrize("digits", [(), ("740193",)])
@pytest.mark.parametrize("secret", [True, False])
def test_a_code_whose_answer_was_lost_is_kept_and_the_same_command_ends_it(lock, air, digits, secret):
    if not secret:
        with Registry.open() as registry:
            registry.remove(registry.lock("door"))
            known = registry.add("door", "UTC0", "UTC0", 96, "standard", None, NOW, lock.link.id)
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


def test_an_opening_whose_answer_was_lost_may_have_opened(lock, air):
    deaf(lock, air)
    assert "may have opened" in refused("lock", "unlock", "door")
    assert lock.opened


def test_a_lock_that_goes_off_while_it_is_talked_to_is_named(lock, air, monkeypatch):
    async def connect(sighting):
        raise OutOfRange(f"The lock at {sighting.address}")

    monkeypatch.setattr(air, "connect", connect)
    message = refused("lock", "status", "door")
    assert "The lock 'door' is not in range" in message
    assert "00:00" not in message


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


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: {**data, "tumbler-key": 2},
        lambda data: {**data, "tumbler-key": True},
        lambda data: {**data, "psk": data["psk"][:-2]},
        lambda data: {**data, "psk": "zz" * 32},
        lambda data: {**data, "lock_id": "00"},
        lambda data: {**data, "slot": 16},
        lambda data: {**data, "slot": "1"},
        lambda data: {**data, "role": "king"},
        lambda data: {**data, "label": "x" * 17},
        lambda data: {**data, "label": "a\nb"},
        lambda data: {**data, "rule": "nowhere"},
        lambda data: {**data, "weekend": 127},
        lambda data: {**data, "policy": "lax"},
        lambda data: {name: value for name, value in data.items() if name != "role"},
        lambda data: [],
        lambda data: "x",
    ],
)
def test_a_file_that_is_no_key_file(lock, tmp_path, spoil):
    file = tmp_path / "a.key"
    done("key", "add", "door", "--role", "manager", "--label", "x", "--export", file)
    data = json.loads(file.read_text())
    file.write_text(json.dumps(spoil(data)))
    message = refused("key", "import", file)
    assert "not a key file" in message
    assert data["psk"][:10] not in message


def key_text(mine, **more):
    """A key file that somebody wrote, who knows nothing but what every lock advertises."""
    data = {"tumbler-key": 1, "lock": "gym", "lock_id": mine.link.id.hex(), "slot": 0, "role": "owner", "label": "",
            "psk": "00" * 32, "timezone": "UTC", "rule": "UTC0", "weekend": 96, "policy": "standard"}  # fmt: skip
    return json.dumps({**data, **more})


@pytest.mark.parametrize("slot", [0, 3, None])
def test_a_key_file_with_the_id_of_my_lock_takes_no_key_from_me(lock, tmp_path, slot):
    (tmp_path / "gym.key").write_text(key_text(lock, slot=slot))
    with Registry.open() as registry:
        cache = registry.cache(registry.lock("door"))
        cache.hold_pending(OWNER, "", bytes(range(1, 33)), NOW, state=SENT)
        done("key", "import", tmp_path / "gym.key")
        done("key", "import", tmp_path / "gym.key")
        psks = [key.psk for key in cache.usable_keys()]
    assert psks == [PSK, bytes(range(1, 33)), bytes(32)]
    assert done("lock", "status", "door")["key_slot"] == 0
    done("lock", "log", "door")
    assert done("key", "list", "door")[0]["key_label"] == "Ann"


def test_a_file_and_a_decoy_of_its_writer_take_no_key_from_me_either(lock, air, tmp_path):
    (tmp_path / "gym.key").write_text(key_text(lock))
    done("key", "import", tmp_path / "gym.key")
    (tmp_path / "decoy").mkdir()
    decoy = Linked(str(tmp_path / "decoy"), now=NOW)
    decoy.store.keys[0].psk = bytes(32)
    mine = air.locks[:]
    air.locks[:] = [decoy]
    assert done("lock", "status", "door")["key_role"] == "owner"
    assert [key["key_slot"] for key in done("key", "list", "door")] == [0]
    air.locks[:] = mine
    assert done("lock", "status", "door")["key_role"] == "owner"
    with Registry.open() as registry:
        assert registry.cache(registry.lock("door")).usable_keys()[0].psk == PSK


@pytest.mark.parametrize(
    "text",
    [
        "[" * 9_990,
        '{"a":' * 1_900,
        '{"tumbler-key": ' + "1" * 9_000 + "}",
        '{"tumbler-key": 1e999}',
        '{"tumbler-key": NaN}',
        "\x00",
        "",
        "null",
    ],
)
def test_text_that_is_meant_to_break_the_reader(lock, tmp_path, text):
    (tmp_path / "a.key").write_text(text)
    assert "not a key file" in refused("key", "import", tmp_path / "a.key")


@pytest.mark.parametrize(
    "field",
    ["lock", "lock_id", "slot", "role", "label", "psk", "timezone", "rule", "weekend", "policy", "tumbler-key"],
)
def test_fields_of_a_key_file_that_are_of_another_sort_or_there_twice(lock, tmp_path, field):
    file = tmp_path / "a.key"
    for value in (10**60, -1, 1.5, True, [[]], {}, [], "\ud800"):
        file.write_text(key_text(lock, **{field: value}))
        assert "not a key file" in refused("key", "import", file), (field, value)
    (given,) = [json.dumps(value) for name, value in json.loads(key_text(lock)).items() if name == field]
    file.write_text(key_text(lock)[:-1] + f', "{field}": {given}}}')
    assert "not a key file" in refused("key", "import", file)


def test_key_files_that_cannot_be_read_or_are_for_a_known_lock(lock, tmp_path):
    assert "cannot be read" in refused("key", "import", tmp_path / "none")
    (tmp_path / "text").write_text("no json")
    assert "not a key file" in refused("key", "import", tmp_path / "text")
    (tmp_path / "large").write_bytes(b" " * 20_000)
    assert "not a key file" in refused("key", "import", tmp_path / "large")
    file = tmp_path / "a.key"
    done("key", "add", "door", "--role", "owner", "--label", "x", "--export", file)
    assert "in the registry as 'door'" in refused("key", "import", file, "shed")
    assert done("key", "import", file)["lock"] == "door"
    assert {key["key_slot"]: key["here"] for key in done("key", "list", "door")} == {0: True, 1: True}


# What goes wrong


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
    lock.owner.add_key(Key(5, MANAGER, bytes(32), "Spare"))
    with Registry.open() as registry:
        cache = registry.cache(registry.lock("door"))
        cache.hold(0, OWNER, "", bytes(range(32)), NOW)
        cache.hold(5, MANAGER, "Spare", bytes(32), NOW)
    assert done("lock", "status", "door")["key_slot"] == 5


def test_a_busy_lock(lock):
    for _ in range(16):
        lock.link.connect().close()
    assert "is busy" in refused("lock", "status", "door")


def test_a_lock_that_lost_its_memory_is_not_mixed_up_with_what_was_fetched(lock, air, tmp_path):
    lock.enter(lock.code(ONE_TIME))
    done("lock", "log", "door")
    (tmp_path / "again").mkdir()
    air.locks[:] = [Linked(str(tmp_path / "again"), now=NOW)]
    assert "lost its memory" in refused("lock", "log", "door")


def test_no_secret_and_no_psk_shows_in_any_output(lock, tmp_path):
    said = []
    for command in (
        "lock status door", "lock unlock door", "lock sync-time door", "lock log door", "lock settings door",
        "key list door", f"key add door --role manager --label x --export {tmp_path / 'x'}", "code list door --fetch",
        "code custom door", "scan", "lock show door", "lock list", "key remove door x --yes", "lock erase-codes door --yes",
    ):  # fmt: skip
        said += tumbler(*command.split())[1:]
    text = "".join(said)
    assert SECRET[8:24] not in text
    assert PSK.hex()[8:24] not in text
    assert json.loads((tmp_path / "x").read_text())["psk"][8:24] not in text
