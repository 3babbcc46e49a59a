"""Finding a MicroPython that can run the firmware."""

import sys
from pathlib import Path

import pytest

from tumbler.simulator.micropython import NoMicroPython, check, find


def program(folder, text):
    folder.mkdir(exist_ok=True)
    path = folder / "micropython"
    path.write_text(f"#!{sys.executable}\n{text}\n", encoding="utf-8")
    path.chmod(0o700)
    return str(path)


def test_micropython_is_found_and_checked():
    assert check(find()) >= (1, 24)


def test_the_variable_wins_then_the_neighbour_then_the_path(tmp_path):
    answer = "print('micropython|[1, {}]|[]')"
    named = program(tmp_path / "named", answer.format(30))
    beside = program(tmp_path / "beside", answer.format(31))
    on_path = program(tmp_path / "path", answer.format(32))
    python = str(tmp_path / "beside" / "python")
    path = str(Path(on_path).parent)
    assert find({"MICROPYTHON": named, "PATH": path}, python) == named
    assert find({"MICROPYTHON": "", "PATH": path}, python) == beside
    assert find({"PATH": path}, str(tmp_path / "elsewhere" / "python")) == on_path


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("print('micropython|[1, 23]|[]')", "too old"),
        ("print('cpython|[3, 11]|[]')", "not MicroPython"),
        ("print('micropython|[1, 27]|[\\'vfs.VfsLfs2\\']')", "vfs.VfsLfs2"),
        ("print('hello')", "does not answer"),
        ("raise SystemExit(1)", "does not answer"),
    ],
)
def test_an_unsuitable_micropython_is_refused_with_a_way_out(tmp_path, text, word):
    with pytest.raises(NoMicroPython) as caught:
        find({"MICROPYTHON": program(tmp_path / "bin", text), "PATH": ""})
    assert word in caught.value.what
    assert "1.24" in caught.value.remedy


def test_no_micropython_says_what_to_install(tmp_path):
    for variables in ({"PATH": str(tmp_path)}, {"MICROPYTHON": str(tmp_path / "none"), "PATH": ""}):
        with pytest.raises(NoMicroPython) as caught:
            find(variables, str(tmp_path / "python"))
        assert "MICROPYTHON" in caught.value.remedy
