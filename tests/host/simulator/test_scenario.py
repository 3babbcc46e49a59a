"""Scenarios: every line that can be written, every slip that can be made, and what a scenario concludes.

The lock here is a stand-in with the answers that a test gives it. test_run_scenario.py plays on the real one.
"""

import random
import string

import pytest

from tumbler.simulator.lock import Entered, Reply
from tumbler.simulator.scenario import Command, Player, ScenarioError, begin_ms, describe, parse
from tumbler_lock.core.zone import Zone

UTC = Zone("UTC0")
BERLIN = Zone("CET-1CEST,M3.5.0,M10.5.0/3")
NOON = 1_795_435_200_000  # 2026-11-23T12:00:00Z


class Lock:
    """A lock that answers an entry with the next of `answers`, and owner's commands with the next of `replies`."""

    def __init__(self, answers=(), replies=(), now_ms=NOON):
        self.now_ms = now_ms
        self.powered = True
        self.cuts = 0
        self.did = []
        self._answers = list(answers)
        self._replies = list(replies)

    def advance(self, to_ms):
        self.did.append(("advance", to_ms - self.now_ms))
        self.now_ms = to_ms

    def press(self, keys):
        self.did.append(("press", keys))
        if not self.powered or "#" not in keys or not self._answers:
            return []
        verdict, _, reason = self._answers.pop(0).partition(" ")
        return [Entered(self.now_ms, verdict, reason or verdict)]

    def owner(self, command, **arguments):
        self.did.append((command, arguments))
        return self._replies.pop(0) if self._replies else Reply(True)

    def power_on(self):
        self.powered = True

    def power_off(self):
        self.powered = False

    def cut(self, number):
        self.did.append(("cut", number))

    def stop_clock(self):
        self.did.append(("stop_clock",))

    def set_clock(self, unix):
        self.did.append(("set_clock", unix))

    def button(self, held):
        self.did.append(("button", held))

    def charge(self, percent):
        self.did.append(("charge", percent))


def play(text, lock=None, zone=UTC):
    lock = lock or Lock()
    player = Player(lock, zone, "s.lock")
    player.play(parse(text, zone, "s.lock"))
    return player


def failures(text, answers=(), replies=()):
    return [failure.text for failure in play(text, Lock(answers, replies)).failures]


# Reading


@pytest.mark.parametrize(
    ("line", "name", "arguments"),
    [
        ("at 2026-11-23T12:00:00Z", "at", (NOON,)),
        ("at 2026-11-23T13:00:00+01:00  # comment", "at", (NOON,)),
        ("at 2026-11-23T13:00", "at", (NOON,)),
        ("wait 10s", "wait", (10_000,)),
        ("wait 5m", "wait", (300_000,)),
        ("wait 3h", "wait", (10_800_000,)),
        ("wait 2d # two days", "wait", (172_800_000,)),
        ("press 1234567#", "press", ("1234567#",)),
        ("press 1234567#   # comment", "press", ("1234567#",)),
        ("press #", "press", ("#",)),
        ("press #  # nothing typed", "press", ("#",)),
        ("press #1234#", "press", ("#1234#",)),
        ("press 12*", "press", ("12*",)),
        ("  press\t1#", "press", ("1#",)),
        ("expect open", "expect", ("open", "")),
        ("expect open # yes", "expect", ("open", "")),
        ("expect refused outside its hours", "expect", ("refused", "outside-its-hours")),
        ("expect refused outside-its-hours", "expect", ("refused", "outside-its-hours")),
        ("expect refused already used", "expect", ("refused", "already-used")),
        ("expect locked-out", "expect", ("locked-out", "")),
        ("expect locked out", "expect", ("locked-out", "")),
        ("expect revoke-armed", "expect", ("revoke-armed", "")),
        ("expect revoked", "expect", ("revoked", "")),
        ("expect refused revoked", "expect", ("refused", "revoked")),
        ("power on", "power", (True,)),
        ("power off", "power", (False,)),
        ("power cut 17", "cut", (17,)),
        ("clock stopped", "stop_clock", ()),
        ("clock set 2026-11-23T12:00Z", "set_clock", (NOON // 1000,)),
        ("owner time", "owner", ("set_time", {})),
        ("button hold", "button", (True,)),
        ("button release  # after a while", "button", (False,)),
        ("battery 40%", "battery", (40,)),
        ("battery 0", "battery", (0,)),
        ("battery 100%", "battery", (100,)),
        ("owner custom add 2468", "owner", ("add_custom", {"digits": "2468"})),
        ("owner custom add 2468 --force", "owner", ("add_custom", {"digits": "2468", "insist": True})),
        (
            "owner change 2468 --force --digits 1357",
            "owner",
            ("change", {"code": "2468", "insist": True, "new_digits": "1357"}),
        ),
        (
            "owner custom add 2468 --start 2026-11-23T13 --end=2026-11-23T14",
            "owner",
            ("add_custom", {"digits": "2468", "start": NOON // 1000, "end": NOON // 1000 + 3600}),
        ),
        (
            "owner change 123456 --digits 654321",
            "owner",
            ("change", {"code": "123456", "new_digits": "654321"}),
        ),
        ("owner delete 123456 # gone", "owner", ("delete", {"code": "123456"})),
    ],
)
def test_a_line_is_understood(line, name, arguments):
    assert parse(line, BERLIN) == [Command(1, name, arguments)]


@pytest.mark.parametrize("text", ["", "\n\n", "# only a comment", "   # indented", "#press 1#", "##"])
def test_nothing_to_do(text):
    assert parse(text, UTC) == []


@pytest.mark.parametrize(
    "line",
    [
        "open the door",
        "expects open",
        "At 2026-11-23T12:00Z",
        "at",
        "at now",
        "at 2026-11-23T12:00Z tomorrow",
        "at 2026-13-23T12:00Z",
        "at 2026-02-30T12:00Z",
        "at 2026-03-29T02:30",  # skipped by the wall clock
        "at 2026-10-25T02:30",  # shown twice by it
        "wait",
        "wait 10",
        "wait -3h",
        "wait 1.5h",
        "wait ٣h",
        "wait 1w",
        "wait 10 s",
        "press",
        "press 12A#",
        "press 12 34#",
        "press ١٢#",
        "expect",
        "expect opened",
        "expect refused because",
        "expect open wide",
        "power",
        "power up",
        "power cut",
        "power cut 0",
        "power cut -1",
        "power cut soon",
        "power off now",
        "clock",
        "clock set",
        "clock set noon",
        "clock stopped twice",
        "owner",
        "button",
        "button press",
        "battery",
        "battery full",
        "battery 101%",
        "battery -1",
        "battery 4 0",
        "owner custom",
        "owner custom add",
        "owner custom add 2468 --force --force",
        "owner custom add 2468 --force=yes",
        "owner custom add 2468 --until 2026-11-23T12",
        "owner custom add 2468 --digits 1357",
        "owner custom add 2468 --start",
        "owner custom add 2468 --start soon",
        "owner custom add 2468 --start 2026-11-23T12 --start 2026-11-23T13",
        "owner custom add 2468 1357",
        "owner change",
        "owner delete",
        "owner delete 1234 5678",
        "owner time 2026-11-23T12:00Z",
    ],
)
def test_a_slip_names_file_line_and_a_way_out(line):
    with pytest.raises(ScenarioError) as caught:
        parse(f"# first line\n{line}\n", BERLIN, "night.lock")
    text = str(caught.value)
    assert text.startswith("night.lock:2: ")
    assert ";" in text, "what to do instead is missing"


@pytest.mark.parametrize(
    "line",
    [
        "press 918273A#",
        "owner custom add 918273 --x",
        "press 918273 645",
        "owner delete 918273 1",
        "at 918273",
        "owner change 1 --end 918273#",
    ],
)
def test_a_slip_does_not_repeat_digits(line):
    with pytest.raises(ScenarioError) as caught:
        parse(line, UTC)
    assert "918273" not in str(caught.value)


def test_random_text_is_read_or_refused_and_nothing_else():
    source = random.Random(20261123)
    words = [
        "at",
        "wait",
        "press",
        "expect",
        "power",
        "clock",
        "owner",
        "cut",
        "1#",
        "#",
        "--start",
        "10s",
        "custom",
        "add",
    ]
    refused = 0
    for _ in range(2_000):
        pool = [*words, "".join(source.choices(string.printable, k=source.randrange(1, 9)))]
        text = " ".join(source.choices(pool, k=source.randrange(1, 6)))
        try:
            parse(text, UTC)
        except ScenarioError:
            refused += 1
    assert 1_000 < refused < 2_000


def test_where_the_world_begins():
    assert begin_ms(parse("power off\nat 2026-11-23T12:00Z\nat 2026-11-24T12:00Z", UTC)) == NOON
    assert begin_ms(parse("clock stopped\nowner time\nat 2026-11-23T12:00Z", UTC)) == NOON
    assert begin_ms(parse("press 1#\nat 2026-11-23T12:00Z", UTC)) is None
    assert begin_ms(parse("wait 1s\nat 2026-11-23T12:00Z", UTC)) is None
    assert begin_ms([]) is None


# Playing


def test_time_passes_as_written():
    lock = Lock()
    play("at 2026-11-23T12:00:00Z\nwait 10s\nat 2026-11-23T13:00:00Z", lock)
    assert lock.did == [("advance", 0), ("advance", 10_000), ("advance", 3_590_000)]


def test_time_does_not_go_back_and_the_message_names_both_times():
    with pytest.raises(ScenarioError) as caught:
        play("wait 1d\nat 2026-11-23T13:00:00+01:00", zone=BERLIN)
    assert "2026-11-23T13:00:00+01:00" in str(caught.value)
    assert "2026-11-24T13:00:00+01:00" in str(caught.value)
    assert str(caught.value).startswith("s.lock:2: ")


def test_expectations_that_hold():
    first = "press 1#\nexpect open\nexpect open opened\n"
    second = "press 2#\nexpect refused\nexpect refused not yet\nwait 1h\nexpect refused"
    player = play(first + second, Lock(["open opened", "refused not-yet"]))
    assert player.failures == []
    assert (player.held, player.entries) == (5, 2)


@pytest.mark.parametrize(
    ("answer", "expected", "got"),
    [
        ("open opened", "refused", "expected refused, got open opened"),
        ("refused wrong", "open", "expected open, got refused wrong"),
        ("refused wrong", "refused expired", "expected refused expired, got refused wrong"),
        ("refused revoked", "revoked", "expected revoked, got refused revoked"),
        ("locked-out", "refused", "expected refused, got locked-out locked-out"),
    ],
)
def test_an_expectation_that_does_not_hold(answer, expected, got):
    assert failures(f"press 918273#\nexpect {expected}", [answer]) == [f"s.lock:2: {got}"]


def test_playing_goes_on_after_a_failure():
    player = play("press 1#\nexpect open\npress 2#\nexpect open", Lock(["refused wrong", "open opened"]))
    assert [failure.line for failure in player.failures] == [2]
    assert player.held == 1


def test_no_entry_is_no_verdict():
    assert failures("expect open") == ["s.lock:1: expected open, but no entry was made yet"]
    assert failures("press 1#\npower off\npress 1#\nexpect open", ["open opened"]) == [
        "s.lock:4: expected open, but the lock is off, so its buttons do nothing"
    ]
    assert failures("press 1#\nexpect refused") == ["s.lock:2: expected refused, but the lock took no entry"]


def test_keys_without_enter_leave_the_last_verdict():
    assert failures("press 1#\npress 23*\nexpect open", ["open opened"]) == []


def test_a_refused_owners_command_fails_unless_expected():
    no = Reply(False, "code-exists", "the lock has this code already")
    assert failures("owner custom add 2468\nexpect refused code-exists", replies=[no]) == []
    assert failures("owner custom add 2468\nexpect refused", replies=[no]) == []
    (text,) = failures("owner custom add 2468\nwait 1s", replies=[no])
    assert text.startswith("s.lock:1: the owner's command: refused code-exists")
    assert "expect refused code-exists" in text
    (text,) = failures("wait 1s\nowner custom add 2468", replies=[no])
    assert text.startswith("s.lock:2: ")
    (text,) = failures("owner custom add 2468\nexpect refused store-full", replies=[no])
    assert text.startswith("s.lock:2: expected refused store-full, got refused code-exists")
    (text,) = failures("owner custom add 2468\nexpect refused")
    assert text == "s.lock:2: expected refused, but the owner's command was carried out"
    assert "2468" not in text


def test_other_expectations_after_an_owners_command_are_about_the_entry():
    assert failures("press 1#\nowner time\nexpect open", ["open opened"]) == []
    no = Reply(False, "clock-fault", "the clock chip does not answer")
    (text,) = failures("press 1#\nowner time\nexpect open", ["open opened"], [no])
    assert text.startswith("s.lock:2: ")


def test_the_owner_sets_the_worlds_time_and_gives_all_options():
    lock = Lock()
    play("wait 90s\nowner time\nowner change 1234 --end 2026-11-24T00 --digits 5678", lock)
    assert lock.did[1:] == [
        ("set_time", {"now": NOON // 1000 + 90}),
        ("change", {"code": "1234", "end": NOON // 1000 + 12 * 3600, "new_digits": "5678"}),
    ]


def test_world_commands_reach_the_lock():
    lock = Lock()
    play("power cut 3\nclock stopped\nclock set 2026-11-23T12:00Z", lock)
    assert lock.did == [("cut", 3), ("stop_clock",), ("set_clock", NOON // 1000)]


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (Entered(0, "open", "opened", "timed", "0a1b2c3d"), "open (timed code 0a1b2c3d)"),
        (Entered(0, "refused", "wrong"), "refused: wrong"),
        (Entered(0, "locked-out", "locked-out"), "locked-out"),
        (Entered(0, "refused", "expired", 2, "0a1b2c3d"), "refused: expired (timed code 0a1b2c3d)"),
    ],
)
def test_an_entry_in_words(entry, words):
    assert describe(entry) == words


def test_time_that_goes_beyond_what_a_record_can_hold_is_refused():
    for script in ("wait 999999999d", "at 2105-12-30T00:00:00Z\nwait 100d"):
        with pytest.raises(ScenarioError, match="2105"):
            play(script)


def test_a_time_within_the_second_that_it_is_already():
    player = play("at 2026-11-23T12:00:00Z\nexpect open", Lock(now_ms=NOON + 900), zone=Zone("UTC0"))
    assert len(player.failures) == 1  # for want of an entry, not of time


def test_a_cut_is_told():
    texts = []
    lock = Lock(["open opened"])
    press = lock.press

    def cut(keys):
        lock.cuts += 1
        return press(keys)

    lock.press = cut
    zone = Zone("UTC0")
    Player(lock, zone, narrate=lambda _at, text: texts.append(text)).play(parse("press 1#", zone))
    assert any("power failed" in text for text in texts)


def test_the_button_and_the_battery_are_the_locks():
    lock = Lock()
    play("button hold\nbattery 40%\nbutton release", lock)
    assert lock.did == [("button", True), ("charge", 40), ("button", False)]
