"""The energy model: how long a set of cells keeps a lock, from the currents of the data sheets
(docs/guide/batteries.md).

Currents are microamperes at the battery, times seconds, charges microampere-hours. A day is a list of things that
draw a current for a time; the rest is sleep (docs/design/app.md). What regulator and clock chip take flows all the
time.
"""

from dataclasses import dataclass, replace

from .schema import Description, get

DAY = 86_400
HOUR = 3600


@dataclass(frozen=True)
class Currents:
    """One chip or module, microamperes: awake with the radio off; while it advertises; in light and in deep sleep."""

    awake: int
    radio: int
    light: int
    deep: int


# Sources: docs/guide/batteries.md. "Awake" is modem sleep at MicroPython's clock of 160 MHz with one core busy, the
# upper end of
# a range; "radio" is transmitting; "light" is what Espressif measured on modules, whose flash stays powered: the data
# sheets' 800, 240 and 130 are for one that is off.
CURRENTS = {
    "esp32": Currents(awake=44_000, radio=130_000, light=1_350, deep=10),
    "esp32s3": Currents(awake=55_000, radio=202_000, light=280, deep=8),
    "esp32c3": Currents(awake=28_000, radio=190_000, light=140, deep=5),
}
# What external RAM adds. It keeps its content in light sleep, and loses it in deep sleep. MicroPython's build for octal
# RAM runs at 240 MHz, the others at 160.
RAM = {
    "none": Currents(awake=0, radio=0, light=0, deep=0),
    "quad": Currents(awake=0, radio=0, light=40, deep=0),
    "octal": Currents(awake=11_000, radio=0, light=140, deep=0),
}
CLOCK_CHIP = 110  # DS3231, supplied by the board, bus idle: the most
EXPANDERS = {"pcf8574": 10, "pcf8574a": 10, "mcp23017": 1}  # standby: the most
REGULATOR = 4  # a low-drop regulator for batteries, such as an MCP1700: the most


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
    chip, ram = CURRENTS[description["mcu"]], RAM[get(description, "psram")]
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
    if description["clock"]["chip"] == "ds3231":
        shares.append(Share("clock chip", DAY * CLOCK_CHIP / HOUR))
    if "expander" in description["keypad"]:
        shares.append(Share("expander", DAY * EXPANDERS[description["keypad"]["expander"]["chip"]] / HOUR))
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
