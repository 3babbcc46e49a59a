"""The energy model: the figures of docs/guide/batteries.md, and what must hold whatever the figures."""

import copy
import re
from dataclasses import replace

import pytest

from tests.support.micropython import ROOT
from tumbler.hardware import boards, energy
from tumbler.hardware.chips import RAM, Currents, chips
from tumbler.hardware.expanders import EXPANDERS
from tumbler_lock.app.ble_server import BURST_US
from tumbler_lock.app.sleep import BURST_MOST_MS, BURST_MS
from tumbler_lock.core.session import MESSAGE_WITHIN, SESSION_WITHIN

COLUMNS = ("esp32-devkitc", "esp32s3-devkitc", "esp32c3-devkitm")
UNREACHED = 32  # seconds that a client out of reach counts as connected: the longest supervision timeout
TEXT = (ROOT / "docs" / "guide" / "batteries.md").read_text(encoding="utf-8")


def cells(title):
    """Return the rows that begin with a title: lists of numbers, None where a cell is empty."""
    found = []
    for line in TEXT.splitlines():
        parts = [part.strip() for part in line.strip("|").split("|")]
        if line.startswith("|") and parts[0] == title and len(parts) == 4:
            found.append([int(part.replace(",", "")) if part else None for part in parts[1:]])
    return found


@pytest.mark.parametrize("column", range(3))
def test_the_document_has_the_figures_that_the_model_gives(column):
    description = boards.usable(COLUMNS[column]).description
    for title, account in energy.variants(description):
        assert cells(title)[0][column] == round(account.days), title
    day = energy.account(description, sleep="light")
    assert cells("average in light sleep, µA")[0][column] == round(day.average_ua)
    for share in day.shares:
        assert cells(share.name)[0][column] == round(share.uah), share.name
    assert cells("together")[0][column] == round(day.uah)


def test_the_document_has_no_row_that_the_model_does_not_know():
    known = {"average in light sleep, µA", "together", ""}
    for name in COLUMNS:
        description = boards.usable(name).description
        known |= {title for title, _ in energy.variants(description)}
        known |= {share.name for share in energy.account(description).shares}
    figures = TEXT.split("## Currents")[0]
    titles = {line.split("|")[1].strip() for line in figures.splitlines() if line.startswith("| ")}
    assert titles - {"---"} <= known
    assert len(titles) > 15


def test_a_day_by_hand():
    """A lock that does nothing but sleep, on a C3 with the chip's own clock: 140 and 4 µA."""
    description = copy.deepcopy(boards.usable("esp32c3-devkitm").description)
    for part in ("radio", "battery"):
        del description[part]
    del description["keypad"]["expander"]
    description["clock"] = {"chip": "internal"}
    idle = replace(energy.Usage(), entries=0, wakes=0)
    account = energy.account(description, idle, "light")
    assert account.average_ua == pytest.approx(144)
    assert account.days == pytest.approx(1_600_000 / 144 / 24)
    # One entry more: 4.5 s of typing and deciding and 35 s, at 28 mA instead of 0.14; the signal's 9 mA for 1 s.
    once = energy.account(description, replace(idle, entries=1), "light")
    assert once.uah - account.uah == pytest.approx((39.5 * (28_000 - 140) + 9_000) / 3600)


@pytest.mark.parametrize(("psram", "ram"), [("none", 0), ("quad", 40), ("octal", 140)])
def test_external_ram_is_fed_in_light_sleep_alone(psram, ram):
    """A lock that does nothing but sleep, on an S3: 280 µA, the regulator's 4, and the RAM; in deep sleep 8 and 4."""
    description = copy.deepcopy(boards.usable("esp32s3-devkitc").description)
    for part in ("radio", "battery"):
        del description[part]
    description["clock"] = {"chip": "internal"}
    description["psram"] = psram
    idle = replace(energy.Usage(), entries=0, wakes=0)
    assert energy.account(description, idle, "light").average_ua == pytest.approx(284 + ram)
    assert energy.account(description, idle, "deep").average_ua == pytest.approx(12)
    # One entry more: octal RAM comes with a clock of 240 MHz, 66 mA instead of 55 while awake.
    awake = 66_000 if psram == "octal" else 55_000
    more = energy.account(description, replace(idle, entries=1), "light").uah
    more -= energy.account(description, idle, "light").uah
    assert more == pytest.approx((39.5 * (awake - 280 - ram) + 9_000) / 3600)


def test_the_document_says_what_an_s3_lasts_with_other_ram():
    description = copy.deepcopy(boards.usable("esp32s3-devkitc").description)
    for psram, words in (
        ("quad", "with quad RAM (N8R2) it lasts"),
        ("none", "without any (N8, `tumbler custom-build`)"),
    ):
        description["psram"] = psram
        found = re.findall(re.escape(words) + r" (\d+) days", " ".join(TEXT.split()))
        assert found == [str(round(energy.account(description).days))], psram


@pytest.mark.parametrize(("sleep", "rest", "awake_s"), [("light", 140, 2.5), ("deep", 5, 5.5)])
def test_bursts_by_hand(sleep, rest, awake_s):
    """A C3 that does nothing but sleep and advertise: in each burst 20 advertisements of 4 ms at 190 mA, besides."""
    description = boards.usable("esp32c3-devkitm").description
    idle = replace(energy.Usage(), entries=0, wakes=0)
    silent = energy.account(description, idle, sleep, 0)
    for seconds in (10, 60, 300, 3600):
        bursts = 86_400 / (seconds + awake_s)
        heard = energy.account(description, idle, sleep, seconds)
        once = awake_s * (28_000 - rest) + 20 * 0.004 * 190_000
        # While it is awake for them, the board advertises at no other interval.
        assert heard.uah - silent.uah == pytest.approx(bursts * once / 3600), seconds


@pytest.mark.parametrize("name", COLUMNS)
def test_bursts_cost_the_more_the_closer_they_are(name):
    description = boards.usable(name).description
    for sleep in ("light", "deep"):
        days = [energy.account(description, sleep=sleep, asleep_s=seconds).days for seconds in (10, 60, 300, 3600, 0)]
        assert days == sorted(days), sleep
        assert len(set(days)) == 5
    assert energy.account(description, sleep="none", asleep_s=10).uah == energy.account(description, sleep="none").uah


def test_every_second_of_a_day_counts_once():
    """With the same current awake and asleep it does not matter how the day is spent."""
    description = boards.usable("esp32s3-devkitc").description
    flat = Currents(awake=1000, radio=0, light=1000, deep=1000)
    for sleep in ("none", "light", "deep"):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(energy, "currents", lambda _: flat)
            day = energy.account(description, sleep=sleep)
        fixed = {"signals", "regulator", "clock chip", "battery divider"}
        assert sum(share.uah for share in day.shares if share.name not in fixed) == pytest.approx(24_000)


@pytest.mark.parametrize("name", COLUMNS)
def test_more_use_and_more_waking_never_last_longer(name):
    description = boards.usable(name).description
    days = energy.account(description, sleep="light", asleep_s=0).days
    for change in ({"entries": 40}, {"linger_s": 60}, {"wakes": 48}, {"strike_from_cells": True}, {"cells_mah": 1000}):
        assert energy.account(description, replace(energy.Usage(), **change), "light", 0).days < days, change


def test_the_document_says_what_twice_as_many_entries_cost():
    description = boards.usable("esp32c3-devkitm").description
    once = energy.account(description).days
    twice = energy.account(description, replace(energy.Usage(), entries=40)).days
    found = re.search(r"Twice as many entries cost the C3 a quarter of its time, (\d+) days instead of (\d+)", TEXT)
    assert [int(number) for number in found.groups()] == [round(twice), round(once)]
    assert 1 - twice / once == pytest.approx(1 / 4, abs=0.02)


def test_the_assumptions_are_those_of_the_document():
    usage = energy.Usage()
    said = {
        "entries a day": str(usage.entries),
        "keys of an entry": f"{usage.digits + 1}, one each {usage.key_ms / 1000} s",
        "deciding": f"{usage.decide_ms / 1000} s",
        "awake afterwards": f"{usage.linger_s} s",
        "signals": f"{usage.signal_ms / 1000} s at {usage.signal_ua // 1000} mA",
        "a burst asleep": (
            f"{usage.burst_ms // 1000} s, one advertisement every {usage.burst_interval_ms} ms;"
            f" {usage.radio_start_ms / 1000} s before for the radio's start"
        ),
        "waking by itself": f"{usage.wakes} times, {usage.wake_ms // 1000} s",
        "cells": f"{usage.cells_mah:,} mAh, of which {usage.usable_percent} %",
    }
    table = TEXT.split("## Assumptions")[1]
    for title, text in said.items():
        assert f"| {title} | {text} |" in table, title
    assert f"{usage.start_ms // 1000} s, at every touch" in table
    assert f"{usage.advert_ms} ms at each advertisement" in table
    assert f"{usage.strike_ua // 1000} mA for {usage.strike_ms // 1000} s from the cells" in table


def test_the_bursts_are_those_of_the_firmware():
    usage = energy.Usage()
    assert (usage.burst_ms, usage.burst_interval_ms * 1000) == (BURST_MS, BURST_US)


def test_the_currents_are_those_of_the_document():
    table = TEXT.split("## Currents")[1].split("## Assumptions")[0]
    for chip in chips().values():
        name, currents = chip.name, chip.currents
        assert f"| {name}, light and deep sleep | {currents.light:,} and {currents.deep} µA |" in table
        numbers = re.findall(rf"\| {name}(?: awake(?: and radio)?|, radio) \| ([\d and]+) mA", table)
        assert " and ".join(numbers) == f"{currents.awake // 1000} and {currents.radio // 1000}"
    assert f"{EXPANDERS['mcp23017'].at_rest}; {EXPANDERS['pcf8574'].at_rest} µA" in table
    assert f"| regulator | {energy.REGULATOR} µA |" in table
    quad, octal = RAM["quad"], RAM["octal"]
    assert f"| external RAM, quad; octal, in light sleep | {quad.light}; {octal.light} µA |" in table
    assert f"| octal RAM, awake | {octal.awake // 1000} mA |" in table
    assert RAM["none"] == Currents(0, 0, 0, 0)


def test_what_a_stranger_in_each_burst_costs_is_as_the_threats_say():
    text = " ".join((ROOT / "docs" / "design" / "threats.md").read_text(encoding="utf-8").split())
    most = BURST_MOST_MS // 1000
    more = f"{most} s, and the last connection: {MESSAGE_WITHIN} s without a word, {SESSION_WITHIN} s with some"
    assert f"longer: {more}, by up to {UNREACHED} s more" in text
    begun = most - BURST_MS // 1000  # beyond the burst that there is without anybody
    lengths = (begun + MESSAGE_WITHIN, begun + SESSION_WITHIN, begun + SESSION_WITHIN + UNREACHED)
    for chip, name in (("an S3", COLUMNS[1]), ("a C3", COLUMNS[2])):
        description = boards.usable(name).description
        days = []
        for seconds in (0, *lengths):
            usage = energy.Usage(radio_start_ms=energy.Usage().radio_start_ms + seconds * 1000)
            days.append(round(energy.account(description, usage, "light").days))
        assert f"of {chip}" in text
        assert f"{days[1]}, {days[2]} and {days[3]}" in text.split(f"of {chip}", 1)[1][:60]
        assert f"instead of {days[0]}" in text
