"""`tumbler board`: list, check, show, energy."""

import json

import pytest

from tumbler.cli.main import main
from tumbler.hardware import boards, energy, rules


def run(capsys, *arguments):
    """Return (status, standard output, standard error)."""
    try:
        status = main(["board", *arguments])
    except SystemExit as leaving:
        status = leaving.code or 0
    answer = capsys.readouterr()
    return status, answer.out, answer.err


def test_list(capsys):
    status, out, _ = run(capsys, "list")
    assert status == 0
    assert [line.split("\t")[0] for line in out.splitlines()[1:]] == boards.names()
    status, out, _ = run(capsys, "list", "--json")
    rows = json.loads(out)
    assert [row["name"] for row in rows] == boards.names()
    assert {row["chip"] for row in rows if row["flashable"]} == {"ESP32", "ESP32-S3", "ESP32-C3", "ESP32-C6"}


def test_check(capsys, tmp_path):
    status, out, err = run(capsys, "check", "esp32c3-devkitm")
    assert status == 0
    assert "'esp32c3-devkitm' is a board that can be built" in out
    assert "boot button" in err
    path = tmp_path / "board.json"
    description = boards.load("esp32-devkitc").description
    description["led"]["pin"] = 6
    path.write_text(json.dumps(description), encoding="utf-8")
    status, out, _ = run(capsys, "check", str(path))
    assert status == 1
    assert out == "led.pin: GPIO 6: the flash takes it on an ESP32. Take another pin.\n"
    status, out, _ = run(capsys, "check", str(path), "--json")
    assert status == 1
    assert json.loads(out)["possible"] is False
    status, out, err = run(capsys, "check", "nothing")
    assert status == 1
    assert out == ""
    assert "There is no board 'nothing'." in err


def test_a_closed_console_needs_a_button():
    description = boards.load("esp32-devkitc").description
    description["console"] = False
    assert rules.check(description).errors == []
    del description["button"]
    (error,) = rules.check(description).errors
    assert error.startswith("console: false")
    assert "Add the part button" in error


@pytest.mark.parametrize(("name", "pin"), [("esp32-devkitc", 0), ("esp32s3-devkitc", 0), ("esp32c3-devkitm", 9)])
def test_a_closed_console_needs_a_button_that_can_be_held_during_a_start(name, pin):
    description = boards.load(name).description
    description["button"] = {"pin": pin}
    assert not any("console" in error for error in rules.check(description).errors)
    description["console"] = False
    (error,) = (error for error in rules.check(description).errors if error.startswith("console"))
    assert f"held at GPIO {pin} it starts the chip's own start code" in error


def test_the_c3_can_be_closed_with_a_button_of_its_own():
    board = boards.load("esp32c3-devkitm")
    description = {**board.description, "console": False, "button": {"pin": 1}}
    del description["exit"]
    description["power"]["wake"] = [3]
    assert rules.check(description, board.headers).errors == []


@pytest.mark.parametrize(
    "path", ["/", "/a", "/b", "/lib", "/loader", "/loader_old", "/lib_new", "/tumbler_lock", "/slot", "/main", "/boot"]
)
def test_the_memory_is_not_put_where_the_firmware_is(path):
    (error,) = rules.check({**boards.load("esp32-devkitc").description, "storage": path}).errors
    assert error.startswith("storage: ")


@pytest.mark.parametrize(
    "path", ["lock", "/lock/", "/lock/one", "/../lock", "/boot.py", "/board.json", "/a/tumbler_lock", "//"]
)
def test_the_memory_is_one_folder_of_the_root(path):
    (error,) = rules.check({**boards.load("esp32-devkitc").description, "storage": path}).errors
    assert error.startswith("storage: must be")


@pytest.mark.parametrize("name", boards.names())
def test_show(capsys, name):
    status, out, _ = run(capsys, "show", name)
    assert status == 0
    for use in rules.uses(boards.load(name).description):
        onboard = (boards.load(name).headers or {}).get("onboard", {})
        assert f"GPIO {use.pin}\n" in out or onboard.get(str(use.pin)) == use.where.split(".")[0]
    _, out, _ = run(capsys, "show", name, "--json")
    shown = json.loads(out)
    assert shown["description"] == boards.load(name).description
    assert shown["pins_used"] == len(rules.uses(shown["description"]))


def test_a_folder_of_ones_own_is_a_board_everywhere(capsys, tmp_path):
    description = boards.load("esp32s3-devkitc").description
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "board.json").write_text(json.dumps(description), encoding="utf-8")
    for command in ("check", "show", "energy"):
        assert run(capsys, command, str(tmp_path / "mine"))[0] == 0, command
    status, _, err = run(capsys, "check", str(tmp_path))
    assert status == 1
    assert "a folder with a board.json" in err


@pytest.mark.parametrize("kind", ["solenoid", "motor"])
def test_no_battery_goes_to_3v3_where_the_headers_are_not_known(capsys, tmp_path, kind):
    description = boards.load("esp32s3-devkitc").description
    if kind == "motor":
        description["bolt"] = {"kind": "motor", "open": 21, "close": 48, "opened": 11, "closed": 12}
    path = tmp_path / "board.json"
    path.write_text(json.dumps(description), encoding="utf-8")
    status, out, _ = run(capsys, "show", str(path))
    assert status == 0
    rows = [line.split("\t") for line in out.splitlines() if line.count("\t") == 2]
    fed = {place for part, terminal, place in rows if ("attery" in part and "+" in terminal) or terminal == "VM"}
    assert fed == {"5V"}
    assert "None" not in out
    assert not {"OUT1", "OUT2", "drain"} & {row[1] for row in rows}  # they stay inside


def test_an_impossible_board_is_not_shown(capsys, tmp_path):
    path = tmp_path / "board.json"
    path.write_text("{}", encoding="utf-8")
    for command in ("show", "energy"):
        status, out, err = run(capsys, command, str(path))
        assert (status, out) == (1, "")
        assert "name: is missing" in err


@pytest.mark.parametrize("name", ["esp32-devkitc", "esp32c3-devkitm"])
def test_energy_says_when_a_board_is_on_the_mains(capsys, name):
    battery = boards.load(name).description.get("power", {}).get("battery", False)
    assert ("on the mains" in run(capsys, "energy", name)[2]) is not battery


def test_energy(capsys):
    status, out, _ = run(capsys, "energy", "esp32c3-devkitm")
    assert status == 0
    day = energy.account(boards.load("esp32c3-devkitm").description)
    assert f"together\t{day.uah:,.0f}\n" in out
    _, out, _ = run(capsys, "energy", "esp32c3-devkitm", "--json")
    told = json.loads(out)
    assert told["sleep"] == "light"
    assert told["days"] == round(day.days)
    assert told["variants"]["sleep: light"] == told["days"]
    assert told["assumed"]["entries"] == 20
