"""The pulse: what the RMT is given to play, and what becomes of its channels, on every chip."""

import gc

import pytest

from tests.dual.models.bolt import MCUS, Coil, World, chip
from tumbler.simulator.board.models.rmt import HALF_MAX, NOT_FOUND, RMT, SOURCE_HZ, Rmt
from tumbler_lock.drivers import rmt_pulse
from tumbler_lock.drivers.rmt_pulse import Pulse

CHIPS = {mcu: chip(mcu)["rmt"] for mcu in MCUS}
HZ = {mcu: 312_500 if mcu == "esp32" else 3125 for mcu in MCUS}
BLOCKS_FOR_A_MINUTE = {mcu: 5 if mcu == "esp32" else 1 for mcu in MCUS}


class Bench:
    """A pulse at a coil; `asked`: settings and hardware of each channel; the objects are not kept alive by it."""

    def __init__(self, mcu="esp32", active=1, safe=False):
        self.world = World(1000, mcu)
        self.coil = Coil(self.world, active, not safe)
        self.asked = []
        self.pulse = Pulse(self.make, (self.coil.pad,), active, mcu)
        self.active = active

    def make(self, **settings):
        channel = self.world.rmt(**settings)
        self.asked.append((settings, channel._channel))
        return channel

    @property
    def on(self):
        return self.coil.level == self.active


@pytest.mark.parametrize("mcu", MCUS)
def test_the_firmware_asks_each_chip_for_what_it_has(mcu):
    """The firmware has no table of chips: the first one is unlike all later ones, which must be alike."""
    hz, words, stops = rmt_pulse.FIRST if mcu == "esp32" else rmt_pulse.LATER
    facts = CHIPS[mcu]
    assert (words, stops) == (facts["words"], facts["stops"])
    assert SOURCE_HZ % hz == 0
    assert SOURCE_HZ // hz <= facts["divider"]
    assert SOURCE_HZ // hz * 2 > facts["divider"] or hz == rmt_pulse.LATER[0], "the lowest that its dividers give"
    assert facts["blocks"] >= BLOCKS_FOR_A_MINUTE[mcu]


def lengths_of_a_minute():
    """Each length up to 300 ms, and some on both sides of every number of halves that an ESP32 needs."""
    found = set(range(1, 301)) | {1000, 2000, 5000, 10_000, 30_000, 59_999, 60_000}
    for halves in range(1, 573):
        edge = halves * HALF_MAX * 1000 // 312_500
        found |= {edge, edge + 1}
    return sorted(ms for ms in found if ms <= 60_000)


@pytest.mark.parametrize("mcu", MCUS)
def test_every_length_is_exact_to_a_tick_for_each_half_and_never_longer(mcu, monkeypatch):
    played = []
    monkeypatch.setattr(RMT, "write_pulses", lambda channel, ticks, levels: played.append((ticks, levels)))
    bench = Bench(mcu)
    for ms in lengths_of_a_minute():
        assert bench.pulse.start(ms)
        ticks, levels = played.pop()
        settings, _ = bench.asked.pop()
        assert set(levels) == {1}
        assert 1 <= ticks <= HALF_MAX
        exact = ms * HZ[mcu] / 1000
        assert exact - len(levels) - 1 < ticks * len(levels) <= exact, ms
        assert settings["resolution_hz"] == HZ[mcu]
        assert (len(levels) + 1) // 2 + 1 <= settings["num_symbols"], "it all fits: no interrupt is needed"
        bench.pulse.stop()


@pytest.mark.parametrize("mcu", MCUS)
def test_the_longest_pulse_takes_the_blocks_that_the_document_says(mcu):
    for ms, blocks in ((10_000, 1), (13_000, 1), (60_000, BLOCKS_FOR_A_MINUTE[mcu])):
        bench = Bench(mcu)
        assert bench.pulse.start(ms)
        assert len(bench.asked[0][1].blocks) == blocks
        bench.world.advance(ms + 1)
        since, until = bench.coil.stretches[0]
        assert ms - 2 < until - since <= ms
        assert not bench.on


@pytest.mark.parametrize("active", [0, 1])
@pytest.mark.parametrize("mcu", MCUS)
def test_the_level_from_the_making_to_the_end_of_the_channel(mcu, active):
    bench = Bench(mcu, active)
    off = 1 - active
    assert bench.coil.levels == [off]
    bench.pulse.start(1000)
    assert bench.coil.levels == ([0, 1] if active else [1, 0])  # a new channel's level is 0
    bench.world.advance(999)
    assert bench.coil.level == active
    bench.world.advance(1)
    assert bench.coil.level == off
    bench.coil.levels.clear()
    bench.pulse.stop()
    assert bench.coil.levels == []
    bench.pulse.start(1000)  # the end of the channel that has played lets the pin float, which is off too
    assert bench.coil.levels == [active]
    bench.pulse.stop()
    assert bench.coil.levels == [active, off]


@pytest.mark.parametrize("mcu", MCUS)
def test_stop_is_at_once_and_a_stopped_pulse_never_comes_back(mcu):
    bench = Bench(mcu)
    bench.pulse.start(1000)
    bench.world.advance(300)
    bench.pulse.stop()
    assert not bench.on
    bench.world.advance(5000)
    assert [until - since for since, until in bench.coil.stretches] == [300]
    assert not bench.world.wrong


@pytest.mark.parametrize("mcu", MCUS)
def test_a_new_pulse_takes_the_place_of_one_under_way(mcu):
    bench = Bench(mcu)
    bench.pulse.start(1000)
    bench.world.advance(300)
    bench.pulse.start(2000)
    assert bench.on
    bench.world.advance(800)  # the first one's end
    assert bench.on
    bench.world.advance(5000)
    assert [until - since for since, until in bench.coil.stretches] == [2300]
    assert not bench.world.wrong


@pytest.mark.parametrize("mcu", MCUS)
def test_the_garbage_collector_ends_no_channel_that_plays(mcu):
    bench = Bench(mcu)
    bench.pulse.start(10_000)
    gc.collect()
    assert bench.on
    bench.pulse.stop()
    bench.pulse.start(1000)
    gc.collect()
    assert bench.on
    bench.pulse.stop()
    gc.collect()
    assert not bench.world.wrong


def test_a_program_that_ends_leaves_its_pulse_to_nobody_and_says_when_it_is_over():
    bench = Bench()
    bench.pulse.start(1000)
    bench.pulse.stop()
    world = bench.world
    del bench
    gc.collect()
    (kept,) = rmt_pulse.made
    assert kept.plays()
    world.advance(1001)
    assert not kept.plays()
    assert not world.wrong


def test_the_model_knows_what_the_garbage_collector_would_do():
    world = World(0)
    pad = Coil(world).pad
    channel = world.rmt(pin=pad, resolution_hz=312_500)
    channel.write_pulses(30_000, (1,))
    del channel
    gc.collect()
    assert world.wrong == "a channel was ended that plays"


@pytest.mark.parametrize("mcu", MCUS)
def test_channels_are_given_back(mcu):
    bench = Bench(mcu)
    for _ in range(50):
        assert bench.pulse.start(100)
        bench.world.advance(40)
        bench.pulse.stop()
        bench.world.advance(80)
    assert len(bench.world.rmt.channels) == 1
    assert not bench.world.wrong


def test_without_room_nothing_changes_and_the_driver_is_asked_once():
    bench = Bench()
    for _ in range(8):
        assert bench.pulse.start(10_000)
        bench.world.advance(100)
    assert len(bench.asked) == 8
    calls = []
    bench.pulse._rmt = lambda **settings: calls.append(settings) or bench.make(**settings)
    assert not bench.pulse.start(10_000)
    assert not bench.pulse.start(10_000)
    assert len(calls) == 1
    assert bench.on
    bench.pulse.stop()
    assert not bench.pulse.start(10_000)
    assert not bench.on
    bench.world.advance(9200)  # the first has played
    assert bench.pulse.start(5000)
    assert bench.on
    assert not bench.world.wrong


def test_channels_that_have_played_are_ended_in_a_pulse_only_where_that_makes_room():
    bench = Bench()
    assert bench.pulse.start(1000)
    assert bench.pulse.start(40_000)
    bench.world.advance(2000)
    assert not bench.pulse.start(60_000)  # five blocks: four are free in a row, and the first
    assert bench.on
    assert len(bench.world.rmt.channels) == 2
    assert bench.pulse.start(1000)
    assert bench.on
    assert len(bench.world.rmt.channels) == 2


def test_a_pin_never_floats_after_a_start():
    bench = Bench(safe=True)  # the resistor outside pulls to "on"
    assert bench.pulse.start(1000)
    bench.pulse.stop()
    assert bench.pulse.start(60_000)
    bench.pulse.stop()
    bench.world.advance(2000)
    assert not bench.pulse.start(60_000)
    assert len(bench.world.rmt.channels) == 1
    assert not bench.on


@pytest.mark.parametrize("mcu", [mcu for mcu in MCUS if CHIPS[mcu]["stops"]])
def test_a_chip_that_can_end_what_plays_needs_one_channel(mcu):
    bench = Bench(mcu)
    for _ in range(10):
        assert bench.pulse.start(10_000)
        bench.world.advance(100)
    assert len(bench.world.rmt.channels) == 1


def test_room_for_a_shorter_pulse_is_found():
    bench = Bench()
    assert bench.pulse.start(60_000)
    bench.pulse.stop()
    assert not bench.pulse.start(60_000)
    assert bench.pulse.start(30_000)
    bench.pulse.stop()
    assert not bench.world.wrong


def test_memory_that_somebody_else_has_is_an_error():
    bench = Bench()
    other = [bench.world.rmt(pin=Coil(bench.world).pad, resolution_hz=312_500) for _ in range(8)]
    with pytest.raises(OSError, match="ESP_ERR_NOT_FOUND"):
        bench.pulse.start(1000)
    assert not bench.on
    other.pop().deinit()
    assert bench.pulse.start(1000)


@pytest.mark.parametrize("error", [OSError(12), OSError(-0x102, "INVALID_ARG"), MemoryError(), KeyboardInterrupt()])
@pytest.mark.parametrize("place", ["making", "playing"])
@pytest.mark.parametrize("active", [0, 1])
@pytest.mark.parametrize("mcu", MCUS)
def test_an_error_leaves_the_pin_off_and_the_next_pulse_works(mcu, active, place, error, monkeypatch):
    bench = Bench(mcu, active)
    bench.pulse.start(500)

    def fails(channel, ticks, levels):
        raise error

    with monkeypatch.context() as patch:
        if place == "making":
            patch.setattr(bench.world.rmt, "broken", error)
        else:
            patch.setattr(RMT, "write_pulses", fails)
        with pytest.raises(type(error)):
            bench.pulse.start(1000)
    assert not bench.on
    bench.world.advance(100)
    bench.coil.stretches.clear()
    assert bench.pulse.start(1000)
    bench.world.advance(5000)
    assert [until - since for since, until in bench.coil.stretches] == [1000]
    assert not bench.world.wrong


@pytest.mark.parametrize("safe", [False, True])
@pytest.mark.parametrize("mcu", MCUS)
def test_no_channel_is_ever_without_a_place(mcu, safe, monkeypatch):
    """One that memory ran out for would be ended by the collector later, and its pin float."""
    bench = Bench(mcu, 0 if safe else 1, safe)
    made = []

    def making(**settings):
        made.append(bench.world.rmt(**settings))
        assert bench.pulse._channels[-1] == [None, settings["num_symbols"]]
        return made[-1]

    bench.pulse._rmt = making
    assert bench.pulse.start(1000)
    assert [channel for channel, _ in bench.pulse._channels] == made


# The model


@pytest.mark.parametrize("mcu", MCUS)
def test_the_model_refuses_what_the_chip_does(mcu):
    world = World(0, mcu)
    pad = Coil(world).pad
    words = CHIPS[mcu]["words"]
    for symbols in (words - 2, words + 1):
        with pytest.raises(ValueError, match="num_symbols must be even"):
            world.rmt(pin=pad, resolution_hz=HZ[mcu], num_symbols=symbols)
    with pytest.raises(ValueError, match="no divider"):
        world.rmt(pin=pad, resolution_hz=311_000 if mcu == "esp32" else 1200)
    channel = world.rmt(pin=pad, resolution_hz=HZ[mcu])
    for ticks in (0, HALF_MAX + 1):
        with pytest.raises(ValueError, match="half a symbol"):
            channel.write_pulses(ticks, (1,))
    with pytest.raises(ValueError, match="refills"):
        channel.write_pulses(100, (1,) * (2 * words - 1))
    channel.write_pulses(100, (1,) * (2 * words - 2))
    with pytest.raises(RuntimeError, match="would block"):
        channel.write_pulses(100, (1,))
    channel.deinit()
    assert (world.wrong != "") == (mcu == "esp32")


def test_the_model_finds_blocks_in_a_row_as_the_driver_does():
    rmt = Rmt(CHIPS["esp32"], lambda: 0, lambda: None)
    pad = Coil(World(0)).pad
    first, second, third = (rmt(pin=pad, resolution_hz=312_500, num_symbols=symbols) for symbols in (192, 64, 256))
    assert [list(channel.blocks) for channel in rmt.channels] == [[0, 1, 2], [3], [4, 5, 6, 7]]
    first.deinit()
    with pytest.raises(OSError, match="NOT_FOUND") as refusal:
        rmt(pin=pad, resolution_hz=312_500, num_symbols=194)
    assert refusal.value.errno == NOT_FOUND
    second.deinit()
    assert rmt(pin=pad, resolution_hz=312_500, num_symbols=194)._channel.blocks == range(4)
    third.deinit()


def test_only_opening_takes_a_pin_from_a_channel():
    world = World(0)
    coil = Coil(world)
    coil.pad.init(coil.pad.OUT, value=0)
    channel = world.rmt(pin=coil.pad, resolution_hz=312_500)
    channel.write_pulses(30_000, (1,))
    coil.pad.value(0)
    assert coil.driven
    coil.pad.init(value=0)
    assert coil.driven
    coil.pad.init(coil.pad.OUT, value=0)
    assert not coil.driven
    world.advance(1000)
    channel.deinit()
    coil.pad.value(1)
    assert not coil.driven, "it floats until it is opened"
    coil.pad.init(coil.pad.OUT)
    assert coil.driven
