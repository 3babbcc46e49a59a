"""aioble's faults, each shown in aioble and then in the driver that lives with it (docs/spec/bluetooth.md, "Traps").

The scenarios are in tests/dual/on_micropython/radio.py, one MicroPython run each. They run on the project's stand-in
for
aioble, or on the real package when TUMBLER_AIOBLE names the folder that holds it.
"""

import re

from tests.support import micropython

SCRIPT = micropython.ROOT / "tests" / "dual" / "on_micropython" / "radio.py"


def scenario(name):
    """Run one; return what it printed before its last word."""
    *lines, last = micropython.run(SCRIPT, name, heap="1m").splitlines()
    assert last == "done"
    return lines


def test_every_scenario_is_run():
    defined = re.findall(r"^async def ((?:fault|trap|what)_\w+)\(air\)", SCRIPT.read_text(), re.MULTILINE)
    run = re.findall(
        r'scenario\("(\w+)"\)', (micropython.ROOT / "tests" / "host" / "simulator" / "test_fake_aioble.py").read_text()
    )
    assert len(defined) > 30
    assert sorted(defined) == sorted(run)


def test_fault_values_are_cut_at_20_bytes():
    assert scenario("fault_values_are_cut_at_20_bytes") == []


def test_trap_values_are_whole():
    assert scenario("trap_values_are_whole") == []


def test_trap_longer_values_are_broken():
    assert scenario("trap_longer_values_are_broken") == []


def test_fault_notifications_are_cut_at_the_mtu():
    assert scenario("fault_notifications_are_cut_at_the_mtu") == []


def test_trap_no_notification_is_cut():
    assert scenario("trap_no_notification_is_cut") == []


def test_trap_the_mtu_changes_in_mid_connection():
    assert scenario("trap_the_mtu_changes_in_mid_connection") == []


def test_fault_the_mtu_is_none_until_the_client_asks():
    assert scenario("fault_the_mtu_is_none_until_the_client_asks") == []


def test_fault_ten_writes_are_kept():
    assert scenario("fault_ten_writes_are_kept") == []


def test_trap_what_is_kept_comes_in_order():
    assert scenario("trap_what_is_kept_comes_in_order") == []


def test_fault_writes_outlive_their_connection():
    assert scenario("fault_writes_outlive_their_connection") == []


def test_trap_a_client_gets_only_its_own_writes():
    assert scenario("trap_a_client_gets_only_its_own_writes") == []


def test_fault_a_stale_handle_writes_without_a_connection():
    assert scenario("fault_a_stale_handle_writes_without_a_connection") == []


def test_trap_a_write_without_a_connection_is_broken():
    assert scenario("trap_a_write_without_a_connection_is_broken") == []


def test_trap_a_write_of_another_link_is_broken():
    assert scenario("trap_a_write_of_another_link_is_broken") == []


def test_fault_a_disconnection_does_not_end_the_wait():
    assert scenario("fault_a_disconnection_does_not_end_the_wait") == []


def test_trap_a_disconnection_ends_the_wait():
    assert scenario("trap_a_disconnection_ends_the_wait") == []


def test_fault_no_time_means_for_ever():
    assert scenario("fault_no_time_means_for_ever") == []


def test_trap_no_time_is_no_time():
    assert scenario("trap_no_time_is_no_time") == []


def test_trap_a_value_in_the_last_moment_is_not_lost():
    assert scenario("trap_a_value_in_the_last_moment_is_not_lost") == []


def test_fault_notifying_the_dead_is_a_type_error():
    assert scenario("fault_notifying_the_dead_is_a_type_error") == []


def test_trap_notifying_the_dead_is_gone():
    assert scenario("trap_notifying_the_dead_is_gone") == []


def test_fault_a_burst_runs_out_of_buffers():
    assert scenario("fault_a_burst_runs_out_of_buffers") == []


def test_trap_a_burst_waits_for_buffers():
    assert scenario("trap_a_burst_waits_for_buffers") == []


def test_trap_a_client_that_takes_nothing_is_gone():
    assert scenario("trap_a_client_that_takes_nothing_is_gone") == []


def test_fault_a_cancelled_advertise_returns_none():
    assert scenario("fault_a_cancelled_advertise_returns_none") == []


def test_trap_a_cancelled_accept_leaves_no_ghost():
    assert scenario("trap_a_cancelled_accept_leaves_no_ghost") == []


def test_fault_a_wait_that_times_out_never_sees_the_end():
    assert scenario("fault_a_wait_that_times_out_never_sees_the_end") == []


def test_trap_close_waits_as_long_as_it_takes():
    assert scenario("trap_close_waits_as_long_as_it_takes") == []


def test_trap_no_advertising_while_a_client_is_there():
    assert scenario("trap_no_advertising_while_a_client_is_there") == []


def test_fault_a_fifth_link_is_an_error():
    assert scenario("fault_a_fifth_link_is_an_error") == []


def test_trap_a_fifth_link_is_no_radio():
    assert scenario("trap_a_fifth_link_is_no_radio") == []


def test_fault_a_stop_breaks_characteristics():
    assert scenario("fault_a_stop_breaks_characteristics") == []


def test_trap_services_are_built_anew():
    assert scenario("trap_services_are_built_anew") == []


def test_trap_a_radio_that_does_not_start():
    assert scenario("trap_a_radio_that_does_not_start") == []


def test_trap_whatever_aioble_raises():
    assert scenario("trap_whatever_aioble_raises") == []


def test_what_is_advertised():
    # Flags 06; the 128-bit service, last byte first. Name; company ffff and the lock id. 21 and 31 bytes.
    assert scenario("what_is_advertised") == [
        "02010611070d01bd8c59e99f96a64053f4f1abc61d"
        " 120966726f6e7420646f6f72206c6f636b21210bffffff0001020304050607"
        " 247 front door lock!! 250000"
    ]


def test_what_is_served():
    ours = "1dc6abf{}-f453-40a6-969f-e9598cbd010d"
    assert scenario("what_is_served") == [
        f"{ours.format(1)} {ours.format(2)} 8 ",
        f"{ours.format(1)} {ours.format(3)} 16 ",
        "180a 2a29 2 54756d626c6572",  # Tumbler
        "180a 2a24 2 74657374",  # test
        "180a 2a26 2 31",  # 1
        "180f 2a19 18 37",  # 55
    ]
