"""The energy model: how long a set of cells keeps a lock, from the currents of the data sheets
(docs/guide/batteries.md).

Currents are microamperes at the battery, times seconds, charges microampere-hours. A day is a list of things that
draw a current for a time; the rest is sleep (docs/design/app.md). What regulator and clock chip take flows all the
time.
"""

from dataclasses import dataclass, replace

from tumbler_lock.core.zone import DAY, HOUR

from .chips import RAM, Currents, chips
from .clocks import CLOCKS
from .expanders import EXPANDERS
from .schema import Description, get

REGULATOR = 4  # µA; a low-drop regulator for batteries, such as an MCP1700: the most


@dataclass(frozen=True)
class Usage:
    """What is assumed of a day and of the cells; docs/guide/batteries.md says why."""

    entries: int = 20
    digits: int = 7  # of a code, and one # more
    key_ms: int = 500  # from one key to the next
    decide_ms: int = 500  # deciding, two commits
    linger_s: int = 35  # awake after the last touch
    start_ms: int = 3_000  # from a wake out of deep sleep to the first sample of the keypad
    signal_ms: int = 1_000  # clicks of the keys and the pattern "open"
    signal_ua: int = 9_000  # buzzer and light
    advert_ms: int = 4  # one advertising event, three channels
    wakes: int = 24  # by itself, where no burst does it
    wake_ms: int = 1_000
    burst_ms: int = 2_000  # of advertising, asleep
    burst_interval_ms: int = 100
    radio_start_ms: int = 500
    strike_ua: int = 250_000
    strike_ms: int = 5_000
    strike_from_cells: bool = False
    cells_mah: int = 2_000
    usable_percent: int = 80


@dataclass(frozen=True)
class Share:
    """One line of the account, in microampere-hours a day."""

    name: str
    uah: float


@dataclass(frozen=True)
class Account:
    """A day of a board. sleep: how it spends the rest of the day."""

    shares: list[Share]
    sleep: str
    usage: Usage

    @property
    def uah(self) -> float:
        """Charge of a day."""
        return sum(share.uah for share in self.shares)

    @property
    def average_ua(self) -> float:
        """Average current."""
        return self.uah * HOUR / DAY

    @property
    def days(self) -> float:
        """How long the cells last."""
        return self.usage.cells_mah * 10 * self.usage.usable_percent / self.uah


def currents(description: Description) -> Currents:
    """Return what the board's module draws: the chip, and its external RAM."""
    chip, ram = chips()[description["mcu"]].currents, RAM[get(description, "psram")]
    return Currents(chip.awake + ram.awake, chip.radio + ram.radio, chip.light + ram.light, chip.deep + ram.deep)


def account(
    description: Description, usage: Usage | None = None, sleep: str = "", asleep_s: int | None = None
) -> Account:
    """Return a day of a board. sleep: none, light or deep, instead of the description's own; asleep_s: seconds from one
    burst of advertising to the next, 0 for none, instead of the description's own."""
    usage = usage or Usage()
    sleep = sleep or get(description, "power.sleep") or "none"
    chip = currents(description)
    once_s = usage.start_ms / 1000 if sleep == "deep" else 0
    entry_s = usage.entries * ((usage.digits + 1) * usage.key_ms + usage.decide_ms) / 1000
    linger_s = usage.entries * usage.linger_s
    bursts, burst_s, wakes = 0.0, 0.0, usage.wakes
    every = get(description, "radio.asleep_s") if asleep_s is None else asleep_s
    if every and sleep != "none":
        burst_s = once_s + (usage.radio_start_ms + usage.burst_ms) / 1000
        bursts = (DAY - usage.entries * once_s - entry_s - linger_s) / (every + burst_s)
        wakes = 0  # what is due every hour is done with a burst
    start_s = (usage.entries + wakes) * once_s
    wake_s = wakes * usage.wake_ms / 1000
    awake_s = DAY if sleep == "none" else start_s + entry_s + linger_s + wake_s
    shares = [
        Share("typing and deciding", entry_s * chip.awake / HOUR),
        Share("awake afterwards", linger_s * chip.awake / HOUR),
        Share("signals", usage.entries * usage.signal_ms / 1000 * usage.signal_ua / HOUR),
    ]
    if wake_s + start_s:
        shares.append(Share("waking by itself, starting", (wake_s + start_s) * chip.awake / HOUR))
    if "radio" in description:
        events = awake_s * 1000 / description["radio"]["interval_ms"]
        shares.append(Share("advertising while awake", events * usage.advert_ms / 1000 * chip.radio / HOUR))
        events = bursts * usage.burst_ms / usage.burst_interval_ms
        advert_s = events * usage.advert_ms / 1000
        shares.append(Share("bursts asleep", (bursts * burst_s * chip.awake + advert_s * chip.radio) / HOUR))
    rest = {"none": chip.awake, "light": chip.light, "deep": chip.deep}[sleep]
    shares += [
        Share(
            "chip for the rest of the day",
            (DAY - start_s - entry_s - linger_s - wake_s - bursts * burst_s) * rest / HOUR,
        ),
        Share("regulator", DAY * REGULATOR / HOUR),
    ]
    clock = CLOCKS.get(description["clock"]["chip"])
    if clock is not None:
        shares.append(Share("clock chip", DAY * clock.at_rest / HOUR))
    expander = get(description, "keypad.expander")
    if expander is not None:
        shares.append(Share("expander", DAY * EXPANDERS[expander["chip"]].at_rest / HOUR))
    if "battery" in description:
        battery = description["battery"]
        divider_ohms = 1_000 * battery["divider"]  # 100 kΩ below the tap
        shares.append(Share("battery divider", DAY * 1000 * battery["full_mv"] / divider_ohms / HOUR))
    if usage.strike_from_cells:
        shares.append(Share("strike", usage.entries * usage.strike_ms / 1000 * usage.strike_ua / HOUR))
    return Account(shares, sleep, usage)


def variants(description: Description) -> list[tuple[str, Account]]:
    """Return what changes the figure most: the ways to sleep, how often it advertises asleep, the time awake, a strike
    on the same cells."""
    usage = Usage()
    found = [("sleep: none", account(description, usage, "none"))]
    # The rows of a keypad on the chip's own pins do not stay low in deep sleep.
    for way in ("light", "deep") if "expander" in description["keypad"] else ("light",):
        found.append((f"sleep: {way}", account(description, usage, way)))
        if "radio" in description:
            found.append((f"{way}, silent asleep", account(description, usage, way, 0)))
            found.append((f"{way}, a burst every 60 s", account(description, usage, way, 60)))
    briefly = replace(usage, linger_s=10)
    cells = replace(usage, strike_from_cells=True)
    found.append(("light, awake for 10 s only", account(description, briefly, "light")))
    found.append(("light, strike on the cells", account(description, cells, "light")))
    return found
