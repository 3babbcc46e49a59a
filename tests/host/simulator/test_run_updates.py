"""Updates of the virtual lock's firmware, from a second terminal: docs/spec/update.md, "Try it without hardware".

Whole: real firmware in two slots, the loader, a virtual air, the `tumbler` command. Time is the real one, but for
`wait`.
"""

import asyncio
import re
import signal
import time
from functools import partial

import pytest

from tests.dual.support.linked_lock import PSK
from tests.host.simulator.test_tui import log, until
from tests.support.owner_tool import NOW, add, done, refused, tumbler
from tests.support.radio_lock import command, virtual_lock
from tests.system.test_first_door import renewed
from tumbler.cli import run
from tumbler.link import simulator_radio as virtual
from tumbler.link.client import Client
from tumbler.paths import Firmware
from tumbler.registry.registry import Registry, home
from tumbler.simulator.flash_image import plug_in
from tumbler.simulator.issuing import identity_of_lock
from tumbler.simulator.lock import VirtualLock
from tumbler.simulator.radio_socket import socket_path
from tumbler.simulator.tui_radio import RadioApp
from tumbler.simulator.update_events import NO_UPDATES
from tumbler.updates.signing import SigningKey, own_path
from tumbler.updates.update_file import Update, build
from tumbler_lock.core.keys import OWNER
from tumbler_lock.core.lms import H5

CODE = "740193"
pytestmark = pytest.mark.usefixtures("hurry")


@pytest.fixture
def cabin(monkeypatch):
    """A virtual lock of the registry, as `cabin`, that has run without a radio before: its flash has no slots, and its
    memory holds a custom code and an owner's key."""
    monkeypatch.setenv("TUMBLER_RADIO", "virtual")
    add("cabin")
    with Registry.open() as registry:
        lock = registry.lock("cabin")
        registry.cache(lock).hold(0, OWNER, "Ann", PSK, NOW)
        identity = identity_of_lock(registry, lock)
    flash = home() / "virtual" / f"{lock.fingerprint}.flash"
    flash.parent.mkdir()
    with VirtualLock(flash, identity) as virtual:
        virtual.power_on()
        assert virtual.owner("add_custom", digits=CODE).ok
    return flash


@pytest.fixture
def key(cabin):
    """A key for updates in the registry's folder, as `tumbler update key new` makes a larger one."""
    return SigningKey.create(own_path(), tree=H5)


def next_update(folder, version, sources=None):
    """A signed update file of this version; sources: the folder of another firmware."""
    path = folder / f"{version}.update"
    if sources is None:
        done("update", "build", "-o", path, "--version", version)
    else:
        build(Firmware.in_folder(sources), version).write(path)
    assert done("update", "sign", path)["signed"] == "yes"
    return path


def changed(folder, name, change):
    """The sources with one module changed."""
    sources = renewed(folder)
    path = sources / "tumbler_lock" / name
    path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")
    return sources


def runs(version, slot):
    """Ask the lock; it runs this version, from this slot. Returns how far an update is."""
    status = command("update", "status", "cabin")
    assert (status["firmware"], status["slot"]) == (version, slot)
    return status["update"]


def says_no(*arguments):
    """Run a command that is refused; returns what it says."""
    status, out, err = tumbler(*arguments, now=int(time.time()))
    assert (status, out) == (1, "")
    return err


def opens(lock):
    """The code that was there before opens, and the lock's key is the one it was paired with."""
    lock.say(f"press {CODE}#")
    lock.say("expect open")


def test_an_update_is_tried_and_stays_also_for_later_starts(cabin, tmp_path):
    with virtual_lock("--lock", "cabin") as lock:
        lock.waits(f"Firmware 0.1.0 runs from slot a. {NO_UPDATES}")
        key = SigningKey.create(own_path(), tree=H5)
        update = next_update(tmp_path, "0.2.0")
        refused = says_no("update", "send", "cabin", update)
        assert "this lock has no key to check updates with.\n" in refused
        assert "tumbler deploy … --update-key FILE" in refused
        assert "switch its power off and on" in refused
        lock.say("power off")
        lock.say("power on")
        assert runs("0.1.0", "a") == "none under way"
        sent = command("update", "send", "cabin", update)
        assert (sent["lock"], sent["version"]) == ("cabin", "0.2.0")
        lock.waits("Firmware 0.2.0 runs from slot b. It stays if it is healthy for a minute.")
        assert runs("0.2.0", "b") == "on trial"
        lock.say("wait 70s")
        lock.waits("Firmware 0.2.0 is healthy, and stays.")
        assert runs("0.2.0", "b") == "none under way"
        assert command("lock", "status", "cabin")["firmware"] == "0.2.0"
        assert command("lock", "log", "cabin")[-1]["event"] == "updated"
        opens(lock)
        assert lock.ends() == 0, lock.lines
    assert plug_in(cabin.read_bytes(), key.public) == cabin.read_bytes()
    with virtual_lock("--lock", "cabin") as lock:
        lock.waits("Firmware 0.2.0 runs from slot b.")
        opens(lock)
        assert lock.ends() == 0, lock.lines
    assert not re.search(rf"{CODE}|[0-9a-f]{{64}}", "\n".join(lock.lines))


@pytest.mark.usefixtures("key")
def test_what_is_not_signed_by_the_maker_or_not_newer_is_refused(tmp_path):
    other = tmp_path / "other.key"
    SigningKey.create(other, tree=H5)
    forged = next_update(tmp_path, "0.3.0")
    done("update", "sign", forged, "--key", other, "--again")
    with virtual_lock("--lock", "cabin") as lock:
        assert "not signed with the key that this lock knows" in says_no("update", "send", "cabin", forged)
        older = next_update(tmp_path, "0.0.9")
        refused = says_no("update", "send", "cabin", older)
        assert "the lock runs 0.1.0, and the update is not newer.\n" in refused
        assert "--force" in refused
        assert runs("0.1.0", "a") == "none under way"
        opens(lock)
        assert lock.ends() == 0, lock.lines


@pytest.mark.usefixtures("key")
def test_a_firmware_that_is_not_well_is_given_up_by_itself(tmp_path):
    broken = changed(tmp_path, "app/lock.py", lambda text: "raise RuntimeError('made to fail')\n")
    with virtual_lock("--lock", "cabin") as lock:
        command("update", "send", "cabin", next_update(tmp_path, "0.2.0", broken))
        lock.waits("Firmware 0.1.0 runs from slot a again.")
        ill = changed(tmp_path, "app/update_trial.py", lambda text: text.replace("HEALTHY = 60", "HEALTHY = 9999"))
        command("update", "send", "cabin", next_update(tmp_path, "0.3.0", ill))
        lock.waits("Firmware 0.3.0 runs from slot b.")
        for _ in range(3):
            lock.say("wait 5m")
        opens(lock)
        lock.waits("custom code")
        assert runs("0.1.0", "a") == "none under way"
        assert lock.ends() == 0, lock.lines
    lines = [line.partition("  ")[2] for line in lock.lines if "lot b" in line or "start" in line or "again" in line]
    back = ["Slot b was not confirmed in 3 starts: the lock goes back to the other one."]
    back += ["Firmware 0.1.0 runs from slot a again."]
    starts = [f"Slot b is on trial: start {number} of 3." for number in (1, 2, 3)]
    fails = "The firmware does not start: RuntimeError: made to fail"
    tries = "Firmware 0.3.0 runs from slot b. It stays if it is healthy for a minute."
    assert lines == [
        *[line for start in starts for line in (start, fails)], *back,
        *[line for start in starts for line in (start, tries)], *back,
    ]  # fmt: skip


@pytest.mark.usefixtures("key")
def test_an_update_that_a_closed_terminal_interrupted_goes_on(tmp_path, monkeypatch):
    """SIGHUP is what a terminal sends when it is closed."""
    root = changed(tmp_path, "app/start.py", lambda text: f"{text}\nNEWS = {'news ' * 1_000!r}\n")
    update = next_update(tmp_path, "0.2.0", root)
    before = build().contents
    missing = sum(len(data) for name, data in Update.read(update).contents.items() if before[name] != data)
    pieces = []
    original = Client.update_piece

    async def counted(client, *piece):
        if len(pieces) == 15:
            lock.process.send_signal(signal.SIGHUP)
            lock.process.wait()
        answer = await original(client, *piece)
        pieces.append(len(piece[-1]))
        return answer

    with virtual_lock("--lock", "cabin") as lock, monkeypatch.context() as patches:
        patches.setattr(Client, "update_piece", counted)
        patches.setattr(virtual, "CONNECT_SECONDS", 0.3)  # the lock is gone for good
        assert "run the same command again: the update continues where it was" in says_no(
            "update", "send", "cabin", update
        )
    assert len(pieces) == 15
    with virtual_lock("--lock", "cabin") as lock:
        lock.waits("Firmware 0.1.0 runs from slot a.")
        assert runs("0.1.0", "a") == "being sent"
        assert command("update", "send", "cabin", update)["bytes_sent"] == missing - sum(pieces)
        lock.waits("Firmware 0.2.0 runs from slot b.")
        opens(lock)
        assert lock.ends() == 0, lock.lines


@pytest.mark.usefixtures("key")
def test_the_terminal_tells_it_too(cabin, tmp_path):
    """The story of a trial in the log of the terminal, where an hour passes at a key."""
    update = next_update(tmp_path, "0.2.0")

    async def story():
        with Registry.open() as registry:
            identity = identity_of_lock(registry, registry.lock("cabin"))
        with VirtualLock(cabin, identity, cable=run._cable) as virtual:
            app = RadioApp(virtual, socket_path(home()), lambda lock_id: None)
            async with app.run_test(size=(120, 40)) as pilot:
                await until(pilot, lambda: "Firmware 0.1.0 runs from slot a." in log(app))
                sending = partial(command, "update", "send", "cabin", update)
                await asyncio.get_running_loop().run_in_executor(None, sending)
                await until(pilot, lambda: "Slot b is on trial: start 1 of 3." in log(app))
                await pilot.press("h")
                await until(pilot, lambda: "Firmware 0.2.0 is healthy, and stays." in log(app))

    asyncio.run(story())


def test_versions_are_three_numbers(tmp_path):
    path = tmp_path / "x.update"
    assert done("update", "build", "-o", path, "--version", "1.2.255")["version"] == "1.2.255"
    for wrong in ("1.2", "1.2.256", "v1.2.3", '1.2.3"', ""):
        assert "three numbers" in refused("update", "build", "-o", path, "--version", wrong)
    assert done("update", "show", path)["version"] == "1.2.255"
