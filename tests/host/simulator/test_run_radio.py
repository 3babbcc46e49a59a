"""A virtual lock with a radio, managed from a second terminal by the commands that a real door takes.

Whole: real firmware in MicroPython, a virtual air, two Bluetooth stacks, the `tumbler` command. Time is the real one.
"""

import asyncio
import json
import re
import threading
import time

import pytest

from tests.dual.support.linked_lock import PSK
from tests.host.simulator.test_tui import log, text, until
from tests.support.micropython import ROOT, find
from tests.support.owner_tool import add, tumbler
from tests.support.radio_client import Rig
from tests.support.radio_lock import PATIENCE, Running, command, paired, virtual_lock
from tumbler.errors import ToolError
from tumbler.link import simulator_radio as virtual
from tumbler.link.pair import Pairing, for_new
from tumbler.link.radios import Radios, radios, running
from tumbler.registry.registry import Registry, home
from tumbler.simulator.identity import Identity
from tumbler.simulator.issuing import Desk
from tumbler.simulator.lock import VirtualLock
from tumbler.simulator.process import board_command
from tumbler.simulator.radio_socket import socket_path
from tumbler.simulator.tui_radio import RadioApp
from tumbler.timezones import local_zone, zone_rule
from tumbler_lock.core.config import Config
from tumbler_lock.core.keys import OWNER

OTHER = ROOT / "tests" / "dual" / "on_micropython" / "other_board.py"


def test_a_newcomers_first_minutes(monkeypatch):
    monkeypatch.setenv("TUMBLER_RADIO", "virtual")
    status, _, err = tumbler("scan")
    assert status == 1
    assert "tumbler run --radio" in err
    with virtual_lock() as lock:
        assert running()
        seen = command("scan", "--seconds", "1")
        assert [(one["state"], one["transport"]) for one in seen] == [("new", "virtual")]

        assert paired(lock)["key_slot"] == 0
        lock.waits("paired")
        assert command("lock", "status", "cabin")["key_role"] == "owner"

        once = command("code", "one-time", "cabin")
        lock.say(f"press {once['digits']}#")
        lock.say("expect open")
        custom = command("code", "custom", "cabin", "740193")
        lock.say("press 740193#")
        lock.say("expect open")
        rows = {row["digits"]: row["state"] for row in command("code", "list", "cabin", "--fetch")}
        assert (rows[once["digits"]], rows["740193"]) == ("used", "active")
        command("code", "delete", "cabin", custom["id"], "--yes")
        lock.say("press 740193#")
        lock.say("expect refused")
        lock.say("battery 40%")
        assert command("lock", "unlock", "cabin")["open_seconds"] == 5
        assert command("lock", "status", "cabin")["battery"] == 40
        events = [event["event"] for event in command("lock", "log", "cabin")]
        assert events[-4:] == ["open", "deleted", "refused", "unlocked"]

        status, _, err = tumbler("lock", "reset", "cabin", "--yes", now=int(time.time()))
        assert status == 1
        assert "set-up button" in err
        lock.say("button hold")
        lock.waits("button is held")
        assert command("lock", "reset", "cabin", "--yes") == {"lock": "cabin"}
        assert lock.ends() == 0, lock.lines
    assert not running()
    assert not re.search(r"740193|[0-9a-f]{64}", "\n".join(lock.lines))


def test_the_lock_is_still_there_the_next_time_and_reset_begins_anew(monkeypatch):
    monkeypatch.setenv("TUMBLER_RADIO", "virtual")
    with virtual_lock() as lock:
        paired(lock)
        lock.ends()
    with virtual_lock() as lock:
        assert command("lock", "status", "cabin")["key_slot"] == 0
        lock.ends()
    with virtual_lock("--reset") as lock:
        assert [one["state"] for one in command("scan", "--seconds", "1")] == ["new"]
        lock.ends()


def test_a_sleeping_lock_is_reached_in_a_burst(tmp_path, monkeypatch):
    """The command looks for it while nothing is heard, and connects as soon as the burst begins."""
    monkeypatch.setenv("TUMBLER_RADIO", "virtual")
    description = json.loads((ROOT / "boards" / "virtual" / "board.json").read_text(encoding="utf-8"))
    description["power"] = {"battery": True, "sleep": "light", "wake": [32, 33, 25]}
    (tmp_path / "board.json").write_text(json.dumps(description), encoding="utf-8")
    add()
    with Registry.open() as registry:
        registry.cache(registry.lock("door")).hold(0, OWNER, "Ann", PSK, 0)
    owner = Identity(keys=((0, OWNER, PSK, "Ann"),))

    with Rig(
        tmp_path, line=board_command(find(), OTHER, tmp_path), identity=owner, path=socket_path(home())
    ) as rig:  # fmt: skip

        def on_air():
            events = [event for event in rig.events if event["event"] == "radio"]
            return events[-1]["op"] == "advertise" and events[-1]["on"]

        def seconds_until(heard):
            """World time that passes until the lock is heard, or is not."""
            begun = rig.events[-1]["now_ms"]
            for number in range(400):
                if on_air() == heard:
                    return number
                rig.advance(1000)
            raise AssertionError(f"nothing has changed since {begun}")

        assert seconds_until(heard=False) > 30
        status, _, err = tumbler("lock", "unlock", "door", "--wait", "1")
        assert status == 1
        assert "--wait 320" in err

        def night():
            """A command looks for the lock; the world moves until the lock is heard, then stops."""
            end = time.monotonic() + PATIENCE
            while not rig.clients() and time.monotonic() < end:
                time.sleep(0.01)
            found.append(seconds_until(heard=True))

        found = []
        world = threading.Thread(target=night)
        world.start()
        assert command("lock", "unlock", "door", "--wait", "320") == {"lock": "door", "open_seconds": 5}
        world.join()
        assert 250 < found[0] <= 300
        rig.advance(1000)
        assert rig.ask(lambda lock: lock.unlocked)
        # The client is gone, and now its time awake begins; then the next burst is as far away as ever.
        rig.advance(30_000)
        assert on_air()
        seconds_until(heard=False)
        assert 290 < seconds_until(heard=True) <= 300


def test_lines_that_are_no_commands_and_expectations_that_do_not_hold():
    with virtual_lock("--secret", bytes(range(32)).hex(), "--json") as lock:
        lock.say("press 123456#")
        lock.say("expect open")
        lock.waits("expected open")
        lock.say("dance")
        lock.waits("not a command")
        lock.say("press 123456#  # and the next line is read")
        lock.ends()
    assert lock.process.returncode == 2
    assert sum(line.startswith("{") for line in lock.lines) == 2


def test_a_second_lock_with_a_radio_is_refused():
    with virtual_lock() as lock:
        other = Running("--secret", bytes(32).hex())
        assert other.process.wait(PATIENCE) == 1
        other._reader.join()
        assert "Another virtual lock has the radio" in "\n".join(other.lines)
        other.process.stdin.close()
        other.process.stdout.close()
        lock.ends()


def test_a_scenario_has_no_radio(tmp_path):
    status, _, err = tumbler("run", "--radio", "--script", tmp_path / "x")
    assert status == 2
    assert "Leave --script out" in err


def test_which_radios_are_asked(monkeypatch):
    assert [radio.name for radio in radios()] == ["bluetooth"]
    monkeypatch.setenv("TUMBLER_RADIO", "virtual")
    assert [radio.name for radio in radios()] == ["virtual"]
    monkeypatch.delenv("TUMBLER_RADIO")
    with virtual_lock() as lock:
        assert [radio.name for radio in radios()] == ["virtual", "bluetooth"]
        lock.ends()


# In the terminal


async def pair(pilot, registry):
    """Pair from within this process, with the app's own keypad for the digits."""
    async with Radios(lambda: [radio for radio in radios() if radio.name == "virtual"]) as air:
        seen = await air.scan(PATIENCE, lambda one: one.is_new)
        pairing = await Pairing.begin(await air.connect(seen[0]))
        digits = await pairing.digits()
        await until(pilot, lambda: "six digits" in text(pilot.app, "#answer"))
        for key in digits + "#":
            pilot.app.action_key(key)
        await pairing.typed()
        rule = zone_rule("Europe/Berlin")
        lock = registry.add("cabin", "Europe/Berlin", rule, 96, "standard", bytes(range(1, 33)), 0)
        await pairing.finish(bytes(32), "Ann", for_new(int(time.time()), 0, lock.secret, Config(rule)))
        await pairing.close()


def test_the_virtual_lock_of_another_registry_folder_is_in_range(tmp_path, monkeypatch):
    with virtual_lock() as lock:
        monkeypatch.setenv("TUMBLER_AIR", str(home()))
        monkeypatch.setenv("TUMBLER_HOME", str(tmp_path / "bo"))
        assert running()
        monkeypatch.delenv("TUMBLER_AIR")
        assert not running()
        lock.ends()


def test_the_smallest_terminal_loses_neither_the_hint_nor_the_button(tmp_path):
    async def run():
        identity = Identity(None, zone_rule(local_zone()), name="door")
        with VirtualLock(tmp_path / "flash", identity) as virtual:
            app = RadioApp(virtual, socket_path(home()), lambda lock_id: None)
            async with app.run_test(size=(80, 24)) as pilot:
                await until(pilot, lambda: "The power is on." in log(app))
                app._saw_signal({"event": "signal", "name": "pairing", "now_ms": 0})
                await pilot.pause()
                picture = re.sub(r"<[^>]*>", "\n", app.export_screenshot()).replace("&#160;", " ")
                assert "set-up button" in picture
                assert "quit" in picture
                answer = app.query_one("#answer")
                assert len(text(app, "#answer")) <= 2 * answer.size.width - 8

    asyncio.run(run())


def test_the_terminal_says_how_to_pair_and_becomes_the_desk_of_the_lock(tmp_path):
    async def run():
        registry = Registry.open()

        def find_desk(lock_id):
            lock = registry.lock_of(lock_id)
            return Desk(registry, lock.name, own=False) if lock else None

        identity = Identity(None, zone_rule(local_zone()), name="door")
        with registry, VirtualLock(tmp_path / "flash", identity) as virtual:
            app = RadioApp(virtual, socket_path(home()), find_desk)
            async with app.run_test(size=(120, 40)) as pilot:
                await until(pilot, lambda: "The power is on." in log(app))
                assert "tumbler pair NAME" in text(app, "#purpose")
                await pilot.click("#issue-2")
                assert "tumbler pair NAME" in text(app, "#purpose")
                await pilot.press("b")
                await until(pilot, lambda: "button is held" in log(app))
                await pilot.click("#world-button")
                await until(pilot, lambda: "released" in log(app))
                await pair(pilot, registry)
                await until(pilot, lambda: "the digits are right" in log(app))
                await until(pilot, lambda: app.query_one("#door").border_title == "cabin")
                await pilot.click("#issue-0")
                await until(pilot, lambda: "one-time code" in log(app))
                (code,) = registry.codes(registry.lock("cabin"))
                digits = app.query_one("#code").value
                for key in digits + "#":
                    app.action_key(key)
                await until(pilot, lambda: any(entry.verdict == "open" for entry in virtual.entries))
                assert code.ticket < 8

    asyncio.run(run())


def test_a_radio_that_another_lock_has_is_said_before_the_terminal_is_taken(tmp_path):
    with virtual_lock() as lock:
        with (
            VirtualLock(tmp_path / "flash", Identity(None)) as virtual,
            pytest.raises(ToolError, match="has the radio"),
        ):
            RadioApp(virtual, socket_path(home()), lambda lock_id: None)
        lock.ends()


def test_a_connection_that_the_lock_has_ended_is_closed_at_once():
    """The stack would wait for the end that was before."""

    class Connection:
        EVENT_DISCONNECTION = "disconnection"

        def __init__(self):
            self.asked = 0
            self.end = None

        def on(self, event, does):
            self.end = does

        async def disconnect(self):
            self.asked += 1
            await asyncio.Event().wait()

    async def ended():
        connection = Connection()
        wire = virtual.SimulatorWire(connection, None)
        connection.end(0x13)
        await wire.close()
        return connection.asked

    async def open_still(monkeypatch):
        monkeypatch.setattr(virtual.SimulatorWire, "CLOSE_SECONDS", 0.01)
        connection = Connection()
        await virtual.SimulatorWire(connection, None).close()
        return connection.asked

    assert asyncio.run(ended()) == 0
    with pytest.MonkeyPatch.context() as patches:
        assert asyncio.run(open_still(patches)) == 1
