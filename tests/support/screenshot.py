"""Write docs/guide/virtual-lock.svg, the picture of the virtual lock in a terminal: `python -m
tests.support.screenshot`."""

import asyncio
import re
import tempfile
import time
from pathlib import Path

from tests.support.micropython import ROOT
from tumbler.registry.registry import Registry
from tumbler.simulator.identity import Identity
from tumbler.simulator.issuing import Desk, add_lock
from tumbler.simulator.lock import VirtualLock
from tumbler.simulator.tui import DoorApp
from tumbler_lock.core.tickets import CUSTOM, ONE_TIME, PERMANENT, TIMED

SIZE = (112, 32)
RULE = "CET-1CEST,M3.5.0,M10.5.0/3"
FONT = "Fira Code, DejaVu Sans Mono, Menlo, Consolas, monospace"
PAUSE = 1.5  # seconds for the board to do what it was asked


async def scene(app: DoorApp) -> str:
    """Play a first minute and return the picture."""
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause(PAUSE)
        for kind in (CUSTOM, PERMANENT, ONE_TIME):
            await pilot.click(f"#issue-{kind}")
            await pilot.pause(PAUSE)
        await pilot.press(*app.query_one("#code").value, "enter")  # type: ignore[attr-defined]
        await pilot.pause(7)  # until the bolt is back
        await pilot.press(*"1234", "enter")
        await pilot.pause(PAUSE)
        await pilot.click(f"#issue-{TIMED}")
        await pilot.press(*app.query_one("#code").value, "enter")  # type: ignore[attr-defined]
        await pilot.hover("#log")
        await pilot.pause(0.4)
        return app.export_screenshot(title="tumbler run")


def main() -> None:
    """Write the picture, with no font fetched from elsewhere."""
    with tempfile.TemporaryDirectory() as folder, Registry.open(Path(folder)) as registry:
        add_lock(registry, Identity(rule=RULE, name="door"), "Europe/Berlin", int(time.time()))
        desk = Desk(registry, "door", own=True)
        with VirtualLock(Path(folder, "flash"), desk.identity) as lock:
            picture = asyncio.run(scene(DoorApp(lock, desk)))
    picture = re.sub(r"\s*@font-face \{.*?\}", "", picture, flags=re.DOTALL)
    picture = re.sub(r"<!--.*?-->", "", picture, flags=re.DOTALL)
    picture = re.sub(r"terminal-\d+-", "t-", picture).replace("Fira Code", FONT)
    (ROOT / "docs" / "guide" / "virtual-lock.svg").write_text(picture.strip() + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
