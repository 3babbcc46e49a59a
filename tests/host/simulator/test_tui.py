"""The lock in the terminal, driven as a person would: clicks and keys on the real firmware."""

import asyncio
import contextlib
import time

import pytest
from textual.widgets import Digits, RichLog, Static

from tumbler.cli.run import Choice, _desk
from tumbler.errors import ToolError
from tumbler.registry.registry import Registry, home
from tumbler.simulator.identity import Identity
from tumbler.simulator.issuing import Desk, add_lock
from tumbler.simulator.lock import VirtualLock, now_ms
from tumbler.simulator.tui import DoorApp
from tumbler_lock.core.tickets import CUSTOM, ERASE, ONE_TIME, PERMANENT, RECURRING, REVOKE, TIMED

PATIENCE = 60  # seconds: only a machine that is very busy takes some of them
SIZE = (120, 40)


@contextlib.contextmanager
def door(tmp_path, own=True, digits=None):
    with Registry.open(tmp_path / "registry") as registry:
        add_lock(registry, Identity(name="door"), "Etc/UTC", int(time.time()))
        desk = Desk(registry, "door", own)
        with VirtualLock(tmp_path / "flash", desk.identity) as virtual:
            yield DoorApp(virtual, desk, digits)


async def until(pilot, true):
    """Wait until something is so; the board runs in a thread of its own."""
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end, log(pilot.app)
        await pilot.pause(0.02)


def log(app):
    return "\n".join(line.text for line in app.query_one("#log", RichLog).lines)


def text(app, name):
    return str(app.query_one(name, Static).render())


async def issue(pilot, kind):
    before = log(pilot.app)
    await pilot.click(f"#issue-{kind}")
    await until(pilot, lambda: log(pilot.app) != before)
    return pilot.app.query_one("#code", Digits).value


async def enter(pilot, digits, verdict):
    before = len(pilot.app._door.entries)
    for key in digits + "#":  # what a key does; the tests of keys and mouse press them
        pilot.app.action_key(key)
    await until(pilot, lambda: len(pilot.app._door.entries) > before)
    assert pilot.app._door.entries[-1].verdict == verdict, log(pilot.app)
    await until(pilot, lambda: verdict in log(pilot.app))


def play(tmp_path, scene, size=SIZE, **options):
    async def run():
        with door(tmp_path, **options) as app:
            async with app.run_test(size=size) as pilot:
                await until(pilot, lambda: "The power is on." in log(app))
                await scene(pilot)
            return app

    return asyncio.run(run())


def test_a_click_issues_a_code_and_its_digits_open(tmp_path):
    async def scene(pilot):
        for kind in (TIMED, ONE_TIME, PERMANENT, RECURRING):
            digits = await issue(pilot, kind)
            assert digits.isdigit()
            assert digits in text(pilot.app, "#recent")
            await enter(pilot, digits, "open")
            await until(pilot, lambda: "O P E N" in text(pilot.app, "#bolt"))
            assert "The door is open" in text(pilot.app, "#answer")
        await until(pilot, lambda: "L O C K E D" in text(pilot.app, "#bolt"))  # by itself, five seconds later

    play(tmp_path, scene)


def test_the_mouse_types_too(tmp_path, monkeypatch):
    # A click takes a busy machine seconds, and ten without a key clear what was typed: the world goes slowly here.
    begin = now_ms()
    monkeypatch.setattr("tumbler.simulator.real_time.now_ms", lambda: begin + (now_ms() - begin) // 20)

    async def scene(pilot):
        digits = await issue(pilot, ONE_TIME)
        for key in digits[0] + 2 * digits[1]:  # the same key twice, as fast as can be
            await pilot.click(f"#key-{key}")
        await until(pilot, lambda: text(pilot.app, "#typed").count("●") == 3)
        await pilot.click("#key-star")
        await until(pilot, lambda: "●" not in text(pilot.app, "#typed"))
        for key in digits:
            await pilot.click(f"#key-{key}")
        await pilot.click("#key-hash")
        await until(pilot, lambda: "The door is open" in text(pilot.app, "#answer"))
        for _ in range(5):  # as fast as it goes
            await pilot.click("#key-0")
        await until(pilot, lambda: text(pilot.app, "#typed").count("●") == 5)

    play(tmp_path, scene)


def test_wrong_digits_and_other_keys(tmp_path):
    async def scene(pilot):
        await pilot.press("1", "2", "backspace", "x", "3", "4", "5", "6", "enter")
        await until(pilot, lambda: "Refused" in text(pilot.app, "#answer"))
        await pilot.press(*(await issue(pilot, ONE_TIME)), "number_sign")
        await until(pilot, lambda: "The door is open" in text(pilot.app, "#answer"))
        assert [entry.reason for entry in pilot.app._door.entries] == ["wrong", "opened"]
        assert "not a valid code" in log(pilot.app)

    play(tmp_path, scene)


def test_custom_revoke_and_erase(tmp_path):
    async def scene(pilot):
        assert await issue(pilot, CUSTOM) == "24680"
        await enter(pilot, "24680", "open")
        await pilot.click(f"#issue-{CUSTOM}")
        await until(pilot, lambda: "The lock refuses" in text(pilot.app, "#purpose"))
        await enter(pilot, await issue(pilot, REVOKE), "revoke-armed")
        await enter(pilot, "24680", "revoked")
        await enter(pilot, "24680", "refused")
        await enter(pilot, await issue(pilot, ERASE), "erased")
        assert pilot.app._desk.lock.epoch == 1
        await enter(pilot, await issue(pilot, ONE_TIME), "open")
        assert "24680" not in log(pilot.app)

    play(tmp_path, scene, digits=lambda: "24680")


def test_an_erased_lock_of_the_registry_waits_for_the_owner(tmp_path):
    async def scene(pilot):
        await enter(pilot, await issue(pilot, ERASE), "erased")
        await until(pilot, lambda: "tumbler lock confirm-erase door" in log(pilot.app))
        assert pilot.app._desk.lock.epoch == 0

    play(tmp_path, scene, own=False)


def test_power_time_and_clock(tmp_path):
    async def scene(pilot):
        app = pilot.app
        digits = await issue(pilot, TIMED)
        await enter(pilot, digits, "open")
        await pilot.press("p")
        await until(pilot, lambda: "N O   P O W E R" in text(app, "#bolt"))
        await pilot.press("1", "number_sign")
        await pilot.click("#world-power")
        await until(pilot, lambda: "L O C K E D" in text(app, "#bolt"))
        assert len(app._door.entries) == 1
        await pilot.click("#world-stop")
        await enter(pilot, digits, "refused")
        assert app._door.entries[-1].reason == "time-untrusted"
        await pilot.click("#world-time")
        await until(pilot, lambda: "sets the lock's time" in log(app))
        await enter(pilot, digits, "open")
        before = app._door.now_ms
        await pilot.press("h")
        await pilot.click("#world-hour")
        await pilot.click("#world-day")
        await until(pilot, lambda: app._door.now_ms >= before + 26 * 3_600_000)
        await enter(pilot, digits, "refused")
        assert app._door.entries[-1].reason == "expired"

    play(tmp_path, scene)


def test_a_lock_that_breaks_down_is_told(tmp_path):
    async def scene(pilot):
        def fail(lock):
            raise ToolError("The board burns.", "Pour water on it.")

        pilot.app._lock_thread.do(fail)
        await until(pilot, lambda: "The board burns. Pour water on it." in log(pilot.app))
        assert "N O   P O W E R" in text(pilot.app, "#bolt")

    play(tmp_path, scene)


@pytest.mark.parametrize("size", [(80, 24), (100, 30), (140, 45)])
def test_everything_is_on_the_screen(tmp_path, size):
    async def scene(pilot):
        screen = pilot.app.screen.region
        for name in ("#bolt", "#lamp", "#key-1", "#key-hash", "#issue-6", "#recent", "#world-time", "#log", "#answer"):
            region = pilot.app.query_one(name).region
            assert region.area > 0, name
            assert screen.contains_region(region), name
        await issue(pilot, ERASE)  # the longest digits
        code = pilot.app.query_one("#code")
        assert pilot.app.query_one("#ticket").content_region.contains_region(code.region)

    play(tmp_path, scene, size)


def test_the_terminals_own_lock_persists():
    with contextlib.ExitStack() as stack:
        desk, image = _desk(stack, Choice(timezone="Europe/Berlin"))
        secret = desk.lock.secret
        assert desk.own
        assert image is not None
        assert image.parent == home() / "virtual"
        assert desk.lock.timezone == "Europe/Berlin"
    assert (home() / "virtual").stat().st_mode & 0o077 == 0
    with contextlib.ExitStack() as stack:
        again, same = _desk(stack, Choice(timezone="Europe/Berlin"))
        assert (again.lock.secret, same) == (secret, image)
        other, another = _desk(stack, Choice(timezone="Asia/Tokyo"))
        assert other.lock.secret != secret
        assert another != image
    image.write_bytes(b"x")
    with contextlib.ExitStack() as stack:
        fresh, _ = _desk(stack, Choice(timezone="Europe/Berlin", reset=True))
        assert fresh.lock.secret != secret
        assert not image.exists()


def test_the_desk_of_a_lock_in_the_registry_issues_there():
    with Registry.open() as known:
        add_lock(known, Identity(name="cabin", rule="UTC0"), "Etc/UTC", 0)
    with contextlib.ExitStack() as stack:
        desk, _ = _desk(stack, Choice(lock="cabin"))
        assert not desk.own
        desk.issue(PERMANENT, int(time.time()))
    with Registry.open() as known:
        assert known.count(known.lock("cabin")) == 1
