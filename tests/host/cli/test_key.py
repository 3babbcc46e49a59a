"""`tumbler key`, with a lock in memory instead of a radio; and files that are not key files."""

import json
import stat

import pytest

from tests.dual.support.linked_lock import PSK, Linked
from tests.dual.support.lock import HOUR
from tests.support.memory_radio import CUT, DOWN, in_between
from tests.support.owner_tool import NOW, done, refused, tumbler
from tumbler.registry.database import home
from tumbler.registry.lock_cache import SENT
from tumbler.registry.registry import Registry
from tumbler_lock.core.keys import MANAGER, OPENER, OWNER, AccessKey
from tumbler_lock.core.management import By

pytestmark = pytest.mark.usefixtures("hurry")


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
    assert (known["secret_here"], known["lock_id"], known["timezone"]) == (False, lock.sessions.link.id.hex(), "UTC0")
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


def test_a_refusal_that_anybody_can_make_up_is_no_answer_to_a_removal(lock, air):
    lock.owner.add_key(AccessKey(1, OWNER, bytes(range(32)), "Bo"))
    in_between(air, 3)
    assert "not known" in refused("key", "remove", "door", "0", "--yes")
    air.fault = lambda direction, value: [value]
    assert 0 in lock.store.keys
    assert done("lock", "status", "door")["key_role"] == "owner"


# The file of a new key


def test_a_file_that_is_there_is_not_written_over_and_no_key_is_added(lock, tmp_path):
    file = tmp_path / "a.key"
    file.write_text("mine")
    assert "exists already" in refused("key", "add", "door", "--role", "manager", "--label", "x", "--export", file)
    assert file.read_text() == "mine"
    assert list(lock.store.keys) == [0]


def test_a_key_that_the_lock_refuses_leaves_no_file(lock, tmp_path):
    for slot in range(1, 16):
        lock.owner.add_key(AccessKey(slot, MANAGER, bytes((slot,)) * 32))
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


# Files of others


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
    """A key file of an attacker who knows only what every lock advertises."""
    lock_id = mine.sessions.link.id.hex()
    data = {"tumbler-key": 1, "lock": "gym", "lock_id": lock_id, "slot": 0, "role": "owner", "label": "",
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
