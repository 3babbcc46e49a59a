"""`tumbler scan` and `tumbler pair`, with locks in memory instead of a radio."""

import json

import pytest

import tumbler.cli.pair as pair_module
from tests.dual.support.linked_lock import PSK, Linked
from tests.dual.support.lock import EXAMPLE_SECRET
from tests.support.memory_radio import CUT, DOWN, MemoryRadio, typing_digits
from tests.support.owner_tool import NOW, SECRET, add, done, refused, tumbler
from tumbler.link import pair, radios
from tumbler.link.transport import NoBluetooth, Radio
from tumbler.registry.registry import Registry
from tumbler_lock.core import protocol
from tumbler_lock.core.keys import OWNER
from tumbler_lock.core.protocol import lock_id as lock_id_of

pytestmark = pytest.mark.usefixtures("hurry")
BERLIN = "CET-1CEST,M3.5.0,M10.5.0/3"


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
    with typing_digits(new):
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
    with typing_digits(new):
        done("pair", "door", "--yes")
    assert new.store.secret == EXAMPLE_SECRET
    assert new.enter(code) == "open"


def test_the_button_gives_another_owners_key(lock, air):
    assert "set-up button" in refused("pair", "door", "--yes")
    lock.held = True
    with typing_digits(lock):
        assert done("pair", "door", "--label", "Phone", "--yes")["key_slot"] == 1
    assert lock.store.keys[1].label == "Phone"
    assert lock.store.keys[1].psk != PSK


def test_wrong_digits_pair_nothing(new, air):
    with typing_digits(new, wrong=True):
        assert "Other digits were typed" in refused("pair", "cabin", "--yes")
    assert done("lock", "list") == []
    assert new.trouble == "no-secret"


def test_without_a_person_the_agreement_must_be_confirmed(new, air):
    with typing_digits(new):
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
    with typing_digits(new):
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
    with typing_digits(lock):
        assert done("pair", "door", "--yes")["key_slot"] == 1
    assert new.trouble == "no-secret"


def test_a_radio_that_sees_a_new_lock_is_the_last_to_be_asked(new, air, monkeypatch, tmp_path):
    """A virtual lock that runs here is not mixed up with a real one next door."""
    (tmp_path / "second").mkdir()
    other = MemoryRadio(Linked(str(tmp_path / "second"), blank=True))
    monkeypatch.setattr(radios, "radios", lambda: [MemoryRadio(), air, other])
    other.name, air.name = "other", "virtual"
    with typing_digits(new):
        assert done("pair", "cabin", "--yes")["key_slot"] == 0
    assert other.wires == []


def test_the_agreement_is_asked_for_in_tones_and_in_light(new, monkeypatch):
    """The sound of a lock may be off."""
    asked = []
    monkeypatch.setattr(pair_module, "ask", lambda question, *rest, yes, **more: asked.append((question, yes)))
    with typing_digits(new):
        done("pair", "cabin")
    ((question, yes),) = asked
    assert "four rising tones" in question
    assert "light with three short flashes and a long one" in question
    assert not yes


def finishing(lock, monkeypatch, refuses):
    """A person who types the digits; then `finish` is refused as long as this names a word."""

    def type_them(digits):
        assert lock.sessions.enter(digits)
        pairing = lock.sessions.link.pairing
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


# Pair again


def test_a_pairing_whose_last_answer_was_lost_is_finished_by_the_next(new, air):
    count = []

    def fault(direction, value):
        """Cut the answer to finish, the sixth value: each of the messages before takes one."""
        count.append(direction)
        return CUT if direction == DOWN and count.count(DOWN) == 6 else [value]

    air.fault = fault
    with typing_digits(new):
        assert "lost" in refused("pair", "cabin", "--yes")
    assert new.trouble == "no-secret"  # it restarts
    new.start()
    assert new.store.secret.hex() == done("lock", "show", "cabin", "--secret")["secret"]
    assert done("pair", "cabin", "--yes")["key_slot"] == 0
    assert done("lock", "status", "cabin")["key_role"] == "owner"


def test_a_lock_that_was_reset_by_others_gets_a_new_secret_under_its_name(lock, air, tmp_path):
    old = done("code", "permanent", "door")["digits"]
    done("lock", "status", "door")
    lock.wipe()
    lock.start()
    message = refused("pair", "door", "--yes")  # says that the lock agreed, and nothing else
    assert "needs a confirmation" in message
    assert "--new-secret" in message
    with typing_digits(lock):
        done("pair", "door", "--yes", "--new-secret")
    assert lock.store.secret != EXAMPLE_SECRET
    assert done("code", "list", "door") == []
    assert lock.enter(old).startswith("refused")


def test_a_pairing_after_a_reset_whose_last_answer_was_lost_keeps_both_secrets_until_one_works(lock, air):
    old = done("code", "permanent", "door")["digits"]
    lock.held = True
    done("lock", "reset", "door", "--yes")
    count = []

    def fault(direction, value):
        count.append(direction)
        return CUT if direction == DOWN and count.count(DOWN) == 6 else [value]

    air.fault = fault
    with typing_digits(lock):
        assert "lost" in refused("pair", "door", "--yes")
    lock.start()
    assert lock.store.secret.hex() != SECRET == done("lock", "show", "door", "--secret")["secret"]
    assert done("pair", "door", "--yes")["key_slot"] == 0
    assert lock.store.secret.hex() == done("lock", "show", "door", "--secret")["secret"]
    assert done("lock", "status", "door")["key_role"] == "owner"
    assert lock.enter(old).startswith("refused")
    assert lock.enter(done("code", "permanent", "door")["digits"]) == "open"
