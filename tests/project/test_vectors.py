"""The vector files: each is what its generator makes, and holds in CPython and in MicroPython alike."""

import importlib
import json

import pytest

from tests.support import make_vectors, micropython

EXPECTED = {"codes", "link", "noise", "odds", "schedules", "verdicts", "zones"}
NAMES = make_vectors.everything()


def test_every_contract_has_vectors():
    assert set(NAMES) >= EXPECTED


@pytest.mark.parametrize("name", NAMES)
def test_is_what_the_generator_makes(name):
    unable = getattr(importlib.import_module(f"tests.generators.{name}"), "unable", None)
    if unable and unable():
        pytest.skip(unable())
    assert make_vectors.faults(name) == []


@pytest.mark.parametrize("name", NAMES)
def test_holds_on_both_interpreters(name):
    path = make_vectors.VECTORS / f"{name}.json"
    vectors = json.loads(path.read_text(encoding="utf-8"))
    count = importlib.import_module(f"tests.dual.checks.{name}").check(vectors)
    assert count > 0
    script = micropython.ROOT / "tests" / "dual" / "support" / "run_check.py"
    output = micropython.run(script, name, path, heap="128m", timeout=120)
    assert int(output) == count


def altered(value, count):
    """Yield copies of the vectors, each with one number or text changed, at about `count` places all over."""
    places = []

    def walk(node, path):
        if isinstance(node, (dict, list)):
            for key in node if isinstance(node, dict) else range(len(node)):
                walk(node[key], [*path, key])
        elif isinstance(node, str) or type(node) is int:
            places.append(path)

    walk(value, [])
    for path in places[len(places) // count // 2 :: max(1, len(places) // count)]:
        copy = json.loads(json.dumps(value))
        spot = copy
        for key in path[:-1]:
            spot = spot[key]
        old = spot[path[-1]]
        spot[path[-1]] = old + 1 if isinstance(old, int) else old[:-1] + ("0" if old[-1:] != "0" else "1")
        yield copy


@pytest.mark.parametrize("name", NAMES)
def test_the_check_notices_changed_vectors(name):
    check = importlib.import_module(f"tests.dual.checks.{name}").check
    vectors = json.loads((make_vectors.VECTORS / f"{name}.json").read_text(encoding="utf-8"))
    noticed = []
    for copy in altered(vectors, 8):
        try:
            check(copy)
        except (ValueError, KeyError, IndexError):
            noticed.append(True)
        else:
            noticed.append(False)
    # Not all: a changed label is nothing, and a changed question may have the same answer.
    assert sum(noticed) * 4 > len(noticed)


def test_a_stray_file_is_found(tmp_path):
    (tmp_path / "stray.json").write_text("{}\n", encoding="utf-8")
    assert "stray" in make_vectors.everything(tmp_path)
    assert "no generator" in make_vectors.faults("stray", tmp_path)[0]


def test_a_missing_and_an_edited_file_are_found(tmp_path):
    name = min(make_vectors.names())
    assert "missing" in make_vectors.faults(name, tmp_path)[0]
    text = make_vectors.build(name)
    (tmp_path / f"{name}.json").write_text(text.replace("0", "1", 1), encoding="utf-8")
    assert "differs" in make_vectors.faults(name, tmp_path)[0]
    (tmp_path / f"{name}.json").write_text(text, encoding="utf-8")
    assert make_vectors.faults(name, tmp_path) == []


def test_layout_puts_one_case_a_line_and_changes_nothing():
    value = {
        "b": [{"y": 1, "x": [1, 2]}, {"x": "é"}],
        "a": [1, 2],
        "c": {"k": [["r" * 300], ["s" * 300]]},
        "d": [],
    }
    text = make_vectors.layout(value)
    assert json.loads(text) == value
    assert text.splitlines()[:5] == [
        "{",
        ' "a": [1, 2],',
        ' "b": [',
        '  {"x": [1, 2], "y": 1},',
        '  {"x": "\\u00e9"}',
    ]
